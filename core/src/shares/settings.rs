//! What a group's configs say of how it shares partitions.

use alloc::string::String;

use super::partition::ShareLimits;
use crate::config::{Config, offset_reset_duration_ms};
use crate::metadata::{ConfigResource, MetadataImage};

/// Where a group begins in a partition that it has not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OffsetReset {
    /// At the end.
    Latest,
    /// At the beginning.
    Earliest,
    /// At the first record that is not older than so many ms.
    ByDuration(i64),
}

/// A group's configs about sharing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ShareConfig {
    pub(crate) limits: ShareLimits,
    /// `share.isolation.level`: whether records of open and of aborted transactions are left out.
    pub(crate) reads_committed: bool,
    /// `share.auto.offset.reset`.
    pub(crate) offset_reset: OffsetReset,
}

impl ShareConfig {
    /// What is so for a group at the moment.
    pub(crate) fn of(config: &Config, image: &MetadataImage, group: &str) -> Self {
        let own = image.configs.get(&ConfigResource::Group(String::from(group)));
        let reset = config.group_text("share.auto.offset.reset", own);
        Self {
            limits: ShareLimits {
                delivery_count: i16::try_from(config.group_count("share.delivery.count.limit", own))
                    .unwrap_or(i16::MAX),
                record_locks: config.group_count("share.partition.max.record.locks", own),
                lock_duration_ms: config.group_count("share.record.lock.duration.ms", own),
                is_renew_enabled: config.group_text("share.renew.acknowledge.enable", own) == "true",
                bugs: config.bugs,
            },
            reads_committed: config.group_text("share.isolation.level", own) == "read_committed",
            offset_reset: match (offset_reset_duration_ms(&reset), &*reset) {
                (Some(ms), _) => OffsetReset::ByDuration(ms),
                (None, "earliest") => OffsetReset::Earliest,
                (None, _) => OffsetReset::Latest,
            },
        }
    }
}
