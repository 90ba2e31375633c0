//! What clients saw, and whether it can be true. One [`ledger::Ledger`] a partition holds what is known of it.
//!
//! What does not belong here: how the clients came to see it (`clients`).

mod ledger;
mod topics;

use std::collections::{BTreeMap, BTreeSet};

use crate::records::{Batch, Identity, RecordId};
use crate::violation::{Check, Violation};
pub use ledger::Ledger;
pub use topics::{Question, SeenTopic, TopicState, Topics};

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
    ledgers: BTreeMap<PartitionRef, Ledger>,
    /// Which topics there should be.
    pub topics: Topics,
    identities: BTreeSet<Identity>,
    damaged: BTreeSet<PartitionRef>,
    life: Life,
    timeline: Timeline,
    first_life_of_timeline: Life,
}

impl History {
    /// The broker starts again; with `may_have_forgotten`, from a disk that may have lost what was acknowledged.
    pub fn restarted(&mut self, may_have_forgotten: bool) {
        self.life.0 += 1;
        if may_have_forgotten {
            self.timeline.0 += 1;
            self.first_life_of_timeline = self.life;
            self.ledgers.values_mut().for_each(Ledger::begin_timeline);
        }
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

    /// A batch is about to be sent, for the first time or again.
    pub fn sent(&mut self, partition: PartitionRef, identity: Option<Identity>, records: &[RecordId]) {
        self.ledgers.entry(partition).or_default().sent(identity, records);
    }

    /// A batch was acknowledged in `life`, its first record at `base_offset`. Says whether it was known to be there.
    ///
    /// # Errors
    /// It can't be there.
    pub fn acknowledged(
        &mut self,
        life: Life,
        partition: PartitionRef,
        identity: Option<Identity>,
        base_offset: i64,
        records: &[RecordId],
    ) -> Result<bool, Violation> {
        if life < self.first_life_of_timeline {
            return Ok(false);
        }
        let ledger = self.ledgers.entry(partition).or_default();
        ledger.acknowledged(identity, base_offset, records).map_err(|error| within(partition, error))
    }

    /// A consumer that asked for `position` in `life` got `batches`; the next position.
    ///
    /// # Errors
    /// They can't be what is there.
    pub fn read(
        &mut self,
        life: Life,
        partition: PartitionRef,
        position: i64,
        batches: &[Batch],
    ) -> Result<i64, Violation> {
        let is_of_timeline = life >= self.first_life_of_timeline;
        let ledger = self.ledgers.entry(partition).or_default();
        ledger.read(position, batches, is_of_timeline).map_err(|error| within(partition, error))
    }

    /// The highest end of a partition that anybody has seen in this life: what an answer to a question asked now must not be below.
    #[must_use]
    pub fn known_end(&self, partition: PartitionRef) -> KnownEnd {
        let end = self.ledgers.get(&partition).map_or(0, Ledger::known_end);
        KnownEnd { life: self.life, end }
    }

    /// An answer said that a partition's high watermark is `end`; the question was asked when `known` was known.
    ///
    /// # Errors
    /// It went back.
    pub fn saw_end(&mut self, partition: PartitionRef, known: KnownEnd, end: i64) -> Result<(), Violation> {
        if known.life != self.life {
            return Ok(());
        }
        if end < known.end {
            let text = format!("{partition}: {end} after {} was seen", known.end);
            return Err(Violation::history(Check::Ends, text));
        }
        self.ledgers.entry(partition).or_default().saw_end(end);
        Ok(())
    }

    /// A consumer was told that `position`, to which it had come by reading in `timeline`, does not exist.
    ///
    /// # Errors
    /// It must.
    pub fn out_of_range(&self, partition: PartitionRef, timeline: Timeline, position: i64) -> Result<(), Violation> {
        if timeline != self.timeline {
            return Ok(());
        }
        Err(Violation::history(Check::Loss, format!("{partition}: position {position} is out of range")))
    }

    /// The last reader came to the end of a partition, from its first offset on.
    ///
    /// # Errors
    /// Something is missing.
    pub fn audited(&self, partition: PartitionRef, end: i64) -> Result<(), Violation> {
        let Some(ledger) = self.ledgers.get(&partition) else { return Ok(()) };
        ledger.audited(end).map_err(|error| within(partition, error))
    }

    /// A power loss left a hole in the log of the partition that has this directory: it may go offline.
    pub fn damaged(&mut self, directory: &str) {
        let Some((name, index)) = directory.rsplit_once('-') else { return };
        if let (Some(state), Ok(index)) = (self.topics.lasting(name), index.parse()) {
            self.damaged.insert(PartitionRef { topic: state.topic, index });
        }
    }

    /// Whether a power loss left a hole in any log.
    #[must_use]
    pub fn has_damage(&self) -> bool {
        !self.damaged.is_empty()
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
    fn an_end_that_goes_back_within_a_life_is_found() {
        let mut history = History::default();
        let early = history.known_end(PARTITION);
        history.saw_end(PARTITION, early, 5).unwrap();
        let late = history.known_end(PARTITION);
        assert_eq!(history.saw_end(PARTITION, early, 3), Ok(()), "asked before the 5 was seen");
        assert!(history.saw_end(PARTITION, late, 4).is_err());
    }

    #[test]
    fn an_end_that_falls_short_of_what_was_acknowledged_before_a_restart_is_found() {
        let mut history = History::default();
        let record = RecordId { client: 1, number: 1 };
        history.sent(PARTITION, None, &[record]);
        history.acknowledged(history.life(), PARTITION, None, 0, &[record]).unwrap();
        history.restarted(false);
        let known = history.known_end(PARTITION);
        assert!(history.saw_end(PARTITION, known, 0).is_err());
        assert!(history.out_of_range(PARTITION, history.timeline(), 1).is_err());
    }

    #[test]
    fn a_forgiven_power_loss_forgives() {
        let mut history = History::default();
        let record = RecordId { client: 1, number: 1 };
        let (old_life, old_timeline) = (history.life(), history.timeline());
        history.sent(PARTITION, None, &[record]);
        history.acknowledged(old_life, PARTITION, None, 0, &[record]).unwrap();
        history.restarted(true);
        assert_eq!(history.saw_end(PARTITION, history.known_end(PARTITION), 0), Ok(()));
        assert_eq!(history.out_of_range(PARTITION, old_timeline, 1), Ok(()));
        assert_eq!(history.acknowledged(old_life, PARTITION, None, 7, &[record]), Ok(false), "too late to matter");
        assert_eq!(history.audited(PARTITION, 0), Ok(()));
    }

    #[test]
    fn a_producer_id_given_out_twice_is_found() {
        let mut history = History::default();
        let identity = Identity { producer_id: 1, epoch: 0 };
        assert_eq!(history.identified(identity), Ok(()));
        assert!(history.identified(identity).is_err());
    }
}
