//! A broker in this process, on a runtime and a disk of the test's choice.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::thread::{self, JoinHandle};

use ottla_core::boundary::HaltReason;
use ottla_core::time::Now;
use ottla_core::{Broker, Config};
use ottla_runtime::{Core, Disk, Shutdown, clock};

/// All brokers of the tests draw the same ids.
pub const SEED: [u8; 32] = *b"the same seed gives the same ids";

/// A runtime.
pub type Run<D, C = Broker> = fn(Vec<TcpListener>, C, D, Shutdown) -> io::Result<HaltReason>;

/// A broker that serves.
pub struct Served {
    pub address: SocketAddr,
    shutdown: Shutdown,
    thread: JoinHandle<HaltReason>,
}

impl Served {
    /// On a directory that `disk` is about, with more properties.
    pub fn start<D: Disk>(run: Run<D>, dir: &Path, disk: D, properties: &[(&str, &str)]) -> Self {
        Self::start_core(run, dir, disk, properties, |config, now| Broker::new(config, SEED, now))
    }

    /// The same, of a core that `make` makes.
    pub fn start_core<D: Disk, C: Core>(
        run: Run<D, C>,
        dir: &Path,
        disk: D,
        properties: &[(&str, &str)],
        make: impl FnOnce(Config, Now) -> C,
    ) -> Self {
        let dir = dir.to_string_lossy();
        let always = [("log.dirs", &*dir), ("listeners", "PLAINTEXT://127.0.0.1:0")];
        let (mut config, _) =
            Config::from_properties(always.iter().chain(properties).copied()).expect("good properties");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        config.set_bound_port(0, address.port());
        let shutdown = Shutdown::new();
        let asked = shutdown.clone();
        let core = make(config, clock::now());
        let thread = thread::spawn(move || run(vec![listener], core, disk, asked).expect("the runtime starts"));
        Self { address, shutdown, thread }
    }

    /// Ends it in good order.
    pub fn stop(self) -> HaltReason {
        self.shutdown.request();
        self.thread.join().expect("the runtime does not panic")
    }
}
