//! Where each leader epoch began, as in `leader-epoch-checkpoint`.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;

use bytes::Bytes;
use thiserror::Error;

use crate::types::{LeaderEpoch, Offset};

/// The epochs that a log knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeaderEpochs {
    starts: BTreeMap<LeaderEpoch, Offset>,
}

/// Why a checkpoint can't be read. It is made anew from the batches then.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EpochsFault {
    /// The first line says so, or the file is no text.
    #[error("version 0 expected in the first line")]
    Version,
    /// From 1.
    #[error("line {0} is not what belongs there")]
    Line(usize),
}

impl LeaderEpochs {
    /// Reads a checkpoint.
    ///
    /// # Errors
    /// Where it is damaged.
    pub fn parse(bytes: &[u8]) -> Result<Self, EpochsFault> {
        let text = core::str::from_utf8(bytes).map_err(|_| EpochsFault::Version)?;
        let mut lines = text.lines().enumerate().map(|(number, line)| (number + 1, line));
        if lines.next().map(|(_, line)| line.trim()) != Some("0") {
            return Err(EpochsFault::Version);
        }
        let count: usize = lines.next().and_then(|(_, line)| line.trim().parse().ok()).ok_or(EpochsFault::Line(2))?;
        let mut epochs = Self::default();
        for (number, line) in lines {
            let entry = line.split_once(' ').and_then(|(epoch, start)| {
                Some((LeaderEpoch(epoch.parse().ok()?), Offset(start.trim_end().parse().ok()?)))
            });
            let (epoch, start) = entry.ok_or(EpochsFault::Line(number))?;
            epochs.starts.insert(epoch, start);
        }
        if epochs.starts.len() == count { Ok(epochs) } else { Err(EpochsFault::Line(2)) }
    }

    /// Each epoch and its first offset, in order.
    pub fn iter(&self) -> impl Iterator<Item = (LeaderEpoch, Offset)> {
        self.starts.iter().map(|(epoch, start)| (*epoch, *start))
    }

    pub(super) fn to_bytes(&self) -> Bytes {
        let mut text = format!("0\n{}\n", self.starts.len());
        for (epoch, start) in &self.starts {
            text.push_str(&format!("{epoch} {start}\n"));
        }
        Bytes::from(String::into_bytes(text))
    }

    /// Notes that `epoch` begins at `start`, unless that is known. Epochs that would have begun later or are newer give
    /// way. Says whether anything changed.
    pub(super) fn assign(&mut self, epoch: LeaderEpoch, start: Offset) -> bool {
        let is_news = self.starts.last_key_value().is_none_or(|(latest, begun)| epoch != *latest || start < *begun);
        if epoch < LeaderEpoch(0) || !is_news {
            return false;
        }
        self.starts.retain(|known, begun| *known < epoch && *begun < start);
        self.starts.insert(epoch, start);
        true
    }

    /// Forgets epochs that begin at or after `end`: the log was cut there.
    pub(super) fn truncate_end(&mut self, end: Offset) -> bool {
        let before = self.starts.len();
        self.starts.retain(|_, start| *start < end);
        self.starts.len() != before
    }

    /// Forgets epochs that ended before `start`: the log begins there, in the epoch that holds it.
    pub(super) fn truncate_start(&mut self, start: Offset) -> bool {
        let Some((epoch, begun)) = self.starts.iter().rev().find(|(_, begun)| **begun <= start) else { return false };
        let (epoch, begun) = (*epoch, *begun);
        if begun == start && self.starts.first_key_value().is_some_and(|(first, _)| *first == epoch) {
            return false;
        }
        self.starts = self.starts.split_off(&epoch);
        self.starts.insert(epoch, start);
        true
    }

    pub(super) fn latest(&self) -> Option<LeaderEpoch> {
        self.starts.last_key_value().map(|(epoch, _)| *epoch)
    }

    /// The epoch of the record at `offset`.
    pub(super) fn at(&self, offset: Offset) -> Option<LeaderEpoch> {
        self.starts.iter().rev().find(|(_, start)| **start <= offset).map(|(epoch, _)| *epoch)
    }

    /// The largest known epoch that is not above `epoch`, and where it ended. An epoch before all known ones ends where
    /// those begin.
    pub(super) fn end_of(&self, epoch: LeaderEpoch, log_end: Offset) -> Option<(LeaderEpoch, Offset)> {
        if epoch == LeaderEpoch::NONE {
            return None;
        }
        if self.latest() == Some(epoch) {
            return Some((epoch, log_end));
        }
        let (_, end) = self.starts.range(LeaderEpoch(epoch.0.checked_add(1)?)..).next()?;
        let floor = self.starts.range(..=epoch).next_back().map_or(epoch, |(floor, _)| *floor);
        Some((floor, *end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epochs() -> LeaderEpochs {
        let mut epochs = LeaderEpochs::default();
        assert!(epochs.assign(LeaderEpoch(0), Offset(0)));
        assert!(epochs.assign(LeaderEpoch(3), Offset(10)));
        epochs
    }

    #[test]
    fn a_checkpoint_survives_the_way_to_disk_and_back() {
        assert_eq!(epochs().to_bytes(), "0\n2\n0 0\n3 10\n");
        assert_eq!(LeaderEpochs::parse(b"0\n2\n0 0\n3 10\n"), Ok(epochs()));
        assert_eq!(LeaderEpochs::parse(b"0\n0\n"), Ok(LeaderEpochs::default()));
        assert_eq!(LeaderEpochs::parse(b"1\n0\n"), Err(EpochsFault::Version));
        assert_eq!(LeaderEpochs::parse(b"0\n1\nx\n"), Err(EpochsFault::Line(3)));
        assert_eq!(LeaderEpochs::parse(b"0\n2\n0 0\n"), Err(EpochsFault::Line(2)));
    }

    #[test]
    fn an_epoch_without_records_gives_way_to_the_next() {
        let mut epochs = epochs();
        assert!(!epochs.assign(LeaderEpoch(3), Offset(12)));
        assert!(epochs.assign(LeaderEpoch(4), Offset(10)));
        assert_eq!(epochs.to_bytes(), "0\n2\n0 0\n4 10\n");
        assert!(!epochs.assign(LeaderEpoch::NONE, Offset(11)));
    }

    #[test]
    fn an_epoch_ends_where_the_next_one_begins() {
        let end = |epoch| epochs().end_of(LeaderEpoch(epoch), Offset(50));
        assert_eq!(end(0), Some((LeaderEpoch(0), Offset(10))));
        assert_eq!(end(2), Some((LeaderEpoch(0), Offset(10))));
        assert_eq!(end(3), Some((LeaderEpoch(3), Offset(50))));
        assert_eq!(end(4), None);
        assert_eq!(end(-1), None);
        assert_eq!(epochs().at(Offset(9)), Some(LeaderEpoch(0)));
        assert_eq!(epochs().at(Offset(10)), Some(LeaderEpoch(3)));
    }

    #[test]
    fn epochs_before_the_start_are_forgotten_and_the_one_there_begins_with_it() {
        let mut epochs = epochs();
        assert!(!epochs.truncate_start(Offset(0)));
        assert!(epochs.truncate_start(Offset(4)));
        assert_eq!(epochs.to_bytes(), "0\n2\n0 4\n3 10\n");
        assert!(epochs.truncate_start(Offset(10)));
        assert_eq!(epochs.to_bytes(), "0\n1\n3 10\n");
        assert!(!epochs.truncate_start(Offset(10)));
        assert!(epochs.truncate_start(Offset(70)));
        assert_eq!(epochs.to_bytes(), "0\n1\n3 70\n");
    }

    #[test]
    fn epochs_beyond_the_end_of_a_cut_log_are_forgotten() {
        let mut epochs = epochs();
        assert!(!epochs.truncate_end(Offset(11)));
        assert!(epochs.truncate_end(Offset(10)));
        assert_eq!(epochs.latest(), Some(LeaderEpoch(0)));
    }
}
