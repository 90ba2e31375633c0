//! The command: many seeds with a summary, one seed in all detail, or the fixed script with its crashes; with something
//! planted in the broker or not.

mod bugs;
mod crash;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use ottla_core::planted::{Bug, Bugs};
use sim::crashes::{Pattern, Place};
use sim::plan::Plan;
use sim::stats::{Counter, Stats};
use sim::timeline::{self, run_recorded};
use sim::{Outcome, Voice, replay_line, run_plan, run_plan_twice, run_worlds};

const USAGE: &str = "\
Runs the broker in simulated worlds and judges what its clients saw.

cargo run --profile sim -p sim -- [--seeds COUNT] [--from SEED]    many worlds, from seed 0 or SEED on
cargo run --profile sim -p sim -- --seeds COUNT --twice            each of them twice: the same must happen
cargo run --profile sim -p sim -- --seed SEED [--verbose]          one world, twice; with every step of it
cargo run --profile sim -p sim -- --seed SEED --timeline FILE      one world, and its course as a page of HTML
cargo run --profile sim -p sim -- --crashes [--stride COUNT] [--pattern NAME]
                                                                   the fixed script, with a crash at each of its storage
                                                                   commands, or at every so manyth, and with failing syncs
cargo run --profile sim -p sim -- --crash NUMBER --pattern NAME [--failed NUMBER]
                                                                   one of these crashes, after that sync has failed
cargo run --profile sim -p sim -- --bugs [--stride COUNT] [--seeds COUNT]
                                                                   who finds which planted bug, as a table
Worlds that fail leave their timelines in target/timelines, or where --timelines DIRECTORY says.
Each of them takes --bug NAME: the broker has that bug. Worlds take --unpowered: in them groups of members live with a
broker that loses its power again and again; or --transacted: in them transactions do.
";

/// Failures that are told in full; a bug in many seeds is the same bug.
const TOLD_MAX: usize = 10;

/// Where the timelines of worlds that fail go.
const TIMELINES: &str = "target/timelines";

/// For the table of planted bugs every so manyth crash of the script, and so many seeds.
const BUGS_STRIDE: usize = 5;
const BUGS_SEEDS: u64 = 200;

enum Order {
    Many(Sweep),
    One { seed: u64, voice: Voice, worlds: Worlds, timeline: Option<PathBuf> },
    Crashes(sim::crashes::Order),
    Bugs { stride: usize, seeds: u64 },
    Help,
}

/// Many worlds.
struct Sweep {
    count: u64,
    from: u64,
    worlds: Worlds,
    /// Each of them twice.
    is_twice: bool,
    /// Where the timelines of those go that fail.
    timelines: PathBuf,
}

/// Which worlds, and what is planted in the broker.
#[derive(Clone, Copy)]
struct Worlds {
    kind: WorldKind,
    bugs: Bugs,
}

/// What the worlds are like.
#[derive(Clone, Copy)]
enum WorldKind {
    Any,
    Unpowered,
    Transacted,
}

impl Worlds {
    fn plan(self, seed: u64) -> Plan {
        let plan = match self.kind {
            WorldKind::Any => Plan::of(seed),
            WorldKind::Unpowered => Plan::unpowered(seed),
            WorldKind::Transacted => Plan::transacted(seed),
        };
        Plan { bugs: self.bugs, ..plan }
    }

    /// The line that runs one of them again.
    fn replay_line(self, seed: u64) -> String {
        let kind = match self.kind {
            WorldKind::Any => "",
            WorldKind::Unpowered => " --unpowered",
            WorldKind::Transacted => " --transacted",
        };
        let planted = Bug::ALL.iter().find(|bug| self.bugs.has(**bug));
        let bug = planted.map(|bug| format!(" --bug {bug:?}")).unwrap_or_default();
        format!("{}{kind}{bug}", replay_line(seed))
    }
}

/// What the arguments say.
struct Arguments {
    count: Option<u64>,
    from: u64,
    seed: Option<u64>,
    voice: Voice,
    timeline: Option<PathBuf>,
    timelines: PathBuf,
    is_twice: bool,
    kind: WorldKind,
    bugs: Bugs,
    shows_bugs: bool,
    crashes: Option<sim::crashes::Order>,
    point: Option<u64>,
    failed: Option<u64>,
    pattern: Option<Pattern>,
}

fn main() -> ExitCode {
    match parse(std::env::args().skip(1)) {
        Ok(Order::Many(sweep)) => many(&sweep),
        Ok(Order::One { seed, voice, worlds, timeline }) => one(seed, voice, worlds, timeline.as_deref()),
        Ok(Order::Crashes(order)) => crash::crashes(&order),
        Ok(Order::Bugs { stride, seeds }) => bugs::table(stride, seeds),
        Ok(Order::Help) => {
            print!("{USAGE}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}\n\n{USAGE}");
            ExitCode::FAILURE
        }
    }
}

fn parse(arguments: impl Iterator<Item = String>) -> Result<Order, String> {
    let mut arguments = arguments;
    let mut said = Arguments {
        count: None,
        from: 0,
        seed: None,
        voice: Voice::Silent,
        timeline: None,
        timelines: TIMELINES.into(),
        is_twice: false,
        kind: WorldKind::Any,
        bugs: Bugs::default(),
        shows_bugs: false,
        crashes: None,
        point: None,
        failed: None,
        pattern: None,
    };
    while let Some(argument) = arguments.next() {
        let mut value = |what: &str| arguments.next().ok_or(format!("{argument} needs {what}"));
        match argument.as_str() {
            "--seeds" => said.count = Some(number(&value("a number")?)?),
            "--from" => said.from = number(&value("a number")?)?,
            "--seed" => said.seed = Some(number(&value("a number")?)?),
            "--unpowered" => said.kind = WorldKind::Unpowered,
            "--transacted" => said.kind = WorldKind::Transacted,
            "--twice" => said.is_twice = true,
            "--timeline" => said.timeline = Some(value("a file")?.into()),
            "--timelines" => said.timelines = value("a directory")?.into(),
            "--verbose" => said.voice = Voice::Verbose,
            "--bug" => said.bugs = Bugs::only(bug(&value("a name")?)?),
            "--bugs" => said.shows_bugs = true,
            "--crashes" => said.crashes = Some(said.crashes.unwrap_or_default()),
            "--stride" => said.crashes.get_or_insert_default().stride = number(&value("a number")?)?.max(1) as usize,
            "--crash" => said.point = Some(number(&value("a number")?)?),
            "--failed" => said.failed = Some(number(&value("a number")?)?),
            "--pattern" => said.pattern = Some(pattern(&value("a name")?)?),
            "--help" | "-h" => return Ok(Order::Help),
            other => return Err(format!("unknown argument {other}")),
        }
    }
    said.order()
}

impl Arguments {
    fn order(self) -> Result<Order, String> {
        let Self { from, voice, bugs, kind, timeline, timelines, is_twice, .. } = self;
        let worlds = Worlds { kind, bugs };
        if let Some(point) = self.point {
            let pattern = self.pattern.ok_or("--crash needs --pattern")?;
            let failed = self.failed.map(|failed| failed as usize);
            let only = Some(Place { failed, point: point as usize, pattern });
            return Ok(Order::Crashes(sim::crashes::Order { only, bugs, ..Default::default() }));
        }
        if self.shows_bugs {
            let stride = self.crashes.map_or(BUGS_STRIDE, |order| order.stride);
            return Ok(Order::Bugs { stride, seeds: self.count.unwrap_or(BUGS_SEEDS) });
        }
        if let Some(order) = self.crashes {
            return Ok(Order::Crashes(sim::crashes::Order { bugs, pattern: self.pattern, ..order }));
        }
        let many = Order::Many(Sweep { count: self.count.unwrap_or(1_000), from, worlds, is_twice, timelines });
        Ok(self.seed.map_or(many, |seed| Order::One { seed, voice, worlds, timeline }))
    }
}

fn number(value: &str) -> Result<u64, String> {
    value.parse().map_err(|_| format!("{value} is no number"))
}

fn bug(name: &str) -> Result<Bug, String> {
    let bug = Bug::ALL.iter().copied().find(|bug| format!("{bug:?}") == name);
    bug.ok_or_else(|| format!("{name} is none of {:?}", Bug::ALL))
}

fn pattern(name: &str) -> Result<Pattern, String> {
    Pattern::named(name).ok_or_else(|| format!("{name} is none of {:?}", Pattern::ALL))
}

fn one(seed: u64, voice: Voice, worlds: Worlds, timeline: Option<&Path>) -> ExitCode {
    println!("{:#?}", worlds.plan(seed));
    let outcome = run_plan(worlds.plan(seed), voice);
    print!("{}", outcome.stats);
    let again = match timeline {
        Some(file) => run_for_people(seed, worlds, file),
        None => run_plan(worlds.plan(seed), Voice::Silent),
    };
    println!("transcript {}", outcome.hash);
    if again.hash != outcome.hash {
        println!("but {} the second time: something does not come from the seed", again.hash);
        return ExitCode::FAILURE;
    }
    match outcome.violation {
        None => ExitCode::SUCCESS,
        Some(violation) => {
            println!("{violation}");
            ExitCode::FAILURE
        }
    }
}

/// Runs a world and writes its timeline.
fn run_for_people(seed: u64, worlds: Worlds, file: &Path) -> Outcome {
    let (outcome, timeline) = run_recorded(worlds.plan(seed), Voice::Silent, worlds.replay_line(seed));
    match timeline.write(file) {
        Ok(()) => eprintln!("its timeline is {}", file.display()),
        Err(error) => eprintln!("{}: {error}; --timeline or --timelines names another place", file.display()),
    }
    outcome
}

fn many(sweep: &Sweep) -> ExitCode {
    let begun = Instant::now();
    let Sweep { count, from, worlds, is_twice, timelines } = sweep;
    let (count, worlds) = (*count, *worlds);
    let seeds: Vec<u64> = (*from..*from + count).collect();
    let bar = ProgressBar::new(count);
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} seeds, {per_sec}, {msg}");
    bar.set_style(style.expect("the template is good"));
    bar.set_message("all well");
    let mut stats = Stats::default();
    let mut failures: Vec<(u64, Outcome)> = Vec::new();
    run_worlds(
        &seeds,
        |seed| if *is_twice { run_plan_twice(&worlds.plan(seed)) } else { run_plan(worlds.plan(seed), Voice::Silent) },
        |seed, outcome| {
            stats += &outcome.stats;
            bar.inc(1);
            if let Some(violation) = &outcome.violation {
                if failures.len() < TOLD_MAX {
                    bar.suspend(|| {
                        eprintln!("seed {seed}: {violation}\n    {}", worlds.replay_line(seed));
                        let again = run_for_people(seed, worlds, &timeline::file_of(timelines, seed));
                        if again.hash != outcome.hash {
                            eprintln!("but it was another run: something does not come from the seed");
                        }
                    });
                }
                failures.push((seed, outcome));
                bar.set_message(format!("{} failed", failures.len()));
            }
        },
    );
    bar.finish_and_clear();
    summarize(&stats, &failures, count, begun.elapsed());
    if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn summarize(stats: &Stats, failures: &[(u64, Outcome)], count: u64, took: Duration) {
    print!("{stats}");
    let events = stats.get(Counter::Inputs) + stats.get(Counter::Outputs);
    let seconds = took.as_secs_f64();
    println!(
        "{count} seeds in {seconds:.1} s: {:.1} seeds/s, {:.0} events/s",
        count as f64 / seconds,
        events as f64 / seconds
    );
    if failures.is_empty() {
        println!("all well");
        return;
    }
    let mut seeds: Vec<u64> = failures.iter().map(|(seed, _)| *seed).collect();
    seeds.sort_unstable();
    println!("{} failed: {seeds:?}", failures.len());
}
