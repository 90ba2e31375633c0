//! Properties of brokers that change while they run: what the metadata log says about all brokers, and about this one.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use super::definition::{Definition, Refusal, Update};
use super::error::{BrokerConfigError, ConfigError};
use super::{Config, dynamic_definition};

/// Properties that were changed while brokers ran: only those that can be, with values that are allowed.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Dynamic {
    pub(super) all_brokers: BTreeMap<String, String>,
    pub(super) this_broker: BTreeMap<String, String>,
}

/// For whom a property changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BrokerScope {
    /// For every broker that has no value of its own.
    AllBrokers,
    /// For this broker.
    ThisBroker,
}

/// Sockets are opened before anything is read from the metadata log.
const LISTENERS: [&str; 2] = ["listeners", "listener.security.protocol.map"];

/// Keys and certificates, which Kafka has change for one listener at a time.
const PER_LISTENER: [&str; 10] = [
    "ssl.key.password",
    "ssl.keystore.certificate.chain",
    "ssl.keystore.key",
    "ssl.keystore.location",
    "ssl.keystore.password",
    "ssl.keystore.type",
    "ssl.truststore.certificates",
    "ssl.truststore.location",
    "ssl.truststore.password",
    "ssl.truststore.type",
];

/// Per-broker by what they limit, cluster-wide all the same.
const LIMITS_OF_LISTENERS: [&str; 3] = ["max.connections", "max.connection.creation.rate", "num.network.threads"];

/// Why a property can't change.
enum Fault {
    ReadOnly,
    PerListener,
    BadValue(Refusal),
    PerBroker,
    NotHere,
}

impl Dynamic {
    /// What of two layers can be used.
    fn of(all_brokers: Option<&BTreeMap<String, String>>, this_broker: Option<&BTreeMap<String, String>>) -> Self {
        let usable = |scope, layer: Option<&BTreeMap<String, String>>| {
            let is_usable = |(name, text): &(&String, &String)| fault(scope, name, text).is_none();
            let entries = layer.into_iter().flatten().filter(is_usable);
            entries.map(|(name, text)| (name.clone(), text.clone())).collect()
        };
        Self {
            all_brokers: usable(BrokerScope::AllBrokers, all_brokers),
            this_broker: usable(BrokerScope::ThisBroker, this_broker),
        }
    }

    /// The names that have a value.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.all_brokers.keys().chain(self.this_broker.keys()).map(String::as_str)
    }

    /// The stronger value, as it was given.
    pub(super) fn text(&self, name: &str) -> Option<&String> {
        self.this_broker.get(name).or_else(|| self.all_brokers.get(name))
    }
}

impl Config {
    /// This configuration with what the metadata log says about all brokers and about this one, in place of what it said
    /// before. Values that are not allowed are left out: a running broker must not stop for them.
    ///
    /// # Errors
    /// Where the values contradict each other, or those that were stated.
    pub fn with_dynamic(
        &self,
        all_brokers: Option<&BTreeMap<String, String>>,
        this_broker: Option<&BTreeMap<String, String>>,
    ) -> Result<Self, ConfigError> {
        let mut changed = Self::resolve(self.stated.clone(), Dynamic::of(all_brokers, this_broker))?;
        // What was found out since: who we are, and the ports that the system chose. None of it changes any more.
        changed.node_id = self.node_id;
        changed.listeners.clone_from(&self.listeners);
        changed.advertised_listeners.clone_from(&self.advertised_listeners);
        changed.bugs = self.bugs;
        Ok(changed)
    }

    /// Checks what all brokers, or this one, are to have, where it differs from what they had.
    pub fn check_broker(
        &self,
        scope: BrokerScope,
        before: &BTreeMap<String, String>,
        after: &BTreeMap<String, String>,
    ) -> Result<(), BrokerConfigError> {
        let changed = after.iter().filter(|(name, text)| before.get(*name) != Some(text));
        let faults = changed.filter_map(|(name, text)| fault(scope, name, text).map(|fault| (name.clone(), fault)));
        refuse(faults.collect())?;
        let (all_brokers, this_broker) = match scope {
            BrokerScope::AllBrokers => (after, &self.dynamic.this_broker),
            BrokerScope::ThisBroker => (&self.dynamic.all_brokers, after),
        };
        self.with_dynamic(Some(all_brokers), Some(this_broker)).map(drop).map_err(BrokerConfigError::Conflict)
    }
}

/// Names that nobody knows may be a plugin's: Kafka takes them in.
fn fault(scope: BrokerScope, name: &str, text: &str) -> Option<Fault> {
    let update = Definition::of_broker(name).map(|definition| definition.update);
    if matches!(update, Some(Update::ReadOnly | Update::Internal)) {
        return Some(Fault::ReadOnly);
    }
    if PER_LISTENER.contains(&name) {
        return Some(Fault::PerListener);
    }
    let definition = dynamic_definition(name);
    if let Some(Err(refusal)) = definition.map(|definition| definition.parse(text)) {
        return Some(Fault::BadValue(refusal));
    }
    let is_for_listener = definition.is_some_and(|definition| definition.name != name);
    let is_limit = definition.is_some_and(|definition| LIMITS_OF_LISTENERS.contains(&definition.name));
    let is_per_broker = update == Some(Update::PerBroker) || is_for_listener && !is_limit;
    if scope == BrokerScope::AllBrokers && is_per_broker {
        return Some(Fault::PerBroker);
    }
    LISTENERS.contains(&name).then_some(Fault::NotHere)
}

/// Kafka looks for one kind of fault after another, and names all of that kind.
fn refuse(faults: Vec<(String, Fault)>) -> Result<(), BrokerConfigError> {
    let (mut read_only, mut per_listener, mut bad, mut per_broker, mut not_here) =
        (Vec::new(), Vec::new(), None, Vec::new(), Vec::new());
    for (name, fault) in faults {
        match fault {
            Fault::ReadOnly => read_only.push(name),
            Fault::PerListener => per_listener.push(name),
            Fault::BadValue(refusal) => bad = bad.or(Some(refusal)),
            Fault::PerBroker => per_broker.push(name),
            Fault::NotHere => not_here.push(name),
        }
    }
    if !read_only.is_empty() {
        return Err(BrokerConfigError::ReadOnly(read_only));
    }
    if !per_listener.is_empty() {
        return Err(BrokerConfigError::PerListener(per_listener));
    }
    if let Some(refusal) = bad {
        return Err(BrokerConfigError::BadValue(refusal));
    }
    if !per_broker.is_empty() {
        return Err(BrokerConfigError::PerBroker(per_broker));
    }
    if !not_here.is_empty() {
        return Err(BrokerConfigError::NotHere(not_here));
    }
    Ok(())
}
