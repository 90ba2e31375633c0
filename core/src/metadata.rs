//! What the cluster is: topics, partitions, configs, features, brokers, as an image of the records of
//! `__cluster_metadata`. Changes only by committed records that are then applied.
//!
//! [`Loader`] turns the bytes of the log into the [`MetadataImage`] and a [`Delta`] of what changed. Whoever wants a change
//! makes [`MetadataRecord`](crate::wire::MetadataRecord)s, puts them into a [`batch`], appends it to the log and, when it is
//! committed, gives it to the loader. [`start_batches`] and [`stop_records`] are what a node says of itself;
//! [`ProducerIds`] hands out what it took.
//!
//! What does not belong here: how requests ask for changes (`api/`), the files of the log (`log/`), and the log directory
//! (`directory`).

mod apply;
mod batch;
mod delta;
mod features;
mod image;
mod lifecycle;
mod loader;
mod producer_ids;
#[cfg(test)]
mod tests;

pub use apply::ApplyError;
pub use batch::{batch, batches, control_batch, record_version};
pub use delta::Delta;
pub use features::{
    ELIGIBLE_LEADER_REPLICAS_VERSION, FEATURE_LEVELS, Features, KRAFT_VERSION, METADATA_VERSION, SUPPORTED_FEATURES,
    features_of, is_consumer_protocol_enabled, is_elr_enabled, is_metadata_kept, is_scram_supported,
    is_share_protocol_enabled, is_streams_protocol_enabled, metadata_version, unmet_dependency,
};
pub use image::{
    BrokerRegistration, ConfigResource, Endpoint, MetadataImage, Partition, QuotaEntity, QuotaName, ScramCredential,
    ScramMechanism, Topic,
};
pub use lifecycle::{
    Bootstrap, Registration, directory_records, leaving_records, log_dirs_record, quorum_upgrade, start_batches,
    stop_records, tells_directories,
};
pub use loader::{LoadError, Loader, snapshot_records};
pub use producer_ids::{OutOfProducerIds, ProducerIds};
