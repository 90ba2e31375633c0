//! A group's configs: which of the broker's properties stand behind them, and which bound them.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString as _};

use super::Config;
use super::error::ResourceConfigError;
use super::resource::{ResourceKind, Synonyms};

/// The broker's property that gives a group's default.
pub(super) fn broker_synonyms(group_property: &str) -> Synonyms {
    match group_property {
        "consumer.assignment.interval.ms" => &[("group.consumer.assignment.interval.ms", 1)],
        "consumer.heartbeat.interval.ms" => &[("group.consumer.heartbeat.interval.ms", 1)],
        "consumer.session.timeout.ms" => &[("group.consumer.session.timeout.ms", 1)],
        "share.assignment.interval.ms" => &[("group.share.assignment.interval.ms", 1)],
        "share.delivery.count.limit" => &[("group.share.delivery.count.limit", 1)],
        "share.heartbeat.interval.ms" => &[("group.share.heartbeat.interval.ms", 1)],
        "share.partition.max.record.locks" => &[("group.share.partition.max.record.locks", 1)],
        "share.record.lock.duration.ms" => &[("group.share.record.lock.duration.ms", 1)],
        "share.session.timeout.ms" => &[("group.share.session.timeout.ms", 1)],
        "streams.assignment.interval.ms" => &[("group.streams.assignment.interval.ms", 1)],
        "streams.heartbeat.interval.ms" => &[("group.streams.heartbeat.interval.ms", 1)],
        "streams.initial.rebalance.delay.ms" => &[("group.streams.initial.rebalance.delay.ms", 1)],
        "streams.num.standby.replicas" => &[("group.streams.num.standby.replicas", 1)],
        "streams.session.timeout.ms" => &[("group.streams.session.timeout.ms", 1)],
        _ => &[],
    }
}

/// A group's property, and the broker's that say how little and how much it may be.
type Bounds = (&'static str, Option<&'static str>, Option<&'static str>);

const BOUNDS: [Bounds; 13] = [
    between(
        "consumer.heartbeat.interval.ms",
        "group.consumer.min.heartbeat.interval.ms",
        "group.consumer.max.heartbeat.interval.ms",
    ),
    between(
        "consumer.session.timeout.ms",
        "group.consumer.min.session.timeout.ms",
        "group.consumer.max.session.timeout.ms",
    ),
    between(
        "consumer.assignment.interval.ms",
        "group.consumer.min.assignment.interval.ms",
        "group.consumer.max.assignment.interval.ms",
    ),
    between(
        "share.heartbeat.interval.ms",
        "group.share.min.heartbeat.interval.ms",
        "group.share.max.heartbeat.interval.ms",
    ),
    between("share.session.timeout.ms", "group.share.min.session.timeout.ms", "group.share.max.session.timeout.ms"),
    between(
        "share.record.lock.duration.ms",
        "group.share.min.record.lock.duration.ms",
        "group.share.max.record.lock.duration.ms",
    ),
    between(
        "share.delivery.count.limit",
        "group.share.min.delivery.count.limit",
        "group.share.max.delivery.count.limit",
    ),
    between(
        "share.partition.max.record.locks",
        "group.share.min.partition.max.record.locks",
        "group.share.max.partition.max.record.locks",
    ),
    between(
        "share.assignment.interval.ms",
        "group.share.min.assignment.interval.ms",
        "group.share.max.assignment.interval.ms",
    ),
    between(
        "streams.heartbeat.interval.ms",
        "group.streams.min.heartbeat.interval.ms",
        "group.streams.max.heartbeat.interval.ms",
    ),
    between(
        "streams.session.timeout.ms",
        "group.streams.min.session.timeout.ms",
        "group.streams.max.session.timeout.ms",
    ),
    ("streams.num.standby.replicas", None, Some("group.streams.max.standby.replicas")),
    between(
        "streams.assignment.interval.ms",
        "group.streams.min.assignment.interval.ms",
        "group.streams.max.assignment.interval.ms",
    ),
];

const fn between(property: &'static str, lowest: &'static str, highest: &'static str) -> Bounds {
    (property, Some(lowest), Some(highest))
}

impl Config {
    /// The whole number that a group's property holds: its own, or what the broker has for it.
    pub(crate) fn group_count(&self, name: &str, own: Option<&BTreeMap<String, String>>) -> i64 {
        static NOTHING: BTreeMap<String, String> = BTreeMap::new();
        let definition = ResourceKind::Group.known(name);
        let value = self.resource_value(ResourceKind::Group, definition, own.unwrap_or(&NOTHING));
        value.map_or(0, |value| value.integer())
    }

    /// What a group's property holds that is no number: its own, or what the broker has for it.
    pub(crate) fn group_text(&self, name: &str, own: Option<&BTreeMap<String, String>>) -> String {
        static NOTHING: BTreeMap<String, String> = BTreeMap::new();
        let definition = ResourceKind::Group.known(name);
        let value = self.resource_value(ResourceKind::Group, definition, own.unwrap_or(&NOTHING));
        value.map(|value| value.to_string()).unwrap_or_default()
    }

    /// What no single definition can say of a group.
    pub(super) fn check_group(&self, own: &BTreeMap<String, String>) -> Result<(), ResourceConfigError> {
        let refuse = |message: String| Err(ResourceConfigError::Conflict(message));
        let value = |name| {
            let definition = ResourceKind::Group.known(name);
            self.resource_value(ResourceKind::Group, definition, own).map_or(0, |value| value.integer())
        };
        // A default is the broker's own matter.
        for (name, lowest, highest) in BOUNDS.iter().filter(|(name, ..)| own.contains_key(*name)) {
            if let Some(lowest) = lowest.filter(|lowest| value(name) < self.count(lowest)) {
                return refuse(format!("{name} must be greater than or equal to {lowest}"));
            }
            if let Some(highest) = highest.filter(|highest| value(name) > self.count(highest)) {
                return refuse(format!("{name} must be less than or equal to {highest}"));
            }
        }
        for (session, heartbeat) in [
            ("consumer.session.timeout.ms", "consumer.heartbeat.interval.ms"),
            ("share.session.timeout.ms", "share.heartbeat.interval.ms"),
            ("streams.session.timeout.ms", "streams.heartbeat.interval.ms"),
        ] {
            if value(session) <= value(heartbeat) {
                return refuse(format!("{session} must be greater than {heartbeat}"));
            }
        }
        Ok(())
    }
}
