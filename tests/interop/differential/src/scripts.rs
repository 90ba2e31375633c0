//! All scripts: those made for each API in each version, with one thing wrong at a time, and those made by hand.

pub mod captures;
pub mod consumer_groups;
pub mod generated;
pub mod groups;
pub mod probes;
pub mod probes_of_cluster;
pub mod probes_of_groups;
pub mod records;
pub mod shares;
pub mod topics;
pub mod transactions;

use ottla_wire::ApiKey;

use crate::script::Script;

/// Served, and not asked yet: a list that must shrink.
pub const NOT_YET: &[ApiKey] = &[];

/// Every script, always in the same order: those that wait for long come first.
#[must_use]
pub fn all() -> Vec<Script> {
    let mut all = transactions::all();
    all.extend(groups::all());
    all.extend(consumer_groups::all());
    all.extend(shares::all());
    all.extend(records::all());
    all.extend(topics::all());
    all.extend(probes_of_cluster::by_hand());
    all.extend(captures::all());
    all.extend(generated::all());
    all
}
