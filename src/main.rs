//! The `ottla` binary: command line and `server.properties` to a running broker.

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use ottla::{Server, Shutdown};

mod arguments;
mod logging;

use arguments::{Arguments, Command};
use ottla_inspect::{Verdict, decode, dump};

fn main() -> ExitCode {
    let started = Instant::now();
    let arguments = Arguments::parse();
    if let Some(command) = arguments.command {
        return inspect(&command);
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
fn inspect(command: &Command) -> ExitCode {
    let result = match command {
        Command::Decode(arguments) => decode::run(arguments),
        Command::Dump(arguments) => dump::run(arguments),
    };
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
