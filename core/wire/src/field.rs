//! The traits behind `message!` and what its fields have in common: versions, nullability, tags, arrays.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ops::RangeInclusive;

use bytes::Bytes;

use super::annotate::Value;
use super::error::{DecodeError, DecodeFault, PathSegment};
use super::json::Json;
use super::reader::{Reader, Trace};
use super::registry::MessageType;
use super::sink::{Counter, Encode, Sink, to_bytes};

/// How a value is to be read or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    /// The message's version.
    pub version: i16,
    /// Compact lengths and tagged fields (KIP-482).
    pub flexible: bool,
    /// Whether an `Option` may be null.
    pub nullable: bool,
    /// Whether it is the content of a tagged field.
    pub tagged: bool,
}

/// Anything that has bytes on the wire.
pub trait Field: Sized + Default {
    /// How many structs deep it is. That this number exists proves that no struct holds itself, however indirectly: the
    /// compiler would not find an end. So the depth of a decode is that of the types, whatever the bytes say.
    const DEPTH: usize = 0;

    /// Reads one.
    fn decode<T: Trace>(reader: &mut Reader<T>, context: Context) -> Result<Self, DecodeError>;

    /// Reads one into its place, which holds the default. Structs are large: this way they need not be moved.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn decode_into<T: Trace>(&mut self, reader: &mut Reader<T>, context: Context) -> Result<(), DecodeError> {
        *self = Self::decode(reader, context)?;
        Ok(())
    }

    /// Reads `count` of them into `elements`, which has room for them.
    #[inline]
    fn decode_elements<T: Trace>(
        elements: &mut Vec<Self>,
        count: usize,
        reader: &mut Reader<T>,
        context: Context,
    ) -> Result<(), DecodeError> {
        decode_each(elements, count, reader, context)
    }

    /// Writes this one.
    fn encode<'m, S: Sink<'m>>(&'m self, sink: S, context: Context) -> S;

    /// Writes `elements`, one after another.
    #[inline]
    fn encode_elements<'m, S: Sink<'m>>(elements: &'m [Self], sink: S, context: Context) -> S {
        elements.iter().fold(sink, |sink, element| element.encode(sink, context))
    }

    /// From the JSON in which Kafka shows one; what is not there is the default.
    #[cfg(feature = "from-json")]
    fn from_json(json: &Json, context: Context) -> Result<Self, super::from_json::FromJsonError>;

    /// A random one that `context` can carry.
    #[cfg(feature = "arbitrary")]
    fn arbitrary(source: &mut arbitrary::Unstructured<'_>, context: Context) -> arbitrary::Result<Self>;
}

/// Types whose null is part of their encoding; `Option<T>` is the field.
pub trait Nullable: Field {
    /// Reads one or null.
    fn decode_nullable<T: Trace>(reader: &mut Reader<T>, context: Context) -> Result<Option<Self>, DecodeError>;

    /// Reads one or null into its place, which holds the default.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn decode_nullable_into<T: Trace>(
        this: &mut Option<Self>,
        reader: &mut Reader<T>,
        context: Context,
    ) -> Result<(), DecodeError> {
        *this = Self::decode_nullable(reader, context)?;
        Ok(())
    }

    /// Writes one or null.
    fn encode_nullable<'m, S: Sink<'m>>(this: Option<&'m Self>, sink: S, context: Context) -> S;
}

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MessageKind {
    /// From a client.
    Request,
    /// To a client.
    Response,
    /// In front of either.
    Header,
    /// A record of `__cluster_metadata`.
    Metadata,
    /// Kept or carried inside other things.
    Data,
    /// The key of a record in a coordinator's topic.
    CoordinatorKey,
    /// The value of a record in a coordinator's topic.
    CoordinatorValue,
}

/// A whole message: the first struct of a `message!` block.
pub trait Message: Field + Default + Clone + PartialEq + core::fmt::Debug {
    /// What it is.
    const KIND: MessageKind;
    /// The API's name, as in `Fetch`.
    const API: &'static str;
    /// The message's name, as in `FetchRequest`.
    const NAME: &'static str;
    /// The API key or record type; -1 where there is none.
    const KEY: i16;
    /// Versions that exist.
    const VERSIONS: RangeInclusive<i16>;
    /// Versions that Kafka has released: what a broker may offer.
    const STABLE_VERSIONS: RangeInclusive<i16>;
    /// First flexible version; `i16::MAX` where there is none.
    const FLEXIBLE_FROM: i16;

    /// How this message is read and written in `version`.
    #[must_use]
    fn context(version: i16) -> Context {
        Context { version, flexible: version >= Self::FLEXIBLE_FROM, nullable: true, tagged: false }
    }

    /// Reads the message, from where `reader` is.
    fn read<T: Trace>(reader: &mut Reader<T>, version: i16) -> Result<Self, DecodeError> {
        let mut message = Self::default();
        read_into(&mut message, reader, version)?;
        Ok(message)
    }

    /// Reads a message that is all of `bytes`. For what we wrote ourselves: in a request Kafka ignores what follows the
    /// message, and librdkafka relies on it, so requests are for [`Message::read`].
    fn from_bytes(bytes: Bytes, version: i16) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(&bytes);
        let mut message = Self::default();
        read_into(&mut message, &mut reader, version)?;
        reader.finish().map_err(|error| error.of(Self::NAME))?;
        Ok(message)
    }

    /// Writes the message.
    fn write<'m, S: Sink<'m>>(&'m self, sink: S, version: i16) -> S {
        debug_assert!(Self::VERSIONS.contains(&version), "{} has no version {version}", Self::NAME);
        self.encode(sink, Self::context(version))
    }

    /// The message as one of several parts that are written together.
    #[must_use]
    fn in_version(&self, version: i16) -> InVersion<'_, Self> {
        InVersion { message: self, version }
    }

    /// Bytes that [`Message::write`] makes.
    fn size_bytes(&self, version: i16) -> usize {
        self.write(Counter::default(), version).size_bytes
    }

    /// The message in a buffer of exactly its size.
    fn to_bytes(&self, version: i16) -> Bytes {
        to_bytes(&self.in_version(version))
    }

    /// The message as Kafka shows `version` of it, under Kafka's names.
    ///
    /// # Panics
    /// Where a record set is in a file.
    fn to_json(&self, version: i16) -> Json {
        MessageType::of::<Self>().json(self.to_bytes(version), version).expect("what was encoded is decoded")
    }
}

/// Reads a message into its place, which holds the default.
fn read_into<M: Message, T: Trace>(message: &mut M, reader: &mut Reader<T>, version: i16) -> Result<(), DecodeError> {
    if !M::VERSIONS.contains(&version) {
        return Err(reader.fault(DecodeFault::Version(version)).of(M::NAME));
    }
    message.decode_into(reader, M::context(version)).map_err(|error| error.of(M::NAME))
}

/// A message in some version.
#[derive(Clone, Copy, Debug)]
pub struct InVersion<'a, M> {
    message: &'a M,
    version: i16,
}

impl<M: Message> Encode for InVersion<'_, M> {
    fn write<'m, S: Sink<'m>>(&'m self, sink: S) -> S {
        self.message.write(sink, self.version)
    }
}

/// What a field's brackets say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldSpec {
    /// Its name.
    pub name: &'static str,
    /// First version that has it.
    pub from: i16,
    /// Last version that has it.
    pub to: i16,
    /// First version in which an `Option` may be null.
    pub nullable_from: i16,
    /// Its tag, where it is a tagged field.
    pub tag: Option<u32>,
    /// In classic form even in flexible versions.
    pub is_classic: bool,
}

impl FieldSpec {
    /// A field in every version, nullable, untagged. `name` is as in Rust, where the word may be taken: `r#type`.
    #[must_use]
    pub const fn of(name: &'static str) -> Self {
        let name = without_raw_prefix(name);
        Self { name, from: i16::MIN, to: i16::MAX, nullable_from: i16::MIN, tag: None, is_classic: false }
    }

    /// Only in these versions.
    #[must_use]
    pub const fn versions(mut self, from: i16, to: i16) -> Self {
        self.from = from;
        self.to = to;
        self
    }

    /// Nullable from this version on.
    #[must_use]
    pub const fn nullable_from(mut self, from: i16) -> Self {
        self.nullable_from = from;
        self
    }

    /// As a tagged field.
    #[must_use]
    pub const fn tagged(mut self, tag: u32) -> Self {
        self.tag = Some(tag);
        self
    }

    /// Never in compact form.
    #[must_use]
    pub const fn classic(mut self) -> Self {
        self.is_classic = true;
        self
    }

    /// Whether `context` has it among the untagged fields.
    #[cfg_attr(not(debug_assertions), inline(always))]
    #[must_use]
    pub const fn is_plain_in(&self, context: Context) -> bool {
        self.tag.is_none() && self.from <= context.version && context.version <= self.to
    }

    /// Whether `context` has it among the tagged fields.
    #[cfg_attr(not(debug_assertions), inline(always))]
    #[must_use]
    pub const fn is_tagged_in(&self, context: Context) -> bool {
        self.tag.is_some() && context.flexible && self.from <= context.version && context.version <= self.to
    }

    /// Whether `context` has it as tagged field `tag`.
    #[cfg_attr(not(debug_assertions), inline(always))]
    #[must_use]
    pub fn is_tagged_as(&self, tag: u32, context: Context) -> bool {
        self.tag == Some(tag) && self.is_tagged_in(context)
    }

    /// The message's context as it is for this field.
    #[cfg_attr(not(debug_assertions), inline(always))]
    #[must_use]
    pub const fn narrow(&self, context: Context) -> Context {
        Context {
            version: context.version,
            flexible: context.flexible && !self.is_classic,
            nullable: context.version >= self.nullable_from,
            tagged: self.tag.is_some(),
        }
    }
}

/// Tagged fields that were not understood: kept, so that what comes in goes out again. Nearly always there are none, so
/// they take no more than a pointer in each struct.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaggedFields(Option<Box<TagList>>);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct TagList(Vec<(u32, Bytes)>);

impl TaggedFields {
    /// In the order of their tags.
    #[must_use]
    pub fn as_slice(&self) -> &[(u32, Bytes)] {
        self.0.as_ref().map_or(&[], |list| &list.0)
    }

    /// What the next [`TaggedFields::push`] allocates.
    fn growth_bytes(&self) -> usize {
        match &self.0 {
            None => size_of::<TagList>() + size_of::<(u32, Bytes)>(),
            Some(list) if list.0.len() == list.0.capacity() => 2 * size_of_val(list.0.as_slice()),
            Some(_) => 0,
        }
    }

    /// Room for one, and for twice as many whenever it runs out.
    pub(crate) fn push(&mut self, tag: u32, content: Bytes) {
        let list = &mut self.0.get_or_insert_default().0;
        if list.len() == list.capacity() {
            list.reserve_exact(list.len().max(1));
        }
        list.push((tag, content));
    }

    /// Some with tags that no message uses, or none.
    #[cfg(feature = "arbitrary")]
    pub(crate) fn random(source: &mut arbitrary::Unstructured<'_>) -> arbitrary::Result<Self> {
        let mut fields = Self::default();
        let mut tag = 1000u32;
        while tag < 1_000_000 && !source.is_empty() && source.ratio(1, 8)? {
            tag += source.int_in_range(1..=100_000)?;
            let context = Context { version: 0, flexible: true, nullable: false, tagged: false };
            fields.push(tag, crate::Slice::arbitrary(source, context)?.to_bytes());
        }
        Ok(fields)
    }
}

/// Whether each tagged field has a higher tag than those before: they are written in the order of declaration.
pub(crate) const fn tags_rise(fields: &[FieldSpec]) -> bool {
    let mut previous = None;
    let mut index = 0;
    while index < fields.len() {
        if let Some(tag) = fields[index].tag {
            if let Some(previous) = previous
                && tag <= previous
            {
                return false;
            }
            previous = Some(tag);
        }
        index += 1;
    }
    true
}

/// A field's name when Rust has other plans for the word: `type` of `r#type`.
const fn without_raw_prefix(name: &'static str) -> &'static str {
    match name.as_bytes() {
        [b'r', b'#', ..] => name.split_at(2).1,
        _ => name,
    }
}

/// No message of Kafka's has more structs within each other; see [`Field::DEPTH`].
pub(crate) const DEPTH_MAX: usize = 8;

/// The greatest of the depths of a struct's fields, and one for itself.
pub(crate) const fn depth_around(fields: &[usize]) -> usize {
    let (mut deepest, mut index) = (0, 0);
    while index < fields.len() {
        if fields[index] > deepest {
            deepest = fields[index];
        }
        index += 1;
    }
    deepest + 1
}

/// A struct may carry this many tagged fields that we don't know; no client sends any.
const UNKNOWN_TAGS_MAX: usize = 64;

/// Decodes a declared field into its place, where it is among the untagged ones of this version.
#[cfg_attr(not(debug_assertions), inline(always))]
pub(crate) fn decode_plain<F: Field, T: Trace>(
    field: &mut F,
    reader: &mut Reader<T>,
    spec: &FieldSpec,
    context: Context,
) -> Result<(), DecodeError> {
    if spec.is_plain_in(context) { decode_field(field, reader, spec, context) } else { Ok(()) }
}

/// Decodes a declared field into its place.
#[cfg_attr(not(debug_assertions), inline(always))]
pub(crate) fn decode_field<F: Field, T: Trace>(
    field: &mut F,
    reader: &mut Reader<T>,
    spec: &FieldSpec,
    context: Context,
) -> Result<(), DecodeError> {
    reader.enter(PathSegment::Field(spec.name));
    field.decode_into(reader, spec.narrow(context)).map_err(|error| error.in_field(spec.name))?;
    reader.leave();
    Ok(())
}

/// Encodes a declared field, where it is among the untagged ones of this version.
#[cfg_attr(not(debug_assertions), inline(always))]
pub(crate) fn encode_plain<'m, F: Field, S: Sink<'m>>(field: &'m F, sink: S, spec: &FieldSpec, context: Context) -> S {
    if spec.is_plain_in(context) { field.encode(sink, spec.narrow(context)) } else { sink }
}

/// Makes a declared field random, where this version has it.
#[cfg(feature = "arbitrary")]
pub(crate) fn arbitrary_field<F: Field>(
    field: &mut F,
    source: &mut arbitrary::Unstructured<'_>,
    spec: &FieldSpec,
    context: Context,
) -> arbitrary::Result<()> {
    if spec.is_plain_in(context) || spec.is_tagged_in(context) {
        *field = F::arbitrary(source, spec.narrow(context))?;
    }
    Ok(())
}

/// Decodes the elements of an array, one after another.
#[cfg_attr(not(debug_assertions), inline(always))]
pub(super) fn decode_each<F: Field, T: Trace>(
    elements: &mut Vec<F>,
    count: usize,
    reader: &mut Reader<T>,
    context: Context,
) -> Result<(), DecodeError> {
    // All of them are made in their places first, and not moved there one by one.
    elements.resize_with(count, F::default);
    for (index, element) in elements.iter_mut().enumerate() {
        reader.enter(PathSegment::Index(index));
        element.decode_into(reader, context).map_err(|error| error.in_element(index))?;
        reader.leave();
    }
    Ok(())
}

/// Decodes a tag that a struct declares; says whether it is one. Not a type of its own for each struct, so that the section
/// is compiled once.
type DecodeKnown<'a, T> = dyn FnMut(&mut Reader<'_, T>, u32) -> Result<bool, DecodeError> + 'a;

/// Decodes a section of tagged fields; `known` decodes the tags that it knows and says whether it did.
pub(crate) fn decode_tagged<T: Trace>(
    reader: &mut Reader<T>,
    unknown: &mut TaggedFields,
    known: &mut DecodeKnown<'_, T>,
) -> Result<(), DecodeError> {
    let from = reader.at();
    let count = reader.uvarint()?;
    reader.note(Value::TaggedFields(count), from);
    let mut previous = None;
    for _ in 0..count {
        let at = reader.at();
        let tag = reader.uvarint()?;
        if let Some(previous) = previous
            && tag <= previous
        {
            return Err(DecodeError::new(at, DecodeFault::TagOrder { tag, previous }));
        }
        previous = Some(tag);
        let size_bytes = reader.uvarint()? as usize;
        reader.note(Value::Tag { tag, size_bytes }, at);
        reader.limited(size_bytes, |reader| {
            if known(reader, tag)? {
                return Ok(());
            }
            if unknown.as_slice().len() == UNKNOWN_TAGS_MAX {
                return Err(reader.fault(DecodeFault::TooManyTags(UNKNOWN_TAGS_MAX)));
            }
            reader.charge(unknown.growth_bytes())?;
            reader.enter(PathSegment::UnknownTag(tag));
            let from = reader.at();
            let content = reader.bytes(size_bytes).map_err(|error| error.in_unknown_tag(tag))?;
            reader.note(Value::Bytes(&content), from);
            unknown.push(tag, content);
            reader.leave();
            Ok(())
        })?;
    }
    Ok(())
}

/// Writes a section of tagged fields, the unknown ones in their places between the known.
pub(crate) struct TagEncoder<'m, S> {
    sink: S,
    unknown: &'m [(u32, Bytes)],
}

impl<'m, S: Sink<'m>> TagEncoder<'m, S> {
    /// Begins a section that will have `known` of the fields that are declared.
    pub(crate) fn begin(sink: S, unknown: &'m TaggedFields, known: u32) -> Self {
        let unknown = unknown.as_slice();
        Self { sink: sink.put_uvarint(known + unknown.len() as u32), unknown }
    }

    pub(crate) fn field<F: Field>(mut self, spec: &FieldSpec, value: &'m F, context: Context) -> Self {
        let tag = spec.tag.expect("only tagged fields come here");
        let size = value.encode(Counter::default(), spec.narrow(context));
        self = self.unknown_below(Some(tag));
        let sink = self.sink.put_uvarint(tag).put_uvarint(size.size_bytes as u32);
        Self { sink: value.encode(sink, spec.narrow(context)), ..self }
    }

    pub(crate) fn end(self) -> S {
        self.unknown_below(None).sink
    }

    fn unknown_below(mut self, limit: Option<u32>) -> Self {
        while let Some(((tag, bytes), rest)) = self.unknown.split_first() {
            if limit.is_some_and(|limit| *tag >= limit) {
                break;
            }
            self.sink = self.sink.put_uvarint(*tag).put_uvarint(bytes.len() as u32).put_slice(bytes);
            self.unknown = rest;
        }
        self
    }
}

/// Writes a section of tagged fields that has none of those that are declared.
#[cfg_attr(not(debug_assertions), inline(always))]
pub(crate) fn encode_unknown_tags<'m, S: Sink<'m>>(sink: S, unknown: &'m TaggedFields) -> S {
    if unknown.0.is_none() { sink.put([0]) } else { encode_some_unknown_tags(sink, unknown) }
}

#[cold]
#[inline(never)]
fn encode_some_unknown_tags<'m, S: Sink<'m>>(sink: S, unknown: &'m TaggedFields) -> S {
    TagEncoder::begin(sink, unknown, 0).end()
}

/// A nullable struct is a signed byte, negative for null, and the struct. In a tagged field the byte is 0 for null.
pub(crate) fn decode_nullable_struct<F: Field, T: Trace>(
    reader: &mut Reader<T>,
    context: Context,
) -> Result<Option<F>, DecodeError> {
    let from = reader.at();
    let [marker] = reader.array()?;
    if marker.cast_signed() < 0 || (context.tagged && marker == 0) {
        return Ok(None);
    }
    reader.note(Value::Present, from);
    F::decode(reader, context).map(Some)
}

/// See [`decode_nullable_struct`].
pub(crate) fn encode_nullable_struct<'m, F: Field, S: Sink<'m>>(this: Option<&'m F>, sink: S, context: Context) -> S {
    match this {
        None if context.tagged => sink.put([0]),
        None => sink.put([0xff]),
        Some(this) => this.encode(sink.put([1]), context),
    }
}

impl<F: Nullable> Field for Option<F> {
    const DEPTH: usize = F::DEPTH;

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn decode<T: Trace>(reader: &mut Reader<T>, context: Context) -> Result<Self, DecodeError> {
        let mut this = None;
        this.decode_into(reader, context)?;
        Ok(this)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn decode_into<T: Trace>(&mut self, reader: &mut Reader<T>, context: Context) -> Result<(), DecodeError> {
        let from = reader.at();
        F::decode_nullable_into(self, reader, context)?;
        if self.is_none() {
            if !context.nullable {
                return Err(DecodeError::new(from, DecodeFault::UnexpectedNull));
            }
            reader.note(Value::Null, from);
        }
        Ok(())
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn encode<'m, S: Sink<'m>>(&'m self, sink: S, context: Context) -> S {
        debug_assert!(self.is_some() || context.nullable, "null in version {}, which has none", context.version);
        F::encode_nullable(self.as_ref(), sink, context)
    }

    #[cfg(feature = "from-json")]
    fn from_json(json: &Json, context: Context) -> Result<Self, super::from_json::FromJsonError> {
        super::from_json::optional(json, context)
    }

    #[cfg(feature = "arbitrary")]
    fn arbitrary(source: &mut arbitrary::Unstructured<'_>, context: Context) -> arbitrary::Result<Self> {
        if context.nullable && source.ratio(1, 4)? { Ok(None) } else { F::arbitrary(source, context).map(Some) }
    }
}

impl<F: Field> Field for Vec<F> {
    const DEPTH: usize = F::DEPTH;

    fn decode<T: Trace>(reader: &mut Reader<T>, context: Context) -> Result<Self, DecodeError> {
        let mut this = Self::new();
        this.decode_into(reader, context)?;
        Ok(this)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn decode_into<T: Trace>(&mut self, reader: &mut Reader<T>, context: Context) -> Result<(), DecodeError> {
        let from = reader.at();
        if decode_array(self, reader, context)? {
            return Ok(());
        }
        Err(DecodeError::new(from, DecodeFault::UnexpectedNull))
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn encode<'m, S: Sink<'m>>(&'m self, sink: S, context: Context) -> S {
        Self::encode_nullable(Some(self), sink, context)
    }

    #[cfg(feature = "from-json")]
    fn from_json(json: &Json, context: Context) -> Result<Self, super::from_json::FromJsonError> {
        super::from_json::elements(json, context)
    }

    #[cfg(feature = "arbitrary")]
    fn arbitrary(source: &mut arbitrary::Unstructured<'_>, context: Context) -> arbitrary::Result<Self> {
        let mut elements = Vec::new();
        while elements.len() < 8 && !source.is_empty() && source.ratio(2, 3)? {
            elements.push(F::arbitrary(source, context)?);
        }
        Ok(elements)
    }
}

impl<F: Field> Nullable for Vec<F> {
    fn decode_nullable<T: Trace>(reader: &mut Reader<T>, context: Context) -> Result<Option<Self>, DecodeError> {
        let mut this = None;
        Self::decode_nullable_into(&mut this, reader, context)?;
        Ok(this)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn decode_nullable_into<T: Trace>(
        this: &mut Option<Self>,
        reader: &mut Reader<T>,
        context: Context,
    ) -> Result<(), DecodeError> {
        if !decode_array(this.get_or_insert_default(), reader, context)? {
            *this = None;
        }
        Ok(())
    }

    fn encode_nullable<'m, S: Sink<'m>>(this: Option<&'m Self>, sink: S, context: Context) -> S {
        let sink = encode_length::<4, _>(this.map(Vec::len), sink, context);
        F::encode_elements(this.map_or(&[], Vec::as_slice), sink, context)
    }
}

/// Reads an array into `elements`, and says whether it is one: it may be null.
#[inline(never)]
fn decode_array<F: Field, T: Trace>(
    elements: &mut Vec<F>,
    reader: &mut Reader<T>,
    context: Context,
) -> Result<bool, DecodeError> {
    elements.clear();
    let Some(count) = decode_count(reader, context)? else { return Ok(false) };
    if count > 0 {
        reader.charge(count.saturating_mul(size_of::<F>()))?;
        elements.reserve_exact(count);
        F::decode_elements(elements, count, reader, context)?;
    }
    Ok(true)
}

/// Reads the count in front of an array's elements, each of which takes at least a byte.
#[cfg_attr(not(debug_assertions), inline(always))]
pub(super) fn decode_count<T: Trace>(reader: &mut Reader<T>, context: Context) -> Result<Option<usize>, DecodeError> {
    let from = reader.at();
    let Some(count) = decode_length::<4, T>(reader, context)? else { return Ok(None) };
    let have = reader.remaining();
    if count > have {
        return Err(DecodeError::new(from, DecodeFault::Count { count: count as i64, have }));
    }
    reader.note(Value::Count(count), from);
    Ok(Some(count))
}

/// Reads a length or count: an uvarint of it plus one in flexible versions, else a signed integer of `WIDTH` bytes.
#[cfg_attr(not(debug_assertions), inline(always))]
pub(crate) fn decode_length<const WIDTH: usize, T: Trace>(
    reader: &mut Reader<T>,
    context: Context,
) -> Result<Option<usize>, DecodeError> {
    if context.flexible {
        let plus_one = if WIDTH == 2 { reader.uvarint()? } else { reader.long_or_short_uvarint()? };
        return Ok((plus_one as usize).checked_sub(1));
    }
    let from = reader.at();
    let length = if WIDTH == 2 {
        i64::from(i16::from_be_bytes(reader.array()?))
    } else {
        i64::from(i32::from_be_bytes(reader.array()?))
    };
    match length {
        -1 => Ok(None),
        0.. => Ok(Some(length as usize)),
        _ => Err(DecodeError::new(from, DecodeFault::NegativeLength(length))),
    }
}

/// See [`decode_length`].
#[cfg_attr(not(debug_assertions), inline(always))]
pub(crate) fn encode_length<'m, const WIDTH: usize, S: Sink<'m>>(
    length: Option<usize>,
    sink: S,
    context: Context,
) -> S {
    if context.flexible {
        let plus_one = length.map_or(0, |length| length + 1);
        return sink.put_uvarint(u32::try_from(plus_one).expect("lengths on the wire are below 2^31"));
    }
    if WIDTH == 2 {
        let length = length.map_or(-1, |length| i16::try_from(length).expect("classic strings are below 32 KiB"));
        sink.put(length.to_be_bytes())
    } else {
        let length = length.map_or(-1, |length| i32::try_from(length).expect("lengths on the wire are below 2^31"));
        sink.put(length.to_be_bytes())
    }
}
