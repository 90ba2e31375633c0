//! One file as a page cache has it: what readers see, what the medium holds, and which of the differences a sync would
//! still write.
//!
//! What does not belong here: names and directories (`tree`).

use std::collections::BTreeSet;

use crate::chance::{Chance, Odds};

/// The unit in which the cache writes to the medium.
pub const PAGE_SIZE_BYTES: usize = 4096;
/// The unit in which a medium that tears pages writes.
pub const SECTOR_SIZE_BYTES: usize = 512;

/// What of the unsynced pages survives a power loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Survival {
    /// None of them.
    Nothing,
    /// A prefix: the medium was written in the order of the pages.
    Prefix,
    /// Any of them.
    Subset,
    /// The last one: the medium was written from the end on.
    Last,
    /// None of them, though the size is as readers saw it.
    SizeAlone,
    /// All of them.
    Everything,
}

/// How a power loss treats what was not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PowerLoss {
    /// Of the pages.
    pub survival: Survival,
    /// Pages may survive in part, sector by sector.
    pub tears: bool,
}

/// What a power loss did to a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Damage {
    /// Bytes that readers saw are gone.
    pub is_lossy: bool,
    /// The first byte that was lost while bytes after it survived.
    pub hole_at: Option<u64>,
}

/// A file.
#[derive(Clone, Debug)]
pub struct CachedFile {
    visible: Vec<u8>,
    medium: Vec<u8>,
    /// Pages that a sync writes.
    dirty: BTreeSet<usize>,
    /// Pages that could not be written and count as clean since then: no sync writes them.
    forgotten: BTreeSet<usize>,
    /// The cache could not write a page in its own time, and no sync has said so yet.
    has_unseen_error: bool,
    /// The size on the medium, and every size since then: a power loss may come upon any of them.
    sizes: Vec<usize>,
}

impl Default for CachedFile {
    fn default() -> Self {
        Self {
            visible: Vec::new(),
            medium: Vec::new(),
            dirty: BTreeSet::new(),
            forgotten: BTreeSet::new(),
            has_unseen_error: false,
            sizes: vec![0],
        }
    }
}

impl CachedFile {
    /// What readers see.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.visible
    }

    /// How large readers see it.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.visible.len() as u64
    }

    /// Whether a power loss leaves exactly what readers see, whatever survives.
    #[must_use]
    pub fn is_durable(&self) -> bool {
        self.sizes == [self.visible.len()] && self.visible == self.medium
    }

    /// Whether nothing is on its way to the medium: neither a page nor a size.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.dirty.is_empty() && self.sizes.len() == 1 && self.medium.len() == self.visible.len()
    }

    /// Writes at `at`, past the end over zeros.
    pub fn write(&mut self, at: usize, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let end = at + bytes.len();
        let old_size = self.visible.len();
        if old_size < end {
            self.visible.resize(end, 0);
            self.sizes.push(end);
        }
        self.visible[at..end].copy_from_slice(bytes);
        self.mark(at.min(old_size), end);
    }

    /// Cuts (or extends with zeros) to `size`.
    pub fn truncate(&mut self, size: usize) {
        let old_size = self.visible.len();
        if size == old_size {
            return;
        }
        self.visible.resize(size, 0);
        self.sizes.push(size);
        self.dirty.retain(|page| page * PAGE_SIZE_BYTES < size);
        self.forgotten.retain(|page| page * PAGE_SIZE_BYTES < size);
        // Where the file was cut within a page, the rest of that page is to be zeros on the medium as well.
        self.mark(size.min(old_size).saturating_sub(1), size);
    }

    /// Makes what readers see durable.
    pub fn sync(&mut self) {
        let size = self.visible.len();
        self.medium.resize(size, 0);
        for page in std::mem::take(&mut self.dirty) {
            self.write_back_page(page);
        }
        self.sizes = vec![size];
    }

    /// A sync that fails: some pages reach the medium. The others are still to be written, or, with `forgets`, they count
    /// as clean from then on, as they do on Linux: readers see them, no sync writes them.
    pub fn fail_sync(&mut self, forgets: bool, chance: &mut Chance) {
        self.write_back_some(Odds::percent(50), chance);
        self.has_unseen_error = false;
        if forgets {
            self.forget();
        }
    }

    /// What is not on the medium counts as clean from now on: readers see it, no sync writes it.
    pub fn forget(&mut self) {
        self.forgotten.append(&mut self.dirty);
    }

    /// The cache fails to write some pages in its own time. The next sync will say so, if somebody asks for one.
    pub fn fail_write_back(&mut self, forgets: bool, chance: &mut Chance) {
        if !self.dirty.is_empty() {
            self.fail_sync(forgets, chance);
            self.has_unseen_error = true;
        }
    }

    /// No sync says any more what the cache could not write. What it forgot stays forgotten.
    pub fn heal(&mut self) {
        self.has_unseen_error = false;
    }

    /// Whether a sync is to fail because of what the cache could not write before it.
    #[must_use]
    pub fn has_unseen_error(&self) -> bool {
        self.has_unseen_error
    }

    /// The cache gives up some of the pages that count as clean: readers see what is on the medium from now on.
    pub fn evict(&mut self, chance: &mut Chance) -> Damage {
        if self.forgotten.is_empty() {
            return Damage::default();
        }
        let before = self.visible.clone();
        let share = Odds::percent(*chance.pick(&[0, 50, 100]));
        for page in std::mem::take(&mut self.forgotten) {
            if !chance.happens(share) {
                self.forgotten.insert(page);
                continue;
            }
            copy_unit(&mut self.visible, &self.medium, page * PAGE_SIZE_BYTES, PAGE_SIZE_BYTES);
        }
        damage(&before, &self.visible)
    }

    /// One bit of the byte at `at` is another from now on, on the medium as well.
    ///
    /// # Panics
    /// Where there is no such byte.
    pub fn rot(&mut self, at: usize) {
        self.visible[at] ^= 1;
        if let Some(byte) = self.medium.get_mut(at) {
            *byte = self.visible[at];
        }
    }

    /// The cache writes some pages, and perhaps the size, in its own time.
    pub fn write_back(&mut self, chance: &mut Chance) {
        let share = Odds::percent(*chance.pick(&[10, 50, 100]));
        self.write_back_some(share, chance);
        if chance.coin() {
            self.sizes = vec![self.visible.len()];
            self.medium.truncate(self.visible.len());
        }
    }

    /// The power goes: what readers see is from now on what was on the medium, and what made it there by luck.
    pub fn lose_power(&mut self, how: PowerLoss, chance: &mut Chance) -> Damage {
        if self.is_durable() {
            return Damage::default();
        }
        let size = self.surviving_size(how, chance);
        let mut after = vec![0; size];
        let kept = self.medium.len().min(size);
        after[..kept].copy_from_slice(&self.medium[..kept]);
        let unit = if how.tears { SECTOR_SIZE_BYTES } else { PAGE_SIZE_BYTES };
        let odds = Odds::percent(*chance.pick(&[10, 50, 90]));
        let mut prefix_ended = false;
        let units = self.dirty_units(unit);
        for unit_at in units.iter().copied() {
            let survives = match how.survival {
                Survival::Nothing | Survival::SizeAlone => false,
                Survival::Prefix => {
                    prefix_ended |= chance.happens(Odds::percent(30));
                    !prefix_ended
                }
                Survival::Subset => chance.happens(odds),
                Survival::Last => units.last() == Some(&unit_at),
                Survival::Everything => true,
            };
            if survives {
                copy_unit(&mut after, &self.visible, unit_at, unit);
            }
        }
        let damage = damage(&self.visible, &after);
        *self = Self { visible: after.clone(), medium: after, sizes: vec![size], ..Self::default() };
        damage
    }

    fn surviving_size(&self, how: PowerLoss, chance: &mut Chance) -> usize {
        match how.survival {
            Survival::Nothing => return self.sizes[0],
            Survival::Last | Survival::SizeAlone | Survival::Everything => return self.visible.len(),
            Survival::Prefix | Survival::Subset => {}
        }
        let index = chance.index(self.sizes.len());
        let size = self.sizes[index];
        let before = self.sizes[index.saturating_sub(1)];
        let next_page = (before / PAGE_SIZE_BYTES + 1) * PAGE_SIZE_BYTES;
        // A size that grew over several pages may have grown page by page.
        if next_page < size && chance.coin() {
            let pages = (size - next_page) / PAGE_SIZE_BYTES;
            return next_page + chance.index(pages + 1) * PAGE_SIZE_BYTES;
        }
        size
    }

    fn dirty_units(&self, unit: usize) -> Vec<usize> {
        let size = self.visible.len();
        let units = |page: &usize| (page * PAGE_SIZE_BYTES..(page + 1) * PAGE_SIZE_BYTES).step_by(unit);
        self.dirty.iter().flat_map(units).filter(|at| *at < size).collect()
    }

    fn mark(&mut self, from: usize, to: usize) {
        if from < to {
            for page in from / PAGE_SIZE_BYTES..=(to - 1) / PAGE_SIZE_BYTES {
                self.dirty.insert(page);
                self.forgotten.remove(&page);
            }
        }
    }

    fn write_back_some(&mut self, share: Odds, chance: &mut Chance) {
        let pages: Vec<usize> = self.dirty.iter().copied().filter(|_| chance.happens(share)).collect();
        for page in pages {
            self.dirty.remove(&page);
            self.write_back_page(page);
        }
    }

    fn write_back_page(&mut self, page: usize) {
        let end = ((page + 1) * PAGE_SIZE_BYTES).min(self.visible.len());
        if self.medium.len() < end {
            self.medium.resize(end, 0);
        }
        copy_unit(&mut self.medium, &self.visible, page * PAGE_SIZE_BYTES, PAGE_SIZE_BYTES);
    }
}

fn damage(before: &[u8], after: &[u8]) -> Damage {
    if before == after {
        return Damage::default();
    }
    let common = before.len().min(after.len());
    let first_lost = (0..common).find(|at| before[*at] != after[*at]);
    let is_lossy = first_lost.is_some() || after.len() < before.len();
    // Zeros are what a hole is made of: only other bytes count as having survived.
    let hole_at = first_lost
        .filter(|lost| (*lost..common).any(|at| after[at] != 0 && after[at] == before[at]))
        .map(|at| at as u64);
    Damage { is_lossy, hole_at }
}

fn copy_unit(to: &mut [u8], from: &[u8], at: usize, unit: usize) {
    let in_target = at.max((at + unit).min(to.len()));
    let in_source = (at + unit).min(from.len()).clamp(at, in_target);
    if in_source > at {
        to[at..in_source].copy_from_slice(&from[at..in_source]);
    }
    if in_target > in_source {
        to[in_source..in_target].fill(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::Stream;

    const LOSSES: [PowerLoss; 6] = [
        PowerLoss { survival: Survival::Nothing, tears: false },
        PowerLoss { survival: Survival::Prefix, tears: false },
        PowerLoss { survival: Survival::Subset, tears: false },
        PowerLoss { survival: Survival::Nothing, tears: true },
        PowerLoss { survival: Survival::Prefix, tears: true },
        PowerLoss { survival: Survival::Subset, tears: true },
    ];

    fn any_bytes(chance: &mut Chance, longest: u64) -> Vec<u8> {
        let length = chance.between(1..=longest);
        (0..length).map(|_| chance.between(1..=255) as u8).collect()
    }

    fn scribble(file: &mut CachedFile, chance: &mut Chance) {
        for _ in 0..chance.between(1..=8) {
            match chance.between(0..=9) {
                0 => file.truncate(chance.index(file.bytes().len() + 1)),
                1 => file.write_back(chance),
                _ => {
                    let bytes = any_bytes(chance, 6_000);
                    file.write(file.bytes().len(), &bytes);
                }
            }
        }
    }

    #[test]
    fn a_synced_file_survives_every_power_loss_bit_by_bit() {
        for seed in 0..300 {
            let mut chance = Chance::new(seed, Stream::Disk);
            let mut file = CachedFile::default();
            for how in LOSSES {
                scribble(&mut file, &mut chance);
                file.sync();
                assert!(file.is_durable());
                let before = file.bytes().to_vec();
                assert_eq!(file.lose_power(how, &mut chance), Damage::default());
                assert_eq!(file.bytes(), before, "seed {seed}, {how:?}");
            }
        }
    }

    #[test]
    fn what_was_synced_survives_whatever_was_appended_after_it() {
        for seed in 0..300 {
            let mut chance = Chance::new(seed, Stream::Disk);
            let mut file = CachedFile::default();
            for how in LOSSES {
                scribble(&mut file, &mut chance);
                file.sync();
                let synced = file.bytes().to_vec();
                for _ in 0..chance.between(1..=5) {
                    let bytes = any_bytes(&mut chance, 9_000);
                    file.write(file.bytes().len(), &bytes);
                    if chance.coin() {
                        file.write_back(&mut chance);
                    }
                }
                file.lose_power(how, &mut chance);
                assert_eq!(&file.bytes()[..synced.len()], synced, "seed {seed}, {how:?}");
            }
        }
    }

    #[test]
    fn after_a_power_loss_everything_left_is_durable() {
        for seed in 0..100 {
            let mut chance = Chance::new(seed, Stream::Disk);
            let mut file = CachedFile::default();
            scribble(&mut file, &mut chance);
            file.lose_power(LOSSES[2], &mut chance);
            let left = file.bytes().to_vec();
            for how in LOSSES {
                file.lose_power(how, &mut chance);
                assert_eq!(file.bytes(), left);
            }
        }
    }

    #[test]
    fn unsynced_pages_are_lost_kept_and_holed() {
        let (mut lost, mut kept, mut holed) = (0, 0, 0);
        for seed in 0..200 {
            let mut chance = Chance::new(seed, Stream::Disk);
            let mut file = CachedFile::default();
            file.write(0, &[7; 5 * PAGE_SIZE_BYTES]);
            let damage = file.lose_power(LOSSES[2], &mut chance);
            lost += usize::from(damage.is_lossy);
            kept += usize::from(!damage.is_lossy);
            holed += usize::from(damage.hole_at.is_some());
        }
        assert!(lost > 50 && kept > 5 && holed > 20, "{lost} lost, {kept} kept, {holed} holed");
    }

    #[test]
    fn without_luck_a_power_loss_leaves_the_last_synced_state() {
        let mut chance = Chance::new(1, Stream::Disk);
        let mut file = CachedFile::default();
        file.write(0, b"synced");
        file.sync();
        file.write(6, b", and not");
        assert!(file.lose_power(LOSSES[0], &mut chance).is_lossy);
        assert_eq!(file.bytes(), b"synced");
    }

    #[test]
    fn a_cut_that_was_not_synced_may_come_undone() {
        let mut chance = Chance::new(1, Stream::Disk);
        let mut file = CachedFile::default();
        file.write(0, b"synced");
        file.sync();
        file.truncate(2);
        assert_eq!(file.bytes(), b"sy");
        assert!(!file.is_durable());
        file.lose_power(LOSSES[0], &mut chance);
        assert_eq!(file.bytes(), b"synced");
        file.truncate(2);
        file.sync();
        file.write(2, b"NC");
        file.lose_power(LOSSES[0], &mut chance);
        assert_eq!(file.bytes(), b"sy");
    }

    #[test]
    fn a_failed_sync_promises_nothing_and_a_later_good_one_makes_up_for_it() {
        let mut losses = 0;
        for seed in 0..50 {
            let mut chance = Chance::new(seed, Stream::Disk);
            let mut file = CachedFile::default();
            file.write(0, &[7; 4 * PAGE_SIZE_BYTES]);
            file.fail_sync(false, &mut chance);
            losses += usize::from(file.clone().lose_power(LOSSES[0], &mut chance).is_lossy);
            file.sync();
            assert!(!file.lose_power(LOSSES[0], &mut chance).is_lossy);
        }
        assert!(losses > 40, "{losses} of 50");
    }

    #[test]
    fn pages_that_a_failed_sync_forgot_are_seen_and_no_sync_saves_them() {
        let (mut losses, mut evictions) = (0, 0);
        for seed in 0..50 {
            let mut chance = Chance::new(seed, Stream::Disk);
            let mut file = CachedFile::default();
            file.write(0, &[7; 4 * PAGE_SIZE_BYTES]);
            file.fail_sync(true, &mut chance);
            file.sync();
            assert_eq!(file.bytes(), [7; 4 * PAGE_SIZE_BYTES]);
            let mut saved = file.clone();
            saved.write(0, &[7; 4 * PAGE_SIZE_BYTES]);
            saved.sync();
            assert!(!saved.lose_power(LOSSES[0], &mut chance).is_lossy, "what is written again is safe");
            evictions += usize::from(file.clone().evict(&mut chance).is_lossy);
            losses += usize::from(file.lose_power(LOSSES[0], &mut chance).is_lossy);
        }
        assert!(losses > 40 && evictions > 20, "{losses} and {evictions} of 50");
    }

    #[test]
    fn a_page_that_the_cache_could_not_write_fails_the_next_sync() {
        let mut chance = Chance::new(1, Stream::Disk);
        let mut file = CachedFile::default();
        file.fail_write_back(true, &mut chance);
        assert!(!file.has_unseen_error(), "there was nothing to write");
        file.write(0, b"abc");
        file.fail_write_back(true, &mut chance);
        assert!(file.has_unseen_error());
        file.fail_sync(true, &mut chance);
        assert!(!file.has_unseen_error(), "it is said once");
    }
}
