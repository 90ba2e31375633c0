//! Quotas that are asked for, in the words of Apache Kafka 4.3.1, whose answers these are.

use alloc::vec;

use super::*;
use crate::api::describe_client_quotas;
use crate::api::testing::Cluster;
use crate::wire::messages::alter_client_quotas::EntryData;
use crate::wire::messages::describe_client_quotas::{
    ComponentData, DescribeClientQuotasRequest, DescribeClientQuotasResponse,
};

type Part<'a> = (&'a str, Option<&'a str>);

fn entity(parts: &[Part<'_>]) -> Vec<EntityData> {
    let part = |(entity_type, name): &Part<'_>| EntityData {
        entity_type: Str::from(*entity_type),
        entity_name: name.map(Str::from),
        ..Default::default()
    };
    parts.iter().map(part).collect()
}

fn entry(parts: &[Part<'_>], ops: &[(&str, f64)]) -> EntryData {
    // A value below zero stands for a removal.
    let op = |(key, value): &(&str, f64)| OpData {
        key: Str::from(*key),
        value: *value,
        remove: *value == f64::NEG_INFINITY,
        ..Default::default()
    };
    EntryData { entity: entity(parts), ops: ops.iter().map(op).collect(), ..Default::default() }
}

const REMOVE: f64 = f64::NEG_INFINITY;

fn ask(cluster: &Cluster, entries: Vec<EntryData>) -> Change<AlterClientQuotasResponse> {
    handle(&AlterClientQuotasRequest { entries, ..Default::default() }, cluster.view())
}

/// Changes quotas and has the records applied.
fn alter(cluster: &mut Cluster, parts: &[Part<'_>], ops: &[(&str, f64)]) {
    let change = ask(cluster, vec![entry(parts, ops)]);
    assert_eq!(change.response.entries[0].error_code, 0, "{:?}", change.response);
    for record in &change.records {
        cluster.image.apply(record, &mut Default::default()).expect("a good record");
    }
}

fn refusal(cluster: &Cluster, entries: Vec<EntryData>) -> String {
    let change = ask(cluster, entries);
    assert_eq!((change.records.len(), change.response.entries.len()), (0, 1));
    let told = &change.response.entries[0];
    assert_eq!(told.error_code, ErrorCode::InvalidRequest.number());
    told.error_message.as_deref().expect("a refusal says why").into()
}

#[test]
fn a_refusal_says_why_in_kafkas_words() {
    let cluster = Cluster::new();
    let user = [("user", Some("a"))];
    let ip = [("ip", Some("1.2.3.4"))];
    let rate = "producer_byte_rate";
    let cases: [(&[Part<'_>], &str, f64, &str); 15] = [
        (&[], rate, 1.0, "Invalid empty client quota entity"),
        (&user, rate, 1000.5, "producer_byte_rate cannot be a fractional value."),
        (&user, rate, 0.0, "Quota producer_byte_rate must be greater than 0"),
        (&user, rate, -1.0, "Quota producer_byte_rate must be greater than 0"),
        (&user, rate, 1e30, "Proposed value for producer_byte_rate is too large for a LONG."),
        (&user, "foo", 1.0, "Invalid configuration key foo"),
        (&user, "SCRAM-SHA-256", 1.0, "Invalid configuration key SCRAM-SHA-256"),
        (&user, "connection_creation_rate", 1.0, "Invalid configuration key connection_creation_rate"),
        (&[("group", Some("a"))], rate, 1.0, "Unhandled client quota entity type: group"),
        (&[("user", Some(""))], rate, 1.0, "Empty user not supported"),
        (
            &[("ip", Some("1.2.3.4")), ("user", Some("a"))],
            rate,
            1.0,
            "Invalid quota entity combination, IP entity shouldnot be combined with User or ClientId",
        ),
        (
            &[("ip", Some("1.2.3.4.5"))],
            "connection_creation_rate",
            1.0,
            "1.2.3.4.5 is not a valid IP or resolvable host.",
        ),
        (&ip, "connection_creation_rate", 1.5, "connection_creation_rate cannot be a fractional value."),
        (&ip, "connection_creation_rate", 3e9, "Proposed value for connection_creation_rate is too large for an INT."),
        (&ip, rate, 1.0, "Invalid configuration key producer_byte_rate"),
    ];
    for (parts, key, value, why) in cases {
        assert_eq!(refusal(&cluster, vec![entry(parts, &[(key, value)])]), why);
    }
    let twice = "Ignoring duplicate entity ClientQuotaEntity(entries={user=a})";
    assert_eq!(refusal(&cluster, vec![entry(&user, &[(rate, 1.0), (rate, 2.0)])]), twice);
}

#[test]
fn each_entity_is_told_once_and_only_what_changes_is_written() {
    let mut cluster = Cluster::new();
    let user = [("user", Some("a"))];
    alter(&mut cluster, &user, &[("producer_byte_rate", 1000.0), ("request_percentage", 12.5)]);
    let again = ask(&cluster, vec![entry(&user, &[("producer_byte_rate", 1000.0), ("consumer_byte_rate", REMOVE)])]);
    assert_eq!((again.records.len(), again.response.entries[0].error_code), (0, 0));
    let unknown = ask(&cluster, vec![entry(&user, &[("foo", REMOVE)])]);
    assert_eq!(unknown.response.entries[0].error_code, 0, "what is not there can be removed, whatever it is");
    let b_counts =
        ask(&cluster, vec![entry(&[("user", Some("a")), ("user", Some("b"))], &[("producer_byte_rate", 1.0)])]);
    assert_eq!(b_counts.response.entries[0].entity, entity(&[("user", Some("b"))]));
    alter(&mut cluster, &user, &[("producer_byte_rate", REMOVE), ("request_percentage", REMOVE)]);
    assert!(cluster.image.client_quotas.is_empty());
}

#[test]
fn a_trial_changes_nothing() {
    let cluster = Cluster::new();
    let entries = vec![entry(&[("user", None)], &[("producer_byte_rate", 1.0)])];
    let request = AlterClientQuotasRequest { entries, validate_only: true, ..Default::default() };
    let change = handle(&request, cluster.view());
    assert_eq!((change.records.len(), change.response.entries[0].error_code), (0, 0));
}

fn component(entity_type: &str, match_type: i8, name: Option<&str>) -> ComponentData {
    ComponentData { entity_type: entity_type.into(), match_type, r#match: name.map(Str::from), ..Default::default() }
}

fn describe(cluster: &Cluster, components: Vec<ComponentData>, strict: bool) -> DescribeClientQuotasResponse {
    let request = DescribeClientQuotasRequest { components, strict, ..Default::default() };
    describe_client_quotas::handle(&request, cluster.view())
}

/// The values of what matches, each of which is another.
fn matching(cluster: &Cluster, components: Vec<ComponentData>, strict: bool) -> Vec<i64> {
    let answer = describe(cluster, components, strict);
    assert_eq!((answer.error_code, answer.error_message.as_deref()), (0, Some("")));
    let entries = answer.entries.expect("no error");
    let mut values: Vec<_> = entries.iter().map(|entry| entry.values[0].value as i64).collect();
    values.sort_unstable();
    values
}

fn with_all_kinds() -> Cluster {
    let mut cluster = Cluster::new();
    let entities: [&[Part<'_>]; 7] = [
        &[("user", Some("a"))],
        &[("user", None)],
        &[("client-id", Some("x"))],
        &[("client-id", None)],
        &[("user", Some("a")), ("client-id", Some("x"))],
        &[("client-id", None), ("user", Some("a"))],
        &[("user", None), ("client-id", None)],
    ];
    for (number, parts) in (1..).zip(entities) {
        alter(&mut cluster, parts, &[("producer_byte_rate", f64::from(number))]);
    }
    alter(&mut cluster, &[("ip", Some("10.1.1.1"))], &[("connection_creation_rate", 8.0)]);
    alter(&mut cluster, &[("ip", None)], &[("connection_creation_rate", 9.0)]);
    cluster
}

#[test]
fn a_filter_lets_through_names_defaults_or_any_and_strictly_nothing_more() {
    let cluster = with_all_kinds();
    let matching = |components: &[ComponentData], strict| matching(&cluster, components.to_vec(), strict);
    let (name, default, any) =
        (component("user", 0, Some("a")), component("user", 1, None), component("user", 2, None));
    let any_client = component("client-id", 2, None);
    assert_eq!(matching(&[], false).len(), 9);
    assert_eq!(matching(&[], true).len(), 9);
    assert_eq!(matching(core::slice::from_ref(&name), false), [1, 5, 6]);
    assert_eq!(matching(core::slice::from_ref(&name), true), [1]);
    assert_eq!(matching(core::slice::from_ref(&default), false), [2, 7]);
    assert_eq!(matching(&[default], true), [2]);
    assert_eq!(matching(core::slice::from_ref(&any), false), [1, 2, 5, 6, 7]);
    assert_eq!(matching(core::slice::from_ref(&any), true), [1, 2]);
    assert_eq!(matching(&[any, any_client], true), [5, 6, 7]);
    assert_eq!(matching(&[name, component("client-id", 1, None)], true), [6]);
    assert_eq!(matching(&[component("ip", 2, None)], true), [8, 9]);
}

#[test]
fn a_filter_that_makes_no_sense_is_refused_in_kafkas_words() {
    let cluster = Cluster::new();
    let any = |entity_type: &str| component(entity_type, 2, None);
    let cases: [(&[ComponentData], i16, &str); 8] = [
        (
            &[any("ip"), any("user")],
            42,
            "Invalid entity filter component combination. IP filter component should not be used with user or clientId \
            filter component.",
        ),
        (&[any("user"), any("user")], 42, "Entity type user cannot appear more than once in the filter."),
        (&[component("user", 3, None)], 42, "Unknown match type 3"),
        (&[component("user", 0, None)], 42, "Request specified MATCH_TYPE_EXACT, but set match string to null."),
        (
            &[component("user", 1, Some("a"))],
            42,
            "Request specified MATCH_TYPE_DEFAULT, but also specified a match string.",
        ),
        (
            &[component("user", 2, Some("a"))],
            42,
            "Request specified MATCH_TYPE_SPECIFIED, but also specified a match string.",
        ),
        (&[any("")], 42, "Invalid empty entity type."),
        (&[any("group")], 35, "Unsupported entity type group"),
    ];
    for (components, code, why) in cases {
        let answer = describe(&cluster, components.to_vec(), false);
        assert_eq!((answer.error_code, answer.error_message.as_deref()), (code, Some(why)));
        assert_eq!(answer.entries, None);
    }
}
