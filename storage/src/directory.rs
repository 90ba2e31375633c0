//! Commands on directories and names.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::time::SystemTime;

use ottla_core::boundary::{DirEntry, Outcome, StorageError, StorageResult};
use ottla_core::time::WallClock;

use crate::failure;

pub fn list(dir: &Path) -> StorageResult {
    match read_entries(dir) {
        Ok(mut entries) => {
            entries.sort_by(|a, b| a.name.cmp(&b.name));
            StorageResult::Done(Outcome::Listing(entries))
        }
        Err(error) => failure::not_done(&error),
    }
}

/// Creates the directory; only where one above it is missing too, more than one step is needed.
pub fn make(dir: &Path) -> StorageResult {
    match fs::create_dir(dir) {
        Ok(()) => StorageResult::Done(Outcome::Nothing),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && dir.is_dir() => {
            StorageResult::Done(Outcome::Nothing)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => ended(fs::create_dir_all(dir), failure::unknown),
        Err(error) => failure::of_one_call(&error),
    }
}

pub fn sync(dir: &Path) -> StorageResult {
    match File::open(dir) {
        Ok(dir) => ended(dir.sync_all(), failure::unknown),
        Err(error) => failure::not_done(&error),
    }
}

pub fn rename(from: &Path, to: &Path) -> StorageResult {
    ended(fs::rename(from, to), failure::of_one_call)
}

pub fn remove(path: &Path) -> StorageResult {
    let removed = match fs::symlink_metadata(path) {
        Ok(entry) if entry.is_dir() => ended(fs::remove_dir_all(path), failure::unknown),
        Ok(_) => ended(fs::remove_file(path), failure::of_one_call),
        Err(error) => failure::not_done(&error),
    };
    match removed {
        StorageResult::NotDone(StorageError::NotFound) => StorageResult::Done(Outcome::Nothing),
        removed => removed,
    }
}

pub fn space(dir: &Path) -> StorageResult {
    match rustix::fs::statvfs(dir) {
        Ok(space) => StorageResult::Done(Outcome::Space {
            total_bytes: space.f_blocks.saturating_mul(space.f_frsize),
            usable_bytes: space.f_bavail.saturating_mul(space.f_frsize),
        }),
        Err(error) => failure::not_done(&error.into()),
    }
}

fn ended(result: io::Result<()>, failed: fn(&io::Error) -> StorageResult) -> StorageResult {
    match result {
        Ok(()) => StorageResult::Done(Outcome::Nothing),
        Err(error) => failed(&error),
    }
}

fn read_entries(dir: &Path) -> io::Result<Vec<DirEntry>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let metadata = match entry.metadata() {
            // A link counts as what it leads to, a dangling one as itself.
            Ok(link) if link.is_symlink() => fs::metadata(entry.path()).unwrap_or(link),
            Ok(metadata) => metadata,
            // Removed since the directory was read.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        entries.push(DirEntry {
            name: entry.file_name().to_string_lossy().into_owned(),
            is_dir: metadata.is_dir(),
            size_bytes: if metadata.is_dir() { 0 } else { metadata.len() },
            modified: metadata.modified().ok().filter(|_| !metadata.is_dir()).map(wall_clock),
        });
    }
    Ok(entries)
}

fn wall_clock(time: SystemTime) -> WallClock {
    let since_epoch = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    WallClock(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const DONE: StorageResult = StorageResult::Done(Outcome::Nothing);
    const NOT_FOUND: StorageResult = StorageResult::NotDone(StorageError::NotFound);

    #[test]
    fn a_listing_is_sorted_and_tells_directories_from_files() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(make(&dir.path().join("b/c")), DONE);
        fs::write(dir.path().join("a"), "hello").unwrap();
        let written = SystemTime::UNIX_EPOCH + Duration::from_millis(1_700_000_000_123);
        File::options().write(true).open(dir.path().join("a")).unwrap().set_modified(written).unwrap();
        let modified = Some(WallClock(1_700_000_000_123));
        let expected = vec![
            DirEntry { name: "a".into(), is_dir: false, size_bytes: 5, modified },
            DirEntry { name: "b".into(), is_dir: true, size_bytes: 0, modified: None },
        ];
        assert_eq!(list(dir.path()), StorageResult::Done(Outcome::Listing(expected)));
        assert_eq!(list(&dir.path().join("missing")), NOT_FOUND);
    }

    #[test]
    fn room_is_that_of_the_file_system() {
        let dir = tempfile::tempdir().unwrap();
        let StorageResult::Done(Outcome::Space { total_bytes, usable_bytes }) = space(dir.path()) else {
            panic!("it is there")
        };
        assert!(0 < usable_bytes && usable_bytes < total_bytes);
        assert_eq!(space(&dir.path().join("missing")), NOT_FOUND);
    }

    #[test]
    fn making_a_directory_that_exists_is_fine_but_not_over_a_file() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(make(&dir.path().join("a")), DONE);
        assert_eq!(make(&dir.path().join("a")), DONE);
        fs::write(dir.path().join("file"), "").unwrap();
        assert!(matches!(make(&dir.path().join("file")), StorageResult::NotDone(StorageError::Io(_))));
    }

    #[test]
    fn removing_takes_files_and_whole_directories_and_forgives_missing_ones() {
        let dir = tempfile::tempdir().unwrap();
        make(&dir.path().join("a/b"));
        fs::write(dir.path().join("a/b/file"), "x").unwrap();
        fs::write(dir.path().join("file"), "x").unwrap();
        for name in ["a", "file", "file"] {
            assert_eq!(remove(&dir.path().join(name)), DONE);
        }
        assert_eq!(list(dir.path()), StorageResult::Done(Outcome::Listing(Vec::new())));
    }

    #[test]
    fn renaming_replaces_a_file_and_says_when_there_is_nothing_to_rename() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        fs::write(&from, "new").unwrap();
        fs::write(&to, "old").unwrap();
        assert_eq!(rename(&from, &to), DONE);
        assert_eq!(fs::read(&to).unwrap(), b"new");
        assert_eq!(rename(&from, &to), NOT_FOUND);
        assert_eq!(sync(dir.path()), DONE);
        assert_eq!(sync(&from), NOT_FOUND);
    }
}
