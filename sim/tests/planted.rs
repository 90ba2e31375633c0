//! The table of planted bugs in `docs/planted-bugs.md` is true: the world of each line's seed shows the line's bug.
//!
//! What changes the worlds moves seeds. A bug that its seed no longer shows is looked for among the first, and where it is not
//! there either, `cargo run --profile sim -p sim -- --bugs --bug NAME` finds the line that should be in the table.

use ottla_core::planted::Bug;
use sim::hunt::Ground;

const DOCS: &str = include_str!("../../docs/planted-bugs.md");
/// A bug that its own seed no longer shows is looked for among so many, and twice as many as it took.
const SEEDS_MIN: u64 = 20;

/// A line of the table.
#[derive(Clone, Copy, Debug)]
struct Line {
    bug: Bug,
    ground: Ground,
    seed: u64,
}

impl Line {
    /// Of six columns: the bug, what it is, in which worlds, the seed, how many seeds it took, which rule was broken.
    fn of(text: &str) -> Option<Self> {
        let columns: Vec<&str> = text.trim_matches('|').split(" | ").map(str::trim).collect();
        let [bug, _, ground, seed, _, _] = columns[..] else { return None };
        let bug = bug.trim_matches('`');
        let bug = Bug::ALL.iter().copied().find(|known| format!("{known:?}") == bug)?;
        Some(Self { bug, ground: Ground::named(ground)?, seed: seed.parse().ok()? })
    }

    fn is_true(self) -> bool {
        let limit = SEEDS_MIN.max(2 * self.seed);
        self.ground.violation(self.seed, self.bug).is_some() || self.ground.first(self.bug, limit).is_some()
    }
}

#[test]
fn each_bug_of_the_table_is_shown_by_the_world_that_the_table_says() {
    let lines: Vec<Line> = DOCS.lines().filter_map(Line::of).collect();
    assert!(!lines.is_empty(), "there is a table");
    let missed: Vec<Line> = lines.into_iter().filter(|line| !line.is_true()).collect();
    assert!(missed.is_empty(), "nothing shows {missed:?}");
}

#[test]
fn each_bug_is_shown_by_worlds_or_by_crashes() {
    let is_told = |bug: &Bug| DOCS.lines().any(|line| line.starts_with(&format!("| `{bug:?}` |")));
    let missing: Vec<Bug> = Bug::ALL.iter().copied().filter(|bug| !is_told(bug)).collect();
    assert!(missing.is_empty(), "neither table has {missing:?}");
}
