//! DescribeTopicPartitions: topics page by page.

use alloc::vec::Vec;

use crate::{BrokerIds, Str, Uuid};

message! {
    /// Asks for topics, or all where none is named, from a cursor on (KIP-966).
    request DescribeTopicPartitions = 75, versions 0..=0, flexible 0..;
    struct DescribeTopicPartitionsRequest {
        topics: Vec<TopicRequest>,
        /// Of all topics together; the broker has one of its own.
        response_partition_limit: i32 = 2000,
        /// As the last answer gave it; null for the first page.
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
        /// Null on the last page.
        next_cursor: Option<Cursor>,
    }
    struct DescribeTopicPartitionsResponseTopic {
        error_code: i16,
        name: Option<Str>,
        topic_id: Uuid,
        is_internal: bool,
        partitions: Vec<DescribeTopicPartitionsResponsePartition>,
        /// One bit an operation, by its number in ACLs.
        topic_authorized_operations: i32 = i32::MIN,
    }
    struct DescribeTopicPartitionsResponsePartition {
        error_code: i16,
        partition_index: i32,
        /// -1 where there is none.
        leader_id: i32,
        leader_epoch: i32 = -1,
        replica_nodes: BrokerIds,
        /// The replicas in sync.
        isr_nodes: BrokerIds,
        /// Not in sync, but with all committed records; null where there are none.
        eligible_leader_replicas: Option<BrokerIds>,
        /// Those that were it before an unclean end; null where there are none.
        last_known_elr: Option<BrokerIds>,
        /// Those whose broker or directory is not available.
        offline_replicas: BrokerIds,
    }
}
