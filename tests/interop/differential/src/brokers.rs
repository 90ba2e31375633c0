//! The two brokers as processes, each on an empty directory and a free port; they end when dropped.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use thiserror::Error;

use crate::PROPERTIES;

/// Why a broker is not there.
#[derive(Debug, Error)]
pub enum StartError {
    /// Its program could not be run.
    #[error("{program}: {source}")]
    Program {
        /// Which.
        program: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It ended or does not listen.
    #[error("{name} does not answer on {address}; it said:\n{log}")]
    Silent {
        /// Who.
        name: &'static str,
        /// Where.
        address: SocketAddr,
        /// The end of its log.
        log: String,
    },
}

/// A running broker.
pub struct Broker {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    _directory: TempDir,
}

impl Broker {
    /// Apache Kafka, by `tests/interop/kafka`.
    ///
    /// # Errors
    /// Where it does not come up.
    pub fn kafka(project: &Path) -> Result<Self, StartError> {
        let heap = std::env::var("KAFKA_HEAP_OPTS").unwrap_or_else(|_| "-Xms256M -Xmx512M".to_owned());
        Self::start("Apache Kafka", Duration::from_secs(120), |directory, address| {
            let mut command = Command::new(project.join("tests/interop/kafka"));
            command.arg("start").arg(directory).arg(address.port().to_string()).arg("--foreground");
            command.env("KAFKA_HEAP_OPTS", &heap);
            command
        })
    }

    /// Ottla.
    ///
    /// # Errors
    /// Where it does not come up.
    pub fn ottla(binary: &Path) -> Result<Self, StartError> {
        Self::start("Ottla", Duration::from_secs(10), |directory, address| {
            let mut command = Command::new(binary);
            command.arg("--log-dir").arg(directory.join("data"));
            command.arg("--override").arg(format!("listeners=PLAINTEXT://{address}"));
            command
        })
    }

    fn start(
        name: &'static str,
        patience: Duration,
        command: impl FnOnce(&Path, SocketAddr) -> Command,
    ) -> Result<Self, StartError> {
        let io = |source| StartError::Program { program: name.into(), source };
        let directory = tempfile::tempdir().map_err(io)?;
        let address = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).map_err(io)?;
        let log = directory.path().join("differential.log");
        let output = std::fs::File::create(&log).map_err(io)?;
        let mut command = command(directory.path(), address);
        for (key, value) in PROPERTIES {
            command.arg("--override").arg(format!("{key}={value}"));
        }
        command.stdin(Stdio::null()).stdout(output.try_clone().map_err(io)?).stderr(output);
        let program = PathBuf::from(command.get_program());
        let child = command.spawn().map_err(|source| StartError::Program { program, source })?;
        let mut broker = Self { child, address, _directory: directory };
        let from = Instant::now();
        while TcpStream::connect(address).is_err() {
            let has_ended = broker.child.try_wait().is_ok_and(|status| status.is_some());
            if has_ended || from.elapsed() > patience {
                return Err(StartError::Silent {
                    name,
                    address,
                    log: std::fs::read_to_string(log).unwrap_or_default(),
                });
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(broker)
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
