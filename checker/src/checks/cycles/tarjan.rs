//! Strongly connected components, by Tarjan, without recursion.

use super::graph::{Edges, Graph};
use crate::history::NONE;

/// Components of more than one node.
pub(super) struct Components {
    /// By node: which component, or [`NONE`].
    of: Vec<u32>,
    /// The nodes of all, one component after the other.
    nodes: Vec<u32>,
    /// Where each ends.
    ends: Vec<u32>,
}

impl Components {
    /// Those of a graph with these edges; only what lies within one of `within`.
    pub(super) fn of(graph: &Graph, edges: Edges, within: Option<&Self>) -> Self {
        let mut walk = Walk::new(graph, edges, within);
        match within {
            None => (0..graph.nodes() as u32).for_each(|node| walk.visit(node)),
            Some(within) => within.nodes.iter().for_each(|node| walk.visit(*node)),
        }
        walk.found
    }

    pub(super) fn is_trivial(&self) -> bool {
        self.ends.is_empty()
    }

    /// Which component a node is in.
    pub(super) fn component(&self, node: u32) -> u32 {
        self.of[node as usize]
    }

    /// All, in the order of their lowest nodes.
    pub(super) fn all(&self) -> Vec<&[u32]> {
        let begins = std::iter::once(0).chain(self.ends.iter().copied());
        let mut all: Vec<&[u32]> =
            begins.zip(&self.ends).map(|(begin, end)| &self.nodes[begin as usize..*end as usize]).collect();
        all.sort_by_key(|component| component.iter().min().copied());
        all
    }
}

struct Walk<'w> {
    graph: &'w Graph,
    edges: Edges,
    within: Option<&'w Components>,
    /// By node: when it was met, or [`NONE`].
    met: Vec<u32>,
    /// By node: the earliest that it leads to and that is on the stack.
    low: Vec<u32>,
    next: u32,
    stack: Vec<u32>,
    /// Nodes that are not done, each with its next edge.
    path: Vec<(u32, u32)>,
    found: Components,
}

impl<'w> Walk<'w> {
    fn new(graph: &'w Graph, edges: Edges, within: Option<&'w Components>) -> Self {
        let nodes = graph.nodes();
        let found = Components { of: vec![NONE; nodes], nodes: Vec::new(), ends: Vec::new() };
        let (met, low) = (vec![NONE; nodes], vec![NONE; nodes]);
        Self { graph, edges, within, met, low, next: 0, stack: Vec::new(), path: Vec::new(), found }
    }

    fn visit(&mut self, root: u32) {
        if self.met[root as usize] != NONE {
            return;
        }
        self.meet(root);
        while let Some((node, edge)) = self.path.last().copied() {
            if edge < self.graph.edges_of(node).end {
                self.path.last_mut().expect("it is there").1 += 1;
                self.follow(node, edge);
            } else {
                self.leave(node);
            }
        }
    }

    fn meet(&mut self, node: u32) {
        self.met[node as usize] = self.next;
        self.low[node as usize] = self.next;
        self.next += 1;
        self.stack.push(node);
        self.path.push((node, self.graph.edges_of(node).start));
    }

    fn follow(&mut self, node: u32, edge: u32) {
        let Some(target) = self.graph.target(edge, self.edges) else { return };
        if self.within.is_some_and(|within| within.component(node) != within.component(target)) {
            return;
        }
        if self.met[target as usize] == NONE {
            self.meet(target);
        } else {
            // What is done is lower than nothing.
            self.low[node as usize] = self.low[node as usize].min(self.low_on_stack(target));
        }
    }

    fn low_on_stack(&self, target: u32) -> u32 {
        // A node that left the stack has no low any more.
        if self.low[target as usize] == NONE { NONE } else { self.met[target as usize] }
    }

    fn leave(&mut self, node: u32) {
        self.path.pop();
        let low = self.low[node as usize];
        if let Some((parent, _)) = self.path.last() {
            self.low[*parent as usize] = self.low[*parent as usize].min(low);
        }
        if low != self.met[node as usize] {
            return;
        }
        if self.stack.last() == Some(&node) {
            self.stack.pop();
            self.low[node as usize] = NONE;
            return;
        }
        let begin = self.stack.iter().rposition(|on_stack| *on_stack == node).expect("it is on the stack");
        let component = self.stack.split_off(begin);
        component.iter().for_each(|node| self.low[*node as usize] = NONE);
        let number = self.found.ends.len() as u32;
        component.iter().for_each(|node| self.found.of[*node as usize] = number);
        self.found.nodes.extend(component);
        self.found.ends.push(self.found.nodes.len() as u32);
    }
}
