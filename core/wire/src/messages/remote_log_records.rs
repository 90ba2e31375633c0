//! The records of `__remote_log_metadata`: segments in tiered storage.

use alloc::vec::Vec;

use crate::{Slice, Str, Uuid};

message! {
    /// A segment that is being copied.
    data RemoteLogSegmentMetadataRecord = 0, versions 0..=0, flexible 0..;
    struct RemoteLogSegmentMetadataRecord {
        remote_log_segment_id: RemoteLogSegmentIdEntry,
        start_offset: i64,
        /// Of the last record.
        end_offset: i64,
        /// Who copies it.
        broker_id: i32,
        /// Of all its records.
        max_timestamp_ms: i64,
        /// When this happened.
        event_timestamp_ms: i64,
        /// Where each epoch begins in it.
        segment_leader_epochs: Vec<SegmentLeaderEpochEntry>,
        segment_size_in_bytes: i32,
        /// Of the storage; null where it has none.
        custom_metadata: Option<Slice>,
        /// 0 the copy has begun, 1 it is complete, 2 its deletion has begun, 3 it is gone.
        remote_log_segment_state: i8,
        /// No transaction was aborted in it.
        txn_index_empty: bool [tag 0],
    }
    struct RemoteLogSegmentIdEntry {
        topic_id_partition: TopicIdPartitionEntry,
        id: Uuid,
    }
    struct TopicIdPartitionEntry {
        name: Str,
        id: Uuid,
        partition: i32,
    }
    struct SegmentLeaderEpochEntry {
        leader_epoch: i32,
        /// The epoch's first.
        offset: i64,
    }
}

message! {
    /// A segment's new state.
    data RemoteLogSegmentMetadataUpdateRecord = 1, versions 0..=0, flexible 0..;
    struct RemoteLogSegmentMetadataUpdateRecord {
        remote_log_segment_id: RemoteLogSegmentIdEntry,
        /// Who did it.
        broker_id: i32,
        /// When this happened.
        event_timestamp_ms: i64,
        custom_metadata: Option<Slice>,
        /// 0 the copy has begun, 1 it is complete, 2 its deletion has begun, 3 it is gone.
        remote_log_segment_state: i8,
    }
}

message! {
    /// A partition whose segments go.
    data RemotePartitionDeleteMetadataRecord = 2, versions 0..=0, flexible 0..;
    struct RemotePartitionDeleteMetadataRecord {
        topic_id_partition: TopicIdPartitionEntry,
        broker_id: i32,
        /// When this happened.
        event_timestamp_ms: i64,
        /// 0 marked, 1 begun, 2 done.
        remote_partition_delete_state: i8,
    }
}

message! {
    /// A segment, in a partition's snapshot.
    data RemoteLogSegmentMetadataSnapshotRecord = 3, versions 0..=0, flexible 0..;
    struct RemoteLogSegmentMetadataSnapshotRecord {
        segment_id: Uuid,
        start_offset: i64,
        /// Of the last record.
        end_offset: i64,
        broker_id: i32,
        max_timestamp_ms: i64,
        event_timestamp_ms: i64,
        segment_leader_epochs: Vec<SegmentLeaderEpochEntry>,
        segment_size_in_bytes: i32,
        custom_metadata: Option<Slice>,
        /// 0 the copy has begun, 1 it is complete, 2 its deletion has begun, 3 it is gone.
        remote_log_segment_state: i8,
        txn_index_empty: bool [tag 0],
    }
}
