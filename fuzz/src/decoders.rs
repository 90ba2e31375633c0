//! Every decoder on any bytes: nothing panics, and what is understood once is understood the same again.

use arbitrary::Unstructured;
use bytes::Bytes;
use ottla_core::wire::messages::REGISTRY;
use ottla_core::wire::{MessageType, MetadataRecord};

/// Which message, which version and how, in front of the bytes themselves.
const PREFIX_BYTES: usize = 4;

/// Bytes that are decoded as they are.
const AS_IS: u8 = 0;

/// Picks a message and a version by the first bytes of `data` and decodes the rest as that, or makes a random message of it.
pub fn decoders(data: &[u8]) {
    let Some((&[index_high, index_low, version, mode], body)) = data.split_first_chunk::<PREFIX_BYTES>() else {
        return;
    };
    let body = Bytes::copy_from_slice(body);
    let index = usize::from(u16::from_be_bytes([index_high, index_low]));
    // Of any two bytes most are beyond the registry; wrapped, one in so many is left for what no message is in front of.
    let Some(message) = REGISTRY.get(index % (REGISTRY.len() + 1)) else { return metadata_record(body) };
    let mut versions = message.versions.clone();
    let version = versions.nth(usize::from(version) % versions.clone().count()).expect("the remainder is in range");
    match mode % 2 {
        AS_IS => decode(message, version, body),
        _ => drop(message.random(&mut Unstructured::new(&body), version)),
    }
}

/// The input that makes [`decoders`] decode `body` as `version` of the message with that name: a seed for the corpus.
#[must_use]
pub fn decoders_input(name: &str, version: i16, body: &[u8]) -> Option<Vec<u8>> {
    let index = REGISTRY.iter().position(|message| message.name == name)?;
    let version = REGISTRY[index].versions.clone().position(|existing| existing == version)?;
    let mut input = u16::try_from(index).ok()?.to_be_bytes().to_vec();
    input.extend_from_slice(&[u8::try_from(version).ok()?, AS_IS]);
    input.extend_from_slice(body);
    Some(input)
}

fn decode(message: &MessageType, version: i16, body: Bytes) {
    let once = message.roundtrip(body.clone(), version);
    let watched = message.annotate(body, version);
    assert_eq!(watched.result, once.clone().map(drop), "{} v{version} differs when watched", message.name);
    let Ok(once) = once else { return };
    let twice = message.roundtrip(once.clone(), version);
    assert_eq!(twice, Ok(once), "{} v{version} is not the same again", message.name);
}

fn metadata_record(body: Bytes) {
    let Ok((record, version)) = MetadataRecord::decode_versioned(body) else { return };
    let once = record.encode(version);
    let again = MetadataRecord::decode(once.clone()).expect("what was decoded before");
    // Bytes, not records: NaN is not equal to itself.
    assert_eq!(again.encode(version), once, "{} v{version} is not the same again", record.name());
}
