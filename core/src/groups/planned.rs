//! One event in a group of the protocols by which the coordinator assigns: what it sees, and what it leads to once its records are
//! appended.

use alloc::vec::Vec;

use super::consumer::Downgrade;
use super::group::GroupId;
use super::settings::{GroupConfig, Settings};
use super::share::StateToKeep;
use super::streams::SoftChange;
use super::timers::TimerKind;
use crate::metadata::MetadataImage;
use crate::time::{Monotonic, Now};
use crate::types::Offset;
use crate::wire::CoordinatorRecord;

/// One event in a group: when it is, what bounds it and what it leads to.
#[derive(Debug)]
pub(crate) struct PlannedTurn<'a> {
    pub(crate) group: &'a GroupId,
    pub(crate) now: Now,
    pub(crate) settings: &'a Settings,
    pub(crate) config: GroupConfig<'a>,
    pub(crate) image: &'a MetadataImage,
    pub(crate) topics: TopicChanges,
    pub(crate) plan: Plan,
}

/// When topics changed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TopicChanges {
    /// How often they did, or their partitions.
    pub(crate) count: u64,
    /// Up to where in the metadata log topics were made.
    pub(crate) created_at: Offset,
}

/// What an event leads to. Nothing of it happens where the records can't be appended.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// To be appended as one batch, and replayed.
    pub(crate) records: Vec<CoordinatorRecord>,
    pub(crate) timers: Vec<(TimerKind, Arming)>,
    /// The group has looked at the topics.
    pub(crate) has_seen_topics: bool,
    /// To be asked of the share coordinator.
    pub(crate) state_to_keep: Option<StateToKeep>,
    /// What it makes of what is known of a streams group and is in no record.
    pub(crate) streams: SoftChange,
    /// Members that wait in a classic group are told to join again: it is one no more.
    pub(crate) upgrades: bool,
    /// The group is a classic one from now on.
    pub(crate) downgrade: Option<Downgrade>,
}

/// What happens to a timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arming {
    At(Monotonic),
    /// Unless it is armed already.
    FirstAt(Monotonic),
    Never,
}

impl PlannedTurn<'_> {
    pub(super) fn write(&mut self, record: CoordinatorRecord) {
        self.plan.records.push(record);
    }

    pub(super) fn arm(&mut self, kind: TimerKind, after_ms: i32) {
        self.plan.timers.push((kind, Arming::At(self.after(after_ms))));
    }

    pub(super) fn arm_first(&mut self, kind: TimerKind, after_ms: i32) {
        self.plan.timers.push((kind, Arming::FirstAt(self.after(after_ms))));
    }

    pub(super) fn cancel(&mut self, kind: TimerKind) {
        self.plan.timers.push((kind, Arming::Never));
    }

    /// Whether the last assignment is old enough for another one. One that seems to have been made in the future is: the clock was
    /// set back, and no member is to wait until it is there again.
    pub(super) fn is_assignment_due(&self, made_ms: i64, interval_ms: i32) -> bool {
        let age_ms = self.now.wall.0.saturating_sub(made_ms);
        made_ms == 0 || !(0..i64::from(interval_ms)).contains(&age_ms)
    }

    fn after(&self, after_ms: i32) -> Monotonic {
        self.now.monotonic.plus_ms(i64::from(after_ms))
    }
}
