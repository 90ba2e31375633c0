//! What can be set for a topic.
//!
//! Names, types, defaults and ranges are those of Apache Kafka 4.3; the words are ours.

use crate::config::SEGMENT_MIN_BYTES;
use crate::config::allowed::{ANY, GZIP_LEVEL, THROTTLED_REPLICAS, at_least, between, list_of, one_of};

definitions! {
    /// What can be set for a topic.
    TOPIC

    /// What happens to old records: they are deleted by age and size, compacted by key, or both.
    "cleanup.policy": List = "delete", list_of(&["compact", "delete"]), ClusterWide;
    /// How hard gzip works where the broker compresses; -1 is gzip's own choice.
    "compression.gzip.level": Int = "-1", GZIP_LEVEL, ClusterWide;
    /// How hard LZ4 works where the broker compresses.
    "compression.lz4.level": Int = "9", between(1, 17), ClusterWide;
    /// How batches lie on disk: as the producer sent them, or always in one way.
    "compression.type": String = "producer",
        one_of(&["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"]), ClusterWide;
    /// How hard Zstandard works where the broker compresses.
    "compression.zstd.level": Int = "3", between(-131_072, 22), ClusterWide;
    /// How long a compacted log keeps tombstones, so that readers can see them.
    "delete.retention.ms": Long = "86400000", at_least(0), ClusterWide;
    /// How long a deleted segment stays on disk, for those who still read it.
    "file.delete.delay.ms": Long = "60000", at_least(0), ClusterWide;
    /// How many records may be there that were not synced. At 1, produces are answered after their sync.
    "flush.messages": Long = "9223372036854775807", at_least(1), ClusterWide;
    /// How long a record may stay without a sync.
    "flush.ms": Long = "9223372036854775807", at_least(0), ClusterWide;
    /// Replicas whose fetching is throttled, as partition:broker, or * for all.
    "follower.replication.throttled.replicas": List = "", THROTTLED_REPLICAS, ClusterWide;
    /// After how many bytes of log its index gets an entry.
    "index.interval.bytes": Int = "4096", at_least(0), ClusterWide;
    /// The size of segments, for tests that need them smaller than segment.bytes allows.
    "internal.segment.bytes": Int, ANY, Internal;
    /// Replicas that are served slowly, as partition:broker, or * for all.
    "leader.replication.throttled.replicas": List = "", THROTTLED_REPLICAS, ClusterWide;
    /// How many bytes stay on local disk where remote storage has them; -2 stands for retention.bytes.
    "local.retention.bytes": Long = "-2", at_least(-2), ClusterWide;
    /// How long records stay on local disk where remote storage has them; -2 stands for retention.ms.
    "local.retention.ms": Long = "-2", at_least(-2), ClusterWide;
    /// How long a record stays uncompacted at most.
    "max.compaction.lag.ms": Long = "9223372036854775807", at_least(1), ClusterWide;
    /// How large a batch of records may be, after compression.
    "max.message.bytes": Int = "1048588", at_least(0), ClusterWide;
    /// How far a record's timestamp may lie in the future.
    "message.timestamp.after.max.ms": Long = "3600000", at_least(0), ClusterWide;
    /// How far a record's timestamp may lie in the past.
    "message.timestamp.before.max.ms": Long = "9223372036854775807", at_least(0), ClusterWide;
    /// Whose clock stamps records: the producer's at their creation, or the broker's at the append.
    "message.timestamp.type": String = "CreateTime", one_of(&["CreateTime", "LogAppendTime"]), ClusterWide;
    /// How much of a log must be uncompacted before it is worth the work.
    "min.cleanable.dirty.ratio": Double = "0.5", between(0, 1), ClusterWide;
    /// How long a record stays uncompacted at least.
    "min.compaction.lag.ms": Long = "0", at_least(0), ClusterWide;
    /// How many replicas must be in sync for a produce with acks=all.
    "min.insync.replicas": Int = "1", at_least(1), ClusterWide;
    /// Whether a new segment gets its disk space at once.
    "preallocate": Boolean = "false", ANY, ClusterWide;
    /// Whether segments are no longer copied to remote storage, while those that are there can still be read.
    "remote.log.copy.disable": Boolean = "false", ANY, ClusterWide;
    /// Whether what is in remote storage is deleted when that is turned off for the topic.
    "remote.log.delete.on.disable": Boolean = "false", ANY, ClusterWide;
    /// Whether old segments move to remote storage.
    "remote.storage.enable": Boolean = "false", ANY, ClusterWide;
    /// How many bytes a partition keeps; -1 is without limit.
    "retention.bytes": Long = "-1", ANY, ClusterWide;
    /// How many milliseconds records are kept; -1 is for ever.
    "retention.ms": Long = "604800000", at_least(-1), ClusterWide;
    /// A segment that has reached this size is closed, and a new one begun.
    "segment.bytes": Int = "1073741824", at_least(SEGMENT_MIN_BYTES), ClusterWide;
    /// How large an index may get; a full one closes its segment.
    "segment.index.bytes": Int = "10485760", at_least(4), ClusterWide;
    /// How many milliseconds earlier a segment may be closed, by chance, so that not all are closed at once.
    "segment.jitter.ms": Long = "0", at_least(0), ClusterWide;
    /// After how many milliseconds a segment is closed, however small it is.
    "segment.ms": Long = "604800000", at_least(1), ClusterWide;
    /// Whether a replica may become leader that lacks records, where no other is left.
    "unclean.leader.election.enable": Boolean = "false", ANY, ClusterWide;
}
