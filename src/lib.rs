//! A Kafka-compatible broker: the state machine of [`ottla_core`], on real files, sockets and one of three runtimes.
//!
//! The binary is a thin shell around this: it reads `server.properties` and the command line, and then does what any
//! program can do to have a Kafka of its own:
//!
//! ```
//! use ottla::{Config, Runtime, Server, Shutdown};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let directory = std::env::temp_dir().join(format!("ottla-doctest-{}", std::process::id()));
//! let properties = [("listeners", "PLAINTEXT://127.0.0.1:0"), ("log.dirs", directory.to_str().ok_or("not UTF-8")?)];
//! let (config, _warnings) = Config::from_properties(properties)?;
//! let server = Server::bind(config)?;
//! println!("clients connect to {}", server.addresses()[0]);
//!
//! let shutdown = Shutdown::new();
//! let stop = shutdown.clone();
//! let running = std::thread::spawn(move || server.run(Runtime::available()[0], shutdown));
//! stop.request();
//! running.join().expect("the broker does not panic")?;
//! # std::fs::remove_dir_all(directory)?;
//! # Ok(())
//! # }
//! ```

#[cfg(not(any(feature = "tokio", feature = "smol", feature = "std")))]
compile_error!("a broker needs a runtime: build ottla with at least one of the features tokio, smol and std");

mod announce;
pub mod properties;
mod runtime;
mod server;

pub use ottla_core::config::{Config, ConfigError, Warning};
pub use ottla_runtime::Shutdown;
pub use runtime::{Runtime, UnknownRuntime};
pub use server::{ServeError, Server};
