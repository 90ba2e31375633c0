//! Snappy: the framing of the Java library, which most clients write, and the bare format, which some do.

use alloc::vec::Vec;

use snap::raw::{Decoder, decompress_len};

use super::DecompressError;

/// What the framing begins with; a version and the oldest compatible version follow, four bytes each.
const MAGIC: [u8; 8] = [0x82, b'S', b'N', b'A', b'P', b'P', b'Y', 0];
/// Three bytes copy at most 64: a claim beyond that is a lie.
const RATIO_MAX: usize = 22;

pub(super) fn decompress(data: &[u8], limit_bytes: usize) -> Result<Vec<u8>, DecompressError> {
    let mut output = Vec::new();
    let Some(framed) = data.strip_prefix(&MAGIC) else {
        append_block(data, limit_bytes, &mut output)?;
        return Ok(output);
    };
    let mut chunks = framed.get(8..).ok_or(damaged("the framing is cut off"))?;
    while !chunks.is_empty() {
        // Writers that start over leave another header in the middle.
        if let Some(rest) = chunks.strip_prefix(&MAGIC) {
            chunks = rest.get(8..).ok_or(damaged("the framing is cut off"))?;
            continue;
        }
        let (size, rest) = chunks.split_first_chunk::<4>().ok_or(damaged("a chunk's size is cut off"))?;
        let (block, rest) =
            rest.split_at_checked(u32::from_be_bytes(*size) as usize).ok_or(damaged("a chunk is cut off"))?;
        append_block(block, limit_bytes, &mut output)?;
        chunks = rest;
    }
    Ok(output)
}

fn damaged(what: &'static str) -> DecompressError {
    DecompressError::Damaged { codec: "snappy", what }
}

fn append_block(block: &[u8], limit_bytes: usize, output: &mut Vec<u8>) -> Result<(), DecompressError> {
    let size_bytes = decompress_len(block).map_err(|_| damaged("a block has no length"))?;
    if size_bytes > block.len().saturating_mul(RATIO_MAX) {
        return Err(damaged("a block can't be as long as it says"));
    }
    let at = output.len();
    if size_bytes > limit_bytes - at {
        return Err(DecompressError::TooLarge { limit_bytes });
    }
    output.resize(at + size_bytes, 0);
    let written = Decoder::new().decompress(block, &mut output[at..]).map_err(|_| damaged("a block is malformed"))?;
    output.truncate(at + written);
    Ok(())
}
