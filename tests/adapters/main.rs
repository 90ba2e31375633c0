//! The duties of an adapter, each on all three runtimes, with a core that obeys words. See `ottla_core::boundary`.

mod echo;

use std::env;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use ottla_core::boundary::HaltReason;
use ottla_runtime::Shutdown;
use ottla_storage::Storage;
use rustix::process::{Resource, Rlimit, setrlimit};

use crate::echo::{Client, Echo, MAX_FRAME_BYTES};

type Run = fn(Vec<TcpListener>, Echo, Arc<Storage>, Shutdown) -> io::Result<HaltReason>;

/// A served echo core, on a directory of its own.
struct Server {
    address: SocketAddr,
    shutdown: Shutdown,
    thread: JoinHandle<HaltReason>,
    storage: Arc<Storage>,
    dir: tempfile::TempDir,
}

impl Server {
    fn start(run: Run) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let storage = Arc::new(Storage::open(&[dir.path().into()]).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = Shutdown::new();
        let (asked, disk) = (shutdown.clone(), Arc::clone(&storage));
        let thread = thread::spawn(move || run(vec![listener], Echo::default(), disk, asked).unwrap());
        Self { address, shutdown, thread, storage, dir }
    }

    fn client(&self) -> Client {
        Client::connect(self.address)
    }

    fn stop(self) -> HaltReason {
        self.shutdown.request();
        self.thread.join().unwrap()
    }
}

/// As many threads as tokio has on large machines.
fn run_on_tokio_with_threads(
    listeners: Vec<TcpListener>,
    core: Echo,
    storage: Arc<Storage>,
    shutdown: Shutdown,
) -> io::Result<HaltReason> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build()?;
    let reason = runtime.block_on(ottla_runtime_tokio::serve(listeners, core, storage, shutdown));
    runtime.shutdown_background();
    reason
}

/// Each test on each runtime.
macro_rules! on_each_runtime {
    ($($name:ident)*) => {
        on_each_runtime!(@ on_std ottla_runtime_std::run; $($name)*);
        on_each_runtime!(@ on_tokio ottla_runtime_tokio::run; $($name)*);
        on_each_runtime!(@ on_tokio_with_threads super::run_on_tokio_with_threads; $($name)*);
        on_each_runtime!(@ on_smol ottla_runtime_smol::run; $($name)*);
    };
    (@ $runtime:ident $run:path; $($name:ident)*) => {
        mod $runtime {
            $(
                #[test]
                fn $name() {
                    super::$name($run);
                }
            )*

            #[test]
            #[ignore = "started by another test, in a process of its own"]
            fn server_with_few_descriptors() {
                super::server_with_few_descriptors($run);
            }
        }
    };
}

on_each_runtime! {
    answers_come_in_order_whatever_the_chunking
    large_answers_are_whole_and_reported_as_sent
    answers_from_files_are_sent_in_their_place
    commands_on_a_file_keep_their_order_across_slow_ones
    a_connection_is_woken_by_what_another_does
    a_closed_gate_stops_reading_until_it_opens
    a_close_comes_after_the_answers_before_it
    the_end_of_a_client_is_told_once
    a_bad_frame_size_closes_that_connection_after_its_answers
    shutdown_sends_the_last_answers_and_frees_the_directory
    a_client_that_reads_nothing_does_not_delay_the_end
    an_unusable_directory_ends_the_broker_with_its_reason
    a_bug_in_the_core_ends_the_broker
    many_clients_are_served_at_once
    clients_wait_while_there_are_no_descriptors_and_files_can_still_be_opened
}

fn answers_come_in_order_whatever_the_chunking(run: Run) {
    let server = Server::start(run);
    let mut client = server.client();
    let words: Vec<String> = (0..500).map(|number| format!("say:{number}{}", ".".repeat(number * number))).collect();
    let stream: Vec<u8> =
        words.iter().flat_map(|word| [&(word.len() as u32).to_be_bytes(), word.as_bytes()].concat()).collect();
    let mut writer = Client(client.0.try_clone().unwrap());
    let writing = thread::spawn(move || {
        let mut rest = &stream[..];
        for size in [1, 3, 7, 4_000, 8_192, 100_000].into_iter().cycle() {
            let (piece, others) = rest.split_at(rest.len().min(size));
            writer.0.write_all(piece).unwrap();
            rest = others;
            if rest.is_empty() {
                return;
            }
        }
    });
    for word in &words {
        assert!(client.receive() == word.strip_prefix("say:").unwrap(), "{word:.10}");
    }
    writing.join().unwrap();
    assert_eq!(server.stop(), HaltReason::Clean);
}

fn large_answers_are_whole_and_reported_as_sent(run: Run) {
    let server = Server::start(run);
    let mut client = server.client();
    let size_bytes = 40_000_000;
    client.send(&format!("flood:{size_bytes}"));
    client.send("say:after");
    thread::sleep(Duration::from_millis(50));
    assert_eq!(client.receive().len(), size_bytes);
    assert_eq!(client.receive(), "after");
    assert_eq!(client.ask("sent"), (4 + size_bytes + 4 + 5).to_string());
}

fn answers_from_files_are_sent_in_their_place(run: Run) {
    let server = Server::start(run);
    let mut client = server.client();
    for text in ["one".into(), "two".into(), "three ".repeat(500_000)] {
        client.send(&format!("write:{text}"));
        client.send("say:between");
        let mut answers = [client.receive(), client.receive()];
        answers.sort();
        assert!(answers == [format!("<{text}>"), "between".into()]);
    }
    let written = std::fs::metadata(server.dir.path().join("file")).unwrap().len();
    assert_eq!(written, 3 + 3 + 3_000_000);
}

fn commands_on_a_file_keep_their_order_across_slow_ones(run: Run) {
    let server = Server::start(run);
    let mut client = server.client();
    for _ in 0..3 {
        assert_eq!(client.ask("order"), "0123456789".repeat(10));
    }
}

fn a_connection_is_woken_by_what_another_does(run: Run) {
    let server = Server::start(run);
    let mut waiting = server.client();
    assert_eq!(waiting.ask("say:here"), "here");
    let mut telling = server.client();
    for text in ["hello", "again"] {
        telling.send(&format!("tell:{text}"));
        assert_eq!(waiting.receive(), text);
    }
}

fn a_closed_gate_stops_reading_until_it_opens(run: Run) {
    let server = Server::start(run);
    let mut client = server.client();
    let start = Instant::now();
    client.send("gate:200");
    for number in 0..100 {
        client.send(&format!("say:{number}"));
    }
    assert_eq!(client.receive(), "0 frames while gated");
    assert!(start.elapsed() >= Duration::from_millis(200));
    for number in 0..100 {
        assert_eq!(client.receive(), number.to_string());
    }
}

fn a_close_comes_after_the_answers_before_it(run: Run) {
    let server = Server::start(run);
    let mut client = server.client();
    client.send("flood:5000000");
    client.send("close");
    assert_eq!(client.receive().len(), 5_000_000);
    assert_eq!(client.receive(), "bye");
    assert!(client.is_closed());
}

fn the_end_of_a_client_is_told_once(run: Run) {
    let server = Server::start(run);
    for _ in 0..3 {
        assert_eq!(server.client().ask("say:hello"), "hello");
    }
    let mut closing = server.client();
    assert_eq!(closing.ask("close"), "bye");
    assert!(closing.is_closed());
    let mut client = server.client();
    let limit = Instant::now() + Duration::from_secs(5);
    while client.ask("closed") != "4" {
        assert!(Instant::now() < limit, "the broker hears of every client's end");
    }
}

fn a_bad_frame_size_closes_that_connection_after_its_answers(run: Run) {
    let server = Server::start(run);
    let mut other = server.client();
    for size in [0, -1, i32::MIN, i32::MAX, MAX_FRAME_BYTES as i32 + 1] {
        let mut client = server.client();
        let word = b"\0\0\0\x09say:first";
        client.0.write_all(&[word, &size.to_be_bytes()[..]].concat()).unwrap();
        assert_eq!(client.receive(), "first");
        assert!(client.is_closed());
        assert_eq!(other.ask("say:fine"), "fine");
    }
}

fn shutdown_sends_the_last_answers_and_frees_the_directory(run: Run) {
    let server = Server::start(run);
    let mut clients = [server.client(), server.client()];
    clients.iter_mut().for_each(|client| assert_eq!(client.ask("say:hello"), "hello"));
    let (dir, address) = (server.dir.path().to_path_buf(), server.address);
    server.shutdown.request();
    for client in &mut clients {
        assert_eq!(client.receive(), "the last word");
        assert!(client.is_closed());
    }
    assert_eq!(server.thread.join().unwrap(), HaltReason::Clean);
    Storage::open(&[dir]).expect("the directory is free, though the test still holds the storage");
    drop(server.storage);
    assert!(std::net::TcpStream::connect(address).is_err(), "nobody listens any more");
}

fn a_client_that_reads_nothing_does_not_delay_the_end(run: Run) {
    let server = Server::start(run);
    let mut client = server.client();
    client.send("flood:40000000");
    assert_eq!(server.client().ask("say:hello"), "hello");
    let start = Instant::now();
    assert_eq!(server.stop(), HaltReason::Clean);
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
}

fn an_unusable_directory_ends_the_broker_with_its_reason(run: Run) {
    let server = Server::start(run);
    let mut client = server.client();
    assert_eq!(client.ask("unusable:somebody removed it"), "alas");
    assert!(client.is_closed());
    assert_eq!(server.thread.join().unwrap(), HaltReason::Unusable("somebody removed it".into()));
}

fn a_bug_in_the_core_ends_the_broker(run: Run) {
    let server = Server::start(run);
    let mut other = server.client();
    assert_eq!(other.ask("say:hello"), "hello");
    server.client().send("bug");
    let reason = server.thread.join().unwrap();
    assert!(matches!(&reason, HaltReason::Unusable(text) if text.contains("assertion")), "{reason:?}");
}

fn many_clients_are_served_at_once(run: Run) {
    let server = Server::start(run);
    let mut clients: Vec<Client> = (0..200).map(|_| server.client()).collect();
    for round in 0..5 {
        for client in &mut clients {
            client.send(&format!("write:{round}"));
        }
        for client in &mut clients {
            assert_eq!(client.receive(), format!("<{round}>"));
        }
    }
    drop(clients);
    assert_eq!(server.stop(), HaltReason::Clean);
}

/// Allowed to the server below.
const FEW_DESCRIPTORS: u64 = 64;

fn clients_wait_while_there_are_no_descriptors_and_files_can_still_be_opened(_: Run) {
    let name = thread::current().name().unwrap().to_owned();
    let (runtime, _) = name.split_once("::").unwrap();
    let mut server = Command::new(env::current_exe().unwrap())
        .args(["--exact", &format!("{runtime}::server_with_few_descriptors"), "--ignored", "--nocapture"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(server.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut addresses = lines.filter_map(|line| line.strip_prefix("listening on ")?.parse().ok());
    let address = addresses.next().unwrap();

    let mut clients: Vec<Client> = (0..FEW_DESCRIPTORS).map(|_| Client::connect(address)).collect();
    assert_eq!(clients[0].ask("write:hello"), "<hello>", "a file could be opened");
    let last = clients.last_mut().unwrap();
    last.send("say:at last");
    last.0.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    assert!(last.0.read(&mut [0]).is_err(), "there is no room for all");
    last.0.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    clients.drain(..clients.len() - 10);
    assert_eq!(clients.last_mut().unwrap().receive(), "at last");

    drop(server.stdin.take());
    assert_eq!(addresses.next(), None, "it ends");
    assert!(server.wait().unwrap().success());
}

/// Serves until its standard input ends.
fn server_with_few_descriptors(run: Run) {
    let limit = Rlimit { current: Some(FEW_DESCRIPTORS / 2), maximum: Some(FEW_DESCRIPTORS) };
    setrlimit(Resource::Nofile, limit).unwrap();
    let server = Server::start(run);
    println!("\nlistening on {}", server.address);
    io::stdin().read_line(&mut String::new()).unwrap();
    assert_eq!(server.stop(), HaltReason::Clean);
}
