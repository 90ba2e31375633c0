//! The command: many seeds with a summary, or one seed in all detail.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use sim::plan::Plan;
use sim::stats::{Counter, Stats};
use sim::{Outcome, Voice, replay_line, run_seed, run_seeds};

const USAGE: &str = "\
Runs the broker in simulated worlds and judges what its clients saw.

cargo run --profile sim -p sim -- [--seeds COUNT] [--from SEED]    many worlds, from seed 0 or SEED on
cargo run --profile sim -p sim -- --seed SEED [--verbose]          one world, twice; with every step of it
";

/// Failures that are told in full; a bug in many seeds is the same bug.
const TOLD_MAX: usize = 10;

enum Order {
    Many { count: u64, from: u64 },
    One { seed: u64, voice: Voice },
    Help,
}

fn main() -> ExitCode {
    match parse(std::env::args().skip(1)) {
        Ok(Order::Many { count, from }) => many(count, from),
        Ok(Order::One { seed, voice }) => one(seed, voice),
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
    let (mut count, mut from, mut seed, mut voice) = (1_000, 0, None, Voice::Silent);
    while let Some(argument) = arguments.next() {
        let mut number = || {
            let value = arguments.next().ok_or(format!("{argument} needs a number"))?;
            value.parse::<u64>().map_err(|_| format!("{argument} needs a number, not {value}"))
        };
        match argument.as_str() {
            "--seeds" => count = number()?,
            "--from" => from = number()?,
            "--seed" => seed = Some(number()?),
            "--verbose" => voice = Voice::Verbose,
            "--help" | "-h" => return Ok(Order::Help),
            other => return Err(format!("unknown argument {other}")),
        }
    }
    Ok(seed.map_or(Order::Many { count, from }, |seed| Order::One { seed, voice }))
}

fn one(seed: u64, voice: Voice) -> ExitCode {
    println!("{:#?}", Plan::of(seed));
    let outcome = run_seed(seed, voice);
    print!("{}", outcome.stats);
    let again = run_seed(seed, Voice::Silent);
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

fn many(count: u64, from: u64) -> ExitCode {
    let begun = Instant::now();
    let seeds: Vec<u64> = (from..from + count).collect();
    let bar = ProgressBar::new(count);
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} seeds, {per_sec}, {msg}");
    bar.set_style(style.expect("the template is good"));
    bar.set_message("all well");
    let mut stats = Stats::default();
    let mut failures: Vec<(u64, Outcome)> = Vec::new();
    run_seeds(&seeds, |seed, outcome| {
        stats += &outcome.stats;
        bar.inc(1);
        if let Some(violation) = &outcome.violation {
            if failures.len() < TOLD_MAX {
                bar.suspend(|| eprintln!("seed {seed}: {violation}\n    {}", replay_line(seed)));
            }
            failures.push((seed, outcome));
            bar.set_message(format!("{} failed", failures.len()));
        }
    });
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
