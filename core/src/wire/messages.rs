//! Every message, one file per API or per log that records are kept in. A file holds `message!` blocks and nothing else.

pub mod api_versions;
pub mod consumer_protocol;
pub mod control_records;
pub mod create_partitions;
pub mod create_topics;
pub mod delete_topics;
pub mod describe_cluster;
pub mod describe_configs;
pub mod describe_topic_partitions;
pub mod fetch;
pub mod header;
pub mod init_producer_id;
pub mod list_offsets;
pub mod metadata;
pub mod metadata_records;
pub mod principal;
pub mod produce;
pub mod producer_snapshot;
pub mod quorum_state;
pub mod remote_log_records;

use super::api_key::ApiKey;
use super::registry::MessageType;

macro_rules! registry {
    ($($module:ident { $($message:ident),* $(,)? })*) => {
        /// All messages. What isn't here isn't tested, fuzzed or shown.
        pub const REGISTRY: &[MessageType] = &[ $($( MessageType::of::<$module::$message>(), )*)* ];
    };
}

registry! {
    header { RequestHeader, ResponseHeader }
    produce { ProduceRequest, ProduceResponse }
    fetch { FetchRequest, FetchResponse }
    list_offsets { ListOffsetsRequest, ListOffsetsResponse }
    metadata { MetadataRequest, MetadataResponse }
    api_versions { ApiVersionsRequest, ApiVersionsResponse }
    create_topics { CreateTopicsRequest, CreateTopicsResponse }
    delete_topics { DeleteTopicsRequest, DeleteTopicsResponse }
    init_producer_id { InitProducerIdRequest, InitProducerIdResponse }
    describe_configs { DescribeConfigsRequest, DescribeConfigsResponse }
    create_partitions { CreatePartitionsRequest, CreatePartitionsResponse }
    describe_cluster { DescribeClusterRequest, DescribeClusterResponse }
    describe_topic_partitions { DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse }
    metadata_records {
        RegisterBrokerRecord, UnregisterBrokerRecord, TopicRecord, PartitionRecord, ConfigRecord,
        PartitionChangeRecord, FenceBrokerRecord, UnfenceBrokerRecord, RemoveTopicRecord, DelegationTokenRecord,
        UserScramCredentialRecord, FeatureLevelRecord, ClientQuotaRecord, ProducerIdsRecord,
        BrokerRegistrationChangeRecord, AccessControlEntryRecord, RemoveAccessControlEntryRecord, NoOpRecord,
        ZkMigrationStateRecord, RemoveUserScramCredentialRecord, BeginTransactionRecord, EndTransactionRecord,
        AbortTransactionRecord, RemoveDelegationTokenRecord, RegisterControllerRecord, ClearElrRecord,
    }
    control_records {
        ControlRecordTypeSchema, LeaderChangeMessage, SnapshotHeaderRecord, SnapshotFooterRecord, KRaftVersionRecord,
        VotersRecord, EndTxnMarker,
    }
    producer_snapshot { ProducerSnapshot }
    quorum_state { QuorumStateData }
    consumer_protocol { ConsumerProtocolSubscription, ConsumerProtocolAssignment }
    principal { DefaultPrincipalData }
    remote_log_records {
        RemoteLogSegmentMetadataRecord, RemoteLogSegmentMetadataUpdateRecord, RemotePartitionDeleteMetadataRecord,
        RemoteLogSegmentMetadataSnapshotRecord,
    }
}

/// The version of the header in front of an answer; see [`ApiKey::response_header_version`]. Unknown APIs have the oldest.
#[must_use]
pub fn response_header_version(api_key: i16, version: i16) -> i16 {
    ApiKey::from_number(api_key).map_or(0, |api| api.response_header_version(version))
}

/// The version of the header in front of a request; see [`ApiKey::request_header_version`]. Unknown APIs have the oldest.
#[must_use]
pub fn request_header_version(api_key: i16, version: i16) -> i16 {
    ApiKey::from_number(api_key).map_or(1, |api| api.request_header_version(version))
}
