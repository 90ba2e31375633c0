//! CreatePartitions: more partitions for topics that exist.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::vec::Vec;

use super::create_topics::{check_limit, partition_count};
use super::placement::{Placed, Placer, RECORDS_MAX};
use super::{ApiError, Change, View};
use crate::error_code::ErrorCode;
use crate::metadata::Topic;
use crate::wire::messages::create_partitions::{
    CreatePartitionsRequest, CreatePartitionsResponse, CreatePartitionsTopic, CreatePartitionsTopicResult,
};
use crate::wire::{MetadataRecord, Str};

/// Plans what is asked for; refusals are told topic by topic.
#[must_use]
pub fn handle(request: &CreatePartitionsRequest, view: View<'_>) -> Change<CreatePartitionsResponse> {
    if request.timeout_ms <= 0 {
        let late = ApiError::bare(ErrorCode::RequestTimedOut);
        let results = request.topics.iter().map(|topic| result(&topic.name, Err(late.clone()))).collect();
        return Change::nothing(CreatePartitionsResponse { results, ..Default::default() });
    }
    let mut seen = BTreeSet::new();
    let repeated: BTreeSet<&Str> =
        request.topics.iter().filter(|topic| !seen.insert(&topic.name)).map(|topic| &topic.name).collect();
    let duplicate = ApiError::new(ErrorCode::InvalidRequest, "Duplicate topic name.");
    let mut results: Vec<_> = repeated.iter().map(|name| result(name, Err(duplicate.clone()))).collect();
    let mut plan =
        Plan { view, placer: Placer::new(view.image), partitions: partition_count(view), records: Vec::new() };
    for topic in request.topics.iter().filter(|topic| !repeated.contains(&topic.name)) {
        results.push(result(&topic.name, plan.add(topic)));
    }
    let records = if request.validate_only { Vec::new() } else { plan.records };
    Change { records, response: CreatePartitionsResponse { results, ..Default::default() } }
}

struct Plan<'a> {
    view: View<'a>,
    placer: Placer<'a>,
    /// Those that exist and those that are planned.
    partitions: usize,
    records: Vec<MetadataRecord>,
}

impl Plan<'_> {
    fn add(&mut self, asked: &CreatePartitionsTopic) -> Result<(), ApiError> {
        let topic =
            self.view.image.topic(&asked.name).ok_or_else(|| ApiError::bare(ErrorCode::UnknownTopicOrPartition))?;
        let additional = additional(asked, topic)?;
        if self.records.len() + additional > RECORDS_MAX {
            let message = "Excessively large number of partitions per request.";
            return Err(ApiError::new(ErrorCode::PolicyViolation, message));
        }
        let limit = self.view.config.limits.partitions;
        check_limit("partitions", self.partitions + additional, limit, "ottla.max.partitions")?;
        let placed = self.place(asked, topic, additional)?;
        self.partitions += additional;
        let first = topic.partitions.len() as i32;
        self.records.extend((first..).zip(&placed).map(|(index, placed)| placed.record(topic.id, index)));
        Ok(())
    }

    fn place(
        &mut self,
        asked: &CreatePartitionsTopic,
        topic: &Topic,
        additional: usize,
    ) -> Result<Vec<Placed>, ApiError> {
        let first = topic.partitions.len() as i32;
        let replicas = topic.partitions.values().next().map_or(1, |partition| partition.replicas.len());
        match &asked.assignments {
            None => {
                let replication_factor = i16::try_from(replicas).unwrap_or(i16::MAX);
                self.placer.place(first, additional as i32, replication_factor)
            }
            Some(assignments) => (first..)
                .zip(assignments)
                .map(|(index, assignment)| self.placer.assign(index, &assignment.broker_ids, Some(replicas)))
                .collect(),
        }
    }
}

/// How many partitions the topic lacks; assignments must be for exactly these.
fn additional(asked: &CreatePartitionsTopic, topic: &Topic) -> Result<usize, ApiError> {
    let existing = topic.partitions.len();
    let refuse = |code, message| Err(ApiError::new(code, message));
    let count = usize::try_from(asked.count).unwrap_or(0);
    if count == existing {
        return refuse(ErrorCode::InvalidPartitions, format!("Topic already has {existing} partition(s)."));
    }
    if count < existing {
        let message = format!(
            "The topic {} currently has {existing} partition(s); {} would not be an increase.",
            asked.name, asked.count
        );
        return refuse(ErrorCode::InvalidPartitions, message);
    }
    let additional = count - existing;
    match &asked.assignments {
        Some(assignments) if assignments.len() != additional => {
            let message = format!(
                "Attempted to add {additional} additional partition(s), but only {} assignment(s) were specified.",
                assignments.len()
            );
            refuse(ErrorCode::InvalidReplicaAssignment, message)
        }
        _ => Ok(additional),
    }
}

fn result(name: &Str, planned: Result<(), ApiError>) -> CreatePartitionsTopicResult {
    let error = planned.err().unwrap_or_else(|| ApiError::bare(ErrorCode::None));
    CreatePartitionsTopicResult {
        name: name.clone(),
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
    use crate::wire::messages::create_partitions::CreatePartitionsAssignment;

    fn topic(name: &str, count: i32, assignments: Option<&[&[i32]]>) -> CreatePartitionsTopic {
        let assignment = |ids: &&[i32]| CreatePartitionsAssignment { broker_ids: ids.to_vec(), ..Default::default() };
        CreatePartitionsTopic {
            name: name.into(),
            count,
            assignments: assignments.map(|all| all.iter().map(assignment).collect()),
            ..Default::default()
        }
    }

    fn cluster() -> Cluster {
        let mut cluster = Cluster::new();
        cluster.add("one", 5, 1);
        cluster.add("two", 6, 2);
        cluster
    }

    fn ask(topics: Vec<CreatePartitionsTopic>) -> Change<CreatePartitionsResponse> {
        handle(&CreatePartitionsRequest { topics, timeout_ms: 1000, ..Default::default() }, cluster().view())
    }

    fn answers(change: &Change<CreatePartitionsResponse>) -> Vec<(&str, i16, &str)> {
        let results = change.response.results.iter();
        results.map(|r| (&*r.name, r.error_code, r.error_message.as_deref().unwrap_or(""))).collect()
    }

    #[test]
    fn new_partitions_are_numbered_after_the_old_ones() {
        let change = ask(vec![topic("two", 4, None), topic("one", 2, Some(&[&[1]]))]);
        assert_eq!(answers(&change), [("two", 0, ""), ("one", 0, "")]);
        assert_eq!(
            words(&change.records),
            ["partition 2 on [1] in [77]", "partition 3 on [1] in [77]", "partition 1 on [1] in [77]"]
        );
    }

    #[test]
    fn refusals_are_in_kafkas_words() {
        for (asked, code, message) in [
            (topic("none", 2, None), 3, ""),
            (topic("two", 2, None), 37, "Topic already has 2 partition(s)."),
            (topic("two", 1, None), 37, "The topic two currently has 2 partition(s); 1 would not be an increase."),
            (topic("two", -1, None), 37, "The topic two currently has 2 partition(s); -1 would not be an increase."),
            (
                topic("two", 4, Some(&[&[1]])),
                39,
                "Attempted to add 2 additional partition(s), but only 1 assignment(s) were specified.",
            ),
            (
                topic("one", 2, Some(&[&[7]])),
                39,
                "The manual partition assignment includes broker 7, but no such broker is registered.",
            ),
            (topic("one", i32::MAX, None), 44, "Excessively large number of partitions per request."),
        ] {
            let name = asked.name.clone();
            let change = ask(vec![asked]);
            assert_eq!(answers(&change), [(&*name, code, message)]);
            assert_eq!(change.records, []);
        }
    }

    #[test]
    fn a_name_given_twice_is_refused() {
        let change = ask(vec![topic("one", 2, None), topic("two", 3, None), topic("one", 3, None)]);
        assert_eq!(answers(&change), [("one", 42, "Duplicate topic name."), ("two", 0, "")]);
    }

    #[test]
    fn validate_only_writes_nothing() {
        let request = CreatePartitionsRequest {
            topics: vec![topic("one", 2, None)],
            validate_only: true,
            timeout_ms: 1000,
            ..Default::default()
        };
        let change = handle(&request, cluster().view());
        assert_eq!((answers(&change), words(&change.records)), (vec![("one", 0, "")], vec![]));
    }
}
