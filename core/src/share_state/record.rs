//! Records of `__share_group_state`, in the versions in which Kafka 4.3 writes them.

use alloc::vec::Vec;

use bytes::Bytes;

use super::call::StateKey;
use crate::records::{BatchBuilder, BuilderRecord, Compression};
use crate::time::WallClock;
use crate::wire::messages::share_state_records::{
    ShareSnapshotKey, ShareSnapshotValue, ShareUpdateKey, ShareUpdateValue,
};
use crate::wire::{CoordinatorRecord, Str};

/// One batch of these records.
pub(crate) fn batch(records: &[CoordinatorRecord], compression: Compression, now: WallClock) -> Bytes {
    let mut builder = BatchBuilder::new().compression(compression, None);
    for record in records {
        let (key, value) = (record.encode_key(), record.encode_value(record.latest_version()));
        builder.push(BuilderRecord { timestamp: now.0, key: Some(&key), value: value.as_deref(), headers: &[] });
    }
    builder.build()
}

/// As many batches as it takes to keep each below `max_bytes` or with one record, and the records of each.
pub(crate) fn batches(
    records: Vec<CoordinatorRecord>,
    max_bytes: usize,
    compression: Compression,
    now: WallClock,
) -> Vec<(Vec<CoordinatorRecord>, Bytes)> {
    let mut batches = Vec::new();
    let (mut of_batch, mut size_bytes) = (Vec::new(), 0);
    for record in records {
        let value_size_bytes = record.encode_value(record.latest_version()).map_or(0, |value| value.len());
        let record_size_bytes = RECORD_OVERHEAD_BYTES + record.encode_key().len() + value_size_bytes;
        if size_bytes + record_size_bytes > max_bytes && !of_batch.is_empty() {
            let bytes = batch(&of_batch, compression, now);
            batches.push((core::mem::take(&mut of_batch), bytes));
            size_bytes = 0;
        }
        size_bytes += record_size_bytes;
        of_batch.push(record);
    }
    if !of_batch.is_empty() {
        let bytes = batch(&of_batch, compression, now);
        batches.push((of_batch, bytes));
    }
    batches
}

/// What a record has beside its key and value: lengths, deltas, no headers.
const RECORD_OVERHEAD_BYTES: usize = 32;

/// All that is known of a share partition.
pub(super) fn snapshot(key: &StateKey, value: ShareSnapshotValue) -> CoordinatorRecord {
    CoordinatorRecord::ShareSnapshot(snapshot_key(key), Some(value))
}

/// A share partition is forgotten.
pub(super) fn tombstone(key: &StateKey) -> CoordinatorRecord {
    CoordinatorRecord::ShareSnapshot(snapshot_key(key), None)
}

/// What is new of a share partition.
pub(super) fn update(key: &StateKey, value: ShareUpdateValue) -> CoordinatorRecord {
    let key = ShareUpdateKey {
        group_id: Str::from(&*key.group),
        topic_id: key.topic_id,
        partition: key.partition,
        ..Default::default()
    };
    CoordinatorRecord::ShareUpdate(key, Some(value))
}

fn snapshot_key(key: &StateKey) -> ShareSnapshotKey {
    ShareSnapshotKey {
        group_id: Str::from(&*key.group),
        topic_id: key.topic_id,
        partition: key.partition,
        ..Default::default()
    }
}
