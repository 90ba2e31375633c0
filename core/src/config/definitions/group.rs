//! What can be set for a group.
//!
//! Names, types, defaults and ranges are those of Apache Kafka 4.3; the words are ours.

use crate::config::allowed::{ANY, OFFSET_RESET, at_least, one_of};

definitions! {
    /// What can be set for a group.
    GROUP

    /// How long a consumer group's assignment lasts at least before another is computed.
    "consumer.assignment.interval.ms": Int = "1000", at_least(0), ClusterWide;
    /// How often members of the consumer group send heartbeats.
    "consumer.heartbeat.interval.ms": Int = "5000", at_least(1), ClusterWide;
    /// How long a member of the consumer group may be silent before it is taken for gone.
    "consumer.session.timeout.ms": Int = "45000", at_least(1), ClusterWide;
    /// How long a share group's assignment lasts at least before another is computed.
    "share.assignment.interval.ms": Int = "1000", at_least(0), ClusterWide;
    /// Where a share group begins in a partition that it has not read before: earliest, latest, or so long ago, as in
    /// by_duration:PT1H.
    "share.auto.offset.reset": String = "latest", OFFSET_RESET, ClusterWide;
    /// How often a record is delivered in the share group before it is given up.
    "share.delivery.count.limit": Int = "5", at_least(2), ClusterWide;
    /// How often members of the share group send heartbeats.
    "share.heartbeat.interval.ms": Int = "5000", at_least(1), ClusterWide;
    /// Whether the share group gets records of transactions that are open or were aborted.
    "share.isolation.level": String = "read_uncommitted", one_of(&["read_committed", "read_uncommitted"]), ClusterWide;
    /// How many records of a partition the share group may have locked at once.
    "share.partition.max.record.locks": Int = "2000", at_least(100), ClusterWide;
    /// How long a record that was delivered in the share group is locked for its member.
    "share.record.lock.duration.ms": Int = "30000", at_least(1000), ClusterWide;
    /// Whether members of the share group may ask for more time with a record.
    "share.renew.acknowledge.enable": Boolean = "true", ANY, ClusterWide;
    /// How long a member of the share group may be silent before it is taken for gone.
    "share.session.timeout.ms": Int = "45000", at_least(1), ClusterWide;
    /// How long a streams group's assignment lasts at least before another is computed.
    "streams.assignment.interval.ms": Int = "1000", at_least(0), ClusterWide;
    /// How often members of the streams group send heartbeats.
    "streams.heartbeat.interval.ms": Int = "5000", at_least(1), ClusterWide;
    /// How long a new streams group waits for more members before it assigns tasks.
    "streams.initial.rebalance.delay.ms": Int = "3000", at_least(0), ClusterWide;
    /// How many standby replicas each stateful task of the streams group has.
    "streams.num.standby.replicas": Int = "0", at_least(0), ClusterWide;
    /// How long a member of the streams group may be silent before it is taken for gone.
    "streams.session.timeout.ms": Int = "45000", at_least(1), ClusterWide;
}
