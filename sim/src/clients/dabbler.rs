//! Begins, commits and aborts transactions in which nothing is written, and lets its transactional id be forgotten: of the states of
//! a transaction there are some that nobody with records to write comes by. Now and then it sends a record to a partition that it
//! has not added to its transaction, which must be refused.
//!
//! What must hold of transactions with records is the transactor's to see.

use ottla_core::error_code::ErrorCode;
use ottla_core::wire::ApiKey;
use ottla_core::wire::messages::add_offsets_to_txn::AddOffsetsToTxnRequest;
use ottla_core::wire::messages::end_txn::EndTxnRequest;
use ottla_core::wire::messages::find_coordinator::FindCoordinatorRequest;
use ottla_core::wire::messages::init_producer_id::InitProducerIdRequest;
use ottla_core::wire::messages::produce::{PartitionProduceData, ProduceRequest, TopicProduceData};

use super::producer::is_passing;
use super::rounds::Rounds;
use super::{Answer, Request, Role, Talk};
use crate::agenda::Span;
use crate::chance::Odds;
use crate::records::{Identity, NewBatch, RecordId};
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
const REFUSALS: [ErrorCode; 9] = [
    ErrorCode::NotCoordinator,
    ErrorCode::ConcurrentTransactions,
    ErrorCode::InvalidTxnState,
    ErrorCode::InvalidProducerEpoch,
    ErrorCode::ProducerFenced,
    ErrorCode::InvalidProducerIdMapping,
    ErrorCode::TransactionAbortable,
    ErrorCode::UnknownProducerId,
    ErrorCode::NotEnoughReplicas,
];
/// The last version of Produce that wants partitions to be added before; with it a refusal says that the transaction can go no
/// further.
const ADDS_BEFORE: i16 = 11;
/// It sends a record so often.
const STRAYS: Odds = Odds::percent(10);
/// Of a record that must never be in a log.
const NEVER: u32 = u32::MAX;

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
        if talk.chance.happens(STRAYS) {
            return Request::Produce(self.stray(talk, Identity { producer_id, epoch: producer_epoch }));
        }
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

    /// A record that is not of its transaction.
    fn stray(&self, talk: &Talk<'_>, identity: Identity) -> ProduceRequest {
        let records = [RecordId { client: talk.id.0, number: NEVER }];
        let batch = NewBatch {
            identity: Some(identity),
            base_sequence: 0,
            timestamp_ms: talk.env.clocks_now().wall.0,
            records: &records,
            value_max_bytes: 8,
            keys: talk.env.plan.compaction.keys,
        };
        let bytes = batch.encode_transactional();
        let data = PartitionProduceData { records: Some(bytes.into()), ..PartitionProduceData::default() };
        let topic = TopicProduceData {
            name: self.rounds.topics[0].as_str().into(),
            partition_data: vec![data],
            ..TopicProduceData::default()
        };
        ProduceRequest {
            transactional_id: Some(ID.into()),
            acks: -1,
            timeout_ms: 10_000,
            topic_data: vec![topic],
            ..ProduceRequest::default()
        }
    }

    fn told(&mut self, answer: &Answer) -> Result<(), Violation> {
        let error = match answer {
            Answer::FindCoordinator(response) => response.coordinators.first().map_or(-1, |found| found.error_code),
            Answer::InitProducerId(response) => response.error_code,
            Answer::AddOffsetsToTxn(response) => response.error_code,
            Answer::EndTxn(response) => response.error_code,
            Answer::Produce(response) => {
                let partitions = response.responses.iter().flat_map(|topic| &topic.partition_responses);
                partitions.map(|partition| partition.error_code).next().unwrap_or(-1)
            }
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
            (Some(ErrorCode::None), Answer::Produce(_)) => {
                return Err(Violation::Answer("a record that is not of its transaction was taken".to_owned()));
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
            talk.speak(ApiKey::Produce, ADDS_BEFORE);
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
