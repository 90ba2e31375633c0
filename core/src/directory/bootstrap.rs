//! `bootstrap.checkpoint`: the records that begin a new cluster's metadata, in the form of a snapshot.

use alloc::vec::Vec;

use bytes::Bytes;

use crate::metadata::{self, LoadError};
use crate::records::ControlRecord;
use crate::time::Now;
use crate::types::{LeaderEpoch, Offset};
use crate::wire::messages::control_records::{SnapshotFooterRecord, SnapshotHeaderRecord};
use crate::wire::messages::metadata_records::FeatureLevelRecord;
use crate::wire::{MetadataRecord, Str};

/// What Kafka 4.3 formats a directory with.
pub(super) fn default_records() -> Vec<MetadataRecord> {
    let level = |(name, level): (&'static str, i16)| {
        FeatureLevelRecord { name: Str::from_static(name), feature_level: level, ..Default::default() }.into()
    };
    metadata::FEATURE_LEVELS.into_iter().map(level).collect()
}

/// The file's content.
pub(super) fn checkpoint(records: &[MetadataRecord], now: Now) -> Bytes {
    let epoch = LeaderEpoch(0);
    let header = ControlRecord::SnapshotHeader(SnapshotHeaderRecord::default());
    let footer = ControlRecord::SnapshotFooter(SnapshotFooterRecord::default());
    let end = Offset(1 + records.len() as i64);
    let parts = [
        metadata::control_batch(&[header], Offset(0), epoch, now.wall),
        metadata::batch(records, &metadata::features_of(records), Offset(1), epoch, now.wall),
        metadata::control_batch(&[footer], end, epoch, now.wall),
    ];
    parts.concat().into()
}

/// The records of a file.
pub(super) fn read(bytes: &Bytes) -> Result<Vec<MetadataRecord>, LoadError> {
    metadata::snapshot_records(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{Monotonic, WallClock};

    /// What `StorageTool format` of Apache Kafka 4.3.1 left.
    const FROM_KAFKA: &[u8] = include_bytes!("../../tests/data/bootstrap.checkpoint");

    #[test]
    fn kafkas_own_is_read_and_has_the_levels_that_we_format_with() {
        assert_eq!(read(&Bytes::from_static(FROM_KAFKA)).unwrap(), default_records());
    }

    #[test]
    fn ours_is_kafkas_but_for_the_times() {
        let now = Now { monotonic: Monotonic(0), wall: WallClock(1_795_414_457_047) };
        let ours = checkpoint(&default_records(), now);
        assert_eq!(ours.len(), FROM_KAFKA.len());
        // The batch between header and footer was made in one millisecond, so that all of it can be compared.
        assert_eq!(ours[83..336], FROM_KAFKA[83..336]);
        assert_eq!(read(&ours).unwrap(), default_records());
    }

    #[test]
    fn a_cut_file_is_not_taken_for_a_whole_one() {
        let ours = checkpoint(&default_records(), Now { monotonic: Monotonic(0), wall: WallClock(0) });
        for end in [0, 60, 83, 300, ours.len() - 1] {
            assert!(read(&ours.slice(..end)).is_err(), "{end} bytes");
        }
    }
}
