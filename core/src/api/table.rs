//! The APIs that are served, and in which versions: exactly those of Apache Kafka 4.3, for a client infers the
//! broker's release from them.

use core::ops::RangeInclusive;

use crate::wire::ApiKey;

/// A served API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Api {
    /// Which.
    pub key: ApiKey,
    /// The versions that are served. A request in any other closes its connection, but for ApiVersions.
    pub versions: RangeInclusive<i16>,
    /// The first version that is advertised.
    pub advertised_from: i16,
    /// Whether ApiVersions tells of it.
    pub is_advertised: bool,
}

/// By number.
pub static TABLE: &[Api] = &[
    // Versions 0 to 2 are refused, but old librdkafka turns compression off where they are missing.
    Api { key: ApiKey::Produce, versions: 3..=13, advertised_from: 0, is_advertised: true },
    serve(ApiKey::Fetch, 4, 18),
    serve(ApiKey::ListOffsets, 1, 11),
    serve(ApiKey::Metadata, 0, 13),
    serve(ApiKey::OffsetCommit, 2, 10),
    serve(ApiKey::OffsetFetch, 1, 10),
    serve(ApiKey::FindCoordinator, 0, 6),
    serve(ApiKey::JoinGroup, 0, 9),
    serve(ApiKey::Heartbeat, 0, 4),
    serve(ApiKey::LeaveGroup, 0, 5),
    serve(ApiKey::SyncGroup, 0, 5),
    serve(ApiKey::DescribeGroups, 0, 6),
    serve(ApiKey::ListGroups, 0, 5),
    serve(ApiKey::SaslHandshake, 0, 1),
    serve(ApiKey::ApiVersions, 0, 4),
    serve(ApiKey::CreateTopics, 2, 7),
    serve(ApiKey::DeleteTopics, 1, 6),
    serve(ApiKey::DeleteRecords, 0, 2),
    serve(ApiKey::InitProducerId, 0, 5),
    serve(ApiKey::OffsetForLeaderEpoch, 2, 4),
    serve(ApiKey::AddPartitionsToTxn, 0, 5),
    serve(ApiKey::AddOffsetsToTxn, 0, 4),
    serve(ApiKey::EndTxn, 0, 5),
    serve(ApiKey::WriteTxnMarkers, 1, 2),
    serve(ApiKey::TxnOffsetCommit, 0, 5),
    serve(ApiKey::DescribeAcls, 1, 3),
    serve(ApiKey::CreateAcls, 1, 3),
    serve(ApiKey::DeleteAcls, 1, 3),
    serve(ApiKey::DescribeConfigs, 1, 4),
    serve(ApiKey::AlterConfigs, 0, 2),
    serve(ApiKey::AlterReplicaLogDirs, 1, 2),
    serve(ApiKey::DescribeLogDirs, 1, 5),
    serve(ApiKey::SaslAuthenticate, 0, 2),
    serve(ApiKey::CreatePartitions, 0, 3),
    serve(ApiKey::CreateDelegationToken, 1, 3),
    serve(ApiKey::RenewDelegationToken, 1, 2),
    serve(ApiKey::ExpireDelegationToken, 1, 2),
    serve(ApiKey::DescribeDelegationToken, 1, 3),
    serve(ApiKey::DeleteGroups, 0, 2),
    serve(ApiKey::ElectLeaders, 0, 2),
    serve(ApiKey::IncrementalAlterConfigs, 0, 1),
    serve(ApiKey::AlterPartitionReassignments, 0, 1),
    serve(ApiKey::ListPartitionReassignments, 0, 0),
    serve(ApiKey::OffsetDelete, 0, 0),
    serve(ApiKey::DescribeClientQuotas, 0, 1),
    serve(ApiKey::AlterClientQuotas, 0, 1),
    serve(ApiKey::DescribeUserScramCredentials, 0, 0),
    serve(ApiKey::AlterUserScramCredentials, 0, 0),
    serve(ApiKey::DescribeQuorum, 0, 2),
    serve(ApiKey::UpdateFeatures, 0, 2),
    serve(ApiKey::DescribeCluster, 0, 2),
    serve(ApiKey::DescribeProducers, 0, 0),
    serve(ApiKey::UnregisterBroker, 0, 0),
    serve(ApiKey::DescribeTransactions, 0, 0),
    serve(ApiKey::ListTransactions, 0, 2),
    serve(ApiKey::ConsumerGroupHeartbeat, 0, 1),
    serve(ApiKey::ConsumerGroupDescribe, 0, 1),
    // Kafka tells of them only where it has somebody who takes metrics.
    Api { is_advertised: false, ..serve(ApiKey::GetTelemetrySubscriptions, 0, 0) },
    Api { is_advertised: false, ..serve(ApiKey::PushTelemetry, 0, 0) },
    serve(ApiKey::ListConfigResources, 0, 1),
    serve(ApiKey::DescribeTopicPartitions, 0, 0),
    serve(ApiKey::ShareGroupHeartbeat, 1, 1),
    serve(ApiKey::ShareGroupDescribe, 1, 1),
    serve(ApiKey::ShareFetch, 1, 2),
    serve(ApiKey::ShareAcknowledge, 1, 2),
    serve(ApiKey::AddRaftVoter, 0, 1),
    serve(ApiKey::RemoveRaftVoter, 0, 0),
    serve(ApiKey::InitializeShareGroupState, 0, 0),
    serve(ApiKey::ReadShareGroupState, 0, 0),
    serve(ApiKey::WriteShareGroupState, 0, 1),
    serve(ApiKey::DeleteShareGroupState, 0, 0),
    serve(ApiKey::ReadShareGroupStateSummary, 0, 1),
    serve(ApiKey::StreamsGroupHeartbeat, 0, 0),
    serve(ApiKey::StreamsGroupDescribe, 0, 0),
    serve(ApiKey::DescribeShareGroupOffsets, 0, 1),
    serve(ApiKey::AlterShareGroupOffsets, 0, 0),
    serve(ApiKey::DeleteShareGroupOffsets, 0, 0),
];

/// The served API of that number.
#[must_use]
pub fn find(key: i16) -> Option<&'static Api> {
    TABLE.binary_search_by_key(&key, |api| api.key as i16).ok().map(|index| &TABLE[index])
}

impl Api {
    /// The version of the header in front of a request of this version.
    #[must_use]
    pub fn request_header_version(&self, version: i16) -> i16 {
        self.key.request_header_version(version)
    }

    /// The version of the header in front of an answer of this version.
    #[must_use]
    pub fn response_header_version(&self, version: i16) -> i16 {
        self.key.response_header_version(version)
    }
}

const fn serve(key: ApiKey, from: i16, to: i16) -> Api {
    Api { key, versions: from..=to, advertised_from: from, is_advertised: true }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::messages::REGISTRY;

    #[test]
    fn every_served_api_is_found_by_its_number() {
        for api in TABLE {
            assert_eq!(find(api.key as i16), Some(api));
        }
        assert_eq!(find(ApiKey::Envelope as i16), None);
    }

    #[test]
    fn every_served_version_has_its_messages() {
        for api in TABLE {
            let versions_of =
                REGISTRY.iter().filter(|message| message.api == api.key.name()).map(|m| m.versions.clone());
            let mut count = 0;
            for versions in versions_of {
                count += 1;
                assert!(versions.contains(api.versions.start()) && versions.contains(api.versions.end()), "{api:?}");
            }
            assert_eq!(count, 2, "{api:?} has a request and a response");
        }
    }
}
