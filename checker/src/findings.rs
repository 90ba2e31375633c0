//! What was found so far: all of it is counted, and the first of each kind are kept.

use std::collections::BTreeMap;

use crate::anomaly::{Anomaly, Kind, Severity};

/// Anomalies of one kind that are kept with their evidence.
pub const KEPT_MAX: usize = 32;

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    counts: BTreeMap<Kind, u64>,
    kept: BTreeMap<Kind, Vec<Anomaly>>,
}

impl Verdict {
    /// Whether nothing happened that Kafka promises not to happen.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.counts.keys().all(|kind| kind.severity() == Severity::Note)
    }

    /// How many anomalies there are of each kind.
    #[must_use]
    pub fn counts(&self) -> &BTreeMap<Kind, u64> {
        &self.counts
    }

    /// How many anomalies there are of a kind.
    #[must_use]
    pub fn count(&self, kind: Kind) -> u64 {
        self.counts.get(&kind).copied().unwrap_or_default()
    }

    /// The first [`KEPT_MAX`] of each kind.
    pub fn anomalies(&self) -> impl Iterator<Item = &Anomaly> {
        self.kept.values().flatten()
    }

    pub(crate) fn add(&mut self, anomaly: Anomaly) {
        let kind = anomaly.kind();
        *self.counts.entry(kind).or_default() += 1;
        let kept = self.kept.entry(kind).or_default();
        if kept.len() < KEPT_MAX {
            kept.push(anomaly);
        }
    }
}
