//! `meta.properties`: whose directory this is.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};

use bytes::Bytes;
use thiserror::Error;

use crate::types::NodeId;
use crate::wire::Uuid;

/// The identity that a directory carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetaProperties {
    /// `cluster.id`: base64url in practice, but any text is accepted, as Kafka does.
    pub cluster_id: String,
    /// `node.id`.
    pub node_id: NodeId,
    /// `directory.id`.
    pub directory_id: Uuid,
}

/// Why a `meta.properties` can't be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MetaPropertiesError {
    /// It is no text.
    #[error("it is not valid UTF-8")]
    Utf8,
    /// A directory is not used without it.
    #[error("{key} is missing")]
    Missing {
        /// What is not there.
        key: &'static str,
    },
    /// A value that can't be.
    #[error("{key} is \"{value}\", where {allowed} is expected")]
    Bad {
        /// Of the property.
        key: &'static str,
        /// What it says.
        value: String,
        /// What it may say.
        allowed: &'static str,
    },
}

/// A file as read: an older one may lack the directory id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    /// `cluster.id`.
    pub cluster_id: String,
    /// `node.id`.
    pub node_id: NodeId,
    /// `directory.id`.
    pub directory_id: Option<Uuid>,
}

impl MetaProperties {
    /// As the file has it.
    pub(super) fn to_bytes(&self) -> Bytes {
        let Self { cluster_id, node_id, directory_id } = self;
        let cluster_id = escape(cluster_id);
        alloc::format!("version=1\ncluster.id={cluster_id}\nnode.id={node_id}\ndirectory.id={directory_id}\n").into()
    }
}

/// Ids that Kafka keeps for itself: none, "lost" and "migrating" are directories below 100.
fn is_reserved(id: Uuid) -> bool {
    id.0 < 100
}

impl Read {
    /// Reads the file.
    ///
    /// # Errors
    /// Where it can't be the file of a directory that KRaft uses.
    pub fn parse(bytes: &[u8]) -> Result<Self, MetaPropertiesError> {
        let properties = properties(core::str::from_utf8(bytes).map_err(|_| MetaPropertiesError::Utf8)?);
        let get = |key: &'static str| properties.get(key).ok_or(MetaPropertiesError::Missing { key });
        let bad = |key: &'static str, value: &str, allowed: &'static str| MetaPropertiesError::Bad {
            key,
            value: value.to_string(),
            allowed,
        };

        let version = get("version")?;
        if version != "1" {
            return Err(bad("version", version, "1 (a directory of KRaft)"));
        }
        let cluster_id = get("cluster.id")?;
        if cluster_id.is_empty() {
            return Err(bad("cluster.id", cluster_id, "the cluster's id"));
        }
        let node_id = get("node.id")?;
        let Some(number) = node_id.parse().ok().filter(|number| *number >= 0) else {
            return Err(bad("node.id", node_id, "a number from 0 on"));
        };
        let directory_id = match properties.get("directory.id") {
            None => None,
            Some(text) => match Uuid::parse(text).filter(|id| !is_reserved(*id)) {
                None => return Err(bad("directory.id", text, "a UUID in base64url that Kafka does not reserve")),
                some => some,
            },
        };
        Ok(Self { cluster_id: cluster_id.clone(), node_id: NodeId(number), directory_id })
    }
}

/// The keys and values of a file in Java's properties format, in which a later key wins.
fn properties(text: &str) -> BTreeMap<String, String> {
    let mut properties = BTreeMap::new();
    for line in text.lines() {
        let line = line.trim_start();
        if line.is_empty() || line.starts_with(['#', '!']) {
            continue;
        }
        let (key, value) = split(line);
        properties.insert(key, value);
    }
    properties
}

/// Splits at the first `=`, `:` or blank that no backslash stands before.
fn split(line: &str) -> (String, String) {
    let mut key = String::new();
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => key.extend(letters.next()),
            '=' | ':' => break,
            ' ' | '\t' => {
                let rest = letters.as_str().trim_start();
                letters = rest.strip_prefix(['=', ':']).unwrap_or(rest).chars();
                break;
            }
            other => key.push(other),
        }
    }
    let mut value = String::new();
    let mut letters = letters.as_str().trim().chars();
    while let Some(letter) = letters.next() {
        if letter == '\\' { value.extend(letters.next()) } else { value.push(letter) }
    }
    (key, value)
}

fn escape(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for letter in value.chars() {
        if matches!(letter, '\\' | '=' | ':' | '#' | '!') {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_kafka_wrote_is_read() {
        let file = b"#\n#Mon Nov 23 06:14:17 UTC 2026\nnode.id=1\ndirectory.id=2ZiEA2e6HXTPg3l9zSthpQ\nversion=1\n\
            cluster.id=o6uFVm--SDu0t_AQ-pWhsA\n";
        let read = Read::parse(file).unwrap();
        assert_eq!(read.node_id, NodeId(1));
        assert_eq!(read.cluster_id, "o6uFVm--SDu0t_AQ-pWhsA");
        assert_eq!(read.directory_id, Uuid::parse("2ZiEA2e6HXTPg3l9zSthpQ"));
    }

    #[test]
    fn what_we_write_is_read_back() {
        let ours = MetaProperties {
            cluster_id: "a:b=c\\d".to_string(),
            node_id: NodeId(7),
            directory_id: Uuid(0x1234_5678_9abc_4def_8000_0000_0000_0001),
        };
        let read = Read::parse(&ours.to_bytes()).unwrap();
        assert_eq!(read.cluster_id, ours.cluster_id);
        assert_eq!(read.node_id, ours.node_id);
        assert_eq!(read.directory_id, Some(ours.directory_id));
    }

    #[test]
    fn separators_and_blanks_are_as_in_java() {
        let read = Read::parse(b"  version : 1 \r\nnode.id 3\ncluster.id = my\\ cluster\n! a comment\n").unwrap();
        assert_eq!((read.node_id, read.cluster_id.as_str(), read.directory_id), (NodeId(3), "my cluster", None));
    }

    #[test]
    fn a_fault_names_the_key_and_the_value() {
        let text = |file: &[u8]| Read::parse(file).unwrap_err().to_string();
        assert_eq!(text(b"node.id=1\n"), "version is missing");
        assert_eq!(text(b"version=0\n"), "version is \"0\", where 1 (a directory of KRaft) is expected");
        assert_eq!(
            text(b"version=1\ncluster.id=x\nnode.id=-1"),
            "node.id is \"-1\", where a number from 0 on is expected"
        );
        let reserved = b"version=1\ncluster.id=x\nnode.id=1\ndirectory.id=AAAAAAAAAAAAAAAAAAAAAA";
        assert!(text(reserved).starts_with("directory.id is \"AAAA"));
    }
}
