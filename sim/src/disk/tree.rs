//! Names: directories, what they hold, and which changes to them a power loss may undo.
//!
//! A change to a directory is visible at once and durable after a sync of that directory. Until then each change
//! survives or not by itself; only a rename is whole, as on any journaling file system.

use std::collections::{BTreeMap, BTreeSet};

use crate::chance::Chance;

/// A file or directory, whatever its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeId(pub u64);

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A file.
    File(NodeId),
    /// A directory.
    Dir(NodeId),
}

impl Entry {
    /// What it stands for, whichever kind.
    #[must_use]
    pub fn node(self) -> NodeId {
        match self {
            Self::File(node) | Self::Dir(node) => node,
        }
    }
}

/// One name in one directory, as it is from now on.
#[derive(Clone, Debug)]
struct Edit {
    dir: NodeId,
    name: String,
    entry: Option<Entry>,
}

type Names = BTreeMap<NodeId, BTreeMap<String, Entry>>;

/// All directories.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    visible: Names,
    durable: Names,
    /// Changes that are visible and not durable, oldest first. The edits of one change survive together.
    pending: Vec<Vec<Edit>>,
}

impl Tree {
    /// A directory without a parent, which is durable from the beginning.
    pub fn add_root(&mut self, root: NodeId) {
        self.visible.insert(root, BTreeMap::new());
        self.durable.insert(root, BTreeMap::new());
    }

    /// What a directory holds, by name.
    ///
    /// # Panics
    /// Where `dir` is not a directory.
    #[must_use]
    pub fn entries(&self, dir: NodeId) -> &BTreeMap<String, Entry> {
        &self.visible[&dir]
    }

    /// What a name stands for.
    #[must_use]
    pub fn get(&self, dir: NodeId, name: &str) -> Option<Entry> {
        self.entries(dir).get(name).copied()
    }

    /// Gives a new file or directory its name.
    pub fn insert(&mut self, dir: NodeId, name: &str, entry: Entry) {
        if let Entry::Dir(node) = entry {
            self.visible.entry(node).or_default();
            self.durable.entry(node).or_default();
        }
        self.change(vec![Edit { dir, name: name.to_owned(), entry: Some(entry) }]);
    }

    /// Takes a name away; a directory's content goes with it, name by name.
    pub fn remove(&mut self, dir: NodeId, name: &str) {
        if let Some(Entry::Dir(node)) = self.get(dir, name) {
            let names: Vec<String> = self.entries(node).keys().cloned().collect();
            for name in names {
                self.remove(node, &name);
            }
        }
        self.change(vec![Edit { dir, name: name.to_owned(), entry: None }]);
    }

    /// Moves a name, over one that is there.
    ///
    /// # Panics
    /// Where the name does not exist.
    pub fn rename(&mut self, (from_dir, from): (NodeId, &str), (to_dir, to): (NodeId, &str)) {
        let entry = self.get(from_dir, from).expect("looked up by the caller");
        if (from_dir, from) == (to_dir, to) {
            return;
        }
        self.change(vec![
            Edit { dir: from_dir, name: from.to_owned(), entry: None },
            Edit { dir: to_dir, name: to.to_owned(), entry: Some(entry) },
        ]);
    }

    /// Makes every change to `dir` durable.
    pub fn sync(&mut self, dir: NodeId) {
        let (synced, left) =
            std::mem::take(&mut self.pending).into_iter().partition(|change| change.iter().any(|edit| edit.dir == dir));
        self.pending = left;
        self.make_durable(synced);
    }

    /// The file system writes some changes in its own time.
    pub fn write_back(&mut self, chance: &mut Chance) {
        let (written, left) = std::mem::take(&mut self.pending).into_iter().partition(|_| chance.coin());
        self.pending = left;
        self.make_durable(written);
    }

    /// The power goes: each pending change survives or not, the oldest first; `survives` is told whether it is the last one
    /// in its directory. Returns how many did not.
    pub fn lose_power(&mut self, survives: impl FnMut(bool) -> bool) -> usize {
        let mut survives = survives;
        let pending = std::mem::take(&mut self.pending);
        let lasts: BTreeMap<NodeId, usize> =
            pending.iter().enumerate().map(|(at, change)| (change[0].dir, at)).collect();
        let (mut lucky, mut lost) = (Vec::new(), 0);
        for (at, change) in pending.into_iter().enumerate() {
            if survives(lasts[&change[0].dir] == at) {
                lucky.push(change);
            } else {
                lost += 1;
            }
        }
        self.make_durable(lucky);
        self.visible = self.durable.clone();
        lost
    }

    /// Whether a name would be the same after any power loss.
    #[must_use]
    pub fn is_durable(&self, dir: NodeId, name: &str) -> bool {
        !self.pending.iter().flatten().any(|edit| edit.dir == dir && edit.name == name)
    }

    /// Every file and directory that has a name, from `roots` on.
    #[must_use]
    pub fn reachable(&self, roots: &[NodeId]) -> BTreeSet<NodeId> {
        let mut found: BTreeSet<NodeId> = roots.iter().copied().collect();
        let mut open: Vec<NodeId> = roots.to_vec();
        while let Some(dir) = open.pop() {
            for entry in self.entries(dir).values() {
                if found.insert(entry.node())
                    && let Entry::Dir(node) = entry
                {
                    open.push(*node);
                }
            }
        }
        found
    }

    /// Forgets directories that have no name, right after a power loss: before it, one may have its name back.
    pub fn keep_only(&mut self, nodes: &BTreeSet<NodeId>) {
        self.visible.retain(|node, _| nodes.contains(node));
        self.durable.retain(|node, _| nodes.contains(node));
    }

    fn change(&mut self, edits: Vec<Edit>) {
        apply(&mut self.visible, &edits);
        self.pending.push(edits);
    }

    fn make_durable(&mut self, changes: Vec<Vec<Edit>>) {
        for change in changes {
            apply(&mut self.durable, &change);
            // An older change of the same name that is still pending must not come back over this one.
            for pending in &mut self.pending {
                pending.retain(|edit| !change.iter().any(|done| done.dir == edit.dir && done.name == edit.name));
            }
        }
        self.pending.retain(|change| !change.is_empty());
    }
}

fn apply(names: &mut Names, edits: &[Edit]) {
    for edit in edits {
        let dir = names.get_mut(&edit.dir).expect("directories are known before their entries");
        match edit.entry {
            Some(entry) => dir.insert(edit.name.clone(), entry),
            None => dir.remove(&edit.name),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: NodeId = NodeId(0);
    const DIR: NodeId = NodeId(1);
    const OTHER: NodeId = NodeId(2);
    const FILE: Entry = Entry::File(NodeId(10));
    const NEW_FILE: Entry = Entry::File(NodeId(11));

    fn tree() -> Tree {
        let mut tree = Tree::default();
        tree.add_root(ROOT);
        tree.insert(ROOT, "dir", Entry::Dir(DIR));
        tree.insert(ROOT, "other", Entry::Dir(OTHER));
        tree.sync(ROOT);
        tree
    }

    #[test]
    fn a_created_name_is_durable_after_a_sync_of_its_directory() {
        let mut tree = tree();
        tree.insert(DIR, "a", FILE);
        assert!(!tree.is_durable(DIR, "a"));
        tree.sync(ROOT);
        assert!(!tree.is_durable(DIR, "a"), "only its own directory's sync counts");
        tree.sync(DIR);
        assert_eq!(tree.lose_power(|_| false), 0);
        assert_eq!(tree.get(DIR, "a"), Some(FILE));
    }

    #[test]
    fn an_unsynced_name_is_lost_without_luck() {
        let mut tree = tree();
        tree.insert(DIR, "a", FILE);
        tree.remove(ROOT, "other");
        assert_eq!(tree.lose_power(|_| false), 2);
        assert_eq!(tree.get(DIR, "a"), None);
        assert_eq!(tree.get(ROOT, "other"), Some(Entry::Dir(OTHER)));
    }

    #[test]
    fn a_rename_is_whole_or_not_at_all() {
        for luck in [false, true] {
            let mut tree = tree();
            tree.insert(DIR, "new", NEW_FILE);
            tree.insert(DIR, "old", FILE);
            tree.sync(DIR);
            tree.rename((DIR, "new"), (DIR, "old"));
            assert_eq!(tree.get(DIR, "old"), Some(NEW_FILE));
            tree.lose_power(|_| luck);
            let expected = if luck { (None, Some(NEW_FILE)) } else { (Some(NEW_FILE), Some(FILE)) };
            assert_eq!((tree.get(DIR, "new"), tree.get(DIR, "old")), expected);
        }
    }

    #[test]
    fn a_create_that_was_renamed_and_synced_elsewhere_does_not_come_back() {
        let mut tree = tree();
        tree.insert(DIR, "a", FILE);
        tree.rename((DIR, "a"), (OTHER, "b"));
        tree.sync(OTHER);
        tree.lose_power(|_| true);
        assert_eq!(tree.get(DIR, "a"), None);
        assert_eq!(tree.get(OTHER, "b"), Some(FILE));
    }

    #[test]
    fn of_each_directory_the_last_change_is_told_apart() {
        let mut tree = tree();
        tree.insert(DIR, "a", FILE);
        tree.insert(OTHER, "c", FILE);
        tree.insert(DIR, "b", NEW_FILE);
        assert_eq!(tree.lose_power(|is_last| is_last), 1);
        assert_eq!((tree.get(DIR, "a"), tree.get(DIR, "b")), (None, Some(NEW_FILE)));
        assert_eq!(tree.get(OTHER, "c"), Some(FILE));
    }

    #[test]
    fn a_removed_directory_takes_what_was_in_it() {
        let mut tree = tree();
        tree.insert(DIR, "a", FILE);
        tree.remove(ROOT, "dir");
        assert_eq!(tree.get(ROOT, "dir"), None);
        assert_eq!(tree.reachable(&[ROOT]), [ROOT, OTHER].into());
    }
}
