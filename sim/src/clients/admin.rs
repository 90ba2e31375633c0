//! Creates the topics that last, and asks until each is there.

use ottla_core::error_code::ErrorCode;
use ottla_core::wire::messages::create_topics::{
    CreatableTopic, CreatableTopicConfig, CreateTopicsRequest, CreateTopicsResponse,
};

use super::producer::is_passing;
use super::{Answer, Request, Role, Talk};
use crate::agenda::{Span, Time};
use crate::violation::Violation;

/// An admin client with topics to create.
#[derive(Debug)]
pub struct Admin {
    missing: Vec<String>,
    kept: Option<Kept>,
    in_flight: bool,
    next_at: Time,
}

/// Of a topic from which nothing goes.
#[derive(Clone, Copy, Debug)]
struct Kept {
    /// Of each segment, where it is not the default.
    segment_bytes: Option<u64>,
}

/// After an error it waits this long.
const RETRY_AFTER: Span = Span::ms(30);

impl Admin {
    /// One that creates these.
    #[must_use]
    pub fn new(topics: Vec<String>) -> Self {
        Self { missing: topics, kept: None, in_flight: false, next_at: Time::default() }
    }

    /// One that creates a topic from which nothing goes, whatever becomes of other records.
    #[must_use]
    pub fn of_kept(topic: String, segment_bytes: Option<u64>) -> Self {
        Self { kept: Some(Kept { segment_bytes }), ..Self::new(vec![topic]) }
    }

    fn created(&mut self, talk: &mut Talk<'_>, response: &CreateTopicsResponse) -> Result<(), Violation> {
        for topic in &response.topics {
            match ErrorCode::from_number(topic.error_code) {
                Some(ErrorCode::None | ErrorCode::TopicAlreadyExists) => {
                    talk.history.topics.created(&topic.name);
                    self.missing.retain(|name| topic.name != *name.as_str());
                }
                Some(error) if is_passing(error) => self.next_at = talk.time() + RETRY_AFTER,
                other => return Err(Violation::Answer(format!("CreateTopics with the error {other:?}: {topic:?}"))),
            }
        }
        Ok(())
    }
}

/// Segments may be smaller than a broker's own properties allow.
fn configs(talk: &Talk<'_>, kept: Option<Kept>) -> Vec<CreatableTopicConfig> {
    let config = |(name, value): (&str, &str)| CreatableTopicConfig {
        name: name.into(),
        value: Some(value.into()),
        ..CreatableTopicConfig::default()
    };
    let keeping = [("cleanup.policy", "delete"), ("retention.ms", "-1"), ("retention.bytes", "-1")];
    let segment_bytes = match kept {
        Some(Kept { segment_bytes }) => segment_bytes,
        None => talk.env.plan.segment_bytes(),
    };
    let segment_bytes = segment_bytes.map(|bytes| bytes.to_string());
    let segment = segment_bytes.as_deref().map(|bytes| ("internal.segment.bytes", bytes));
    keeping.into_iter().filter(|_| kept.is_some()).chain(segment).map(config).collect()
}

impl Role for Admin {
    fn act(&mut self, talk: &mut Talk<'_>) -> Result<(), Violation> {
        if self.in_flight {
            return Ok(());
        }
        if talk.time() < self.next_at {
            talk.wake_after(self.next_at - talk.time());
            return Ok(());
        }
        let topic = |name: &String| CreatableTopic {
            name: name.as_str().into(),
            num_partitions: talk.history.topics.lasting(name).map_or(1, |state| state.partitions),
            replication_factor: 1,
            configs: configs(talk, self.kept),
            ..CreatableTopic::default()
        };
        let topics = self.missing.iter().map(topic).collect();
        talk.send(&Request::CreateTopics(CreateTopicsRequest { topics, ..CreateTopicsRequest::default() }));
        self.in_flight = true;
        Ok(())
    }

    fn answered(&mut self, talk: &mut Talk<'_>, _: u64, answer: Answer) -> Result<(), Violation> {
        self.in_flight = false;
        match answer {
            Answer::CreateTopics(response) => self.created(talk, &response),
            other => unreachable!("admins don't ask for {other:?}"),
        }
    }

    fn disconnected(&mut self) {
        self.in_flight = false;
    }

    fn is_done(&self) -> bool {
        self.missing.is_empty()
    }
}
