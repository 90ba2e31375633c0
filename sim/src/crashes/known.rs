//! What the script's client was promised and what it tried: the measure of what is there after a crash.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use ottla_core::wire::Uuid;

use super::judged::Judged;
use crate::history::{CompactionLimits, Limits, Moment, View};
use crate::records::{Identity, Keys, NewBatch, RecordId};

/// All that is known.
#[derive(Clone, Debug, Default)]
pub struct Known {
    pub topics: Vec<Topic>,
    pub identity: Option<Identity>,
}

/// What a topic is there for.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    pub name: &'static str,
    /// Configs beside those of all topics.
    pub configs: &'static [(&'static str, &'static str)],
    /// Each append is synced before it is acknowledged.
    pub is_strict: bool,
    pub limits: Limits,
}

/// A topic of one partition, in one of its lives.
#[derive(Clone, Debug)]
pub struct Topic {
    pub kind: Kind,
    pub state: State,
    pub id: Uuid,
    /// Batches of the producer, as they were sent.
    pub batches: Vec<Sent>,
    pub log: Judged,
    pub acknowledged: BTreeMap<i64, RecordId>,
    /// DeleteRecords said that it starts here.
    pub start: i64,
    /// What it has of its own, as far as that is acknowledged.
    pub configs: Configs,
    /// What it will have once the change that is under way is done.
    pub changing: Option<Configs>,
    /// A sync failed, and the broker must not serve it any more in this run.
    pub is_refused: bool,
    /// Somebody writes to it.
    pub is_in_use: bool,
    next_number: u32,
    /// No record with one of these keys is sent any more.
    silent: BTreeSet<u8>,
}

/// Configs by name.
pub type Configs = BTreeMap<String, String>;

/// Whether a topic is to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    BeingCreated,
    There,
    BeingDeleted,
    Gone,
}

/// A batch as it was sent.
#[derive(Clone, Debug)]
pub struct Sent {
    pub base_sequence: i32,
    pub records: Vec<RecordId>,
    pub bytes: Bytes,
    /// Where it is, once that is acknowledged.
    pub offset: Option<i64>,
}

const KEPT: Limits = Limits { retention_ms: None, retention_bytes: None, compaction: None };
const KEYS: Keys = Keys(4);
/// A tombstone stays so long.
const DELETE_RETENTION_MS: i64 = 1_500;
const VALUE_MAX_BYTES: u64 = 300;

const fn compacted(delete_retention_ms: i64) -> Limits {
    Limits {
        compaction: Some(CompactionLimits { keys: KEYS, delete_retention_ms, min_lag_ms: 0, clock_slack_ms: 0 }),
        ..KEPT
    }
}

/// Every batch is synced; what is more than some segments goes.
pub const STRICT: Kind = Kind {
    name: "strict",
    configs: &[("flush.messages", "1"), ("retention.bytes", "6000")],
    is_strict: true,
    // As the script changes it.
    limits: Limits { retention_bytes: Some(5_000), ..KEPT },
};
/// Nothing is synced before its time; records are deleted on request.
pub const LOOSE: Kind = Kind { name: "loose", configs: &[], is_strict: false, limits: KEPT };
/// What is older than some seconds goes.
pub const TIMED: Kind = Kind {
    name: "timed",
    configs: &[("flush.messages", "1"), ("retention.ms", "4000")],
    is_strict: true,
    limits: Limits { retention_ms: Some(4_000), ..KEPT },
};
/// Compacted, and every batch is synced.
pub const KEYED: Kind = Kind {
    name: "keyed",
    configs: &[
        ("cleanup.policy", "compact"),
        ("flush.messages", "1"),
        ("min.cleanable.dirty.ratio", "0.01"),
        ("delete.retention.ms", "1500"),
    ],
    is_strict: true,
    limits: compacted(DELETE_RETENTION_MS),
};
/// Compacted, and nothing is synced before its time.
pub const KEYED_LOOSE: Kind = Kind {
    name: "keyed-loose",
    configs: &[
        ("cleanup.policy", "compact"),
        ("min.cleanable.dirty.ratio", "0.01"),
        ("delete.retention.ms", "100000000"),
    ],
    is_strict: false,
    limits: compacted(100_000_000),
};
/// Moves from one log directory to another.
pub const MOVED: Kind = Kind { name: "moved", configs: &[("flush.messages", "1")], is_strict: true, limits: KEPT };
/// Deleted and created again.
pub const BRIEF: Kind = Kind { name: "brief", configs: &[("flush.messages", "1")], is_strict: true, limits: KEPT };

impl Known {
    /// The latest life of a topic.
    pub fn topic(&mut self, name: &str) -> &mut Topic {
        self.topics.iter_mut().rev().find(|topic| topic.kind.name == name).expect("the script creates it first")
    }
}

impl Topic {
    /// One that is about to be created.
    pub fn new(kind: Kind, configs: Configs) -> Self {
        Self {
            kind,
            state: State::BeingCreated,
            id: Uuid::ZERO,
            batches: Vec::new(),
            log: Judged::default(),
            acknowledged: BTreeMap::new(),
            start: 0,
            configs: Configs::new(),
            changing: Some(configs),
            is_refused: false,
            is_in_use: true,
            next_number: 0,
            silent: BTreeSet::new(),
        }
    }

    /// What somebody who asks now has to know.
    pub fn view(&self, wall_ms: i64, asked_at: Moment) -> View<'_> {
        View { limits: &self.kind.limits, wall_ms, asked_at, seen_at: asked_at, has_crashed: false }
    }

    /// The producer's next batch, about to be sent.
    pub fn next_batch(&mut self, topic: usize, count: u32, identity: Identity, wall_ms: i64) -> Sent {
        let silent = self.silent.clone();
        let is_fit = |keys: Keys, record| keys.of(record).is_none_or(|key| !silent.contains(&key));
        self.next_with(topic, count, identity, wall_ms, is_fit)
    }

    /// Of a key that has a value no record follows.
    pub fn silence_one(&mut self) {
        let keys = self.keys();
        let records = self.batches.iter().flat_map(|batch| &batch.records);
        let last: BTreeMap<u8, RecordId> = records.filter_map(|record| Some((keys.of(*record)?, *record))).collect();
        self.silent.extend(last.into_iter().find(|(_, record)| !keys.is_tombstone(*record)).map(|(key, _)| key));
    }

    /// A batch with nothing but a tombstone for the last of the keys that are in use; no record of it follows.
    pub fn tombstone(&mut self, topic: usize, identity: Identity, wall_ms: i64) -> Sent {
        let key = (0..self.keys().0).rfind(|key| !self.silent.contains(key)).expect("one key was silenced");
        self.silent.insert(key);
        self.next_with(topic, 1, identity, wall_ms, |keys, record| {
            keys.of(record) == Some(key) && keys.is_tombstone(record)
        })
    }

    /// A batch of the next records that are fit for it.
    fn next_with(
        &mut self,
        topic: usize,
        count: u32,
        identity: Identity,
        wall_ms: i64,
        is_fit: impl Fn(Keys, RecordId) -> bool,
    ) -> Sent {
        let keys = self.keys();
        let records = (self.next_number..).map(|number| RecordId { client: topic as u16, number });
        let records: Vec<RecordId> = records.filter(|record| is_fit(keys, *record)).take(count as usize).collect();
        self.next_number = records.last().map_or(self.next_number, |last| last.number + 1);
        let batch = self.make(records, self.next_sequence(), identity, wall_ms);
        self.log.sent(identity, &batch.records, wall_ms);
        self.batches.push(batch.clone());
        batch
    }

    /// A batch of any records.
    pub fn make(&self, records: Vec<RecordId>, base_sequence: i32, identity: Identity, timestamp_ms: i64) -> Sent {
        let keys = self.keys();
        let batch = NewBatch {
            identity: Some(identity),
            base_sequence,
            timestamp_ms,
            records: &records,
            value_max_bytes: VALUE_MAX_BYTES,
            keys,
        };
        Sent { base_sequence, bytes: batch.encode(), records, offset: None }
    }

    fn keys(&self) -> Keys {
        self.kind.limits.compaction.map_or(Keys::default(), |compaction| compaction.keys)
    }

    /// The sequence after the last batch that was sent.
    pub fn next_sequence(&self) -> i32 {
        self.batches.last().map_or(0, Sent::end_sequence)
    }
}

impl Sent {
    /// The sequence after it.
    pub fn end_sequence(&self) -> i32 {
        self.base_sequence + self.records.len() as i32
    }
}
