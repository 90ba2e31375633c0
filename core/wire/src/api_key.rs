//! Kafka's APIs by number and name, whether the broker serves them or not.

use core::fmt;

macro_rules! api_keys {
    ($( $key:literal $name:ident $(flexible $flexible:literal ..)?, )*) => {
        /// What a request asks for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(i16)]
        #[allow(missing_docs)]
        pub enum ApiKey {
            $( $name = $key, )*
        }

        impl ApiKey {
            /// Every API of Kafka 4.3, by number.
            pub const ALL: &'static [Self] = &[ $( Self::$name, )* ];

            /// The API that has this number.
            #[must_use]
            pub const fn from_number(number: i16) -> Option<Self> {
                match number {
                    $( $key => Some(Self::$name), )*
                    _ => None,
                }
            }

            /// As in Kafka's documentation: `ListOffsets`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $( Self::$name => stringify!($name), )*
                }
            }

            /// The first version in flexible form; `i16::MAX` where there is none.
            #[must_use]
            pub const fn flexible_from(self) -> i16 {
                match self {
                    $( Self::$name => first!($($flexible,)? i16::MAX), )*
                }
            }
        }
    };
}

macro_rules! first {
    ($first:expr $(, $rest:expr)*) => {
        $first
    };
}

api_keys! {
    0 Produce flexible 9..,
    1 Fetch flexible 12..,
    2 ListOffsets flexible 6..,
    3 Metadata flexible 9..,
    8 OffsetCommit flexible 8..,
    9 OffsetFetch flexible 6..,
    10 FindCoordinator flexible 3..,
    11 JoinGroup flexible 6..,
    12 Heartbeat flexible 4..,
    13 LeaveGroup flexible 4..,
    14 SyncGroup flexible 4..,
    15 DescribeGroups flexible 5..,
    16 ListGroups flexible 3..,
    17 SaslHandshake,
    18 ApiVersions flexible 3..,
    19 CreateTopics flexible 5..,
    20 DeleteTopics flexible 4..,
    21 DeleteRecords flexible 2..,
    22 InitProducerId flexible 2..,
    23 OffsetForLeaderEpoch flexible 4..,
    24 AddPartitionsToTxn flexible 3..,
    25 AddOffsetsToTxn flexible 3..,
    26 EndTxn flexible 3..,
    27 WriteTxnMarkers flexible 1..,
    28 TxnOffsetCommit flexible 3..,
    29 DescribeAcls flexible 2..,
    30 CreateAcls flexible 2..,
    31 DeleteAcls flexible 2..,
    32 DescribeConfigs flexible 4..,
    33 AlterConfigs flexible 2..,
    34 AlterReplicaLogDirs flexible 2..,
    35 DescribeLogDirs flexible 2..,
    36 SaslAuthenticate flexible 2..,
    37 CreatePartitions flexible 2..,
    38 CreateDelegationToken flexible 2..,
    39 RenewDelegationToken flexible 2..,
    40 ExpireDelegationToken flexible 2..,
    41 DescribeDelegationToken flexible 2..,
    42 DeleteGroups flexible 2..,
    43 ElectLeaders flexible 2..,
    44 IncrementalAlterConfigs flexible 1..,
    45 AlterPartitionReassignments flexible 0..,
    46 ListPartitionReassignments flexible 0..,
    47 OffsetDelete,
    48 DescribeClientQuotas flexible 1..,
    49 AlterClientQuotas flexible 1..,
    50 DescribeUserScramCredentials flexible 0..,
    51 AlterUserScramCredentials flexible 0..,
    52 Vote flexible 0..,
    53 BeginQuorumEpoch flexible 1..,
    54 EndQuorumEpoch flexible 1..,
    55 DescribeQuorum flexible 0..,
    56 AlterPartition flexible 0..,
    57 UpdateFeatures flexible 0..,
    58 Envelope flexible 0..,
    59 FetchSnapshot flexible 0..,
    60 DescribeCluster flexible 0..,
    61 DescribeProducers flexible 0..,
    62 BrokerRegistration flexible 0..,
    63 BrokerHeartbeat flexible 0..,
    64 UnregisterBroker flexible 0..,
    65 DescribeTransactions flexible 0..,
    66 ListTransactions flexible 0..,
    67 AllocateProducerIds flexible 0..,
    68 ConsumerGroupHeartbeat flexible 0..,
    69 ConsumerGroupDescribe flexible 0..,
    70 ControllerRegistration flexible 0..,
    71 GetTelemetrySubscriptions flexible 0..,
    72 PushTelemetry flexible 0..,
    73 AssignReplicasToDirs flexible 0..,
    74 ListConfigResources flexible 0..,
    75 DescribeTopicPartitions flexible 0..,
    76 ShareGroupHeartbeat flexible 0..,
    77 ShareGroupDescribe flexible 0..,
    78 ShareFetch flexible 0..,
    79 ShareAcknowledge flexible 0..,
    80 AddRaftVoter flexible 0..,
    81 RemoveRaftVoter flexible 0..,
    82 UpdateRaftVoter flexible 0..,
    83 InitializeShareGroupState flexible 0..,
    84 ReadShareGroupState flexible 0..,
    85 WriteShareGroupState flexible 0..,
    86 DeleteShareGroupState flexible 0..,
    87 ReadShareGroupStateSummary flexible 0..,
    88 StreamsGroupHeartbeat flexible 0..,
    89 StreamsGroupDescribe flexible 0..,
    90 DescribeShareGroupOffsets flexible 0..,
    91 AlterShareGroupOffsets flexible 0..,
    92 DeleteShareGroupOffsets flexible 0..,
}

impl ApiKey {
    /// As it goes into a header.
    #[must_use]
    pub const fn number(self) -> i16 {
        self as i16
    }

    /// The version of the header in front of a request. Version 2 is version 1 and tagged fields behind it.
    #[must_use]
    pub const fn request_header_version(self, version: i16) -> i16 {
        if version >= self.flexible_from() { 2 } else { 1 }
    }

    /// The version of the header in front of an answer. That of ApiVersions never changes: a client reads it before it
    /// knows what the broker speaks.
    #[must_use]
    pub const fn response_header_version(self, version: i16) -> i16 {
        match self {
            Self::ApiVersions => 0,
            _ if version >= self.flexible_from() => 1,
            _ => 0,
        }
    }
}

impl fmt::Display for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::ApiKey;
    use crate::MessageType;

    #[test]
    fn the_table_and_the_messages_agree() {
        for api in ApiKey::ALL.iter().copied() {
            for message in [MessageType::request(api), MessageType::response(api)] {
                assert_eq!(message.api, api.name());
                assert_eq!(message.flexible_from, api.flexible_from(), "{}", message.name);
            }
            assert_eq!(MessageType::request(api).versions, MessageType::response(api).versions, "{api}");
        }
    }

    #[test]
    fn an_answer_to_api_versions_has_the_oldest_header_even_when_flexible() {
        assert_eq!(ApiKey::ApiVersions.request_header_version(4), 2);
        assert_eq!(ApiKey::ApiVersions.response_header_version(4), 0);
        assert_eq!(ApiKey::Fetch.response_header_version(11), 0);
        assert_eq!(ApiKey::Fetch.response_header_version(12), 1);
        assert_eq!(ApiKey::SaslHandshake.request_header_version(1), 1);
    }
}
