//! What a member of a share group sends.

use std::collections::BTreeMap;

use ottla_core::wire::messages::describe_share_group_offsets::{
    DescribeShareGroupOffsetsRequest, DescribeShareGroupOffsetsRequestGroup, DescribeShareGroupOffsetsRequestTopic,
};
use ottla_core::wire::messages::incremental_alter_configs::{
    AlterConfigsResource, AlterableConfig, IncrementalAlterConfigsRequest,
};
use ottla_core::wire::messages::share_acknowledge::{
    AcknowledgePartition, AcknowledgeTopic, AcknowledgementBatch as Acknowledged, ShareAcknowledgeRequest,
};
use ottla_core::wire::messages::share_fetch::{AcknowledgementBatch, FetchPartition, FetchTopic, ShareFetchRequest};
use ottla_core::wire::messages::share_group_heartbeat::ShareGroupHeartbeatRequest;
use ottla_core::wire::{ApiKey, Uuid};

use super::{Acknowledge, InFlight, Said, Saying, Sharer, What};
use crate::chance::Odds;
use crate::clients::member::find_request;
use crate::clients::{Request, Talk};
use crate::env::Stage;

/// Resources of this type are groups.
const GROUP: i8 = 32;
/// Since this version more time may be asked for, and limits may be strict.
const RENEWS_SINCE: i16 = 2;
const LEAVING_EPOCH: i32 = -1;
/// How long a fetch waits.
const WAITS_MS: i32 = 100;

impl Sharer {
    fn send(&mut self, talk: &mut Talk<'_>, what: What, request: &Request) {
        let sent_at = talk.time();
        talk.send(request);
        self.in_flight = Some(InFlight { what, sent_at });
    }

    pub(super) fn find(&mut self, talk: &mut Talk<'_>) {
        let request = find_request(talk, &self.group);
        self.send(talk, What::Find, &request);
    }

    /// The group begins where the partitions do.
    pub(super) fn configure(&mut self, talk: &mut Talk<'_>) {
        let config = AlterableConfig {
            name: "share.auto.offset.reset".into(),
            value: Some("earliest".into()),
            ..AlterableConfig::default()
        };
        let resource = AlterConfigsResource {
            resource_type: GROUP,
            resource_name: self.group.as_str().into(),
            configs: vec![config],
            ..AlterConfigsResource::default()
        };
        let request =
            IncrementalAlterConfigsRequest { resources: vec![resource], ..IncrementalAlterConfigsRequest::default() };
        self.send(talk, What::Configure, &Request::IncrementalAlterConfigs(request));
    }

    pub(super) fn beat(&mut self, talk: &mut Talk<'_>) {
        let says_all = self.epoch == 0 || self.assigned.is_empty() || talk.chance.happens(Odds::percent(10));
        let topics = says_all.then(|| self.topics.iter().map(|name| name.as_str().into()).collect());
        let request = ShareGroupHeartbeatRequest { subscribed_topic_names: topics, ..self.heartbeat(self.epoch) };
        self.send(talk, What::Beat, &Request::ShareGroupHeartbeat(request));
    }

    pub(super) fn leave(&mut self, talk: &mut Talk<'_>) {
        let request = self.heartbeat(LEAVING_EPOCH);
        self.send(talk, What::Leave, &Request::ShareGroupHeartbeat(request));
    }

    fn heartbeat(&self, member_epoch: i32) -> ShareGroupHeartbeatRequest {
        ShareGroupHeartbeatRequest {
            group_id: self.group.as_str().into(),
            member_id: self.id.as_str().into(),
            member_epoch,
            ..ShareGroupHeartbeatRequest::default()
        }
    }

    /// Asks for more, and may say something of what it has on the way.
    pub(super) fn fetch(&mut self, talk: &mut Talk<'_>) {
        if self.session_epoch == 0 {
            self.end_session(talk);
        }
        let said = if self.session_epoch > 0 && talk.chance.coin() { self.say(talk, false) } else { Said::new() };
        let named = if self.session_epoch == 0 || talk.chance.happens(Odds::percent(10)) {
            self.assigned.iter().copied().collect()
        } else {
            Vec::new()
        };
        let topic_id = self.topic_id();
        let mut partitions: BTreeMap<i32, FetchPartition> = named
            .into_iter()
            .map(|index| (index, FetchPartition { partition_index: index, ..FetchPartition::default() }))
            .collect();
        for (index, sayings) in &said {
            let partition = partitions.entry(*index).or_default();
            partition.partition_index = *index;
            partition.acknowledgement_batches = sayings
                .iter()
                .map(|saying| AcknowledgementBatch {
                    first_offset: saying.offsets.0,
                    last_offset: saying.offsets.1,
                    acknowledge_types: saying.types(talk),
                    ..AcknowledgementBatch::default()
                })
                .collect();
        }
        let plan = talk.env.plan.shares;
        let topic = FetchTopic { topic_id, partitions: partitions.into_values().collect(), ..FetchTopic::default() };
        let is_strict = talk.version(ApiKey::ShareFetch) >= RENEWS_SINCE && plan.is_strict;
        let request = ShareFetchRequest {
            group_id: Some(self.group.as_str().into()),
            member_id: Some(self.id.as_str().into()),
            share_session_epoch: self.session_epoch,
            max_wait_ms: WAITS_MS,
            min_bytes: 1,
            max_bytes: 1 << 20,
            max_records: plan.records_max as i32,
            batch_size: plan.records_max as i32,
            share_acquire_mode: i8::from(is_strict),
            topics: if topic.partitions.is_empty() { Vec::new() } else { vec![topic] },
            ..ShareFetchRequest::default()
        };
        let op = talk.history.polls(talk.id, false);
        self.send(talk, What::Fetch(said, op), &Request::ShareFetch(request));
    }

    pub(super) fn acknowledge(&mut self, talk: &mut Talk<'_>) {
        let may_renew = talk.version(ApiKey::ShareAcknowledge) >= RENEWS_SINCE;
        let said = self.say(talk, may_renew);
        if said.is_empty() {
            return self.fetch(talk);
        }
        let partition = |(index, sayings): (&i32, &Vec<Saying>)| AcknowledgePartition {
            partition_index: *index,
            acknowledgement_batches: sayings
                .iter()
                .map(|saying| Acknowledged {
                    first_offset: saying.offsets.0,
                    last_offset: saying.offsets.1,
                    acknowledge_types: vec![saying.kind as i8],
                    ..Acknowledged::default()
                })
                .collect(),
            ..AcknowledgePartition::default()
        };
        let topic = AcknowledgeTopic {
            topic_id: self.topic_id(),
            partitions: said.iter().map(partition).collect(),
            ..AcknowledgeTopic::default()
        };
        let is_renew_ack = said.values().flatten().any(|saying| saying.kind == Acknowledge::Renew);
        let request = ShareAcknowledgeRequest {
            group_id: Some(self.group.as_str().into()),
            member_id: Some(self.id.as_str().into()),
            share_session_epoch: self.session_epoch,
            is_renew_ack,
            topics: vec![topic],
            ..ShareAcknowledgeRequest::default()
        };
        self.send(talk, What::Acknowledge(said), &Request::ShareAcknowledge(request));
    }

    /// What it says of the oldest records that it has, of each partition, though not of all of them. When nothing fails any more it
    /// deals with all of them.
    fn say(&mut self, talk: &mut Talk<'_>, may_renew: bool) -> Said {
        let is_calm = talk.env.stage != Stage::Faults;
        let mut said = Said::new();
        let indexes: Vec<i32> = self.held.keys().copied().collect();
        for index in indexes {
            let held = self.held.remove(&index).unwrap_or_default();
            let mut kept = Vec::new();
            for (first, last) in held {
                if !is_calm && talk.chance.happens(talk.env.plan.shares.defers) {
                    kept.push((first, last));
                    continue;
                }
                let is_cut = first < last && talk.chance.happens(Odds::percent(20));
                let mut offsets = (first, last);
                if is_cut {
                    let end = talk.chance.between(first as u64..=last as u64 - 1) as i64;
                    let (front, back) = ((first, end), (end + 1, last));
                    let (said, left) = if talk.chance.coin() { (front, back) } else { (back, front) };
                    kept.push(left);
                    offsets = said;
                }
                let kind = if is_calm { Acknowledge::Accept } else { draw_kind(talk, may_renew) };
                said.entry(index).or_default().push(Saying { offsets, kind });
            }
            if !kept.is_empty() {
                self.held.insert(index, kept);
            }
        }
        // They have to be in order.
        said.values_mut().for_each(|sayings| sayings.sort_by_key(|saying| saying.offsets));
        for (index, sayings) in &said {
            let Some(partition) = talk.history.topics.partition(&self.topics[0], *index) else { continue };
            for saying in sayings {
                talk.history.shares.ledger(&self.group).lets_go(talk.id, partition, saying.offsets);
            }
        }
        said
    }

    /// Asks whether anything is left.
    pub(super) fn describe(&mut self, talk: &mut Talk<'_>) {
        let partitions = talk.history.topics.lasting(&self.topics[0]).map_or(0, |state| state.partitions);
        let topic = DescribeShareGroupOffsetsRequestTopic {
            topic_name: self.topics[0].as_str().into(),
            partitions: (0..partitions).collect(),
            ..DescribeShareGroupOffsetsRequestTopic::default()
        };
        let group = DescribeShareGroupOffsetsRequestGroup {
            group_id: self.group.as_str().into(),
            topics: Some(vec![topic]),
            ..DescribeShareGroupOffsetsRequestGroup::default()
        };
        let request =
            DescribeShareGroupOffsetsRequest { groups: vec![group], ..DescribeShareGroupOffsetsRequest::default() };
        self.send(talk, What::Describe, &Request::DescribeShareGroupOffsets(request));
    }

    fn topic_id(&self) -> Uuid {
        self.cluster.topic(&self.topics[0]).map_or(Uuid::ZERO, |topic| topic.id)
    }
}

impl Saying {
    /// One for all, or one for each.
    fn types(&self, talk: &mut Talk<'_>) -> Vec<i8> {
        let count = usize::try_from(self.offsets.1 - self.offsets.0 + 1).unwrap_or(1);
        vec![self.kind as i8; if talk.chance.coin() { count } else { 1 }]
    }
}

fn draw_kind(talk: &mut Talk<'_>, may_renew: bool) -> Acknowledge {
    match talk.chance.between(0..=19) {
        0..=3 => Acknowledge::Release,
        4 => Acknowledge::Reject,
        5 => Acknowledge::Gap,
        6 | 7 if may_renew => Acknowledge::Renew,
        _ => Acknowledge::Accept,
    }
}
