//! A broker in this process, on a runtime and a disk of the test's choice.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::thread::{self, JoinHandle};

use ottla_core::boundary::HaltReason;
use ottla_core::{Broker, Config};
use ottla_runtime::{Disk, Shutdown, clock};

/// All brokers of the tests draw the same ids.
const SEED: [u8; 32] = *b"the same seed gives the same ids";

/// A runtime.
pub type Run<D> = fn(Vec<TcpListener>, Broker, D, Shutdown) -> io::Result<HaltReason>;

/// A broker that serves.
pub struct Served {
    pub address: SocketAddr,
    shutdown: Shutdown,
    thread: JoinHandle<HaltReason>,
}

impl Served {
    /// On a directory that `disk` is about, with more properties.
    pub fn start<D: Disk>(run: Run<D>, dir: &Path, disk: D, properties: &[(&str, &str)]) -> Self {
        let dir = dir.to_string_lossy();
        let always = [("log.dirs", &*dir), ("listeners", "PLAINTEXT://127.0.0.1:0")];
        let (mut config, _) =
            Config::from_properties(always.iter().chain(properties).copied()).expect("good properties");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        config.set_bound_port(0, address.port());
        let shutdown = Shutdown::new();
        let asked = shutdown.clone();
        let broker = Broker::new(config, SEED, clock::now());
        let thread = thread::spawn(move || run(vec![listener], broker, disk, asked).expect("the runtime starts"));
        Self { address, shutdown, thread }
    }

    /// Ends it in good order.
    pub fn stop(self) -> HaltReason {
        self.shutdown.request();
        self.thread.join().expect("the runtime does not panic")
    }
}
