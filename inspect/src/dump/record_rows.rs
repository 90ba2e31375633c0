//! The records below a batch: offset, time, key, value and headers, decoded where the topic is one of Kafka's own.

use std::io;

use bytes::Bytes;
use ottla_core::records::{BATCH_HEADER_SIZE_BYTES, BatchHeader, OutputLimit, Record, records_of};

use super::payload::{Decoder, Payload};
use crate::report::{Align, Cell, Column, Remark, Report, Row, Squeeze, Table, Tone, json_string};

static RECORDS: Table = Table {
    name: "record",
    has_head: false,
    indent: 6,
    columns: &[
        Column::new("offset", "", Align::Right, Tone::Plain),
        Column {
            name: "timestamp",
            head: "",
            align: Align::Left,
            tone: Tone::Quiet,
            squeeze: Some(Squeeze { order: 3, min_width: 10 }),
        },
        Column {
            name: "key",
            head: "",
            align: Align::Left,
            tone: Tone::Value,
            squeeze: Some(Squeeze { order: 1, min_width: 16 }),
        },
        Column {
            name: "value",
            head: "",
            align: Align::Left,
            tone: Tone::Value,
            squeeze: Some(Squeeze { order: 0, min_width: 40 }),
        },
        Column {
            name: "headers",
            head: "",
            align: Align::Left,
            tone: Tone::Meaning,
            squeeze: Some(Squeeze { order: 2, min_width: 8 }),
        },
    ],
};

/// Tells the records of a batch that begins at `position` of its file.
pub fn tell(
    batch: &Bytes,
    position: u64,
    header: &BatchHeader,
    decoder: Decoder,
    report: &mut Report<'_>,
) -> io::Result<()> {
    let records_at = position + BATCH_HEADER_SIZE_BYTES as u64;
    let records = match records_of(batch, OutputLimit::default()) {
        Ok(records) => records,
        Err(error) => return report.remark(Remark::damage(error.to_string()).at(records_at)),
    };
    for record in records {
        let record = match record {
            Ok(record) => record,
            Err(error) => return report.remark(Remark::damage(error.to_string()).at(records_at)),
        };
        let payload = if header.attributes.is_control() { Payload::control(&record) } else { decoder.payload(&record) };
        let mut row = Row::new(cells(&record, &payload));
        row.is_damaged = payload.fault.is_some();
        report.row(&RECORDS, row)?;
        if let Some(fault) = payload.fault {
            let text = format!("the record at offset {}: {fault}", record.offset);
            report.remark(Remark::damage(text).at(records_at))?;
        }
    }
    Ok(())
}

fn cells(record: &Record, payload: &Payload) -> Vec<Cell> {
    vec![
        Cell::Integer(record.offset.0),
        Cell::Time(record.timestamp),
        payload.key.clone().unwrap_or_else(|| bytes_cell(record.key.as_ref())),
        payload.value.clone().unwrap_or_else(|| bytes_cell(record.value.as_ref())),
        headers_cell(record),
    ]
}

/// Keys and values are bytes to Kafka. Most are text; the others are hex.
fn bytes_cell(bytes: Option<&Bytes>) -> Cell {
    let Some(bytes) = bytes else { return Cell::Null };
    match str::from_utf8(bytes) {
        Ok(text) if is_readable(text) => Cell::Str(text.to_owned()),
        _ => Cell::both(Cell::Bytes(bytes.clone()), Cell::Json(bytes_json(Some(bytes)))),
    }
}

fn is_readable(text: &str) -> bool {
    !text.contains(|letter: char| letter.is_control() && !letter.is_whitespace())
}

/// A string where it is text, else an object with the bytes in hex.
fn bytes_json(bytes: Option<&Bytes>) -> String {
    let Some(bytes) = bytes else { return "null".to_owned() };
    match str::from_utf8(bytes) {
        Ok(text) if is_readable(text) => json_string(text),
        _ => format!("{{\"hex\":\"{}\"}}", bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()),
    }
}

fn headers_cell(record: &Record) -> Cell {
    if record.headers.is_empty() {
        return Cell::Empty;
    }
    let text = |bytes: &Bytes| String::from_utf8_lossy(bytes).into_owned();
    let one = |key: &Bytes, value: Option<&Bytes>| format!("{}={}", text(key), bytes_cell(value).to_text(false));
    let people: Vec<_> = record.headers.iter().map(|header| one(&header.key, header.value.as_ref())).collect();
    let programs: Vec<_> = record
        .headers
        .iter()
        .map(|header| {
            format!("{{\"key\":{},\"value\":{}}}", json_string(&text(&header.key)), bytes_json(header.value.as_ref()))
        })
        .collect();
    Cell::both(Cell::text(people.join(" ")), Cell::Json(format!("[{}]", programs.join(","))))
}
