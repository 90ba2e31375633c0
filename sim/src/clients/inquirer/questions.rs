//! Questions about topics, records, the cluster and its configuration.

use bytes::Bytes;
use ottla_core::error_code::ErrorCode;
use ottla_core::wire::messages::add_raft_voter::AddRaftVoterRequest;
use ottla_core::wire::messages::alter_partition_reassignments::{
    AlterPartitionReassignmentsRequest, ReassignablePartition, ReassignableTopic,
};
use ottla_core::wire::messages::alter_user_scram_credentials::{
    AlterUserScramCredentialsRequest, ScramCredentialDeletion, ScramCredentialUpsertion,
};
use ottla_core::wire::messages::api_versions::ApiVersionsRequest;
use ottla_core::wire::messages::create_delegation_token::CreateDelegationTokenRequest;
use ottla_core::wire::messages::create_partitions::{CreatePartitionsRequest, CreatePartitionsTopic};
use ottla_core::wire::messages::create_topics::{
    CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig, CreateTopicsRequest,
};
use ottla_core::wire::messages::delete_topics::{DeleteTopicState, DeleteTopicsRequest};
use ottla_core::wire::messages::describe_acls::DescribeAclsRequest;
use ottla_core::wire::messages::describe_cluster::DescribeClusterRequest;
use ottla_core::wire::messages::describe_configs::{DescribeConfigsRequest, DescribeConfigsResource};
use ottla_core::wire::messages::describe_user_scram_credentials::{DescribeUserScramCredentialsRequest, UserName};
use ottla_core::wire::messages::elect_leaders::{ElectLeadersRequest, TopicPartitions};
use ottla_core::wire::messages::fetch::{FetchPartition, FetchRequest, FetchTopic};
use ottla_core::wire::messages::incremental_alter_configs::{
    AlterConfigsResource, AlterableConfig, IncrementalAlterConfigsRequest,
};
use ottla_core::wire::messages::list_offsets::{ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic};
use ottla_core::wire::messages::offset_for_leader_epoch::{
    OffsetForLeaderEpochRequest, OffsetForLeaderPartition, OffsetForLeaderTopic,
};
use ottla_core::wire::messages::produce::{PartitionProduceData, ProduceRequest, TopicProduceData};
use ottla_core::wire::messages::remove_raft_voter::RemoveRaftVoterRequest;
use ottla_core::wire::messages::sasl_handshake::SaslHandshakeRequest;
use ottla_core::wire::messages::unregister_broker::UnregisterBrokerRequest;
use ottla_core::wire::messages::update_features::{FeatureUpdateKey, UpdateFeaturesRequest};
use ottla_core::wire::{Records, Uuid};

use super::{Asked, NOTHING, Question, TOPIC, asked};
use crate::clients::Talk;
use crate::records::{Identity, Keys, NewBatch, RecordId};

/// A day, in milliseconds: records from so far ahead are refused.
pub(super) const DAY_MS: i64 = 86_400_000;
/// Of a record that must never be in a log.
const NEVER: u32 = u32::MAX;
/// A topic's name that can't be one.
const BAD_NAME: &str = "no name for a topic";
/// Nobody is this broker.
const NOBODY: i32 = 99;
/// Resources of this type are topics.
const RESOURCE_TOPIC: i8 = 2;

/// All of them.
pub(super) const QUESTIONS: &[Question] = &[
    Question {
        what: "three replicas",
        errors: &[ErrorCode::InvalidReplicationFactor],
        request: |_| create(CreatableTopic { num_partitions: 1, replication_factor: 3, ..new_topic() }),
    },
    Question {
        what: "no partitions",
        errors: &[ErrorCode::InvalidPartitions],
        request: |_| create(CreatableTopic { num_partitions: 0, replication_factor: 1, ..new_topic() }),
    },
    Question {
        what: "a config that is none",
        errors: &[ErrorCode::InvalidConfig],
        request: |_| {
            let config = CreatableTopicConfig {
                name: "cleanup.policy".into(),
                value: Some("shred".into()),
                ..CreatableTopicConfig::default()
            };
            create(CreatableTopic { configs: vec![config], ..one_of_each() })
        },
    },
    Question {
        what: "a topic's name that can't be one",
        errors: &[ErrorCode::InvalidTopicException],
        request: |_| create(CreatableTopic { name: BAD_NAME.into(), ..one_of_each() }),
    },
    Question {
        what: "a topic that may be there",
        errors: &[ErrorCode::TopicAlreadyExists, ErrorCode::None],
        request: |_| create(CreatableTopic { name: TOPIC.into(), ..one_of_each() }),
    },
    Question {
        what: "a replica on a broker that is not there",
        errors: &[ErrorCode::InvalidReplicaAssignment],
        request: |_| {
            let assignment =
                CreatableReplicaAssignment { broker_ids: vec![NOBODY], ..CreatableReplicaAssignment::default() };
            create(CreatableTopic {
                num_partitions: -1,
                replication_factor: -1,
                assignments: vec![assignment],
                ..new_topic()
            })
        },
    },
    Question {
        what: "fewer partitions",
        errors: &[ErrorCode::InvalidPartitions, ErrorCode::UnknownTopicOrPartition],
        request: |_| {
            let topic = CreatePartitionsTopic { name: TOPIC.into(), count: 1, ..CreatePartitionsTopic::default() };
            let request = CreatePartitionsRequest {
                topics: vec![topic],
                timeout_ms: 10_000,
                validate_only: true,
                ..CreatePartitionsRequest::default()
            };
            asked(&request, 3)
        },
    },
    Question {
        what: "the deletion of a topic that is not there",
        errors: &[ErrorCode::UnknownTopicId, ErrorCode::TopicDeletionDisabled],
        request: |_| {
            let topic = DeleteTopicState { topic_id: Uuid(7), ..DeleteTopicState::default() };
            asked(&DeleteTopicsRequest { topics: vec![topic], timeout_ms: 10_000, ..DeleteTopicsRequest::default() }, 6)
        },
    },
    Question { what: "acks=2", errors: &[ErrorCode::InvalidRequiredAcks], request: |talk| produce(talk, 2, 0, true) },
    Question {
        what: "a record from the day after tomorrow",
        errors: &[ErrorCode::InvalidTimestamp],
        request: |talk| produce(talk, 1, 2 * DAY_MS, true),
    },
    Question {
        what: "a record without a key for a topic that may be compacted",
        errors: &[ErrorCode::InvalidRecord, ErrorCode::InvalidTimestamp],
        request: |talk| {
            // Where it would be taken it is from the future, too.
            let ahead_ms = if talk.env.plan.compaction.is_on() { 0 } else { 2 * DAY_MS };
            produce(talk, 1, ahead_ms, false)
        },
    },
    Question {
        what: "records of a transaction without a name",
        errors: &[ErrorCode::TransactionalIdAuthorizationFailed],
        request: |talk| produce_as(talk, 1, 0, |batch| batch.encode_transactional()),
    },
    Question {
        what: "a fetch session that is not there",
        errors: &[ErrorCode::FetchSessionIdNotFound],
        request: |_| asked(&FetchRequest { session_id: 1, session_epoch: 5, ..FetchRequest::default() }, 12),
    },
    Question {
        what: "records of a leader that is still to come",
        errors: &[ErrorCode::UnknownLeaderEpoch],
        request: |_| fetch(FetchPartition { current_leader_epoch: i32::MAX, ..first_partition() }),
    },
    Question {
        what: "records of a leader that may be over",
        errors: &[ErrorCode::FencedLeaderEpoch, ErrorCode::OffsetOutOfRange, ErrorCode::None],
        request: |_| fetch(FetchPartition { current_leader_epoch: 0, ..first_partition() }),
    },
    Question {
        what: "records behind the end",
        errors: &[ErrorCode::OffsetOutOfRange],
        request: |_| fetch(FetchPartition { fetch_offset: i64::MAX, ..first_partition() }),
    },
    Question {
        what: "an offset of a leader that is still to come",
        errors: &[ErrorCode::UnknownLeaderEpoch],
        request: |_| {
            let partition = ListOffsetsPartition {
                current_leader_epoch: i32::MAX,
                timestamp: -1,
                ..ListOffsetsPartition::default()
            };
            let topic =
                ListOffsetsTopic { name: TOPIC.into(), partitions: vec![partition], ..ListOffsetsTopic::default() };
            let request = ListOffsetsRequest { replica_id: -1, topics: vec![topic], ..ListOffsetsRequest::default() };
            asked(&request, 7)
        },
    },
    Question {
        what: "where a leader's epoch ended that is still to come",
        errors: &[ErrorCode::UnknownLeaderEpoch],
        request: |_| {
            let partition =
                OffsetForLeaderPartition { current_leader_epoch: i32::MAX, ..OffsetForLeaderPartition::default() };
            let topic = OffsetForLeaderTopic {
                topic: TOPIC.into(),
                partitions: vec![partition],
                ..OffsetForLeaderTopic::default()
            };
            asked(&OffsetForLeaderEpochRequest { topics: vec![topic], ..OffsetForLeaderEpochRequest::default() }, 4)
        },
    },
    Question {
        what: "clusters of controllers",
        errors: &[ErrorCode::MismatchedEndpointType],
        request: |_| asked(&DescribeClusterRequest { endpoint_type: 2, ..DescribeClusterRequest::default() }, 1),
    },
    Question {
        what: "clusters of nothing",
        errors: &[ErrorCode::UnsupportedEndpointType],
        request: |_| asked(&DescribeClusterRequest { endpoint_type: 5, ..DescribeClusterRequest::default() }, 1),
    },
    Question {
        what: "a feature that is none",
        errors: &[ErrorCode::InvalidUpdateVersion],
        request: |_| {
            let update =
                FeatureUpdateKey { feature: NOTHING.into(), max_version_level: 1, ..FeatureUpdateKey::default() };
            let request = UpdateFeaturesRequest {
                feature_updates: vec![update],
                validate_only: true,
                ..UpdateFeaturesRequest::default()
            };
            asked(&request, 2)
        },
    },
    Question {
        what: "a broker to go that is not there",
        errors: &[ErrorCode::BrokerIdNotRegistered],
        request: |_| asked(&UnregisterBrokerRequest { broker_id: NOBODY, ..UnregisterBrokerRequest::default() }, 0),
    },
    Question {
        what: "a delegation token for who did not say who it is",
        errors: &[ErrorCode::DelegationTokenRequestNotAllowed],
        request: |_| asked(&CreateDelegationTokenRequest::default(), 3),
    },
    Question {
        what: "who may do what, where nobody asks",
        errors: &[ErrorCode::SecurityDisabled],
        request: |_| {
            let any = 1;
            let request = DescribeAclsRequest {
                resource_type_filter: any,
                pattern_type_filter: any,
                operation: any,
                permission_type: any,
                ..DescribeAclsRequest::default()
            };
            asked(&request, 3)
        },
    },
    Question {
        what: "a voter of another cluster",
        errors: &[ErrorCode::InconsistentClusterId],
        request: |_| {
            asked(&AddRaftVoterRequest { cluster_id: Some(NOTHING.into()), ..AddRaftVoterRequest::default() }, 1)
        },
    },
    Question {
        what: "a voter to go that is none",
        errors: &[ErrorCode::InvalidRequest],
        request: |_| asked(&RemoveRaftVoterRequest { voter_id: NOBODY, ..RemoveRaftVoterRequest::default() }, 0),
    },
    Question {
        what: "a login where there is none",
        errors: &[ErrorCode::IllegalSaslState],
        request: |_| asked(&SaslHandshakeRequest { mechanism: "PLAIN".into(), ..SaslHandshakeRequest::default() }, 1),
    },
    Question {
        what: "a user's password to go that has none",
        errors: &[ErrorCode::ResourceNotFound],
        request: |_| {
            let deletion =
                ScramCredentialDeletion { name: NOTHING.into(), mechanism: 1, ..ScramCredentialDeletion::default() };
            alter_users(vec![deletion], Vec::new())
        },
    },
    Question {
        what: "a password with too little work",
        errors: &[ErrorCode::UnacceptableCredential],
        request: |_| alter_users(Vec::new(), vec![password(1)]),
    },
    Question {
        what: "two passwords for one user",
        errors: &[ErrorCode::DuplicateResource],
        request: |_| alter_users(Vec::new(), vec![password(4_096), password(4_096)]),
    },
    Question {
        what: "a user who is named twice",
        errors: &[ErrorCode::DuplicateResource],
        request: |_| {
            let name = || UserName { name: NOTHING.into(), ..UserName::default() };
            let request = DescribeUserScramCredentialsRequest {
                users: Some(vec![name(), name()]),
                ..DescribeUserScramCredentialsRequest::default()
            };
            asked(&request, 0)
        },
    },
    Question {
        what: "an election where there is nobody else",
        errors: &[ErrorCode::ElectionNotNeeded, ErrorCode::PreferredLeaderNotAvailable],
        request: |_| {
            let topic = TopicPartitions { topic: TOPIC.into(), partitions: vec![0], ..TopicPartitions::default() };
            let request = ElectLeadersRequest { topic_partitions: Some(vec![topic]), ..ElectLeadersRequest::default() };
            asked(&request, 2)
        },
    },
    Question {
        what: "an end to a move that nobody began",
        errors: &[ErrorCode::NoReassignmentInProgress],
        request: |_| reassign(None),
    },
    Question {
        what: "a move to a broker that is not there",
        errors: &[ErrorCode::InvalidReplicaAssignment],
        request: |_| reassign(Some(vec![NOBODY])),
    },
    Question {
        what: "a change of a config that is none",
        errors: &[ErrorCode::InvalidConfig],
        request: |_| {
            let config =
                AlterableConfig { name: NOTHING.into(), value: Some("1".into()), ..AlterableConfig::default() };
            alter(AlterConfigsResource {
                resource_type: RESOURCE_TOPIC,
                resource_name: TOPIC.into(),
                configs: vec![config],
                ..AlterConfigsResource::default()
            })
        },
    },
    Question {
        what: "a change of the configs of nothing",
        errors: &[ErrorCode::InvalidRequest],
        request: |_| alter(AlterConfigsResource { resource_type: 77, ..AlterConfigsResource::default() }),
    },
    Question {
        what: "the configs of a topic that is not there",
        errors: &[ErrorCode::UnknownTopicOrPartition],
        request: |_| {
            let resource = DescribeConfigsResource {
                resource_type: RESOURCE_TOPIC,
                resource_name: NOTHING.into(),
                ..DescribeConfigsResource::default()
            };
            asked(&DescribeConfigsRequest { resources: vec![resource], ..DescribeConfigsRequest::default() }, 4)
        },
    },
    Question {
        what: "a version that there is not",
        errors: &[ErrorCode::UnsupportedVersion],
        request: |_| Asked { version: 99, ..asked(&ApiVersionsRequest::default(), 0) },
    },
];

fn new_topic() -> CreatableTopic {
    CreatableTopic { name: "asked".into(), ..CreatableTopic::default() }
}

fn one_of_each() -> CreatableTopic {
    CreatableTopic { num_partitions: 1, replication_factor: 1, ..new_topic() }
}

/// Nothing is ever created.
fn create(topic: CreatableTopic) -> Asked {
    let request = CreateTopicsRequest {
        topics: vec![topic],
        timeout_ms: 10_000,
        validate_only: true,
        ..CreateTopicsRequest::default()
    };
    asked(&request, 7)
}

fn produce(talk: &mut Talk<'_>, acks: i16, ahead_ms: i64, has_keys: bool) -> Asked {
    let keys = if has_keys { talk.env.plan.compaction.keys } else { Keys::default() };
    produce_as(talk, acks, ahead_ms, |batch| NewBatch { identity: None, base_sequence: -1, keys, ..batch }.encode())
}

pub(super) fn produce_as(
    talk: &mut Talk<'_>,
    acks: i16,
    ahead_ms: i64,
    encode: impl Fn(NewBatch<'_>) -> Bytes,
) -> Asked {
    send_batch(talk, 9, ahead_ms, encode, |_| acks)
}

/// A batch with a record that must never be in a log, in a version of Produce, and with the acks that `acks` makes of it.
pub(super) fn send_batch(
    talk: &mut Talk<'_>,
    version: i16,
    ahead_ms: i64,
    encode: impl Fn(NewBatch<'_>) -> Bytes,
    acks: impl Fn(&Bytes) -> i16,
) -> Asked {
    let records = [RecordId { client: talk.id.0, number: NEVER }];
    let (identity, keys) = (Some(Identity { producer_id: i64::from(NEVER), epoch: 0 }), talk.env.plan.compaction.keys);
    let timestamp_ms = talk.env.clocks_now().wall.0 + ahead_ms;
    let batch = NewBatch { identity, base_sequence: 0, timestamp_ms, records: &records, value_max_bytes: 8, keys };
    let bytes = encode(batch);
    let acks = acks(&bytes);
    let partition_data =
        vec![PartitionProduceData { records: Some(Records::Bytes(bytes.into())), ..PartitionProduceData::default() }];
    let topic_data = vec![TopicProduceData { name: TOPIC.into(), partition_data, ..TopicProduceData::default() }];
    asked(&ProduceRequest { acks, timeout_ms: 10_000, topic_data, ..ProduceRequest::default() }, version)
}

fn first_partition() -> FetchPartition {
    FetchPartition { partition_max_bytes: 1, ..FetchPartition::default() }
}

fn fetch(partition: FetchPartition) -> Asked {
    let topic = FetchTopic { topic: TOPIC.into(), partitions: vec![partition], ..FetchTopic::default() };
    asked(&FetchRequest { max_bytes: 1, topics: vec![topic], ..FetchRequest::default() }, 12)
}

fn password(iterations: i32) -> ScramCredentialUpsertion {
    ScramCredentialUpsertion {
        name: NOTHING.into(),
        mechanism: 1,
        iterations,
        salt: b"salt"[..].into(),
        salted_password: [7; 32][..].into(),
        ..ScramCredentialUpsertion::default()
    }
}

fn alter_users(deletions: Vec<ScramCredentialDeletion>, upsertions: Vec<ScramCredentialUpsertion>) -> Asked {
    let request =
        AlterUserScramCredentialsRequest { deletions, upsertions, ..AlterUserScramCredentialsRequest::default() };
    asked(&request, 0)
}

fn reassign(replicas: Option<Vec<i32>>) -> Asked {
    let partition = ReassignablePartition { replicas, ..ReassignablePartition::default() };
    let topic = ReassignableTopic { name: TOPIC.into(), partitions: vec![partition], ..ReassignableTopic::default() };
    let request =
        AlterPartitionReassignmentsRequest { topics: vec![topic], ..AlterPartitionReassignmentsRequest::default() };
    asked(&request, 1)
}

fn alter(resource: AlterConfigsResource) -> Asked {
    let request = IncrementalAlterConfigsRequest {
        resources: vec![resource],
        validate_only: true,
        ..IncrementalAlterConfigsRequest::default()
    };
    asked(&request, 1)
}
