//! Records at a fixed rate, and how long each takes to be acknowledged, and to be read by a waiting consumer.
//!
//! The schedule doesn't wait for the broker: record `n` is due at `n / rate`, and its latency counts from then, sent or
//! not. A broker that stalls therefore pays for every record that was due meanwhile, not only for those in flight. Records
//! that are due when a request can be sent go together into one batch, as in a real producer with `linger.ms`.

use std::io::Write;
use std::num::NonZeroU64;
use std::ops::Range;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use super::consume::Consumer;
use crate::batch::Batch;
use crate::client::{Broker, Connection, FrameReader, ProduceFrame, Topic, decode_produced};
use crate::error::{BenchError, During, Result, require};

/// `max.partition.fetch.bytes` of Kafka's consumers.
const PARTITION_MAX_BYTES: i32 = 1024 * 1024;

/// What is sent, and when.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    /// Records in a second.
    pub records_a_second: u32,
    /// Bytes of a record's value.
    pub record_size_bytes: usize,
    /// `batch.size`: a batch that is as large as this is sent at once.
    pub batch_size_bytes: usize,
    /// `linger.ms`: how long the first record of a batch waits for others.
    pub linger: Duration,
    /// `enable.idempotence`.
    pub is_idempotent: bool,
    /// Requests in flight.
    pub in_flight: u32,
    /// Not counted.
    pub warm_up: Duration,
    /// Counted.
    pub measured: Duration,
}

/// Latencies, shortest first.
#[derive(Clone, Debug)]
pub struct Latencies(Vec<Duration>);

impl Latencies {
    fn sorted(mut latencies: Vec<Duration>) -> Self {
        latencies.sort_unstable();
        Self(latencies)
    }

    /// What `share` of the records, in 0 to 1, were as fast as or faster than; in milliseconds.
    pub fn percentile_ms(&self, share: f64) -> f64 {
        let rank = (share * self.0.len() as f64).ceil() as usize;
        let latency = self.0.get(rank.saturating_sub(1).min(self.0.len().saturating_sub(1)));
        latency.map_or(f64::NAN, |latency| latency.as_secs_f64() * 1e3)
    }
}

/// The run's timetable, the same for all its threads.
#[derive(Clone, Copy, Debug)]
struct Timetable {
    began: Instant,
    interval: Duration,
    record_count: u64,
    first_measured: u64,
}

impl Timetable {
    fn new(schedule: &Schedule) -> Self {
        let records_in = |time: Duration| (time.as_secs_f64() * f64::from(schedule.records_a_second)) as u64;
        Self {
            began: Instant::now() + Duration::from_millis(10),
            interval: Duration::from_secs(1) / schedule.records_a_second,
            record_count: records_in(schedule.warm_up + schedule.measured),
            first_measured: records_in(schedule.warm_up),
        }
    }

    fn due(&self, record: u64) -> Instant {
        self.began + Duration::from_nanos(self.interval.as_nanos() as u64 * record)
    }

    /// Records that are due by now.
    fn due_count(&self) -> u64 {
        let Some(passed) = Instant::now().checked_duration_since(self.began) else { return 0 };
        let due = passed.as_nanos() / self.interval.as_nanos() + 1;
        u64::try_from(due).unwrap_or(u64::MAX).min(self.record_count)
    }

    fn note(&self, latencies: &mut Vec<Duration>, records: Range<u64>) {
        let now = Instant::now();
        let measured = records.start.max(self.first_measured)..records.end;
        latencies.extend(measured.map(|record| now.saturating_duration_since(self.due(record))));
    }
}

/// Sends by `schedule`; `when_measuring` is called when the warm-up ends. The log's end must be `end_offset` before.
/// Returns the latencies of the acknowledgements.
pub fn produce_latencies(
    broker: &Broker,
    topic: &Topic,
    schedule: &Schedule,
    end_offset: i64,
    when_measuring: impl FnMut() + Send,
) -> Result<Latencies> {
    let frames = frames_for(broker, topic, schedule)?;
    let timetable = Timetable::new(schedule);
    run(broker, frames, schedule, timetable, end_offset, when_measuring)
}

/// Sends by `schedule` while a consumer waits for the records. The log's end must be `end_offset` before. Returns the
/// latencies from when a record was due to when the consumer had it.
pub fn end_to_end_latencies(broker: &Broker, topic: &Topic, schedule: &Schedule, end_offset: i64) -> Result<Latencies> {
    let frames = frames_for(broker, topic, schedule)?;
    let mut consumer = Consumer::start(broker, topic, end_offset, PARTITION_MAX_BYTES)?;
    let timetable = Timetable::new(schedule);
    thread::scope(|scope| {
        let consuming = scope.spawn(move || {
            let mut latencies = Vec::new();
            while consumer.next_offset < end_offset + timetable.record_count.cast_signed() {
                consumer.poll(|first, last| {
                    let record = |offset: i64| (offset - end_offset).cast_unsigned();
                    timetable.note(&mut latencies, record(first)..record(last) + 1);
                })?;
            }
            Ok(Latencies::sorted(latencies))
        });
        run(broker, frames, schedule, timetable, end_offset, || {})?;
        consuming.join().unwrap_or_else(|_| Err(BenchError::Other("the consumer failed".into())))
    })
}

/// A request for each number of records that a batch may have; that of one record is the first.
fn frames_for(broker: &Broker, topic: &Topic, schedule: &Schedule) -> Result<Vec<ProduceFrame>> {
    let producer = schedule.is_idempotent.then(|| broker.new_producer()).transpose()?;
    let largest = Batch::filled(schedule.batch_size_bytes, schedule.record_size_bytes, producer).record_count;
    let batch = |count| Batch::counted(count, schedule.record_size_bytes, producer);
    (1..=largest).map(|count| ProduceFrame::new(broker, topic, &batch(count), producer.is_some())).collect()
}

fn run(
    broker: &Broker,
    frames: Vec<ProduceFrame>,
    schedule: &Schedule,
    timetable: Timetable,
    end_offset: i64,
    when_measuring: impl FnMut() + Send,
) -> Result<Latencies> {
    let Connection { sender, receiver } = Connection::open(broker.address)?;
    let version = frames[0].version;
    let (sent, to_be_answered) = channel();
    let (answered, permits) = channel();
    for _ in 0..schedule.in_flight.max(1) {
        let _ = answered.send(());
    }
    thread::scope(|scope| {
        let sending = scope.spawn(move || {
            let in_flight = InFlight { permits, sent };
            send(sender, frames, schedule, timetable, &in_flight, when_measuring)
        });
        let received = receive(receiver, version, timetable, end_offset, &to_be_answered, &answered);
        drop(answered);
        let sent = sending.join().unwrap_or_else(|_| Err(BenchError::Other("the producer failed".into())));
        // A failed sender ends the receiver, too; what it says is then the reason.
        sent.and(received)
    })
}

/// Between the thread that sends and the one that receives.
struct InFlight {
    /// One for each request that may be sent.
    permits: Receiver<()>,
    /// The records of each request that was sent.
    sent: Sender<Range<u64>>,
}

fn send(
    mut socket: impl Write,
    mut frames: Vec<ProduceFrame>,
    schedule: &Schedule,
    timetable: Timetable,
    in_flight: &InFlight,
    mut when_measuring: impl FnMut(),
) -> Result<()> {
    // The kernel would add 50 microseconds to each sleep; where it refuses, it does so for all brokers alike.
    let _ = rustix::thread::set_current_timer_slack(NonZeroU64::new(1));
    let (mut next, mut is_measuring) = (0, false);
    while next < timetable.record_count {
        let ready = timetable.due(next) + schedule.linger;
        let is_full = timetable.due_count() - next >= frames.len() as u64;
        let wait = ready.saturating_duration_since(Instant::now());
        if !is_full && !wait.is_zero() {
            let until_full = timetable.due(next + frames.len() as u64 - 1).saturating_duration_since(Instant::now());
            thread::sleep(wait.min(until_full));
            continue;
        }
        if !is_measuring && next >= timetable.first_measured {
            is_measuring = true;
            when_measuring();
        }
        if in_flight.permits.recv().is_err() {
            return Ok(());
        }
        // Only now: more may have become due while the broker took its time.
        let count = (timetable.due_count() - next).min(frames.len() as u64);
        // The range goes first, so that it is there when the answer is.
        let _ = in_flight.sent.send(next..next + count);
        let frame = &mut frames[count as usize - 1];
        socket.write_all(frame.numbered(next as i32, next.cast_signed())).during("sending records")?;
        next += count;
    }
    Ok(())
}

fn receive(
    mut receiver: FrameReader,
    version: i16,
    timetable: Timetable,
    end_offset: i64,
    to_be_answered: &Receiver<Range<u64>>,
    permits: &Sender<()>,
) -> Result<Latencies> {
    let mut latencies = Vec::with_capacity((timetable.record_count - timetable.first_measured) as usize);
    let mut answered = 0;
    while answered < timetable.record_count {
        let frame = receiver.read()?;
        let Ok(records) = to_be_answered.recv() else { break };
        // A sender that has sent all takes no more.
        let _ = permits.send(());
        timetable.note(&mut latencies, records.clone());
        let produced = decode_produced(&frame, version)?;
        receiver.reuse(frame);
        require("correlation id", records.start as i32, produced.correlation_id)?;
        require("base offset", end_offset + records.start.cast_signed(), produced.base_offset)?;
        answered = records.end;
    }
    Ok(Latencies::sorted(latencies))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_the_latency_that_so_many_records_stay_within() {
        let latencies = Latencies::sorted((1..=1000).rev().map(Duration::from_millis).collect());
        assert_eq!(latencies.percentile_ms(0.5), 500.0);
        assert_eq!(latencies.percentile_ms(0.99), 990.0);
        assert_eq!(latencies.percentile_ms(0.999), 999.0);
        assert_eq!(latencies.percentile_ms(1.0), 1000.0);
        assert!(Latencies::sorted(Vec::new()).percentile_ms(0.5).is_nan());
    }
}
