//! The simulated world around the broker: everything that [`ottla_core::Broker`] meets is a model that draws from one
//! seed, and a judge holds what its clients saw against what Kafka promises.
//!
//! - [`plan`]: what a seed's world is like: which faults it has, and how often.
//! - [`agenda`], [`chance`]: virtual time, and streams of one seed.
//! - [`disk`], [`storage`]: a page cache over a medium, directories, and storage commands on their way there.
//! - [`network`], [`clock`]: how bytes travel, how clocks go wrong.
//! - [`node`], [`contract`]: the process around the broker, and the boundary's contract.
//! - [`clients`], [`records`]: producers, consumers and others that speak the wire protocol.
//! - [`history`]: what they saw, and whether it can be true.
//! - [`hunt`]: which world shows a bug that was planted.
//! - [`crashes`]: a fixed script, and a crash at each of its storage commands.
//! - [`world`]: the course of it all. [`mod@sweep`]: many worlds. [`transcript`]: the same seed gives the same hash.
//! - [`timeline`]: a world's course as a page for people.
//!
//! One world takes some milliseconds:
//!
//! ```no_run
//! let outcome = sim::run_seed(7, sim::Voice::Silent);
//! assert_eq!(outcome.violation, None, "{}", sim::replay_line(7));
//! assert_eq!(outcome.hash, sim::run_seed(7, sim::Voice::Silent).hash);
//! ```

pub mod agenda;
pub mod chance;
pub mod clients;
pub mod clock;
pub mod contract;
pub mod coverage;
pub mod crashes;
pub mod disk;
pub mod env;
pub mod history;
pub mod hunt;
pub mod knobs;
pub mod network;
pub mod node;
pub mod plan;
pub mod records;
pub mod shrink;
pub mod stats;
pub mod storage;
pub mod sweep;
pub mod timeline;
pub mod transcript;
pub mod violation;
pub mod world;

pub use sweep::{
    REGRESSIONS, replay_line, run_for_history, run_plan, run_plan_twice, run_plans, run_seed, run_seed_with, run_seeds,
    run_seeds_with, run_worlds, sweep,
};
pub use transcript::Voice;
pub use world::Outcome;
