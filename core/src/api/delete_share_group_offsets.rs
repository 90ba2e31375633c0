//! DeleteShareGroupOffsets: a share group without members forgets topics. The answer comes when the share coordinator has forgotten
//! them too.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::vec::Vec;

use super::assigned_groups::find;
use super::group_answer::{self, GroupResponse};
use super::share_offsets::{said, words};
use super::{ApiError, Caller};
use crate::broker::{Asker, Broker, ShareQuestion, calls_to};
use crate::error_code::ErrorCode;
use crate::groups::{GroupId, ShareGroup, SharePartitions};
use crate::metadata::MetadataImage;
use crate::share_state::{StateCall, StateResult};
use crate::time::Now;
use crate::wire::messages::delete_share_group_offsets::{
    DeleteShareGroupOffsetsRequest, DeleteShareGroupOffsetsResponse, DeleteShareGroupOffsetsResponseTopic,
};
use crate::wire::{Str, Uuid};

/// A request that waits for the share coordinator.
#[derive(Debug)]
pub(crate) struct Deleting {
    caller: Caller,
    group: GroupId,
    names: BTreeMap<Uuid, Str>,
    /// Topics of which there is nothing to delete.
    refused: Vec<DeleteShareGroupOffsetsResponseTopic>,
}

pub(crate) fn handle(broker: &mut Broker, now: Now, caller: Caller, request: &DeleteShareGroupOffsetsRequest) {
    if let Err(error) = delete(broker, now, caller, request) {
        broker.answer(caller, &refusal(error), Vec::new());
    }
}

fn delete(
    broker: &mut Broker,
    now: Now,
    caller: Caller,
    request: &DeleteShareGroupOffsetsRequest,
) -> Result<(), ApiError> {
    let (index, known) = find(broker, broker.serves_share_groups(), &request.group_id).map_err(ApiError::bare)?;
    let group = GroupId::from(&*request.group_id);
    let not_found = |why: &str| ApiError::new(ErrorCode::GroupIdNotFound, format!("Group {group} {why}."));
    let mut turn = broker.planned_turn(now, &group);
    let known = known.ok_or_else(|| not_found("not found"))?;
    let known = known.share().ok_or_else(|| not_found("is not a share group"))?;
    known.check_empty()?;
    let mut deleting = Deleting { caller, group: GroupId::clone(&group), names: BTreeMap::new(), refused: Vec::new() };
    let mut partitions = SharePartitions::new();
    if known.has_state() {
        let names = request.topics.iter().map(|topic| &topic.topic_name);
        partitions = deleting.find(known, broker.metadata.image(), names);
        known.delete_topics(&mut turn, &partitions.keys().copied().collect());
    }
    let plan = turn.plan;
    broker.carry_out(now, index, &group, plan).map_err(ApiError::bare)?;
    let calls = calls_to(&group, &partitions, &StateCall::Delete);
    broker.ask_share_state(now, calls, Asker::Groups(ShareQuestion::DeleteOffsets(deleting)));
    Ok(())
}

impl Deleting {
    /// What is to be deleted of these topics.
    fn find<'a>(
        &mut self,
        known: &ShareGroup,
        image: &MetadataImage,
        names: impl Iterator<Item = &'a Str>,
    ) -> SharePartitions {
        let mut partitions = SharePartitions::new();
        for name in names {
            let found = image.topic(name);
            let of_topic = found.map(|found| (found.id, known.deletion_of(found)));
            match of_topic {
                Some((topic, of_topic)) if !of_topic.is_empty() => {
                    partitions.insert(topic, of_topic);
                    self.names.insert(topic, name.clone());
                }
                Some(_) => self.refuse(name, "There is no offset information to delete."),
                None => self.refuse(name, words(ErrorCode::UnknownTopicOrPartition)),
            }
        }
        partitions
    }

    fn refuse(&mut self, topic_name: &Str, why: &'static str) {
        self.refused.push(DeleteShareGroupOffsetsResponseTopic {
            topic_name: topic_name.clone(),
            error_code: ErrorCode::UnknownTopicOrPartition.number(),
            error_message: Some(Str::from_static(why)),
            ..Default::default()
        });
    }
}

/// The share coordinator has answered.
pub(crate) fn answered(broker: &mut Broker, now: Now, deleting: Deleting, results: &[StateResult]) {
    let Deleting { caller, group, mut names, mut refused } = deleting;
    for result in results {
        if let Err(error) = &result.outcome
            && let Some(topic_name) = names.remove(&result.key.topic_id)
        {
            let (error_code, error_message) = said(ApiError::bare(error.code));
            let topic_id = result.key.topic_id;
            refused.push(DeleteShareGroupOffsetsResponseTopic {
                topic_name,
                topic_id,
                error_code,
                error_message,
                ..Default::default()
            });
        }
    }
    let deleted: BTreeSet<Uuid> = names.keys().copied().collect();
    let done =
        |(topic_id, topic_name)| DeleteShareGroupOffsetsResponseTopic { topic_name, topic_id, ..Default::default() };
    let responses = names.into_iter().map(done).chain(refused).collect();
    let response = DeleteShareGroupOffsetsResponse { responses, ..Default::default() };
    let written = broker.coordinator_of(&group).and_then(|index| {
        if !deleted.is_empty() {
            broker.change_share_group(now, index, &group, |known, turn| known.topics_deleted(turn, &deleted))?;
        }
        Ok(index)
    });
    match written {
        Ok(index) => {
            group_answer::answer(broker, now, caller, GroupResponse::DeleteShareGroupOffsets(response), [index]);
        }
        Err(error) => broker.answer(caller, &refusal(ApiError::bare(error)), Vec::new()),
    }
}

/// Nothing was deleted, or it is not known.
pub(crate) fn refusal(error: ApiError) -> DeleteShareGroupOffsetsResponse {
    let (error_code, error_message) = said(error);
    DeleteShareGroupOffsetsResponse { error_code, error_message, ..Default::default() }
}
