//! Metadata: where topics and partitions are.

use alloc::vec::Vec;

use crate::wire::{Str, Uuid};

message! {
    /// Asks for topics: null for all since v1 (an empty list in v0), by id since v10.
    request Metadata = 3, versions 0..=13, flexible 9..;
    struct MetadataRequest {
        topics: Option<Vec<MetadataRequestTopic>> [nullable 1..] = Some(Vec::new()),
        allow_auto_topic_creation: bool [4..] = true,
        include_cluster_authorized_operations: bool [8..=10],
        include_topic_authorized_operations: bool [8..],
    }
    struct MetadataRequestTopic {
        topic_id: Uuid [10..],
        name: Option<Str> [nullable 10..] = Some(Str::default()),
    }
}

message! {
    /// Brokers, topics and partitions. Flexible since v9, topic ids since v10, an error for the whole since v13.
    response Metadata = 3, versions 0..=13, flexible 9..;
    struct MetadataResponse {
        throttle_time_ms: i32 [3..],
        brokers: Vec<MetadataResponseBroker>,
        cluster_id: Option<Str> [2..],
        controller_id: i32 [1..] = -1,
        topics: Vec<MetadataResponseTopic>,
        cluster_authorized_operations: i32 [8..=10] = i32::MIN,
        error_code: i16 [13..],
    }
    struct MetadataResponseBroker {
        node_id: i32,
        host: Str,
        port: i32,
        rack: Option<Str> [1..],
    }
    struct MetadataResponseTopic {
        error_code: i16,
        name: Option<Str> [nullable 12..] = Some(Str::default()),
        topic_id: Uuid [10..],
        is_internal: bool [1..],
        partitions: Vec<MetadataResponsePartition>,
        topic_authorized_operations: i32 [8..] = i32::MIN,
    }
    struct MetadataResponsePartition {
        error_code: i16,
        partition_index: i32,
        leader_id: i32,
        leader_epoch: i32 [7..] = -1,
        replica_nodes: Vec<i32>,
        isr_nodes: Vec<i32>,
        offline_replicas: Vec<i32> [5..],
    }
}
