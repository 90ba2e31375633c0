//! Is there a good batch behind a bad one? That tells a write that was cut short from damage in the middle.
//!
//! Every byte is taken for a possible beginning: nothing that a bad batch says of its length is believed. What looks
//! like a batch counts only with a right checksum.

use bytes::Bytes;

use crate::records::{BATCH_HEADER_SIZE_BYTES, BatchHeader, CHECKSUM_FROM, crc32c_append};
use crate::types::Offset;

/// So many places may look like a batch and not be one. Beyond that the bytes are not those of an accident.
const CANDIDATES_MAX: u32 = 1_000;

/// A search through the rest of a file.
#[derive(Debug)]
pub struct Search {
    end: u64,
    /// Of the segment: a batch must be at this offset or above.
    base: Offset,
    chunk_size_bytes: u32,
    chunk: Bytes,
    chunk_at: u64,
    asked_at: u64,
    /// The next place to look at.
    at: u64,
    candidate: Option<Candidate>,
    candidates: u32,
}

/// What looks like a batch, in the middle of its checksum.
#[derive(Debug)]
struct Candidate {
    header: BatchHeader,
    crc: u32,
    at: u64,
}

/// What a search needs or found.
#[derive(Debug, PartialEq, Eq)]
pub enum SearchStep {
    /// Read this and hand it to [`Search::supply`].
    Read {
        /// From this byte of the file on.
        at: u64,
        /// So much.
        size_bytes: u32,
    },
    /// There is a good batch here, or too much that looks like one.
    Found {
        /// Where it begins.
        position: u64,
    },
    /// There is none.
    Nothing,
}

impl Search {
    /// Searches from `at` to `end`, for a batch of a segment at `base`.
    #[must_use]
    pub fn new(at: u64, base: Offset, end: u64, chunk_size_bytes: u32) -> Self {
        Self {
            end,
            base,
            chunk_size_bytes,
            chunk: Bytes::new(),
            chunk_at: at,
            asked_at: at,
            at,
            candidate: None,
            candidates: 0,
        }
    }

    /// The bytes that the last [`SearchStep::Read`] asked for; fewer where the file ends early.
    pub fn supply(&mut self, bytes: Bytes) {
        if bytes.is_empty() {
            self.end = self.end.min(self.asked_at);
        }
        self.chunk = bytes;
        self.chunk_at = self.asked_at;
    }

    /// Goes on until it needs bytes or is done.
    pub fn step(&mut self) -> SearchStep {
        loop {
            if let Some(candidate) = self.candidate.take() {
                if let Some(step) = self.check(candidate) {
                    return step;
                }
                continue;
            }
            if self.at + BATCH_HEADER_SIZE_BYTES as u64 > self.end {
                return SearchStep::Nothing;
            }
            let skip = usize::try_from(self.at.wrapping_sub(self.chunk_at)).unwrap_or(usize::MAX);
            let here = self.chunk.get(skip..).unwrap_or_default();
            if here.len() < BATCH_HEADER_SIZE_BYTES {
                return self.read(self.at);
            }
            let Some((skipped, header)) = self.next_candidate(here) else {
                self.at += (here.len() - BATCH_HEADER_SIZE_BYTES + 1) as u64;
                continue;
            };
            self.at += skipped as u64;
            self.candidates += 1;
            if self.candidates > CANDIDATES_MAX {
                return SearchStep::Found { position: self.at };
            }
            self.candidate = Some(Candidate { header, crc: 0, at: self.at + CHECKSUM_FROM as u64 });
        }
    }

    /// The first place in `bytes` that looks like a batch.
    fn next_candidate(&self, bytes: &[u8]) -> Option<(usize, BatchHeader)> {
        bytes.windows(BATCH_HEADER_SIZE_BYTES).enumerate().find_map(|(at, window)| {
            // The magic byte first: it rules out most places at once.
            if window[16] != 2 {
                return None;
            }
            let header = BatchHeader::parse(window).ok()?;
            let position = self.at + at as u64;
            let is_near = header.base_offset >= self.base
                && header.base_offset.0 - self.base.0 <= i64::from(i32::MAX)
                && header.last_offset_delta >= 0;
            (is_near && position + header.size_bytes() as u64 <= self.end).then_some((at, header))
        })
    }

    /// Goes on with a candidate's checksum. `None`: it is none, look further.
    fn check(&mut self, mut candidate: Candidate) -> Option<SearchStep> {
        let batch_end = self.at + candidate.header.size_bytes() as u64;
        let skip = usize::try_from(candidate.at.wrapping_sub(self.chunk_at)).unwrap_or(usize::MAX);
        let here = self.chunk.get(skip..).unwrap_or_default();
        if here.is_empty() {
            let at = candidate.at;
            if at >= self.end {
                self.at += 1;
                return None;
            }
            self.candidate = Some(candidate);
            return Some(self.read(at));
        }
        let of_batch = usize::try_from(batch_end - candidate.at).unwrap_or(usize::MAX).min(here.len());
        candidate.crc = crc32c_append(candidate.crc, &here[..of_batch]);
        candidate.at += of_batch as u64;
        if candidate.at < batch_end {
            self.candidate = Some(candidate);
            return None;
        }
        if candidate.crc == candidate.header.crc {
            return Some(SearchStep::Found { position: self.at });
        }
        self.at += 1;
        None
    }

    fn read(&mut self, at: u64) -> SearchStep {
        self.asked_at = at;
        let left = u32::try_from(self.end - at).unwrap_or(u32::MAX);
        SearchStep::Read { at, size_bytes: self.chunk_size_bytes.min(left) }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;
    use alloc::vec::Vec;

    use super::*;
    use crate::records::{BatchBuilder, BuilderRecord};

    fn batch(offset: i64, size: usize) -> Vec<u8> {
        let mut builder = BatchBuilder::new().base_offset(Offset(offset));
        builder.push(BuilderRecord { value: Some(&vec![2; size]), ..Default::default() });
        builder.build().to_vec()
    }

    fn search(bytes: &[u8], chunk: u32) -> SearchStep {
        let mut search = Search::new(0, Offset(10), bytes.len() as u64, chunk);
        loop {
            match search.step() {
                SearchStep::Read { at, size_bytes } => {
                    search.supply(Bytes::copy_from_slice(&bytes[at as usize..at as usize + size_bytes as usize]));
                }
                step => return step,
            }
        }
    }

    #[test]
    fn a_good_batch_is_found_behind_any_rubbish() {
        for size in [1, 100, 5_000] {
            let bytes = [&vec![2; 333][..], &batch(12, size), b"tail"].concat();
            for chunk in [61, 64, 200, 1_000, 1 << 20] {
                assert_eq!(search(&bytes, chunk), SearchStep::Found { position: 333 }, "size {size}, chunk {chunk}");
            }
        }
    }

    #[test]
    fn a_batch_that_is_cut_damaged_or_too_old_does_not_count() {
        let good = batch(12, 300);
        let mut damaged = good.clone();
        damaged[200] ^= 1;
        for chunk in [61, 100, 1 << 20] {
            assert_eq!(search(&good[..good.len() - 1], chunk), SearchStep::Nothing);
            assert_eq!(search(&damaged, chunk), SearchStep::Nothing);
            assert_eq!(search(&batch(9, 300), chunk), SearchStep::Nothing);
            assert_eq!(search(&[0; 2_000], chunk), SearchStep::Nothing);
        }
    }

    #[test]
    fn bytes_that_look_like_batches_everywhere_count_as_one() {
        let mut fake = batch(12, 0);
        fake[20] ^= 1;
        let bytes = fake.repeat(1_100);
        assert!(matches!(search(&bytes, 4_096), SearchStep::Found { .. }));
    }
}
