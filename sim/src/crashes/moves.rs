//! A replica that moves to another log directory and back, and a crash at each storage command on the way: nothing that was
//! acknowledged is lost or there twice, whichever of the two directories a start goes by, and the move comes to its end.

use ottla_core::boundary::Path;
use ottla_core::planted::Bugs;

use super::bench::Bench;
use super::known::MOVED;
use super::{Finding, Pattern, Point, Report, guarded, inspection, script};
use crate::disk::Disk;
use crate::violation::{Check, Violation};

/// What survives of what was not synced.
const PATTERNS: [Pattern; 12] = [
    Pattern::Kill,
    Pattern::KillAmongOthers,
    Pattern::KillMidway,
    Pattern::Nothing,
    Pattern::Everything,
    Pattern::NamesAlone,
    Pattern::DataAlone,
    Pattern::FirstSectors,
    Pattern::Subset,
    Pattern::OtherSubset,
    Pattern::SubsetAmongOthers,
    Pattern::LastNames,
];
/// A move that goes on is over by then, with all that follows it.
const MOVE_MS: i64 = 3_000;

/// Runs the script of moves, with every so manyth of its crashes.
pub fn run(stride: usize, bugs: Bugs) -> Report {
    crate::sweep::remember_panics();
    let mut report = Report::default();
    let outcome = guarded(|| {
        script::play_moves(bugs, &mut |hands, known, now, command| {
            let number = report.points;
            report.points += 1;
            for pattern in PATTERNS.into_iter().filter(|pattern| (number + *pattern as usize).is_multiple_of(stride)) {
                let (hands, known, command) = (hands.clone(), known.clone(), command.to_owned());
                let is_end = command == script::END;
                let point = Point { failed: None, number, is_end, command, hands, known, now };
                report.crashes += 1;
                if let Err(violation) = guarded(|| inspect(&point, pattern, bugs)) {
                    let Point { failed, command, .. } = point;
                    report.findings.push(Finding { failed, point: number, command, pattern: Some(pattern), violation });
                }
            }
            false
        })
    });
    if let Err(violation) = outcome {
        let (point, command) = (report.points, String::new());
        report.findings.push(Finding { failed: None, point, command, pattern: None, violation });
    }
    report
}

fn inspect(point: &Point, pattern: Pattern, bugs: Bugs) -> Result<(), Violation> {
    let (disk, losses) = pattern.of(point, bugs);
    let mut properties = script::properties_of_two();
    if !losses.holed_logs.is_empty() {
        properties.push(("ottla.log.damage", "truncate".to_owned()));
    }
    let mut bench = Bench::start(disk, &properties, bugs, point.now.wall);
    inspection::look(&mut bench, point, pattern)?;
    let end = bench.now.monotonic.plus_ms(MOVE_MS);
    while bench.do_next() || bench.tick_before(end) {}
    let found = inspection::look(&mut bench, point, pattern)?;
    for found in &found {
        inspection::check_producer(&mut bench, found, point, pattern)?;
    }
    let disk = bench.stop()?;
    check_places(&disk)?;
    let mut bench = Bench::start(disk, &properties, bugs, point.now.wall);
    inspection::wait_until_it_serves(&mut bench)?;
    bench.stop().map(drop)
}

/// The replica is in one directory, and nothing is on its way.
fn check_places(disk: &Disk) -> Result<(), Violation> {
    let mut dirs = Vec::new();
    for log_dir in 0..2 {
        let entries = disk.list(&Path::new(log_dir, "")).map_err(|error| Violation::Contract(error.to_string()))?;
        dirs.extend(entries.into_iter().filter(|entry| entry.is_dir).map(|entry| entry.name));
    }
    let name = format!("{}-0", MOVED.name);
    let places = dirs.iter().filter(|dir| **dir == name).count();
    if places > 1 || dirs.iter().any(|dir| dir.ends_with("-future")) {
        return Err(Violation::history(Check::Files, format!("after a stop in good order there are {dirs:?}")));
    }
    Ok(())
}
