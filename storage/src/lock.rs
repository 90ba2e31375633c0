//! One writer per log directory.
//!
//! Apache Kafka takes a POSIX record lock on `.lock`, and so do we, to keep each other out. That lock belongs to a
//! process: it does not keep two brokers of one process apart, and closing any other descriptor of the file drops it.
//! So a `flock` on the directory itself, which belongs to the descriptor, is taken before `.lock` is touched.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, fcntl_lock, flock};
use rustix::io::Errno;
use rustix::process::{Flock, FlockType, fcntl_getlk};
use thiserror::Error;

/// Kafka's name of it.
pub const LOCK_FILE: &str = ".lock";

/// Both locks on a directory; dropping it releases them.
#[derive(Debug)]
pub struct DirectoryLock {
    _lock_file: File,
    dir: File,
}

impl Drop for DirectoryLock {
    /// Closing alone would not do while a process that was just forked still has the descriptor.
    fn drop(&mut self) {
        // Nobody is left to tell; the descriptor's end releases the lock too.
        let _ = flock(&self.dir, FlockOperation::Unlock);
    }
}

/// Why the log directories can't be used.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The list is empty.
    #[error("no log directory given: set log.dirs or --log-dir")]
    NoDirectory,
    /// It is missing and can't be created, or is no directory.
    #[error("log directory {} can't be created or opened: {source}", dir.display())]
    Create {
        /// Which.
        dir: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another broker has it.
    #[error(
        "log directory {} is in use by {}: stop that broker, or give this one another directory (log.dirs or --log-dir)",
        dir.display(),
        holder_name(*holder)
    )]
    InUse {
        /// Which.
        dir: PathBuf,
        /// The other's process id, where the system knows it.
        holder: Option<i32>,
    },
    /// The file system would not say whether anybody has it.
    #[error("log directory {} can't be locked ({LOCK_FILE}): {source}", dir.display())]
    Lock {
        /// Which.
        dir: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl DirectoryLock {
    /// Locks `dir` or says who has it.
    pub fn take(dir: &Path) -> Result<Self, OpenError> {
        let opened = File::open(dir).map_err(|source| OpenError::Create { dir: dir.into(), source })?;
        match flock(&opened, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => return Err(OpenError::InUse { dir: dir.into(), holder: None }),
            // Network file systems don't lock directories; there the record lock alone has to do.
            Err(Errno::BADF | Errno::INVAL | Errno::NOTSUP | Errno::NOSYS) => {}
            Err(errno) => return Err(OpenError::Lock { dir: dir.into(), source: errno.into() }),
        }
        let lock_file = Self::lock_like_kafka(dir)?;
        Ok(Self { _lock_file: lock_file, dir: opened })
    }

    fn lock_like_kafka(dir: &Path) -> Result<File, OpenError> {
        let failed = |source| OpenError::Lock { dir: dir.into(), source };
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let lock_file = options.open(dir.join(LOCK_FILE)).map_err(failed)?;
        match fcntl_lock(&lock_file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(lock_file),
            Err(Errno::AGAIN | Errno::ACCESS) => {
                let wanted = Flock::from(FlockType::WriteLock);
                let holder = fcntl_getlk(&lock_file, &wanted).ok().flatten().and_then(|held| held.pid);
                Err(OpenError::InUse { dir: dir.into(), holder: holder.map(|pid| pid.as_raw_nonzero().get()) })
            }
            Err(errno) => Err(failed(errno.into())),
        }
    }
}

fn holder_name(holder: Option<i32>) -> String {
    match holder {
        Some(pid) => format!("process {pid}"),
        None => "another broker".into(),
    }
}

#[cfg(test)]
mod tests {
    use std::env;
    use std::process::{Command, Stdio};

    use super::*;

    /// Takes the lock as Java's `FileChannel.tryLock` does, in a process of its own; the tests below start it.
    #[test]
    #[ignore = "started by the other tests of this file"]
    fn child_that_locks_like_java() {
        let dir = PathBuf::from(env::var_os("OTTLA_LOCK_TEST_DIR").unwrap());
        let lock_file = OpenOptions::new().write(true).open(dir.join(LOCK_FILE)).unwrap();
        let locked = fcntl_lock(&lock_file, FlockOperation::NonBlockingLockExclusive).is_ok();
        println!("locked: {locked}");
        let mut line = String::new();
        io::stdin().read_line(&mut line).unwrap();
    }

    fn child(dir: &Path) -> Command {
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(["--exact", "lock::tests::child_that_locks_like_java", "--ignored", "--nocapture"]);
        command.env("OTTLA_LOCK_TEST_DIR", dir).stdin(Stdio::piped()).stdout(Stdio::piped());
        command
    }

    #[test]
    fn two_brokers_of_one_process_are_kept_apart_and_the_first_keeps_its_lock() {
        let dir = tempfile::tempdir().unwrap();
        let first = DirectoryLock::take(dir.path()).unwrap();
        let error = DirectoryLock::take(dir.path()).unwrap_err();
        assert!(matches!(error, OpenError::InUse { holder: None, .. }), "{error}");
        assert!(error.to_string().contains(&*dir.path().to_string_lossy()), "{error}");

        let other_process = child(dir.path()).output().unwrap();
        assert!(String::from_utf8_lossy(&other_process.stdout).contains("locked: false"));

        drop(first);
        DirectoryLock::take(dir.path()).unwrap();
    }

    #[test]
    fn a_directory_that_apache_kafka_uses_is_refused_with_its_process_id() {
        use std::io::{BufRead, BufReader};

        let dir = tempfile::tempdir().unwrap();
        File::create(dir.path().join(LOCK_FILE)).unwrap();
        let mut kafka = child(dir.path()).spawn().unwrap();
        let mut lines = BufReader::new(kafka.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().contains("locked: true")));

        let error = DirectoryLock::take(dir.path()).unwrap_err();
        assert!(error.to_string().contains(&format!("in use by process {}", kafka.id())), "{error}");

        drop(kafka.stdin.take());
        kafka.wait().unwrap();
        DirectoryLock::take(dir.path()).unwrap();
    }
}
