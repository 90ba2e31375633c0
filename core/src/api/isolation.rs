//! Which records a consumer wants to see: `isolation.level`, in Fetch and ListOffsets.

/// How far a consumer sees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Isolation {
    /// All records up to the high watermark.
    #[default]
    ReadUncommitted,
    /// Records of no transaction, and of those that were committed: up to the last stable offset.
    ReadCommitted,
}

impl Isolation {
    pub(crate) fn of_level(level: i8) -> Self {
        if level == 1 { Self::ReadCommitted } else { Self::ReadUncommitted }
    }
}
