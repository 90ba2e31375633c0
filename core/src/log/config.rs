//! What a log needs to know of its topic's configuration, under Kafka's names.

/// A log's settings; the defaults are Kafka's.
#[derive(Clone, Debug, PartialEq)]
pub struct LogConfig {
    /// `segment.bytes`: a segment is rolled before it grows beyond this.
    pub segment_bytes: u32,
    /// `segment.ms`: a segment is rolled when a batch's timestamp is this much after its first batch's.
    pub segment_ms: i64,
    /// `segment.jitter.ms`: how much earlier that may be; each segment draws its own part of it.
    pub segment_jitter_ms: i64,
    /// `segment.index.bytes`: a segment is rolled when one of its indexes has this size.
    pub segment_index_bytes: u32,
    /// `index.interval.bytes`: an index entry for each stretch of this size.
    pub index_interval_bytes: u32,
    /// `flush.messages`: sync after this many records. With 1, a batch counts only once it is synced.
    pub flush_messages: i64,
    /// `flush.ms`: sync what has been written for this long.
    pub flush_ms: i64,
    /// `cleanup.policy` has `compact`: offsets may be missing anywhere.
    pub is_compacted: bool,
    /// `min.cleanable.dirty.ratio`: a log is compacted when more than this share of it was not yet.
    pub min_cleanable_dirty_ratio: f64,
    /// `delete.retention.ms`: how long a tombstone stays after its first compaction.
    pub delete_retention_ms: i64,
    /// `min.compaction.lag.ms`: records younger than this are not compacted.
    pub min_compaction_lag_ms: i64,
    /// `max.compaction.lag.ms`: records older than this are compacted, whatever the share; `i64::MAX` for never.
    pub max_compaction_lag_ms: i64,
    /// `cleanup.policy` has `delete`: segments go by time and size.
    pub is_deleted: bool,
    /// `retention.ms`: a segment goes when its newest record is older than this; negative for never.
    pub retention_ms: i64,
    /// `retention.bytes`: segments go while the rest is at least this large; negative for never.
    pub retention_bytes: i64,
    /// `file.delete.delay.ms`: how long a deleted segment's files stay, renamed.
    pub file_delete_delay_ms: i64,
    /// `ottla.log.damage` is `truncate`: where a batch is damaged the log ends, whatever comes behind it, as with Kafka.
    pub truncates_damage: bool,
    /// `producer.id.expiration.ms`: forget a producer that was silent for this long.
    pub producer_id_expiration_ms: i64,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            segment_bytes: 1 << 30,
            segment_ms: 7 * 24 * 3_600_000,
            segment_jitter_ms: 0,
            segment_index_bytes: 10 << 20,
            index_interval_bytes: 4096,
            flush_messages: i64::MAX,
            flush_ms: i64::MAX,
            is_compacted: false,
            min_cleanable_dirty_ratio: 0.5,
            delete_retention_ms: 24 * 3_600_000,
            min_compaction_lag_ms: 0,
            max_compaction_lag_ms: i64::MAX,
            is_deleted: true,
            retention_ms: 7 * 24 * 3_600_000,
            retention_bytes: -1,
            file_delete_delay_ms: 60_000,
            truncates_damage: false,
            producer_id_expiration_ms: 24 * 3_600_000,
        }
    }
}

impl LogConfig {
    /// Whether a batch is acknowledged, and shown to consumers, only once it is synced.
    #[must_use]
    pub fn is_strict(&self) -> bool {
        self.flush_messages <= 1
    }
}
