//! Walks the batches of a file, and gets over damage: behind it, the next batch is the next place where a header's length
//! and checksum hold.

use std::io;

use bytes::Bytes;
use ottla_core::log::scan::{BatchFault, Check, ScanStep, SegmentScan};
use ottla_core::log::search::{Search, SearchStep};
use ottla_core::records::{BATCH_HEADER_SIZE_BYTES, BatchHeader};
use ottla_core::types::Offset;

use super::source::Source;

/// What is next in a file.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Step {
    /// A batch whose checksum is right.
    Batch {
        /// Where it begins.
        position: u64,
        /// Its header.
        header: BatchHeader,
        /// What is wrong with its place among the others.
        misplaced: Option<BatchFault>,
    },
    /// Bytes that are no batch.
    Damage {
        /// From this byte on.
        from: u64,
        /// Up to the next batch, or the file's end.
        to: u64,
        /// What is wrong.
        fault: BatchFault,
        /// What the bytes say of a batch, as far as they say it.
        claimed: Option<BatchHeader>,
    },
}

/// A walk through a file.
pub struct Walk<'s, 'p> {
    source: &'s mut Source<'p>,
    scan: SegmentScan,
    /// Of the segment.
    base: Offset,
    check: Check,
    damage: Option<(u64, BatchFault)>,
    /// A batch that came behind damage, and waits until that is told.
    found: Option<Step>,
    is_done: bool,
}

/// The checksum of every batch.
pub const CHECK_ALL: Check = Check::ChecksumFrom(Offset(i64::MIN));

/// A search reads pieces of this size; a walk that looks at headers only, smaller ones.
const CHUNK_SIZE_BYTES: u32 = 1 << 20;
const HEADER_CHUNK_SIZE_BYTES: u32 = 8 << 10;

impl<'s, 'p> Walk<'s, 'p> {
    /// Walks the file of the segment at `base`; where its name does not say that, its first batch does.
    ///
    /// # Errors
    /// Where the file can't be read.
    pub fn new(source: &'s mut Source<'p>, base: Option<Offset>, check: Check) -> io::Result<Self> {
        let base = match base {
            Some(base) => base,
            None => {
                let head = source.read(0, BATCH_HEADER_SIZE_BYTES)?;
                BatchHeader::parse(&head).map_or(Offset(0), |header| header.base_offset)
            }
        };
        let scan = scan(base, 0, source.size_bytes(), check);
        Ok(Self { source, scan, base, check, damage: None, found: None, is_done: false })
    }

    /// The next batch or damage; none at the end.
    ///
    /// # Errors
    /// Where the file can't be read.
    pub fn next_step(&mut self) -> io::Result<Option<Step>> {
        if let Some(step) = self.found.take() {
            return Ok(Some(step));
        }
        while !self.is_done {
            match self.scan.step() {
                ScanStep::Read { at, size_bytes } => {
                    let bytes = self.source.read(at, size_bytes as usize)?;
                    self.scan.supply(bytes);
                }
                ScanStep::Batch { position, header, .. } => {
                    return self.batch(Step::Batch { position, header, misplaced: None });
                }
                ScanStep::End => {
                    self.is_done = true;
                    return self.told_damage(self.source.size_bytes());
                }
                ScanStep::Bad { position, fault } => {
                    if let Some(step) = self.misplaced(position, fault)? {
                        return self.batch(step);
                    }
                    self.damage.get_or_insert((position, fault));
                    match self.search(position + 1)? {
                        Some(next) => self.scan = scan(self.base, next, self.source.size_bytes(), self.check),
                        None => self.is_done = true,
                    }
                }
            }
        }
        self.told_damage(self.source.size_bytes())
    }

    /// Bytes of the file.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.source.size_bytes()
    }

    /// The bytes of a batch that was found.
    ///
    /// # Errors
    /// Where the file can't be read.
    pub fn bytes(&mut self, position: u64, size_bytes: usize) -> io::Result<Bytes> {
        self.source.read(position, size_bytes)
    }

    /// Gives a batch; damage in front of it first.
    fn batch(&mut self, step: Step) -> io::Result<Option<Step>> {
        let Step::Batch { position, .. } = step else { return Ok(Some(step)) };
        match self.told_damage(position)? {
            None => Ok(Some(step)),
            damage => {
                self.found = Some(step);
                Ok(damage)
            }
        }
    }

    fn told_damage(&mut self, to: u64) -> io::Result<Option<Step>> {
        let Some((from, fault)) = self.damage.take() else { return Ok(None) };
        let claimed = BatchHeader::parse(&self.source.read(from, BATCH_HEADER_SIZE_BYTES)?).ok();
        Ok(Some(Step::Damage { from, to, fault, claimed }))
    }

    /// A batch that is good but has no right to be here, by its offset: it is told, and the walk goes on behind it.
    fn misplaced(&mut self, position: u64, fault: BatchFault) -> io::Result<Option<Step>> {
        let BatchFault::Offset { found, last_offset_delta: 0.., .. } = fault else { return Ok(None) };
        let mut scan = scan(found, position, self.source.size_bytes(), self.check);
        loop {
            match scan.step() {
                ScanStep::Read { at, size_bytes } => scan.supply(self.source.read(at, size_bytes as usize)?),
                ScanStep::Batch { position, header, .. } => {
                    self.scan = scan;
                    return Ok(Some(Step::Batch { position, header, misplaced: Some(fault) }));
                }
                ScanStep::End | ScanStep::Bad { .. } => return Ok(None),
            }
        }
    }

    fn search(&mut self, at: u64) -> io::Result<Option<u64>> {
        let mut search = Search::new(at, self.base, self.source.size_bytes(), CHUNK_SIZE_BYTES);
        loop {
            match search.step() {
                SearchStep::Read { at, size_bytes } => search.supply(self.source.read(at, size_bytes as usize)?),
                SearchStep::Found { position } => return Ok(Some(position)),
                SearchStep::Nothing => return Ok(None),
            }
        }
    }
}

fn scan(base: Offset, position: u64, end: u64, check: Check) -> SegmentScan {
    SegmentScan::new(base, position, end, check, HEADER_CHUNK_SIZE_BYTES)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use ottla_core::records::{BatchBuilder, BuilderRecord};

    use super::*;

    fn batch(offset: i64, size: usize) -> Vec<u8> {
        let mut builder = BatchBuilder::new().base_offset(Offset(offset));
        builder.push(BuilderRecord { value: Some(&vec![7; size]), ..Default::default() });
        builder.build().to_vec()
    }

    /// Offsets of batches, and ranges of damage.
    fn walk(bytes: Vec<u8>) -> Vec<String> {
        let mut source = Source::over(Cursor::new(bytes)).expect("memory");
        let mut walk = Walk::new(&mut source, Some(Offset(10)), CHECK_ALL).expect("memory");
        let mut steps = Vec::new();
        while let Some(step) = walk.next_step().expect("memory") {
            steps.push(match step {
                Step::Batch { header, misplaced: None, .. } => format!("{}", header.base_offset),
                Step::Batch { header, .. } => format!("{} misplaced", header.base_offset),
                Step::Damage { from, to, .. } => format!("damage {from}..{to}"),
            });
        }
        steps
    }

    #[test]
    fn the_walk_goes_on_at_the_next_batch_whose_checksum_holds() {
        let mut damaged = batch(11, 50);
        damaged[80] ^= 1;
        let at = batch(10, 50).len();
        let bytes = [batch(10, 50), damaged.clone(), batch(12, 2_000_000), batch(13, 5)].concat();
        let damage = format!("damage {at}..{}", 2 * at);
        assert_eq!(walk(bytes), ["10", damage.as_str(), "12", "13"]);
        let cut = [batch(10, 50), damaged, batch(12, 50)[..90].to_vec()].concat();
        assert_eq!(walk(cut), ["10".to_owned(), format!("damage {at}..{}", 2 * at + 90)]);
    }

    #[test]
    fn a_good_batch_in_a_wrong_place_is_told_as_such() {
        let bytes = [batch(12, 5), batch(11, 5), batch(12, 5)].concat();
        assert_eq!(walk(bytes), ["12", "11 misplaced", "12"]);
    }

    #[test]
    fn a_file_of_rubbish_is_one_damage() {
        assert_eq!(walk(vec![2; 5_000]), ["damage 0..5000"]);
        assert_eq!(walk(Vec::new()), Vec::<String>::new());
    }
}
