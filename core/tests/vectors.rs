//! Apache Kafka's own bytes: random instances of every message, serialised by Apache Kafka 4.3.1. Each must decode, and
//! encode to the same bytes again; each field must have Kafka's name and the value that Kafka gave it.

mod support;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use ottla_core::wire::messages::REGISTRY;
use ottla_core::wire::{AnnotatedValue, DecodeFault, MessageKind};
use serde_json::Value;
use support::{Known, known_vectors, vectors};

#[test]
fn every_vector_survives_the_way_in_and_out() {
    for Known { message, vector } in known_vectors() {
        let again = message.roundtrip(vector.bytes.clone(), vector.version);
        assert_eq!(again.as_ref(), Ok(&vector.bytes), "{vector}");
    }
}

/// Nothing is converted or left out on either side. Kafka's JSON shows no bytes of record sets, and so leaves them to the
/// test above: they are empty strings.
#[test]
fn every_field_has_the_name_and_value_that_kafka_gave_it() {
    for Known { message, vector } in known_vectors() {
        let json = message.json(vector.bytes.clone(), vector.version).map(|json| json.to_string());
        let json = json.unwrap_or_else(|error| panic!("{error}: {vector}"));
        let json: Value = serde_json::from_str(&json).unwrap_or_else(|error| panic!("{error}: {json}"));
        assert_eq!(json, vector.json, "{vector}");
    }
}

#[test]
fn annotations_cover_every_byte_once_and_in_order() {
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
fn the_registry_says_of_each_message_what_kafka_says() {
    let mut versions: BTreeMap<&str, BTreeSet<i16>> = BTreeMap::new();
    for Known { message, vector } in known_vectors() {
        versions.entry(message.name).or_default().insert(vector.version);
        assert_eq!(vector.flexible, vector.version >= message.flexible_from, "{vector}");
        assert_eq!(vector.key.unwrap_or(-1), message.key, "{vector}");
    }
    for message in REGISTRY {
        let kafkas = versions.get(message.name).unwrap_or_else(|| panic!("no vector of {}", message.name));
        assert!(message.versions.clone().eq(kafkas.iter().copied()), "{}: {kafkas:?}", message.name);
    }
}

/// The messages that we do not have yet. A line goes when its message comes.
const MISSING: &str = include_str!("missing_messages.txt");

#[test]
fn every_vector_is_checked_or_its_message_is_named_as_missing() {
    let names = |known: bool| {
        let chosen = vectors().iter().filter(move |vector| vector.message.is_some() == known);
        chosen.map(|vector| vector.name.as_str()).collect::<BTreeSet<_>>()
    };
    let checked = known_vectors().count();
    println!("{checked} of {} vectors; {} of {} messages", vectors().len(), names(true).len(), REGISTRY.len());
    assert_eq!(vectors().len(), 4368);
    assert_eq!(names(false), MISSING.lines().collect(), "missing_messages.txt");
    assert_eq!(names(true), REGISTRY.iter().map(|message| message.name).collect());
}

#[test]
fn a_vector_cut_anywhere_is_refused_at_a_place_within_it() {
    for Known { message, vector } in known_vectors() {
        for cut in 0..vector.bytes.len() {
            let error = message.roundtrip(vector.bytes.slice(..cut), vector.version).expect_err("a cut message");
            assert!(error.at() <= cut, "{error} in {cut} bytes of {vector}");
        }
    }
}

#[test]
fn a_byte_after_the_message_is_refused() {
    for Known { message, vector } in known_vectors() {
        let mut longer = vector.bytes.to_vec();
        longer.push(0);
        let error = message.roundtrip(longer.into(), vector.version).expect_err("a byte too many");
        assert_eq!(error.fault(), &DecodeFault::Trailing(1), "{vector}");
    }
}

#[test]
fn tagged_fields_that_we_do_not_know_are_kept() {
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
    assert!(checked > 500, "only {checked} vectors");
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
