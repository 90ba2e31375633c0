//! The comparison: brokers take turns, each starts from an empty directory, does the same work, and is gone before the
//! next one comes. Several rounds of that, so that a disturbance hits one turn and not one broker; medians at the end.

use std::collections::BTreeMap;
use std::fs;
use std::io::{IsTerminal, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use signal_hook::consts::{SIGINT, SIGTERM};

use crate::batch::Batch;
use crate::client::{Broker, ProduceFrame, Topic};
use crate::error::{BenchError, During, Result};
use crate::load::Transfer;
use crate::load::consume::consume;
use crate::load::latency::{Schedule, end_to_end_latencies, produce_latencies};
use crate::load::produce::produce;
use crate::machine;
use crate::measure::{FetchSize, Measurements, Metric, Percentile, RecordSize, medians};
use crate::memory::{self, Backed};
use crate::options::{CompareOptions, LoadKind, LoadOptions, TrafficOptions};
use crate::process::{self, CpuTime};
use crate::report::{self, Results};
use crate::target::{self, Kind, Running};

/// After its first answer a broker may still be busy with its start.
const SETTLE: Duration = Duration::from_secs(2);

/// Compares, prints, and records and checks when asked to.
pub fn run(options: &CompareOptions) -> Result<ExitCode> {
    let results = measure(options, &options.targets)?;
    print!("{}", report::table(&results, stdout().is_terminal()));
    if options.record {
        let path = target::workspace().join("bench/RESULTS.md");
        report::record(&results, &path)?;
        println!("\nrecorded in {}", path.display());
    }
    if !options.check {
        return Ok(ExitCode::SUCCESS);
    }
    let missed = report::check(&results);
    for limit in &missed {
        println!("missed: {limit}");
    }
    if missed.is_empty() {
        println!("all limits are kept");
        return Ok(ExitCode::SUCCESS);
    }
    Ok(ExitCode::FAILURE)
}

/// The baseline alone.
pub fn run_baseline(options: &CompareOptions) -> Result<ExitCode> {
    let results = measure(options, &[Kind::Bare])?;
    print!("{}", report::table(&results, stdout().is_terminal()));
    if options.record {
        report::record(&results, &target::workspace().join("bench/RESULTS.md"))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// One load on a broker that is already there.
pub fn run_load(options: &LoadOptions) -> Result<ExitCode> {
    let broker = Broker::discover(options.address)?;
    let name = format!("bench-{}", std::process::id());
    let mut turn = Turn {
        topic: broker.create_topic(&name)?,
        broker,
        pid: options.pid,
        traffic: options.traffic,
        progress: ProgressBar::hidden(),
        end_offset: 0,
        measurements: Measurements::new(),
    };
    let (size, record_size) = (options.size_mb * 1_000_000, RecordSize(options.record_size));
    match options.what {
        LoadKind::Produce => turn.produce(record_size, size)?,
        LoadKind::Consume => {
            turn.produce(record_size, size)?;
            let fetch_size = FetchSize(i32::from(options.fetch_size_mb) << 20);
            (0..4).try_for_each(|_| turn.consume(record_size, fetch_size, 0))?;
        }
        LoadKind::Latency => turn.latencies()?,
    }
    for (metric, value) in &turn.measurements {
        println!("{metric}: {value:.3} {}", metric.unit());
    }
    Ok(ExitCode::SUCCESS)
}

fn measure(options: &CompareOptions, targets: &[Kind]) -> Result<Results> {
    let is_interrupted = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // The first one ends the run in order, the second at once.
        signal_hook::flag::register_conditional_shutdown(signal, 1, Arc::clone(&is_interrupted))
            .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&is_interrupted)))
            .during("listening to signals")?;
    }
    let ottla = target::prepare(targets, options.ottla.as_deref())?;
    let scratch = Scratch::new(options.dir.as_deref())?;
    let load_average = machine::load_average();
    let plan = Plan::of(options);
    let _backed = if options.touch_memory { touch_memory()? } else { None };
    let mut runs = BTreeMap::<Kind, Vec<Measurements>>::new();
    for round in 1..=plan.rounds {
        for &kind in targets {
            let label = format!("round {round} of {}, {kind}", plan.rounds);
            let home = scratch.0.join(format!("{round}-{}", kind.to_string().replace(' ', "-").to_lowercase()));
            let running = Running::start(kind, &ottla, home, &options.overrides)?;
            let measurements = plan.turn(&running, &label, &is_interrupted);
            runs.entry(kind).or_default().push(measurements.map_err(|error| running.explain(&error))?);
        }
    }
    let medians = targets.iter().filter_map(|kind| Some((*kind, medians(runs.get(kind)?)))).collect();
    Ok(Results { medians, settings: plan.settings(options), load_average })
}

fn touch_memory() -> Result<Option<Backed>> {
    let progress = progress_bar("free memory");
    progress.set_message("touching it once");
    let backed = memory::back();
    progress.finish_and_clear();
    backed
}

/// A directory for the brokers' data; it ends with this.
pub struct Scratch(
    /// Where it is.
    pub PathBuf,
);

impl Scratch {
    /// Below `parent`, or where temporary files are.
    pub fn new(parent: Option<&Path>) -> Result<Self> {
        let parent = parent.map_or_else(std::env::temp_dir, Path::to_path_buf);
        let path = parent.join(format!("ottla-bench-{}", std::process::id()));
        fs::create_dir_all(&path).during(format!("creating {}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Its brokers have deleted what they left in it, or have said why they could not.
        let _ = fs::remove_dir(&self.0);
    }
}

/// The work of one turn.
struct Plan {
    rounds: u32,
    size_mb: u64,
    warm_up_mb: u64,
    record_sizes: Vec<RecordSize>,
    fetch_sizes: Vec<FetchSize>,
    traffic: TrafficOptions,
}

impl Plan {
    fn of(options: &CompareOptions) -> Self {
        let (rounds, size_mb, warm_up_mb, traffic) = options.effective();
        Self {
            rounds,
            size_mb,
            warm_up_mb,
            record_sizes: options.record_sizes.iter().map(|size| RecordSize(*size)).collect(),
            fetch_sizes: options.fetch_sizes_mb.iter().map(|mb| FetchSize(i32::from(*mb) << 20)).collect(),
            traffic,
        }
    }

    fn settings(&self, options: &CompareOptions) -> String {
        let traffic = &self.traffic;
        let properties = match options.overrides.as_slice() {
            [] => String::new(),
            overrides => format!("; {}", overrides.join(" ")),
        };
        format!(
            "{} MB of each record size after {} MB to warm up, batches of {} bytes, acks=all, idempotence {}, {} in flight, \
             1 partition; \
             latency at {} records a second of 100 B for {} s after {} s, linger {} ms; medians of {} rounds{properties}",
            self.size_mb,
            self.warm_up_mb,
            traffic.batch_size,
            if traffic.enable_idempotence { "on" } else { "off" },
            traffic.in_flight,
            traffic.rate,
            traffic.latency_s,
            traffic.latency_warm_up_s,
            traffic.linger_ms,
            self.rounds,
        )
    }

    fn turn(&self, running: &Running, label: &str, is_interrupted: &AtomicBool) -> Result<Measurements> {
        let go_on = || match is_interrupted.load(Ordering::Relaxed) {
            true => Err(BenchError::Other("interrupted".into())),
            false => Ok(()),
        };
        let progress = progress_bar(label);
        let broker = Broker::discover(running.address)?;
        std::thread::sleep(SETTLE);
        let mut measurements = Measurements::from([
            (Metric::StartMs, running.start.as_secs_f64() * 1e3),
            (Metric::RssIdleMb, process::resident_mb(running.pid())?),
        ]);
        let turn_on = |topic: &str| -> Result<Turn> {
            Ok(Turn {
                topic: broker.create_topic(topic)?,
                broker: broker.clone(),
                pid: Some(running.pid()),
                traffic: self.traffic,
                progress: progress.clone(),
                end_offset: 0,
                measurements: Measurements::new(),
            })
        };
        for &record_size in &self.record_sizes {
            go_on()?;
            let mut turn = turn_on(&format!("records-of-{}", record_size.0))?;
            turn.produce(record_size, self.warm_up_mb * 1_000_000)?;
            let warm_until = turn.end_offset;
            turn.produce(record_size, self.size_mb * 1_000_000)?;
            for &fetch_size in &self.fetch_sizes {
                go_on()?;
                let end_offset = std::mem::replace(&mut turn.end_offset, warm_until);
                turn.consume(record_size, fetch_size, 0)?;
                turn.end_offset = end_offset;
                turn.consume(record_size, fetch_size, warm_until)?;
            }
            measurements.append(&mut turn.measurements);
        }
        go_on()?;
        let mut turn = turn_on("latency")?;
        turn.latencies()?;
        measurements.append(&mut turn.measurements);
        measurements.insert(Metric::RssAfterMb, process::resident_mb(running.pid())?);
        progress.finish_and_clear();
        eprintln!("{label}: done in {:.0} s", progress.elapsed().as_secs_f64());
        go_on().map(|()| measurements)
    }
}

/// One broker at work on one topic. A measurement that is made again takes the place of the one before.
struct Turn {
    broker: Broker,
    topic: Topic,
    pid: Option<u32>,
    traffic: TrafficOptions,
    progress: ProgressBar,
    end_offset: i64,
    measurements: Measurements,
}

impl Turn {
    fn produce(&mut self, record_size: RecordSize, size_bytes: u64) -> Result<()> {
        self.begin(&format!("produce {record_size}"), size_bytes);
        let producer = self.traffic.enable_idempotence.then(|| self.broker.new_producer()).transpose()?;
        let batch = Batch::filled(self.traffic.batch_size, record_size.0, producer);
        let mut frame = ProduceFrame::new(&self.broker, &self.topic, &batch, producer.is_some())?;
        // What was written before goes to the disk now, and not while this is measured.
        rustix::fs::sync();
        let costs = Costs::now(self.pid)?;
        let (transfer, end_offset) =
            produce(&self.broker, &mut frame, size_bytes, self.traffic.in_flight, self.end_offset, &self.progress)?;
        self.end_offset = end_offset;
        let (rate, cpu, client) =
            (Metric::ProduceRate(record_size), Metric::ProduceCpu(record_size), Metric::ClientProduceCpu(record_size));
        self.note(transfer, &costs, rate, cpu, client)
    }

    fn consume(&mut self, record_size: RecordSize, fetch_size: FetchSize, from_offset: i64) -> Result<()> {
        self.begin(&format!("consume {record_size}, {fetch_size}"), 0);
        let costs = Costs::now(self.pid)?;
        let (from, to) = (from_offset, self.end_offset);
        let transfer = consume(&self.broker, &self.topic, from, to, fetch_size.0, &self.progress)?;
        let (rate, cpu, client) = (
            Metric::ConsumeRate(record_size, fetch_size),
            Metric::ConsumeCpu(record_size, fetch_size),
            Metric::ClientConsumeCpu(record_size, fetch_size),
        );
        self.note(transfer, &costs, rate, cpu, client)
    }

    fn latencies(&mut self) -> Result<()> {
        let schedule = self.traffic.schedule();
        self.begin("produce latency", 0);
        // What the loads before have written is not to be in the way of small writes.
        rustix::fs::sync();
        let mut costs = Err(BenchError::Other("nothing was measured".into()));
        let latencies =
            produce_latencies(&self.broker, &self.topic, &schedule, self.end_offset, || costs = Costs::now(self.pid))?;
        if let Some(cpu) = costs?.broker_cpu_s()? {
            let share = cpu / schedule.measured.as_secs_f64() * 100.0;
            self.measurements.insert(Metric::ProduceLatencyCpu, share);
        }
        self.end_offset += record_count(&schedule);
        self.begin("end to end latency", 0);
        let end_to_end = end_to_end_latencies(&self.broker, &self.topic, &schedule, self.end_offset)?;
        self.end_offset += record_count(&schedule);
        for percentile in Percentile::ALL {
            let share = percentile.share();
            self.measurements.insert(Metric::ProduceLatency(percentile), latencies.percentile_ms(share));
            self.measurements.insert(Metric::EndToEndLatency(percentile), end_to_end.percentile_ms(share));
        }
        Ok(())
    }

    fn begin(&self, what: &str, size_bytes: u64) {
        self.progress.set_message(what.to_string());
        self.progress.set_position(0);
        self.progress.set_length(size_bytes);
    }

    fn note(&mut self, transfer: Transfer, costs: &Costs, rate: Metric, cpu: Metric, client: Metric) -> Result<()> {
        let gigabytes = transfer.size_bytes as f64 / 1e9;
        self.measurements.insert(rate, transfer.megabytes_a_second());
        self.measurements.insert(client, costs.client_cpu_s()? / gigabytes);
        if let Some(broker_cpu_s) = costs.broker_cpu_s()? {
            self.measurements.insert(cpu, broker_cpu_s / gigabytes);
        }
        Ok(())
    }
}

fn record_count(schedule: &Schedule) -> i64 {
    let seconds = schedule.warm_up + schedule.measured;
    (seconds.as_secs_f64() * f64::from(schedule.records_a_second)) as i64
}

/// The processor time of both sides so far.
struct Costs {
    broker: Option<(u32, CpuTime)>,
    client: CpuTime,
}

impl Costs {
    fn now(pid: Option<u32>) -> Result<Self> {
        let broker = pid.map(|pid| CpuTime::of(pid).map(|cpu| (pid, cpu))).transpose()?;
        Ok(Self { broker, client: CpuTime::of(std::process::id())? })
    }

    fn broker_cpu_s(&self) -> Result<Option<f64>> {
        self.broker.map(|(pid, before)| Ok(CpuTime::of(pid)?.since(before).total_s())).transpose()
    }

    fn client_cpu_s(&self) -> Result<f64> {
        Ok(CpuTime::of(std::process::id())?.since(self.client).total_s())
    }
}

fn progress_bar(label: &str) -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix}: {msg} {bytes} {bytes_per_sec}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner());
    let bar = ProgressBar::new(0).with_style(style).with_prefix(label.to_string());
    bar.enable_steady_tick(Duration::from_millis(250));
    bar
}
