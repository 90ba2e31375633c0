//! The broker: owns the parts, routes inputs to them. No Kafka semantics of its own.

use crate::boundary::{Input, Output};
use crate::config::Config;
use crate::outbox::Outbox;
use crate::rng::Rng;
use crate::time::{Monotonic, Now};

/// A whole Kafka node as a state machine; see [`crate::boundary`] for the contract.
#[derive(Debug)]
pub struct Broker {
    outbox: Outbox,
    rng: Rng,
    config: Config,
}

impl Broker {
    /// A broker that begins by reading its directory: poll its outputs.
    #[must_use]
    pub fn new(config: Config, seed: [u8; 32], _now: Now) -> Self {
        Self { outbox: Outbox::default(), rng: Rng::new(seed), config }
    }

    /// Takes one event in. Never fails, never blocks.
    pub fn handle(&mut self, _now: Now, _input: Input) {}

    /// The next thing to do; `None` when all is said.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outbox.pop()
    }

    /// When to send [`Input::Tick`], if nothing else happens before.
    #[must_use]
    pub fn deadline(&self) -> Option<Monotonic> {
        None
    }
}
