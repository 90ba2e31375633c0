//! `ottla dump`: the files of a Kafka directory, entry by entry, and what is wrong with them.
//!
//! `place` says what a path is, one module a file format tells what is in it, `overview` sums up a log directory.

mod batches;
mod indexes;
mod overview;
mod payload;
mod place;
mod producers;
mod record_rows;
mod segment;
mod source;
mod text_files;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use ottla_core::types::Offset;

use self::place::{Kind, Place};
use self::source::Source;
use crate::progress::Progress;
use crate::report::{Cell, Heading, Presentation, Remark, Report, Shape};
use crate::{InspectError, Verdict};

pub use payload::Decoder;

/// Show what is in the files of a Kafka directory, and what is wrong with them
///
/// Takes segments (.log) and all that lies beside them: offset, time and transaction indexes, producer snapshots,
/// checkpoints, partition.metadata, meta.properties, quorum-state, metadata snapshots. Of a partition's directory, all
/// files in their order; of a log directory (log.dirs), its own files and a line for each partition, or with --full all of
/// them. Indexes are held against the segment beside them. Behind damage it goes on at the next batch whose length and
/// checksum hold. Nothing is ever written.
#[derive(Args, Clone, Debug)]
#[command(after_help = AFTER_HELP)]
pub struct DumpArguments {
    /// Files, directories of partitions, or whole log directories
    #[arg(value_name = "FILE|DIR", required = true)]
    paths: Vec<PathBuf>,

    /// Show the records of each batch
    #[arg(long, value_name = "WHEN", value_enum, default_value_t, num_args = 0..=1, require_equals = true, default_missing_value = "always")]
    records: RecordsChoice,

    /// How to read records; by itself, the name of the topic says that
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    decoder: Decoder,

    #[command(flatten)]
    presentation: Presentation,
}

const AFTER_HELP: &str = "\
Records are shown without being asked for where a segment named on the command line has at most 64 KiB.
Exit status: 0 all is well, 1 something is damaged, 2 a path can't be read.

Examples:
  ottla dump /tmp/kraft-combined-logs
  ottla dump /tmp/kraft-combined-logs/letters-0 --records
  ottla dump --json __consumer_offsets-7/00000000000000000000.log | jq 'select(.type == \"record\")'";

/// Whether records are shown below their batches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum RecordsChoice {
    /// Of small segments
    #[default]
    Auto,
    /// Of all
    Always,
    /// Of none
    Never,
}

/// The records of segments up to this size are shown without being asked for.
const SMALL_SEGMENT_BYTES: u64 = 64 << 10;

/// Runs the command.
///
/// # Errors
/// Where a path can't be read, or the report can't be written. What can be read is told all the same.
pub fn run(arguments: &DumpArguments) -> Result<Verdict, InspectError> {
    let progress = Progress::on_terminal();
    let mut report = arguments.presentation.report(progress.over(io::stdout().lock()));
    let unread = tell_with(arguments, &progress, &mut report).map_err(InspectError::Write)?;
    report.flush().map_err(InspectError::Write)?;
    if let Some(error) = unread {
        return Err(error);
    }
    Ok(if report.damages() > 0 { Verdict::Damaged } else { Verdict::Good })
}

/// Tells all paths to `report`; gives the first that can't be read.
///
/// # Errors
/// Where the report can't be written.
pub fn tell(arguments: &DumpArguments, report: &mut Report<'_>) -> io::Result<Option<InspectError>> {
    tell_with(arguments, &Progress::on_terminal(), report)
}

fn tell_with(
    arguments: &DumpArguments,
    progress: &Progress,
    report: &mut Report<'_>,
) -> io::Result<Option<InspectError>> {
    let mut dump = Dump { arguments, progress, report, unread: None };
    for path in &arguments.paths {
        dump.path(path)?;
    }
    Ok(dump.unread)
}

/// A run of the command.
struct Dump<'a, 'o> {
    arguments: &'a DumpArguments,
    progress: &'a Progress,
    report: &'a mut Report<'o>,
    unread: Option<InspectError>,
}

impl Dump<'_, '_> {
    fn path(&mut self, path: &Path) -> io::Result<()> {
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => self.directory(path),
            Ok(_) => {
                self.progress.expect(file_size(path));
                self.file(path, true)
            }
            Err(error) => {
                self.unreadable(path, error);
                Ok(())
            }
        }
    }

    fn directory(&mut self, path: &Path) -> io::Result<()> {
        let listing = match place::list(path) {
            Ok(listing) => listing,
            Err(error) => {
                self.unreadable(path, error);
                return Ok(());
            }
        };
        if listing.is_partition() {
            self.progress.expect(listing.size_bytes());
            return self.files(&listing);
        }
        // Partitions read their files anew, each with its own progress.
        let partitions: Vec<_> = listing.partitions.iter().filter_map(|dir| place::list(dir).ok()).collect();
        self.progress.expect(listing.size_bytes() + partitions.iter().map(place::Listing::size_bytes).sum::<u64>());
        self.files(&listing)?;
        for dir in &listing.foreign {
            let text = format!("{} is no directory of a partition; Kafka does not start beside it", dir.display());
            self.report.remark(Remark::note(text))?;
        }
        if self.arguments.presentation.full {
            for partition in &partitions {
                self.files(partition)?;
            }
            return Ok(());
        }
        overview::tell(path, &partitions, self.progress, self.report)
    }

    fn files(&mut self, listing: &place::Listing) -> io::Result<()> {
        for file in &listing.files {
            self.file(file, false)?;
        }
        Ok(())
    }

    /// One file. `is_named` where it was on the command line.
    fn file(&mut self, path: &Path, is_named: bool) -> io::Result<()> {
        let mut source = match Source::open(path, self.progress) {
            Ok(source) => source,
            Err(error) => {
                self.unreadable(path, error);
                return Ok(());
            }
        };
        let result = self.content(path, &mut source, is_named);
        match result {
            Err(error) if source.has_failed() => {
                self.report.end()?;
                self.unreadable(path, error);
                Ok(())
            }
            other => other,
        }
    }

    fn content(&mut self, path: &Path, source: &mut Source<'_>, is_named: bool) -> io::Result<()> {
        let mut place = Place::of(path);
        if place.kind == Kind::Unknown {
            place.kind = place::sniff(source)?;
        }
        self.report.begin(heading(path, &place, source.size_bytes()))?;
        if let Some(note) = place.fate {
            self.report.remark(Remark::note(note))?;
        }
        let decoder = match self.arguments.decoder {
            Decoder::Auto => place.decoder(),
            decoder => decoder,
        };
        match place.kind {
            Kind::Segment(base) => {
                let show_records = match self.arguments.records {
                    RecordsChoice::Always => true,
                    RecordsChoice::Never => false,
                    RecordsChoice::Auto => is_named && source.size_bytes() <= SMALL_SEGMENT_BYTES,
                };
                segment::Telling { base, decoder: show_records.then_some(decoder) }.tell(source, self.report)?;
            }
            Kind::Snapshot => {
                let show_records = self.arguments.records != RecordsChoice::Never;
                let decoder = if decoder == Decoder::Raw { decoder } else { Decoder::Metadata };
                let decoder = show_records.then_some(decoder);
                segment::Telling { base: Some(Offset(0)), decoder }.tell(source, self.report)?;
            }
            Kind::OffsetIndex(base) => {
                let mut segment = self.beside(path);
                indexes::offsets(source, base, segment.as_mut(), self.report)?;
            }
            Kind::TimeIndex(base) => {
                let mut segment = self.beside(path);
                indexes::times(source, base, segment.as_mut(), self.report)?;
            }
            Kind::TransactionIndex(base) => indexes::transactions(source, base, self.report)?,
            Kind::Producers(offset) => producers::tell(source, offset, self.report)?,
            Kind::Text(text) => text_files::tell(source, text, self.report)?,
            Kind::Unknown => {
                self.report.remark(Remark::note("no file of Kafka's, by its name and by its first bytes"))?;
            }
        }
        self.report.end()
    }

    /// The segment beside an index.
    fn beside(&self, path: &Path) -> Option<Source<'static>> {
        let name = path.file_name()?.to_str()?;
        let (digits, rest) = name.split_once('.')?;
        // 00000000000000000000.index.deleted lies beside 00000000000000000000.log.deleted.
        let suffix = rest.split_once('.').map(|(_, suffix)| format!(".{suffix}")).unwrap_or_default();
        Source::open_quietly(&path.with_file_name(format!("{digits}.log{suffix}"))).ok()
    }

    fn unreadable(&mut self, path: &Path, source: io::Error) {
        let error = InspectError::Read { path: path.to_owned(), source };
        if self.unread.is_none() {
            self.unread = Some(error);
        } else {
            self.progress.say(&format!("error: {error}"));
        }
    }
}

fn heading(path: &Path, place: &Place, size_bytes: u64) -> Heading {
    let mut title = vec![path.display().to_string(), place.describe()];
    if let Some(partition) = &place.partition {
        title.push(partition.clone());
    }
    title.push(format!("{size_bytes} bytes"));
    let properties = vec![
        ("file", Cell::Str(path.display().to_string())),
        ("type", Cell::text("file")),
        ("kind", Cell::text(place.kind.name())),
        ("partition", Cell::or_empty(place.partition.clone(), Cell::Str)),
        ("sizeBytes", Cell::Integer(size_bytes.cast_signed())),
    ];
    Heading { title: title.join(" · "), properties, shape: Shape::Rows }
}

fn file_size(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |metadata| metadata.len())
}
