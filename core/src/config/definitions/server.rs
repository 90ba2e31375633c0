//! The broker itself: its id, listeners, connections, threads, quotas, metrics, and the controller.
//!
//! Names, types, defaults and ranges are those of Apache Kafka 4.3; the words are ours.

use crate::config::allowed::{ANY, at_least, list_of};

definitions! {
    /// The broker itself.
    SERVER

    "advertised.listeners": List, ANY, ReadOnly;
    "alter.config.policy.class.name": Class, ANY, ReadOnly;
    "background.threads": Int = "10", at_least(1), ClusterWide;
    "broker.heartbeat.interval.ms": Int = "2000", ANY, ReadOnly;
    "broker.id": Int = "-1", ANY, ReadOnly;
    "broker.rack": String, ANY, ReadOnly;
    "broker.session.timeout.ms": Int = "9000", ANY, ReadOnly;
    "client.quota.callback.class": Class, ANY, ReadOnly;
    "config.providers": List = "", ANY, ClusterWide;
    "connections.max.idle.ms": Long = "600000", ANY, ReadOnly;
    "controlled.shutdown.enable": Boolean = "true", ANY, ReadOnly;
    "controller.listener.names": List, ANY, ReadOnly;
    "controller.performance.always.log.threshold.ms": Long = "2000", at_least(0), Internal;
    "controller.performance.sample.period.ms": Long = "60000", at_least(100), Internal;
    "controller.quorum.append.linger.ms": Int = "25", at_least(0), ReadOnly;
    "controller.quorum.auto.join.enable": Boolean = "false", ANY, ReadOnly;
    "controller.quorum.bootstrap.servers": List = "", ANY, ReadOnly;
    "controller.quorum.election.backoff.max.ms": Int = "1000", at_least(0), ReadOnly;
    "controller.quorum.election.timeout.ms": Int = "1000", at_least(0), ReadOnly;
    "controller.quorum.fetch.max.bytes": Int = "1048576", at_least(1), ReadOnly;
    "controller.quorum.fetch.snapshot.max.bytes": Int = "1048576", at_least(1), ReadOnly;
    "controller.quorum.fetch.timeout.ms": Int = "2000", at_least(0), ReadOnly;
    "controller.quorum.request.timeout.ms": Int = "2000", at_least(0), ReadOnly;
    "controller.quorum.retry.backoff.ms": Int = "20", at_least(0), ReadOnly;
    "controller.quorum.voters": List = "", ANY, ReadOnly;
    "controller.quota.window.num": Int = "11", at_least(1), ReadOnly;
    "controller.quota.window.size.seconds": Int = "1", at_least(1), ReadOnly;
    "controller.socket.timeout.ms": Int = "30000", ANY, ReadOnly;
    "delete.records.purgatory.purge.interval.requests": Int = "1", ANY, ReadOnly;
    "early.start.listeners": List, ANY, ReadOnly;
    "fetch.max.bytes": Int = "57671680", at_least(1024), ReadOnly;
    "fetch.purgatory.purge.interval.requests": Int = "1000", ANY, ReadOnly;
    "initial.broker.registration.timeout.ms": Int = "60000", ANY, ReadOnly;
    "inter.broker.listener.name": String, ANY, ReadOnly;
    "kafka.metrics.polling.interval.secs": Int = "10", at_least(1), ReadOnly;
    "kafka.metrics.reporters": List = "", ANY, ReadOnly;
    "listener.security.protocol.map": String = "SASL_SSL:SASL_SSL,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT", ANY, PerBroker;
    "listeners": List = "PLAINTEXT://:9092", ANY, PerBroker;
    "max.connection.creation.rate": Int = "2147483647", at_least(0), ClusterWide;
    "max.connections": Int = "2147483647", at_least(0), ClusterWide;
    "max.connections.per.ip": Int = "2147483647", at_least(0), ClusterWide;
    "max.connections.per.ip.overrides": String = "", ANY, ClusterWide;
    "max.incremental.fetch.session.cache.slots": Int = "1000", at_least(0), ReadOnly;
    "max.request.partition.size.limit": Int = "2000", at_least(1), ReadOnly;
    "metric.reporters": List = "org.apache.kafka.common.metrics.JmxReporter", ANY, ClusterWide;
    "metrics.num.samples": Int = "2", at_least(1), ReadOnly;
    "metrics.recording.level": String = "INFO", ANY, ReadOnly;
    "metrics.sample.window.ms": Long = "30000", at_least(1), ReadOnly;
    "node.id": Int = "1", at_least(0), ReadOnly;
    "num.io.threads": Int = "8", at_least(1), ClusterWide;
    "num.network.threads": Int = "3", at_least(1), ClusterWide;
    "process.roles": List, list_of(&["broker", "controller"]), ReadOnly;
    "producer.purgatory.purge.interval.requests": Int = "1000", ANY, ReadOnly;
    "queued.max.request.bytes": Long = "-1", ANY, ReadOnly;
    "queued.max.requests": Int = "500", at_least(1), ReadOnly;
    "quota.window.num": Int = "11", at_least(1), ReadOnly;
    "quota.window.size.seconds": Int = "1", at_least(1), ReadOnly;
    "request.timeout.ms": Int = "30000", ANY, ReadOnly;
    "server.max.startup.time.ms": Long = "9223372036854775807", at_least(0), Internal;
    "socket.connection.setup.timeout.max.ms": Long = "30000", ANY, ReadOnly;
    "socket.connection.setup.timeout.ms": Long = "10000", ANY, ReadOnly;
    "socket.listen.backlog.size": Int = "50", at_least(1), ReadOnly;
    "socket.receive.buffer.bytes": Int = "102400", ANY, ReadOnly;
    "socket.request.max.bytes": Int = "104857600", at_least(1), ReadOnly;
    "socket.send.buffer.bytes": Int = "102400", ANY, ReadOnly;
    "telemetry.max.bytes": Int = "1048576", at_least(1), ReadOnly;
    "unstable.api.versions.enable": Boolean = "false", ANY, Internal;
    "unstable.feature.versions.enable": Boolean = "false", ANY, Internal;
}
