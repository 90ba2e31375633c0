//! Clients. Each does one thing at a time: it asks, the broker does it or does not, it hears or does not.

use super::World;
use super::broker::{Append, Found};
use crate::history::{
    Assignment, Completion, End, Event, Guarantee, HistoryError, Isolation, Mark, Marks, OpId, Operation, Outcome,
    Poll, Position, ProcessId, Read, Send, Sequence, TransactionId,
};

/// What a client is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// Appends, and perhaps more than once.
    Plain,
    /// Appends once, however often it has to ask.
    Idempotent,
    /// Reads and appends in transactions.
    Transactional,
    /// Reads all partitions.
    Reader(Isolation),
    /// Reads what its group gives it.
    Member,
    /// Looks at marks and files, and deletes.
    Admin,
}

const ROLES: [Role; 8] = [
    Role::Plain,
    Role::Reader(Isolation::Uncommitted),
    Role::Idempotent,
    Role::Transactional,
    Role::Member,
    Role::Reader(Isolation::Committed),
    Role::Member,
    Role::Admin,
];

/// A client and where it is.
pub(super) struct Client {
    number: u32,
    process: ProcessId,
    role: Role,
    positions: Vec<i64>,
    owned: Vec<usize>,
    generation: i32,
    sequence: i32,
    /// What is to be sent again.
    again: Option<Append>,
    transaction: Option<(u64, TransactionId)>,
    /// How its transaction was to end, when it did not hear whether it did.
    ending: Option<End>,
    under_way: Option<UnderWay>,
}

struct UnderWay {
    op: OpId,
    ask: Ask,
    answer: Option<Answer>,
}

#[derive(Clone, Debug)]
enum Ask {
    Append(Append),
    Poll(Isolation, Vec<usize>),
    Commit(Vec<(usize, i64)>),
    CommitLater(u64, Vec<(usize, i64)>),
    Committed,
    End(u64, End),
    Observe(usize, Mark),
    Delete(usize, i64),
}

enum Answer {
    Failed,
    Done,
    Offset(i64),
    Found(Vec<(usize, Found)>),
    Positions(Vec<Position>),
}

impl Client {
    pub(super) fn new(world: &mut World, number: u32) -> Result<Self, HistoryError> {
        let role = ROLES[number as usize % ROLES.len()];
        let name = match role {
            Role::Plain => "writer",
            Role::Idempotent => "idempotent",
            Role::Transactional => "transactional",
            Role::Reader(_) => "reader",
            Role::Member => "member",
            Role::Admin => "admin",
        };
        let process = world.history.process(&format!("{name}-{number}"))?;
        let partitions = world.partitions.len();
        let mut client = Self {
            number,
            process,
            role,
            positions: vec![0; partitions],
            owned: Vec::new(),
            generation: -1,
            sequence: 0,
            again: None,
            transaction: None,
            ending: None,
            under_way: None,
        };
        if matches!(role, Role::Reader(_) | Role::Transactional) {
            client.owned = (0..partitions).collect();
            client.assign(world, None)?;
        }
        Ok(client)
    }

    /// The next thing happens.
    pub(super) fn step(&mut self, world: &mut World) -> Result<(), HistoryError> {
        match self.under_way.take() {
            None => self.begin(world),
            Some(UnderWay { op, ask, answer: None }) => {
                if world.one_in(world.plan.unknown) {
                    return self.hears_nothing(world, op, ask);
                }
                let answer = Some(self.serve(world, &ask));
                self.under_way = Some(UnderWay { op, ask, answer });
                Ok(())
            }
            Some(UnderWay { op, ask, answer: Some(answer) }) => self.hear(world, op, ask, answer),
        }
    }

    /// Nothing is left open.
    pub(super) fn finish(&mut self, world: &mut World) -> Result<(), HistoryError> {
        while self.under_way.is_some() {
            self.step(world)?;
        }
        Ok(())
    }

    fn begin(&mut self, world: &mut World) -> Result<(), HistoryError> {
        let partition = world.rng.below(world.partitions.len() as u64) as usize;
        let ask = match self.role {
            Role::Plain | Role::Idempotent => self.next_append(world, partition, None),
            Role::Transactional => self.in_transaction(world, partition)?,
            Role::Reader(isolation) => {
                if world.one_in(12) {
                    return self.seek(world, partition);
                }
                Ask::Poll(isolation, self.owned.clone())
            }
            Role::Member => match self.as_member(world)? {
                Some(ask) => ask,
                None => return Ok(()),
            },
            Role::Admin => match self.as_admin(world, partition)? {
                Some(ask) => ask,
                None => return Ok(()),
            },
        };
        self.ask(world, ask)
    }

    fn ask(&mut self, world: &mut World, ask: Ask) -> Result<(), HistoryError> {
        let transaction = self.transaction.map(|transaction| transaction.1);
        let now = world.now();
        let group = world.group;
        let positions = |asked: &[(usize, i64)]| -> Vec<Position> {
            let position =
                |(at, offset): &(usize, i64)| Position { partition: world.partitions[*at], offset: Some(*offset) };
            asked.iter().map(position).collect()
        };
        let operation_positions = match &ask {
            Ask::Commit(asked) | Ask::CommitLater(_, asked) => positions(asked),
            _ => Vec::new(),
        };
        let operation = match &ask {
            Ask::Append(append) => Operation::Send(Send {
                partition: world.partitions[append.partition],
                values: &append.values,
                guarantee: match append.sequence {
                    Some((producer, first)) => Guarantee::Sequenced(Sequence { producer, epoch: 0, first }),
                    None if append.transaction.is_some() => Guarantee::Once,
                    None => Guarantee::AtLeastOnce,
                },
                transaction,
            }),
            Ask::Poll(isolation, _) => Operation::Poll(Poll { isolation: *isolation, transaction }),
            Ask::Commit(_) => Operation::Commit { group, positions: &operation_positions, transaction: None },
            Ask::CommitLater(..) => Operation::Commit { group, positions: &operation_positions, transaction },
            Ask::Committed => Operation::Committed { group, isolation: Isolation::Uncommitted },
            Ask::End(_, end) => Operation::End { transaction: transaction.expect("one is under way"), end: *end },
            Ask::Observe(partition, mark) => {
                Operation::Observe { partition: world.partitions[*partition], mark: *mark }
            }
            Ask::Delete(partition, before) => {
                Operation::Delete { partition: world.partitions[*partition], before: Some(*before) }
            }
        };
        let op = world.history.invoke(self.process, now, operation)?;
        self.under_way = Some(UnderWay { op, ask, answer: None });
        Ok(())
    }

    fn next_append(&mut self, world: &mut World, partition: usize, transaction: Option<u64>) -> Ask {
        if let Some(again) = self.again.take() {
            return Ask::Append(again);
        }
        let count = 1 + world.rng.below(world.plan.batch);
        let values: Vec<u64> = (0..count).map(|number| world.next_value + number).collect();
        world.next_value += count;
        let sequence = (self.role == Role::Idempotent).then_some((u64::from(self.number), self.sequence));
        if sequence.is_some() {
            self.sequence += count as i32;
        }
        Ask::Append(Append { partition, values, sequence, transaction })
    }

    fn in_transaction(&mut self, world: &mut World, partition: usize) -> Result<Ask, HistoryError> {
        let (number, _) = match self.transaction {
            Some(transaction) => transaction,
            None => {
                world.next_transaction += 1;
                let id = world.history.transaction(world.next_transaction)?;
                *self.transaction.insert((world.next_transaction, id))
            }
        };
        if let Some(end) = self.ending {
            return Ok(Ask::End(number, end));
        }
        Ok(match world.rng.below(6) {
            0..=2 => self.next_append(world, partition, Some(number)),
            3 => Ask::Poll(Isolation::Committed, self.owned.clone()),
            4 if self.number % 2 == 1 && !world.broker.is_ended(number) => {
                Ask::CommitLater(number, vec![(partition, self.positions[partition])])
            }
            _ => Ask::End(number, if world.one_in(4) { End::Abort } else { End::Commit }),
        })
    }

    fn seek(&mut self, world: &mut World, partition: usize) -> Result<(), HistoryError> {
        let to = world.rng.below(world.broker.end_of(partition) as u64 + 1) as i64;
        self.positions[partition] = to;
        let to = (!world.one_in(3)).then_some(to);
        let now = world.now();
        world.history.event(self.process, now, Event::Seek { partition: world.partitions[partition], to })?;
        Ok(())
    }

    fn as_member(&mut self, world: &mut World) -> Result<Option<Ask>, HistoryError> {
        if world.one_in(30) || world.broker.generation == 0 {
            world.broker.generation += 1;
            for partition in 0..world.partitions.len() {
                let member = world.rng.below(u64::from(world.plan.clients)) as u32;
                world.broker.owners[partition] = member;
            }
        }
        if self.generation != world.broker.generation && world.one_in(3) {
            self.generation = world.broker.generation;
            let owned = (0..world.partitions.len()).filter(|at| world.broker.owners[*at] == self.number);
            self.owned = owned.collect();
            for at in self.owned.clone() {
                self.positions[at] = world.broker.committed(at).unwrap_or_default();
            }
            self.assign(world, Some(self.generation))?;
            return Ok(None);
        }
        Ok(Some(match world.rng.below(4) {
            0 => Ask::Committed,
            1 if !self.owned.is_empty() => {
                Ask::Commit(self.owned.iter().map(|at| (*at, self.positions[*at])).collect())
            }
            _ => Ask::Poll(Isolation::Committed, self.owned.clone()),
        }))
    }

    fn assign(&self, world: &mut World, generation: Option<i32>) -> Result<(), HistoryError> {
        let partitions: Vec<_> = self.owned.iter().map(|at| world.partitions[*at]).collect();
        let group = generation.map(|generation| (world.group, generation));
        let now = world.now();
        let assignment = Assignment { group, partitions: &partitions, kept: &[] };
        world.history.event(self.process, now, Event::Assign(assignment))?;
        Ok(())
    }

    fn as_admin(&self, world: &mut World, partition: usize) -> Result<Option<Ask>, HistoryError> {
        Ok(match world.rng.below(24) {
            0 => {
                let before = world.rng.below(world.broker.end_of(partition) as u64 / 4 + 1) as i64;
                Some(Ask::Delete(partition, before))
            }
            1 if world.broker.end_of(partition) < 1_000 => {
                let records = world.broker.files(partition);
                let (from, end) = (world.broker.start(partition), world.broker.end_of(partition));
                let now = world.now();
                let event = Event::Disk { partition: world.partitions[partition], from, end, records: &records };
                world.history.event(self.process, now, event)?;
                None
            }
            2..=6 => Some(Ask::Observe(partition, Mark::HighWatermark)),
            7..=12 => Some(Ask::Observe(partition, Mark::LastStableOffset)),
            13..=16 => Some(Ask::Observe(partition, Mark::LogStart)),
            17..=20 => Some(Ask::Observe(partition, Mark::LogEnd)),
            _ => Some(Ask::Committed),
        })
    }

    /// What the broker does.
    fn serve(&mut self, world: &mut World, ask: &Ask) -> Answer {
        match ask {
            Ask::Append(append) => {
                if self.role == Role::Plain && world.one_in(20) {
                    // The client had to ask twice, and both arrived.
                    world.broker.append(append);
                }
                world.broker.append(append).map_or(Answer::Failed, Answer::Offset)
            }
            Ask::Poll(isolation, partitions) => {
                let read =
                    |at: &usize| (*at, world.broker.read(*at, self.positions[*at], *isolation, 2 * world.plan.batch));
                Answer::Found(partitions.iter().map(read).collect())
            }
            Ask::Commit(_) if self.generation != world.broker.generation => Answer::Failed,
            Ask::Commit(asked) => {
                asked.iter().for_each(|(partition, offset)| world.broker.commit(*partition, *offset));
                Answer::Done
            }
            Ask::CommitLater(transaction, _) if world.broker.is_ended(*transaction) => Answer::Failed,
            Ask::CommitLater(transaction, asked) => {
                asked.iter().for_each(|(at, offset)| world.broker.commit_later(*transaction, *at, *offset));
                Answer::Done
            }
            Ask::Committed => {
                let position = |(at, partition): (usize, &crate::history::PartitionId)| Position {
                    partition: *partition,
                    offset: world.broker.committed(at),
                };
                Answer::Positions(world.partitions.iter().enumerate().map(position).collect())
            }
            Ask::End(transaction, end) => {
                if world.broker.end(*transaction, *end) {
                    Answer::Done
                } else {
                    Answer::Failed
                }
            }
            Ask::Observe(partition, mark) => Answer::Offset(match mark {
                Mark::LogStart => world.broker.start(*partition),
                Mark::LastStableOffset => world.broker.stable(*partition),
                Mark::HighWatermark | Mark::LogEnd => world.broker.end_of(*partition),
            }),
            Ask::Delete(partition, before) => Answer::Offset(world.broker.delete(*partition, *before)),
        }
    }

    /// The answer does not come, and perhaps the request did not arrive, or will later.
    fn hears_nothing(&mut self, world: &mut World, op: OpId, ask: Ask) -> Result<(), HistoryError> {
        match world.rng.below(3) {
            0 => {
                self.serve(world, &ask);
            }
            1 => {
                if let Ask::Append(append) = &ask {
                    world.broker.is_late(append.clone());
                }
            }
            _ => {}
        }
        match ask {
            Ask::Append(append) if append.transaction.is_some() => self.ending = Some(End::Abort),
            // Who is idempotent must know before it goes on, and who is not may ask again or not.
            Ask::Append(append) if self.role == Role::Idempotent || world.one_in(2) => self.again = Some(append),
            Ask::End(_, end) => self.ending = Some(end),
            Ask::CommitLater(..) => self.ending = Some(End::Abort),
            _ => {}
        }
        if world.one_in(4) {
            // Not even that it went wrong: it stays open for ever.
            return Ok(());
        }
        let now = world.now();
        world.history.complete(op, now, Outcome::Unknown)
    }

    fn hear(&mut self, world: &mut World, op: OpId, ask: Ask, answer: Answer) -> Result<(), HistoryError> {
        let mut offsets = Vec::new();
        if let (Ask::Append(append), Answer::Offset(offset)) = (&ask, &answer) {
            offsets.extend((0..append.values.len() as i64).map(|number| offset + number));
        }
        let failed = matches!(answer, Answer::Failed);
        match ask {
            Ask::Append(append) if failed && append.transaction.is_some() => self.ending = Some(End::Abort),
            Ask::End(..) => (self.transaction, self.ending) = (None, None),
            _ => {}
        }
        let completion = match &answer {
            Answer::Failed => {
                let now = world.now();
                return world.history.complete(op, now, Outcome::Failed);
            }
            Answer::Found(found) => return self.polled(world, op, found),
            Answer::Done => Completion::Done,
            Answer::Offset(_) if !offsets.is_empty() => Completion::Sent { offsets: &offsets },
            Answer::Offset(offset) => Completion::Observed { offset: *offset },
            Answer::Positions(positions) => Completion::Committed { positions },
        };
        let now = world.now();
        world.history.complete(op, now, Outcome::Ok(completion))
    }

    fn polled(&mut self, world: &mut World, op: OpId, found: &[(usize, Found)]) -> Result<(), HistoryError> {
        for (at, found) in found {
            if found.from > self.positions[*at] {
                // It was told that this is out of range.
                let now = world.now();
                let event = Event::Seek { partition: world.partitions[*at], to: Some(found.from) };
                world.history.event(self.process, now, event)?;
            }
            self.positions[*at] = found.next;
        }
        let (says_all, says_marks) = (world.one_in(2), world.one_in(2));
        let read =
            |(at, found): &'_ (usize, Found)| (world.partitions[*at], says_all.then_some((found.from, found.next)));
        let heads: Vec<_> = found.iter().map(read).collect();
        let reads: Vec<Read<'_>> = heads
            .iter()
            .zip(found)
            .map(|((partition, bounds), (_, found))| Read {
                partition: *partition,
                from: bounds.map(|bounds| bounds.0),
                next: bounds.map(|bounds| bounds.1),
                records: &found.records,
                marks: if says_marks { found.marks } else { Marks::default() },
            })
            .collect();
        let now = world.now();
        world.history.complete(op, now, Outcome::Ok(Completion::Polled { reads: &reads }))
    }
}
