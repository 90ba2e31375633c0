//! From a frame to the handler of its API: the calls about records, groups and transactions. `metadata` has those about topics, configs
//! and clients, `cluster` those about the cluster itself; `call` is what all of them are handed.

mod call;
mod cluster;
mod metadata;

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use bytes::Bytes;

use self::call::{Body, Call};
use super::{
    Caller, add_offsets_to_txn, add_partitions_to_txn, alter_replica_log_dirs, alter_share_group_offsets, api_versions,
    consumer_group_describe, consumer_group_heartbeat, delete_groups, delete_records, delete_share_group_offsets,
    delete_share_group_state, describe_groups, describe_log_dirs, describe_producers, describe_share_group_offsets,
    describe_transactions, end_txn, fetch, get_telemetry_subscriptions, heartbeat, init_producer_id,
    initialize_share_group_state, join_group, leave_group, list_groups, list_offsets, list_transactions, offset_commit,
    offset_delete, offset_fetch, offset_for_leader_epoch, produce, push_telemetry, read_share_group_state,
    read_share_group_state_summary, share_acknowledge, share_fetch, share_group_describe, share_group_heartbeat,
    streams_group_describe, streams_group_heartbeat, sync_group, table, txn_offset_commit, write_share_group_state,
    write_txn_markers,
};
use crate::boundary::CloseReason;
use crate::broker::Broker;
use crate::connection::SlotId;
use crate::time::Now;
use crate::wire::messages::add_offsets_to_txn::AddOffsetsToTxnRequest;
use crate::wire::messages::add_partitions_to_txn::AddPartitionsToTxnRequest;
use crate::wire::messages::alter_replica_log_dirs::AlterReplicaLogDirsRequest;
use crate::wire::messages::alter_share_group_offsets::AlterShareGroupOffsetsRequest;
use crate::wire::messages::api_versions::ApiVersionsRequest;
use crate::wire::messages::consumer_group_describe::ConsumerGroupDescribeRequest;
use crate::wire::messages::consumer_group_heartbeat::ConsumerGroupHeartbeatRequest;
use crate::wire::messages::delete_groups::DeleteGroupsRequest;
use crate::wire::messages::delete_records::DeleteRecordsRequest;
use crate::wire::messages::delete_share_group_offsets::DeleteShareGroupOffsetsRequest;
use crate::wire::messages::delete_share_group_state::DeleteShareGroupStateRequest;
use crate::wire::messages::describe_groups::DescribeGroupsRequest;
use crate::wire::messages::describe_log_dirs::DescribeLogDirsRequest;
use crate::wire::messages::describe_producers::DescribeProducersRequest;
use crate::wire::messages::describe_share_group_offsets::DescribeShareGroupOffsetsRequest;
use crate::wire::messages::describe_transactions::DescribeTransactionsRequest;
use crate::wire::messages::end_txn::EndTxnRequest;
use crate::wire::messages::fetch::FetchRequest;
use crate::wire::messages::get_telemetry_subscriptions::GetTelemetrySubscriptionsRequest;
use crate::wire::messages::header::RequestHeader;
use crate::wire::messages::heartbeat::HeartbeatRequest;
use crate::wire::messages::init_producer_id::InitProducerIdRequest;
use crate::wire::messages::initialize_share_group_state::InitializeShareGroupStateRequest;
use crate::wire::messages::join_group::JoinGroupRequest;
use crate::wire::messages::leave_group::LeaveGroupRequest;
use crate::wire::messages::list_groups::ListGroupsRequest;
use crate::wire::messages::list_offsets::ListOffsetsRequest;
use crate::wire::messages::list_transactions::ListTransactionsRequest;
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
use crate::wire::messages::write_share_group_state::WriteShareGroupStateRequest;
use crate::wire::messages::write_txn_markers::WriteTxnMarkersRequest;
use crate::wire::{Message, Reader};

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
    let header =
        RequestHeader::read(&mut reader, api.request_header_version(version)).map_err(|error| error.to_string())?;
    let client_id = header.client_id.as_deref();
    let caller = Caller { slot, version, correlation_id: header.correlation_id };
    broker.quotas.begin(slot, (key, version), client_id, frame.len());
    records(&mut Call { broker, now, caller, key, client_id, frame, body: Body { reader, version } })
}

/// The calls about records and partitions.
fn records(call: &mut Call<'_>) -> Result<(), String> {
    let &mut Call { ref mut broker, now, caller, client_id, ref mut body, .. } = call;
    match call.key {
        ProduceRequest::KEY => {
            let is_admin = client_id == Some(produce::ADMIN_CLIENT);
            produce::handle(broker, now, caller, is_admin, body.read()?);
        }
        FetchRequest::KEY => fetch::handle(broker, now, caller, body.read()?),
        ListOffsetsRequest::KEY => list_offsets::handle(broker, caller, body.read()?),
        ShareFetchRequest::KEY => share_fetch::handle(broker, now, caller, body.read()?),
        ShareAcknowledgeRequest::KEY => share_acknowledge::handle(broker, now, caller, body.read()?),
        DeleteRecordsRequest::KEY => delete_records::handle(broker, now, caller, &body.read()?),
        AlterReplicaLogDirsRequest::KEY => alter_replica_log_dirs::handle(broker, now, caller, &body.read()?),
        DescribeLogDirsRequest::KEY => describe_log_dirs::handle(broker, caller, body.read()?),
        OffsetForLeaderEpochRequest::KEY => offset_for_leader_epoch::handle(broker, caller, body.read()?),
        _ => return members(call),
    }
    Ok(())
}

/// The calls of groups' members, and of clients that push their metrics.
fn members(call: &mut Call<'_>) -> Result<(), String> {
    let &mut Call { ref mut broker, now, caller, client_id, ref mut body, .. } = call;
    match call.key {
        JoinGroupRequest::KEY => {
            join_group::handle(broker, now, caller, client_id, &body.read()?);
        }
        SyncGroupRequest::KEY => sync_group::handle(broker, now, caller, body.read()?),
        HeartbeatRequest::KEY => heartbeat::handle(broker, now, caller, &body.read()?),
        ConsumerGroupHeartbeatRequest::KEY => {
            consumer_group_heartbeat::handle(broker, now, caller, client_id, &body.read()?);
        }
        ShareGroupHeartbeatRequest::KEY => {
            share_group_heartbeat::handle(broker, now, caller, client_id, &body.read()?);
        }
        StreamsGroupHeartbeatRequest::KEY => {
            streams_group_heartbeat::handle(broker, now, caller, client_id, &body.read()?);
        }
        LeaveGroupRequest::KEY => leave_group::handle(broker, now, caller, body.read()?),
        GetTelemetrySubscriptionsRequest::KEY => {
            get_telemetry_subscriptions::handle(broker, now, caller, client_id, &body.read()?);
        }
        PushTelemetryRequest::KEY => {
            push_telemetry::handle(broker, now, caller, client_id, &body.read()?);
        }
        _ => return groups(call),
    }
    Ok(())
}

/// The calls about committed offsets, and about groups as a whole.
fn groups(call: &mut Call<'_>) -> Result<(), String> {
    let &mut Call { ref mut broker, now, caller, ref mut body, .. } = call;
    match call.key {
        OffsetCommitRequest::KEY => offset_commit::handle(broker, now, caller, body.read()?),
        OffsetFetchRequest::KEY => offset_fetch::handle(broker, now, caller, body.read()?),
        OffsetDeleteRequest::KEY => offset_delete::handle(broker, now, caller, &body.read()?),
        DescribeGroupsRequest::KEY => describe_groups::handle(broker, now, caller, &body.read()?),
        ConsumerGroupDescribeRequest::KEY => {
            consumer_group_describe::handle(broker, now, caller, &body.read()?);
        }
        ShareGroupDescribeRequest::KEY => share_group_describe::handle(broker, now, caller, &body.read()?),
        DescribeShareGroupOffsetsRequest::KEY => {
            describe_share_group_offsets::handle(broker, now, caller, &body.read()?);
        }
        AlterShareGroupOffsetsRequest::KEY => {
            alter_share_group_offsets::handle(broker, now, caller, &body.read()?);
        }
        DeleteShareGroupOffsetsRequest::KEY => {
            delete_share_group_offsets::handle(broker, now, caller, &body.read()?);
        }
        StreamsGroupDescribeRequest::KEY => {
            streams_group_describe::handle(broker, now, caller, &body.read()?);
        }
        ListGroupsRequest::KEY => list_groups::handle(broker, now, caller, &body.read()?),
        DeleteGroupsRequest::KEY => delete_groups::handle(broker, now, caller, &body.read()?),
        _ => return transactions(call),
    }
    Ok(())
}

/// The calls about transactions.
fn transactions(call: &mut Call<'_>) -> Result<(), String> {
    let &mut Call { ref mut broker, now, caller, frame, ref mut body, .. } = call;
    match call.key {
        InitProducerIdRequest::KEY => {
            let request = body.read()?;
            init_producer_id::handle(broker, now, caller, frame, &request);
        }
        AddPartitionsToTxnRequest::KEY => add_partitions_to_txn::handle(broker, now, caller, body.read()?),
        AddOffsetsToTxnRequest::KEY => add_offsets_to_txn::handle(broker, now, caller, &body.read()?),
        WriteTxnMarkersRequest::KEY => write_txn_markers::handle(broker, now, caller, &body.read()?),
        DescribeProducersRequest::KEY => describe_producers::handle(broker, caller, &body.read()?),
        DescribeTransactionsRequest::KEY => describe_transactions::handle(broker, caller, &body.read()?),
        ListTransactionsRequest::KEY => list_transactions::handle(broker, now, caller, &body.read()?),
        TxnOffsetCommitRequest::KEY => txn_offset_commit::handle(broker, now, caller, body.read()?),
        EndTxnRequest::KEY => {
            let request = body.read()?;
            end_txn::handle(broker, now, caller, frame, &request);
        }
        _ => return share_groups(call),
    }
    Ok(())
}

/// The calls about share groups.
fn share_groups(call: &mut Call<'_>) -> Result<(), String> {
    let &mut Call { ref mut broker, now, caller, ref mut body, .. } = call;
    match call.key {
        InitializeShareGroupStateRequest::KEY => {
            initialize_share_group_state::handle(broker, now, caller, &body.read()?);
        }
        ReadShareGroupStateRequest::KEY => read_share_group_state::handle(broker, now, caller, &body.read()?),
        WriteShareGroupStateRequest::KEY => write_share_group_state::handle(broker, now, caller, &body.read()?),
        DeleteShareGroupStateRequest::KEY => {
            delete_share_group_state::handle(broker, now, caller, &body.read()?);
        }
        ReadShareGroupStateSummaryRequest::KEY => {
            read_share_group_state_summary::handle(broker, now, caller, &body.read()?);
        }
        _ => return metadata::metadata(call),
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
