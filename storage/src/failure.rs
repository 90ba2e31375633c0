//! From the operating system's errors to the broker's: what happened, and whether anything did.

use std::io;

use ottla_core::boundary::{StorageError, StorageResult};
use rustix::io::Errno;

/// A step that changes nothing failed.
pub fn not_done(error: &io::Error) -> StorageResult {
    StorageResult::NotDone(storage_error(error))
}

/// A step that may have gone part of the way failed.
pub fn unknown(error: &io::Error) -> StorageResult {
    StorageResult::Unknown(storage_error(error))
}

/// A single system call that happens wholly or not at all failed: the system refused it, or something broke under way.
pub fn of_one_call(error: &io::Error) -> StorageResult {
    if was_refused(error) { not_done(error) } else { unknown(error) }
}

/// Whether the system turned a call down before it touched anything.
fn was_refused(error: &io::Error) -> bool {
    let Some(errno) = Errno::from_io_error(error) else {
        return error.kind() == io::ErrorKind::InvalidInput;
    };
    [
        Errno::ACCESS,
        Errno::BADF,
        Errno::DQUOT,
        Errno::EXIST,
        Errno::FBIG,
        Errno::INVAL,
        Errno::ISDIR,
        Errno::LOOP,
        Errno::MFILE,
        Errno::NAMETOOLONG,
        Errno::NFILE,
        Errno::NOENT,
        Errno::NOSPC,
        Errno::NOTDIR,
        Errno::NOTEMPTY,
        Errno::PERM,
        Errno::ROFS,
        Errno::XDEV,
    ]
    .contains(&errno)
}

fn storage_error(error: &io::Error) -> StorageError {
    match Errno::from_io_error(error) {
        Some(Errno::NOENT) => StorageError::NotFound,
        Some(Errno::NOSPC | Errno::DQUOT) => StorageError::Full,
        Some(Errno::ACCESS | Errno::PERM | Errno::ROFS) => StorageError::Denied,
        _ => StorageError::Io(error.to_string()),
    }
}
