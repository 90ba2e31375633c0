//! Records of `__share_group_state`: which records of a partition a share group has dealt with (KIP-932).

use alloc::vec::Vec;

use crate::wire::{Str, Uuid};

message! {
    /// Which records of a partition a share group has dealt with (KIP-932).
    coordinator_key ShareSnapshotKey = 0, versions 0..=0;
    struct ShareSnapshotKey {
        group_id: Str,
        topic_id: Uuid,
        partition: i32,
    }
}

message! {
    /// Which records of a partition a share group has dealt with (KIP-932).
    coordinator_value ShareSnapshotValue = 0, versions 0..=0, flexible 0..;
    struct ShareSnapshotValue {
        snapshot_epoch: i32,
        state_epoch: i32,
        leader_epoch: i32,
        start_offset: i64,
        delivery_complete_count: i32 [tag 0] = -1,
        create_timestamp: i64,
        write_timestamp: i64,
        state_batches: Vec<StateBatch>,
    }
    struct StateBatch {
        first_offset: i64,
        last_offset: i64,
        delivery_state: i8,
        delivery_count: i16,
    }
}

message! {
    /// Which records of a partition a share group has dealt with (KIP-932).
    coordinator_key ShareUpdateKey = 1, versions 0..=0;
    struct ShareUpdateKey {
        group_id: Str,
        topic_id: Uuid,
        partition: i32,
    }
}

message! {
    /// Which records of a partition a share group has dealt with (KIP-932).
    coordinator_value ShareUpdateValue = 1, versions 0..=0, flexible 0..;
    struct ShareUpdateValue {
        snapshot_epoch: i32,
        leader_epoch: i32,
        start_offset: i64,
        delivery_complete_count: i32 [tag 0] = -1,
        state_batches: Vec<StateBatch>,
    }
}
