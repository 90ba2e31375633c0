//! What is made of the numbers: a table to look at, a section of RESULTS.md to keep, a list of limits that were missed.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use crate::error::{During, Result};
use crate::machine;
use crate::measure::{FetchSize, Measurements, Metric, Percentile};
use crate::target::Kind;

/// What a comparison gave.
#[derive(Clone, Debug)]
pub struct Results {
    /// The medians of each broker, in the order they were asked for.
    pub medians: Vec<(Kind, Measurements)>,
    /// How it was measured.
    pub settings: String,
    /// How busy the machine was with other things when it began.
    pub load_average: Option<f64>,
}

impl Results {
    fn of(&self, kind: Kind) -> Option<&Measurements> {
        self.medians.iter().find(|(other, _)| *other == kind).map(|(_, measurements)| measurements)
    }

    fn metrics(&self) -> BTreeSet<Metric> {
        self.medians.iter().flat_map(|(_, measurements)| measurements.keys().copied()).collect()
    }

    /// A value, and how much of Apache Kafka's it is.
    fn cell(&self, kind: Kind, metric: Metric) -> (String, Option<f64>) {
        let Some(value) = self.of(kind).and_then(|measurements| measurements.get(&metric)) else {
            return (String::from("-"), None);
        };
        let kafka = self.of(Kind::Kafka).and_then(|measurements| measurements.get(&metric));
        let ratio = kafka.filter(|kafka| kind != Kind::Kafka && **kafka > 0.0).map(|kafka| value / kafka);
        (with_three_digits(*value), ratio)
    }
}

/// The table for people; better than Apache Kafka is green, worse is red.
pub fn table(results: &Results, is_coloured: bool) -> String {
    let mut rows = vec![header(results)];
    for metric in results.metrics() {
        let mut row = vec![(metric.to_string(), ""), (metric.unit().to_string(), "")];
        for (kind, _) in &results.medians {
            let (value, ratio) = results.cell(*kind, metric);
            let colour = match ratio {
                Some(ratio) if metric.is_of_broker() && (ratio > 1.0) == metric.more_is_better() => "\x1b[32m",
                Some(_) if metric.is_of_broker() => "\x1b[31m",
                _ => "",
            };
            row.push((value, colour));
            if has_ratio(results, *kind) {
                row.push((ratio.map_or(String::new(), |ratio| format!("{}×", with_three_digits(ratio))), colour));
            }
        }
        rows.push(row);
    }
    let mut text = aligned(&rows, is_coloured);
    let _ = writeln!(text, "\n× is the share of Apache Kafka's. {}.\n{}.", results.settings, machine::description());
    if let Some(load_average) = results.load_average.filter(|load_average| *load_average > BUSY) {
        let _ = writeln!(text, "The machine was busy with other things (load average {load_average}): distrust times.");
    }
    text
}

/// From this load average on, what waits for a processor or a disk waits for others too.
const BUSY: f64 = 1.0;

type Cell = (String, &'static str);

fn has_ratio(results: &Results, kind: Kind) -> bool {
    kind != Kind::Kafka && results.of(Kind::Kafka).is_some()
}

fn header(results: &Results) -> Vec<Cell> {
    let mut row = vec![(String::new(), ""), (String::new(), "")];
    for (kind, _) in &results.medians {
        row.push((kind.to_string(), "\x1b[1m"));
        if has_ratio(results, *kind) {
            row.push((String::new(), ""));
        }
    }
    row
}

/// Names to the left, numbers to the right.
fn aligned(rows: &[Vec<Cell>], is_coloured: bool) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.0.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, ((cell, colour), width)) in row.iter().zip(&widths).enumerate() {
            let padding = " ".repeat(width - cell.chars().count());
            let (before, after) = if column < 2 { ("", padding.as_str()) } else { (padding.as_str(), "") };
            let (on, off) = if is_coloured && !colour.is_empty() { (*colour, "\x1b[0m") } else { ("", "") };
            let _ = write!(line, "{before}{on}{cell}{off}{after}  ");
        }
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

/// Enough digits to compare, none that only look exact.
fn with_three_digits(value: f64) -> String {
    match value.abs() {
        large if large >= 100.0 => format!("{value:.0}"),
        middle if middle >= 10.0 => format!("{value:.1}"),
        small if small >= 0.1 || small == 0.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

/// Appends a section to the file at `path`.
pub fn record(results: &Results, path: &Path) -> Result<()> {
    let what = format!("writing {}", path.display());
    let mut file = OpenOptions::new().create(true).append(true).open(path).during(&what)?;
    file.write_all(section(results).as_bytes()).during(&what)
}

fn section(results: &Results) -> String {
    let mut text = format!("\n## {}\n\n{}", machine::date(), machine::description());
    if let Some(load_average) = results.load_average {
        let _ = write!(text, " (load average {load_average} before)");
    }
    if let Some(commit) = machine::commit() {
        let _ = write!(text, "; commit {commit}");
    }
    let _ = writeln!(text, ".\n{}.\nIn parentheses: the share of Apache Kafka's.\n", results.settings);
    let names: Vec<String> = results.medians.iter().map(|(kind, _)| kind.to_string()).collect();
    let _ = writeln!(text, "| | unit | {} |\n|---|---|{}", names.join(" | "), "---:|".repeat(names.len()));
    for metric in results.metrics() {
        let cells = results.medians.iter().map(|(kind, _)| match results.cell(*kind, metric) {
            (value, Some(ratio)) => format!("{value} ({}×)", with_three_digits(ratio)),
            (value, None) => value,
        });
        let _ = writeln!(text, "| {metric} | {} | {} |", metric.unit(), cells.collect::<Vec<_>>().join(" | "));
    }
    text
}

/// The limits that Ottla misses, in words.
pub fn check(results: &Results) -> Vec<String> {
    let mut missed = Vec::new();
    for (kind, measurements) in results.medians.iter().filter(|(kind, _)| kind.runtime().is_some()) {
        for (metric, value) in measurements {
            for (limit, reason) in limits(results, *metric) {
                if !value.lt(&limit) {
                    let unit = metric.unit();
                    let (value, limit) = (with_three_digits(*value), with_three_digits(limit));
                    missed.push(format!("{kind}: {metric}: {value} {unit}, but {reason} is {limit} {unit}"));
                }
            }
        }
    }
    if results.of(Kind::Kafka).is_none() {
        missed.push("Apache Kafka was not measured, so nothing can be compared with it".into());
    }
    missed
}

/// What `metric` must stay below, and why. Kafka's own consumers ask for 1 MB of a partition; larger fetches have no limit.
fn limits(results: &Results, metric: Metric) -> Vec<(f64, &'static str)> {
    let kafka = results.of(Kind::Kafka).and_then(|measurements| measurements.get(&metric)).copied();
    let of_kafka = |share: f64, reason| kafka.map(|kafka| (kafka * share, reason));
    let all = match metric {
        Metric::StartMs => [Some((50.0, "the limit")), None],
        Metric::RssIdleMb => [Some((15.0, "the limit")), None],
        Metric::ProduceCpu(_) => [Some((1.5, "the limit")), of_kafka(0.5, "half of Apache Kafka's")],
        Metric::ConsumeCpu(_, FetchSize(0x10_0000)) => [Some((0.8, "the limit")), of_kafka(1.0, "Apache Kafka's")],
        Metric::ProduceLatency(Percentile(990)) => [of_kafka(1.0, "Apache Kafka's"), None],
        _ => [None, None],
    };
    all.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::RecordSize;

    fn results(ottla: &[(Metric, f64)], kafka: &[(Metric, f64)]) -> Results {
        Results {
            medians: vec![
                (Kind::Tokio, ottla.iter().copied().collect()),
                (Kind::Kafka, kafka.iter().copied().collect()),
            ],
            settings: "as always".into(),
            load_average: None,
        }
    }

    #[test]
    fn produce_must_cost_at_most_half_of_what_kafka_costs() {
        let cpu = Metric::ProduceCpu(RecordSize(100));
        assert_eq!(check(&results(&[(cpu, 1.0)], &[(cpu, 4.0)])), Vec::<String>::new());
        assert_eq!(check(&results(&[(cpu, 1.0)], &[(cpu, 1.8)])).len(), 1);
        assert_eq!(check(&results(&[(cpu, 1.6)], &[(cpu, 4.0)])).len(), 1);
        assert_eq!(check(&results(&[(cpu, 1.6)], &[(cpu, 1.6)])).len(), 2);
    }

    #[test]
    fn without_kafka_nothing_is_known() {
        let mut results = results(&[(Metric::StartMs, 10.0)], &[]);
        results.medians.pop();
        assert_eq!(check(&results).len(), 1);
    }

    #[test]
    fn the_limits_of_starting_need_no_kafka() {
        let missed = check(&results(&[(Metric::StartMs, 51.0), (Metric::RssIdleMb, 14.0)], &[]));
        assert_eq!(missed, ["Ottla tokio: start to first answer: 51.0 ms, but the limit is 50.0 ms"]);
    }

    #[test]
    fn columns_are_aligned_and_plain_text_has_no_colours() {
        let rate = Metric::ProduceRate(RecordSize(100));
        let text = table(&results(&[(rate, 1000.0)], &[(rate, 250.0)]), false);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[1], "produce 100 B  MB/s         1000  4.00×           250");
        assert_eq!(lines[0], "                     Ottla tokio         Apache Kafka");
        assert!(!text.contains('\x1b'));
        assert!(table(&results(&[(rate, 1000.0)], &[(rate, 250.0)]), true).contains("\x1b[32m1000"));
    }
}
