//! The command: many seeds with a summary, one seed in all detail, or the fixed script with its crashes; with something
//! planted in the broker or not.

mod arguments;
mod bugs;
mod crash;
mod many;
mod times;

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::process::ExitCode;

use arguments::{Order, USAGE, Worlds, parse};
use sim::plan::Plan;
use sim::timeline::run_recorded;
use sim::{Outcome, Voice, run_for_history, run_plan};

fn main() -> ExitCode {
    match parse(std::env::args().skip(1)) {
        Ok(Order::Many(order)) => many::run(&order),
        Ok(Order::One { seed, voice, worlds, timeline, history }) => {
            if let Some(file) = history {
                write_history(worlds.plan(seed), &file);
            }
            one(seed, voice, &worlds, timeline.as_deref())
        }
        Ok(Order::Crashes(order)) => crash::crashes(&order),
        Ok(Order::BugsBySeeds { only, limit }) => bugs::by_seeds(only, limit),
        Ok(Order::BugsByCrashes { only, stride }) => bugs::by_crashes(only, stride),
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

fn one(seed: u64, voice: Voice, worlds: &Worlds, timeline: Option<&Path>) -> ExitCode {
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

/// Runs a world and writes what its clients asked and saw.
fn write_history(plan: Plan, file: &Path) {
    let Some(history) = run_for_history(plan) else { return };
    let written = File::create(file).and_then(|file| ottla_checker::format::write(&history, BufWriter::new(file)));
    match written {
        Ok(()) => {
            eprintln!("its history is {}: cargo run --release -p ottla-checker -- FILE judges it", file.display())
        }
        Err(error) => eprintln!("{}: {error}; --history names another place", file.display()),
    }
}

/// Runs a world and writes its timeline.
fn run_for_people(seed: u64, worlds: &Worlds, file: &Path) -> Outcome {
    let plan = worlds.plan(seed);
    let replay_line = worlds.replay_line(seed, &plan);
    let (outcome, timeline) = run_recorded(plan, Voice::Silent, replay_line);
    match timeline.write(file) {
        Ok(()) => eprintln!("its timeline is {}", file.display()),
        Err(error) => eprintln!("{}: {error}; --timeline or --timelines names another place", file.display()),
    }
    outcome
}
