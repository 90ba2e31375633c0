//! Log lines: to standard error, in colour only on a terminal, as much of them as `RUST_LOG` asks for.

use std::io::{self, IsTerminal};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// From here on what happens is told.
pub fn start() {
    let asked = std::env::var("RUST_LOG").unwrap_or_default();
    let parsed = asked.parse::<Targets>();
    let targets = match &parsed {
        Ok(targets) if !asked.is_empty() => targets.clone(),
        _ => Targets::new().with_default(LevelFilter::INFO),
    };
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false);
    tracing_subscriber::registry().with(targets).with(lines).init();
    if let Err(error) = parsed {
        tracing::warn!("RUST_LOG={asked} is ignored: {error}");
    }
}
