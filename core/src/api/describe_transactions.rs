//! DescribeTransactions: the state of transactional ids, as it is committed.

use alloc::vec::Vec;

use super::Caller;
use crate::broker::Broker;
use crate::error_code::ErrorCode;
use crate::wire::Str;
use crate::wire::messages::describe_transactions::{
    DescribeTransactionsRequest, DescribeTransactionsResponse, TopicData, TransactionState,
};

pub(crate) fn handle(broker: &mut Broker, caller: Caller, request: &DescribeTransactionsRequest) {
    let describe = |id: &Str| {
        describe(broker, id).unwrap_or_else(|error| TransactionState {
            error_code: error.number(),
            transactional_id: id.clone(),
            ..Default::default()
        })
    };
    let transaction_states = request.transactional_ids.iter().map(describe).collect();
    let response = DescribeTransactionsResponse { transaction_states, ..Default::default() };
    broker.answer(caller, &response, Vec::new());
}

fn describe(broker: &Broker, id: &Str) -> Result<TransactionState, ErrorCode> {
    if id.is_empty() {
        return Err(ErrorCode::InvalidRequest);
    }
    let index = broker.transaction_coordinator_of(id)?;
    let coordinator = broker.transactions.coordinators.serving(index).ok_or(ErrorCode::NotCoordinator)?;
    let entry = coordinator.transactions.get(&**id).ok_or(ErrorCode::TransactionalIdNotFound)?;
    let transaction = &entry.current;
    let topics = transaction.partitions.iter().map(|(topic, indexes)| TopicData {
        topic: Str::from(&**topic),
        partitions: indexes.iter().copied().collect(),
        ..Default::default()
    });
    Ok(TransactionState {
        error_code: ErrorCode::None.number(),
        transactional_id: id.clone(),
        transaction_state: Str::from_static(transaction.state.name()),
        transaction_timeout_ms: transaction.timeout_ms,
        transaction_start_time_ms: transaction.start_ms,
        producer_id: transaction.producer.id.0,
        producer_epoch: transaction.producer.epoch.0,
        topics: topics.collect(),
        ..Default::default()
    })
}
