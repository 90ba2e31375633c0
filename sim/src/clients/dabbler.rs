//! Begins, commits and aborts transactions in which nothing is written, and lets its transactional id be forgotten: of the states of
//! a transaction there are some that nobody with records to write comes by.
//!
//! What must hold of transactions with records is the transactor's to see.

use ottla_core::error_code::ErrorCode;
use ottla_core::wire::ApiKey;
use ottla_core::wire::messages::add_offsets_to_txn::AddOffsetsToTxnRequest;
use ottla_core::wire::messages::end_txn::EndTxnRequest;
use ottla_core::wire::messages::find_coordinator::FindCoordinatorRequest;
use ottla_core::wire::messages::init_producer_id::InitProducerIdRequest;

use super::producer::is_passing;
use super::rounds::Rounds;
use super::{Answer, Request, Role, Talk};
use crate::agenda::Span;
use crate::records::Identity;
use crate::violation::Violation;

/// A client with a transactional id and nothing to write.
#[derive(Debug)]
pub struct Dabbler {
    rounds: Rounds,
    has_learned: bool,
    has_coordinator: bool,
    identity: Option<Identity>,
    is_asking: bool,
}

/// Between two things that it does, at least.
const PAUSE: Span = Span::ms(15);
const ID: &str = "dabbled";
/// A coordinator of transactional ids.
const TRANSACTION: i8 = 1;
/// What it may be told, whatever it does: it does not remember what it has begun.
const REFUSALS: [ErrorCode; 8] = [
    ErrorCode::NotCoordinator,
    ErrorCode::ConcurrentTransactions,
    ErrorCode::InvalidTxnState,
    ErrorCode::InvalidProducerEpoch,
    ErrorCode::ProducerFenced,
    ErrorCode::InvalidProducerIdMapping,
    ErrorCode::TransactionAbortable,
    ErrorCode::UnknownProducerId,
];

impl Dabbler {
    /// One that ends when nobody produces to these any more.
    #[must_use]
    pub fn new(topics: Vec<String>) -> Self {
        let rounds = Rounds::new(topics, PAUSE);
        Self { rounds, has_learned: false, has_coordinator: false, identity: None, is_asking: false }
    }

    fn request(&self, talk: &mut Talk<'_>) -> Request {
        let Some(Identity { producer_id, epoch: producer_epoch }) = self.identity else {
            if !self.has_coordinator {
                let keys = vec![ID.into()];
                let request =
                    FindCoordinatorRequest { key_type: TRANSACTION, coordinator_keys: keys, ..Default::default() };
                return Request::FindCoordinator(request);
            }
            return Request::InitProducerId(InitProducerIdRequest {
                transactional_id: Some(ID.into()),
                transaction_timeout_ms: 1_000,
                producer_id: -1,
                producer_epoch: -1,
                ..InitProducerIdRequest::default()
            });
        };
        if talk.chance.coin() {
            return Request::AddOffsetsToTxn(AddOffsetsToTxnRequest {
                transactional_id: ID.into(),
                producer_id,
                producer_epoch,
                group_id: ID.into(),
                ..AddOffsetsToTxnRequest::default()
            });
        }
        Request::EndTxn(EndTxnRequest {
            transactional_id: ID.into(),
            producer_id,
            producer_epoch,
            committed: talk.chance.coin(),
            ..EndTxnRequest::default()
        })
    }

    fn told(&mut self, answer: &Answer) -> Result<(), Violation> {
        let error = match answer {
            Answer::FindCoordinator(response) => response.coordinators.first().map_or(-1, |found| found.error_code),
            Answer::InitProducerId(response) => response.error_code,
            Answer::AddOffsetsToTxn(response) => response.error_code,
            Answer::EndTxn(response) => response.error_code,
            other => unreachable!("it does not ask for {other:?}"),
        };
        match (ErrorCode::from_number(error), answer) {
            (Some(ErrorCode::None), Answer::FindCoordinator(_)) => self.has_coordinator = true,
            (Some(ErrorCode::None), Answer::InitProducerId(response)) => {
                self.identity = Some(Identity { producer_id: response.producer_id, epoch: response.producer_epoch });
            }
            // With an end comes the next epoch.
            (Some(ErrorCode::None), Answer::EndTxn(response)) if response.producer_id >= 0 => {
                self.identity = Some(Identity { producer_id: response.producer_id, epoch: response.producer_epoch });
            }
            (Some(ErrorCode::None | ErrorCode::ConcurrentTransactions), _) => {}
            (Some(error), _) if REFUSALS.contains(&error) || is_passing(error) => self.identity = None,
            (other, _) => return Err(Violation::Answer(format!("a dabbler got the error {other:?} ({error})"))),
        }
        Ok(())
    }
}

impl Role for Dabbler {
    fn act(&mut self, talk: &mut Talk<'_>) -> Result<(), Violation> {
        if !self.has_learned {
            self.has_learned = true;
            talk.learn(&[ApiKey::EndTxn, ApiKey::AddOffsetsToTxn]);
            talk.speak(ApiKey::InitProducerId, 5);
            talk.speak(ApiKey::FindCoordinator, 6);
        }
        if self.rounds.begins(talk, self.is_asking) {
            let request = self.request(talk);
            talk.send(&request);
            self.is_asking = true;
        }
        Ok(())
    }

    fn answered(&mut self, talk: &mut Talk<'_>, _: u64, answer: Answer) -> Result<(), Violation> {
        if let Answer::Metadata(response) = answer {
            return self.rounds.cluster.answered(talk, &response);
        }
        self.is_asking = false;
        self.told(&answer)
    }

    fn disconnected(&mut self) {
        self.rounds.cluster.disconnected();
        self.is_asking = false;
        // What it was about to be told may have been an epoch.
        self.identity = None;
    }

    fn is_done(&self) -> bool {
        self.rounds.is_done
    }
}
