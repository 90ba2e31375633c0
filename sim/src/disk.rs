//! The disk: files behind a page cache and the directories that name them. One call is one storage step that
//! happens, at once and without fault.
//!
//! What does not belong here: when a step happens, and whether it fails (`storage`).

mod commands;
mod page_cache;
mod tree;

use std::collections::{BTreeMap, BTreeSet};

use ottla_core::boundary::{DirEntry, OpenMode, Path, StorageError};

use crate::chance::{Chance, Odds};
pub use commands::{file_of, offset};
pub use page_cache::{CachedFile, Damage, PAGE_SIZE_BYTES, PowerLoss, SECTOR_SIZE_BYTES, Survival};
use tree::Tree;
pub use tree::{Entry, NodeId};

/// Log directories on one device.
#[derive(Clone, Debug)]
pub struct Disk {
    roots: Vec<NodeId>,
    tree: Tree,
    files: BTreeMap<NodeId, CachedFile>,
    next_node: u64,
}

/// What a power loss took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// Names that were there, or not there yet, are not or are again.
    pub changed_names: usize,
    /// Files that lost bytes, by path.
    pub lossy_files: Vec<String>,
    /// Files that lost bytes and kept some behind them, by path.
    pub holed_files: Vec<String>,
    /// Directories with a hole in a `.log` file, or between two of them.
    pub holed_logs: BTreeSet<String>,
}

impl Losses {
    fn note(&mut self, name: Option<&String>, damage: Damage) {
        let Some(name) = name else { return };
        if damage.is_lossy {
            self.lossy_files.push(name.clone());
        }
        if damage.hole_at.is_some() {
            self.holed_files.push(name.clone());
        }
    }

    /// What was lost twice over.
    pub fn merge(&mut self, other: Self) {
        self.changed_names += other.changed_names;
        self.lossy_files.extend(other.lossy_files);
        self.holed_files.extend(other.holed_files);
        self.holed_logs.extend(other.holed_logs);
    }
}

impl Disk {
    /// Empty log directories.
    #[must_use]
    pub fn new(log_dirs: u16) -> Self {
        let mut disk = Self { roots: Vec::new(), tree: Tree::default(), files: BTreeMap::new(), next_node: 0 };
        for _ in 0..log_dirs {
            let root = disk.new_node();
            disk.tree.add_root(root);
            disk.roots.push(root);
        }
        disk
    }

    /// Names, kinds and sizes.
    pub fn list(&self, dir: &Path) -> Result<Vec<DirEntry>, StorageError> {
        let dir = self.find_dir(dir)?;
        let entry = |(name, entry): (&String, &Entry)| match entry {
            Entry::Dir(_) => DirEntry { name: name.clone(), is_dir: true, size_bytes: 0, modified: None },
            Entry::File(node) => {
                let size_bytes = self.files[node].size_bytes();
                DirEntry { name: name.clone(), is_dir: false, size_bytes, modified: None }
            }
        };
        Ok(self.tree.entries(dir).iter().map(entry).collect())
    }

    /// Creates a directory and the missing ones above it.
    pub fn make_dir(&mut self, dir: &Path) -> Result<(), StorageError> {
        let mut node = self.roots[usize::from(dir.log_dir)];
        for name in parts(dir) {
            node = match self.tree.get(node, name) {
                Some(Entry::Dir(child)) => child,
                Some(Entry::File(_)) => return Err(StorageError::Io(format!("{name} is not a directory"))),
                None => {
                    let child = self.new_node();
                    self.tree.insert(node, name, Entry::Dir(child));
                    child
                }
            };
        }
        Ok(())
    }

    /// The file of that path, as `mode` wants it.
    pub fn open(&mut self, path: &Path, mode: OpenMode) -> Result<NodeId, StorageError> {
        let (dir, name) = self.find_parent(path)?;
        match self.tree.get(dir, name) {
            Some(Entry::Dir(_)) => Err(StorageError::Io(format!("{name} is a directory"))),
            Some(Entry::File(node)) => {
                if mode == OpenMode::CreateEmpty {
                    self.file_mut(node).truncate(0);
                }
                Ok(node)
            }
            None if mode == OpenMode::Existing => Err(StorageError::NotFound),
            None => {
                let node = self.new_node();
                self.files.insert(node, CachedFile::default());
                self.tree.insert(dir, name, Entry::File(node));
                Ok(node)
            }
        }
    }

    /// An open file; it outlives its name.
    ///
    /// # Panics
    /// Where there never was such a file.
    #[must_use]
    pub fn file(&self, node: NodeId) -> &CachedFile {
        &self.files[&node]
    }

    /// An open file, to be written.
    ///
    /// # Panics
    /// Where there never was such a file.
    pub fn file_mut(&mut self, node: NodeId) -> &mut CachedFile {
        self.files.get_mut(&node).expect("an open file outlives its name")
    }

    /// Makes a directory's entries durable.
    pub fn sync_dir(&mut self, dir: &Path) -> Result<(), StorageError> {
        let dir = self.find_dir(dir)?;
        self.tree.sync(dir);
        Ok(())
    }

    /// Renames a file or directory, replacing a file that is there.
    pub fn rename(&mut self, from: &Path, to: &Path) -> Result<(), StorageError> {
        let (from_dir, from_name) = self.find_parent(from)?;
        let (to_dir, to_name) = self.find_parent(to)?;
        let moved = self.tree.get(from_dir, from_name).ok_or(StorageError::NotFound)?;
        match (moved, self.tree.get(to_dir, to_name)) {
            (_, None) | (Entry::File(_), Some(Entry::File(_))) => {}
            (_, Some(_)) => return Err(StorageError::Io(format!("{to_name} exists"))),
        }
        self.tree.rename((from_dir, from_name), (to_dir, to_name));
        Ok(())
    }

    /// Removes a file, or a directory and all that is in it; a missing one is fine.
    pub fn remove(&mut self, path: &Path) -> Result<(), StorageError> {
        match self.find_parent(path) {
            Ok((dir, name)) if self.tree.get(dir, name).is_some() => self.tree.remove(dir, name),
            Ok(_) | Err(StorageError::NotFound) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Removes one of the files of a directory: how far a removal came that was interrupted.
    pub fn remove_in_part(&mut self, path: &Path, chance: &mut Chance) {
        let Ok(dir) = self.find_dir(path) else { return };
        let names: Vec<String> = self.tree.entries(dir).keys().cloned().collect();
        for name in names {
            if chance.coin() {
                self.tree.remove(dir, &name);
            }
        }
    }

    /// The page cache and the file system write something in their own time. Now and then a file's pages can't be written,
    /// and are forgotten or not.
    pub fn write_back(&mut self, fails: Odds, forgets: bool, chance: &mut Chance) {
        if chance.coin() {
            self.tree.write_back(chance);
        }
        for file in self.files.values_mut().filter(|file| !file.is_settled()) {
            if !fails.is_never() && chance.happens(fails) {
                file.fail_write_back(forgets, chance);
            } else if chance.coin() {
                file.write_back(chance);
            }
        }
    }

    /// From now on nothing fails.
    pub fn heal(&mut self) {
        self.files.values_mut().for_each(CachedFile::heal);
    }

    /// The page cache gives up pages that count as clean, though the medium does not have them. Nobody reads meanwhile.
    pub fn evict(&mut self, chance: &mut Chance) -> Losses {
        let mut losses = Losses::default();
        let names = self.names();
        for (node, file) in &mut self.files {
            losses.note(names.get(node), file.evict(chance));
        }
        self.find_holed_logs(names.values(), &mut losses);
        losses
    }

    /// The power goes; nothing is open any more.
    pub fn lose_power(&mut self, how: PowerLoss, chance: &mut Chance) -> Losses {
        let has_luck = how.survival != Survival::Nothing;
        self.lose_power_but_for(how, |chance, _| has_luck && chance.coin(), chance)
    }

    /// The same, where `keeps_name` says which changes of names survive that were not synced; it is told whether one is
    /// the last in its directory.
    pub fn lose_power_but_for(
        &mut self,
        how: PowerLoss,
        keeps_name: impl Fn(&mut Chance, bool) -> bool,
        chance: &mut Chance,
    ) -> Losses {
        let mut losses = Losses::default();
        let names = self.names();
        for (node, file) in &mut self.files {
            losses.note(names.get(node), file.lose_power(how, chance));
        }
        losses.changed_names = self.tree.lose_power(|is_last| keeps_name(chance, is_last));
        let reachable = self.tree.reachable(&self.roots);
        self.files.retain(|node, _| reachable.contains(node));
        self.tree.keep_only(&reachable);
        self.find_holed_logs(names.values(), &mut losses);
        losses
    }

    /// Of a log that is spread over several files, the loss of an earlier one's end is a hole as well.
    fn find_holed_logs<'a>(&self, before: impl Iterator<Item = &'a String>, losses: &mut Losses) {
        let after: BTreeMap<String, u64> = self
            .names()
            .into_iter()
            .filter_map(|(node, name)| Some((name, self.files.get(&node)?.size_bytes())))
            .collect();
        for name in before.filter(|name| name.ends_with(".log")) {
            let Some((dir, _)) = name.rsplit_once('/') else { continue };
            let has_lost = losses.lossy_files.contains(name) || !after.contains_key(name);
            let has_later = after.iter().any(|(other, size_bytes)| {
                *size_bytes > 0 && other > name && other.ends_with(".log") && other.starts_with(&format!("{dir}/"))
            });
            if has_lost && has_later || losses.holed_files.contains(name) {
                losses.holed_logs.insert(dir.to_owned());
            }
        }
    }

    /// One bit of a file is another from now on, on the medium as well.
    ///
    /// # Panics
    /// Where there is no such file, or no such byte.
    pub fn rot(&mut self, path: &Path, at: usize) {
        let (dir, name) = self.find_parent(path).expect("the file is there");
        let entry = self.tree.get(dir, name).expect("the file is there");
        self.file_mut(entry.node()).rot(at);
    }

    /// The files of a directory of the first log directory, by name; none where there is no such directory.
    #[must_use]
    pub fn files_in(&self, dir: &str) -> BTreeMap<String, &[u8]> {
        let Ok(dir) = self.find_dir(&Path::new(0, dir)) else { return BTreeMap::new() };
        let file = |(name, entry): (&String, &Entry)| match entry {
            Entry::File(node) => Some((name.clone(), self.files[node].bytes())),
            Entry::Dir(_) => None,
        };
        self.tree.entries(dir).iter().filter_map(file).collect()
    }

    /// Whether a file exists and would be the same after any power loss, its name included.
    #[must_use]
    pub fn is_durable_file(&self, path: &Path) -> bool {
        let Ok((dir, name)) = self.find_parent(path) else { return false };
        match self.tree.get(dir, name) {
            Some(Entry::File(node)) => self.is_durable_name(path) && self.file(node).is_durable(),
            _ => false,
        }
    }

    /// Whether a name and those of the directories above it would be the same after any power loss.
    fn is_durable_name(&self, path: &Path) -> bool {
        path.relative.is_empty()
            || self.find_parent(path).is_ok_and(|(dir, name)| self.tree.is_durable(dir, name))
                && self.is_durable_name(&path.parent())
    }

    fn names(&self) -> BTreeMap<NodeId, String> {
        let mut names = BTreeMap::new();
        let mut open: Vec<(NodeId, String)> = self.roots.iter().map(|root| (*root, String::new())).collect();
        while let Some((dir, prefix)) = open.pop() {
            for (name, entry) in self.tree.entries(dir) {
                let path = format!("{prefix}{name}");
                if let Entry::Dir(node) = entry {
                    open.push((*node, format!("{path}/")));
                }
                names.insert(entry.node(), path);
            }
        }
        names
    }

    fn find_dir(&self, path: &Path) -> Result<NodeId, StorageError> {
        let mut node = self.roots[usize::from(path.log_dir)];
        for name in parts(path) {
            node = match self.tree.get(node, name) {
                Some(Entry::Dir(child)) => child,
                Some(Entry::File(_)) => return Err(StorageError::Io(format!("{name} is not a directory"))),
                None => return Err(StorageError::NotFound),
            };
        }
        Ok(node)
    }

    fn find_parent<'a>(&self, path: &'a Path) -> Result<(NodeId, &'a str), StorageError> {
        let Some(name) = parts(path).last() else {
            return Err(StorageError::Io("the log directory itself is not a file".to_owned()));
        };
        Ok((self.find_dir(&path.parent())?, name))
    }

    fn new_node(&mut self) -> NodeId {
        self.next_node += 1;
        NodeId(self.next_node)
    }
}

fn parts(path: &Path) -> impl Iterator<Item = &str> {
    path.relative.split('/').filter(|part| !part.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::Stream;

    const ANYTHING: PowerLoss = PowerLoss { survival: Survival::Subset, tears: true };
    const NOTHING: PowerLoss = PowerLoss { survival: Survival::Nothing, tears: false };

    fn path(relative: &str) -> Path {
        Path::new(0, relative)
    }

    #[test]
    fn files_are_found_by_path_and_outlive_their_names() {
        let mut disk = Disk::new(1);
        assert_eq!(disk.open(&path("t-0/a.log"), OpenMode::OpenOrCreate), Err(StorageError::NotFound));
        disk.make_dir(&path("t-0")).unwrap();
        assert_eq!(disk.open(&path("t-0/a.log"), OpenMode::Existing), Err(StorageError::NotFound));
        let file = disk.open(&path("t-0/a.log"), OpenMode::OpenOrCreate).unwrap();
        disk.file_mut(file).write(0, b"abc");
        let listing = disk.list(&path("t-0")).unwrap();
        assert_eq!(listing, [DirEntry { name: "a.log".to_owned(), is_dir: false, size_bytes: 3, modified: None }]);
        disk.remove(&path("t-0")).unwrap();
        disk.remove(&path("t-0")).unwrap();
        assert_eq!(disk.list(&path("t-0")), Err(StorageError::NotFound));
        assert_eq!(disk.file(file).bytes(), b"abc");
    }

    #[test]
    fn creating_empty_cuts_what_is_there() {
        let mut disk = Disk::new(1);
        let file = disk.open(&path("a"), OpenMode::CreateEmpty).unwrap();
        disk.file_mut(file).write(0, b"abc");
        assert_eq!(disk.open(&path("a"), OpenMode::CreateEmpty), Ok(file));
        assert_eq!(disk.file(file).size_bytes(), 0);
    }

    #[test]
    fn a_checkpoint_written_the_right_way_is_the_old_or_the_new_one_after_any_crash() {
        for seed in 0..500 {
            let mut chance = Chance::new(seed, Stream::Disk);
            let mut disk = Disk::new(1);
            let steps = chance.between(1..=12);
            let mut durable = 0u8;
            let mut latest = 0u8;
            for step in 0..steps {
                let version = u8::try_from(step / 4).unwrap() + 1;
                match step % 4 {
                    0 => {
                        let tmp = disk.open(&path("c.tmp"), OpenMode::CreateEmpty).unwrap();
                        disk.file_mut(tmp).write(0, &[version; 5_000]);
                    }
                    1 => {
                        let tmp = disk.open(&path("c.tmp"), OpenMode::Existing).unwrap();
                        disk.file_mut(tmp).sync();
                    }
                    2 => {
                        disk.rename(&path("c.tmp"), &path("c")).unwrap();
                        latest = version;
                    }
                    _ => {
                        disk.sync_dir(&path("")).unwrap();
                        durable = version;
                    }
                }
                if chance.coin() {
                    disk.write_back(Odds::NEVER, false, &mut chance);
                }
            }
            disk.lose_power(ANYTHING, &mut chance);
            let found = disk.open(&path("c"), OpenMode::Existing).ok().map(|file| disk.file(file).bytes().to_vec());
            let allowed = |version: u8| (version > 0).then(|| vec![version; 5_000]);
            assert!(found == allowed(durable) || found == allowed(latest), "seed {seed}: {durable} {latest}");
        }
    }

    #[test]
    fn a_loss_before_a_later_file_of_the_same_log_is_a_hole() {
        let mut chance = Chance::new(1, Stream::Disk);
        let mut disk = Disk::new(1);
        disk.make_dir(&path("t-0")).unwrap();
        let first = disk.open(&path("t-0/0.log"), OpenMode::OpenOrCreate).unwrap();
        let second = disk.open(&path("t-0/9.log"), OpenMode::OpenOrCreate).unwrap();
        disk.sync_dir(&path("")).unwrap();
        disk.sync_dir(&path("t-0")).unwrap();
        disk.file_mut(first).write(0, b"lost");
        assert!(disk.clone().lose_power(NOTHING, &mut chance).holed_logs.is_empty());
        disk.file_mut(second).write(0, b"kept");
        disk.file_mut(second).sync();
        let losses = disk.lose_power(NOTHING, &mut chance);
        assert_eq!(losses.holed_logs, ["t-0".to_owned()].into());
        assert!(losses.holed_files.is_empty());
    }

    #[test]
    fn a_synced_file_without_a_synced_name_can_vanish() {
        let mut chance = Chance::new(1, Stream::Disk);
        let mut disk = Disk::new(1);
        let file = disk.open(&path("a"), OpenMode::OpenOrCreate).unwrap();
        disk.file_mut(file).write(0, b"abc");
        disk.file_mut(file).sync();
        assert!(!disk.is_durable_file(&path("a")));
        let mut unlucky = disk.clone();
        let losses = unlucky.lose_power(NOTHING, &mut chance);
        assert_eq!(losses.changed_names, 1);
        assert_eq!(unlucky.open(&path("a"), OpenMode::Existing), Err(StorageError::NotFound));
        disk.sync_dir(&path("")).unwrap();
        assert!(disk.is_durable_file(&path("a")));
        disk.lose_power(NOTHING, &mut chance);
        assert!(disk.is_durable_file(&path("a")));
    }
}
