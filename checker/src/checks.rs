//! What must be so. Each room has one kind of rule, and says what it finds to the [`Verdict`].

mod commits;
mod cycles;
mod disk;
mod logs;
mod marks;
mod owners;
mod polls;
mod retries;
mod sends;
mod unseen;

use crate::findings::Verdict;
use crate::history::History;
use crate::index::Index;

/// Finds everything that is wrong with a history.
#[must_use]
pub fn check(history: &History) -> Verdict {
    let mut verdict = Verdict::default();
    let index = Index::new(history);
    logs::check(&index, &mut verdict);
    retries::check(&index, &mut verdict);
    sends::check(&index, &mut verdict);
    let read = polls::check(&index, &mut verdict);
    unseen::check(&index, &read, &mut verdict);
    marks::check(&index, &mut verdict);
    commits::check(&index, &mut verdict);
    owners::check(&index, &mut verdict);
    disk::check(&index, &mut verdict);
    cycles::check(&index, &read.slots, &mut verdict);
    verdict
}
