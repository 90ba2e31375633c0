//! Many partitions of many segments, opened after a clean stop.
//!
//! The topics are made by the broker, their segments are written beside it, and the checkpoints are made to say that all of
//! it was closed. What is measured are starts after the broker's own clean stops.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use ottla_core::types::Offset;

use super::segments::{RECORDS_OF_A_SEGMENT, Segment};
use super::{conclude, size_of};
use crate::client::Broker;
use crate::compare::Scratch;
use crate::error::{During, Result};
use crate::options::PartitionsOptions;
use crate::process::{self, CpuTime};
use crate::target::{self, Running};

const PARTITIONS_OF_A_TOPIC: u32 = 1000;

/// Makes the directory, and opens it again and again.
pub fn run(options: &PartitionsOptions) -> Result<ExitCode> {
    let engine = &options.engine;
    let ottla = target::prepare(&[engine.target], engine.ottla.as_deref())?;
    let scratch = Scratch::new(engine.dir.as_deref())?;
    let running = Running::start(engine.target, &ottla, scratch.0.join("partitions"), &engine.overrides)?;
    let begun = Instant::now();
    create_topics(&Broker::discover(running.address)?, options.partitions)?;
    let (created_s, created_cpu_s) = (begun.elapsed().as_secs_f64(), CpuTime::of(running.pid())?.total_s());
    let (home, _) = running.end()?;
    let data = home.join("data");
    fill(&data, options)?;

    let mut lines = vec![format!("created in {created_s:.1} s, {created_cpu_s:.2} CPU s")];
    // The first start is the first to see what was written here.
    for number in 0..=options.starts {
        let running = Running::start_again(engine.target, &ottla, &home, &engine.overrides)?;
        let cpu_s = CpuTime::of(running.pid())?.total_s();
        let resident_mb = process::resident_mb(running.pid())?;
        let start_s = running.start.as_secs_f64();
        let (_, stop) = running.end()?;
        if number > 0 {
            lines.push(format!(
                "start {number}: {start_s:.2} s to the first answer, {cpu_s:.2} CPU s, {resident_mb:.0} MB resident; \
                 stopped in {:.2} s",
                stop.as_secs_f64()
            ));
        }
    }
    let (size_bytes, files) = size_of(&data)?;
    lines.insert(
        1,
        format!(
            "{} partitions of {} segments: {files} files, {:.0} MB",
            options.partitions,
            options.segments,
            size_bytes as f64 / 1e6
        ),
    );
    fs::remove_dir_all(&home).during(format!("deleting {}", home.display()))?;
    conclude("opening partitions after a clean stop", &lines, engine)
}

fn create_topics(broker: &Broker, partitions: u32) -> Result<()> {
    let mut left = partitions;
    while left > 0 {
        let count = left.min(PARTITIONS_OF_A_TOPIC);
        broker.create_topic_with(&format!("topic-{}", left.div_ceil(PARTITIONS_OF_A_TOPIC)), count as i32, &[])?;
        left -= count;
    }
    Ok(())
}

/// Writes all segments, and the checkpoints that cover them.
fn fill(data: &Path, options: &PartitionsOptions) -> Result<()> {
    // Not old enough to be deleted.
    let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64);
    let mut segment = Segment::new(now_ms);
    let end = RECORDS_OF_A_SEGMENT * i64::from(options.segments);
    let (mut lines, mut count) = (String::new(), 0);
    for entry in fs::read_dir(data).during("listing the data directory")? {
        let entry = entry.during("listing the data directory")?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some((topic, index)) = name.rsplit_once('-').filter(|(topic, _)| topic.starts_with("topic-")) else {
            continue;
        };
        for number in 0..i64::from(options.segments) {
            segment.write(&entry.path(), Offset(number * RECORDS_OF_A_SEGMENT), now_ms)?;
        }
        let _ = writeln!(lines, "{topic} {index} {end}");
        count += 1;
    }
    for name in ["recovery-point-offset-checkpoint", "replication-offset-checkpoint"] {
        fs::write(data.join(name), format!("0\n{count}\n{lines}")).during(format!("writing {name}"))?;
    }
    Ok(())
}
