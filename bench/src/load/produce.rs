//! Produce as fast as the broker takes it in: a fixed number of requests in flight on one connection, as a real producer
//! with an ever full buffer.

use std::io::Write;
use std::time::Instant;

use indicatif::ProgressBar;

use super::Transfer;
use crate::client::{Broker, Connection, ProduceFrame, decode_produced};
use crate::error::{During, Result, require};

/// Sends `frame` until `total_size_bytes` of batches are acknowledged, `in_flight` requests at a time. The log's end must
/// be `end_offset` before; the new one is returned.
pub fn produce(
    broker: &Broker,
    frame: &mut ProduceFrame,
    total_size_bytes: u64,
    in_flight: u32,
    end_offset: i64,
    progress: &ProgressBar,
) -> Result<(Transfer, i64)> {
    let mut connection = Connection::open(broker.address)?;
    let request_count = i32::try_from(total_size_bytes.div_ceil(frame.batch_size_bytes())).unwrap_or(i32::MAX);
    let in_flight = in_flight.max(1).cast_signed();
    let mut next_offset = end_offset;
    let (mut sent, mut answered) = (0, 0);
    let began = Instant::now();
    while answered < request_count {
        if sent < request_count && sent - answered < in_flight {
            let sequence = i64::from(sent) * i64::from(frame.record_count);
            connection.sender.write_all(frame.numbered(sent, sequence)).during("sending a batch")?;
            sent += 1;
            continue;
        }
        let answer = connection.receiver.read()?;
        let produced = decode_produced(&answer, frame.version)?;
        connection.receiver.reuse(answer);
        require("correlation id", answered, produced.correlation_id)?;
        require("base offset", next_offset, produced.base_offset)?;
        next_offset += i64::from(frame.record_count);
        answered += 1;
        progress.inc(frame.batch_size_bytes());
    }
    let size_bytes = request_count.unsigned_abs() as u64 * frame.batch_size_bytes();
    Ok((Transfer { size_bytes, elapsed: began.elapsed() }, next_offset))
}
