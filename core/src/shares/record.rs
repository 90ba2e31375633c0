//! The state of a record, and how it changes.

use alloc::sync::Arc;

use super::partition::WriteId;
use crate::time::Monotonic;

/// A member of a share group, as it calls itself.
pub type MemberId = Arc<str>;

/// Where a record is on its way through a share group. The numbers are those of the share coordinator's records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(i8)]
pub enum RecordState {
    /// Whoever fetches next may have it.
    Available = 0,
    /// It is with a member.
    Acquired = 1,
    /// It was dealt with.
    Acknowledged = 2,
    /// It will not be delivered again: rejected, too often delivered, or there is no such record.
    Archived = 4,
}

impl RecordState {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Available, Self::Acquired, Self::Acknowledged, Self::Archived];

    /// Its number.
    #[must_use]
    pub fn number(self) -> i8 {
        self as i8
    }

    /// The state of that number.
    #[must_use]
    pub fn of_number(number: i8) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.number() == number)
    }

    /// Whether the record stays as it is from now on.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Acknowledged | Self::Archived)
    }
}

/// What a member says of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AcknowledgeType {
    /// 0: there is no such record.
    Gap,
    /// 1: it was dealt with.
    Accept,
    /// 2: it shall be delivered again.
    Release,
    /// 3: it can't be dealt with.
    Reject,
    /// 4: more time is needed (KIP-1222).
    Renew,
}

impl AcknowledgeType {
    /// The type of that number.
    #[must_use]
    pub fn of_number(number: i8) -> Option<Self> {
        Some(match number {
            0 => Self::Gap,
            1 => Self::Accept,
            2 => Self::Release,
            3 => Self::Reject,
            4 => Self::Renew,
            _ => return None,
        })
    }

    /// The state that a record is in afterwards; `None` where it stays with the member.
    pub(super) fn then(self) -> Option<RecordState> {
        match self {
            Self::Gap | Self::Reject => Some(RecordState::Archived),
            Self::Accept => Some(RecordState::Acknowledged),
            Self::Release => Some(RecordState::Available),
            Self::Renew => None,
        }
    }
}

/// What is known of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) state: RecordState,
    /// How often it was delivered.
    pub(super) delivery_count: i16,
    /// With whom it is.
    pub(super) member: Option<MemberId>,
    /// Until when it is with the member.
    pub(super) lock_until: Option<Monotonic>,
    /// Its state is on its way to the share coordinator.
    pub(super) pending: Option<Pending>,
}

/// A state that is not kept yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pending {
    pub(super) write: WriteId,
    /// Who has the record again if the write fails.
    pub(super) member: MemberId,
    pub(super) delivery_count_limit: i16,
}

impl Record {
    /// A record that nobody has.
    pub(super) fn free(state: RecordState, delivery_count: i16) -> Self {
        Self { state, delivery_count, member: None, lock_until: None, pending: None }
    }

    /// A record that is with a member for the first time.
    pub(super) fn acquired(member: &MemberId, lock_until: Monotonic) -> Self {
        Self { member: Some(member.clone()), lock_until: Some(lock_until), ..Self::free(RecordState::Acquired, 1) }
    }

    /// Whether a member may have it now.
    pub(super) fn is_available(&self) -> bool {
        self.state == RecordState::Available && self.pending.is_none()
    }

    /// Whether the partition may begin behind it.
    pub(super) fn is_done(&self) -> bool {
        self.state.is_final() && self.pending.is_none()
    }

    pub(super) fn is_with(&self, member: &str) -> bool {
        self.member.as_deref() == Some(member)
    }

    /// Gives it to a member, once more.
    pub(super) fn acquire(&mut self, member: &MemberId, lock_until: Monotonic) {
        self.state = RecordState::Acquired;
        self.delivery_count = self.delivery_count.saturating_add(1);
        self.member = Some(member.clone());
        self.lock_until = Some(lock_until);
    }

    /// Takes it from its member, for good once the write is done.
    pub(super) fn begin(&mut self, to: RecordState, write: WriteId, delivery_count_limit: i16) {
        let Some(member) = self.member.take() else { return };
        self.state = self.instead_of(to, delivery_count_limit);
        self.pending = Some(Pending { write, member, delivery_count_limit });
    }

    /// The write is over.
    pub(super) fn end(&mut self, now: Monotonic, is_written: bool) {
        let Some(pending) = self.pending.take() else { return };
        if is_written {
            self.lock_until = None;
        } else if self.lock_until.is_some_and(|until| until <= now) {
            self.lock_until = None;
            self.state = self.instead_of(RecordState::Available, pending.delivery_count_limit);
        } else {
            self.state = RecordState::Acquired;
            self.member = Some(pending.member);
        }
    }

    /// Its member had it long enough.
    pub(super) fn time_out(&mut self, to: RecordState, delivery_count_limit: i16) {
        *self = Self::free(self.instead_of(to, delivery_count_limit), self.delivery_count);
    }

    /// Nobody gets it any more, whatever is on its way.
    pub(super) fn archive(&mut self) {
        *self = Self::free(RecordState::Archived, self.delivery_count);
    }

    /// What was delivered often enough is not delivered again.
    fn instead_of(&self, to: RecordState, delivery_count_limit: i16) -> RecordState {
        let is_exhausted = to == RecordState::Available && self.delivery_count >= delivery_count_limit;
        if is_exhausted { RecordState::Archived } else { to }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drawings::assert_drawn;

    #[test]
    fn the_drawing_has_the_states_of_the_code() {
        let states = RecordState::ALL.map(|state| alloc::format!("{state:?}"));
        let states = states.iter().map(|state| &**state);
        assert_drawn(include_str!("../../../docs/share-groups.md"), "## A record's way", states);
    }
}
