//! What clients saw, and whether it can be true. One [`ledger::Ledger`] a partition holds what is known of it.
//!
//! What does not belong here: how the clients came to see it (`clients`).

mod account;
mod groups;
mod holders;
mod ledger;
mod shares;
mod topics;
mod transactions;

use std::collections::{BTreeMap, BTreeSet};

use ottla_checker::{Isolation, Keeps, Mark, OpId};

use crate::env::ClientId;
use crate::records::{Batch, Identity, Keys, RecordId};
use crate::violation::{Check, Violation};
pub use account::{Account, Sending};
pub use groups::{Answerer, Asked, Ear, GroupLedger, Groups, Rest, Standing};
pub use ledger::Ledger;
pub use shares::{Delivery, ShareLedger, Shares};
pub use topics::{Question, SeenTopic, TopicState, Topics};
pub use transactions::{Seen, TransactionRef, Transactions};

/// A topic of the simulation: one name, or one life of a name that is deleted and created again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TopicRef(pub u32);

/// A partition of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PartitionRef {
    /// Of which topic.
    pub topic: TopicRef,
    /// Which.
    pub index: i32,
}

impl std::fmt::Display for PartitionRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "partition {}-{}", self.topic.0, self.index)
    }
}

/// One life of the broker, from start to end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Life(pub u32);

/// A stretch of lives in which what was seen must hold. A new one begins where a power loss was allowed to take what was acknowledged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timeline(pub u32);

/// All that is known.
#[derive(Debug, Default)]
pub struct History {
    limits: Limits,
    moment: Moment,
    has_crashed: bool,
    ledgers: BTreeMap<PartitionRef, Ledger>,
    /// What everybody asked and saw, for the checker.
    pub account: Account,
    /// Topics that keep everything.
    kept: BTreeSet<TopicRef>,
    /// Which topics there should be.
    pub topics: Topics,
    /// What became of groups and their offsets.
    pub groups: Groups,
    /// What became of transactions.
    pub transactions: Transactions,
    /// What became of the records of share groups.
    pub shares: Shares,
    identities: BTreeSet<Identity>,
    damaged: BTreeSet<PartitionRef>,
    life: Life,
    timeline: Timeline,
    first_life_of_timeline: Life,
}

/// What the broker may delete by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// What is older than this.
    pub retention_ms: Option<u64>,
    /// What is more than this.
    pub retention_bytes: Option<u64>,
    /// What has a later record of its key.
    pub compaction: Option<CompactionLimits>,
}

/// What compaction may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompactionLimits {
    /// Of all records.
    pub keys: Keys,
    /// Tombstones that are older than this.
    pub delete_retention_ms: i64,
    /// Only what is older than this.
    pub min_lag_ms: i64,
    /// How much older than they are the broker's clock may have made records.
    pub clock_slack_ms: i64,
}

/// A moment of the history: it goes on with everything that is seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub u64);

/// What somebody who reads has to know.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// What may be gone.
    pub limits: &'a Limits,
    /// The latest that the broker's clock has said.
    pub wall_ms: i64,
    /// When the question was asked.
    pub asked_at: Moment,
    /// When the answer came.
    pub seen_at: Moment,
    /// The broker has ended otherwise than in good order.
    pub has_crashed: bool,
}

impl View<'_> {
    /// How old the broker may think that a record is.
    fn age_ms(&self, timestamp_ms: i64) -> i64 {
        let slack_ms = self.limits.compaction.map_or(0, |compaction| compaction.clock_slack_ms);
        self.wall_ms.saturating_sub(timestamp_ms).saturating_add(slack_ms)
    }
}

impl History {
    /// Nothing is known yet.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// The broker ends otherwise than in good order.
    pub fn crashed(&mut self) {
        self.has_crashed = true;
    }

    /// Now.
    #[must_use]
    pub fn moment(&self) -> Moment {
        self.moment
    }

    fn view(&self, asked_at: Moment, wall_ms: i64) -> View<'_> {
        View { limits: &self.limits, wall_ms, asked_at, seen_at: self.moment, has_crashed: self.has_crashed }
    }

    /// The broker starts again; with `may_have_forgotten`, from a disk that may have lost what was acknowledged.
    pub fn restarted(&mut self, may_have_forgotten: bool) {
        self.life.0 += 1;
        if may_have_forgotten {
            self.timeline.0 += 1;
            self.first_life_of_timeline = self.life;
            self.ledgers.values_mut().for_each(Ledger::begin_timeline);
            self.groups.begin_timeline();
            self.transactions.begin_timeline();
        }
        self.account.restarted(may_have_forgotten);
        self.shares.restarted(may_have_forgotten);
        self.ledgers.values_mut().for_each(Ledger::begin_life);
    }

    /// The broker's present life.
    #[must_use]
    pub fn life(&self) -> Life {
        self.life
    }

    /// The present timeline.
    #[must_use]
    pub fn timeline(&self) -> Timeline {
        self.timeline
    }

    /// The timeline to which a life belongs; of earlier ones it only matters that they are over.
    #[must_use]
    pub fn timeline_of(&self, life: Life) -> Timeline {
        if life >= self.first_life_of_timeline { self.timeline } else { Timeline(self.timeline.0 - 1) }
    }

    /// What is known of a partition.
    #[must_use]
    pub fn ledger(&self, partition: PartitionRef) -> Option<&Ledger> {
        self.ledgers.get(&partition)
    }

    /// A producer got its identity.
    ///
    /// # Errors
    /// Somebody else has it.
    pub fn identified(&mut self, identity: Identity) -> Result<(), Violation> {
        if self.identities.insert(identity) {
            return Ok(());
        }
        Err(Violation::history(Check::ProducerId, format!("{identity:?} was given out twice")))
    }

    /// Nothing of a topic goes by itself.
    pub fn keeps_all(&mut self, topic: TopicRef) {
        self.kept.insert(topic);
    }

    /// The account has heard of a partition.
    fn know(&mut self, partition: PartitionRef) {
        if self.account.knows(partition) {
            return;
        }
        let name = format!("{}-{}", self.topics.name_of(partition.topic), partition.index);
        let keeps = match self.limits {
            _ if self.kept.contains(&partition.topic) => Keeps::All,
            Limits { compaction: Some(_), .. } => Keeps::Some,
            Limits { retention_ms: None, retention_bytes: None, .. } => Keeps::All,
            _ => Keeps::Recent,
        };
        self.account.add_partition(partition, &name, keeps);
    }

    /// A batch is about to be sent, for the first time or again; `again` is the operation that goes on, if one does.
    pub fn sent(&mut self, sending: &Sending<'_>, again: Option<OpId>) -> OpId {
        let Sending { partition, records, timestamp_ms, .. } = *sending;
        self.ledgers.entry(partition).or_default().sent(records, timestamp_ms);
        self.know(partition);
        again.unwrap_or_else(|| self.account.sends(sending, None))
    }

    /// A batch was acknowledged in `life`, its first record at `base_offset`. Says whether it was known to be there.
    ///
    /// # Errors
    /// It can't be there.
    pub fn acknowledged(
        &mut self,
        op: OpId,
        life: Life,
        partition: PartitionRef,
        base_offset: i64,
        records: &[RecordId],
    ) -> Result<bool, Violation> {
        self.account.sent(op, base_offset, records.len())?;
        if life < self.first_life_of_timeline {
            return Ok(false);
        }
        let ledger = self.ledgers.entry(partition).or_default();
        ledger.acknowledged(base_offset, records).map_err(|error| within(partition, error))
    }

    /// A consumer that asked got `batches`, when the broker's clock had said no more than `wall_ms`; the next position.
    ///
    /// # Errors
    /// They can't be what is there.
    pub fn read(&mut self, asked: &Read, batches: &[Batch], wall_ms: i64) -> Result<i64, Violation> {
        let Read { life, partition, position, asked_at } = *asked;
        self.moment.0 += 1;
        let is_of_timeline = life >= self.first_life_of_timeline;
        let mut ledger = self.ledgers.remove(&partition).unwrap_or_default();
        let view = self.view(asked_at, wall_ms);
        let next = ledger.read(position, batches, is_of_timeline, &view);
        self.ledgers.insert(partition, ledger);
        self.know(partition);
        let end = batches.last().map_or(position, |batch| batch.end_offset);
        self.account.reads(partition, position, end.max(position), batches);
        next.map_err(|error| within(partition, error))
    }

    /// The highest end of a partition that anybody has seen in this life: what an answer to a question asked now must not be below.
    #[must_use]
    pub fn known_end(&self, partition: PartitionRef) -> KnownEnd {
        let end = self.ledgers.get(&partition).map_or(0, Ledger::known_end);
        KnownEnd { life: self.life, end }
    }

    /// An answer said that a partition's high watermark is `end`; the question was asked in that life.
    pub fn saw_end(&mut self, partition: PartitionRef, asked_in: Life, end: i64) {
        self.account.saw(Mark::HighWatermark, end);
        if asked_in == self.life {
            self.ledgers.entry(partition).or_default().saw_end(end);
        }
    }

    /// Where a partition is known to start, for good: an answer to a question asked now must not say less.
    #[must_use]
    pub fn known_start(&self, partition: PartitionRef) -> i64 {
        self.ledgers.get(&partition).map_or(0, Ledger::start)
    }

    /// Over power losses that are forgiven, too, which is more than the checker asks for.
    ///
    /// An answer said that a partition starts at `start`; the question was asked when `known` was known, and the
    /// broker's clock has said no more than `wall_ms`. How many records were there that are not any more.
    ///
    /// # Errors
    /// It went back, or what was deleted should be there.
    pub fn saw_start(
        &mut self,
        partition: PartitionRef,
        known: i64,
        start: i64,
        wall_ms: i64,
    ) -> Result<u64, Violation> {
        if start < known {
            let text = format!("{partition}: {start} after {known} was seen");
            return Err(Violation::history(Check::Starts, text));
        }
        let ledger = self.ledgers.entry(partition).or_default();
        ledger.saw_start(start, wall_ms, &self.limits).map_err(|error| within(partition, error))
    }

    /// Records before `offset` are about to be deleted; all that there are, if `None`.
    pub fn deletes(&mut self, client: ClientId, partition: PartitionRef, offset: Option<i64>) -> OpId {
        self.ledgers.entry(partition).or_default().deletes(offset);
        self.know(partition);
        self.account.deletes(client, partition, offset)
    }

    /// Somebody asks where a partition's mark is.
    pub fn observes(&mut self, client: ClientId, partition: PartitionRef, mark: Mark) -> OpId {
        self.know(partition);
        self.account.observes(client, partition, mark)
    }

    /// Somebody asks for records, or for committed ones only.
    pub fn polls(&mut self, client: ClientId, sees_committed: bool) -> OpId {
        let isolation = if sees_committed { Isolation::Committed } else { Isolation::Uncommitted };
        self.account.polls(client, isolation)
    }

    /// A request to delete all records was answered: they went up to `offset`.
    pub fn deleted_all(&mut self, partition: PartitionRef, offset: i64) {
        self.ledgers.entry(partition).or_default().deleted_all(offset);
    }

    /// The last reader came to the end of a partition, from where it starts on.
    ///
    /// # Errors
    /// Something is missing.
    pub fn audited(&self, partition: PartitionRef, end: i64, wall_ms: i64) -> Result<(), Violation> {
        let Some(ledger) = self.ledgers.get(&partition) else { return Ok(()) };
        ledger.audited(end, &self.view(self.moment, wall_ms)).map_err(|error| within(partition, error))
    }

    /// A power loss left a hole in the log of the partition that has this directory: it may go offline.
    pub fn damaged(&mut self, directory: &str) {
        let Some((name, index)) = directory.rsplit_once('-') else { return };
        let Ok(index) = index.parse() else { return };
        if name == "__share_group_state" {
            self.shares.damaged();
        } else if name == "__transaction_state" {
            self.transactions.damaged();
        } else if name == "__consumer_offsets" {
            self.groups.damaged(index);
            self.shares.damaged();
            self.transactions.damaged();
        } else if let Some(partition) = self.topics.partition(name, index) {
            self.damaged.insert(partition);
            if self.transactions.has(partition) {
                self.transactions.damaged();
            }
        }
    }

    /// The end: whether all records of this topic were delivered to the groups that share them.
    ///
    /// # Errors
    /// One was not.
    pub fn judge_shares(&self, deliveries_max: i16, topic: &str) -> Result<(), Violation> {
        let Some(topic) = self.topics.lasting(topic).map(|state| state.topic) else { return Ok(()) };
        let of_topic = self.ledgers.iter().filter(|(partition, _)| partition.topic == topic);
        let there = of_topic.filter(|(partition, _)| !self.damaged.contains(partition));
        let records = there.flat_map(|(partition, ledger)| ledger.offsets().map(|offset| (*partition, offset)));
        self.shares.judge(deliveries_max, records)
    }

    /// Whether a power loss left a hole in any log.
    #[must_use]
    pub fn has_damage(&self) -> bool {
        !self.damaged.is_empty()
            || self.groups.has_damage()
            || self.shares.has_damage()
            || self.transactions.has_damage()
    }

    /// Whether a power loss left a hole in a partition's log.
    #[must_use]
    pub fn is_damaged(&self, partition: PartitionRef) -> bool {
        self.damaged.contains(&partition)
    }

    /// Partitions to which anything was sent.
    pub fn partitions(&self) -> impl Iterator<Item = PartitionRef> {
        self.ledgers.keys().copied()
    }
}

/// What a consumer asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Read {
    /// Of which life of the broker.
    pub life: Life,
    /// Where.
    pub partition: PartitionRef,
    /// From which offset on.
    pub position: i64,
    /// When.
    pub asked_at: Moment,
}

/// An end that was seen, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownEnd {
    /// In which life.
    pub life: Life,
    /// How far.
    pub end: i64,
}

fn within(partition: PartitionRef, violation: Violation) -> Violation {
    match violation {
        Violation::History { check, text } => Violation::history(check, format!("{partition}: {text}")),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARTITION: PartitionRef = PartitionRef { topic: TopicRef(1), index: 0 };

    #[test]
    fn a_start_that_goes_back_is_found_even_after_a_forgiven_power_loss() {
        let mut history = History::default();
        history.deletes(ClientId(1), PARTITION, Some(5));
        let early = history.known_start(PARTITION);
        history.saw_start(PARTITION, early, 5, 0).unwrap();
        let late = history.known_start(PARTITION);
        assert_eq!(history.saw_start(PARTITION, early, 3, 0), Ok(0), "asked before the 5 was seen");
        history.restarted(true);
        assert!(history.saw_start(PARTITION, late, 4, 0).is_err());
        assert_eq!(history.known_start(PARTITION), 5);
    }

    #[test]
    fn a_producer_id_given_out_twice_is_found() {
        let mut history = History::default();
        let identity = Identity { producer_id: 1, epoch: 0 };
        assert_eq!(history.identified(identity), Ok(()));
        assert!(history.identified(identity).is_err());
    }
}
