//! Offset checkpoints: text files with one line a partition.
//!
//! ```text
//! 0
//! 2
//! plain 0 334
//! plain 1 333
//! ```

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use core::fmt::Write as _;

use bytes::Bytes;
use thiserror::Error;

use crate::types::{Offset, TopicName};

/// An offset for each partition, by topic name and index, as the files have it.
pub type OffsetsByPartition = BTreeMap<(TopicName, i32), Offset>;

/// Why a checkpoint is damaged.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CheckpointError {
    /// It is no text.
    #[error("it is not valid UTF-8")]
    Utf8,
    /// The first line is another.
    #[error("version {0}, where 0 is expected")]
    Version(String),
    /// A line of another form.
    #[error("line {line} is \"{text}\", where {expected} is expected")]
    Line {
        /// From 1.
        line: usize,
        /// What it says.
        text: String,
        /// What it should have.
        expected: &'static str,
    },
    /// Lines are missing or too many.
    #[error("{have} partitions, but its second line says {count}")]
    Count {
        /// As the second line says.
        count: usize,
        /// Lines that follow.
        have: usize,
    },
}

/// Reads a checkpoint. An empty file is one that Kafka made and never wrote: no partitions.
///
/// # Errors
/// Where it is damaged.
pub fn parse(bytes: &[u8]) -> Result<OffsetsByPartition, CheckpointError> {
    let mut lines = core::str::from_utf8(bytes).map_err(|_| CheckpointError::Utf8)?.lines();
    let mut offsets = BTreeMap::new();
    let Some(version) = lines.next() else { return Ok(offsets) };
    if version.trim() != "0" {
        return Err(CheckpointError::Version(version.to_string()));
    }
    let Some(text) = lines.next() else { return Ok(offsets) };
    let Ok(count) = text.trim().parse::<usize>() else {
        return Err(CheckpointError::Line { line: 2, text: text.to_string(), expected: "a count" });
    };
    for (index, text) in lines.enumerate() {
        let Some((topic, partition, offset)) = entry(text) else {
            let expected = "a topic, a partition and an offset";
            return Err(CheckpointError::Line { line: index + 3, text: text.to_string(), expected });
        };
        offsets.insert((topic.into(), partition), offset);
    }
    let have = offsets.len();
    if have == count { Ok(offsets) } else { Err(CheckpointError::Count { count, have }) }
}

fn entry(line: &str) -> Option<(&str, i32, Offset)> {
    let mut parts = line.split_whitespace();
    let topic = parts.next()?;
    let partition = parts.next()?.parse().ok().filter(|index| *index >= 0)?;
    let offset = parts.next()?.parse().ok().filter(|offset| *offset >= 0)?;
    parts.next().is_none().then_some((topic, partition, Offset(offset)))
}

/// The file's content.
pub(crate) fn print(offsets: &OffsetsByPartition) -> Bytes {
    let mut text = alloc::format!("0\n{}\n", offsets.len());
    for ((topic, partition), offset) in offsets {
        writeln!(text, "{topic} {partition} {offset}").expect("a string takes all");
    }
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_kafka_wrote_is_read() {
        let offsets = parse(b"0\n2\nmany-segments 0 3000\n__consumer_offsets 3 0\n").unwrap();
        assert_eq!(offsets.len(), 2);
        assert_eq!(offsets[&("many-segments".into(), 0)], Offset(3000));
        assert_eq!(offsets[&("__consumer_offsets".into(), 3)], Offset(0));
    }

    #[test]
    fn what_we_print_is_read_back() {
        let offsets = OffsetsByPartition::from([(("a".into(), 0), Offset(7)), (("a".into(), 10), Offset(i64::MAX))]);
        assert_eq!(parse(&print(&offsets)).unwrap(), offsets);
        assert_eq!(&print(&OffsetsByPartition::new())[..], b"0\n0\n");
    }

    #[test]
    fn an_empty_file_has_no_partitions() {
        assert_eq!(parse(b"").unwrap().len(), 0);
        assert_eq!(parse(b"0\n").unwrap().len(), 0);
    }

    #[test]
    fn damage_is_named() {
        let text = |file: &[u8]| parse(file).unwrap_err().to_string();
        assert_eq!(text(b"1\n0\n"), "version 1, where 0 is expected");
        assert_eq!(text(b"0\n2\na 0 1\n"), "1 partitions, but its second line says 2");
        assert_eq!(text(b"0\n1\na 0\n"), "line 3 is \"a 0\", where a topic, a partition and an offset is expected");
        assert_eq!(
            text(b"0\n1\na 0 -1\n"),
            "line 3 is \"a 0 -1\", where a topic, a partition and an offset is expected"
        );
        assert_eq!(text(b"0\nmany\n"), "line 2 is \"many\", where a count is expected");
        assert_eq!(text(b"\xff"), "it is not valid UTF-8");
    }
}
