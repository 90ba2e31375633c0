//! Records of `__consumer_offsets`, in the versions in which Kafka 4.3 writes them.

use alloc::vec;
use alloc::vec::Vec;

use bytes::Bytes;

use super::committed::CommittedOffset;
use super::consumer;
use super::group::GroupType;
use super::share;
use super::streams;
use crate::records::{BatchBuilder, BuilderRecord, Compression};
use crate::time::WallClock;
use crate::types::{ProducerEpoch, ProducerId};
use crate::wire::messages::classic_group_records::GroupMetadataKey;
use crate::wire::messages::offset_records::{OffsetCommitKey, OffsetCommitValue};
use crate::wire::{CoordinatorRecord, Str, Uuid};

/// One batch of these records.
pub(crate) fn batch(records: &[CoordinatorRecord], compression: Compression, now: WallClock) -> Bytes {
    build(BatchBuilder::new().compression(compression, None), records, now)
}

/// One batch of these records, which count once the producer's transaction is committed. It has no sequence number: it is the
/// coordinator that writes it.
pub(crate) fn transactional_batch(
    records: &[CoordinatorRecord],
    compression: Compression,
    now: WallClock,
    (id, epoch): (ProducerId, ProducerEpoch),
) -> Bytes {
    let builder = BatchBuilder::new().producer(id, epoch, -1).transactional();
    build(builder.compression(compression, None), records, now)
}

fn build(mut builder: BatchBuilder, records: &[CoordinatorRecord], now: WallClock) -> Bytes {
    for record in records {
        let (key, value) = (record.encode_key(), record.encode_value(version(record)));
        builder.push(BuilderRecord { timestamp: now.0, key: Some(&key), value: value.as_deref(), headers: &[] });
    }
    builder.build()
}

/// As many batches as it takes to keep each below `max_bytes` or with one record, and how many records are in each.
pub(crate) fn batches(
    records: &[CoordinatorRecord],
    max_bytes: usize,
    compression: Compression,
    now: WallClock,
) -> Vec<(usize, Bytes)> {
    let mut batches = Vec::new();
    let (mut from, mut size_bytes) = (0, 0);
    for (at, record) in records.iter().enumerate() {
        let value_size_bytes = record.encode_value(version(record)).map_or(0, |value| value.len());
        let record_size_bytes = RECORD_OVERHEAD_BYTES + record.encode_key().len() + value_size_bytes;
        if size_bytes + record_size_bytes > max_bytes && at > from {
            batches.push((at - from, batch(&records[from..at], compression, now)));
            (from, size_bytes) = (at, 0);
        }
        size_bytes += record_size_bytes;
    }
    if from < records.len() {
        batches.push((records.len() - from, batch(&records[from..], compression, now)));
    }
    batches
}

/// What a record has beside its key and value: lengths, deltas, no headers.
const RECORD_OVERHEAD_BYTES: usize = 32;

fn version(record: &CoordinatorRecord) -> i16 {
    match record {
        CoordinatorRecord::GroupMetadata(..) => 3,
        // An end of its own is in version 1 only.
        CoordinatorRecord::OffsetCommit(_, Some(value)) if value.expire_timestamp >= 0 => 1,
        CoordinatorRecord::OffsetCommit(_, Some(value)) if value.topic_id == Uuid::ZERO => 3,
        other => other.latest_version(),
    }
}

/// A group has read so far.
pub(crate) fn offset_committed(
    group: &str,
    topic: &str,
    partition: i32,
    committed: &CommittedOffset,
) -> CoordinatorRecord {
    let value = OffsetCommitValue {
        offset: committed.offset.0,
        leader_epoch: committed.leader_epoch.0,
        metadata: committed.metadata(),
        commit_timestamp: committed.committed_ms,
        expire_timestamp: committed.expires_ms.unwrap_or(-1),
        topic_id: committed.topic_id,
        ..Default::default()
    };
    CoordinatorRecord::OffsetCommit(offset_key(group, topic, partition), Some(value))
}

/// How far a group has read is forgotten.
pub(crate) fn offset_removed(group: &str, topic: &str, partition: i32) -> CoordinatorRecord {
    CoordinatorRecord::OffsetCommit(offset_key(group, topic, partition), None)
}

/// A group that has no members is forgotten.
pub(crate) fn removed(group: &str, group_type: GroupType) -> Vec<CoordinatorRecord> {
    use CoordinatorRecord as Record;
    let group_id = Str::from(group);
    match group_type {
        GroupType::Classic => {
            vec![Record::GroupMetadata(GroupMetadataKey { group: group_id, ..Default::default() }, None)]
        }
        GroupType::Consumer => consumer::group_removed(group, core::iter::empty(), core::iter::empty()),
        GroupType::Share => share::group_removed(group, core::iter::empty()),
        GroupType::Streams => streams::group_removed(group, core::iter::empty()),
    }
}

fn offset_key(group: &str, topic: &str, partition: i32) -> OffsetCommitKey {
    OffsetCommitKey { group: Str::from(group), topic: Str::from(topic), partition, ..Default::default() }
}
