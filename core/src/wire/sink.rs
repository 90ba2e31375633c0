//! Where encoded bytes go. [`Writer`] keeps them, [`Counter`] only counts, [`FrameWriter`] makes an answer of memory and
//! file chunks: all three are fed by the same `encode`, so a size can't drift from the bytes.

use alloc::vec::Vec;

use bytes::Bytes;

use crate::boundary::{Chunk, FileRange, Frame};

/// Takes encoded bytes.
pub trait Sink {
    /// Copies `bytes`.
    fn put(&mut self, bytes: &[u8]);

    /// Takes a large slice, by reference where the sink can.
    fn put_shared(&mut self, bytes: &Bytes) {
        self.put(bytes);
    }

    /// Takes a stretch of a file by reference.
    ///
    /// # Panics
    /// Where the sink makes plain bytes: only answers refer to files.
    fn put_file(&mut self, range: FileRange);

    /// An unsigned varint.
    #[inline]
    fn put_uvarint(&mut self, mut value: u32) {
        while value >= 0x80 {
            self.put(&[(value & 0x7f) as u8 | 0x80]);
            value >>= 7;
        }
        self.put(&[value as u8]);
    }
}

impl<S: Sink + ?Sized> Sink for &mut S {
    fn put(&mut self, bytes: &[u8]) {
        (**self).put(bytes);
    }

    fn put_shared(&mut self, bytes: &Bytes) {
        (**self).put_shared(bytes);
    }

    fn put_file(&mut self, range: FileRange) {
        (**self).put_file(range);
    }
}

/// Counts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counter {
    /// Bytes so far.
    pub size_bytes: usize,
}

impl Sink for Counter {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        self.size_bytes += bytes.len();
    }

    fn put_file(&mut self, range: FileRange) {
        self.size_bytes += range.size_bytes as usize;
    }
}

/// Collects into one buffer.
#[derive(Clone, Debug, Default)]
pub struct Writer {
    /// What was written so far.
    pub buffer: Vec<u8>,
}

impl Sink for Writer {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    fn put_file(&mut self, range: FileRange) {
        panic!("a file range ({range:?}) can only go into an answer");
    }
}

/// Collects an answer: small parts are gathered in memory, large slices and file ranges are kept by reference.
#[derive(Debug)]
pub struct FrameWriter {
    chunks: Vec<Chunk>,
    tail: Vec<u8>,
}

/// Slices below this are cheaper to copy than to send as a chunk of their own.
const SHARE_FROM_BYTES: usize = 4096;

impl FrameWriter {
    /// Starts a frame whose content will be `size_bytes` long: writes the prefix.
    #[must_use]
    pub fn new(size_bytes: usize) -> Self {
        let prefix = i32::try_from(size_bytes).expect("an answer stays below 2 GiB by the limits on fetches");
        let mut tail = Vec::with_capacity(4 + size_bytes.min(SHARE_FROM_BYTES));
        tail.extend_from_slice(&prefix.to_be_bytes());
        Self { chunks: Vec::new(), tail }
    }

    /// The finished frame.
    #[must_use]
    pub fn finish(mut self) -> Frame {
        self.cut();
        Frame { chunks: self.chunks }
    }

    fn cut(&mut self) {
        if !self.tail.is_empty() {
            self.chunks.push(Chunk::Bytes(Bytes::from(core::mem::take(&mut self.tail))));
        }
    }
}

impl Sink for FrameWriter {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        self.tail.extend_from_slice(bytes);
    }

    fn put_shared(&mut self, bytes: &Bytes) {
        if bytes.len() < SHARE_FROM_BYTES {
            return self.put(bytes);
        }
        self.cut();
        self.chunks.push(Chunk::Bytes(bytes.clone()));
    }

    fn put_file(&mut self, range: FileRange) {
        self.cut();
        if range.size_bytes > 0 {
            self.chunks.push(Chunk::File(range));
        }
    }
}
