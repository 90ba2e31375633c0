//! What the configuration says about the state of share groups, ready to be used.

use crate::config::Config;
use crate::records::Compression;

/// The properties that a coordinator goes by. None of them changes while the broker runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// `share.coordinator.snapshot.update.records.per.snapshot`.
    pub(crate) updates_per_snapshot: u32,
    /// `share.coordinator.cold.partition.snapshot.interval.ms`.
    pub(crate) cold_interval_ms: i64,
    /// `share.coordinator.state.topic.prune.interval.ms`.
    pub(crate) prune_interval_ms: i64,
    /// `share.coordinator.load.buffer.size`.
    pub(crate) load_buffer_size_bytes: u32,
    /// `share.coordinator.write.timeout.ms`.
    pub(crate) write_timeout_ms: i64,
    /// `share.coordinator.state.topic.compression.codec`.
    pub(crate) compression: Compression,
    /// `ottla.max.share.states`.
    pub(crate) states_max: usize,
}

/// A piece of a log that is replayed is in memory as a whole: no more than this, whatever the property says.
const LOAD_BUFFER_MAX_BYTES: u32 = 16 << 20;

impl From<&Config> for Settings {
    fn from(config: &Config) -> Self {
        let number = |name| u32::try_from(config.count(name)).unwrap_or(u32::MAX);
        Self {
            updates_per_snapshot: number("share.coordinator.snapshot.update.records.per.snapshot"),
            cold_interval_ms: config.count("share.coordinator.cold.partition.snapshot.interval.ms"),
            prune_interval_ms: config.count("share.coordinator.state.topic.prune.interval.ms"),
            load_buffer_size_bytes: number("share.coordinator.load.buffer.size").min(LOAD_BUFFER_MAX_BYTES),
            write_timeout_ms: config.count("share.coordinator.write.timeout.ms"),
            compression: match config.count("share.coordinator.state.topic.compression.codec") {
                1 => Compression::Gzip,
                2 => Compression::Snappy,
                3 => Compression::Lz4,
                4 => Compression::Zstd,
                _ => Compression::None,
            },
            states_max: usize::try_from(config.count("ottla.max.share.states")).unwrap_or(0),
        }
    }
}
