//! ShareGroupDescribe: share groups, and where their members look.

use super::group_answer::{self, GroupResponse};
use super::{Caller, assigned_groups, authorized};
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
    let describe = |id: &Str| describe(broker, id, operations);
    let (groups, partitions) = group_answer::describe_each(&request.group_ids, |id| id, describe, refusal);
    let response = ShareGroupDescribeResponse { groups, ..Default::default() };
    group_answer::answer(broker, now, caller, GroupResponse::ShareGroupDescribe(response), partitions);
}

/// A group that can't be described.
pub(crate) fn refusal(group_id: Str, error: ErrorCode) -> DescribedGroup {
    DescribedGroup { group_id, error_code: error.number(), ..Default::default() }
}

fn describe(broker: &Broker, id: &Str, authorized_operations: i32) -> Result<(i32, DescribedGroup), ErrorCode> {
    let (index, known) = assigned_groups::find(broker, broker.serves_share_groups(), id)?;
    let Some(share) = known.and_then(|known| known.share()) else {
        let mut refused = refusal(id.clone(), ErrorCode::GroupIdNotFound);
        refused.error_message = Some(assigned_groups::why_not(id, known, "share"));
        return Ok((index, refused));
    };
    let image = broker.metadata.image();
    let described = DescribedGroup {
        group_id: id.clone(),
        authorized_operations,
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
