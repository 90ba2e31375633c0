//! Lz4 frames with independent blocks, the only ones that Kafka takes.

use alloc::vec::Vec;

use lz4_flex::block::decompress_into;
use twox_hash::XxHash32;

use super::DecompressError;

const MAGIC: [u8; 4] = 0x184d_2204u32.to_le_bytes();
const UNCOMPRESSED: u32 = 1 << 31;

/// What the frame's descriptor says.
#[derive(Clone, Copy)]
struct Descriptor {
    block_max_bytes: usize,
    has_block_checksums: bool,
    has_content_checksum: bool,
}

pub(super) fn decompress(mut data: &[u8], limit_bytes: usize) -> Result<Vec<u8>, DecompressError> {
    let descriptor = descriptor(&mut data)?;
    let mut output = Vec::new();
    loop {
        let word = u32::from_le_bytes(take(&mut data)?);
        let size_bytes = (word & !UNCOMPRESSED) as usize;
        if size_bytes == 0 {
            break;
        }
        if size_bytes > descriptor.block_max_bytes {
            return Err(damaged("a block is larger than the frame allows"));
        }
        let (block, rest) = data.split_at_checked(size_bytes).ok_or(damaged("a block is cut off"))?;
        data = rest;
        if descriptor.has_block_checksums && u32::from_le_bytes(take(&mut data)?) != XxHash32::oneshot(0, block) {
            return Err(damaged("a block's checksum is wrong"));
        }
        append_block(block, word & UNCOMPRESSED != 0, descriptor.block_max_bytes, &mut output)?;
        if output.len() > limit_bytes {
            return Err(DecompressError::TooLarge { limit_bytes });
        }
    }
    if descriptor.has_content_checksum && u32::from_le_bytes(take(&mut data)?) != XxHash32::oneshot(0, &output) {
        return Err(damaged("the content's checksum is wrong"));
    }
    Ok(output)
}

fn damaged(what: &'static str) -> DecompressError {
    DecompressError::Damaged { codec: "lz4", what }
}

fn take<const N: usize>(data: &mut &[u8]) -> Result<[u8; N], DecompressError> {
    let (bytes, rest) = data.split_first_chunk().ok_or(damaged("the frame is cut off"))?;
    *data = rest;
    Ok(*bytes)
}

fn descriptor(data: &mut &[u8]) -> Result<Descriptor, DecompressError> {
    if take::<4>(data)? != MAGIC {
        return Err(damaged("no lz4 frame"));
    }
    let begin = *data;
    let [flags, block_descriptor] = take::<2>(data)?;
    if flags >> 6 != 1 {
        return Err(damaged("frame version 1 expected"));
    }
    if flags & 0x20 == 0 {
        return Err(damaged("the blocks depend on each other"));
    }
    if flags & 0x01 != 0 {
        return Err(damaged("a dictionary is needed"));
    }
    let block_max_bytes = match block_descriptor >> 4 & 0x7 {
        size @ 4..=7 => 1usize << (8 + 2 * size),
        _ => return Err(damaged("block size 4 to 7 expected")),
    };
    if flags & 0x08 != 0 {
        // The content's size: a claim that nobody needs.
        take::<8>(data)?;
    }
    let described = &begin[..begin.len() - data.len()];
    let [checksum] = take::<1>(data)?;
    if checksum != (XxHash32::oneshot(0, described) >> 8) as u8 {
        return Err(damaged("the descriptor's checksum is wrong"));
    }
    Ok(Descriptor { block_max_bytes, has_block_checksums: flags & 0x10 != 0, has_content_checksum: flags & 0x04 != 0 })
}

fn append_block(
    block: &[u8],
    is_plain: bool,
    block_max_bytes: usize,
    output: &mut Vec<u8>,
) -> Result<(), DecompressError> {
    if is_plain {
        output.extend_from_slice(block);
        return Ok(());
    }
    let at = output.len();
    // A byte of a block makes at most 255 bytes.
    output.resize(at + block.len().saturating_mul(255).min(block_max_bytes), 0);
    let written = decompress_into(block, &mut output[at..]).map_err(|_| damaged("a block is malformed"))?;
    output.truncate(at + written);
    Ok(())
}
