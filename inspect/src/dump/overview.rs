//! A log directory at a glance: a line for each partition.

use std::io;
use std::path::Path;

use ottla_core::wire::date;

use super::batches::{CHECK_ALL, Step, Walk};
use super::place::{Kind, Listing, Place};
use super::segment::{Totals, range};
use super::source::Source;
use crate::progress::Progress;
use crate::report::{Align, Cell, Column, Heading, Remark, Report, Row, Shape, Squeeze, Table, Tone};

static PARTITIONS: Table = Table {
    name: "partition",
    has_head: true,
    indent: 2,
    columns: &[
        Column {
            name: "partition",
            head: "partition",
            align: Align::Left,
            tone: Tone::Plain,
            squeeze: Some(Squeeze { order: 1, min_width: 20 }),
        },
        Column::new("segments", "segments", Align::Right, Tone::Plain),
        Column::new("sizeBytes", "bytes", Align::Right, Tone::Plain),
        Column::new("batches", "batches", Align::Right, Tone::Plain),
        Column::new("records", "records", Align::Right, Tone::Plain),
        Column::new("", "offsets", Align::Right, Tone::Plain),
        Column::new("firstOffset", "", Align::Left, Tone::Quiet),
        Column::new("lastOffset", "", Align::Left, Tone::Quiet),
        Column {
            name: "",
            head: "time",
            align: Align::Left,
            tone: Tone::Quiet,
            squeeze: Some(Squeeze { order: 0, min_width: 10 }),
        },
        Column::new("firstTimestamp", "", Align::Left, Tone::Quiet),
        Column::new("lastTimestamp", "", Align::Left, Tone::Quiet),
        Column::new("damages", "damage", Align::Left, Tone::Plain),
    ],
};

/// Tells the partitions of the log directory at `path`.
///
/// # Errors
/// Where the report can't be written.
pub fn tell(path: &Path, partitions: &[Listing], progress: &Progress, report: &mut Report<'_>) -> io::Result<()> {
    let title = format!("{} · {} partitions", path.display(), partitions.len());
    let properties = vec![
        ("directory", Cell::Str(path.display().to_string())),
        ("type", Cell::text("directory")),
        ("partitions", Cell::Integer(i64::try_from(partitions.len()).unwrap_or(i64::MAX))),
    ];
    report.begin(Heading { title, properties, shape: Shape::Rows })?;
    for partition in partitions {
        tell_partition(partition, progress, report)?;
    }
    report.remark(Remark::sum("--full tells all their files; ottla dump DIRECTORY those of one"))?;
    report.end()
}

fn tell_partition(listing: &Listing, progress: &Progress, report: &mut Report<'_>) -> io::Result<()> {
    let name = listing.dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut totals = Totals::default();
    let mut remarks = Vec::new();
    let (mut segments, mut size_bytes) = (0, 0);
    for path in &listing.files {
        let Kind::Segment(base) = Place::of(path).kind else { continue };
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        segments += 1;
        match Source::open(path, progress) {
            Ok(mut source) => {
                size_bytes += source.size_bytes();
                match sum(&mut source, base, &format!("{name}/{file}"), &mut remarks) {
                    Ok(of_segment) => totals.join(&of_segment),
                    Err(error) => remarks.push(Remark::damage(format!("{name}/{file} can't be read: {error}"))),
                }
            }
            Err(error) => remarks.push(Remark::damage(format!("{name}/{file} can't be opened: {error}"))),
        }
    }
    let mut row = Row::new(cells(name, segments, size_bytes, &totals));
    row.is_damaged = !remarks.is_empty();
    report.row(&PARTITIONS, row)?;
    remarks.into_iter().try_for_each(|remark| report.remark(remark))
}

/// What a segment's batches add up to.
fn sum(
    source: &mut Source<'_>,
    base: Option<ottla_core::types::Offset>,
    name: &str,
    remarks: &mut Vec<Remark>,
) -> io::Result<Totals> {
    let mut totals = Totals::default();
    let mut walk = Walk::new(source, base, CHECK_ALL)?;
    while let Some(step) = walk.next_step()? {
        match step {
            Step::Batch { position, header, misplaced } => {
                totals.add(&header);
                if let Some(fault) = misplaced {
                    totals.damages += 1;
                    remarks.push(Remark::damage(format!("{name}: {fault}")).at(position));
                }
            }
            Step::Damage { from, to, fault, .. } => {
                totals.damages += 1;
                totals.damaged_bytes += to - from;
                remarks.push(Remark::damage(format!("{name}: {fault}; {} bytes are no batch", to - from)).at(from));
            }
        }
    }
    Ok(totals)
}

fn cells(name: String, segments: i64, size_bytes: u64, totals: &Totals) -> Vec<Cell> {
    let people = |cell: Cell| Cell::both(cell, Cell::Empty);
    let programs = |cell: Cell| Cell::both(Cell::Empty, cell);
    let when = |timestamp: i64| date(timestamp).unwrap_or_else(|| timestamp.to_string());
    vec![
        Cell::text(name),
        Cell::Integer(segments),
        Cell::Integer(size_bytes.cast_signed()),
        Cell::Integer(totals.batches.cast_signed()),
        Cell::Integer(totals.records.cast_signed()),
        people(Cell::or_empty(totals.offsets, |(first, last)| Cell::text(range(first, last)))),
        programs(Cell::or_empty(totals.offsets, |(first, _)| Cell::Integer(first.0))),
        programs(Cell::or_empty(totals.offsets, |(_, last)| Cell::Integer(last.0))),
        people(Cell::or_empty(totals.times, |(low, high)| Cell::text(format!("{} to {}", when(low), when(high))))),
        programs(Cell::or_empty(totals.times, |(low, _)| Cell::Integer(low))),
        programs(Cell::or_empty(totals.times, |(_, high)| Cell::Integer(high))),
        match totals.damages {
            0 => programs(Cell::Integer(0)),
            count => Cell::Integer(count.cast_signed()),
        },
    ]
}
