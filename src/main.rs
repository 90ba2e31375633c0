//! The `ottla` binary: command line and `server.properties` to a running broker.

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use ottla::{Server, Shutdown};

mod arguments;
mod logging;

use arguments::Arguments;

fn main() -> ExitCode {
    let started = Instant::now();
    logging::start();
    match run(started) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(started: Instant) -> Result<(), Box<dyn std::error::Error>> {
    let arguments = Arguments::parse();
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
