//! UnregisterBroker: the metadata forgets a broker. Forgotten itself, this one leads nothing until its next start, as in Kafka.

use alloc::format;

use super::{ApiError, Change, View};
use crate::error_code::ErrorCode;
use crate::metadata::leaving_records;
use crate::types::NodeId;
use crate::wire::Str;
use crate::wire::messages::metadata_records::UnregisterBrokerRecord;
use crate::wire::messages::unregister_broker::{UnregisterBrokerRequest, UnregisterBrokerResponse};

/// Takes the broker out of all sets of replicas in sync, and then out of the cluster.
#[must_use]
pub fn handle(request: &UnregisterBrokerRequest, view: View<'_>) -> Change<UnregisterBrokerResponse> {
    let broker_id = request.broker_id;
    let Some(broker) = view.image.brokers.get(&NodeId(broker_id)) else {
        let message = format!("Broker ID {broker_id} is not currently registered");
        let (error_code, error_message) =
            ApiError::parts(Err(ApiError::new(ErrorCode::BrokerIdNotRegistered, message)));
        return Change::nothing(UnregisterBrokerResponse { error_code, error_message, ..Default::default() });
    };
    let mut records = leaving_records(view.image, NodeId(broker_id));
    let broker_epoch = broker.broker_epoch;
    records.push(UnregisterBrokerRecord { broker_id, broker_epoch, ..Default::default() }.into());
    Change { records, response: UnregisterBrokerResponse { error_message: Some(Str::default()), ..Default::default() } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::testing::Cluster;

    #[test]
    fn a_broker_that_is_forgotten_leads_nothing() {
        let mut cluster = Cluster::new();
        cluster.add("letters", 5, 2);
        cluster.image.features.insert("eligible.leader.replicas.version".into(), 1);
        let change = handle(&UnregisterBrokerRequest { broker_id: 1, ..Default::default() }, cluster.view());
        assert_eq!((change.response.error_code, change.response.error_message.as_deref()), (0, Some("")));
        for record in &change.records {
            cluster.image.apply(record, &mut Default::default()).expect("it fits");
        }
        assert!(cluster.image.brokers.is_empty());
        for partition in cluster.image.topic("letters").expect("it stays").partitions.values() {
            assert_eq!((partition.leader, partition.leader_epoch.0), (NodeId::NONE, 1));
            assert_eq!((&*partition.in_sync_replicas, &*partition.replicas), (&[][..], &[NodeId(1)][..]));
            assert_eq!(partition.eligible_leader_replicas, [NodeId(1)]);
        }
    }

    #[test]
    fn a_broker_that_nobody_knows_is_refused() {
        let cluster = Cluster::new();
        let change = handle(&UnregisterBrokerRequest { broker_id: 2, ..Default::default() }, cluster.view());
        assert_eq!((change.records.len(), change.response.error_code), (0, 102));
        assert_eq!(change.response.error_message.as_deref(), Some("Broker ID 2 is not currently registered"));
    }
}
