//! Undoes the codecs. Output is bounded by what was really written, never by what a frame claims.

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

/// Decompresses the records of a batch, at most `limit_bytes` of them.
///
/// # Errors
/// Where the data is damaged, or too much comes out.
pub fn decompress(codec: Compression, data: &[u8], limit_bytes: usize) -> Result<Vec<u8>, DecompressError> {
    match codec {
        Compression::None if data.len() > limit_bytes => Err(DecompressError::TooLarge { limit_bytes }),
        Compression::None => Ok(data.to_vec()),
        Compression::Gzip => gzip::decompress(data, limit_bytes),
        Compression::Snappy => snappy::decompress(data, limit_bytes),
        Compression::Lz4 => lz4::decompress(data, limit_bytes),
        Compression::Zstd => zstd::decompress(data, limit_bytes),
    }
}
