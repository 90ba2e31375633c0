//! Answers that were made from a group's state, and wait until all of that state is committed.
//!
//! A coordinator's memory runs ahead of its log. So an answer that says anything of it, be it that offsets are kept or which
//! there are, is sent when the log is committed up to where it ended when the answer was made. Of calls that describe groups, it is
//! here, too, that each group is described once.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::{ApiError, Caller};
use crate::broker::{Broker, Work};
use crate::coordinators::partition_of;
use crate::error_code::ErrorCode;
use crate::groups::{join_refusal, sync_refusal};
use crate::parking::{Waits, Wake};
use crate::planted::Bug;
use crate::time::Now;
use crate::types::{Offset, PartitionId};
use crate::wire::Str;
use crate::wire::messages::alter_share_group_offsets::AlterShareGroupOffsetsResponse;
use crate::wire::messages::consumer_group_describe::ConsumerGroupDescribeResponse;
use crate::wire::messages::consumer_group_heartbeat::ConsumerGroupHeartbeatResponse;
use crate::wire::messages::delete_groups::DeleteGroupsResponse;
use crate::wire::messages::delete_share_group_offsets::DeleteShareGroupOffsetsResponse;
use crate::wire::messages::describe_groups::{DescribeGroupsResponse, DescribedGroup};
use crate::wire::messages::describe_share_group_offsets::DescribeShareGroupOffsetsResponse;
use crate::wire::messages::join_group::JoinGroupResponse;
use crate::wire::messages::list_groups::ListGroupsResponse;
use crate::wire::messages::offset_commit::OffsetCommitResponse;
use crate::wire::messages::offset_delete::OffsetDeleteResponse;
use crate::wire::messages::share_group_describe::ShareGroupDescribeResponse;
use crate::wire::messages::share_group_heartbeat::ShareGroupHeartbeatResponse;
use crate::wire::messages::streams_group_describe::StreamsGroupDescribeResponse;
use crate::wire::messages::streams_group_heartbeat::StreamsGroupHeartbeatResponse;
use crate::wire::messages::sync_group::SyncGroupResponse;
use crate::wire::messages::txn_offset_commit::TxnOffsetCommitResponse;

use super::offset_fetch::OffsetFetchAnswer;

/// Describes groups, each once: an answer is much larger than a name. With them, the partitions that they live in.
pub(crate) fn describe_each<'a, A, D>(
    asked: &'a [A],
    id_of: impl Fn(&'a A) -> &'a Str,
    describe: impl Fn(&'a A) -> Result<(i32, D), ErrorCode>,
    refusal: impl Fn(Str, ErrorCode) -> D,
) -> (Vec<D>, Vec<i32>) {
    let (mut groups, mut partitions, mut seen) = (Vec::new(), Vec::new(), BTreeSet::new());
    for asked in asked.iter().filter(|asked| seen.insert(id_of(asked))) {
        groups.push(match describe(asked) {
            Ok((index, described)) => {
                partitions.push(index);
                described
            }
            Err(error) => refusal(id_of(asked).clone(), error),
        });
    }
    (groups, partitions)
}

/// An answer that waits for logs of groups.
#[derive(Debug)]
pub(crate) struct ParkedGroupAnswer {
    caller: Caller,
    response: GroupResponse,
}

/// What waits.
#[derive(Debug)]
pub(crate) enum GroupResponse {
    OffsetCommit(OffsetCommitResponse),
    TxnOffsetCommit(TxnOffsetCommitResponse),
    OffsetFetch(OffsetFetchAnswer),
    OffsetDelete(OffsetDeleteResponse),
    DescribeGroups(DescribeGroupsResponse),
    ListGroups(ListGroupsResponse),
    DeleteGroups(DeleteGroupsResponse),
    ConsumerGroupHeartbeat(ConsumerGroupHeartbeatResponse),
    ConsumerGroupDescribe(ConsumerGroupDescribeResponse),
    ShareGroupHeartbeat(ShareGroupHeartbeatResponse),
    ShareGroupDescribe(ShareGroupDescribeResponse),
    DescribeShareGroupOffsets(DescribeShareGroupOffsetsResponse),
    AlterShareGroupOffsets(AlterShareGroupOffsetsResponse),
    DeleteShareGroupOffsets(DeleteShareGroupOffsetsResponse),
    StreamsGroupHeartbeat(StreamsGroupHeartbeatResponse),
    StreamsGroupDescribe(StreamsGroupDescribeResponse),
    JoinGroup(JoinGroupResponse),
    SyncGroup(SyncGroupResponse),
}

/// Answers when these partitions are committed as far as they are written now.
pub(crate) fn answer(
    broker: &mut Broker,
    now: Now,
    caller: Caller,
    response: GroupResponse,
    partitions: impl IntoIterator<Item = i32>,
) {
    let mut commits: Vec<(PartitionId, Offset)> = Vec::new();
    for index in partitions {
        if let Some(id) = broker.groups.partition(index)
            && let Some(log) = broker.logs.get(&id)
            && !commits.iter().any(|(known, _)| *known == id)
        {
            commits.push((id, log.log_end()));
        }
    }
    let deadline = Some(now.monotonic.plus_ms(broker.groups.settings.commit_timeout_ms));
    let mut waits = Waits { commits, deadline, ..Waits::default() };
    if broker.groups.settings.bugs.has(Bug::OffsetsAckedEarly) {
        waits.commits.clear();
    }
    proceed(broker, ParkedGroupAnswer { caller, response }, waits);
}

pub(crate) fn wake(broker: &mut Broker, mut parked: ParkedGroupAnswer, mut waits: Waits, wake: Wake) {
    let version = parked.caller.version;
    let partitions = broker.groups.coordinators.partition_count().unwrap_or(1);
    match wake {
        Wake::Committed(_) | Wake::Grown(_) => {}
        Wake::Lost(lost) => {
            let is_lost = |group: &str| partition_of(group, partitions) == lost.index;
            parked.response.refuse(version, &is_lost, ErrorCode::NotCoordinator);
            waits.commits.retain(|(id, _)| *id != lost);
        }
        Wake::Deadline => {
            let late = core::mem::take(&mut waits.commits);
            let is_late = |group: &str| late.iter().any(|(id, _)| id.index == partition_of(group, partitions));
            // Older consumers know no other error to ask for offsets again after.
            let error = match parked.response {
                GroupResponse::OffsetFetch(_) => ErrorCode::NotCoordinator,
                _ => ErrorCode::CoordinatorNotAvailable,
            };
            parked.response.refuse(version, &is_late, error);
        }
    }
    proceed(broker, parked, waits);
}

fn proceed(broker: &mut Broker, parked: ParkedGroupAnswer, mut waits: Waits) {
    waits.commits.retain(|(id, end)| broker.logs.get(id).is_some_and(|log| log.high_watermark() < *end));
    if waits.commits.is_empty() {
        return parked.send(broker);
    }
    broker.parking.park(Some(parked.caller.slot.conn), Work::Group(parked), waits);
}

impl ParkedGroupAnswer {
    fn send(self, broker: &mut Broker) {
        let caller = self.caller;
        match self.response {
            GroupResponse::OffsetCommit(response) => broker.answer(caller, &response, Vec::new()),
            GroupResponse::TxnOffsetCommit(response) => broker.answer(caller, &response, Vec::new()),
            GroupResponse::OffsetFetch(answer) => {
                broker.answer(caller, &answer.into_response(caller.version), Vec::new());
            }
            GroupResponse::OffsetDelete(response) => broker.answer(caller, &response, Vec::new()),
            GroupResponse::DescribeGroups(response) => broker.answer(caller, &response, Vec::new()),
            GroupResponse::ListGroups(response) => broker.answer(caller, &response, Vec::new()),
            GroupResponse::DeleteGroups(response) => broker.answer(caller, &response, Vec::new()),
            GroupResponse::ConsumerGroupHeartbeat(response) => broker.answer(caller, &response, Vec::new()),
            GroupResponse::ConsumerGroupDescribe(response) => broker.answer(caller, &response, Vec::new()),
            GroupResponse::ShareGroupHeartbeat(response) => broker.answer(caller, &response, Vec::new()),
            GroupResponse::ShareGroupDescribe(response) => broker.answer(caller, &response, Vec::new()),
            GroupResponse::DescribeShareGroupOffsets(response) => broker.answer(caller, &response, Vec::new()),
            GroupResponse::AlterShareGroupOffsets(response) => broker.answer(caller, &response, Vec::new()),
            GroupResponse::DeleteShareGroupOffsets(response) => broker.answer(caller, &response, Vec::new()),
            GroupResponse::StreamsGroupHeartbeat(response) => broker.answer(caller, &response, Vec::new()),
            GroupResponse::StreamsGroupDescribe(response) => broker.answer(caller, &response, Vec::new()),
            GroupResponse::JoinGroup(response) => super::join_group::answer(broker, caller, response),
            GroupResponse::SyncGroup(response) => super::sync_group::answer(broker, caller, &response),
        }
    }
}

impl GroupResponse {
    /// What it says of these groups will not come true, or is not known to.
    fn refuse(&mut self, version: i16, is_of: &dyn Fn(&str) -> bool, error: ErrorCode) {
        let number = error.number();
        match self {
            Self::OffsetCommit(response) => {
                let partitions = response.topics.iter_mut().flat_map(|topic| &mut topic.partitions);
                for partition in partitions.filter(|partition| partition.error_code == ErrorCode::None.number()) {
                    partition.error_code = number;
                }
            }
            Self::TxnOffsetCommit(response) => super::txn_offset_commit::refuse(response, error),
            Self::OffsetFetch(answer) => {
                for group in answer.groups.iter_mut().filter(|group| is_of(&group.group_id)) {
                    super::offset_fetch::refuse(group, version, error);
                }
            }
            Self::OffsetDelete(response) => {
                *response = OffsetDeleteResponse { error_code: number, ..Default::default() };
            }
            Self::DescribeGroups(response) => {
                for group in response.groups.iter_mut().filter(|group| is_of(&group.group_id)) {
                    let group_id = group.group_id.clone();
                    *group = DescribedGroup { group_id, error_code: number, ..Default::default() };
                }
            }
            Self::ListGroups(response) => {
                *response = ListGroupsResponse { error_code: number, ..Default::default() };
            }
            Self::DeleteGroups(response) => {
                for group in response.results.iter_mut().filter(|group| is_of(&group.group_id)) {
                    group.error_code = number;
                }
            }
            Self::ConsumerGroupHeartbeat(response) => {
                *response = super::consumer_group_heartbeat::refusal(ApiError::bare(error));
            }
            Self::ConsumerGroupDescribe(response) => {
                for group in response.groups.iter_mut().filter(|group| is_of(&group.group_id)) {
                    *group = super::consumer_group_describe::refusal(group.group_id.clone(), error);
                }
            }
            Self::ShareGroupHeartbeat(response) => {
                *response = super::share_group_heartbeat::refusal(ApiError::bare(error));
            }
            Self::ShareGroupDescribe(response) => {
                for group in response.groups.iter_mut().filter(|group| is_of(&group.group_id)) {
                    *group = super::share_group_describe::refusal(group.group_id.clone(), error);
                }
            }
            Self::DescribeShareGroupOffsets(response) => {
                for group in response.groups.iter_mut().filter(|group| is_of(&group.group_id)) {
                    *group = super::describe_share_group_offsets::refusal(group.group_id.clone(), error);
                }
            }
            Self::AlterShareGroupOffsets(response) => {
                *response = super::alter_share_group_offsets::refusal(ApiError::bare(error));
            }
            Self::DeleteShareGroupOffsets(response) => {
                *response = super::delete_share_group_offsets::refusal(ApiError::bare(error));
            }
            Self::StreamsGroupHeartbeat(response) => {
                *response = super::streams_group_heartbeat::refusal(ApiError::bare(error));
            }
            Self::StreamsGroupDescribe(response) => {
                for group in response.groups.iter_mut().filter(|group| is_of(&group.group_id)) {
                    *group = super::streams_group_describe::refusal(group.group_id.clone(), error);
                }
            }
            Self::JoinGroup(response) => *response = join_refusal("", error),
            Self::SyncGroup(response) => *response = sync_refusal(error),
        }
    }
}
