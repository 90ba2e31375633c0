//! Records of `__share_group_state`: which records of a partition a share group has dealt with (KIP-932).

use alloc::vec::Vec;

use crate::{Str, Uuid};

message! {
    /// A partition, for a group. A null value forgets it.
    coordinator_key ShareSnapshotKey = 0, versions 0..=0;
    struct ShareSnapshotKey {
        group_id: Str,
        topic_id: Uuid,
        partition: i32,
    }
}

message! {
    /// All that is known of it. Updates of the same snapshot epoch add to it.
    coordinator_value ShareSnapshotValue = 0, versions 0..=0, flexible 0..;
    struct ShareSnapshotValue {
        /// Rises with every snapshot.
        snapshot_epoch: i32,
        /// Rises each time the state is made anew, and fences writes from before.
        state_epoch: i32,
        /// Fences leaders from before.
        leader_epoch: i32,
        /// The first record that is not dealt with; -1 where nothing was read yet.
        start_offset: i64,
        /// Records from the start offset on that are dealt with already; -1 where it is unknown.
        delivery_complete_count: i32 [tag 0] = -1,
        /// When the state was made, in ms since 1970.
        create_timestamp: i64,
        /// When this snapshot was written, in ms since 1970.
        write_timestamp: i64,
        state_batches: Vec<StateBatch>,
    }
    struct StateBatch {
        first_offset: i64,
        /// Belongs to the batch.
        last_offset: i64,
        /// 0 available, 2 acknowledged, 4 archived.
        delivery_state: i8,
        /// How often the records were handed out.
        delivery_count: i16,
    }
}

message! {
    /// A partition, for a group.
    coordinator_key ShareUpdateKey = 1, versions 0..=0;
    struct ShareUpdateKey {
        group_id: Str,
        topic_id: Uuid,
        partition: i32,
    }
}

message! {
    /// What has changed since the snapshot of that epoch.
    coordinator_value ShareUpdateValue = 1, versions 0..=0, flexible 0..;
    struct ShareUpdateValue {
        snapshot_epoch: i32,
        leader_epoch: i32,
        /// -1 where it is as before.
        start_offset: i64,
        /// Records from the start offset on that are dealt with already; -1 where it is unknown.
        delivery_complete_count: i32 [tag 0] = -1,
        state_batches: Vec<StateBatch>,
    }
}
