//! The bodies of the fuzz targets, fed by proptest: what `cargo fuzz` searches for hours, `cargo test` glances over.

use arbitrary::Unstructured;
use ottla_core::records::{BatchBuilder, BuilderRecord, Compression, compress};
use ottla_core::wire::MessageKind;
use ottla_core::wire::messages::REGISTRY;
use proptest::prelude::*;

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

fn bytes(size: usize) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..size)
}

/// A random message, its name and its version, with some bytes changed: it gets further than random bytes do.
fn damaged_message(kinds: &'static [MessageKind]) -> impl Strategy<Value = (&'static str, i16, Vec<u8>)> {
    let messages: Vec<_> =
        REGISTRY.iter().filter(|message| kinds.is_empty() || kinds.contains(&message.kind)).collect();
    let damage = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4);
    (prop::sample::select(messages), any::<u8>(), bytes(2000), damage).prop_map(
        |(message, version, entropy, damage)| {
            let version = message.versions.clone().nth(usize::from(version) % message.versions.clone().count());
            let version = version.expect("the remainder is in range");
            let body = message.random(&mut Unstructured::new(&entropy), version).expect("zeros when it runs dry");
            (message.name, version, damaged(body.to_vec(), &damage))
        },
    )
}

const CODECS: [Compression; 5] =
    [Compression::None, Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd];

/// Some bytes, set to something else; an empty body stays as it is. A damaged batch has its checksum put right by the body.
fn damaged(bytes: Vec<u8>, damage: &[(prop::sample::Index, u8)]) -> Vec<u8> {
    let mut bytes = bytes;
    if !bytes.is_empty() {
        for (at, value) in damage {
            let at = at.index(bytes.len());
            bytes[at] = *value;
        }
    }
    bytes
}

/// A batch, or what a codec makes, with some bytes changed.
fn damaged_records() -> impl Strategy<Value = Vec<u8>> {
    let damage = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4);
    let values = prop::collection::vec(prop::collection::vec(0..4u8, 0..200), 1..10);
    (0..CODECS.len(), any::<bool>(), values, damage).prop_map(|(codec, is_batch, values, damage)| {
        let codec = CODECS[codec];
        let mut builder = BatchBuilder::new().compression(codec, None);
        for value in &values {
            builder.push(BuilderRecord { value: Some(value), ..Default::default() });
        }
        if is_batch {
            ottla_fuzz::records_input(Compression::None, &damaged(builder.build().to_vec(), &damage))
        } else {
            ottla_fuzz::records_input(codec, &damaged(compress(codec, None, &values.concat()), &damage))
        }
    })
}

proptest! {
    #![proptest_config(config(3000))]

    #[test]
    fn records_of_any_bytes(data in bytes(400)) {
        ottla_fuzz::records(&data);
    }

    #[test]
    fn records_of_damaged_batches(data in damaged_records()) {
        ottla_fuzz::records(&data);
    }

    #[test]
    fn records_that_are_built_read_back(data in bytes(2000)) {
        ottla_fuzz::records_roundtrip(&data);
    }
}

proptest! {
    #![proptest_config(config(5000))]

    #[test]
    fn decoders_on_any_bytes(data in bytes(600)) {
        ottla_fuzz::decoders(&data);
    }

    #[test]
    fn decoders_on_damaged_messages((name, version, body) in damaged_message(&[])) {
        ottla_fuzz::decoders(&ottla_fuzz::decoders_input(name, version, &body).expect("a message of the registry"));
    }

    #[test]
    fn requests_on_any_bytes_behind_an_api_key_and_version(key in 0u8..=92, version in 0u8..=18, rest in bytes(600)) {
        ottla_fuzz::requests(&[&[0, key, 0, version], rest.as_slice()].concat());
    }

    #[test]
    fn requests_on_damaged_messages((name, version, body) in damaged_message(&[MessageKind::Request])) {
        ottla_fuzz::requests(&ottla_fuzz::requests_input(name, version, &body).expect("a request"));
    }

    #[test]
    fn recovery_of_tampered_directories(data in bytes(1200)) {
        ottla_fuzz::recovery(&data);
    }
}

proptest! {
    #![proptest_config(config(300))]

    #[test]
    fn a_broker_with_clients_that_send_anything(data in bytes(3000)) {
        ottla_fuzz::broker(&data);
    }
}
