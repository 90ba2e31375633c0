//! What the three runtimes share, so that each is left with its own business: how to accept, wait and sleep.
//!
//! - [`Hub`] owns the broker behind a mutex, hands inputs in and does what the outputs say.
//! - [`Connection`] reads and writes one socket without blocking and says what to wait for.
//! - [`Shutdown`] asks for a graceful end; [`clock`] reads the time and the entropy that the broker is given.
//!
//! A runtime calls [`Hub::new`] and [`Hub::start`], and then: for each accepted socket [`Hub::open`], and
//! [`Connection::step`] whenever something that the last step waits for has come; [`Hub::tick`] when
//! [`Hub::deadline`] has passed; [`Hub::shutdown`] when asked to. Once [`Hub::poll_halted`] is ready it waits a little for
//! [`Hub::poll_all_closed`] and returns what [`Hub::finish`] says.
//!
//! # Who owns the broker
//! A mutex, held for the few microseconds that [`ottla_core::Broker::handle`] takes. The thread that read a request
//! hands it in, runs the storage commands that come out, and writes the answer: a produce or a fetch costs no hop
//! between threads. What may wait long for a disk goes to the runtime's blocking threads, and so does what no client waits
//! for: retention and compaction, whose work on records is no part of a turn.
//!
//! That was measured: with 1 MB batches the whole broker took 0.6 to 1.1 CPU seconds per GB to produce and 0.2 to 0.5
//! to consume, on each runtime, where a loop that does nothing but receive and write took 0.7 to 0.8, on a busy machine. There
//! is nothing left for a hub task with channels to win, and its hops would cost each small request some microseconds.

pub mod clock;
mod connection;
mod hub;
mod lanes;
mod link;
mod outgoing;
mod parts;
mod process;
mod shutdown;
mod signal;

pub use connection::{Connection, Interest, Socket, Step};
pub use hub::Hub;
pub use parts::{Core, Disk, Job};
pub use process::AcceptBackoff;
pub use shutdown::Shutdown;

/// How long answers may take to leave after the broker's end before their connections are cut.
pub const FLUSH_LIMIT: std::time::Duration = std::time::Duration::from_millis(500);
