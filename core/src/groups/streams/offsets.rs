//! Who may commit and fetch offsets of a streams group.

use super::{Member, StreamsGroup};
use crate::error_code::ErrorCode;
use crate::groups::coordinator::Committer;
use crate::wire::Uuid;

impl StreamsGroup {
    /// Checks who commits offsets. Without members anybody may. A member may be behind its epoch, for partitions whose tasks it has
    /// had since then.
    pub(crate) fn check_offset_commit(&self, by: &Committer<'_>) -> Result<(), ErrorCode> {
        if by.generation < 0 && self.is_empty() {
            return Ok(());
        }
        // In a transaction a client need not say who it is.
        if by.is_transactional && by.generation == -1 && by.member.is_empty() && by.instance.is_none() {
            return Ok(());
        }
        let member = self.members.get(by.member).ok_or(ErrorCode::UnknownMemberId)?;
        if !by.is_transactional && !by.is_not_found_known {
            return Err(ErrorCode::UnsupportedVersion);
        }
        let is_had_since = |(topic, partition): &(Uuid, i32)| {
            self.had_since(member, by, *topic, *partition).is_some_and(|since| by.generation >= since)
        };
        let is_good =
            by.generation == member.epoch || by.generation < member.epoch && by.partitions.iter().all(is_had_since);
        match is_good {
            true => Ok(()),
            // The only word for it that clients know there.
            false if by.is_transactional => Err(ErrorCode::IllegalGeneration),
            false => Err(ErrorCode::StaleMemberEpoch),
        }
    }

    /// Checks who asks for offsets. Who does not say that it is a member may.
    pub(crate) fn check_offset_fetch(&self, member: Option<&str>, epoch: i32) -> Result<(), ErrorCode> {
        if member.is_none() && epoch < 0 {
            return Ok(());
        }
        let member = member.and_then(|member| self.members.get(member)).ok_or(ErrorCode::UnknownMemberId)?;
        if member.epoch == epoch { Ok(()) } else { Err(ErrorCode::StaleMemberEpoch) }
    }

    /// Since which epoch the member has the task that reads a partition.
    fn had_since(&self, member: &Member, by: &Committer<'_>, topic: Uuid, partition: i32) -> Option<i32> {
        let topic = by.image.topics.get(&topic)?;
        let reader = self.topology()?.reader_of(&topic.name)?;
        member.active_since(&reader.subtopology_id, partition)
    }
}
