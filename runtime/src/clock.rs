//! What a broker is given from outside besides bytes: the time and its seed.

use std::io;
use std::time::{Duration, Instant, SystemTime};

use ottla_core::time::{Monotonic, Now, WallClock};
use rustix::rand::{GetRandomFlags, getrandom};
use rustix::time::{ClockId, Timespec, clock_gettime};

/// Both clocks. The monotonic one counts from a start that all brokers of a machine share.
#[must_use]
pub fn now() -> Now {
    Now { monotonic: monotonic(), wall: wall_clock() }
}

/// By way of the C library, before which another clock can be put (libfaketime) to see what a broker does when it jumps.
fn wall_clock() -> WallClock {
    let millis = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    WallClock(match SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => millis(since),
        Err(before) => -millis(before.duration()),
    })
}

/// When `deadline` is on the clock that runtimes sleep by.
#[must_use]
pub fn instant_of(deadline: Monotonic) -> Instant {
    let wait = deadline.since(monotonic());
    // What is further away than the clock can say will be asked for again.
    Instant::now().checked_add(wait).unwrap_or_else(|| Instant::now() + Duration::from_secs(3_600))
}

/// Chance for a new broker, from the operating system.
///
/// # Errors
/// The system has none to give.
pub fn seed() -> io::Result<[u8; 32]> {
    let mut seed = [0; 32];
    let mut filled = 0;
    while filled < seed.len() {
        filled += getrandom(&mut seed[filled..], GetRandomFlags::empty())?;
    }
    Ok(seed)
}

fn monotonic() -> Monotonic {
    let Timespec { tv_sec, tv_nsec } = clock_gettime(ClockId::Monotonic);
    let micros = tv_sec.saturating_mul(1_000_000).saturating_add(tv_nsec / 1_000);
    Monotonic(u64::try_from(micros).unwrap_or(0))
}
