//! What a subscription of clients' metrics consists of (KIP-714).
//!
//! Names, types, defaults and ranges are those of Apache Kafka 4.3; the words are ours.

use crate::config::allowed::{ANY, DISTINCT};

definitions! {
    /// What a subscription of clients' metrics consists of.
    CLIENT_METRICS

    /// How often clients send their metrics, from 100 ms to an hour.
    "interval.ms": Int = "300000", ANY, ClusterWide;
    /// Which clients it is for, as in client_software_name=kgo; without any, for all.
    "match": List = "", DISTINCT, ClusterWide;
    /// What the names of the metrics begin with; an asterisk stands for all.
    "metrics": List = "", DISTINCT, ClusterWide;
}
