//! The log as a storage engine: how long it takes to open many partitions, how fast a log is recovered after a crash, and
//! whether producers notice that others are cleaned, by their latency and by how long the broker is busy at a time.

pub mod cleaning;
pub mod partitions;
pub mod recovery;
mod segments;
pub mod turns;

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use crate::error::{During, Result};
use crate::machine;
use crate::options::EngineOptions;
use crate::target;

/// Prints what was measured, and appends it to RESULTS.md where that was asked for.
fn conclude(title: &str, lines: &[String], options: &EngineOptions) -> Result<ExitCode> {
    for line in lines {
        println!("{line}");
    }
    if options.record {
        let commit = machine::commit().map_or_else(String::new, |commit| format!("; commit {commit}"));
        let load_average = machine::load_average().map_or_else(String::new, |load| format!(" (load average {load})"));
        let items: String = lines.iter().map(|line| format!("- {line}\n")).collect();
        let section = format!(
            "\n## {}: {title}\n\n{}{load_average}{commit}.\n\n{items}",
            machine::date(),
            machine::description()
        );
        let path = target::workspace().join("bench/RESULTS.md");
        let what = format!("writing {}", path.display());
        let mut file = OpenOptions::new().append(true).open(&path).during(&what)?;
        file.write_all(section.as_bytes()).during(&what)?;
        println!("recorded in {}", path.display());
    }
    Ok(ExitCode::SUCCESS)
}

/// Bytes of all files below a directory, and their number.
fn size_of(dir: &Path) -> Result<(u64, u64)> {
    let (mut size_bytes, mut files) = (0, 0);
    for entry in fs::read_dir(dir).during(format!("listing {}", dir.display()))? {
        let entry = entry.during("reading a directory")?;
        let metadata = entry.metadata().during(format!("looking at {}", entry.path().display()))?;
        if metadata.is_dir() {
            let (below_bytes, below_files) = size_of(&entry.path())?;
            (size_bytes, files) = (size_bytes + below_bytes, files + below_files);
        } else {
            (size_bytes, files) = (size_bytes + metadata.len(), files + 1);
        }
    }
    Ok((size_bytes, files))
}
