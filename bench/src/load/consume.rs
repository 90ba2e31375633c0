//! Consume as fast as the broker hands out: one Fetch after the other in a session, as a real consumer of one partition.

use std::io::Write;
use std::time::Instant;

use bytes::Bytes;
use indicatif::ProgressBar;
use ottla_core::records::{BATCH_HEADER_SIZE_BYTES, BatchHeader};
use ottla_core::wire::Records;
use ottla_core::wire::messages::fetch::{FetchPartition, FetchRequest, FetchResponse, FetchTopic};

use super::Transfer;
use crate::client::{Broker, Connection, Topic, decode_answer, frame_of};
use crate::error::{BenchError, During, Result, accepted, require};

/// `fetch.max.bytes` of Kafka's consumers.
const MAX_BYTES: i32 = 50 * 1024 * 1024;
/// `fetch.max.wait.ms` of Kafka's consumers.
const MAX_WAIT_MS: i32 = 500;
/// Answers without a record after which there will be none: ten seconds' worth.
const EMPTY_ANSWERS_MAX: u32 = 20;

/// Reads `topic` from `offset` up to `end_offset`.
pub fn consume(
    broker: &Broker,
    topic: &Topic,
    offset: i64,
    end_offset: i64,
    partition_max_bytes: i32,
    progress: &ProgressBar,
) -> Result<Transfer> {
    let mut consumer = Consumer::start(broker, topic, offset, partition_max_bytes)?;
    let mut size_bytes = 0;
    let began = Instant::now();
    while consumer.next_offset < end_offset {
        let fetched_size_bytes = consumer.poll(|_, _| {})?;
        size_bytes += fetched_size_bytes;
        progress.inc(fetched_size_bytes);
    }
    Ok(Transfer { size_bytes, elapsed: began.elapsed() })
}

/// A consumer of one partition.
#[derive(Debug)]
pub struct Consumer {
    connection: Connection,
    topic: Topic,
    version: i16,
    partition_max_bytes: i32,
    session_id: i32,
    session_epoch: i32,
    empty_answers: u32,
    /// The offset that is read next.
    pub next_offset: i64,
}

impl Consumer {
    /// Connects; the first record that is read will be that at `next_offset`.
    pub fn start(broker: &Broker, topic: &Topic, next_offset: i64, partition_max_bytes: i32) -> Result<Self> {
        Ok(Self {
            connection: Connection::open(broker.address)?,
            topic: topic.clone(),
            version: broker.version_of::<FetchRequest>()?,
            partition_max_bytes,
            session_id: 0,
            session_epoch: 0,
            empty_answers: 0,
            next_offset,
        })
    }

    /// One Fetch. Calls `batch` with the first and the last offset of each whole batch, and returns the bytes of these.
    pub fn poll(&mut self, batch: impl FnMut(i64, i64)) -> Result<u64> {
        let request = frame_of(&self.request(), self.version, 0);
        self.connection.sender.write_all(&request).during("sending a Fetch")?;
        let frame = self.connection.receiver.read()?;
        let records = self.records_of(&frame)?;
        let size_bytes = walk(&records, &mut self.next_offset, batch)?;
        drop(records);
        self.connection.receiver.reuse(frame);
        self.empty_answers = if size_bytes == 0 { self.empty_answers + 1 } else { 0 };
        if self.empty_answers > EMPTY_ANSWERS_MAX {
            return Err(BenchError::Other(format!("nothing comes from offset {} on", self.next_offset)));
        }
        Ok(size_bytes)
    }

    fn request(&self) -> FetchRequest {
        let partition = FetchPartition {
            current_leader_epoch: self.topic.leader_epoch,
            fetch_offset: self.next_offset,
            partition_max_bytes: self.partition_max_bytes,
            ..Default::default()
        };
        let topic = FetchTopic {
            topic: self.topic.name.clone(),
            topic_id: self.topic.id,
            partitions: vec![partition],
            ..Default::default()
        };
        FetchRequest {
            max_wait_ms: MAX_WAIT_MS,
            min_bytes: 1,
            max_bytes: MAX_BYTES,
            session_id: self.session_id,
            session_epoch: self.session_epoch,
            topics: vec![topic],
            ..Default::default()
        }
    }

    fn records_of(&mut self, frame: &Bytes) -> Result<Bytes> {
        let (_, answer) = decode_answer::<FetchResponse>(frame, self.version)?;
        accepted("Fetch", answer.error_code)?;
        // A broker without room for another session answers with session 0, and the next Fetch stands for itself again.
        self.session_id = answer.session_id;
        self.session_epoch = if answer.session_id == 0 { 0 } else { self.session_epoch + 1 };
        let Some(partition) = answer.responses.into_iter().flat_map(|topic| topic.partitions).next() else {
            return Ok(Bytes::new());
        };
        accepted("Fetch", partition.error_code)?;
        match partition.records {
            Some(Records::Bytes(bytes)) => Ok(bytes.to_bytes()),
            _ => Ok(Bytes::new()),
        }
    }
}

/// Goes from batch to batch, by their headers alone, up to the one that the answer's end cuts off.
fn walk(records: &[u8], next_offset: &mut i64, mut batch: impl FnMut(i64, i64)) -> Result<u64> {
    let mut at = 0;
    while records.len() - at >= BATCH_HEADER_SIZE_BYTES {
        let header = BatchHeader::parse(&records[at..]).map_err(|error| BenchError::Other(error.to_string()))?;
        if header.size_bytes() > records.len() - at {
            break;
        }
        require("base offset", *next_offset, header.base_offset.0)?;
        batch(header.base_offset.0, header.last_offset().0);
        *next_offset = header.next_offset().0;
        at += header.size_bytes();
    }
    Ok(at as u64)
}

#[cfg(test)]
mod tests {
    use ottla_core::records::{BatchBuilder, BuilderRecord};
    use ottla_core::types::Offset;

    use super::*;

    fn two_batches() -> Vec<u8> {
        let batch = |base_offset| {
            let mut builder = BatchBuilder::new().base_offset(Offset(base_offset));
            builder.push(BuilderRecord { value: Some(b"one"), ..Default::default() });
            builder.push(BuilderRecord { value: Some(b"two"), ..Default::default() });
            builder.build()
        };
        [batch(10), batch(12)].concat()
    }

    #[test]
    fn batches_are_walked_by_their_headers() {
        let (mut next_offset, mut seen) = (10, Vec::new());
        let size_bytes = walk(&two_batches(), &mut next_offset, |first, last| seen.push((first, last))).expect("dense");
        assert_eq!((size_bytes, next_offset), (two_batches().len() as u64, 14));
        assert_eq!(seen, [(10, 11), (12, 13)]);
    }

    #[test]
    fn a_batch_that_is_cut_off_is_left_for_the_next_fetch() {
        let bytes = two_batches();
        let mut next_offset = 10;
        let size_bytes = walk(&bytes[..bytes.len() - 1], &mut next_offset, |_, _| {}).expect("dense");
        assert_eq!((size_bytes, next_offset), (bytes.len() as u64 / 2, 12));
    }

    #[test]
    fn a_hole_between_batches_is_found() {
        assert!(walk(&two_batches(), &mut 9, |_, _| {}).is_err());
    }
}
