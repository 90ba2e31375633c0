//! One pass over the plain records of a batch, without allocating unless a record is wrong.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use super::{InvalidRecord, ProduceRules, RECORD_ERRORS_MAX};
use crate::error_code::ErrorCode;
use crate::records::header::{BatchHeader, TimestampType};
use crate::records::varint::{get_varint, get_varlong};
use crate::time::WallClock;

/// What each record is held against.
#[derive(Clone, Copy, Debug)]
pub(super) struct Walk {
    record_count: i32,
    base_timestamp: i64,
    /// Set where the batch says that all its records have one timestamp.
    append_time: Option<i64>,
    timestamp_type: TimestampType,
    earliest: i64,
    latest: i64,
    needs_key: bool,
}

/// What a walk finds out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Summary {
    pub(super) max_timestamp: i64,
    pub(super) offsets_count_up: bool,
}

/// Why the records are refused.
#[derive(Debug)]
pub(super) enum Malformed {
    Structure { index: i32, what: &'static str },
    Trailing { size_bytes: usize },
    Records { error_code: ErrorCode, record_errors: Vec<InvalidRecord> },
}

/// The timestamp of a record that has none.
const NO_TIMESTAMP: i64 = -1;

impl Walk {
    pub(super) fn new(header: &BatchHeader, rules: &ProduceRules, now: WallClock) -> Self {
        let append_time = match header.attributes.timestamp_type() {
            TimestampType::CreateTime => None,
            TimestampType::LogAppendTime => Some(header.max_timestamp),
        };
        Self {
            record_count: header.record_count,
            base_timestamp: header.base_timestamp,
            append_time,
            timestamp_type: rules.timestamp_type,
            earliest: now.0.saturating_sub(rules.timestamp_before_max_ms),
            latest: now.0.saturating_add(rules.timestamp_after_max_ms),
            needs_key: rules.is_compacted,
        }
    }

    /// Whether a record passes; why not is worked out only for those that don't.
    #[inline]
    fn allows(&self, timestamp: i64, has_key: bool) -> bool {
        let in_time = match self.timestamp_type {
            TimestampType::CreateTime if timestamp != NO_TIMESTAMP => {
                self.earliest <= timestamp && timestamp <= self.latest
            }
            _ => self.append_time.is_none(),
        };
        in_time && (has_key || !self.needs_key)
    }

    #[cold]
    fn why_not(&self, timestamp: i64, has_key: bool) -> (ErrorCode, String) {
        if self.needs_key && !has_key {
            return (ErrorCode::InvalidRecord, "a compacted topic needs a key in each record".to_string());
        }
        let message = if self.timestamp_type == TimestampType::CreateTime && timestamp != NO_TIMESTAMP {
            format!("timestamp {timestamp} is not between {} and {}", self.earliest, self.latest)
        } else {
            "producers may not set the timestamp type to append time".to_string()
        };
        (ErrorCode::InvalidTimestamp, message)
    }
}

pub(super) fn walk_records(records: &[u8], walk: Walk) -> Result<Summary, Malformed> {
    let mut rest = records;
    let mut summary = Summary { max_timestamp: NO_TIMESTAMP, offsets_count_up: true };
    let mut refused = Refused::default();
    for index in 0..walk.record_count {
        let record = match next_record(&mut rest) {
            Ok(record) => record,
            Err(what) => return Err(Malformed::Structure { index, what }),
        };
        let timestamp = match walk.append_time {
            None => walk.base_timestamp.wrapping_add(record.timestamp_delta),
            Some(append_time) => append_time,
        };
        summary.max_timestamp = summary.max_timestamp.max(timestamp);
        summary.offsets_count_up &= record.offset_delta == index;
        if !walk.allows(timestamp, record.has_key) {
            refused.add(index, walk.why_not(timestamp, record.has_key));
        }
    }
    if !rest.is_empty() {
        return Err(Malformed::Trailing { size_bytes: rest.len() });
    }
    if let Some(error_code) = refused.error_code {
        return Err(Malformed::Records { error_code, record_errors: refused.record_errors });
    }
    Ok(summary)
}

#[derive(Default)]
struct Refused {
    error_code: Option<ErrorCode>,
    record_errors: Vec<InvalidRecord>,
}

impl Refused {
    #[cold]
    fn add(&mut self, batch_index: i32, (error_code, message): (ErrorCode, String)) {
        // A timestamp out of range decides the code, whatever else is wrong.
        if self.error_code != Some(ErrorCode::InvalidTimestamp) {
            self.error_code = Some(error_code);
        }
        if self.record_errors.len() < RECORD_ERRORS_MAX {
            self.record_errors.push(InvalidRecord { batch_index, message });
        }
    }
}

struct WalkedRecord {
    timestamp_delta: i64,
    offset_delta: i32,
    has_key: bool,
}

#[inline]
fn next_record(rest: &mut &[u8]) -> Result<WalkedRecord, &'static str> {
    let size_bytes = get_varint(rest).ok_or("its length does not end")?;
    let size_bytes = usize::try_from(size_bytes).map_err(|_| "its length is negative")?;
    let (body, after) = rest.split_at_checked(size_bytes).ok_or("it is longer than the batch")?;
    *rest = after;
    let mut body = body.get(1..).ok_or("it has no attributes")?;
    let timestamp_delta = get_varlong(&mut body).ok_or("its timestamp delta does not end")?;
    let offset_delta = get_varint(&mut body).ok_or("its offset delta does not end")?;
    let has_key = skip_bytes(&mut body).ok_or("its key is longer than the record")?;
    skip_bytes(&mut body).ok_or("its value is longer than the record")?;
    match get_varint(&mut body).ok_or("its header count does not end")? {
        0 => {}
        count => skip_headers(&mut body, count)?,
    }
    if !body.is_empty() {
        return Err("it is shorter than it says");
    }
    Ok(WalkedRecord { timestamp_delta, offset_delta, has_key })
}

fn skip_headers(body: &mut &[u8], count: i32) -> Result<(), &'static str> {
    let count = usize::try_from(count).map_err(|_| "its header count is negative")?;
    if count > body.len() {
        return Err("it has more headers than bytes");
    }
    for _ in 0..count {
        let has_key = skip_bytes(body).ok_or("a header's key is longer than the record")?;
        if !has_key {
            return Err("a header has no key");
        }
        skip_bytes(body).ok_or("a header's value is longer than the record")?;
    }
    Ok(())
}

/// Whether there was a field rather than null.
#[inline]
fn skip_bytes(body: &mut &[u8]) -> Option<bool> {
    let Ok(length) = usize::try_from(get_varint(body)?) else { return Some(false) };
    *body = body.get(length..)?;
    Some(true)
}
