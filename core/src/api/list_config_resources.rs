//! ListConfigResources: what has configs, by kind (KIP-1142). Version 0 is that of KIP-714 and knows only subscriptions of
//! clients' metrics.

use alloc::string::ToString;
use alloc::vec::Vec;

use super::{View, cluster, resource_type};
use crate::error_code::ErrorCode;
use crate::metadata::ConfigResource as Resource;
use crate::wire::Str;
use crate::wire::messages::list_config_resources::{
    ConfigResource, ListConfigResourcesRequest, ListConfigResourcesResponse,
};

/// In the order in which Kafka lists them.
const KINDS: [i8; 5] = [
    resource_type::GROUP,
    resource_type::CLIENT_METRICS,
    resource_type::BROKER_LOGGER,
    resource_type::BROKER,
    resource_type::TOPIC,
];

/// Answers in any served version.
#[must_use]
pub fn handle(request: &ListConfigResourcesRequest, version: i16, view: View<'_>) -> ListConfigResourcesResponse {
    let known: &[i8] = if version == 0 { &[resource_type::CLIENT_METRICS] } else { &KINDS };
    let asked = &request.resource_types;
    if asked.iter().any(|kind| !known.contains(kind)) {
        let error_code = ErrorCode::UnsupportedVersion.number();
        return ListConfigResourcesResponse { error_code, ..Default::default() };
    }
    let wanted = known.iter().filter(|kind| asked.is_empty() || asked.contains(kind));
    let config_resources = wanted.flat_map(|kind| resources(*kind, view)).collect();
    ListConfigResourcesResponse { config_resources, ..Default::default() }
}

fn resources(kind: i8, view: View<'_>) -> Vec<ConfigResource> {
    let listed = |resource_name: Str| ConfigResource { resource_name, resource_type: kind, ..Default::default() };
    names(kind, view).into_iter().map(listed).collect()
}

/// Topics and brokers are there whether they have configs or not; the others only by having some.
fn names(kind: i8, view: View<'_>) -> Vec<Str> {
    let with_configs = view.image.configs.keys();
    match kind {
        resource_type::TOPIC => view.image.topic_ids.keys().map(|name| Str::from(&**name)).collect(),
        resource_type::GROUP => with_configs
            .filter_map(|resource| match resource {
                Resource::Group(name) => Some(Str::from(&**name)),
                _ => None,
            })
            .collect(),
        resource_type::CLIENT_METRICS => with_configs
            .filter_map(|resource| match resource {
                Resource::ClientMetrics(name) => Some(Str::from(&**name)),
                _ => None,
            })
            .collect(),
        _ => {
            let brokers = view.image.brokers.iter();
            let alive = brokers.filter(|(_, broker)| !broker.is_fenced && cluster::endpoint(broker, view).is_some());
            alive.map(|(id, _)| Str::from(id.to_string())).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::api::testing::Cluster;

    fn list(version: i16, resource_types: Vec<i8>) -> (i16, Vec<(i8, Str)>) {
        let mut cluster = Cluster::new();
        cluster.add("letters", 5, 1);
        cluster.set(Resource::Group("readers".into()), "share.isolation.level", "read_committed");
        cluster.set(Resource::ClientMetrics("all".into()), "metrics", "*");
        let request = ListConfigResourcesRequest { resource_types, ..Default::default() };
        let response = handle(&request, version, cluster.view());
        let pair = |resource: ConfigResource| (resource.resource_type, resource.resource_name);
        (response.error_code, response.config_resources.into_iter().map(pair).collect())
    }

    #[test]
    fn every_kind_of_resource_is_listed() {
        let all = [(32, "readers"), (16, "all"), (8, "1"), (4, "1"), (2, "letters")];
        assert_eq!(list(1, Vec::new()), (0, all.map(|(kind, name)| (kind, name.into())).to_vec()));
        assert_eq!(list(1, vec![2]), (0, vec![(2, "letters".into())]));
    }

    #[test]
    fn version_0_knows_only_clients_metrics() {
        assert_eq!(list(0, Vec::new()), (0, vec![(16, "all".into())]));
    }

    #[test]
    fn a_kind_that_is_not_known_is_refused() {
        assert_eq!(list(1, vec![2, 3]), (35, Vec::new()));
    }
}
