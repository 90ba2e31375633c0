//! The wish for a graceful end.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::iterator::Signals;

use crate::signal::Latch;

/// Signals this close together are one wish.
const SAME_WISH: Duration = Duration::from_secs(1);

/// Asks a serving broker to end in good order. Clones share the wish.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    requested: Arc<Latch>,
}

impl Shutdown {
    /// Nobody has asked yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks. The broker stops accepting, answers what is in flight, syncs, and `serve` returns.
    pub fn request(&self) {
        self.requested.set();
    }

    /// Ready once somebody has asked.
    pub fn poll_requested(&self, context: &mut Context<'_>) -> Poll<()> {
        self.requested.poll(context)
    }

    /// Asks when the process gets SIGTERM or SIGINT. One more, a second later or more, ends the process at once: sooner
    /// it is the same wish, since `timeout` and a terminal may each send a signal twice.
    ///
    /// # Errors
    /// The signals can't be caught.
    pub fn on_signals(&self) -> io::Result<()> {
        let is_impatience = Arc::new(AtomicBool::new(false));
        for signal in [SIGTERM, SIGINT] {
            flag::register_conditional_shutdown(signal, 1, Arc::clone(&is_impatience))?;
        }
        let mut signals = Signals::new([SIGTERM, SIGINT])?;
        let shutdown = self.clone();
        thread::Builder::new().name("signals".into()).stack_size(64 * 1024).spawn(move || {
            if signals.forever().next().is_some() {
                shutdown.request();
                thread::sleep(SAME_WISH);
                is_impatience.store(true, Ordering::Relaxed);
            }
        })?;
        Ok(())
    }
}
