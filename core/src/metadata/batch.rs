//! Metadata records as batches of the metadata log.

use alloc::vec::Vec;

use bytes::Bytes;

use super::features::{Features, metadata_version, since};
use crate::records::{BatchBuilder, BuilderRecord, ControlRecord};
use crate::time::WallClock;
use crate::types::{LeaderEpoch, Offset};
use crate::wire::MetadataRecord;

/// Batches are cut here, so that no reader has to hold more in one piece. Kafka's own limit is 8 MiB.
const BATCH_MAX_BYTES: usize = 1 << 20;
/// What a record of ours has beside its value: lengths, deltas, no key, no headers.
const RECORD_OVERHEAD_BYTES: usize = 32;

/// One batch: its records are committed together or not at all.
///
/// # Panics
/// Without records.
#[must_use]
pub fn batch(
    records: &[MetadataRecord],
    features: &Features,
    base_offset: Offset,
    epoch: LeaderEpoch,
    now: WallClock,
) -> Bytes {
    assert!(!records.is_empty(), "a batch has records");
    let mut builder = BatchBuilder::new().base_offset(base_offset).leader_epoch(epoch);
    for record in records {
        let value = record.encode(record_version(record, features));
        builder.push(BuilderRecord { timestamp: now.0, value: Some(&value), ..Default::default() });
    }
    builder.build()
}

/// As many batches as it takes to keep each below a megabyte, one after another from `base_offset` on.
#[must_use]
pub fn batches(
    records: &[MetadataRecord],
    features: &Features,
    base_offset: Offset,
    epoch: LeaderEpoch,
    now: WallClock,
) -> Vec<Bytes> {
    let mut batches = Vec::new();
    let new = |offset: i64| BatchBuilder::new().base_offset(Offset(offset)).leader_epoch(epoch);
    let mut builder = new(base_offset.0);
    for (offset, record) in (base_offset.0..).zip(records) {
        let value = record.encode(record_version(record, features));
        let size_bytes = builder.size_bytes() + value.len() + RECORD_OVERHEAD_BYTES;
        if builder.record_count() > 0 && size_bytes > BATCH_MAX_BYTES {
            batches.push(core::mem::replace(&mut builder, new(offset)).build());
        }
        builder.push(BuilderRecord { timestamp: now.0, value: Some(&value), ..Default::default() });
    }
    if builder.record_count() > 0 {
        batches.push(builder.build());
    }
    batches
}

/// A batch of control records.
#[must_use]
pub fn control_batch(records: &[ControlRecord], base_offset: Offset, epoch: LeaderEpoch, now: WallClock) -> Bytes {
    let mut builder = BatchBuilder::new().base_offset(base_offset).leader_epoch(epoch);
    for record in records {
        builder.push_control(now.0, record);
    }
    builder.build()
}

/// The version in which a cluster of these features writes `record`: what every broker that supports them can read.
#[must_use]
pub fn record_version(record: &MetadataRecord, features: &Features) -> i16 {
    let level = metadata_version(features);
    match record {
        MetadataRecord::RegisterBroker(_) => match level {
            since::CORDONED_DIRECTORIES.. => 4,
            since::DIRECTORIES.. => 3,
            since::MIGRATION.. => 2,
            _ => 1,
        },
        MetadataRecord::Partition(_) | MetadataRecord::PartitionChange(_) => match level {
            since::ELIGIBLE_LEADERS.. => 2,
            since::DIRECTORIES.. => 1,
            _ => 0,
        },
        // The lowest that can say it.
        MetadataRecord::BrokerRegistrationChange(record) => {
            if record.cordoned_log_dirs.is_some() {
                3
            } else if !record.log_dirs.is_empty() {
                2
            } else {
                i16::from(record.in_controlled_shutdown != 0)
            }
        }
        other => other.latest_version(),
    }
}
