//! What clients have in common that ask something of the same topics again and again, one question at a time.

use super::Talk;
use super::cluster::Cluster;
use crate::agenda::{Span, Time};

/// The topics, where they are, and when the next round is due.
#[derive(Debug)]
pub struct Rounds {
    pub topics: Vec<String>,
    pub cluster: Cluster,
    /// Between two rounds, at least.
    pause: Span,
    next_at: Time,
    pub is_done: bool,
}

impl Rounds {
    pub fn new(topics: Vec<String>, pause: Span) -> Self {
        Self { topics, cluster: Cluster::default(), pause, next_at: Time::default(), is_done: false }
    }

    /// Whether a round begins now; `is_asking` says that the last one is not over. They end with production.
    pub fn begins(&mut self, talk: &mut Talk<'_>, is_asking: bool) -> bool {
        if talk.env.production_over.is_some() {
            self.is_done = true;
            return false;
        }
        if is_asking || !self.cluster.is_ready(talk, &self.topics) {
            return false;
        }
        if talk.time() < self.next_at {
            talk.wake_after(self.next_at - talk.time());
            return false;
        }
        self.next_at = talk.time() + self.pause + talk.chance.span_up_to(talk.env.plan.clients.pause);
        true
    }
}
