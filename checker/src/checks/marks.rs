//! High watermarks, last stable offsets and starts of logs don't go back, and a log's end is behind all that was acknowledged
//! or read. An observation is held against what was known when it began.

use crate::anomaly::Anomaly;
use crate::findings::Verdict;
use crate::history::{Body, Isolation, Mark, Moment, NO_OFFSET, NONE, Op, OpId, Other, PartitionId, Status};
use crate::index::Index;

pub(super) fn check(index: &Index<'_>, verdict: &mut Verdict) {
    let observes = |other: &Other| matches!(other, Other::Observe { .. } | Other::Disk { .. });
    if index.history.marks.is_empty() && !index.history.others.iter().any(observes) {
        return;
    }
    let known = vec![Known::default(); index.logs.len()];
    let mut sweep = Sweep { index, known, asked: Vec::new(), restarted: NEVER, verdict };
    for tick in &index.history.ticks {
        let (id, op) = (tick.op() as u32, index.history.op(tick.op() as u32));
        match (tick.is_end(), op.status) {
            (false, Status::Event) => sweep.event(id, op),
            (false, _) => sweep.begins(id, op),
            (true, Status::Ok) => sweep.ends(id, op),
            (true, _) => sweep.asked.retain(|asked| asked.id != id),
        }
    }
}

/// Everything is later than this, or at it.
const NEVER: Moment = Moment(0);

/// Where a mark is at least, and who knows.
#[derive(Clone, Copy)]
struct Floor {
    offset: i64,
    op: u32,
}

impl Floor {
    const NOTHING: Self = Self { offset: 0, op: NONE };

    fn raise(&mut self, offset: i64, op: u32) {
        if offset > self.offset {
            *self = Self { offset, op };
        }
    }
}

/// What is known of a log.
#[derive(Clone, Copy)]
struct Known {
    /// Behind all that was acknowledged or read.
    records: Floor,
    /// Behind all that consumers read.
    read: Floor,
    /// Behind all that consumers of committed records read.
    committed: Floor,
    start: Floor,
    high_watermark: Floor,
    last_stable: Floor,
}

impl Default for Known {
    fn default() -> Self {
        let nothing = Floor::NOTHING;
        Self {
            records: nothing,
            read: nothing,
            committed: nothing,
            start: nothing,
            high_watermark: nothing,
            last_stable: nothing,
        }
    }
}

impl Known {
    fn floor(&self, mark: Mark) -> Floor {
        match mark {
            Mark::LogStart => self.start,
            Mark::HighWatermark => self.high_watermark,
            Mark::LastStableOffset => self.last_stable,
            Mark::LogEnd => self.records,
        }
    }

    fn saw(&mut self, mark: Mark, offset: i64, op: u32) {
        match mark {
            Mark::LogStart => self.start.raise(offset, op),
            Mark::HighWatermark => self.high_watermark.raise(offset, op),
            Mark::LastStableOffset => self.last_stable.raise(offset, op),
            // What nobody was promised may be gone after a restart.
            Mark::LogEnd => {}
        }
    }
}

/// An observation, and what was known when it began.
#[derive(Clone, Copy)]
struct Asked {
    id: u32,
    log: usize,
    mark: Mark,
    floor: Floor,
}

struct Sweep<'s, 'h> {
    index: &'s Index<'h>,
    /// By log.
    known: Vec<Known>,
    /// Observations that are under way. They are few: one a process.
    asked: Vec<Asked>,
    /// When the broker last started again.
    restarted: Moment,
    verdict: &'s mut Verdict,
}

impl Sweep<'_, '_> {
    fn other(&self, op: &Op) -> Option<&Other> {
        match op.body {
            Body::Other(at) => Some(&self.index.history.others[at as usize]),
            _ => None,
        }
    }

    fn event(&mut self, id: u32, op: &Op) {
        match self.other(op) {
            Some(Other::Restart { .. }) => self.restart(op.begun),
            Some(Other::Disk { partition, end, .. }) => {
                let (partition, end) = (*partition, *end);
                let log = self.index.eras.log(self.index.eras.at(op.begun), partition);
                self.hold(partition, Mark::LogEnd, end, id, self.known[log].records);
            }
            _ => {}
        }
    }

    /// Records that nobody was promised may have made marks higher than they are now.
    fn restart(&mut self, at: Moment) {
        self.restarted = at;
        for known in &mut self.known {
            known.high_watermark = known.read;
            known.last_stable = known.committed;
        }
        // They may be answered by either life.
        for asked in &mut self.asked {
            let floor = self.known[asked.log].floor(asked.mark);
            if floor.offset < asked.floor.offset {
                asked.floor = floor;
            }
        }
    }

    fn begins(&mut self, id: u32, op: &Op) {
        let era = self.index.eras.at(op.begun);
        if let Some(Other::Observe { partition, mark, .. }) = self.other(op) {
            self.asks(id, self.index.eras.log(era, *partition), *mark);
        }
        let Body::Poll { first, count, .. } = op.body else { return };
        for span in self.index.history.reads_of(first, count) {
            for (mark, _) in self.index.history.marks_of(span).said() {
                self.asks(id, self.index.eras.log(era, span.partition), mark);
            }
        }
    }

    fn asks(&mut self, id: u32, log: usize, mark: Mark) {
        let floor = self.known[log].floor(mark);
        self.asked.push(Asked { id, log, mark, floor });
    }

    fn ends(&mut self, id: u32, op: &Op) {
        let Some(era) = self.index.eras.of(op) else {
            self.asked.retain(|asked| asked.id != id);
            return;
        };
        match op.body {
            Body::Send { partition, first, count, .. } => {
                let known = &mut self.known[self.index.eras.log(era, partition)];
                for record in self.index.history.sent_of(first, count).iter().filter(|it| it.offset != NO_OFFSET) {
                    known.records.raise(record.offset + 1, id);
                }
            }
            Body::Poll { isolation, first, count, .. } => {
                self.polled(id, era, isolation, first, count);
                self.told_marks(id, op, era, first, count);
            }
            _ => self.observed(id, op, era),
        }
    }

    fn polled(&mut self, id: u32, era: usize, isolation: Isolation, first: u32, count: u32) {
        for span in self.index.history.reads_of(first, count) {
            let known = &mut self.known[self.index.eras.log(era, span.partition)];
            let Some(end) = self.index.history.records_of(span).iter().map(|record| record.offset + 1).max() else {
                continue;
            };
            known.records.raise(end, id);
            known.read.raise(end, id);
            known.high_watermark.raise(end, id);
            if isolation == Isolation::Committed {
                known.committed.raise(end, id);
                known.last_stable.raise(end, id);
            }
        }
    }

    fn observed(&mut self, id: u32, op: &Op, era: usize) {
        let Some(Other::Observe { partition, mark, offset }) = self.other(op) else { return };
        self.told(id, op, (era, *partition), (*mark, *offset));
    }

    /// A poll's answer says where marks are.
    fn told_marks(&mut self, id: u32, op: &Op, era: usize, first: u32, count: u32) {
        for span in self.index.history.reads_of(first, count) {
            for said in self.index.history.marks_of(span).said() {
                self.told(id, op, (era, span.partition), said);
            }
        }
    }

    fn told(&mut self, id: u32, op: &Op, (era, partition): (usize, PartitionId), (mark, offset): (Mark, i64)) {
        let log = self.index.eras.log(era, partition);
        let is_of = |asked: &Asked| asked.id == id && asked.log == log && asked.mark == mark;
        let Some(at) = self.asked.iter().position(is_of) else { return };
        let floor = self.asked.swap_remove(at).floor;
        self.hold(partition, mark, offset, id, floor);
        if op.begun >= self.restarted || mark == Mark::LogStart {
            self.known[log].saw(mark, offset, id);
        }
    }

    fn hold(&mut self, partition: PartitionId, mark: Mark, offset: i64, id: u32, floor: Floor) {
        if offset >= floor.offset {
            return;
        }
        let (witness, observer) = (OpId(floor.op), OpId(id));
        self.verdict.add(match mark {
            Mark::LogEnd => {
                Anomaly::AcknowledgedBeyondEnd { partition, offset: floor.offset - 1, witness, end: offset, observer }
            }
            _ => Anomaly::MarkWentBack { partition, mark, before: (floor.offset, witness), after: (offset, observer) },
        });
    }
}
