//! An answer as it leaves: bytes in memory, and stretches of files that go from the disk to the socket.

use alloc::vec::Vec;

use bytes::Bytes;

/// An open file, numbered by the broker and never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub u64);

/// An answer: chunks that go out one after another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// In order; the first begins with the 4-byte size prefix.
    pub chunks: Vec<Chunk>,
}

impl Frame {
    /// Bytes on the wire, size prefix included.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.chunks.iter().map(Chunk::size_bytes).sum()
    }
}

/// A part of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chunk {
    /// From memory.
    Bytes(Bytes),
    /// From a file, unseen by the broker. The file stays open until the chunk was sent or the connection has closed.
    File(FileRange),
}

impl Chunk {
    /// Bytes on the wire.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File(range) => u64::from(range.size_bytes),
        }
    }
}

/// A stretch of an open file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileRange {
    /// Where.
    pub file: FileId,
    /// First byte.
    pub at: u64,
    /// How many bytes.
    pub size_bytes: u32,
}
