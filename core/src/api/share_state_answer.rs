//! What the calls to the share coordinator have in common (KIP-932): how a request becomes calls, and calls an answer.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::vec::Vec;

use super::{
    Caller, delete_share_group_state, initialize_share_group_state, read_share_group_state,
    read_share_group_state_summary, write_share_group_state,
};
use crate::broker::{Asker, Broker};
use crate::error_code::ErrorCode;
use crate::groups::GroupId;
use crate::share_state::{StateAnswer, StateCall, StateKey, StateResult};
use crate::time::Now;
use crate::wire::{Str, Uuid};

/// A client that waits, and which of the calls it made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request {
    caller: Caller,
    api: StateApi,
}

/// The APIs.
#[derive(Clone, Copy, Debug)]
pub(crate) enum StateApi {
    Initialize,
    Read,
    ReadSummary,
    Write,
    Delete,
}

/// A topic of a request: its partitions, and what is asked of each.
pub(super) type Topic = (Uuid, Vec<(i32, StateCall)>);

/// A topic of an answer: its partitions, and what became of each.
pub(super) type TopicResults = (Uuid, Vec<PartitionResult>);

/// What became of a partition.
#[derive(Clone, Debug)]
pub(super) struct PartitionResult {
    pub(super) partition: i32,
    pub(super) answer: Option<StateAnswer>,
    pub(super) error_code: i16,
    pub(super) error_message: Option<Str>,
}

/// Makes the calls of a request. One without a group or without a topic is answered with nothing, as Kafka does; so is one
/// with a topic without a partition, but for that which initialises.
pub(super) fn call(
    broker: &mut Broker,
    now: Now,
    caller: Caller,
    api: StateApi,
    group: &str,
    topics: impl Iterator<Item = Topic>,
) {
    let topics: Vec<Topic> = topics.collect();
    let request = Request { caller, api };
    let takes_empty_topics = matches!(api, StateApi::Initialize);
    if group.is_empty() || (!takes_empty_topics && topics.iter().any(|(_, partitions)| partitions.is_empty())) {
        return answered(broker, request, Vec::new());
    }
    let group = GroupId::from(group);
    let calls = topics.into_iter().flat_map(|(topic_id, partitions)| {
        let group = &group;
        let key = move |partition| StateKey { group: group.clone(), topic_id, partition };
        partitions.into_iter().map(move |(partition, call)| (key(partition), call))
    });
    let calls = calls.collect();
    broker.call_share_state(now, calls, Asker::Request(request));
}

/// Answers a client. Of a partition that was named twice it hears what became of the last call.
pub(crate) fn answered(broker: &mut Broker, request: Request, results: Vec<StateResult>) {
    let mut topics: Vec<(Uuid, BTreeMap<i32, PartitionResult>)> = Vec::new();
    for result in results {
        let (topic_id, partition) = (result.key.topic_id, result.key.partition);
        let at = topics.iter().position(|(known, _)| *known == topic_id).unwrap_or_else(|| {
            topics.push((topic_id, BTreeMap::new()));
            topics.len() - 1
        });
        topics[at].1.insert(partition, request.api.partition_result(result));
    }
    let topics = topics.into_iter().map(|(topic_id, partitions)| (topic_id, partitions.into_values().collect()));
    let caller = request.caller;
    match request.api {
        StateApi::Initialize => broker.answer(caller, &initialize_share_group_state::response(topics), Vec::new()),
        StateApi::Read => broker.answer(caller, &read_share_group_state::response(topics), Vec::new()),
        StateApi::ReadSummary => broker.answer(caller, &read_share_group_state_summary::response(topics), Vec::new()),
        StateApi::Write => broker.answer(caller, &write_share_group_state::response(topics), Vec::new()),
        StateApi::Delete => broker.answer(caller, &delete_share_group_state::response(topics), Vec::new()),
    }
}

impl StateApi {
    fn partition_result(self, result: StateResult) -> PartitionResult {
        let partition = result.key.partition;
        match result.outcome {
            Ok(answer) => PartitionResult { partition, answer: Some(answer), error_code: 0, error_message: None },
            Err(error) => {
                let message = error.message.unwrap_or_else(|| format!("{}: {}", self.failed(), words(error.code)));
                let (error_code, error_message) = (error.code.number(), Some(Str::from(message)));
                PartitionResult { partition, answer: None, error_code, error_message }
            }
        }
    }

    /// What Kafka says before the reason, where it was not the call that was at fault.
    fn failed(self) -> &'static str {
        match self {
            Self::Initialize => "Unable to initialize share group state",
            Self::Read => "Unable to read share group state",
            Self::ReadSummary => "Unable to read share group state summary",
            Self::Write => "Unable to write share group state",
            Self::Delete => "Unable to delete share group state",
        }
    }
}

fn words(error: ErrorCode) -> &'static str {
    match error {
        ErrorCode::NotCoordinator => "This is not the correct coordinator.",
        ErrorCode::CoordinatorLoadInProgress => "The coordinator is loading and hence can't process requests.",
        ErrorCode::CoordinatorNotAvailable => "The coordinator is not available.",
        _ => "The server experienced an unexpected error when processing the request.",
    }
}
