//! An anomaly as a story: what it is, who did what and when, and what else happened there at that time.

mod around;
mod words;

use std::fmt::Write;

use crate::anomaly::{Anomaly, CycleClass, Reason, Step};
use crate::history::{History, Mark, Moment, NO_TIME, NONE, OpId, PartitionId, Status};

/// Tells an anomaly of a history.
#[must_use]
pub fn tell(history: &History, anomaly: &Anomaly) -> String {
    let teller = Teller { history };
    let kind = anomaly.kind();
    let place = teller.title(anomaly);
    let mut text = format!("{} · {place}\n  {}\n  {}\n", kind.name(), kind.text(), teller.plot(anomaly));
    teller.timeline(anomaly, &mut text);
    text
}

struct Teller<'h> {
    history: &'h History,
}

impl Teller<'_> {
    fn title(&self, anomaly: &Anomaly) -> String {
        match (anomaly, anomaly.place()) {
            (_, Some((partition, offset))) => format!("{} offset {offset}", self.partition(partition)),
            (Anomaly::Cycle { steps, .. }, _) => format!("{} operations", steps.len()),
            (
                Anomaly::CommittedOffsetWentBack { group, partition, .. }
                | Anomaly::UnsentCommit { group, partition, .. },
                _,
            )
            | (Anomaly::TwoOwners { group, partition, .. }, _) => {
                format!("group {}, {}", self.history.group_name(*group), self.partition(*partition))
            }
            (Anomaly::Unseen { partition, .. }, _) => self.partition(*partition),
            _ => String::new(),
        }
    }

    /// What happened, in a sentence or two.
    fn plot(&self, anomaly: &Anomaly) -> String {
        match anomaly {
            Anomaly::PollSkip { .. }
            | Anomaly::NonmonotonicPoll { .. }
            | Anomaly::LostWrite { .. }
            | Anomaly::UnsentRead { .. }
            | Anomaly::AbortedRead { .. }
            | Anomaly::PrecommittedRead { .. } => self.plot_of_reads(anomaly),
            Anomaly::AcknowledgedBeyondEnd { .. }
            | Anomaly::MarkWentBack { .. }
            | Anomaly::CommittedOffsetWentBack { .. }
            | Anomaly::UnsentCommit { .. }
            | Anomaly::TwoOwners { .. }
            | Anomaly::DiskUnequal { .. } => self.plot_of_marks(anomaly),
            Anomaly::Cycle { class, steps } => self.plot_of_cycle(*class, steps),
            _ => self.plot_of_writes(anomaly),
        }
    }

    fn plot_of_reads(&self, anomaly: &Anomaly) -> String {
        match anomaly {
            Anomaly::PollSkip { before, after, skipped, first, .. } => format!(
                "{} went from {} to {} and left out {skipped}, the first of them {} at {}, known from {}.",
                self.who(after.1),
                before.0,
                after.0,
                first.1,
                first.0,
                self.who(first.2)
            ),
            Anomaly::NonmonotonicPoll { before, after, .. } => {
                format!("{} was at {} and then got {}.", self.who(after.1), before.0, after.0)
            }
            Anomaly::LostWrite { offset, value, sender, reader, .. } => format!(
                "{} was told that {value} is at {offset}. {} read past it. Nobody ever got it.",
                self.who(*sender),
                self.who(*reader)
            ),
            Anomaly::UnsentRead { offset, value, reader, .. } => {
                format!("{} got {value} at {offset}, which nobody sent to this partition.", self.who(*reader))
            }
            Anomaly::AbortedRead { offset, value, sender, transaction, reader, .. } => {
                let why = match transaction {
                    Some(transaction) => {
                        format!("its transaction {} was not committed", self.history.transaction_number(*transaction))
                    }
                    None => "that failed".to_owned(),
                };
                format!("{} got {value} at {offset}. {} sent it, and {why}.", self.who(*reader), self.who(*sender))
            }
            Anomaly::PrecommittedRead { offset, value, sender, commit, reader, .. } => format!(
                "{} got {value} at {offset}. {} sent it, but only later {} asked to commit it.",
                self.who(*reader),
                self.who(*sender),
                self.who(*commit)
            ),
            _ => String::new(),
        }
    }

    fn plot_of_writes(&self, anomaly: &Anomaly) -> String {
        match anomaly {
            Anomaly::InconsistentOffsets { offset, first, second, .. } => format!(
                "At {offset} is {}, says {}. There is {}, says {}.",
                first.0,
                self.who(first.1),
                second.0,
                self.who(second.1)
            ),
            Anomaly::Duplicate { value, places, allowed, .. } => {
                let offsets: Vec<String> = places.iter().map(|place| place.0.to_string()).collect();
                format!("{value} is at {}, and may be at {allowed} of them.", offsets.join(" and "))
            }
            Anomaly::NonmonotonicSend { earlier, later, .. } => format!(
                "{} sent {}, which is at {}. Only then {} sent {}, which is at {}.",
                self.who(earlier.2),
                earlier.1,
                earlier.0,
                self.who(later.2),
                later.1,
                later.0
            ),
            Anomaly::SendSkip { before, after, skipped, .. } => {
                format!("{} has {} and {}; {skipped} of others are between.", self.who(before.1), before.0, after.0)
            }
            Anomaly::Unseen { count, first, .. } => {
                format!("{count} of them, the first of which {} sent: {}.", self.who(first.2), first.1)
            }
            Anomaly::RetryElsewhere { sequence, first, second, .. } => format!(
                "Producer {} epoch {} sent its batch {}. It was told offset {}, and for the same batch {}.",
                sequence.producer, sequence.epoch, sequence.first, first.0, second.0
            ),
            _ => String::new(),
        }
    }

    fn plot_of_marks(&self, anomaly: &Anomaly) -> String {
        let committed = |offset: Option<i64>| offset.map_or("nothing".to_owned(), |offset| offset.to_string());
        match anomaly {
            Anomaly::AcknowledgedBeyondEnd { offset, witness, end, observer, .. } => format!(
                "{} knew of {offset}. Then {} saw that the log ends at {end}.",
                self.who(*witness),
                self.who(*observer)
            ),
            Anomaly::MarkWentBack { mark, before, after, .. } => format!(
                "The {} was at {} or beyond, by {}. Then {} saw it at {}.",
                mark_name(*mark),
                before.0,
                self.who(before.1),
                self.who(after.1),
                after.0
            ),
            Anomaly::CommittedOffsetWentBack { known, found, .. } => format!(
                "{} was committed, by {}. Then {} found {}, which had been replaced.",
                committed(known.0),
                self.who(known.1),
                self.who(found.1),
                committed(found.0)
            ),
            Anomaly::UnsentCommit { found, .. } => {
                format!("{} found {}. Nobody had committed that.", self.who(found.1), found.0)
            }
            Anomaly::TwoOwners { generation, first, second, .. } => {
                format!("In generation {generation} {} has it, and {} has it.", self.who(*first), self.who(*second))
            }
            Anomaly::DiskUnequal { offset, on_disk, known, .. } => {
                let found = on_disk.map_or("nothing".to_owned(), |value| value.to_string());
                match known {
                    Some((value, op)) => {
                        format!("The files have {found} at {offset}. {} knows of {value}.", self.who(*op))
                    }
                    None => format!("The files have {found} at {offset}, which nobody sent, or which is there twice."),
                }
            }
            _ => String::new(),
        }
    }

    fn plot_of_cycle(&self, class: CycleClass, steps: &[Step]) -> String {
        let mut text = String::new();
        for (at, step) in steps.iter().enumerate() {
            let next = &steps[(at + 1) % steps.len()];
            let why = match step.reason {
                Reason::WriteWrite => "sent a record that is before one of",
                Reason::WriteRead => "sent what was read by",
                Reason::Process => "was in its process before",
                Reason::RealTime => "had ended before the begin of",
            };
            let _ = write!(text, "{}{} {why} {}.", if at == 0 { "" } else { "\n  " }, self.step(step), self.step(next));
        }
        if class.has_log_order {
            text += "\n  Kafka does not isolate transactions from each other in the logs: this may be.";
        }
        text
    }

    fn step(&self, step: &Step) -> String {
        match step.transaction {
            Some(transaction) => format!("transaction {}", self.history.transaction_number(transaction)),
            None => format!("{} (#{})", self.who(step.op), step.op.0),
        }
    }

    fn partition(&self, partition: PartitionId) -> String {
        self.history.partition_name(partition)
    }

    fn who(&self, op: OpId) -> String {
        if op.0 == NONE { "nobody".to_owned() } else { self.history.process_name(self.history.op(op.0).process) }
    }

    /// The operations of an anomaly and those around it, in the order of time.
    fn timeline(&self, anomaly: &Anomaly, text: &mut String) {
        let shown: Vec<u32> = anomaly.ops().iter().map(|op| op.0).filter(|op| *op != NONE).collect();
        let mut lines: Vec<(Moment, u32)> = Vec::new();
        for id in around::with(self.history, anomaly, &shown) {
            let op = self.history.op(id);
            lines.push((op.begun, id));
            if op.ended.0 != NONE && op.status != Status::Event {
                lines.push((op.ended, id));
            }
        }
        lines.sort_unstable();
        let width = lines.iter().map(|(_, id)| self.who(OpId(*id)).chars().count()).max().unwrap_or_default();
        let place = anomaly.place();
        for (moment, id) in lines {
            let op = self.history.op(id);
            let is_end = moment == op.ended && op.status != Status::Event;
            let at_us = if is_end { op.ended_us } else { op.begun_us };
            let time = if at_us == NO_TIME { String::new() } else { format!("{:>14.6} s", at_us as f64 / 1e6) };
            let sign = if shown.contains(&id) { '>' } else { ' ' };
            let what = if is_end { words::end(self.history, op, place) } else { words::begin(self.history, op) };
            let _ = writeln!(text, "  {sign} {time}  #{id:<6} {:<width$}  {what}", self.who(OpId(id)));
        }
    }
}

/// What a mark is called.
pub(crate) fn mark_name(mark: Mark) -> &'static str {
    match mark {
        Mark::LogStart => "log start",
        Mark::HighWatermark => "high watermark",
        Mark::LastStableOffset => "last stable offset",
        Mark::LogEnd => "log end",
    }
}
