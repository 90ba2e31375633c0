//! DescribeCluster: the brokers that clients can use.

use alloc::format;
use alloc::vec::Vec;

use super::cluster::{controller_id, endpoint};
use super::{ApiError, View, authorized};
use crate::error_code::ErrorCode;
use crate::wire::Str;
use crate::wire::messages::describe_cluster::{DescribeClusterBroker, DescribeClusterRequest, DescribeClusterResponse};

const BROKERS: i8 = 1;
const CONTROLLERS: i8 = 2;

/// Answers in any served version.
#[must_use]
pub fn handle(request: &DescribeClusterRequest, view: View<'_>) -> DescribeClusterResponse {
    match request.endpoint_type {
        BROKERS => {}
        CONTROLLERS => {
            let message =
                "The request was sent to an endpoint of type BROKER, but we wanted an endpoint of type CONTROLLER";
            return refused(ApiError::new(ErrorCode::MismatchedEndpointType, message));
        }
        other => {
            let message = format!("Unsupported endpoint type {other}");
            return refused(ApiError::new(ErrorCode::UnsupportedEndpointType, message));
        }
    }
    let shown = view.image.brokers.iter().filter(|(_, broker)| request.include_fenced_brokers || !broker.is_fenced);
    let brokers: Vec<_> = shown
        .filter_map(|(id, broker)| {
            let endpoint = endpoint(broker, view)?;
            Some(DescribeClusterBroker {
                broker_id: id.0,
                host: Str::from(endpoint.host.as_str()),
                port: i32::from(endpoint.port),
                rack: broker.rack.as_deref().map(Str::from),
                is_fenced: broker.is_fenced,
                ..Default::default()
            })
        })
        .collect();
    DescribeClusterResponse {
        cluster_id: Str::from(view.image.cluster_id.as_str()),
        controller_id: controller_id(view.image),
        brokers,
        cluster_authorized_operations: authorized::if_asked(
            request.include_cluster_authorized_operations,
            authorized::CLUSTER,
        ),
        ..Default::default()
    }
}

fn refused(error: ApiError) -> DescribeClusterResponse {
    DescribeClusterResponse { error_code: error.code.number(), error_message: error.message(), ..Default::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::testing::Cluster;
    use crate::metadata::BrokerRegistration;
    use crate::types::NodeId;

    fn ask(endpoint_type: i8, include_fenced_brokers: bool) -> DescribeClusterResponse {
        let mut cluster = Cluster::new();
        let fenced = BrokerRegistration { is_fenced: true, ..cluster.image.brokers[&NodeId(1)].clone() };
        cluster.image.brokers.insert(NodeId(2), fenced);
        let other_listener = BrokerRegistration::default();
        cluster.image.brokers.insert(NodeId(3), other_listener);
        let request = DescribeClusterRequest { endpoint_type, include_fenced_brokers, ..Default::default() };
        handle(&request, cluster.view())
    }

    #[test]
    fn brokers_are_told_by_the_address_of_the_clients_own_listener() {
        let answer = ask(1, false);
        assert_eq!((&*answer.cluster_id, answer.controller_id), ("cluster", 1));
        assert_eq!(answer.brokers.len(), 1);
        assert_eq!((&*answer.brokers[0].host, answer.brokers[0].port), ("broker.example", 9092));
        assert_eq!(answer.cluster_authorized_operations, i32::MIN, "not asked for");
    }

    #[test]
    fn fenced_brokers_are_told_on_request() {
        let answer = ask(1, true);
        let brokers: Vec<_> = answer.brokers.iter().map(|broker| (broker.broker_id, broker.is_fenced)).collect();
        assert_eq!(brokers, [(1, false), (2, true)]);
    }

    #[test]
    fn a_broker_does_not_tell_about_controllers() {
        assert_eq!(ask(2, false).error_code, ErrorCode::MismatchedEndpointType.number());
        assert_eq!(ask(3, false).error_code, ErrorCode::UnsupportedEndpointType.number());
        assert_eq!(&*ask(3, false).error_message.expect("a message"), "Unsupported endpoint type 3");
    }
}
