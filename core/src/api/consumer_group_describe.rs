//! ConsumerGroupDescribe: consumer groups, what their members have, and what they shall have.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::group_answer::{self, GroupResponse};
use super::{Caller, assigned_groups, authorized};
use crate::broker::Broker;
use crate::error_code::ErrorCode;
use crate::groups::{ConsumerGroup, ConsumerMember, MemberId};
use crate::metadata::MetadataImage;
use crate::time::Now;
use crate::wire::messages::consumer_group_describe::{
    Assignment, ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse, DescribedGroup, Member, TopicPartitions,
};
use crate::wire::{Str, Uuid};

pub(crate) fn handle(broker: &mut Broker, now: Now, caller: Caller, request: &ConsumerGroupDescribeRequest) {
    let operations = authorized::if_asked(request.include_authorized_operations, authorized::GROUP);
    let describe = |id: &Str| describe(broker, id, operations);
    let (groups, partitions) = group_answer::describe_each(&request.group_ids, |id| id, describe, refusal);
    let response = ConsumerGroupDescribeResponse { groups, ..Default::default() };
    group_answer::answer(broker, now, caller, GroupResponse::ConsumerGroupDescribe(response), partitions);
}

/// A group that can't be described.
pub(crate) fn refusal(group_id: Str, error: ErrorCode) -> DescribedGroup {
    DescribedGroup { group_id, error_code: error.number(), ..Default::default() }
}

fn describe(broker: &Broker, id: &Str, authorized_operations: i32) -> Result<(i32, DescribedGroup), ErrorCode> {
    let (index, known) = assigned_groups::find(broker, broker.serves_consumer_groups(), id)?;
    let Some(consumer) = known.and_then(|known| known.consumer()) else {
        let mut refused = refusal(id.clone(), ErrorCode::GroupIdNotFound);
        refused.error_message = Some(assigned_groups::why_not(id, known, "consumer"));
        return Ok((index, refused));
    };
    let image = broker.metadata.image();
    let members = consumer.members().iter().map(|(of, member)| shown(consumer, of, member, image));
    let described = DescribedGroup {
        group_id: id.clone(),
        authorized_operations,
        group_state: Str::from_static(consumer.state().name()),
        group_epoch: consumer.epoch(),
        assignment_epoch: consumer.target_epoch(),
        assignor_name: Str::from(consumer.assignor(broker.groups.settings.assignors.default().name())),
        members: members.collect(),
        ..Default::default()
    };
    Ok((index, described))
}

fn shown(consumer: &ConsumerGroup, id: &MemberId, member: &ConsumerMember, image: &MetadataImage) -> Member {
    let about = &member.about;
    let text = |text: &Option<alloc::sync::Arc<str>>| text.as_deref().map(Str::from);
    // What a member has to give up is its own until it has.
    let mut held: BTreeMap<Uuid, Vec<i32>> = BTreeMap::new();
    for (topic, partitions) in member.assigned.iter().chain(&member.revoking) {
        held.entry(*topic).or_default().extend(partitions.keys());
    }
    Member {
        member_id: Str::from(&**id),
        instance_id: text(&about.instance_id),
        rack_id: text(&about.rack_id),
        member_epoch: member.epoch,
        client_id: Str::from(&*about.client_id),
        client_host: Str::from(&*about.client_host),
        subscribed_topic_names: about.topics.iter().map(|topic| Str::from(&**topic)).collect(),
        subscribed_topic_regex: Some(text(&about.regex).unwrap_or_default()),
        assignment: assignment(&held, image),
        target_assignment: assignment(consumer.target_of(id), image),
        member_type: i8::from(!member.uses_classic_protocol()),
        ..Default::default()
    }
}

fn assignment(partitions: &BTreeMap<Uuid, Vec<i32>>, image: &MetadataImage) -> Assignment {
    let named = partitions.iter().filter_map(|(id, partitions)| {
        let topic_name = Str::from(&*image.topics.get(id)?.name);
        Some(TopicPartitions { topic_id: *id, topic_name, partitions: partitions.clone(), ..Default::default() })
    });
    Assignment { topic_partitions: named.collect(), ..Default::default() }
}
