//! What each member shall have. It is made anew when the group's epoch is ahead of it and the last one is old enough: so a
//! thousand members that join at once are not a thousand assignments (KIP-1263).

use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::assignor::{Assignor, Candidate};
use super::member::About;
use super::subscription::Subscribed;
use super::{ConsumerGroup, Member, Partitions, add, most_wanted, record, subtract};
use crate::groups::group::MemberId;
use crate::groups::planned::PlannedTurn;
use crate::metadata::MetadataImage;
use crate::wire::Uuid;

impl ConsumerGroup {
    /// What a member shall have once the event is over, and of which epoch that is.
    pub(super) fn target_for(
        &self,
        turn: &mut PlannedTurn<'_>,
        id: &MemberId,
        after: &Member,
        subscribed: &Subscribed,
    ) -> (i32, Cow<'_, Partitions>) {
        // A static member that comes back is still known by its old id.
        let holder =
            after.about.instance_id.as_ref().and_then(|instance| self.static_members.get(instance)).unwrap_or(id);
        let is_due = turn.is_assignment_due(self.target.made_ms, turn.config.assignment_interval_ms());
        if self.target.epoch >= subscribed.epoch || !is_due {
            return (self.target.epoch, Cow::Borrowed(self.target_of(holder)));
        }
        let own = self.assign(turn, (id, holder, after), subscribed);
        (subscribed.epoch, Cow::Owned(own))
    }

    /// Assigns all partitions, and writes what has changed; hands back what the member gets that all this is about.
    fn assign(
        &self,
        turn: &mut PlannedTurn<'_>,
        (id, holder, after): (&MemberId, &MemberId, &Member),
        subscribed: &Subscribed,
    ) -> Partitions {
        let image = turn.image;
        let others = self.members.iter().filter(|(of, _)| *of != id && *of != holder);
        let mut candidates: Vec<Candidate<'_>> =
            others.map(|(of, member)| self.candidate((of, of), &member.about, subscribed, image)).collect();
        let at = candidates.partition_point(|other| other.id < id);
        candidates.insert(at, self.candidate((id, holder), &after.about, subscribed, image));
        let topics = candidates.iter().flat_map(|candidate| &candidate.topics);
        let counts: BTreeMap<Uuid, i32> = topics
            .map(|topic| (*topic, image.topics.get(topic).map_or(0, |topic| topic.partitions.len() as i32)))
            .collect();
        let assigned = self.assignor_with(turn, holder, after).assign(&candidates, &counts);
        let mut own = None;
        for (index, (candidate, partitions)) in candidates.iter().zip(assigned).enumerate() {
            let is_known = self.target.by_member.contains_key(candidate.id);
            let partitions = partitions.map_or(Cow::Borrowed(candidate.had), Cow::Owned);
            if !is_known || *partitions != *candidate.had {
                turn.plan.records.push(record::target(turn.group, candidate.id, &partitions));
            }
            if index == at {
                own = Some(partitions.into_owned());
            }
        }
        turn.plan.records.push(record::target_made(turn.group, subscribed.epoch, turn.now.wall.0));
        own.unwrap_or_default()
    }

    /// A member for an assignor; what it had is kept under the id of its holder.
    fn candidate<'a>(
        &'a self,
        (id, holder): (&'a MemberId, &MemberId),
        about: &'a About,
        subscribed: &Subscribed,
        image: &MetadataImage,
    ) -> Candidate<'a> {
        let topics = subscribed.topics_of(self, about, image);
        Candidate { id, instance_id: about.instance_id.as_deref(), topics, had: self.target_of(holder) }
    }

    /// The assignor that most members ask for, once this one has said what it wants.
    fn assignor_with(&self, turn: &PlannedTurn<'_>, holder: &MemberId, after: &Member) -> Assignor {
        let mut counts = self.counts.assignors.clone();
        after.about.assignor.iter().for_each(|assignor| add(&mut counts, assignor));
        let before = self.members.get(holder).and_then(|before| before.about.assignor.as_ref());
        before.iter().for_each(|assignor| subtract(&mut counts, assignor));
        let wanted = most_wanted(&counts).and_then(|name| turn.settings.assignors.find(name));
        wanted.unwrap_or(turn.settings.assignors.default())
    }
}
