//! What a transactional producer sends.

use std::collections::BTreeMap;

use ottla_core::error_code::ErrorCode;
use ottla_core::wire::messages::add_offsets_to_txn::AddOffsetsToTxnRequest;
use ottla_core::wire::messages::add_partitions_to_txn::{AddPartitionsToTxnRequest, AddPartitionsToTxnTopic};
use ottla_core::wire::messages::end_txn::EndTxnRequest;
use ottla_core::wire::messages::find_coordinator::FindCoordinatorRequest;
use ottla_core::wire::messages::init_producer_id::InitProducerIdRequest;
use ottla_core::wire::messages::produce::{PartitionProduceData, ProduceRequest, ProduceResponse, TopicProduceData};
use ottla_core::wire::messages::txn_offset_commit::{
    TxnOffsetCommitRequest, TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic,
};
use ottla_core::wire::{ApiKey, Str, Uuid};

use super::{InFlight, Piece, Step, Transactor};
use crate::clients::member::find_request;
use crate::clients::offsets::{Place, error_of};
use crate::clients::wire::PRODUCE_BY_ID;
use crate::clients::{Answer, Request, Talk};
use crate::history::Sending;
use crate::records::{Identity, NewBatch, RecordId};
use crate::violation::Violation;

/// What it asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Find,
    FindGroup,
    /// With what it had, or anew.
    Init {
        keeps: bool,
    },
    Add,
    Produce,
    AddOffsets,
    Commit,
    /// To commit, or to abort.
    End(bool),
}

/// From this version on several coordinators can be asked for.
const KEYS_SINCE: i16 = 4;
/// A coordinator of transactional ids.
const TRANSACTION: i8 = 1;
const RECORDS_MAX: u64 = 4;
const VALUE_MAX_BYTES: u64 = 40;

/// The group of which a transactional id commits offsets.
pub fn group_of(id: &str) -> String {
    format!("group-of-{id}")
}

/// What went wrong with all or part of it, if anything did.
pub(super) fn error_in(answer: &Answer) -> Result<ErrorCode, Violation> {
    let mut errors: Vec<i16> = match answer {
        Answer::InitProducerId(response) => vec![response.error_code],
        Answer::AddOffsetsToTxn(response) => vec![response.error_code],
        Answer::EndTxn(response) => vec![response.error_code],
        Answer::AddPartitionsToTxn(response) => {
            let topics = response.results_by_topic_v3_and_below.iter();
            topics.flat_map(|topic| &topic.results_by_partition).map(|result| result.partition_error_code).collect()
        }
        Answer::TxnOffsetCommit(response) => {
            let topics = response.topics.iter();
            topics.flat_map(|topic| &topic.partitions).map(|result| result.error_code).collect()
        }
        other => unreachable!("it does not ask for {other:?}"),
    };
    if errors.is_empty() {
        return Err(Violation::Answer(format!("an answer about nothing: {answer:?}")));
    }
    // One that was not attempted says less than the one that is the reason.
    errors.sort_by_key(|error| (*error == 0, *error == ErrorCode::OperationNotAttempted.number()));
    error_of(errors[0])
}

impl Transactor {
    fn send(&mut self, talk: &mut Talk<'_>, what: What, request: &Request) {
        let begins = matches!(what, What::Find | What::FindGroup | What::Init { keeps: false });
        let is_fenced = !begins && talk.history.transactions.is_fenced(&self.id(), self.incarnation);
        self.in_flight = Some(InFlight { what, timeline: self.timeline, is_fenced });
        talk.send(request);
    }

    pub(super) fn find(&mut self, talk: &mut Talk<'_>) {
        let has_keys = talk.version(ApiKey::FindCoordinator) >= KEYS_SINCE;
        let id = self.id();
        let request = FindCoordinatorRequest {
            key: if has_keys { Str::default() } else { id.as_str().into() },
            key_type: TRANSACTION,
            coordinator_keys: if has_keys { vec![id.as_str().into()] } else { Vec::new() },
            ..FindCoordinatorRequest::default()
        };
        self.send(talk, What::Find, &Request::FindCoordinator(request));
    }

    pub(super) fn init(&mut self, talk: &mut Talk<'_>) {
        let kept = self.identity.filter(|_| self.keeps_identity);
        let Identity { producer_id, epoch } = kept.unwrap_or(Identity { producer_id: -1, epoch: -1 });
        let request = InitProducerIdRequest {
            transactional_id: Some(self.id().as_str().into()),
            transaction_timeout_ms: talk.env.plan.transactions.timeout_ms as i32,
            producer_id,
            producer_epoch: epoch,
            ..InitProducerIdRequest::default()
        };
        self.send(talk, What::Init { keeps: kept.is_some() }, &Request::InitProducerId(request));
    }

    /// A batch for a partition.
    pub(super) fn piece(&mut self, talk: &mut Talk<'_>, index: i32, identity: Identity) -> Piece {
        let count = talk.chance.between(1..=RECORDS_MAX) as u32;
        let records: Vec<RecordId> =
            (0..count).map(|at| RecordId { client: talk.id.0, number: self.next_record + at }).collect();
        self.next_record += count;
        let partition = self.partition(talk, index);
        let timestamp_ms = talk.env.clocks_now().wall.0;
        let sequence = self.sequences.entry(partition).or_default();
        let batch = NewBatch {
            identity: Some(identity),
            base_sequence: *sequence,
            timestamp_ms,
            records: &records,
            value_max_bytes: VALUE_MAX_BYTES,
            keys: talk.env.plan.compaction.keys,
        };
        let bytes = batch.encode_transactional();
        let base_sequence = *sequence;
        *sequence += count as i32;
        Piece { index, partition, identity, records, bytes, base_sequence, timestamp_ms, op: None }
    }

    /// The next step of its transaction.
    pub(super) fn step(&mut self, talk: &mut Talk<'_>, identity: Identity) {
        let Some(current) = &mut self.current else { return };
        let of = current.of;
        let Some(step) = current.steps.front_mut() else {
            // It is left open, and was the last.
            self.forget(talk);
            self.is_done = true;
            return;
        };
        match step {
            Step::AddOffsets | Step::Commit(_) if self.must_find_group => {
                let request = find_request(talk, &group_of(&self.id()));
                self.send(talk, What::FindGroup, &request);
            }
            Step::Add(indexes) => {
                let indexes = indexes.clone();
                self.add(talk, identity, indexes);
            }
            Step::Produce(pieces) => {
                for piece in pieces.iter_mut().filter(|piece| piece.op.is_none()) {
                    let sending = Sending {
                        client: talk.id,
                        partition: piece.partition,
                        identity: Some(piece.identity),
                        base_sequence: piece.base_sequence,
                        records: &piece.records,
                        timestamp_ms: piece.timestamp_ms,
                    };
                    piece.op = Some(talk.history.sends_in(of, &sending));
                }
                let pieces = pieces.clone();
                current.is_unsure = true;
                self.produce(talk, &pieces);
            }
            Step::AddOffsets => {
                let request = AddOffsetsToTxnRequest {
                    transactional_id: self.id().as_str().into(),
                    producer_id: identity.producer_id,
                    producer_epoch: identity.epoch,
                    group_id: group_of(&self.id()).as_str().into(),
                    ..AddOffsetsToTxnRequest::default()
                };
                self.send(talk, What::AddOffsets, &Request::AddOffsetsToTxn(request));
            }
            Step::Commit(offsets) => {
                let offsets = offsets.clone();
                if current.committing.is_none() {
                    let (place, (offset, _)) = offsets.first_key_value().expect("one is committed");
                    let partition = talk.partition_of(place).expect("a lasting topic");
                    let group = group_of(&format!("{}-{}", self.name, self.timeline.0));
                    current.committing = Some(talk.history.commits_in(of, talk.id, &group, (partition, *offset)));
                }
                self.commit_offsets(talk, identity, &offsets);
            }
            Step::End(commits) => {
                let commits = *commits;
                talk.history.ends_transaction(talk.id, of, commits);
                let request = EndTxnRequest {
                    transactional_id: self.id().as_str().into(),
                    producer_id: identity.producer_id,
                    producer_epoch: identity.epoch,
                    committed: commits,
                    ..EndTxnRequest::default()
                };
                self.send(talk, What::End(commits), &Request::EndTxn(request));
            }
        }
    }

    fn add(&mut self, talk: &mut Talk<'_>, identity: Identity, partitions: Vec<i32>) {
        let topic = AddPartitionsToTxnTopic { name: self.topics[0].as_str().into(), partitions, ..Default::default() };
        let request = AddPartitionsToTxnRequest {
            v3_and_below_transactional_id: self.id().as_str().into(),
            v3_and_below_producer_id: identity.producer_id,
            v3_and_below_producer_epoch: identity.epoch,
            v3_and_below_topics: vec![topic],
            ..AddPartitionsToTxnRequest::default()
        };
        self.send(talk, What::Add, &Request::AddPartitionsToTxn(request));
    }

    fn produce(&mut self, talk: &mut Talk<'_>, pieces: &[Piece]) {
        let by_id = talk.version(ApiKey::Produce) >= PRODUCE_BY_ID;
        let data = |piece: &Piece| PartitionProduceData {
            index: piece.index,
            records: Some(piece.bytes.clone().into()),
            ..PartitionProduceData::default()
        };
        let topic = TopicProduceData {
            name: if by_id { Str::default() } else { self.topics[0].as_str().into() },
            topic_id: self.cluster.topic(&self.topics[0]).filter(|_| by_id).map_or(Uuid::ZERO, |known| known.id),
            partition_data: pieces.iter().map(data).collect(),
            ..TopicProduceData::default()
        };
        let request = ProduceRequest {
            transactional_id: Some(self.id().as_str().into()),
            acks: -1,
            timeout_ms: 30_000,
            topic_data: vec![topic],
            ..ProduceRequest::default()
        };
        self.send(talk, What::Produce, &Request::Produce(request));
    }

    fn commit_offsets(&mut self, talk: &mut Talk<'_>, identity: Identity, offsets: &BTreeMap<Place, (i64, String)>) {
        let topic = |((name, index), (offset, note)): (&Place, &(i64, String))| TxnOffsetCommitRequestTopic {
            name: name.as_str().into(),
            partitions: vec![TxnOffsetCommitRequestPartition {
                partition_index: *index,
                committed_offset: *offset,
                committed_metadata: Some(note.as_str().into()),
                ..TxnOffsetCommitRequestPartition::default()
            }],
            ..TxnOffsetCommitRequestTopic::default()
        };
        let request = TxnOffsetCommitRequest {
            transactional_id: self.id().as_str().into(),
            group_id: group_of(&self.id()).as_str().into(),
            producer_id: identity.producer_id,
            producer_epoch: identity.epoch,
            topics: offsets.iter().map(topic).collect(),
            ..TxnOffsetCommitRequest::default()
        };
        self.send(talk, What::Commit, &Request::TxnOffsetCommit(request));
    }

    /// What was taken is done; what was not is sent again, as it was.
    pub(super) fn produced(
        &mut self,
        talk: &mut Talk<'_>,
        in_flight: &InFlight,
        response: &ProduceResponse,
    ) -> Result<(), Violation> {
        let mut refusal = None;
        for answer in response.responses.iter().flat_map(|topic| &topic.partition_responses) {
            let error = error_of(answer.error_code)?;
            if error != ErrorCode::None {
                refusal = Some(error);
                continue;
            }
            self.heard(in_flight)?;
            let Some(current) = &mut self.current else { continue };
            let Some(Step::Produce(pieces)) = current.steps.front_mut() else { continue };
            let Some(at) = pieces.iter().position(|piece| piece.index == answer.index) else {
                return Err(Violation::Answer(format!("Produce: {} was not asked for", answer.index)));
            };
            let piece = pieces.remove(at);
            talk.remark(format_args!("knows {:?} to be at {}", piece.records, answer.base_offset));
            let op = piece.op.expect("it was sent");
            talk.history.account.sent(op, answer.base_offset, piece.records.len())?;
            talk.history.transactions.acknowledged(current.of, piece.partition, answer.base_offset, &piece.records);
            if pieces.is_empty() {
                current.steps.pop_front();
                current.is_unsure = false;
            }
        }
        refusal.map_or(Ok(()), |error| self.refused(talk, error, in_flight))
    }
}
