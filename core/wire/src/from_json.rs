//! Messages from the JSON in which Kafka shows them, the way back of `json`: for scripts that name fields. Fields that are
//! not there keep their defaults, those of other versions are passed over, and a name that no version has is an error. A
//! record set is its bytes in base64.

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use thiserror::Error;

use super::field::{Context, Field, FieldSpec, Nullable, TaggedFields};
use super::json::{Json, UNKNOWN_TAGGED_FIELDS, camel_case};
use super::primitives::{BrokerIds, Records, Uuid};
use super::slice::Slice;
use super::string::Str;

/// JSON that is not the message.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{path}: expected {expected}, found {found}")]
pub struct FromJsonError {
    /// From the message down, as in `.topics[0].name`.
    pub path: String,
    /// What should be there.
    pub expected: &'static str,
    /// What is there.
    pub found: String,
}

impl FromJsonError {
    fn new(expected: &'static str, found: &Json) -> Self {
        Self { path: String::new(), expected, found: format!("{found}") }
    }

    fn below(mut self, outer: &str) -> Self {
        self.path.insert_str(0, outer);
        self
    }
}

/// The names and values of a struct with these fields.
pub(crate) fn object<'a>(
    json: &'a Json,
    specs: &[FieldSpec],
) -> Result<&'a [(alloc::borrow::Cow<'static, str>, Json)], FromJsonError> {
    let Json::Object(fields) = json else { return Err(FromJsonError::new("an object", json)) };
    for (name, _) in fields {
        if name != UNKNOWN_TAGGED_FIELDS && !specs.iter().any(|spec| camel_case(spec.name) == *name) {
            let found = Json::Str(name.clone().into_owned());
            return Err(FromJsonError::new("a field of the message", &found));
        }
    }
    Ok(fields)
}

/// Puts a declared field in its place, where this version has it and the object names it.
pub(crate) fn field<F: Field>(
    field: &mut F,
    object: &[(alloc::borrow::Cow<'static, str>, Json)],
    spec: &FieldSpec,
    context: Context,
) -> Result<(), FromJsonError> {
    if !spec.is_plain_in(context) && !spec.is_tagged_in(context) {
        return Ok(());
    }
    let name = camel_case(spec.name);
    if let Some((_, value)) = object.iter().find(|(found, _)| *found == name) {
        *field = F::from_json(value, spec.narrow(context)).map_err(|error| error.below(&format!(".{name}")))?;
    }
    Ok(())
}

/// The tagged fields that the message does not know.
pub(crate) fn unknown_tags(object: &[(alloc::borrow::Cow<'static, str>, Json)]) -> Result<TaggedFields, FromJsonError> {
    let mut fields = TaggedFields::default();
    let Some((_, entries)) = object.iter().find(|(name, _)| name == UNKNOWN_TAGGED_FIELDS) else { return Ok(fields) };
    for entry in array(entries)? {
        let Json::Object(entry) = entry else { return Err(FromJsonError::new("tag and data", entry)) };
        let [(_, Json::Integer(tag)), (_, data)] = entry.as_slice() else {
            return Err(FromJsonError::new("tag and data", &Json::Object(entry.clone())));
        };
        let tag = u32::try_from(*tag).map_err(|_| FromJsonError::new("a tag", &Json::Integer(*tag)))?;
        fields.push(tag, bytes(data)?.into());
    }
    Ok(fields)
}

pub(crate) fn integer<T: TryFrom<i64>>(json: &Json) -> Result<T, FromJsonError> {
    let fault = || FromJsonError::new(core::any::type_name::<T>(), json);
    let Json::Integer(number) = json else { return Err(fault()) };
    T::try_from(*number).map_err(|_| fault())
}

pub(crate) fn float(json: &Json) -> Result<f64, FromJsonError> {
    match json {
        Json::Float(number) => Ok(*number),
        Json::Integer(number) => Ok(*number as f64),
        Json::Str(text) if text == "NaN" => Ok(f64::NAN),
        Json::Str(text) if text == "Infinity" => Ok(f64::INFINITY),
        Json::Str(text) if text == "-Infinity" => Ok(f64::NEG_INFINITY),
        other => Err(FromJsonError::new("a number", other)),
    }
}

pub(crate) fn boolean(json: &Json) -> Result<bool, FromJsonError> {
    if let Json::Bool(yes) = json { Ok(*yes) } else { Err(FromJsonError::new("true or false", json)) }
}

pub(crate) fn uuid(json: &Json) -> Result<Uuid, FromJsonError> {
    let Json::Str(text) = json else { return Err(FromJsonError::new("a uuid in base64url", json)) };
    Uuid::parse(text).ok_or_else(|| FromJsonError::new("a uuid in base64url", json))
}

pub(crate) fn string(json: &Json) -> Result<Str, FromJsonError> {
    if let Json::Str(text) = json { Ok(text.as_str().into()) } else { Err(FromJsonError::new("a string", json)) }
}

pub(crate) fn slice(json: &Json) -> Result<Slice, FromJsonError> {
    bytes(json).map(Slice::from)
}

pub(crate) fn records(json: &Json) -> Result<Records, FromJsonError> {
    match json {
        Json::Records(0) => Ok(Records::default()),
        other => slice(other).map(Records::Bytes),
    }
}

pub(crate) fn broker_ids(json: &Json) -> Result<BrokerIds, FromJsonError> {
    array(json)?.iter().map(integer).collect()
}

pub(crate) fn elements<F: Field>(json: &Json, context: Context) -> Result<Vec<F>, FromJsonError> {
    let element = |(index, json)| F::from_json(json, context).map_err(|error| error.below(&format!("[{index}]")));
    array(json)?.iter().enumerate().map(element).collect()
}

pub(crate) fn optional<F: Nullable>(json: &Json, context: Context) -> Result<Option<F>, FromJsonError> {
    match json {
        Json::Null if context.nullable => Ok(None),
        Json::Null => Err(FromJsonError::new("a value: null is of other versions", json)),
        json => F::from_json(json, context).map(Some),
    }
}

fn array(json: &Json) -> Result<&[Json], FromJsonError> {
    if let Json::Array(elements) = json { Ok(elements) } else { Err(FromJsonError::new("an array", json)) }
}

/// From base64 with padding, as in RFC 4648.
fn bytes(json: &Json) -> Result<Vec<u8>, FromJsonError> {
    let Json::Str(text) = json else { return Err(FromJsonError::new("bytes in base64", json)) };
    base64(text).ok_or_else(|| FromJsonError::new("bytes in base64", &Json::Str(text.to_owned())))
}

fn base64(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(4) {
        return None;
    }
    let digits = text.strip_suffix("==").or_else(|| text.strip_suffix('=')).unwrap_or(text).as_bytes();
    let mut bytes = Vec::with_capacity(digits.len() * 3 / 4);
    for group in digits.chunks(4) {
        let mut bits = 0u32;
        for (index, digit) in group.iter().enumerate() {
            bits |= u32::from(value_of(*digit)?) << (18 - 6 * index);
        }
        bytes.extend_from_slice(&bits.to_be_bytes()[1..group.len()]);
    }
    Some(bytes)
}

fn value_of(digit: u8) -> Option<u8> {
    match digit {
        b'A'..=b'Z' => Some(digit - b'A'),
        b'a'..=b'z' => Some(digit - b'a' + 26),
        b'0'..=b'9' => Some(digit - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}
