//! From a configuration to a broker that serves: the directories are locked first, then the ports are taken.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::time::Instant;

use ottla_core::Broker;
use ottla_core::boundary::HaltReason;
use ottla_core::config::{Config, Listener};
use ottla_runtime::{Shutdown, clock};
use ottla_storage::{OpenError, Storage};
use thiserror::Error;

use crate::announce::Announced;
use crate::runtime::Runtime;

/// A broker that has its directory and its ports, and is ready to run.
#[derive(Debug)]
pub struct Server {
    config: Config,
    storage: Storage,
    listeners: Vec<TcpListener>,
    addresses: Vec<SocketAddr>,
    started: Instant,
}

/// Why a broker can't serve.
#[derive(Debug, Error)]
pub enum ServeError {
    /// A log directory can't be used.
    #[error(transparent)]
    Directory(#[from] OpenError),
    /// A listener can't be opened.
    #[error("can't listen on {listener}: {source}")]
    Listen {
        /// As configured.
        listener: String,
        /// What the system said.
        source: io::Error,
    },
    /// The runtime can't be started.
    #[error("the runtime {runtime} can't be started: {source}")]
    Runtime {
        /// Which.
        runtime: Runtime,
        /// What the system said.
        source: io::Error,
    },
    /// What is in the directory can't be used.
    #[error("{0}")]
    Unusable(String),
}

impl Server {
    /// Locks the log directories and opens the listeners. Clients may connect from then on, and wait.
    pub fn bind(config: Config) -> Result<Self, ServeError> {
        Self::bind_started_at(config, Instant::now())
    }

    /// [`Server::bind`] for a program that started earlier, which the line on start takes into account.
    pub fn bind_started_at(mut config: Config, started: Instant) -> Result<Self, ServeError> {
        let log_dirs: Vec<PathBuf> = config.log_dirs.iter().map(PathBuf::from).collect();
        let storage = Storage::open_needing(&log_dirs, |index| index == usize::from(config.metadata_log_dir))?;
        let mut listeners = Vec::new();
        let mut addresses = Vec::new();
        for index in 0..config.listeners.len() {
            let listener = &config.listeners[index];
            let failed = |source| ServeError::Listen { listener: listener.to_string(), source };
            let socket = listen(listener).map_err(failed)?;
            let address = socket.local_addr().map_err(failed)?;
            config.set_bound_port(index, address.port());
            listeners.push(socket);
            addresses.push(address);
        }
        Ok(Self { config, storage, listeners, addresses, started })
    }

    /// Where each listener listens, with the port that the system chose where the configuration left it open.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Serves until `shutdown` is requested, or until the directory turns out to be unusable.
    pub fn run(self, runtime: Runtime, shutdown: Shutdown) -> Result<(), ServeError> {
        let failed = |source| ServeError::Runtime { runtime, source };
        let seed = clock::seed().map_err(failed)?;
        let broker = Broker::new(self.config, seed, clock::now());
        let broker = Announced::new(broker, self.started);
        match runtime.run(self.listeners, broker, self.storage, shutdown).map_err(failed)? {
            HaltReason::Clean => Ok(()),
            HaltReason::Unusable(reason) => Err(ServeError::Unusable(reason)),
        }
    }
}

/// No host means all addresses, of both families where the machine has both.
fn listen(listener: &Listener) -> io::Result<TcpListener> {
    if listener.host.is_empty() {
        return TcpListener::bind((Ipv6Addr::UNSPECIFIED, listener.port))
            .or_else(|_| TcpListener::bind((Ipv4Addr::UNSPECIFIED, listener.port)));
    }
    TcpListener::bind((listener.host.as_str(), listener.port))
}
