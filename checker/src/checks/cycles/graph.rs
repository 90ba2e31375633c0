//! What comes before what.

use crate::anomaly::{Reason, Step};
use crate::history::{Body, Isolation, NONE, OpId, Status, TransactionId};
use crate::index::Index;

/// Kinds of edges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Edges(u32);

impl Edges {
    pub(super) const WRITE_READ: Self = Self(1 << 28);
    pub(super) const WRITE_WRITE: Self = Self(1 << 29);
    pub(super) const PROCESS: Self = Self(1 << 30);
    pub(super) const REAL_TIME: Self = Self(1 << 31);
    pub(super) const ALL: Self = Self(0xf << 28);

    pub(super) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    fn has(self, edge: u32) -> bool {
        self.0 & edge != 0
    }

    fn reason(self) -> Reason {
        match self {
            Self::WRITE_READ => Reason::WriteRead,
            Self::WRITE_WRITE => Reason::WriteWrite,
            Self::PROCESS => Reason::Process,
            _ => Reason::RealTime,
        }
    }
}

/// The node of an edge.
const NODE: u32 = (1 << 28) - 1;

/// Nodes are operations, then transactions, then links of the chain of real time. Edges are kept by where they begin.
pub(super) struct Graph {
    ops: u32,
    transactions: u32,
    nodes: u32,
    first: Vec<u32>,
    edges: Vec<u32>,
}

impl Graph {
    pub(super) fn new(index: &Index<'_>, slots: &[u32]) -> Self {
        let mut maker = Maker::new(index, slots);
        let mut counts: Vec<u32> = Vec::new();
        let nodes = maker.each_edge(|from, _, _| {
            let at = from as usize + 1;
            if counts.len() <= at {
                counts.resize(at + 1, 0);
            }
            counts[at] += 1;
        });
        assert!(nodes <= NODE, "a history has a limit of operations");
        counts.resize(nodes as usize + 1, 0);
        for at in 1..counts.len() {
            counts[at] += counts[at - 1];
        }
        let mut next = counts.clone();
        let mut edges = vec![0; counts[nodes as usize] as usize];
        maker.each_edge(|from, to, kind| {
            let at = &mut next[from as usize];
            edges[*at as usize] = to | kind.0;
            *at += 1;
        });
        let (ops, transactions) = (index.history.ops.len() as u32, index.fates.len() as u32);
        Self { ops, transactions, nodes, first: counts, edges }
    }

    pub(super) fn nodes(&self) -> usize {
        self.nodes as usize
    }

    /// Whether a node is a link of the chain.
    pub(super) fn is_link(&self, node: u32) -> bool {
        node >= self.ops + self.transactions
    }

    /// Where the edges of a node are.
    pub(super) fn edges_of(&self, node: u32) -> std::ops::Range<u32> {
        self.first[node as usize]..self.first[node as usize + 1]
    }

    /// Where an edge leads, if it is of these.
    pub(super) fn target(&self, edge: u32, kinds: Edges) -> Option<u32> {
        let edge = self.edges[edge as usize];
        kinds.has(edge).then_some(edge & NODE)
    }

    fn kind(&self, edge: u32) -> Edges {
        Edges(self.edges[edge as usize] & !NODE)
    }

    /// A circle of nodes and edges, without the chain.
    pub(super) fn steps(&self, index: &Index<'_>, cycle: &[(u32, u32)]) -> Vec<Step> {
        let nodes = cycle.iter().filter(|(node, _)| !self.is_link(*node));
        nodes.map(|(node, edge)| self.step(index, *node, self.kind(*edge))).collect()
    }

    fn step(&self, index: &Index<'_>, node: u32, kind: Edges) -> Step {
        let reason = kind.reason();
        match node.checked_sub(self.ops) {
            None => Step { op: OpId(node), transaction: None, reason },
            Some(transaction) => {
                let op = OpId(index.fates[transaction as usize].first_op);
                Step { op, transaction: Some(TransactionId(transaction)), reason }
            }
        }
    }
}

/// Goes through all edges.
struct Maker<'m, 'h> {
    index: &'m Index<'h>,
    slots: &'m [u32],
    /// By process: the node that ended last.
    last: Vec<u32>,
    /// By transaction: the operation that committed it.
    committers: Vec<u32>,
}

impl<'m, 'h> Maker<'m, 'h> {
    fn new(index: &'m Index<'h>, slots: &'m [u32]) -> Self {
        let mut committers = vec![NONE; index.fates.len()];
        for (transaction, fate) in index.fates.iter().enumerate() {
            if fate.committed.0 != NONE {
                committers[transaction] = index.history.ticks[fate.committed.0 as usize].op() as u32;
            }
        }
        Self { index, slots, last: Vec::new(), committers }
    }

    /// Calls `take` with each edge; how many nodes there are.
    fn each_edge(&mut self, mut take: impl FnMut(u32, u32, Edges)) -> u32 {
        self.log_order(&mut take);
        self.reads(&mut take);
        self.times(&mut take)
    }

    /// The node of a transaction that counts as a whole.
    fn whole(&self, transaction: u32) -> Option<u32> {
        let fate = self.index.fates.get(transaction as usize)?;
        fate.is_committed().then(|| self.index.history.ops.len() as u32 + transaction)
    }

    /// Who sent what is in a slot, as one who may see parts of transactions knows it, or not.
    fn sender(&self, slot: u32, isolation: Isolation) -> Option<u32> {
        let sent = self.index.values.get(self.index.slots[slot as usize].value_id)?;
        if sent.is_sent_again() || !sent.is_possible() {
            return None;
        }
        match isolation {
            Isolation::Uncommitted => Some(sent.op),
            Isolation::Committed => Some(self.whole(sent.transaction).unwrap_or(sent.op)),
        }
    }

    fn log_order(&self, take: &mut impl FnMut(u32, u32, Edges)) {
        for log in &self.index.logs {
            let mut before = None;
            for slot in log.first..log.end {
                let Some(node) = self.sender(slot, Isolation::Committed) else { continue };
                if let Some(before) = before.replace(node).filter(|before| *before != node) {
                    take(before, node, Edges::WRITE_WRITE);
                }
            }
        }
    }

    fn reads(&self, take: &mut impl FnMut(u32, u32, Edges)) {
        let history = self.index.history;
        for (id, op) in history.ops.iter().enumerate().filter(|(_, op)| op.status == Status::Ok) {
            let Body::Poll { isolation, transaction, first, count } = op.body else { continue };
            let reader = match isolation {
                Isolation::Uncommitted => id as u32,
                Isolation::Committed => self.whole(transaction).unwrap_or(id as u32),
            };
            for span in history.reads_of(first, count) {
                let mut before = reader;
                for slot in &self.slots[span.first as usize..(span.first + span.count) as usize] {
                    if *slot == NONE {
                        continue;
                    }
                    let Some(sender) = self.sender(*slot, isolation) else { continue };
                    if sender != before && sender != reader {
                        take(sender, reader, Edges::WRITE_READ);
                    }
                    before = sender;
                }
            }
        }
    }

    /// Processes and real time. A link of the chain stands for all that had ended when something began.
    fn times(&mut self, take: &mut impl FnMut(u32, u32, Edges)) -> u32 {
        let history = self.index.history;
        let first_link = (history.ops.len() + self.index.fates.len()) as u32;
        let mut link = first_link;
        let mut is_begun = false;
        self.last.clear();
        self.last.resize(history.processes.len(), NONE);
        for tick in &history.ticks {
            let (id, op) = (tick.op() as u32, history.op(tick.op() as u32));
            if op.status == Status::Event {
                continue;
            }
            let whole = self.whole_at(id, tick.is_end());
            let own = matches!(op.body, Body::Send { .. } | Body::Poll { .. }).then_some(id);
            if !tick.is_end() {
                for node in own.into_iter().chain(whole) {
                    take(link, node, Edges::REAL_TIME);
                    self.after_process(op.process.0, node, take);
                    is_begun = true;
                }
                continue;
            }
            if op.status != Status::Ok || own.is_none() && whole.is_none() {
                continue;
            }
            if std::mem::take(&mut is_begun) {
                take(link, link + 1, Edges::REAL_TIME);
                link += 1;
            }
            for node in own.into_iter().chain(whole) {
                take(node, link, Edges::REAL_TIME);
                self.last[op.process.0 as usize] = node;
            }
        }
        link + 1
    }

    fn after_process(&self, process: u32, node: u32, take: &mut impl FnMut(u32, u32, Edges)) {
        let before = self.last[process as usize];
        if before != NONE && before != node {
            take(before, node, Edges::PROCESS);
        }
    }

    /// The transaction that begins with an operation, or is known to be committed by it.
    fn whole_at(&self, id: u32, is_end: bool) -> Option<u32> {
        let history = self.index.history;
        let transaction = history.transaction_of(history.op(id).body);
        if transaction == NONE {
            return None;
        }
        let is_at = if is_end {
            self.committers[transaction as usize] == id
        } else {
            self.index.fates[transaction as usize].first_op == id
        };
        if is_at { self.whole(transaction) } else { None }
    }
}
