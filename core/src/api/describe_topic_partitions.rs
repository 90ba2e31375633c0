//! DescribeTopicPartitions: topics page by page.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::cluster::{PartitionStates, plain, see};
use super::{View, authorized, topic_name};
use crate::error_code::ErrorCode;
use crate::metadata::Topic;
use crate::types::PartitionId;
use crate::wire::messages::describe_topic_partitions::{
    Cursor, DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse,
    DescribeTopicPartitionsResponsePartition as ShownPartition, DescribeTopicPartitionsResponseTopic as ShownTopic,
};
use crate::wire::{Str, Uuid};

/// Answers with topics sorted by name, from the cursor on, up to the limit of partitions.
#[must_use]
pub fn handle(
    request: &DescribeTopicPartitionsRequest,
    view: View<'_>,
    states: &dyn PartitionStates,
) -> DescribeTopicPartitionsResponse {
    let is_all = request.topics.is_empty();
    let from = request.cursor.as_ref().map_or("", |cursor| &*cursor.topic_name);
    let names: BTreeSet<&str> = if is_all {
        view.image.topic_ids.keys().map(|name| &**name).filter(|name| *name >= from).collect()
    } else {
        request.topics.iter().map(|topic| &*topic.name).filter(|name| *name >= from).collect()
    };
    if let Some(cursor) = &request.cursor
        && (cursor.partition_index < 0 || (!is_all && !names.contains(from)))
    {
        return refused(request);
    }
    let limit = i64::from(view.config.limits.partitions_per_describe).min(request.response_partition_limit.into());
    let mut page =
        Page { view, states, remaining: usize::try_from(limit).unwrap_or(0).max(1), response: Default::default() };
    for name in names {
        let first = request.cursor.as_ref().filter(|cursor| cursor.topic_name == name).map_or(0, |c| c.partition_index);
        if !page.add(name, first) {
            break;
        }
    }
    page.response
}

/// A cursor that leads nowhere.
fn refused(request: &DescribeTopicPartitionsRequest) -> DescribeTopicPartitionsResponse {
    let refused = |name: &Str| ShownTopic {
        error_code: ErrorCode::InvalidRequest.number(),
        name: Some(name.clone()),
        ..Default::default()
    };
    let topics = request.topics.iter().map(|topic| refused(&topic.name)).collect();
    DescribeTopicPartitionsResponse { topics, ..Default::default() }
}

struct Page<'a> {
    view: View<'a>,
    states: &'a dyn PartitionStates,
    /// How many partitions still fit.
    remaining: usize,
    response: DescribeTopicPartitionsResponse,
}

impl Page<'_> {
    /// Adds a topic, from one of its partitions on; false where the page is full.
    fn add(&mut self, name: &str, first: i32) -> bool {
        if self.remaining == 0 {
            self.response.next_cursor = Some(cursor(name, 0));
            return false;
        }
        let Some(topic) = self.view.image.topic(name) else {
            self.response.topics.push(unknown(name));
            return true;
        };
        let mut rest = topic.partitions.range(first..);
        let partitions: Vec<_> =
            rest.by_ref().take(self.remaining).map(|(index, _)| self.show(topic, *index)).collect();
        self.remaining -= partitions.len();
        self.response.topics.push(ShownTopic {
            name: Some(name.into()),
            topic_id: topic.id,
            is_internal: topic_name::is_internal(name),
            partitions,
            topic_authorized_operations: authorized::TOPIC,
            ..Default::default()
        });
        match rest.next() {
            None => true,
            Some((next, _)) => {
                self.response.next_cursor = Some(cursor(name, *next));
                false
            }
        }
    }

    fn show(&self, topic: &Topic, index: i32) -> ShownPartition {
        let partition = &topic.partitions[&index];
        let seen = see(PartitionId { topic_id: topic.id, index }, partition, self.view, self.states);
        ShownPartition {
            error_code: seen.error.number(),
            partition_index: index,
            leader_id: seen.leader.0,
            leader_epoch: partition.leader_epoch.0,
            replica_nodes: plain(&partition.replicas),
            isr_nodes: plain(&partition.in_sync_replicas),
            eligible_leader_replicas: Some(plain(&partition.eligible_leader_replicas)),
            last_known_elr: Some(plain(&partition.last_known_eligible_leader_replicas)),
            offline_replicas: seen.offline_replicas,
            ..Default::default()
        }
    }
}

fn unknown(name: &str) -> ShownTopic {
    let error = match topic_name::validate(name) {
        Ok(()) => ErrorCode::UnknownTopicOrPartition,
        Err(_) => ErrorCode::InvalidTopicException,
    };
    ShownTopic {
        error_code: error.number(),
        name: Some(name.into()),
        topic_id: Uuid::ZERO,
        is_internal: topic_name::is_internal(name),
        topic_authorized_operations: authorized::TOPIC,
        ..Default::default()
    }
}

fn cursor(name: &str, partition_index: i32) -> Cursor {
    Cursor { topic_name: name.into(), partition_index, ..Default::default() }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::api::testing::{Cluster, serving};
    use crate::wire::messages::describe_topic_partitions::TopicRequest;

    fn ask(topics: &[&str], limit: i32, cursor: Option<(&str, i32)>) -> DescribeTopicPartitionsResponse {
        let mut cluster = Cluster::new();
        cluster.add("m", 5, 2);
        cluster.add("t", 6, 1);
        cluster.add("__consumer_offsets", 7, 1);
        let request = DescribeTopicPartitionsRequest {
            topics: topics.iter().map(|name| TopicRequest { name: (*name).into(), ..Default::default() }).collect(),
            response_partition_limit: limit,
            cursor: cursor.map(|(name, index)| super::cursor(name, index)),
            ..Default::default()
        };
        handle(&request, cluster.view(), &serving)
    }

    fn topics(answer: &DescribeTopicPartitionsResponse) -> Vec<(&str, i16, Vec<i32>)> {
        let indexes = |topic: &ShownTopic| topic.partitions.iter().map(|partition| partition.partition_index).collect();
        let plain = answer.topics.iter();
        plain.map(|topic| (topic.name.as_deref().unwrap_or(""), topic.error_code, indexes(topic))).collect()
    }

    fn next(answer: &DescribeTopicPartitionsResponse) -> Option<(&str, i32)> {
        answer.next_cursor.as_ref().map(|cursor| (&*cursor.topic_name, cursor.partition_index))
    }

    #[test]
    fn topics_come_sorted_by_name_once_each_and_unknown_ones_with_their_error() {
        let answer = ask(&["t", "nope", "m", "t", "bad name"], 2_000, None);
        assert_eq!(
            topics(&answer),
            [("bad name", 17, vec![]), ("m", 0, vec![0, 1]), ("nope", 3, vec![]), ("t", 0, vec![0])]
        );
        assert_eq!(answer.topics[2].topic_id, Uuid::ZERO);
        assert_eq!(next(&answer), None);
        let partition = &answer.topics[1].partitions[0];
        assert_eq!((partition.leader_id, partition.leader_epoch), (1, 0));
        assert_eq!((&partition.replica_nodes[..], &partition.isr_nodes[..]), (&[1][..], &[1][..]));
        assert_eq!(answer.topics[1].topic_authorized_operations, 3_576);
    }

    #[test]
    fn a_full_page_says_where_to_go_on() {
        let first = ask(&["m", "t"], 1, None);
        assert_eq!((topics(&first), next(&first)), (vec![("m", 0, vec![0])], Some(("m", 1))));
        let second = ask(&["m", "t"], 1, Some(("m", 1)));
        assert_eq!((topics(&second), next(&second)), (vec![("m", 0, vec![1])], Some(("t", 0))));
        let third = ask(&["m", "t"], 1, Some(("t", 0)));
        assert_eq!((topics(&third), next(&third)), (vec![("t", 0, vec![0])], None));
    }

    #[test]
    fn a_page_has_room_for_one_partition_at_least() {
        assert_eq!(topics(&ask(&["m"], 0, None)), [("m", 0, vec![0])]);
        assert_eq!(topics(&ask(&["m"], -5, None)), [("m", 0, vec![0])]);
    }

    #[test]
    fn without_names_all_topics_are_described() {
        let answer = ask(&[], 2_000, None);
        assert_eq!(topics(&answer), [("__consumer_offsets", 0, vec![0]), ("m", 0, vec![0, 1]), ("t", 0, vec![0])]);
        assert!(answer.topics[0].is_internal);
        assert_eq!(topics(&ask(&[], 2_000, Some(("n", 0)))), [("t", 0, vec![0])]);
    }

    #[test]
    fn a_cursor_must_point_into_the_topics_that_are_asked_for() {
        for cursor in [("m", -1), ("n", 0)] {
            let answer = ask(&["m", "t"], 10, Some(cursor));
            assert_eq!(topics(&answer), [("m", 42, vec![]), ("t", 42, vec![])]);
        }
        assert_eq!(topics(&ask(&["m", "t"], 10, Some(("m", 9)))), [("m", 0, vec![]), ("t", 0, vec![0])]);
    }

    #[test]
    fn a_partition_whose_log_is_offline_has_no_leader() {
        let mut cluster = Cluster::new();
        cluster.add("m", 5, 2);
        let states = |id: PartitionId| if id.index == 1 { ErrorCode::KafkaStorageError } else { ErrorCode::None };
        let answer = handle(&DescribeTopicPartitionsRequest::default(), cluster.view(), &states);
        let seen: Vec<_> = answer.topics[0]
            .partitions
            .iter()
            .map(|partition| (partition.error_code, partition.leader_id, partition.offline_replicas.to_vec()))
            .collect();
        assert_eq!(seen, [(0, 1, vec![]), (5, -1, vec![1])]);
    }
}
