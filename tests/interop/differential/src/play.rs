//! A script is played on one side: requests go out, answers are written down as they come.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use ottla_wire::ApiKey;
use serde_json::{Value, json};

use crate::answer;
use crate::request::{self, Variables};
use crate::script::{Request, Script, Step};
use crate::side::{Received, Side};

/// Longer than any answer of a broker that is well takes.
const PATIENCE: Duration = Duration::from_secs(6);
/// For what is not answered at all.
const SILENCE: Duration = Duration::from_millis(300);
/// Between two attempts of a request that is sent again.
const AGAIN: Duration = Duration::from_millis(25);
/// So often a request is sent again.
const ATTEMPTS: usize = 120;

/// What one side answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Transcript {
    /// When it began and ended, in milliseconds since 1970 by the broker's clock.
    pub from_ms: i64,
    /// See `from_ms`.
    pub to_ms: i64,
    /// For each step with an answer what came: `{"answer": ...}`, `"closed"`, `"silence"`, or why nothing was sent.
    pub outcomes: Vec<Value>,
}

/// A request as it was sent, for people.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// The step's number.
    pub step: usize,
    /// What was asked.
    pub api: ApiKey,
    /// In which version.
    pub version: i16,
}

/// What the outcomes of a script belong to, one for each of them.
#[must_use]
pub fn asked(script: &Script) -> Vec<Asked> {
    let mut begun = BTreeMap::<&str, VecDeque<Asked>>::new();
    let mut all = Vec::new();
    for (step, what) in script.steps.iter().enumerate() {
        match what {
            Step::Call(request) => all.push(Asked { step, api: request.api, version: request.version }),
            Step::Begin(request) => {
                let asked = Asked { step, api: request.api, version: request.version };
                begun.entry(&request.conn).or_default().push_back(asked);
            }
            Step::End(conn) => all.extend(begun.entry(conn).or_default().pop_front()),
            Step::Close(conn) => begun.entry(conn).or_default().clear(),
            Step::Wait(_) => {}
        }
    }
    all
}

/// Plays `script` in a namespace.
pub fn play(script: &Script, namespace: &str, side: &mut dyn Side) -> Transcript {
    let from_ms = side.now_ms();
    let mut play = Play { side, namespace, variables: Variables::new(), begun: BTreeMap::new(), sent: 0 };
    let mut outcomes = Vec::new();
    for (step, what) in script.steps.iter().enumerate() {
        match what {
            Step::Call(request) => outcomes.push(play.call(step, request)),
            Step::Begin(request) => {
                let begun = play.begin(step, request);
                play.begun.entry(request.conn.clone()).or_default().push_back((begun, request.clone()));
            }
            Step::End(conn) => {
                if let Some((begun, request)) = play.begun.entry(conn.clone()).or_default().pop_front() {
                    outcomes.push(play.finish(begun, &request));
                }
            }
            Step::Close(conn) => {
                play.begun.entry(conn.clone()).or_default().clear();
                play.side.close(conn);
            }
            Step::Wait(ms) => play.side.wait(Duration::from_millis(*ms)),
        }
    }
    Transcript { from_ms, to_ms: side.now_ms(), outcomes }
}

/// A request that was sent, by its correlation id, or what became of it at once.
type Begun = (Result<i32, Value>, Request);

struct Play<'a> {
    side: &'a mut dyn Side,
    namespace: &'a str,
    variables: Variables,
    begun: BTreeMap<String, VecDeque<Begun>>,
    sent: i32,
}

impl Play<'_> {
    fn call(&mut self, step: usize, request: &Request) -> Value {
        let mut outcome = Value::Null;
        for _ in 0..ATTEMPTS {
            let begun = self.begin(step, request);
            outcome = self.finish(begun, request);
            if !has_error(&outcome, &request.again_while) {
                break;
            }
            self.side.wait(AGAIN);
        }
        outcome
    }

    /// The correlation id, or what is known at once.
    fn begin(&mut self, step: usize, request: &Request) -> Result<i32, Value> {
        self.sent += 1;
        let body = request::fill(&request.body, self.namespace, step, &self.variables);
        let frame =
            request::frame(request.api, request.version, self.sent, &body).map_err(|why| json!({"unsent": why}))?;
        if self.side.send(&request.conn, &frame) { Ok(self.sent) } else { Err(json!("closed")) }
    }

    fn finish(&mut self, begun: Result<i32, Value>, request: &Request) -> Value {
        let correlation_id = match begun {
            Ok(correlation_id) => correlation_id,
            Err(outcome) => return outcome,
        };
        let is_silent = request.api == ApiKey::Produce && request.body["acks"] == 0;
        let patience = if is_silent { SILENCE } else { PATIENCE };
        let frame = match self.side.receive(&request.conn, patience) {
            Received::Frame(frame) => frame,
            Received::Closed => return json!("closed"),
            Received::Silence if is_silent => return json!("silence"),
            Received::Silence => {
                // Its answer must not be taken for that of the next.
                self.side.close(&request.conn);
                return json!("silence");
            }
        };
        if changes_metadata(request.api) {
            self.side.settle();
        }
        if answer::correlation_id(&frame) != Some(correlation_id) {
            return json!({"answerTo": "another request"});
        }
        match answer::decode(&frame, request.api, request.version) {
            Err(why) => json!({"undecodable": why}),
            Ok(answer) => {
                for (name, pointer) in &request.bind {
                    if let Some(value) = answer.pointer(pointer) {
                        self.variables.insert(name.clone(), value.clone());
                    }
                }
                json!({"answer": answer})
            }
        }
    }
}

/// Whether any error code in it is one of these.
fn has_error(value: &Value, codes: &[i16]) -> bool {
    match value {
        Value::Array(elements) => elements.iter().any(|element| has_error(element, codes)),
        Value::Object(fields) => fields.iter().any(|(name, value)| {
            let is_one = || value.as_i64().is_some_and(|code| codes.iter().any(|one| i64::from(*one) == code));
            (is_error_code(name) && is_one()) || has_error(value, codes)
        }),
        _ => false,
    }
}

/// `errorCode`, `partitionErrorCode`.
fn is_error_code(name: &str) -> bool {
    name.ends_with("rrorCode")
}

fn changes_metadata(api: ApiKey) -> bool {
    matches!(
        api,
        ApiKey::CreateTopics
            | ApiKey::DeleteTopics
            | ApiKey::CreatePartitions
            | ApiKey::AlterConfigs
            | ApiKey::IncrementalAlterConfigs
            | ApiKey::AlterClientQuotas
            | ApiKey::AlterUserScramCredentials
            | ApiKey::UpdateFeatures
            | ApiKey::ElectLeaders
            | ApiKey::AlterPartitionReassignments
    )
}
