//! What a client knows of the cluster: topics, their ids, partitions, leader epochs.

use std::collections::BTreeMap;

use ottla_core::error_code::ErrorCode;
use ottla_core::wire::messages::metadata::{
    MetadataRequest, MetadataRequestTopic, MetadataResponse, MetadataResponseTopic,
};
use ottla_core::wire::{ApiKey, Str, Uuid};

use super::wire::METADATA_WITH_IDS;
use super::{Request, Talk};
use crate::agenda::{Span, Time};
use crate::history::{Question, SeenTopic};
use crate::violation::Violation;

/// What a client knows of the topics that it is interested in.
#[derive(Debug, Default)]
pub struct Cluster {
    topics: BTreeMap<String, KnownTopic>,
    asked: Option<(u64, Question, Option<Vec<String>>)>,
    is_stale: bool,
    next_at: Time,
}

/// A question that found a topic missing is asked again no sooner than this.
const RETRY_AFTER: Span = Span::ms(5);

/// A topic that exists.
#[derive(Clone, Debug)]
pub struct KnownTopic {
    /// In versions that tell it.
    pub id: Uuid,
    /// By partition; -1 in versions that don't tell them.
    pub leader_epochs: BTreeMap<i32, i32>,
}

impl Cluster {
    /// A topic, by name.
    pub fn topic(&self, name: &str) -> Option<&KnownTopic> {
        self.topics.get(name)
    }

    /// A topic's name, by its id.
    pub fn name_of(&self, id: Uuid) -> Option<&str> {
        self.topics.iter().find(|(_, topic)| topic.id == id).map(|(name, _)| name.as_str())
    }

    /// Something is not as it was: ask again.
    pub fn doubt(&mut self) {
        self.is_stale = true;
    }

    /// The connection is gone.
    pub fn disconnected(&mut self) {
        self.asked = None;
    }

    /// Whether all of `names` are known; asks for them if not.
    pub fn is_ready(&mut self, talk: &mut Talk<'_>, names: &[String]) -> bool {
        let knows_all = names.iter().all(|name| self.topics.contains_key(name));
        if knows_all && !self.is_stale {
            return true;
        }
        if self.asked.is_none() && talk.time() < self.next_at {
            talk.wake_after(self.next_at - talk.time());
        } else if self.asked.is_none() {
            self.ask(talk, names);
        }
        false
    }

    /// Takes an answer in; topics that don't exist yet are asked for again later.
    ///
    /// # Errors
    /// It can't be.
    pub fn answered(&mut self, talk: &mut Talk<'_>, response: &MetadataResponse) -> Result<(), Violation> {
        let (_, question, asked) = self.asked.take().expect("asked before");
        if response.brokers.len() != 1 {
            return Err(Violation::Answer(format!("Metadata with {} brokers", response.brokers.len())));
        }
        self.is_stale = false;
        let has_ids = talk.version(ApiKey::Metadata) >= METADATA_WITH_IDS;
        let mut seen = Vec::new();
        let mut is_troubled = response.error_code != 0;
        for topic in &response.topics {
            match state_of(topic.error_code)? {
                State::Fine => seen.push(self.learn(topic, has_ids)?),
                State::Missing => {}
                State::Troubled => is_troubled = true,
            }
        }
        if !is_troubled {
            talk.history.topics.seen(question, asked.as_deref(), &seen)?;
        }
        self.next_at = talk.time() + talk.env.plan.clients.pause.max(RETRY_AFTER);
        Ok(())
    }

    fn learn(&mut self, topic: &MetadataResponseTopic, has_ids: bool) -> Result<SeenTopic, Violation> {
        let name = topic.name.as_deref().unwrap_or_default().to_owned();
        let mut leader_epochs = BTreeMap::new();
        for partition in &topic.partitions {
            state_of(partition.error_code)?;
            leader_epochs.insert(partition.partition_index, partition.leader_epoch);
        }
        let partitions = i32::try_from(leader_epochs.len()).expect("few partitions");
        self.topics.insert(name.clone(), KnownTopic { id: topic.topic_id, leader_epochs });
        Ok(SeenTopic { name, id: has_ids.then_some(topic.topic_id), partitions })
    }

    fn ask(&mut self, talk: &mut Talk<'_>, names: &[String]) {
        let version = talk.version(ApiKey::Metadata);
        let asks_for_all = !talk.env.plan.clients.auto_create && talk.chance.coin();
        let topic = |name: &String| MetadataRequestTopic {
            name: Some(Str::from(name.as_str())),
            ..MetadataRequestTopic::default()
        };
        let all = if version == 0 { Some(Vec::new()) } else { None };
        let topics = if asks_for_all { all } else { Some(names.iter().map(topic).collect()) };
        let request = MetadataRequest {
            topics,
            allow_auto_topic_creation: talk.env.plan.clients.auto_create,
            ..MetadataRequest::default()
        };
        let question = talk.history.topics.question();
        let number = talk.send(&Request::Metadata(request));
        self.asked = Some((number, question, (!asks_for_all).then(|| names.to_vec())));
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Fine,
    Missing,
    /// The broker can't say, or can't serve it.
    Troubled,
}

fn state_of(error_code: i16) -> Result<State, Violation> {
    match ErrorCode::from_number(error_code) {
        Some(ErrorCode::None) => Ok(State::Fine),
        Some(ErrorCode::UnknownTopicOrPartition | ErrorCode::UnknownTopicId) => Ok(State::Missing),
        Some(
            ErrorCode::LeaderNotAvailable
            | ErrorCode::KafkaStorageError
            | ErrorCode::RequestTimedOut
            | ErrorCode::ReplicaNotAvailable,
        ) => Ok(State::Troubled),
        other => Err(Violation::Answer(format!("Metadata with the error {other:?} ({error_code})"))),
    }
}
