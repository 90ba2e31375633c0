//! What control batches hold: records for brokers, which no consumer gets.

use alloc::vec::Vec;

use bytes::Bytes;
use thiserror::Error;

use crate::wire::messages::control_records::{
    EndTxnMarker, KRaftVersionRecord, LeaderChangeMessage, SnapshotFooterRecord, SnapshotHeaderRecord, VotersRecord,
};
use crate::wire::{DecodeError, Field as _, Message, Reader};

/// A control record, by its type.
#[derive(Clone, Debug, PartialEq)]
pub enum ControlRecord {
    /// Type 0: the producer's transaction did not happen.
    Abort(EndTxnMarker),
    /// Type 1: the producer's transaction did happen.
    Commit(EndTxnMarker),
    /// Type 2: a quorum has a new leader.
    LeaderChange(LeaderChangeMessage),
    /// Type 3: a snapshot begins.
    SnapshotHeader(SnapshotHeaderRecord),
    /// Type 4: a snapshot is complete.
    SnapshotFooter(SnapshotFooterRecord),
    /// Type 5: the quorum's protocol has a new version.
    KraftVersion(KRaftVersionRecord),
    /// Type 6: the quorum has other voters.
    KraftVoters(VotersRecord),
}

/// Why a control record can't be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ControlError {
    /// The key is not a version and a type.
    #[error("a key of 4 bytes or more expected, found {0}")]
    Key(usize),
    /// A type that we don't know. Later releases may have more: such a record is to be passed over.
    #[error("control record type 0 to 6 expected, found {0}")]
    Type(i16),
    /// There is no value.
    #[error("a value expected, found null")]
    Null,
    /// The value is not what its type says.
    #[error(transparent)]
    Value(#[from] DecodeError),
}

/// The only version of keys and of most values.
const VERSION: i16 = 0;

impl ControlRecord {
    /// Reads a control record.
    ///
    /// # Errors
    /// Where the type is unknown or the value is not of it.
    pub fn decode(key: Option<&[u8]>, value: Option<&[u8]>) -> Result<Self, ControlError> {
        let key = key.unwrap_or_default();
        let Some(&[_, _, high, low]) = key.first_chunk() else { return Err(ControlError::Key(key.len())) };
        let record_type = i16::from_be_bytes([high, low]);
        let value = value.map(Bytes::copy_from_slice).ok_or(ControlError::Null);
        Ok(match record_type {
            0 => Self::Abort(read_marker(value?)?),
            1 => Self::Commit(read_marker(value?)?),
            2 => Self::LeaderChange(read_leader_change(value?)?),
            3 => Self::SnapshotHeader(read(value?, VERSION)?),
            4 => Self::SnapshotFooter(read(value?, VERSION)?),
            5 => Self::KraftVersion(read(value?, VERSION)?),
            6 => Self::KraftVoters(read(value?, VERSION)?),
            unknown => return Err(ControlError::Type(unknown)),
        })
    }

    /// Its number.
    #[must_use]
    pub fn record_type(&self) -> i16 {
        match self {
            Self::Abort(_) => 0,
            Self::Commit(_) => 1,
            Self::LeaderChange(_) => 2,
            Self::SnapshotHeader(_) => 3,
            Self::SnapshotFooter(_) => 4,
            Self::KraftVersion(_) => 5,
            Self::KraftVoters(_) => 6,
        }
    }

    /// The key of its record: a version and the type.
    #[must_use]
    pub fn key(&self) -> [u8; 4] {
        let ([v0, v1], [t0, t1]) = (VERSION.to_be_bytes(), self.record_type().to_be_bytes());
        [v0, v1, t0, t1]
    }

    /// The value of its record.
    #[must_use]
    pub fn value(&self) -> Bytes {
        match self {
            // The one value with its version in front: the others have theirs as a field.
            Self::Abort(marker) | Self::Commit(marker) => {
                let mut value = Vec::from(VERSION.to_be_bytes());
                value.extend_from_slice(&marker.to_bytes(VERSION));
                value.into()
            }
            Self::LeaderChange(message) => message.to_bytes(leader_change_version(message.version)),
            Self::SnapshotHeader(record) => record.to_bytes(VERSION),
            Self::SnapshotFooter(record) => record.to_bytes(VERSION),
            Self::KraftVersion(record) => record.to_bytes(VERSION),
            Self::KraftVoters(record) => record.to_bytes(VERSION),
        }
    }
}

/// What later versions put behind a value is passed over, as Kafka does.
fn read<M: Message>(value: Bytes, version: i16) -> Result<M, DecodeError> {
    M::read(&mut Reader::new(&value), version)
}

fn read_marker(value: Bytes) -> Result<EndTxnMarker, DecodeError> {
    let mut reader = Reader::new(&value);
    i16::decode(&mut reader, EndTxnMarker::context(VERSION))?;
    EndTxnMarker::read(&mut reader, VERSION)
}

/// The version is the first field as well.
fn read_leader_change(value: Bytes) -> Result<LeaderChangeMessage, DecodeError> {
    let version = value.first_chunk().map_or(VERSION, |bytes| i16::from_be_bytes(*bytes));
    read(value, leader_change_version(version))
}

fn leader_change_version(version: i16) -> i16 {
    version.clamp(*LeaderChangeMessage::VERSIONS.start(), *LeaderChangeMessage::VERSIONS.end())
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::wire::Uuid;
    use crate::wire::messages::control_records::Voter;

    #[test]
    fn a_transaction_marker_is_the_one_that_kafka_writes() {
        let commit = ControlRecord::Commit(EndTxnMarker { coordinator_epoch: 7, ..Default::default() });
        assert_eq!((commit.key(), &commit.value()[..]), ([0, 0, 0, 1], &[0, 0, 0, 0, 0, 7][..]));
        assert_eq!(ControlRecord::decode(Some(&commit.key()), Some(&commit.value())), Ok(commit));
        let later = ControlRecord::decode(Some(&[0, 9, 0, 0]), Some(&[0, 9, 0, 0, 0, 3, 1, 2, 3])).unwrap();
        assert_eq!(later, ControlRecord::Abort(EndTxnMarker { coordinator_epoch: 3, ..Default::default() }));
    }

    #[test]
    fn every_control_record_comes_back() {
        let voter = Voter { voter_id: 1, voter_directory_id: Uuid(5), ..Default::default() };
        let leader_change = LeaderChangeMessage { version: 1, leader_id: 1, voters: vec![voter], ..Default::default() };
        let all = [
            ControlRecord::Abort(EndTxnMarker::default()),
            ControlRecord::Commit(EndTxnMarker::default()),
            ControlRecord::LeaderChange(leader_change),
            ControlRecord::SnapshotHeader(SnapshotHeaderRecord {
                last_contained_log_timestamp: 9,
                ..Default::default()
            }),
            ControlRecord::SnapshotFooter(SnapshotFooterRecord::default()),
            ControlRecord::KraftVersion(KRaftVersionRecord { k_raft_version: 1, ..Default::default() }),
            ControlRecord::KraftVoters(VotersRecord { voters: vec![Default::default()], ..Default::default() }),
        ];
        for (number, record) in all.into_iter().enumerate() {
            assert_eq!(record.record_type(), number as i16);
            assert_eq!(ControlRecord::decode(Some(&record.key()), Some(&record.value())), Ok(record));
        }
    }

    #[test]
    fn what_is_no_control_record_is_refused() {
        assert_eq!(ControlRecord::decode(None, Some(&[])), Err(ControlError::Key(0)));
        assert_eq!(ControlRecord::decode(Some(&[0, 0, 0]), Some(&[])), Err(ControlError::Key(3)));
        assert_eq!(ControlRecord::decode(Some(&[0, 0, 0, 7]), None), Err(ControlError::Type(7)));
        assert_eq!(ControlRecord::decode(Some(&[0, 0, 0, 1]), None), Err(ControlError::Null));
        let cut = ControlRecord::decode(Some(&[0, 0, 0, 1]), Some(&[0, 0, 0]));
        assert!(matches!(cut, Err(ControlError::Value(_))), "{cut:?}");
    }
}
