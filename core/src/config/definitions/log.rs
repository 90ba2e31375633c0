//! Logs on disk: segments, flushing, retention, cleaning, replication, tiering, and the defaults of topics.
//!
//! Names, types, defaults and ranges are those of Apache Kafka 4.3; the words are ours.

use crate::config::allowed::{ANY, GZIP_LEVEL, at_least, between, list_of, one_of};

definitions! {
    /// Logs on disk, and the defaults of topics.
    LOG

    /// How many windows the quota on moves between log directories looks back on.
    "alter.log.dirs.replication.quota.window.num": Int = "11", at_least(1), ReadOnly;
    /// How long each window of the quota on moves between log directories is.
    "alter.log.dirs.replication.quota.window.size.seconds": Int = "1", at_least(1), ReadOnly;
    /// Whether asking for the metadata of a topic that does not exist creates it.
    "auto.create.topics.enable": Boolean = "true", ANY, ReadOnly;
    /// Whether leadership moves back to preferred replicas by itself.
    "auto.leader.rebalance.enable": Boolean = "true", ANY, ReadOnly;
    /// How hard gzip works where the broker compresses; -1 is gzip's own choice.
    "compression.gzip.level": Int = "-1", GZIP_LEVEL, ClusterWide;
    /// How hard LZ4 works where the broker compresses.
    "compression.lz4.level": Int = "9", between(1, 17), ClusterWide;
    /// How batches lie on disk: as the producer sent them, or always in one way.
    "compression.type": String = "producer",
        one_of(&["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"]), ClusterWide;
    /// How hard Zstandard works where the broker compresses.
    "compression.zstd.level": Int = "3", between(-131_072, 22), ClusterWide;
    /// Log directories that get no new partitions.
    "cordoned.log.dirs": List = "", ANY, PerBroker;
    /// The Java class that may veto new topics.
    "create.topic.policy.class.name": Class, ANY, ReadOnly;
    /// How many replicas a topic gets that is created without a number.
    "default.replication.factor": Int = "1", ANY, ReadOnly;
    /// Whether topics can be deleted.
    "delete.topic.enable": Boolean = "true", ANY, ReadOnly;
    /// Whether a new follower begins after the records that are in remote storage.
    "follower.fetch.last.tiered.offset.enable": Boolean = "false", ANY, ClusterWide;
    /// How long old segments of the metadata log stay on disk.
    "internal.metadata.delete.delay.millis": Long = "60000", ANY, Internal;
    /// The size of segments of the metadata log, for tests that need small ones.
    "internal.metadata.log.segment.bytes": Int, ANY, Internal;
    /// How large a batch of the metadata log may be.
    "internal.metadata.max.batch.size.in.bytes": Int = "8388608", ANY, Internal;
    /// How often the controller looks for leaders that are not the preferred ones.
    "leader.imbalance.check.interval.seconds": Long = "300", at_least(1), ReadOnly;
    /// How long the cleaner sleeps where there is nothing to compact.
    "log.cleaner.backoff.ms": Long = "15000", at_least(0), ClusterWide;
    /// How much memory all cleaners have to remember keys in.
    "log.cleaner.dedupe.buffer.size": Long = "134217728", ANY, ClusterWide;
    /// How long a compacted log keeps tombstones, so that readers can see them.
    "log.cleaner.delete.retention.ms": Long = "86400000", at_least(0), ClusterWide;
    /// Whether logs are compacted at all.
    "log.cleaner.enable": Boolean = "true", ANY, ReadOnly;
    /// How full the cleaner's memory for keys may get.
    "log.cleaner.io.buffer.load.factor": Double = "0.9", ANY, ClusterWide;
    /// How much memory all cleaners have to read and write with.
    "log.cleaner.io.buffer.size": Int = "524288", at_least(0), ClusterWide;
    /// How many bytes a second the cleaner may read and write.
    "log.cleaner.io.max.bytes.per.second": Double = "1.7976931348623157E308", ANY, ClusterWide;
    /// How long a record stays uncompacted at most.
    "log.cleaner.max.compaction.lag.ms": Long = "9223372036854775807", at_least(1), ClusterWide;
    /// How much of a log must be uncompacted before it is worth the work.
    "log.cleaner.min.cleanable.ratio": Double = "0.5", between(0, 1), ClusterWide;
    /// How long a record stays uncompacted at least.
    "log.cleaner.min.compaction.lag.ms": Long = "0", at_least(0), ClusterWide;
    /// How many threads compact logs.
    "log.cleaner.threads": Int = "1", at_least(0), ClusterWide;
    /// What happens to old records: they are deleted by age and size, compacted by key, or both.
    "log.cleanup.policy": List = "delete", list_of(&["compact", "delete"]), ClusterWide;
    /// The log directory where log.dirs is not set.
    "log.dir": List = "/tmp/kraft-combined-logs", ANY, ReadOnly;
    /// How long a broker may fail to tell the controller of a broken log directory before it stops.
    "log.dir.failure.timeout.ms": Long = "30000", at_least(1), ReadOnly;
    /// Directories that hold the partitions, with commas between them.
    "log.dirs": List, ANY, ReadOnly;
    /// How many records a partition may hold that were not synced. At 1, produces are answered after their sync.
    "log.flush.interval.messages": Long = "9223372036854775807", at_least(1), ClusterWide;
    /// How long a record may stay without a sync; where it is not set, log.flush.scheduler.interval.ms counts.
    "log.flush.interval.ms": Long, ANY, ClusterWide;
    /// How often the recovery points are written down.
    "log.flush.offset.checkpoint.interval.ms": Int = "60000", at_least(0), ReadOnly;
    /// How often logs are looked through for one that is due to be synced.
    "log.flush.scheduler.interval.ms": Long = "9223372036854775807", ANY, ReadOnly;
    /// How often the start offsets of logs are written down.
    "log.flush.start.offset.checkpoint.interval.ms": Int = "60000", at_least(0), ReadOnly;
    /// After how many bytes of log its index gets an entry.
    "log.index.interval.bytes": Int = "4096", at_least(0), ClusterWide;
    /// How large an index may get; a full one closes its segment.
    "log.index.size.max.bytes": Int = "10485760", at_least(4), ClusterWide;
    /// How long after the start the background work on logs begins.
    "log.initial.task.delay.ms": Long = "30000", at_least(0), Internal;
    /// How many bytes of a partition stay on local disk where remote storage has them; -2 stands for
    /// log.retention.bytes.
    "log.local.retention.bytes": Long = "-2", at_least(-2), ClusterWide;
    /// How long records stay on local disk where remote storage has them; -2 stands for log.retention.ms.
    "log.local.retention.ms": Long = "-2", at_least(-2), ClusterWide;
    /// How far a record's timestamp may lie in the future.
    "log.message.timestamp.after.max.ms": Long = "3600000", at_least(0), ClusterWide;
    /// How far a record's timestamp may lie in the past.
    "log.message.timestamp.before.max.ms": Long = "9223372036854775807", at_least(0), ClusterWide;
    /// Whose clock stamps records: the producer's at their creation, or the broker's at the append.
    "log.message.timestamp.type": String = "CreateTime", one_of(&["CreateTime", "LogAppendTime"]), ClusterWide;
    /// Whether a new segment gets its disk space at once.
    "log.preallocate": Boolean = "false", ANY, ClusterWide;
    /// How many bytes a partition keeps; -1 is without limit.
    "log.retention.bytes": Long = "-1", ANY, ClusterWide;
    /// How often segments are looked for that are past their time.
    "log.retention.check.interval.ms": Long = "300000", at_least(1), ReadOnly;
    /// How many hours records are kept, where neither minutes nor milliseconds are set.
    "log.retention.hours": Int = "168", ANY, ReadOnly;
    /// How many minutes records are kept, where milliseconds are not set.
    "log.retention.minutes": Int, ANY, ReadOnly;
    /// How many milliseconds records are kept; -1 is for ever.
    "log.retention.ms": Long, ANY, ClusterWide;
    /// After how many hours a segment is closed, where milliseconds are not set.
    "log.roll.hours": Int = "168", at_least(1), ReadOnly;
    /// How many hours earlier a segment may be closed, by chance, where milliseconds are not set.
    "log.roll.jitter.hours": Int = "0", at_least(0), ReadOnly;
    /// How many milliseconds earlier a segment may be closed, by chance, so that not all are closed at once.
    "log.roll.jitter.ms": Long, ANY, ClusterWide;
    /// After how many milliseconds a segment is closed, however small it is.
    "log.roll.ms": Long, ANY, ClusterWide;
    /// A segment that has reached this size is closed, and a new one begun.
    "log.segment.bytes": Int = "1073741824", at_least(1_048_576), ClusterWide;
    /// How long a deleted segment stays on disk, for those who still read it.
    "log.segment.delete.delay.ms": Long = "60000", at_least(0), ClusterWide;
    /// How large a batch of records may be, after compression.
    "message.max.bytes": Int = "1048588", at_least(0), ClusterWide;
    /// Where the metadata log lies; without it, in the first log directory.
    "metadata.log.dir": String, ANY, ReadOnly;
    /// After how many bytes of the metadata log a snapshot is made.
    "metadata.log.max.record.bytes.between.snapshots": Long = "20971520", at_least(1), ReadOnly;
    /// After how long a snapshot of the metadata is made, if there is anything new.
    "metadata.log.max.snapshot.interval.ms": Long = "3600000", at_least(0), ReadOnly;
    /// The size of segments of the metadata log.
    "metadata.log.segment.bytes": Int = "1073741824", at_least(8_388_608), ReadOnly;
    /// After how long a segment of the metadata log is closed.
    "metadata.log.segment.ms": Long = "604800000", ANY, ReadOnly;
    /// How often the metadata log gets a record that says nothing, so that its high watermark moves; 0 for never.
    "metadata.max.idle.interval.ms": Int = "500", at_least(0), ReadOnly;
    /// How many bytes of metadata log and snapshots are kept.
    "metadata.max.retention.bytes": Long = "104857600", ANY, ReadOnly;
    /// How long metadata log and snapshots are kept.
    "metadata.max.retention.ms": Long = "604800000", ANY, ReadOnly;
    /// How many replicas must be in sync for a produce with acks=all.
    "min.insync.replicas": Int = "1", at_least(1), ClusterWide;
    /// How many partitions a topic gets that is created without a number.
    "num.partitions": Int = "1", at_least(1), ReadOnly;
    /// How many threads recover the logs of each directory at the start.
    "num.recovery.threads.per.data.dir": Int = "2", at_least(1), ClusterWide;
    /// How many threads move partitions between log directories.
    "num.replica.alter.log.dirs.threads": Int, ANY, ReadOnly;
    /// How many threads fetch from each leader.
    "num.replica.fetchers": Int = "1", at_least(1), ClusterWide;
    /// How long a fetch from remote storage may wait.
    "remote.fetch.max.wait.ms": Int = "500", at_least(1), ClusterWide;
    /// How long a look for offsets in remote storage may take.
    "remote.list.offsets.request.timeout.ms": Long = "30000", at_least(1), ClusterWide;
    /// How much disk the indexes of remote segments may take.
    "remote.log.index.file.cache.total.size.bytes": Long = "1073741824", at_least(1), ClusterWide;
    /// How long an index of a remote segment stays on disk unused.
    "remote.log.index.file.cache.ttl.ms": Long = "900000", at_least(-1), Internal;
    /// How many threads copy segments to remote storage.
    "remote.log.manager.copier.thread.pool.size": Int = "10", at_least(1), ClusterWide;
    /// How many bytes a second may go to remote storage.
    "remote.log.manager.copy.max.bytes.per.second": Long = "9223372036854775807", at_least(1), ClusterWide;
    /// How many windows the quota on copies to remote storage looks back on.
    "remote.log.manager.copy.quota.window.num": Int = "11", at_least(1), ReadOnly;
    /// How long each window of the quota on copies to remote storage is.
    "remote.log.manager.copy.quota.window.size.seconds": Int = "1", at_least(1), ReadOnly;
    /// How many threads delete old segments from remote storage.
    "remote.log.manager.expiration.thread.pool.size": Int = "10", at_least(1), ClusterWide;
    /// How many bytes a second may come from remote storage.
    "remote.log.manager.fetch.max.bytes.per.second": Long = "9223372036854775807", at_least(1), ClusterWide;
    /// How many windows the quota on fetches from remote storage looks back on.
    "remote.log.manager.fetch.quota.window.num": Int = "11", at_least(1), ReadOnly;
    /// How long each window of the quota on fetches from remote storage is.
    "remote.log.manager.fetch.quota.window.size.seconds": Int = "1", at_least(1), ReadOnly;
    /// How many threads follow what leaders put into remote storage.
    "remote.log.manager.follower.thread.pool.size": Int = "2", at_least(1), ClusterWide;
    /// How often segments are looked for that can be copied or deleted.
    "remote.log.manager.task.interval.ms": Long = "30000", at_least(1), ReadOnly;
    /// How long a failed task on remote storage waits at most before it is tried again.
    "remote.log.manager.task.retry.backoff.max.ms": Long = "30000", at_least(1), Internal;
    /// How long a failed task on remote storage waits at first before it is tried again.
    "remote.log.manager.task.retry.backoff.ms": Long = "500", at_least(1), Internal;
    /// How much chance there is in the waits of failed tasks on remote storage.
    "remote.log.manager.task.retry.jitter": Double = "0.2", ANY, Internal;
    /// How many threads schedule the work on remote storage.
    "remote.log.manager.thread.pool.size": Int = "2", at_least(1), ReadOnly;
    /// How many bytes a plugin for remote storage may add to the metadata of a segment.
    "remote.log.metadata.custom.metadata.max.bytes": Int = "128", at_least(0), ReadOnly;
    /// The Java class that keeps the metadata of remote segments.
    "remote.log.metadata.manager.class.name": String = "org.apache.kafka.server.log.remote.metadata.storage.TopicBasedRemoteLogMetadataManager",
        ANY, ReadOnly;
    /// Where that class is found.
    "remote.log.metadata.manager.class.path": String, ANY, ReadOnly;
    /// What the properties for that class begin with.
    "remote.log.metadata.manager.impl.prefix": String = "rlmm.config.", ANY, ReadOnly;
    /// The listener that class connects to.
    "remote.log.metadata.manager.listener.name": String, ANY, ReadOnly;
    /// How many reads of remote storage may wait for a thread.
    "remote.log.reader.max.pending.tasks": Int = "100", at_least(1), ReadOnly;
    /// How many threads read remote storage.
    "remote.log.reader.threads": Int = "10", at_least(1), ClusterWide;
    /// The Java class that copies segments to remote storage and back.
    "remote.log.storage.manager.class.name": String, ANY, ReadOnly;
    /// Where that class is found.
    "remote.log.storage.manager.class.path": String, ANY, ReadOnly;
    /// What the properties for that class begin with.
    "remote.log.storage.manager.impl.prefix": String = "rsm.config.", ANY, ReadOnly;
    /// Whether old segments may move to remote storage.
    "remote.log.storage.system.enable": Boolean = "false", ANY, ReadOnly;
    /// How long a follower waits after a failed fetch.
    "replica.fetch.backoff.ms": Int = "1000", at_least(0), ReadOnly;
    /// How many bytes of each partition a follower asks for.
    "replica.fetch.max.bytes": Int = "1048576", at_least(0), ReadOnly;
    /// How many bytes a leader should have before it answers a follower.
    "replica.fetch.min.bytes": Int = "1", ANY, ReadOnly;
    /// How many bytes a follower asks for in all.
    "replica.fetch.response.max.bytes": Int = "10485760", at_least(0), ReadOnly;
    /// How long a leader may wait for records before it answers a follower.
    "replica.fetch.wait.max.ms": Int = "500", ANY, ReadOnly;
    /// How often the high watermarks are written down.
    "replica.high.watermark.checkpoint.interval.ms": Long = "5000", ANY, ReadOnly;
    /// How long a follower may lag before it is out of sync.
    "replica.lag.time.max.ms": Long = "30000", ANY, ReadOnly;
    /// The Java class that chooses which replica a consumer reads from.
    "replica.selector.class": String, ANY, ReadOnly;
    /// The receive buffer of a follower's sockets.
    "replica.socket.receive.buffer.bytes": Int = "65536", ANY, ReadOnly;
    /// How long a follower waits for an answer.
    "replica.socket.timeout.ms": Int = "30000", ANY, ReadOnly;
    /// How many windows the quota on replication looks back on.
    "replication.quota.window.num": Int = "11", at_least(1), ReadOnly;
    /// How long each window of the quota on replication is.
    "replication.quota.window.size.seconds": Int = "1", at_least(1), ReadOnly;
    /// Whether a replica may become leader that lacks records, where no other is left.
    "unclean.leader.election.enable": Boolean = "false", ANY, ClusterWide;
    /// How often partitions are looked for that need such a leader.
    "unclean.leader.election.interval.ms": Long = "300000", at_least(1), Internal;
}
