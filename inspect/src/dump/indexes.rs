//! Indexes, and whether they fit the segment beside them.

use std::io;

use ottla_core::log::IndexFault;
use ottla_core::log::offset_index::OffsetIndexEntry;
use ottla_core::log::scan::Check;
use ottla_core::log::time_index::TimeIndexEntry;
use ottla_core::log::transaction_index::AbortedTransaction;
use ottla_core::records::{BATCH_HEADER_SIZE_BYTES, BatchHeader};
use ottla_core::types::Offset;

use super::batches::{Step, Walk};
use super::source::Source;
use crate::report::{Align, Cell, Column, Remark, Report, Row, Table, Tone, count};

static OFFSETS: Table = Table {
    name: "offset-index-entry",
    has_head: true,
    indent: 2,
    columns: &[
        Column::new("at", "byte", Align::Right, Tone::Quiet),
        Column::new("offset", "offset", Align::Right, Tone::Plain),
        Column::new("position", "position", Align::Right, Tone::Plain),
    ],
};

static TIMES: Table = Table {
    name: "time-index-entry",
    has_head: true,
    indent: 2,
    columns: &[
        Column::new("at", "byte", Align::Right, Tone::Quiet),
        Column::new("timestamp", "time", Align::Left, Tone::Plain),
        Column::new("offset", "offset", Align::Right, Tone::Plain),
    ],
};

static TRANSACTIONS: Table = Table {
    name: "aborted-transaction",
    has_head: true,
    indent: 2,
    columns: &[
        Column::new("at", "byte", Align::Right, Tone::Quiet),
        Column::new("producerId", "producer", Align::Right, Tone::Plain),
        Column::new("firstOffset", "first offset", Align::Right, Tone::Plain),
        Column::new("lastOffset", "last offset", Align::Right, Tone::Plain),
        Column::new("lastStableOffset", "last stable offset", Align::Right, Tone::Plain),
    ],
};

/// Entries are read so many at a time.
const PIECE_ENTRIES: usize = 4_096;

/// Tells an offset index. Each entry must point to a batch of `segment` that ends at its offset.
///
/// # Errors
/// Where a file can't be read, or the report can't be written.
pub fn offsets(
    source: &mut Source<'_>,
    base: Option<Offset>,
    mut segment: Option<&mut Source<'static>>,
    report: &mut Report<'_>,
) -> io::Result<()> {
    let base = base.unwrap_or_default();
    let log_size_bytes = segment.as_ref().map_or(u64::MAX, |segment| segment.size_bytes());
    let mut previous: Option<OffsetIndexEntry> = None;
    let mut entries = Entries::<{ OffsetIndexEntry::SIZE_BYTES }>::of(source)?;
    while let Some((number, at, bytes)) = entries.next_entry(source)? {
        let entry = OffsetIndexEntry::from_bytes(bytes);
        let offset = Offset(base.0.saturating_add(entry.relative_offset.into()));
        let mut faults = Vec::new();
        if let Err(fault) = entry.check(number, previous.as_ref(), log_size_bytes) {
            faults.push(order_fault(fault, "it"));
        } else if let Some(segment) = segment.as_deref_mut()
            && let Some(fault) = target_fault(segment, entry.position.into(), offset)?
        {
            faults.push(fault);
        }
        let cells =
            vec![Cell::Integer(at.cast_signed()), Cell::Integer(offset.0), Cell::Integer(entry.position.into())];
        tell_entry(report, &OFFSETS, cells, at, &faults)?;
        previous = Some(entry);
    }
    entries.tell_end(segment.is_some(), report)
}

/// What is wrong with the batch that an entry points to.
fn target_fault(segment: &mut Source<'_>, position: u64, offset: Offset) -> io::Result<Option<String>> {
    let bytes = segment.read(position, BATCH_HEADER_SIZE_BYTES)?;
    Ok(match BatchHeader::parse(&bytes) {
        Err(error) => Some(format!("at byte {position} of the segment no batch begins: {error}")),
        Ok(header) if header.last_offset() != offset => Some(format!(
            "the batch at byte {position} of the segment should end at offset {offset}, it has {} to {}",
            header.base_offset,
            header.last_offset()
        )),
        Ok(_) => None,
    })
}

/// Tells a time index. Each entry must name the last offset of the first batch of `segment` that has its timestamp.
///
/// # Errors
/// Where a file can't be read, or the report can't be written.
pub fn times(
    source: &mut Source<'_>,
    base: Option<Offset>,
    segment: Option<&mut Source<'static>>,
    report: &mut Report<'_>,
) -> io::Result<()> {
    let mut times = match segment {
        Some(segment) => Some(Times { walk: Walk::new(segment, base, Check::HeaderOnly)?, ahead: None, largest: None }),
        None => None,
    };
    let base = base.unwrap_or_default();
    let mut previous: Option<TimeIndexEntry> = None;
    let mut entries = Entries::<{ TimeIndexEntry::SIZE_BYTES }>::of(source)?;
    while let Some((number, at, bytes)) = entries.next_entry(source)? {
        let entry = TimeIndexEntry::from_bytes(bytes);
        let offset = Offset(base.0.saturating_add(entry.relative_offset.into()));
        let mut faults = Vec::new();
        if let Err(fault) = entry.check(number, previous.as_ref()) {
            faults.push(order_fault(fault, "it"));
        } else if let Some(times) = &mut times
            && let Some(fault) = times.fault(offset, entry.timestamp)?
        {
            faults.push(fault);
        }
        let cells = vec![Cell::Integer(at.cast_signed()), Cell::Time(entry.timestamp), Cell::Integer(offset.0)];
        tell_entry(report, &TIMES, cells, at, &faults)?;
        previous = Some(entry);
    }
    entries.tell_end(times.is_some(), report)
}

/// The largest timestamps of a segment, as far as the entries asked for them.
struct Times<'s> {
    walk: Walk<'s, 'static>,
    /// A batch that is beyond the last entry.
    ahead: Option<BatchHeader>,
    /// The largest timestamp so far, and the last offset of the batch that brought it.
    largest: Option<(i64, Offset)>,
}

impl Times<'_> {
    /// What is wrong with an entry that says that up to `offset` nothing is younger than `timestamp`.
    fn fault(&mut self, offset: Offset, timestamp: i64) -> io::Result<Option<String>> {
        let mut reached = self.largest.map(|(_, offset)| offset);
        loop {
            let header = match self.ahead.take() {
                Some(header) => header,
                None => match self.walk.next_step()? {
                    Some(Step::Batch { header, .. }) => header,
                    Some(Step::Damage { .. }) => continue,
                    None => break,
                },
            };
            if header.base_offset > offset {
                self.ahead = Some(header);
                break;
            }
            reached = Some(header.last_offset());
            if self.largest.is_none_or(|(largest, _)| header.max_timestamp > largest) {
                self.largest = Some((header.max_timestamp, header.last_offset()));
            }
        }
        Ok(match self.largest {
            None => Some(format!("the segment has no batch up to offset {offset}")),
            Some((largest, _)) if largest != timestamp => Some(format!(
                "up to offset {offset} the largest timestamp of the segment is {}, this says {}",
                Cell::Time(largest).to_text(false),
                Cell::Time(timestamp).to_text(false)
            )),
            Some(_) if reached.is_some_and(|reached| reached < offset) && self.ahead.is_none() => {
                Some(format!("offset {offset} is beyond the segment"))
            }
            Some(_) => None,
        })
    }
}

/// Tells a transaction index.
///
/// # Errors
/// Where it can't be read, or the report can't be written.
pub fn transactions(source: &mut Source<'_>, base: Option<Offset>, report: &mut Report<'_>) -> io::Result<()> {
    let mut previous: Option<AbortedTransaction> = None;
    let mut entries = Entries::<{ AbortedTransaction::SIZE_BYTES }>::of(source)?;
    while let Some((_, at, bytes)) = entries.next_entry(source)? {
        let entry = match AbortedTransaction::from_bytes(&bytes) {
            Ok(entry) => entry,
            Err(version) => {
                let text = format!("expected version {}, found {version}", AbortedTransaction::VERSION);
                report.remark(Remark::damage(text).at(at))?;
                continue;
            }
        };
        let mut faults = Vec::new();
        if entry.last_offset < entry.first_offset {
            faults.push("it ends before it begins".to_owned());
        }
        if previous.is_some_and(|previous| entry.last_offset <= previous.last_offset) {
            faults.push("it does not end after the one before it".to_owned());
        }
        if base.is_some_and(|base| entry.last_offset < base) {
            faults.push("it ends before the segment begins".to_owned());
        }
        let cells = vec![
            Cell::Integer(at.cast_signed()),
            Cell::Integer(entry.producer_id.0),
            Cell::Integer(entry.first_offset.0),
            Cell::Integer(entry.last_offset.0),
            Cell::Integer(entry.last_stable_offset.0),
        ];
        tell_entry(report, &TRANSACTIONS, cells, at, &faults)?;
        previous = Some(entry);
    }
    entries.tell_end(true, report)
}

fn tell_entry(
    report: &mut Report<'_>,
    table: &'static Table,
    cells: Vec<Cell>,
    at: u64,
    faults: &[String],
) -> io::Result<()> {
    let mut row = Row::new(cells);
    row.is_damaged = !faults.is_empty();
    report.row(table, row)?;
    faults.iter().try_for_each(|fault| report.remark(Remark::damage(fault.clone()).at(at)))
}

fn order_fault(fault: IndexFault, what: &str) -> String {
    match fault {
        IndexFault::NotRising(_) => format!("{what} does not rise above the entry before it"),
        IndexFault::BeyondLog(_) => format!("{what} is beyond the end of the segment"),
        other => other.to_string(),
    }
}

/// Entry after entry of `N` bytes, up to the zeros at the end.
struct Entries<const N: usize> {
    /// Entries that are not zeros, or have some behind them that are not.
    count: usize,
    /// Zeros behind them.
    zero_entries: usize,
    /// Bytes behind the last whole entry.
    rest_bytes: u64,
    size_bytes: u64,
    next: usize,
    piece: Vec<[u8; N]>,
    piece_at: usize,
}

impl<const N: usize> Entries<N> {
    fn of(source: &mut Source<'_>) -> io::Result<Self> {
        let size_bytes = source.size_bytes();
        let whole = usize::try_from(size_bytes / N as u64).unwrap_or(usize::MAX);
        let mut entries = Self {
            count: whole,
            zero_entries: 0,
            rest_bytes: size_bytes % N as u64,
            size_bytes,
            next: 0,
            piece: Vec::new(),
            piece_at: 0,
        };
        // Kafka preallocates indexes, and trims them on a clean stop.
        while entries.count > 0 && entries.entry(source, entries.count - 1)?.is_some_and(|entry| entry == [0; N]) {
            entries.count -= 1;
            entries.zero_entries += 1;
        }
        Ok(entries)
    }

    /// Number, position in the file, and bytes of the next entry.
    fn next_entry(&mut self, source: &mut Source<'_>) -> io::Result<Option<(usize, u64, [u8; N])>> {
        if self.next >= self.count {
            return Ok(None);
        }
        let number = self.next;
        self.next += 1;
        Ok(self.entry(source, number)?.map(|bytes| (number, (number * N) as u64, bytes)))
    }

    /// None where the file has become shorter.
    fn entry(&mut self, source: &mut Source<'_>, number: usize) -> io::Result<Option<[u8; N]>> {
        let piece_at = number / PIECE_ENTRIES * PIECE_ENTRIES;
        if self.piece.is_empty() || piece_at != self.piece_at {
            let bytes = source.read((piece_at * N) as u64, PIECE_ENTRIES * N)?;
            self.piece = bytes.as_chunks::<N>().0.to_vec();
            self.piece_at = piece_at;
        }
        Ok(self.piece.get(number - piece_at).copied())
    }

    fn tell_end(&self, was_checked: bool, report: &mut Report<'_>) -> io::Result<()> {
        if self.rest_bytes > 0 {
            let text = format!(
                "{} bytes are not a whole number of entries of {N} bytes: {} are left",
                self.size_bytes, self.rest_bytes
            );
            report.remark(Remark::damage(text).at(self.size_bytes - self.rest_bytes))?;
        }
        if self.zero_entries > 0 {
            let text = format!(
                "{} of zeros up to the end: preallocated; a clean stop cuts them off, without one the index is made anew",
                count(self.zero_entries as u64, "entry", "entries")
            );
            report.remark(Remark::note(text).at((self.count * N) as u64))?;
        }
        let checked = if was_checked { "" } else { "; there is no segment beside it to hold it against" };
        report.remark(Remark::sum(format!("{}{checked}", count(self.count as u64, "entry", "entries"))))
    }
}
