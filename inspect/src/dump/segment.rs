//! Segments, and metadata snapshots: a line for each batch, and the records below it where they are asked for.

use std::io;

use ottla_core::log::scan::BatchFault;
use ottla_core::records::{Attributes, BatchHeader};
use ottla_core::types::{LeaderEpoch, Offset};
use ottla_core::wire::date;

use super::batches::{CHECK_ALL, Step, Walk};
use super::payload::Decoder;
use super::record_rows;
use super::source::Source;
use crate::batch::{codec_name, flag_words};
use crate::report::{Align, Cell, Column, Remark, Report, Row, Squeeze, Table, Tone, count};

/// How a segment is told.
pub struct Telling {
    /// Of the segment, where that is known.
    pub base: Option<Offset>,
    /// How its records are read, where they are told at all.
    pub decoder: Option<Decoder>,
}

/// For programs only.
const fn hidden(name: &'static str) -> Column {
    Column::new(name, "", Align::Left, Tone::Quiet)
}

static BATCHES: Table = Table {
    name: "batch",
    has_head: true,
    indent: 2,
    columns: &[
        Column::new("position", "position", Align::Right, Tone::Quiet),
        Column::new("sizeBytes", "bytes", Align::Right, Tone::Quiet),
        Column::new("", "offsets", Align::Right, Tone::Plain),
        hidden("baseOffset"),
        hidden("lastOffset"),
        Column::new("count", "records", Align::Right, Tone::Plain),
        Column::new("codec", "codec", Align::Left, Tone::Plain),
        Column::new("partitionLeaderEpoch", "epoch", Align::Right, Tone::Plain),
        Column {
            name: "",
            head: "producer",
            align: Align::Left,
            tone: Tone::Plain,
            squeeze: Some(Squeeze { order: 2, min_width: 8 }),
        },
        hidden("producerId"),
        hidden("producerEpoch"),
        hidden("baseSequence"),
        hidden("lastSequence"),
        Column {
            name: "flags",
            head: "flags",
            align: Align::Left,
            tone: Tone::Meaning,
            squeeze: Some(Squeeze { order: 1, min_width: 3 }),
        },
        Column {
            name: "",
            head: "time",
            align: Align::Left,
            tone: Tone::Plain,
            squeeze: Some(Squeeze { order: 3, min_width: 10 }),
        },
        hidden("baseTimestamp"),
        hidden("maxTimestamp"),
        hidden("deleteHorizonMs"),
        Column {
            name: "crc",
            head: "crc",
            align: Align::Left,
            tone: Tone::Quiet,
            squeeze: Some(Squeeze { order: 0, min_width: 0 }),
        },
        Column::new("isCrcValid", "", Align::Left, Tone::Plain),
    ],
};

/// A batch larger than this is told, but not its records.
const BATCH_MAX_BYTES: usize = 256 << 20;

/// What a file's batches add up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Good ones.
    pub batches: u64,
    /// In them, by their headers.
    pub records: u64,
    /// The first offset, and the last.
    pub offsets: Option<(Offset, Offset)>,
    /// The smallest and the largest timestamp; none where there is none.
    pub times: Option<(i64, i64)>,
    /// Bytes that are no batch.
    pub damaged_bytes: u64,
    /// How often there is damage.
    pub damages: u64,
}

impl Totals {
    /// Counts a batch.
    pub fn add(&mut self, header: &BatchHeader) {
        self.batches += 1;
        self.records += u64::try_from(header.record_count).unwrap_or(0);
        let first = self.offsets.map_or(header.base_offset, |(first, _)| first.min(header.base_offset));
        let last = self.offsets.map_or(header.last_offset(), |(_, last)| last.max(header.last_offset()));
        self.offsets = Some((first, last));
        if header.max_timestamp >= 0 {
            let base =
                if header.attributes.has_delete_horizon() { header.max_timestamp } else { header.base_timestamp };
            let (low, high) = self.times.unwrap_or((base, header.max_timestamp));
            self.times = Some((low.min(base), high.max(header.max_timestamp)));
        }
    }

    /// Takes in another file's.
    pub fn join(&mut self, other: &Self) {
        self.batches += other.batches;
        self.records += other.records;
        self.damaged_bytes += other.damaged_bytes;
        self.damages += other.damages;
        self.offsets = match (self.offsets, other.offsets) {
            (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
            (one, other) => one.or(other),
        };
        self.times = match (self.times, other.times) {
            (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
            (one, other) => one.or(other),
        };
    }
}

impl Telling {
    /// Tells a file, batch after batch.
    ///
    /// # Errors
    /// Where it can't be read, or the report can't be written.
    pub fn tell(&self, source: &mut Source<'_>, report: &mut Report<'_>) -> io::Result<Totals> {
        let mut totals = Totals::default();
        let mut walk = Walk::new(source, self.base, CHECK_ALL)?;
        while let Some(step) = walk.next_step()? {
            match step {
                Step::Batch { position, header, misplaced } => {
                    totals.add(&header);
                    let mut row = Row::new(cells(position, &header, None));
                    row.is_damaged = misplaced.is_some();
                    report.row(&BATCHES, row)?;
                    if let Some(fault) = misplaced {
                        totals.damages += 1;
                        report.remark(Remark::damage(fault.to_string()).at(position))?;
                    }
                    if let Some(decoder) = self.decoder {
                        records(&mut walk, position, &header, decoder, report)?;
                    }
                }
                Step::Damage { from, to, fault, claimed } => {
                    totals.damages += 1;
                    totals.damaged_bytes += to - from;
                    tell_damage(from, to, fault, claimed, &mut walk, report)?;
                }
            }
        }
        report.remark(Remark::sum(sum(&totals)))?;
        Ok(totals)
    }
}

fn sum(totals: &Totals) -> String {
    let Some((first, last)) = totals.offsets else { return "no batches".to_owned() };
    let batches = count(totals.batches, "batch", "batches");
    let records = count(totals.records, "record", "records");
    let mut text = format!("{batches}, {records}, offsets {first} to {last}");
    if totals.damaged_bytes > 0 {
        text.push_str(&format!(", {} bytes that are no batch", totals.damaged_bytes));
    }
    text
}

fn tell_damage(
    from: u64,
    to: u64,
    fault: BatchFault,
    claimed: Option<BatchHeader>,
    walk: &mut Walk<'_, '_>,
    report: &mut Report<'_>,
) -> io::Result<()> {
    // What looks like a batch is shown as one, but for its checksum.
    if let (Some(header), BatchFault::Checksum { computed, .. }) = (claimed, fault) {
        let mut row = Row::new(cells(from, &header, Some(computed)));
        row.is_damaged = true;
        report.row(&BATCHES, row)?;
    }
    let zeros = matches!(fault, BatchFault::Header(_)) && is_zeros(walk, from, to)?;
    let what = if zeros {
        format!("{} zeros: preallocated, or a write that was cut short", to - from)
    } else {
        fault.to_string()
    };
    let text = format!("{what}; {}", next_words(from, to, walk.end()));
    report.remark(Remark::damage(text).at(from))
}

fn next_words(from: u64, to: u64, end: u64) -> String {
    if to == end {
        return format!("no batch follows, {} bytes up to the end", to - from);
    }
    format!("the next batch is at byte {to}, {} bytes further", to - from)
}

fn is_zeros(walk: &mut Walk<'_, '_>, from: u64, to: u64) -> io::Result<bool> {
    const PIECE: u64 = 1 << 20;
    let mut at = from;
    while at < to {
        let bytes = walk.bytes(at, usize::try_from(PIECE.min(to - at)).unwrap_or(0))?;
        if bytes.is_empty() || bytes.iter().any(|byte| *byte != 0) {
            return Ok(false);
        }
        at += bytes.len() as u64;
    }
    Ok(true)
}

fn records(
    walk: &mut Walk<'_, '_>,
    position: u64,
    header: &BatchHeader,
    decoder: Decoder,
    report: &mut Report<'_>,
) -> io::Result<()> {
    let size_bytes = header.size_bytes();
    if size_bytes > BATCH_MAX_BYTES {
        let text = format!("the records of a batch of {size_bytes} bytes are not told");
        return report.remark(Remark::note(text).at(position));
    }
    let batch = walk.bytes(position, size_bytes)?;
    record_rows::tell(&batch, position, header, decoder, report)
}

/// A batch as a row; `computed` is its checksum where that is not what the header says.
fn cells(position: u64, header: &BatchHeader, computed: Option<u32>) -> Vec<Cell> {
    let people = |text: String| Cell::both(Cell::text(text), Cell::Empty);
    let programs = |cell: Cell| Cell::both(Cell::Empty, cell);
    let has_producer = header.has_producer_id();
    let producer = if has_producer {
        let sequences = match (header.base_sequence, header.last_sequence()) {
            (-1, _) => String::new(),
            (base, last) if base == last => format!(" seq {base}"),
            (base, last) => format!(" seq {base}..{last}"),
        };
        format!("{} epoch {}{sequences}", header.producer_id, header.producer_epoch)
    } else {
        String::new()
    };
    let horizon = header.attributes.has_delete_horizon().then_some(header.base_timestamp);
    vec![
        Cell::Integer(position.cast_signed()),
        Cell::Integer(i64::try_from(header.size_bytes()).unwrap_or(i64::MAX)),
        people(range(header.base_offset, header.last_offset())),
        programs(Cell::Integer(header.base_offset.0)),
        programs(Cell::Integer(header.last_offset().0)),
        Cell::Integer(header.record_count.into()),
        Cell::text(codec_name(header.attributes)),
        match header.partition_leader_epoch {
            LeaderEpoch::NONE => Cell::both(Cell::Empty, Cell::Integer(-1)),
            epoch => Cell::Integer(epoch.0.into()),
        },
        people(producer),
        programs(Cell::Integer(header.producer_id.0)),
        programs(Cell::Integer(header.producer_epoch.0.into())),
        programs(Cell::Integer(header.base_sequence.into())),
        programs(Cell::Integer(header.last_sequence().into())),
        Cell::both(Cell::text(short_flags(header.attributes)), Cell::Words(flag_words(header.attributes))),
        people(times(header)),
        programs(Cell::Integer(header.base_timestamp)),
        programs(Cell::Integer(header.max_timestamp)),
        programs(Cell::or_empty(horizon, Cell::Integer)),
        match computed {
            None => Cell::Hex32(header.crc),
            Some(computed) => {
                Cell::both(Cell::text(format!("{:08x}, bytes {computed:08x}", header.crc)), Cell::Hex32(header.crc))
            }
        },
        Cell::both(Cell::text(if computed.is_none() { "ok" } else { "wrong" }), Cell::Bool(computed.is_none())),
    ]
}

/// As few letters as will do: most batches have none.
fn short_flags(attributes: Attributes) -> String {
    let short = |word| match word {
        "transactional" => "txn",
        "delete-horizon" => "horizon",
        other => other,
    };
    flag_words(attributes).into_iter().map(short).collect::<Vec<_>>().join(" ")
}

/// Offsets of a batch.
pub fn range(first: Offset, last: Offset) -> String {
    if first == last { first.to_string() } else { format!("{first}..{last}") }
}

/// The first time and how much later the last is.
fn times(header: &BatchHeader) -> String {
    let (base, max) = (header.base_timestamp, header.max_timestamp);
    if max < 0 && base < 0 {
        return String::new();
    }
    let when = |timestamp: i64| date(timestamp).unwrap_or_else(|| timestamp.to_string());
    if header.attributes.has_delete_horizon() {
        return format!("{}, horizon {}", when(max), when(base));
    }
    match max.checked_sub(base) {
        Some(0) => when(base),
        Some(later @ 1..1_000_000) => format!("{} +{later} ms", when(base)),
        _ => format!("{} to {}", when(base), when(max)),
    }
}

#[cfg(test)]
mod tests {
    use ottla_core::records::{BatchBuilder, BuilderRecord};

    use super::*;

    #[test]
    fn a_time_is_a_date_and_how_much_later_the_last_record_is() {
        let mut builder = BatchBuilder::new();
        builder.push(BuilderRecord { timestamp: 1_000, ..Default::default() });
        builder.push(BuilderRecord { timestamp: 1_250, ..Default::default() });
        let header = BatchHeader::parse(&builder.build()).expect("a batch");
        assert_eq!(times(&header), "1970-01-01T00:00:01.000Z +250 ms");
        assert_eq!(times(&BatchHeader { max_timestamp: -1, base_timestamp: -1, ..header }), "");
        let horizon = BatchHeader { attributes: Attributes(0x40), ..header };
        assert_eq!(times(&horizon), "1970-01-01T00:00:01.250Z, horizon 1970-01-01T00:00:01.000Z");
    }
}
