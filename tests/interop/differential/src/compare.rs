//! Two sides' outcomes, field by field.

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
    /// The path without the places in arrays.
    #[must_use]
    pub fn field(&self) -> String {
        let mut field = String::new();
        let mut is_place = false;
        for letter in self.path.chars() {
            match letter {
                '[' => {
                    is_place = true;
                    field.push('[');
                }
                ']' => {
                    is_place = false;
                    field.push(']');
                }
                _ if is_place => {}
                letter => field.push(letter),
            }
        }
        field
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
        (kafka, ottla) => differences.push(Difference { path, kafka: kafka.cloned(), ottla: ottla.cloned() }),
    }
}
