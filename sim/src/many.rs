//! Many worlds, how far they are, and what came of them.

use std::ops::ControlFlow;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use sim::coverage::Coverage;
use sim::shrink::{Budget, shrink};
use sim::stats::{Counter, Stats};
use sim::transcript::TranscriptHash;
use sim::violation::Violation;
use sim::{Outcome, Voice, run_plan, run_plan_twice, sweep, timeline};

use crate::arguments::{Many, Worlds};
use crate::run_for_people;
use crate::times::Times;

/// Failures that are told in full; a bug in many seeds is the same bug.
const TOLD_MAX: usize = 10;

/// What came of the worlds so far.
#[derive(Default)]
struct Report {
    worlds: u64,
    stats: Stats,
    failures: Vec<(u64, Violation)>,
}

/// Runs them.
pub fn run(order: &Many) -> ExitCode {
    let begun = Instant::now();
    let bar = bar_of(order);
    let (mut report, times) = (Report::default(), Times::default());
    let seeds = order.from..order.count.map_or(u64::MAX, |count| order.from.saturating_add(count));
    sweep(
        seeds,
        |seed| times.take(seed, || run_one(order, seed)),
        |seed, outcome| {
            report.worlds += 1;
            report.stats += &outcome.stats;
            if let Some(violation) = outcome.violation {
                if report.failures.len() < TOLD_MAX {
                    bar.suspend(|| tell(order, seed, &violation, outcome.hash));
                }
                report.failures.push((seed, violation));
            }
            move_bar(&bar, order, &report, begun.elapsed());
            let is_over = order.time.is_some_and(|time| begun.elapsed() >= time);
            let is_enough = !order.keeps_going && !report.failures.is_empty();
            if is_over || is_enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        },
    );
    bar.finish_and_clear();
    report.print(begun.elapsed(), &times);
    if report.failures.is_empty() {
        return ExitCode::SUCCESS;
    }
    if !order.keeps_going {
        report.failures.sort_by_key(|(seed, _)| *seed);
        let (seed, violation) = report.failures.swap_remove(0);
        print_shrunk(&order.worlds, seed, violation);
    }
    ExitCode::FAILURE
}

fn run_one(order: &Many, seed: u64) -> Outcome {
    let plan = order.worlds.plan(seed);
    if order.is_twice { run_plan_twice(&plan) } else { run_plan(plan, Voice::Silent) }
}

/// Tells of a failure, and leaves its timeline.
fn tell(order: &Many, seed: u64, violation: &Violation, hash: TranscriptHash) {
    let line = order.worlds.replay_line(seed, &order.worlds.plan(seed));
    eprintln!("seed {seed}: {violation}\n    {line}");
    // In a build in which a panic ends the process nobody could go on after it.
    if cfg!(panic = "abort") && matches!(violation, Violation::Panic(_)) {
        return;
    }
    let again = run_for_people(seed, &order.worlds, &timeline::file_of(&order.timelines, seed));
    if again.hash != hash {
        eprintln!("but it was another run: something does not come from the seed");
    }
}

/// A time is measured in seconds, a number of worlds in worlds.
fn bar_of(order: &Many) -> ProgressBar {
    let (length, unit) = match order.time {
        Some(time) => (time.as_secs(), "s"),
        None => (order.count.unwrap_or_default(), "seeds"),
    };
    let bar = ProgressBar::new(length);
    let style = ProgressStyle::with_template(&format!("{{bar:30}} {{pos}}/{{len}} {unit}, {{msg}}"));
    bar.set_style(style.expect("the template is good"));
    bar
}

fn move_bar(bar: &ProgressBar, order: &Many, report: &Report, elapsed: Duration) {
    let (reached, all) = Coverage::of(&report.stats).total();
    let rate = report.worlds as f64 / elapsed.as_secs_f64();
    let well = match report.failures.len() {
        0 => "all well".to_owned(),
        failures => format!("{failures} failed"),
    };
    bar.set_position(if order.time.is_some() { elapsed.as_secs() } else { report.worlds });
    bar.set_message(format!("{rate:.1} seeds/s, {reached}/{all} covered, {well}"));
}

impl Report {
    fn print(&self, took: Duration, times: &Times) {
        print!("{}\n{}\n", self.stats, Coverage::of(&self.stats));
        let events = self.stats.get(Counter::Inputs) + self.stats.get(Counter::Outputs);
        let (seconds, worlds) = (took.as_secs_f64(), self.worlds as f64);
        let simulated = self.stats.get(Counter::SimulatedMs) as f64 / 1_000.0;
        println!(
            "{} seeds in {seconds:.1} s: {:.1} seeds/s, {:.0} events/s, {:.0} simulated seconds each",
            self.worlds,
            worlds / seconds,
            events as f64 / seconds,
            simulated / worlds.max(1.0)
        );
        print!("{times}");
        if self.failures.is_empty() {
            println!("all well");
            return;
        }
        let mut seeds: Vec<u64> = self.failures.iter().map(|(seed, _)| *seed).collect();
        seeds.sort_unstable();
        println!("{} failed: {seeds:?}", self.failures.len());
    }
}

fn print_shrunk(worlds: &Worlds, seed: u64, violation: Violation) {
    let plan = worlds.plan(seed);
    let spinner = ProgressBar::new_spinner();
    spinner.set_message("looking for a smaller world that fails alike");
    spinner.enable_steady_tick(Duration::from_millis(200));
    let shrunk = shrink(plan, violation, Budget::default());
    spinner.finish_and_clear();
    println!("\nthe smallest of {} worlds that fails like seed {seed}: {}", shrunk.runs, shrunk.violation);
    println!("    {}", worlds.replay_line(seed, &shrunk.plan));
}
