//! How much of a processor's time each world takes, where the system tells that of a thread.

use std::fmt;
use std::fs;
use std::sync::Mutex;
use std::time::Duration;

/// So many of the slowest are named.
const WORST: usize = 5;

/// Times of worlds, with their seeds.
#[derive(Default)]
pub struct Times(Mutex<Vec<(Duration, u64)>>);

impl Times {
    /// Runs a seed's world, and notes what it takes.
    pub fn take<T>(&self, seed: u64, run: impl FnOnce() -> T) -> T {
        let before = of_this_thread();
        let result = run();
        // A build in which a panic ends the process runs worlds on threads of their own.
        if let (false, Some(before), Some(after)) = (cfg!(panic = "abort"), before, of_this_thread()) {
            self.0.lock().expect("a list does not panic").push((after.saturating_sub(before), seed));
        }
        result
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut times = self.0.lock().expect("a list does not panic").clone();
        times.sort_unstable();
        let Some(median) = times.get(times.len() / 2).map(|(time, _)| time.as_millis()) else { return Ok(()) };
        let mean = times.iter().map(|(time, _)| *time).sum::<Duration>().as_millis() / times.len() as u128;
        let worst = times.iter().rev().take(WORST).map(|(time, seed)| format!("{} ms (seed {seed})", time.as_millis()));
        let worst = worst.collect::<Vec<_>>().join(", ");
        writeln!(f, "processor time of a seed: {mean} ms mean, {median} ms median; at worst {worst}")
    }
}

/// How long this thread was on a processor.
fn of_this_thread() -> Option<Duration> {
    let said = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    said.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}
