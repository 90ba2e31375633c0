//! Makes a history of a broker that is right, and judges it: how long that takes, and how much memory. With `--write` it writes the
//! history to standard output instead.
//!
//! `cargo run --release -p ottla-checker --example made -- --operations 10000000`

use std::io;
use std::process::ExitCode;
use std::time::Instant;

use ottla_checker::model::{Plan, history};
use ottla_checker::{Severity, check, format, story};

fn main() -> ExitCode {
    let mut plan =
        Plan { operations: 1_000_000, clients: 16, partitions: 4, batch: 2, unknown: 1_000, ..Plan::default() };
    let (mut seed, mut writes) = (1, false);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        if argument == "--write" {
            writes = true;
            continue;
        }
        let Some(number) = arguments.next().and_then(|value| value.parse::<u64>().ok()) else {
            eprintln!("{argument} needs a number");
            return ExitCode::from(2);
        };
        match argument.as_str() {
            "--operations" => plan.operations = number as usize,
            "--clients" => plan.clients = number as u32,
            "--partitions" => plan.partitions = number as u32,
            "--batch" => plan.batch = number,
            "--unknown" => plan.unknown = number,
            "--restart" => plan.restart = number,
            "--forgives" => plan.forgives = number > 0,
            "--seed" => seed = number,
            _ => {
                eprintln!(
                    "expected --operations, --clients, --partitions, --batch, --unknown, --restart, --forgives, --seed \
                     or --write, found {argument}"
                );
                return ExitCode::from(2);
            }
        }
    }
    run(plan, seed, writes)
}

fn run(plan: Plan, seed: u64, writes: bool) -> ExitCode {
    let begun = Begun::now();
    let made = match history(plan, seed) {
        Ok(made) => made,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    if writes {
        let written = format::write(&made, io::BufWriter::new(io::stdout().lock()));
        return if written.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    println!("{} operations made in {}, with {}", made.len(), begun.took(), memory());
    let begun = Begun::now();
    let verdict = check(&made);
    println!("judged in {}, with {}", begun.took(), memory());
    for (kind, count) in verdict.counts() {
        println!("{} × {count}", kind.name());
    }
    for wrong in verdict.anomalies().filter(|anomaly| anomaly.kind().severity() == Severity::Violation).take(3) {
        print!("\n{}", story::tell(&made, wrong));
    }
    if verdict.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// When something began, by the clock and by this process.
struct Begun(Instant, f64);

impl Begun {
    fn now() -> Self {
        Self(Instant::now(), processor_seconds())
    }

    fn took(&self) -> String {
        format!("{:.1} s ({:.1} s of a processor)", self.0.elapsed().as_secs_f64(), processor_seconds() - self.1)
    }
}

/// What this process has used of processors, in hundredths as Linux counts them; 0 where nobody tells.
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let behind_name = stat.rsplit(") ").next().unwrap_or_default();
    let ticks = behind_name.split(' ').skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok());
    ticks.sum::<f64>() / 100.0
}

/// The most memory that this process has had, where the system tells it.
fn memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("unknown memory");
    format!("{} at most", peak.trim())
}
