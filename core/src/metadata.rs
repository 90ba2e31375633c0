//! What the cluster is: topics, partitions, configs, features, brokers, as an image of the records of
//! `__cluster_metadata`. Changes only by committed records that are then applied.
//!
//! What does not belong here: how requests ask for changes (`api/`), and the bytes of the log (`log/`).

mod image;

pub use image::{BrokerRegistration, ConfigResource, Endpoint, MetadataImage, Partition, Topic};
