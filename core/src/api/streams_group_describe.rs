//! StreamsGroupDescribe: streams groups, the topology that they run, what their members have, and what they shall have.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::group_answer::{self, GroupResponse};
use super::{Caller, assigned_groups, authorized};
use crate::broker::Broker;
use crate::error_code::ErrorCode;
use crate::groups::{ConfiguredSubtopology, InternalTopic, MemberId, StreamsGroup, StreamsMember, TaskSet, Tasks};
use crate::time::Now;
use crate::wire::Str;
use crate::wire::messages::streams_group_describe::{
    Assignment, DescribedGroup, Endpoint, KeyValue, Member, StreamsGroupDescribeRequest, StreamsGroupDescribeResponse,
    Subtopology, TaskIds, TopicInfo, Topology,
};
use crate::wire::messages::streams_group_records as record;

pub(crate) fn handle(broker: &mut Broker, now: Now, caller: Caller, request: &StreamsGroupDescribeRequest) {
    let operations = authorized::if_asked(request.include_authorized_operations, authorized::GROUP);
    let describe = |id: &Str| describe(broker, id, operations);
    let (groups, partitions) = group_answer::describe_each(&request.group_ids, |id| id, describe, refusal);
    let response = StreamsGroupDescribeResponse { groups, ..Default::default() };
    group_answer::answer(broker, now, caller, GroupResponse::StreamsGroupDescribe(response), partitions);
}

/// A group that can't be described.
pub(crate) fn refusal(group_id: Str, error: ErrorCode) -> DescribedGroup {
    DescribedGroup { group_id, error_code: error.number(), topology: None, ..Default::default() }
}

fn describe(broker: &Broker, id: &Str, authorized_operations: i32) -> Result<(i32, DescribedGroup), ErrorCode> {
    let (index, known) = assigned_groups::find(broker, broker.serves_streams_groups(), id)?;
    let Some(streams) = known.and_then(|known| known.streams()) else {
        let mut refused = refusal(id.clone(), ErrorCode::GroupIdNotFound);
        refused.error_message = Some(assigned_groups::why_not(id, known, "streams"));
        return Ok((index, refused));
    };
    let described = DescribedGroup {
        group_id: id.clone(),
        authorized_operations,
        group_state: Str::from_static(streams.state().name()),
        group_epoch: streams.epoch(),
        assignment_epoch: streams.target_epoch(),
        topology: Some(topology(streams).ok_or(ErrorCode::UnknownServerError)?),
        members: streams.members().iter().map(|(id, member)| shown(streams, id, member)).collect(),
        ..Default::default()
    };
    Ok((index, described))
}

/// With the topics' real numbers of partitions, where they are complete.
fn topology(streams: &StreamsGroup) -> Option<Topology> {
    let topology = streams.topology()?;
    let configured = streams.configured().filter(|configured| configured.is_ready());
    let subtopologies = match configured.and_then(|configured| configured.subtopologies.as_ref()) {
        Some(configured) => configured.iter().map(|(id, of)| configured_subtopology(id, of)).collect(),
        None => topology.by_id().into_values().map(plain_subtopology).collect(),
    };
    Some(Topology { epoch: topology.epoch(), subtopologies: Some(subtopologies), ..Default::default() })
}

fn configured_subtopology(id: &str, of: &ConfiguredSubtopology) -> Subtopology {
    let names = |topics: &BTreeSet<Arc<str>>| topics.iter().map(|topic| Str::from(&**topic)).collect();
    let infos = |topics: &BTreeMap<Arc<str>, InternalTopic>| topics.values().map(configured_topic).collect();
    Subtopology {
        subtopology_id: Str::from(id),
        source_topics: names(&of.source_topics),
        repartition_sink_topics: names(&of.repartition_sink_topics),
        state_changelog_topics: infos(&of.changelog_topics),
        repartition_source_topics: infos(&of.repartition_source_topics),
        ..Default::default()
    }
}

fn configured_topic(topic: &InternalTopic) -> TopicInfo {
    TopicInfo {
        name: Str::from(&*topic.name),
        partitions: topic.partitions,
        replication_factor: topic.replication_factor.unwrap_or(0),
        topic_configs: pairs(&topic.configs),
        ..Default::default()
    }
}

fn plain_subtopology(of: &record::Subtopology) -> Subtopology {
    let names = |topics: &[Str]| {
        let mut topics = topics.to_vec();
        topics.sort_unstable();
        topics
    };
    let infos = |topics: &[record::TopicInfo]| {
        let mut infos: Vec<TopicInfo> = topics.iter().map(plain_topic).collect();
        infos.sort_by(|one, other| one.name.cmp(&other.name));
        infos
    };
    Subtopology {
        subtopology_id: of.subtopology_id.clone(),
        source_topics: names(&of.source_topics),
        repartition_sink_topics: names(&of.repartition_sink_topics),
        state_changelog_topics: infos(&of.state_changelog_topics),
        repartition_source_topics: infos(&of.repartition_source_topics),
        ..Default::default()
    }
}

fn plain_topic(topic: &record::TopicInfo) -> TopicInfo {
    let config = |config: &record::TopicConfig| KeyValue {
        key: config.key.clone(),
        value: config.value.clone(),
        ..Default::default()
    };
    TopicInfo {
        name: topic.name.clone(),
        partitions: topic.partitions,
        replication_factor: topic.replication_factor,
        topic_configs: topic.topic_configs.iter().map(config).collect(),
        ..Default::default()
    }
}

fn shown(streams: &StreamsGroup, id: &MemberId, member: &StreamsMember) -> Member {
    let about = &member.about;
    let text = |text: &Option<Arc<str>>| text.as_deref().map(Str::from);
    let active = member.assigned.active.iter();
    let assigned = Tasks {
        active: active.map(|(id, tasks)| (Arc::clone(id), tasks.keys().copied().collect())).collect(),
        standby: member.assigned.standby.clone(),
        warmup: member.assigned.warmup.clone(),
    };
    Member {
        member_id: Str::from(&**id),
        member_epoch: member.epoch,
        instance_id: text(&about.instance_id),
        rack_id: text(&about.rack_id),
        client_id: Str::from(&*about.client_id),
        client_host: Str::from(&*about.client_host),
        topology_epoch: about.topology_epoch,
        process_id: Str::from(&*about.process_id),
        user_endpoint: about.user_endpoint.as_ref().map(|(host, port)| Endpoint {
            host: Str::from(&**host),
            port: *port,
            ..Default::default()
        }),
        client_tags: pairs(&about.client_tags),
        assignment: assignment(&assigned),
        target_assignment: assignment(streams.target_of(id)),
        ..Default::default()
    }
}

fn assignment(tasks: &Tasks) -> Assignment {
    Assignment {
        active_tasks: task_ids(&tasks.active),
        standby_tasks: task_ids(&tasks.standby),
        warmup_tasks: task_ids(&tasks.warmup),
        ..Default::default()
    }
}

fn task_ids(tasks: &TaskSet) -> Vec<TaskIds> {
    let of_subtopology = |(id, partitions): (&Arc<str>, &BTreeSet<i32>)| TaskIds {
        subtopology_id: Str::from(&**id),
        partitions: partitions.iter().copied().collect(),
        ..Default::default()
    };
    tasks.iter().map(of_subtopology).collect()
}

fn pairs(pairs: &BTreeMap<Arc<str>, Arc<str>>) -> Vec<KeyValue> {
    let pair = |(key, value): (&Arc<str>, &Arc<str>)| KeyValue {
        key: Str::from(&**key),
        value: Str::from(&**value),
        ..Default::default()
    };
    pairs.iter().map(pair).collect()
}
