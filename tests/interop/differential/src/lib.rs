//! The differential driver: the same scripts of requests go to Apache Kafka 4.3.1 and to Ottla, and their answers are
//! compared field by field.
//!
//! A [`script`] is played ([`play`]) on a [`side`]; what differs by nature is put aside by the [`rules`]; what is left is
//! compared ([`compare`]), and every difference is either a mistake or listed in `docs/differences.md` ([`listed`]).
//! Kafka's answers are also kept ([`recording`]), so that a test can compare without Java ([`in_process`]).

pub mod answer;
pub mod barrier;
pub mod brokers;
pub mod compare;
pub mod in_process;
pub mod listed;
pub mod play;
pub mod recording;
pub mod report;
pub mod request;
pub mod rules;
pub mod run;
pub mod script;
pub mod scripts;
pub mod side;

/// How both brokers are configured: what makes scripts quick, and nothing that changes what they answer.
pub const PROPERTIES: &[(&str, &str)] = &[
    ("node.id", "1"),
    // Kafka's controller waits as long for more to write.
    ("controller.quorum.append.linger.ms", "0"),
    // The records of scripts are old: nothing is deleted while they are looked at.
    ("log.initial.task.delay.ms", "1000000000"),
    ("log.retention.check.interval.ms", "1000000000"),
    ("offsets.topic.num.partitions", "4"),
    ("offsets.topic.replication.factor", "1"),
    ("transaction.state.log.num.partitions", "4"),
    ("transaction.state.log.replication.factor", "1"),
    ("transaction.state.log.min.isr", "1"),
    ("share.coordinator.state.topic.num.partitions", "4"),
    ("share.coordinator.state.topic.replication.factor", "1"),
    ("share.coordinator.state.topic.min.isr", "1"),
    ("group.initial.rebalance.delay.ms", "0"),
    ("group.consumer.assignment.interval.ms", "0"),
    ("group.share.assignment.interval.ms", "0"),
    ("group.share.min.record.lock.duration.ms", "1000"),
    ("group.streams.initial.rebalance.delay.ms", "0"),
    ("group.min.session.timeout.ms", "500"),
    ("group.consumer.min.session.timeout.ms", "500"),
    ("group.consumer.min.heartbeat.interval.ms", "100"),
];
