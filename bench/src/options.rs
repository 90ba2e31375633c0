//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::load::latency::Schedule;
use crate::target::Kind;

/// The load generator, and the comparison of Ottla with Apache Kafka.
#[derive(Debug, Parser)]
#[command(name = "ottla-bench", max_term_width = 120)]
pub struct Options {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the same load on each broker in turn, and print what it cost
    Compare(CompareOptions),
    /// The same load on the least that a broker could be: a bare receive-and-write loop and a bare sendfile
    Baseline(CompareOptions),
    /// Run one load on a broker that is already there, for instance under a profiler
    Load(LoadOptions),
    /// Open many partitions after a clean stop, and say how long it takes and how much memory
    Partitions(PartitionsOptions),
    /// Recover a log after a SIGKILL, and say how fast it is read
    Recovery(RecoveryOptions),
    /// Produce at a fixed rate while another log is compacted and old segments are deleted
    Cleaning(CleaningOptions),
    /// Say how long the broker is busy with one thing while it compacts and deletes, in CPU time
    Turns(TurnsOptions),
    /// Say what groups cost: a heartbeat, ten thousand members that join, one large group that settles; in CPU time
    Groups(GroupsOptions),
    /// The broker of the baseline
    #[command(hide = true)]
    Bare {
        /// Where to listen, on 127.0.0.1
        #[arg(long)]
        port: u16,
        /// Where to write
        #[arg(long)]
        log_dir: PathBuf,
    },
}

/// How large the groups are.
#[derive(Debug, Args)]
pub struct GroupsOptions {
    /// Groups
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    pub groups: usize,
    /// Members in each
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub members_per_group: usize,
    /// Members of the large group
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    pub large_members: usize,
    /// Partitions that it reads
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    pub partitions: i32,
    /// Fail when a limit is missed
    #[arg(long)]
    pub check: bool,
}

/// How to compare.
#[derive(Debug, Args)]
pub struct CompareOptions {
    /// The brokers, in the order of their turns
    #[arg(long, value_delimiter = ',', default_value = "tokio,smol,std,kafka")]
    pub targets: Vec<Kind>,
    /// Turns of each broker; the medians are printed
    #[arg(long, default_value_t = 3)]
    pub rounds: u32,
    /// A short run, to see that everything works: one round, 200 MB, 3 seconds
    #[arg(long)]
    pub quick: bool,
    /// How much to produce, and how much to consume, of each record size, in MB of a million bytes
    #[arg(long, value_name = "MB", default_value_t = 2000)]
    pub size_mb: u64,
    /// The same before anything is measured; the Java virtual machine needs it
    #[arg(long, value_name = "MB", default_value_t = 400)]
    pub warm_up_mb: u64,
    /// Sizes of a record's value
    #[arg(long, value_name = "BYTES", value_delimiter = ',', default_value = "100,4096")]
    pub record_sizes: Vec<usize>,
    /// Sizes of what a Fetch asks for (max.partition.fetch.bytes; 1 MB in Kafka's consumers)
    #[arg(long, value_name = "MB", value_delimiter = ',', default_value = "1,10")]
    pub fetch_sizes_mb: Vec<u16>,
    /// The load itself
    #[command(flatten)]
    pub traffic: TrafficOptions,
    /// A property for every broker, Apache Kafka included; may be repeated
    #[arg(long = "override", value_name = "KEY=VALUE")]
    pub overrides: Vec<String>,
    /// Where the brokers keep their data meanwhile; it is deleted [default: the directory for temporary files]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Another binary of Ottla than the one that is built for this
    #[arg(long, value_name = "FILE")]
    pub ottla: Option<PathBuf>,
    /// Touch all free memory before, for a virtual machine that gets its memory page by page and gives it back: without it
    /// a write there may cost anything, with it all writes beyond the first 1.5 GB cost more
    #[arg(long)]
    pub touch_memory: bool,
    /// Append the results to bench/RESULTS.md
    #[arg(long)]
    pub record: bool,
    /// Fail when Ottla misses one of its limits
    #[arg(long)]
    pub check: bool,
}

/// What is sent.
#[derive(Clone, Copy, Debug, Args)]
pub struct TrafficOptions {
    /// The size of a batch (max.request.size of Kafka's producers)
    #[arg(long, value_name = "BYTES", default_value_t = 1024 * 1024)]
    pub batch_size: usize,
    /// Requests in flight (max.in.flight.requests.per.connection)
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub in_flight: u32,
    /// Whether batches have producer ids and sequence numbers, as those of Kafka's producers have
    #[arg(long, value_name = "BOOL", default_value_t = true, action = clap::ArgAction::Set)]
    pub enable_idempotence: bool,
    /// Records in a second, where latency is measured
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub rate: u32,
    /// For how long latency is measured, in seconds
    #[arg(long, value_name = "S", default_value_t = 10)]
    pub latency_s: u64,
    /// For how long the same goes on before, in seconds
    #[arg(long, value_name = "S", default_value_t = 10)]
    pub latency_warm_up_s: u64,
    /// How long a record waits for others where latency is measured (linger.ms)
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub linger_ms: u64,
}

impl TrafficOptions {
    /// The load under which latency is measured: 100-byte records, in batches of at most 16 KB as by Kafka's producers.
    pub fn schedule(&self) -> Schedule {
        Schedule {
            records_a_second: self.rate,
            record_size_bytes: 100,
            batch_size_bytes: 16 * 1024,
            linger: Duration::from_millis(self.linger_ms),
            is_idempotent: self.enable_idempotence,
            in_flight: self.in_flight,
            warm_up: Duration::from_secs(self.latency_warm_up_s),
            measured: Duration::from_secs(self.latency_s),
        }
    }
}

impl CompareOptions {
    /// These options, with what `--quick` changes.
    pub fn effective(&self) -> (u32, u64, u64, TrafficOptions) {
        if !self.quick {
            return (self.rounds, self.size_mb, self.warm_up_mb, self.traffic);
        }
        let traffic = TrafficOptions { latency_s: 3, latency_warm_up_s: 2, ..self.traffic };
        (1, self.size_mb.min(200), self.warm_up_mb.min(100), traffic)
    }
}

/// Where and on what the storage engine is measured.
#[derive(Debug, Args)]
pub struct EngineOptions {
    /// The runtime
    #[arg(long, default_value = "tokio")]
    pub target: Kind,
    /// Where the broker keeps its data meanwhile; it is deleted [default: the directory for temporary files]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Another binary of Ottla than the one that is built for this
    #[arg(long, value_name = "FILE")]
    pub ottla: Option<PathBuf>,
    /// A property for the broker; may be repeated
    #[arg(long = "override", value_name = "KEY=VALUE")]
    pub overrides: Vec<String>,
    /// Append the results to bench/RESULTS.md
    #[arg(long)]
    pub record: bool,
}

/// How many partitions to open.
#[derive(Debug, Args)]
pub struct PartitionsOptions {
    /// Where and on what
    #[command(flatten)]
    pub engine: EngineOptions,
    /// Partitions, in topics of a thousand
    #[arg(long, default_value_t = 10_000)]
    pub partitions: u32,
    /// Segments of each
    #[arg(long, default_value_t = 10)]
    pub segments: u32,
    /// Starts that are measured
    #[arg(long, default_value_t = 3)]
    pub starts: u32,
}

/// What to recover.
#[derive(Debug, Args)]
pub struct RecoveryOptions {
    /// Where and on what
    #[command(flatten)]
    pub engine: EngineOptions,
    /// Size of the log, in MB of a million bytes
    #[arg(long, value_name = "MB", default_value_t = 2000)]
    pub size_mb: u64,
    /// Sizes of a record's value
    #[arg(long, value_name = "BYTES", value_delimiter = ',', default_value = "100,1024")]
    pub record_sizes: Vec<usize>,
    /// The size of a batch
    #[arg(long, value_name = "BYTES", default_value_t = 16 * 1024)]
    pub batch_size: usize,
    /// Partitions that it is spread over
    #[arg(long, default_value_t = 1)]
    pub partitions: u32,
}

/// What to clean, and what to do meanwhile.
#[derive(Debug, Args)]
pub struct CleaningOptions {
    /// Where and on what
    #[command(flatten)]
    pub engine: EngineOptions,
    /// Size of the log that is compacted, and of the one that is deleted, in MB of a million bytes
    #[arg(long, value_name = "MB", default_value_t = 1000)]
    pub size_mb: u64,
    /// The load
    #[command(flatten)]
    pub traffic: TrafficOptions,
}

/// What to compact and to delete, in memory.
#[derive(Debug, Args)]
pub struct TurnsOptions {
    /// Size of each log that is compacted, before compression, in MB of a million bytes
    #[arg(long, value_name = "MB", default_value_t = 100)]
    pub size_mb: u64,
    /// Sizes of its batches before compression
    #[arg(long, value_name = "BYTES", value_delimiter = ',', default_value = "16384,1000000")]
    pub batch_sizes: Vec<usize>,
    /// Partitions that lose segments at the same time
    #[arg(long, default_value_t = 1_000)]
    pub partitions: u32,
    /// Fail when a turn takes longer than 10 ms
    #[arg(long)]
    pub check: bool,
}

/// What to run on a broker that is already there.
#[derive(Debug, Args)]
pub struct LoadOptions {
    /// What to do with it
    #[arg(value_enum)]
    pub what: LoadKind,
    /// Where the broker listens
    #[arg(long, default_value = "127.0.0.1:9092")]
    pub address: SocketAddr,
    /// Its process, to see what it costs
    #[arg(long)]
    pub pid: Option<u32>,
    /// How much to produce or consume
    #[arg(long, value_name = "MB", default_value_t = 1000)]
    pub size_mb: u64,
    /// Size of a record's value
    #[arg(long, value_name = "BYTES", default_value_t = 100)]
    pub record_size: usize,
    /// What a Fetch asks for
    #[arg(long, value_name = "MB", default_value_t = 1)]
    pub fetch_size_mb: u16,
    /// The load itself
    #[command(flatten)]
    pub traffic: TrafficOptions,
}

/// A load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LoadKind {
    /// Full batches as fast as they are taken
    Produce,
    /// Full batches as fast as they are taken, and then the same as fast as it is handed out, four times over
    Consume,
    /// A fixed rate of small records
    Latency,
}
