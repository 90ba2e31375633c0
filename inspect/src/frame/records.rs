//! A record set inside a frame: its batches, their headers, their records down to each field.
//!
//! The records of a compressed batch have no bytes of their own in the frame: their ranges are those of the decompressed
//! data, and marked so.

use std::io;
use std::ops::Range;

use bytes::Bytes;
use ottla_core::records::{
    BATCH_HEADER_SIZE_BYTES, BatchHeader, Compression, HeaderError, crc32c, get_varint, get_varlong,
};
use ottla_core::wire::date;

use super::fields::{FieldRow, FieldRows};
use crate::batch::{CHECKSUM_FROM, attribute_words, plain_records};
use crate::report::{Cell, Remark};

/// Without `--full`, so many records of a batch are told.
const RECORDS_MAX: usize = 100;

/// Where a record set is.
pub(super) struct RecordSet {
    pub(super) frame: Bytes,
    pub(super) range: Range<usize>,
    /// Of the field.
    pub(super) path: String,
}

impl RecordSet {
    /// Tells batch after batch, up to the first that is none.
    pub(super) fn tell(&self, rows: &mut FieldRows<'_, '_>) -> io::Result<()> {
        let mut at = self.range.start;
        for index in 0.. {
            if at == self.range.end {
                break;
            }
            let path = format!("{}.batch[{index}]", self.path);
            let path = path.strip_prefix('.').map_or_else(|| path.clone(), str::to_owned);
            let rest = &self.frame[at..self.range.end];
            let header = match BatchHeader::parse(rest) {
                Ok(header) if header.size_bytes() <= rest.len() => header,
                Ok(header) => return self.cut(rows, at, header.size_bytes(), path),
                Err(HeaderError::Short(_)) => return self.cut(rows, at, BATCH_HEADER_SIZE_BYTES, path),
                Err(error) => {
                    let remark = Remark::damage(error.to_string()).at(at as u64).path(path);
                    return rows.report().remark(remark);
                }
            };
            let batch = BatchRows { set: self, path, at, header };
            batch.header(rows)?;
            batch.records(rows)?;
            at += header.size_bytes();
        }
        Ok(())
    }

    /// The rest of a record set, where a batch is not whole.
    fn cut(&self, rows: &mut FieldRows<'_, '_>, at: usize, size_bytes: usize, path: String) -> io::Result<()> {
        let have = self.range.end - at;
        rows.row(FieldRow {
            range: Cell::Range(at as u64, self.range.end as u64),
            bytes: self.frame.slice(at..self.range.end),
            path: path.clone(),
            value: Cell::text("cut"),
            meaning: Some(format!("{have} of {size_bytes} bytes")),
            structure: Some("cut"),
            is_damaged: !rows.is_answer,
        })?;
        let text = format!("a batch of {size_bytes} bytes or more, but the record set has only {have} left");
        let remark = if rows.is_answer {
            Remark::note(format!("{text}: a broker may cut the last batch of an answer"))
        } else {
            Remark::damage(text)
        };
        rows.report().remark(remark.at(at as u64).path(path))
    }
}

/// A batch, about to be told.
struct BatchRows<'a> {
    set: &'a RecordSet,
    path: String,
    /// Its first byte in the frame.
    at: usize,
    header: BatchHeader,
}

impl BatchRows<'_> {
    fn header(&self, rows: &mut FieldRows<'_, '_>) -> io::Result<()> {
        let header = &self.header;
        let when = |timestamp_ms| date(timestamp_ms);
        let size_bytes = header.size_bytes();
        let computed = crc32c(&self.set.frame[self.at + CHECKSUM_FROM..self.at + size_bytes]);
        let is_good = computed == header.crc;
        let crc_says = if is_good { "ok".to_owned() } else { format!("the bytes give {computed:08x}") };
        let attributes = attribute_words(header.attributes).join(", ");
        let horizon = header.attributes.has_delete_horizon();
        let base_says =
            when(header.base_timestamp).map(|date| if horizon { format!("delete horizon {date}") } else { date });
        let last_offset = Some(format!("offset {}", header.last_offset()));
        let fields: [(Range<usize>, &str, i64, Option<String>); 13] = [
            (0..8, "base_offset", header.base_offset.0, None),
            (8..12, "length", header.length.into(), Some(format!("{size_bytes} bytes in all"))),
            (
                12..16,
                "partition_leader_epoch",
                header.partition_leader_epoch.0.into(),
                none(header.partition_leader_epoch.0),
            ),
            (16..17, "magic", 2, Some("message format 2".to_owned())),
            (17..21, "crc", header.crc.into(), Some(crc_says)),
            (21..23, "attributes", header.attributes.0.into(), Some(attributes)),
            (23..27, "last_offset_delta", header.last_offset_delta.into(), last_offset),
            (27..35, "base_timestamp", header.base_timestamp, base_says),
            (35..43, "max_timestamp", header.max_timestamp, when(header.max_timestamp)),
            (43..51, "producer_id", header.producer_id.0, none(header.producer_id.0)),
            (51..53, "producer_epoch", header.producer_epoch.0.into(), none(header.producer_epoch.0)),
            (53..57, "base_sequence", header.base_sequence.into(), none(header.base_sequence)),
            (57..61, "record_count", header.record_count.into(), None),
        ];
        for (range, name, value, meaning) in fields {
            let range = self.at + range.start..self.at + range.end;
            let bad = name == "crc" && !is_good;
            let value = if name == "crc" {
                Cell::both(Cell::Hex32(header.crc), Cell::Integer(value))
            } else {
                Cell::Integer(value)
            };
            self.row(rows, range, name, value, meaning, bad)?;
        }
        if is_good {
            return Ok(());
        }
        let text = format!("checksum {:#010x} expected, found bytes that give {computed:#010x}", header.crc);
        let remark = Remark::damage(text).at((self.at + 17) as u64).path(format!("{}.crc", self.path));
        rows.report().remark(remark)
    }

    fn row(
        &self,
        rows: &mut FieldRows<'_, '_>,
        range: Range<usize>,
        name: &str,
        value: Cell,
        meaning: Option<String>,
        is_damaged: bool,
    ) -> io::Result<()> {
        rows.row(FieldRow {
            range: Cell::Range(range.start as u64, range.end as u64),
            bytes: self.set.frame.slice(range),
            path: format!("{}.{name}", self.path),
            value,
            meaning,
            structure: None,
            is_damaged,
        })
    }

    fn records(&self, rows: &mut FieldRows<'_, '_>) -> io::Result<()> {
        let from = self.at + BATCH_HEADER_SIZE_BYTES;
        let body = self.set.frame.slice(from..self.at + self.header.size_bytes());
        let compression = self.header.attributes.compression().unwrap_or_default();
        let plain = match plain_records(&self.header, &body) {
            Ok(plain) => plain,
            Err(error) => {
                let remark = Remark::damage(error.to_string()).at(from as u64).path(format!("{}.records", self.path));
                return rows.report().remark(remark);
            }
        };
        let is_inner = compression != Compression::None;
        if is_inner {
            let text = format!("{} bytes, decompressed to {}", body.len(), plain.len());
            let range = from..from + body.len();
            self.row(
                rows,
                range,
                "records",
                Cell::text(text),
                Some("ranges in it are in (brackets)".to_owned()),
                false,
            )?;
        }
        let mut walk = RecordWalk { batch: self, plain: &plain, base: if is_inner { None } else { Some(from) }, at: 0 };
        let count = usize::try_from(self.header.record_count).unwrap_or(0);
        for index in 0..count {
            if index == RECORDS_MAX && !rows.all_records() {
                let left = count - index;
                return rows
                    .report()
                    .remark(Remark::note(format!("{left} more records in {}; --full tells them", self.path)));
            }
            if let Err(fault) = walk.record(rows, index)? {
                let path = format!("{}.record[{index}].{}", self.path, fault.field);
                let remark = Remark::damage(fault.text).at(walk.place(walk.at)).path(path);
                return rows.report().remark(remark);
            }
        }
        if walk.at < plain.len() {
            let text = format!("{} bytes follow the last record", plain.len() - walk.at);
            rows.report().remark(Remark::damage(text).at(walk.place(walk.at)).path(self.path.clone()))?;
        }
        Ok(())
    }
}

/// Walks the plain records of a batch.
struct RecordWalk<'a> {
    batch: &'a BatchRows<'a>,
    plain: &'a Bytes,
    /// Where they are in the frame, unless they were decompressed.
    base: Option<usize>,
    at: usize,
}

/// What is wrong with a record.
struct RecordFault {
    field: &'static str,
    text: String,
}

impl RecordWalk<'_> {
    /// The byte for a remark: in the frame where it is there, else the batch's first.
    fn place(&self, at: usize) -> u64 {
        self.base.map_or(self.batch.at, |base| base + at) as u64
    }

    /// Tells one record. The inner result is the record's, the outer one the report's.
    fn record(&mut self, rows: &mut FieldRows<'_, '_>, index: usize) -> io::Result<Result<(), RecordFault>> {
        let header = &self.batch.header;
        let path = |name: &str| format!("record[{index}].{name}");
        macro_rules! number {
            ($get:ident, $name:literal, $meaning:expr) => {{
                let from = self.at;
                let mut rest = &self.plain[from..];
                let Some(number) = $get(&mut rest) else {
                    return Ok(Err(RecordFault { field: $name, text: "a number that does not end".to_owned() }));
                };
                self.at = self.plain.len() - rest.len();
                let meaning: Option<String> = $meaning(number);
                self.row(rows, from, &path($name), Cell::Integer(number.into()), meaning)?;
                number
            }};
        }
        let length = number!(get_varint, "length", |_| None);
        let end = usize::try_from(length).ok().and_then(|length| self.at.checked_add(length));
        let Some(end) = end.filter(|end| *end <= self.plain.len()) else {
            let text = format!("a record of {length} bytes, but {} are left", self.plain.len() - self.at);
            return Ok(Err(RecordFault { field: "length", text }));
        };
        if self.at == end {
            return Ok(Err(RecordFault { field: "attributes", text: "need 1 byte, have 0".to_owned() }));
        }
        self.at += 1;
        let attributes = Cell::Integer(self.plain[self.at - 1].cast_signed().into());
        self.row(rows, self.at - 1, &path("attributes"), attributes, None)?;
        let append_time = header.attributes.timestamp_type() == ottla_core::records::TimestampType::LogAppendTime;
        number!(get_varlong, "timestamp_delta", |delta| {
            let timestamp = header.base_timestamp.checked_add(delta)?;
            date(timestamp).map(|date| if append_time { format!("{date}, replaced by append time") } else { date })
        });
        number!(get_varint, "offset_delta", |delta: i32| Some(format!(
            "offset {}",
            header.base_offset.0.wrapping_add(delta.into())
        )));
        for name in ["key", "value"] {
            if let Err(fault) = self.bytes(rows, name, &path(name), end)? {
                return Ok(Err(fault));
            }
        }
        let count = number!(get_varint, "header_count", |count| (count < 0).then(|| "read as no headers".to_owned()));
        for header in 0..count {
            for name in ["key", "value"] {
                if let Err(fault) = self.bytes(rows, "headers", &path(&format!("headers[{header}].{name}")), end)? {
                    return Ok(Err(fault));
                }
            }
        }
        let left = end.checked_sub(self.at);
        self.at = end;
        Ok(match left {
            Some(0) => Ok(()),
            Some(left) => Err(RecordFault { field: "length", text: format!("{left} bytes follow the last field") }),
            None => Err(RecordFault { field: "length", text: "the fields are longer than the record".to_owned() }),
        })
    }

    /// Bytes behind their length, or null.
    fn bytes(
        &mut self,
        rows: &mut FieldRows<'_, '_>,
        field: &'static str,
        path: &str,
        end: usize,
    ) -> io::Result<Result<(), RecordFault>> {
        let from = self.at;
        let mut rest = &self.plain[from..];
        let Some(length) = get_varint(&mut rest) else {
            return Ok(Err(RecordFault { field, text: "a number that does not end".to_owned() }));
        };
        let content = self.plain.len() - rest.len();
        let Ok(length) = usize::try_from(length) else {
            self.at = content;
            self.row(rows, from, path, Cell::Null, None)?;
            return Ok(Ok(()));
        };
        let to = content.saturating_add(length);
        if to > end {
            let text = format!("need {length} bytes, have {}", end.saturating_sub(content));
            return Ok(Err(RecordFault { field, text }));
        }
        self.at = to;
        self.row(rows, from, path, text_or_bytes(self.plain.slice(content..to)), None)?;
        Ok(Ok(()))
    }

    fn row(
        &self,
        rows: &mut FieldRows<'_, '_>,
        from: usize,
        path: &str,
        value: Cell,
        meaning: Option<String>,
    ) -> io::Result<()> {
        let range = match self.base {
            Some(base) => Cell::Range((base + from) as u64, (base + self.at) as u64),
            None => Cell::InnerRange(from as u64, self.at as u64),
        };
        rows.row(FieldRow {
            range,
            bytes: self.plain.slice(from..self.at),
            path: format!("{}.{path}", self.batch.path),
            value,
            meaning,
            structure: None,
            is_damaged: false,
        })
    }
}

/// Keys and values are bytes to Kafka; most are text.
fn text_or_bytes(bytes: Bytes) -> Cell {
    match str::from_utf8(&bytes) {
        Ok(text) if !text.contains(|letter: char| letter.is_control() && !letter.is_whitespace()) => {
            Cell::Str(text.to_owned())
        }
        _ => Cell::both(Cell::text(format!("{} bytes", bytes.len())), Cell::Bytes(bytes)),
    }
}

fn none(number: impl Into<i64>) -> Option<String> {
    (number.into() == -1).then(|| "none".to_owned())
}
