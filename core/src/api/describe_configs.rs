//! DescribeConfigs: settings of topics, groups, subscriptions of clients' metrics and this broker, and where each comes
//! from.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::{ApiError, View, resource_type, topic_name};
use crate::config::{Config, Described, ResourceKind};
use crate::error_code::ErrorCode;
use crate::metadata::ConfigResource;
use crate::wire::Str;
use crate::wire::messages::describe_configs::{
    DescribeConfigsRequest, DescribeConfigsResource, DescribeConfigsResourceResult, DescribeConfigsResponse,
    DescribeConfigsResult, DescribeConfigsSynonym,
};

/// Answers in any served version; refusals are told resource by resource.
#[must_use]
pub fn handle(request: &DescribeConfigsRequest, view: View<'_>) -> DescribeConfigsResponse {
    let result = |resource: &DescribeConfigsResource| {
        let (error, configs) = match describe(resource, view) {
            Ok(configs) => (ApiError::new(ErrorCode::None, ""), shown(configs, resource, request)),
            Err(error) => (error, Vec::new()),
        };
        DescribeConfigsResult {
            error_code: error.code.number(),
            error_message: error.message(),
            resource_type: resource.resource_type,
            resource_name: resource.resource_name.clone(),
            configs,
            ..Default::default()
        }
    };
    DescribeConfigsResponse { results: request.resources.iter().map(result).collect(), ..Default::default() }
}

fn describe(resource: &DescribeConfigsResource, view: View<'_>) -> Result<Vec<Described>, ApiError> {
    let (name, config) = (&*resource.resource_name, view.config);
    match resource.resource_type {
        resource_type::TOPIC => {
            topic_name::validate(name).map_err(|fault| ApiError::new(ErrorCode::InvalidTopicException, fault))?;
            if view.image.topic(name).is_none() {
                return Err(ApiError::new(ErrorCode::UnknownTopicOrPartition, ""));
            }
            Ok(describe_own(ResourceKind::Topic, &ConfigResource::Topic(name.into()), view))
        }
        resource_type::BROKER if name.is_empty() => Ok(config.describe_all_brokers()),
        resource_type::BROKER => {
            check_broker(name, config, " or empty string,")?;
            Ok(config.describe_broker())
        }
        // There are no levels of logging by class, as Kafka has them.
        resource_type::BROKER_LOGGER if name.is_empty() => Err(invalid("Broker id must not be empty")),
        resource_type::BROKER_LOGGER => {
            check_broker(name, config, "")?;
            Ok(Vec::new())
        }
        resource_type::CLIENT_METRICS if name.is_empty() => {
            Err(invalid("Client metrics subscription name must not be empty"))
        }
        resource_type::CLIENT_METRICS => {
            Ok(describe_own(ResourceKind::ClientMetrics, &ConfigResource::ClientMetrics(name.into()), view))
        }
        resource_type::GROUP if name.is_empty() => Err(invalid("Group name must not be empty")),
        resource_type::GROUP => Ok(describe_own(ResourceKind::Group, &ConfigResource::Group(name.into()), view)),
        other => Err(invalid(format!("Unsupported resource type: {other}"))),
    }
}

fn describe_own(kind: ResourceKind, resource: &ConfigResource, view: View<'_>) -> Vec<Described> {
    let nothing = BTreeMap::new();
    view.config.describe_resource(kind, view.image.configs.get(resource).unwrap_or(&nothing))
}

fn check_broker(name: &str, config: &Config, or: &str) -> Result<(), ApiError> {
    let Ok(id) = name.parse::<i32>() else {
        return Err(invalid(format!("Broker id must be an integer, but it is: {name}")));
    };
    if id == config.node_id.0 {
        return Ok(());
    }
    Err(invalid(format!("Unexpected broker id, expected {}{or} but received {name}", config.node_id)))
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::InvalidRequest, message)
}

/// Those that were asked for by name; null and no names at all stand for all.
fn shown(
    configs: Vec<Described>,
    resource: &DescribeConfigsResource,
    request: &DescribeConfigsRequest,
) -> Vec<DescribeConfigsResourceResult> {
    let keys = resource.configuration_keys.as_deref().unwrap_or_default();
    let is_wanted = |described: &Described| keys.is_empty() || keys.iter().any(|key| **key == *described.name);
    configs.into_iter().filter(is_wanted).map(|described| show(described, request)).collect()
}

fn show(described: Described, request: &DescribeConfigsRequest) -> DescribeConfigsResourceResult {
    let synonym = |synonym: crate::config::Synonym| DescribeConfigsSynonym {
        name: synonym.name.into(),
        value: synonym.value.map(Str::from),
        source: synonym.origin as i8,
        ..Default::default()
    };
    let synonyms = if request.include_synonyms { described.synonyms } else { Vec::new() };
    let is_documented =
        |definition: &&crate::config::Definition| request.include_documentation && definition.name == described.name;
    DescribeConfigsResourceResult {
        documentation: described.definition.filter(is_documented).map(|definition| definition.documentation().into()),
        name: described.name.into(),
        value: described.value.map(Str::from),
        read_only: described.is_read_only,
        config_source: described.origin as i8,
        is_sensitive: described.is_sensitive,
        synonyms: synonyms.into_iter().map(synonym).collect(),
        config_type: described.config_type.map_or(0, |config_type| config_type as i8),
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::api::testing::Cluster;

    fn cluster() -> Cluster {
        let mut cluster = Cluster::with(&[("log.segment.bytes", "2097152"), ("ssl.key.password", "hush")]);
        cluster.add("a", 5, 1);
        cluster.set(ConfigResource::Topic("a".into()), "retention.ms", "1000");
        cluster.set(ConfigResource::Broker(None), "min.insync.replicas", "1");
        cluster
    }

    fn ask(resource_type: i8, name: &str, keys: Option<&[&str]>) -> DescribeConfigsResult {
        let resource = DescribeConfigsResource {
            resource_type,
            resource_name: name.into(),
            configuration_keys: keys.map(|keys| keys.iter().map(|key| Str::from(*key)).collect()),
            ..Default::default()
        };
        let request = DescribeConfigsRequest {
            resources: vec![resource],
            include_synonyms: true,
            include_documentation: true,
            ..Default::default()
        };
        handle(&request, cluster().view()).results.remove(0)
    }

    fn values(result: &DescribeConfigsResult) -> Vec<(&str, Option<&str>, i8)> {
        let configs = result.configs.iter();
        configs.map(|config| (&*config.name, config.value.as_deref(), config.config_source)).collect()
    }

    #[test]
    fn a_topics_configs_are_its_own_the_brokers_and_the_defaults() {
        let keys = ["retention.ms", "segment.bytes", "nonsense", "min.insync.replicas", "segment.ms"];
        let result = ask(resource_type::TOPIC, "a", Some(&keys));
        assert_eq!((result.error_code, result.error_message.as_deref()), (0, Some("")));
        assert_eq!(
            values(&result),
            [
                ("min.insync.replicas", Some("1"), 3),
                ("retention.ms", Some("1000"), 1),
                ("segment.bytes", Some("2097152"), 4),
                ("segment.ms", Some("604800000"), 5),
            ]
        );
        let segment = &result.configs[2];
        let synonyms: Vec<_> = segment.synonyms.iter().map(|s| (&*s.name, s.value.as_deref(), s.source)).collect();
        assert_eq!(synonyms, [("log.segment.bytes", Some("2097152"), 4), ("log.segment.bytes", Some("1073741824"), 5)]);
        assert_eq!((segment.config_type, segment.read_only), (3, false));
        assert!(segment.documentation.as_deref().is_some_and(|text| text.ends_with('.')));
    }

    #[test]
    fn no_names_stand_for_all() {
        assert_eq!(ask(resource_type::TOPIC, "a", None).configs.len(), 33);
        assert_eq!(ask(resource_type::TOPIC, "a", Some(&[])).configs.len(), 33);
    }

    #[test]
    fn a_brokers_secrets_are_not_shown() {
        let result = ask(resource_type::BROKER, "1", Some(&["ssl.key.password"]));
        let password = &result.configs[0];
        assert_eq!((password.value.as_deref(), password.is_sensitive, password.config_type), (None, true, 9));
        assert_eq!((&*password.synonyms[0].name, password.synonyms[0].value.as_deref()), ("ssl.key.password", None));
    }

    #[test]
    fn without_an_id_only_what_was_set_for_all_brokers_is_shown() {
        let result = ask(resource_type::BROKER, "", None);
        assert_eq!(values(&result), [("min.insync.replicas", Some("1"), 3)]);
        assert_eq!(result.configs[0].synonyms.len(), 1);
    }

    #[test]
    fn groups_and_subscriptions_have_configs_whether_they_exist_or_not() {
        let keys = ["consumer.session.timeout.ms", "share.isolation.level"];
        let group = ask(resource_type::GROUP, "nobody", Some(&keys));
        let expected =
            [("consumer.session.timeout.ms", Some("45000"), 5), ("share.isolation.level", Some("read_uncommitted"), 5)];
        assert_eq!(values(&group), expected);
        let synonyms = group.configs.iter().map(|config| &*config.synonyms[0].name);
        assert!(synonyms.eq(["group.consumer.session.timeout.ms", "share.isolation.level"]));
        let metrics = ask(resource_type::CLIENT_METRICS, "none", None);
        let expected = [("interval.ms", Some("300000"), 5), ("match", Some(""), 5), ("metrics", Some(""), 5)];
        assert_eq!(values(&metrics), expected);
        assert_eq!(metrics.configs[0].synonyms, []);
    }

    #[test]
    fn unknown_resources_are_refused() {
        for (resource_type, name, code, message) in [
            (resource_type::TOPIC, "nope", 3, ""),
            (resource_type::TOPIC, "..", 17, "Topic name is invalid: '..' is not allowed"),
            (resource_type::BROKER, "7", 42, "Unexpected broker id, expected 1 or empty string, but received 7"),
            (resource_type::BROKER, "x", 42, "Broker id must be an integer, but it is: x"),
            (resource_type::BROKER_LOGGER, "", 42, "Broker id must not be empty"),
            (resource_type::BROKER_LOGGER, "7", 42, "Unexpected broker id, expected 1 but received 7"),
            (resource_type::GROUP, "", 42, "Group name must not be empty"),
            (resource_type::CLIENT_METRICS, "", 42, "Client metrics subscription name must not be empty"),
            (3, "g", 42, "Unsupported resource type: 3"),
        ] {
            let result = ask(resource_type, name, None);
            assert_eq!((result.error_code, result.error_message.as_deref()), (code, Some(message)));
        }
    }
}
