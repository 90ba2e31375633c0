//! What the command is told to do.

use std::path::PathBuf;
use std::time::Duration;

use ottla_core::planted::{Bug, Bugs};
use sim::Voice;
use sim::crashes::{Pattern, Place};
use sim::knobs::{self, FaultKind};
use sim::plan::Plan;

/// How it is used.
pub const USAGE: &str = "\
Runs the broker in simulated worlds and judges what its clients saw.

cargo run --release -p sim -- [--seeds COUNT] [--from SEED] [--minutes MINUTES]
    Many worlds, from seed 0 or SEED on, so many or for so long. The first that fails ends it, with the line that runs it
    again, and that of a smaller one that fails alike; with --keep-going it goes on, and sums up. With --twice each is run
    twice: the same must happen.
cargo run --release -p sim -- --seed SEED [--verbose]
    One world, twice; with every step of it.
cargo run --release -p sim -- --seed SEED --timeline FILE
    One world, and its course as a page of HTML.
cargo run --release -p sim -- --seed SEED --history FILE
    One world, and what its clients asked and saw, a line of JSON an event: ottla-checker judges it the same.
cargo run --profile sim -p sim -- --crashes [--stride COUNT] [--pattern NAME]
    The fixed script, with a crash at each of its storage commands, or at every so manyth, and with failing syncs.
cargo run --profile sim -p sim -- --crash NUMBER --pattern NAME [--failed NUMBER]
    One of these crashes, after that sync has failed.
cargo run --profile sim -p sim -- --bugs [--bug NAME] [--seeds COUNT]
    Which seed's world is the first to show each planted bug, as a table.
cargo run --profile sim -p sim -- --bugs [--bug NAME] --stride COUNT
    How many of the script's crashes show it.

Worlds take
    --faults KIND,...       no faults but of these kinds: network, disk, clock, crash, clients
    --with NAME=VALUE,...   numbers of the plan other than the seed drew them, as a smaller world has them
    --unpowered             groups of members live with a broker that loses its power again and again
    --transacted            the same with transactions
and each of the commands takes --bug NAME: the broker has that bug. Worlds that fail leave their timelines in target/timelines,
or where --timelines DIRECTORY says.

A release build has neither debug assertions nor checks for overflow: what only they find, --profile sim finds.
";

/// No bug is looked for in more worlds.
const BUGS_SEEDS: u64 = 10_000;

/// Where the timelines of worlds that fail go.
const TIMELINES: &str = "target/timelines";

/// Worlds, where nobody says how many.
const SEEDS: u64 = 1_000;

/// What to do.
pub enum Order {
    /// Many worlds.
    Many(Many),
    /// One world.
    One {
        /// Which.
        seed: u64,
        /// Whether every step is told.
        voice: Voice,
        /// What it is like.
        worlds: Worlds,
        /// Where its timeline goes.
        timeline: Option<PathBuf>,
        /// Where its history goes.
        history: Option<PathBuf>,
    },
    /// The fixed script.
    Crashes(sim::crashes::Order),
    /// The table of planted bugs, by seeds.
    BugsBySeeds {
        /// This one, if one is named.
        only: Bugs,
        /// Of so many seeds.
        limit: u64,
    },
    /// The table of planted bugs, by crashes of the script.
    BugsByCrashes {
        /// This one, if one is named.
        only: Bugs,
        /// Every so manyth crash.
        stride: usize,
    },
    /// How it is used.
    Help,
}

/// Many worlds.
pub struct Many {
    /// So many; without limit where there is only a time.
    pub count: Option<u64>,
    /// From this seed on.
    pub from: u64,
    /// For so long.
    pub time: Option<Duration>,
    /// Each of them twice.
    pub is_twice: bool,
    /// Where the timelines of those go that fail.
    pub timelines: PathBuf,
    /// A failure is no reason to stop.
    pub keeps_going: bool,
    /// What they are like.
    pub worlds: Worlds,
}

/// Which worlds, and what is planted in the broker.
#[derive(Clone, Default)]
pub struct Worlds {
    kind: WorldKind,
    bugs: Bugs,
    faults: Option<Vec<FaultKind>>,
    differences: String,
    words: String,
}

/// What the worlds are like.
#[derive(Clone, Copy, Default)]
enum WorldKind {
    #[default]
    Any,
    Unpowered,
    Transacted,
}

impl Worlds {
    /// The world of a seed.
    pub fn plan(&self, seed: u64) -> Plan {
        let plan = match self.kind {
            WorldKind::Any => Plan::of(seed),
            WorldKind::Unpowered => Plan::unpowered(seed),
            WorldKind::Transacted => Plan::transacted(seed),
        };
        let plan = match &self.faults {
            Some(kinds) => knobs::with_only(plan, kinds),
            None => plan,
        };
        let plan = knobs::apply(plan, &self.differences).expect("checked when it was said");
        Plan { bugs: self.bugs, ..plan }
    }

    /// The line that runs a world of these again, or one that is a bit different.
    pub fn replay_line(&self, seed: u64, plan: &Plan) -> String {
        let differences = knobs::differences(&Self { differences: String::new(), ..self.clone() }.plan(seed), plan);
        let with = if differences.is_empty() { String::new() } else { format!(" --with {differences}") };
        format!("cargo run --profile sim -p sim -- --seed {seed}{}{with} --verbose", self.words)
    }
}

/// What the arguments say.
#[derive(Default)]
struct Arguments {
    count: Option<u64>,
    from: u64,
    minutes: Option<u64>,
    keeps_going: bool,
    is_twice: bool,
    timeline: Option<PathBuf>,
    history: Option<PathBuf>,
    timelines: Option<PathBuf>,
    seed: Option<u64>,
    is_verbose: bool,
    worlds: Worlds,
    shows_bugs: bool,
    crashes: Option<sim::crashes::Order>,
    point: Option<u64>,
    failed: Option<u64>,
    pattern: Option<Pattern>,
}

/// Reads the arguments.
///
/// # Errors
/// What is wrong with them, for people.
pub fn parse(arguments: impl Iterator<Item = String>) -> Result<Order, String> {
    let mut arguments = arguments;
    let mut said = Arguments::default();
    while let Some(argument) = arguments.next() {
        if matches!(argument.as_str(), "--help" | "-h") {
            return Ok(Order::Help);
        }
        let value = |what: &str| arguments.next().ok_or(format!("{argument} needs {what}"));
        said.take(&argument, value)?;
    }
    said.order()
}

impl Arguments {
    fn take(&mut self, argument: &str, mut value: impl FnMut(&str) -> Result<String, String>) -> Result<(), String> {
        let worlds = &mut self.worlds;
        match argument {
            "--seeds" => self.count = Some(number(&value("a number")?)?),
            "--from" => self.from = number(&value("a number")?)?,
            "--minutes" => self.minutes = Some(number(&value("a number")?)?),
            "--keep-going" => self.keeps_going = true,
            "--twice" => self.is_twice = true,
            "--timeline" => self.timeline = Some(value("a file")?.into()),
            "--history" => self.history = Some(value("a file")?.into()),
            "--timelines" => self.timelines = Some(value("a directory")?.into()),
            "--seed" => self.seed = Some(number(&value("a number")?)?),
            "--verbose" => self.is_verbose = true,
            "--unpowered" => worlds.kind = WorldKind::Unpowered,
            "--transacted" => worlds.kind = WorldKind::Transacted,
            "--faults" => {
                let kinds = value("kinds of faults")?;
                worlds.faults = Some(kinds.split(',').map(fault).collect::<Result<_, _>>()?);
                worlds.words += &format!(" --faults {kinds}");
            }
            "--with" => {
                worlds.differences = value("a number of the plan")?;
                knobs::apply(Plan::of(0), &worlds.differences)?;
            }
            "--bug" => {
                let name = value("a name")?;
                worlds.bugs = Bugs::only(bug(&name)?);
                worlds.words += &format!(" --bug {name}");
            }
            "--bugs" => self.shows_bugs = true,
            "--crashes" => self.crashes = Some(self.crashes.unwrap_or_default()),
            "--stride" => self.crashes.get_or_insert_default().stride = number(&value("a number")?)?.max(1) as usize,
            "--crash" => self.point = Some(number(&value("a number")?)?),
            "--failed" => self.failed = Some(number(&value("a number")?)?),
            "--pattern" => self.pattern = Some(pattern(&value("a name")?)?),
            other => return Err(format!("unknown argument {other}")),
        }
        if matches!(argument, "--unpowered" | "--transacted") {
            self.worlds.words += &format!(" {argument}");
        }
        Ok(())
    }

    fn order(self) -> Result<Order, String> {
        let Self { from, worlds, .. } = self;
        let bugs = worlds.bugs;
        if let Some(point) = self.point {
            let pattern = self.pattern.ok_or("--crash needs --pattern")?;
            let failed = self.failed.map(|failed| failed as usize);
            let only = Some(Place { failed, point: point as usize, pattern });
            return Ok(Order::Crashes(sim::crashes::Order { only, bugs, ..Default::default() }));
        }
        if self.shows_bugs {
            return Ok(match self.crashes {
                Some(order) => Order::BugsByCrashes { only: bugs, stride: order.stride },
                None => Order::BugsBySeeds { only: bugs, limit: self.count.unwrap_or(BUGS_SEEDS) },
            });
        }
        if let Some(order) = self.crashes {
            return Ok(Order::Crashes(sim::crashes::Order { bugs, pattern: self.pattern, ..order }));
        }
        if let Some(seed) = self.seed {
            let voice = if self.is_verbose { Voice::Verbose } else { Voice::Silent };
            return Ok(Order::One { seed, voice, worlds, timeline: self.timeline, history: self.history });
        }
        let time = self.minutes.map(|minutes| Duration::from_secs(60 * minutes));
        let count = self.count.or(time.is_none().then_some(SEEDS));
        let timelines = self.timelines.unwrap_or_else(|| TIMELINES.into());
        let (is_twice, keeps_going) = (self.is_twice, self.keeps_going);
        Ok(Order::Many(Many { count, from, time, is_twice, timelines, keeps_going, worlds }))
    }
}

fn number(value: &str) -> Result<u64, String> {
    value.parse().map_err(|_| format!("{value} is no number"))
}

fn fault(name: &str) -> Result<FaultKind, String> {
    FaultKind::named(name)
        .ok_or_else(|| format!("{name} is none of {}", FaultKind::ALL.map(FaultKind::name).join(", ")))
}

fn bug(name: &str) -> Result<Bug, String> {
    let bug = Bug::ALL.iter().copied().find(|bug| format!("{bug:?}") == name);
    bug.ok_or_else(|| format!("{name} is none of {:?}", Bug::ALL))
}

fn pattern(name: &str) -> Result<Pattern, String> {
    Pattern::named(name).ok_or_else(|| format!("{name} is none of {:?}", Pattern::ALL))
}
