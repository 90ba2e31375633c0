//! Offsets that nobody has asked for in a long time are forgotten, and then the group is.

use alloc::vec::Vec;

use super::committed::CommittedOffset;
use super::coordinator::Coordinator;
use super::group::{Group, GroupId, GroupKind};
use super::records;
use super::settings::Settings;
use crate::time::WallClock;
use crate::wire::CoordinatorRecord;

/// Since when an offset of a group grows old.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Aging {
    /// Never: it has members that may come back to it.
    Never,
    /// Since it was committed.
    SinceCommit,
    /// Since the group lost its last member.
    Since(WallClock),
}

impl Coordinator {
    /// The records that forget all that is too old by now.
    pub(crate) fn expired(&self, now: WallClock, retention_ms: i64) -> Vec<CoordinatorRecord> {
        let mut records = Vec::new();
        for (id, group) in &self.groups {
            self.expire(id, group, now, retention_ms, &mut records);
        }
        records
    }

    /// When the next offset or group will be too old, by the wall clock; none where none ever will.
    pub(crate) fn next_expiry(&self, retention_ms: i64) -> Option<WallClock> {
        let of_group = |group: &Group| {
            let aging = aging(group);
            let offsets = aging_offsets(group, aging).map(|offset| expiry(offset, aging, retention_ms));
            let is_removable = group.offsets.is_empty() && is_unused(group);
            offsets.chain(is_removable.then_some(WallClock(0))).min()
        };
        self.groups.values().filter_map(of_group).min()
    }

    fn expire(
        &self,
        id: &GroupId,
        group: &Group,
        now: WallClock,
        retention_ms: i64,
        records: &mut Vec<CoordinatorRecord>,
    ) {
        let aging = aging(group);
        let mut keeps_some = false;
        for (topic, partitions) in &group.offsets {
            for (index, offset) in partitions {
                let is_kept =
                    aging == Aging::Never || is_read(group, topic) || expiry(offset, aging, retention_ms) > now;
                if is_kept || self.is_undecided(id, topic, *index) {
                    keeps_some = true;
                } else {
                    records.push(records::offset_removed(id, topic, *index));
                }
            }
        }
        if !keeps_some && is_unused(group) && !self.undecided.contains_group(id) {
            records.extend(records::removed(id, group.group_type()));
        }
    }
}

impl Group {
    /// When it may be forgotten, or the first of its offsets, where it has just lost its members; none while it has some.
    pub(crate) fn expiry_from(&self, now: WallClock, settings: &Settings) -> Option<WallClock> {
        let after_ms = if self.offsets.is_empty() { 0 } else { settings.retention_ms };
        is_unused(self).then(|| WallClock(now.0.saturating_add(after_ms)))
    }
}

fn aging(group: &Group) -> Aging {
    match &group.kind {
        // As for a classic one whose members have given topics up.
        GroupKind::Consumer(_) | GroupKind::Streams(_) => Aging::SinceCommit,
        // It has none.
        GroupKind::Share(_) => Aging::Never,
        GroupKind::Classic(classic) if classic.protocol_type().is_none() => Aging::SinceCommit,
        GroupKind::Classic(classic) if classic.is_empty() => {
            classic.state_since().map_or(Aging::SinceCommit, Aging::Since)
        }
        // Topics that its members have given up.
        GroupKind::Classic(classic) if classic.is_stable() && classic.knows_topics() => Aging::SinceCommit,
        GroupKind::Classic(_) => Aging::Never,
    }
}

fn expiry(offset: &CommittedOffset, aging: Aging, retention_ms: i64) -> WallClock {
    let since = match aging {
        Aging::Since(since) => since.0,
        Aging::SinceCommit | Aging::Never => offset.committed_ms,
    };
    WallClock(offset.expires_ms.unwrap_or(since.saturating_add(retention_ms)))
}

fn aging_offsets(group: &Group, aging: Aging) -> impl Iterator<Item = &CommittedOffset> {
    let topics = group.offsets.iter().filter(move |(topic, _)| aging != Aging::Never && !is_read(group, topic));
    topics.flat_map(|(_, partitions)| partitions.values())
}

fn is_read(group: &Group, topic: &str) -> bool {
    match &group.kind {
        GroupKind::Classic(_) | GroupKind::Consumer(_) | GroupKind::Streams(_) => group.is_subscribed_to(topic),
        GroupKind::Share(_) => false,
    }
}

/// Whether it goes with its last offset. Share groups stay until somebody deletes them.
fn is_unused(group: &Group) -> bool {
    match &group.kind {
        GroupKind::Classic(classic) => classic.is_unused(),
        GroupKind::Consumer(consumer) => consumer.is_empty(),
        GroupKind::Streams(streams) => streams.is_empty(),
        GroupKind::Share(_) => false,
    }
}
