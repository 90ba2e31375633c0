//! AlterPartition: a leader tells the controller who is in sync.

use alloc::vec::Vec;

use crate::Uuid;

message! {
    /// From the leader of partitions to the controller, when the set of replicas in sync changes. Each member with its
    /// broker's epoch since v3, so that a broker that was restarted does not count (KIP-903).
    request AlterPartition = 56, versions 2..=3, flexible 0..;
    struct AlterPartitionRequest {
        broker_id: i32,
        /// As the controller gave it at registration.
        broker_epoch: i64 = -1,
        topics: Vec<TopicData>,
    }
    struct TopicData {
        topic_id: Uuid,
        partitions: Vec<PartitionData>,
    }
    struct PartitionData {
        partition_index: i32,
        /// Where the controller has another one, the request is too late.
        leader_epoch: i32,
        /// The brokers in sync.
        new_isr: Vec<i32> [..=2],
        /// The brokers in sync, with their epochs.
        new_isr_with_epochs: Vec<BrokerState> [3..],
        /// 1 while the leader recovers from an unclean election, otherwise 0.
        leader_recovery_state: i8,
        /// The epoch of the partition that is changed: rises with every change, so that of two only one succeeds.
        partition_epoch: i32,
    }
    struct BrokerState {
        broker_id: i32,
        /// -1 where the leader does not know it: then it is not checked.
        broker_epoch: i64 = -1,
    }
}

message! {
    /// The partitions as they are now.
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
        /// The brokers in sync.
        isr: Vec<i32>,
        /// 1 while the leader recovers from an unclean election, otherwise 0.
        leader_recovery_state: i8,
        /// Rises with every change.
        partition_epoch: i32,
    }
}
