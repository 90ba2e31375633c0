//! The names in a log directory: what they say of the entry that has them.

use alloc::format;

use crate::boundary::Path;
use crate::types::{LeaderEpoch, Offset};
use crate::wire::Uuid;

/// The partition directory of the metadata log.
pub const METADATA_DIR: &str = "__cluster_metadata-0";

/// What a directory in the log directory is, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DirName<'a> {
    /// The metadata log.
    Metadata,
    /// A partition: `topic-N`.
    Partition {
        /// Its name.
        topic: &'a str,
        /// From 0.
        index: i32,
    },
    /// To be removed: `topic-N.<id>-delete`.
    Deleted,
    /// A replica that moves to this log directory: `topic-N.<id>-future`.
    Future {
        /// Its name.
        topic: &'a str,
        /// From 0.
        index: i32,
    },
    /// Set aside because it belongs to no topic: `topic-N.<id>-stray`.
    Stray,
    /// Not Kafka's.
    Foreign,
}

impl<'a> DirName<'a> {
    /// What `name` says.
    #[must_use]
    pub fn parse(name: &'a str) -> Self {
        if name == METADATA_DIR {
            return Self::Metadata;
        }
        if let Some((partition, suffix)) = name.rsplit_once('.')
            && let Some((_, kind)) = suffix.rsplit_once('-')
            && let Some((topic, index)) = partition_name(partition)
        {
            match kind {
                "delete" => return Self::Deleted,
                "future" => return Self::Future { topic, index },
                "stray" => return Self::Stray,
                _ => {}
            }
        }
        match partition_name(name) {
            Some((topic, index)) => Self::Partition { topic, index },
            None => Self::Foreign,
        }
    }
}

/// Splits `topic-N`. Not every topic is a legal name: that is for the metadata to say.
fn partition_name(name: &str) -> Option<(&str, i32)> {
    let (topic, digits) = name.rsplit_once('-')?;
    let index: i32 = digits.parse().ok()?;
    let is_canonical = index >= 0 && !digits.starts_with('+') && (digits == "0" || !digits.starts_with('0'));
    (is_canonical && !topic.is_empty()).then_some((topic, index))
}

/// The directory of a partition in a log directory.
#[must_use]
pub fn partition_dir(log_dir: u16, topic: &str, index: i32) -> Path {
    Path::new(log_dir, format!("{topic}-{index}"))
}

/// The directory of a partition that moves to a log directory, until it has its name. `None` where the topic's name leaves no
/// room for that, as in Kafka.
pub(crate) fn future_dir(log_dir: u16, topic: &str, index: i32, id: Uuid) -> Option<Path> {
    let name = format!("{topic}-{index}.{:032x}-future", id.0);
    (name.len() <= NAME_BYTES_MAX).then(|| Path::new(log_dir, name))
}

/// Why a partition's directory gives up its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Aside {
    /// It is going to be removed.
    Delete,
    /// It belongs to no topic, and is kept.
    Stray,
}

/// The name that a partition's directory is given so that another one can have its own. Kafka bounds a name at 255 bytes
/// and cuts the topic for it.
pub(crate) fn aside(dir: &Path, id: Uuid, why: Aside) -> Path {
    let partition = match DirName::parse(&dir.relative) {
        DirName::Future { .. } => dir.relative.rsplit_once('.').map_or(&*dir.relative, |(partition, _)| partition),
        _ => &*dir.relative,
    };
    let (topic, index) = partition.rsplit_once('-').expect("only partition directories are set aside");
    let why = match why {
        Aside::Delete => "delete",
        Aside::Stray => "stray",
    };
    let suffix = format!("-{index}.{:032x}-{why}", id.0);
    let topic = &topic[..topic.floor_char_boundary(NAME_BYTES_MAX.saturating_sub(suffix.len()))];
    Path::new(dir.log_dir, format!("{topic}{suffix}"))
}

const NAME_BYTES_MAX: usize = 255;

/// The offset and epoch in a metadata snapshot's name, `<20 digits>-<10 digits>.checkpoint`: the offset after the last
/// record that it holds, and that record's epoch.
#[must_use]
pub fn snapshot(name: &str) -> Option<(Offset, LeaderEpoch)> {
    let (offset, epoch) = name.strip_suffix(".checkpoint")?.split_once('-')?;
    let is_number = |text: &str, digits: usize| text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(offset, 20) || !is_number(epoch, 10) {
        return None;
    }
    Some((Offset(offset.parse().ok()?), LeaderEpoch(epoch.parse().ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_they_are() {
        assert_eq!(DirName::parse("plain-0"), DirName::Partition { topic: "plain", index: 0 });
        assert_eq!(DirName::parse("a.b-c-12"), DirName::Partition { topic: "a.b-c", index: 12 });
        assert_eq!(DirName::parse("__cluster_metadata-0"), DirName::Metadata);
        assert_eq!(DirName::parse("to-delete-0.14778816ef384512b53f82cd90660fbc-delete"), DirName::Deleted);
        assert_eq!(
            DirName::parse("t-1.14778816ef384512b53f82cd90660fbc-future"),
            DirName::Future { topic: "t", index: 1 }
        );
        assert_eq!(DirName::parse("t-1.14778816ef384512b53f82cd90660fbc-stray"), DirName::Stray);
        for foreign in ["lost+found", "plain", "plain-", "-0", "plain-01", "plain-+1", "plain--x", ""] {
            assert_eq!(DirName::parse(foreign), DirName::Foreign, "{foreign}");
        }
    }

    #[test]
    fn a_topic_may_be_called_like_a_suffix() {
        assert_eq!(DirName::parse("x.y-delete-3"), DirName::Partition { topic: "x.y-delete", index: 3 });
    }

    #[test]
    fn a_directory_set_aside_is_known_again() {
        let stray = aside(&Path::new(1, "topic-7"), Uuid(0xabc), Aside::Stray);
        assert_eq!(stray, Path::new(1, "topic-7.00000000000000000000000000000abc-stray"));
        assert_eq!(DirName::parse(&stray.relative), DirName::Stray);
    }

    #[test]
    fn a_replica_that_moves_has_a_name_of_its_own_until_it_is_set_aside() {
        let future = future_dir(1, "a.b-c", 7, Uuid(0xabc)).unwrap();
        assert_eq!(future, Path::new(1, "a.b-c-7.00000000000000000000000000000abc-future"));
        assert_eq!(DirName::parse(&future.relative), DirName::Future { topic: "a.b-c", index: 7 });
        let deleted = aside(&future, Uuid(1), Aside::Delete);
        assert_eq!(deleted, Path::new(1, "a.b-c-7.00000000000000000000000000000001-delete"));
        assert_eq!(future_dir(1, &"t".repeat(213), 7, Uuid(1)).map(|path| path.relative.len()), Some(255));
        assert_eq!(future_dir(1, &"t".repeat(214), 7, Uuid(1)), None);
    }

    #[test]
    fn a_directory_set_aside_keeps_its_index_however_long_its_topic_is() {
        for topic in ["t".repeat(249), "\u{e9}".repeat(125), "\u{1f980}".repeat(62)] {
            for (why, known) in [(Aside::Stray, DirName::Stray), (Aside::Delete, DirName::Deleted)] {
                let long = aside(&partition_dir(0, &topic, 7), Uuid(1), why);
                assert!((252..=255).contains(&long.relative.len()), "{long}");
                assert!(long.relative.contains("-7."), "{long}");
                assert_eq!(DirName::parse(&long.relative), known);
            }
        }
    }

    #[test]
    fn snapshots_are_told_by_their_names() {
        let name = "00000000000000000412-0000000002.checkpoint";
        assert_eq!(snapshot(name), Some((Offset(412), LeaderEpoch(2))));
        for other in ["bootstrap.checkpoint", "412-2.checkpoint", "00000000000000000412-0000000002.checkpoint.part"] {
            assert_eq!(snapshot(other), None, "{other}");
        }
    }
}
