//! What can be set for a topic.
//!
//! Names, types, defaults and ranges are those of Apache Kafka 4.3; the words are ours.

use crate::config::allowed::{ANY, GZIP_LEVEL, THROTTLED_REPLICAS, at_least, between, list_of, one_of};

definitions! {
    /// What can be set for a topic.
    TOPIC

    "cleanup.policy": List = "delete", list_of(&["compact", "delete"]), ClusterWide;
    "compression.gzip.level": Int = "-1", GZIP_LEVEL, ClusterWide;
    "compression.lz4.level": Int = "9", between(1, 17), ClusterWide;
    "compression.type": String = "producer", one_of(&["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"]), ClusterWide;
    "compression.zstd.level": Int = "3", between(-131_072, 22), ClusterWide;
    "delete.retention.ms": Long = "86400000", at_least(0), ClusterWide;
    "file.delete.delay.ms": Long = "60000", at_least(0), ClusterWide;
    "flush.messages": Long = "9223372036854775807", at_least(1), ClusterWide;
    "flush.ms": Long = "9223372036854775807", at_least(0), ClusterWide;
    "follower.replication.throttled.replicas": List = "", THROTTLED_REPLICAS, ClusterWide;
    "index.interval.bytes": Int = "4096", at_least(0), ClusterWide;
    "internal.segment.bytes": Int, ANY, Internal;
    "leader.replication.throttled.replicas": List = "", THROTTLED_REPLICAS, ClusterWide;
    "local.retention.bytes": Long = "-2", at_least(-2), ClusterWide;
    "local.retention.ms": Long = "-2", at_least(-2), ClusterWide;
    "max.compaction.lag.ms": Long = "9223372036854775807", at_least(1), ClusterWide;
    "max.message.bytes": Int = "1048588", at_least(0), ClusterWide;
    "message.timestamp.after.max.ms": Long = "3600000", at_least(0), ClusterWide;
    "message.timestamp.before.max.ms": Long = "9223372036854775807", at_least(0), ClusterWide;
    "message.timestamp.type": String = "CreateTime", one_of(&["CreateTime", "LogAppendTime"]), ClusterWide;
    "min.cleanable.dirty.ratio": Double = "0.5", between(0, 1), ClusterWide;
    "min.compaction.lag.ms": Long = "0", at_least(0), ClusterWide;
    "min.insync.replicas": Int = "1", at_least(1), ClusterWide;
    "preallocate": Boolean = "false", ANY, ClusterWide;
    "remote.log.copy.disable": Boolean = "false", ANY, ClusterWide;
    "remote.log.delete.on.disable": Boolean = "false", ANY, ClusterWide;
    "remote.storage.enable": Boolean = "false", ANY, ClusterWide;
    "retention.bytes": Long = "-1", ANY, ClusterWide;
    "retention.ms": Long = "604800000", at_least(-1), ClusterWide;
    /// A segment that has reached this size is closed, and a new one begun.
    "segment.bytes": Int = "1073741824", at_least(1_048_576), ClusterWide;
    "segment.index.bytes": Int = "10485760", at_least(4), ClusterWide;
    "segment.jitter.ms": Long = "0", at_least(0), ClusterWide;
    "segment.ms": Long = "604800000", at_least(1), ClusterWide;
    "unclean.leader.election.enable": Boolean = "false", ANY, ClusterWide;
}
