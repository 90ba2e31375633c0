//! The `ottla` binary: command line and `server.properties` to a running broker.

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use ottla::{Server, Shutdown};

mod arguments;
mod logging;
mod repair;

use arguments::{Arguments, Command};
use ottla_inspect::{InspectError, Verdict, decode, dump};

fn main() -> ExitCode {
    let started = Instant::now();
    let arguments = Arguments::parse();
    if let Some(command) = arguments.command {
        return match &command {
            Command::Decode(arguments) => inspected(decode::run(arguments)),
            Command::Dump(arguments) => inspected(dump::run(arguments)),
            Command::Repair(arguments) => {
                logging::start();
                repair::run(arguments)
            }
        };
    }
    logging::start();
    match serve(&arguments, started) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Status 0: all is well; 1: something is damaged; 2: nothing could be told.
fn inspected(result: Result<Verdict, InspectError>) -> ExitCode {
    match result {
        Ok(Verdict::Good) => ExitCode::SUCCESS,
        Ok(Verdict::Damaged) => ExitCode::FAILURE,
        Err(error) if error.is_broken_pipe() => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

fn serve(arguments: &Arguments, started: Instant) -> Result<(), Box<dyn std::error::Error>> {
    let (config, warnings) = arguments.config()?;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    let shutdown = Shutdown::new();
    shutdown.on_signals()?;
    let server = Server::bind_started_at(config, started)?;
    server.run(arguments.runtime, shutdown)?;
    Ok(())
}
