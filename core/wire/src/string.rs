//! Strings. A short one is kept in place, a longer one is a slice of its frame.

use alloc::string::String;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::ops::Deref;

use bytes::Bytes;

use super::annotate::Value;
use super::error::{DecodeError, DecodeFault};
use super::field::{Context, Field, Nullable, decode_length, encode_length};
#[cfg(feature = "from-json")]
use super::from_json::{self, FromJsonError};
#[cfg(feature = "from-json")]
use super::json::Json;
use super::reader::{Reader, Trace};
use super::sink::Sink;
use super::slice::Slice;

/// A string that costs no allocation and hardly a copy: up to 22 bytes, which most names and all ids in base64 have, are
/// kept in it; of a longer one it holds a slice of the frame. It is cheap to pass on, but a long one that outlives the
/// request must be copied out.
#[derive(Clone)]
pub struct Str(Place);

#[derive(Clone)]
enum Place {
    Here(Short),
    Frame(Slice),
}

/// A few bytes, in place.
#[derive(Clone, Copy)]
struct Short {
    size_bytes: u8,
    /// Anything beyond the size: it is faster to copy all of them.
    bytes: [u8; SHORT_BYTES_MAX],
}

/// With these a [`Str`] is as large as a slice needs it to be.
const SHORT_BYTES_MAX: usize = 22;

impl Short {
    const EMPTY: Self = Self { size_bytes: 0, bytes: [0; SHORT_BYTES_MAX] };

    /// None where they are more than a few.
    fn of(bytes: &[u8]) -> Option<Self> {
        let mut this = Self { size_bytes: bytes.len() as u8, ..Self::EMPTY };
        this.bytes.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(this)
    }

    /// How many they are.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn len(&self) -> usize {
        // So that the compiler knows it too.
        usize::from(self.size_bytes).min(SHORT_BYTES_MAX)
    }
}

impl Str {
    /// A string known at compile time, without a copy.
    #[must_use]
    pub fn from_static(text: &'static str) -> Self {
        Self::of(text.as_bytes(), || Bytes::from_static(text.as_bytes()).into())
    }

    /// `bytes` as they are kept: in place, or as `slice` has them.
    fn of(bytes: &[u8], slice: impl FnOnce() -> Slice) -> Self {
        Self(Short::of(bytes).map_or_else(|| Place::Frame(slice()), Place::Here))
    }

    /// Its bytes.
    #[inline]
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Place::Here(short) => &short.bytes[..short.len()],
            Place::Frame(slice) => slice,
        }
    }
}

impl Default for Str {
    fn default() -> Self {
        Self(Place::Here(Short::EMPTY))
    }
}

impl Deref for Str {
    type Target = str;

    #[inline]
    fn deref(&self) -> &str {
        core::str::from_utf8(self.as_bytes()).expect("checked when it was made")
    }
}

impl From<&str> for Str {
    fn from(text: &str) -> Self {
        Self::of(text.as_bytes(), || text.as_bytes().into())
    }
}

impl From<String> for Str {
    fn from(text: String) -> Self {
        match Short::of(text.as_bytes()) {
            Some(short) => Self(Place::Here(short)),
            None => Self(Place::Frame(text.into())),
        }
    }
}

impl PartialEq for Str {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Str {}

impl PartialOrd for Str {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Str {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl Hash for Str {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl PartialEq<str> for Str {
    fn eq(&self, other: &str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl PartialEq<&str> for Str {
    fn eq(&self, other: &&str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl fmt::Display for Str {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

impl fmt::Debug for Str {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl Field for Str {
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn decode<T: Trace>(reader: &mut Reader<T>, context: Context) -> Result<Self, DecodeError> {
        let mut this = Self::default();
        this.decode_into(reader, context)?;
        Ok(this)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn decode_into<T: Trace>(&mut self, reader: &mut Reader<T>, context: Context) -> Result<(), DecodeError> {
        let from = reader.at();
        match decode_length::<2, T>(reader, context)? {
            Some(length) => decode_text(self, reader, from, length),
            None => Err(DecodeError::new(from, DecodeFault::UnexpectedNull)),
        }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn encode<'m, S: Sink<'m>>(&'m self, sink: S, context: Context) -> S {
        match &self.0 {
            Place::Here(short) => encode_short(short, sink, context),
            Place::Frame(slice) => encode_long(slice, sink, context),
        }
    }

    #[cfg(feature = "from-json")]
    fn from_json(json: &Json, _: Context) -> Result<Self, FromJsonError> {
        from_json::string(json)
    }

    #[cfg(feature = "arbitrary")]
    fn arbitrary(source: &mut arbitrary::Unstructured<'_>, context: Context) -> arbitrary::Result<Self> {
        let bytes = Slice::arbitrary(source, context)?;
        Ok(Self::from(String::from_utf8_lossy(&bytes).into_owned()))
    }
}

impl Nullable for Str {
    #[cfg_attr(not(debug_assertions), inline(always))]
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
        let from = reader.at();
        match decode_length::<2, T>(reader, context)? {
            Some(length) => decode_text(this.get_or_insert_default(), reader, from, length),
            None => {
                *this = None;
                Ok(())
            }
        }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn encode_nullable<'m, S: Sink<'m>>(this: Option<&'m Self>, sink: S, context: Context) -> S {
        match this {
            Some(this) => this.encode(sink, context),
            None => encode_length::<2, _>(None, sink, context),
        }
    }
}

/// Reads the `length` bytes of a string that began at `from`, with its length, into its place.
#[cfg_attr(not(debug_assertions), inline(always))]
fn decode_text<T: Trace>(
    this: &mut Str,
    reader: &mut Reader<T>,
    from: usize,
    length: usize,
) -> Result<(), DecodeError> {
    if length > SHORT_BYTES_MAX {
        this.0 = Place::Frame(decode_long(reader, from, length)?);
        return Ok(());
    }
    if length == 0 && !reader.is_watched() {
        *this = Str::default();
        return Ok(());
    }
    // All that may belong to it is copied, however long it is: from one place to the other, because what is put down in
    // between in parts takes longer to be read as a whole.
    if !reader.is_watched()
        && let Some(bytes) = reader.peek::<SHORT_BYTES_MAX>()
        && let Place::Here(short) = &mut this.0
        && is_short_ascii(bytes, length)
    {
        reader.take(length)?;
        short.size_bytes = length as u8;
        short.bytes = *bytes;
        return Ok(());
    }
    *this = decode_short(reader, from, length)?;
    Ok(())
}

/// Whether the first `length` bytes are ASCII. Without a loop: what they end with is not known beforehand.
#[cfg_attr(not(debug_assertions), inline(always))]
fn is_short_ascii(bytes: &[u8; SHORT_BYTES_MAX], length: usize) -> bool {
    const HIGH_BITS: u64 = 0x8080_8080_8080_8080;
    let high_bits = |from: usize| {
        let unused = 8 - length.saturating_sub(from).min(8) as u32;
        let mask = HIGH_BITS.checked_shr(8 * unused).unwrap_or(0);
        bytes[from..].first_chunk().map_or(0, |word| u64::from_le_bytes(*word) & mask)
    };
    high_bits(0) | high_bits(8) | high_bits(SHORT_BYTES_MAX - 8) == 0
}

#[inline(never)]
fn decode_long<T: Trace>(reader: &mut Reader<T>, from: usize, length: usize) -> Result<Slice, DecodeError> {
    let start = reader.at();
    if !reader.is_watched() && reader.peek_slice(length).is_some_and(is_long_ascii) {
        reader.take(length)?;
    } else {
        take_text(reader, from, length)?;
    }
    Ok(reader.slice_of(start, length))
}

/// Whether they are, where there are 16 to 64 of them: any others are for those who ask anybody.
#[cfg_attr(not(debug_assertions), inline(always))]
fn is_long_ascii(bytes: &[u8]) -> bool {
    let Some(last) = bytes.len().checked_sub(16).filter(|last| *last <= 48) else { return false };
    // Some may be looked at twice, which takes less than to find out.
    let high_bits = |at: usize| {
        let word = bytes[at.min(last)..].first_chunk().map_or(0, |word| u128::from_le_bytes(*word));
        word & 0x8080_8080_8080_8080_8080_8080_8080_8080
    };
    high_bits(0) | high_bits(16) | high_bits(32) | high_bits(last) == 0
}

/// The general case of a short string: it may be at the frame's end, not be ASCII, or be watched.
#[inline(never)]
fn decode_short<T: Trace>(reader: &mut Reader<T>, from: usize, length: usize) -> Result<Str, DecodeError> {
    let bytes = take_text(reader, from, length)?;
    Ok(Str::of(bytes, || bytes.into()))
}

#[inline(never)]
fn take_text<'a, T: Trace>(reader: &mut Reader<'a, T>, from: usize, length: usize) -> Result<&'a [u8], DecodeError> {
    let bytes = reader.take(length)?;
    // Most strings are ASCII, for which there is a faster test.
    if reader.is_watched() || !bytes.is_ascii() {
        let Ok(text) = core::str::from_utf8(bytes) else {
            return Err(DecodeError::new(from, DecodeFault::Utf8));
        };
        reader.note(Value::Str(text), from);
    }
    Ok(bytes)
}

#[cfg_attr(not(debug_assertions), inline(always))]
fn encode_short<'m, S: Sink<'m>>(short: &'m Short, sink: S, context: Context) -> S {
    let count = short.len();
    let sink = if context.flexible { sink.put([count as u8 + 1]) } else { sink.put((count as i16).to_be_bytes()) };
    sink.put_start(count, &short.bytes)
}

#[inline]
fn encode_long<'m, S: Sink<'m>>(slice: &'m Slice, sink: S, context: Context) -> S {
    let length = slice.len();
    // Few are longer, and few are so near to the frame's end.
    match slice.and_more::<64>() {
        Some(bytes) if length <= bytes.len() => {
            let sink =
                if context.flexible { sink.put([length as u8 + 1]) } else { sink.put((length as u16).to_be_bytes()) };
            sink.put_start(length, bytes).prepare()
        }
        _ => encode_any(slice, sink, context),
    }
}

#[inline(never)]
fn encode_any<'m, S: Sink<'m>>(slice: &'m Slice, sink: S, context: Context) -> S {
    encode_length::<2, _>(Some(slice.len()), sink, context).put_slice(slice)
}

#[cfg(test)]
mod tests {
    use alloc::string::{String, ToString};

    use super::{Bytes, Str};
    use crate::field::{Context, Field};
    use crate::{Encode, Reader, Sink, to_bytes};

    const CLASSIC: Context = Context { version: 0, flexible: false, nullable: true, tagged: false };

    struct Written<'a>(&'a Str, Context);

    impl Encode for Written<'_> {
        fn write<'m, S: Sink<'m>>(&'m self, sink: S) -> S {
            self.0.encode(sink, self.1)
        }
    }

    #[test]
    fn a_string_takes_three_words_and_so_does_one_that_may_be_null() {
        assert_eq!(size_of::<Str>(), 24);
        assert_eq!(size_of::<Option<Str>>(), 24);
    }

    #[test]
    fn a_string_of_any_length_comes_back_wherever_the_frame_ends() {
        for context in [CLASSIC, Context { flexible: true, ..CLASSIC }] {
            for (length, follow) in (0..50).flat_map(|length| [0, 1, 30].map(|follow| (length, follow))) {
                for letter in ["a", "\u{e9}", "\u{1f980}"] {
                    let text = Str::from(letter.repeat(length));
                    let mut frame = to_bytes(&Written(&text, context)).to_vec();
                    frame.resize(frame.len() + follow, 0xff);
                    let frame = Bytes::from(frame);
                    let mut reader = Reader::new(&frame);
                    assert_eq!(Str::decode(&mut reader, context).as_ref(), Ok(&text));
                    assert_eq!(reader.remaining(), follow);
                }
            }
        }
    }

    #[test]
    fn what_is_not_utf_8_is_refused_at_any_length() {
        for length in 1..50u8 {
            let mut frame = [&[0, length][..], &[b'a'; 80]].concat();
            frame[1 + usize::from(length)] = 0xff;
            let frame = Bytes::from(frame);
            let error = Str::decode(&mut Reader::new(&frame), CLASSIC).unwrap_err();
            assert_eq!(error.to_string(), " at byte 0: not valid UTF-8");
        }
    }

    #[test]
    fn a_string_that_is_cut_is_refused_at_any_length() {
        for length in 1..50u8 {
            let frame = Bytes::from([&[0, length][..], &[b'a'; 50][..usize::from(length) - 1]].concat());
            let error = Str::decode(&mut Reader::new(&frame), CLASSIC).unwrap_err();
            assert_eq!(error.at(), 2);
        }
    }

    #[test]
    fn a_short_string_does_not_keep_its_frame_and_a_long_one_does() {
        let long = "orders-by-customer-and-region";
        for (text, keeps) in [("orders", false), (&long[..22], false), (&long[..23], true), (long, true)] {
            let frame = to_bytes(&Written(&Str::from(text), CLASSIC));
            let frame = Bytes::from([&frame[..], &[0; 30]].concat());
            let decoded = Str::decode(&mut Reader::new(&frame), CLASSIC).unwrap();
            assert_eq!(decoded, text);
            assert_eq!(!frame.is_unique(), keeps, "{text}");
        }
    }

    #[test]
    fn strings_are_in_the_order_of_their_bytes_wherever_they_are_kept() {
        let [none, short, long] = [0, 1, 40].map(|count| Str::from("a".repeat(count)));
        let z = Str::from_static("z");
        assert!(none < short && short < long && long < z);
        assert_eq!(short, Str::from("a"));
        assert_eq!(long, Str::from(String::from(&*long)));
    }
}
