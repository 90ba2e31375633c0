//! FetchSnapshot: reading a snapshot of the metadata log.

use alloc::vec::Vec;

use crate::wire::{Records, Str, Uuid};

message! {
    /// Reading a snapshot of the metadata log.
    request FetchSnapshot = 59, versions 0..=1, flexible 0..;
    struct FetchSnapshotRequest {
        cluster_id: Option<Str> [tag 0],
        replica_id: i32 = -1,
        max_bytes: i32 = i32::MAX,
        topics: Vec<TopicSnapshot>,
    }
    struct TopicSnapshot {
        name: Str,
        partitions: Vec<PartitionSnapshot>,
    }
    struct PartitionSnapshot {
        partition: i32,
        current_leader_epoch: i32,
        snapshot_id: SnapshotId,
        position: i64,
        replica_directory_id: Uuid [1.. tag 0],
    }
    struct SnapshotId {
        end_offset: i64,
        epoch: i32,
    }
}

message! {
    /// Reading a snapshot of the metadata log.
    response FetchSnapshot = 59, versions 0..=1, flexible 0..;
    struct FetchSnapshotResponse {
        throttle_time_ms: i32,
        error_code: i16,
        topics: Vec<TopicSnapshotResult>,
        node_endpoints: Vec<NodeEndpoint> [1.. tag 0],
    }
    struct TopicSnapshotResult {
        name: Str,
        partitions: Vec<PartitionSnapshotResult>,
    }
    struct PartitionSnapshotResult {
        index: i32,
        error_code: i16,
        snapshot_id: SnapshotId,
        current_leader: LeaderIdAndEpoch [tag 0],
        size: i64,
        position: i64,
        unaligned_records: Records,
    }
    struct LeaderIdAndEpoch {
        leader_id: i32,
        leader_epoch: i32,
    }
    struct NodeEndpoint {
        node_id: i32,
        host: Str,
        port: u16,
    }
}
