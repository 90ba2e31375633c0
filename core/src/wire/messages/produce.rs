//! Produce: appending records.

use alloc::vec::Vec;

use crate::wire::{Records, Str, Uuid};

message! {
    /// Appends one record set a partition. Flexible since v9, topic ids since v13.
    request Produce = 0, versions 3..=13, flexible 9..;
    struct ProduceRequest {
        transactional_id: Option<Str>,
        acks: i16,
        timeout_ms: i32,
        topic_data: Vec<TopicProduceData>,
    }
    struct TopicProduceData {
        name: Str [..=12],
        topic_id: Uuid [13..],
        partition_data: Vec<PartitionProduceData>,
    }
    struct PartitionProduceData {
        index: i32,
        records: Option<Records>,
    }
}

message! {
    /// Where the records went. Which records were at fault since v8, the new leader since v10.
    response Produce = 0, versions 3..=13, flexible 9..;
    struct ProduceResponse {
        responses: Vec<TopicProduceResponse>,
        throttle_time_ms: i32,
        node_endpoints: Vec<NodeEndpoint> [10.. tag 0],
    }
    struct TopicProduceResponse {
        name: Str [..=12],
        topic_id: Uuid [13..],
        partition_responses: Vec<PartitionProduceResponse>,
    }
    struct PartitionProduceResponse {
        index: i32,
        error_code: i16,
        base_offset: i64,
        log_append_time_ms: i64 = -1,
        log_start_offset: i64 [5..] = -1,
        record_errors: Vec<BatchIndexAndErrorMessage> [8..],
        error_message: Option<Str> [8..],
        current_leader: LeaderIdAndEpoch [10.. tag 0],
    }
    struct BatchIndexAndErrorMessage {
        batch_index: i32,
        batch_index_error_message: Option<Str>,
    }
    struct LeaderIdAndEpoch {
        leader_id: i32 = -1,
        leader_epoch: i32 = -1,
    }
    struct NodeEndpoint {
        node_id: i32,
        host: Str,
        port: i32,
        rack: Option<Str>,
    }
}
