//! What nothing but a dynamic config of brokers sets, and what no broker lists among its properties.
//!
//! Names, types, defaults and ranges are those of Apache Kafka 4.3; the words are ours.

use crate::config::allowed::at_least;

definitions! {
    /// How fast replicas are copied.
    THROTTLES

    /// How many bytes a second this broker fetches for replicas that are throttled.
    "follower.replication.throttled.rate": Long = "9223372036854775807", at_least(0), ClusterWide;
    /// How many bytes a second of replicas that are throttled this broker gives to others.
    "leader.replication.throttled.rate": Long = "9223372036854775807", at_least(0), ClusterWide;
    /// How many bytes a second are copied from one log directory to another.
    "replica.alter.log.dirs.io.max.bytes.per.second": Long = "9223372036854775807", at_least(0), ClusterWide;
}
