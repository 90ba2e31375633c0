//! What a subscriber sends.

use std::collections::{BTreeMap, BTreeSet};

use ottla_core::wire::messages::consumer_group_heartbeat::{ConsumerGroupHeartbeatRequest, TopicPartitions};
use ottla_core::wire::{ApiKey, Str};

use super::{Former, InFlight, OWN_ID_SINCE, STRIDE_MAX, Span, Step, Subscriber, What};
use crate::chance::Odds;
use crate::clients::member::find_request;
use crate::clients::offsets::{self, Place};
use crate::clients::{Request, Talk};
use crate::history::Standing;

/// Matches all topics that last.
const ALL_TOPICS: &str = "topic[0-9]+";

impl Subscriber {
    fn send(&mut self, talk: &mut Talk<'_>, what: What, request: &Request) {
        let sent_at = talk.time();
        talk.send(request);
        self.in_flight = Some(InFlight { what, sent_at });
    }

    pub(super) fn find(&mut self, talk: &mut Talk<'_>) {
        let request = find_request(talk, &self.group);
        self.send(talk, What::Find, &request);
    }

    /// Joins, or says what it has where that has changed or may not be known.
    pub(super) fn beat(&mut self, talk: &mut Talk<'_>) {
        let says_all = self.epoch == 0 || self.must_say_all || talk.chance.happens(Odds::percent(5));
        let says_owned = says_all || !self.given_up.is_empty() || talk.chance.happens(Odds::percent(20));
        let owned: BTreeSet<Place> = self.owned.keys().cloned().collect();
        let mut request = ConsumerGroupHeartbeatRequest {
            topic_partitions: says_owned.then(|| self.partitions(&owned)),
            ..self.request(self.epoch)
        };
        if says_all {
            let by_regex = self.likes_regexes && talk.version(ApiKey::ConsumerGroupHeartbeat) >= OWN_ID_SINCE;
            let names = if by_regex { &[][..] } else { &self.topics };
            request.subscribed_topic_names = Some(names.iter().map(|name| Str::from(name.as_str())).collect());
            request.subscribed_topic_regex = by_regex.then(|| ALL_TOPICS.into());
            request.rebalance_timeout_ms = talk.env.plan.groups.rebalance_timeout_ms as i32;
            request.server_assignor = self.assignor.map(Str::from);
        }
        let said = says_owned.then_some(owned);
        self.send(talk, What::Beat { epoch: self.epoch, said }, &Request::ConsumerGroupHeartbeat(request));
    }

    /// Speaks in an epoch that is over, without saying what it has: that is refused.
    pub(super) fn beat_in_old_epoch(&mut self, talk: &mut Talk<'_>) {
        let epoch = talk.chance.between(1..=self.epoch as u64 - 1) as i32;
        let request = self.request(epoch);
        self.send(talk, What::StaleBeat, &Request::ConsumerGroupHeartbeat(request));
    }

    pub(super) fn leave(&mut self, talk: &mut Talk<'_>) {
        // Who leaves has nothing any more, whatever it is told.
        talk.history.groups.ledger(&self.group).holders.loses_all(talk.id);
        let request = self.request(if self.step == Step::LeaveForAWhile { -2 } else { -1 });
        self.send(talk, What::Leave, &Request::ConsumerGroupHeartbeat(request));
    }

    fn request(&self, member_epoch: i32) -> ConsumerGroupHeartbeatRequest {
        ConsumerGroupHeartbeatRequest {
            group_id: self.group.as_str().into(),
            member_id: self.id.as_str().into(),
            member_epoch,
            instance_id: self.instance.as_deref().map(Str::from),
            ..ConsumerGroupHeartbeatRequest::default()
        }
    }

    fn partitions(&self, places: &BTreeSet<Place>) -> Vec<TopicPartitions> {
        let mut topics: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
        for (name, index) in places {
            topics.entry(name).or_default().push(*index);
        }
        let topic = |(name, partitions)| TopicPartitions {
            topic_id: self.cluster.topic(name).expect("it was given by its id").id,
            partitions,
            ..TopicPartitions::default()
        };
        topics.into_iter().map(topic).collect()
    }

    /// Asks how far those were who had what it has now.
    pub(super) fn fetch(&mut self, talk: &mut Talk<'_>) {
        let new = self.owned.iter().filter(|(_, at)| at.is_none());
        let places: Vec<Place> = new.map(|(place, _)| place.clone()).collect();
        let version = talk.version(ApiKey::OffsetFetch);
        let mut request = offsets::fetch_request(&self.cluster, version, &self.group, &places);
        if let Request::OffsetFetch(request) = &mut request {
            for group in &mut request.groups {
                group.member_id = Some(self.id.as_str().into());
                group.member_epoch = self.epoch;
            }
        }
        let nobody = Standing { generation: -1, ..Standing::default() };
        let asked = talk.asks_offsets(&self.group, &nobody);
        self.send(talk, What::Fetch(asked), &request);
    }

    /// Commits that it has gone further in some of what it has.
    pub(super) fn commit(&mut self, talk: &mut Talk<'_>) {
        let mut offsets = BTreeMap::new();
        for (place, at) in &mut self.owned {
            let Some(at) = at else { continue };
            if offsets.is_empty() || talk.chance.coin() {
                *at += talk.chance.between(1..=STRIDE_MAX) as i64;
                offsets.insert(place.clone(), *at);
            }
        }
        let former = Former { id: self.id.clone(), epoch: self.epoch, offsets };
        self.send_commit(talk, former, false, None);
    }

    /// Commits as somebody that it was, or what it had. Whether it does: one that is still the same may be heard.
    pub(super) fn commit_as_former(&mut self, talk: &mut Talk<'_>) -> bool {
        let former = talk.chance.pick(&self.past).clone();
        let holders = &talk.history.groups.ledger(&self.group).holders;
        let refusal = holders.refusal(&former.id, former.epoch, former.offsets.keys());
        if former.id == self.id && refusal.is_none() {
            return false;
        }
        self.send_commit(talk, former, true, refusal);
        true
    }

    fn send_commit(&mut self, talk: &mut Talk<'_>, former: Former, is_by_former: bool, refusal: Option<String>) {
        self.next_text += 1;
        let text = format!("{}/{}", talk.id.0, self.next_text);
        for (place, offset) in &former.offsets {
            let partition = talk.partition_of(place).expect("a lasting topic");
            talk.history.groups.ledger(&self.group).commits(partition, *offset, &text);
        }
        let noted = former.offsets.iter().map(|(place, offset)| (place.clone(), (*offset, text.clone()))).collect();
        let standing =
            Standing { member: former.id.clone(), instance: self.instance.clone(), generation: former.epoch };
        let request = offsets::commit_request(&self.cluster, &self.group, &standing, &noted);
        let op = talk.commits_offsets(&self.group, &former.offsets);
        self.send(talk, What::Commit { former, is_by_former, refusal, op }, &request);
    }

    /// Between two signs of life it waits a part of its session.
    pub(super) fn pause(&mut self, talk: &mut Talk<'_>) {
        let plan = talk.env.plan.groups;
        let session = Span::ms(plan.session_timeout_ms.min(plan.rebalance_timeout_ms));
        let hurries = talk.chance.happens(Odds::percent(30));
        let longest = if hurries { Span(session.0 / 50) } else { Span(session.0 / 4) };
        self.next_at = talk.time() + talk.chance.span_up_to(longest) + Span(1);
    }
}
