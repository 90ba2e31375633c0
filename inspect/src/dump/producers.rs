//! Producer snapshots: what a partition remembers of its producers.

use std::io;

use ottla_core::records::crc32c;
use ottla_core::types::Offset;
use ottla_core::wire::Message;
use ottla_core::wire::messages::producer_snapshot::{ProducerEntry, ProducerSnapshot};

use super::source::Source;
use crate::report::{Align, Cell, Column, Remark, Report, Row, Table, Tone, count};

const fn column(name: &'static str, head: &'static str) -> Column {
    Column::new(name, head, Align::Right, Tone::Plain)
}

static PRODUCERS: Table = Table {
    name: "producer",
    has_head: true,
    indent: 2,
    columns: &[
        column("producerId", "producer"),
        column("epoch", "epoch"),
        column("lastSequence", "last sequence"),
        column("lastOffset", "last offset"),
        column("offsetDelta", "offset delta"),
        column("timestamp", "time"),
        column("coordinatorEpoch", "coordinator epoch"),
        column("currentTxnFirstOffset", "transaction since offset"),
    ],
};

/// No partition has producers for more than this.
const SIZE_MAX_BYTES: u64 = 256 << 20;
/// The checksum covers everything behind version and checksum.
const CHECKSUM_FROM: usize = 6;

/// Tells a snapshot of the producers at `offset`.
///
/// # Errors
/// Where it can't be read, or the report can't be written.
pub fn tell(source: &mut Source<'_>, offset: Option<Offset>, report: &mut Report<'_>) -> io::Result<()> {
    if source.size_bytes() > SIZE_MAX_BYTES {
        let text = format!("expected {SIZE_MAX_BYTES} bytes at most, found {}", source.size_bytes());
        return report.remark(Remark::damage(text));
    }
    let bytes = source.read(0, usize::try_from(SIZE_MAX_BYTES).unwrap_or(usize::MAX))?;
    let Some((version, _)) = bytes.split_first_chunk() else {
        return report.remark(Remark::damage(format!("expected a version, found {} bytes", bytes.len())).at(0));
    };
    let version = i16::from_be_bytes(*version);
    let snapshot = match ProducerSnapshot::from_bytes(bytes.slice(2..), version) {
        Ok(snapshot) => snapshot,
        Err(error) => {
            let at = error.at() as u64 + 2;
            return report.remark(Remark::damage(error.to_string()).at(at));
        }
    };
    let computed = crc32c(&bytes[CHECKSUM_FROM..]);
    if computed != snapshot.crc {
        let text = format!("checksum {:#010x} expected, found bytes that give {computed:#010x}", snapshot.crc);
        report.remark(Remark::damage(text).at(2))?;
    }
    for entry in &snapshot.producer_entries {
        let is_beyond = offset.is_some_and(|offset| entry.last_offset >= offset.0);
        let mut row = Row::new(cells(entry));
        row.is_damaged = is_beyond;
        report.row(&PRODUCERS, row)?;
        if is_beyond {
            let text = format!("producer {} has its last batch behind the snapshot's offset", entry.producer_id);
            report.remark(Remark::damage(text))?;
        }
    }
    // We write an entry for each batch that is remembered, Kafka one for each producer.
    let entries = count(snapshot.producer_entries.len() as u64, "entry", "entries");
    report.remark(Remark::sum(format!("version {version}, {entries}, checksum {:08x}", snapshot.crc)))
}

fn cells(entry: &ProducerEntry) -> Vec<Cell> {
    let none_if_negative = |number: i64| match number {
        ..0 => Cell::both(Cell::text("-"), Cell::Integer(number)),
        _ => Cell::Integer(number),
    };
    vec![
        Cell::Integer(entry.producer_id),
        Cell::Integer(entry.epoch.into()),
        none_if_negative(entry.last_sequence.into()),
        none_if_negative(entry.last_offset),
        Cell::Integer(entry.offset_delta.into()),
        Cell::Time(entry.timestamp),
        none_if_negative(entry.coordinator_epoch.into()),
        none_if_negative(entry.current_txn_first_offset),
    ]
}
