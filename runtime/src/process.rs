//! The process's limits: how many descriptors it may have, and what to do when there are none left.

use std::io;
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the number of files and sockets that the process may have open as far as it may do so itself, and says how
/// many they are then.
pub fn raise_open_file_limit() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    if limit.current == limit.maximum {
        return limit.current.unwrap_or(u64::MAX);
    }
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => {
            tracing::debug!(from = limit.current, to = limit.maximum, "raised the limit on open files");
            limit.maximum.unwrap_or(u64::MAX)
        }
        Err(error) => {
            tracing::warn!(%error, limit = limit.current, "the limit on open files can't be raised");
            limit.current.unwrap_or(u64::MAX)
        }
    }
}

/// How long to wait before the next `accept` where one failed.
#[derive(Debug, Default)]
pub struct AcceptBackoff {
    failures: u32,
}

impl AcceptBackoff {
    const FIRST: Duration = Duration::from_millis(10);
    const LAST: Duration = Duration::from_millis(250);

    /// An `accept` succeeded.
    pub fn succeeded(&mut self) {
        self.failures = 0;
    }

    /// An `accept` failed; says how long to leave the listener alone. Nothing, where only that one client is to blame.
    pub fn failed(&mut self, error: &io::Error) -> Duration {
        let is_one_client = matches!(
            Errno::from_io_error(error),
            Some(Errno::CONNABORTED | Errno::INTR | Errno::PROTO | Errno::PERM | Errno::NETDOWN | Errno::HOSTUNREACH)
        );
        if is_one_client {
            tracing::debug!(%error, "a connection was gone before it was accepted");
            return Duration::ZERO;
        }
        let pause = Self::FIRST.saturating_mul(2_u32.saturating_pow(self.failures)).min(Self::LAST);
        self.failures = self.failures.saturating_add(1);
        // Rarer and rarer, or the log would be full of it.
        if self.failures.is_power_of_two() {
            tracing::warn!(failures = self.failures, "no connection can be accepted for now: {error}");
        }
        pause
    }
}
