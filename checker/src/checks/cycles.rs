//! Nothing comes before itself.
//!
//! Nodes are sends, polls, and committed transactions as a whole. One comes before another if
//! - it sent a record that the other read. What consumers of committed records read comes of the transaction, since it is seen
//!   when that is committed; what others read comes of the send alone;
//! - it sent a record that lies just before one of the other's. Kafka does not isolate transactions from each other there, so
//!   that circles which need it are no more than notes;
//! - its process did it, and then the other;
//! - it had ended before the other began.
//!
//! Real time has a chain of its own: each end leads into the chain, each begin comes out of it. So there are a few edges for
//! each operation, however many are under way at a time.

mod graph;
mod path;
mod tarjan;

use crate::anomaly::{Anomaly, CycleClass, Order};
use crate::findings::Verdict;
use crate::index::Index;
use graph::{Edges, Graph};
use tarjan::Components;

/// Circles by what they need, the simplest first. Those that need the order of records come last, so that they don't hide
/// others.
const CLASSES: [(Edges, CycleClass); 7] = [
    (Edges::WRITE_READ, class(true, false, Order::Data)),
    (Edges::WRITE_READ.and(Edges::PROCESS), class(true, false, Order::Process)),
    (Edges::WRITE_READ.and(Edges::PROCESS).and(Edges::REAL_TIME), class(true, false, Order::RealTime)),
    (Edges::WRITE_WRITE, class(false, true, Order::Data)),
    (Edges::WRITE_WRITE.and(Edges::PROCESS), class(false, true, Order::Process)),
    (Edges::WRITE_WRITE.and(Edges::PROCESS).and(Edges::REAL_TIME), class(false, true, Order::RealTime)),
    (Edges::ALL, class(true, true, Order::RealTime)),
];

const fn class(has_reads: bool, has_log_order: bool, order: Order) -> CycleClass {
    CycleClass { has_reads, has_log_order, order }
}

/// `slots` are those of all records that were read.
pub(super) fn check(index: &Index<'_>, slots: &[u32], verdict: &mut Verdict) {
    let graph = Graph::new(index, slots);
    let all = Components::of(&graph, Edges::ALL, None);
    if all.is_trivial() {
        return;
    }
    let mut is_told = vec![false; graph.nodes()];
    for (edges, class) in CLASSES {
        let components = Components::of(&graph, edges, Some(&all));
        for component in components.all() {
            if component.iter().any(|node| is_told[*node as usize]) {
                continue;
            }
            let Some(cycle) = path::shortest(&graph, edges, &components, component) else { continue };
            component.iter().for_each(|node| is_told[*node as usize] = true);
            verdict.add(Anomaly::Cycle { class, steps: graph.steps(index, &cycle) });
        }
    }
}
