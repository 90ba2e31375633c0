//! The one line on start: where the broker listens, on which directory, what is in it, and how long that took.

use std::time::Instant;

use ottla_core::Broker;
use ottla_core::boundary::{Input, Output};
use ottla_core::config::Config;
use ottla_core::time::{Monotonic, Now};
use ottla_runtime::Core;

/// A broker that says so, once, when it has read its directory and serves.
pub(crate) struct Announced {
    broker: Broker,
    max_frame_bytes: usize,
    /// Taken once it is said.
    line: Option<Line>,
}

/// What is known before the broker runs.
struct Line {
    addresses: String,
    log_dirs: String,
    started: Instant,
}

impl Announced {
    pub(crate) fn new(broker: Broker, config: &Config, started: Instant) -> Self {
        let addresses: Vec<_> = config.listeners.iter().map(ToString::to_string).collect();
        let line = Line { addresses: addresses.join(","), log_dirs: config.log_dirs.join(","), started };
        Self { broker, max_frame_bytes: config.limits.request_size_bytes as usize, line: Some(line) }
    }

    fn announce(&mut self) {
        if let Some(serving) = self.broker.serving()
            && let Some(line) = self.line.take()
        {
            tracing::info!(
                "ottla {} listens on {}, directory {}, {} topics with {} partitions, up in {} ms",
                env!("CARGO_PKG_VERSION"),
                line.addresses,
                line.log_dirs,
                serving.topics,
                serving.partitions,
                line.started.elapsed().as_millis(),
            );
        }
    }
}

impl Core for Announced {
    fn handle(&mut self, now: Now, input: Input) {
        self.broker.handle(now, input);
        if self.line.is_some() {
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
        self.max_frame_bytes
    }
}
