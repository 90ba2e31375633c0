//! Zstandard frames.

use alloc::vec::Vec;

use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::DecompressError;

/// Decode in steps of this size, so that a bomb is noticed early.
const STEP_BYTES: usize = 128 << 10;

pub(super) fn decompress(mut data: &[u8], limit_bytes: usize) -> Result<Vec<u8>, DecompressError> {
    let mut output = Vec::new();
    let mut decoder = FrameDecoder::new();
    while !data.is_empty() {
        match decoder.reset(&mut data) {
            Ok(()) => decode_frame(&mut decoder, &mut data, limit_bytes, &mut output)?,
            Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                data = data.get(length as usize..).ok_or(damaged("a skippable frame is cut off"))?;
            }
            Err(_) => return Err(damaged("no frame header, or a window beyond 128 MiB")),
        }
    }
    Ok(output)
}

fn damaged(what: &'static str) -> DecompressError {
    DecompressError::Damaged { codec: "zstd", what }
}

fn decode_frame(
    decoder: &mut FrameDecoder,
    data: &mut &[u8],
    limit_bytes: usize,
    output: &mut Vec<u8>,
) -> Result<(), DecompressError> {
    loop {
        let finished = decoder
            .decode_blocks(&mut *data, BlockDecodingStrategy::UptoBytes(STEP_BYTES))
            .map_err(|_| damaged("a block is malformed"))?;
        // What the decoder still keeps for its window counts as well.
        if decoder.can_collect() > limit_bytes - output.len() {
            return Err(DecompressError::TooLarge { limit_bytes });
        }
        if let Some(decoded) = decoder.collect() {
            output.extend_from_slice(&decoded);
        }
        if finished {
            break;
        }
    }
    if let Some(expected) = decoder.get_checksum_from_data()
        && decoder.get_calculated_checksum() != Some(expected)
    {
        return Err(damaged("the checksum is wrong"));
    }
    Ok(())
}
