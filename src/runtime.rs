//! The choice of a runtime among those that were built in.

use std::fmt;
use std::io;
use std::net::TcpListener;
use std::str::FromStr;

use ottla_core::boundary::HaltReason;
use ottla_runtime::{Core, Disk, Shutdown};
use thiserror::Error;

/// What the broker runs on. They answer alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runtime {
    /// Tasks on tokio.
    #[cfg(feature = "tokio")]
    Tokio,
    /// Tasks on smol.
    #[cfg(feature = "smol")]
    Smol,
    /// A thread for each connection.
    #[cfg(feature = "std")]
    Std,
}

/// A runtime that is not in this build.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("expected {}, the runtimes of this build", names())]
pub struct UnknownRuntime;

impl Runtime {
    /// Those that were built in, the preferred one first.
    #[must_use]
    pub const fn available() -> &'static [Self] {
        &[
            #[cfg(feature = "tokio")]
            Self::Tokio,
            #[cfg(feature = "smol")]
            Self::Smol,
            #[cfg(feature = "std")]
            Self::Std,
        ]
    }

    /// Its name, which is that of its feature.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            #[cfg(feature = "tokio")]
            Self::Tokio => "tokio",
            #[cfg(feature = "smol")]
            Self::Smol => "smol",
            #[cfg(feature = "std")]
            Self::Std => "std",
        }
    }

    /// Serves until the broker ends.
    pub(crate) fn run(
        self,
        listeners: Vec<TcpListener>,
        broker: impl Core,
        disk: impl Disk,
        shutdown: Shutdown,
    ) -> io::Result<HaltReason> {
        match self {
            #[cfg(feature = "tokio")]
            Self::Tokio => ottla_runtime_tokio::run(listeners, broker, disk, shutdown),
            #[cfg(feature = "smol")]
            Self::Smol => ottla_runtime_smol::run(listeners, broker, disk, shutdown),
            #[cfg(feature = "std")]
            Self::Std => ottla_runtime_std::run(listeners, broker, disk, shutdown),
        }
    }
}

impl Default for Runtime {
    fn default() -> Self {
        Self::available()[0]
    }
}

impl fmt::Display for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Runtime {
    type Err = UnknownRuntime;

    fn from_str(name: &str) -> Result<Self, UnknownRuntime> {
        Self::available().iter().copied().find(|runtime| runtime.name() == name).ok_or(UnknownRuntime)
    }
}

fn names() -> String {
    let names: Vec<_> = Runtime::available().iter().map(|runtime| runtime.name()).collect();
    names.join(" or ")
}
