//! Metadata: where topics and partitions are.

use alloc::vec::Vec;

use crate::{BrokerIds, Str, Uuid};

message! {
    /// Asks for topics: null for all since v1 (an empty list in v0), by id since v10.
    request Metadata = 3, versions 0..=13, flexible 9..;
    struct MetadataRequest {
        /// Null for all; in v0, which has no null, empty for all.
        topics: Option<Vec<MetadataRequestTopic>> [nullable 1..] = Some(Vec::new()),
        /// Topics that do not exist are created, where `auto.create.topics.enable` allows it.
        allow_auto_topic_creation: bool [4..] = true,
        include_cluster_authorized_operations: bool [8..=10],
        include_topic_authorized_operations: bool [8..],
    }
    struct MetadataRequestTopic {
        /// Zero where the name says it.
        topic_id: Uuid [10..],
        /// Null where the id says it.
        name: Option<Str> [nullable 10..] = Some(Str::default()),
    }
}

message! {
    /// Brokers, topics and partitions. Flexible since v9, topic ids since v10, an error for the whole since v13.
    response Metadata = 3, versions 0..=13, flexible 9..;
    struct MetadataResponse {
        throttle_time_ms: i32 [3..],
        brokers: Vec<MetadataResponseBroker>,
        /// Null where it is unknown.
        cluster_id: Option<Str> [2..],
        /// Where requests for the controller may be sent; -1 where it is unknown.
        controller_id: i32 [1..] = -1,
        topics: Vec<MetadataResponseTopic>,
        /// One bit an operation, by its number in ACLs; `i32::MIN` when not asked for.
        cluster_authorized_operations: i32 [8..=10] = i32::MIN,
        error_code: i16 [13..],
    }
    struct MetadataResponseBroker {
        node_id: i32,
        host: Str,
        port: i32,
        /// Null where the broker is in none.
        rack: Option<Str> [1..],
    }
    struct MetadataResponseTopic {
        error_code: i16,
        /// Null where an id was asked for that does not exist.
        name: Option<Str> [nullable 12..] = Some(Str::default()),
        /// Zero where a name was asked for that does not exist.
        topic_id: Uuid [10..],
        is_internal: bool [1..],
        partitions: Vec<MetadataResponsePartition>,
        /// One bit an operation, by its number in ACLs; `i32::MIN` when not asked for.
        topic_authorized_operations: i32 [8..] = i32::MIN,
    }
    struct MetadataResponsePartition {
        error_code: i16,
        partition_index: i32,
        /// -1 where there is none.
        leader_id: i32,
        /// -1 where it is unknown.
        leader_epoch: i32 [7..] = -1,
        replica_nodes: BrokerIds,
        /// The replicas in sync.
        isr_nodes: BrokerIds,
        /// Those whose broker or directory is not available.
        offline_replicas: BrokerIds [5..],
    }
}
