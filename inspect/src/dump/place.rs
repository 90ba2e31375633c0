//! What a path is, by its name and by the directory that it lies in; and what a directory holds, in a sensible order.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use ottla_core::directory::names::{DirName, METADATA_DIR, snapshot};
use ottla_core::log::names::{FileKind, file_kind};
use ottla_core::records::BatchHeader;
use ottla_core::types::Offset;

use super::payload::Decoder;
use super::source::Source;

/// What is in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Batches of a segment, from its base offset on where its name says it.
    Segment(Option<Offset>),
    /// A snapshot of the metadata log: batches too.
    Snapshot,
    /// An offset index.
    OffsetIndex(Option<Offset>),
    /// A time index.
    TimeIndex(Option<Offset>),
    /// A transaction index.
    TransactionIndex(Option<Offset>),
    /// A producer snapshot.
    Producers(Option<Offset>),
    /// A small file of text.
    Text(TextKind),
    /// None of them.
    Unknown,
}

/// Which small file of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextKind {
    /// `leader-epoch-checkpoint`
    LeaderEpochs,
    /// `recovery-point-offset-checkpoint` and its like
    Offsets,
    /// `partition.metadata`
    PartitionMetadata,
    /// `meta.properties`
    MetaProperties,
    /// `quorum-state`
    QuorumState,
    /// `.kafka_cleanshutdown`
    CleanShutdown,
    /// `.lock`
    Lock,
}

impl Kind {
    /// In JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Segment(_) => "segment",
            Self::Snapshot => "metadata-snapshot",
            Self::OffsetIndex(_) => "offset-index",
            Self::TimeIndex(_) => "time-index",
            Self::TransactionIndex(_) => "transaction-index",
            Self::Producers(_) => "producer-snapshot",
            Self::Text(TextKind::LeaderEpochs) => "leader-epoch-checkpoint",
            Self::Text(TextKind::Offsets) => "offset-checkpoint",
            Self::Text(TextKind::PartitionMetadata) => "partition-metadata",
            Self::Text(TextKind::MetaProperties) => "meta-properties",
            Self::Text(TextKind::QuorumState) => "quorum-state",
            Self::Text(TextKind::CleanShutdown) => "clean-shutdown",
            Self::Text(TextKind::Lock) => "lock",
            Self::Unknown => "unknown",
        }
    }
}

/// What is known of a file before it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// What is in it.
    pub kind: Kind,
    /// The directory that it lies in, where that is a partition's.
    pub partition: Option<String>,
    /// What becomes of it, by its suffix.
    pub fate: Option<&'static str>,
}

impl Place {
    /// By its name.
    #[must_use]
    pub fn of(path: &Path) -> Self {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let (plain, fate) = without_fate(name);
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let dir = absolute.parent().and_then(|dir| dir.file_name()).and_then(|dir| dir.to_str()).unwrap_or_default();
        let partition = (DirName::parse(dir) != DirName::Foreign).then(|| dir.to_owned());
        Self { kind: kind_of(plain), partition, fate }
    }

    /// How its records are to be read.
    #[must_use]
    pub fn decoder(&self) -> Decoder {
        match self.partition.as_deref() {
            Some(METADATA_DIR) => Decoder::Metadata,
            Some(dir) if dir.starts_with("__consumer_offsets-") => Decoder::ConsumerOffsets,
            Some(dir) if dir.starts_with("__transaction_state-") => Decoder::TransactionState,
            Some(dir) if dir.starts_with("__share_group_state-") => Decoder::ShareGroupState,
            Some(dir) if dir.starts_with("__remote_log_metadata-") => Decoder::RemoteLogMetadata,
            _ if self.kind == Kind::Snapshot => Decoder::Metadata,
            _ => Decoder::Raw,
        }
    }

    /// For people.
    #[must_use]
    pub fn describe(&self) -> String {
        let based = |what: &str, offset: Option<Offset>| match offset {
            Some(offset) => format!("{what} {offset}"),
            None => what.split(' ').take_while(|word| *word != "from" && *word != "at").collect::<Vec<_>>().join(" "),
        };
        match self.kind {
            Kind::Segment(base) => based("segment from offset", base),
            Kind::Snapshot => "snapshot of the metadata log".to_owned(),
            Kind::OffsetIndex(base) => based("offset index from offset", base),
            Kind::TimeIndex(base) => based("time index from offset", base),
            Kind::TransactionIndex(base) => based("transaction index from offset", base),
            Kind::Producers(offset) => based("producer snapshot at offset", offset),
            Kind::Text(TextKind::LeaderEpochs) => "leader epochs".to_owned(),
            Kind::Text(TextKind::Offsets) => "offset checkpoint".to_owned(),
            Kind::Text(TextKind::PartitionMetadata) => "partition metadata".to_owned(),
            Kind::Text(TextKind::MetaProperties) => "identity of the log directory".to_owned(),
            Kind::Text(TextKind::QuorumState) => "quorum state".to_owned(),
            Kind::Text(TextKind::CleanShutdown) => "marker of a clean stop".to_owned(),
            Kind::Text(TextKind::Lock) => "lock".to_owned(),
            Kind::Unknown => "unknown".to_owned(),
        }
    }
}

/// A name without the suffixes that say what becomes of the file.
fn without_fate(name: &str) -> (&str, Option<&'static str>) {
    const FATES: [(&str, &str); 5] = [
        (".deleted", "it is to be removed"),
        (".cleaned", "a compaction that was interrupted left it: it may be half written"),
        (".swap", "a compaction that was interrupted left it: it is to replace segments"),
        (".tmp", "it was about to be renamed into its place: it may be half written"),
        (".part", "a snapshot that was not finished"),
    ];
    let fate = FATES.iter().find_map(|(suffix, fate)| Some((name.strip_suffix(suffix)?, Some(*fate))));
    fate.unwrap_or((name, None))
}

fn kind_of(name: &str) -> Kind {
    match file_kind(name) {
        FileKind::Log(base) => return Kind::Segment(Some(base)),
        FileKind::OffsetIndex(base) => return Kind::OffsetIndex(Some(base)),
        FileKind::TimeIndex(base) => return Kind::TimeIndex(Some(base)),
        FileKind::TransactionIndex(base) => return Kind::TransactionIndex(Some(base)),
        FileKind::ProducerSnapshot(offset) => return Kind::Producers(Some(offset)),
        FileKind::LeaderEpochs => return Kind::Text(TextKind::LeaderEpochs),
        FileKind::PartitionMetadata => return Kind::Text(TextKind::PartitionMetadata),
        FileKind::Garbage | FileKind::Compaction | FileKind::Unknown => {}
    }
    match name {
        "meta.properties" => return Kind::Text(TextKind::MetaProperties),
        "quorum-state" => return Kind::Text(TextKind::QuorumState),
        ".kafka_cleanshutdown" => return Kind::Text(TextKind::CleanShutdown),
        ".lock" => return Kind::Text(TextKind::Lock),
        _ if name.ends_with("-offset-checkpoint") => return Kind::Text(TextKind::Offsets),
        _ => {}
    }
    // Copies have names of their own, but mostly keep their ending.
    match name.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "log" => Kind::Segment(None),
        "checkpoint" => Kind::Snapshot,
        "index" => Kind::OffsetIndex(None),
        "timeindex" => Kind::TimeIndex(None),
        "txnindex" => Kind::TransactionIndex(None),
        "snapshot" => Kind::Producers(None),
        _ => Kind::Unknown,
    }
}

/// What a file with a name of its own is, by its first bytes.
///
/// # Errors
/// Where it can't be read.
pub fn sniff(source: &mut Source<'_>) -> io::Result<Kind> {
    let head = source.read(0, 61)?;
    Ok(if BatchHeader::parse(&head).is_ok() { Kind::Segment(None) } else { Kind::Unknown })
}

/// What a directory holds.
#[derive(Clone, Debug)]
pub struct Listing {
    /// Itself.
    pub dir: PathBuf,
    /// Files, in the order in which they are to be told.
    pub files: Vec<PathBuf>,
    /// Directories of partitions, by topic and number.
    pub partitions: Vec<PathBuf>,
    /// Other directories.
    pub foreign: Vec<PathBuf>,
}

/// Lists a directory.
///
/// # Errors
/// Where that can't be done.
pub fn list(dir: &Path) -> io::Result<Listing> {
    let mut listing = Listing { dir: dir.to_owned(), files: vec![], partitions: vec![], foreign: vec![] };
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let is_foreign = DirName::parse(&name) == DirName::Foreign;
        match fs::metadata(&path) {
            Ok(metadata) if !metadata.is_dir() => listing.files.push(path),
            Ok(_) if is_foreign => listing.foreign.push(path),
            Ok(_) => listing.partitions.push(path),
            // It is said of the file itself.
            Err(_) => listing.files.push(path),
        }
    }
    listing.files.sort_by_key(|path| order(path));
    listing.partitions.sort_by_key(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match DirName::parse(&name) {
            DirName::Partition { topic, index } => (topic.to_owned(), index),
            _ => (name.clone(), -1),
        }
    });
    listing.foreign.sort();
    Ok(listing)
}

impl Listing {
    /// Whether it is a partition's directory: there are files of a log, or nothing below it.
    #[must_use]
    pub fn is_partition(&self) -> bool {
        let name = self.dir.file_name().unwrap_or_default().to_string_lossy();
        let has_log = self.files.iter().any(|path| matches!(Place::of(path).kind, Kind::Segment(_)));
        has_log || DirName::parse(&name) != DirName::Foreign || (self.partitions.is_empty() && self.foreign.is_empty())
    }

    /// Bytes of its files.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.files.iter().map(|path| super::file_size(path)).sum()
    }
}

/// Small files first, then segment by segment: the batches, their indexes, and the producers as they were after it.
fn order(path: &Path) -> (u8, Offset, u8, String) {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let (group, offset, rank) = match Place::of(path).kind {
        Kind::Text(TextKind::MetaProperties | TextKind::PartitionMetadata) => (0, Offset(0), 0),
        Kind::Text(TextKind::CleanShutdown) => (0, Offset(0), 1),
        Kind::Text(TextKind::Lock) => (0, Offset(0), 2),
        Kind::Text(TextKind::QuorumState | TextKind::LeaderEpochs) => (0, Offset(0), 3),
        Kind::Text(TextKind::Offsets) => (0, Offset(0), 4),
        Kind::Snapshot => (1, snapshot(without_fate(&name).0).map_or(Offset(0), |(offset, _)| offset), 0),
        Kind::Producers(offset) => (2, offset.unwrap_or_default(), 0),
        Kind::Segment(base) => (2, base.unwrap_or_default(), 1),
        Kind::OffsetIndex(base) => (2, base.unwrap_or_default(), 2),
        Kind::TimeIndex(base) => (2, base.unwrap_or_default(), 3),
        Kind::TransactionIndex(base) => (2, base.unwrap_or_default(), 4),
        Kind::Unknown => (3, Offset(0), 0),
    };
    (group, offset, rank, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(path: &str) -> Kind {
        Place::of(Path::new(path)).kind
    }

    #[test]
    fn files_are_known_by_their_names() {
        assert_eq!(kind("/d/a-0/00000000000000000801.log"), Kind::Segment(Some(Offset(801))));
        assert_eq!(kind("/d/a-0/00000000000000000801.timeindex.deleted"), Kind::TimeIndex(Some(Offset(801))));
        assert_eq!(kind("/d/bootstrap.checkpoint"), Kind::Snapshot);
        assert_eq!(kind("/d/cleaner-offset-checkpoint"), Kind::Text(TextKind::Offsets));
        assert_eq!(kind("copy.log"), Kind::Segment(None));
        assert_eq!(kind("notes"), Kind::Unknown);
    }

    #[test]
    fn the_directory_says_how_records_are_to_be_read() {
        let decoder = |path: &str| Place::of(Path::new(path)).decoder();
        assert_eq!(decoder("/d/__cluster_metadata-0/00000000000000000000.log"), Decoder::Metadata);
        assert_eq!(decoder("/d/__consumer_offsets-12/00000000000000000000.log"), Decoder::ConsumerOffsets);
        assert_eq!(decoder("/d/letters-0/00000000000000000000.log"), Decoder::Raw);
        assert_eq!(decoder("/d/bootstrap.checkpoint"), Decoder::Metadata);
    }
}
