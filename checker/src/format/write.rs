//! Writes histories.

use std::io::{self, Write};

use super::line::{ISOLATION, KEEPS, Line, MARK, PositionLine, ReadLine, SequenceLine};
use crate::history::{
    Body, End, History, NO_OFFSET, NO_TIME, NONE, Op, Other, PartitionId, Position, Record, Span, Status,
};

/// Writes a history so that it can be read again.
///
/// # Errors
/// It can't be written.
pub fn write(history: &History, mut out: impl Write) -> io::Result<()> {
    let writer = Writer { history };
    for tick in &history.ticks {
        let (id, op) = (tick.op() as u32, history.op(tick.op() as u32));
        let line = match (tick.is_end(), op.status) {
            (false, Status::Event) => writer.event(op),
            (false, _) => writer.invoke(id, op),
            (true, _) => writer.complete(id, op),
        };
        serde_json::to_writer(&mut out, &line)?;
        out.write_all(b"\n")?;
    }
    out.flush()
}

struct Writer<'h> {
    history: &'h History,
}

fn time(at_us: u64) -> Option<u64> {
    (at_us != NO_TIME).then_some(at_us)
}

fn some(offset: i64) -> Option<i64> {
    (offset != NO_OFFSET).then_some(offset)
}

fn pairs(records: &[Record]) -> Vec<(i64, u64)> {
    records.iter().map(|record| (record.offset, record.value)).collect()
}

impl Writer<'_> {
    fn name(&self, partition: PartitionId) -> String {
        self.history.partition_name(partition)
    }

    fn transaction(&self, id: u32) -> Option<u64> {
        if id == NONE { None } else { self.history.transactions.name(id).parse().ok() }
    }

    fn positions(&self, positions: &[Position]) -> Vec<PositionLine> {
        let line =
            |position: &Position| PositionLine { partition: self.name(position.partition), offset: position.offset };
        positions.iter().map(line).collect()
    }

    fn invoke(&self, id: u32, op: &Op) -> Line {
        let line = Line {
            kind: "invoke".to_owned(),
            op: Some(u64::from(id)),
            process: Some(self.history.process_name(op.process)),
            at_us: time(op.begun_us),
            ..Line::default()
        };
        match op.body {
            Body::Send { partition, transaction, first, count, guarantee } => Line {
                operation: Some("send".to_owned()),
                partition: Some(self.name(partition)),
                values: Some(self.history.sent_of(first, count).iter().map(|record| record.value).collect()),
                once: guarantee.sequence().is_none().then_some(guarantee.is_once()),
                sequence: guarantee.sequence().map(|at| {
                    let sequence = self.history.sequences[at];
                    SequenceLine { producer: sequence.producer, epoch: sequence.epoch, first: sequence.first }
                }),
                transaction: self.transaction(transaction),
                ..line
            },
            Body::Poll { isolation, transaction, .. } => Line {
                operation: Some("poll".to_owned()),
                isolation: Some(ISOLATION.word(isolation).into_owned()),
                transaction: self.transaction(transaction),
                ..line
            },
            Body::Begin { transaction } => Line {
                operation: Some("begin_transaction".to_owned()),
                transaction: self.transaction(transaction),
                ..line
            },
            Body::End { transaction, end } => {
                let name = if end == End::Commit { "commit_transaction" } else { "abort_transaction" };
                Line { operation: Some(name.to_owned()), transaction: self.transaction(transaction), ..line }
            }
            Body::Other(at) => self.invoke_other(&self.history.others[at as usize], line),
        }
    }

    fn invoke_other(&self, other: &Other, line: Line) -> Line {
        match other {
            Other::Commit { group, transaction, positions } => Line {
                operation: Some("commit_offsets".to_owned()),
                group: Some(self.history.group_name(*group)),
                positions: Some(self.positions(positions)),
                transaction: self.transaction(*transaction),
                ..line
            },
            Other::Committed { group, isolation, .. } => Line {
                operation: Some("committed_offsets".to_owned()),
                group: Some(self.history.group_name(*group)),
                isolation: Some(ISOLATION.word(*isolation).into_owned()),
                ..line
            },
            Other::Observe { partition, mark, .. } => Line {
                operation: Some("observe".to_owned()),
                partition: Some(self.name(*partition)),
                mark: Some(MARK.word(*mark).into_owned()),
                ..line
            },
            Other::Delete { partition, before, .. } => Line {
                operation: Some("delete".to_owned()),
                partition: Some(self.name(*partition)),
                before: *before,
                ..line
            },
            _ => line,
        }
    }

    fn complete(&self, id: u32, op: &Op) -> Line {
        let kind = match op.status {
            Status::Ok => "ok",
            Status::Failed => "fail",
            Status::Unknown | Status::Event => "unknown",
        };
        let (op_number, at_us) = (Some(u64::from(id)), time(op.ended_us));
        let line = Line { kind: kind.to_owned(), op: op_number, at_us, ..Line::default() };
        if op.status != Status::Ok {
            return line;
        }
        match op.body {
            Body::Send { first, count, .. } => {
                let offsets: Option<Vec<i64>> =
                    self.history.sent_of(first, count).iter().map(|record| some(record.offset)).collect();
                Line { offsets, ..line }
            }
            Body::Poll { first, count, .. } => {
                let reads = self.history.reads_of(first, count).iter().map(|span| self.read(span)).collect();
                Line { reads: Some(reads), ..line }
            }
            Body::Begin { .. } | Body::End { .. } => line,
            Body::Other(at) => match &self.history.others[at as usize] {
                Other::Committed { positions, .. } => Line { positions: Some(self.positions(positions)), ..line },
                Other::Observe { offset, .. } | Other::Delete { start: offset, .. } => {
                    Line { offset: some(*offset), ..line }
                }
                _ => line,
            },
        }
    }

    fn read(&self, span: &Span) -> ReadLine {
        let records = pairs(self.history.records_of(span));
        let marks = self.history.marks_of(span);
        ReadLine {
            partition: self.name(span.partition),
            from: some(span.from),
            next: some(span.next),
            records,
            log_start: marks.log_start,
            high_watermark: marks.high_watermark,
            last_stable_offset: marks.last_stable_offset,
        }
    }

    fn event(&self, op: &Op) -> Line {
        let line = Line {
            kind: "event".to_owned(),
            process: Some(self.history.process_name(op.process)),
            at_us: time(op.begun_us),
            ..Line::default()
        };
        let Body::Other(at) = op.body else { return line };
        let names = |partitions: &[PartitionId]| partitions.iter().map(|partition| self.name(*partition)).collect();
        let operation = |name: &str| Some(name.to_owned());
        match &self.history.others[at as usize] {
            Other::Assign { group, partitions, kept } => Line {
                operation: operation("assign"),
                partitions: Some(names(partitions)),
                kept: Some(names(kept)).filter(|kept: &Vec<String>| !kept.is_empty()),
                group: group.map(|(group, _)| self.history.group_name(group)),
                generation: group.map(|(_, generation)| generation),
                ..line
            },
            Other::Seek { partition, to } => {
                Line { operation: operation("seek"), partition: Some(self.name(*partition)), to: *to, ..line }
            }
            Other::Restart { forgives } => Line { operation: operation("restart"), forgives: Some(*forgives), ..line },
            Other::Partition { partition, keeps } => Line {
                operation: operation("partition"),
                partition: Some(self.name(*partition)),
                keeps: Some(KEEPS.word(*keeps).into_owned()),
                ..line
            },
            Other::Disk { partition, from, end, records } => Line {
                operation: operation("disk"),
                partition: Some(self.name(*partition)),
                from: Some(*from),
                end: Some(*end),
                records: Some(pairs(records)),
                ..line
            },
            _ => line,
        }
    }
}
