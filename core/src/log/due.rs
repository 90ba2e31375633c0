//! When there is something to be done with a log.

use crate::time::WallClock;

/// When it is worth while to compact a log, or when a check can find something in it to delete.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Due {
    /// In the next round, whenever that is.
    Now,
    /// Not before this.
    At(WallClock),
    /// Not before the log changes.
    #[default]
    Never,
}
