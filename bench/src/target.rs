//! The brokers that are compared: how each is started on an empty directory, and stopped.

use std::fmt;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use ottla_core::wire::messages::api_versions::{ApiVersionsRequest, ApiVersionsResponse};

use crate::client::{Connection, frame_of};
use crate::error::{BenchError, During, Result, accepted};
use crate::process;

/// A kind of broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Kind {
    /// Ottla on tokio
    Tokio,
    /// Ottla on smol
    Smol,
    /// Ottla on blocking threads
    Std,
    /// Apache Kafka
    Kafka,
    /// No broker, only its system calls: receive and write, sendfile
    Bare,
}

impl Kind {
    /// The runtime that Ottla is to be started with; none where it is not Ottla.
    pub fn runtime(self) -> Option<&'static str> {
        match self {
            Self::Tokio => Some("tokio"),
            Self::Smol => Some("smol"),
            Self::Std => Some("std"),
            Self::Kafka | Self::Bare => None,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tokio => "Ottla tokio",
            Self::Smol => "Ottla smol",
            Self::Std => "Ottla std",
            Self::Kafka => "Apache Kafka",
            Self::Bare => "bare loop",
        })
    }
}

/// The workspace's root.
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("bench/ lies in the workspace")
}

/// Builds what `kinds` need, and says where Ottla's binary is.
pub fn prepare(kinds: &[Kind], ottla: Option<&Path>) -> Result<PathBuf> {
    if kinds.contains(&Kind::Kafka) {
        run(Command::new(kafka_script()).arg("jars").stdout(Stdio::null()))?;
    }
    if let Some(ottla) = ottla {
        return Ok(ottla.to_path_buf());
    }
    if kinds.iter().any(|kind| kind.runtime().is_some()) {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command.args(["build", "--quiet", "--release", "--all-features", "--bin", "ottla"]).current_dir(workspace());
        run(&mut command)?;
    }
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace().join("target"), PathBuf::from);
    Ok(target.join("release").join("ottla"))
}

fn kafka_script() -> PathBuf {
    workspace().join("tests/interop/kafka")
}

fn run(command: &mut Command) -> Result<()> {
    let status = command.status().during(format!("running {command:?}"))?;
    if status.success() { Ok(()) } else { Err(BenchError::Other(format!("{command:?} failed: {status}"))) }
}

/// A broker that runs. It is stopped, and its data is deleted unless it was there before, when this is dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    home: PathBuf,
    keeps_home: bool,
    /// Where it listens.
    pub address: SocketAddr,
    /// From the start of the process to its first answer.
    pub start: Duration,
}

/// How long a broker may take until it answers.
const START_TIMEOUT: Duration = Duration::from_secs(90);
/// Lines of a broker's output that explain a failure.
const LAST_LINES: usize = 40;
/// How long a broker may take until it ends.
const STOP_TIMEOUT: Duration = Duration::from_secs(30);

impl Running {
    /// Starts a broker in `home`, which must not exist yet, and waits for its first answer.
    pub fn start(kind: Kind, ottla: &Path, home: PathBuf, overrides: &[String]) -> Result<Self> {
        fs::create_dir_all(&home).during(format!("creating {}", home.display()))?;
        let (mut running, began) = Self::spawn(kind, ottla, home, overrides)?;
        let began = if kind == Kind::Kafka { running.wait_for_java()? } else { began };
        running.wait_for_answer(began)?;
        running.start = began.elapsed();
        Ok(running)
    }

    /// Starts Ottla on a directory that is there and stays there, and waits for its first answer: on one connection, which
    /// is made as soon as the broker listens.
    pub fn start_again(kind: Kind, ottla: &Path, home: &Path, overrides: &[String]) -> Result<Self> {
        let (mut running, began) = Self::spawn(kind, ottla, home.to_path_buf(), overrides)?;
        running.keeps_home = true;
        let deadline = Instant::now() + START_TIMEOUT;
        let mut connection = loop {
            match Connection::open(running.address) {
                Ok(connection) => break connection,
                Err(_) => running.must_be_starting(deadline)?,
            }
            thread::sleep(Duration::from_micros(100));
        };
        let answer: ApiVersionsResponse = connection.call(&ApiVersionsRequest::default(), 0)?;
        accepted("ApiVersions", answer.error_code)?;
        running.start = began.elapsed();
        Ok(running)
    }

    fn spawn(kind: Kind, ottla: &Path, home: PathBuf, overrides: &[String]) -> Result<(Self, Instant)> {
        let port = free_port()?;
        let log = File::create(home.join("output.log")).during("creating a file for the broker's output")?;
        let errors = log.try_clone().during("cloning a file")?;
        let mut command = command_of(kind, ottla, &home, port);
        command.args(overrides.iter().flat_map(|property| ["--override", property.as_str()]));
        // What the broker before it wrote, and deleted, is not to be in its way.
        rustix::fs::sync();
        // A group of its own: what stops the comparison from the keyboard is left to us to pass on.
        command.stdin(Stdio::null()).stdout(log).stderr(errors).process_group(0);
        let began = Instant::now();
        let child = command.spawn().during(format!("starting {command:?}"))?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Ok((Self { child, home, keeps_home: false, address, start: Duration::ZERO }, began))
    }

    /// SIGKILL, and its data stays.
    pub fn kill(mut self) -> Result<PathBuf> {
        self.keeps_home = true;
        self.child.kill().during("killing a broker")?;
        self.child.wait().during("waiting for a broker")?;
        Ok(self.home.clone())
    }

    /// SIGTERM, and its data stays; how long it took to end.
    pub fn end(mut self) -> Result<(PathBuf, Duration)> {
        self.keeps_home = true;
        let began = Instant::now();
        self.stop().during("stopping a broker")?;
        Ok((self.home.clone(), began.elapsed()))
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Apache Kafka's directory has to be formatted before, which is not part of its start; the process that does it then
    /// becomes the broker.
    fn wait_for_java(&mut self) -> Result<Instant> {
        let deadline = Instant::now() + START_TIMEOUT;
        while process::program_of(self.pid()).as_deref() != Some("java") {
            self.must_be_starting(deadline)?;
            thread::sleep(Duration::from_millis(1));
        }
        Ok(Instant::now())
    }

    fn wait_for_answer(&mut self, began: Instant) -> Result<()> {
        let deadline = Instant::now() + START_TIMEOUT;
        while !answers(self.address) {
            self.must_be_starting(deadline)?;
            // Often enough to measure milliseconds; later more seldom, so as not to take time from a slow start.
            thread::sleep((began.elapsed() / 200).clamp(Duration::from_micros(100), Duration::from_millis(10)));
        }
        Ok(())
    }

    fn must_be_starting(&mut self, deadline: Instant) -> Result<()> {
        if let Some(status) = self.child.try_wait().during("waiting for a broker")? {
            return Err(self.explain(&BenchError::Other(format!("the broker ended before it answered: {status}"))));
        }
        if Instant::now() > deadline {
            return Err(self.explain(&BenchError::Other("the broker does not answer".into())));
        }
        Ok(())
    }

    /// `error`, and the last lines that the broker said.
    pub fn explain(&self, error: &BenchError) -> BenchError {
        let output = fs::read(self.home.join("output.log")).unwrap_or_default();
        let output = String::from_utf8_lossy(&output);
        let lines: Vec<_> = output.lines().collect();
        let last_lines = lines[lines.len().saturating_sub(LAST_LINES)..].join("\n");
        BenchError::Other(format!("{error}\nThe broker's last lines:\n{last_lines}"))
    }

    fn stop(&mut self) -> std::io::Result<()> {
        if let Some(pid) = i32::try_from(self.pid()).ok().and_then(rustix::process::Pid::from_raw) {
            // When it is gone already, there is nothing to do.
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        let deadline = Instant::now() + STOP_TIMEOUT;
        while self.child.try_wait()?.is_none() {
            if Instant::now() > deadline {
                self.child.kill()?;
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            eprintln!("ottla-bench: stopping process {}: {error}", self.pid());
        }
        if self.keeps_home {
            return;
        }
        if let Err(error) = fs::remove_dir_all(&self.home) {
            eprintln!("ottla-bench: deleting {}: {error}", self.home.display());
        }
    }
}

fn command_of(kind: Kind, ottla: &Path, home: &Path, port: u16) -> Command {
    let port = port.to_string();
    let data = home.join("data");
    if let Some(runtime) = kind.runtime() {
        let mut command = Command::new(ottla);
        command.args(["--runtime", runtime, "--port", &port, "--log-dir"]).arg(data);
        return command;
    }
    if kind == Kind::Kafka {
        let mut command = Command::new(kafka_script());
        command.arg("start").arg("--foreground").arg(home).arg(port);
        return command;
    }
    let itself = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("/proc/self/exe"));
    let mut command = Command::new(itself);
    command.args(["bare", "--port", &port, "--log-dir"]).arg(data);
    command
}

/// Below the ports that the system gives to outgoing connections, one of which could otherwise take it before the broker.
fn free_port() -> Result<u16> {
    let start = 20_000 + (std::process::id() % 10_000) as u16;
    (start..start + 1000)
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .ok_or_else(|| BenchError::Other("no free port found".into()))
}

/// Whether a broker answers ApiVersions.
fn answers(address: SocketAddr) -> bool {
    let ask = || {
        let mut connection = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
        connection.set_read_timeout(Some(Duration::from_secs(5)))?;
        connection.write_all(&frame_of(&ApiVersionsRequest::default(), 0, 7))?;
        let mut answer = [0; 10];
        connection.read_exact(&mut answer).map(|()| answer)
    };
    ask().is_ok_and(|answer| answer[4..] == [0, 0, 0, 7, 0, 0])
}
