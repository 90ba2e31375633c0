//! Whole batches of a segment, one after another, with their checksums verified: what a compaction reads.

use bytes::{Bytes, BytesMut};

use crate::boundary::FileId;
use crate::log::scan::BatchFault;
use crate::records::{BATCH_HEADER_SIZE_BYTES, BatchHeader, CHECKSUM_FROM, crc32c};

/// So much is read at a time, and then the log does other things first.
const CHUNK_SIZE_BYTES: u32 = 256 << 10;

/// A segment that is being read.
#[derive(Debug)]
pub(super) struct BatchStream {
    file: FileId,
    /// Bytes of batches in it.
    end: u64,
    /// Where the next batch begins.
    position: u64,
    /// What is there, as far as it was read.
    buffer: Bytes,
    /// The first bytes of a batch that goes on behind the buffer.
    partial: BytesMut,
    /// The read that was asked for and not supplied.
    asked: Option<(u64, u32)>,
}

/// What a stream needs or has.
#[derive(Debug)]
pub(super) enum StreamStep {
    Read { file: FileId, at: u64, size_bytes: u32 },
    Batch { position: u64, batch: Bytes },
    End,
    Bad { position: u64, fault: BatchFault },
}

impl BatchStream {
    /// The first `end` bytes of `file`.
    pub(super) fn new(file: FileId, end: u64) -> Self {
        Self { file, end, position: 0, buffer: Bytes::new(), partial: BytesMut::new(), asked: None }
    }

    pub(super) fn file(&self) -> FileId {
        self.file
    }

    /// The bytes that the last [`StreamStep::Read`] asked for.
    pub(super) fn supply(&mut self, bytes: Bytes) {
        self.asked = None;
        if bytes.is_empty() {
            self.end = self.position;
        } else if self.partial.is_empty() {
            self.buffer = bytes;
        } else {
            self.partial.extend_from_slice(&bytes);
            self.buffer = self.partial.split().freeze();
        }
    }

    /// Goes on until it needs bytes; asks for the same ones until they are supplied.
    pub(super) fn step(&mut self) -> StreamStep {
        let position = self.position;
        if let Some((at, size_bytes)) = self.asked {
            return StreamStep::Read { file: self.file, at, size_bytes };
        }
        if position >= self.end {
            return StreamStep::End;
        }
        if self.buffer.len() < BATCH_HEADER_SIZE_BYTES {
            return self.read(BATCH_HEADER_SIZE_BYTES as u64);
        }
        let header = match BatchHeader::parse(&self.buffer) {
            Ok(header) => header,
            Err(fault) => return StreamStep::Bad { position, fault: fault.into() },
        };
        let size_bytes = header.size_bytes();
        if size_bytes > self.buffer.len() {
            return self.read(size_bytes as u64);
        }
        let batch = self.buffer.split_to(size_bytes);
        let computed = crc32c(&batch[CHECKSUM_FROM..]);
        if computed != header.crc {
            return StreamStep::Bad { position, fault: BatchFault::Checksum { stored: header.crc, computed } };
        }
        self.position += size_bytes as u64;
        StreamStep::Batch { position, batch }
    }

    /// A batch of which `need` bytes must be there is cut off by the buffer's end.
    fn read(&mut self, need: u64) -> StreamStep {
        let left = self.end - self.position;
        if need > left {
            let fault = BatchFault::Cut { size_bytes: need, have: left };
            return StreamStep::Bad { position: self.position, fault };
        }
        self.partial.extend_from_slice(&self.buffer);
        self.buffer = Bytes::new();
        let have = self.partial.len() as u64;
        let wanted = (need - have).max(u64::from(CHUNK_SIZE_BYTES)).min(left - have);
        let (at, size_bytes) = (self.position + have, wanted as u32);
        self.asked = Some((at, size_bytes));
        StreamStep::Read { file: self.file, at, size_bytes }
    }
}
