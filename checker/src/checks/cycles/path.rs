//! A short circle in a component.

use std::collections::{BTreeMap, VecDeque};

use super::graph::{Edges, Graph};
use super::tarjan::Components;

/// Nodes from which a circle is looked for.
const STARTS_MAX: usize = 8;

/// The shortest circle through any of the first nodes of a component, as nodes with the edges that leave them.
pub(super) fn shortest(
    graph: &Graph,
    edges: Edges,
    components: &Components,
    component: &[u32],
) -> Option<Vec<(u32, u32)>> {
    let mut starts: Vec<u32> = component.iter().copied().filter(|node| !graph.is_link(*node)).collect();
    starts.sort_unstable();
    let circles = starts.into_iter().take(STARTS_MAX).filter_map(|start| through(graph, edges, components, start));
    circles.min_by_key(|circle| circle.iter().filter(|(node, _)| !graph.is_link(*node)).count())
}

/// The shortest circle through a node.
fn through(graph: &Graph, edges: Edges, components: &Components, start: u32) -> Option<Vec<(u32, u32)>> {
    let component = components.component(start);
    // From where each node was reached, and by which edge.
    let mut from: BTreeMap<u32, (u32, u32)> = BTreeMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(node) = queue.pop_front() {
        for edge in graph.edges_of(node) {
            let Some(target) = graph.target(edge, edges) else { continue };
            if components.component(target) != component || from.contains_key(&target) {
                continue;
            }
            from.insert(target, (node, edge));
            if target == start {
                return Some(unwind(&from, start));
            }
            queue.push_back(target);
        }
    }
    None
}

fn unwind(from: &BTreeMap<u32, (u32, u32)>, start: u32) -> Vec<(u32, u32)> {
    let mut circle = Vec::new();
    let mut node = start;
    loop {
        let (before, edge) = from[&node];
        circle.push((before, edge));
        node = before;
        if node == start {
            break;
        }
    }
    circle.reverse();
    circle
}
