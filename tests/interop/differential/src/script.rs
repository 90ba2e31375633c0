//! A script: what is asked, on which connections, in which order. It expects nothing; two brokers play it, and what they
//! answer is compared.
//!
//! In the strings of a request `{ns}` is the script's own namespace, so that scripts don't meet, and `{n}` the number of the
//! step. `{"$": "name"}` stands for what an earlier answer was bound to, and `{"$records": {...}}` for a record batch; see
//! [`request`](crate::request).

use ottla_wire::ApiKey;
use serde_json::{Value, json};

/// What is played as one, in a namespace of its own.
#[derive(Clone, Debug)]
pub struct Script {
    /// For people, and in `docs/differences.md`: `api/ListOffsets/v7`.
    pub name: String,
    /// In order.
    pub steps: Vec<Step>,
}

/// One thing that is done.
#[derive(Clone, Debug)]
pub enum Step {
    /// A request, and its answer awaited.
    Call(Request),
    /// A request alone: other things go on while it waits.
    Begin(Request),
    /// The next answer on this connection is awaited.
    End(String),
    /// The connection is closed by the client.
    Close(String),
    /// Time passes.
    Wait(u64),
}

/// A request.
#[derive(Clone, Debug)]
pub struct Request {
    /// The connection, opened when it is first named or was closed.
    pub conn: String,
    /// What is asked.
    pub api: ApiKey,
    /// In which version.
    pub version: i16,
    /// The message under Kafka's names, with variables.
    pub body: Value,
    /// Variables that the answer binds: name and JSON pointer.
    pub bind: Vec<(String, String)>,
    /// Error codes for which it is sent again for a while: what Kafka does behind an answer takes its time.
    pub again_while: Vec<i16>,
}

impl Request {
    /// On the connection `main`.
    #[must_use]
    pub fn new(api: ApiKey, version: i16, body: Value) -> Self {
        Self { conn: "main".to_owned(), api, version, body, bind: Vec::new(), again_while: Vec::new() }
    }

    /// On another connection.
    #[must_use]
    pub fn on(mut self, conn: &str) -> Self {
        conn.clone_into(&mut self.conn);
        self
    }

    /// Binds a variable to what the answer has at a JSON pointer.
    #[must_use]
    pub fn bind(mut self, name: &str, pointer: &str) -> Self {
        self.bind.push((name.to_owned(), pointer.to_owned()));
        self
    }

    /// Is sent again while the answer has one of these error codes.
    #[must_use]
    pub fn again_while(mut self, codes: &[i16]) -> Self {
        self.again_while.extend_from_slice(codes);
        self
    }
}

/// A variable, as it stands in a request.
#[must_use]
pub fn var(name: &str) -> Value {
    json!({"$": name})
}

impl Script {
    /// An empty one.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), steps: Vec::new() }
    }

    /// A request and its answer.
    pub fn call(&mut self, api: ApiKey, version: i16, body: Value) {
        self.send(Request::new(api, version, body));
    }

    /// A request and its answer.
    pub fn send(&mut self, request: Request) {
        self.steps.push(Step::Call(request));
    }

    /// A request whose answer is awaited later.
    pub fn begin(&mut self, request: Request) {
        self.steps.push(Step::Begin(request));
    }

    /// The next answer on a connection.
    pub fn end(&mut self, conn: &str) {
        self.steps.push(Step::End(conn.to_owned()));
    }

    /// The client closes a connection.
    pub fn close(&mut self, conn: &str) {
        self.steps.push(Step::Close(conn.to_owned()));
    }

    /// Time passes.
    pub fn wait_ms(&mut self, ms: u64) {
        self.steps.push(Step::Wait(ms));
    }

    /// A topic `{ns}-NAME`, waited for until it has its leaders; `id:NAME` is its id.
    pub fn topic(&mut self, name: &str, partitions: i32) {
        self.topic_with(name, partitions, &[]);
    }

    /// As [`Script::topic`], with configs.
    pub fn topic_with(&mut self, name: &str, partitions: i32, configs: &[(&str, &str)]) {
        let configs: Vec<_> = configs.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
        let topic = json!({
            "name": format!("{{ns}}-{name}"), "numPartitions": partitions, "replicationFactor": 1, "configs": configs,
        });
        self.send(
            Request::new(ApiKey::CreateTopics, 7, json!({"topics": [topic], "timeoutMs": 10_000}))
                .bind(&format!("id:{name}"), "/topics/0/topicId"),
        );
        let topics = json!([{"name": format!("{{ns}}-{name}")}]);
        let request = json!({"topics": topics, "allowAutoTopicCreation": false});
        self.send(Request::new(ApiKey::Metadata, 12, request).again_while(&[3, 5, 6]));
        // Metadata may know leaders that don't know it yet.
        let partitions: Vec<_> =
            (0..partitions).map(|index| json!({"partitionIndex": index, "timestamp": -2})).collect();
        let topics = json!([{"name": format!("{{ns}}-{name}"), "partitions": partitions}]);
        let request = json!({"replicaId": -1, "topics": topics});
        self.send(Request::new(ApiKey::ListOffsets, 7, request).again_while(&[3, 5, 6]));
    }

    /// Appends records with these values to a partition of `{ns}-NAME`.
    pub fn produce(&mut self, name: &str, partition: i32, values: &[&str]) {
        let records = json!({"$records": {"values": values}});
        self.send(
            Request::new(ApiKey::Produce, 9, produce_body(&format!("{{ns}}-{name}"), partition, records))
                .again_while(&[3, 5, 6]),
        );
    }

    /// The numbers of the steps that have an answer.
    #[must_use]
    pub fn answers(&self) -> usize {
        self.steps.iter().filter(|step| matches!(step, Step::Call(_) | Step::End(_))).count()
    }

    /// Changes with anything in the script, and with nothing else.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        let mut hash = 0xcbf2_9ce4_8422_2325u64;
        for byte in format!("{self:?}").bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        hash
    }

    /// The namespace in which it is played: of the same length whatever the attempt, and never that of another script.
    #[must_use]
    pub fn namespace(&self, attempt: usize) -> String {
        let mut hash = 0xcbf2_9ce4_8422_2325u64 ^ attempt as u64;
        for byte in self.name.bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        format!("{NAMESPACE_PREFIX}{:010x}", hash & 0xff_ffff_ffff)
    }
}

/// How every namespace begins.
pub const NAMESPACE_PREFIX: &str = "ns";

/// Whether text begins with some namespace.
#[must_use]
pub fn is_in_a_namespace(text: &str) -> bool {
    let rest = text.strip_prefix(NAMESPACE_PREFIX).unwrap_or_default().as_bytes();
    rest.len() >= 10 && rest[..10].iter().all(u8::is_ascii_hexdigit)
}

/// The body of a produce of one record set.
#[must_use]
pub fn produce_body(topic: &str, partition: i32, records: Value) -> Value {
    let partition = json!({"index": partition, "records": records});
    json!({"acks": -1, "timeoutMs": 5000, "topicData": [{"name": topic, "partitionData": [partition]}]})
}
