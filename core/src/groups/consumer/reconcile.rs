//! How a member gets to what it shall have: first it gives up what it shall not have, then it takes over the target's epoch, and
//! then it gets what is free, and the rest when others have given it up. So no two members ever have a partition at one time.

use alloc::collections::{BTreeMap, BTreeSet};

use super::heartbeat::Owned;
use super::subscription::Subscribed;
use super::{ConsumerGroup, Held, Member, MemberState, Partitions};
use crate::api::ApiError;
use crate::error_code::ErrorCode;
use crate::groups::planned::PlannedTurn;
use crate::planted::Bug;
use crate::wire::Uuid;

/// How far a member can go.
#[derive(Default)]
struct Step {
    /// What it has and shall have.
    kept: Held,
    /// What it has and shall not have.
    revoking: Held,
    /// What it shall have and nobody else has.
    free: Partitions,
    /// It shall have something that somebody else has.
    is_waiting: bool,
}

impl ConsumerGroup {
    /// The member, as far as it can get now; none where it stays as it is. What it has by its own word, `owned`, is not known
    /// where it did not say.
    ///
    /// # Errors
    /// Where nobody knows what state the member is in.
    pub(super) fn reconcile(
        &self,
        turn: &PlannedTurn<'_>,
        member: &Member,
        target: (i32, &Partitions),
        subscribed: &Subscribed,
        owned: Option<Owned<'_>>,
    ) -> Result<Option<Member>, ApiError> {
        let topics: BTreeSet<Uuid> = subscribed.topics_of(self, &member.about, turn.image).into_iter().collect();
        let waits = !turn.settings.bugs.has(Bug::GivenOutBeforeGivenUp);
        let go_on = |epoch| Some(self.next(member, epoch, target, (&topics, waits), owned));
        Ok(match member.state {
            MemberState::Stable if member.epoch != target.0 => go_on(member.epoch),
            MemberState::UnrevokedPartitions if !is_held(&member.revoking, owned) => go_on(member.epoch),
            MemberState::Stable | MemberState::UnrevokedPartitions => {
                subscribed.has_changed.then(|| drop_topics(member, &topics, owned)).flatten()
            }
            MemberState::UnreleasedPartitions => go_on(member.epoch),
            MemberState::Unknown if owned.is_some_and(<[_]>::is_empty) => go_on(target.0),
            MemberState::Unknown => {
                let why = "The consumer group member is in a unknown state. The member must abandon all its partitions and rejoin.";
                return Err(ApiError::new(ErrorCode::FencedMemberEpoch, why));
            }
        })
    }

    fn next(
        &self,
        member: &Member,
        epoch: i32,
        (target_epoch, target): (i32, &Partitions),
        (topics, waits): (&BTreeSet<Uuid>, bool),
        owned: Option<Owned<'_>>,
    ) -> Member {
        let step = self.step(member, target, topics, waits);
        let moved = |epoch, state, assigned, revoking| Member {
            epoch,
            previous_epoch: member.epoch,
            state,
            assigned,
            revoking,
            about: member.about.clone(),
        };
        if is_held(&step.revoking, owned) {
            return moved(epoch, MemberState::UnrevokedPartitions, step.kept, step.revoking);
        }
        let mut assigned = step.kept;
        for (topic, partitions) in step.free {
            assigned
                .entry(topic)
                .or_default()
                .extend(partitions.into_iter().map(|partition| (partition, target_epoch)));
        }
        let state = if step.is_waiting { MemberState::UnreleasedPartitions } else { MemberState::Stable };
        moved(target_epoch, state, assigned, Held::new())
    }

    fn step(&self, member: &Member, target: &Partitions, topics: &BTreeSet<Uuid>, waits: bool) -> Step {
        let mut step = Step::default();
        // What it reads no more it shall not have, whatever the target says.
        let wanted =
            |topic: &Uuid| if topics.contains(topic) { target.get(topic).map_or(&[][..], |all| all) } else { &[] };
        for (topic, held) in &member.assigned {
            let wanted = wanted(topic);
            let is_wanted = |partition: &i32| wanted.binary_search(partition).is_ok();
            let (kept, revoking): (BTreeMap<_, _>, BTreeMap<_, _>) = held
                .iter()
                .map(|(partition, since)| (*partition, *since))
                .partition(|(partition, _)| is_wanted(partition));
            insert(&mut step.kept, *topic, kept);
            insert(&mut step.revoking, *topic, revoking);
        }
        for topic in target.keys() {
            for partition in wanted(topic) {
                if member.assigned.get(topic).is_some_and(|held| held.contains_key(partition)) {
                    continue;
                }
                let is_own = member.revoking.get(topic).is_some_and(|held| held.contains_key(partition));
                if is_own || !waits || !self.has_owner(*topic, *partition) {
                    step.free.entry(*topic).or_default().push(*partition);
                } else {
                    step.is_waiting = true;
                }
            }
        }
        step
    }
}

/// Takes topics away from a member that it has said it reads no more, though nothing else is due.
fn drop_topics(member: &Member, topics: &BTreeSet<Uuid>, owned: Option<Owned<'_>>) -> Option<Member> {
    let (assigned, dropped): (Held, Held) = member
        .assigned
        .iter()
        .map(|(topic, held)| (*topic, held.clone()))
        .partition(|(topic, _)| topics.contains(topic));
    if dropped.is_empty() {
        return None;
    }
    let mut revoking = member.revoking.clone();
    for (topic, held) in dropped {
        revoking.entry(topic).or_default().extend(held);
    }
    let unchanged = Member { previous_epoch: member.epoch, assigned, ..member.clone() };
    Some(if is_held(&revoking, owned) {
        Member { state: MemberState::UnrevokedPartitions, revoking, ..unchanged }
    } else {
        unchanged
    })
}

/// Whether the member still has any of these. It has, as long as it does not say what it has.
fn is_held(revoking: &Held, owned: Option<Owned<'_>>) -> bool {
    let Some(owned) = owned else { return !revoking.is_empty() };
    owned.iter().any(|topic| {
        let revoking = revoking.get(&topic.topic_id);
        revoking.is_some_and(|held| topic.partitions.iter().any(|partition| held.contains_key(partition)))
    })
}

fn insert(held: &mut Held, topic: Uuid, partitions: BTreeMap<i32, i32>) {
    if !partitions.is_empty() {
        held.insert(topic, partitions);
    }
}
