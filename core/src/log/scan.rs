//! Walks the batches of a segment file, header by header, checking their checksums where asked to. Of control batches
//! the marker is read as well.
//!
//! The scan asks for the bytes that it needs and is handed them; it allocates nothing on the word of a header. What it
//! verified it can hand out again as it was read, to be written back: see [`SegmentScan::take_verified`].

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use bytes::Bytes;
use thiserror::Error;

use crate::records::{
    BATCH_HEADER_SIZE_BYTES, BatchHeader, CHECKSUM_FROM, EndMarker, HeaderError, MARKER_MAX_BYTES, crc32c,
    crc32c_append,
};
use crate::types::Offset;

/// Bytes are verified in pieces of this size: they are still in the processor's cache when their checksum is made.
const VERIFY_CHUNK_SIZE_BYTES: u32 = 1 << 20;
/// So much is kept of a batch until its checksum is known; more than a request has by default. A larger one is handed out
/// before.
const KEPT_MAX_BYTES: u64 = 128 << 20;

/// A scan of one segment's file.
#[derive(Debug)]
pub struct SegmentScan {
    /// Of the segment: indexes name offsets relative to it.
    base: Offset,
    /// Where the batches end.
    end: u64,
    /// Where the next batch begins.
    position: u64,
    /// Batches must begin at this offset or above.
    next_offset: Offset,
    check: Check,
    /// How much is read at a time where only headers are looked at.
    header_chunk_size_bytes: u32,
    chunk: Bytes,
    chunk_at: u64,
    /// Where the bytes begin that were asked for last.
    asked_at: u64,
    asked_size_bytes: u32,
    long: Option<LongBatch>,
    /// Where what is verified is to be handed out again.
    kept: Option<Kept>,
}

/// What is checked of each batch beyond its header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// Nothing: the bytes of large batches are not even read.
    HeaderOnly,
    /// The checksum, of batches from this offset on.
    ChecksumFrom(Offset),
}

/// A batch that is longer than what is left of a chunk, in the middle of its checksum.
#[derive(Debug)]
struct LongBatch {
    header: BatchHeader,
    marker: Option<EndMarker>,
    crc: u32,
    at: u64,
}

/// What was read for checksums and not handed out yet, without a gap.
#[derive(Debug, Default)]
struct Kept {
    from: u64,
    pieces: VecDeque<Bytes>,
}

/// What a scan needs or found.
#[derive(Debug)]
pub enum ScanStep {
    /// Read this and hand it to [`SegmentScan::supply`].
    Read {
        /// From this byte of the file on.
        at: u64,
        /// So much.
        size_bytes: u32,
    },
    /// The next batch.
    Batch {
        /// Where it begins.
        position: u64,
        /// Its header.
        header: BatchHeader,
        /// The end of a transaction, where it says one.
        marker: Option<EndMarker>,
    },
    /// All is read.
    End,
    /// There is no good batch here.
    Bad {
        /// Where one should begin.
        position: u64,
        /// Why there is none.
        fault: BatchFault,
    },
}

/// What is wrong with a batch on disk: what was expected, and what was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BatchFault {
    /// There is no batch header.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// A batch of a format that Kafka gave up.
    #[error("message format 2 expected, found a batch of format {0}, which is not supported")]
    OldFormat(i8),
    /// The file ends before the batch.
    #[error("a batch of {size_bytes} bytes expected, found the end of the file after {have}")]
    Cut {
        /// Of the batch, as its header says.
        size_bytes: u64,
        /// Bytes that are there.
        have: u64,
    },
    /// Between two segments.
    #[error("offset {from} expected, found the segment's end, and the next one begins at {next}")]
    Missing {
        /// The first offset that is missing.
        from: Offset,
        /// Where the next segment begins.
        next: Offset,
    },
    /// The bytes are not those that were written.
    #[error("checksum {stored:#010x} expected, found bytes that give {computed:#010x}")]
    Checksum {
        /// In the header.
        stored: u32,
        /// Of the bytes.
        computed: u32,
    },
    /// Offsets never go back, and an index must be able to name them.
    #[error("offset {expected} or above expected, found {found} with a last offset delta of {last_offset_delta}")]
    Offset {
        /// This one or a higher one.
        expected: Offset,
        /// The batch's first.
        found: Offset,
        /// Of the batch.
        last_offset_delta: i32,
    },
}

impl Check {
    /// Whether the checksum is looked at of a batch that ends with this offset.
    fn verifies(self, last_offset: Offset) -> bool {
        matches!(self, Self::ChecksumFrom(from) if last_offset >= from)
    }
}

impl SegmentScan {
    /// Scans the segment at `base` from `position` up to `end`. So much is read at a time where only headers count.
    #[must_use]
    pub fn new(base: Offset, position: u64, end: u64, check: Check, header_chunk_size_bytes: u32) -> Self {
        debug_assert!(header_chunk_size_bytes as usize >= BATCH_HEADER_SIZE_BYTES);
        Self {
            base,
            end,
            position,
            next_offset: base,
            check,
            header_chunk_size_bytes,
            chunk: Bytes::new(),
            chunk_at: position,
            asked_at: position,
            asked_size_bytes: 0,
            long: None,
            kept: None,
        }
    }

    /// Batches must begin at this offset or above.
    #[must_use]
    pub fn after(mut self, next_offset: Offset) -> Self {
        self.next_offset = self.next_offset.max(next_offset);
        self
    }

    /// What is verified will be taken again, by [`SegmentScan::take_verified`]. It is kept until then.
    #[must_use]
    pub fn keeping(mut self) -> Self {
        self.kept = Some(Kept::default());
        self
    }

    /// Where the next batch begins, or would.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The bytes that the last [`ScanStep::Read`] asked for; fewer where the file ends early.
    pub fn supply(&mut self, bytes: Bytes) {
        if bytes.is_empty() {
            self.end = self.end.min(self.asked_at);
        }
        self.chunk = bytes;
        self.chunk_at = self.asked_at;
        if self.is_verifying()
            && let Some(kept) = &mut self.kept
        {
            kept.keep(self.chunk_at, self.chunk.clone());
        }
    }

    /// What was verified since it was asked last, as it was read, and where it begins.
    pub fn take_verified(&mut self) -> Option<(u64, Vec<Bytes>)> {
        let kept = self.kept.as_mut()?;
        let is_too_much = kept.size_bytes() > KEPT_MAX_BYTES;
        kept.take(if is_too_much { u64::MAX } else { self.position })
    }

    /// Goes on until it needs bytes, or has something to say.
    pub fn step(&mut self) -> ScanStep {
        if let Some(long) = self.long.take() {
            return self.continue_long(long);
        }
        if self.position >= self.end {
            return ScanStep::End;
        }
        let left = self.end - self.position;
        let here = self.here();
        if here.len() < BATCH_HEADER_SIZE_BYTES && (here.len() as u64) < left {
            return self.read(self.position);
        }
        let header = match BatchHeader::parse(here) {
            Ok(header) => header,
            Err(HeaderError::OldFormat(magic)) if is_old_batch(here, left) => {
                return self.bad(BatchFault::OldFormat(magic));
            }
            Err(fault) => return self.bad(fault.into()),
        };
        let size_bytes = header.size_bytes() as u64;
        if size_bytes > left {
            return self.bad(BatchFault::Cut { size_bytes, have: left });
        }
        let is_in_order = header.base_offset >= self.next_offset && header.last_offset_delta >= 0;
        if !is_in_order || header.last_offset().0 - self.base.0 > i64::from(i32::MAX) {
            return self.bad(BatchFault::Offset {
                expected: self.next_offset,
                found: header.base_offset,
                last_offset_delta: header.last_offset_delta,
            });
        }
        let marker = match self.marker(&header) {
            Ok(marker) => marker,
            Err(needed) => return self.read_at_least(self.position, needed),
        };
        if !self.check.verifies(header.last_offset()) {
            return self.good(header, marker);
        }
        if self.kept.as_ref().is_some_and(|kept| !kept.reaches(self.position)) {
            // The first one that is verified: what comes before it in this chunk is not kept.
            self.kept = Some(Kept { from: self.position, pieces: VecDeque::from([self.chunk_from_here()]) });
        }
        let here = self.here();
        if let Some(batch) = here.get(..header.size_bytes()) {
            let computed = crc32c(&batch[CHECKSUM_FROM..]);
            return self.judge(header, marker, computed);
        }
        let crc = crc32c(&here[CHECKSUM_FROM..]);
        let at = self.chunk_at + self.chunk.len() as u64;
        self.long = Some(LongBatch { header, marker, crc, at });
        self.read(at)
    }

    /// The marker of a batch; how many bytes from the batch on must be read to know it, where they are not here.
    fn marker(&self, header: &BatchHeader) -> Result<Option<EndMarker>, u32> {
        if !EndMarker::is_expected(header) {
            return Ok(None);
        }
        let needed = header.size_bytes().min(BATCH_HEADER_SIZE_BYTES + MARKER_MAX_BYTES);
        let here = self.here();
        if here.len() < needed && (self.chunk_at < self.position || here.len() == self.asked_size_bytes as usize) {
            return Err(needed as u32);
        }
        Ok(EndMarker::parse(header, &here[BATCH_HEADER_SIZE_BYTES..]))
    }

    fn continue_long(&mut self, long: LongBatch) -> ScanStep {
        let batch_end = self.position + long.header.size_bytes() as u64;
        if self.chunk.is_empty() {
            return self.bad(BatchFault::Cut { size_bytes: batch_end - self.position, have: long.at - self.position });
        }
        let of_batch = usize::try_from(batch_end - long.at).unwrap_or(usize::MAX).min(self.chunk.len());
        let crc = crc32c_append(long.crc, &self.chunk[..of_batch]);
        let at = long.at + of_batch as u64;
        if at == batch_end {
            return self.judge(long.header, long.marker, crc);
        }
        self.long = Some(LongBatch { crc, at, ..long });
        self.read(at)
    }

    fn judge(&mut self, header: BatchHeader, marker: Option<EndMarker>, computed: u32) -> ScanStep {
        if computed != header.crc {
            return self.bad(BatchFault::Checksum { stored: header.crc, computed });
        }
        self.good(header, marker)
    }

    fn good(&mut self, header: BatchHeader, marker: Option<EndMarker>) -> ScanStep {
        let position = self.position;
        self.position += header.size_bytes() as u64;
        self.next_offset = header.next_offset();
        ScanStep::Batch { position, header, marker }
    }

    fn bad(&self, fault: BatchFault) -> ScanStep {
        ScanStep::Bad { position: self.position, fault }
    }

    fn read(&mut self, at: u64) -> ScanStep {
        self.read_at_least(at, 0)
    }

    fn read_at_least(&mut self, at: u64, size_bytes: u32) -> ScanStep {
        self.asked_at = at;
        let left = u32::try_from(self.end - at).unwrap_or(u32::MAX);
        let chunk_size_bytes = if self.is_verifying() { VERIFY_CHUNK_SIZE_BYTES } else { self.header_chunk_size_bytes };
        self.asked_size_bytes = chunk_size_bytes.max(size_bytes).min(left);
        ScanStep::Read { at, size_bytes: self.asked_size_bytes }
    }

    fn is_verifying(&self) -> bool {
        self.long.is_some() || self.check.verifies(self.next_offset)
    }

    /// The bytes from the next batch on, as far as they were read.
    fn here(&self) -> &[u8] {
        let skip = usize::try_from(self.position - self.chunk_at).unwrap_or(usize::MAX);
        self.chunk.get(skip..).unwrap_or_default()
    }

    fn chunk_from_here(&self) -> Bytes {
        self.chunk.slice(self.chunk.len() - self.here().len()..)
    }
}

impl Kept {
    /// Bytes that were read at `at`; what was kept from there on is what they repeat.
    fn keep(&mut self, at: u64, bytes: Bytes) {
        while self.end() > at
            && let Some(mut last) = self.pieces.pop_back()
        {
            let too_much = self.end() + last.len() as u64 - at;
            last.truncate(last.len().saturating_sub(usize::try_from(too_much).unwrap_or(usize::MAX)));
            if !last.is_empty() {
                self.pieces.push_back(last);
            }
        }
        if self.end() != at {
            *self = Self { from: at, pieces: VecDeque::new() };
        }
        self.pieces.push_back(bytes);
    }

    fn take(&mut self, to: u64) -> Option<(u64, Vec<Bytes>)> {
        let (from, mut taken) = (self.from, Vec::new());
        while self.from < to
            && let Some(mut first) = self.pieces.pop_front()
        {
            let wanted = usize::try_from(to - self.from).unwrap_or(usize::MAX).min(first.len());
            taken.push(first.split_to(wanted));
            self.from += wanted as u64;
            if !first.is_empty() {
                self.pieces.push_front(first);
            }
        }
        (!taken.is_empty()).then_some((from, taken))
    }

    fn reaches(&self, position: u64) -> bool {
        (self.from..self.end()).contains(&position)
    }

    fn end(&self) -> u64 {
        self.from + self.size_bytes()
    }

    fn size_bytes(&self) -> u64 {
        self.pieces.iter().map(|piece| piece.len() as u64).sum()
    }
}

/// Whether bytes whose magic byte says 0 or 1 may be a batch of that format, and not just zeros.
fn is_old_batch(bytes: &[u8], left: u64) -> bool {
    /// What the oldest format needs after its length field.
    const LENGTH_MIN: u64 = 14;
    const MAGIC_AT: usize = 16;
    let length = bytes.get(8..12).and_then(|length| length.try_into().ok()).map_or(0, u32::from_be_bytes);
    // A write that was cut short may have left a header that is zeros from somewhere before its magic on.
    let is_cut = bytes[MAGIC_AT..].iter().take(BATCH_HEADER_SIZE_BYTES - MAGIC_AT).all(|byte| *byte == 0);
    !is_cut && (LENGTH_MIN..=left.saturating_sub(12)).contains(&u64::from(length))
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use crate::records::{BatchBuilder, BuilderRecord, TimestampType, TransactionResult};
    use crate::types::{ProducerEpoch, ProducerId};

    fn segment(value_sizes: &[usize]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (offset, size) in value_sizes.iter().enumerate() {
            let mut builder = BatchBuilder::new().base_offset(Offset(offset as i64));
            builder.push(BuilderRecord { value: Some(&alloc::vec![7; *size]), ..Default::default() });
            bytes.extend_from_slice(&builder.build());
        }
        bytes
    }

    type Scanned = (Vec<(u64, Offset)>, Option<(u64, BatchFault)>, usize);

    fn scan(bytes: &[u8], check: Check, chunk: u32) -> Scanned {
        let mut scan = SegmentScan::new(Offset(0), 0, bytes.len() as u64, check, chunk);
        let (mut found, mut read) = (Vec::new(), 0);
        loop {
            match scan.step() {
                ScanStep::Read { at, size_bytes } => {
                    read += size_bytes as usize;
                    scan.supply(Bytes::copy_from_slice(&bytes[at as usize..at as usize + size_bytes as usize]));
                }
                ScanStep::Batch { position, header, .. } => found.push((position, header.base_offset)),
                ScanStep::End => return (found, None, read),
                ScanStep::Bad { position, fault } => return (found, Some((position, fault)), read),
            }
        }
    }

    #[test]
    fn every_batch_is_found_whatever_the_chunks() {
        let bytes = segment(&[10, 500, 3_000, 0, 70]);
        for chunk in [61, 62, 100, 640, 1_000, 4_096, 1 << 20] {
            for check in [Check::HeaderOnly, Check::ChecksumFrom(Offset(0)), Check::ChecksumFrom(Offset(2))] {
                let (found, bad, _) = scan(&bytes, check, chunk);
                assert_eq!((found.len(), bad), (5, None), "chunk {chunk}, {check:?}");
            }
        }
    }

    #[test]
    fn markers_are_read_whatever_the_chunks() {
        let marker = |result| EndMarker { result, coordinator_epoch: 5, timestamp: 1_000 };
        let (abort, commit) = (marker(TransactionResult::Abort), marker(TransactionResult::Commit));
        let control = |marker: EndMarker| marker.to_batch(ProducerId(1), ProducerEpoch(0), TimestampType::CreateTime);
        let mut bytes = segment(&[10, 500]);
        for (offset, marker) in [(2, abort), (3, commit)] {
            let mut header = BatchHeader::parse(&control(marker)).unwrap();
            header.base_offset = Offset(offset);
            bytes.extend_from_slice(&header.to_bytes());
            bytes.extend_from_slice(&control(marker)[BATCH_HEADER_SIZE_BYTES..]);
        }
        for chunk in [61, 62, 77, 100, 640, 1 << 20] {
            for check in [Check::HeaderOnly, Check::ChecksumFrom(Offset(0)), Check::ChecksumFrom(Offset(2))] {
                let mut scan = SegmentScan::new(Offset(0), 0, bytes.len() as u64, check, chunk);
                let mut markers = Vec::new();
                loop {
                    match scan.step() {
                        ScanStep::Read { at, size_bytes } => {
                            let range = at as usize..at as usize + size_bytes as usize;
                            scan.supply(Bytes::copy_from_slice(&bytes[range]));
                        }
                        ScanStep::Batch { marker, .. } => markers.push(marker),
                        ScanStep::End => break,
                        ScanStep::Bad { fault, .. } => panic!("{fault}"),
                    }
                }
                assert_eq!(markers, [None, None, Some(abort), Some(commit)], "chunk {chunk}, {check:?}");
            }
        }
    }

    #[test]
    fn the_bodies_of_large_batches_are_not_read_for_their_headers() {
        let bytes = segment(&[100_000, 100_000]);
        let (_, _, read) = scan(&bytes, Check::HeaderOnly, 1_000);
        assert_eq!(read, 2_000);
    }

    #[test]
    fn a_flipped_bit_is_noticed_only_by_the_checksum() {
        let mut bytes = segment(&[10, 5_000, 10]);
        bytes[1_000] ^= 1;
        assert_eq!(scan(&bytes, Check::HeaderOnly, 512).1, None);
        for chunk in [100, 512, 1 << 20] {
            let (found, bad, _) = scan(&bytes, Check::ChecksumFrom(Offset(0)), chunk);
            assert_eq!(found.len(), 1);
            assert!(matches!(bad, Some((78, BatchFault::Checksum { .. }))), "{bad:?}");
        }
    }

    #[test]
    fn a_cut_batch_and_a_step_back_are_bad() {
        let bytes = segment(&[10, 10]);
        let cut = &bytes[..bytes.len() - 1];
        assert!(matches!(scan(cut, Check::HeaderOnly, 512).1, Some((78, BatchFault::Cut { .. }))));
        assert!(matches!(scan(&bytes[..78 + 30], Check::HeaderOnly, 512).1, Some((78, BatchFault::Header(_)))));
        let twice = [&bytes[..78], &bytes[..78]].concat();
        assert!(matches!(scan(&twice, Check::HeaderOnly, 512).1, Some((78, BatchFault::Offset { .. }))));
        assert!(matches!(scan(&[0; 500], Check::ChecksumFrom(Offset(0)), 128).1, Some((0, BatchFault::Header(_)))));
    }
}
