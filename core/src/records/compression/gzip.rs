//! Gzip: one or more members, each with its checksum and length.

use alloc::vec::Vec;

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress as inflate_step, inflate_flags};

use super::DecompressError;

const EXTRA: u8 = 1 << 2;
const NAME: u8 = 1 << 3;
const COMMENT: u8 = 1 << 4;
const HEADER_CHECKSUM: u8 = 1 << 1;

pub(super) fn decompress(mut data: &[u8], limit_bytes: usize) -> Result<Vec<u8>, DecompressError> {
    let mut output = Vec::new();
    loop {
        skip_header(&mut data).ok_or(damaged("no gzip header"))?;
        let from = output.len();
        inflate(&mut data, &mut output, limit_bytes)?;
        let (trailer, rest) = data.split_first_chunk::<8>().ok_or(damaged("the trailer is cut off"))?;
        let [c0, c1, c2, c3, s0, s1, s2, s3] = *trailer;
        if u32::from_le_bytes([c0, c1, c2, c3]) != crc32fast::hash(&output[from..]) {
            return Err(damaged("the checksum is wrong"));
        }
        if u32::from_le_bytes([s0, s1, s2, s3]) != (output.len() - from) as u32 {
            return Err(damaged("the length is wrong"));
        }
        data = rest;
        // Anything that does not begin another member is padding.
        if !data.starts_with(&[0x1f, 0x8b]) {
            return Ok(output);
        }
    }
}

fn damaged(what: &'static str) -> DecompressError {
    DecompressError::Damaged { codec: "gzip", what }
}

fn skip_header(data: &mut &[u8]) -> Option<()> {
    let (header, mut rest) = data.split_first_chunk::<10>()?;
    let [0x1f, 0x8b, 8, flags, ..] = *header else { return None };
    if flags & EXTRA != 0 {
        let (length, after) = rest.split_first_chunk::<2>()?;
        rest = after.get(usize::from(u16::from_le_bytes(*length))..)?;
    }
    for flag in [NAME, COMMENT] {
        if flags & flag != 0 {
            let end = rest.iter().position(|byte| *byte == 0)?;
            rest = &rest[end + 1..];
        }
    }
    if flags & HEADER_CHECKSUM != 0 {
        rest = rest.get(2..)?;
    }
    *data = rest;
    Some(())
}

/// Inflates one deflate stream off the front of `data` onto the end of `output`.
fn inflate(data: &mut &[u8], output: &mut Vec<u8>, limit_bytes: usize) -> Result<(), DecompressError> {
    let mut state = alloc::boxed::Box::<DecompressorOxide>::default();
    let mut at = output.len();
    let from = at;
    loop {
        let room = (output.len() * 2).max(at + data.len().saturating_mul(4).clamp(4096, 1 << 20)).min(limit_bytes);
        if room <= at {
            return Err(DecompressError::TooLarge { limit_bytes });
        }
        output.resize(room, 0);
        let flags = inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
        // Back references may not reach into an earlier member.
        let (status, read, written) = inflate_step(&mut state, data, &mut output[from..], at - from, flags);
        *data = &data[read..];
        at += written;
        match status {
            TINFLStatus::Done => {
                output.truncate(at);
                return Ok(());
            }
            TINFLStatus::HasMoreOutput => {}
            TINFLStatus::NeedsMoreInput | TINFLStatus::FailedCannotMakeProgress => {
                return Err(damaged("the data is cut off"));
            }
            _ => return Err(damaged("the deflate stream is malformed")),
        }
    }
}
