//! Produce: appending records.

use alloc::vec::Vec;

use crate::{Records, Str, Uuid};

message! {
    /// Appends one record set a partition. zstd since v7 (KIP-110), flexible since v9, TRANSACTION_ABORTABLE since v11;
    /// since v12 the broker adds the partitions to the transaction by itself (KIP-890); topic ids since v13 (KIP-516).
    request Produce = 0, versions 3..=13, flexible 9..;
    struct ProduceRequest {
        /// Null outside of transactions.
        transactional_id: Option<Str>,
        /// When to answer: 0 never, 1 when the leader has the records, -1 when all replicas in sync have them.
        acks: i16,
        /// How long to wait for the other replicas.
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
        /// One batch of format 2; null and empty are refused.
        records: Option<Records>,
    }
}

message! {
    /// Where the records went. Which records were at fault since v8 (KIP-467), the new leader since v10 (KIP-951).
    response Produce = 0, versions 3..=13, flexible 9..;
    struct ProduceResponse {
        responses: Vec<TopicProduceResponse>,
        throttle_time_ms: i32,
        /// Where the leaders are of partitions that this broker does not lead.
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
        /// Of the first record; -1 on an error.
        base_offset: i64,
        /// The broker's time in all records of the batch; -1 where they keep their own.
        log_append_time_ms: i64 = -1,
        /// -1 where it is unknown.
        log_start_offset: i64 [5..] = -1,
        /// The records for which the batch was refused.
        record_errors: Vec<BatchIndexAndErrorMessage> [8..],
        /// What those have in common.
        error_message: Option<Str> [8..],
        current_leader: LeaderIdAndEpoch [10.. tag 0],
    }
    struct BatchIndexAndErrorMessage {
        /// Which record of the batch, from 0.
        batch_index: i32,
        batch_index_error_message: Option<Str>,
    }
    struct LeaderIdAndEpoch {
        /// -1 where it is unknown.
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
