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
    /// Whether the batch says that all its records have one timestamp.
    has_append_time: bool,
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

/// The timestamp of a record that has none.
const NO_TIMESTAMP: i64 = -1;

impl Walk {
    pub(super) fn new(header: &BatchHeader, rules: &ProduceRules, now: WallClock) -> Self {
        Self {
            has_append_time: header.attributes.timestamp_type() == TimestampType::LogAppendTime,
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
            _ => !self.has_append_time,
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

pub(super) fn walk_records(records: &mut RecordReader<'_>, walk: Walk) -> Result<Summary, BatchError> {
    let mut summary = Summary { max_timestamp: NO_TIMESTAMP, offsets_count_up: true };
    let mut refused = Refused::default();
    let mut index = 0;
    while let Some(record) = records.next_record()? {
        let header_count = record.headers.stored_count();
        if header_count < 0 {
            return Err(BatchError::invalid(format!("record {index} of the batch has {header_count} headers")));
        }
        summary.max_timestamp = summary.max_timestamp.max(record.timestamp);
        summary.offsets_count_up &= record.offset_delta == index;
        if !walk.allows(record.timestamp, record.key.is_some()) {
            refused.add(index, walk.why_not(record.timestamp, record.key.is_some()));
        }
        index += 1;
    }
    refused.result().map(|()| summary)
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
