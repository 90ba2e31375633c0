//! Where each member shall look. It is made anew when the group's epoch is ahead of it and the last one is old enough (KIP-1263).

use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::assignor::{self, Candidate};
use super::member::About;
use super::{Partitions, ShareGroup, record};
use crate::groups::group::MemberId;
use crate::groups::planned::PlannedTurn;

impl ShareGroup {
    /// What a member shall have once the event is over, and of which epoch that is.
    pub(super) fn target_for(
        &self,
        turn: &mut PlannedTurn<'_>,
        id: &MemberId,
        about: &About,
        group_epoch: i32,
    ) -> (i32, Cow<'_, Partitions>) {
        let is_due = turn.is_assignment_due(self.target.made_ms, turn.config.share_assignment_interval_ms());
        if self.target.epoch >= group_epoch || !is_due {
            return (self.target.epoch, Cow::Borrowed(self.target_of(id)));
        }
        let own = self.assign(turn, id, about);
        turn.write(record::target_made(turn.group, group_epoch, turn.now.wall.0));
        (group_epoch, Cow::Owned(own))
    }

    /// Assigns all partitions that the share coordinator keeps, and writes what has changed; hands back what this member gets.
    fn assign(&self, turn: &mut PlannedTurn<'_>, id: &MemberId, about: &About) -> Partitions {
        let others = self.members.iter().filter(|(of, _)| *of != id).map(|(of, member)| (of, &*member.about));
        let mut members: BTreeMap<&MemberId, &About> = others.collect();
        members.insert(id, about);
        let candidate = |(of, about): (&&MemberId, &&About)| Candidate {
            topics: about.topic_ids(turn.image),
            had: self.target_of(of),
        };
        let candidates: Vec<Candidate<'_>> = members.iter().map(candidate).collect();
        let assigned = assignor::assign(&candidates, &self.state.initialized_partitions());
        let mut own = Partitions::new();
        for (of, partitions) in members.into_keys().zip(assigned) {
            if self.target.by_member.get(of) != Some(&partitions) {
                turn.write(record::target(turn.group, of, &partitions));
            }
            if of == id {
                own = partitions;
            }
        }
        own
    }
}
