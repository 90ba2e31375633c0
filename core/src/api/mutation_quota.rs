//! `controller_mutation_rate`: topics that a client may not make, extend or delete any more are taken out of a change that
//! is planned already (KIP-599).

use alloc::vec::Vec;

use super::{ApiError, Change};
use crate::error_code::ErrorCode;
use crate::metadata::MetadataImage;
use crate::wire::messages::create_partitions::{CreatePartitionsRequest, CreatePartitionsResponse};
use crate::wire::messages::create_topics::{CreatableTopicResult, CreateTopicsResponse};
use crate::wire::messages::delete_topics::DeleteTopicsResponse;
use crate::wire::{MetadataRecord, Str, Uuid};

/// Takes so many partitions; false where that is refused.
pub(super) type Take<'a> = &'a mut dyn FnMut(usize) -> bool;

/// From these versions on, clients know the error; older ones are only told to wait.
pub(super) const CREATE_TOPICS_STRICT_SINCE: i16 = 6;
pub(super) const DELETE_TOPICS_STRICT_SINCE: i16 = 5;
pub(super) const CREATE_PARTITIONS_STRICT_SINCE: i16 = 3;

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
    let is_refused = |record: &MetadataRecord| match record {
        MetadataRecord::Topic(topic) => refused.iter().any(|(id, _)| *id == topic.topic_id),
        MetadataRecord::Partition(partition) => refused.iter().any(|(id, _)| *id == partition.topic_id),
        MetadataRecord::Config(config) => refused.iter().any(|(_, name)| *name == config.resource_name),
        _ => false,
    };
    if !refused.is_empty() {
        change.records.retain(|record| !is_refused(record));
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
