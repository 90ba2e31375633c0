//! Lz4 frames with independent blocks, the only ones that Kafka writes and reads.

use alloc::vec::Vec;
use core::hash::Hasher as _;

use lz4_flex::block::{DecompressError, compress_into, decompress_into, get_maximum_output_size};
use twox_hash::XxHash32;

use super::Stop;

const MAGIC: [u8; 4] = 0x184d_2204u32.to_le_bytes();
const UNCOMPRESSED: u32 = 1 << 31;
const VERSION: u8 = 1 << 6;
const INDEPENDENT_BLOCKS: u8 = 1 << 5;
const BLOCK_CHECKSUMS: u8 = 1 << 4;
const CONTENT_SIZE: u8 = 1 << 3;
const CONTENT_CHECKSUM: u8 = 1 << 2;
const DICTIONARY: u8 = 1;

/// Reads one frame.
#[derive(Debug)]
pub(super) struct Decoder<'a> {
    data: &'a [u8],
    state: State,
}

#[derive(Debug)]
enum State {
    Begin,
    Blocks(Descriptor),
    End,
}

/// What the frame's descriptor says.
#[derive(Debug)]
struct Descriptor {
    block_max_bytes: usize,
    has_block_checksums: bool,
    content_checksum: Option<XxHash32>,
}

impl<'a> Decoder<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self { data, state: State::Begin }
    }

    pub(super) fn read(&mut self, output: &mut Vec<u8>, allowed_bytes: usize) -> Result<bool, Stop> {
        match &mut self.state {
            State::Begin => self.state = State::Blocks(Descriptor::take(&mut self.data)?),
            State::Blocks(descriptor) => {
                if !descriptor.read_block(&mut self.data, output, allowed_bytes)? {
                    self.state = State::End;
                }
            }
            State::End => return Ok(false),
        }
        Ok(true)
    }
}

fn take<const N: usize>(data: &mut &[u8]) -> Result<[u8; N], Stop> {
    let (bytes, rest) = data.split_first_chunk().ok_or(Stop::Damaged("the frame is cut off"))?;
    *data = rest;
    Ok(*bytes)
}

impl Descriptor {
    fn take(data: &mut &[u8]) -> Result<Self, Stop> {
        if take::<4>(data)? != MAGIC {
            return Err(Stop::Damaged("no lz4 frame"));
        }
        let begin = *data;
        let [flags, block_descriptor] = take::<2>(data)?;
        if flags >> 6 != 1 {
            return Err(Stop::Damaged("frame version 1 expected"));
        }
        if flags & INDEPENDENT_BLOCKS == 0 {
            return Err(Stop::Damaged("the blocks depend on each other"));
        }
        if flags & DICTIONARY != 0 {
            return Err(Stop::Damaged("a dictionary is needed"));
        }
        let block_max_bytes = match block_descriptor >> 4 & 0x7 {
            size @ 4..=7 => 1usize << (8 + 2 * size),
            _ => return Err(Stop::Damaged("block size 4 to 7 expected")),
        };
        if flags & CONTENT_SIZE != 0 {
            // A claim that nobody needs.
            take::<8>(data)?;
        }
        let described = &begin[..begin.len() - data.len()];
        let [checksum] = take::<1>(data)?;
        if checksum != descriptor_checksum(described) {
            return Err(Stop::Damaged("the descriptor's checksum is wrong"));
        }
        Ok(Self {
            block_max_bytes,
            has_block_checksums: flags & BLOCK_CHECKSUMS != 0,
            content_checksum: (flags & CONTENT_CHECKSUM != 0).then(|| XxHash32::with_seed(0)),
        })
    }

    /// The next block; says whether there was one.
    fn read_block(&mut self, data: &mut &[u8], output: &mut Vec<u8>, allowed_bytes: usize) -> Result<bool, Stop> {
        let word = u32::from_le_bytes(take(data)?);
        let size_bytes = (word & !UNCOMPRESSED) as usize;
        if size_bytes == 0 {
            return self.check_content(data).map(|()| false);
        }
        if size_bytes > self.block_max_bytes {
            return Err(Stop::Damaged("a block is larger than the frame allows"));
        }
        let (block, rest) = data.split_at_checked(size_bytes).ok_or(Stop::Damaged("a block is cut off"))?;
        *data = rest;
        if self.has_block_checksums && u32::from_le_bytes(take(data)?) != XxHash32::oneshot(0, block) {
            return Err(Stop::Damaged("a block's checksum is wrong"));
        }
        let from = output.len();
        if word & UNCOMPRESSED == 0 {
            append_block(block, self.block_max_bytes, output, allowed_bytes)?;
        } else if block.len() <= allowed_bytes {
            output.extend_from_slice(block);
        } else {
            return Err(Stop::TooLarge);
        }
        if let Some(checksum) = &mut self.content_checksum {
            checksum.write(&output[from..]);
        }
        Ok(true)
    }

    fn check_content(&mut self, data: &mut &[u8]) -> Result<(), Stop> {
        match &mut self.content_checksum {
            Some(checksum) if u32::from_le_bytes(take(data)?) != checksum.finish_32() => {
                Err(Stop::Damaged("the content's checksum is wrong"))
            }
            _ => Ok(()),
        }
    }
}

fn descriptor_checksum(described: &[u8]) -> u8 {
    (XxHash32::oneshot(0, described) >> 8) as u8
}

fn append_block(block: &[u8], block_max_bytes: usize, output: &mut Vec<u8>, allowed_bytes: usize) -> Result<(), Stop> {
    let at = output.len();
    // A byte of a block makes at most 255 bytes.
    let most_bytes = block.len().saturating_mul(255).min(block_max_bytes);
    output.resize(at + most_bytes.min(allowed_bytes), 0);
    let result = decompress_into(block, &mut output[at..]);
    output.truncate(at + *result.as_ref().unwrap_or(&0));
    match result {
        Ok(_) => Ok(()),
        Err(DecompressError::OutputTooSmall { .. }) if most_bytes > allowed_bytes => Err(Stop::TooLarge),
        Err(_) => Err(Stop::Damaged("a block is malformed")),
    }
}

/// The smallest block size, and what Kafka's clients take.
const BLOCK_SIZE_BYTES: usize = 64 << 10;
const BLOCK_SIZE_CODE: u8 = 4 << 4;

/// One frame, without checksums beyond the descriptor's.
pub(super) fn compress(data: &[u8]) -> Vec<u8> {
    let described = [VERSION | INDEPENDENT_BLOCKS, BLOCK_SIZE_CODE];
    let mut output = Vec::from(MAGIC);
    output.extend_from_slice(&described);
    output.push(descriptor_checksum(&described));
    let mut block = alloc::vec![0; get_maximum_output_size(data.len().min(BLOCK_SIZE_BYTES))];
    for plain in data.chunks(BLOCK_SIZE_BYTES) {
        let size_bytes = compress_into(plain, &mut block).expect("the block has room for the worst");
        // What does not get smaller stays as it is.
        let (word, block) = if size_bytes < plain.len() {
            (size_bytes as u32, &block[..size_bytes])
        } else {
            (plain.len() as u32 | UNCOMPRESSED, plain)
        };
        output.extend_from_slice(&word.to_le_bytes());
        output.extend_from_slice(block);
    }
    output.extend_from_slice(&0u32.to_le_bytes());
    output
}
