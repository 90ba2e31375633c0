//! The broker on tokio: a task per connection, per listener, and one for the deadline.
//!
//! What a connection does and who owns the broker is in [`ottla_runtime`]; here is only how tokio accepts, waits and
//! sleeps. Disk work that may take long runs on tokio's blocking threads.

use std::future::poll_fn;
use std::io;
use std::net::TcpListener;
use std::num::NonZero;
use std::os::fd::{AsFd, BorrowedFd};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::thread;
use std::time::Instant;

use ottla_core::boundary::HaltReason;
use ottla_runtime::{AcceptBackoff, Connection, Core, Disk, FLUSH_LIMIT, Hub, Interest, Shutdown, Socket, Step};
use tokio::io::Interest as TokioInterest;
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Handle};
use tokio::task::{JoinSet, yield_now};
use tokio::time::{sleep, sleep_until, timeout};

/// Threads that may wait for a disk at the same time.
const MAX_BLOCKING_THREADS: usize = 16;

/// Threads that serve connections, at most; half as many as the machine has processors.
///
/// A single one needs the least: on two processors it took 12 us of CPU for a small produce where two threads took 18,
/// and no more for large ones, with the same p99. More of them are for machines where one would be the bottleneck.
const MAX_WORKER_THREADS: usize = 4;

/// Builds a runtime of its own and serves on it until the broker ends.
///
/// # Errors
/// As [`serve`], or the runtime can't be built.
pub fn run(
    listeners: Vec<TcpListener>,
    broker: impl Core,
    storage: impl Disk,
    shutdown: Shutdown,
) -> io::Result<HaltReason> {
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    let workers = (processors / 2).clamp(1, MAX_WORKER_THREADS);
    let mut builder = if workers == 1 { Builder::new_current_thread() } else { Builder::new_multi_thread() };
    if workers > 1 {
        builder.worker_threads(workers);
    }
    let runtime = builder.enable_io().enable_time().max_blocking_threads(MAX_BLOCKING_THREADS).build()?;
    let result = runtime.block_on(serve(listeners, broker, storage, shutdown));
    runtime.shutdown_background();
    result
}

/// Serves the listeners, whose indexes the broker knows from its configuration, until the broker ends: because it was
/// asked to, or because its directory can't be used. Must run on a tokio runtime with IO and time enabled.
///
/// # Errors
/// A listener can't be used.
pub async fn serve(
    listeners: Vec<TcpListener>,
    broker: impl Core,
    storage: impl Disk,
    shutdown: Shutdown,
) -> io::Result<HaltReason> {
    let runtime = Handle::current();
    let hub = Hub::new(broker, storage, move |job| drop(runtime.spawn_blocking(job)));
    let mut tasks = JoinSet::new();
    for (index, listener) in (0..).zip(listeners) {
        listener.set_nonblocking(true)?;
        tasks.spawn(accept(Arc::clone(&hub), tokio::net::TcpListener::from_std(listener)?, index));
    }
    tasks.spawn(tick(Arc::clone(&hub)));
    hub.start();

    let is_halted = poll_fn(|context| match hub.poll_halted(context) {
        Poll::Ready(()) => Poll::Ready(true),
        Poll::Pending => shutdown.poll_requested(context).map(|()| false),
    });
    if !is_halted.await {
        hub.shutdown();
        poll_fn(|context| hub.poll_halted(context)).await;
    }
    // Clients that don't take their last answers are cut off.
    let _ = timeout(FLUSH_LIMIT, poll_fn(|context| hub.poll_all_closed(context))).await;
    Ok(hub.finish())
}

async fn accept(hub: Arc<Hub>, listener: tokio::net::TcpListener, index: u16) {
    let mut backoff = AcceptBackoff::default();
    loop {
        let accepted = poll_fn(|context| match (hub.poll_stopping(context), hub.check_room()) {
            (Poll::Ready(()), _) => Poll::Ready(None),
            (Poll::Pending, Ok(())) => listener.poll_accept(context).map(Some),
            (Poll::Pending, Err(error)) => Poll::Ready(Some(Err(error))),
        });
        match accepted.await {
            None => return,
            Some(Ok((stream, peer))) => {
                backoff.succeeded();
                tokio::spawn(converse(hub.open(&stream, peer, index), TokioSocket(stream)));
            }
            Some(Err(error)) => sleep(backoff.failed(&error)).await,
        }
    }
}

async fn converse(mut connection: Connection, socket: TokioSocket) {
    loop {
        match connection.step(&socket) {
            Step::Again => yield_now().await,
            Step::Wait(interest) => wait(&connection, &socket.0, interest).await,
            Step::Closed => return,
        }
    }
}

async fn wait(connection: &Connection, stream: &TcpStream, interest: Interest) {
    poll_fn(|context| {
        let is_ready = connection.poll_changed(context).is_ready()
            || interest.read && stream.poll_read_ready(context).is_ready()
            || interest.write && stream.poll_write_ready(context).is_ready();
        if is_ready { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

async fn tick(hub: Arc<Hub>) {
    loop {
        match hub.deadline() {
            None => poll_fn(|context| hub.poll_earlier_deadline(context)).await,
            Some(deadline) => {
                sleep_unless_earlier(&hub, deadline).await;
                hub.tick();
            }
        }
    }
}

async fn sleep_unless_earlier(hub: &Hub, deadline: Instant) {
    let mut sleep = pin!(sleep_until(deadline.into()));
    poll_fn(|context| match hub.poll_earlier_deadline(context) {
        Poll::Ready(()) => Poll::Ready(()),
        Poll::Pending => sleep.as_mut().poll(context),
    })
    .await;
}

/// A stream whose system calls tokio watches, to know when to wait for the next event.
struct TokioSocket(TcpStream);

impl AsFd for TokioSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Socket for TokioSocket {
    fn try_read<R>(&self, call: impl FnOnce(BorrowedFd<'_>) -> io::Result<R>) -> io::Result<R> {
        self.0.try_io(TokioInterest::READABLE, || call(self.0.as_fd()))
    }

    fn try_write<R>(&self, call: impl FnOnce(BorrowedFd<'_>) -> io::Result<R>) -> io::Result<R> {
        self.0.try_io(TokioInterest::WRITABLE, || call(self.0.as_fd()))
    }
}
