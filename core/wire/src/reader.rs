//! Decoding from one frame: bounds, budget and trace. What a type looks like on the wire is in `primitives` and `field`.

use alloc::sync::Arc;

use bytes::Bytes;

use super::annotate::Value;
use super::error::{DecodeError, DecodeFault, PathSegment};
use super::slice::{FRAME_SIZE_BYTES_MAX, Slice};

/// Watches a decode. `()` watches nothing and costs nothing.
pub trait Trace {
    /// Whether it wants to be told anything.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn watches(&self) -> bool {
        true
    }
    /// A field or element begins at byte `at`.
    fn enter(&mut self, segment: PathSegment, at: usize);
    /// The innermost open field or element ends before byte `at`.
    fn leave(&mut self, at: usize);
    /// The innermost open field or element is this value, in bytes `from..to`.
    fn value(&mut self, value: Value<'_>, from: usize, to: usize);
}

impl Trace for () {
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn watches(&self) -> bool {
        false
    }
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn enter(&mut self, _: PathSegment, _: usize) {}
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn leave(&mut self, _: usize) {}
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn value(&mut self, _: Value<'_>, _: usize, _: usize) {}
}

impl<T: Trace + ?Sized> Trace for &mut T {
    fn watches(&self) -> bool {
        (**self).watches()
    }
    fn enter(&mut self, segment: PathSegment, at: usize) {
        (**self).enter(segment, at);
    }
    fn leave(&mut self, at: usize) {
        (**self).leave(at);
    }
    fn value(&mut self, value: Value<'_>, from: usize, to: usize) {
        (**self).value(value, from, to);
    }
}

/// A position in a frame. Strings, bytes and record sets come out as slices of the frame.
#[derive(Debug)]
pub struct Reader<'a, T: Trace = ()> {
    /// What is left, up to `end`.
    rest: &'a [u8],
    /// Reading stops at this byte of the frame: its end, or that of the tagged field being read.
    end: usize,
    frame: &'a Bytes,
    /// The frame as its slices share it, from the first of them on.
    shared: Option<Arc<Bytes>>,
    budget: usize,
    budget_total: usize,
    trace: T,
}

/// What a decode may allocate whatever the frame's size; see [`Reader::charge`].
const BASE_BUDGET_BYTES: usize = (1 << 20) - RESERVE_BYTES;

/// Kept for what is not charged: an error with its path, and the headers that all slices of the frame share.
const RESERVE_BYTES: usize = 4096;

impl<'a> Reader<'a, ()> {
    /// Reads `frame` from its first byte.
    #[must_use]
    pub fn new(frame: &'a Bytes) -> Self {
        Self::over(frame, ())
    }
}

impl<'a> Reader<'a, &'a mut dyn Trace> {
    /// Reads `frame` from its first byte and tells `trace` of each field. Whoever watches gets the same code, so that there
    /// are no more than two decoders for each message.
    #[must_use]
    pub fn watched(frame: &'a Bytes, trace: &'a mut dyn Trace) -> Self {
        Self::over(frame, trace)
    }
}

impl<'a, T: Trace> Reader<'a, T> {
    /// A frame ends at 4 GiB.
    fn over(frame: &'a Bytes, trace: T) -> Self {
        let end = frame.len().min(FRAME_SIZE_BYTES_MAX);
        let budget = end.saturating_mul(4).saturating_add(BASE_BUDGET_BYTES);
        Self { rest: &frame[..end], end, frame, shared: None, budget, budget_total: budget, trace }
    }

    /// The next byte to be read.
    #[inline]
    #[must_use]
    pub fn at(&self) -> usize {
        self.end - self.rest.len()
    }

    /// Bytes that are left.
    #[inline]
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// Whether anybody is told of the fields.
    #[cfg_attr(not(debug_assertions), inline(always))]
    #[must_use]
    pub fn is_watched(&self) -> bool {
        self.trace.watches()
    }

    /// Succeeds when every byte was read.
    pub fn finish(&self) -> Result<(), DecodeError> {
        match self.remaining() {
            0 => Ok(()),
            left => Err(self.fault(DecodeFault::Trailing(left))),
        }
    }

    /// The next `N` bytes.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        match self.rest.split_first_chunk::<N>() {
            Some((bytes, rest)) => {
                self.rest = rest;
                Ok(*bytes)
            }
            None => Err(self.truncated(N)),
        }
    }

    /// The next `N` bytes, which are not read yet.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn peek<const N: usize>(&self) -> Option<&'a [u8; N]> {
        self.rest.first_chunk()
    }

    /// The next `size_bytes` bytes, which are not read yet.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn peek_slice(&self, size_bytes: usize) -> Option<&'a [u8]> {
        self.rest.get(..size_bytes)
    }

    /// The next `size_bytes` bytes, where only their content matters.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn take(&mut self, size_bytes: usize) -> Result<&'a [u8], DecodeError> {
        match self.rest.split_at_checked(size_bytes) {
            Some((bytes, rest)) => {
                self.rest = rest;
                Ok(bytes)
            }
            None => Err(self.truncated(size_bytes)),
        }
    }

    /// The next `size_bytes` bytes, as a slice of the frame.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn slice(&mut self, size_bytes: usize) -> Result<Slice, DecodeError> {
        let from = self.at();
        self.take(size_bytes)?;
        Ok(self.slice_of(from, size_bytes))
    }

    /// The next `size_bytes` bytes, as a slice of the frame.
    #[inline]
    pub fn bytes(&mut self, size_bytes: usize) -> Result<Bytes, DecodeError> {
        let from = self.at();
        self.take(size_bytes)?;
        Ok(self.frame.slice(from..from + size_bytes))
    }

    /// An unsigned varint of at most 5 bytes.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn uvarint(&mut self) -> Result<u32, DecodeError> {
        match self.rest.split_first() {
            Some((&byte, rest)) if byte < 0x80 => {
                self.rest = rest;
                Ok(byte.into())
            }
            _ => self.long_uvarint(),
        }
    }

    /// As [`Reader::uvarint`], for where two bytes are as frequent as one.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn long_or_short_uvarint(&mut self) -> Result<u32, DecodeError> {
        if let Some(([low, high], rest)) = self.rest.split_first_chunk::<2>()
            && *low >= 0x80
            && *high < 0x80
        {
            self.rest = rest;
            return Ok(u32::from(low & 0x7f) | u32::from(*high) << 7);
        }
        self.uvarint()
    }

    /// Whether the next byte is a section of tagged fields without any, as nearly all are; it is read then.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn no_tagged_fields(&mut self) -> bool {
        match self.rest.split_first() {
            Some((&0, rest)) => {
                let from = self.at();
                self.rest = rest;
                self.note(Value::TaggedFields(0), from);
                true
            }
            _ => false,
        }
    }

    /// Takes `size_bytes` from the budget, before they are allocated. With what is kept for errors, a decode allocates at
    /// most 4 bytes a byte of the frame and 1 MiB.
    #[inline]
    pub fn charge(&mut self, size_bytes: usize) -> Result<(), DecodeError> {
        match self.budget.checked_sub(size_bytes) {
            Some(left) => {
                self.budget = left;
                Ok(())
            }
            None => Err(self.fault(DecodeFault::Budget(self.budget_total))),
        }
    }

    /// What was charged so far.
    #[must_use]
    pub fn charged_bytes(&self) -> usize {
        self.budget_total - self.budget
    }

    /// Tells the trace that a field or element begins.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn enter(&mut self, segment: PathSegment) {
        self.trace.enter(segment, self.at());
    }

    /// Tells the trace that the innermost field or element has ended.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn leave(&mut self) {
        self.trace.leave(self.at());
    }

    /// Decodes the next `size_bytes` bytes with `decode`, which must use all of them.
    pub fn limited<V>(
        &mut self,
        size_bytes: usize,
        decode: impl FnOnce(&mut Self) -> Result<V, DecodeError>,
    ) -> Result<V, DecodeError> {
        let from = self.at();
        let Some((inner, rest)) = self.rest.split_at_checked(size_bytes) else {
            return Err(self.truncated(size_bytes));
        };
        let outer_end = self.end;
        self.rest = inner;
        self.end = from + size_bytes;
        let value = decode(self)?;
        if !self.rest.is_empty() {
            let used = size_bytes - self.rest.len();
            return Err(DecodeError::new(from, DecodeFault::TagSize { size: size_bytes, used }));
        }
        self.rest = rest;
        self.end = outer_end;
        Ok(value)
    }

    /// Tells the trace what the bytes from `from` on meant.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub fn note(&mut self, value: Value<'_>, from: usize) {
        self.trace.value(value, from, self.at());
    }

    /// An error at the present position.
    #[cold]
    #[must_use]
    pub fn fault(&self, fault: DecodeFault) -> DecodeError {
        DecodeError::new(self.at(), fault)
    }

    #[cold]
    #[inline(never)]
    fn truncated(&self, need: usize) -> DecodeError {
        self.fault(DecodeFault::Truncated { need, have: self.remaining() })
    }

    #[inline(never)]
    fn long_uvarint(&mut self) -> Result<u32, DecodeError> {
        if let Some(([low, high], rest)) = self.rest.split_first_chunk::<2>()
            && *high < 0x80
        {
            self.rest = rest;
            return Ok(u32::from(low & 0x7f) | u32::from(*high) << 7);
        }
        let from = self.at();
        let mut value = 0u32;
        for shift in (0..35).step_by(7) {
            let [byte] = self.array()?;
            value |= u32::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(DecodeError::new(from, DecodeFault::Varint(5)))
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn slice_of(&mut self, from: usize, size_bytes: usize) -> Slice {
        if size_bytes == 0 {
            return Slice::EMPTY;
        }
        let shared = match &self.shared {
            Some(shared) => shared,
            None => self.share(),
        };
        Slice::of(shared, from..from + size_bytes)
    }

    #[cold]
    #[inline(never)]
    fn share(&mut self) -> &Arc<Bytes> {
        self.shared.insert(Arc::new(self.frame.clone()))
    }
}
