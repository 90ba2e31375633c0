//! Committed offsets: what is kept of one, and those that wait for the end of their transaction.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;

use super::group::GroupId;
use crate::types::{LeaderEpoch, Offset, ProducerId, TopicName};
use crate::wire::messages::offset_records::OffsetCommitValue;
use crate::wire::{Str, Uuid};

/// How far a group has read in a partition.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct CommittedOffset {
    /// Of the next record to read.
    pub(crate) offset: Offset,
    /// Of the last record read.
    pub(crate) leader_epoch: LeaderEpoch,
    /// As the client committed it.
    pub(crate) metadata: Box<str>,
    /// In ms since 1970.
    pub(crate) committed_ms: i64,
    /// Where the client asked for an end of its own, in ms since 1970.
    pub(crate) expires_ms: Option<i64>,
    /// Zero where it is not known.
    pub(crate) topic_id: Uuid,
    /// Where it is in the log. Of an offset that was committed in a transaction and one that was not, the later counts,
    /// whenever the transaction ends.
    pub(crate) recorded_at: Offset,
}

impl CommittedOffset {
    /// What a record says. Nothing of the record's memory stays in use.
    pub(crate) fn from_record(value: &OffsetCommitValue, recorded_at: Offset) -> Self {
        Self {
            offset: Offset(value.offset),
            leader_epoch: LeaderEpoch(value.leader_epoch),
            metadata: Box::from(&*value.metadata),
            committed_ms: value.commit_timestamp,
            expires_ms: (value.expire_timestamp >= 0).then_some(value.expire_timestamp),
            topic_id: value.topic_id,
            recorded_at,
        }
    }

    pub(crate) fn metadata(&self) -> Str {
        Str::from(&*self.metadata)
    }
}

/// A partition, for a group.
type Place = (GroupId, TopicName, i32);

/// Offsets of transactions that have not ended.
#[derive(Debug, Default)]
pub(crate) struct Undecided {
    by_producer: BTreeMap<ProducerId, BTreeMap<Place, CommittedOffset>>,
}

impl Undecided {
    pub(crate) fn insert(&mut self, producer: ProducerId, place: Place, committed: CommittedOffset) {
        self.by_producer.entry(producer).or_default().insert(place, committed);
    }

    /// The transaction of this producer ends; these are its offsets.
    pub(crate) fn end(&mut self, producer: ProducerId) -> BTreeMap<Place, CommittedOffset> {
        self.by_producer.remove(&producer).unwrap_or_default()
    }

    /// The offset is forgotten, in whichever transaction.
    pub(crate) fn forget(&mut self, place: &Place) {
        for offsets in self.by_producer.values_mut() {
            offsets.remove(place);
        }
    }

    /// Whether a transaction may still change this offset.
    pub(crate) fn contains(&self, place: &Place) -> bool {
        self.by_producer.values().any(|offsets| offsets.contains_key(place))
    }

    /// Whether a transaction may still change any offset of the group.
    pub(crate) fn contains_group(&self, group: &str) -> bool {
        self.by_producer.values().flat_map(BTreeMap::keys).any(|(of, ..)| **of == *group)
    }

    /// The places in a topic or group that transactions may still change.
    pub(crate) fn places(&self) -> impl Iterator<Item = &Place> {
        self.by_producer.values().flat_map(BTreeMap::keys)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.by_producer.is_empty()
    }
}
