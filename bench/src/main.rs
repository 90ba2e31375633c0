//! The load generator, and the comparison of Ottla with Apache Kafka that it makes.
//!
//! - `options` says what can be asked for, `compare` does it: brokers in turn, rounds over and over, medians at the end
//! - `target` starts and stops a broker, `process` reads what it costs, `bare` is the least that a broker could be
//! - `client` and `batch` speak the protocol, `load` puts them to work
//! - `engine` measures the log as a storage engine: opening, recovering, cleaning
//! - `groups` measures what groups cost, `world` is the broker on one thread that it does so with, as `engine/turns`
//! - `memory` makes the machine's memory cost the same each time
//! - `measure` names what is measured, `report` prints, records and checks it, `machine` says where it was measured
//!
//! The client costs little, and the same for every broker: a batch is built once and sent again and again, an answer is
//! read into one buffer and only its headers are looked at.

mod bare;
mod batch;
mod client;
mod compare;
mod engine;
mod error;
mod groups;
mod load;
mod machine;
mod measure;
mod memory;
mod options;
mod process;
mod report;
mod target;
mod world;

use std::process::ExitCode;

use clap::Parser;

use options::{Command, Options};

fn main() -> ExitCode {
    let outcome = match Options::parse().command {
        Command::Compare(options) => compare::run(&options),
        Command::Baseline(options) => compare::run_baseline(&options),
        Command::Load(options) => compare::run_load(&options),
        Command::Partitions(options) => engine::partitions::run(&options),
        Command::Recovery(options) => engine::recovery::run(&options),
        Command::Cleaning(options) => engine::cleaning::run(&options),
        Command::Turns(options) => engine::turns::run(&options),
        Command::Groups(options) => groups::run(&options),
        Command::Bare { port, log_dir } => bare::serve(port, &log_dir).map(|()| ExitCode::SUCCESS),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("ottla-bench: {error}");
        ExitCode::FAILURE
    })
}
