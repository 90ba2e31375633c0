//! The values that fields are made of: integers, bytes, uuids, record sets. Strings have a room of their own.

use alloc::vec::Vec;
use core::fmt;

use bytes::Bytes;
use tinyvec::{ArrayVec, TinyVec};

use super::annotate::Value;
use super::error::{DecodeError, DecodeFault};
use super::field::{Context, Field, Nullable, decode_count, decode_each, decode_length, encode_length};
#[cfg(feature = "from-json")]
use super::from_json::{self, FromJsonError};
#[cfg(feature = "from-json")]
use super::json::Json;
use super::reader::{Reader, Trace};
use super::sink::Sink;
use super::slice::Slice;
use crate::frame::FileRange;

macro_rules! integer {
    ($($type:ty),*) => { $(
        impl Field for $type {
            #[cfg_attr(not(debug_assertions), inline(always))]
            fn decode<T: Trace>(reader: &mut Reader<T>, _: Context) -> Result<Self, DecodeError> {
                let from = reader.at();
                let value = Self::from_be_bytes(reader.array()?);
                reader.note(Value::Integer(i64::from(value)), from);
                Ok(value)
            }

            #[inline]
            fn decode_elements<T: Trace>(
                elements: &mut Vec<Self>,
                count: usize,
                reader: &mut Reader<T>,
                context: Context,
            ) -> Result<(), DecodeError> {
                const WIDTH: usize = size_of::<$type>();
                // Both a trace and an error want to know of each element.
                if reader.is_watched() || reader.remaining() / WIDTH < count {
                    return decode_each(elements, count, reader, context);
                }
                let (bytes, _) = reader.take(count * WIDTH)?.as_chunks::<WIDTH>();
                elements.extend(bytes.iter().map(|bytes| Self::from_be_bytes(*bytes)));
                Ok(())
            }

            #[cfg_attr(not(debug_assertions), inline(always))]
            fn encode<'m, S: Sink<'m>>(&'m self, sink: S, _: Context) -> S {
                sink.put(self.to_be_bytes())
            }

            #[cfg_attr(not(debug_assertions), inline(always))]
            fn encode_elements<'m, S: Sink<'m>>(elements: &'m [Self], sink: S, _: Context) -> S {
                sink.put_all(elements.iter().map(|element| element.to_be_bytes()))
            }

            #[cfg(feature = "from-json")]
            fn from_json(json: &Json, _: Context) -> Result<Self, FromJsonError> {
                from_json::integer(json)
            }

            #[cfg(feature = "arbitrary")]
            fn arbitrary(source: &mut arbitrary::Unstructured<'_>, _: Context) -> arbitrary::Result<Self> {
                source.arbitrary()
            }
        }
    )* };
}

integer!(i8, i16, u16, i32, u32, i64);

impl Field for f64 {
    fn decode<T: Trace>(reader: &mut Reader<T>, _: Context) -> Result<Self, DecodeError> {
        let from = reader.at();
        let value = Self::from_be_bytes(reader.array()?);
        reader.note(Value::Float(value), from);
        Ok(value)
    }

    fn encode<'m, S: Sink<'m>>(&'m self, sink: S, _: Context) -> S {
        sink.put(self.to_be_bytes())
    }

    #[cfg(feature = "from-json")]
    fn from_json(json: &Json, _: Context) -> Result<Self, FromJsonError> {
        from_json::float(json)
    }

    #[cfg(feature = "arbitrary")]
    fn arbitrary(source: &mut arbitrary::Unstructured<'_>, _: Context) -> arbitrary::Result<Self> {
        // NaN is not equal to itself, which a round trip would take for a loss.
        source.arbitrary::<f64>().map(|value| if value.is_nan() { 0.0 } else { value })
    }
}

impl Field for bool {
    fn decode<T: Trace>(reader: &mut Reader<T>, _: Context) -> Result<Self, DecodeError> {
        let from = reader.at();
        let value = reader.array::<1>()? != [0];
        reader.note(Value::Bool(value), from);
        Ok(value)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn encode<'m, S: Sink<'m>>(&'m self, sink: S, _: Context) -> S {
        sink.put([u8::from(*self)])
    }

    #[cfg(feature = "from-json")]
    fn from_json(json: &Json, _: Context) -> Result<Self, FromJsonError> {
        from_json::boolean(json)
    }

    #[cfg(feature = "arbitrary")]
    fn arbitrary(source: &mut arbitrary::Unstructured<'_>, _: Context) -> arbitrary::Result<Self> {
        source.arbitrary()
    }
}

/// A UUID, printed as Kafka does: base64url without padding.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uuid(pub u128);

impl Uuid {
    /// Stands for "none".
    pub const ZERO: Self = Self(0);
    /// The topic id of `__cluster_metadata`.
    pub const METADATA_TOPIC: Self = Self(1);

    /// Reads base64url, with or without padding.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim_end_matches('=');
        if text.len() != 22 {
            return None;
        }
        let mut bits = 0u128;
        for (index, byte) in text.bytes().enumerate() {
            let digit = match byte {
                b'A'..=b'Z' => byte - b'A',
                b'a'..=b'z' => byte - b'a' + 26,
                b'0'..=b'9' => byte - b'0' + 52,
                b'-' => 62,
                b'_' => 63,
                _ => return None,
            };
            // 22 digits are 132 bits: the last four are padding.
            bits = if index < 21 { bits << 6 | u128::from(digit) } else { bits << 2 | u128::from(digit >> 4) };
        }
        Some(Self(bits))
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        for index in 0..22 {
            let digit = if index < 21 { self.0 >> (122 - 6 * index) } else { self.0 << 4 } & 0x3f;
            write!(f, "{}", DIGITS[digit as usize] as char)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Field for Uuid {
    fn decode<T: Trace>(reader: &mut Reader<T>, _: Context) -> Result<Self, DecodeError> {
        let from = reader.at();
        let value = Self(u128::from_be_bytes(reader.array()?));
        reader.note(Value::Uuid(value), from);
        Ok(value)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn encode<'m, S: Sink<'m>>(&'m self, sink: S, _: Context) -> S {
        sink.put(self.0.to_be_bytes())
    }

    #[cfg(feature = "from-json")]
    fn from_json(json: &Json, _: Context) -> Result<Self, FromJsonError> {
        from_json::uuid(json)
    }

    #[cfg(feature = "arbitrary")]
    fn arbitrary(source: &mut arbitrary::Unstructured<'_>, _: Context) -> arbitrary::Result<Self> {
        source.arbitrary().map(Self)
    }
}

/// A type that null and a plain field decode alike, but for what null means.
macro_rules! never_null {
    ($type:ty, $from_json:ident) => {
        impl Field for $type {
            #[cfg_attr(not(debug_assertions), inline(always))]
            fn decode<T: Trace>(reader: &mut Reader<T>, context: Context) -> Result<Self, DecodeError> {
                let from = reader.at();
                Self::decode_nullable(reader, context)?
                    .ok_or_else(|| DecodeError::new(from, DecodeFault::UnexpectedNull))
            }

            #[cfg_attr(not(debug_assertions), inline(always))]
            fn encode<'m, S: Sink<'m>>(&'m self, sink: S, context: Context) -> S {
                Self::encode_nullable(Some(self), sink, context)
            }

            #[cfg(feature = "from-json")]
            fn from_json(json: &Json, _: Context) -> Result<Self, FromJsonError> {
                from_json::$from_json(json)
            }

            #[cfg(feature = "arbitrary")]
            fn arbitrary(source: &mut arbitrary::Unstructured<'_>, _: Context) -> arbitrary::Result<Self> {
                Self::random(source)
            }
        }
    };
}

never_null!(Slice, slice);
never_null!(Records, records);

impl Nullable for Slice {
    #[inline]
    fn decode_nullable<T: Trace>(reader: &mut Reader<T>, context: Context) -> Result<Option<Self>, DecodeError> {
        let from = reader.at();
        let Some(length) = decode_length::<4, T>(reader, context)? else { return Ok(None) };
        let bytes = reader.slice(length)?;
        reader.note(Value::Bytes(&bytes), from);
        Ok(Some(bytes))
    }

    #[inline]
    fn encode_nullable<'m, S: Sink<'m>>(this: Option<&'m Self>, sink: S, context: Context) -> S {
        let sink = encode_length::<4, _>(this.map(Self::len), sink, context);
        match this {
            None => sink,
            Some(bytes) => sink.put_shared(bytes),
        }
    }
}

/// Ids of brokers, of which a partition rarely has more than three: these take no allocation.
pub type BrokerIds = TinyVec<[i32; 3]>;

impl Field for BrokerIds {
    fn decode<T: Trace>(reader: &mut Reader<T>, context: Context) -> Result<Self, DecodeError> {
        let from = reader.at();
        Self::decode_nullable(reader, context)?.ok_or_else(|| DecodeError::new(from, DecodeFault::UnexpectedNull))
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn decode_into<T: Trace>(&mut self, reader: &mut Reader<T>, context: Context) -> Result<(), DecodeError> {
        if !reader.is_watched()
            && let Self::Inline(few) = self
            && let Some((count, ids)) = decode_few(reader, context)
        {
            *few = ArrayVec::from_array_len(ids, count);
            return Ok(());
        }
        *self = Self::decode(reader, context)?;
        Ok(())
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn encode<'m, S: Sink<'m>>(&'m self, sink: S, context: Context) -> S {
        Self::encode_nullable(Some(self), sink, context)
    }

    #[cfg(feature = "from-json")]
    fn from_json(json: &Json, _: Context) -> Result<Self, FromJsonError> {
        from_json::broker_ids(json)
    }

    #[cfg(feature = "arbitrary")]
    fn arbitrary(source: &mut arbitrary::Unstructured<'_>, _: Context) -> arbitrary::Result<Self> {
        (0..source.int_in_range(0..=5)?).map(|_| source.arbitrary()).collect()
    }
}

impl Nullable for BrokerIds {
    fn decode_nullable<T: Trace>(reader: &mut Reader<T>, context: Context) -> Result<Option<Self>, DecodeError> {
        let Some(count) = decode_count(reader, context)? else { return Ok(None) };
        reader.charge(count.saturating_mul(size_of::<i32>()))?;
        let mut ids = Vec::with_capacity(count);
        i32::decode_elements(&mut ids, count, reader, context)?;
        Ok(Some(Self::Heap(ids)))
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn encode_nullable<'m, S: Sink<'m>>(this: Option<&'m Self>, sink: S, context: Context) -> S {
        let Some(Self::Inline(few)) = this else { return encode_many(this.map(Self::as_slice), sink, context) };
        // So that the compiler knows it too.
        let count = few.len().min(3);
        let sink = if context.flexible { sink.put([count as u8 + 1]) } else { sink.put((count as u32).to_be_bytes()) };
        sink.put_few(count, few.into_inner().map(i32::to_be_bytes))
    }
}

/// Reads up to three ids where what follows makes it easy: all three are read, however many they are.
#[cfg_attr(not(debug_assertions), inline(always))]
fn decode_few<T: Trace>(reader: &mut Reader<T>, context: Context) -> Option<(usize, [i32; 3])> {
    let (count, ids) = if context.flexible {
        let [count, ids @ ..] = *reader.peek::<13>()?;
        (usize::from(count).checked_sub(1)?, ids)
    } else {
        let [a, b, c, d, ids @ ..] = *reader.peek::<16>()?;
        (usize::try_from(i32::from_be_bytes([a, b, c, d])).ok()?, ids)
    };
    if count > 3 {
        return None;
    }
    let (ids, _) = ids.as_chunks::<4>();
    let ids = [ids[0], ids[1], ids[2]].map(i32::from_be_bytes);
    let prefix_bytes = if context.flexible { 1 } else { 4 };
    reader.take(prefix_bytes + count * 4).ok()?;
    Some((count, ids))
}

#[inline(never)]
fn encode_many<'m, S: Sink<'m>>(ids: Option<&'m [i32]>, sink: S, context: Context) -> S {
    let sink = encode_length::<4, _>(ids.map(<[i32]>::len), sink, context);
    i32::encode_elements(ids.unwrap_or_default(), sink, context)
}

/// A record set: the batches of one partition. In an answer it may be a stretch of a segment that nobody reads into memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Records {
    /// In memory.
    Bytes(Slice),
    /// In a segment.
    File(FileRange),
}

impl Records {
    /// On the wire, without the length in front.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::File(range) => range.size_bytes as usize,
        }
    }
}

impl Default for Records {
    fn default() -> Self {
        Self::Bytes(Slice::EMPTY)
    }
}

impl From<Bytes> for Records {
    fn from(bytes: Bytes) -> Self {
        Self::Bytes(bytes.into())
    }
}

impl Nullable for Records {
    #[inline]
    fn decode_nullable<T: Trace>(reader: &mut Reader<T>, context: Context) -> Result<Option<Self>, DecodeError> {
        let from = reader.at();
        let Some(length) = decode_length::<4, T>(reader, context)? else { return Ok(None) };
        let bytes = reader.slice(length)?;
        reader.note(Value::Records(&bytes), from);
        Ok(Some(Self::Bytes(bytes)))
    }

    #[inline]
    fn encode_nullable<'m, S: Sink<'m>>(this: Option<&'m Self>, sink: S, context: Context) -> S {
        let sink = encode_length::<4, _>(this.map(Self::size_bytes), sink, context);
        match this {
            None => sink,
            Some(Self::Bytes(bytes)) => sink.put_shared(bytes),
            Some(Self::File(range)) => sink.put_file(*range),
        }
    }
}

#[cfg(feature = "arbitrary")]
mod random {
    use super::{Records, Slice};
    use arbitrary::{Result, Unstructured};

    /// A few bytes, so that others get some too; now and then enough for a length of two varint bytes.
    fn some<'a>(source: &mut Unstructured<'a>) -> Result<&'a [u8]> {
        let size_bytes_max = if source.ratio(1, 16)? { 300 } else { 12 };
        let size_bytes = source.int_in_range(0..=size_bytes_max)?.min(source.len());
        source.bytes(size_bytes)
    }

    impl Slice {
        pub(super) fn random(source: &mut Unstructured<'_>) -> Result<Self> {
            some(source).map(Self::from)
        }
    }

    impl Records {
        pub(super) fn random(source: &mut Unstructured<'_>) -> Result<Self> {
            Slice::random(source).map(Self::Bytes)
        }
    }
}
