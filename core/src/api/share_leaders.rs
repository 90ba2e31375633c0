//! Where a member of a share group is sent that came to the wrong broker: leaders of partitions, and where they are.

use alloc::collections::BTreeMap;

use super::{Caller, View, cluster};
use crate::broker::Broker;
use crate::error_code::ErrorCode;
use crate::types::PartitionId;
use crate::wire::Str;

/// The leaders that an answer names.
#[derive(Debug, Default)]
pub(super) struct Leaders {
    endpoints: BTreeMap<i32, (Str, i32, Option<Str>)>,
}

impl Leaders {
    /// The leader of a partition and its epoch, where the error is that it is another broker.
    pub(super) fn of(
        &mut self,
        broker: &Broker,
        caller: Caller,
        id: PartitionId,
        error_code: i16,
    ) -> Option<(i32, i32)> {
        let is_elsewhere = [ErrorCode::NotLeaderOrFollower, ErrorCode::FencedLeaderEpoch];
        if !is_elsewhere.iter().any(|error| error.number() == error_code) {
            return None;
        }
        let image = broker.metadata.image();
        let Some(partition) = image.partition(id) else { return Some((-1, -1)) };
        let leader = partition.leader;
        let view = View { image, config: &broker.config, listener: broker.listener_of(caller.slot.conn) };
        if let Some(node) = image.brokers.get(&leader)
            && let Some(endpoint) = cluster::endpoint(node, view)
        {
            let at = (endpoint.host.as_str().into(), i32::from(endpoint.port), node.rack.as_deref().map(Str::from));
            self.endpoints.insert(leader.0, at);
        }
        Some((leader.0, partition.leader_epoch.0))
    }

    /// Where they can be reached.
    pub(super) fn into_endpoints(self) -> impl Iterator<Item = (i32, Str, i32, Option<Str>)> {
        self.endpoints.into_iter().map(|(id, (host, port, rack))| (id, host, port, rack))
    }
}
