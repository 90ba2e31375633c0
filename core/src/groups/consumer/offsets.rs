//! Who may commit and fetch offsets of a consumer group.

use super::{ConsumerGroup, Member};
use crate::error_code::ErrorCode;
use crate::groups::coordinator::Committer;

impl ConsumerGroup {
    /// Checks who commits offsets. Without members anybody may. A member may be behind its epoch, for partitions that it has had
    /// since then (KIP-1251).
    pub(crate) fn check_offset_commit(&self, by: &Committer<'_>) -> Result<(), ErrorCode> {
        if by.generation < 0 && self.is_empty() {
            return Ok(());
        }
        // In a transaction a client need not say who it is.
        if by.is_transactional && by.generation == -1 && by.member.is_empty() && by.instance.is_none() {
            return Ok(());
        }
        let member = self.members.get(by.member).ok_or(ErrorCode::UnknownMemberId)?;
        if !by.is_transactional && !member.uses_classic_protocol() && !by.is_not_found_known {
            return Err(ErrorCode::UnsupportedVersion);
        }
        let is_held_since = |(topic, partition): &(_, _)| {
            member.held_since(*topic, *partition).is_some_and(|since| by.generation >= since)
        };
        let is_good =
            by.generation == member.epoch || by.generation < member.epoch && by.partitions.iter().all(is_held_since);
        match is_good {
            true => Ok(()),
            // The only word for it that clients know there.
            false if by.is_transactional => Err(ErrorCode::IllegalGeneration),
            false => Err(stale(member)),
        }
    }

    /// Checks who asks for offsets. Who does not say that it is a member may.
    pub(crate) fn check_offset_fetch(&self, member: Option<&str>, epoch: i32) -> Result<(), ErrorCode> {
        if member.is_none() && epoch < 0 {
            return Ok(());
        }
        let member = member.and_then(|member| self.members.get(member)).ok_or(ErrorCode::UnknownMemberId)?;
        if member.epoch == epoch { Ok(()) } else { Err(stale(member)) }
    }
}

fn stale(member: &Member) -> ErrorCode {
    if member.uses_classic_protocol() { ErrorCode::IllegalGeneration } else { ErrorCode::StaleMemberEpoch }
}
