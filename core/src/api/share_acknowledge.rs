//! ShareAcknowledge: what became of the records that a member of a share group got (KIP-932).

use alloc::vec::Vec;

use super::share_acknowledgements::{self as acknowledgements, Acknowledgements};
use super::{Caller, share_leaders};
use crate::broker::{Acknowledged, Broker, Work};
use crate::error_code::ErrorCode;
use crate::parking::Waits;
use crate::shares::{FINAL_EPOCH, SessionKey, WriteId};
use crate::time::Now;
use crate::wire::messages::share_acknowledge::{
    LeaderIdAndEpoch, NodeEndpoint, PartitionData, ShareAcknowledgeRequest, ShareAcknowledgeResponse,
    ShareAcknowledgeTopicResponse,
};

/// A request that waits until all of it is kept.
#[derive(Debug)]
pub(crate) struct ParkedShareAcknowledge {
    caller: Caller,
    session: SessionKey,
    is_final: bool,
    acknowledgements: Acknowledgements,
}

pub(crate) fn handle(broker: &mut Broker, now: Now, caller: Caller, request: ShareAcknowledgeRequest) {
    let epoch = request.share_session_epoch;
    let session = acknowledgements::session_of(broker, request.group_id.as_ref(), request.member_id.as_ref())
        .and_then(|session| broker.shares.sessions.acknowledge(&session, epoch).map(|()| session));
    let session = match session {
        Ok(session) => session,
        Err(error) => return refuse(broker, caller, error),
    };
    let named = request.topics.into_iter().flat_map(|topic| {
        topic.partitions.into_iter().map(move |partition| {
            let batches = partition.acknowledgement_batches.into_iter();
            let batches = batches.map(|batch| (batch.first_offset, batch.last_offset, batch.acknowledge_types));
            (topic.topic_id, partition.partition_index, batches.collect())
        })
    });
    let acknowledgements = acknowledgements::take(broker, now, &session, (caller.version, request.is_renew_ack), named);
    let is_final = epoch == FINAL_EPOCH;
    proceed(broker, now, ParkedShareAcknowledge { caller, session, is_final, acknowledgements });
}

/// A write is over.
pub(crate) fn acknowledged(
    broker: &mut Broker,
    now: Now,
    mut parked: ParkedShareAcknowledge,
    write: WriteId,
    outcome: &Acknowledged,
) {
    parked.acknowledgements.written(write, outcome);
    proceed(broker, now, parked);
}

fn proceed(broker: &mut Broker, now: Now, parked: ParkedShareAcknowledge) {
    let writes = parked.acknowledgements.writes();
    if !writes.is_empty() {
        let conn = Some(parked.caller.slot.conn);
        broker.parking.park(conn, Work::ShareAcknowledge(parked), Waits { writes, ..Waits::default() });
        return;
    }
    let ParkedShareAcknowledge { caller, session, is_final, acknowledgements } = parked;
    if is_final {
        broker.end_share_session(now, &session);
    }
    let lock_duration_ms = broker.share_config(&session.group).limits.lock_duration_ms;
    let mut response = ShareAcknowledgeResponse {
        acquisition_lock_timeout_ms: i32::try_from(lock_duration_ms).unwrap_or(i32::MAX),
        ..Default::default()
    };
    let mut leaders = share_leaders::Leaders::default();
    for (id, error_code, error_message) in acknowledgements.into_outcomes() {
        let mut data = PartitionData { partition_index: id.index, error_code, error_message, ..Default::default() };
        if let Some((leader_id, leader_epoch)) = leaders.of(broker, caller, id, error_code) {
            data.current_leader = LeaderIdAndEpoch { leader_id, leader_epoch, ..Default::default() };
        }
        match response.responses.last_mut() {
            Some(last) if last.topic_id == id.topic_id => last.partitions.push(data),
            _ => response.responses.push(ShareAcknowledgeTopicResponse {
                topic_id: id.topic_id,
                partitions: [data].into(),
                ..Default::default()
            }),
        }
    }
    let endpoints = leaders.into_endpoints().map(|(node_id, host, port, rack)| NodeEndpoint {
        node_id,
        host,
        port,
        rack,
        ..Default::default()
    });
    response.node_endpoints = endpoints.collect();
    broker.answer(caller, &response, Vec::new());
}

fn refuse(broker: &mut Broker, caller: Caller, error: ErrorCode) {
    let response = ShareAcknowledgeResponse { error_code: error.number(), ..Default::default() };
    broker.answer(caller, &response, Vec::new());
}
