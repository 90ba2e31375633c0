//! FetchSnapshot: reading a snapshot of the metadata log.

use alloc::vec::Vec;

use crate::{Records, Str, Uuid};

message! {
    /// From a replica whose next record is older than all that the leader's log has left (KIP-630). The replica's
    /// directory since v1 (KIP-853).
    request FetchSnapshot = 59, versions 0..=1, flexible 0..;
    struct FetchSnapshotRequest {
        cluster_id: Option<Str> [tag 0],
        /// -1 for who is neither voter nor observer.
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
        /// As a Fetch answered it.
        snapshot_id: SnapshotId,
        /// In bytes: a snapshot is read in pieces.
        position: i64,
        replica_directory_id: Uuid [1.. tag 0],
    }
    struct SnapshotId {
        end_offset: i64,
        epoch: i32,
    }
}

message! {
    /// A piece of the snapshot. Where the leader is since v1.
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
        /// Of the whole snapshot, in bytes.
        size: i64,
        /// Where the piece begins, in bytes.
        position: i64,
        /// The piece: may begin and end within a batch.
        unaligned_records: Records,
    }
    struct LeaderIdAndEpoch {
        /// -1 where there is none.
        leader_id: i32,
        leader_epoch: i32,
    }
    struct NodeEndpoint {
        node_id: i32,
        host: Str,
        port: u16,
    }
}
