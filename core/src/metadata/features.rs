//! Features and their levels: what a cluster of Kafka 4.3 has, and what a level means for the records.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};

use crate::wire::MetadataRecord;

/// Finalized levels by feature name.
pub type Features = BTreeMap<String, i16>;

/// The feature whose level says which records, in which versions, the metadata log may have.
pub const METADATA_VERSION: &str = "metadata.version";
/// The feature of leaders from outside the in-sync set (KIP-966).
pub const ELIGIBLE_LEADER_REPLICAS_VERSION: &str = "eligible.leader.replicas.version";

/// The feature whose level is the version of the quorum's protocol. It is told by control records, not by the metadata's.
pub const KRAFT_VERSION: &str = "kraft.version";

/// The feature of consumer groups (KIP-848).
pub const GROUP_VERSION: &str = "group.version";

/// The feature of share groups (KIP-932).
pub const SHARE_VERSION: &str = "share.version";

/// The feature of streams groups (KIP-1071).
pub const STREAMS_VERSION: &str = "streams.version";

/// The levels that Kafka 4.3 gives a new cluster, in the order in which it writes them.
pub const FEATURE_LEVELS: [(&str, i16); 6] = [
    (METADATA_VERSION, 30),
    (ELIGIBLE_LEADER_REPLICAS_VERSION, 1),
    (GROUP_VERSION, 1),
    (SHARE_VERSION, 1),
    (STREAMS_VERSION, 1),
    ("transaction.version", 2),
];

/// The levels that a broker of Kafka 4.3 supports: name, lowest, highest.
pub const SUPPORTED_FEATURES: [(&str, i16, i16); 7] = [
    (METADATA_VERSION, 7, 30),
    (KRAFT_VERSION, 0, 1),
    ("transaction.version", 0, 2),
    (GROUP_VERSION, 0, 1),
    (ELIGIBLE_LEADER_REPLICAS_VERSION, 0, 1),
    (SHARE_VERSION, 0, 1),
    (STREAMS_VERSION, 0, 1),
];

/// Levels of `metadata.version` from which on something is so.
pub(super) mod since {
    /// Registrations may be in controlled shutdown.
    pub const MIGRATION: i16 = 8;
    /// There are SCRAM passwords.
    pub const SCRAM: i16 = 11;
    /// Records may stand in transactions.
    pub const TRANSACTIONS: i16 = 13;
    /// Partitions say which log directories their replicas are in.
    pub const DIRECTORIES: i16 = 17;
    /// Partitions have eligible leader replicas.
    pub const ELIGIBLE_LEADERS: i16 = 23;
    /// Registrations have cordoned log directories.
    pub const CORDONED_DIRECTORIES: i16 = 30;
}

/// The levels of `metadata.version` with which records came that those before can't have.
const LEVELS_WITH_NEW_RECORDS: [i16; 9] = [7, 8, 11, 13, 14, 15, 17, 23, 30];

/// Whether nothing of the metadata is lost when its level falls.
#[must_use]
pub fn is_metadata_kept(from: i16, to: i16) -> bool {
    !LEVELS_WITH_NEW_RECORDS.iter().any(|level| (to + 1..=from).contains(level))
}

/// What a feature needs of others to have a level, and does not find among the levels that are `proposed`, in Kafka's words.
#[must_use]
pub fn unmet_dependency(feature: &str, level: i16, proposed: &Features) -> Option<String> {
    let (lowest, lowest_name) = (SUPPORTED_FEATURES[0].1, "3.3-IV3");
    let have = metadata_version(proposed);
    if level < 1 {
        return None;
    }
    let because = format!("{feature} could not be set to {level} because it depends on {METADATA_VERSION}");
    if have < lowest {
        return Some(format!("{because}={lowest} ({lowest_name})"));
    }
    let needed = if feature == ELIGIBLE_LEADER_REPLICAS_VERSION { since::ELIGIBLE_LEADERS } else { lowest };
    (have < needed).then(|| format!("{because} level {needed}"))
}

/// The level of `metadata.version`; a log that names none is of a time before it.
#[must_use]
pub fn metadata_version(features: &Features) -> i16 {
    features.get(METADATA_VERSION).copied().unwrap_or(0)
}

/// Whether the metadata may hold SCRAM passwords.
#[must_use]
pub fn is_scram_supported(features: &Features) -> bool {
    metadata_version(features) >= since::SCRAM
}

/// Whether a leader may come from outside the in-sync set.
#[must_use]
pub fn is_elr_enabled(features: &Features) -> bool {
    features.get(ELIGIBLE_LEADER_REPLICAS_VERSION).is_some_and(|level| *level > 0)
}

/// Whether groups may use the consumer protocol.
#[must_use]
pub fn is_consumer_protocol_enabled(features: &Features) -> bool {
    features.get(GROUP_VERSION).is_some_and(|level| *level > 0)
}

/// Whether groups may use the share protocol.
#[must_use]
pub fn is_share_protocol_enabled(features: &Features) -> bool {
    features.get(SHARE_VERSION).is_some_and(|level| *level > 0)
}

/// Whether groups may use the streams protocol.
#[must_use]
pub fn is_streams_protocol_enabled(features: &Features) -> bool {
    features.get(STREAMS_VERSION).is_some_and(|level| *level > 0)
}

/// The levels that these records finalize.
#[must_use]
pub fn features_of(records: &[MetadataRecord]) -> Features {
    let mut features = Features::new();
    for record in records {
        if let MetadataRecord::FeatureLevel(record) = record {
            features.insert(record.name.to_string(), record.feature_level);
        }
    }
    features
}
