//! Reads histories.

use std::collections::HashMap;
use std::io::BufRead;

use super::ReadError;
use super::line::{ISOLATION, KEEPS, Line, MARK, PositionLine, Words};
use crate::hash::Fast;
use crate::history::{
    Assignment, Completion, End, Event, Guarantee, History, HistoryError, Isolation, Marks, OpId, Operation, Outcome,
    PartitionId, Poll, Position, Read, Record, Send, Sequence, TransactionId,
};

/// Reads a history, line by line. Empty lines are left out.
///
/// # Errors
/// It is none: the error says in which line, what was expected there, and what was found.
pub fn read(mut text: impl BufRead) -> Result<History, ReadError> {
    let mut reader = Reader::default();
    let mut line = Vec::new();
    loop {
        reader.number += 1;
        line.clear();
        let number = reader.number;
        let length = text.read_until(b'\n', &mut line).map_err(|source| ReadError::Io { line: number, source })?;
        if length == 0 {
            return Ok(reader.history);
        }
        if !line.trim_ascii().is_empty() {
            reader.line(&line)?;
        }
    }
}

#[derive(Default)]
struct Reader {
    history: History,
    /// By the number that the text gives them.
    open: HashMap<u64, OpId, Fast>,
    /// Of the present line.
    number: u64,
}

/// A line, and what errors call it.
struct Said {
    line: Line,
    number: u64,
    of: String,
}

impl Said {
    fn must<T>(&self, value: Option<T>, field: &'static str) -> Result<T, ReadError> {
        value.ok_or_else(|| ReadError::Missing { line: self.number, of: self.of.clone(), field })
    }

    fn all_taken(&self) -> Result<(), ReadError> {
        match self.line.left() {
            None => Ok(()),
            Some(field) => Err(ReadError::Superfluous { line: self.number, of: self.of.clone(), field }),
        }
    }

    fn meaning<T: Copy + PartialEq>(&self, words: &Words<T>, word: &str) -> Result<T, ReadError> {
        words.meaning(word).ok_or_else(|| self.word(words.field, words.expected, word))
    }

    fn word(&self, field: &'static str, expected: &'static str, found: &str) -> ReadError {
        ReadError::Word { line: self.number, field, expected, found: found.to_owned() }
    }

    fn isolation(&mut self) -> Result<Isolation, ReadError> {
        match self.line.isolation.take() {
            None => Ok(Isolation::Uncommitted),
            Some(word) => self.meaning(&ISOLATION, &word),
        }
    }
}

impl Reader {
    fn line(&mut self, bytes: &[u8]) -> Result<(), ReadError> {
        let number = self.number;
        let line: Line = serde_json::from_slice(bytes).map_err(|source| ReadError::Json { line: number, source })?;
        let mut said = Said { of: format!("type \"{}\"", line.kind), line, number };
        match said.line.kind.as_str() {
            "invoke" => self.invoke(&mut said)?,
            "ok" | "fail" | "unknown" => self.complete(&mut said)?,
            "event" => self.event(&mut said)?,
            kind => {
                let expected = "\"invoke\", \"ok\", \"fail\", \"unknown\" or \"event\"";
                return Err(said.word("type", expected, kind));
            }
        }
        said.all_taken()
    }

    fn ok<T>(&self, result: Result<T, HistoryError>) -> Result<T, ReadError> {
        result.map_err(|source| ReadError::History { line: self.number, source })
    }

    fn partition(&mut self, said: &mut Said) -> Result<PartitionId, ReadError> {
        let name = said.line.partition.take();
        let name = said.must(name, "partition")?;
        let partition = self.history.partition(&name);
        self.ok(partition)
    }

    fn partitions(&mut self, names: &[String]) -> Result<Vec<PartitionId>, ReadError> {
        let partitions: Result<Vec<PartitionId>, HistoryError> =
            names.iter().map(|name| self.history.partition(name)).collect();
        self.ok(partitions)
    }

    fn positions(&mut self, lines: &[PositionLine]) -> Result<Vec<Position>, ReadError> {
        let position = |line: &PositionLine| {
            Ok(Position { partition: self.history.partition(&line.partition)?, offset: line.offset })
        };
        let positions: Result<Vec<Position>, HistoryError> = lines.iter().map(position).collect();
        self.ok(positions)
    }

    fn transaction(&mut self, said: &mut Said) -> Result<Option<TransactionId>, ReadError> {
        let Some(number) = said.line.transaction.take() else { return Ok(None) };
        let transaction = self.history.transaction(number);
        self.ok(transaction).map(Some)
    }

    fn begin(&mut self, said: &mut Said) -> Result<(u64, crate::history::ProcessId, Option<u64>), ReadError> {
        let (op, name) = (said.line.op.take(), said.line.process.take());
        let name = said.must(name, "process")?;
        let process = self.history.process(&name);
        let process = self.ok(process)?;
        Ok((op.unwrap_or_default(), process, said.line.at_us.take()))
    }

    fn invoke(&mut self, said: &mut Said) -> Result<(), ReadError> {
        said.must(said.line.op, "op")?;
        let (op, process, at_us) = self.begin(said)?;
        if self.open.contains_key(&op) {
            return Err(ReadError::StillOpen { line: self.number, found: op });
        }
        let name = said.line.operation.take();
        let name = said.must(name, "operation")?;
        said.of = format!("operation \"{name}\"");
        let id = match name.as_str() {
            "send" => self.send(said, process, at_us)?,
            "commit_offsets" => {
                let group = said.line.group.take();
                let group = self.history.group(&said.must(group, "group")?);
                let group = self.ok(group)?;
                let positions = said.line.positions.take();
                let positions = self.positions(&said.must(positions, "positions")?)?;
                let transaction = self.transaction(said)?;
                self.history
                    .invoke(process, at_us, Operation::Commit { group, positions: &positions, transaction })
                    .map_err(|source| ReadError::History { line: self.number, source })?
            }
            _ => {
                let operation = self.operation(said, &name)?;
                let id = self.history.invoke(process, at_us, operation);
                self.ok(id)?
            }
        };
        self.open.insert(op, id);
        Ok(())
    }

    fn send(
        &mut self,
        said: &mut Said,
        process: crate::history::ProcessId,
        at_us: Option<u64>,
    ) -> Result<OpId, ReadError> {
        let partition = self.partition(said)?;
        let values = said.line.values.take();
        let values = said.must(values, "values")?;
        let transaction = self.transaction(said)?;
        let once = said.line.once.take();
        let guarantee = match (said.line.sequence.take(), once) {
            (Some(sequence), _) => {
                let (producer, epoch, first) = (sequence.producer, sequence.epoch, sequence.first);
                Guarantee::Sequenced(Sequence { producer, epoch, first })
            }
            (None, Some(true)) => Guarantee::Once,
            (None, None) if transaction.is_some() => Guarantee::Once,
            (None, _) => Guarantee::AtLeastOnce,
        };
        let send = Send { partition, values: &values, guarantee, transaction };
        let id = self.history.invoke(process, at_us, Operation::Send(send));
        self.ok(id)
    }

    /// Those that have no lists.
    fn operation(&mut self, said: &mut Said, name: &str) -> Result<Operation<'static>, ReadError> {
        Ok(match name {
            "poll" => {
                let transaction = self.transaction(said)?;
                Operation::Poll(Poll { isolation: said.isolation()?, transaction })
            }
            "committed_offsets" => {
                let group = said.line.group.take();
                let group = self.history.group(&said.must(group, "group")?);
                Operation::Committed { group: self.ok(group)?, isolation: said.isolation()? }
            }
            "begin_transaction" | "commit_transaction" | "abort_transaction" => {
                let transaction = self.transaction(said)?;
                let transaction = said.must(transaction, "transaction")?;
                match name {
                    "begin_transaction" => Operation::Begin { transaction },
                    "commit_transaction" => Operation::End { transaction, end: End::Commit },
                    _ => Operation::End { transaction, end: End::Abort },
                }
            }
            "observe" => {
                let partition = self.partition(said)?;
                let word = said.line.mark.take();
                let word = said.must(word, "mark")?;
                Operation::Observe { partition, mark: said.meaning(&MARK, &word)? }
            }
            "delete" => Operation::Delete { partition: self.partition(said)?, before: said.line.before.take() },
            other => {
                let expected = "\"send\", \"poll\", \"commit_offsets\", \"committed_offsets\", \"begin_transaction\", \
                                \"commit_transaction\", \"abort_transaction\", \"observe\" or \"delete\"";
                return Err(said.word("operation", expected, other));
            }
        })
    }

    fn complete(&mut self, said: &mut Said) -> Result<(), ReadError> {
        let op = said.line.op.take();
        let op = said.must(op, "op")?;
        let at_us = said.line.at_us.take();
        let id = self.open.remove(&op).ok_or(ReadError::NotOpen { line: self.number, found: op })?;
        let done = match said.line.kind.as_str() {
            "fail" => self.history.complete(id, at_us, Outcome::Failed),
            "unknown" => self.history.complete(id, at_us, Outcome::Unknown),
            _ => return self.done(said, id, at_us),
        };
        self.ok(done)
    }

    fn done(&mut self, said: &mut Said, id: OpId, at_us: Option<u64>) -> Result<(), ReadError> {
        let body = self.history.op(id.0).body;
        said.of = format!("the completion of {}", self.history.noun(body));
        let line = &mut said.line;
        let done = match (line.offsets.take(), line.reads.take(), line.positions.take(), line.offset.take()) {
            (Some(offsets), None, None, None) => self.end(id, at_us, Completion::Sent { offsets: &offsets }),
            (None, Some(reads), None, None) => return self.polled(&reads, id, at_us),
            (None, None, Some(positions), None) => {
                let positions = self.positions(&positions)?;
                self.end(id, at_us, Completion::Committed { positions: &positions })
            }
            (None, None, None, Some(offset)) => self.end(id, at_us, Completion::Observed { offset }),
            (None, None, None, None) if matches!(body, crate::history::Body::Send { .. }) => {
                self.end(id, at_us, Completion::Sent { offsets: &[] })
            }
            (None, None, None, None) => self.end(id, at_us, Completion::Done),
            _ => return Err(ReadError::Superfluous { line: self.number, of: said.of.clone(), field: "offsets" }),
        };
        self.ok(done)
    }

    fn end(&mut self, id: OpId, at_us: Option<u64>, completion: Completion<'_>) -> Result<(), HistoryError> {
        self.history.complete(id, at_us, Outcome::Ok(completion))
    }

    fn polled(&mut self, lines: &[super::line::ReadLine], id: OpId, at_us: Option<u64>) -> Result<(), ReadError> {
        let records: Vec<Vec<Record>> = lines.iter().map(|line| records(&line.records)).collect();
        let mut reads = Vec::with_capacity(lines.len());
        for (line, records) in lines.iter().zip(&records) {
            let partition = self.history.partition(&line.partition);
            let marks = Marks {
                log_start: line.log_start,
                high_watermark: line.high_watermark,
                last_stable_offset: line.last_stable_offset,
            };
            reads.push(Read { partition: self.ok(partition)?, from: line.from, next: line.next, records, marks });
        }
        let done = self.end(id, at_us, Completion::Polled { reads: &reads });
        self.ok(done)
    }

    fn event(&mut self, said: &mut Said) -> Result<(), ReadError> {
        let (_, process, at_us) = self.begin(said)?;
        let name = said.line.operation.take();
        let name = said.must(name, "operation")?;
        said.of = format!("event \"{name}\"");
        let id = match name.as_str() {
            "assign" => self.assign(said, process, at_us)?,
            "seek" => {
                let (partition, to) = (self.partition(said)?, said.line.to.take());
                self.history.event(process, at_us, Event::Seek { partition, to })
            }
            "restart" => {
                let forgives = said.line.forgives.take().unwrap_or(false);
                self.history.event(process, at_us, Event::Restart { forgives })
            }
            "partition" => {
                let partition = self.partition(said)?;
                let word = said.line.keeps.take();
                let word = said.must(word, "keeps")?;
                let keeps = said.meaning(&KEEPS, &word)?;
                self.history.event(process, at_us, Event::Partition { partition, keeps })
            }
            "disk" => self.disk(said, process, at_us)?,
            other => {
                let expected = "\"assign\", \"seek\", \"restart\", \"partition\" or \"disk\"";
                return Err(said.word("operation", expected, other));
            }
        };
        self.ok(id).map(|_| ())
    }

    fn assign(
        &mut self,
        said: &mut Said,
        process: crate::history::ProcessId,
        at_us: Option<u64>,
    ) -> Result<Result<OpId, HistoryError>, ReadError> {
        let partitions = said.line.partitions.take();
        let partitions = self.partitions(&said.must(partitions, "partitions")?)?;
        let kept = self.partitions(&said.line.kept.take().unwrap_or_default())?;
        let group = match said.line.group.take() {
            None => None,
            Some(name) => {
                let generation = said.line.generation.take();
                let generation = said.must(generation, "generation")?;
                let group = self.history.group(&name);
                Some((self.ok(group)?, generation))
            }
        };
        let assignment = Assignment { group, partitions: &partitions, kept: &kept };
        Ok(self.history.event(process, at_us, Event::Assign(assignment)))
    }

    fn disk(
        &mut self,
        said: &mut Said,
        process: crate::history::ProcessId,
        at_us: Option<u64>,
    ) -> Result<Result<OpId, HistoryError>, ReadError> {
        let partition = self.partition(said)?;
        let (from, end, of_log) = (said.line.from.take(), said.line.end.take(), said.line.records.take());
        let (from, end) = (said.must(from, "from")?, said.must(end, "end")?);
        let records = records(&said.must(of_log, "records")?);
        Ok(self.history.event(process, at_us, Event::Disk { partition, from, end, records: &records }))
    }
}

fn records(pairs: &[(i64, u64)]) -> Vec<Record> {
    pairs.iter().map(|(offset, value)| Record { offset: *offset, value: *value }).collect()
}
