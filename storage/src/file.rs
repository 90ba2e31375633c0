//! Commands on open files.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, IoSlice};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use bytes::Bytes;
use ottla_core::boundary::{OpenMode, Outcome, StorageError, StorageResult};
use rustix::buffer::spare_capacity;
use rustix::io::{Errno, pread, pwritev};

use crate::failure;

/// Slices that one vectored write takes on Linux.
const MAX_SLICES: usize = 1024;

pub fn open(path: &Path, mode: OpenMode) -> (Option<File>, StorageResult) {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    match mode {
        OpenMode::Existing => {}
        OpenMode::OpenOrCreate => _ = options.create(true).truncate(false),
        OpenMode::CreateEmpty => _ = options.create(true).truncate(true),
    }
    let file = match options.open(path) {
        Ok(file) => file,
        // Kafka's metadata snapshots may only be read: so they are opened for that, and a write to one fails.
        Err(error) if mode == OpenMode::Existing && error.kind() == ErrorKind::PermissionDenied => {
            match File::open(path) {
                Ok(file) => file,
                Err(error) => return (None, failure::of_one_call(&error)),
            }
        }
        Err(error) => return (None, failure::of_one_call(&error)),
    };
    match file.metadata() {
        Ok(metadata) => (Some(file), StorageResult::Done(Outcome::Opened { size_bytes: metadata.len() })),
        Err(error) if mode == OpenMode::Existing => (None, failure::not_done(&error)),
        Err(error) => (None, failure::unknown(&error)),
    }
}

pub fn read(file: &File, at: u64, size_bytes: u32) -> StorageResult {
    match read_up_to(file, at, size_bytes) {
        Ok(data) => StorageResult::Done(Outcome::Data(data.into())),
        Err(error) => failure::not_done(&error),
    }
}

pub fn append(file: &File, at: u64, data: &[Bytes]) -> StorageResult {
    let mut slices: Vec<IoSlice<'_>> = data.iter().map(|part| IoSlice::new(part)).collect();
    let mut rest = &mut slices[..];
    let mut written = 0;
    // Drops empty slices at the front, so that only data is left.
    IoSlice::advance_slices(&mut rest, 0);
    while !rest.is_empty() {
        match pwritev(file, &rest[..rest.len().min(MAX_SLICES)], at + written) {
            Ok(0) => return StorageResult::Unknown(StorageError::Io("the system wrote 0 bytes".into())),
            Ok(size_bytes) => {
                written += size_bytes as u64;
                IoSlice::advance_slices(&mut rest, size_bytes);
            }
            Err(Errno::INTR) => {}
            Err(errno) if written == 0 => return failure::of_one_call(&errno.into()),
            Err(errno) => return failure::unknown(&errno.into()),
        }
    }
    StorageResult::Done(Outcome::Nothing)
}

/// Makes bytes and size durable; other metadata, such as times, may wait.
pub fn sync(file: &File) -> StorageResult {
    match file.sync_data() {
        Ok(()) => StorageResult::Done(Outcome::Nothing),
        Err(error) => failure::unknown(&error),
    }
}

pub fn truncate(file: &File, size_bytes: u64) -> StorageResult {
    match file.set_len(size_bytes) {
        Ok(()) => StorageResult::Done(Outcome::Nothing),
        Err(error) => failure::of_one_call(&error),
    }
}

/// Nothing that is written to a file without a name is there after the next start: somebody has removed it.
pub fn expect_a_name(file: &File) -> StorageResult {
    match file.metadata() {
        Ok(metadata) if metadata.nlink() > 0 => StorageResult::Done(Outcome::Nothing),
        Ok(_) => StorageResult::Unknown(StorageError::Io(format!(
            "somebody has removed the file. Until this process ends, a copy can be made of /proc/{}/fd/{}",
            std::process::id(),
            file.as_raw_fd()
        ))),
        Err(error) => failure::unknown(&error),
    }
}

fn read_up_to(file: &File, at: u64, size_bytes: u32) -> io::Result<Vec<u8>> {
    // Asks for no more memory than the file has bytes.
    let available = file.metadata()?.len().saturating_sub(at).min(u64::from(size_bytes));
    let mut data = Vec::new();
    data.reserve_exact(usize::try_from(available).map_err(io::Error::other)?);
    while (data.len() as u64) < available {
        let next = at + data.len() as u64;
        match pread(file, spare_capacity(&mut data), next) {
            Ok(0) => break,
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    data.truncate(size_bytes as usize);
    Ok(data)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const DONE: StorageResult = StorageResult::Done(Outcome::Nothing);

    fn new_file(dir: &Path) -> File {
        let (file, result) = open(&dir.join("file"), OpenMode::CreateEmpty);
        assert_eq!(result, StorageResult::Done(Outcome::Opened { size_bytes: 0 }));
        file.unwrap()
    }

    fn data(result: StorageResult) -> Bytes {
        match result {
            StorageResult::Done(Outcome::Data(data)) => data,
            other => panic!("expected data, got {other:?}"),
        }
    }

    #[test]
    fn what_was_appended_is_read_back_and_less_only_at_the_end() {
        let dir = tempfile::tempdir().unwrap();
        let file = new_file(dir.path());
        let parts = ["", "hello ", "", "world"].map(|part| Bytes::from_static(part.as_bytes()));
        assert_eq!(append(&file, 0, &parts), DONE);
        assert_eq!(append(&file, 11, &[]), DONE);
        assert_eq!(append(&file, 11, &[Bytes::from_static(b"!")]), DONE);
        assert_eq!(data(read(&file, 0, 100)), "hello world!");
        assert_eq!(data(read(&file, 6, 5)), "world");
        assert_eq!(data(read(&file, 11, u32::MAX)), "!");
        assert_eq!(data(read(&file, 50, 1)), "");
        assert_eq!(sync(&file), DONE);
        assert_eq!(truncate(&file, 5), DONE);
        assert_eq!(data(read(&file, 0, 100)), "hello");
    }

    #[test]
    fn an_append_of_more_parts_than_one_write_takes_is_whole() {
        let dir = tempfile::tempdir().unwrap();
        let file = new_file(dir.path());
        let parts: Vec<Bytes> = (0..3 * MAX_SLICES + 1).map(|i| Bytes::from(i.to_string())).collect();
        assert_eq!(append(&file, 0, &parts), DONE);
        assert_eq!(data(read(&file, 0, u32::MAX)), parts.concat());
    }

    #[test]
    fn opening_keeps_creates_or_empties_as_asked() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        assert_eq!(open(&path, OpenMode::Existing).1, StorageResult::NotDone(StorageError::NotFound));
        for (mode, expected) in [(OpenMode::OpenOrCreate, 0), (OpenMode::Existing, 3), (OpenMode::CreateEmpty, 3)] {
            let (file, result) = open(&path, mode);
            let size_bytes = if mode == OpenMode::CreateEmpty { 0 } else { expected };
            assert_eq!(result, StorageResult::Done(Outcome::Opened { size_bytes }));
            append(&file.unwrap(), 0, &[Bytes::from_static(b"abc")]);
        }
    }

    #[test]
    fn a_file_that_was_removed_is_noticed_and_can_still_be_copied() {
        let dir = tempfile::tempdir().unwrap();
        let file = new_file(dir.path());
        assert_eq!(append(&file, 0, &[Bytes::from_static(b"abc")]), DONE);
        assert_eq!(expect_a_name(&file), DONE);
        fs::remove_file(dir.path().join("file")).unwrap();
        let StorageResult::Unknown(StorageError::Io(text)) = expect_a_name(&file) else { panic!("it has no name") };
        let path = text.rsplit(' ').next().unwrap();
        #[cfg(target_os = "linux")]
        assert_eq!(fs::read(path).unwrap(), b"abc");
        assert!(path.starts_with("/proc/"), "{text}");
    }

    #[test]
    fn a_file_that_may_only_be_read_is_opened_for_that() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("snapshot");
        fs::write(&path, "abc").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
        let (file, result) = open(&path, OpenMode::Existing);
        assert_eq!(result, StorageResult::Done(Outcome::Opened { size_bytes: 3 }));
        assert_eq!(read(&file.unwrap(), 0, 9), StorageResult::Done(Outcome::Data(Bytes::from_static(b"abc"))));
    }

    #[test]
    fn a_full_device_is_told_apart_from_other_failures() {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let result = append(&full, 0, &[Bytes::from_static(b"abc")]);
        assert_eq!(result, StorageResult::NotDone(StorageError::Full));
        let dir = tempfile::tempdir().unwrap();
        File::create(dir.path().join("read-only")).unwrap();
        let read_only = File::open(dir.path().join("read-only")).unwrap();
        let result = append(&read_only, 0, &[Bytes::from_static(b"abc")]);
        assert!(matches!(result, StorageResult::NotDone(StorageError::Io(_))), "{result:?}");
    }
}
