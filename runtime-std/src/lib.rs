//! The broker on plain threads: one per connection, one per listener, a few for the disk, and the caller's for the
//! deadline.
//!
//! What a connection does and who owns the broker is in [`ottla_runtime`]; here is only how threads accept, wait and
//! sleep. A thread waits in `poll(2)` for its socket and for a descriptor by which other threads wake it.

mod blocking;
mod wake;

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::task::{Context, Waker};
use std::thread;
use std::time::Instant;

use ottla_core::boundary::HaltReason;
use ottla_runtime::{AcceptBackoff, Connection, Core, Disk, FLUSH_LIMIT, Hub, Interest, Shutdown, Socket, Step};

use crate::blocking::BlockingThreads;
use crate::wake::{Unpark, WakeDescriptor};

/// Stack of a connection's thread; most of it is never touched.
const STACK_BYTES: usize = 1024 * 1024;

/// The same as [`serve`], which blocks anyway: for symmetry with the other runtimes.
///
/// # Errors
/// As [`serve`].
pub fn run(
    listeners: Vec<TcpListener>,
    broker: impl Core,
    storage: impl Disk,
    shutdown: Shutdown,
) -> io::Result<HaltReason> {
    serve(listeners, broker, storage, shutdown)
}

/// Serves the listeners, whose indexes the broker knows from its configuration, until the broker ends: because it was
/// asked to, or because its directory can't be used.
///
/// # Errors
/// A listener can't be used, or its thread not started.
pub fn serve(
    listeners: Vec<TcpListener>,
    broker: impl Core,
    storage: impl Disk,
    shutdown: Shutdown,
) -> io::Result<HaltReason> {
    let blocking = BlockingThreads::default();
    let hub = Hub::new(broker, storage, move |job| blocking.run(job));
    let mut acceptors = Vec::new();
    for (index, listener) in (0..).zip(listeners) {
        listener.set_nonblocking(true)?;
        let (hub, wake) = (Arc::clone(&hub), WakeDescriptor::new()?);
        let acceptor = move || accept(&hub, &listener, index, &wake);
        acceptors.push(thread::Builder::new().name("accept".into()).stack_size(STACK_BYTES).spawn(acceptor)?);
    }
    hub.start();
    tick_until_ended(&hub, &shutdown);
    for acceptor in acceptors {
        // One that panicked has said so, and accepts no more either.
        let _ = acceptor.join();
    }
    Ok(hub.finish())
}

fn tick_until_ended(hub: &Arc<Hub>, shutdown: &Shutdown) {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut is_stopping = false;
    while hub.poll_halted(&mut context).is_pending() {
        if !is_stopping && shutdown.poll_requested(&mut context).is_ready() {
            is_stopping = true;
            hub.shutdown();
        }
        let deadline = hub.deadline();
        if hub.poll_earlier_deadline(&mut context).is_pending() {
            park_until(deadline);
            hub.tick();
        }
    }
    // Clients that don't take their last answers are cut off.
    let limit = Instant::now() + FLUSH_LIMIT;
    while hub.poll_all_closed(&mut context).is_pending() && Instant::now() < limit {
        park_until(Some(limit));
    }
}

fn park_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => thread::park_timeout(deadline.saturating_duration_since(Instant::now())),
        None => thread::park(),
    }
}

fn accept(hub: &Arc<Hub>, listener: &TcpListener, index: u16, wake: &Arc<WakeDescriptor>) {
    let waker = Waker::from(Arc::clone(wake));
    let mut context = Context::from_waker(&waker);
    let mut backoff = AcceptBackoff::default();
    while hub.poll_stopping(&mut context).is_pending() {
        let accepted = hub.check_room().and_then(|()| listener.accept());
        let accepted = accepted.and_then(|(stream, peer)| start_connection(hub, stream, peer, index));
        match accepted {
            Ok(()) => backoff.succeeded(),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                wake.wait(listener, Interest { read: true, write: false });
            }
            Err(error) => thread::sleep(backoff.failed(&error)),
        }
    }
}

fn start_connection(hub: &Arc<Hub>, stream: TcpStream, peer: SocketAddr, listener: u16) -> io::Result<()> {
    stream.set_nonblocking(true)?;
    let wake = WakeDescriptor::new()?;
    let connection = hub.open(&stream, peer, listener);
    let converse = move || converse(connection, &StdSocket(stream), &wake);
    thread::Builder::new().name(format!("client {peer}")).stack_size(STACK_BYTES).spawn(converse)?;
    Ok(())
}

fn converse(mut connection: Connection, socket: &StdSocket, wake: &Arc<WakeDescriptor>) {
    let waker = Waker::from(Arc::clone(wake));
    let mut context = Context::from_waker(&waker);
    loop {
        match connection.step(socket) {
            Step::Again => {}
            Step::Wait(interest) => {
                if connection.poll_changed(&mut context).is_pending() {
                    wake.wait(socket, interest);
                }
            }
            Step::Closed => return,
        }
    }
}

/// `poll(2)` reports what is so, not what has changed, so it need not know of the system calls.
struct StdSocket(TcpStream);

impl AsFd for StdSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Socket for StdSocket {}
