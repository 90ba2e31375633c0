//! `quorum-state`: the last term of the metadata log's leader, on disk before that term's first record, so that an offset
//! and an epoch together name one record for ever.

use alloc::format;
use alloc::string::String;

use bytes::Bytes;

use crate::types::{LeaderEpoch, NodeId};

/// What the file says, as far as a single node needs it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct QuorumState {
    /// The last term.
    pub leader_epoch: LeaderEpoch,
    /// 0 where the voters are those of the configuration, 1 where they are in the log.
    pub version: u8,
}

impl QuorumState {
    /// Reads the file: one JSON object of plain numbers and strings.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let text = core::str::from_utf8(bytes).ok()?;
        let leader_epoch = number(text, "leaderEpoch")?;
        let version = number(text, "data_version")?;
        Some(Self { leader_epoch: LeaderEpoch(leader_epoch), version: u8::try_from(version).ok()? })
    }

    /// The file's content where `node_id` leads.
    pub fn to_bytes(self, node_id: NodeId) -> Bytes {
        let epoch = self.leader_epoch;
        let text: String = if self.version == 0 {
            format!(
                "{{\"clusterId\":\"\",\"leaderId\":{node_id},\"leaderEpoch\":{epoch},\"votedId\":-1,\"appliedOffset\":0,\
                \"currentVoters\":[{{\"voterId\":{node_id}}}],\"data_version\":0}}"
            )
        } else {
            format!(
                "{{\"leaderId\":{node_id},\"leaderEpoch\":{epoch},\"votedId\":-1,\
                \"votedDirectoryId\":\"AAAAAAAAAAAAAAAAAAAAAA\",\"data_version\":1}}"
            )
        };
        text.into()
    }
}

/// The value of a key that stands once in the object.
fn number(json: &str, key: &str) -> Option<i32> {
    let (_, after) = json.split_once(&format!("\"{key}\""))?;
    let value = after.trim_start().strip_prefix(':')?.trim_start();
    let end = value.find(|letter: char| !letter.is_ascii_digit() && letter != '-').unwrap_or(value.len());
    value[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FROM_KAFKA: &[u8] =
        b"{\"clusterId\":\"\",\"leaderId\":1,\"leaderEpoch\":2,\"votedId\":-1,\"appliedOffset\":0,\
        \"currentVoters\":[{\"voterId\":1}],\"data_version\":0}";

    #[test]
    fn what_kafka_wrote_is_read_and_written_alike() {
        let state = QuorumState::parse(FROM_KAFKA).unwrap();
        assert_eq!(state, QuorumState { leader_epoch: LeaderEpoch(2), version: 0 });
        assert_eq!(&state.to_bytes(NodeId(1))[..], FROM_KAFKA);
    }

    #[test]
    fn the_version_with_voters_in_the_log_stays() {
        let state = QuorumState { leader_epoch: LeaderEpoch(9), version: 1 };
        assert_eq!(QuorumState::parse(&state.to_bytes(NodeId(3))), Some(state));
    }

    #[test]
    fn damage_is_noticed() {
        for damaged in [&b""[..], b"{}", b"{\"leaderEpoch\":\"x\",\"data_version\":0}", b"\xff\xff"] {
            assert_eq!(QuorumState::parse(damaged), None);
        }
    }
}
