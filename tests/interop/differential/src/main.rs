//! `differential`: plays the scripts on Apache Kafka and on Ottla, and shows where they differ.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use ottla_differential::brokers::Broker;
use ottla_differential::play::{self, asked};
use ottla_differential::report::{Report, is_well};
use ottla_differential::run::{self, Pair, run, warm_up};
use ottla_differential::script::{Script, Step};
use ottla_differential::side::TcpSide;
use ottla_differential::{listed, recording, request, scripts};

/// The same requests to Apache Kafka 4.3.1 and to Ottla; their answers are compared field by field.
///
/// Differences that are meant are in docs/differences.md. The exit status is 1 where there are others, or where one of those
/// is gone.
#[derive(Parser)]
struct Options {
    /// Ottla's binary.
    #[arg(long, value_name = "PATH", default_value = "target/release/ottla")]
    binary: PathBuf,
    /// Only scripts with a request of this API (may be repeated).
    #[arg(long, value_name = "API")]
    only: Vec<String>,
    /// Only scripts whose names contain this.
    #[arg(long, value_name = "TEXT")]
    script: Option<String>,
    /// Take this Apache Kafka instead of starting one. It has to be configured as the driver does it.
    #[arg(long, value_name = "ADDRESS")]
    kafka: Option<SocketAddr>,
    /// Keep Kafka's answers for `cargo test`.
    #[arg(long)]
    record: bool,
    /// Scripts that are played at once.
    #[arg(long, default_value_t = 8, value_name = "N")]
    workers: usize,
    /// Show every request and both answers.
    #[arg(long)]
    verbose: bool,
    /// Show which scripts took the longest.
    #[arg(long)]
    slow: bool,
    /// List the scripts and end.
    #[arg(long)]
    list: bool,
}

fn main() -> ExitCode {
    match all(&Options::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("differential: {error}");
            ExitCode::from(2)
        }
    }
}

fn all(options: &Options) -> Result<bool, Box<dyn std::error::Error>> {
    let scripts: Vec<_> = scripts::all().into_iter().filter(|script| is_chosen(script, options)).collect();
    if options.list {
        for script in &scripts {
            println!("{:6} {}", script.answers(), script.name);
        }
        return Ok(true);
    }
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(3).expect("the project's root");
    let listed = listed::read(project)?;
    let ottla = Broker::ottla(&options.binary)?;
    let kafka = if options.kafka.is_none() { Some(Broker::kafka(project)?) } else { None };
    let kafka = options.kafka.or(kafka.as_ref().map(|kafka| kafka.address)).expect("given or started");
    play::play(&warm_up(), "warm-up", &mut TcpSide::kafka(kafka));
    play::play(&warm_up(), "warm-up", &mut TcpSide::ottla(ottla.address));

    let style = ProgressStyle::with_template("{pos:>5}/{len} scripts {bar:40} {elapsed} {msg}")?;
    let bar = ProgressBar::new(scripts.len() as u64).with_style(style);
    let is_well = |pair: &Pair| is_well(pair, &listed);
    let first_attempt = if options.kafka.is_some() { std::process::id() as usize * 8 } else { 0 };
    let played = run(&scripts, kafka, ottla.address, options.workers, first_attempt, &is_well, &|script| {
        bar.set_message(script.name.clone());
        bar.inc(1);
    });
    bar.finish_and_clear();
    if options.verbose {
        show(&scripts, &played, ottla.address);
    }
    if options.slow {
        let mut slow: Vec<_> =
            scripts.iter().zip(&played).map(|(script, played)| (played.took, &script.name)).collect();
        slow.sort();
        slow.iter().rev().take(25).for_each(|(took, name)| println!("{:8.1} s  {name}", took.as_secs_f64()));
    }
    let pairs: Vec<_> = played.iter().flat_map(|played| played.pairs.clone()).collect();
    let report = Report::of(&pairs, &listed);
    let is_complete = options.only.is_empty() && options.script.is_none();
    print!("{}\n{}", report.table(), report.differences());
    for row in report.unused.iter().filter(|_| is_complete) {
        println!("docs/differences.md, line {}: there is no such difference", row.line);
    }
    if options.record {
        // What differs may be a matter of moments.
        let is_settled = |played: &run::Played| played.pairs.iter().all(is_well);
        let settled = scripts.iter().zip(&played).filter(|(_, played)| is_settled(played));
        recording::write(settled, &scripts::all())?;
    }
    Ok(report.is_good(is_complete))
}

fn is_chosen(script: &Script, options: &Options) -> bool {
    let asks = |api: &String| asked(script).iter().any(|asked| asked.api.name().eq_ignore_ascii_case(api));
    let is_named = options.script.as_ref().is_none_or(|text| script.name.contains(text));
    is_named && (options.only.is_empty() || options.only.iter().any(asks))
}

fn show(scripts: &[Script], played: &[run::Played], ottla: SocketAddr) {
    for (script, played) in scripts.iter().zip(played) {
        let namespace = script.namespace(2);
        let ours = play::play(script, &namespace, &mut TcpSide::ottla(ottla));
        let asked = asked(script);
        for (index, asked) in asked.iter().enumerate() {
            println!("{} step {}: {} v{}", script.name, asked.step, asked.api, asked.version);
            if let Step::Call(request) | Step::Begin(request) = &script.steps[asked.step] {
                println!("    {}", request::fill(&request.body, "{ns}", asked.step, &Default::default()));
            }
            println!("    Kafka {}", played.kafka.outcomes[index]);
            println!("    Ottla {}", ours.outcomes[index]);
        }
    }
}
