//! All scripts: those made for each API in each version, with one thing wrong at a time, and those made by hand.

pub mod captures;
pub mod consumer_groups;
pub mod generated;
pub mod groups;
pub mod probes;
pub mod records;
pub mod topics;
pub mod transactions;

use ottla_wire::ApiKey;

use crate::script::Script;

/// Served, and not asked yet: a list that must shrink.
pub const NOT_YET: &[ApiKey] = &[
    ApiKey::AddRaftVoter,
    ApiKey::AlterShareGroupOffsets,
    ApiKey::DeleteShareGroupOffsets,
    ApiKey::DeleteShareGroupState,
    ApiKey::DescribeQuorum,
    ApiKey::DescribeShareGroupOffsets,
    ApiKey::InitializeShareGroupState,
    ApiKey::ReadShareGroupState,
    ApiKey::ReadShareGroupStateSummary,
    ApiKey::RemoveRaftVoter,
    ApiKey::ShareGroupDescribe,
    ApiKey::ShareGroupHeartbeat,
    ApiKey::UnregisterBroker,
    ApiKey::UpdateFeatures,
    ApiKey::WriteShareGroupState,
    // Being built.
    ApiKey::AlterClientQuotas,
    ApiKey::AlterReplicaLogDirs,
    ApiKey::AlterUserScramCredentials,
    ApiKey::DescribeClientQuotas,
    ApiKey::DescribeUserScramCredentials,
    ApiKey::GetTelemetrySubscriptions,
    ApiKey::PushTelemetry,
    ApiKey::ShareAcknowledge,
    ApiKey::ShareFetch,
    ApiKey::StreamsGroupDescribe,
    ApiKey::StreamsGroupHeartbeat,
];

/// Every script, always in the same order: those that wait for long come first.
#[must_use]
pub fn all() -> Vec<Script> {
    let mut all = transactions::all();
    all.extend(groups::all());
    all.extend(consumer_groups::all());
    all.extend(records::all());
    all.extend(topics::all());
    all.extend(captures::all());
    all.extend(generated::all());
    all
}
