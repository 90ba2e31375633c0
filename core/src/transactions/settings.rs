//! What the configuration says about transactions, ready to be used.

use crate::config::Config;

/// The properties that a coordinator goes by. None of them changes while the broker runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// `transaction.max.timeout.ms`.
    pub(crate) timeout_max_ms: i32,
    /// `transactional.id.expiration.ms`.
    pub(crate) id_expiration_ms: i64,
    /// `transaction.remove.expired.transaction.cleanup.interval.ms`.
    pub(crate) expiration_check_interval_ms: i64,
    /// `transaction.abort.timed.out.transaction.cleanup.interval.ms`.
    pub(crate) timeout_retry_interval_ms: i64,
    /// `transaction.state.log.load.buffer.size`.
    pub(crate) load_buffer_size_bytes: u32,
    /// `add.partitions.to.txn.retry.backoff.max.ms`.
    pub(crate) join_wait_max_ms: i64,
    /// `ottla.max.transactional.ids`.
    pub(crate) ids_max: usize,
    /// `ottla.max.partitions.per.transaction`.
    pub(crate) partitions_max: usize,
}

/// A piece of a log that is replayed is in memory as a whole: no more than this, whatever the property says.
const LOAD_BUFFER_MAX_BYTES: u32 = 16 << 20;

impl From<&Config> for Settings {
    fn from(config: &Config) -> Self {
        let size = |name| usize::try_from(config.count(name)).unwrap_or(0);
        let load_buffer = u32::try_from(config.count("transaction.state.log.load.buffer.size")).unwrap_or(u32::MAX);
        Self {
            timeout_max_ms: i32::try_from(config.count("transaction.max.timeout.ms")).unwrap_or(i32::MAX),
            id_expiration_ms: config.count("transactional.id.expiration.ms"),
            expiration_check_interval_ms: config.count("transaction.remove.expired.transaction.cleanup.interval.ms"),
            timeout_retry_interval_ms: config.count("transaction.abort.timed.out.transaction.cleanup.interval.ms"),
            load_buffer_size_bytes: load_buffer.min(LOAD_BUFFER_MAX_BYTES),
            join_wait_max_ms: config.count("add.partitions.to.txn.retry.backoff.max.ms"),
            ids_max: size("ottla.max.transactional.ids"),
            partitions_max: size("ottla.max.partitions.per.transaction"),
        }
    }
}
