//! Zstandard frames.

mod matcher;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use ruzstd::encoding::{CompressionLevel, FrameCompressor};

use self::matcher::BlockMatcher;
use super::{OutputLimit, Stop, decompress};
use crate::records::header::Compression;

/// Decode in steps of this size, so that a bomb is noticed early.
const STEP_BYTES: usize = 128 << 10;

/// Reads frames, one after another.
pub(super) struct Decoder<'a> {
    data: &'a [u8],
    /// Of the frame that is being read.
    frame: Option<Frame>,
}

struct Frame {
    decoder: Box<FrameDecoder>,
    /// What was decoded, at the least; some of it may still be in the decoder's window.
    decoded_bytes: usize,
    collected_bytes: usize,
}

impl<'a> Decoder<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self { data, frame: None }
    }

    pub(super) fn read(&mut self, output: &mut Vec<u8>, allowed_bytes: usize) -> Result<bool, Stop> {
        let Some(frame) = &mut self.frame else {
            if self.data.is_empty() {
                return Ok(false);
            }
            self.frame = begin_frame(&mut self.data)?;
            return Ok(true);
        };
        if frame.decode(&mut self.data, output, allowed_bytes)? {
            self.frame = None;
        }
        Ok(true)
    }
}

/// Reads a frame's header; `None` after one that is to be skipped.
fn begin_frame(data: &mut &[u8]) -> Result<Option<Frame>, Stop> {
    // Each frame has a decoder of its own: one that is used again takes memory for the whole window that a header claims.
    let mut decoder = Box::new(FrameDecoder::new());
    match decoder.reset(&mut *data) {
        Ok(()) => Ok(Some(Frame { decoder, decoded_bytes: 0, collected_bytes: 0 })),
        Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
            *data = data.get(length as usize..).ok_or(Stop::Damaged("a skippable frame is cut off"))?;
            Ok(None)
        }
        Err(_) => Err(Stop::Damaged("no frame header, or a window beyond 128 MiB")),
    }
}

impl Frame {
    /// Decodes some blocks; says whether the frame is at its end.
    fn decode(&mut self, data: &mut &[u8], output: &mut Vec<u8>, allowed_bytes: usize) -> Result<bool, Stop> {
        let is_finished = self
            .decoder
            .decode_blocks(&mut *data, BlockDecodingStrategy::UptoBytes(STEP_BYTES))
            .map_err(|_| Stop::Damaged("a block is malformed"))?;
        if !is_finished {
            self.decoded_bytes += STEP_BYTES;
        }
        // What the window keeps back comes out in the end.
        let waiting_bytes = self.decoded_bytes.saturating_sub(self.collected_bytes);
        if waiting_bytes.max(self.decoder.can_collect()) > allowed_bytes {
            return Err(Stop::TooLarge);
        }
        if let Some(decoded) = self.decoder.collect() {
            self.collected_bytes += decoded.len();
            output.extend_from_slice(&decoded);
        }
        if is_finished
            && let Some(expected) = self.decoder.get_checksum_from_data()
            && self.decoder.get_calculated_checksum() != Some(expected)
        {
            return Err(Stop::Damaged("the checksum is wrong"));
        }
        Ok(is_finished)
    }
}

impl fmt::Debug for Decoder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder").field("left", &self.data.len()).finish_non_exhaustive()
    }
}

/// One frame.
pub(super) fn compress(data: &[u8]) -> Vec<u8> {
    let output = compress_at(CompressionLevel::Fastest, data);
    // The encoder is young, and what compaction compresses is the only copy: a frame that does not give the data back is
    // not used. Nobody has seen one.
    let limit = OutputLimit { max_bytes: data.len(), max_ratio: usize::MAX };
    match decompress(Compression::Zstd, &output, limit) {
        Ok(again) if again == data => output,
        _ => compress_at(CompressionLevel::Uncompressed, data),
    }
}

fn compress_at(level: CompressionLevel, data: &[u8]) -> Vec<u8> {
    let mut output = Vec::new();
    let mut compressor = FrameCompressor::new_with_matcher(BlockMatcher::new(data), level);
    compressor.set_source(data);
    compressor.set_drain(&mut output);
    compressor.compress();
    drop(compressor);
    output
}
