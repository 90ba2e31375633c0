//! `partition.metadata`: which topic a directory belongs to.

use alloc::format;

use bytes::Bytes;
use thiserror::Error;

use crate::wire::Uuid;

/// Why the file can't be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MetadataFault {
    /// Another version, or no text.
    #[error("partition.metadata: version 0 expected")]
    Version,
    /// It does not name a topic.
    #[error("partition.metadata: no topic_id that is a uuid")]
    TopicId,
}

pub(super) fn to_bytes(topic_id: Uuid) -> Bytes {
    Bytes::from(format!("version: 0\ntopic_id: {topic_id}").into_bytes())
}

/// The topic's id; with or without padding, with or without a last newline.
///
/// # Errors
/// Where there is none.
pub fn parse(bytes: &[u8]) -> Result<Uuid, MetadataFault> {
    let text = core::str::from_utf8(bytes).map_err(|_| MetadataFault::Version)?;
    let value = |key: &str| {
        let pairs = text.lines().filter_map(|line| line.split_once(':'));
        pairs.filter(|(name, _)| name.trim() == key).map(|(_, value)| value.trim()).next()
    };
    if value("version") != Some("0") {
        return Err(MetadataFault::Version);
    }
    value("topic_id").and_then(Uuid::parse).ok_or(MetadataFault::TopicId)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_topic_id_is_read_with_and_without_padding_and_newline() {
        let id = Uuid(0x1234_5678_9abc_def0_1122_3344_5566_7788);
        assert_eq!(to_bytes(id).len(), 43);
        assert_eq!(parse(&to_bytes(id)), Ok(id));
        assert_eq!(parse(format!("version: 0\ntopic_id: {id}==\n").as_bytes()), Ok(id));
        assert_eq!(parse(b"version: 1\ntopic_id: x"), Err(MetadataFault::Version));
        assert_eq!(parse(b"version: 0\ntopic_id: x"), Err(MetadataFault::TopicId));
    }
}
