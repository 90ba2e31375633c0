//! What is there from the damage on: good batches, and what is none.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::files::{CHUNK_SIZE_BYTES, OpenFile};
use super::{Disk, Finding, LogPlace, Repair, RepairError, Verdict};
use crate::boundary::OpenMode;
use crate::log::Damage;
use crate::log::names::{FileKind, LOG, SWAP, file_kind, file_name};
use crate::log::scan::{Check, ScanStep, SegmentScan};
use crate::log::search::{Search, SearchStep};
use crate::types::{LeaderEpoch, Offset};

/// What is there from the damage on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Behind {
    /// All bytes of it, those of later segments among them.
    pub size_bytes: u64,
    /// Bytes in the damaged segment that belong to no good batch.
    pub damaged_bytes: u64,
    /// Good batches.
    pub batches: u64,
    /// Records in them.
    pub records: u64,
    /// The first and the last offset of the good batches.
    pub offsets: Option<(Offset, Offset)>,
    /// Segments behind the damaged one.
    pub later_segments: usize,
    /// Where the next segment begins.
    pub(super) next_segment: Option<Offset>,
    /// Good batches in the damaged segment.
    pub(super) stretches: Vec<Stretch>,
}

/// Good batches without anything between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) from: u64,
    pub(super) to: u64,
    pub(super) first_offset: Offset,
    pub(super) next_offset: Offset,
    /// Of the first batch.
    pub(super) epoch: LeaderEpoch,
    batches: u64,
    records: u64,
}

/// A segment's good batches are told in so many stretches at most; what is behind them counts as damaged.
const STRETCHES_MAX: usize = 10_000;

impl Behind {
    fn count(&mut self, stretches: &[Stretch]) {
        for stretch in stretches {
            self.batches += stretch.batches;
            self.records += stretch.records;
            let first = self.offsets.map_or(stretch.first_offset, |(first, _)| first);
            self.offsets = Some((first, Offset(stretch.next_offset.0 - 1)));
        }
    }
}

impl<D: Disk> Repair<D> {
    pub(super) fn judge(&mut self, place: &LogPlace, damage: Damage, reason: String) -> Result<Verdict, RepairError> {
        let entries = self.list(&place.dir)?;
        if entries.iter().any(|entry| entry.name.ends_with(SWAP)) {
            let why = "a compaction was interrupted there: its files (.swap) must be put in place by hand first";
            return Ok(Verdict::Unreadable(format!("{reason}; {why}")));
        }
        let segments: BTreeMap<Offset, u64> = entries
            .iter()
            .filter_map(|entry| match file_kind(&entry.name) {
                FileKind::Log(base) => Some((base, entry.size_bytes)),
                _ => None,
            })
            .collect();
        let file = self.shown(&place.dir.join(&file_name(damage.segment, LOG)));
        let behind = self.behind(place, &damage, &segments)?;
        Ok(Verdict::Damaged(Box::new(Finding { place: place.clone(), file, damage, behind, segments })))
    }

    fn behind(
        &mut self,
        place: &LogPlace,
        damage: &Damage,
        segments: &BTreeMap<Offset, u64>,
    ) -> Result<Behind, RepairError> {
        let later: Vec<Offset> = segments.range(damage.segment.next()..).map(|(base, _)| *base).collect();
        let next_segment = later.first().copied();
        let mut behind = Behind { later_segments: later.len(), next_segment, ..Behind::default() };
        let end = next_segment.unwrap_or(Offset(i64::MAX));
        behind.stretches = self.stretches(place, damage.segment, damage.position, damage.next_offset, end)?;
        let in_segment =
            segments.get(&damage.segment).map_or(0, |size_bytes| size_bytes.saturating_sub(damage.position));
        let good: u64 = behind.stretches.iter().map(|stretch| stretch.to - stretch.from).sum();
        behind.damaged_bytes = in_segment - good.min(in_segment);
        behind.size_bytes = in_segment + later.iter().map(|base| segments[base]).sum::<u64>();
        behind.count(&behind.stretches.clone());
        for base in later {
            let stretches = self.stretches(place, base, 0, base, Offset(i64::MAX))?;
            behind.count(&stretches);
        }
        Ok(behind)
    }

    /// The good batches of a segment from a position on, whose offsets rise from `next_offset` and stay below `end`.
    fn stretches(
        &mut self,
        place: &LogPlace,
        base: Offset,
        position: u64,
        next_offset: Offset,
        end: Offset,
    ) -> Result<Vec<Stretch>, RepairError> {
        let path = place.dir.join(&file_name(base, LOG));
        let file = self.open_file(&path, OpenMode::Existing)?;
        let (mut at, mut next, mut found) = (position, next_offset, Vec::<Stretch>::new());
        while found.len() < STRETCHES_MAX
            && let Some(good) = self.search(file, base, at)?
        {
            match self.stretch(file, base, good, (next, end))? {
                Some(stretch) => {
                    (at, next) = (stretch.to, stretch.next_offset);
                    found.push(stretch);
                }
                None => at = good + 1,
            }
        }
        self.close_file(file);
        Ok(found)
    }

    /// Where the next good batch begins.
    fn search(&mut self, file: OpenFile<'_>, base: Offset, at: u64) -> Result<Option<u64>, RepairError> {
        let mut search = Search::new(at, base, file.size_bytes, CHUNK_SIZE_BYTES);
        loop {
            match search.step() {
                SearchStep::Read { at, size_bytes } => search.supply(self.read_at(file, at, size_bytes)?),
                SearchStep::Found { position } => return Ok(Some(position)),
                SearchStep::Nothing => return Ok(None),
            }
        }
    }

    /// Good batches from a position on; `None` where the first does not fit in.
    fn stretch(
        &mut self,
        file: OpenFile<'_>,
        base: Offset,
        from: u64,
        (next, end): (Offset, Offset),
    ) -> Result<Option<Stretch>, RepairError> {
        let check = Check::ChecksumFrom(Offset(0));
        let mut scan = SegmentScan::new(base, from, file.size_bytes, check, CHUNK_SIZE_BYTES).after(next);
        let mut stretch = None;
        loop {
            match scan.step() {
                ScanStep::Read { at, size_bytes } => scan.supply(self.read_at(file, at, size_bytes)?),
                ScanStep::Batch { header, .. } if header.next_offset() <= end => {
                    let stretch = stretch.get_or_insert(Stretch {
                        from,
                        to: from,
                        first_offset: header.base_offset,
                        next_offset: header.base_offset,
                        epoch: header.partition_leader_epoch,
                        batches: 0,
                        records: 0,
                    });
                    stretch.to += header.size_bytes() as u64;
                    stretch.next_offset = header.next_offset();
                    stretch.batches += 1;
                    stretch.records += u64::try_from(header.record_count).unwrap_or_default();
                }
                ScanStep::Batch { .. } | ScanStep::Bad { .. } | ScanStep::End => return Ok(stretch),
            }
        }
    }
}
