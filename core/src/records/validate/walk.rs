//! One pass over the records of a batch: each is held against the topic's rules, without allocating unless one is wrong.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use super::{BatchError, InvalidRecord, ProduceRules, RECORD_ERRORS_MAX};
use crate::error_code::ErrorCode;
use crate::records::header::{BatchHeader, TimestampType};
use crate::records::reader::RecordReader;
use crate::time::WallClock;

/// What each record is held against.
#[derive(Clone, Copy, Debug)]
pub(super) struct Walk {
    /// Timestamps from here on...
    earliest: i64,
    /// ...to here are what producers may set.
    latest: i64,
    /// Timestamps from here on...
    plain_from: i64,
    /// ...to here need no second look.
    plain_to: i64,
    /// Whether the batch says that all its records have one timestamp.
    has_append_time: bool,
    timestamp_type: TimestampType,
    needs_key: bool,
}

/// What a walk finds out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Summary {
    pub(super) max_timestamp: i64,
    pub(super) offsets_count_up: bool,
}

/// The timestamp of a record that has none.
const NO_TIMESTAMP: i64 = -1;

impl Walk {
    pub(super) fn new(header: &BatchHeader, rules: &ProduceRules, now: WallClock) -> Self {
        let earliest = now.0.saturating_sub(rules.timestamp_before_max_ms);
        let latest = now.0.saturating_add(rules.timestamp_after_max_ms);
        let has_append_time = header.attributes.timestamp_type() == TimestampType::LogAppendTime;
        let (plain_from, plain_to) = match rules.timestamp_type {
            // None.
            _ if has_append_time => (i64::MAX, i64::MIN),
            TimestampType::CreateTime => (earliest, latest),
            TimestampType::LogAppendTime => (i64::MIN, i64::MAX),
        };
        let (timestamp_type, needs_key) = (rules.timestamp_type, rules.is_compacted);
        Self { earliest, latest, plain_from, plain_to, has_append_time, timestamp_type, needs_key }
    }

    /// Whether a record passes, as far as that is to be seen at once.
    #[inline(always)]
    fn is_plain(&self, timestamp: i64, has_key: bool) -> bool {
        self.plain_from <= timestamp && timestamp <= self.plain_to && (has_key || !self.needs_key)
    }

    /// What is wrong with a record, if anything.
    #[cold]
    fn fault(&self, timestamp: i64, has_key: bool) -> Option<(ErrorCode, String)> {
        if self.needs_key && !has_key {
            return Some((ErrorCode::InvalidRecord, "a compacted topic needs a key in each record".to_string()));
        }
        let message = if self.timestamp_type == TimestampType::CreateTime && timestamp != NO_TIMESTAMP {
            let (earliest, latest) = (self.earliest, self.latest);
            let is_allowed = earliest <= timestamp && timestamp <= latest;
            (!is_allowed).then(|| format!("timestamp {timestamp} is not between {earliest} and {latest}"))
        } else {
            self.has_append_time.then(|| "producers may not set the timestamp type to append time".to_string())
        };
        message.map(|message| (ErrorCode::InvalidTimestamp, message))
    }
}

pub(super) fn walk_records(records: RecordReader<'_>, walk: Walk) -> Result<Summary, BatchError> {
    let mut summary = Summary { max_timestamp: NO_TIMESTAMP, offsets_count_up: true };
    let mut refused = Refused::default();
    records.try_for_each(|index, record| {
        if record.headers.stored_count() < 0 {
            return Err(negative_header_count(index, record.headers.stored_count()));
        }
        summary.max_timestamp = summary.max_timestamp.max(record.timestamp);
        summary.offsets_count_up &= record.offset_delta == index;
        let has_key = record.key.is_some();
        if !walk.is_plain(record.timestamp, has_key)
            && let Some(fault) = walk.fault(record.timestamp, has_key)
        {
            refused.add(index, fault);
        }
        Ok(())
    })?;
    refused.result().map(|()| summary)
}

#[cold]
fn negative_header_count(index: i32, count: i32) -> BatchError {
    BatchError::invalid(format!("record {index} of the batch has {count} headers"))
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

    fn result(self) -> Result<(), BatchError> {
        let Some(error_code) = self.error_code else { return Ok(()) };
        let message = format!("{} records of the batch are invalid", self.record_errors.len());
        Err(BatchError { record_errors: self.record_errors, ..BatchError::new(error_code, message) })
    }
}
