//! What can be done with a message that is only known by name: for the tests over all of them, the fuzzers and dumps.

use alloc::vec::Vec;
use core::ops::RangeInclusive;

use bytes::Bytes;

use super::annotate::{Annotate, Annotation};
use super::api_key::ApiKey;
use super::error::{DecodeError, DecodeFault};
use super::field::{Message, MessageKind};
#[cfg(feature = "from-json")]
use super::from_json::FromJsonError;
use super::json::{Json, ToJson};
use super::messages::REGISTRY;
use super::reader::{Reader, Trace};

/// One message of the protocol, without its Rust type.
#[derive(Clone, Debug)]
pub struct MessageType {
    /// As in `FetchRequest`.
    pub name: &'static str,
    /// As in `Fetch`.
    pub api: &'static str,
    /// What it is.
    pub kind: MessageKind,
    /// The API key or record type; -1 where there is none.
    pub key: i16,
    /// Versions that exist.
    pub versions: RangeInclusive<i16>,
    /// Versions that Kafka has released.
    pub stable_versions: RangeInclusive<i16>,
    /// First flexible version; `i16::MAX` where there is none.
    pub flexible_from: i16,
    read: fn(&mut Reader, i16) -> Result<(), DecodeError>,
    roundtrip: fn(Bytes, i16) -> Result<Bytes, DecodeError>,
    watch: Watch,
    #[cfg(feature = "from-json")]
    bytes_of: fn(&Json, i16) -> Result<Bytes, FromJsonError>,
    #[cfg(feature = "arbitrary")]
    random: fn(&mut arbitrary::Unstructured<'_>, i16) -> arbitrary::Result<Bytes>,
}

/// Decodes a message and lets a trace see it. One instance serves all traces: who watches can wait.
type Watch = for<'a> fn(&mut Reader<'a, &'a mut dyn Trace>, i16) -> Result<(), DecodeError>;

/// A decode, watched.
#[derive(Clone, Debug)]
pub struct Annotated {
    /// Each field, in the order of the bytes; up to the error, if there is one.
    pub fields: Vec<Annotation>,
    /// The byte after the last that was read.
    pub end: usize,
    /// How it ended.
    pub result: Result<(), DecodeError>,
}

impl MessageType {
    /// The entry of `M`.
    #[must_use]
    pub const fn of<M: Message>() -> Self {
        Self {
            name: M::NAME,
            api: M::API,
            kind: M::KIND,
            key: M::KEY,
            versions: M::VERSIONS,
            stable_versions: M::STABLE_VERSIONS,
            flexible_from: M::FLEXIBLE_FROM,
            read: read::<M>,
            roundtrip: roundtrip::<M>,
            watch: watch::<M>,
            #[cfg(feature = "from-json")]
            bytes_of: bytes_of::<M>,
            #[cfg(feature = "arbitrary")]
            random: random::<M>,
        }
    }

    /// The request of `api`.
    #[must_use]
    pub fn request(api: ApiKey) -> &'static Self {
        Self::find(MessageKind::Request, api)
    }

    /// The answer of `api`.
    #[must_use]
    pub fn response(api: ApiKey) -> &'static Self {
        Self::find(MessageKind::Response, api)
    }

    fn find(kind: MessageKind, api: ApiKey) -> &'static Self {
        let found = REGISTRY.iter().find(|message| message.kind == kind && message.key == api.number());
        found.expect("every API has a request and an answer")
    }

    /// Decodes the message from where `reader` is, as a broker does with a request, and drops it.
    ///
    /// # Errors
    /// Where the bytes are not the message.
    pub fn read(&self, reader: &mut Reader, version: i16) -> Result<(), DecodeError> {
        (self.read)(reader, version)
    }

    /// Decodes `bytes`, all of them, and encodes the message again.
    ///
    /// # Errors
    /// Where `bytes` are not the message.
    ///
    /// # Panics
    /// When the size that was computed for the message is not that of its bytes.
    pub fn roundtrip(&self, bytes: Bytes, version: i16) -> Result<Bytes, DecodeError> {
        (self.roundtrip)(bytes, version)
    }

    /// Decodes `bytes`, all of them, and tells what each means.
    #[must_use]
    pub fn annotate(&self, bytes: Bytes, version: i16) -> Annotated {
        let size_bytes = bytes.len();
        let mut annotated = self.annotate_at(bytes, 0, version);
        if annotated.result.is_ok() && annotated.end < size_bytes {
            let fault = DecodeFault::Trailing(size_bytes - annotated.end);
            annotated.result = Err(DecodeError::new(annotated.end, fault).of(self.name));
        }
        annotated
    }

    /// Decodes the message that begins at byte `from` of `frame`, and tells what each byte means. What follows it is not
    /// looked at: a header ends where its body begins, and behind a request there may be anything.
    #[must_use]
    pub fn annotate_at(&self, frame: Bytes, from: usize, version: i16) -> Annotated {
        let mut annotate = Annotate::new(self.name);
        let mut reader = Reader::watched(&frame, &mut annotate);
        let skipped = reader.take(from).map_err(|error| error.of(self.name));
        let result = skipped.and_then(|_| (self.watch)(&mut reader, version));
        let end = reader.at();
        Annotated { end, fields: annotate.fields, result }
    }

    /// Decodes `bytes`, all of them, into the JSON in which Kafka shows the message.
    ///
    /// # Errors
    /// Where `bytes` are not the message.
    pub fn json(&self, bytes: Bytes, version: i16) -> Result<Json, DecodeError> {
        let mut json = ToJson::default();
        let mut reader = Reader::watched(&bytes, &mut json);
        (self.watch)(&mut reader, version)?;
        reader.finish().map_err(|error| error.of(self.name))?;
        Ok(json.into_json())
    }

    /// Encodes the message that `json` shows. Fields that it lacks have their defaults; those that `version` lacks are passed
    /// over, so that one JSON may do for all versions. A record set is its bytes in base64.
    ///
    /// # Errors
    /// Where it is not the message.
    #[cfg(feature = "from-json")]
    pub fn bytes_of(&self, json: &Json, version: i16) -> Result<Bytes, FromJsonError> {
        (self.bytes_of)(json, version)
    }

    /// The bytes of a random message.
    ///
    /// # Errors
    /// Where `source` is exhausted.
    ///
    /// # Panics
    /// When the bytes do not decode to that message.
    #[cfg(feature = "arbitrary")]
    pub fn random(&self, source: &mut arbitrary::Unstructured<'_>, version: i16) -> arbitrary::Result<Bytes> {
        (self.random)(source, version)
    }
}

fn read<M: Message>(reader: &mut Reader, version: i16) -> Result<(), DecodeError> {
    M::read(reader, version).map(drop)
}

fn roundtrip<M: Message>(bytes: Bytes, version: i16) -> Result<Bytes, DecodeError> {
    M::from_bytes(bytes, version).map(|message| encode(&message, version))
}

/// As [`Message::to_bytes`], with a look at the count.
fn encode<M: Message>(message: &M, version: i16) -> Bytes {
    let bytes = message.to_bytes(version);
    assert_eq!(message.size_bytes(version), bytes.len(), "{} v{version} is counted wrong", M::NAME);
    bytes
}

fn watch<'a, M: Message>(reader: &mut Reader<'a, &'a mut dyn Trace>, version: i16) -> Result<(), DecodeError> {
    M::read(reader, version).map(drop)
}

#[cfg(feature = "from-json")]
fn bytes_of<M: Message>(json: &Json, version: i16) -> Result<Bytes, FromJsonError> {
    M::from_json(json, M::context(version)).map(|message| encode(&message, version))
}

#[cfg(feature = "arbitrary")]
fn random<M: Message>(source: &mut arbitrary::Unstructured<'_>, version: i16) -> arbitrary::Result<Bytes> {
    let message = M::arbitrary(source, M::context(version))?;
    let bytes = encode(&message, version);
    let decoded = M::from_bytes(bytes.clone(), version);
    assert_eq!(decoded.as_ref(), Ok(&message), "{} v{version} changes on its way", M::NAME);
    Ok(bytes)
}
