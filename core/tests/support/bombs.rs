//! Frames that are made to cost more than they are worth. They come from Kafka's own bytes, by way of the annotations:
//! wherever a message has a count or a length, a larger one is put, and what it counts is made as small as can be.

use std::collections::BTreeSet;

use bytes::Bytes;
use ottla_core::wire::{AnnotatedValue, Annotation};

use super::Known;

/// A frame and what is wrong with it.
#[derive(Debug)]
pub struct Bomb {
    pub kind: &'static str,
    pub path: String,
    pub frame: Bytes,
}

/// How a count or length is written.
#[derive(Clone, Copy)]
enum Length {
    Compact,
    Classic { width: usize },
}

/// How the elements of an array are padded: with tagged fields that nobody knows, and with elements of their own arrays.
#[derive(Clone, Copy)]
struct Padding {
    tags: u8,
    elements: usize,
}

/// Each kind of bomb at each place of `known` that is not in `places` yet, with `size_bytes` from there on.
pub fn bombs(known: Known<'_>, size_bytes: usize, places: &mut BTreeSet<String>) -> Vec<Bomb> {
    let Known { message, vector } = known;
    let fields = message.annotate(vector.bytes.clone(), vector.version).fields;
    let mut bombs = Vec::new();
    for (index, field) in fields.iter().enumerate() {
        let place = format!("{} {}", place(&field.path), field.is_structure());
        let is_array_without_elements = matches!(field.value, AnnotatedValue::Count(0));
        if places.contains(&place) || is_array_without_elements {
            continue;
        }
        let before = &vector.bytes[..field.from];
        match &field.value {
            AnnotatedValue::Count(_) => {
                arrays(&mut bombs, before, &fields[index..], &vector.bytes, vector.flexible, size_bytes);
            }
            AnnotatedValue::Str(_) | AnnotatedValue::Bytes(_) | AnnotatedValue::Records(_) => {
                let length = Length::of(field, &vector.bytes);
                lengths(&mut bombs, before, field, length, size_bytes);
            }
            AnnotatedValue::TaggedFields(_) => tags(&mut bombs, before, field, size_bytes),
            _ => continue,
        }
        places.insert(place);
    }
    bombs
}

/// Arrays that claim more than there is, and arrays of as many elements as the frame holds or fewer.
fn arrays(
    bombs: &mut Vec<Bomb>,
    before: &[u8],
    fields: &[Annotation],
    source: &[u8],
    flexible: bool,
    size_bytes: usize,
) {
    let array = &fields[0];
    let length = Length::of(array, source);
    let mut push = |kind, frame| bombs.push(Bomb { kind, path: array.path.clone(), frame });
    for filler in [0, 1, 2, 0xff] {
        for count in [i32::MAX as usize, size_bytes - 8, size_bytes / 8, size_bytes / 64] {
            push("count", frame([before, &length.write(count)], &[filler], size_bytes));
        }
    }
    let element = subtree(&fields[1..], &format!("{}[0]", array.path));
    for (tags, elements) in [(0, 0), (0, 1), (0, 9), (1, 0), (3, 0), (64, 0), (1, 2)] {
        if tags > 0 && !flexible {
            continue;
        }
        let element = shrink(element, source, Padding { tags, elements });
        let fitting = size_bytes / element.len();
        for count in [fitting, fitting / 2, fitting / 8, fitting / 32] {
            push("elements", frame([before, &length.write(count)], &element, size_bytes));
        }
    }
}

fn lengths(bombs: &mut Vec<Bomb>, before: &[u8], field: &Annotation, length: Length, size_bytes: usize) {
    for claim in [i32::MAX as usize, size_bytes - 5, size_bytes / 2] {
        let head = length.write(length.at_most(claim));
        bombs.push(Bomb { kind: "length", path: field.path.clone(), frame: frame([before, &head], b"a", size_bytes) });
    }
}

/// Sections that claim any number of tagged fields, and fields that claim any size.
fn tags(bombs: &mut Vec<Bomb>, before: &[u8], field: &Annotation, size_bytes: usize) {
    let mut push = |frame| bombs.push(Bomb { kind: "tags", path: field.path.clone(), frame });
    for count in [u32::MAX, 64, 1] {
        for filler in [&[0][..], &[0xff], &[0x7f, 0]] {
            push(frame([before, &uvarint(count)], filler, size_bytes));
        }
    }
    push(frame([before, &unknown_tags(64)], &[0], size_bytes));
    for size in [u32::MAX, (size_bytes - 10) as u32] {
        let head = [uvarint(1), uvarint(100), uvarint(size)].concat();
        push(frame([before, &head], &[0], size_bytes));
    }
}

/// What stands before, and in `size_bytes` or a few more a claim and `filler`, over and over.
fn frame([before, claim]: [&[u8]; 2], filler: &[u8], size_bytes: usize) -> Bytes {
    let mut frame = [before, claim].concat();
    let size_bytes = before.len() + size_bytes;
    while frame.len() < size_bytes {
        frame.extend_from_slice(filler);
    }
    frame.into()
}

/// The path without the indexes in it.
fn place(path: &str) -> String {
    path.chars().filter(|letter| !letter.is_ascii_digit()).collect()
}

/// The leading fields that are at `path` or below.
fn subtree<'a>(fields: &'a [Annotation], path: &str) -> &'a [Annotation] {
    let is_below = |field: &Annotation| {
        field.path.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    &fields[..fields.iter().take_while(|field| is_below(field)).count()]
}

/// The same structure in as few bytes as it can have, but for the padding.
fn shrink(fields: &[Annotation], source: &[u8], padding: Padding) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut index = 0;
    while let Some(field) = fields.get(index) {
        index += 1;
        match &field.value {
            AnnotatedValue::Null | AnnotatedValue::Present => bytes.extend_from_slice(&source[field.from..field.to]),
            AnnotatedValue::Str(_) | AnnotatedValue::Bytes(_) | AnnotatedValue::Records(_) => {
                bytes.extend(Length::of(field, source).write(0));
            }
            AnnotatedValue::Count(count) => {
                let element = subtree(&fields[index..], &format!("{}[0]", field.path));
                let count = if *count == 0 { 0 } else { padding.elements };
                bytes.extend(Length::of(field, source).write(count));
                let inner = shrink(element, source, Padding { elements: 0, ..padding });
                bytes.extend(inner.repeat(count));
                index += fields[index..]
                    .iter()
                    .take_while(|below| below.path.starts_with(&format!("{}[", field.path)))
                    .count();
            }
            AnnotatedValue::TaggedFields(_) => bytes.extend(unknown_tags(padding.tags)),
            AnnotatedValue::Tag { size_bytes, .. } => {
                let end = field.to + size_bytes;
                index += fields[index..].iter().take_while(|inside| inside.to <= end).count();
            }
            _ => bytes.extend(vec![0; field.to - field.from]),
        }
    }
    bytes
}

/// A section of that many empty tagged fields; Kafka has no tags above 63.
fn unknown_tags(count: u8) -> Vec<u8> {
    let mut bytes = vec![count];
    bytes.extend((64..64 + count).flat_map(|tag| [tag, 0]));
    bytes
}

impl Length {
    /// As `field` has it in front.
    fn of(field: &Annotation, source: &[u8]) -> Self {
        let (content, width) = match &field.value {
            AnnotatedValue::Count(count) => (*count, field.to - field.from),
            AnnotatedValue::Str(text) => (text.len(), field.to - field.from - text.len()),
            AnnotatedValue::Bytes(range) | AnnotatedValue::Records(range) => (range.len(), range.start - field.from),
            other => panic!("{other} has no length"),
        };
        let written =
            source[field.from..field.from + width].iter().fold(0, |bits, byte| bits << 8 | usize::from(*byte));
        let is_classic = matches!(width, 2 | 4) && written == content;
        if is_classic { Self::Classic { width } } else { Self::Compact }
    }

    /// The largest that it can hold, or `length`.
    fn at_most(self, length: usize) -> usize {
        match self {
            Self::Classic { width: 2 } => length.min(i16::MAX as usize),
            _ => length,
        }
    }

    fn write(self, length: usize) -> Vec<u8> {
        match self {
            Self::Compact => uvarint(u32::try_from(length + 1).expect("below 2^32")),
            Self::Classic { width } => u32::try_from(length).expect("below 2^32").to_be_bytes()[4 - width..].to_vec(),
        }
    }
}

fn uvarint(mut value: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}
