//! What clients asked and what came of it, written down as clients of a real broker write it down, for the checker to judge when
//! the world is over.
//!
//! What does not belong here: rules. Those that hold for any Kafka are the checker's; what only a world can know is judged beside
//! this, while it runs.

use std::collections::BTreeMap;

use ottla_checker::{
    Assignment, Completion, End, Event, GroupId, Guarantee, Isolation, Keeps, Mark, Marks, OpId, Operation, Outcome,
    PartitionId, Poll, Position, ProcessId, Read, Record, Send, Sequence, Severity, TransactionId, Value, Verdict,
    story,
};

use super::PartitionRef;
use crate::agenda::Time;
use crate::env::ClientId;
use crate::records::{Batch, Identity, RecordId};
use crate::violation::Violation;

/// The history of a world.
#[derive(Debug, Default)]
pub struct Account {
    history: ottla_checker::History,
    now_us: u64,
    partitions: BTreeMap<PartitionRef, PartitionId>,
    clients: BTreeMap<ClientId, ProcessId>,
    /// By the order in which they were first seen, from 1 on.
    identities: BTreeMap<Identity, Value>,
    reading: Reading,
    /// What was last told of each partition in this life of the broker.
    told: BTreeMap<PartitionRef, Marks>,
}

/// What a poll got so far.
#[derive(Debug, Default)]
struct Reading {
    records: Vec<Record>,
    parts: Vec<Part>,
}

/// What it got of one partition.
#[derive(Clone, Copy, Debug)]
struct Part {
    partition: PartitionRef,
    id: PartitionId,
    records: usize,
    from: i64,
    next: i64,
    marks: Marks,
}

/// A batch on its way.
#[derive(Clone, Copy, Debug)]
pub struct Sending<'a> {
    /// Who sends it.
    pub client: ClientId,
    /// Where to.
    pub partition: PartitionRef,
    /// As whose.
    pub identity: Option<Identity>,
    /// The number of its first record, if it has an identity.
    pub base_sequence: i32,
    /// Its records.
    pub records: &'a [RecordId],
    /// Of all of them.
    pub timestamp_ms: i64,
}

/// Digits of a value that say which of a client's records it is.
const NUMBERS: Value = 1_000_000;
/// Digits that say whose it is.
const CLIENTS: Value = 1_000;

impl Account {
    /// What time it is.
    pub fn set_time(&mut self, now: Time) {
        self.now_us = now.0;
    }

    /// All of it, when the world is over.
    #[must_use]
    pub fn into_history(self) -> ottla_checker::History {
        self.history
    }

    /// What is wrong, if anything is: the first that comes to mind, as a story.
    #[must_use]
    pub fn judge(&self) -> Option<Violation> {
        let verdict: Verdict = ottla_checker::check(&self.history);
        let anomaly = verdict.anomalies().find(|anomaly| anomaly.kind().severity() == Severity::Violation)?;
        Some(Violation::Anomaly { kind: anomaly.kind(), story: story::tell(&self.history, anomaly) })
    }

    /// Whether the history knows a partition.
    #[must_use]
    pub fn knows(&self, partition: PartitionRef) -> bool {
        self.partitions.contains_key(&partition)
    }

    /// A partition has this name, and keeps so much.
    pub fn add_partition(&mut self, partition: PartitionRef, name: &str, keeps: Keeps) {
        let id = self.history.partition(name).expect("few partitions");
        self.partitions.insert(partition, id);
        let process = self.broker();
        self.happens(process, Event::Partition { partition: id, keeps });
    }

    /// The broker ends, and what is answered from now on is of another life; with `forgives`, of one that may have lost what was
    /// acknowledged.
    pub fn restarted(&mut self, forgives: bool) {
        self.told.clear();
        let process = self.broker();
        self.happens(process, Event::Restart { forgives });
    }

    /// A batch is about to be sent, by somebody who sends it once.
    pub fn sends(&mut self, sending: &Sending<'_>, transaction: Option<u64>) -> OpId {
        let Sending { client, partition, identity, base_sequence, records, .. } = *sending;
        let values: Vec<Value> = records.iter().map(|record| self.value(identity, *record)).collect();
        let guarantee = match identity {
            Some(Identity { producer_id, epoch }) => Guarantee::Sequenced(Sequence {
                producer: producer_id.unsigned_abs(),
                epoch: i32::from(epoch),
                first: base_sequence,
            }),
            None => Guarantee::Once,
        };
        let transaction = transaction.map(|number| self.transaction(number));
        let partition = self.partitions[&partition];
        self.asks(client, Operation::Send(Send { partition, values: &values, guarantee, transaction }))
    }

    /// It was acknowledged, its first record at `base_offset`.
    ///
    /// # Errors
    /// There is no such offset.
    pub fn sent(&mut self, op: OpId, base_offset: i64, records: usize) -> Result<(), Violation> {
        let offsets: Vec<i64> = (base_offset..).take(records).collect();
        self.ends(op, Completion::Sent { offsets: &offsets })
    }

    /// Somebody asks for records.
    pub fn polls(&mut self, client: ClientId, isolation: Isolation) -> OpId {
        self.asks(client, Operation::Poll(Poll { isolation, transaction: None }))
    }

    /// The answer has these of a partition, for one who was at `position` and goes on at `next`. It is told with [`Self::polled`].
    pub fn reads(&mut self, partition: PartitionRef, position: i64, next: i64, batches: &[Batch]) {
        let first = batches.first().map_or(position, |batch| batch.base_offset);
        let records = batches.iter().flat_map(|batch| {
            let of_batch = batch.records.iter();
            of_batch.map(move |(offset, record)| (batch.identity, *offset, *record))
        });
        self.reads_each(partition, (position.min(first), next), records);
    }

    /// The same, of single records.
    pub fn reads_each(
        &mut self,
        partition: PartitionRef,
        (from, next): (i64, i64),
        records: impl Iterator<Item = (Option<Identity>, i64, RecordId)>,
    ) {
        let before = self.reading.records.len();
        for (identity, offset, record) in records {
            let value = self.value(identity, record);
            self.reading.records.push(Record { offset, value });
        }
        let (id, records) = (self.partitions[&partition], self.reading.records.len() - before);
        self.reading.parts.push(Part { partition, id, records, from, next, marks: Marks::default() });
    }

    /// The answer says where a mark of the partition is whose records were told last.
    pub fn saw(&mut self, mark: Mark, offset: i64) {
        let Some(part) = self.reading.parts.last_mut() else { return };
        match mark {
            Mark::LogStart => part.marks.log_start = Some(offset),
            Mark::HighWatermark => part.marks.high_watermark = Some(offset),
            Mark::LastStableOffset => part.marks.last_stable_offset = Some(offset),
            Mark::LogEnd => {}
        }
    }

    /// All of the answer was told. What says nothing new is left out.
    ///
    /// # Errors
    /// There are no such offsets.
    pub fn polled(&mut self, op: OpId) -> Result<(), Violation> {
        let mut reading = std::mem::take(&mut self.reading);
        let mut first = 0;
        let mut reads: Vec<Read<'_>> = Vec::with_capacity(reading.parts.len());
        for part in &reading.parts {
            let records = &reading.records[first..first + part.records];
            first += part.records;
            let known = self.told.entry(part.partition).or_default();
            let marks = unknown(part.marks, known);
            if records.is_empty() && part.next == part.from && marks == Marks::default() {
                continue;
            }
            let Part { id: partition, from, next, .. } = *part;
            reads.push(Read { partition, from: Some(from), next: Some(next), records, marks });
        }
        let outcome = Outcome::Ok(Completion::Polled { reads: &reads });
        let ended = self.history.complete(op, Some(self.now_us), outcome);
        reading.parts.clear();
        reading.records.clear();
        self.reading = reading;
        ended.map_err(|error| Violation::Answer(error.to_string()))
    }

    /// Somebody asks where a mark is.
    pub fn observes(&mut self, client: ClientId, partition: PartitionRef, mark: Mark) -> OpId {
        let partition = self.partitions[&partition];
        self.asks(client, Operation::Observe { partition, mark })
    }

    /// It is there; or a log starts there after what was asked to be deleted.
    ///
    /// # Errors
    /// There is no such offset.
    pub fn observed(&mut self, op: OpId, offset: i64) -> Result<(), Violation> {
        self.ends(op, Completion::Observed { offset })
    }

    /// Records before an offset are about to be deleted; all that there are, if `None`.
    pub fn deletes(&mut self, client: ClientId, partition: PartitionRef, before: Option<i64>) -> OpId {
        let partition = self.partitions[&partition];
        self.asks(client, Operation::Delete { partition, before })
    }

    /// Offsets of a group are about to be committed.
    pub fn commits(
        &mut self,
        client: ClientId,
        group: &str,
        offsets: impl Iterator<Item = (PartitionRef, i64)>,
        transaction: Option<u64>,
    ) -> OpId {
        let (group, transaction) = (self.group(group), transaction.map(|number| self.transaction(number)));
        let positions: Vec<Position> = offsets
            .map(|(partition, offset)| Position { partition: self.partitions[&partition], offset: Some(offset) })
            .collect();
        self.asks(client, Operation::Commit { group, positions: &positions, transaction })
    }

    /// Somebody asks for the offsets of a group; with `is_stable`, once transactions are decided.
    pub fn asks_offsets(&mut self, client: ClientId, group: &str, is_stable: bool) -> OpId {
        let isolation = if is_stable { Isolation::Committed } else { Isolation::Uncommitted };
        let group = self.group(group);
        self.asks(client, Operation::Committed { group, isolation })
    }

    /// These are what is committed.
    ///
    /// # Errors
    /// There are no such offsets.
    pub fn saw_offsets(
        &mut self,
        op: OpId,
        offsets: impl Iterator<Item = (PartitionRef, Option<i64>)>,
    ) -> Result<(), Violation> {
        let positions: Vec<Position> =
            offsets.map(|(partition, offset)| Position { partition: self.partitions[&partition], offset }).collect();
        self.ends(op, Completion::Committed { positions: &positions })
    }

    /// A member of a group was given these in a generation.
    pub fn assigned(&mut self, owner: &str, group: &str, generation: i32, partitions: &[PartitionRef]) {
        let process = self.history.process(owner).expect("few members");
        let group = Some((self.group(group), generation));
        let partitions: Vec<PartitionId> = partitions.iter().map(|partition| self.partitions[partition]).collect();
        self.happens(process, Event::Assign(Assignment { group, partitions: &partitions, kept: &[] }));
    }

    /// Somebody asks for a transaction to end.
    pub fn ends_transaction(&mut self, client: ClientId, number: u64, commits: bool) -> OpId {
        let (transaction, end) = (self.transaction(number), if commits { End::Commit } else { End::Abort });
        self.asks(client, Operation::End { transaction, end })
    }

    /// What was asked is done.
    pub fn done(&mut self, op: OpId) {
        self.ends(op, Completion::Done).expect("nothing is said");
    }

    /// What was asked was refused, and not done.
    pub fn failed(&mut self, op: OpId) {
        self.history.complete(op, Some(self.now_us), Outcome::Failed).expect("it ends once");
    }

    /// A record of a client, as somebody sent it.
    fn value(&mut self, identity: Option<Identity>, record: RecordId) -> Value {
        let next = self.identities.len() as Value + 1;
        let identity = identity.map_or(0, |identity| *self.identities.entry(identity).or_insert(next));
        (identity * CLIENTS + Value::from(record.client)) * NUMBERS + Value::from(record.number)
    }

    fn transaction(&mut self, number: u64) -> TransactionId {
        self.history.transaction(number).expect("few transactions")
    }

    fn group(&mut self, name: &str) -> GroupId {
        self.history.group(name).expect("few groups")
    }

    fn broker(&mut self) -> ProcessId {
        self.history.process("broker").expect("few processes")
    }

    fn happens(&mut self, process: ProcessId, event: Event<'_>) {
        self.history.event(process, Some(self.now_us), event).expect("a world is not so long");
    }

    fn asks(&mut self, client: ClientId, operation: Operation<'_>) -> OpId {
        let history = &mut self.history;
        let process = self.clients.entry(client);
        let process =
            *process.or_insert_with(|| history.process(&format!("client {}", client.0)).expect("few clients"));
        history.invoke(process, Some(self.now_us), operation).expect("a world is not so long")
    }

    fn ends(&mut self, op: OpId, completion: Completion<'_>) -> Result<(), Violation> {
        let ended = self.history.complete(op, Some(self.now_us), Outcome::Ok(completion));
        ended.map_err(|error| Violation::Answer(error.to_string()))
    }
}

/// Of marks, those that are not as they were told last.
fn unknown(marks: Marks, known: &mut Marks) -> Marks {
    let changed = |now: Option<i64>, known: &mut Option<i64>| now.filter(|now| known.replace(*now) != Some(*now));
    Marks {
        log_start: changed(marks.log_start, &mut known.log_start),
        high_watermark: changed(marks.high_watermark, &mut known.high_watermark),
        last_stable_offset: changed(marks.last_stable_offset, &mut known.last_stable_offset),
    }
}
