//! The codecs, both ways. What comes out of a decompression is bounded by what was really written, never by what a frame
//! claims; what goes into a compression is read by Kafka's own code and by its clients.
//!
//! A [`Decompressor`] gives piece after piece. What it keeps is the codec's window and one block: 64 KiB for gzip, up to
//! 4 MiB for lz4, a chunk for snappy (all of it where there is no framing), the frame's window for zstd, but of that no
//! more than came out.

mod gzip;
mod lz4;
mod snappy;
mod zstd;

use alloc::vec::Vec;

use thiserror::Error;

use super::header::Compression;
use crate::error_code::ErrorCode;

/// Why data can't be decompressed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DecompressError {
    /// A codec that Kafka has not given out.
    #[error("codec 0 to 4 expected, found {0}")]
    UnknownCodec(i16),
    /// The data is not what the codec makes.
    #[error("damaged {codec} data: {what}")]
    Damaged {
        /// Which.
        codec: &'static str,
        /// In a few words.
        what: &'static str,
    },
    /// More came out than is allowed.
    #[error("more than {limit_bytes} bytes after decompression")]
    TooLarge {
        /// What is allowed.
        limit_bytes: usize,
    },
}

impl DecompressError {
    /// What a producer of such data is told.
    #[must_use]
    pub fn error_code(&self) -> ErrorCode {
        match self {
            // Not CORRUPT_MESSAGE, which producers retry.
            Self::UnknownCodec(_) | Self::Damaged { .. } => ErrorCode::UnknownServerError,
            Self::TooLarge { .. } => ErrorCode::MessageTooLarge,
        }
    }
}

/// How much may come out of a decompression: so many bytes, and so many times what went in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputLimit {
    /// In bytes, whatever went in.
    pub max_bytes: usize,
    /// Bytes that come out for each that goes in, beyond the first [`OutputLimit::FREE_BYTES`].
    pub max_ratio: usize,
}

impl OutputLimit {
    /// So much may come out of anything.
    pub const FREE_BYTES: usize = 16 << 20;

    /// At most `max_bytes`, and no more than the densest honest data: gzip reaches 1,032 bytes a byte, lz4 255, snappy 22.
    /// Only zstd has no ceiling of its own.
    #[must_use]
    pub const fn of_bytes(max_bytes: usize) -> Self {
        Self { max_bytes, max_ratio: 2_048 }
    }

    fn for_input(self, size_bytes: usize) -> usize {
        size_bytes.saturating_mul(self.max_ratio).max(Self::FREE_BYTES).min(self.max_bytes)
    }
}

impl Default for OutputLimit {
    /// 128 MiB: a hundred times what a topic takes as one batch by default.
    fn default() -> Self {
        Self::of_bytes(128 << 20)
    }
}

/// Decompresses the records of a batch.
///
/// # Errors
/// Where the data is damaged, or too much comes out.
pub fn decompress(codec: Compression, data: &[u8], limit: OutputLimit) -> Result<Vec<u8>, DecompressError> {
    let mut decompressor = Decompressor::new(codec, data, limit);
    let mut output = Vec::new();
    while decompressor.read(&mut output)? {}
    Ok(output)
}

/// Decompresses the records of a batch piece by piece.
#[derive(Debug)]
pub struct Decompressor<'a> {
    codec: Codec<'a>,
    limit_bytes: usize,
    /// What may still come out.
    allowed_bytes: usize,
}

#[derive(Debug)]
enum Codec<'a> {
    None(&'a [u8]),
    Gzip(gzip::Decoder<'a>),
    Snappy(snappy::Decoder<'a>),
    Lz4(lz4::Decoder<'a>),
    Zstd(zstd::Decoder<'a>),
}

/// What a codec answers to a request for the next piece.
enum Stop {
    /// The data is wrong, in a few words.
    Damaged(&'static str),
    /// There is more than is allowed.
    TooLarge,
}

impl<'a> Decompressor<'a> {
    /// Nothing is read yet.
    #[must_use]
    pub fn new(codec: Compression, data: &'a [u8], limit: OutputLimit) -> Self {
        let limit_bytes = limit.for_input(data.len());
        let codec = match codec {
            Compression::None => Codec::None(data),
            Compression::Gzip => Codec::Gzip(gzip::Decoder::new(data)),
            Compression::Snappy => Codec::Snappy(snappy::Decoder::new(data)),
            Compression::Lz4 => Codec::Lz4(lz4::Decoder::new(data)),
            Compression::Zstd => Codec::Zstd(zstd::Decoder::new(data)),
        };
        Self { codec, limit_bytes, allowed_bytes: limit_bytes }
    }

    /// Appends the next piece to `output`, and says whether there was one. A piece may be empty.
    ///
    /// # Errors
    /// Where the data is damaged, or more would come out than is allowed. What was appended until then stays; after an
    /// error don't read on.
    pub fn read(&mut self, output: &mut Vec<u8>) -> Result<bool, DecompressError> {
        let before = output.len();
        let allowed_bytes = self.allowed_bytes;
        let (name, result) = match &mut self.codec {
            Codec::None(data) => ("plain", read_plain(data, output, allowed_bytes)),
            Codec::Gzip(decoder) => ("gzip", decoder.read(output, allowed_bytes)),
            Codec::Snappy(decoder) => ("snappy", decoder.read(output, allowed_bytes)),
            Codec::Lz4(decoder) => ("lz4", decoder.read(output, allowed_bytes)),
            Codec::Zstd(decoder) => ("zstd", decoder.read(output, allowed_bytes)),
        };
        let is_piece = result.map_err(|stop| match stop {
            Stop::Damaged(what) => DecompressError::Damaged { codec: name, what },
            Stop::TooLarge => DecompressError::TooLarge { limit_bytes: self.limit_bytes },
        })?;
        let piece_bytes = output.len() - before;
        assert!(piece_bytes <= allowed_bytes, "{name} gave {piece_bytes} bytes, {allowed_bytes} were allowed");
        self.allowed_bytes -= piece_bytes;
        Ok(is_piece)
    }
}

fn read_plain(data: &mut &[u8], output: &mut Vec<u8>, allowed_bytes: usize) -> Result<bool, Stop> {
    if data.len() > allowed_bytes {
        return Err(Stop::TooLarge);
    }
    output.extend_from_slice(data);
    Ok(!core::mem::take(data).is_empty())
}

/// Compresses the plain records of a batch.
///
/// `level` is that of `compression.gzip.level` (1 to 9, by default 6); others are taken for the nearest. Snappy, lz4 and
/// zstd have one effort here, whatever `level` says: what comes out is what Kafka's fastest levels make.
///
/// Beside the output this takes less than a megabyte of memory.
#[must_use]
pub fn compress(codec: Compression, level: Option<i32>, data: &[u8]) -> Vec<u8> {
    match codec {
        Compression::None => data.to_vec(),
        Compression::Gzip => gzip::compress(data, level),
        Compression::Snappy => snappy::compress(data),
        Compression::Lz4 => lz4::compress(data),
        Compression::Zstd => zstd::compress(data),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_the_smaller_of_bytes_and_ratio_and_leaves_small_data_alone() {
        let limit = OutputLimit { max_bytes: 1 << 30, max_ratio: 10 };
        assert_eq!(limit.for_input(0), OutputLimit::FREE_BYTES);
        assert_eq!(limit.for_input(10 << 20), 100 << 20);
        assert_eq!(limit.for_input(200 << 20), 1 << 30);
        assert_eq!(OutputLimit::of_bytes(1_000).for_input(1 << 20), 1_000);
    }
}
