//! What the hub has for one connection: the way from the broker's outputs to the task that owns the socket.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

use ottla_core::boundary::{CloseReason, Frame};

use crate::signal::{Signal, lock};

/// The hub puts in, the connection takes out.
#[derive(Debug)]
pub struct Link {
    waiting: Mutex<Waiting>,
    is_gate_open: AtomicBool,
    changed: Signal,
}

#[derive(Debug, Default)]
struct Waiting {
    frames: Vec<Frame>,
    close: Option<CloseReason>,
}

impl Link {
    pub fn new() -> Self {
        Self { waiting: Mutex::default(), is_gate_open: AtomicBool::new(true), changed: Signal::default() }
    }

    /// Puts a frame in line. Whoever is returned is to be woken, here and below.
    #[must_use]
    pub fn send(&self, frame: Frame) -> Option<Waker> {
        lock(&self.waiting).frames.push(frame);
        self.changed.set()
    }

    /// Stops or resumes reading.
    #[must_use]
    pub fn set_gate(&self, is_open: bool) -> Option<Waker> {
        self.is_gate_open.store(is_open, Ordering::Relaxed);
        self.changed.set()
    }

    /// Asks for the end, after what was sent before. The first reason counts.
    #[must_use]
    pub fn close(&self, reason: CloseReason) -> Option<Waker> {
        lock(&self.waiting).close.get_or_insert(reason);
        self.changed.set()
    }

    /// Whether to read. Changes are made under the hub's lock, so between two of its turns the answer is settled.
    pub fn is_gate_open(&self) -> bool {
        self.is_gate_open.load(Ordering::Relaxed)
    }

    /// Moves the waiting frames to the end of `frames`, and says whether the connection is to end after them.
    pub fn take(&self, frames: &mut Vec<Frame>) -> Option<CloseReason> {
        let mut waiting = lock(&self.waiting);
        frames.append(&mut waiting.frames);
        waiting.close.clone()
    }

    /// Ready once for all changes since the last time.
    pub fn poll_changed(&self, context: &mut Context<'_>) -> Poll<()> {
        self.changed.poll(context)
    }
}
