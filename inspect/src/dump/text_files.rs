//! The small files of text: checkpoints, properties, quorum-state, the marker of a clean stop.

use std::io;

use ottla_core::directory::checkpoint::{self, CheckpointError};
use ottla_core::directory::meta_properties;
use ottla_core::log::leader_epochs::{EpochsFault, LeaderEpochs};
use ottla_core::log::partition_metadata;
use serde_json::Value;

use super::place::TextKind;
use super::source::Source;
use crate::report::{Align, Cell, Column, Remark, Report, Row, Table, Tone};

const fn column(name: &'static str, head: &'static str, align: Align) -> Column {
    Column::new(name, head, align, Tone::Plain)
}

static EPOCHS: Table = Table {
    name: "leader-epoch",
    has_head: true,
    indent: 2,
    columns: &[column("epoch", "epoch", Align::Right), column("startOffset", "from offset", Align::Right)],
};

static OFFSETS: Table = Table {
    name: "partition-offset",
    has_head: true,
    indent: 2,
    columns: &[
        column("topic", "topic", Align::Left),
        column("partition", "partition", Align::Right),
        column("offset", "offset", Align::Right),
    ],
};

static PROPERTIES: Table = Table {
    name: "property",
    has_head: false,
    indent: 2,
    columns: &[column("name", "name", Align::Left), column("value", "value", Align::Left)],
};

static LINES: Table = Table {
    name: "line",
    has_head: false,
    indent: 2,
    columns: &[Column::new("line", "line", Align::Right, Tone::Quiet), column("text", "text", Align::Left)],
};

/// A checkpoint of a hundred thousand partitions is smaller.
const SIZE_MAX_BYTES: usize = 64 << 20;
/// Of a damaged file, so many lines are shown.
const LINES_MAX: usize = 1_000;

/// Tells such a file.
///
/// # Errors
/// Where it can't be read, or the report can't be written.
pub fn tell(source: &mut Source<'_>, kind: TextKind, report: &mut Report<'_>) -> io::Result<()> {
    let bytes = source.read(0, SIZE_MAX_BYTES)?;
    match kind {
        TextKind::LeaderEpochs => match LeaderEpochs::parse(&bytes) {
            Ok(epochs) => epochs.iter().try_for_each(|(epoch, offset)| {
                let cells = vec![Cell::Integer(epoch.0.into()), Cell::Integer(offset.0)];
                report.row(&EPOCHS, Row::new(cells))
            }),
            Err(fault) => {
                let line = match fault {
                    EpochsFault::Version => 1,
                    EpochsFault::Line(line) => line,
                };
                damaged(&bytes, line, &fault.to_string(), report)
            }
        },
        TextKind::Offsets => match checkpoint::parse(&bytes) {
            Ok(offsets) => offsets.iter().try_for_each(|((topic, partition), offset)| {
                let cells =
                    vec![Cell::text(topic.to_string()), Cell::Integer((*partition).into()), Cell::Integer(offset.0)];
                report.row(&OFFSETS, Row::new(cells))
            }),
            Err(fault) => {
                let line = match fault {
                    CheckpointError::Utf8 | CheckpointError::Version(_) => 1,
                    CheckpointError::Line { line, .. } => line,
                    CheckpointError::Count { .. } => 2,
                };
                damaged(&bytes, line, &fault.to_string(), report)
            }
        },
        TextKind::PartitionMetadata => {
            properties(&bytes, &[':'], report)?;
            fault_of(partition_metadata::parse(&bytes).err(), report)
        }
        TextKind::MetaProperties => {
            properties(&bytes, &['=', ':'], report)?;
            fault_of(meta_properties::Read::parse(&bytes).err(), report)
        }
        TextKind::QuorumState => json(&bytes, true, report),
        TextKind::CleanShutdown if bytes.is_empty() => {
            report.remark(Remark::note("it is there, and that is what counts: the broker was stopped cleanly"))
        }
        TextKind::CleanShutdown => json(&bytes, false, report),
        TextKind::Lock => Ok(()),
    }
}

/// The lines of a damaged file up to the one that is wrong, and what is wrong.
fn damaged(bytes: &[u8], bad_line: usize, fault: &str, report: &mut Report<'_>) -> io::Result<()> {
    let mut at = 0;
    let mut bad_at = 0;
    for (number, line) in (1..).zip(bytes.split_inclusive(|byte| *byte == b'\n')) {
        if number == bad_line {
            bad_at = at;
        }
        at += line.len();
        if number <= LINES_MAX {
            let text = String::from_utf8_lossy(line).trim_end().to_owned();
            let mut row = Row::new(vec![Cell::Integer(number.try_into().unwrap_or(i64::MAX)), Cell::text(text)]);
            row.is_damaged = number == bad_line;
            report.row(&LINES, row)?;
        }
    }
    report.remark(Remark::damage(format!("line {bad_line}: {fault}")).at(bad_at as u64))
}

/// Names and values as the file has them.
fn properties(bytes: &[u8], separators: &[char], report: &mut Report<'_>) -> io::Result<()> {
    for line in String::from_utf8_lossy(bytes).lines() {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', '!']) {
            continue;
        }
        let (name, value) = line.split_once(separators).unwrap_or((line, ""));
        let cells = vec![Cell::text(name.trim().to_owned()), Cell::text(value.trim().to_owned())];
        report.row(&PROPERTIES, Row::new(cells))?;
    }
    Ok(())
}

fn fault_of(fault: Option<impl ToString>, report: &mut Report<'_>) -> io::Result<()> {
    fault.map_or(Ok(()), |fault| report.remark(Remark::damage(fault.to_string())))
}

/// One object; `is_needed` where Kafka can't do without it.
fn json(bytes: &[u8], is_needed: bool, report: &mut Report<'_>) -> io::Result<()> {
    let object = match serde_json::from_slice(bytes) {
        Ok(Value::Object(object)) => object,
        Ok(other) => {
            let remark = if is_needed { Remark::damage } else { Remark::note };
            return report.remark(remark(format!("expected an object of JSON, found {other}")).at(0));
        }
        Err(error) => {
            let at = bytes.split_inclusive(|byte| *byte == b'\n').take(error.line().saturating_sub(1));
            let at = at.map(<[u8]>::len).sum::<usize>() + error.column().saturating_sub(1);
            let remark = if is_needed { Remark::damage } else { Remark::note };
            return report.remark(remark(format!("expected JSON: {error}")).at(at as u64));
        }
    };
    for (name, value) in object {
        let value = Cell::both(
            Cell::text(match &value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            }),
            Cell::Json(value.to_string()),
        );
        report.row(&PROPERTIES, Row::new(vec![Cell::text(name), value]))?;
    }
    Ok(())
}
