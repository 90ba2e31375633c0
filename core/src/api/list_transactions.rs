//! ListTransactions: the transactional ids of this broker, by state, producer, age and name.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::Caller;
use crate::broker::Broker;
use crate::coordinators::State;
use crate::error_code::ErrorCode;
use crate::time::Now;
use crate::transactions::{Transaction, TransactionState};
use crate::whole_match::WholeMatch;
use crate::wire::Str;
use crate::wire::messages::list_transactions::{
    ListTransactionsRequest, ListTransactionsResponse, TransactionState as ListedTransaction,
};

pub(crate) fn handle(broker: &mut Broker, now: Now, caller: Caller, request: &ListTransactionsRequest) {
    let response = list(broker, now, request)
        .unwrap_or_else(|error| ListTransactionsResponse { error_code: error.number(), ..Default::default() });
    broker.answer(caller, &response, Vec::new());
}

/// Kafka has a name for one more state, which no transaction is ever seen in.
const NEVER_SEEN: &str = "PrepareEpochFence";

fn list(broker: &Broker, now: Now, request: &ListTransactionsRequest) -> Result<ListTransactionsResponse, ErrorCode> {
    let coordinators = &broker.transactions.coordinators;
    if broker.is_stopping() {
        return Err(ErrorCode::CoordinatorNotAvailable);
    }
    if coordinators.states().any(|(_, state)| matches!(state, State::Loading(_))) {
        return Err(ErrorCode::CoordinatorLoadInProgress);
    }
    let filter = Filter::new(now, request)?;
    let mut transaction_states = Vec::new();
    for (_, coordinator) in coordinators.all_serving() {
        let listed = coordinator.transactions.iter().filter(|(id, entry)| filter.passes(id, &entry.current));
        transaction_states.extend(listed.map(|(id, entry)| ListedTransaction {
            transactional_id: Str::from(&**id),
            producer_id: entry.current.producer.id.0,
            transaction_state: Str::from_static(entry.current.state.name()),
            ..Default::default()
        }));
    }
    let is_unknown = |name: &&Str| TransactionState::from_name(name).is_none() && &***name != NEVER_SEEN;
    let unknown_state_filters = request.state_filters.iter().filter(is_unknown).cloned().collect();
    Ok(ListTransactionsResponse { unknown_state_filters, transaction_states, ..Default::default() })
}

/// What a listed transaction must be.
struct Filter {
    /// Empty where all are.
    states: Vec<TransactionState>,
    is_by_state: bool,
    producers: BTreeSet<i64>,
    /// It began before; none where any may be.
    began_before_ms: Option<i64>,
    pattern: Option<WholeMatch>,
}

impl Filter {
    fn new(now: Now, request: &ListTransactionsRequest) -> Result<Self, ErrorCode> {
        let pattern = request.transactional_id_pattern.as_deref().filter(|pattern| !pattern.is_empty());
        Ok(Self {
            states: request.state_filters.iter().filter_map(|name| TransactionState::from_name(name)).collect(),
            is_by_state: !request.state_filters.is_empty(),
            producers: request.producer_id_filters.iter().copied().collect(),
            began_before_ms: (request.duration_filter >= 0).then(|| now.wall.0.saturating_sub(request.duration_filter)),
            pattern: pattern.map(WholeMatch::new).transpose().map_err(|_| ErrorCode::InvalidRegularExpression)?,
        })
    }

    fn passes(&self, id: &str, transaction: &Transaction) -> bool {
        (!self.is_by_state || self.states.contains(&transaction.state))
            && (self.producers.is_empty() || self.producers.contains(&transaction.producer.id.0))
            && self.began_before_ms.is_none_or(|before| transaction.start_ms < before)
            && self.pattern.as_ref().is_none_or(|pattern| pattern.matches(id))
    }
}
