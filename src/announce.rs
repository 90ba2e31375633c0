//! The one line on start: where the broker listens, on which directory, what is in it, and how long that took.

use std::time::{Duration, Instant};

use ottla_core::Broker;
use ottla_core::boundary::{ConnId, Input, Output};
use ottla_core::time::{Monotonic, Now};
use ottla_runtime::Core;

/// A broker that says so, once, when it has read its directory and serves.
pub(crate) struct Announced {
    broker: Broker,
    /// When the program started; taken once it is said.
    started: Option<Instant>,
}

impl Announced {
    pub(crate) fn new(broker: Broker, started: Instant) -> Self {
        Self { broker, started: Some(started) }
    }

    fn announce(&mut self) {
        if let Some(serving) = self.broker.serving()
            && let Some(started) = self.started.take()
        {
            let config = self.broker.config();
            let addresses: Vec<_> = config.listeners.iter().map(ToString::to_string).collect();
            tracing::info!(
                "ottla {} listens on {}, directory {}, {} topics with {} partitions, up in {} ms",
                env!("CARGO_PKG_VERSION"),
                addresses.join(","),
                config.log_dirs.join(","),
                serving.topics,
                serving.partitions,
                started.elapsed().as_millis(),
            );
        }
    }
}

impl Core for Announced {
    fn handle(&mut self, now: Now, input: Input) {
        self.broker.handle(now, input);
        if self.started.is_some() {
            self.announce();
        }
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.broker.poll_output()
    }

    fn deadline(&self) -> Option<Monotonic> {
        self.broker.deadline()
    }

    fn max_frame_bytes(&self) -> usize {
        self.broker.max_frame_bytes()
    }

    fn measures_time(&self) -> bool {
        self.broker.measures_time()
    }

    fn spent(&mut self, conn: ConnId, time: Duration) {
        self.broker.spent(conn, time);
    }
}
