//! What requests mean: one file per API, and one table of what is served.
//!
//! The calls that only read or change metadata are pure functions of the request and a [`View`]; those that ask for a
//! change hand back the records that would make it, as a [`Change`]. The broker appends the records, applies them when
//! they are committed, and only then sends the answer.
//!
//! Produce, fetch and the look-ups of offsets work on the broker's logs, those about groups on its coordinators, and may park.
//!
//! What does not belong here: how frames become requests (`connection/`), their bytes (`wire/`), the logs (`log/`).

use alloc::string::String;
use alloc::vec::Vec;

use crate::config::Config;
use crate::connection::SlotId;
use crate::error_code::ErrorCode;
use crate::metadata::MetadataImage;
use crate::wire::{MetadataRecord, Str};

pub(crate) mod acls;
pub(crate) mod add_offsets_to_txn;
pub(crate) mod add_partitions_to_txn;
pub(crate) mod add_raft_voter;
pub mod alter_client_quotas;
pub mod alter_configs;
pub mod alter_partition_reassignments;
pub(crate) mod alter_replica_log_dirs;
pub(crate) mod alter_share_group_offsets;
pub mod alter_user_scram_credentials;
pub mod api_versions;
mod assigned_groups;
pub mod authorized;
pub mod cluster;
mod config_change;
pub(crate) mod consumer_group_describe;
pub(crate) mod consumer_group_heartbeat;
pub mod create_acls;
pub mod create_delegation_token;
pub mod create_partitions;
pub mod create_topics;
pub(crate) mod delegation_token;
pub mod delete_acls;
pub(crate) mod delete_groups;
pub(crate) mod delete_records;
pub(crate) mod delete_share_group_offsets;
pub(crate) mod delete_share_group_state;
pub mod delete_topics;
pub mod describe_acls;
pub mod describe_client_quotas;
pub mod describe_cluster;
pub mod describe_configs;
pub mod describe_delegation_token;
pub(crate) mod describe_groups;
pub(crate) mod describe_log_dirs;
pub(crate) mod describe_producers;
pub(crate) mod describe_quorum;
pub(crate) mod describe_share_group_offsets;
pub mod describe_topic_partitions;
pub(crate) mod describe_transactions;
pub mod describe_user_scram_credentials;
pub(crate) mod dispatch;
pub mod elect_leaders;
pub(crate) mod end_txn;
pub mod expire_delegation_token;
pub(crate) mod fetch;
pub mod find_coordinator;
pub(crate) mod get_telemetry_subscriptions;
pub(crate) mod group_answer;
pub(crate) mod heartbeat;
pub mod incremental_alter_configs;
pub(crate) mod init_producer_id;
pub(crate) mod initialize_share_group_state;
mod isolation;
pub(crate) mod join_group;
pub(crate) mod leave_group;
pub mod list_config_resources;
pub(crate) mod list_groups;
pub(crate) mod list_offsets;
pub mod list_partition_reassignments;
pub(crate) mod list_transactions;
pub mod metadata;
mod mutation_quota;
pub(crate) mod offset_commit;
pub(crate) mod offset_delete;
pub(crate) mod offset_fetch;
pub(crate) mod offset_for_leader_epoch;
mod placement;
pub(crate) mod produce;
pub(crate) mod push_telemetry;
pub(crate) mod quorum;
pub(crate) mod read_share_group_state;
pub(crate) mod read_share_group_state_summary;
pub(crate) mod remove_raft_voter;
pub mod renew_delegation_token;
pub mod sasl_authenticate;
pub mod sasl_handshake;
pub(crate) mod share_acknowledge;
mod share_acknowledgements;
pub(crate) mod share_fetch;
pub(crate) mod share_group_describe;
pub(crate) mod share_group_heartbeat;
mod share_leaders;
mod share_offsets;
pub(crate) mod share_state_answer;
pub(crate) mod streams_group_describe;
pub(crate) mod streams_group_heartbeat;
pub(crate) mod sync_group;
pub mod table;
pub mod topic_name;
pub(crate) mod transaction_answer;
pub(crate) mod txn_offset_commit;
pub mod unregister_broker;
pub mod update_features;
pub(crate) mod write_share_group_state;
pub(crate) mod write_txn_markers;

#[cfg(test)]
mod testing;

/// Kafka's numbers for what has configs.
mod resource_type {
    pub(super) const TOPIC: i8 = 2;
    pub(super) const BROKER: i8 = 4;
    pub(super) const BROKER_LOGGER: i8 = 8;
    pub(super) const CLIENT_METRICS: i8 = 16;
    pub(super) const GROUP: i8 = 32;
}

/// Whom an answer goes to, and in which form.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller {
    /// Its place in the connection's order.
    pub slot: SlotId,
    /// The request's version, which is the answer's.
    pub version: i16,
    /// What the client recognises the answer by.
    pub correlation_id: i32,
}

/// What an admin call sees of the broker.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The committed metadata.
    pub image: &'a MetadataImage,
    /// This broker's configuration, with what the metadata says about all brokers and about this one.
    pub config: &'a Config,
    /// The listener that the request came in on, as in [`Input::Opened`](crate::boundary::Input::Opened).
    pub listener: u16,
}

/// A change of the metadata: what to write, and what to answer once it is committed. Without records the answer goes out
/// at once.
#[derive(Clone, Debug, PartialEq)]
pub struct Change<R> {
    /// To be written together, in this order.
    pub records: Vec<MetadataRecord>,
    /// The answer.
    pub response: R,
}

impl<R> Change<R> {
    /// An answer that changes nothing.
    #[must_use]
    pub fn nothing(response: R) -> Self {
        Self { records: Vec::new(), response }
    }
}

/// Why a part of a request was refused: the error and, for people, Kafka's words for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    /// The error.
    pub code: ErrorCode,
    /// The words, where Kafka has any.
    pub message: Option<String>,
}

impl ApiError {
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: Some(message.into()) }
    }

    pub(crate) fn bare(code: ErrorCode) -> Self {
        Self { code, message: None }
    }

    pub(crate) fn message(self) -> Option<Str> {
        self.message.map(Str::from)
    }

    /// What goes into an answer whose message is null where all went well.
    pub(crate) fn parts(outcome: Result<(), Self>) -> (i16, Option<Str>) {
        match outcome {
            Ok(()) => (ErrorCode::None.number(), None),
            Err(error) => (error.code.number(), error.message()),
        }
    }
}

impl<'a> View<'a> {
    /// The listener's name.
    fn listener_name(&self) -> &'a str {
        &self.config.listeners[usize::from(self.listener)].name
    }
}
