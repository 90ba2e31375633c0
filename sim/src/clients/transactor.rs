//! A transactional producer: writes to several partitions and commits offsets of a group, and commits or aborts it all. It may
//! be killed in the middle, be silent for longer than its transaction may last, and go on though somebody else with its
//! transactional id has begun.
//!
//! It asks one thing at a time, and asks it again until it is told how it went.

mod requests;

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use ottla_core::error_code::ErrorCode;
use ottla_core::wire::ApiKey;

use ottla_checker::OpId;

use super::cluster::Cluster;
use super::member::coordinator;
use super::offsets::Place;
use super::producer::is_passing;
use super::{Answer, Role, Talk};
use crate::agenda::{Span, Time};
use crate::chance::Odds;
use crate::env::Stage;
use crate::history::{PartitionRef, Timeline, TransactionRef};
use crate::records::{Identity, RecordId};
use crate::stats::Counter;
use crate::violation::{Check, Violation};
use requests::What;
pub use requests::group_of;

/// A transactional producer and where it is.
#[derive(Debug)]
pub struct Transactor {
    /// Its transactional id, to which the timeline is added: after a power loss that may have taken what was acknowledged it
    /// begins as somebody else.
    name: String,
    topics: [String; 1],
    cluster: Cluster,
    /// The broker adds partitions, and the epoch rises with each end.
    is_modern: bool,
    timeline: Timeline,
    must_find: bool,
    /// Asks for the coordinator of its group before it commits offsets: that makes their topic.
    must_find_group: bool,
    identity: Option<Identity>,
    /// What it got when it began anew.
    incarnation: Identity,
    /// It goes on with what it had.
    keeps_identity: bool,
    sequences: BTreeMap<PartitionRef, i32>,
    current: Option<Current>,
    in_flight: Option<InFlight>,
    next_at: Time,
    next_record: u32,
    next_offset: i64,
    left: u64,
    has_begun: bool,
    is_done: bool,
}

/// A transaction.
#[derive(Debug)]
struct Current {
    of: TransactionRef,
    /// What is to be done, in order.
    steps: VecDeque<Step>,
    /// Records that may or may not have been taken: the next sequence number is not known.
    is_unsure: bool,
    /// Its offsets are on their way.
    committing: Option<OpId>,
    began_calm: bool,
}

#[derive(Clone, Debug)]
enum Step {
    Add(Vec<i32>),
    Produce(Vec<Piece>),
    AddOffsets,
    Commit(BTreeMap<Place, (i64, String)>),
    End(bool),
}

/// A batch for one partition.
#[derive(Clone, Debug)]
struct Piece {
    index: i32,
    partition: PartitionRef,
    identity: Identity,
    records: Vec<RecordId>,
    bytes: Bytes,
    base_sequence: i32,
    timestamp_ms: i64,
    /// Once it was sent.
    op: Option<OpId>,
}

#[derive(Debug)]
struct InFlight {
    what: What,
    timeline: Timeline,
    /// A later producer had begun when it was sent.
    is_fenced: bool,
}

/// The APIs of a transactional producer, beside those that all have.
const APIS: [ApiKey; 5] = [
    ApiKey::FindCoordinator,
    ApiKey::AddPartitionsToTxn,
    ApiKey::AddOffsetsToTxn,
    ApiKey::TxnOffsetCommit,
    ApiKey::EndTxn,
];
/// After an error it waits this long.
const RETRY_AFTER: Span = Span::ms(30);
/// Waits for its topic to be made.
const TOPIC_AFTER: Span = Span::ms(20);
/// From these versions on the broker adds partitions.
const PRODUCE_JOINS: i16 = 12;
const COMMIT_JOINS: i16 = 5;
/// From this version on the epoch rises with each end.
const END_RAISES: i16 = 5;
/// From this version on a producer can say who it is when it begins.
const INIT_KEEPS: i16 = 3;

impl Transactor {
    /// One with this transactional id.
    #[must_use]
    pub fn new(name: String, topic: String, transactions: u64) -> Self {
        Self {
            name,
            topics: [topic],
            cluster: Cluster::default(),
            is_modern: false,
            timeline: Timeline::default(),
            must_find: true,
            must_find_group: true,
            identity: None,
            incarnation: Identity { producer_id: -1, epoch: -1 },
            keeps_identity: false,
            sequences: BTreeMap::new(),
            current: None,
            in_flight: None,
            next_at: Time::default(),
            next_record: 0,
            next_offset: 0,
            left: transactions,
            has_begun: false,
            is_done: false,
        }
    }

    /// Its transactional id at present.
    fn id(&self) -> String {
        format!("{}-{}", self.name, self.timeline.0)
    }

    fn begin(&mut self, talk: &mut Talk<'_>) {
        if self.has_begun {
            return;
        }
        self.has_begun = true;
        talk.learn(&APIS);
        self.is_modern = talk.chance.coin();
        let mut clamp = |api, low: i16, high: i16| {
            let version = talk.version(api).clamp(low, high);
            talk.speak(api, version);
        };
        clamp(ApiKey::FindCoordinator, 1, i16::MAX);
        if self.is_modern {
            clamp(ApiKey::Produce, PRODUCE_JOINS, i16::MAX);
            clamp(ApiKey::TxnOffsetCommit, COMMIT_JOINS, i16::MAX);
            clamp(ApiKey::EndTxn, END_RAISES, i16::MAX);
        } else {
            clamp(ApiKey::Produce, 0, PRODUCE_JOINS - 1);
            clamp(ApiKey::TxnOffsetCommit, 0, COMMIT_JOINS - 1);
            clamp(ApiKey::EndTxn, 0, END_RAISES - 1);
        }
    }

    /// A power loss that was forgiven: what it was is nobody any more.
    fn follow_timeline(&mut self, talk: &mut Talk<'_>) {
        if self.timeline != talk.history.timeline() {
            self.timeline = talk.history.timeline();
            self.forget(talk);
        }
    }

    /// It does not know who it was, or gives that up.
    fn forget(&mut self, talk: &mut Talk<'_>) {
        if self.current.take().is_some() {
            talk.env.stats.count(Counter::TransactionsLeft);
        }
        self.identity = None;
        self.keeps_identity = false;
        self.sequences.clear();
    }

    /// Something happens to it instead of what it was about to do.
    fn is_struck(&mut self, talk: &mut Talk<'_>) -> bool {
        let plan = talk.env.plan.transactions;
        if talk.env.stage != Stage::Faults || self.current.is_none() {
            return false;
        }
        if talk.chance.happens(plan.stalls) {
            let longest = Span::ms(2 * plan.timeout_ms);
            self.next_at = talk.time() + talk.chance.span_up_to(longest);
            talk.wake_after(self.next_at - talk.time());
            return true;
        }
        if talk.chance.happens(plan.crashes) {
            self.forget(talk);
            talk.hang_up();
            return true;
        }
        false
    }

    fn partition(&self, talk: &Talk<'_>, index: i32) -> PartitionRef {
        talk.history.topics.partition(&self.topics[0], index).expect("a lasting topic")
    }

    /// Decides what a transaction is made of.
    fn plan(&mut self, talk: &mut Talk<'_>, identity: Identity) {
        let plan = talk.env.plan.transactions;
        let of = talk.history.transactions.begin(&self.id(), self.incarnation);
        let mut steps = VecDeque::new();
        let mut added: Vec<i32> = Vec::new();
        for _ in 0..talk.chance.between(1..=3) {
            let all: Vec<i32> =
                self.cluster.topic(&self.topics[0]).expect("known").leader_epochs.keys().copied().collect();
            let mut chosen: Vec<i32> = all.iter().copied().filter(|_| talk.chance.happens(Odds::percent(70))).collect();
            if chosen.is_empty() {
                chosen.push(*talk.chance.pick(&all));
            }
            let new: Vec<i32> = chosen.iter().copied().filter(|index| !added.contains(index)).collect();
            added.extend(&new);
            if !self.is_modern && !new.is_empty() {
                steps.push_back(Step::Add(new));
            }
            let pieces = chosen.into_iter().map(|index| self.piece(talk, index, identity)).collect();
            steps.push_back(Step::Produce(pieces));
        }
        if plan.has_offsets && talk.chance.coin() {
            if !self.is_modern {
                steps.push_back(Step::AddOffsets);
            }
            let index = *talk.chance.pick(&added);
            self.next_offset += 1;
            let note = talk.history.transactions.sends_offset(of, self.partition(talk, index), self.next_offset);
            steps
                .push_back(Step::Commit(BTreeMap::from([((self.topics[0].clone(), index), (self.next_offset, note))])));
        }
        let commits = !talk.chance.happens(plan.aborts);
        // Some leave their last transaction open, and never come back.
        if self.left > 1 || talk.chance.coin() {
            steps.push_back(Step::End(commits));
        }
        self.left = self.left.saturating_sub(1);
        let began_calm = talk.env.stage != Stage::Faults;
        talk.remark(format_args!("begins {of:?} of {} as {identity:?}, commits {commits}", self.id()));
        self.current = Some(Current { of, steps, is_unsure: false, committing: None, began_calm });
    }

    fn ended(&mut self, talk: &mut Talk<'_>, commits: bool, raised: Option<Identity>) {
        let Some(current) = self.current.take() else { return };
        let counter = if commits { Counter::TransactionsCommitted } else { Counter::TransactionsAborted };
        talk.env.stats.count(counter);
        talk.history.transaction_ended(current.of, commits);
        talk.remark(format_args!("has ended {:?}: committed {commits}, now {raised:?}", current.of));
        if let Some(raised) = raised {
            self.identity = Some(raised);
            self.sequences.clear();
        } else if current.is_unsure {
            self.keeps_identity = self.identity.is_some() && talk.version(ApiKey::InitProducerId) >= INIT_KEEPS;
            if !self.keeps_identity {
                self.identity = None;
            }
            self.sequences.clear();
        }
        self.next_at = talk.time() + talk.chance.span_up_to(talk.env.plan.clients.pause);
        self.is_done |= current.began_calm && talk.env.stage != Stage::Faults;
    }

    /// An error says what to do.
    fn refused(&mut self, talk: &mut Talk<'_>, error: ErrorCode, in_flight: &InFlight) -> Result<(), Violation> {
        talk.remark(format_args!(
            "is refused as {:?} of {}: {error} to {:?}",
            self.identity,
            self.id(),
            in_flight.what
        ));
        match error {
            ErrorCode::ProducerFenced | ErrorCode::InvalidProducerEpoch => self.fenced(talk),
            ErrorCode::InvalidTxnState | ErrorCode::TransactionAbortable | ErrorCode::InvalidProducerIdMapping => {
                self.cannot_go_on(talk);
            }
            ErrorCode::NotCoordinator
            | ErrorCode::NotEnoughReplicas
            | ErrorCode::OperationNotAttempted
            | ErrorCode::ConcurrentTransactions => self.later(talk),
            error if is_passing(error) => self.later(talk),
            other => {
                let text = format!("a producer got the error {other} as {:?}: {in_flight:?}", self.identity);
                return Err(Violation::history(Check::Producers, text));
            }
        }
        Ok(())
    }

    fn later(&mut self, talk: &mut Talk<'_>) {
        self.must_find = true;
        self.must_find_group = true;
        self.cluster.doubt();
        self.next_at = talk.time() + RETRY_AFTER;
        // What it needs may never be there again.
        self.is_done |= talk.env.stage != Stage::Faults && talk.history.transactions.has_damage();
    }

    /// Somebody else has its transactional id, or it took too long.
    fn fenced(&mut self, talk: &mut Talk<'_>) {
        let by_another = talk.history.transactions.is_fenced(&self.id(), self.incarnation);
        talk.env.stats.count(if by_another { Counter::ProducersFenced } else { Counter::TransactionsTimedOut });
        self.cannot_go_on(talk);
        self.is_done |= by_another && talk.env.stage != Stage::Faults;
    }

    fn cannot_go_on(&mut self, talk: &mut Talk<'_>) {
        self.forget(talk);
        self.next_at = talk.time() + talk.chance.span_up_to(Span::ms(talk.env.plan.transactions.timeout_ms));
    }

    /// Nobody who is fenced gets what he asks for.
    fn heard(&self, in_flight: &InFlight) -> Result<(), Violation> {
        if !in_flight.is_fenced {
            return Ok(());
        }
        let text = format!("{:?} of {} was told that all is well: {:?}", self.incarnation, self.id(), in_flight.what);
        Err(Violation::history(Check::Fencing, text))
    }

    fn answer(&mut self, talk: &mut Talk<'_>, in_flight: InFlight, answer: Answer) -> Result<(), Violation> {
        if let Answer::FindCoordinator(response) = &answer {
            match coordinator(response)? {
                (ErrorCode::None, 1) if in_flight.what == What::FindGroup => self.must_find_group = false,
                (ErrorCode::None, 1) => self.must_find = false,
                (error, _) => self.refused(talk, error, &in_flight)?,
            }
            return Ok(());
        }
        if in_flight.timeline != talk.history.timeline() || !talk.answerer().holds {
            return Ok(());
        }
        if let Answer::Produce(response) = &answer {
            return self.produced(talk, &in_flight, response);
        }
        let error = requests::error_in(&answer)?;
        if error != ErrorCode::None {
            return self.refused(talk, error, &in_flight);
        }
        self.heard(&in_flight)?;
        match (answer, &in_flight.what) {
            (Answer::InitProducerId(response), What::Init { keeps }) => {
                let identity = Identity { producer_id: response.producer_id, epoch: response.producer_epoch };
                self.initialized(talk, identity, *keeps)?;
            }
            (Answer::EndTxn(response), What::End(commits)) => {
                let raised = Identity { producer_id: response.producer_id, epoch: response.producer_epoch };
                self.ended(talk, *commits, self.is_modern.then_some(raised));
            }
            _ => {
                if let Some(current) = &mut self.current
                    && let Some(Step::Commit(_)) = current.steps.pop_front()
                    && let Some(op) = current.committing.take()
                {
                    talk.history.account.done(op);
                }
            }
        }
        Ok(())
    }

    fn initialized(&mut self, talk: &mut Talk<'_>, identity: Identity, keeps: bool) -> Result<(), Violation> {
        talk.remark(format_args!("is {identity:?} of {}, keeps {keeps}", self.id()));
        if !keeps {
            talk.history.identified(identity)?;
            talk.history.transactions.initialized(&self.id(), identity);
            self.incarnation = identity;
        }
        self.keeps_identity = false;
        self.identity = Some(identity);
        self.sequences.clear();
        Ok(())
    }
}

impl Role for Transactor {
    fn act(&mut self, talk: &mut Talk<'_>) -> Result<(), Violation> {
        self.begin(talk);
        if self.in_flight.is_some() || self.is_done {
            return Ok(());
        }
        if !talk.history.topics.exists(&self.topics[0]) {
            talk.wake_after(TOPIC_AFTER);
            return Ok(());
        }
        if !self.cluster.is_ready(talk, &self.topics) {
            return Ok(());
        }
        self.follow_timeline(talk);
        if talk.time() < self.next_at {
            talk.wake_after(self.next_at - talk.time());
            return Ok(());
        }
        if self.is_struck(talk) {
            return Ok(());
        }
        if self.must_find {
            self.find(talk);
            return Ok(());
        }
        let Some(identity) = self.identity.filter(|_| !self.keeps_identity) else {
            self.init(talk);
            return Ok(());
        };
        if self.current.is_none() {
            if self.left == 0 {
                self.is_done = true;
                return Ok(());
            }
            self.plan(talk, identity);
        }
        self.step(talk, identity);
        Ok(())
    }

    fn answered(&mut self, talk: &mut Talk<'_>, _: u64, answer: Answer) -> Result<(), Violation> {
        if let Answer::Metadata(response) = answer {
            return self.cluster.answered(talk, &response);
        }
        let in_flight = self.in_flight.take().expect("asked before");
        self.answer(talk, in_flight, answer)
    }

    fn disconnected(&mut self) {
        self.cluster.disconnected();
        self.in_flight = None;
    }

    fn is_done(&self) -> bool {
        self.is_done
    }
}
