//! Names of files in a partition's directory.

use alloc::format;
use alloc::string::String;

use crate::types::Offset;

pub(crate) const LOG: &str = "log";
pub(super) const OFFSET_INDEX: &str = "index";
pub(super) const TIME_INDEX: &str = "timeindex";
pub(super) const TRANSACTION_INDEX: &str = "txnindex";
pub(super) const SNAPSHOT: &str = "snapshot";
pub(super) const LEADER_EPOCHS: &str = "leader-epoch-checkpoint";
pub(super) const PARTITION_METADATA: &str = "partition.metadata";
/// What follows the name of a file that is no longer the log's.
pub(super) const DELETED: &str = ".deleted";
/// What follows the name of a file that a compaction is writing.
pub(crate) const CLEANED: &str = ".cleaned";
/// What follows the name of a file that a compaction has written, until its place is free.
pub(crate) const SWAP: &str = ".swap";
/// A file that is being written and will be renamed to what stands before.
pub(super) const TEMPORARY: &str = ".tmp";

/// What a file in a partition's directory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// The batches of a segment, by its base offset.
    Log(Offset),
    /// The offset index of a segment.
    OffsetIndex(Offset),
    /// The time index of a segment.
    TimeIndex(Offset),
    /// The aborted transactions of a segment.
    TransactionIndex(Offset),
    /// What the producers had sent before this offset.
    ProducerSnapshot(Offset),
    /// Where each leader epoch began.
    LeaderEpochs,
    /// Which topic the directory belongs to.
    PartitionMetadata,
    /// Left over by a delete or a write that was interrupted: may go.
    Garbage,
    /// Left over by a compaction that was interrupted: holds data.
    Compaction,
    /// Nothing that a log has.
    Unknown,
}

/// The name of a segment's file, or of a snapshot: twenty digits and a suffix.
pub(crate) fn file_name(offset: Offset, suffix: &str) -> String {
    format!("{:020}.{suffix}", offset.0)
}

/// What a file in a partition's directory is, by its name.
#[must_use]
pub fn file_kind(name: &str) -> FileKind {
    match name {
        LEADER_EPOCHS => return FileKind::LeaderEpochs,
        PARTITION_METADATA => return FileKind::PartitionMetadata,
        _ if name.ends_with(DELETED) || name.ends_with(TEMPORARY) => return FileKind::Garbage,
        _ if name.ends_with(CLEANED) || name.ends_with(SWAP) => return FileKind::Compaction,
        _ => {}
    }
    let Some((digits, suffix)) = name.split_once('.') else { return FileKind::Unknown };
    let Some(offset) = offset_of(digits) else { return FileKind::Unknown };
    match suffix {
        LOG => FileKind::Log(offset),
        OFFSET_INDEX => FileKind::OffsetIndex(offset),
        TIME_INDEX => FileKind::TimeIndex(offset),
        TRANSACTION_INDEX => FileKind::TransactionIndex(offset),
        SNAPSHOT => FileKind::ProducerSnapshot(offset),
        _ => FileKind::Unknown,
    }
}

fn offset_of(digits: &str) -> Option<Offset> {
    let is_plain = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_plain { digits.parse().ok().map(Offset) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_known_by_their_names() {
        assert_eq!(file_name(Offset(801), LOG), "00000000000000000801.log");
        assert_eq!(file_kind("00000000000000000801.log"), FileKind::Log(Offset(801)));
        assert_eq!(file_kind("00000000000000000801.snapshot"), FileKind::ProducerSnapshot(Offset(801)));
        assert_eq!(file_kind("00000000000000000801.log.deleted"), FileKind::Garbage);
        assert_eq!(file_kind("00000000000000000801.log.swap"), FileKind::Compaction);
        assert_eq!(file_kind("leader-epoch-checkpoint.tmp"), FileKind::Garbage);
        assert_eq!(file_kind("801.log"), FileKind::Unknown);
        assert_eq!(file_kind("99999999999999999999.log"), FileKind::Unknown);
    }
}
