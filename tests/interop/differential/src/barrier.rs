//! When a change of metadata has reached every part of Apache Kafka's broker.
//!
//! Its controller answers first; its broker reads of the change a moment later, and tells its parts one after another. A
//! barrier makes two harmless changes of its own behind that change, one after the other, and waits until the broker shows
//! them: it takes them in order, so that it is through with all that came before the second.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ottla_wire::ApiKey;
use serde_json::{Value, json};

use crate::answer;
use crate::request;
use crate::script::NAMESPACE_PREFIX;
use crate::side::{Received, Side};

/// The connection that barriers have for themselves.
const CONNECTION: &str = "barrier";
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(1);
/// Kafka that needs longer has stopped.
const PATIENCE: Duration = Duration::from_secs(10);

/// A config of a group that nobody is in carries the changes.
#[derive(Debug)]
pub struct Barrier {
    group: String,
    changes: i64,
}

impl Barrier {
    /// One that no other meets.
    #[must_use]
    pub fn new() -> Self {
        static BARRIERS: AtomicU64 = AtomicU64::new(0);
        let barrier = BARRIERS.fetch_add(1, Ordering::Relaxed);
        // It belongs to a namespace, so that it is seen as another script's.
        Self { group: format!("{NAMESPACE_PREFIX}{:05x}{barrier:05x}", std::process::id() & 0xf_ffff), changes: 0 }
    }

    /// Returns when all that was changed before is known everywhere.
    pub fn pass(&mut self, side: &mut dyn Side) {
        self.change(side);
        self.change(side);
    }

    fn change(&mut self, side: &mut dyn Side) {
        self.changes += 1;
        let value = (45_000 + self.changes % 10_000).to_string();
        let config = json!({"name": "consumer.session.timeout.ms", "configOperation": 0, "value": value});
        let resource = json!({"resourceType": 32, "resourceName": self.group, "configs": [config]});
        ask(side, ApiKey::IncrementalAlterConfigs, 1, &json!({"resources": [resource], "validateOnly": false}));
        let keys = json!(["consumer.session.timeout.ms"]);
        let resource = json!({"resourceType": 32, "resourceName": self.group, "configurationKeys": keys});
        let question = json!({"resources": [resource], "includeSynonyms": false, "includeDocumentation": false});
        let from = Instant::now();
        while from.elapsed() < PATIENCE {
            let answer = ask(side, ApiKey::DescribeConfigs, 4, &question);
            if answer.is_some_and(|answer| answer["results"][0]["configs"][0]["value"] == value) {
                return;
            }
            side.wait(PAUSE);
        }
    }
}

impl Default for Barrier {
    fn default() -> Self {
        Self::new()
    }
}

fn ask(side: &mut dyn Side, api: ApiKey, version: i16, body: &Value) -> Option<Value> {
    let frame = request::frame(api, version, 1, body).ok()?;
    if !side.send(CONNECTION, &frame) {
        return None;
    }
    match side.receive(CONNECTION, PATIENCE) {
        Received::Frame(frame) => answer::decode(&frame, api, version).ok(),
        Received::Closed | Received::Silence => None,
    }
}
