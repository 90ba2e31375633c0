//! ElectLeaders: there is one broker, and it leads what it can from its start on: no election changes anything. What is
//! told is why.

use alloc::format;
use alloc::vec::Vec;

use super::{ApiError, View};
use crate::error_code::ErrorCode;
use crate::types::NodeId;
use crate::wire::messages::elect_leaders::{
    ElectLeadersRequest, ElectLeadersResponse, PartitionResult, ReplicaElectionResult,
};

/// What an election is to bring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Election {
    /// The first replica leads.
    Preferred,
    /// Any replica leads, whatever it lacks.
    Unclean,
}

/// Says of each partition why it keeps the leader that it has. Without a list of partitions, only those are named whose
/// leader is not the one that was asked for.
#[must_use]
pub fn handle(request: &ElectLeadersRequest, view: View<'_>) -> ElectLeadersResponse {
    if request.topic_partitions.as_ref().is_some_and(Vec::is_empty) {
        return ElectLeadersResponse::default();
    }
    if request.timeout_ms <= 0 {
        return refuse(request, &ApiError::bare(ErrorCode::RequestTimedOut));
    }
    let election = match request.election_type {
        0 => Election::Preferred,
        1 => Election::Unclean,
        other => {
            return refuse(
                request,
                &ApiError::new(ErrorCode::InvalidRequest, format!("Unknown election type {other}")),
            );
        }
    };
    let replica_election_results = match &request.topic_partitions {
        Some(topics) => topics
            .iter()
            .map(|topic| {
                let results = topic.partitions.iter().map(|index| elect(view, &topic.topic, *index, election));
                ReplicaElectionResult {
                    topic: topic.topic.clone(),
                    partition_result: results.collect(),
                    ..Default::default()
                }
            })
            .collect(),
        None => all(view, election),
    };
    ElectLeadersResponse { replica_election_results, ..Default::default() }
}

fn all(view: View<'_>, election: Election) -> Vec<ReplicaElectionResult> {
    let topics = view.image.topic_ids.iter().filter_map(|(name, id)| Some((name, view.image.topics.get(id)?)));
    let results = topics.map(|(name, topic)| {
        let results = topic.partitions.keys().map(|index| elect(view, name, *index, election));
        let needed = results.filter(|result| result.error_code != ErrorCode::ElectionNotNeeded.number());
        ReplicaElectionResult { topic: (&**name).into(), partition_result: needed.collect(), ..Default::default() }
    });
    results.collect()
}

fn elect(view: View<'_>, topic: &str, index: i32, election: Election) -> PartitionResult {
    result(index, &why_not(view, topic, index, election))
}

fn why_not(view: View<'_>, topic: &str, index: i32, election: Election) -> ApiError {
    let Some(found) = view.image.topic(topic) else {
        return ApiError::new(ErrorCode::UnknownTopicOrPartition, format!("No such topic as {topic}"));
    };
    let Some(partition) = found.partitions.get(&index) else {
        return ApiError::new(ErrorCode::UnknownTopicOrPartition, format!("No such partition as {topic}-{index}"));
    };
    let is_as_wanted = match election {
        Election::Preferred => partition.replicas.first() == Some(&partition.leader),
        Election::Unclean => partition.leader != NodeId::NONE,
    };
    if is_as_wanted {
        return ApiError::new(ErrorCode::ElectionNotNeeded, "Leader election not needed for topic partition.");
    }
    match election {
        Election::Preferred => {
            ApiError::new(ErrorCode::PreferredLeaderNotAvailable, "The preferred leader was not available.")
        }
        Election::Unclean => {
            ApiError::new(ErrorCode::EligibleLeadersNotAvailable, "Eligible topic partition leaders are not available.")
        }
    }
}

/// The same error for everything that was asked for.
fn refuse(request: &ElectLeadersRequest, error: &ApiError) -> ElectLeadersResponse {
    let topics = request.topic_partitions.iter().flatten().map(|topic| ReplicaElectionResult {
        topic: topic.topic.clone(),
        partition_result: topic.partitions.iter().map(|index| result(*index, error)).collect(),
        ..Default::default()
    });
    ElectLeadersResponse {
        error_code: error.code.number(),
        replica_election_results: topics.collect(),
        ..Default::default()
    }
}

fn result(partition_id: i32, error: &ApiError) -> PartitionResult {
    let error_code = error.code.number();
    PartitionResult { partition_id, error_code, error_message: error.clone().message(), ..Default::default() }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::api::testing::Cluster;
    use crate::wire::messages::elect_leaders::TopicPartitions;

    fn ask(election_type: i8, partitions: Option<&[(&str, i32)]>) -> ElectLeadersRequest {
        let topic = |(name, index): &(&str, i32)| TopicPartitions {
            topic: (*name).into(),
            partitions: vec![*index],
            ..Default::default()
        };
        let topic_partitions = partitions.map(|partitions| partitions.iter().map(topic).collect());
        ElectLeadersRequest { election_type, topic_partitions, ..Default::default() }
    }

    fn codes(answer: &ElectLeadersResponse) -> Vec<(&str, i32, i16)> {
        let of = |topic: &ReplicaElectionResult| topic.partition_result.clone().into_iter();
        let each = answer.replica_election_results.iter();
        each.flat_map(|topic| of(topic).map(|it| (&*topic.topic, it.partition_id, it.error_code))).collect()
    }

    /// `ours` is led by its first replica, `theirs` by its second, `lost` by none.
    fn cluster() -> Cluster {
        let mut cluster = Cluster::new();
        cluster.add("ours", 1, 2);
        cluster.add("theirs", 2, 1);
        cluster.add("lost", 3, 1);
        let partition = |cluster: &mut Cluster, id| {
            let topic = cluster.image.topics.values_mut().find(|topic| topic.id.0 == id).unwrap();
            topic.partitions.remove(&0).unwrap()
        };
        let put = |cluster: &mut Cluster, id, partition| {
            let topic = cluster.image.topics.values_mut().find(|topic| topic.id.0 == id).unwrap();
            topic.partitions.insert(0, partition);
        };
        let mut theirs = partition(&mut cluster, 2);
        theirs.replicas = vec![NodeId(9), NodeId(1)];
        put(&mut cluster, 2, theirs);
        let mut lost = partition(&mut cluster, 3);
        (lost.replicas, lost.leader) = (vec![NodeId(9)], NodeId::NONE);
        put(&mut cluster, 3, lost);
        cluster
    }

    const ASKED: [(&str, i32); 5] = [("ours", 1), ("ours", 2), ("missing", 0), ("theirs", 0), ("lost", 0)];

    #[test]
    fn the_preferred_leader_leads_or_is_not_there() {
        let cluster = cluster();
        let answer = handle(&ask(0, Some(&ASKED)), cluster.view());
        let codes: Vec<i16> = codes(&answer).iter().map(|(_, _, code)| *code).collect();
        assert_eq!(codes, [84, 3, 3, 80, 80]);
        let message =
            |at: usize| answer.replica_election_results[at].partition_result[0].error_message.clone().unwrap();
        assert_eq!(&*message(1), "No such partition as ours-2");
        assert_eq!(&*message(2), "No such topic as missing");
    }

    #[test]
    fn an_unclean_election_is_for_partitions_without_a_leader() {
        let cluster = cluster();
        let answer = handle(&ask(1, Some(&ASKED)), cluster.view());
        let codes: Vec<i16> = codes(&answer).iter().map(|(_, _, code)| *code).collect();
        assert_eq!(codes, [84, 3, 3, 84, 83]);
    }

    #[test]
    fn of_all_partitions_only_those_are_named_that_need_an_election() {
        let cluster = cluster();
        let answer = handle(&ask(0, None), cluster.view());
        assert_eq!(codes(&answer), [("lost", 0, 80), ("theirs", 0, 80)]);
        assert_eq!(answer.replica_election_results.len(), 3, "each topic is there, as in Kafka");
    }

    #[test]
    fn an_unknown_kind_of_election_is_refused() {
        let cluster = cluster();
        let answer = handle(&ask(2, Some(&ASKED[..1])), cluster.view());
        assert_eq!((answer.error_code, codes(&answer)), (42, vec![("ours", 1, 42)]));
        assert_eq!(handle(&ask(2, None), cluster.view()).error_code, 42);
        assert_eq!(handle(&ask(2, Some(&[])), cluster.view()).error_code, 0, "there is nothing to elect");
    }

    #[test]
    fn an_election_that_may_take_no_time_is_not_held() {
        let cluster = cluster();
        let answer = handle(&ElectLeadersRequest { timeout_ms: 0, ..ask(0, Some(&ASKED[..1])) }, cluster.view());
        assert_eq!((answer.error_code, codes(&answer)), (7, vec![("ours", 1, 7)]));
    }
}
