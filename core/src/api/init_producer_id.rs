//! InitProducerId: an identity for an idempotent producer; with a transactional id, one that fences whoever had it before.

use alloc::vec::Vec;

use bytes::Bytes;

use super::Caller;
use super::transaction_answer::{self, TransactionResponse};
use crate::broker::Broker;
use crate::error_code::ErrorCode;
use crate::time::Now;
use crate::transactions::{Init, Initialized, Producer, Refusal, TransactionalId};
use crate::types::{ProducerEpoch, ProducerId};
use crate::wire::messages::init_producer_id::{InitProducerIdRequest, InitProducerIdResponse};

/// First version whose clients know PRODUCER_FENCED.
const FENCED_SINCE: i16 = 4;

/// Answers from this broker's block of ids; without one the request is held until a new block is committed.
pub(crate) fn handle(broker: &mut Broker, now: Now, caller: Caller, frame: &Bytes, request: &InitProducerIdRequest) {
    let outcome = match &request.transactional_id {
        Some(id) => match begin(broker, now, id, request) {
            Ok(begun) => return answer_committed(broker, now, caller, request, begun),
            Err(refusal) => Err(refusal),
        },
        None if (request.producer_id == -1) != (request.producer_epoch == -1) => Err(ErrorCode::InvalidRequest.into()),
        None => broker.producer_ids.take().ok_or(Refusal::NoProducerId),
    };
    let response = match outcome {
        Ok(id) => InitProducerIdResponse { producer_id: id.0, producer_epoch: 0, ..Default::default() },
        Err(refusal) => match transaction_answer::refusal(broker, now, caller, frame, refusal, FENCED_SINCE) {
            Some(error) => refused(error),
            None => return,
        },
    };
    broker.answer(caller, &response, Vec::new());
}

/// An answer that has no producer in it.
pub(crate) fn refused(error: ErrorCode) -> InitProducerIdResponse {
    InitProducerIdResponse {
        error_code: error.number(),
        producer_id: ProducerId::NONE.0,
        producer_epoch: -1,
        ..Default::default()
    }
}

/// A transactional id's change that is appended, and what its producer gets when it is committed.
struct Begun {
    index: i32,
    change: Initialized,
    id: TransactionalId,
}

fn begin(broker: &mut Broker, now: Now, id: &str, request: &InitProducerIdRequest) -> Result<Begun, Refusal> {
    if id.is_empty() {
        return Err(ErrorCode::InvalidRequest.into());
    }
    let producer = Producer { id: ProducerId(request.producer_id), epoch: ProducerEpoch(request.producer_epoch) };
    let expected = match (producer.id.0 == -1, producer.epoch.0 == -1) {
        (true, true) => None,
        (false, false) => Some(producer),
        _ => return Err(ErrorCode::InvalidRequest.into()),
    };
    let timeout_ms = request.transaction_timeout_ms;
    if timeout_ms <= 0 || timeout_ms > broker.transactions.settings.timeout_max_ms {
        return Err(ErrorCode::InvalidTransactionTimeout.into());
    }
    let index = broker.transaction_coordinator_of(id)?;
    let level = broker.transaction_version();
    let has_room = broker.transactions.has_room();
    let coordinator = broker.transactions.coordinators.serving(index).ok_or(ErrorCode::NotCoordinator)?;
    if !has_room && !coordinator.transactions.contains_key(id) {
        return Err(ErrorCode::PolicyViolation.into());
    }
    let mut new_ids = || broker.producer_ids.take();
    let change = coordinator.init(now, id, Init { timeout_ms, expected, level }, &mut new_ids)?;
    Ok(Begun { index, change, id: TransactionalId::from(id) })
}

fn answer_committed(broker: &mut Broker, now: Now, caller: Caller, request: &InitProducerIdRequest, begun: Begun) {
    let (change, response) = match begun.change {
        Initialized::Begun(change) => {
            let Producer { id, epoch } = change.producer;
            let response = InitProducerIdResponse { producer_id: id.0, producer_epoch: epoch.0, ..Default::default() };
            (change, response)
        }
        // Once that has ended it may be asked again, and get the next epoch.
        Initialized::Aborting(change) => (change, refused(ErrorCode::ConcurrentTransactions)),
    };
    let (response, commits) = match broker.write_transaction(now, begun.index, &begun.id, change) {
        Ok(commit) => (response, Vec::from([commit])),
        Err(error) => (refused(error), Vec::new()),
    };
    let waits = (commits, request.transaction_timeout_ms);
    transaction_answer::answer(broker, now, caller, TransactionResponse::InitProducerId(response), waits);
}
