//! DeleteTopics: topics that go, with all their records.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::ToString;
use alloc::vec::Vec;

use super::{ApiError, Change, View};
use crate::error_code::ErrorCode;
use crate::metadata::MetadataImage;
use crate::wire::messages::delete_topics::{
    DeletableTopicResult, DeleteTopicState, DeleteTopicsRequest, DeleteTopicsResponse,
};
use crate::wire::messages::metadata_records::RemoveTopicRecord;
use crate::wire::{Str, Uuid};

/// Plans what is asked for; refusals are told topic by topic.
#[must_use]
pub fn handle(request: &DeleteTopicsRequest, version: i16, view: View<'_>) -> Change<DeleteTopicsResponse> {
    let asked = asked(request, version);
    if !view.config.delete_topic_enable {
        // Clients before version 3 don't know the error of its own.
        let error = if version < 3 {
            ApiError::new(ErrorCode::InvalidRequest, "Topic deletion is disabled.")
        } else {
            ApiError::new(ErrorCode::TopicDeletionDisabled, "Topic deletion is disabled.")
        };
        let responses = asked.into_iter().map(|topic| refused(topic.name, topic.topic_id, error.clone())).collect();
        return Change::nothing(DeleteTopicsResponse { responses, ..Default::default() });
    }
    if request.timeout_ms <= 0 {
        let error = ApiError::bare(ErrorCode::RequestTimedOut);
        let responses = asked.into_iter().map(|topic| refused(topic.name, topic.topic_id, error.clone())).collect();
        return Change::nothing(DeleteTopicsResponse { responses, ..Default::default() });
    }
    let mut plan = Plan { image: view.image, responses: Vec::new(), doomed: BTreeMap::new() };
    plan.add_all(&asked);
    let records =
        plan.doomed.keys().map(|id| RemoveTopicRecord { topic_id: *id, ..Default::default() }.into()).collect();
    let mut responses = plan.responses;
    responses.extend(plan.doomed.into_iter().map(|(topic_id, name)| DeletableTopicResult {
        name: Some(name),
        topic_id,
        ..Default::default()
    }));
    Change { records, response: DeleteTopicsResponse { responses, ..Default::default() } }
}

/// What each version asks for, in the form of the newest.
fn asked(request: &DeleteTopicsRequest, version: i16) -> Vec<DeleteTopicState> {
    if version >= 6 {
        return request.topics.clone();
    }
    let by_name = |name: &Str| DeleteTopicState { name: Some(name.clone()), ..Default::default() };
    request.topic_names.iter().map(by_name).collect()
}

struct Plan<'a> {
    image: &'a MetadataImage,
    responses: Vec<DeletableTopicResult>,
    doomed: BTreeMap<Uuid, Str>,
}

impl Plan<'_> {
    fn add_all(&mut self, asked: &[DeleteTopicState]) {
        let mut names = Counted::default();
        let mut ids = Counted::default();
        for topic in asked {
            match (&topic.name, topic.topic_id) {
                (None, Uuid::ZERO) => self.invalid(None, Uuid::ZERO, "Neither topic name nor id were specified."),
                (None, id) => ids.add(id),
                (Some(name), Uuid::ZERO) => names.add(name.clone()),
                (Some(name), id) => {
                    self.invalid(Some(name.clone()), id, "You may not specify both topic name and topic id.");
                }
            }
        }
        for name in names.repeated {
            self.invalid(Some(name), Uuid::ZERO, "Duplicate topic name.");
        }
        for id in &ids.repeated {
            self.invalid(None, *id, "Duplicate topic id.");
        }
        for id in ids.single {
            self.add_id(id);
        }
        for name in names.single {
            self.add_name(name, &ids.repeated);
        }
    }

    fn add_id(&mut self, id: Uuid) {
        match self.image.topics.get(&id) {
            Some(topic) => {
                self.doomed.insert(id, Str::from(&*topic.name));
            }
            None => {
                let error = ApiError::new(ErrorCode::UnknownTopicId, "This server does not host this topic ID.");
                self.responses.push(refused(None, id, error));
            }
        }
    }

    fn add_name(&mut self, name: Str, repeated_ids: &BTreeSet<Uuid>) {
        let Some(id) = self.image.topic_ids.get(&*name).copied() else {
            let message = "This server does not host this topic-partition.";
            let error = ApiError::new(ErrorCode::UnknownTopicOrPartition, message);
            return self.responses.push(refused(Some(name), Uuid::ZERO, error));
        };
        if self.doomed.remove(&id).is_some() || repeated_ids.contains(&id) {
            return self.invalid(Some(name), id, "The provided topic name maps to an ID that was already supplied.");
        }
        self.doomed.insert(id, name);
    }

    fn invalid(&mut self, name: Option<Str>, id: Uuid, message: &str) {
        self.responses.push(refused(name, id, ApiError::new(ErrorCode::InvalidRequest, message.to_string())));
    }
}

/// What was given once, and what more often.
struct Counted<T> {
    single: BTreeSet<T>,
    repeated: BTreeSet<T>,
}

impl<T> Default for Counted<T> {
    fn default() -> Self {
        Self { single: BTreeSet::new(), repeated: BTreeSet::new() }
    }
}

impl<T: Ord> Counted<T> {
    fn add(&mut self, item: T) {
        if self.single.remove(&item) || self.repeated.contains(&item) {
            self.repeated.insert(item);
        } else {
            self.single.insert(item);
        }
    }
}

fn refused(name: Option<Str>, topic_id: Uuid, error: ApiError) -> DeletableTopicResult {
    DeletableTopicResult {
        name,
        topic_id,
        error_code: error.code.number(),
        error_message: error.message(),
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::api::testing::{Cluster, words};

    fn cluster() -> Cluster {
        let mut cluster = Cluster::new();
        cluster.add("a", 5, 1);
        cluster.add("b", 6, 2);
        cluster
    }

    fn state(name: Option<&str>, id: u128) -> DeleteTopicState {
        DeleteTopicState { name: name.map(Str::from), topic_id: Uuid(id), ..Default::default() }
    }

    fn ask(topics: Vec<DeleteTopicState>) -> Change<DeleteTopicsResponse> {
        handle(&DeleteTopicsRequest { topics, timeout_ms: 1000, ..Default::default() }, 6, cluster().view())
    }

    fn answers(change: &Change<DeleteTopicsResponse>) -> Vec<(Option<&str>, u128, i16)> {
        change.response.responses.iter().map(|r| (r.name.as_deref(), r.topic_id.0, r.error_code)).collect()
    }

    #[test]
    fn topics_are_deleted_by_name_and_by_id() {
        let change = ask(vec![state(Some("b"), 0), state(None, 5)]);
        assert_eq!(answers(&change), [(Some("a"), 5, 0), (Some("b"), 6, 0)]);
        assert_eq!(words(&change.records), ["remove 5", "remove 6"]);
    }

    #[test]
    fn before_v6_topics_are_deleted_by_name() {
        let request =
            DeleteTopicsRequest { topic_names: vec!["a".into(), "zzz".into()], timeout_ms: 1000, ..Default::default() };
        let change = handle(&request, 5, cluster().view());
        assert_eq!(answers(&change), [(Some("zzz"), 0, 3), (Some("a"), 5, 0)]);
    }

    #[test]
    fn unknown_topics_are_refused() {
        let change = ask(vec![state(Some("zzz"), 0), state(None, 99)]);
        assert_eq!(answers(&change), [(None, 99, 100), (Some("zzz"), 0, 3)]);
        assert_eq!(change.records, []);
    }

    #[test]
    fn a_topic_given_twice_is_refused() {
        let twice = |topics: Vec<DeleteTopicState>, message: &str| {
            let change = ask(topics);
            assert_eq!(change.records, []);
            assert_eq!(change.response.responses.len(), 1);
            let response = &change.response.responses[0];
            assert_eq!((response.error_code, response.error_message.as_deref()), (42, Some(message)));
        };
        twice(vec![state(Some("a"), 0), state(Some("a"), 0), state(Some("a"), 0)], "Duplicate topic name.");
        twice(vec![state(None, 5), state(None, 5)], "Duplicate topic id.");
        let message = "The provided topic name maps to an ID that was already supplied.";
        twice(vec![state(None, 5), state(Some("a"), 0)], message);
    }

    #[test]
    fn a_topic_is_named_or_identified_but_not_both() {
        let message = |topic| ask(vec![topic]).response.responses[0].error_message.clone().expect("a message");
        assert_eq!(message(state(None, 0)), "Neither topic name nor id were specified.");
        assert_eq!(message(state(Some("a"), 5)), "You may not specify both topic name and topic id.");
    }

    #[test]
    fn what_has_no_time_is_too_late() {
        let request = DeleteTopicsRequest { topics: vec![state(Some("a"), 0)], timeout_ms: 0, ..Default::default() };
        let change = handle(&request, 6, cluster().view());
        assert_eq!((answers(&change), words(&change.records)), (vec![(Some("a"), 0, 7)], vec![]));
    }

    #[test]
    fn where_deletion_is_disabled_nothing_is_deleted() {
        let mut cluster = Cluster::with(&[("delete.topic.enable", "false")]);
        cluster.add("a", 5, 1);
        let request = DeleteTopicsRequest { topics: vec![state(Some("a"), 0)], timeout_ms: 1000, ..Default::default() };
        let change = handle(&request, 6, cluster.view());
        assert_eq!((answers(&change), words(&change.records)), (vec![(Some("a"), 0, 73)], vec![]));
        let request = DeleteTopicsRequest { topic_names: vec!["a".into()], timeout_ms: 1000, ..Default::default() };
        assert_eq!(handle(&request, 2, cluster.view()).response.responses[0].error_code, 42);
    }
}
