//! The work that brokers are given: as much as they can take in (`produce`) and hand out (`consume`), and a fixed rate of
//! records, to see how long each takes (`latency`).

pub mod consume;
pub mod latency;
pub mod produce;

use std::time::Duration;

/// What was moved, and how long it took.
#[derive(Clone, Copy, Debug)]
pub struct Transfer {
    /// Bytes of record batches.
    pub size_bytes: u64,
    /// From the first request to the last answer.
    pub elapsed: Duration,
}

impl Transfer {
    /// Megabytes, of a million bytes, in a second.
    pub fn megabytes_a_second(&self) -> f64 {
        self.size_bytes as f64 / 1e6 / self.elapsed.as_secs_f64()
    }
}
