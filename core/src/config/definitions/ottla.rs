//! What Kafka does not have: limits, because Kafka trusts its machine, which a small broker must not, and what to do
//! when a disk lies.

use crate::config::allowed::{at_least, one_of};

definitions! {
    /// Our own properties.
    OTTLA

    /// What happens to a log in which a batch is damaged that was safe before, or that has good ones behind it: offline keeps
    /// every byte and does not serve the partition; truncate ends the log before that batch, as Kafka does.
    "ottla.log.damage": String = "offline", one_of(&["offline", "truncate"]), ReadOnly;
    /// How many connections may be open at once, whatever max.connections says.
    "ottla.max.connections": Int = "10000", at_least(1), ReadOnly;
    /// How many bytes the compressed batches of one request may decompress to.
    "ottla.max.decompressed.bytes": Int = "268435456", at_least(1), ReadOnly;
    /// How many members all groups together may have.
    "ottla.max.group.members": Int = "100000", at_least(1), ReadOnly;
    /// How many groups may exist at once.
    "ottla.max.groups": Int = "100000", at_least(1), ReadOnly;
    /// How many requests may wait at once, for records, for a sync, or for the metadata log.
    "ottla.max.parked.requests": Int = "100000", at_least(1), ReadOnly;
    /// How many partitions may exist at once.
    "ottla.max.partitions": Int = "200000", at_least(1), ReadOnly;
    /// How many partitions may be in one transaction.
    "ottla.max.partitions.per.transaction": Int = "10000", at_least(1), ReadOnly;
    /// How many requests of one connection may be in work before the broker stops reading from it.
    "ottla.max.requests.per.connection": Int = "100", at_least(1), ReadOnly;
    /// The states of how many share partitions, a group's in a partition each, may be kept at once.
    "ottla.max.share.states": Int = "100000", at_least(1), ReadOnly;
    /// How many topics may exist at once.
    "ottla.max.topics": Int = "100000", at_least(1), ReadOnly;
    /// How many transactional ids may be known at once.
    "ottla.max.transactional.ids": Int = "100000", at_least(1), ReadOnly;
    /// How many bytes of answers a client may leave unread before the broker stops reading from its connection.
    "ottla.max.unsent.bytes.per.connection": Long = "67108864", at_least(1), ReadOnly;
}
