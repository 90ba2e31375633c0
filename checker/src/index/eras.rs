//! Stretches of the history in which what is known must hold: a new one begins where a restart may have forgotten.

use crate::history::{Body, History, Moment, NONE, Op, Other, PartitionId};

/// When eras begin, and how many partitions each has.
#[derive(Debug)]
pub(crate) struct Eras {
    /// Of all but the first.
    begins: Vec<Moment>,
    partitions: usize,
}

impl Eras {
    pub(crate) fn new(history: &History) -> Self {
        let forgives = |op: &&Op| match op.body {
            Body::Other(at) => matches!(history.others[at as usize], Other::Restart { forgives: true }),
            _ => false,
        };
        let begins = history.ops.iter().filter(forgives).map(|op| op.begun).collect();
        Self { begins, partitions: history.partitions.len() }
    }

    pub(crate) fn count(&self) -> usize {
        self.begins.len() + 1
    }

    /// Logs of all eras.
    pub(crate) fn logs(&self) -> usize {
        self.count() * self.partitions
    }

    /// Which era a moment is in.
    pub(crate) fn at(&self, moment: Moment) -> usize {
        if self.begins.is_empty() { 0 } else { self.begins.partition_point(|begin| *begin <= moment) }
    }

    /// The era in which all of an operation was; what spans two says nothing.
    pub(crate) fn of(&self, op: &Op) -> Option<usize> {
        let era = self.at(op.begun);
        (op.ended.0 == NONE || self.at(op.ended) == era).then_some(era)
    }

    /// The log of a partition in an era.
    pub(crate) fn log(&self, era: usize, partition: PartitionId) -> usize {
        era * self.partitions + partition.0 as usize
    }

    /// Of which partition a log is.
    pub(crate) fn partition(&self, log: usize) -> PartitionId {
        PartitionId((log % self.partitions) as u32)
    }
}
