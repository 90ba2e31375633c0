//! Answers that tell of a change to a transactional id, and wait until that is committed.

use alloc::vec::Vec;

use bytes::Bytes;

use super::Caller;
use crate::broker::{Broker, Work};
use crate::coordinators::partition_of;
use crate::error_code::ErrorCode;
use crate::parking::{Waits, Wake};
use crate::time::{Monotonic, Now};
use crate::transactions::Refusal;
use crate::types::{Offset, PartitionId};
use crate::wire::messages::add_offsets_to_txn::AddOffsetsToTxnResponse;
use crate::wire::messages::add_partitions_to_txn::AddPartitionsToTxnResponse;
use crate::wire::messages::end_txn::EndTxnResponse;
use crate::wire::messages::init_producer_id::InitProducerIdResponse;

/// An answer that waits for logs of transactions.
#[derive(Debug)]
pub(crate) struct ParkedTransactionAnswer {
    caller: Caller,
    response: TransactionResponse,
}

/// What waits.
#[derive(Debug)]
pub(crate) enum TransactionResponse {
    InitProducerId(InitProducerIdResponse),
    AddPartitionsToTxn(AddPartitionsToTxnResponse),
    AddOffsetsToTxn(AddOffsetsToTxnResponse),
    EndTxn(EndTxnResponse),
}

/// The error that a client is told for a refusal, which it knows as PRODUCER_FENCED from some version on. None where its
/// request is held, until there are producer ids to be had.
pub(crate) fn refusal(
    broker: &mut Broker,
    now: Now,
    caller: Caller,
    frame: &Bytes,
    refusal: Refusal,
    fenced_since: i16,
) -> Option<ErrorCode> {
    match refusal {
        Refusal::Error(error) => Some(fenced(error, caller.version >= fenced_since)),
        Refusal::NoProducerId => {
            let error = broker.request_producer_ids(now).err();
            if error.is_none() {
                broker.hold(caller.slot, frame.clone());
            }
            error
        }
    }
}

/// The error, in older words for a client that does not know PRODUCER_FENCED.
pub(crate) fn fenced(error: ErrorCode, is_known: bool) -> ErrorCode {
    match error {
        ErrorCode::ProducerFenced if !is_known => ErrorCode::InvalidProducerEpoch,
        error => error,
    }
}

/// Where the changes end that an answer tells of.
pub(crate) type Commits = Vec<(PartitionId, Offset)>;

/// What somebody waits for whose change has to come after another one of the same id: partitions that are being added, or
/// the end of the transaction before. The latter does not take long: a client that has to ask again would wait longer.
pub(crate) fn until_settled(broker: &Broker, now: Now, id: &str, timeout_ms: i32) -> Waits {
    let coordinators = &broker.transactions.coordinators;
    let found = coordinators.find(id).ok();
    let log = found.and_then(|index| coordinators.partition(index));
    let joining = found.and_then(|index| coordinators.serving(index)?.joining_until(id));
    if let (Some(log), Some(end)) = (log, joining) {
        let deadline = Some(now.monotonic.plus_ms(i64::from(timeout_ms)));
        return Waits { commits: Vec::from([(log, end)]), deadline, ..Waits::default() };
    }
    let deadline = Some(now.monotonic.plus_ms(broker.transactions.settings.join_wait_max_ms));
    Waits { growth: log.into_iter().collect(), deadline, ..Waits::default() }
}

/// Answers when these changes are committed, but not later than `timeout_ms` from now.
pub(crate) fn answer(
    broker: &mut Broker,
    now: Now,
    caller: Caller,
    response: TransactionResponse,
    (commits, timeout_ms): (Commits, i32),
) {
    let deadline = now.monotonic.plus_ms(i64::from(timeout_ms));
    proceed(broker, ParkedTransactionAnswer { caller, response }, commits, deadline);
}

pub(crate) fn wake(broker: &mut Broker, mut parked: ParkedTransactionAnswer, mut waits: Waits, wake: Wake) {
    match wake {
        Wake::Committed(_) | Wake::Grown(_) => {}
        Wake::Lost(lost) => {
            let partitions = broker.transactions.coordinators.partition_count().unwrap_or(1);
            let is_lost = |id: &str| partition_of(id, partitions) == lost.index;
            parked.response.refuse(&is_lost, ErrorCode::NotCoordinator);
            waits.commits.retain(|(id, _)| *id != lost);
        }
        Wake::Deadline => {
            waits.commits.clear();
            parked.response.refuse(&|_| true, ErrorCode::CoordinatorNotAvailable);
        }
    }
    let deadline = waits.deadline.unwrap_or(Monotonic(0));
    proceed(broker, parked, waits.commits, deadline);
}

fn proceed(broker: &mut Broker, parked: ParkedTransactionAnswer, mut commits: Commits, deadline: Monotonic) {
    commits.retain(|(id, end)| broker.logs.get(id).is_some_and(|log| log.high_watermark() < *end));
    if commits.is_empty() {
        return parked.send(broker);
    }
    let waits = Waits { commits, deadline: Some(deadline), ..Waits::default() };
    broker.parking.park(Some(parked.caller.slot.conn), Work::Transaction(parked), waits);
}

impl ParkedTransactionAnswer {
    fn send(self, broker: &mut Broker) {
        let caller = self.caller;
        match self.response {
            TransactionResponse::InitProducerId(response) => broker.answer(caller, &response, Vec::new()),
            TransactionResponse::AddPartitionsToTxn(response) => broker.answer(caller, &response, Vec::new()),
            TransactionResponse::AddOffsetsToTxn(response) => broker.answer(caller, &response, Vec::new()),
            TransactionResponse::EndTxn(response) => broker.answer(caller, &response, Vec::new()),
        }
    }
}

impl TransactionResponse {
    /// What it says will not come true, or is not known to. Only one of them speaks of several ids.
    fn refuse(&mut self, is_of: &dyn Fn(&str) -> bool, error: ErrorCode) {
        match self {
            Self::InitProducerId(response) => *response = super::init_producer_id::refused(error),
            Self::AddPartitionsToTxn(response) => super::add_partitions_to_txn::refuse(response, is_of, error),
            Self::AddOffsetsToTxn(response) => response.error_code = error.number(),
            Self::EndTxn(response) => *response = super::end_txn::refused(error),
        }
    }
}
