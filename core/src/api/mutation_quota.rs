//! `controller_mutation_rate`: topics that a client may not make, extend or delete any more are taken out of a change that
//! is planned already (KIP-599).

use alloc::vec::Vec;

use super::{ApiError, Change};
use crate::error_code::ErrorCode;
use crate::metadata::MetadataImage;
use crate::quotas::Excess;
use crate::wire::messages::create_partitions::{CreatePartitionsRequest, CreatePartitionsResponse};
use crate::wire::messages::create_topics::{CreatableTopicResult, CreateTopicsRequest, CreateTopicsResponse};
use crate::wire::messages::delete_topics::{DeleteTopicsRequest, DeleteTopicsResponse};
use crate::wire::messages::metadata::MetadataResponse;
use crate::wire::{Message, MetadataRecord, Str, Uuid};

/// Takes so many partitions; false where that is refused.
pub(super) type Take<'a> = &'a mut dyn FnMut(usize) -> bool;

/// From these versions on, clients know the error; older ones are only told to wait.
const CREATE_TOPICS_STRICT_SINCE: i16 = 6;
const DELETE_TOPICS_STRICT_SINCE: i16 = 5;
const CREATE_PARTITIONS_STRICT_SINCE: i16 = 3;

/// What becomes of a request in which a client takes more than it may.
pub(super) fn excess(key: i16, version: i16) -> Excess {
    let strict_since = match key {
        CreateTopicsRequest::KEY => CREATE_TOPICS_STRICT_SINCE,
        DeleteTopicsRequest::KEY => DELETE_TOPICS_STRICT_SINCE,
        CreatePartitionsRequest::KEY => CREATE_PARTITIONS_STRICT_SINCE,
        _ => return Excess::RefusedUntold,
    };
    if version >= strict_since { Excess::Refused } else { Excess::Awaited }
}

pub(super) fn limit_creation(change: &mut Change<CreateTopicsResponse>, take: Take<'_>) {
    let mut refused: Vec<(Uuid, Str)> = Vec::new();
    for topic in change.response.topics.iter_mut().filter(|topic| topic.error_code == 0) {
        if !take(usize::try_from(topic.num_partitions).unwrap_or(0)) {
            refused.push((topic.topic_id, topic.name.clone()));
            let (name, error) = (topic.name.clone(), exceeded());
            *topic = CreatableTopicResult {
                name,
                error_code: error.code.number(),
                error_message: error.message(),
                configs: Some(Vec::new()),
                ..Default::default()
            };
        }
    }
    drop_new(&mut change.records, &refused);
}

/// Topics that Metadata would create: those that are not stay unknown, and the request did not ask for them.
pub(super) fn limit_automatic(change: &mut Change<MetadataResponse>, take: Take<'_>) {
    let topics: Vec<(Uuid, Str)> = change.records.iter().filter_map(new_topic).collect();
    let partitions = |id| {
        let is_of_it =
            |record: &&MetadataRecord| matches!(record, MetadataRecord::Partition(new) if new.topic_id == id);
        change.records.iter().filter(is_of_it).count()
    };
    let refused: Vec<_> = topics.into_iter().filter(|(id, _)| !take(partitions(*id))).collect();
    drop_new(&mut change.records, &refused);
}

fn new_topic(record: &MetadataRecord) -> Option<(Uuid, Str)> {
    match record {
        MetadataRecord::Topic(topic) => Some((topic.topic_id, topic.name.clone())),
        _ => None,
    }
}

/// Takes out what was to be written of new topics.
fn drop_new(records: &mut Vec<MetadataRecord>, refused: &[(Uuid, Str)]) {
    let is_refused = |record: &MetadataRecord| match record {
        MetadataRecord::Topic(topic) => refused.iter().any(|(id, _)| *id == topic.topic_id),
        MetadataRecord::Partition(partition) => refused.iter().any(|(id, _)| *id == partition.topic_id),
        MetadataRecord::Config(config) => refused.iter().any(|(_, name)| *name == config.resource_name),
        _ => false,
    };
    if !refused.is_empty() {
        records.retain(|record| !is_refused(record));
    }
}

pub(super) fn limit_extension(
    change: &mut Change<CreatePartitionsResponse>,
    request: &CreatePartitionsRequest,
    image: &MetadataImage,
    take: Take<'_>,
) {
    let mut refused: Vec<Uuid> = Vec::new();
    for result in change.response.results.iter_mut().filter(|result| result.error_code == 0) {
        let asked = request.topics.iter().find(|topic| topic.name == result.name);
        let (Some(topic), Some(asked)) = (image.topic(&result.name), asked) else { continue };
        let wanted = usize::try_from(asked.count).unwrap_or(0);
        if !take(wanted.saturating_sub(topic.partitions.len())) {
            refused.push(topic.id);
            let error = exceeded();
            result.error_code = error.code.number();
            result.error_message = error.message();
        }
    }
    let is_refused =
        |record: &MetadataRecord| matches!(record, MetadataRecord::Partition(new) if refused.contains(&new.topic_id));
    change.records.retain(|record| !is_refused(record));
}

pub(super) fn limit_deletion(change: &mut Change<DeleteTopicsResponse>, image: &MetadataImage, take: Take<'_>) {
    let mut refused: Vec<Uuid> = Vec::new();
    for result in change.response.responses.iter_mut().filter(|result| result.error_code == 0) {
        let Some(topic) = image.topics.get(&result.topic_id) else { continue };
        if !take(topic.partitions.len()) {
            refused.push(topic.id);
            let error = exceeded();
            result.error_code = error.code.number();
            result.error_message = error.message();
        }
    }
    let is_refused = |record: &MetadataRecord| matches!(record, MetadataRecord::RemoveTopic(gone) if refused.contains(&gone.topic_id));
    change.records.retain(|record| !is_refused(record));
}

fn exceeded() -> ApiError {
    ApiError::bare(ErrorCode::ThrottlingQuotaExceeded)
}
