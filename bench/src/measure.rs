//! What is measured: its name, its unit, and which way is better.

use std::collections::BTreeMap;
use std::fmt;

/// One row of the results; they are printed in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Metric {
    /// From the start of the process to its first answer, on an empty directory.
    StartMs,
    /// Memory when nobody has asked for anything yet.
    RssIdleMb,
    /// Produce: megabytes in a second.
    ProduceRate(RecordSize),
    /// Produce: processor time of the broker for a gigabyte.
    ProduceCpu(RecordSize),
    /// Consume: megabytes in a second.
    ConsumeRate(RecordSize, FetchSize),
    /// Consume: processor time of the broker for a gigabyte.
    ConsumeCpu(RecordSize, FetchSize),
    /// Until a record is acknowledged.
    ProduceLatency(Percentile),
    /// Processor time of the broker while it takes in records at that rate, as a share of one processor.
    ProduceLatencyCpu,
    /// Until a consumer has a record.
    EndToEndLatency(Percentile),
    /// Memory after all that.
    RssAfterMb,
    /// Processor time of the client for a gigabyte produced: to judge how far it is in the way.
    ClientProduceCpu(RecordSize),
    /// Processor time of the client for a gigabyte consumed.
    ClientConsumeCpu(RecordSize, FetchSize),
}

/// Bytes of a record's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecordSize(pub usize);

/// `max.partition.fetch.bytes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FetchSize(pub i32);

/// A share of the records, in thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percentile(pub u16);

impl Percentile {
    /// The ones that are measured.
    pub const ALL: [Self; 3] = [Self(500), Self(990), Self(999)];

    /// In 0 to 1.
    pub fn share(self) -> f64 {
        f64::from(self.0) / 1e3
    }
}

impl Metric {
    /// Its unit.
    pub fn unit(self) -> &'static str {
        match self {
            Self::StartMs | Self::ProduceLatency(_) | Self::EndToEndLatency(_) => "ms",
            Self::RssIdleMb | Self::RssAfterMb => "MB",
            Self::ProduceRate(_) | Self::ConsumeRate(..) => "MB/s",
            Self::ProduceCpu(_) | Self::ConsumeCpu(..) | Self::ClientProduceCpu(_) | Self::ClientConsumeCpu(..) => {
                "s/GB"
            }
            Self::ProduceLatencyCpu => "%",
        }
    }

    /// Whether more of it is better.
    pub fn more_is_better(self) -> bool {
        matches!(self, Self::ProduceRate(_) | Self::ConsumeRate(..))
    }

    /// Whether it is about the broker, and not about the client that drives it.
    pub fn is_of_broker(self) -> bool {
        !matches!(self, Self::ClientProduceCpu(_) | Self::ClientConsumeCpu(..))
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StartMs => f.write_str("start to first answer"),
            Self::RssIdleMb => f.write_str("memory, idle"),
            Self::ProduceRate(records) => write!(f, "produce {records}"),
            Self::ProduceCpu(records) => write!(f, "produce {records}, broker CPU"),
            Self::ConsumeRate(records, fetch) => write!(f, "consume {records}, {fetch}"),
            Self::ConsumeCpu(records, fetch) => write!(f, "consume {records}, {fetch}, broker CPU"),
            Self::ProduceLatency(percentile) => write!(f, "produce latency {percentile}"),
            Self::ProduceLatencyCpu => f.write_str("broker CPU at that rate"),
            Self::EndToEndLatency(percentile) => write!(f, "end to end latency {percentile}"),
            Self::RssAfterMb => f.write_str("memory, after the load"),
            Self::ClientProduceCpu(records) => write!(f, "produce {records}, client CPU"),
            Self::ClientConsumeCpu(records, fetch) => write!(f, "consume {records}, {fetch}, client CPU"),
        }
    }
}

impl fmt::Display for RecordSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            size if size > 0 && size.is_multiple_of(1024) => write!(f, "{} KB", size / 1024),
            size => write!(f, "{size} B"),
        }
    }
}

impl fmt::Display for FetchSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} MB fetches", self.0 >> 20)
    }
}

impl fmt::Display for Percentile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p{}", f64::from(self.0) / 10.0)
    }
}

/// What one run of one broker gave.
pub type Measurements = BTreeMap<Metric, f64>;

/// The middle one; the mean of the middle two where there are two.
pub fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(values[middle]),
        _ => Some(f64::midpoint(values[middle - 1], values[middle])),
    }
}

/// The median of each metric over several runs.
pub fn medians(runs: &[Measurements]) -> Measurements {
    let mut values = BTreeMap::<Metric, Vec<f64>>::new();
    for (metric, value) in runs.iter().flatten() {
        values.entry(*metric).or_default().push(*value);
    }
    values.into_iter().filter_map(|(metric, values)| Some((metric, median(values)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(Vec::new()), None);
    }

    #[test]
    fn names_say_what_was_measured() {
        let name = Metric::ConsumeCpu(RecordSize(4096), FetchSize(1 << 20)).to_string();
        assert_eq!(name, "consume 4 KB, 1 MB fetches, broker CPU");
        assert_eq!(Metric::ProduceLatency(Percentile(999)).to_string(), "produce latency p99.9");
    }
}
