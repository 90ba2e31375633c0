//! The broker on smol: a task per connection, per listener, and one for the deadline.
//!
//! What a connection does and who owns the broker is in [`ottla_runtime`]; here is only how smol accepts, waits and
//! sleeps. Disk work that may take long runs on smol's blocking threads.

use std::future::poll_fn;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, Weak};
use std::task::Poll;
use std::time::Instant;

use async_io::{Async, Timer};
use ottla_core::boundary::HaltReason;
use ottla_runtime::{AcceptBackoff, Connection, Core, Disk, FLUSH_LIMIT, Hub, Interest, Shutdown, Socket, Step};
use smol::Executor;
use smol::future::{or, yield_now};

/// Serves on this thread until the broker ends.
///
/// # Errors
/// As [`serve`].
pub fn run(
    listeners: Vec<TcpListener>,
    broker: impl Core,
    storage: impl Disk,
    shutdown: Shutdown,
) -> io::Result<HaltReason> {
    async_io::block_on(serve(listeners, broker, storage, shutdown))
}

/// Serves the listeners, whose indexes the broker knows from its configuration, until the broker ends: because it was
/// asked to, or because its directory can't be used. Any executor can poll this.
///
/// # Errors
/// A listener can't be used.
pub async fn serve(
    listeners: Vec<TcpListener>,
    broker: impl Core,
    storage: impl Disk,
    shutdown: Shutdown,
) -> io::Result<HaltReason> {
    let hub = Hub::new(broker, storage, |job| smol::unblock(job).detach());
    let tasks = Arc::new(Executor::new());
    for (index, listener) in (0..).zip(listeners) {
        let listener = Async::new(listener)?;
        tasks.spawn(accept(Arc::downgrade(&tasks), Arc::clone(&hub), listener, index)).detach();
    }
    tasks.spawn(tick(Arc::clone(&hub))).detach();
    hub.start();
    tasks.run(until_ended(&hub, &shutdown)).await;
    Ok(hub.finish())
}

async fn until_ended(hub: &Arc<Hub>, shutdown: &Shutdown) {
    let is_halted = poll_fn(|context| match hub.poll_halted(context) {
        Poll::Ready(()) => Poll::Ready(true),
        Poll::Pending => shutdown.poll_requested(context).map(|()| false),
    });
    if !is_halted.await {
        hub.shutdown();
        poll_fn(|context| hub.poll_halted(context)).await;
    }
    // Clients that don't take their last answers are cut off.
    or(poll_fn(|context| hub.poll_all_closed(context)), sleep_until(Instant::now() + FLUSH_LIMIT)).await;
}

/// The executor holds this task, so the task must not hold the executor.
async fn accept(tasks: Weak<Executor<'static>>, hub: Arc<Hub>, listener: Async<TcpListener>, index: u16) {
    let mut backoff = AcceptBackoff::default();
    let stopping = async {
        poll_fn(|context| hub.poll_stopping(context)).await;
    };
    let accepting = async {
        loop {
            let accepted = match hub.check_room() {
                Ok(()) => listener.accept().await,
                Err(error) => Err(error),
            };
            match accepted {
                Ok((stream, peer)) => {
                    backoff.succeeded();
                    let Some(tasks) = tasks.upgrade() else { return };
                    tasks.spawn(converse(hub.open(&stream, peer, index), SmolSocket(stream))).detach();
                }
                Err(error) => {
                    Timer::after(backoff.failed(&error)).await;
                }
            }
        }
    };
    or(stopping, accepting).await;
}

async fn converse(mut connection: Connection, socket: SmolSocket) {
    loop {
        match connection.step(&socket) {
            Step::Again => yield_now().await,
            Step::Wait(interest) => wait(&connection, &socket.0, interest).await,
            Step::Closed => return,
        }
    }
}

async fn wait(connection: &Connection, stream: &Async<TcpStream>, interest: Interest) {
    poll_fn(|context| {
        let is_ready = connection.poll_changed(context).is_ready()
            || interest.read && stream.poll_readable(context).is_ready()
            || interest.write && stream.poll_writable(context).is_ready();
        if is_ready { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

async fn tick(hub: Arc<Hub>) {
    loop {
        let earlier = poll_fn(|context| hub.poll_earlier_deadline(context));
        match hub.deadline() {
            None => earlier.await,
            Some(deadline) => {
                or(earlier, sleep_until(deadline)).await;
                hub.tick();
            }
        }
    }
}

async fn sleep_until(deadline: Instant) {
    Timer::at(deadline).await;
}

/// The reactor reports what is so, not what has changed, so it need not know of the system calls.
struct SmolSocket(Async<TcpStream>);

impl AsFd for SmolSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Socket for SmolSocket {}
