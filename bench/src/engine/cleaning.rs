//! Produce latency while a large log is compacted and another one loses its old segments, beside the same without.

use std::process::ExitCode;

use indicatif::ProgressBar;

use super::{conclude, size_of};
use crate::batch::Batch;
use crate::client::{Broker, ProduceFrame};
use crate::compare::Scratch;
use crate::error::Result;
use crate::load::latency::{Latencies, produce_latencies};
use crate::load::produce::produce;
use crate::options::CleaningOptions;
use crate::target::{self, Running};

const BATCH_SIZE_BYTES: usize = 1 << 20;
const RECORD_SIZE_BYTES: usize = 1024;
/// Each of so many parts of the log has the same keys as the one before.
const ROUNDS: u64 = 4;
const IN_FLIGHT: u32 = 5;

/// Fills two logs, and produces to a third: at rest, and while those are cleaned.
pub fn run(options: &CleaningOptions) -> Result<ExitCode> {
    let engine = &options.engine;
    let ottla = target::prepare(&[engine.target], engine.ottla.as_deref())?;
    let scratch = Scratch::new(engine.dir.as_deref())?;
    let at_rest = [
        "log.cleaner.enable=false",
        "log.retention.check.interval.ms=1000000000",
        "log.initial.task.delay.ms=1000000000",
    ];
    let running =
        Running::start(engine.target, &ottla, scratch.0.join("cleaning"), &with(&engine.overrides, &at_rest))?;
    let broker = Broker::discover(running.address)?;
    fill(&broker, options)?;
    let still = latencies(&broker, options, "at-rest")?;
    let (home, _) = running.end()?;
    let (before_bytes, _) = size_of(&home.join("data"))?;

    let cleaned =
        ["log.cleaner.backoff.ms=1000", "log.retention.check.interval.ms=2000", "log.initial.task.delay.ms=2000"];
    let running = Running::start_again(engine.target, &ottla, &home, &with(&engine.overrides, &cleaned))?;
    let busy = latencies(&Broker::discover(running.address)?, options, "while-cleaning")?;
    running.end()?;
    let (after_bytes, _) = size_of(&home.join("data"))?;
    let lines = [
        format!(
            "{} records of 100 B a second for {} s; two logs of {} MB cleaned meanwhile, {:.0} MB before and {:.0} after",
            options.traffic.rate,
            options.traffic.latency_s,
            options.size_mb,
            before_bytes as f64 / 1e6,
            after_bytes as f64 / 1e6
        ),
        format!("at rest: {}", shown(&still)),
        format!("while cleaning: {}", shown(&busy)),
    ];
    std::fs::remove_dir_all(&home).map_err(|error| crate::error::BenchError::Other(error.to_string()))?;
    conclude("producing beside compaction and retention", &lines, engine)
}

fn with(overrides: &[String], more: &[&str]) -> Vec<String> {
    overrides.iter().cloned().chain(more.iter().map(|property| (*property).to_string())).collect()
}

fn fill(broker: &Broker, options: &CleaningOptions) -> Result<()> {
    let compacted =
        [("cleanup.policy", "compact"), ("segment.bytes", "104857600"), ("min.cleanable.dirty.ratio", "0.01")];
    let deleted = [("retention.bytes", "1048576"), ("segment.bytes", "10485760")];
    for (name, configs) in [("compacted", &compacted[..]), ("deleted", &deleted[..])] {
        let topic = broker.create_topic_with(name, 1, configs)?;
        let batches = options.size_mb * 1_000_000 / BATCH_SIZE_BYTES as u64;
        let mut end_offset = 0;
        for number in 0..batches {
            let first_key = number % batches.div_ceil(ROUNDS) * BATCH_SIZE_BYTES as u64;
            let batch = Batch::keyed(BATCH_SIZE_BYTES, RECORD_SIZE_BYTES, first_key);
            let mut frame = ProduceFrame::new(broker, &topic, &batch, false)?;
            let one = frame.batch_size_bytes();
            (_, end_offset) = produce(broker, &mut frame, one, IN_FLIGHT, end_offset, &ProgressBar::hidden())?;
        }
    }
    Ok(())
}

/// To a topic of its own.
fn latencies(broker: &Broker, options: &CleaningOptions, name: &str) -> Result<Latencies> {
    let topic = broker.create_topic(name)?;
    produce_latencies(broker, &topic, &options.traffic.schedule(), 0, || {})
}

fn shown(latencies: &Latencies) -> String {
    let at = |share| latencies.percentile_ms(share);
    format!("p50 {:.2}, p99 {:.2}, p99.9 {:.2}, max {:.2} ms", at(0.5), at(0.99), at(0.999), at(1.0))
}
