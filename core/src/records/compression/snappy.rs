//! Snappy: the framing of the Java library, which most clients write, and the bare format, which some do.

use alloc::vec;
use alloc::vec::Vec;

use snap::raw::{Decoder as BlockDecoder, Encoder as BlockEncoder, decompress_len, max_compress_len};

use super::Stop;

/// What the framing begins with; a version and the oldest compatible version follow, four bytes each.
const MAGIC: [u8; 8] = [0x82, b'S', b'N', b'A', b'P', b'P', b'Y', 0];
const VERSION: [u8; 4] = 1u32.to_be_bytes();
/// Three bytes copy at most 64: a claim beyond that is a lie.
const RATIO_MAX: usize = 22;

/// Reads chunks, or one bare block.
#[derive(Debug)]
pub(super) struct Decoder<'a> {
    data: &'a [u8],
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Begin,
    Chunks,
    End,
}

impl<'a> Decoder<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self { data, state: State::Begin }
    }

    pub(super) fn read(&mut self, output: &mut Vec<u8>, allowed_bytes: usize) -> Result<bool, Stop> {
        match self.state {
            State::Begin if !self.data.starts_with(&MAGIC) => {
                self.state = State::End;
                append_block(self.data, output, allowed_bytes)?;
            }
            State::End => return Ok(false),
            State::Chunks if self.data.is_empty() => return Ok(false),
            State::Begin | State::Chunks => {
                self.state = State::Chunks;
                self.read_chunk(output, allowed_bytes)?;
            }
        }
        Ok(true)
    }

    fn read_chunk(&mut self, output: &mut Vec<u8>, allowed_bytes: usize) -> Result<(), Stop> {
        // Writers that start over leave another header in the middle.
        if let Some(rest) = self.data.strip_prefix(&MAGIC) {
            self.data = rest.get(8..).ok_or(Stop::Damaged("the framing is cut off"))?;
            return Ok(());
        }
        let (size, rest) = self.data.split_first_chunk::<4>().ok_or(Stop::Damaged("a chunk's size is cut off"))?;
        let size_bytes = u32::from_be_bytes(*size) as usize;
        let (block, rest) = rest.split_at_checked(size_bytes).ok_or(Stop::Damaged("a chunk is cut off"))?;
        self.data = rest;
        append_block(block, output, allowed_bytes)
    }
}

fn append_block(block: &[u8], output: &mut Vec<u8>, allowed_bytes: usize) -> Result<(), Stop> {
    let size_bytes = decompress_len(block).map_err(|_| Stop::Damaged("a block has no length"))?;
    if size_bytes > block.len().saturating_mul(RATIO_MAX) {
        return Err(Stop::Damaged("a block can't be as long as it says"));
    }
    if size_bytes > allowed_bytes {
        return Err(Stop::TooLarge);
    }
    let at = output.len();
    output.resize(at + size_bytes, 0);
    let result = BlockDecoder::new().decompress(block, &mut output[at..]);
    output.truncate(at + *result.as_ref().unwrap_or(&0));
    result.map(drop).map_err(|_| Stop::Damaged("a block is malformed"))
}

/// Plain bytes of a chunk, as the Java library has it by default.
const CHUNK_SIZE_BYTES: usize = 32 << 10;

/// The framing, and a chunk for each 32 KiB.
pub(super) fn compress(data: &[u8]) -> Vec<u8> {
    let mut output = [&MAGIC[..], &VERSION, &VERSION].concat();
    let mut encoder = BlockEncoder::new();
    let mut block = vec![0; max_compress_len(data.len().min(CHUNK_SIZE_BYTES))];
    for plain in data.chunks(CHUNK_SIZE_BYTES) {
        let size_bytes = encoder.compress(plain, &mut block).expect("the block has room for the worst");
        output.extend_from_slice(&(size_bytes as u32).to_be_bytes());
        output.extend_from_slice(&block[..size_bytes]);
    }
    output
}
