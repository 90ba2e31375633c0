//! Gzip: one or more members, each with its checksum and length.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use miniz_oxide::deflate::core::{
    CompressorOxide, TDEFLFlush, TDEFLStatus, compress as deflate_step, create_comp_flags_from_zip_params,
};
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress as inflate_step};

use super::Stop;

const EXTRA: u8 = 1 << 2;
const NAME: u8 = 1 << 3;
const COMMENT: u8 = 1 << 4;
const HEADER_CHECKSUM: u8 = 1 << 1;

/// Deflate refers back 32 KiB at most; as much again comes out at a time. A power of two, as the inflater asks for.
const RING_SIZE_BYTES: usize = 64 << 10;

/// Reads gzip members, one after another.
pub(super) struct Decoder<'a> {
    data: &'a [u8],
    /// The one that is being read, or was last.
    member: Option<Member>,
    is_inside: bool,
}

struct Member {
    state: Box<DecompressorOxide>,
    ring: Vec<u8>,
    ring_at: usize,
    crc: crc32fast::Hasher,
    size_bytes: u32,
}

impl<'a> Decoder<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self { data, member: None, is_inside: false }
    }

    pub(super) fn read(&mut self, output: &mut Vec<u8>, allowed_bytes: usize) -> Result<bool, Stop> {
        if !self.is_inside {
            // Anything that does not begin another member is padding.
            if self.member.is_some() && !self.data.starts_with(&[0x1f, 0x8b]) {
                return Ok(false);
            }
            skip_header(&mut self.data).ok_or(Stop::Damaged("no gzip header"))?;
            self.is_inside = true;
        }
        let member = self.member.get_or_insert_with(Member::new);
        if member.inflate(&mut self.data, output, allowed_bytes)? {
            member.check_trailer(&mut self.data)?;
            member.begin();
            self.is_inside = false;
        }
        Ok(true)
    }
}

impl Member {
    fn new() -> Self {
        Self {
            state: Box::default(),
            ring: vec![0; RING_SIZE_BYTES],
            ring_at: 0,
            crc: crc32fast::Hasher::new(),
            size_bytes: 0,
        }
    }

    fn begin(&mut self) {
        self.state.init();
        self.crc = crc32fast::Hasher::new();
        self.size_bytes = 0;
    }

    /// Inflates up to the ring's end; says whether the deflate stream is at its own.
    fn inflate(&mut self, data: &mut &[u8], output: &mut Vec<u8>, allowed_bytes: usize) -> Result<bool, Stop> {
        let (status, read, written) = inflate_step(&mut self.state, data, &mut self.ring, self.ring_at, 0);
        *data = &data[read..];
        let piece = &self.ring[self.ring_at..self.ring_at + written];
        if written > allowed_bytes {
            return Err(Stop::TooLarge);
        }
        output.extend_from_slice(piece);
        self.crc.update(piece);
        self.size_bytes = self.size_bytes.wrapping_add(written as u32);
        self.ring_at = (self.ring_at + written) % RING_SIZE_BYTES;
        match status {
            TINFLStatus::Done => Ok(true),
            TINFLStatus::HasMoreOutput => Ok(false),
            TINFLStatus::NeedsMoreInput | TINFLStatus::FailedCannotMakeProgress => {
                Err(Stop::Damaged("the data is cut off"))
            }
            _ => Err(Stop::Damaged("the deflate stream is malformed")),
        }
    }

    fn check_trailer(&self, data: &mut &[u8]) -> Result<(), Stop> {
        let (trailer, rest) = data.split_first_chunk::<8>().ok_or(Stop::Damaged("the trailer is cut off"))?;
        let [c0, c1, c2, c3, s0, s1, s2, s3] = *trailer;
        if u32::from_le_bytes([c0, c1, c2, c3]) != self.crc.clone().finalize() {
            return Err(Stop::Damaged("the checksum is wrong"));
        }
        if u32::from_le_bytes([s0, s1, s2, s3]) != self.size_bytes {
            return Err(Stop::Damaged("the length is wrong"));
        }
        *data = rest;
        Ok(())
    }
}

impl fmt::Debug for Decoder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder").field("left", &self.data.len()).finish_non_exhaustive()
    }
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

/// What `compression.gzip.level` is by default.
const LEVEL: i32 = 6;

/// One member, without a name or a time.
pub(super) fn compress(data: &[u8], level: Option<i32>) -> Vec<u8> {
    let level = level.unwrap_or(LEVEL).clamp(1, 9);
    let mut output = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    deflate(data, level, &mut output);
    output.extend_from_slice(&crc32fast::hash(data).to_le_bytes());
    output.extend_from_slice(&(data.len() as u32).to_le_bytes());
    output
}

fn deflate(mut data: &[u8], level: i32, output: &mut Vec<u8>) {
    /// No window bits: a bare deflate stream.
    const RAW: i32 = 0;
    const STRATEGY_DEFAULT: i32 = 0;
    let flags = create_comp_flags_from_zip_params(level, RAW, STRATEGY_DEFAULT);
    let mut state = Box::new(CompressorOxide::new(flags));
    let mut at = output.len();
    loop {
        output.resize(at + (data.len() / 2).clamp(256, 64 << 10), 0);
        let (status, read, written) = deflate_step(&mut state, data, &mut output[at..], TDEFLFlush::Finish);
        data = &data[read..];
        at += written;
        match status {
            TDEFLStatus::Okay => {}
            TDEFLStatus::Done => break output.truncate(at),
            status => unreachable!("deflating gave {status:?}"),
        }
    }
}
