//! How a member gets to what it shall have: first it gives up what it shall not have, then it takes over the target's epoch, and
//! then it gets what is free, and the rest when others have given it up. No task runs in two members at a time, and no process has
//! a task twice, be it to run it or to keep a copy of its state.

use alloc::sync::Arc;

use super::tasks::{Held, Owned, TaskSet, Tasks};
use super::{Member, MemberState, StreamsGroup};
use crate::api::ApiError;
use crate::error_code::ErrorCode;

/// How far a member can go.
#[derive(Default)]
struct Step {
    /// What it has and shall have.
    kept: Held,
    /// What it has and shall not have.
    revoking: Held,
    /// What it shall have and nobody else has.
    free: Held,
    /// It shall have something that is not free.
    is_waiting: bool,
}

impl StreamsGroup {
    /// The member, as far as it can get now; none where it stays as it is. What it has by its own word, `owned`, is not known
    /// where it did not say.
    ///
    /// # Errors
    /// Where nobody knows what state the member is in.
    pub(super) fn reconcile(
        &self,
        member: &Member,
        target: (i32, &Tasks),
        owned: Option<Owned<'_>>,
    ) -> Result<Option<Member>, ApiError> {
        Ok(match member.state {
            MemberState::Stable if member.epoch == target.0 => None,
            MemberState::Stable | MemberState::UnreleasedTasks => Some(self.next(member, member.epoch, target, owned)),
            MemberState::UnrevokedTasks if is_held(&member.revoking, owned) => None,
            MemberState::UnrevokedTasks => Some(self.next(member, member.epoch + 1, target, owned)),
            MemberState::Unknown if owned.is_some_and(Owned::is_empty) => {
                Some(self.next(member, target.0, target, owned))
            }
            MemberState::Unknown => {
                let why =
                    "The streams group member is in a unknown state. The member must abandon all its tasks and rejoin.";
                return Err(ApiError::new(ErrorCode::FencedMemberEpoch, why));
            }
        })
    }

    fn next(
        &self,
        member: &Member,
        epoch: i32,
        (target_epoch, target): (i32, &Tasks),
        owned: Option<Owned<'_>>,
    ) -> Member {
        let step = self.step(member, target_epoch, target);
        let moved = |epoch, state, assigned, revoking| Member {
            epoch,
            previous_epoch: member.epoch,
            state,
            assigned,
            revoking,
            about: Arc::clone(&member.about),
        };
        if is_held(&step.revoking, owned) {
            return moved(epoch, MemberState::UnrevokedTasks, step.kept, step.revoking);
        }
        let state = if step.is_waiting { MemberState::UnreleasedTasks } else { MemberState::Stable };
        moved(target_epoch, state, step.kept.merged(step.free), Held::default())
    }

    fn step(&self, member: &Member, target_epoch: i32, target: &Tasks) -> Step {
        let mut step = Step::default();
        let process = &*member.about.process_id;
        self.step_active(member, target_epoch, &target.active, &mut step);
        let is_free = |id: &str, partition| {
            !self.owners.is_active_in(process, id, partition) && !self.owners.is_copied_in(process, id, partition)
        };
        let assigned = &member.assigned;
        step.is_waiting |= step_copies(
            (&assigned.standby, &target.standby),
            &is_free,
            [&mut step.kept.standby, &mut step.revoking.standby, &mut step.free.standby],
        );
        step.is_waiting |= step_copies(
            (&assigned.warmup, &target.warmup),
            &is_free,
            [&mut step.kept.warmup, &mut step.revoking.warmup, &mut step.free.warmup],
        );
        step
    }

    fn step_active(&self, member: &Member, target_epoch: i32, target: &TaskSet, step: &mut Step) {
        for (id, held) in &member.assigned.active {
            for (partition, since) in held {
                let is_wanted = super::tasks::has(target, id, *partition);
                let place = if is_wanted { &mut step.kept } else { &mut step.revoking };
                place.active.entry(Arc::clone(id)).or_default().insert(*partition, *since);
            }
        }
        for (id, partitions) in target {
            for partition in partitions {
                if member.assigned.active_since(id, *partition).is_some() {
                    continue;
                }
                let is_taken = self.owners.is_active(id, *partition)
                    || self.owners.is_copied_in(&member.about.process_id, id, *partition);
                if is_taken {
                    step.is_waiting = true;
                } else {
                    step.free.active.entry(Arc::clone(id)).or_default().insert(*partition, target_epoch);
                }
            }
        }
    }
}

/// The same for copies of state; whether the member has to wait for any.
fn step_copies(
    (held, target): (&TaskSet, &TaskSet),
    is_free: &dyn Fn(&str, i32) -> bool,
    [kept, revoking, free]: [&mut TaskSet; 3],
) -> bool {
    let put = |set: &mut TaskSet, id: &Arc<str>, partition: i32| {
        set.entry(Arc::clone(id)).or_default().insert(partition);
    };
    for (id, partitions) in held {
        for partition in partitions {
            let is_wanted = super::tasks::has(target, id, *partition);
            put(if is_wanted { &mut *kept } else { &mut *revoking }, id, *partition);
        }
    }
    let mut is_waiting = false;
    for (id, partitions) in target {
        for partition in partitions.iter().filter(|partition| !super::tasks::has(held, id, **partition)) {
            if is_free(id, *partition) {
                put(free, id, *partition);
            } else {
                is_waiting = true;
            }
        }
    }
    is_waiting
}

/// Whether the member still has any of these. It has, as long as it does not say what it has.
fn is_held(revoking: &Held, owned: Option<Owned<'_>>) -> bool {
    !revoking.is_empty() && owned.is_none_or(|owned| owned.has_any_of(revoking))
}
