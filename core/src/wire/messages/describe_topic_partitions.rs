//! DescribeTopicPartitions: topics page by page.

use alloc::vec::Vec;

use crate::wire::{Str, Uuid};

message! {
    /// Asks for topics, or all, from a cursor on.
    request DescribeTopicPartitions = 75, versions 0..=0, flexible 0..;
    struct DescribeTopicPartitionsRequest {
        topics: Vec<TopicRequest>,
        response_partition_limit: i32 = 2000,
        cursor: Option<Cursor>,
    }
    struct TopicRequest {
        name: Str,
    }
    struct Cursor {
        topic_name: Str,
        partition_index: i32,
    }
}

message! {
    /// Topics by name, partitions by index, and where to go on.
    response DescribeTopicPartitions = 75, versions 0..=0, flexible 0..;
    struct DescribeTopicPartitionsResponse {
        throttle_time_ms: i32,
        topics: Vec<DescribeTopicPartitionsResponseTopic>,
        next_cursor: Option<Cursor>,
    }
    struct DescribeTopicPartitionsResponseTopic {
        error_code: i16,
        name: Option<Str>,
        topic_id: Uuid,
        is_internal: bool,
        partitions: Vec<DescribeTopicPartitionsResponsePartition>,
        topic_authorized_operations: i32 = i32::MIN,
    }
    struct DescribeTopicPartitionsResponsePartition {
        error_code: i16,
        partition_index: i32,
        leader_id: i32,
        leader_epoch: i32 = -1,
        replica_nodes: Vec<i32>,
        isr_nodes: Vec<i32>,
        eligible_leader_replicas: Option<Vec<i32>>,
        last_known_elr: Option<Vec<i32>>,
        offline_replicas: Vec<i32>,
    }
}
