//! From a frame to the handler of its API. Those about the cluster itself have a room of their own.

mod cluster;

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use bytes::Bytes;

use super::{
    Caller, View, add_offsets_to_txn, add_partitions_to_txn, alter_client_quotas, alter_configs,
    alter_share_group_offsets, alter_user_scram_credentials, api_versions, consumer_group_describe,
    consumer_group_heartbeat, create_partitions, create_topics, delete_groups, delete_records,
    delete_share_group_offsets, delete_share_group_state, delete_topics, describe_client_quotas, describe_cluster,
    describe_configs, describe_groups, describe_log_dirs, describe_producers, describe_share_group_offsets,
    describe_topic_partitions, describe_transactions, describe_user_scram_credentials, elect_leaders, end_txn, fetch,
    find_coordinator, get_telemetry_subscriptions, heartbeat, incremental_alter_configs, init_producer_id,
    initialize_share_group_state, join_group, leave_group, list_config_resources, list_groups, list_offsets,
    list_transactions, metadata, mutation_quota, offset_commit, offset_delete, offset_fetch, offset_for_leader_epoch,
    produce, push_telemetry, read_share_group_state, read_share_group_state_summary, share_acknowledge, share_fetch,
    share_group_describe, share_group_heartbeat, streams_group_describe, streams_group_heartbeat, sync_group, table,
    txn_offset_commit, update_features, write_share_group_state, write_txn_markers,
};
use crate::boundary::CloseReason;
use crate::broker::Broker;
use crate::connection::SlotId;
use crate::error_code::ErrorCode;
use crate::log::{LogState, PartitionLog};
use crate::time::Now;
use crate::types::PartitionId;
use crate::wire::messages::add_offsets_to_txn::AddOffsetsToTxnRequest;
use crate::wire::messages::add_partitions_to_txn::AddPartitionsToTxnRequest;
use crate::wire::messages::alter_client_quotas::AlterClientQuotasRequest;
use crate::wire::messages::alter_configs::AlterConfigsRequest;
use crate::wire::messages::alter_share_group_offsets::AlterShareGroupOffsetsRequest;
use crate::wire::messages::alter_user_scram_credentials::AlterUserScramCredentialsRequest;
use crate::wire::messages::api_versions::ApiVersionsRequest;
use crate::wire::messages::consumer_group_describe::ConsumerGroupDescribeRequest;
use crate::wire::messages::consumer_group_heartbeat::ConsumerGroupHeartbeatRequest;
use crate::wire::messages::create_partitions::CreatePartitionsRequest;
use crate::wire::messages::create_topics::CreateTopicsRequest;
use crate::wire::messages::delete_groups::DeleteGroupsRequest;
use crate::wire::messages::delete_records::DeleteRecordsRequest;
use crate::wire::messages::delete_share_group_offsets::DeleteShareGroupOffsetsRequest;
use crate::wire::messages::delete_share_group_state::DeleteShareGroupStateRequest;
use crate::wire::messages::delete_topics::DeleteTopicsRequest;
use crate::wire::messages::describe_client_quotas::DescribeClientQuotasRequest;
use crate::wire::messages::describe_cluster::DescribeClusterRequest;
use crate::wire::messages::describe_configs::DescribeConfigsRequest;
use crate::wire::messages::describe_groups::DescribeGroupsRequest;
use crate::wire::messages::describe_log_dirs::DescribeLogDirsRequest;
use crate::wire::messages::describe_producers::DescribeProducersRequest;
use crate::wire::messages::describe_share_group_offsets::DescribeShareGroupOffsetsRequest;
use crate::wire::messages::describe_topic_partitions::DescribeTopicPartitionsRequest;
use crate::wire::messages::describe_transactions::DescribeTransactionsRequest;
use crate::wire::messages::describe_user_scram_credentials::DescribeUserScramCredentialsRequest;
use crate::wire::messages::elect_leaders::ElectLeadersRequest;
use crate::wire::messages::end_txn::EndTxnRequest;
use crate::wire::messages::fetch::FetchRequest;
use crate::wire::messages::find_coordinator::FindCoordinatorRequest;
use crate::wire::messages::get_telemetry_subscriptions::GetTelemetrySubscriptionsRequest;
use crate::wire::messages::header::RequestHeader;
use crate::wire::messages::heartbeat::HeartbeatRequest;
use crate::wire::messages::incremental_alter_configs::IncrementalAlterConfigsRequest;
use crate::wire::messages::init_producer_id::InitProducerIdRequest;
use crate::wire::messages::initialize_share_group_state::InitializeShareGroupStateRequest;
use crate::wire::messages::join_group::JoinGroupRequest;
use crate::wire::messages::leave_group::LeaveGroupRequest;
use crate::wire::messages::list_config_resources::ListConfigResourcesRequest;
use crate::wire::messages::list_groups::ListGroupsRequest;
use crate::wire::messages::list_offsets::ListOffsetsRequest;
use crate::wire::messages::list_transactions::ListTransactionsRequest;
use crate::wire::messages::metadata::MetadataRequest;
use crate::wire::messages::offset_commit::OffsetCommitRequest;
use crate::wire::messages::offset_delete::OffsetDeleteRequest;
use crate::wire::messages::offset_fetch::OffsetFetchRequest;
use crate::wire::messages::offset_for_leader_epoch::OffsetForLeaderEpochRequest;
use crate::wire::messages::produce::ProduceRequest;
use crate::wire::messages::push_telemetry::PushTelemetryRequest;
use crate::wire::messages::read_share_group_state::ReadShareGroupStateRequest;
use crate::wire::messages::read_share_group_state_summary::ReadShareGroupStateSummaryRequest;
use crate::wire::messages::share_acknowledge::ShareAcknowledgeRequest;
use crate::wire::messages::share_fetch::ShareFetchRequest;
use crate::wire::messages::share_group_describe::ShareGroupDescribeRequest;
use crate::wire::messages::share_group_heartbeat::ShareGroupHeartbeatRequest;
use crate::wire::messages::streams_group_describe::StreamsGroupDescribeRequest;
use crate::wire::messages::streams_group_heartbeat::StreamsGroupHeartbeatRequest;
use crate::wire::messages::sync_group::SyncGroupRequest;
use crate::wire::messages::txn_offset_commit::TxnOffsetCommitRequest;
use crate::wire::messages::update_features::UpdateFeaturesRequest;
use crate::wire::messages::write_share_group_state::WriteShareGroupStateRequest;
use crate::wire::messages::write_txn_markers::WriteTxnMarkersRequest;
use crate::wire::{DecodeError, Message, Reader};

/// Serves one request. What is no request at all closes its connection, as Kafka does.
pub(crate) fn dispatch(broker: &mut Broker, now: Now, slot: SlotId, frame: Bytes) {
    if let Err(fault) = serve(broker, now, slot, &frame) {
        broker.close(slot.conn, CloseReason::Protocol(fault));
    }
}

fn serve(broker: &mut Broker, now: Now, slot: SlotId, frame: &Bytes) -> Result<(), String> {
    let Some(&[key_high, key_low, version_high, version_low]) = frame.first_chunk::<4>() else {
        return Err(format!("a request needs a header of at least 8 bytes, this frame has {}", frame.len()));
    };
    let key = i16::from_be_bytes([key_high, key_low]);
    let version = i16::from_be_bytes([version_high, version_low]);
    let Some(api) = table::find(key) else {
        return Err(format!("API key {key} is not served"));
    };
    if !api.versions.contains(&version) {
        return unsupported(broker, slot, frame, key, version);
    }
    let mut reader = Reader::new(frame);
    let header = RequestHeader::read(&mut reader, api.request_header_version(version)).map_err(text)?;
    let caller = Caller { slot, version, correlation_id: header.correlation_id };
    broker.quotas.begin(slot, (key, version), header.client_id.as_deref(), frame.len());
    let body = &mut reader;
    match key {
        ProduceRequest::KEY => {
            let is_admin = header.client_id.as_deref() == Some(produce::ADMIN_CLIENT);
            produce::handle(broker, now, caller, is_admin, read(body, version)?);
        }
        FetchRequest::KEY => fetch::handle(broker, now, caller, read(body, version)?),
        ListOffsetsRequest::KEY => list_offsets::handle(broker, caller, read(body, version)?),
        ShareFetchRequest::KEY => share_fetch::handle(broker, now, caller, read(body, version)?),
        ShareAcknowledgeRequest::KEY => share_acknowledge::handle(broker, now, caller, read(body, version)?),
        DeleteRecordsRequest::KEY => delete_records::handle(broker, now, caller, &read(body, version)?),
        DescribeLogDirsRequest::KEY => describe_log_dirs::handle(broker, caller, read(body, version)?),
        OffsetForLeaderEpochRequest::KEY => offset_for_leader_epoch::handle(broker, caller, read(body, version)?),
        JoinGroupRequest::KEY => {
            join_group::handle(broker, now, caller, header.client_id.as_deref(), &read(body, version)?);
        }
        SyncGroupRequest::KEY => sync_group::handle(broker, now, caller, read(body, version)?),
        HeartbeatRequest::KEY => heartbeat::handle(broker, now, caller, &read(body, version)?),
        ConsumerGroupHeartbeatRequest::KEY => {
            let client_id = header.client_id.as_deref();
            consumer_group_heartbeat::handle(broker, now, caller, client_id, &read(body, version)?);
        }
        ShareGroupHeartbeatRequest::KEY => {
            let client_id = header.client_id.as_deref();
            share_group_heartbeat::handle(broker, now, caller, client_id, &read(body, version)?);
        }
        StreamsGroupHeartbeatRequest::KEY => {
            let client_id = header.client_id.as_deref();
            streams_group_heartbeat::handle(broker, now, caller, client_id, &read(body, version)?);
        }
        LeaveGroupRequest::KEY => leave_group::handle(broker, now, caller, read(body, version)?),
        GetTelemetrySubscriptionsRequest::KEY => {
            let client_id = header.client_id.as_deref();
            get_telemetry_subscriptions::handle(broker, now, caller, client_id, &read(body, version)?);
        }
        PushTelemetryRequest::KEY => {
            push_telemetry::handle(broker, now, caller, header.client_id.as_deref(), &read(body, version)?);
        }
        key => return groups(broker, now, caller, frame, key, body),
    }
    Ok(())
}

/// The calls about committed offsets, and about groups as a whole.
fn groups(
    broker: &mut Broker,
    now: Now,
    caller: Caller,
    frame: &Bytes,
    key: i16,
    body: &mut Reader,
) -> Result<(), String> {
    let version = caller.version;
    match key {
        OffsetCommitRequest::KEY => offset_commit::handle(broker, now, caller, read(body, version)?),
        OffsetFetchRequest::KEY => offset_fetch::handle(broker, now, caller, read(body, version)?),
        OffsetDeleteRequest::KEY => offset_delete::handle(broker, now, caller, &read(body, version)?),
        DescribeGroupsRequest::KEY => describe_groups::handle(broker, now, caller, &read(body, version)?),
        ConsumerGroupDescribeRequest::KEY => {
            consumer_group_describe::handle(broker, now, caller, &read(body, version)?);
        }
        ShareGroupDescribeRequest::KEY => share_group_describe::handle(broker, now, caller, &read(body, version)?),
        DescribeShareGroupOffsetsRequest::KEY => {
            describe_share_group_offsets::handle(broker, now, caller, &read(body, version)?);
        }
        AlterShareGroupOffsetsRequest::KEY => {
            alter_share_group_offsets::handle(broker, now, caller, &read(body, version)?);
        }
        DeleteShareGroupOffsetsRequest::KEY => {
            delete_share_group_offsets::handle(broker, now, caller, &read(body, version)?);
        }
        StreamsGroupDescribeRequest::KEY => {
            streams_group_describe::handle(broker, now, caller, &read(body, version)?);
        }
        ListGroupsRequest::KEY => list_groups::handle(broker, now, caller, &read(body, version)?),
        DeleteGroupsRequest::KEY => delete_groups::handle(broker, now, caller, &read(body, version)?),
        key => return transactions(broker, now, caller, frame, key, body),
    }
    Ok(())
}

/// The calls about transactions.
fn transactions(
    broker: &mut Broker,
    now: Now,
    caller: Caller,
    frame: &Bytes,
    key: i16,
    body: &mut Reader,
) -> Result<(), String> {
    let version = caller.version;
    match key {
        InitProducerIdRequest::KEY => {
            let request = read(body, version)?;
            init_producer_id::handle(broker, now, caller, frame, &request);
        }
        AddPartitionsToTxnRequest::KEY => add_partitions_to_txn::handle(broker, now, caller, read(body, version)?),
        AddOffsetsToTxnRequest::KEY => add_offsets_to_txn::handle(broker, now, caller, &read(body, version)?),
        WriteTxnMarkersRequest::KEY => write_txn_markers::handle(broker, now, caller, &read(body, version)?),
        DescribeProducersRequest::KEY => describe_producers::handle(broker, caller, &read(body, version)?),
        DescribeTransactionsRequest::KEY => describe_transactions::handle(broker, caller, &read(body, version)?),
        ListTransactionsRequest::KEY => list_transactions::handle(broker, now, caller, &read(body, version)?),
        TxnOffsetCommitRequest::KEY => txn_offset_commit::handle(broker, now, caller, read(body, version)?),
        EndTxnRequest::KEY => {
            let request = read(body, version)?;
            end_txn::handle(broker, now, caller, frame, &request);
        }
        key => return share_groups(broker, now, caller, frame, key, body),
    }
    Ok(())
}

/// The calls about share groups.
fn share_groups(
    broker: &mut Broker,
    now: Now,
    caller: Caller,
    frame: &Bytes,
    key: i16,
    body: &mut Reader,
) -> Result<(), String> {
    let version = caller.version;
    match key {
        InitializeShareGroupStateRequest::KEY => {
            initialize_share_group_state::handle(broker, now, caller, &read(body, version)?);
        }
        ReadShareGroupStateRequest::KEY => read_share_group_state::handle(broker, now, caller, &read(body, version)?),
        WriteShareGroupStateRequest::KEY => write_share_group_state::handle(broker, now, caller, &read(body, version)?),
        DeleteShareGroupStateRequest::KEY => {
            delete_share_group_state::handle(broker, now, caller, &read(body, version)?);
        }
        ReadShareGroupStateSummaryRequest::KEY => {
            read_share_group_state_summary::handle(broker, now, caller, &read(body, version)?);
        }
        key => return admin(broker, now, caller, frame, key, body),
    }
    Ok(())
}

/// The calls that answer from the metadata image or change it.
fn admin(
    broker: &mut Broker,
    now: Now,
    caller: Caller,
    frame: &Bytes,
    key: i16,
    body: &mut Reader,
) -> Result<(), String> {
    let version = caller.version;
    let listener = broker.listener_of(caller.slot.conn);
    let view = View { image: broker.metadata.image(), config: &broker.config, listener };
    match key {
        ApiVersionsRequest::KEY => {
            let request: ApiVersionsRequest = read(body, version)?;
            let response = api_versions::handle(&request, version, view.image);
            if version >= api_versions::SOFTWARE_SINCE && response.error_code == ErrorCode::None.number() {
                let (name, release) = (&request.client_software_name, &request.client_software_version);
                broker.telemetry.introduce(caller.slot.conn, name, release);
            }
            broker.answer(caller, &response, Vec::new());
        }
        MetadataRequest::KEY => {
            let states = |partition| log_state(&broker.logs, partition);
            let change = metadata::handle(&read(body, version)?, version, view, &states, &mut broker.rng);
            broker.submit(now, caller, frame, change);
        }
        FindCoordinatorRequest::KEY => {
            let states = |partition| log_state(&broker.logs, partition);
            let change = find_coordinator::handle(&read(body, version)?, version, view, &states, &mut broker.rng);
            broker.submit(now, caller, frame, change);
        }
        // Counted once, they must not be asked anew.
        CreateTopicsRequest::KEY | DeleteTopicsRequest::KEY | CreatePartitionsRequest::KEY if broker.is_changing() => {
            broker.hold(caller.slot, frame.clone());
        }
        CreateTopicsRequest::KEY => {
            let mut change = create_topics::handle(&read(body, version)?, view, &mut broker.rng);
            let is_strict = version >= mutation_quota::CREATE_TOPICS_STRICT_SINCE;
            let mut take =
                |partitions| broker.quotas.take_partitions(caller.slot, partitions, is_strict, now.monotonic);
            mutation_quota::limit_creation(&mut change, &mut take);
            broker.submit(now, caller, frame, change);
        }
        DeleteTopicsRequest::KEY => {
            let mut change = delete_topics::handle(&read(body, version)?, version, view);
            let is_strict = version >= mutation_quota::DELETE_TOPICS_STRICT_SINCE;
            let mut take =
                |partitions| broker.quotas.take_partitions(caller.slot, partitions, is_strict, now.monotonic);
            mutation_quota::limit_deletion(&mut change, view.image, &mut take);
            broker.submit(now, caller, frame, change);
        }
        CreatePartitionsRequest::KEY => {
            let request = read(body, version)?;
            let mut change = create_partitions::handle(&request, view);
            let is_strict = version >= mutation_quota::CREATE_PARTITIONS_STRICT_SINCE;
            let mut take =
                |partitions| broker.quotas.take_partitions(caller.slot, partitions, is_strict, now.monotonic);
            mutation_quota::limit_extension(&mut change, &request, view.image, &mut take);
            broker.submit(now, caller, frame, change);
        }
        DescribeClusterRequest::KEY => {
            let response = describe_cluster::handle(&read(body, version)?, view);
            broker.answer(caller, &response, Vec::new());
        }
        ElectLeadersRequest::KEY => {
            let response = elect_leaders::handle(&read(body, version)?, view);
            broker.answer(caller, &response, Vec::new());
        }
        UpdateFeaturesRequest::KEY if broker.is_changing() => broker.hold(caller.slot, frame.clone()),
        UpdateFeaturesRequest::KEY => {
            let planned = update_features::handle(&read(body, version)?, version, view);
            match planned.kraft_version {
                // It goes on once the quorum has the level.
                Some(level) if broker.upgrade_quorum(now, level).is_some() => broker.hold(caller.slot, frame.clone()),
                _ => broker.submit(now, caller, frame, planned.change),
            }
        }
        DescribeTopicPartitionsRequest::KEY => {
            let states = |partition| log_state(&broker.logs, partition);
            let response = describe_topic_partitions::handle(&read(body, version)?, view, &states);
            broker.answer(caller, &response, Vec::new());
        }
        key => return configs(broker, now, caller, frame, key, body),
    }
    Ok(())
}

/// The calls about configs.
fn configs(
    broker: &mut Broker,
    now: Now,
    caller: Caller,
    frame: &Bytes,
    key: i16,
    body: &mut Reader,
) -> Result<(), String> {
    let version = caller.version;
    let listener = broker.listener_of(caller.slot.conn);
    let view = View { image: broker.metadata.image(), config: &broker.config, listener };
    match key {
        // What a list is added to, and whether anything changes, may depend on what is on its way.
        AlterConfigsRequest::KEY | IncrementalAlterConfigsRequest::KEY if broker.is_changing() => {
            broker.hold(caller.slot, frame.clone());
        }
        AlterConfigsRequest::KEY => {
            let change = alter_configs::handle(&read(body, version)?, view);
            broker.submit(now, caller, frame, change);
        }
        IncrementalAlterConfigsRequest::KEY => {
            let change = incremental_alter_configs::handle(&read(body, version)?, view);
            broker.submit(now, caller, frame, change);
        }
        ListConfigResourcesRequest::KEY => {
            let response = list_config_resources::handle(&read(body, version)?, version, view);
            broker.answer(caller, &response, Vec::new());
        }
        DescribeConfigsRequest::KEY => {
            let response = describe_configs::handle(&read(body, version)?, view);
            broker.answer(caller, &response, Vec::new());
        }
        key => return clients(broker, now, caller, frame, key, body),
    }
    Ok(())
}

/// The calls about quotas and passwords of clients.
fn clients(
    broker: &mut Broker,
    now: Now,
    caller: Caller,
    frame: &Bytes,
    key: i16,
    body: &mut Reader,
) -> Result<(), String> {
    let version = caller.version;
    let listener = broker.listener_of(caller.slot.conn);
    let view = View { image: broker.metadata.image(), config: &broker.config, listener };
    match key {
        DescribeClientQuotasRequest::KEY => {
            let response = describe_client_quotas::handle(&read(body, version)?, view);
            broker.answer(caller, &response, Vec::new());
        }
        DescribeUserScramCredentialsRequest::KEY => {
            let response = describe_user_scram_credentials::handle(&read(body, version)?, view);
            broker.answer(caller, &response, Vec::new());
        }
        // What is asked for may depend on what is on its way.
        AlterClientQuotasRequest::KEY | AlterUserScramCredentialsRequest::KEY if broker.is_changing() => {
            broker.hold(caller.slot, frame.clone());
        }
        AlterClientQuotasRequest::KEY => {
            let change = alter_client_quotas::handle(&read(body, version)?, view);
            broker.submit(now, caller, frame, change);
        }
        AlterUserScramCredentialsRequest::KEY => {
            let change = alter_user_scram_credentials::handle(&read(body, version)?, view);
            broker.submit(now, caller, frame, change);
        }
        key => return cluster::cluster(broker, now, caller, frame, key, body),
    }
    Ok(())
}

/// ApiVersions is answered in version 0 form, so that a client can choose a version that exists; any other API closes.
fn unsupported(broker: &mut Broker, slot: SlotId, frame: &Bytes, key: i16, version: i16) -> Result<(), String> {
    let correlation_id = frame.get(4..8).and_then(|bytes| bytes.try_into().ok()).map(i32::from_be_bytes);
    match correlation_id {
        Some(correlation_id) if key == ApiVersionsRequest::KEY => {
            let caller = Caller { slot, version: 0, correlation_id };
            broker.answer(caller, &api_versions::unsupported_version(), Vec::new());
            Ok(())
        }
        _ => Err(format!("version {version} of API key {key} is not served")),
    }
}

/// What Metadata says of a partition that this broker leads.
fn log_state(logs: &BTreeMap<PartitionId, PartitionLog>, partition: PartitionId) -> ErrorCode {
    match logs.get(&partition).map(PartitionLog::state) {
        Some(LogState::Serving) => ErrorCode::None,
        Some(LogState::Offline) => ErrorCode::KafkaStorageError,
        _ => ErrorCode::LeaderNotAvailable,
    }
}

fn read<M: Message>(reader: &mut Reader, version: i16) -> Result<M, String> {
    M::read(reader, version).map_err(text)
}

fn text(error: DecodeError) -> String {
    error.to_string()
}
