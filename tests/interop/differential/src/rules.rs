//! What differs by nature between two brokers that do the same: the whole list.
//!
//! Ids are given names, `<member 1>` for the first that is seen, so that the same id again is compared. Times are aside only
//! where they lie within the script's own time. Arrays are sorted only where Kafka's order is that of a hash map.

use std::collections::BTreeMap;

use ottla_wire::ApiKey;
use serde_json::{Map, Value, json};

use crate::play::{Asked, Transcript};
use crate::script::is_in_a_namespace;

/// What is done with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// An id gets a name of this kind. None, zero and empty stay what they are.
    Name(&'static str),
    /// A time within the script's own becomes `<time>`.
    Time,
    /// The elements of an array stand in the order of this field; of themselves, where it is empty.
    Sort(&'static str),
    /// Elements that belong to other scripts, by this field, are left out.
    Own(&'static str),
    /// Elements with this field's value are left out.
    Without(&'static str, &'static str),
    /// Any number above zero becomes `<some>`.
    Some,
    /// Any number becomes `<number>`.
    Any,
    /// Words for people become `<text>`: whether there are any is compared, each broker chooses its own.
    Text,
}

/// Rules by API (`*`: all) and field, with `[]` for the elements of an array; a leading `*.` stands for any path.
pub const RULES: &[(&str, &str, Rule)] = &[
    // Ids that a broker draws.
    ("*", "*.topicId", Rule::Name("topic")),
    ("*", "*.memberId", Rule::Name("member")),
    ("JoinGroup", "leader", Rule::Name("member")),
    ("*", "*.producerId", Rule::Name("producer")),
    ("*", "clusterId", Rule::Name("cluster")),
    ("Fetch", "sessionId", Rule::Name("session")),
    // Where it runs.
    ("*", "*.host", Rule::Name("host")),
    ("*", "*.port", Rule::Name("port")),
    ("DescribeGroups", "*.clientHost", Rule::Name("client host")),
    ("*", "*.clientHost", Rule::Name("client host")),
    ("DescribeLogDirs", "results[].logDir", Rule::Name("directory")),
    // How much room there is, and how far its metadata log is.
    ("DescribeLogDirs", "results[].totalBytes", Rule::Some),
    ("DescribeLogDirs", "results[].usableBytes", Rule::Some),
    ("ApiVersions", "finalizedFeaturesEpoch", Rule::Some),
    // Of the metadata log.
    ("DescribeQuorum", "*.leaderEpoch", Rule::Some),
    ("DescribeQuorum", "*.highWatermark", Rule::Some),
    ("DescribeQuorum", "*.logEndOffset", Rule::Some),
    ("DescribeQuorum", "*.replicaDirectoryId", Rule::Name("directory")),
    ("*", "clientInstanceId", Rule::Name("instance")),
    // A sum of what is wanted and of the client's id.
    ("GetTelemetrySubscriptions", "subscriptionId", Rule::Any),
    // Times.
    ("DescribeQuorum", "*.lastFetchTimestamp", Rule::Time),
    ("DescribeQuorum", "*.lastCaughtUpTimestamp", Rule::Time),
    ("Produce", "*.logAppendTimeMs", Rule::Time),
    ("ListOffsets", "*.timestamp", Rule::Time),
    ("Fetch", "*.baseTimestamp", Rule::Time),
    ("Fetch", "*.maxTimestamp", Rule::Time),
    ("DescribeTransactions", "*.transactionStartTimeMs", Rule::Time),
    ("DescribeProducers", "*.lastTimestamp", Rule::Time),
    // Words for people.
    ("Produce", "*.errorMessage", Rule::Text),
    ("Produce", "*.batchIndexErrorMessage", Rule::Text),
    ("DescribeConfigs", "*.documentation", Rule::Text),
    ("DescribeConfigs", "results[].errorMessage", Rule::Text),
    // What other scripts do.
    ("Metadata", "topics", Rule::Own("name")),
    ("DescribeTopicPartitions", "topics", Rule::Own("name")),
    ("ListGroups", "groups", Rule::Own("groupId")),
    ("ListGroups", "groups", Rule::Without("groupId", "")),
    ("ListGroups", "groups", Rule::Without("groupId", " ")),
    ("ListGroups", "groups", Rule::Without("groupId", "..")),
    ("ListGroups", "groups", Rule::Without("groupId", "a b")),
    ("ListGroups", "groups", Rule::Without("groupId", "ü☃")),
    ("ListTransactions", "transactionStates", Rule::Own("transactionalId")),
    ("DescribeLogDirs", "results[].topics", Rule::Own("name")),
    ("ListConfigResources", "configResources", Rule::Own("resourceName")),
    ("ElectLeaders", "replicaElectionResults", Rule::Own("topic")),
    ("DescribeLogDirs", "results[].topics", Rule::Without("name", "__consumer_offsets")),
    ("DescribeLogDirs", "results[].topics", Rule::Without("name", "__transaction_state")),
    ("DescribeLogDirs", "results[].topics", Rule::Without("name", "__share_group_state")),
    ("DescribeClientQuotas", "entries", Rule::Own("entity")),
    ("DescribeUserScramCredentials", "results", Rule::Own("user")),
    // Kafka's hash maps.
    ("ApiVersions", "supportedFeatures", Rule::Sort("name")),
    ("ApiVersions", "finalizedFeatures", Rule::Sort("name")),
    ("AddPartitionsToTxn", "resultsByTopicV3AndBelow", Rule::Sort("name")),
    ("AddPartitionsToTxn", "resultsByTopicV3AndBelow[].resultsByPartition", Rule::Sort("partitionIndex")),
    ("ConsumerGroupDescribe", "groups", Rule::Sort("groupId")),
    ("ConsumerGroupDescribe", "groups[].members", Rule::Sort("memberId")),
    ("DeleteGroups", "results", Rule::Sort("groupId")),
    ("AlterClientQuotas", "entries[].entity", Rule::Sort("entityType")),
    ("DescribeClientQuotas", "entries", Rule::Sort("")),
    ("DescribeClientQuotas", "entries[].entity", Rule::Sort("entityType")),
    ("DescribeClientQuotas", "entries[].values", Rule::Sort("key")),
    ("DescribeUserScramCredentials", "results", Rule::Sort("user")),
    ("AlterUserScramCredentials", "results", Rule::Sort("user")),
    ("DeleteRecords", "topics", Rule::Sort("name")),
    ("DeleteRecords", "topics[].partitions", Rule::Sort("partitionIndex")),
    ("DeleteTopics", "responses", Rule::Sort("name")),
    ("DescribeGroups", "groups[].members", Rule::Sort("memberId")),
    ("ShareGroupDescribe", "groups", Rule::Sort("groupId")),
    ("ShareGroupDescribe", "groups[].members", Rule::Sort("memberId")),
    ("ShareGroupDescribe", "groups[].members[].subscribedTopicNames", Rule::Sort("")),
    ("StreamsGroupDescribe", "groups", Rule::Sort("groupId")),
    ("StreamsGroupDescribe", "groups[].members", Rule::Sort("memberId")),
    ("DescribeTransactions", "transactionStates[].topics", Rule::Sort("topic")),
    ("DescribeTransactions", "transactionStates[].topics[].partitions", Rule::Sort("")),
    ("ElectLeaders", "replicaElectionResults", Rule::Sort("topic")),
    ("Fetch", "responses[].partitions", Rule::Sort("partitionIndex")),
    ("JoinGroup", "members", Rule::Sort("memberId")),
    ("ListOffsets", "topics", Rule::Sort("name")),
    ("ListOffsets", "topics[].partitions", Rule::Sort("partitionIndex")),
    ("Metadata", "topics", Rule::Sort("name")),
    ("ListGroups", "groups", Rule::Sort("groupId")),
    ("ListTransactions", "transactionStates", Rule::Sort("transactionalId")),
    ("DescribeLogDirs", "results[].topics", Rule::Sort("name")),
    ("DescribeLogDirs", "results[].topics[].partitions", Rule::Sort("partitionIndex")),
    ("DescribeConfigs", "results[].configs", Rule::Sort("name")),
    ("ListConfigResources", "configResources", Rule::Sort("resourceName")),
    ("ListConfigResources", "configResources", Rule::Sort("resourceType")),
];

/// The outcomes of one side, with what differs by nature aside.
#[must_use]
pub fn aside(transcript: &Transcript, asked: &[Asked], namespace: &str) -> Vec<Value> {
    let mut names = Names { transcript, namespace, known: BTreeMap::new(), counts: BTreeMap::new() };
    let mut outcomes = Vec::new();
    for (outcome, asked) in transcript.outcomes.iter().zip(asked) {
        let mut outcome = outcome.clone();
        if let Some(answer) = outcome.get_mut("answer") {
            arrange(answer, asked.api, "", names.namespace);
            names.give(answer, asked.api, "");
        }
        outcomes.push(outcome);
    }
    // A name may be known only from a later answer than a text that has the id in it; and by the names, not by the ids, the
    // elements of an array have an order.
    let mut named: Vec<_> = outcomes.iter().map(|outcome| names.in_texts(outcome)).collect();
    for (outcome, asked) in named.iter_mut().zip(asked) {
        if let Some(answer) = outcome.get_mut("answer") {
            arrange(answer, asked.api, "", "{ns}");
        }
    }
    named
}

/// The rules for a field.
fn rules(api: ApiKey, path: &str) -> impl Iterator<Item = Rule> {
    let matching =
        RULES.iter().filter(move |(of, pattern, _)| (*of == "*" || *of == api.name()) && is_like(pattern, path));
    matching.map(|(_, _, rule)| *rule)
}

/// Whether a path is that of a pattern.
#[must_use]
pub fn is_like(pattern: &str, path: &str) -> bool {
    match pattern.strip_prefix("*.") {
        Some(end) => path == end || path.strip_suffix(end).is_some_and(|before| before.ends_with('.')),
        None => pattern == "*" || pattern == path,
    }
}

/// The path of a field below `path`.
fn below(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// Leaves out and sorts.
fn arrange(value: &mut Value, api: ApiKey, path: &str, namespace: &str) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields.iter_mut() {
                arrange(value, api, &below(path, name), namespace);
            }
        }
        Value::Array(elements) => {
            let inner = format!("{path}[]");
            elements.iter_mut().for_each(|element| arrange(element, api, &inner, namespace));
            for rule in rules(api, path) {
                match rule {
                    Rule::Own(field) => elements.retain(|element| is_own(&element[field], namespace)),
                    Rule::Without(field, value) => elements.retain(|element| element[field] != value),
                    Rule::Sort("") => elements.sort_by_key(Value::to_string),
                    Rule::Sort(field) => elements.sort_by_key(|element| element[field].to_string()),
                    _ => {}
                }
            }
        }
        _ => {}
    }
}

fn is_own(name: &Value, namespace: &str) -> bool {
    match name {
        Value::String(name) => name.starts_with(namespace) || !is_in_a_namespace(name),
        Value::Array(elements) => elements.iter().all(|element| is_own(element, namespace)),
        Value::Object(fields) => fields.values().all(|value| is_own(value, namespace)),
        _ => true,
    }
}

struct Names<'a> {
    transcript: &'a Transcript,
    namespace: &'a str,
    /// Ids by kind, as JSON, and the names that they were given.
    known: BTreeMap<(&'static str, String), String>,
    counts: BTreeMap<&'static str, usize>,
}

impl Names<'_> {
    fn give(&mut self, value: &mut Value, api: ApiKey, path: &str) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields.iter_mut() {
                    self.give(value, api, &below(path, name));
                }
            }
            Value::Array(elements) => {
                let inner = format!("{path}[]");
                elements.iter_mut().for_each(|element| self.give(element, api, &inner));
            }
            leaf => {
                for rule in rules(api, path) {
                    self.apply(leaf, rule);
                }
            }
        }
    }

    fn apply(&mut self, leaf: &mut Value, rule: Rule) {
        match rule {
            Rule::Name(kind) if !is_none(leaf) => *leaf = json!(self.name(kind, leaf)),
            Rule::Time if leaf.as_i64().is_some_and(|time| self.is_now(time)) => *leaf = json!("<time>"),
            Rule::Some if leaf.as_i64().is_some_and(|number| number > 0) => *leaf = json!("<some>"),
            Rule::Any if leaf.is_number() => *leaf = json!("<number>"),
            Rule::Text if leaf.as_str().is_some_and(|text| !text.is_empty()) => *leaf = json!("<text>"),
            _ => {}
        }
    }

    fn name(&mut self, kind: &'static str, id: &Value) -> String {
        let count = self.counts.entry(kind).or_default();
        let known = self.known.entry((kind, id.as_str().map_or_else(|| id.to_string(), str::to_owned)));
        known
            .or_insert_with(|| {
                *count += 1;
                format!("<{kind} {count}>")
            })
            .clone()
    }

    fn is_now(&self, time_ms: i64) -> bool {
        const SLACK_MS: i64 = 2000;
        (self.transcript.from_ms - SLACK_MS..=self.transcript.to_ms + SLACK_MS).contains(&time_ms)
    }

    /// Puts names in place of ids within texts, and `{ns}` in place of the namespace.
    fn in_texts(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => {
                let mut text = text.clone();
                for ((_, id), name) in self.known.iter().filter(|((_, id), _)| id.len() >= 16) {
                    text = text.replace(id, name);
                }
                Value::String(text.replace(self.namespace, "{ns}"))
            }
            Value::Array(elements) => elements.iter().map(|element| self.in_texts(element)).collect(),
            Value::Object(fields) => Value::Object(
                fields.iter().map(|(name, value)| (name.clone(), self.in_texts(value))).collect::<Map<_, _>>(),
            ),
            other => other.clone(),
        }
    }
}

/// What stands for no id.
fn is_none(id: &Value) -> bool {
    match id {
        Value::String(text) => text.is_empty() || text == "AAAAAAAAAAAAAAAAAAAAAA",
        Value::Number(number) => number.as_i64().is_some_and(|number| number <= 0),
        _ => true,
    }
}
