//! What a hub is made of, as traits: tests put scripted ones in the places of the broker and the disk.

use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

use ottla_core::Broker;
use ottla_core::boundary::{ConnId, FileId, Input, Output, StorageCommand, StorageResult};
use ottla_core::time::{Monotonic, Now};
use ottla_storage::Storage;

/// The state machine in the middle: [`ottla_core::Broker`], whose methods these are.
pub trait Core: Send + 'static {
    /// Takes one event in.
    fn handle(&mut self, now: Now, input: Input);
    /// The next thing to do; `None` when all is said.
    fn poll_output(&mut self) -> Option<Output>;
    /// When to send [`Input::Tick`].
    fn deadline(&self) -> Option<Monotonic>;
    /// The largest frame that connections may send: `socket.request.max.bytes`.
    fn max_frame_bytes(&self) -> usize;
    /// Whether [`Core::spent`] is to be told.
    fn measures_time(&self) -> bool;
    /// Handling a frame of `conn` took so much time.
    fn spent(&mut self, conn: ConnId, time: Duration);
}

/// What runs storage commands: [`Storage`].
pub trait Disk: Send + Sync + 'static {
    /// Does one command and waits for its end.
    fn run(&self, command: &StorageCommand) -> StorageResult;
    /// An open file, to be sent from.
    fn file(&self, file: FileId) -> Option<Arc<File>>;
    /// Lets go of everything: the broker has ended.
    fn release(&self);
}

/// Work that may wait long; a runtime runs it on a thread that may block.
pub type Job = Box<dyn FnOnce() + Send>;

impl Core for Broker {
    fn handle(&mut self, now: Now, input: Input) {
        self.handle(now, input);
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.poll_output()
    }

    fn deadline(&self) -> Option<Monotonic> {
        self.deadline()
    }

    fn max_frame_bytes(&self) -> usize {
        self.config().limits.request_size_bytes as usize
    }

    fn measures_time(&self) -> bool {
        self.measures_time()
    }

    fn spent(&mut self, conn: ConnId, time: Duration) {
        self.spent(conn, time);
    }
}

impl Disk for Storage {
    fn run(&self, command: &StorageCommand) -> StorageResult {
        self.run(command)
    }

    fn file(&self, file: FileId) -> Option<Arc<File>> {
        self.file(file)
    }

    fn release(&self) {
        self.release();
    }
}

impl<D: Disk> Disk for Arc<D> {
    fn run(&self, command: &StorageCommand) -> StorageResult {
        (**self).run(command)
    }

    fn file(&self, file: FileId) -> Option<Arc<File>> {
        (**self).file(file)
    }

    fn release(&self) {
        (**self).release();
    }
}
