//! ListPartitionReassignments: the partitions that are on their way to other replicas. One node moves nothing, but a directory
//! may come from a cluster that did.

use alloc::vec::Vec;

use super::View;
use super::cluster::plain;
use crate::metadata::{Partition, Topic};
use crate::wire::messages::list_partition_reassignments::{
    ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse, OngoingPartitionReassignment,
    OngoingTopicReassignment,
};

/// Names the partitions that were asked for, or all, where replicas are being added or removed. What does not exist, or is at
/// rest, is left out.
#[must_use]
pub fn handle(request: &ListPartitionReassignmentsRequest, view: View<'_>) -> ListPartitionReassignmentsResponse {
    let topics: Vec<_> = match &request.topics {
        Some(topics) => topics
            .iter()
            .filter_map(|asked| {
                let topic = view.image.topic(&asked.name)?;
                let found = |index: &i32| Some((*index, topic.partitions.get(index)?));
                ongoing(topic, asked.partition_indexes.iter().filter_map(found))
            })
            .collect(),
        None => {
            let all = view.image.topic_ids.values().filter_map(|id| view.image.topics.get(id));
            all.filter_map(|topic| ongoing(topic, topic.partitions.iter().map(|(index, it)| (*index, it)))).collect()
        }
    };
    ListPartitionReassignmentsResponse { topics, ..Default::default() }
}

fn ongoing<'a>(
    topic: &Topic,
    partitions: impl Iterator<Item = (i32, &'a Partition)>,
) -> Option<OngoingTopicReassignment> {
    let partitions: Vec<_> = partitions
        .filter(|(_, partition)| partition.is_reassigned())
        .map(|(index, partition)| OngoingPartitionReassignment {
            partition_index: index,
            replicas: plain(&partition.replicas),
            adding_replicas: plain(&partition.adding_replicas),
            removing_replicas: plain(&partition.removing_replicas),
            ..Default::default()
        })
        .collect();
    let name = (&*topic.name).into();
    (!partitions.is_empty()).then(|| OngoingTopicReassignment { name, partitions, ..Default::default() })
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::api::testing::Cluster;
    use crate::types::NodeId;
    use crate::wire::messages::list_partition_reassignments::ListPartitionReassignmentsTopics;

    fn ask(topics: Option<&[(&str, i32)]>) -> Vec<(alloc::string::String, i32, Vec<i32>)> {
        let mut cluster = Cluster::new();
        cluster.add("at-rest", 1, 2);
        cluster.add("moving", 2, 2);
        let moving = cluster.image.topics.values_mut().find(|topic| topic.id.0 == 2).expect("it was added");
        let partition = moving.partitions.get_mut(&1).expect("it has two");
        partition.replicas.push(NodeId(2));
        partition.adding_replicas = vec![NodeId(2)];
        let topic = |(name, index): &(&str, i32)| ListPartitionReassignmentsTopics {
            name: (*name).into(),
            partition_indexes: vec![*index],
            ..Default::default()
        };
        let topics = topics.map(|topics| topics.iter().map(topic).collect());
        let request = ListPartitionReassignmentsRequest { topics, ..Default::default() };
        let answer = handle(&request, cluster.view());
        assert_eq!(answer.error_code, 0);
        let of = |topic: &OngoingTopicReassignment| {
            let name = alloc::string::String::from(&*topic.name);
            let each = topic.partitions.iter();
            each.map(move |it| (name.clone(), it.partition_index, it.adding_replicas.to_vec())).collect::<Vec<_>>()
        };
        answer.topics.iter().flat_map(of).collect()
    }

    #[test]
    fn only_what_moves_is_listed() {
        let moving = vec![("moving".into(), 1, vec![2])];
        assert_eq!(ask(None), moving);
        assert_eq!(ask(Some(&[("at-rest", 0), ("moving", 0), ("moving", 7), ("missing", 0)])), []);
        assert_eq!(ask(Some(&[("moving", 1)])), moving);
    }
}
