//! AlterPartition: a leader tells the controller who is in sync.

use alloc::vec::Vec;

use crate::wire::Uuid;

message! {
    /// A leader tells the controller who is in sync.
    request AlterPartition = 56, versions 2..=3, flexible 0..;
    struct AlterPartitionRequest {
        broker_id: i32,
        broker_epoch: i64 = -1,
        topics: Vec<TopicData>,
    }
    struct TopicData {
        topic_id: Uuid,
        partitions: Vec<PartitionData>,
    }
    struct PartitionData {
        partition_index: i32,
        leader_epoch: i32,
        new_isr: Vec<i32> [..=2],
        new_isr_with_epochs: Vec<BrokerState> [3..],
        leader_recovery_state: i8,
        partition_epoch: i32,
    }
    struct BrokerState {
        broker_id: i32,
        broker_epoch: i64 = -1,
    }
}

message! {
    /// A leader tells the controller who is in sync.
    response AlterPartition = 56, versions 2..=3, flexible 0..;
    struct AlterPartitionResponse {
        throttle_time_ms: i32,
        error_code: i16,
        topics: Vec<TopicResult>,
    }
    struct TopicResult {
        topic_id: Uuid,
        partitions: Vec<PartitionResult>,
    }
    struct PartitionResult {
        partition_index: i32,
        error_code: i16,
        leader_id: i32,
        leader_epoch: i32,
        isr: Vec<i32>,
        leader_recovery_state: i8,
        partition_epoch: i32,
    }
}
