//! Two sides' outcomes, field by field.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::Value;

/// A field in which the two differ.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// From the answer down: `topics[0].errorCode`; empty where one of them is no answer.
    pub path: String,
    /// Apache Kafka's; none where it has none.
    pub kafka: Option<Value>,
    /// Ottla's.
    pub ottla: Option<Value>,
}

impl Difference {
    /// The path without the places in arrays: `topics[].errorCode`.
    #[must_use]
    pub fn field(&self) -> String {
        self.path_with(|_| false)
    }

    /// The path with the names of elements that go by names: `results[].configs[retention.ms].value`.
    #[must_use]
    pub fn named_field(&self) -> String {
        self.path_with(|place| place.parse::<usize>().is_err())
    }

    fn path_with(&self, stays: impl Fn(&str) -> bool) -> String {
        let mut field = String::new();
        let mut rest = self.path.as_str();
        while let Some((before, after)) = rest.split_once('[') {
            let (place, after) = after.split_once(']').unwrap_or((after, ""));
            let place = if stays(place) { place } else { "" };
            let _ = write!(field, "{before}[{place}]");
            rest = after;
        }
        field + rest
    }
}

/// The differences of two outcomes.
#[must_use]
pub fn compare(kafka: &Value, ottla: &Value) -> Vec<Difference> {
    let mut differences = Vec::new();
    match (kafka.get("answer"), ottla.get("answer")) {
        (Some(kafka), Some(ottla)) => walk(Some(kafka), Some(ottla), String::new(), &mut differences),
        _ => walk(Some(kafka), Some(ottla), String::new(), &mut differences),
    }
    differences
}

fn walk(kafka: Option<&Value>, ottla: Option<&Value>, path: String, differences: &mut Vec<Difference>) {
    match (kafka, ottla) {
        (kafka, ottla) if kafka == ottla => {}
        (Some(Value::Object(one)), Some(Value::Object(other))) => {
            for name in one.keys().chain(other.keys().filter(|name| !one.contains_key(*name))) {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                walk(one.get(name), other.get(name), path, differences);
            }
        }
        (Some(Value::Array(one)), Some(Value::Array(other))) if one.len() == other.len() => {
            for (index, (one, other)) in one.iter().zip(other).enumerate() {
                walk(Some(one), Some(other), format!("{path}[{index}]"), differences);
            }
        }
        (Some(Value::Array(one)), Some(Value::Array(other))) if are_named(one) && are_named(other) => {
            let by_name = |elements: &[Value], name: &str| {
                elements.iter().find(|element| name_of(element).as_deref() == Some(name)).cloned()
            };
            let names: BTreeSet<_> = one.iter().chain(other).filter_map(name_of).collect();
            for name in names {
                let (one, other) = (by_name(one, &name), by_name(other, &name));
                walk(one.as_ref(), other.as_ref(), format!("{path}[{name}]"), differences);
            }
        }
        (kafka, ottla) => differences.push(Difference { path, kafka: kafka.cloned(), ottla: ottla.cloned() }),
    }
}

/// Whether the elements of an array go by names, as configs do: one too many does not make all others different.
fn are_named(elements: &[Value]) -> bool {
    elements.iter().filter_map(name_of).collect::<BTreeSet<_>>().len() == elements.len()
}

fn name_of(element: &Value) -> Option<String> {
    let number = || element["apiKey"].as_i64().map(|number| number.to_string());
    element["name"].as_str().map(str::to_owned).or_else(number)
}
