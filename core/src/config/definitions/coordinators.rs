//! Groups, offsets, transactions and producer ids.
//!
//! Names, types, defaults and ranges are those of Apache Kafka 4.3; the words are ours.

use crate::config::allowed::{ANY, at_least, between, list_of, one_of_any_case};

definitions! {
    /// Groups, offsets, transactions and producer ids.
    COORDINATORS

    "add.partitions.to.txn.retry.backoff.max.ms": Int = "100", at_least(0), ReadOnly;
    "add.partitions.to.txn.retry.backoff.ms": Int = "20", at_least(1), ReadOnly;
    "group.consumer.assignment.interval.ms": Int = "1000", at_least(0), ClusterWide;
    "group.consumer.assignors": List = "uniform,range", ANY, ReadOnly;
    "group.consumer.heartbeat.interval.ms": Int = "5000", at_least(1), ReadOnly;
    "group.consumer.max.assignment.interval.ms": Int = "15000", at_least(0), ReadOnly;
    "group.consumer.max.heartbeat.interval.ms": Int = "15000", at_least(1), ReadOnly;
    "group.consumer.max.session.timeout.ms": Int = "60000", at_least(1), ReadOnly;
    "group.consumer.max.size": Int = "2147483647", at_least(1), ReadOnly;
    "group.consumer.migration.policy": String = "bidirectional", one_of_any_case(&["DISABLED", "DOWNGRADE", "UPGRADE", "BIDIRECTIONAL"]), ReadOnly;
    "group.consumer.min.assignment.interval.ms": Int = "0", at_least(0), ReadOnly;
    "group.consumer.min.heartbeat.interval.ms": Int = "5000", at_least(1), ReadOnly;
    "group.consumer.min.session.timeout.ms": Int = "45000", at_least(1), ReadOnly;
    "group.consumer.regex.refresh.interval.ms": Int = "600000", at_least(10_000), Internal;
    "group.consumer.session.timeout.ms": Int = "45000", at_least(1), ReadOnly;
    "group.coordinator.append.linger.ms": Int = "-1", at_least(-1), ReadOnly;
    "group.coordinator.background.threads": Int = "2", at_least(1), ReadOnly;
    "group.coordinator.cached.buffer.max.bytes": Int = "1048588", at_least(524_288), ClusterWide;
    "group.coordinator.rebalance.protocols": List = "classic,consumer,streams", list_of(&["consumer", "classic", "share", "streams"]), ReadOnly;
    "group.coordinator.threads": Int = "4", at_least(1), ReadOnly;
    "group.initial.rebalance.delay.ms": Int = "3000", ANY, ReadOnly;
    "group.max.session.timeout.ms": Int = "1800000", ANY, ReadOnly;
    "group.max.size": Int = "2147483647", at_least(1), ReadOnly;
    "group.min.session.timeout.ms": Int = "6000", ANY, ReadOnly;
    "group.share.assignment.interval.ms": Int = "1000", at_least(0), ClusterWide;
    "group.share.assignors": List = "simple", ANY, ReadOnly;
    "group.share.delivery.count.limit": Int = "5", between(2, 10), ReadOnly;
    "group.share.heartbeat.interval.ms": Int = "5000", at_least(1), ReadOnly;
    "group.share.initialize.retry.interval.ms": Int = "30000", at_least(1), Internal;
    "group.share.max.assignment.interval.ms": Int = "15000", at_least(0), ReadOnly;
    "group.share.max.delivery.count.limit": Int = "10", between(5, 25), ReadOnly;
    "group.share.max.heartbeat.interval.ms": Int = "15000", at_least(1), ReadOnly;
    "group.share.max.partition.max.record.locks": Int = "4000", between(2000, 10_000), ReadOnly;
    "group.share.max.record.lock.duration.ms": Int = "60000", between(30_000, 3_600_000), ReadOnly;
    "group.share.max.session.timeout.ms": Int = "60000", at_least(1), ReadOnly;
    "group.share.max.share.sessions": Int = "2000", at_least(1), ReadOnly;
    "group.share.max.size": Int = "200", between(1, 1000), ReadOnly;
    "group.share.min.assignment.interval.ms": Int = "0", at_least(0), ReadOnly;
    "group.share.min.delivery.count.limit": Int = "2", between(2, 5), ReadOnly;
    "group.share.min.heartbeat.interval.ms": Int = "5000", at_least(1), ReadOnly;
    "group.share.min.partition.max.record.locks": Int = "100", between(100, 2000), ReadOnly;
    "group.share.min.record.lock.duration.ms": Int = "15000", between(1000, 30_000), ReadOnly;
    "group.share.min.session.timeout.ms": Int = "45000", at_least(1), ReadOnly;
    "group.share.partition.max.record.locks": Int = "2000", between(100, 10_000), ReadOnly;
    "group.share.persister.class.name": String = "org.apache.kafka.server.share.persister.DefaultStatePersister", ANY, Internal;
    "group.share.record.lock.duration.ms": Int = "30000", between(1000, 3_600_000), ReadOnly;
    "group.share.session.timeout.ms": Int = "45000", at_least(1), ReadOnly;
    "group.streams.assignment.interval.ms": Int = "1000", at_least(0), ClusterWide;
    "group.streams.heartbeat.interval.ms": Int = "5000", at_least(1), ReadOnly;
    "group.streams.initial.rebalance.delay.ms": Int = "3000", at_least(0), ReadOnly;
    "group.streams.max.assignment.interval.ms": Int = "15000", at_least(0), ReadOnly;
    "group.streams.max.heartbeat.interval.ms": Int = "15000", at_least(1), ReadOnly;
    "group.streams.max.session.timeout.ms": Int = "60000", at_least(1), ReadOnly;
    "group.streams.max.size": Int = "2147483647", at_least(1), ReadOnly;
    "group.streams.max.standby.replicas": Int = "2", at_least(0), ReadOnly;
    "group.streams.min.assignment.interval.ms": Int = "0", at_least(0), ReadOnly;
    "group.streams.min.heartbeat.interval.ms": Int = "5000", at_least(1), ReadOnly;
    "group.streams.min.session.timeout.ms": Int = "45000", at_least(1), ReadOnly;
    "group.streams.num.standby.replicas": Int = "0", at_least(0), ReadOnly;
    "group.streams.session.timeout.ms": Int = "45000", at_least(1), ReadOnly;
    "offset.metadata.max.bytes": Int = "4096", ANY, ReadOnly;
    "offsets.commit.timeout.ms": Int = "5000", at_least(1), ReadOnly;
    "offsets.load.buffer.size": Int = "5242880", at_least(1), ReadOnly;
    "offsets.retention.check.interval.ms": Long = "600000", at_least(1), ReadOnly;
    "offsets.retention.minutes": Int = "10080", at_least(1), ReadOnly;
    "offsets.topic.compression.codec": Int = "0", ANY, ReadOnly;
    "offsets.topic.num.partitions": Int = "50", at_least(1), ReadOnly;
    "offsets.topic.replication.factor": Short = "3", at_least(1), ReadOnly;
    "offsets.topic.segment.bytes": Int = "104857600", at_least(1), ReadOnly;
    "producer.id.expiration.check.interval.ms": Int = "600000", at_least(1), Internal;
    "producer.id.expiration.ms": Int = "86400000", at_least(1), ClusterWide;
    "share.coordinator.append.linger.ms": Int = "-1", at_least(-1), ReadOnly;
    "share.coordinator.cached.buffer.max.bytes": Int = "1048588", at_least(524_288), ClusterWide;
    "share.coordinator.cold.partition.snapshot.interval.ms": Int = "300000", at_least(1), Internal;
    "share.coordinator.load.buffer.size": Int = "5242880", at_least(1), ReadOnly;
    "share.coordinator.snapshot.update.records.per.snapshot": Int = "500", between(0, 500), ReadOnly;
    "share.coordinator.state.topic.compression.codec": Int = "0", ANY, ReadOnly;
    "share.coordinator.state.topic.min.isr": Short = "2", at_least(1), ReadOnly;
    "share.coordinator.state.topic.num.partitions": Int = "50", at_least(1), ReadOnly;
    "share.coordinator.state.topic.prune.interval.ms": Int = "300000", at_least(1), Internal;
    "share.coordinator.state.topic.replication.factor": Short = "3", at_least(1), ReadOnly;
    "share.coordinator.state.topic.segment.bytes": Int = "104857600", at_least(1), ReadOnly;
    "share.coordinator.threads": Int = "1", at_least(1), ReadOnly;
    "share.coordinator.write.timeout.ms": Int = "5000", at_least(1), ReadOnly;
    "share.fetch.purgatory.purge.interval.requests": Int = "1000", ANY, ReadOnly;
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": Int = "10000", at_least(1), ReadOnly;
    "transaction.max.timeout.ms": Int = "900000", at_least(1), ReadOnly;
    "transaction.partition.verification.enable": Boolean = "true", ANY, ClusterWide;
    "transaction.remove.expired.transaction.cleanup.interval.ms": Int = "3600000", at_least(1), ReadOnly;
    "transaction.state.log.load.buffer.size": Int = "5242880", at_least(1), ReadOnly;
    "transaction.state.log.min.isr": Int = "2", at_least(1), ReadOnly;
    "transaction.state.log.num.partitions": Int = "50", at_least(1), ReadOnly;
    "transaction.state.log.replication.factor": Short = "3", at_least(1), ReadOnly;
    "transaction.state.log.segment.bytes": Int = "104857600", at_least(1), ReadOnly;
    "transaction.two.phase.commit.enable": Boolean = "false", ANY, ReadOnly;
    "transactional.id.expiration.ms": Int = "604800000", at_least(1), ReadOnly;
}
