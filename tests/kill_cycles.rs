//! SIGKILL under load, over and over, on each runtime that is built in: whatever was acknowledged is there after the next
//! start, byte for byte and at its offset, and a deleted topic stays deleted. The system's page cache survives a SIGKILL, so
//! this holds whether or not each batch is synced.
//!
//! `OTTLA_KILL_CYCLES` says how many kills there are on each runtime with each way of syncing; the long form is 100, which
//! takes some minutes: `OTTLA_KILL_CYCLES=100 cargo test --features tokio,smol,std --test kill_cycles -- --nocapture`.

mod support;

use std::sync::Arc;
use std::time::Instant;
use std::{env, thread};

use ottla::Runtime;
use support::load::{Acknowledged, PartitionLedger, create_topic, delete_topic, fetch_once};
use support::{Launch, TestBroker};
use tempfile::TempDir;

/// Kills on each runtime with each way of syncing, where nothing else is said.
const CYCLES: u64 = 5;
/// Then a new topic takes the place of the old one, which is deleted: so reading all of it stays quick.
const CYCLES_PER_TOPIC: u64 = 8;
const PARTITIONS: i32 = 3;
const UNKNOWN_TOPIC_OR_PARTITION: i16 = 3;

const DEFAULT_FLUSH: &[&str] = &[];
const STRICT_FLUSH: &[&str] = &["log.flush.interval.messages=1"];

#[test]
fn nothing_acknowledged_is_lost_with_default_flush() {
    on_each_runtime("default", DEFAULT_FLUSH);
}

#[test]
fn nothing_acknowledged_is_lost_with_strict_flush() {
    on_each_runtime("strict", STRICT_FLUSH);
}

fn on_each_runtime(flush: &str, overrides: &[&str]) {
    let cycles = env::var("OTTLA_KILL_CYCLES").map_or(CYCLES, |cycles| cycles.parse().expect("a number"));
    for runtime in Runtime::available() {
        let from = Instant::now();
        let launch = Launch { runtime: Some(runtime.name()), overrides, ..Launch::default() };
        let (batches, topics) = kill_over_and_over(&launch, cycles);
        let took_s = from.elapsed().as_secs_f64();
        println!("{runtime}, {flush} flush: {cycles} kills, {batches} batches found in {topics} topics, {took_s:.1} s");
    }
}

/// How many batches were found, in how many topics.
fn kill_over_and_over(launch: &Launch<'_>, cycles: u64) -> (usize, u64) {
    let mut directory = tempfile::tempdir().expect("a directory for the test");
    let mut ledgers: Vec<PartitionLedger> = Vec::new();
    let (mut batches, mut topics) = (0, 0_u64);
    for cycle in 0..cycles {
        if cycle % 3 == 2 {
            // In the middle of a start, whatever it is doing.
            directory = TestBroker::launch(directory, launch).kill();
        }
        let broker = TestBroker::launch(directory, launch);
        let mut client = broker.connect();
        ledgers.iter_mut().for_each(|ledger| ledger.settle(&mut client));
        if let Some(deleted) = topics.checked_sub(2).map(topic_name) {
            let answer = fetch_once(&mut client, &deleted, 0, 0);
            assert_eq!(answer.error_code, UNKNOWN_TOPIC_OR_PARTITION, "{deleted} was deleted");
        }
        if cycle % CYCLES_PER_TOPIC == 0 {
            let new = topic_name(topics);
            create_topic(&mut client, &new, PARTITIONS, &[("segment.bytes", "1048576"), ("file.delete.delay.ms", "0")]);
            batches += ledgers.iter().map(PartitionLedger::found).sum::<usize>();
            if let Some(old) = topics.checked_sub(1).map(topic_name) {
                delete_topic(&mut client, &old);
            }
            ledgers = (0..PARTITIONS).map(|index| PartitionLedger::new(&new, index)).collect();
            topics += 1;
        }
        (directory, ledgers) = kill_under_load(broker, ledgers, 30 + cycle * 97 % 400);
    }
    let broker = TestBroker::launch(directory, launch);
    let mut client = broker.connect();
    ledgers.iter_mut().for_each(|ledger| ledger.settle(&mut client));
    batches += ledgers.iter().map(PartitionLedger::found).sum::<usize>();
    let (status, ..) = broker.terminate();
    assert!(status.success(), "it stops in good order");
    (batches, topics)
}

fn topic_name(number: u64) -> String {
    format!("kills-{number}")
}

/// Lets producers write until so many batches are acknowledged, and kills the broker.
fn kill_under_load(broker: TestBroker, ledgers: Vec<PartitionLedger>, batches: u64) -> (TempDir, Vec<PartitionLedger>) {
    let acknowledged = Arc::new(Acknowledged::default());
    let producers = ledgers.into_iter().map(|mut ledger| {
        let (address, acknowledged) = (broker.address(), Arc::clone(&acknowledged));
        thread::spawn(move || {
            ledger.produce_until_it_breaks(address, &acknowledged);
            ledger
        })
    });
    let producers: Vec<_> = producers.collect();
    acknowledged.wait_for(batches);
    let directory = broker.kill();
    let ledgers = producers.into_iter().map(|producer| producer.join().expect("every answer was good")).collect();
    (directory, ledgers)
}
