//! What Metadata, DescribeTopicPartitions and DescribeCluster have in common: brokers and partitions as clients see them.

use super::View;
use crate::error_code::ErrorCode;
use crate::metadata::{BrokerRegistration, Endpoint, MetadataImage, Partition};
use crate::types::{NodeId, PartitionId};
use crate::wire::BrokerIds;

/// What this broker's logs can do at the moment.
pub trait PartitionStates {
    /// [`ErrorCode::None`] where this broker serves the partition; [`ErrorCode::LeaderNotAvailable`] where it does not
    /// yet; [`ErrorCode::KafkaStorageError`] where its log is offline. Asked only for partitions that this broker holds.
    fn state(&self, partition: PartitionId) -> ErrorCode;
}

impl<F: Fn(PartitionId) -> ErrorCode> PartitionStates for F {
    fn state(&self, partition: PartitionId) -> ErrorCode {
        self(partition)
    }
}

/// A partition as clients see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) error: ErrorCode,
    pub(super) leader: NodeId,
    pub(super) offline_replicas: BrokerIds,
}

/// The broker that changes go to. In KRaft any broker will do: it forwards them.
pub(super) fn controller_id(image: &MetadataImage) -> i32 {
    let is_usable = |(_, broker): &(&NodeId, &BrokerRegistration)| !broker.is_fenced;
    image.brokers.iter().find(is_usable).map_or(-1, |(id, _)| id.0)
}

/// Where a broker can be reached by a client of this listener.
pub(super) fn endpoint<'a>(broker: &'a BrokerRegistration, view: View<'_>) -> Option<&'a Endpoint> {
    broker.endpoints.iter().find(|endpoint| endpoint.listener.eq_ignore_ascii_case(view.listener_name()))
}

/// Who leads the partition, and which replicas are of no use at the moment.
pub(super) fn see(id: PartitionId, partition: &Partition, view: View<'_>, states: &dyn PartitionStates) -> Seen {
    let is_alive = |node: &NodeId| {
        view.image.brokers.get(node).is_some_and(|broker| !broker.is_fenced && endpoint(broker, view).is_some())
    };
    let own = if partition.replicas.contains(&view.config.node_id) { states.state(id) } else { ErrorCode::None };
    let is_offline_here = own == ErrorCode::KafkaStorageError;
    let is_of_no_use = |node: &NodeId| !is_alive(node) || (is_offline_here && *node == view.config.node_id);
    let is_led = is_alive(&partition.leader) && (own.is_none() || partition.leader != view.config.node_id);
    Seen {
        error: if is_led { ErrorCode::None } else { ErrorCode::LeaderNotAvailable },
        leader: if is_led { partition.leader } else { NodeId::NONE },
        offline_replicas: plain(partition.replicas.iter().filter(|node| is_of_no_use(node))),
    }
}

/// Node ids as they go into an answer.
pub(super) fn plain<'a, C: FromIterator<i32>>(nodes: impl IntoIterator<Item = &'a NodeId>) -> C {
    nodes.into_iter().map(|node| node.0).collect()
}
