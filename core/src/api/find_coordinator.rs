//! FindCoordinator: which broker looks after a group, a transactional id or the state of a share partition: the leader of its
//! partition of `__consumer_offsets`, `__transaction_state` or `__share_group_state`. The first who asks makes the topic.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::cluster::{PartitionStates, endpoint, see};
use super::create_topics::Plan;
use super::metadata::automatic;
use super::{Change, View, topic_name};
use crate::coordinators::partition_of;
use crate::error_code::ErrorCode;
use crate::rng::Rng;
use crate::share_state::StateKey;
use crate::types::{NodeId, PartitionId};
use crate::wire::messages::find_coordinator::{Coordinator, FindCoordinatorRequest, FindCoordinatorResponse};
use crate::wire::{MetadataRecord, Str, Uuid};

/// First version that asks for many keys.
const KEYS_SINCE: i16 = 4;
/// First version that asks for share partitions.
const SHARE_SINCE: i16 = 6;
/// Kafka's number for share partitions.
const SHARE: i8 = 2;

/// The topic that holds what is known of a kind of keys, by Kafka's number for the kind.
fn topic_of(key_type: i8) -> Option<&'static str> {
    match key_type {
        0 => Some(topic_name::CONSUMER_OFFSETS),
        1 => Some(topic_name::TRANSACTION_STATE),
        SHARE => Some(topic_name::SHARE_GROUP_STATE),
        _ => None,
    }
}

/// Answers in any served version. Where the topic has to be made the answer goes out when its partitions are open.
#[must_use]
pub fn handle(
    request: &FindCoordinatorRequest,
    version: i16,
    view: View<'_>,
    states: &dyn PartitionStates,
    rng: &mut Rng,
) -> Change<FindCoordinatorResponse> {
    let one = [request.key.clone()];
    let keys = if version >= KEYS_SINCE { &request.coordinator_keys[..] } else { &one };
    let topic = topic_of(request.key_type).filter(|_| request.key_type != SHARE || version >= SHARE_SINCE);
    let place = |key: &Str| match request.key_type {
        SHARE => share_partition(key).map(|key| Str::from(key.text())).ok_or(ErrorCode::InvalidRequest),
        _ => Ok(key.clone()),
    };
    let missing = topic.filter(|topic| view.image.topic(topic).is_none() && keys.iter().any(|key| place(key).is_ok()));
    let records = missing.map(|topic| plan(topic, view, rng)).unwrap_or_default();
    let find = |key: &Str| {
        let topic = topic.ok_or(ErrorCode::InvalidRequest)?;
        let key = place(key)?;
        let leader = match missing {
            Some(_) => planned_leader(&records, &key),
            None => leader(topic, view, states, &key),
        };
        leader.ok_or(ErrorCode::CoordinatorNotAvailable)
    };
    let mut hosts = Hosts { view, known: BTreeMap::new() };
    let mut found = keys.iter().map(|key| hosts.coordinator(key, find(key)));
    let mut response = FindCoordinatorResponse::default();
    if version >= KEYS_SINCE {
        response.coordinators = found.collect();
        if topic_of(request.key_type).is_none() {
            let words = words(ErrorCode::InvalidRequest.number());
            response.coordinators.iter_mut().for_each(|found| found.error_message = Some(words.clone()));
        }
    } else if let Some(only) = found.next() {
        response.error_code = only.error_code;
        response.error_message = Some(words(only.error_code));
        response.node_id = only.node_id;
        response.host = only.host;
        response.port = only.port;
    }
    Change { records, response }
}

/// The share partition that a key names, `group:topic id:partition`, read as Java reads it: a group's id may have colons in
/// it, and colons at the end count for nothing.
fn share_partition(key: &str) -> Option<StateKey> {
    let mut parts = key.trim_end_matches(':').rsplitn(3, ':');
    let (partition, topic_id, group) = (parts.next()?, parts.next()?, parts.next()?);
    if group.trim().is_empty() {
        return None;
    }
    Some(StateKey { group: Arc::from(group), topic_id: Uuid::parse(topic_id)?, partition: partition.parse().ok()? })
}

/// The leader of a key's partition, where it can be reached.
fn leader(topic: &str, view: View<'_>, states: &dyn PartitionStates, key: &str) -> Option<NodeId> {
    let topic = view.image.topic(topic)?;
    let index = partition_of(key, i32::try_from(topic.partitions.len()).ok().filter(|count| *count > 0)?);
    let partition = topic.partitions.get(&index)?;
    let seen = see(PartitionId { topic_id: topic.id, index }, partition, view, states);
    Some(seen.leader).filter(|leader| *leader != NodeId::NONE)
}

/// The records that make the topic; none where it can't be made.
pub(crate) fn plan(topic: &'static str, view: View<'_>, rng: &mut Rng) -> Vec<MetadataRecord> {
    let mut plan = Plan::new(view, rng);
    match plan.add(&automatic(&Str::from_static(topic), view)) {
        Ok(_) => plan.records(),
        Err(_) => Vec::new(),
    }
}

/// The leader of a key's partition, as these records will have it.
fn planned_leader(records: &[MetadataRecord], key: &str) -> Option<NodeId> {
    let partitions = records.iter().filter_map(|record| match record {
        MetadataRecord::Partition(partition) => Some((partition.partition_id, partition.leader)),
        _ => None,
    });
    let count = i32::try_from(partitions.clone().count()).ok().filter(|count| *count > 0)?;
    let index = partition_of(key, count);
    partitions.into_iter().find(|(of, _)| *of == index).map(|(_, leader)| NodeId(leader))
}

/// The answers for one broker have its host in common.
struct Hosts<'a> {
    view: View<'a>,
    known: BTreeMap<NodeId, Option<(Str, u16)>>,
}

impl Hosts<'_> {
    fn coordinator(&mut self, key: &Str, found: Result<NodeId, ErrorCode>) -> Coordinator {
        let place = |node| Ok((node, self.find(node).ok_or(ErrorCode::CoordinatorNotAvailable)?));
        let (node, (host, port), error) = match found.and_then(place) {
            Ok((node, (host, port))) => (node, (host, i32::from(port)), ErrorCode::None),
            Err(error) => (NodeId::NONE, (Str::default(), -1), error),
        };
        Coordinator {
            key: key.clone(),
            node_id: node.0,
            host,
            port,
            error_code: error.number(),
            error_message: Some(Str::default()),
            ..Default::default()
        }
    }

    fn find(&mut self, node: NodeId) -> Option<(Str, u16)> {
        let view = self.view;
        let look = || {
            let broker = view.image.brokers.get(&node).filter(|broker| !broker.is_fenced)?;
            endpoint(broker, view).map(|endpoint| (Str::from(&*endpoint.host), endpoint.port))
        };
        self.known.entry(node).or_insert_with(look).clone()
    }
}

/// What Kafka says in the versions for one key; it says so too where all went well.
fn words(error_code: i16) -> Str {
    Str::from_static(match ErrorCode::from_number(error_code) {
        Some(ErrorCode::CoordinatorNotAvailable) => "The coordinator is not available.",
        Some(ErrorCode::InvalidRequest) => {
            "This most likely occurs because of a request being malformed by the client library or the message was sent to an incompatible broker. See the broker logs for more details."
        }
        _ => "NONE",
    })
}
