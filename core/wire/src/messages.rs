//! Every message, one file per API or per log that records are kept in. A file holds `message!` blocks and nothing else.

pub mod add_offsets_to_txn;
pub mod add_partitions_to_txn;
pub mod add_raft_voter;
pub mod allocate_producer_ids;
pub mod alter_client_quotas;
pub mod alter_configs;
pub mod alter_partition;
pub mod alter_partition_reassignments;
pub mod alter_replica_log_dirs;
pub mod alter_share_group_offsets;
pub mod alter_user_scram_credentials;
pub mod api_versions;
pub mod assign_replicas_to_dirs;
pub mod begin_quorum_epoch;
pub mod broker_heartbeat;
pub mod broker_registration;
pub mod classic_group_records;
pub mod consumer_group_describe;
pub mod consumer_group_heartbeat;
pub mod consumer_group_records;
pub mod consumer_protocol;
pub mod control_records;
pub mod controller_registration;
pub mod create_acls;
pub mod create_delegation_token;
pub mod create_partitions;
pub mod create_topics;
pub mod delete_acls;
pub mod delete_groups;
pub mod delete_records;
pub mod delete_share_group_offsets;
pub mod delete_share_group_state;
pub mod delete_topics;
pub mod describe_acls;
pub mod describe_client_quotas;
pub mod describe_cluster;
pub mod describe_configs;
pub mod describe_delegation_token;
pub mod describe_groups;
pub mod describe_log_dirs;
pub mod describe_producers;
pub mod describe_quorum;
pub mod describe_share_group_offsets;
pub mod describe_topic_partitions;
pub mod describe_transactions;
pub mod describe_user_scram_credentials;
pub mod elect_leaders;
pub mod end_quorum_epoch;
pub mod end_txn;
pub mod envelope;
pub mod expire_delegation_token;
pub mod fetch;
pub mod fetch_snapshot;
pub mod find_coordinator;
pub mod get_telemetry_subscriptions;
pub mod header;
pub mod heartbeat;
pub mod incremental_alter_configs;
pub mod init_producer_id;
pub mod initialize_share_group_state;
pub mod join_group;
pub mod leave_group;
pub mod list_config_resources;
pub mod list_groups;
pub mod list_offsets;
pub mod list_partition_reassignments;
pub mod list_transactions;
pub mod metadata;
pub mod metadata_records;
pub mod offset_commit;
pub mod offset_delete;
pub mod offset_fetch;
pub mod offset_for_leader_epoch;
pub mod offset_records;
pub mod principal;
pub mod produce;
pub mod producer_snapshot;
pub mod push_telemetry;
pub mod quorum_state;
pub mod read_share_group_state;
pub mod read_share_group_state_summary;
pub mod remote_log_records;
pub mod remove_raft_voter;
pub mod renew_delegation_token;
pub mod sasl_authenticate;
pub mod sasl_handshake;
pub mod share_acknowledge;
pub mod share_fetch;
pub mod share_group_describe;
pub mod share_group_heartbeat;
pub mod share_group_records;
pub mod share_state_records;
pub mod streams_group_describe;
pub mod streams_group_heartbeat;
pub mod streams_group_records;
pub mod sync_group;
pub mod transaction_records;
pub mod txn_offset_commit;
pub mod unregister_broker;
pub mod update_features;
pub mod update_raft_voter;
pub mod vote;
pub mod write_share_group_state;
pub mod write_txn_markers;

use super::api_key::ApiKey;
use super::registry::MessageType;

macro_rules! registry {
    ($($module:ident { $($message:ident),* $(,)? })*) => {
        /// All messages. What isn't here isn't tested, fuzzed or shown.
        pub static REGISTRY: &[MessageType] = &[ $($( MessageType::of::<$module::$message>(), )*)* ];
    };
}

registry! {
    header { RequestHeader, ResponseHeader }
    produce { ProduceRequest, ProduceResponse }
    fetch { FetchRequest, FetchResponse }
    list_offsets { ListOffsetsRequest, ListOffsetsResponse }
    metadata { MetadataRequest, MetadataResponse }
    offset_commit { OffsetCommitRequest, OffsetCommitResponse }
    offset_fetch { OffsetFetchRequest, OffsetFetchResponse }
    find_coordinator { FindCoordinatorRequest, FindCoordinatorResponse }
    join_group { JoinGroupRequest, JoinGroupResponse }
    heartbeat { HeartbeatRequest, HeartbeatResponse }
    leave_group { LeaveGroupRequest, LeaveGroupResponse }
    sync_group { SyncGroupRequest, SyncGroupResponse }
    describe_groups { DescribeGroupsRequest, DescribeGroupsResponse }
    list_groups { ListGroupsRequest, ListGroupsResponse }
    sasl_handshake { SaslHandshakeRequest, SaslHandshakeResponse }
    api_versions { ApiVersionsRequest, ApiVersionsResponse }
    create_topics { CreateTopicsRequest, CreateTopicsResponse }
    delete_topics { DeleteTopicsRequest, DeleteTopicsResponse }
    delete_records { DeleteRecordsRequest, DeleteRecordsResponse }
    init_producer_id { InitProducerIdRequest, InitProducerIdResponse }
    offset_for_leader_epoch { OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse }
    add_partitions_to_txn { AddPartitionsToTxnRequest, AddPartitionsToTxnResponse }
    add_offsets_to_txn { AddOffsetsToTxnRequest, AddOffsetsToTxnResponse }
    end_txn { EndTxnRequest, EndTxnResponse }
    write_txn_markers { WriteTxnMarkersRequest, WriteTxnMarkersResponse }
    txn_offset_commit { TxnOffsetCommitRequest, TxnOffsetCommitResponse }
    describe_acls { DescribeAclsRequest, DescribeAclsResponse }
    create_acls { CreateAclsRequest, CreateAclsResponse }
    delete_acls { DeleteAclsRequest, DeleteAclsResponse }
    describe_configs { DescribeConfigsRequest, DescribeConfigsResponse }
    alter_configs { AlterConfigsRequest, AlterConfigsResponse }
    alter_replica_log_dirs { AlterReplicaLogDirsRequest, AlterReplicaLogDirsResponse }
    describe_log_dirs { DescribeLogDirsRequest, DescribeLogDirsResponse }
    sasl_authenticate { SaslAuthenticateRequest, SaslAuthenticateResponse }
    create_partitions { CreatePartitionsRequest, CreatePartitionsResponse }
    create_delegation_token { CreateDelegationTokenRequest, CreateDelegationTokenResponse }
    renew_delegation_token { RenewDelegationTokenRequest, RenewDelegationTokenResponse }
    expire_delegation_token { ExpireDelegationTokenRequest, ExpireDelegationTokenResponse }
    describe_delegation_token { DescribeDelegationTokenRequest, DescribeDelegationTokenResponse }
    delete_groups { DeleteGroupsRequest, DeleteGroupsResponse }
    elect_leaders { ElectLeadersRequest, ElectLeadersResponse }
    incremental_alter_configs { IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse }
    alter_partition_reassignments { AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse }
    list_partition_reassignments { ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse }
    offset_delete { OffsetDeleteRequest, OffsetDeleteResponse }
    describe_client_quotas { DescribeClientQuotasRequest, DescribeClientQuotasResponse }
    alter_client_quotas { AlterClientQuotasRequest, AlterClientQuotasResponse }
    describe_user_scram_credentials { DescribeUserScramCredentialsRequest, DescribeUserScramCredentialsResponse }
    alter_user_scram_credentials { AlterUserScramCredentialsRequest, AlterUserScramCredentialsResponse }
    vote { VoteRequest, VoteResponse }
    begin_quorum_epoch { BeginQuorumEpochRequest, BeginQuorumEpochResponse }
    end_quorum_epoch { EndQuorumEpochRequest, EndQuorumEpochResponse }
    describe_quorum { DescribeQuorumRequest, DescribeQuorumResponse }
    alter_partition { AlterPartitionRequest, AlterPartitionResponse }
    update_features { UpdateFeaturesRequest, UpdateFeaturesResponse }
    envelope { EnvelopeRequest, EnvelopeResponse }
    fetch_snapshot { FetchSnapshotRequest, FetchSnapshotResponse }
    describe_cluster { DescribeClusterRequest, DescribeClusterResponse }
    describe_producers { DescribeProducersRequest, DescribeProducersResponse }
    broker_registration { BrokerRegistrationRequest, BrokerRegistrationResponse }
    broker_heartbeat { BrokerHeartbeatRequest, BrokerHeartbeatResponse }
    unregister_broker { UnregisterBrokerRequest, UnregisterBrokerResponse }
    describe_transactions { DescribeTransactionsRequest, DescribeTransactionsResponse }
    list_transactions { ListTransactionsRequest, ListTransactionsResponse }
    allocate_producer_ids { AllocateProducerIdsRequest, AllocateProducerIdsResponse }
    consumer_group_heartbeat { ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse }
    consumer_group_describe { ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse }
    controller_registration { ControllerRegistrationRequest, ControllerRegistrationResponse }
    get_telemetry_subscriptions { GetTelemetrySubscriptionsRequest, GetTelemetrySubscriptionsResponse }
    push_telemetry { PushTelemetryRequest, PushTelemetryResponse }
    assign_replicas_to_dirs { AssignReplicasToDirsRequest, AssignReplicasToDirsResponse }
    list_config_resources { ListConfigResourcesRequest, ListConfigResourcesResponse }
    describe_topic_partitions { DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse }
    share_group_heartbeat { ShareGroupHeartbeatRequest, ShareGroupHeartbeatResponse }
    share_group_describe { ShareGroupDescribeRequest, ShareGroupDescribeResponse }
    share_fetch { ShareFetchRequest, ShareFetchResponse }
    share_acknowledge { ShareAcknowledgeRequest, ShareAcknowledgeResponse }
    add_raft_voter { AddRaftVoterRequest, AddRaftVoterResponse }
    remove_raft_voter { RemoveRaftVoterRequest, RemoveRaftVoterResponse }
    update_raft_voter { UpdateRaftVoterRequest, UpdateRaftVoterResponse }
    initialize_share_group_state { InitializeShareGroupStateRequest, InitializeShareGroupStateResponse }
    read_share_group_state { ReadShareGroupStateRequest, ReadShareGroupStateResponse }
    write_share_group_state { WriteShareGroupStateRequest, WriteShareGroupStateResponse }
    delete_share_group_state { DeleteShareGroupStateRequest, DeleteShareGroupStateResponse }
    read_share_group_state_summary { ReadShareGroupStateSummaryRequest, ReadShareGroupStateSummaryResponse }
    streams_group_heartbeat { StreamsGroupHeartbeatRequest, StreamsGroupHeartbeatResponse }
    streams_group_describe { StreamsGroupDescribeRequest, StreamsGroupDescribeResponse }
    describe_share_group_offsets { DescribeShareGroupOffsetsRequest, DescribeShareGroupOffsetsResponse }
    alter_share_group_offsets { AlterShareGroupOffsetsRequest, AlterShareGroupOffsetsResponse }
    delete_share_group_offsets { DeleteShareGroupOffsetsRequest, DeleteShareGroupOffsetsResponse }
    metadata_records {
        RegisterBrokerRecord, UnregisterBrokerRecord, TopicRecord, PartitionRecord, ConfigRecord, PartitionChangeRecord,
        FenceBrokerRecord, UnfenceBrokerRecord, RemoveTopicRecord, DelegationTokenRecord, UserScramCredentialRecord,
        FeatureLevelRecord, ClientQuotaRecord, ProducerIdsRecord, BrokerRegistrationChangeRecord,
        AccessControlEntryRecord, RemoveAccessControlEntryRecord, NoOpRecord, ZkMigrationStateRecord,
        RemoveUserScramCredentialRecord, BeginTransactionRecord, EndTransactionRecord, AbortTransactionRecord,
        RemoveDelegationTokenRecord, RegisterControllerRecord, ClearElrRecord,
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
    offset_records { LegacyOffsetCommitKey, LegacyOffsetCommitValue, OffsetCommitKey, OffsetCommitValue }
    classic_group_records { GroupMetadataKey, GroupMetadataValue }
    consumer_group_records {
        ConsumerGroupMetadataKey, ConsumerGroupMetadataValue, ConsumerGroupPartitionMetadataKey,
        ConsumerGroupPartitionMetadataValue, ConsumerGroupMemberMetadataKey, ConsumerGroupMemberMetadataValue,
        ConsumerGroupTargetAssignmentMetadataKey, ConsumerGroupTargetAssignmentMetadataValue,
        ConsumerGroupTargetAssignmentMemberKey, ConsumerGroupTargetAssignmentMemberValue,
        ConsumerGroupCurrentMemberAssignmentKey, ConsumerGroupCurrentMemberAssignmentValue,
        ConsumerGroupRegularExpressionKey, ConsumerGroupRegularExpressionValue,
    }
    share_group_records {
        ShareGroupMemberMetadataKey, ShareGroupMemberMetadataValue, ShareGroupMetadataKey, ShareGroupMetadataValue,
        ShareGroupTargetAssignmentMetadataKey, ShareGroupTargetAssignmentMetadataValue,
        ShareGroupTargetAssignmentMemberKey, ShareGroupTargetAssignmentMemberValue,
        ShareGroupCurrentMemberAssignmentKey, ShareGroupCurrentMemberAssignmentValue,
        ShareGroupStatePartitionMetadataKey, ShareGroupStatePartitionMetadataValue,
    }
    streams_group_records {
        StreamsGroupMetadataKey, StreamsGroupMetadataValue, StreamsGroupMemberMetadataKey,
        StreamsGroupMemberMetadataValue, StreamsGroupTargetAssignmentMetadataKey,
        StreamsGroupTargetAssignmentMetadataValue, StreamsGroupTargetAssignmentMemberKey,
        StreamsGroupTargetAssignmentMemberValue, StreamsGroupCurrentMemberAssignmentKey,
        StreamsGroupCurrentMemberAssignmentValue, StreamsGroupTopologyKey, StreamsGroupTopologyValue,
    }
    transaction_records { TransactionLogKey, TransactionLogValue }
    share_state_records { ShareSnapshotKey, ShareSnapshotValue, ShareUpdateKey, ShareUpdateValue }
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
