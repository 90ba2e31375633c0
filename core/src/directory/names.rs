//! The names in a log directory: what they say of the entry that has them.

use alloc::format;
use alloc::string::String;

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
    Future,
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
            && partition_name(partition).is_some()
        {
            match kind {
                "delete" => return Self::Deleted,
                "future" => return Self::Future,
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

/// The name that sets a partition's directory aside. Kafka bounds a name at 255 bytes and cuts the topic for it.
pub(crate) fn set_aside(dir: &str, id: Uuid) -> String {
    const SUFFIX_BYTES: usize = ".".len() + 32 + "-stray".len();
    let (topic, index) = dir.rsplit_once('-').expect("only partition directories are set aside");
    let topic = &topic[..topic.len().min(255 - SUFFIX_BYTES - "-".len() - index.len())];
    format!("{topic}-{index}.{:032x}-stray", id.0)
}

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
        assert_eq!(DirName::parse("t-1.14778816ef384512b53f82cd90660fbc-future"), DirName::Future);
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
        let name = set_aside("topic-7", Uuid(0xabc));
        assert_eq!(name, "topic-7.00000000000000000000000000000abc-stray");
        assert_eq!(DirName::parse(&name), DirName::Stray);
        let long = set_aside(&format!("{}-7", "t".repeat(249)), Uuid(1));
        assert_eq!(long.len(), 255);
        assert_eq!(DirName::parse(&long), DirName::Stray);
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
