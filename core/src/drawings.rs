//! Holds the drawings in the docs against the states of the code.

use alloc::vec::Vec;

/// Asserts that the first drawing behind `heading` has these states, and no others.
pub(crate) fn assert_drawn<'a>(page: &'a str, heading: &str, states: impl Iterator<Item = &'a str>) {
    let section = page.split_once(heading).expect("there is a section").1;
    let drawing = section.split_once("stateDiagram-v2").expect("there is a drawing").1;
    let drawing = drawing.split("```").next().expect("it has an end");
    let arrows = drawing.lines().filter_map(|line| line.split(':').next()?.split_once("-->"));
    let ends = arrows.flat_map(|(from, to)| [from.trim(), to.trim()]);
    let mut drawn: Vec<_> = ends.filter(|state| *state != "[*]").collect();
    drawn.sort_unstable();
    drawn.dedup();
    let mut states: Vec<_> = states.collect();
    states.sort_unstable();
    assert_eq!(drawn, states);
}
