//! Where encoded bytes go: [`to_bytes`] and [`to_frame`] write them, [`Counter`] says how many they would be. Both are fed
//! by the same `encode`, so that a size can't drift from the bytes.
//!
//! A sink is passed on by value from field to field: one so small is kept in registers.

use alloc::vec::Vec;

use bytes::Bytes;

use super::slice::Slice;
use crate::frame::{Chunk, FileRange, Frame};

/// Takes encoded bytes of a message that lives as long as `'m`.
#[must_use]
pub trait Sink<'m>: Sized {
    /// Copies a value of fixed size.
    fn put<const N: usize>(self, bytes: [u8; N]) -> Self;

    /// Copies `bytes`.
    fn put_slice(self, bytes: &[u8]) -> Self;

    /// Takes a slice that may be large, by reference where that pays.
    fn put_shared(self, bytes: &'m Slice) -> Self;

    /// Takes a stretch of a file by reference.
    fn put_file(self, range: FileRange) -> Self;

    /// Copies the first `count` of `bytes`.
    fn put_start<const N: usize>(self, count: usize, bytes: &[u8; N]) -> Self;

    /// Fields of fixed size will come, one after another.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn prepare(self) -> Self {
        self
    }

    /// Copies values of one size, one after another.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn put_all<const N: usize>(self, values: impl ExactSizeIterator<Item = [u8; N]>) -> Self {
        values.fold(self, Self::put)
    }

    /// Copies the first `count` of three values.
    fn put_few<const N: usize>(self, count: usize, values: [[u8; N]; 3]) -> Self;

    /// An unsigned varint.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn put_uvarint(self, value: u32) -> Self {
        match value {
            0..0x80 => self.put([value as u8]),
            0x80..0x4000 => self.put([value as u8 | 0x80, (value >> 7) as u8]),
            _ => put_long_uvarint(self, value),
        }
    }
}

/// One of three bytes and more.
#[inline(never)]
fn put_long_uvarint<'m, S: Sink<'m>>(sink: S, value: u32) -> S {
    let [a, b, c, d] = [0, 7, 14, 21].map(|shift| (value >> shift) as u8 | 0x80);
    match uvarint_size_bytes(value) {
        ..=3 => sink.put([a, b, c & 0x7f]),
        4 => sink.put([a, b, c, d & 0x7f]),
        _ => sink.put([a, b, c, d, (value >> 28) as u8]),
    }
}

/// Seven bits to the byte, and one byte at least.
#[cfg_attr(not(debug_assertions), inline(always))]
fn uvarint_size_bytes(value: u32) -> usize {
    if value < 0x80 { 1 } else { (38 - value.leading_zeros() as usize) / 7 }
}

/// Anything that can be written, a message in some version or several of them.
pub trait Encode {
    /// Writes it. Each time the same.
    fn write<'m, S: Sink<'m>>(&'m self, sink: S) -> S;
}

impl<A: Encode, B: Encode> Encode for (A, B) {
    fn write<'m, S: Sink<'m>>(&'m self, sink: S) -> S {
        self.1.write(self.0.write(sink))
    }
}

/// The bytes of `parts`, in a buffer of exactly their size.
///
/// # Panics
/// Where there is a file range among them: only answers refer to files.
#[must_use]
pub fn to_bytes(parts: &impl Encode) -> Bytes {
    let count = || parts.write(Counter::default()).size_bytes;
    let mut output = Output::new(Reserve::ByCount(&count), usize::MAX);
    output.write(parts);
    assert!(output.cuts.is_empty(), "a file range can only go into an answer");
    output.buffer.into()
}

/// `parts` behind their size. What is small is gathered in memory; large slices and file ranges are kept by reference.
///
/// # Panics
/// At 2 GiB, from which the limits on fetches keep answers away.
#[must_use]
pub fn to_frame(parts: &impl Encode) -> Frame {
    let mut output = Output::new(Reserve::AsItGrows, SHARE_FROM_BYTES);
    let parts = (Prefix, parts);
    output.write(&parts);
    let cut_bytes = output.cuts.iter().map(|(_, cut)| cut.size_bytes()).sum::<usize>();
    let size_bytes = output.buffer.len() + cut_bytes - PREFIX_BYTES;
    let prefix = i32::try_from(size_bytes).expect("answers stay below 2 GiB by the limits on fetches");
    output.buffer[..PREFIX_BYTES].copy_from_slice(&prefix.to_be_bytes());
    output.into_frame()
}

/// Room for the size in front of a frame.
struct Prefix;

const PREFIX_BYTES: usize = 4;

impl Encode for Prefix {
    fn write<'m, S: Sink<'m>>(&'m self, sink: S) -> S {
        sink.put([0; PREFIX_BYTES])
    }
}

impl<E: Encode> Encode for &E {
    fn write<'m, S: Sink<'m>>(&'m self, sink: S) -> S {
        (**self).write(sink)
    }
}

/// Counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counter {
    /// Bytes so far.
    pub size_bytes: usize,
}

impl Counter {
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn and(self, size_bytes: usize) -> Self {
        Self { size_bytes: self.size_bytes + size_bytes }
    }
}

impl Sink<'_> for Counter {
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn put<const N: usize>(self, _: [u8; N]) -> Self {
        self.and(N)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn put_slice(self, bytes: &[u8]) -> Self {
        self.and(bytes.len())
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn put_shared(self, bytes: &Slice) -> Self {
        self.and(bytes.len())
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn put_file(self, range: FileRange) -> Self {
        self.and(range.size_bytes as usize)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn put_all<const N: usize>(self, values: impl ExactSizeIterator<Item = [u8; N]>) -> Self {
        self.and(values.len() * N)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn put_few<const N: usize>(self, count: usize, _: [[u8; N]; 3]) -> Self {
        self.and(count * N)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn put_start<const N: usize>(self, count: usize, _: &[u8; N]) -> Self {
        self.and(count)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn put_uvarint(self, value: u32) -> Self {
        self.and(uvarint_size_bytes(value))
    }
}

/// What was written.
struct Output<'m> {
    /// Small fields are put here first: to write to a place of fixed size is faster than to append. A message that fits
    /// is allocated once, without being counted.
    stage: [u8; STAGE_BYTES],
    buffer: Vec<u8>,
    reserve: Reserve<'m>,
    /// What is kept by reference, with its place in the buffer.
    cuts: Vec<(usize, Cut<'m>)>,
    /// Slices below this are copied.
    share_from_bytes: usize,
}

const STAGE_BYTES: usize = 1024 + STRUCT_BYTES;

/// Where a struct begins, the stage has room for so many bytes: nearly all structs have less of a fixed size, and the
/// compiler sees that their fields fit.
const STRUCT_BYTES: usize = 128;

/// What is no smaller is not put on the stage.
const APPEND_FROM_BYTES: usize = 512;

/// What a buffer begins with that grows.
const GROW_FROM_BYTES: usize = 4096;

/// Slices below this are cheaper to copy than to send as a chunk of their own.
const SHARE_FROM_BYTES: usize = 4096;

/// How large the buffer is made when something comes that is not small.
enum Reserve<'m> {
    /// As large as it will be, by counting all parts. Growing is cheaper than that where all is small.
    ByCount(&'m dyn Fn() -> usize),
    /// Twice as large, whenever it is full.
    AsItGrows,
}

enum Cut<'m> {
    Slice(&'m Slice),
    File(FileRange),
}

impl Cut<'_> {
    fn size_bytes(&self) -> usize {
        match self {
            Self::Slice(slice) => slice.len(),
            Self::File(range) => range.size_bytes as usize,
        }
    }
}

impl<'m> Output<'m> {
    fn new(reserve: Reserve<'m>, share_from_bytes: usize) -> Self {
        Self { stage: [0; STAGE_BYTES], buffer: Vec::new(), reserve, cuts: Vec::new(), share_from_bytes }
    }

    fn write(&mut self, parts: &'m impl Encode) {
        let Writer { staged, .. } = parts.write(Writer { staged: 0, output: self });
        self.buffer.reserve_exact(staged);
        self.buffer.extend_from_slice(&self.stage[..staged]);
        self.buffer.shrink_to_fit();
    }

    /// Takes what is on the stage away from it, because it is full.
    #[inline(never)]
    fn clear_stage(&mut self, staged: usize) {
        if self.buffer.capacity() == 0 {
            self.buffer.reserve_exact(GROW_FROM_BYTES);
        }
        self.flush(staged);
    }

    fn flush(&mut self, staged: usize) {
        self.buffer.extend_from_slice(&self.stage[..staged]);
    }

    /// Copies what is on the stage, and `bytes` behind it.
    #[inline(never)]
    fn append(&mut self, staged: usize, bytes: &[u8]) {
        if let Reserve::ByCount(_) = self.reserve {
            self.reserve_by_count();
        }
        self.flush(staged);
        self.buffer.extend_from_slice(bytes);
    }

    #[cold]
    fn reserve_by_count(&mut self) {
        if let Reserve::ByCount(count) = core::mem::replace(&mut self.reserve, Reserve::AsItGrows) {
            self.buffer.reserve_exact(count() - self.buffer.len());
        }
    }

    #[inline(never)]
    fn cut(&mut self, staged: usize, cut: Cut<'m>) {
        self.flush(staged);
        self.cuts.push((self.buffer.len(), cut));
    }

    /// The buffer, cut where something else belongs.
    fn into_frame(self) -> Frame {
        let buffer = Bytes::from(self.buffer);
        let mut chunks = Vec::with_capacity(2 * self.cuts.len() + 1);
        let mut from = 0;
        for (at, cut) in self.cuts {
            if at > from {
                chunks.push(Chunk::Bytes(buffer.slice(from..at)));
            }
            chunks.push(match cut {
                Cut::Slice(slice) => Chunk::Bytes(slice.to_bytes()),
                Cut::File(range) => Chunk::File(range),
            });
            from = at;
        }
        match buffer.len() - from {
            0 => {}
            _ if from == 0 => chunks.push(Chunk::Bytes(buffer)),
            _ => chunks.push(Chunk::Bytes(buffer.slice(from..))),
        }
        Frame { chunks }
    }
}

/// Writes.
struct Writer<'m, 'o> {
    /// Bytes on the stage.
    staged: usize,
    output: &'o mut Output<'m>,
}

impl<'m> Writer<'m, '_> {
    /// With so many bytes left on the stage.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn with_room(self, size_bytes: usize) -> Self {
        if self.staged <= STAGE_BYTES - size_bytes {
            return self;
        }
        self.output.clear_stage(self.staged);
        Self { staged: 0, ..self }
    }

    /// Puts `bytes` on the stage, of which the first `count` stay.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn stage<const N: usize>(self, count: usize, bytes: &[u8; N]) -> Self {
        let this = self.with_room(N);
        if let Some(here) = this.output.stage[this.staged..].first_chunk_mut() {
            *here = *bytes;
        }
        this.and(count)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn and(self, size_bytes: usize) -> Self {
        Self { staged: self.staged + size_bytes, ..self }
    }
}

impl<'m> Sink<'m> for Writer<'m, '_> {
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn put<const N: usize>(self, bytes: [u8; N]) -> Self {
        self.stage(N, &bytes)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn put_slice(self, bytes: &[u8]) -> Self {
        if bytes.len() >= APPEND_FROM_BYTES {
            self.output.append(self.staged, bytes);
            return Self { staged: 0, ..self };
        }
        let this = self.with_room(bytes.len());
        if let Some(here) = this.output.stage[this.staged..].get_mut(..bytes.len()) {
            here.copy_from_slice(bytes);
        }
        this.and(bytes.len()).prepare()
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn put_shared(self, bytes: &'m Slice) -> Self {
        if bytes.len() < self.output.share_from_bytes {
            return self.put_slice(bytes);
        }
        self.output.cut(self.staged, Cut::Slice(bytes));
        Self { staged: 0, ..self }
    }

    fn put_file(self, range: FileRange) -> Self {
        if range.size_bytes == 0 {
            return self;
        }
        self.output.cut(self.staged, Cut::File(range));
        Self { staged: 0, ..self }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn put_few<const N: usize>(self, count: usize, [a, b, c]: [[u8; N]; 3]) -> Self {
        // All three are copied, which is faster: what comes next overwrites those that don't count. Each for itself,
        // because memory that is written in parts takes longer to be read as a whole.
        let this = self.with_room(3 * N);
        if let Some([first, second, third]) = this.output.stage[this.staged..].as_chunks_mut::<N>().0.first_chunk_mut()
        {
            *first = a;
            *second = b;
            *third = c;
        }
        this.and(count * N)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn put_start<const N: usize>(self, count: usize, bytes: &[u8; N]) -> Self {
        // All are copied: see above.
        self.stage(count, bytes)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn prepare(self) -> Self {
        self.with_room(STRUCT_BYTES)
    }
}
