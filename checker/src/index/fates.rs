//! What became of each transaction.

use crate::history::{Body, End, History, Moment, NONE, Op, Status};

/// What is known of a transaction's end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fate {
    /// Its first operation.
    pub first_op: u32,
    /// When that began.
    pub begun: Moment,
    /// The first attempt to commit it that did not fail.
    pub commit_op: u32,
    /// When that attempt began.
    pub commit_begun: Moment,
    /// When it was known to be committed.
    pub committed: Moment,
    /// It was known to be aborted.
    pub is_aborted: bool,
    /// A consumer of committed records got something of it.
    pub is_seen: bool,
}

impl Fate {
    const UNKNOWN: Self = Self {
        first_op: NONE,
        begun: Moment(NONE),
        commit_op: NONE,
        commit_begun: Moment(NONE),
        committed: Moment(NONE),
        is_aborted: false,
        is_seen: false,
    };

    /// Whether it may be committed: somebody asked for that, and it did not fail.
    pub(crate) fn may_be_committed(&self) -> bool {
        self.commit_op != NONE && (!self.is_aborted || self.committed.0 != NONE)
    }

    /// Whether it is.
    pub(crate) fn is_committed(&self) -> bool {
        self.committed.0 != NONE || self.is_seen && self.may_be_committed()
    }

    fn note(&mut self, id: u32, op: &Op) {
        if self.first_op == NONE {
            self.first_op = id;
            self.begun = op.begun;
        }
        let Body::End { end, .. } = op.body else { return };
        match (end, op.status) {
            (_, Status::Failed) => {}
            (End::Abort, status) => self.is_aborted |= status == Status::Ok,
            (End::Commit, status) => {
                if self.commit_op == NONE {
                    self.commit_op = id;
                    self.commit_begun = op.begun;
                }
                if status == Status::Ok && op.ended < self.committed {
                    self.committed = op.ended;
                }
            }
        }
    }
}

/// By transaction.
pub(crate) fn of(history: &History) -> Vec<Fate> {
    let mut fates = vec![Fate::UNKNOWN; history.transactions.len()];
    for (id, op) in history.ops.iter().enumerate() {
        let transaction = history.transaction_of(op.body);
        if transaction != NONE {
            fates[transaction as usize].note(id as u32, op);
        }
    }
    fates
}
