//! ShareGroupDescribe: share groups, and where their members look.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::vec::Vec;

use super::group_answer::{self, GroupResponse};
use super::{Caller, authorized};
use crate::broker::Broker;
use crate::error_code::ErrorCode;
use crate::groups::{MemberId, SHARE_ASSIGNOR, ShareMember, SharePartitions};
use crate::metadata::MetadataImage;
use crate::time::Now;
use crate::wire::Str;
use crate::wire::messages::share_group_describe::{
    Assignment, DescribedGroup, Member, ShareGroupDescribeRequest, ShareGroupDescribeResponse, TopicPartitions,
};

pub(crate) fn handle(broker: &mut Broker, now: Now, caller: Caller, request: &ShareGroupDescribeRequest) {
    let operations = authorized::if_asked(request.include_authorized_operations, authorized::GROUP);
    let mut partitions = Vec::new();
    let mut groups = Vec::new();
    let mut seen = BTreeSet::new();
    // Each once: an answer is much larger than a name.
    for id in request.group_ids.iter().filter(|id| seen.insert(*id)) {
        groups.push(match describe(broker, id) {
            Ok((index, described)) => {
                partitions.push(index);
                let is_good = described.error_code == ErrorCode::None.number();
                let authorized_operations = if is_good { operations } else { authorized::NOT_ASKED };
                DescribedGroup { authorized_operations, ..described }
            }
            Err(error) => refusal(id.clone(), error),
        });
    }
    let response = ShareGroupDescribeResponse { groups, ..Default::default() };
    group_answer::answer(broker, now, caller, GroupResponse::ShareGroupDescribe(response), partitions);
}

/// A group that can't be described.
pub(crate) fn refusal(group_id: Str, error: ErrorCode) -> DescribedGroup {
    DescribedGroup { group_id, error_code: error.number(), ..Default::default() }
}

fn describe(broker: &Broker, id: &Str) -> Result<(i32, DescribedGroup), ErrorCode> {
    if !broker.serves_share_groups() {
        return Err(ErrorCode::UnsupportedVersion);
    }
    if id.is_empty() {
        return Err(ErrorCode::InvalidGroupId);
    }
    let index = broker.coordinator_of(id)?;
    let coordinator = broker.groups.serving(index).ok_or(ErrorCode::NotCoordinator)?;
    let known = coordinator.groups.get(&**id);
    let Some(share) = known.and_then(|known| known.share()) else {
        let why = if known.is_some() { "is not a share group" } else { "not found" };
        let mut refused = refusal(id.clone(), ErrorCode::GroupIdNotFound);
        refused.error_message = Some(format!("Group {id} {why}.").into());
        return Ok((index, refused));
    };
    let image = broker.metadata.image();
    let described = DescribedGroup {
        group_id: id.clone(),
        group_state: Str::from_static(share.state().name()),
        group_epoch: share.epoch(),
        assignment_epoch: share.target_epoch(),
        assignor_name: Str::from_static(SHARE_ASSIGNOR),
        members: share.members().iter().map(|(of, member)| shown(of, member, image)).collect(),
        ..Default::default()
    };
    Ok((index, described))
}

fn shown(id: &MemberId, member: &ShareMember, image: &MetadataImage) -> Member {
    let about = &member.about;
    Member {
        member_id: Str::from(&**id),
        rack_id: about.rack_id.as_deref().map(Str::from),
        member_epoch: member.epoch,
        client_id: Str::from(&*about.client_id),
        client_host: Str::from(&*about.client_host),
        subscribed_topic_names: about.topics.iter().map(|topic| Str::from(&**topic)).collect(),
        assignment: assignment(&member.assigned, image),
        ..Default::default()
    }
}

fn assignment(partitions: &SharePartitions, image: &MetadataImage) -> Assignment {
    let named = partitions.iter().filter_map(|(id, partitions)| {
        let topic_name = Str::from(&*image.topics.get(id)?.name);
        let partitions = partitions.iter().copied().collect();
        Some(TopicPartitions { topic_id: *id, topic_name, partitions, ..Default::default() })
    });
    Assignment { topic_partitions: named.collect(), ..Default::default() }
}
