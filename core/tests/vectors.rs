//! Apache Kafka's own bytes: random instances of every message, serialised by Apache Kafka 4.3.1. Each must decode, and
//! encode to the same bytes again; each field must have Kafka's name and the value that Kafka gave it. `OTTLA_VECTORS` may
//! name a directory with other vectors than the committed ones.

mod support;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use ottla_core::wire::messages::REGISTRY;
use ottla_core::wire::{AnnotatedValue, DecodeFault, MessageKind};
use serde_json::Value;
use support::{Known, known_vectors, other_vectors, vectors};

#[test]
fn vectors_survive_the_way_in_and_out() {
    for Known { message, vector } in known_vectors() {
        let again = message.roundtrip(vector.bytes.clone(), vector.version);
        assert_eq!(again.as_ref(), Ok(&vector.bytes), "{vector}");
    }
}

/// Nothing is converted or left out on either side. Kafka's JSON shows no bytes of record sets, and so leaves them to the
/// test above: they are empty strings.
#[test]
fn vectors_have_the_names_and_values_that_kafka_gave_their_fields() {
    for Known { message, vector } in known_vectors() {
        let json = message.json(vector.bytes.clone(), vector.version).map(|json| json.to_string());
        let json = json.unwrap_or_else(|error| panic!("{error}: {vector}"));
        let json: Value = serde_json::from_str(&json).unwrap_or_else(|error| panic!("{error}: {json}"));
        assert_eq!(json, vector.json, "{vector}");
    }
}

#[test]
fn vectors_are_annotated_on_every_byte_once_and_in_order() {
    for Known { message, vector } in known_vectors() {
        let mut covered = 0;
        for field in message.annotate(vector.bytes.clone(), vector.version).fields {
            assert_eq!(field.from, covered, "{} of {vector}", field.path);
            covered = field.to;
        }
        assert_eq!(covered, vector.bytes.len(), "{vector}");
    }
}

#[test]
fn vectors_are_of_messages_and_versions_that_we_know() {
    let mut unknown = BTreeSet::new();
    for vector in vectors() {
        if vector.message.is_none_or(|message| !message.versions.contains(&vector.version)) {
            unknown.insert((&vector.name, vector.version));
        }
    }
    assert!(unknown.is_empty(), "{unknown:?}");
}

#[test]
fn vectors_agree_with_the_registry() {
    let mut versions = BTreeMap::<&str, BTreeSet<i16>>::new();
    for Known { message, vector } in known_vectors() {
        versions.entry(message.name).or_default().insert(vector.version);
        assert_eq!(vector.flexible, vector.version >= message.flexible_from, "{vector}");
        assert_eq!(vector.key.unwrap_or(-1), message.key, "{vector}");
    }
    println!("{} vectors of {} messages in {} versions", vectors().len(), versions.len(), count(&versions));
    if other_vectors().is_none() {
        assert_eq!(vectors().len(), 4368);
        let is_shown = |name: &str, version: &i16| versions.get(name).is_some_and(|shown| shown.contains(version));
        let ours = REGISTRY.iter().flat_map(|it| it.versions.clone().map(|version| (it.name, version)));
        let unproved: Vec<_> = ours.filter(|(name, version)| !is_shown(name, version)).collect();
        assert!(unproved.is_empty(), "no vector of {unproved:?}");
    }
}

fn count(versions: &BTreeMap<&str, BTreeSet<i16>>) -> usize {
    versions.values().map(BTreeSet::len).sum()
}

#[test]
fn vectors_cut_anywhere_are_refused_at_a_place_within_them() {
    for Known { message, vector } in known_vectors() {
        for cut in 0..vector.bytes.len() {
            let error = message.roundtrip(vector.bytes.slice(..cut), vector.version).expect_err("a cut message");
            assert!(error.at() <= cut, "{error} in {cut} bytes of {vector}");
        }
    }
}

#[test]
fn vectors_with_a_byte_too_many_are_refused() {
    for Known { message, vector } in known_vectors() {
        let mut longer = vector.bytes.to_vec();
        longer.push(0);
        let error = message.roundtrip(longer.into(), vector.version).expect_err("a byte too many");
        assert_eq!(error.fault(), &DecodeFault::Trailing(1), "{vector}");
    }
}

#[test]
fn vectors_keep_tagged_fields_that_we_do_not_know() {
    let mut checked = 0;
    for Known { message, vector } in known_vectors() {
        // Where the section that ends a flexible message is empty, put two tags into it that nobody has.
        let last = message.annotate(vector.bytes.clone(), vector.version).fields.pop();
        if last.is_some_and(|last| last.depth == 0 && last.value == AnnotatedValue::TaggedFields(0)) {
            let mut bytes = vector.bytes[..vector.bytes.len() - 1].to_vec();
            bytes.extend_from_slice(&[2, 0xe8, 7, 0, 0xe9, 7, 3, 1, 2, 3]);
            let bytes = Bytes::from(bytes);
            assert_eq!(message.roundtrip(bytes.clone(), vector.version), Ok(bytes), "{vector}");
            checked += 1;
        }
    }
    assert!(checked > 2000 || other_vectors().is_some(), "only {checked} vectors");
}

#[test]
fn versions_beyond_those_of_kafka_are_refused() {
    for message in REGISTRY {
        for version in [message.versions.start() - 1, message.versions.end() + 1] {
            let error = message.roundtrip(Bytes::new(), version).expect_err("a version that does not exist");
            assert_eq!(error.fault(), &DecodeFault::Version(version));
        }
    }
}

#[test]
fn only_the_versions_that_kafka_has_released_are_stable() {
    let mut unstable = REGISTRY.iter().filter(|message| message.stable_versions != message.versions);
    assert!(unstable.by_ref().map(|message| message.name).eq(["InitProducerIdRequest", "InitProducerIdResponse"]));
    for message in REGISTRY.iter().filter(|message| message.kind == MessageKind::Request) {
        assert!(message.stable_versions.end() >= message.stable_versions.start());
    }
}
