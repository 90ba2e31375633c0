//! The command: reads a history, tells what is wrong with it.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::process::ExitCode;

use ottla_checker::{Anomaly, History, Kind, Severity, Verdict, check, format, story};

const USAGE: &str = "\
Finds what can't be true in a history of Kafka clients.

ottla-checker HISTORY.jsonl    judges a history; - reads standard input. docs/checker.md has the format
  --strict                     what Kafka allows counts as well: unread records, transactions that are not isolated
  --all                        tells all anomalies that are kept, and not only the first few of each kind

It ends with status 0 if all is well, 1 if something is wrong, and 2 if the history can't be read.
";

/// Anomalies of a kind that are told.
const TOLD: usize = 3;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let mut paths = arguments.iter().filter(|argument| !argument.starts_with("--"));
    let unknown =
        arguments.iter().find(|it| it.starts_with("--") && !["--strict", "--all", "--help"].contains(&it.as_str()));
    let (Some(path), None, None, false) = (paths.next(), paths.next(), unknown, has("--help")) else {
        eprint!("{USAGE}");
        return if has("--help") { ExitCode::SUCCESS } else { ExitCode::from(2) };
    };
    match read(path) {
        Err(error) => {
            eprintln!("{path}: {error}");
            ExitCode::from(2)
        }
        Ok(history) => {
            let verdict = check(&history);
            let told = if has("--all") { usize::MAX } else { TOLD };
            let is_good = if has("--strict") { verdict.counts().is_empty() } else { verdict.is_good() };
            // Nobody may want to read all of it.
            let _ = tell(&history, &verdict, told, has("--strict"));
            if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
    }
}

fn read(path: &str) -> Result<History, Box<dyn std::error::Error>> {
    let text: Box<dyn BufRead> = match path {
        "-" => Box::new(io::stdin().lock()),
        path => Box::new(BufReader::with_capacity(1 << 20, File::open(path)?)),
    };
    Ok(format::read(text)?)
}

fn tell(history: &History, verdict: &Verdict, told: usize, is_strict: bool) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{} operations and events", history.len())?;
    for kind in Kind::ALL {
        let of_kind: Vec<&Anomaly> = verdict.anomalies().filter(|anomaly| anomaly.kind() == *kind).collect();
        if !is_strict && kind.severity() == Severity::Note {
            continue;
        }
        for anomaly in of_kind.iter().take(told) {
            write!(out, "\n{}", story::tell(history, anomaly))?;
        }
    }
    for (severity, title) in [(Severity::Violation, "wrong"), (Severity::Note, "to note, and allowed by Kafka")] {
        let counts = verdict.counts().iter().filter(|(kind, _)| kind.severity() == severity);
        let words: Vec<String> = counts.map(|(kind, count)| format!("{} × {count}", kind.name())).collect();
        if !words.is_empty() {
            writeln!(out, "\n{title}: {}", words.join(", "))?;
        }
    }
    if verdict.counts().is_empty() {
        writeln!(out, "all is well")?;
    } else if verdict.is_good() {
        writeln!(out, "nothing that Kafka does not allow")?;
    }
    Ok(())
}
