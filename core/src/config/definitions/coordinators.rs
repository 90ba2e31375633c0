//! Groups, offsets, transactions and producer ids.
//!
//! Names, types, defaults and ranges are those of Apache Kafka 4.3; the words are ours.

use crate::config::allowed::{ANY, at_least, between, list_of, one_of_any_case};

definitions! {
    /// Groups, offsets, transactions and producer ids.
    COORDINATORS

    /// How long the broker waits at most before it tries again to add a partition to a transaction.
    "add.partitions.to.txn.retry.backoff.max.ms": Int = "100", at_least(0), ReadOnly;
    /// How long the broker waits at first before it tries again to add a partition to a transaction.
    "add.partitions.to.txn.retry.backoff.ms": Int = "20", at_least(1), ReadOnly;
    /// How long a consumer group's assignment lasts at least before another is computed.
    "group.consumer.assignment.interval.ms": Int = "1000", at_least(0), ClusterWide;
    /// Who assigns partitions to consumers; the first is the default.
    "group.consumer.assignors": List = "uniform,range", ANY, ReadOnly;
    /// How often members of consumer groups send heartbeats.
    "group.consumer.heartbeat.interval.ms": Int = "5000", at_least(1), ReadOnly;
    /// The most that a group may set as its assignment interval.
    "group.consumer.max.assignment.interval.ms": Int = "15000", at_least(0), ReadOnly;
    /// The most that a consumer group may set as its heartbeat interval.
    "group.consumer.max.heartbeat.interval.ms": Int = "15000", at_least(1), ReadOnly;
    /// The most that a consumer group may set as its session timeout.
    "group.consumer.max.session.timeout.ms": Int = "60000", at_least(1), ReadOnly;
    /// How many members a consumer group may have.
    "group.consumer.max.size": Int = "2147483647", at_least(1), ReadOnly;
    /// Whether classic groups and consumer groups may turn into each other while members are in them.
    "group.consumer.migration.policy": String = "bidirectional",
        one_of_any_case(&["DISABLED", "DOWNGRADE", "UPGRADE", "BIDIRECTIONAL"]), ReadOnly;
    /// The least that a group may set as its assignment interval.
    "group.consumer.min.assignment.interval.ms": Int = "0", at_least(0), ReadOnly;
    /// The least that a consumer group may set as its heartbeat interval.
    "group.consumer.min.heartbeat.interval.ms": Int = "5000", at_least(1), ReadOnly;
    /// The least that a consumer group may set as its session timeout.
    "group.consumer.min.session.timeout.ms": Int = "45000", at_least(1), ReadOnly;
    /// How often a group looks again for topics that match its patterns.
    "group.consumer.regex.refresh.interval.ms": Int = "600000", at_least(10_000), Internal;
    /// How long a member of a consumer group may be silent before it is taken for gone.
    "group.consumer.session.timeout.ms": Int = "45000", at_least(1), ReadOnly;
    /// How long the group coordinator waits for more records before it writes them; -1 lets it decide by load.
    "group.coordinator.append.linger.ms": Int = "-1", at_least(-1), ReadOnly;
    /// How many threads do slow work for the group coordinator.
    "group.coordinator.background.threads": Int = "2", at_least(1), ReadOnly;
    /// How large a buffer may be that the group coordinator keeps for its next write.
    "group.coordinator.cached.buffer.max.bytes": Int = "1048588", at_least(524_288), ClusterWide;
    /// Kinds of groups that are served.
    "group.coordinator.rebalance.protocols": List = "classic,consumer,streams",
        list_of(&["consumer", "classic", "share", "streams"]), ReadOnly;
    /// How many threads the group coordinator has.
    "group.coordinator.threads": Int = "4", at_least(1), ReadOnly;
    /// How long a new classic group waits for more members before it assigns partitions. Kafka waits 3000 ms: here a test does
    /// not wait for members that will not come.
    "group.initial.rebalance.delay.ms": Int = "0", ANY, ReadOnly;
    /// The longest session timeout that a member of a classic group may ask for.
    "group.max.session.timeout.ms": Int = "1800000", ANY, ReadOnly;
    /// How many members a classic group may have.
    "group.max.size": Int = "2147483647", at_least(1), ReadOnly;
    /// The shortest session timeout that a member of a classic group may ask for.
    "group.min.session.timeout.ms": Int = "6000", ANY, ReadOnly;
    /// How long a share group's assignment lasts at least before another is computed.
    "group.share.assignment.interval.ms": Int = "1000", at_least(0), ClusterWide;
    /// Who assigns partitions in share groups.
    "group.share.assignors": List = "simple", ANY, ReadOnly;
    /// How often a record is delivered in a share group before it is given up.
    "group.share.delivery.count.limit": Int = "5", between(2, 10), ReadOnly;
    /// How often members of share groups send heartbeats.
    "group.share.heartbeat.interval.ms": Int = "5000", at_least(1), ReadOnly;
    /// How often the setup of a share group's partitions is tried again.
    "group.share.initialize.retry.interval.ms": Int = "30000", at_least(1), Internal;
    /// The most that a share group may set as its assignment interval.
    "group.share.max.assignment.interval.ms": Int = "15000", at_least(0), ReadOnly;
    /// The most that a share group may set as its limit of deliveries.
    "group.share.max.delivery.count.limit": Int = "10", between(5, 25), ReadOnly;
    /// The most that a share group may set as its heartbeat interval.
    "group.share.max.heartbeat.interval.ms": Int = "15000", at_least(1), ReadOnly;
    /// The most that a share group may set as its limit of locked records.
    "group.share.max.partition.max.record.locks": Int = "4000", between(2000, 10_000), ReadOnly;
    /// The most that a share group may set as the time of its record locks.
    "group.share.max.record.lock.duration.ms": Int = "60000", between(30_000, 3_600_000), ReadOnly;
    /// The most that a share group may set as its session timeout.
    "group.share.max.session.timeout.ms": Int = "60000", at_least(1), ReadOnly;
    /// How many share sessions a broker keeps.
    "group.share.max.share.sessions": Int = "2000", at_least(1), ReadOnly;
    /// How many members a share group may have.
    "group.share.max.size": Int = "200", between(1, 1000), ReadOnly;
    /// The least that a share group may set as its assignment interval.
    "group.share.min.assignment.interval.ms": Int = "0", at_least(0), ReadOnly;
    /// The least that a share group may set as its limit of deliveries.
    "group.share.min.delivery.count.limit": Int = "2", between(2, 5), ReadOnly;
    /// The least that a share group may set as its heartbeat interval.
    "group.share.min.heartbeat.interval.ms": Int = "5000", at_least(1), ReadOnly;
    /// The least that a share group may set as its limit of locked records.
    "group.share.min.partition.max.record.locks": Int = "100", between(100, 2000), ReadOnly;
    /// The least that a share group may set as the time of its record locks.
    "group.share.min.record.lock.duration.ms": Int = "15000", between(1000, 30_000), ReadOnly;
    /// The least that a share group may set as its session timeout.
    "group.share.min.session.timeout.ms": Int = "45000", at_least(1), ReadOnly;
    /// How many records of a partition a share group may have locked at once.
    "group.share.partition.max.record.locks": Int = "2000", between(100, 10_000), ReadOnly;
    /// The Java class that keeps the state of share groups.
    "group.share.persister.class.name": String = "org.apache.kafka.server.share.persister.DefaultStatePersister",
        ANY, Internal;
    /// How long a record that was delivered in a share group is locked for its member.
    "group.share.record.lock.duration.ms": Int = "30000", between(1000, 3_600_000), ReadOnly;
    /// How long a member of a share group may be silent before it is taken for gone.
    "group.share.session.timeout.ms": Int = "45000", at_least(1), ReadOnly;
    /// How long a streams group's assignment lasts at least before another is computed.
    "group.streams.assignment.interval.ms": Int = "1000", at_least(0), ClusterWide;
    /// How often members of streams groups send heartbeats.
    "group.streams.heartbeat.interval.ms": Int = "5000", at_least(1), ReadOnly;
    /// How long a new streams group waits for more members before it assigns tasks.
    "group.streams.initial.rebalance.delay.ms": Int = "3000", at_least(0), ReadOnly;
    /// The most that a streams group may set as its assignment interval.
    "group.streams.max.assignment.interval.ms": Int = "15000", at_least(0), ReadOnly;
    /// The most that a streams group may set as its heartbeat interval.
    "group.streams.max.heartbeat.interval.ms": Int = "15000", at_least(1), ReadOnly;
    /// The most that a streams group may set as its session timeout.
    "group.streams.max.session.timeout.ms": Int = "60000", at_least(1), ReadOnly;
    /// How many members a streams group may have.
    "group.streams.max.size": Int = "2147483647", at_least(1), ReadOnly;
    /// The most that a streams group may set as its number of standby replicas.
    "group.streams.max.standby.replicas": Int = "2", at_least(0), ReadOnly;
    /// The least that a streams group may set as its assignment interval.
    "group.streams.min.assignment.interval.ms": Int = "0", at_least(0), ReadOnly;
    /// The least that a streams group may set as its heartbeat interval.
    "group.streams.min.heartbeat.interval.ms": Int = "5000", at_least(1), ReadOnly;
    /// The least that a streams group may set as its session timeout.
    "group.streams.min.session.timeout.ms": Int = "45000", at_least(1), ReadOnly;
    /// How many standby replicas each stateful task of a streams group has.
    "group.streams.num.standby.replicas": Int = "0", at_least(0), ReadOnly;
    /// How long a member of a streams group may be silent before it is taken for gone.
    "group.streams.session.timeout.ms": Int = "45000", at_least(1), ReadOnly;
    /// How much text a consumer may store with a committed offset.
    "offset.metadata.max.bytes": Int = "4096", ANY, ReadOnly;
    /// How long a commit of offsets may wait for its replicas.
    "offsets.commit.timeout.ms": Int = "5000", at_least(1), ReadOnly;
    /// How many bytes are read at once when offsets are loaded.
    "offsets.load.buffer.size": Int = "5242880", at_least(1), ReadOnly;
    /// How often committed offsets are looked for that are past their time.
    "offsets.retention.check.interval.ms": Long = "600000", at_least(1), ReadOnly;
    /// How long the offsets of an empty group are kept.
    "offsets.retention.minutes": Int = "10080", at_least(1), ReadOnly;
    /// How the topic of committed offsets is compressed, by number: 0 not, 1 gzip, 2 snappy, 3 LZ4, 4 Zstandard.
    "offsets.topic.compression.codec": Int = "0", ANY, ReadOnly;
    /// How many partitions the topic of committed offsets gets.
    "offsets.topic.num.partitions": Int = "50", at_least(1), ReadOnly;
    /// How many replicas the topic of committed offsets gets; on a small cluster, one for each broker.
    "offsets.topic.replication.factor": Short = "3", at_least(1), ReadOnly;
    /// The size of segments of the topic of committed offsets.
    "offsets.topic.segment.bytes": Int = "104857600", at_least(1), ReadOnly;
    /// How often idle producers are looked for.
    "producer.id.expiration.check.interval.ms": Int = "600000", at_least(1), Internal;
    /// How long a partition remembers an idle producer.
    "producer.id.expiration.ms": Int = "86400000", at_least(1), ClusterWide;
    /// How long the share coordinator waits for more records before it writes them; -1 lets it decide by load.
    "share.coordinator.append.linger.ms": Int = "-1", at_least(-1), ReadOnly;
    /// How large a buffer may be that the share coordinator keeps for its next write.
    "share.coordinator.cached.buffer.max.bytes": Int = "1048588", at_least(524_288), ClusterWide;
    /// How often share partitions that nobody uses get a snapshot.
    "share.coordinator.cold.partition.snapshot.interval.ms": Int = "300000", at_least(1), Internal;
    /// How many bytes are read at once when the state of share groups is loaded.
    "share.coordinator.load.buffer.size": Int = "5242880", at_least(1), ReadOnly;
    /// How many updates the share coordinator writes before it writes a whole snapshot.
    "share.coordinator.snapshot.update.records.per.snapshot": Int = "500", between(0, 500), ReadOnly;
    /// How the topic of share group state is compressed, by number, as in offsets.topic.compression.codec.
    "share.coordinator.state.topic.compression.codec": Int = "0", ANY, ReadOnly;
    /// How many replicas of the topic of share group state must be in sync.
    "share.coordinator.state.topic.min.isr": Short = "2", at_least(1), ReadOnly;
    /// How many partitions the topic of share group state gets.
    "share.coordinator.state.topic.num.partitions": Int = "50", at_least(1), ReadOnly;
    /// How often superseded share group state is deleted.
    "share.coordinator.state.topic.prune.interval.ms": Int = "300000", at_least(1), Internal;
    /// How many replicas the topic of share group state gets; on a small cluster, one for each broker.
    "share.coordinator.state.topic.replication.factor": Short = "3", at_least(1), ReadOnly;
    /// The size of segments of the topic of share group state.
    "share.coordinator.state.topic.segment.bytes": Int = "104857600", at_least(1), ReadOnly;
    /// How many threads the share coordinator has.
    "share.coordinator.threads": Int = "1", at_least(1), ReadOnly;
    /// How long a write of share group state may wait for its replicas.
    "share.coordinator.write.timeout.ms": Int = "5000", at_least(1), ReadOnly;
    /// After how many done requests the list of waiting share fetches is tidied.
    "share.fetch.purgatory.purge.interval.requests": Int = "1000", ANY, ReadOnly;
    /// How often transactions are looked for that took too long.
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": Int = "10000", at_least(1), ReadOnly;
    /// The longest timeout that a producer may ask for its transactions.
    "transaction.max.timeout.ms": Int = "900000", at_least(1), ReadOnly;
    /// Whether a partition checks with the coordinator before it takes records of a transaction.
    "transaction.partition.verification.enable": Boolean = "true", ANY, ClusterWide;
    /// How often transactional ids are looked for that are past their time.
    "transaction.remove.expired.transaction.cleanup.interval.ms": Int = "3600000", at_least(1), ReadOnly;
    /// How many bytes are read at once when transactions are loaded.
    "transaction.state.log.load.buffer.size": Int = "5242880", at_least(1), ReadOnly;
    /// How many replicas of the topic of transactions must be in sync.
    "transaction.state.log.min.isr": Int = "2", at_least(1), ReadOnly;
    /// How many partitions the topic of transactions gets.
    "transaction.state.log.num.partitions": Int = "50", at_least(1), ReadOnly;
    /// How many replicas the topic of transactions gets; on a small cluster, one for each broker.
    "transaction.state.log.replication.factor": Short = "3", at_least(1), ReadOnly;
    /// The size of segments of the topic of transactions.
    "transaction.state.log.segment.bytes": Int = "104857600", at_least(1), ReadOnly;
    /// Whether producers may leave the end of a transaction to a coordinator of their own.
    "transaction.two.phase.commit.enable": Boolean = "false", ANY, ReadOnly;
    /// How long an idle transactional id is remembered.
    "transactional.id.expiration.ms": Int = "604800000", at_least(1), ReadOnly;
}
