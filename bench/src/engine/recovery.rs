//! A log of some gigabytes that no checkpoint says to be synced, recovered after a SIGKILL.
//!
//! Recovery reads it, verifies every checksum, writes it again and syncs it, since nobody knows whether it was synced. A client
//! connects as soon as the broker listens and waits for its answer meanwhile.

use std::fs;
use std::process::ExitCode;

use indicatif::ProgressBar;

use super::{conclude, size_of};
use crate::batch::Batch;
use crate::client::{Broker, ProduceFrame};
use crate::compare::Scratch;
use crate::error::{BenchError, During, Result};
use crate::load::produce::produce;
use crate::options::RecoveryOptions;
use crate::process::CpuTime;
use crate::target::{self, Running};

const IN_FLIGHT: u32 = 5;
/// Without a line here a log counts as never synced.
const RECOVERY_POINTS: &str = "recovery-point-offset-checkpoint";

/// Writes, kills, recovers, for each size of records.
pub fn run(options: &RecoveryOptions) -> Result<ExitCode> {
    let engine = &options.engine;
    let ottla = target::prepare(&[engine.target], engine.ottla.as_deref())?;
    let scratch = Scratch::new(engine.dir.as_deref())?;
    let mut lines = Vec::new();
    for &record_size in &options.record_sizes {
        let running = Running::start(engine.target, &ottla, scratch.0.join("recovery"), &engine.overrides)?;
        write(&Broker::discover(running.address)?, options, record_size)?;
        let home = running.kill()?;
        let data = home.join("data");
        fs::remove_file(data.join(RECOVERY_POINTS)).or_else(ignore_missing).during("removing a checkpoint")?;
        let (size_bytes, _) = size_of(&data)?;

        let running = Running::start_again(engine.target, &ottla, &home, &engine.overrides)?;
        let cpu = CpuTime::of(running.pid())?;
        let start_s = running.start.as_secs_f64();
        let output = fs::read_to_string(home.join("output.log")).during("reading the broker's output")?;
        let progress_lines = output.lines().filter(|line| line.contains("recovering: ")).count();
        running.end()?;
        let mb = size_bytes as f64 / 1e6;
        lines.push(format!(
            "{record_size} B records in batches of {} bytes, {} partitions: {mb:.0} MB in {start_s:.2} s, {:.0} MB/s; {:.2} \
             CPU s ({:.2} of them in the kernel), {:.0} MB to a CPU second; {progress_lines} lines of progress",
            options.batch_size,
            options.partitions,
            mb / start_s,
            cpu.total_s(),
            cpu.system_s,
            mb / cpu.total_s(),
        ));
        fs::remove_dir_all(&home).during(format!("deleting {}", home.display()))?;
    }
    conclude("recovery after a SIGKILL", &lines, engine)
}

fn write(broker: &Broker, options: &RecoveryOptions, record_size: usize) -> Result<()> {
    let batch = Batch::filled(options.batch_size, record_size, None);
    let each_bytes = options.size_mb * 1_000_000 / u64::from(options.partitions.max(1));
    for number in 0..options.partitions.max(1) {
        let topic = broker.create_topic(&format!("recovered-{number}"))?;
        let mut frame = ProduceFrame::new(broker, &topic, &batch, false)?;
        produce(broker, &mut frame, each_bytes, IN_FLIGHT, 0, &ProgressBar::hidden())?;
    }
    if options.size_mb == 0 {
        return Err(BenchError::Other("--size-mb 0 leaves nothing to recover".into()));
    }
    Ok(())
}

fn ignore_missing(error: std::io::Error) -> std::io::Result<()> {
    if error.kind() == std::io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}
