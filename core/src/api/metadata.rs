//! Metadata: where topics and partitions are; asking for a topic may create it.

use alloc::collections::BTreeSet;
use alloc::string::ToString;
use alloc::vec::Vec;

use super::cluster::{PartitionStates, controller_id, endpoint, plain, see};
use super::create_topics::Plan;
use super::{Change, View, authorized, topic_name};
use crate::config::SEGMENT_MIN_BYTES;
use crate::error_code::ErrorCode;
use crate::metadata::Topic;
use crate::rng::Rng;
use crate::types::PartitionId;
use crate::wire::messages::create_topics::{CreatableTopic, CreatableTopicConfig};
use crate::wire::messages::metadata::{
    MetadataRequest, MetadataRequestTopic, MetadataResponse, MetadataResponseBroker, MetadataResponsePartition,
    MetadataResponseTopic,
};
use crate::wire::{BrokerIds, Str, Uuid};

/// Answers in any served version. A topic that is created on the way is still unknown in the answer: clients ask again.
#[must_use]
pub fn handle(
    request: &MetadataRequest,
    version: i16,
    view: View<'_>,
    states: &dyn PartitionStates,
    rng: &mut Rng,
) -> Change<MetadataResponse> {
    let all = Vec::new();
    let asked = match &request.topics {
        Some(topics) if version >= 1 || !topics.is_empty() => topics,
        _ => &all,
    };
    if let Some(response) = refuse(asked, version) {
        return Change::nothing(response);
    }
    let operations = authorized::if_asked(request.include_topic_authorized_operations, authorized::TOPIC);
    let show = |topic: &Topic| shown(topic, version, operations, view, states);
    let mut missing = Vec::new();
    let topics = if core::ptr::eq(asked, &all) {
        view.image.topic_ids.values().filter_map(|id| view.image.topics.get(id)).map(show).collect()
    } else if asked.iter().any(|topic| topic.topic_id != Uuid::ZERO) {
        by_id(asked, view, show)
    } else {
        let (mut topics, unknown) = by_name(asked, view, show);
        topics.extend(unknown.iter().map(|name| unknown_topic(name, operations)));
        missing = unknown;
        topics
    };
    let response = MetadataResponse {
        brokers: brokers(view),
        cluster_id: Some(Str::from(view.image.cluster_id.as_str())),
        controller_id: controller_id(view.image),
        topics,
        cluster_authorized_operations: authorized::if_asked(
            request.include_cluster_authorized_operations,
            authorized::CLUSTER,
        ),
        ..Default::default()
    };
    if !(request.allow_auto_topic_creation && view.config.auto_create_topics_enable) || missing.is_empty() {
        return Change::nothing(response);
    }
    let mut plan = Plan::new(view, rng);
    for name in missing.iter().filter(|name| **name != topic_name::CLUSTER_METADATA) {
        // A topic that can't be created stays unknown, and nobody is told why: the request did not ask for it.
        let _ = plan.add(&automatic(name, view));
    }
    Change { records: plan.records(), response }
}

/// Requests that Kafka takes for malformed: ids came with version 10, but could not be asked for before version 12. A topic with
/// neither name nor id is a mistake that Kafka stumbles over, and it says so.
fn refuse(asked: &[MetadataRequestTopic], version: i16) -> Option<MetadataResponse> {
    let is_bad = |topic: &MetadataRequestTopic| {
        (version < 12 && (topic.topic_id != Uuid::ZERO || topic.name.is_none()))
            || (topic.topic_id == Uuid::ZERO && topic.name.is_none())
    };
    if !asked.iter().any(is_bad) {
        return None;
    }
    let error = if version < 12 { ErrorCode::InvalidRequest } else { ErrorCode::UnknownServerError };
    let error_code = error.number();
    let refused = |topic: &MetadataRequestTopic| MetadataResponseTopic {
        error_code,
        name: Some(topic.name.clone().unwrap_or_default()),
        topic_id: topic.topic_id,
        ..Default::default()
    };
    Some(MetadataResponse { topics: asked.iter().map(refused).collect(), error_code, ..Default::default() })
}

/// Where there is an id, names don't count.
fn by_id(
    asked: &[MetadataRequestTopic],
    view: View<'_>,
    show: impl Fn(&Topic) -> MetadataResponseTopic,
) -> Vec<MetadataResponseTopic> {
    let mut seen = BTreeSet::new();
    let ids = asked.iter().map(|topic| topic.topic_id).filter(|id| *id != Uuid::ZERO && seen.insert(*id));
    let answer = |id| match view.image.topics.get(&id) {
        Some(topic) => show(topic),
        None => MetadataResponseTopic {
            error_code: ErrorCode::UnknownTopicId.number(),
            name: None,
            topic_id: id,
            ..Default::default()
        },
    };
    ids.map(answer).collect()
}

/// The topics that exist, and the names of those that don't.
fn by_name(
    asked: &[MetadataRequestTopic],
    view: View<'_>,
    show: impl Fn(&Topic) -> MetadataResponseTopic,
) -> (Vec<MetadataResponseTopic>, Vec<Str>) {
    let mut seen = BTreeSet::new();
    let mut topics = Vec::new();
    let mut unknown = Vec::new();
    for name in asked.iter().filter_map(|topic| topic.name.as_ref()).filter(|name| seen.insert(*name)) {
        match view.image.topic(name) {
            Some(topic) => topics.push(show(topic)),
            None => unknown.push(name.clone()),
        }
    }
    (topics, unknown)
}

fn unknown_topic(name: &Str, topic_authorized_operations: i32) -> MetadataResponseTopic {
    let error = match topic_name::validate(name) {
        Ok(()) => ErrorCode::UnknownTopicOrPartition,
        Err(_) => ErrorCode::InvalidTopicException,
    };
    MetadataResponseTopic {
        error_code: error.number(),
        name: Some(name.clone()),
        is_internal: topic_name::is_internal(name),
        topic_authorized_operations,
        ..Default::default()
    }
}

fn shown(
    topic: &Topic,
    version: i16,
    topic_authorized_operations: i32,
    view: View<'_>,
    states: &dyn PartitionStates,
) -> MetadataResponseTopic {
    let partition = |(index, partition): (&i32, &crate::metadata::Partition)| {
        let seen = see(PartitionId { topic_id: topic.id, index: *index }, partition, view, states);
        // The first clients can't be told of replicas that are offline, so these are left out, with an error.
        let is_hidden = |node: &i32| version == 0 && seen.offline_replicas.contains(node);
        let mut replica_nodes: BrokerIds = plain(&partition.replicas);
        let mut isr_nodes: BrokerIds = plain(&partition.in_sync_replicas);
        replica_nodes.retain(|node| !is_hidden(node));
        isr_nodes.retain(|node| !is_hidden(node));
        let lacks_some = replica_nodes.len() < partition.replicas.len();
        let error = if seen.error.is_none() && lacks_some { ErrorCode::ReplicaNotAvailable } else { seen.error };
        MetadataResponsePartition {
            error_code: error.number(),
            partition_index: *index,
            leader_id: seen.leader.0,
            leader_epoch: partition.leader_epoch.0,
            replica_nodes,
            isr_nodes,
            offline_replicas: seen.offline_replicas,
            ..Default::default()
        }
    };
    MetadataResponseTopic {
        name: Some(Str::from(&*topic.name)),
        topic_id: topic.id,
        is_internal: topic_name::is_internal(&topic.name),
        partitions: topic.partitions.iter().map(partition).collect(),
        topic_authorized_operations,
        ..Default::default()
    }
}

fn brokers(view: View<'_>) -> Vec<MetadataResponseBroker> {
    let usable = view.image.brokers.iter().filter(|(_, broker)| !broker.is_fenced);
    let shown = usable.filter_map(|(id, broker)| {
        let endpoint = endpoint(broker, view)?;
        Some(MetadataResponseBroker {
            node_id: id.0,
            host: Str::from(endpoint.host.as_str()),
            port: i32::from(endpoint.port),
            rack: broker.rack.as_deref().map(Str::from),
            ..Default::default()
        })
    });
    shown.collect()
}

/// What a topic is like that a client created by asking for it. The coordinators' topics have counts and configs of
/// their own; one broker is enough for them, whatever a larger cluster would want.
pub(super) fn automatic(name: &Str, view: View<'_>) -> CreatableTopic {
    let topic = CreatableTopic { name: name.clone(), num_partitions: -1, replication_factor: -1, ..Default::default() };
    let Some(prefix) = internal_prefix(name) else { return topic };
    let count = |property: &str| view.config.count(&(prefix.to_string() + property));
    let factor = count("replication.factor").min(view.image.brokers.len() as i64).max(1);
    let config = |name: &str, value: &str| CreatableTopicConfig {
        name: name.into(),
        value: Some(value.into()),
        ..Default::default()
    };
    let mut configs = Vec::from([
        config("cleanup.policy", if &**name == topic_name::SHARE_GROUP_STATE { "delete" } else { "compact" }),
        config("compression.type", if &**name == topic_name::TRANSACTION_STATE { "uncompressed" } else { "producer" }),
        config("segment.bytes", &count("segment.bytes").max(SEGMENT_MIN_BYTES).to_string()),
    ]);
    match &**name {
        topic_name::TRANSACTION_STATE => {
            configs.push(config("unclean.leader.election.enable", "false"));
            configs.push(config("min.insync.replicas", &count("min.isr").min(factor).to_string()));
        }
        topic_name::SHARE_GROUP_STATE => {
            configs.push(config("min.insync.replicas", &count("min.isr").min(factor).to_string()));
            configs.push(config("retention.ms", "-1"));
        }
        _ => {}
    }
    CreatableTopic {
        num_partitions: i32::try_from(count("num.partitions")).unwrap_or(-1),
        replication_factor: i16::try_from(factor).unwrap_or(1),
        configs,
        ..topic
    }
}

fn internal_prefix(name: &str) -> Option<&'static str> {
    match name {
        topic_name::CONSUMER_OFFSETS => Some("offsets.topic."),
        topic_name::TRANSACTION_STATE => Some("transaction.state.log."),
        topic_name::SHARE_GROUP_STATE => Some("share.coordinator.state.topic."),
        _ => None,
    }
}

#[cfg(test)]
#[path = "metadata_tests.rs"]
mod tests;
