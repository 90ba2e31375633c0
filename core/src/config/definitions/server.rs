//! The broker itself: its id, listeners, connections, threads, quotas, metrics, and the controller.
//!
//! Names, types, defaults and ranges are those of Apache Kafka 4.3; the words are ours.

use crate::config::allowed::{ANY, at_least, list_of};

definitions! {
    /// The broker itself.
    SERVER

    /// What clients are told to connect to, where that differs from listeners: names, hosts and ports. A listener
    /// without a host is advertised as localhost.
    "advertised.listeners": List, ANY, ReadOnly;
    /// The Java class that may veto changes of configs.
    "alter.config.policy.class.name": Class, ANY, ReadOnly;
    /// How many threads do small tasks in the background.
    "background.threads": Int = "10", at_least(1), ClusterWide;
    /// How often a broker tells the controller that it is alive.
    "broker.heartbeat.interval.ms": Int = "2000", ANY, ReadOnly;
    /// An older name of node.id; -1 leaves it to that.
    "broker.id": Int = "-1", ANY, ReadOnly;
    /// Where the broker stands, so that replicas can be spread and clients can read from nearby.
    "broker.rack": String, ANY, ReadOnly;
    /// How long the controller waits for a heartbeat before it takes a broker for dead.
    "broker.session.timeout.ms": Int = "9000", ANY, ReadOnly;
    /// The Java class that decides on the quotas of clients.
    "client.quota.callback.class": Class, ANY, ReadOnly;
    /// Names of parts that look up values from elsewhere, for properties that refer to them.
    "config.providers": List = "", ANY, ClusterWide;
    /// How long a connection may be silent before it is closed; negative for as long as it likes.
    "connections.max.idle.ms": Long = "600000", ANY, ReadOnly;
    /// Whether a broker that stops hands its leaderships over first.
    "controlled.shutdown.enable": Boolean = "true", ANY, ReadOnly;
    /// Names in listeners that belong to the controller; clients don't use them.
    "controller.listener.names": List, ANY, ReadOnly;
    /// How slow a controller's event must be to be logged always.
    "controller.performance.always.log.threshold.ms": Long = "2000", at_least(0), Internal;
    /// How often the controller logs how long its events take.
    "controller.performance.sample.period.ms": Long = "60000", at_least(100), Internal;
    /// How long the leader of the metadata log waits for more records before it writes them.
    "controller.quorum.append.linger.ms": Int = "25", at_least(0), ReadOnly;
    /// Whether a new controller joins the quorum of the metadata log by itself.
    "controller.quorum.auto.join.enable": Boolean = "false", ANY, ReadOnly;
    /// Where to find the controllers at first, as host:port.
    "controller.quorum.bootstrap.servers": List = "", ANY, ReadOnly;
    /// How long a controller waits at most before it stands for election again.
    "controller.quorum.election.backoff.max.ms": Int = "1000", at_least(0), ReadOnly;
    /// How long a controller waits for votes before it starts another election.
    "controller.quorum.election.timeout.ms": Int = "1000", at_least(0), ReadOnly;
    /// How many bytes of the metadata log one fetch may bring.
    "controller.quorum.fetch.max.bytes": Int = "1048576", at_least(1), ReadOnly;
    /// How many bytes of a metadata snapshot one fetch may bring.
    "controller.quorum.fetch.snapshot.max.bytes": Int = "1048576", at_least(1), ReadOnly;
    /// How long a controller may fail to fetch from the leader before it stands for election.
    "controller.quorum.fetch.timeout.ms": Int = "2000", at_least(0), ReadOnly;
    /// How long controllers wait for each other's answers.
    "controller.quorum.request.timeout.ms": Int = "2000", at_least(0), ReadOnly;
    /// How long a controller waits before it asks again.
    "controller.quorum.retry.backoff.ms": Int = "20", at_least(0), ReadOnly;
    /// The controllers that vote, as id@host:port. A single node is its own controller.
    "controller.quorum.voters": List = "", ANY, ReadOnly;
    /// How many windows the quota on changes of metadata looks back on.
    "controller.quota.window.num": Int = "11", at_least(1), ReadOnly;
    /// How long each window of the quota on changes of metadata is.
    "controller.quota.window.size.seconds": Int = "1", at_least(1), ReadOnly;
    /// How long connections to the controller wait for an answer.
    "controller.socket.timeout.ms": Int = "30000", ANY, ReadOnly;
    /// After how many done requests the list of waiting deletions of records is tidied.
    "delete.records.purgatory.purge.interval.requests": Int = "1", ANY, ReadOnly;
    /// Listeners that open before the broker is ready for all clients.
    "early.start.listeners": List, ANY, ReadOnly;
    /// How many bytes of records one answer to a fetch may carry; a larger first batch is sent all the same.
    "fetch.max.bytes": Int = "57671680", at_least(1024), ReadOnly;
    /// After how many done requests the list of waiting fetches is tidied.
    "fetch.purgatory.purge.interval.requests": Int = "1000", ANY, ReadOnly;
    /// How long a starting broker tries to register with the controller.
    "initial.broker.registration.timeout.ms": Int = "60000", ANY, ReadOnly;
    /// The listener that brokers use among themselves.
    "inter.broker.listener.name": String, ANY, ReadOnly;
    /// How often the reporters of Yammer metrics look.
    "kafka.metrics.polling.interval.secs": Int = "10", at_least(1), ReadOnly;
    /// Java classes that report Yammer metrics.
    "kafka.metrics.reporters": List = "", ANY, ReadOnly;
    /// The security protocol of each listener's name, as NAME:PROTOCOL.
    "listener.security.protocol.map": String = "SASL_SSL:SASL_SSL,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT",
        ANY, PerBroker;
    /// Where the broker listens, as NAME://host:port. Without a host that is on all addresses.
    "listeners": List = "PLAINTEXT://:9092", ANY, PerBroker;
    /// How many new connections a second are accepted.
    "max.connection.creation.rate": Int = "2147483647", at_least(0), ClusterWide;
    /// How many connections may be open at once.
    "max.connections": Int = "2147483647", at_least(0), ClusterWide;
    /// How many connections may be open at once from one address.
    "max.connections.per.ip": Int = "2147483647", at_least(0), ClusterWide;
    /// Other limits for some addresses, as address:number.
    "max.connections.per.ip.overrides": String = "", ANY, ClusterWide;
    /// How many fetch sessions are kept for consumers.
    "max.incremental.fetch.session.cache.slots": Int = "1000", at_least(0), ReadOnly;
    /// How many partitions one answer to DescribeTopicPartitions may hold.
    "max.request.partition.size.limit": Int = "2000", at_least(1), ReadOnly;
    /// Java classes that report metrics.
    "metric.reporters": List = "org.apache.kafka.common.metrics.JmxReporter", ANY, ClusterWide;
    /// How many samples a metric is computed from.
    "metrics.num.samples": Int = "2", at_least(1), ReadOnly;
    /// How detailed the metrics are.
    "metrics.recording.level": String = "INFO", ANY, ReadOnly;
    /// How long one sample of a metric lasts.
    "metrics.sample.window.ms": Long = "30000", at_least(1), ReadOnly;
    /// The number of this node in its cluster.
    "node.id": Int = "1", at_least(0), ReadOnly;
    /// How many threads work on requests in Kafka.
    "num.io.threads": Int = "8", at_least(1), ClusterWide;
    /// How many threads read and write sockets in Kafka.
    "num.network.threads": Int = "3", at_least(1), ClusterWide;
    /// What the process is: broker, controller, or both.
    "process.roles": List, list_of(&["broker", "controller"]), ReadOnly;
    /// After how many done requests the list of waiting produces is tidied.
    "producer.purgatory.purge.interval.requests": Int = "1000", ANY, ReadOnly;
    /// How many bytes of requests may wait for a thread.
    "queued.max.request.bytes": Long = "-1", ANY, ReadOnly;
    /// How many requests may wait for a thread.
    "queued.max.requests": Int = "500", at_least(1), ReadOnly;
    /// How many windows the quotas of clients look back on.
    "quota.window.num": Int = "11", at_least(1), ReadOnly;
    /// How long each window of the quotas of clients is.
    "quota.window.size.seconds": Int = "1", at_least(1), ReadOnly;
    /// How long this broker waits for answers of others.
    "request.timeout.ms": Int = "30000", ANY, ReadOnly;
    /// How long a start may take before it is given up.
    "server.max.startup.time.ms": Long = "9223372036854775807", at_least(0), Internal;
    /// How long setting up a connection to another node may take at most after failures.
    "socket.connection.setup.timeout.max.ms": Long = "30000", ANY, ReadOnly;
    /// How long setting up a connection to another node may take at first.
    "socket.connection.setup.timeout.ms": Long = "10000", ANY, ReadOnly;
    /// How many connections may wait to be accepted.
    "socket.listen.backlog.size": Int = "50", at_least(1), ReadOnly;
    /// The receive buffer of sockets; -1 leaves it to the system.
    "socket.receive.buffer.bytes": Int = "102400", ANY, ReadOnly;
    /// The largest request that is read; a larger one closes its connection.
    "socket.request.max.bytes": Int = "104857600", at_least(1), ReadOnly;
    /// The send buffer of sockets; -1 leaves it to the system.
    "socket.send.buffer.bytes": Int = "102400", ANY, ReadOnly;
    /// How many bytes of metrics a client may push at once.
    "telemetry.max.bytes": Int = "1048576", at_least(1), ReadOnly;
    /// Whether versions of APIs that are still in work are served.
    "unstable.api.versions.enable": Boolean = "false", ANY, Internal;
    /// Whether levels of features that are still in work are allowed.
    "unstable.feature.versions.enable": Boolean = "false", ANY, Internal;
}
