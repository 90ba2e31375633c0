//! EndTxn: a producer commits its transaction, or aborts it. The answer comes when that is decided for good.

use alloc::vec::Vec;

use bytes::Bytes;

use super::Caller;
use super::transaction_answer::{self, Commits, TransactionResponse};
use crate::broker::Broker;
use crate::error_code::ErrorCode;
use crate::planted::Bug;
use crate::records::TransactionResult;
use crate::time::Now;
use crate::transactions::{End, Producer, Refusal, TransactionVersion, TransactionalId};
use crate::types::{ProducerEpoch, ProducerId};
use crate::wire::messages::end_txn::{EndTxnRequest, EndTxnResponse};

/// First version whose clients know PRODUCER_FENCED.
const FENCED_SINCE: i16 = 2;
/// First version with which the epoch rises.
const RAISES_EPOCH_SINCE: i16 = 5;

pub(crate) fn handle(broker: &mut Broker, now: Now, caller: Caller, frame: &Bytes, request: &EndTxnRequest) {
    let (response, commits) = match end(broker, now, caller.version, request) {
        Ok((Producer { id, epoch }, commits)) => {
            (EndTxnResponse { producer_id: id.0, producer_epoch: epoch.0, ..Default::default() }, commits)
        }
        Err(refusal) => match transaction_answer::refusal(broker, now, caller, frame, refusal, FENCED_SINCE) {
            Some(error) => (refused(error), Vec::new()),
            None => return,
        },
    };
    let timeout_ms = broker.transaction_timeout_ms(&request.transactional_id);
    transaction_answer::answer(broker, now, caller, TransactionResponse::EndTxn(response), (commits, timeout_ms));
}

/// An answer that has no producer in it.
pub(crate) fn refused(error: ErrorCode) -> EndTxnResponse {
    EndTxnResponse { error_code: error.number(), producer_id: -1, producer_epoch: -1, ..Default::default() }
}

/// Decides how the transaction ends; says whose the next one will be, and what must be committed before.
fn end(broker: &mut Broker, now: Now, version: i16, request: &EndTxnRequest) -> Result<(Producer, Commits), Refusal> {
    let id = &*request.transactional_id;
    if id.is_empty() {
        return Err(ErrorCode::InvalidRequest.into());
    }
    let index = broker.transaction_coordinator_of(id)?;
    let coordinator = broker.transactions.coordinators.serving(index).ok_or(ErrorCode::NotCoordinator)?;
    let mut end = End {
        producer: Producer { id: ProducerId(request.producer_id), epoch: ProducerEpoch(request.producer_epoch) },
        result: if request.committed { TransactionResult::Commit } else { TransactionResult::Abort },
        version: if version >= RAISES_EPOCH_SINCE { TransactionVersion::V2 } else { TransactionVersion::V0 },
    };
    if broker.outbox.bugs().has(Bug::FencedEndTaken)
        && let Some(entry) = coordinator.transactions.get(id)
        && end.producer.epoch < entry.current.producer.epoch
    {
        end.producer = entry.current.producer;
    }
    let mut new_ids = || broker.producer_ids.take();
    let Some(change) = coordinator.end(now, id, end, &mut new_ids)? else {
        let current = coordinator.transactions.get(id).map_or(end.producer, |entry| entry.current.producer);
        return Ok((current, Commits::new()));
    };
    let next = change.completed(now.wall.0).producer;
    let commit = broker.write_transaction(now, index, &TransactionalId::from(id), change)?;
    let is_told_early = broker.outbox.bugs().has(Bug::DecisionToldEarly);
    Ok((next, if is_told_early { Commits::new() } else { Commits::from([commit]) }))
}
