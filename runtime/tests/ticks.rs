//! What follows from a deadline is nobody's request, and no connection waits for it.

use std::fs::File;
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};
use std::time::Duration;

use ottla_core::boundary::{ConnId, FileId, Input, OpId, Outcome, Output, Path, StorageCommand, StorageResult};
use ottla_core::time::{Monotonic, Now};
use ottla_runtime::{Core, Disk, Hub};

/// Lists a directory at its only deadline, and another one when it has the result.
#[derive(Default)]
struct Lister {
    listings: u64,
    outputs: Vec<Output>,
}

impl Core for Lister {
    fn handle(&mut self, _: Now, _: Input) {
        if self.listings < 2 {
            self.listings += 1;
            let command = StorageCommand::List { dir: Path::new(0, "") };
            self.outputs.push(Output::Store { op: OpId(self.listings), command });
        }
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop()
    }

    fn deadline(&self) -> Option<Monotonic> {
        (self.listings == 0).then_some(Monotonic(0))
    }

    fn max_frame_bytes(&self) -> usize {
        0
    }

    fn measures_time(&self) -> bool {
        false
    }

    fn spent(&mut self, _conn: ConnId, _time: Duration) {}
}

/// Tells which thread ran each command.
struct Telling(Mutex<Sender<ThreadId>>);

impl Disk for Telling {
    fn run(&self, _: &StorageCommand) -> StorageResult {
        self.0.lock().unwrap().send(thread::current().id()).unwrap();
        StorageResult::Done(Outcome::Listing(Vec::new()))
    }

    fn file(&self, _: FileId) -> Option<Arc<File>> {
        None
    }

    fn release(&self) {}
}

#[test]
fn what_follows_from_a_tick_is_done_by_a_thread_that_may_wait_for_the_disk() {
    let (tell, told) = mpsc::channel();
    let hub = Hub::new(Lister::default(), Telling(Mutex::new(tell)), |job| drop(thread::spawn(job)));
    hub.tick();
    for _ in 0..2 {
        assert_ne!(told.recv().unwrap(), thread::current().id());
    }
}
