//! `ottla repair`: the words around [`ottla_core::repair`].

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use ottla_core::boundary::{StorageCommand, StorageResult};
use ottla_core::config::Config;
use ottla_core::repair::{Finding, LogPlace, Repair, RepairError, Verdict, Way};
use ottla_core::types::Offset;
use ottla_runtime::clock;
use ottla_storage::{OpenError, Storage};
use thiserror::Error;

use crate::arguments::{ArgumentsError, Settings};

/// Show which partitions a start would leave offline, and mend them
///
/// Looks at the log directories of a stopped broker as a start does, and lists the damage that a start does not mend by
/// itself: where it is, what is behind it, and what can be done. Without --yes nothing is changed. With it each step is one
/// line, and what is taken out of a log stays beside it as FILE.damaged, which neither Ottla nor Kafka looks at; remove
/// such files when you don't want to go back any more.
#[derive(Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub struct RepairArguments {
    #[command(flatten)]
    settings: Settings,

    /// Mend what is damaged: a log ends at the damage, and what is behind it goes
    #[arg(long)]
    yes: bool,

    /// Keep the good batches behind damage where that is sound: only what is damaged goes, and its offsets are missing
    #[arg(long)]
    cut: bool,

    /// Verify every batch, also those that were synced, which a start trusts
    #[arg(long)]
    all: bool,

    /// Only this partition, as in orders-3; may be repeated
    #[arg(long = "partition", value_name = "TOPIC-N")]
    partitions: Vec<String>,
}

const AFTER_HELP: &str = "\
What was synced and acknowledged may be behind damage: look before you decide. A transaction that ended in what is cut stays
open. Without a repair, ottla.log.damage=truncate makes each start end damaged logs as Kafka does, and nothing is kept.
Exit status: 0 nothing is damaged (any more), 1 something is, 2 the directory can't be read or is in use.

Examples:
  ottla repair --log-dir ./data
  ottla repair server.properties --partition orders-3 --yes --cut";

/// Why nothing could be looked at.
#[derive(Debug, Error)]
enum StartError {
    #[error(transparent)]
    Arguments(#[from] ArgumentsError),
    #[error("log directory {} does not exist, or can't be looked into", .0.display())]
    Missing(PathBuf),
    #[error("log directory {} is in use by {holder}: stop that broker first", dir.display())]
    InUse { dir: PathBuf, holder: String },
    #[error(transparent)]
    Directory(OpenError),
    #[error(transparent)]
    Repair(#[from] RepairError),
    #[error("there is no partition {0} that a start would open")]
    NoPartition(String),
}

/// A log is looked at again after each repair, at most so often.
const ROUNDS_MAX: usize = 100;

/// Runs the command.
pub fn run(arguments: &RepairArguments) -> ExitCode {
    match Run::begin(arguments).and_then(Run::all) {
        Ok(status) => status,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

struct Run<'a> {
    arguments: &'a RepairArguments,
    repair: Repair<RealDisk>,
}

/// The files that a broker would use, locked against one.
struct RealDisk(Storage);

impl ottla_core::repair::Disk for RealDisk {
    fn run(&mut self, command: StorageCommand) -> StorageResult {
        self.0.run(&command)
    }
}

/// What became of a log.
enum End {
    Good,
    Mended,
    Damaged,
    Unreadable,
}

impl<'a> Run<'a> {
    fn begin(arguments: &'a RepairArguments) -> Result<Self, StartError> {
        let (config, warnings) = arguments.settings.config(Vec::new())?;
        for warning in warnings {
            tracing::warn!("{warning}");
        }
        let disk = RealDisk(lock(&config)?);
        let repair = Repair::open(disk, config, arguments.all, clock::now())?;
        Ok(Self { arguments, repair })
    }

    fn all(mut self) -> Result<ExitCode, StartError> {
        let places = self.chosen()?;
        let (mut mended, mut damaged, mut unreadable) = (0, 0, 0);
        for place in &places {
            match self.one(place) {
                End::Good => {}
                End::Mended => mended += 1,
                End::Damaged => damaged += 1,
                End::Unreadable => unreadable += 1,
            }
        }
        say(&format!("{} looked at: {}", count(places.len(), "log"), sum(mended, damaged, unreadable)));
        if damaged > 0 && !self.arguments.yes {
            say("Nothing was changed. With --yes, or --yes --cut, it is.");
        }
        Ok(if unreadable > 0 { 2.into() } else { ExitCode::from(u8::from(damaged > 0)) })
    }

    fn chosen(&self) -> Result<Vec<LogPlace>, StartError> {
        let all = self.repair.partitions();
        let wanted = &self.arguments.partitions;
        if let Some(missing) = wanted.iter().find(|name| all.iter().all(|place| place.name != **name)) {
            return Err(StartError::NoPartition(missing.clone()));
        }
        Ok(all.iter().filter(|place| wanted.is_empty() || wanted.contains(&place.name)).cloned().collect())
    }

    /// Looks at a log, and mends it where that is wanted, until nothing is damaged any more.
    fn one(&mut self, place: &LogPlace) -> End {
        let mut end = End::Good;
        for _ in 0..ROUNDS_MAX {
            match self.repair.examine(place) {
                Ok(Verdict::Good) => {
                    if matches!(end, End::Mended) {
                        say(&format!("{} is good: the next start serves it", place.name));
                    }
                    return end;
                }
                Ok(Verdict::Unreadable(why)) => return self.unreadable(place, &why),
                Err(error) => return self.unreadable(place, &error.to_string()),
                Ok(Verdict::Damaged(finding)) => {
                    self.tell(&finding);
                    if !self.arguments.yes {
                        return End::Damaged;
                    }
                    if let Err(error) = self.mend(&finding) {
                        return self.not_mended(&error);
                    }
                    end = End::Mended;
                }
            }
        }
        say(&format!("{} is still damaged after {ROUNDS_MAX} repairs: run this again", place.name));
        End::Damaged
    }

    fn mend(&mut self, finding: &Finding) -> Result<(), RepairError> {
        let way = if self.arguments.cut { Way::Cut } else { Way::Truncate };
        self.repair.mend(finding, way, &mut |line| say(&format!("  {line}")))
    }

    fn not_mended(&self, error: &RepairError) -> End {
        match error {
            RepairError::NotSound(why) => {
                say(&format!("  not cut: {why}. Without --cut the log would end at the damage"));
                End::Damaged
            }
            error => {
                say(&format!("  stopped: {error}. What was not done is found again the next time"));
                End::Unreadable
            }
        }
    }

    fn unreadable(&self, place: &LogPlace, why: &str) -> End {
        say(&format!("{}: a start can't open it, and nothing here can be mended: {why}", place.name));
        End::Unreadable
    }

    fn tell(&self, finding: &Finding) {
        let (damage, behind) = (&finding.damage, &finding.behind);
        say(&format!("{}: damaged at offset {}", finding.place.name, damage.next_offset));
        say(&format!("  {} at byte {}: {}; {}", finding.file, damage.position, damage.fault, damage.why));
        let good = behind.offsets.map_or_else(
            || "there is no good batch in them".to_owned(),
            |(first, last)| {
                let (batches, records) = (count(behind.batches, "good batch"), count(behind.records, "record"));
                format!("{batches} with {records} in them, offsets {first} to {last}")
            },
        );
        let segments = match behind.later_segments {
            0 => String::new(),
            later => format!(" with {}", count(later, "later segment")),
        };
        say(&format!("  from there on: {}{segments}; {good}", count(behind.size_bytes, "byte")));
        say(&format!("  to see it: {}", finding.dump_command()));
        if self.arguments.yes {
            return;
        }
        let ends = format!("the log ends at offset {}", damage.next_offset);
        say(&format!(
            "  --yes: {ends}; {} with {} go",
            count(behind.size_bytes, "byte"),
            count(behind.records, "record")
        ));
        match finding.check_cut() {
            Ok(()) => say(&format!("  --yes --cut: {} go; {}", count(behind.damaged_bytes, "byte"), missing(finding))),
            Err(why) => say(&format!("  --yes --cut: not here, {why}")),
        }
    }
}

fn lock(config: &Config) -> Result<Storage, StartError> {
    let log_dirs: Vec<PathBuf> = config.log_dirs.iter().map(PathBuf::from).collect();
    // A broker makes directories that are missing; here they would only hide a slip of the pen.
    if let Some(missing) = log_dirs.iter().find(|dir| !Path::new(dir).is_dir()) {
        return Err(StartError::Missing(missing.clone()));
    }
    Storage::open(&log_dirs).map_err(|error| match error {
        OpenError::InUse { dir, holder } => {
            let holder = holder.map_or_else(|| "another broker".to_owned(), |pid| format!("process {pid}"));
            StartError::InUse { dir, holder }
        }
        other => StartError::Directory(other),
    })
}

fn missing(finding: &Finding) -> String {
    let range = |(from, to): &(Offset, Offset)| {
        if from == to { from.to_string() } else { format!("{from} to {to}") }
    };
    let ranges: Vec<_> = finding.gaps().iter().map(range).collect();
    match &ranges[..] {
        [] => "no offset is missing then".to_owned(),
        [one] if !one.contains(' ') => format!("offset {one} is missing then"),
        ranges => format!("offsets {} are missing then", ranges.join(", ")),
    }
}

fn sum(mended: usize, damaged: usize, unreadable: usize) -> String {
    let parts = [(mended, "mended"), (damaged, "damaged"), (unreadable, "can't be opened")];
    let said: Vec<_> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    if said.is_empty() { "all are good".to_owned() } else { said.join(", ") }
}

/// A number and its noun.
fn count(number: impl TryInto<u64>, noun: &str) -> String {
    let number = number.try_into().unwrap_or(u64::MAX);
    match (number, noun) {
        (1, _) => format!("1 {noun}"),
        (_, noun) if noun.ends_with("ch") => format!("{number} {noun}es"),
        _ => format!("{number} {noun}s"),
    }
}

/// A line. Who reads it may have gone, which changes nothing about what is done.
fn say(line: &str) {
    let _ = writeln!(io::stdout().lock(), "{line}");
}
