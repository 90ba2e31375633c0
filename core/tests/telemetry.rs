//! Clients that push their metrics all the same: nobody takes them, and each is answered as Apache Kafka 4.3.1 answers. The numbers
//! are those that it answered.

mod world;

use bytes::Bytes;
use ottla_core::boundary::{ConnId, Input};
use ottla_core::records::{Compression, compress};
use ottla_core::wire::messages::api_versions::{ApiVersionsRequest, ApiVersionsResponse};
use ottla_core::wire::messages::get_telemetry_subscriptions::{
    GetTelemetrySubscriptionsRequest, GetTelemetrySubscriptionsResponse,
};
use ottla_core::wire::messages::incremental_alter_configs::{
    AlterConfigsResource, AlterableConfig, IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse,
};
use ottla_core::wire::messages::push_telemetry::{PushTelemetryRequest, PushTelemetryResponse};
use ottla_core::wire::{Slice, Str, Uuid};
use world::{CLIENT, World};

const INVALID_REQUEST: i16 = 42;
const UNSUPPORTED_COMPRESSION_TYPE: i16 = 76;
const INVALID_RECORD: i16 = 87;
const THROTTLING_QUOTA_EXCEEDED: i16 = 89;
const UNKNOWN_SUBSCRIPTION_ID: i16 = 117;
const TELEMETRY_TOO_LARGE: i16 = 118;

const ME: Uuid = Uuid(20);
const INTERVAL_MS: i64 = 300_000;
const MAX_BYTES: usize = 1 << 20;

fn ask(world: &mut World, id: Uuid) -> GetTelemetrySubscriptionsResponse {
    world.call(0, &GetTelemetrySubscriptionsRequest { client_instance_id: id, ..Default::default() })
}

fn push(world: &mut World, request: PushTelemetryRequest) -> i16 {
    world.call::<_, PushTelemetryResponse>(0, &request).error_code
}

fn in_order(world: &mut World, id: Uuid) -> PushTelemetryRequest {
    let subscription_id = ask(world, id).subscription_id;
    PushTelemetryRequest { client_instance_id: id, subscription_id, ..Default::default() }
}

/// What of a subscription is set; an empty value takes it away.
fn configure(world: &mut World, name: &str, configs: &[(&str, &str)]) {
    let config = |(key, value): &(&str, &str)| AlterableConfig {
        name: (*key).into(),
        config_operation: i8::from(value.is_empty()),
        value: Some((*value).into()),
        ..Default::default()
    };
    let resource = AlterConfigsResource {
        resource_type: 16,
        resource_name: name.into(),
        configs: configs.iter().map(config).collect(),
        ..Default::default()
    };
    let request = IncrementalAlterConfigsRequest { resources: vec![resource], ..Default::default() };
    let answer: IncrementalAlterConfigsResponse = world.call(1, &request);
    assert_eq!(answer.responses[0].error_code, 0, "{answer:?}");
}

#[test]
fn the_calls_are_served_and_not_advertised() {
    let mut world = World::new(&[]);
    let answer: ApiVersionsResponse = world.call(0, &ApiVersionsRequest::default());
    assert!(answer.api_keys.iter().all(|api| ![71, 72].contains(&api.api_key)));
    let asked = ask(&mut world, Uuid::ZERO);
    assert_eq!((asked.error_code, asked.push_interval_ms, asked.telemetry_max_bytes), (0, 300_000, 1 << 20));
    assert_eq!(asked.accepted_compression_types, [4, 3, 1, 2]);
    assert!(asked.requested_metrics.is_empty() && asked.delta_temporality);
    assert_ne!(asked.client_instance_id, Uuid::ZERO, "it is given one");
}

#[test]
fn a_client_asks_once_in_an_interval() {
    let mut world = World::new(&[]);
    let asked = ask(&mut world, ME);
    assert_eq!((asked.client_instance_id, asked.subscription_id.cast_unsigned()), (ME, 0xd4c7_5bca));
    world.pass_ms(INTERVAL_MS - 1);
    let early = ask(&mut world, ME);
    let nothing = GetTelemetrySubscriptionsResponse { error_code: THROTTLING_QUOTA_EXCEEDED, ..Default::default() };
    assert_eq!(early, nothing);
    world.pass_ms(1);
    assert_eq!(ask(&mut world, ME).error_code, 0);
}

#[test]
fn a_client_pushes_once_after_it_has_asked_and_then_once_in_an_interval() {
    let mut world = World::new(&[]);
    let request = in_order(&mut world, ME);
    assert_eq!(push(&mut world, request.clone()), 0);
    assert_eq!(push(&mut world, request.clone()), THROTTLING_QUOTA_EXCEEDED);
    world.pass_ms(INTERVAL_MS);
    assert_eq!(push(&mut world, request.clone()), 0);
    let last = PushTelemetryRequest { terminating: true, ..request.clone() };
    assert_eq!(push(&mut world, last), 0, "before its end it does not wait");
    assert_eq!(push(&mut world, request.clone()), INVALID_REQUEST, "it had ended");
    assert_eq!(push(&mut world, request), THROTTLING_QUOTA_EXCEEDED);
}

#[test]
fn a_client_whose_push_was_for_something_else_asks_at_once_and_once() {
    let mut world = World::new(&[]);
    let request = in_order(&mut world, ME);
    assert_eq!(push(&mut world, PushTelemetryRequest { subscription_id: 7, ..request }), UNKNOWN_SUBSCRIPTION_ID);
    assert_eq!(ask(&mut world, ME).error_code, 0);
    assert_eq!(ask(&mut world, ME).error_code, THROTTLING_QUOTA_EXCEEDED);
    for compression_type in [5, -1] {
        let id = Uuid(100 + u128::from(compression_type == 5));
        let request = in_order(&mut world, id);
        let odd = PushTelemetryRequest { compression_type, ..request };
        assert_eq!(push(&mut world, odd), UNSUPPORTED_COMPRESSION_TYPE);
        assert_eq!(ask(&mut world, id).error_code, 0);
    }
}

#[test]
fn ids_that_mean_something_else_push_nothing() {
    let mut world = World::new(&[]);
    for id in [Uuid::ZERO, Uuid::METADATA_TOPIC] {
        let request = PushTelemetryRequest { client_instance_id: id, ..Default::default() };
        assert_eq!(push(&mut world, request), INVALID_REQUEST);
    }
}

#[test]
fn metrics_are_read_and_have_a_limit_before_and_after_decompression() {
    let mut world = World::new(&[]);
    let gzip = |data: &[u8]| compress(Compression::Gzip, None, data);
    let cut = gzip(b"abc").split_last_chunk::<4>().map(|(head, _)| head.to_vec()).unwrap_or_default();
    let cases = [
        (0, b"abcd".to_vec(), 0),
        (0, vec![0; MAX_BYTES], 0),
        (0, vec![0; MAX_BYTES + 1], TELEMETRY_TOO_LARGE),
        (1, Vec::new(), 0),
        (1, gzip(b"abc"), 0),
        (1, gzip(&vec![0; MAX_BYTES]), 0),
        (1, gzip(&vec![0; MAX_BYTES + 1]), INVALID_RECORD),
        (1, cut, INVALID_RECORD),
        (1, b"abcd".to_vec(), INVALID_RECORD),
        (2, b"\x03\x08abc".to_vec(), 0),
        (2, b"abcd".to_vec(), INVALID_RECORD),
        (3, b"abcdefgh".to_vec(), INVALID_RECORD),
        (3, b"ab".to_vec(), INVALID_RECORD),
        (4, b"\x28\xb5\x2f\xfd\x20\x03\x19\0\0abc".to_vec(), 0),
        (4, b"\x28\xb5\x2f\xfd\x20\x03\x19\0\0ab".to_vec(), INVALID_RECORD),
        (4, b"a".to_vec(), INVALID_RECORD),
    ];
    for (number, (compression_type, metrics, expected)) in cases.into_iter().enumerate() {
        let request = in_order(&mut world, Uuid(100 + number as u128));
        let request = PushTelemetryRequest { compression_type, metrics: Slice::from(Bytes::from(metrics)), ..request };
        assert_eq!(push(&mut world, request), expected, "case {number}");
    }
}

#[test]
fn a_client_is_asked_for_what_is_set_and_told_at_once_when_that_changes() {
    let mut world = World::new(&[]);
    assert!(ask(&mut world, ME).requested_metrics.is_empty());
    configure(&mut world, "one", &[("metrics", "zeta,alpha"), ("interval.ms", "1000"), ("match", "client_id=te.t")]);
    let request = in_order(&mut world, ME);
    configure(&mut world, "other", &[("metrics", "beta"), ("interval.ms", "200"), ("match", "client_id=other")]);
    assert_eq!(push(&mut world, request), 0, "what is for others is nothing to it");
    configure(&mut world, "third", &[("metrics", "*")]);
    let asked = ask(&mut world, ME);
    assert_eq!((&*asked.requested_metrics, asked.push_interval_ms), (&["*".into()][..], 1000));
    configure(&mut world, "third", &[("metrics", "")]);
    configure(&mut world, "one", &[("metrics", ""), ("interval.ms", ""), ("match", "")]);
    assert!(ask(&mut world, ME).requested_metrics.is_empty());
}

#[test]
fn clients_are_told_apart_by_what_their_software_calls_itself() {
    let mut world = World::new(&[]);
    configure(&mut world, "one", &[("metrics", "alpha"), ("match", "client_software_name=raw")]);
    assert!(ask(&mut world, ME).requested_metrics.is_empty());
    let (client_software_name, client_software_version) = ("raw".into(), "1.0".into());
    let hello = ApiVersionsRequest { client_software_name, client_software_version, ..Default::default() };
    world.call::<_, ApiVersionsResponse>(3, &hello);
    assert_eq!(ask(&mut world, Uuid(21)).requested_metrics, [Str::from("alpha")]);
}

#[test]
fn a_client_is_forgotten_with_its_connection() {
    let mut world = World::new(&[]);
    let other = ConnId(9);
    world.open(other);
    let request = GetTelemetrySubscriptionsRequest { client_instance_id: ME, ..Default::default() };
    world.send_from(other, 0, &request);
    assert_eq!(ask(&mut world, ME).error_code, THROTTLING_QUOTA_EXCEEDED);
    world.handle(Input::Closed { conn: CLIENT });
    world.open(CLIENT);
    assert_eq!(ask(&mut world, ME).error_code, THROTTLING_QUOTA_EXCEEDED, "it was not first seen there");
    world.handle(Input::Closed { conn: other });
    assert_eq!(ask(&mut world, ME).error_code, 0);
}
