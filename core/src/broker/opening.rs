//! Opening the partitions at a start: a few at a time, so that memory stays bounded however many there are, and with a line
//! each second on how far it is.
//!
//! Logs that must be recovered are surveyed first, all of them, so that it is known how much there is to do.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::format;
use alloc::string::String;

use super::{Broker, METADATA_PARTITION};
use crate::boundary::Level;
use crate::directory::FoundPartition;
use crate::log::Progress;
use crate::time::{Monotonic, Now};
use crate::types::PartitionId;

/// Logs in hand for each of `num.recovery.threads.per.data.dir`: while some wait for the disk, others are verified.
const LOGS_PER_THREAD: usize = 8;
/// Logs in hand at most. A recovery takes some megabytes of memory.
const IN_HAND_MAX: usize = 64;
const LINE_EVERY_MS: i64 = 1_000;

/// The partitions that a start has to open.
#[derive(Debug)]
pub(super) struct Opening {
    /// Not looked at yet.
    found: VecDeque<FoundPartition>,
    /// Surveyed, and what there is to do.
    surveyed: VecDeque<(PartitionId, Progress)>,
    /// Being surveyed, or loaded with so much to do.
    in_hand: BTreeMap<PartitionId, Option<Progress>>,
    in_hand_max: usize,
    all: usize,
    /// Bytes of logs that are open.
    done_bytes: u64,
    all_bytes: u64,
    /// Since when bytes are verified.
    recovering_since: Option<Monotonic>,
}

impl Opening {
    pub(super) fn new(found: VecDeque<FoundPartition>, recovery_threads: usize) -> Self {
        Self {
            all: found.len(),
            found,
            surveyed: VecDeque::new(),
            in_hand: BTreeMap::new(),
            in_hand_max: recovery_threads.saturating_mul(LOGS_PER_THREAD).clamp(1, IN_HAND_MAX),
            done_bytes: 0,
            all_bytes: 0,
            recovering_since: None,
        }
    }

    /// Those that were not looked at yet.
    pub(super) fn not_begun(&self) -> impl Iterator<Item = &FoundPartition> {
        self.found.iter()
    }

    pub(super) fn is_over(&self) -> bool {
        self.found.is_empty() && self.surveyed.is_empty() && self.in_hand.is_empty()
    }

    fn has_room(&self) -> bool {
        self.in_hand.len() < self.in_hand_max
    }

    /// Loading begins when all is surveyed.
    fn is_surveying(&self) -> bool {
        !self.found.is_empty() || self.in_hand.values().any(Option::is_none)
    }

    fn done(&self) -> usize {
        self.all - self.found.len() - self.surveyed.len() - self.in_hand.len()
    }
}

impl Broker {
    /// Opens as many more partitions as there is room for.
    pub(super) fn open_more(&mut self, now: Now) {
        loop {
            let Some(opening) = self.opening().filter(|opening| opening.has_room()) else { return };
            if let Some(found) = opening.found.pop_front() {
                let id = found.id;
                let survey = if found.was_clean { Some(Progress::default()) } else { None };
                opening.in_hand.insert(id, survey);
                self.open_log(now, id, Some(found));
            } else if !opening.is_surveying()
                && let Some((id, progress)) = opening.surveyed.pop_front()
            {
                opening.recovering_since.get_or_insert(now.monotonic);
                opening.in_hand.insert(id, Some(progress));
                if let Some(log) = self.logs.get_mut(&id) {
                    log.load(now, &mut self.outbox);
                }
                self.touch(id);
            } else {
                return;
            }
        }
    }

    /// It is known how much there is to do for a log.
    pub(super) fn log_surveyed(&mut self, now: Now, id: PartitionId) {
        let progress = self.logs[&id].recovery_progress();
        let Some(opening) = self.opening() else { return };
        if opening.in_hand.remove(&id).is_some() {
            opening.all_bytes += progress.all_bytes;
            opening.surveyed.push_back((id, progress));
        }
        self.open_more(now);
    }

    /// A log is open, or will not be.
    pub(super) fn log_settled(&mut self, now: Now, id: PartitionId) {
        let Some(opening) = self.opening() else { return };
        if let Some(progress) = opening.in_hand.remove(&id) {
            opening.done_bytes += progress.unwrap_or_default().all_bytes;
        }
        self.open_more(now);
    }

    /// When the next line is due.
    pub(super) fn progress_deadline(&self) -> Option<Monotonic> {
        self.progress_line_at
    }

    /// Says how far the start is, each second.
    pub(super) fn report_progress(&mut self, now: Now) {
        if self.progress_line_at.is_none_or(|due| due > now.monotonic) {
            return;
        }
        self.progress_line_at = Some(now.monotonic.plus_ms(LINE_EVERY_MS));
        if let Some(line) = self.progress_line(now.monotonic) {
            self.outbox.report(Level::Info, line);
        }
    }

    /// The first line comes a second after the start.
    pub(super) fn first_progress_line_at(now: Now) -> Monotonic {
        now.monotonic.plus_ms(LINE_EVERY_MS)
    }

    fn progress_line(&self, now: Monotonic) -> Option<String> {
        let start = self.start.as_ref()?;
        let Some(opening) = &start.opening else {
            let Progress { done_bytes, all_bytes } = self.logs.get(&METADATA_PARTITION)?.recovery_progress();
            let amounts = amounts(done_bytes, all_bytes);
            return (all_bytes > 0).then(|| format!("recovering: the metadata log, {amounts}"));
        };
        let (done, all) = (opening.done(), opening.all);
        let Some(since) = opening.recovering_since else {
            return Some(format!("opening: {done} of {all} logs"));
        };
        let in_hand = |id| self.logs.get(id).map_or(0, |log| log.recovery_progress().done_bytes);
        let done_bytes = opening.done_bytes + opening.in_hand.keys().map(in_hand).sum::<u64>();
        let mut line = format!("recovering: {done} of {all} logs, {}", amounts(done_bytes, opening.all_bytes));
        if done_bytes > 0 {
            let spent_ms = now.since(since).as_millis();
            let left_bytes = u128::from(opening.all_bytes.saturating_sub(done_bytes));
            let left_s = (spent_ms * left_bytes / u128::from(done_bytes)).div_ceil(1_000);
            line.push_str(&format!(", {left_s} s left"));
        }
        Some(line)
    }

    fn opening(&mut self) -> Option<&mut Opening> {
        self.start.as_mut()?.opening.as_mut()
    }
}

/// Two numbers of bytes in a unit that suits the second.
fn amounts(done_bytes: u64, all_bytes: u64) -> String {
    const MB: u64 = 1_000_000;
    const GB: u64 = 1_000 * MB;
    if all_bytes < GB {
        return format!("{} of {} MB", done_bytes / MB, all_bytes / MB);
    }
    let tenths = |bytes: u64| format!("{}.{}", bytes / GB, bytes % GB / (GB / 10));
    format!("{} of {} GB", tenths(done_bytes), tenths(all_bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_told_in_a_unit_that_suits_them() {
        assert_eq!(amounts(3_149_000_000, 8_400_000_000), "3.1 of 8.4 GB");
        assert_eq!(amounts(0, 999_999_999), "0 of 999 MB");
        assert_eq!(amounts(12_500_000, 40_000_000), "12 of 40 MB");
    }
}
