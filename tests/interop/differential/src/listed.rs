//! `docs/differences.md`: the differences that are meant. Each row of its tables is a rule for the driver, and one that no
//! longer fits anything fails, so that the page stays true.

use std::path::Path;

use serde_json::Value;

use crate::compare::Difference;
use crate::run::Pair;

/// A row: `| API | scripts | field | Kafka | Ottla | why |`. `*` at the end of scripts stands for any ending, in a field for
/// anything, as a value for any value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its line in the page.
    pub line: usize,
    /// Whether it fits something in each run, as far as it is true. Where its reason begins with "Not always", chance has a say.
    pub is_certain: bool,
    api: String,
    scripts: String,
    field: String,
    kafka: String,
    ottla: String,
}

impl Listed {
    /// Whether it is about this difference.
    #[must_use]
    pub fn fits(&self, pair: &Pair, difference: &Difference) -> bool {
        (self.api == "*" || self.api == pair.asked.api.name())
            && is_like_script(&self.scripts, &pair.script)
            && self.is_of_field(difference)
            && is_value(&self.kafka, difference.kafka.as_ref())
            && is_value(&self.ottla, difference.ottla.as_ref())
    }
}

impl Listed {
    fn is_of_field(&self, difference: &Difference) -> bool {
        if difference.path.is_empty() {
            return self.field == THE_ANSWER;
        }
        is_glob(&self.field, &difference.field()) || is_glob(&self.field, &difference.named_field())
    }
}

/// Whether a pattern, in which `*` stands for anything, is that of a text.
fn is_glob(pattern: &str, text: &str) -> bool {
    let Some((begin, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(text) = text.strip_prefix(begin) else { return false };
    (0..=text.len()).filter(|at| text.is_char_boundary(*at)).any(|at| is_glob(rest, &text[at..]))
}

/// In the place of a field, where one side does not answer.
pub const THE_ANSWER: &str = "(the answer)";

/// The begin of a reason.
const NOT_ALWAYS: &str = "Not always";

fn is_like_script(pattern: &str, script: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == script, |begin| script.starts_with(begin))
}

fn is_value(listed: &str, value: Option<&Value>) -> bool {
    match value {
        _ if listed == "*" => true,
        None => listed == "nothing",
        Some(value) => serde_json::from_str(listed).is_ok_and(|listed: Value| listed == *value),
    }
}

/// The rows of the page; none where it does not exist.
///
/// # Errors
/// Where it cannot be read.
pub fn read(project: &Path) -> std::io::Result<Vec<Listed>> {
    match std::fs::read_to_string(project.join("docs/differences.md")) {
        Ok(text) => Ok(rows(&text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// The rows of a page's tables that have six columns, without their heads.
#[must_use]
pub fn rows(text: &str) -> Vec<Listed> {
    let mut rows = Vec::new();
    let mut is_in_table = false;
    for (index, line) in text.lines().enumerate() {
        let cells: Vec<_> =
            line.trim().trim_matches('|').split(" | ").map(|cell| cell.trim().trim_matches('`')).collect();
        let [api, scripts, field, kafka, ottla, why] = cells.as_slice() else {
            is_in_table &= line.starts_with('|');
            continue;
        };
        if !is_in_table || field.starts_with("---") {
            is_in_table = true;
            continue;
        }
        rows.push(Listed {
            line: index + 1,
            is_certain: !why.starts_with(NOT_ALWAYS),
            api: (*api).to_owned(),
            scripts: (*scripts).to_owned(),
            field: (*field).to_owned(),
            kafka: (*kafka).to_owned(),
            ottla: (*ottla).to_owned(),
        });
    }
    rows
}
