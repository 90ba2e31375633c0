//! Mending: a log ends at its damage, or goes on behind it.
//!
//! The order is that of a crash anywhere: first nothing is believed of the log any more (no clean stop, the recovery point
//! before the damaged segment), then what goes is kept under another name, then what was derived from it goes, and at
//! last the segment gets its new content in one rename. Until then a start finds the same damage again.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::files::CHUNK_SIZE_BYTES;
use super::{Disk, Finding, Repair, RepairError};
use crate::boundary::{OpenMode, Path};
use crate::directory::checkpoint;
use crate::directory::{CLEAN_MARKER_FILE, COMPACTED_TO_FILE, HIGH_WATERMARKS_FILE, RECOVERY_POINTS_FILE};
use crate::log::names::{CLEANED, FileKind, LOG, file_kind, file_name};
use crate::log::quoted;
use crate::log::scan::{Check, ScanStep, SegmentScan};
use crate::records::BatchBuilder;
use crate::types::{LeaderEpoch, Offset};

/// What becomes of the good batches behind damage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// They go: the log ends at the damage, as Kafka would have it.
    Truncate,
    /// They stay: an empty batch takes the place of the offsets that are missing, as compaction leaves one.
    Cut,
}

/// What follows the name of a file that is kept as it was. Neither Kafka nor we look at such files.
const KEPT: &str = ".damaged";

impl Finding {
    /// What shows the damage.
    #[must_use]
    pub fn dump_command(&self) -> String {
        format!("ottla dump {}", quoted(&self.file))
    }

    /// Whether good batches could stay where they are.
    ///
    /// # Errors
    /// They could not.
    pub fn check_cut(&self) -> Result<(), RepairError> {
        let refuse = |why| Err(RepairError::NotSound(why));
        if self.place.is_metadata() {
            return refuse("records of the metadata build on those before them: they can't be kept without");
        }
        if self.behind.next_segment.is_some_and(|next| next < self.damage.next_offset) {
            return refuse("the offsets behind the damage are lower than those before it: they can't be kept");
        }
        if self.gaps().iter().any(|(from, to)| to.0 - from.0 > i64::from(i32::MAX)) {
            return refuse("more offsets are missing than one batch can stand for");
        }
        Ok(())
    }

    /// The first and the last of the offsets that are missing when the good batches stay.
    #[must_use]
    pub fn gaps(&self) -> Vec<(Offset, Offset)> {
        let firsts = self.behind.stretches.iter().map(|stretch| stretch.first_offset).chain(self.behind.next_segment);
        let ends = self.behind.stretches.iter().map(|stretch| stretch.next_offset);
        let gap = |(end, first): (Offset, Offset)| (end < first).then_some((end, Offset(first.0 - 1)));
        [self.damage.next_offset].into_iter().chain(ends).zip(firsts).filter_map(gap).collect()
    }
}

impl<D: Disk> Repair<D> {
    /// Mends damage. Each step is told in a line when it is done.
    ///
    /// # Errors
    /// The disk failed; what was not done is found again by the next repair. With [`Way::Cut`], nothing can stay.
    pub fn mend(&mut self, finding: &Finding, way: Way, tell: &mut dyn FnMut(String)) -> Result<(), RepairError> {
        if way == Way::Cut {
            finding.check_cut()?;
        }
        self.distrust(finding, way, tell)?;
        let later: Vec<Offset> =
            finding.segments.range(finding.damage.segment.next()..).map(|(base, _)| *base).collect();
        if way == Way::Truncate {
            // From the last on: what a crash leaves has no gap.
            for base in later.into_iter().rev() {
                self.put_aside(finding, base, tell)?;
            }
        }
        self.remove_derived(finding, tell)?;
        let has_more = finding.damage.position < finding.segments[&finding.damage.segment];
        if has_more || (way == Way::Cut && !finding.gaps().is_empty()) {
            self.keep_copy(finding, tell)?;
            self.write_anew(finding, way, tell)?;
        }
        Ok(())
    }

    /// The next start, ours or Kafka's, is to look at the damaged segment itself.
    fn distrust(&mut self, finding: &Finding, way: Way, tell: &mut dyn FnMut(String)) -> Result<(), RepairError> {
        let root = Path::new(finding.place.dir.log_dir, "");
        if self.log_dirs[usize::from(root.log_dir)].was_clean {
            let marker = root.join(CLEAN_MARKER_FILE);
            self.remove(&marker)?;
            self.sync_dir(&root)?;
            self.log_dirs[usize::from(root.log_dir)].was_clean = false;
            tell(format!("removed {}: the next start recovers all logs there", self.shown(&marker)));
        }
        let (segment, end) = (finding.damage.segment, finding.damage.next_offset);
        self.lower(finding, RECOVERY_POINTS_FILE, segment, tell)?;
        self.lower(finding, COMPACTED_TO_FILE, segment, tell)?;
        if way == Way::Truncate {
            self.lower(finding, HIGH_WATERMARKS_FILE, end, tell)?;
        }
        Ok(())
    }

    /// Lowers a log's offset in a checkpoint; one that can't be read is as good as none.
    fn lower(
        &mut self,
        finding: &Finding,
        file: &str,
        to: Offset,
        tell: &mut dyn FnMut(String),
    ) -> Result<(), RepairError> {
        let path = Path::new(finding.place.dir.log_dir, file);
        let content = self.read_file(&path, super::CHECKPOINT_MAX_BYTES)?;
        let Some(mut offsets) = content.and_then(|bytes| checkpoint::parse(&bytes).ok()) else { return Ok(()) };
        let key = (finding.place.topic.clone(), finding.place.id.index);
        let Some(offset) = offsets.get_mut(&key).filter(|offset| **offset > to) else { return Ok(()) };
        let from = core::mem::replace(offset, to);
        self.replace_file(&path, checkpoint::print(&offsets))?;
        let log_dir = &mut self.log_dirs[usize::from(path.log_dir)];
        match file {
            RECOVERY_POINTS_FILE => log_dir.recovery_points = offsets,
            COMPACTED_TO_FILE => log_dir.compacted_to = offsets,
            _ => {}
        }
        tell(format!("lowered {}: {} from {from} to {to}", self.shown(&path), finding.place.name));
        Ok(())
    }

    /// A whole segment gives up its name.
    fn put_aside(&mut self, finding: &Finding, base: Offset, tell: &mut dyn FnMut(String)) -> Result<(), RepairError> {
        let from = finding.place.dir.join(&file_name(base, LOG));
        let to = self.free_name(finding, base)?;
        self.rename(&from, &to)?;
        self.sync_dir(&finding.place.dir)?;
        let size_bytes = finding.segments[&base];
        tell(format!("renamed {} to {}: {size_bytes} bytes are kept there", self.shown(&from), self.shown(&to)));
        Ok(())
    }

    /// Indexes of the damaged segment and of those that are gone, and what was known of producers from there on. A start
    /// makes them anew.
    fn remove_derived(&mut self, finding: &Finding, tell: &mut dyn FnMut(String)) -> Result<(), RepairError> {
        let from = finding.damage.segment;
        let is_derived = |name: &str| match file_kind(name) {
            FileKind::OffsetIndex(base) | FileKind::TimeIndex(base) | FileKind::TransactionIndex(base) => base >= from,
            FileKind::ProducerSnapshot(at) => at > from,
            _ => false,
        };
        let mut removed = Vec::new();
        for entry in self.list(&finding.place.dir)? {
            if is_derived(&entry.name) {
                self.remove(&finding.place.dir.join(&entry.name))?;
                removed.push(entry.name);
            }
        }
        if !removed.is_empty() {
            self.sync_dir(&finding.place.dir)?;
            let dir = self.shown(&finding.place.dir);
            tell(format!("removed from {dir} what a start makes anew: {}", removed.join(" ")));
        }
        Ok(())
    }

    fn keep_copy(&mut self, finding: &Finding, tell: &mut dyn FnMut(String)) -> Result<(), RepairError> {
        let path = finding.place.dir.join(&file_name(finding.damage.segment, LOG));
        let kept_path = self.free_name(finding, finding.damage.segment)?;
        // Until it is whole it has a name that every start takes for rubbish.
        let temporary = finding.place.dir.join(&file_name(finding.damage.segment, &format!("{LOG}{CLEANED}")));
        let original = self.open_file(&path, OpenMode::Existing)?;
        let copy = self.open_file(&temporary, OpenMode::CreateEmpty)?;
        self.copy((original, 0, original.size_bytes), (copy, 0))?;
        self.sync(copy)?;
        self.close_file(copy);
        self.close_file(original);
        self.rename(&temporary, &kept_path)?;
        self.sync_dir(&finding.place.dir)?;
        let (from, to) = (self.shown(&path), self.shown(&kept_path));
        tell(format!("copied {from} as it is to {to}: {} bytes are kept there", original.size_bytes));
        Ok(())
    }

    /// The damaged segment's new content.
    fn write_anew(&mut self, finding: &Finding, way: Way, tell: &mut dyn FnMut(String)) -> Result<(), RepairError> {
        let segment = finding.damage.segment;
        let path = finding.place.dir.join(&file_name(segment, LOG));
        let temporary = finding.place.dir.join(&file_name(segment, &format!("{LOG}{CLEANED}")));
        let old = self.open_file(&path, OpenMode::Existing)?;
        let new = self.open_file(&temporary, OpenMode::CreateEmpty)?;
        let position = finding.damage.position.min(old.size_bytes);
        let mut end = self.copy((old, 0, position), (new, 0))?;
        let mut next = finding.damage.next_offset;
        if way == Way::Cut {
            let mut epoch = self.last_epoch(finding)?;
            for stretch in &finding.behind.stretches {
                end = self.fill(finding, (new, end), (next, stretch.first_offset), epoch)?;
                end = self.copy((old, stretch.from, stretch.to), (new, end))?;
                (next, epoch) = (stretch.next_offset, stretch.epoch);
            }
            if let Some(next_segment) = finding.behind.next_segment {
                end = self.fill(finding, (new, end), (next, next_segment), epoch)?;
                next = next_segment;
            }
        }
        self.sync(new)?;
        self.close_file(new);
        self.close_file(old);
        self.rename(&temporary, &path)?;
        self.sync_dir(&finding.place.dir)?;
        let path = self.shown(&path);
        tell(match way {
            Way::Truncate => format!("truncated {path} at byte {end}: {} ends at offset {next}", finding.place.name),
            Way::Cut => format!("cut {} damaged bytes out of {path}", finding.behind.damaged_bytes),
        });
        Ok(())
    }

    /// An empty batch takes the place of offsets that are missing: so a start does not take them for lost again.
    fn fill(
        &mut self,
        finding: &Finding,
        (file, at): (super::files::OpenFile<'_>, u64),
        (from, to): (Offset, Offset),
        epoch: LeaderEpoch,
    ) -> Result<u64, RepairError> {
        // In a compacted log offsets may be missing anywhere.
        if from >= to || finding.place.is_compacted {
            return Ok(at);
        }
        let builder = BatchBuilder::new().base_offset(from).leader_epoch(epoch).last_offset(Offset(to.0 - 1));
        let batch = builder.expect("it was checked that a batch can stand for so many").build();
        let end = at + batch.len() as u64;
        self.append(file, at, batch)?;
        Ok(end)
    }

    /// The epoch of the last batch before the damage, or else of the first behind it.
    fn last_epoch(&mut self, finding: &Finding) -> Result<LeaderEpoch, RepairError> {
        let segment = finding.damage.segment;
        let path = finding.place.dir.join(&file_name(segment, LOG));
        let file = self.open_file(&path, OpenMode::Existing)?;
        let mut scan = SegmentScan::new(segment, 0, finding.damage.position, Check::HeaderOnly, CHUNK_SIZE_BYTES);
        let mut epoch = finding.behind.stretches.first().map_or(LeaderEpoch(0), |stretch| stretch.epoch);
        loop {
            match scan.step() {
                ScanStep::Read { at, size_bytes } => scan.supply(self.read_at(file, at, size_bytes)?),
                ScanStep::Batch { header, .. } => epoch = header.partition_leader_epoch,
                ScanStep::Bad { .. } | ScanStep::End => break,
            }
        }
        self.close_file(file);
        Ok(epoch)
    }

    /// A name under which a segment's file can be kept.
    fn free_name(&mut self, finding: &Finding, base: Offset) -> Result<Path, RepairError> {
        let entries = self.list(&finding.place.dir)?;
        let first = file_name(base, LOG) + KEPT;
        let mut name = first.clone();
        let mut number = 2;
        while entries.iter().any(|entry| entry.name == name) {
            name = format!("{first}-{number}");
            number += 1;
        }
        Ok(finding.place.dir.join(&name))
    }
}
