//! Decoding from one frame: bounds, budget and trace. What a type looks like on the wire is in `primitives` and `field`.

use bytes::Bytes;

use super::annotate::Value;
use super::error::{DecodeError, DecodeFault, PathSegment};

/// Watches a decode. `()` watches nothing and costs nothing.
pub trait Trace {
    /// A field or element begins at byte `at`.
    fn enter(&mut self, segment: PathSegment, at: usize);
    /// The innermost open field or element ends before byte `at`.
    fn leave(&mut self, at: usize);
    /// The innermost open field or element is this value, in bytes `from..to`.
    fn value(&mut self, value: Value<'_>, from: usize, to: usize);
}

impl Trace for () {
    #[inline(always)]
    fn enter(&mut self, _: PathSegment, _: usize) {}
    #[inline(always)]
    fn leave(&mut self, _: usize) {}
    #[inline(always)]
    fn value(&mut self, _: Value<'_>, _: usize, _: usize) {}
}

impl<T: Trace + ?Sized> Trace for &mut T {
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
pub struct Reader<T: Trace = ()> {
    frame: Bytes,
    at: usize,
    /// Reading stops here: the frame's end, or that of the tagged field being read.
    end: usize,
    budget: usize,
    budget_total: usize,
    trace: T,
}

/// What a decode may allocate whatever the frame's size; see [`Reader::charge`].
const BASE_BUDGET_BYTES: usize = (1 << 20) - RESERVE_BYTES;

/// Kept for what is not charged: an error with its path, and the one header that all slices of the frame share.
const RESERVE_BYTES: usize = 4096;

impl Reader<()> {
    /// Reads `frame` from its first byte.
    #[must_use]
    pub fn new(frame: Bytes) -> Self {
        Self::traced(frame, ())
    }
}

impl<T: Trace> Reader<T> {
    /// Reads `frame` from its first byte and tells `trace` of each field.
    #[must_use]
    pub fn traced(frame: Bytes, trace: T) -> Self {
        let end = frame.len();
        let budget = end.saturating_mul(4).saturating_add(BASE_BUDGET_BYTES);
        Self { frame, at: 0, end, budget, budget_total: budget, trace }
    }

    /// The next byte to be read.
    #[must_use]
    pub fn at(&self) -> usize {
        self.at
    }

    /// Bytes that are left.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.end - self.at
    }

    /// The trace, when all is read.
    #[must_use]
    pub fn into_trace(self) -> T {
        self.trace
    }

    /// Succeeds when every byte was read.
    pub fn finish(&self) -> Result<(), DecodeError> {
        match self.remaining() {
            0 => Ok(()),
            left => Err(self.fault(DecodeFault::Trailing(left))),
        }
    }

    /// The next `N` bytes.
    #[inline]
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        self.need(N)?;
        let mut bytes = [0; N];
        bytes.copy_from_slice(&self.frame[self.at..self.at + N]);
        self.at += N;
        Ok(bytes)
    }

    /// The next `size_bytes` bytes, as a slice of the frame.
    #[inline]
    pub fn bytes(&mut self, size_bytes: usize) -> Result<Bytes, DecodeError> {
        self.need(size_bytes)?;
        let bytes = self.frame.slice(self.at..self.at + size_bytes);
        self.at += size_bytes;
        Ok(bytes)
    }

    /// An unsigned varint of at most 5 bytes.
    #[inline]
    pub fn uvarint(&mut self) -> Result<u32, DecodeError> {
        let from = self.at;
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

    /// Takes `size_bytes` from the budget, before they are allocated. With what is kept for errors, a decode allocates at
    /// most 4 bytes a byte of the frame and 1 MiB.
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

    /// Decodes one field or element with `decode`, under `segment` in the trace and in errors.
    #[inline]
    pub fn scope<V>(
        &mut self,
        segment: PathSegment,
        decode: impl FnOnce(&mut Self) -> Result<V, DecodeError>,
    ) -> Result<V, DecodeError> {
        self.trace.enter(segment, self.at);
        let value = decode(self).map_err(|error| error.within(segment))?;
        self.trace.leave(self.at);
        Ok(value)
    }

    /// Decodes the next `size_bytes` bytes with `decode`, which must use all of them.
    pub fn limited<V>(
        &mut self,
        size_bytes: usize,
        decode: impl FnOnce(&mut Self) -> Result<V, DecodeError>,
    ) -> Result<V, DecodeError> {
        self.need(size_bytes)?;
        let from = self.at;
        let outer_end = core::mem::replace(&mut self.end, from + size_bytes);
        let value = decode(self)?;
        if self.at != self.end {
            let used = self.at - from;
            return Err(DecodeError::new(from, DecodeFault::TagSize { size: size_bytes, used }));
        }
        self.end = outer_end;
        Ok(value)
    }

    /// Tells the trace what the bytes from `from` on meant.
    #[inline(always)]
    pub fn note(&mut self, value: Value<'_>, from: usize) {
        self.trace.value(value, from, self.at);
    }

    /// An error at the present position.
    #[cold]
    #[must_use]
    pub fn fault(&self, fault: DecodeFault) -> DecodeError {
        DecodeError::new(self.at, fault)
    }

    #[inline]
    fn need(&self, need: usize) -> Result<(), DecodeError> {
        let have = self.remaining();
        if need > have { Err(self.fault(DecodeFault::Truncated { need, have })) } else { Ok(()) }
    }
}
