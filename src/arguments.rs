//! The command line, and how it and `server.properties` become a configuration.

use std::fs;
use std::io;
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand};
use ottla::properties::{self, SyntaxError};
use ottla::{Config, ConfigError, Runtime, Warning};
use ottla_inspect::decode::DecodeArguments;
use ottla_inspect::dump::DumpArguments;
use thiserror::Error;

use crate::repair::RepairArguments;

/// A Kafka-compatible broker in one small binary.
///
/// Without arguments it listens on port 9092 of all addresses and keeps its data in /tmp/kraft-combined-logs. A
/// directory that is empty or missing is made ready; one of Apache Kafka's is taken over as it is.
///
/// With a command it starts no broker, but shows what is in Kafka's frames and files, or mends them.
#[derive(Debug, Parser)]
#[command(version, after_help = AFTER_HELP, args_conflicts_with_subcommands = true, disable_help_subcommand = true)]
pub struct Arguments {
    /// What to do instead of serving. A file of the same name is served as `./decode`.
    #[command(subcommand)]
    pub command: Option<Command>,

    #[command(flatten)]
    settings: Settings,

    /// Listen on this port of all addresses and tell clients localhost, instead of what the file says of listeners
    #[arg(long)]
    port: Option<u16>,

    /// What to run on
    #[arg(long, default_value_t, value_parser = runtime_parser())]
    pub runtime: Runtime,
}

/// What both a broker and its repair go by.
#[derive(Args, Debug)]
pub struct Settings {
    /// A server.properties with Kafka's property names; one that does not exist counts as empty, with a warning
    #[arg(value_name = "SERVER.PROPERTIES")]
    properties: Option<PathBuf>,

    /// Set a property, whatever the file says; may be repeated
    #[arg(long = "override", value_name = "KEY=VALUE", value_parser = parse_override)]
    overrides: Vec<(String, String)>,

    /// Where the data lives: short for --override log.dirs=DIR
    #[arg(long, value_name = "DIR")]
    log_dir: Option<String>,
}

/// What the binary does besides serving.
#[derive(Debug, Subcommand)]
pub enum Command {
    Decode(DecodeArguments),
    Dump(DumpArguments),
    Repair(RepairArguments),
}

const AFTER_HELP: &str = "\
Properties are checked: unknown ones are named in a warning, a bad value stops the start with what is allowed.
RUST_LOG chooses the log lines, as in RUST_LOG=warn or RUST_LOG=ottla_runtime=debug; they go to standard error.
SIGTERM and SIGINT stop the broker cleanly; another one, a second later, stops it at once.

Examples:
  ottla
  ottla --port 19092 --log-dir ./data
  ottla server.properties --override auto.create.topics.enable=false --override log.flush.interval.messages=1";

/// Why there is no configuration.
#[derive(Debug, Error)]
pub enum ArgumentsError {
    /// The file is there but can't be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is no properties file.
    #[error("{}: {source}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: SyntaxError,
    },
    /// A property is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

impl Arguments {
    /// The file's properties, then the short flags, then the overrides; of one key the last counts.
    pub fn config(&self) -> Result<(Config, Vec<Warning>), ArgumentsError> {
        let mut flags = Vec::new();
        if let Some(port) = self.port {
            let mut set = |key: &str, value: String| flags.push((key.to_owned(), value));
            set("listeners", format!("PLAINTEXT://:{port}"));
            set("advertised.listeners", format!("PLAINTEXT://localhost:{port}"));
            set("listener.security.protocol.map", "PLAINTEXT:PLAINTEXT".to_owned());
        }
        self.settings.config(flags)
    }
}

impl Settings {
    /// The file's properties, then `--log-dir`, then other flags' properties, then the overrides.
    pub fn config(&self, flags: Vec<(String, String)>) -> Result<(Config, Vec<Warning>), ArgumentsError> {
        let mut all = self.file_properties()?;
        all.extend(self.log_dir.iter().map(|dir| ("log.dirs".to_owned(), dir.clone())));
        all.extend(flags);
        all.extend(self.overrides.iter().cloned());
        Ok(Config::from_properties(all)?)
    }

    fn file_properties(&self) -> Result<Vec<(String, String)>, ArgumentsError> {
        let Some(path) = &self.properties else { return Ok(Vec::new()) };
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                tracing::warn!("{} does not exist: all properties have their defaults", path.display());
                return Ok(Vec::new());
            }
            Err(source) => return Err(ArgumentsError::Read { path: path.clone(), source }),
        };
        properties::parse(&String::from_utf8_lossy(&bytes))
            .map_err(|source| ArgumentsError::Syntax { path: path.clone(), source })
    }
}

fn parse_override(text: &str) -> Result<(String, String), &'static str> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => Ok((key.trim().to_owned(), value.to_owned())),
        _ => Err("expected KEY=VALUE"),
    }
}

/// By name, so that help and errors list the runtimes of this build.
fn runtime_parser() -> impl TypedValueParser<Value = Runtime> {
    PossibleValuesParser::new(Runtime::available().iter().map(|runtime| runtime.name()))
        .try_map(|name| name.parse::<Runtime>())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn arguments(words: &[&str]) -> Arguments {
        Arguments::try_parse_from(["ottla"].iter().chain(words)).expect("good arguments")
    }

    fn refusal(words: &[&str]) -> String {
        Arguments::try_parse_from(["ottla"].iter().chain(words)).expect_err("bad arguments").to_string()
    }

    #[test]
    fn the_definition_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn without_arguments_all_is_default() {
        let (config, warnings) = arguments(&[]).config().expect("a configuration");
        assert_eq!(config, Config::default());
        assert_eq!(warnings, []);
    }

    #[test]
    fn flags_come_before_the_file_and_overrides_before_flags() {
        let path = std::env::temp_dir().join(format!("ottla-arguments-{}.properties", std::process::id()));
        fs::write(
            &path,
            "log.dirs=/from-file\nlisteners=A://:1\nlistener.security.protocol.map=A:PLAINTEXT\nnode.id=4\n",
        )
        .expect("a file");
        let words = ["--log-dir", "/from-flag", "--port", "19092", "--override", "log.dirs=/from-override"];
        let (config, _) =
            arguments(&[&[path.to_str().expect("UTF-8")], &words[..]].concat()).config().expect("a configuration");
        fs::remove_file(&path).expect("it was written");
        assert_eq!(config.log_dirs, ["/from-override"]);
        assert_eq!(config.listeners[0].to_string(), "PLAINTEXT://:19092");
        assert_eq!(config.advertised_listeners[0].to_string(), "PLAINTEXT://localhost:19092");
        assert_eq!(config.node_id.0, 4);
    }

    #[test]
    fn a_file_that_does_not_exist_counts_as_empty() {
        let (config, _) = arguments(&["/no/such/server.properties"]).config().expect("a configuration");
        assert_eq!(config, Config::default());
    }

    #[test]
    fn a_bad_property_is_refused_with_what_is_allowed() {
        let error = arguments(&["--override", "num.partitions=none"]).config().expect_err("no number");
        assert_eq!(error.to_string(), "num.partitions=none: expected a whole number of at least 1");
    }

    #[test]
    fn bad_arguments_are_refused() {
        assert!(refusal(&["--runtime", "java"]).contains("possible values: "));
        assert!(refusal(&["--override", "num.partitions"]).contains("expected KEY=VALUE"));
        assert!(refusal(&["--port", "70000"]).contains("70000"));
    }
}
