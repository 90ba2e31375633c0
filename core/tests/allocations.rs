//! Decoding n hostile bytes allocates at most 4n bytes and 1 MiB, whatever the message and version. What is counted is
//! what the allocator was asked for, all of it, also what was freed again before the end: the peak cannot be more.

mod support;

use std::collections::{BTreeMap, BTreeSet};

use allocation_counter::{AllocationInfo, measure};
use bytes::Bytes;
use ottla_core::wire::messages::REGISTRY;
use ottla_core::wire::{AnnotatedValue, DecodeError, MessageType, Reader};
use support::bombs::bombs;
use support::{Known, known_vectors};

/// What a decode may allocate beyond what it charged: an error with its path, and the headers that slices share.
const UNCHARGED_MAX: u64 = 4096;

/// A decode and what it took.
struct Decoded {
    allocated: AllocationInfo,
    result: Result<(), DecodeError>,
}

/// Decodes `frame` and looks at what that took.
fn decode(message: &MessageType, version: i16, frame: &Bytes) -> Result<Decoded, String> {
    // A copy, so that the header of its slices is allocated anew, within what is measured.
    let frame = Bytes::from(frame.to_vec());
    let size_bytes = frame.len() as u64;
    let mut reader = Reader::new(&frame);
    let mut result = Ok(());
    let allocated = measure(|| result = message.read(&mut reader, version));
    let (limit, charged) = (4 * size_bytes + (1 << 20), reader.charged_bytes() as u64);
    if allocated.bytes_total > limit {
        return Err(format!("{allocated:?} for {size_bytes} bytes"));
    }
    if allocated.bytes_total > charged + UNCHARGED_MAX {
        return Err(format!("{allocated:?}, but {charged} bytes were charged"));
    }
    Ok(Decoded { allocated, result })
}

/// How many frames were decoded, and the most that one took.
#[derive(Debug, Default)]
struct Summary {
    frames: usize,
    refused: usize,
    bytes_total: u64,
    bytes_max: u64,
}

impl Summary {
    fn add(&mut self, Decoded { allocated, result }: Decoded) {
        self.frames += 1;
        self.refused += usize::from(result.is_err());
        self.bytes_total = self.bytes_total.max(allocated.bytes_total);
        self.bytes_max = self.bytes_max.max(allocated.bytes_max);
    }
}

/// Bombs of that size at each place of each message in the versions that `is_chosen` picks.
fn explode(size_bytes: usize, is_chosen: impl Fn(&MessageType, i16) -> bool) -> Summary {
    let mut summary = Summary::default();
    let mut places = BTreeMap::<(&str, i16), BTreeSet<String>>::new();
    for known in known_vectors().filter(|known| is_chosen(known.message, known.vector.version)) {
        let Known { message, vector } = known;
        for bomb in bombs(known, size_bytes, places.entry((message.name, vector.version)).or_default()) {
            let measured = decode(message, vector.version, &bomb.frame);
            summary.add(measured.unwrap_or_else(|excess| {
                panic!("{} v{}, {} at {}: {excess}", message.name, vector.version, bomb.kind, bomb.path)
            }));
        }
    }
    summary
}

#[test]
fn bombs_at_every_count_and_length_of_every_version_stay_within_the_budget() {
    println!("{:?}", explode(2 << 10, |_, _| true));
}

#[test]
fn large_bombs_stay_within_the_budget() {
    println!("{:?}", explode(64 << 10, |message, version| version == *message.versions.end()));
}

/// The shortest vector of each message and version that has a few bytes: most of them are structure.
fn shortest_vectors() -> impl Iterator<Item = Known<'static>> {
    let mut shortest = BTreeMap::<(&str, i16), Known<'_>>::new();
    for known in known_vectors().filter(|known| known.vector.bytes.len() >= 16) {
        let best = shortest.entry((known.message.name, known.vector.version)).or_insert(known);
        if known.vector.bytes.len() < best.vector.bytes.len() {
            *best = known;
        }
    }
    shortest.into_values()
}

#[test]
fn vectors_with_any_byte_changed_stay_within_the_budget() {
    let mut summary = Summary::default();
    for Known { message, vector } in shortest_vectors() {
        let is_latest = vector.version == *message.versions.end();
        for at in 0..vector.bytes.len() {
            let original = vector.bytes[at];
            let flipped = (0..8).map(|bit| original ^ 1 << bit).chain([0, 0x7f, 0x80, 0xff]);
            let values: Vec<u8> = if is_latest { (0..=0xff).collect() } else { flipped.collect() };
            for value in values {
                let mut changed = vector.bytes.to_vec();
                changed[at] = value;
                let measured = decode(message, vector.version, &changed.into());
                summary.add(measured.unwrap_or_else(|excess| panic!("byte {at} is {value} in {vector}: {excess}")));
            }
        }
    }
    println!("{summary:?}");
}

#[test]
fn strings_bytes_and_record_sets_cost_no_allocation() {
    for Known { message, vector } in known_vectors() {
        let fields = message.annotate(vector.bytes.clone(), vector.version).fields;
        let arrays = fields.iter().filter(|field| matches!(field.value, AnnotatedValue::Count(1..))).count() as u64;
        let decoded = decode(message, vector.version, &vector.bytes);
        let Decoded { allocated, result } = decoded.unwrap_or_else(|excess| panic!("{excess} in {vector}"));
        assert_eq!(result, Ok(()));
        // The two headers that all slices of the frame share, if there are any.
        assert!(allocated.count_total <= arrays + 2, "{allocated:?}, {arrays} arrays in {vector}");
    }
}

#[test]
fn frames_of_one_byte_over_and_over_stay_within_the_budget() {
    let mut summary = Summary::default();
    for message in REGISTRY {
        for version in message.versions.clone() {
            for byte in [0, 1, 2, 3, 0x7f, 0x80, 0xff] {
                let measured = decode(message, version, &Bytes::from(vec![byte; 1 << 20]));
                summary.add(measured.unwrap_or_else(|excess| panic!("{} v{version}, {byte}: {excess}", message.name)));
            }
        }
    }
    println!("{summary:?}");
}
