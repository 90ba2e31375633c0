//! How long the broker is busy with one thing while it compacts and deletes: a produce that comes meanwhile waits for no
//! more than that.

use std::process::ExitCode;
use std::time::Duration;

use bytes::Bytes;
use ottla_core::boundary::ConnId;
use ottla_core::records::{BatchBuilder, BuilderRecord, Compression};
use ottla_core::wire::Records;
use ottla_core::wire::messages::produce::{PartitionProduceData, ProduceRequest, ProduceResponse, TopicProduceData};

use crate::error::{BenchError, Result};
use crate::machine;
use crate::options::TurnsOptions;
use crate::world::{START, Turns, World, expect};

/// Each of so many parts of a log has the same keys as the one before.
const ROUNDS: u64 = 4;
const HOUR_MS: i64 = 3_600_000;
/// What a produce may be held up at most, in CPU time.
const LIMIT: Duration = Duration::from_millis(10);

/// Compacts a log of each codec, and deletes from many logs at once.
pub fn run(options: &TurnsOptions) -> Result<ExitCode> {
    println!("{}", machine::description());
    let mut longest = Duration::ZERO;
    let codecs = [Compression::None, Compression::Snappy, Compression::Lz4, Compression::Zstd, Compression::Gzip];
    for codec in codecs {
        for &batch_size in &options.batch_sizes {
            let turns = compact(options, codec, batch_size)?;
            println!("compaction, {codec:?}, batches of {batch_size} B of 100 B records: {}", shown(&turns));
            longest = longest.max(longest_of(&turns));
        }
    }
    let turns = delete(options.partitions)?;
    println!("retention of {} partitions at once: {}", options.partitions, shown(&turns));
    longest = longest.max(longest_of(&turns));
    let is_kept = longest <= LIMIT;
    println!("the longest turn: {:.2} ms of CPU time; the limit is {} ms", ms(longest), LIMIT.as_millis());
    Ok(if is_kept || !options.check { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn compact(options: &TurnsOptions, codec: Compression, batch_size: usize) -> Result<Turns> {
    let mut world = World::new(&[("log.cleaner.min.cleanable.ratio", "0.01"), ("log.retention.ms", "-1")])?;
    world.create_topic("compacted", 1, &[("cleanup.policy", "compact"), ("segment.bytes", "4194304")])?;
    let conn = world.open();
    let size_bytes = options.size_mb * 1_000_000;
    let batches = size_bytes / batch_size as u64;
    for number in 0..batches {
        let of_round = batches.div_ceil(ROUNDS);
        let first_key = number % of_round * (batch_size / RECORD_SIZE_BYTES) as u64;
        produce(&mut world, conn, "compacted", 0, batch(codec, batch_size, first_key))?;
    }
    let before = world.size_bytes("compacted-0");
    world.measure();
    world.pass_ms(HOUR_MS);
    let after = world.size_bytes("compacted-0");
    if after >= before / 4 * 3 {
        return Err(BenchError::Other(format!("{before} bytes became {after}: nothing was compacted")));
    }
    Ok(world.turns().clone())
}

fn delete(partitions: u32) -> Result<Turns> {
    let mut world = World::new(&[("log.retention.ms", "600000"), ("log.segment.delete.delay.ms", "1000")])?;
    world.create_topic("deleted", partitions as i32, &[("segment.bytes", "1048576")])?;
    let conn = world.open();
    for round in 0..3 {
        for partition in 0..partitions as i32 {
            produce(&mut world, conn, "deleted", partition, batch(Compression::None, 1024, round * 100))?;
        }
        // Rolled by their age: `segment.ms` is what retention needs here.
        world.pass_ms(60_000);
    }
    let before = world.size_bytes("deleted-0");
    world.measure();
    world.pass_ms(HOUR_MS);
    if world.size_bytes("deleted-0") >= before {
        return Err(BenchError::Other(format!("{before} bytes stayed: nothing was deleted")));
    }
    Ok(world.turns().clone())
}

const RECORD_SIZE_BYTES: usize = 100;

/// Records with keys of their own and values that compress to about a third, as JSON does.
fn batch(codec: Compression, size_bytes: usize, first_key: u64) -> Bytes {
    let mut builder = BatchBuilder::new().compression(codec, None);
    let mut state = first_key | 1;
    for key in first_key..first_key + (size_bytes / RECORD_SIZE_BYTES).max(1) as u64 {
        let mut value = String::new();
        while value.len() < RECORD_SIZE_BYTES - 24 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            value.push_str(&format!("\"n\":{},", state % 100_000));
        }
        let (key, value) = (key.to_be_bytes(), value.into_bytes());
        let timestamp = START.wall.0;
        builder.push(BuilderRecord { timestamp, key: Some(&key), value: Some(&value), ..Default::default() });
    }
    builder.build()
}

/// Waits for the batch to be in the log.
fn produce(world: &mut World, conn: ConnId, topic: &str, index: i32, batch: Bytes) -> Result<()> {
    let records = Some(Records::Bytes(batch.into()));
    let data = PartitionProduceData { index, records, ..Default::default() };
    let topic = TopicProduceData { name: topic.into(), partition_data: vec![data], ..Default::default() };
    let request = ProduceRequest { acks: -1, timeout_ms: 1000, topic_data: vec![topic], ..Default::default() };
    let answer: ProduceResponse = world.call(conn, 9, &request)?;
    expect(answer.responses[0].partition_responses[0].error_code)
}

fn longest_of(turns: &Turns) -> Duration {
    turns.values().map(|spent| spent.longest).max().unwrap_or_default()
}

/// The longest turns, by what began them.
fn shown(turns: &Turns) -> String {
    let mut by_length: Vec<_> = turns.iter().collect();
    by_length.sort_by_key(|(_, spent)| std::cmp::Reverse(spent.longest));
    let count: u64 = turns.values().map(|spent| spent.count).sum();
    let longest: Vec<_> =
        by_length.iter().take(4).map(|(what, spent)| format!("{what} {:.2} ms", ms(spent.longest))).collect();
    format!("{count} turns, the longest after: {}", longest.join(", "))
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
