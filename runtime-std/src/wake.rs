//! How a thread that sleeps is woken by another.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::task::Wake;
use std::thread::Thread;

use ottla_runtime::Interest;
use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};

/// Wakes a thread that waits in `poll(2)`.
#[derive(Debug)]
pub struct WakeDescriptor(OwnedFd);

impl WakeDescriptor {
    pub fn new() -> io::Result<Arc<Self>> {
        Ok(Arc::new(Self(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?)))
    }

    /// Waits for the socket or to be woken. May return early, so what was waited for must be checked.
    pub fn wait(&self, socket: impl AsFd, interest: Interest) {
        let mut events = PollFlags::empty();
        events.set(PollFlags::IN, interest.read);
        events.set(PollFlags::OUT, interest.write);
        let mut waited_for = [PollFd::new(&self.0, PollFlags::IN), PollFd::new(&socket, events)];
        // A socket that nothing is wanted of would report its end again and again.
        let count = if events.is_empty() { 1 } else { 2 };
        // It fails only by a signal or for want of memory, and then the caller looks again.
        let _ = poll(&mut waited_for[..count], None);
        if !waited_for[0].revents().is_empty() {
            // Takes all wake-ups at once; it can't fail after poll has seen one.
            let _ = rustix::io::read(&self.0, &mut [0; 8]);
        }
    }
}

impl Wake for WakeDescriptor {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // It fails only where the counter is full, and then the thread is being woken already.
        let _ = rustix::io::write(&self.0, &1_u64.to_ne_bytes());
    }
}

/// Wakes a thread that is parked.
#[derive(Debug)]
pub struct Unpark(pub Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.unpark();
    }
}
