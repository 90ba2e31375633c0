//! What came of a run, for people: a table by API, and the differences, those that are alike together.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::Value;

use crate::compare::Difference;
use crate::listed::{Listed, THE_ANSWER};
use crate::run::Pair;

/// How many pairs there were of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests.
    pub pairs: usize,
    /// Equal in every field.
    pub equal: usize,
    /// Different only as the page says.
    pub listed: usize,
    /// Different.
    pub different: usize,
}

/// API, field, and what Kafka and Ottla have there.
type Alike = (&'static str, String, String, String);

/// What came of a run.
#[derive(Debug)]
pub struct Report<'a> {
    /// By API.
    pub apis: BTreeMap<&'static str, Counts>,
    /// All APIs together.
    pub all: Counts,
    /// Rows of the page that fit nothing and should.
    pub unused: Vec<&'a Listed>,
    groups: BTreeMap<Alike, Vec<(&'a Pair, &'a Difference)>>,
}

impl<'a> Report<'a> {
    /// Judges all pairs.
    #[must_use]
    pub fn of(pairs: &'a [Pair], listed: &'a [Listed]) -> Self {
        let mut this =
            Self { apis: BTreeMap::new(), all: Counts::default(), unused: Vec::new(), groups: BTreeMap::new() };
        let mut used = BTreeSet::new();
        for pair in pairs {
            let mut is_different = false;
            for difference in &pair.differences {
                if let Some(row) = listed.iter().find(|row| row.fits(pair, difference)) {
                    used.insert(row.line);
                    continue;
                }
                is_different = true;
                let show =
                    |value: &Option<Value>| value.as_ref().map_or_else(|| "nothing".to_owned(), Value::to_string);
                let key = (pair.asked.api.name(), difference.field(), show(&difference.kafka), show(&difference.ottla));
                this.groups.entry(key).or_default().push((pair, difference));
            }
            for counts in [&mut this.all, this.apis.entry(pair.asked.api.name()).or_default()] {
                counts.pairs += 1;
                match (pair.differences.is_empty(), is_different) {
                    (true, _) => counts.equal += 1,
                    (false, false) => counts.listed += 1,
                    (false, true) => counts.different += 1,
                }
            }
        }
        this.unused = listed.iter().filter(|row| row.is_certain && !used.contains(&row.line)).collect();
        this
    }

    /// The table.
    #[must_use]
    pub fn table(&self) -> String {
        let mut text = format!("{:<30}{:>8}{:>8}{:>8}{:>11}\n", "", "pairs", "equal", "listed", "different");
        for (name, counts) in self.apis.iter().chain([(&"all", &self.all)]) {
            let Counts { pairs, equal, listed, different } = counts;
            let _ = writeln!(text, "{name:<30}{pairs:>8}{equal:>8}{listed:>8}{different:>11}");
        }
        text
    }

    /// The differences that are not listed.
    #[must_use]
    pub fn differences(&self) -> String {
        let mut text = String::new();
        for ((api, field, kafka, ottla), pairs) in &self.groups {
            let versions: BTreeSet<_> = pairs.iter().map(|(pair, _)| pair.asked.version).collect();
            let versions: Vec<_> = versions.iter().map(ToString::to_string).collect();
            let field = if field.is_empty() { THE_ANSWER } else { field };
            let _ = writeln!(text, "{api} v{}: {field}", versions.join(","));
            let _ = writeln!(text, "    Kafka {}", shortened(kafka));
            let _ = writeln!(text, "    Ottla {}", shortened(ottla));
            let place = |(pair, difference): &(&Pair, &Difference)| {
                format!("{} step {} {}", pair.script, pair.asked.step, difference.path)
            };
            let places: Vec<_> = pairs.iter().take(4).map(place).collect();
            let _ = writeln!(text, "    {} times: {}", pairs.len(), places.join(", "));
        }
        text
    }

    /// Whether nothing differs that is not listed, and nothing is listed that does not differ.
    #[must_use]
    pub fn is_good(&self, is_complete: bool) -> bool {
        self.all.different == 0 && (!is_complete || self.unused.is_empty())
    }
}

/// Whether all differences of a pair are listed.
#[must_use]
pub fn is_well(pair: &Pair, listed: &[Listed]) -> bool {
    pair.differences.iter().all(|difference: &Difference| listed.iter().any(|row| row.fits(pair, difference)))
}

fn shortened(text: &str) -> String {
    const MOST: usize = 300;
    if text.chars().count() <= MOST { text.to_owned() } else { text.chars().take(MOST).chain(['…']).collect() }
}
