//! What one client is asked for: all subscriptions that are for it, taken together.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use crate::coordinators::java_hash;
use crate::metadata::{ConfigResource, MetadataImage};
use crate::records::crc32c;
use crate::whole_match::WholeMatch;
use crate::wire::Uuid;

/// Stands for all metrics.
const ALL: &str = "*";
/// Five minutes, where no subscription says otherwise.
const INTERVAL_MAX_MS: i32 = 300_000;
/// Hash sets of Java begin with so many buckets.
const BUCKETS_MIN: usize = 16;

/// What subscriptions can tell a client by.
#[derive(Clone, Debug, Default)]
pub(crate) struct Attributes {
    pub(crate) instance_id: Uuid,
    pub(crate) client_id: Option<String>,
    pub(crate) software_name: String,
    pub(crate) software_version: String,
    /// As Java writes it.
    pub(crate) address: String,
    pub(crate) port: u16,
}

/// What a client is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Subscription {
    /// Changes with the rest.
    pub(crate) id: i32,
    /// The shortest interval of all.
    pub(crate) interval_ms: i32,
    /// Beginnings of names, in Kafka's order; all are `*`.
    pub(crate) metrics: Vec<String>,
}

impl Subscription {
    pub(crate) fn of(attributes: &Attributes, image: &MetadataImage) -> Self {
        let mut metrics = Vec::new();
        let mut interval_ms = INTERVAL_MAX_MS;
        for (resource, own) in &image.configs {
            if !matches!(resource, ConfigResource::ClientMetrics(_)) || !is_match(&list(own, "match"), attributes) {
                continue;
            }
            metrics.extend(list(own, "metrics"));
            let own_ms = own.get("interval.ms").and_then(|text| text.trim().parse().ok());
            interval_ms = interval_ms.min(own_ms.unwrap_or(INTERVAL_MAX_MS));
        }
        let metrics = if metrics.iter().any(|metric| metric == ALL) { vec![ALL.into()] } else { hashed(metrics) };
        let text = format!("[{}]{interval_ms}", metrics.join(", "));
        let id = crc32c(text.as_bytes()).cast_signed() ^ uuid_hash(attributes.instance_id);
        Self { id, interval_ms, metrics }
    }
}

fn list(own: &BTreeMap<String, String>, name: &str) -> Vec<String> {
    let entries = own.get(name).into_iter().flat_map(|text| text.split(',')).map(str::trim);
    entries.filter(|entry| !entry.is_empty()).map(String::from).collect()
}

/// Whether a client has all that is asked of it. Of two patterns for the same the last counts.
fn is_match(patterns: &[String], attributes: &Attributes) -> bool {
    let parts = patterns.iter().filter_map(|pattern| pattern.split_once('='));
    let of_selector: BTreeMap<_, _> = parts.map(|(selector, pattern)| (selector.trim(), pattern.trim())).collect();
    of_selector.into_iter().all(|(selector, pattern)| {
        let Some(attribute) = attributes.get(selector) else { return false };
        // One that another Kafka took, but not the engine, matches nothing.
        WholeMatch::of_java(pattern).is_ok_and(|pattern| pattern.matches(&attribute))
    })
}

impl Attributes {
    fn get(&self, selector: &str) -> Option<String> {
        match selector {
            "client_instance_id" => Some(self.instance_id.to_string()),
            "client_id" => self.client_id.clone(),
            "client_software_name" => Some(self.software_name.clone()),
            "client_software_version" => Some(self.software_version.clone()),
            "client_source_address" => Some(self.address.clone()),
            "client_source_port" => Some(self.port.to_string()),
            _ => None,
        }
    }
}

/// Each once, in the order of a hash set of Java's, which the id depends on.
fn hashed(mut metrics: Vec<String>) -> Vec<String> {
    metrics.sort();
    metrics.dedup();
    let mut buckets = BUCKETS_MIN;
    while metrics.len() * 4 > buckets * 3 {
        buckets *= 2;
    }
    metrics.sort_by_key(|metric| {
        let hash = java_hash(metric).cast_unsigned();
        (hash ^ (hash >> 16)) as usize & (buckets - 1)
    });
    metrics
}

fn uuid_hash(id: Uuid) -> i32 {
    let folded = (id.0 >> 64) as u64 ^ id.0 as u64;
    ((folded >> 32) as u32 ^ folded as u32).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(subscriptions: &[(&str, &[(&str, &str)])]) -> MetadataImage {
        let mut image = MetadataImage::default();
        for (name, configs) in subscriptions {
            let own = configs.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
            image.configs.insert(ConfigResource::ClientMetrics((*name).into()), own);
        }
        image
    }

    fn client() -> Attributes {
        Attributes {
            instance_id: Uuid(0x16),
            client_id: Some("app".into()),
            software_name: "raw".into(),
            software_version: "1.0".into(),
            address: "127.0.0.1".into(),
            port: 50_000,
        }
    }

    /// What Apache Kafka 4.3.1 answered for the same.
    #[test]
    fn ids_and_the_order_of_metrics_are_kafkas() {
        let metrics = "org.apache.kafka.producer.,org.apache.kafka.consumer.,zeta,alpha,org.x";
        let one = [("s1", &[("metrics", metrics), ("interval.ms", "1000"), ("match", "client_id=ap+")][..])];
        let asked = Subscription::of(&client(), &image(&one));
        let order = ["org.apache.kafka.producer.", "zeta", "org.apache.kafka.consumer.", "alpha", "org.x"];
        assert_eq!(asked.metrics, order);
        assert_eq!((asked.id.cast_unsigned(), asked.interval_ms), (0x8b49_63e9, 1000));
        let nothing = Subscription::of(&client(), &image(&[]));
        assert_eq!(nothing.id.cast_unsigned(), 0xd4c7_5bc8);
        let all = [one[0], ("s2", &[("metrics", "*"), ("interval.ms", "100")][..])];
        let asked = Subscription::of(&Attributes { instance_id: Uuid(0x1b), ..client() }, &image(&all));
        assert_eq!((asked.id.cast_unsigned(), asked.metrics), (0x359e_fcba, vec!["*".into()]));
    }

    #[test]
    fn a_subscription_is_for_clients_that_have_all_that_it_names() {
        let is_for = |pattern: &str| {
            let image = image(&[("one", &[("metrics", "a"), ("match", pattern)])]);
            !Subscription::of(&client(), &image).metrics.is_empty()
        };
        for pattern in [
            "",
            "client_id=a..",
            "client_id=ap+,client_software_name=r.w,client_software_version=1\\.0",
            "client_source_address=127.*",
            "client_source_port=50000",
            "client_instance_id=AAAAAAAAAAAAAAAAAAAAFg",
            "client_id=no,client_id=app",
        ] {
            assert!(is_for(pattern), "{pattern}");
        }
        for pattern in ["client_id=ap", "client_id=pp", "client_id=app,client_software_name=x", "client_id=("] {
            assert!(!is_for(pattern), "{pattern}");
        }
    }
}
