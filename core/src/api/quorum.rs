//! The quorum of the metadata log as the calls about it see it: this node alone, which votes, leads and has all that is
//! committed.

use alloc::format;
use alloc::string::String;
use core::fmt;

use super::ApiError;
use crate::config::{Config, Listener};
use crate::error_code::ErrorCode;
use crate::types::{LeaderEpoch, NodeId, Offset};
use crate::wire::{Str, Uuid};

/// The quorum.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Quorum<'a> {
    /// The cluster's.
    pub(crate) cluster_id: &'a str,
    /// `kraft.version`: 0 where the voters stand in the configs, 1 where they stand in the log.
    pub(crate) kraft_version: i16,
    /// The one voter, which leads.
    pub(crate) voter: ReplicaKey,
    /// Its term.
    pub(crate) leader_epoch: LeaderEpoch,
    /// Where the log ends, all of it committed.
    pub(crate) high_watermark: Offset,
    /// Where the voter would be reached by others.
    pub(crate) endpoint: Option<Listener>,
    /// The first of `controller.listener.names`.
    pub(crate) listener_name: String,
}

/// A replica of the metadata log: a node, and the directory that it has the log in; zero where the voters are fixed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ReplicaKey {
    pub(crate) id: NodeId,
    pub(crate) directory_id: Uuid,
}

/// What a listener of controllers is called where no config says it.
const DEFAULT_LISTENER: &str = "CONTROLLER";

/// `kraft.version` from which on voters can be added and removed (KIP-853).
const DYNAMIC_VOTERS_SINCE: i16 = 1;

/// The name of the listener that controllers speak to each other on.
pub(crate) fn controller_listener(config: &Config) -> String {
    let names = config.text("controller.listener.names");
    let first = names.split(',').next().map(str::trim).filter(|name| !name.is_empty());
    first.unwrap_or(DEFAULT_LISTENER).to_ascii_uppercase()
}

/// Where the configs say that this node's controller is: among the voters, or else among the listeners.
pub(crate) fn controller_endpoint(config: &Config) -> Option<Listener> {
    let name = controller_listener(config);
    let voters = config.text("controller.quorum.voters");
    let own = voters.split(',').filter_map(|voter| voter.trim().split_once('@'));
    let own = own.filter(|(id, _)| id.parse() == Ok(config.node_id.0)).map(|(_, address)| address);
    let listeners = ["advertised.listeners", "listeners"].map(|property| config.text(property));
    let stated = listeners.iter().flat_map(|all| all.split(',')).filter_map(|listener| {
        let (listener_name, address) = listener.trim().split_once("://")?;
        listener_name.eq_ignore_ascii_case(&name).then_some(address)
    });
    own.chain(stated).find_map(|address| {
        let (host, port) = address.rsplit_once(':')?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let host = if host.is_empty() { "localhost" } else { host };
        Some(Listener { name: name.clone(), host: host.into(), port: port.parse().ok()? })
    })
}

impl Quorum<'_> {
    /// Refuses a call that was meant for another cluster.
    pub(super) fn check_cluster(&self, cluster_id: Option<&Str>) -> Result<(), ApiError> {
        match cluster_id {
            Some(meant) if **meant != *self.cluster_id => {
                let message = format!("The given id \"{meant}\" doesn't match the cluster id \"{}\"", self.cluster_id);
                Err(ApiError::new(ErrorCode::InconsistentClusterId, message))
            }
            _ => Ok(()),
        }
    }

    /// Refuses a change of the voters where they are fixed. `doing` is "adding" or "removing".
    pub(super) fn check_dynamic(&self, doing: &str) -> Result<(), ApiError> {
        if self.kraft_version >= DYNAMIC_VOTERS_SINCE {
            return Ok(());
        }
        let version = self.kraft_version;
        let message = format!("Cluster doesn't support {doing} voter because the kraft.version feature is {version}");
        Err(ApiError::new(ErrorCode::UnsupportedVersion, message))
    }

    /// The voters, in the words of Kafka's refusals.
    pub(super) fn voters(&self) -> String {
        format!("[{}]", self.voter)
    }
}

impl ReplicaKey {
    /// The voter that a request means; none where it is not whole.
    pub(super) fn of_request(voter_id: i32, directory_id: Uuid) -> Option<Self> {
        (voter_id >= 0 && directory_id != Uuid::ZERO).then_some(Self { id: NodeId(voter_id), directory_id })
    }
}

impl fmt::Display for ReplicaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReplicaKey(id={}, directoryId={})", self.id.0, self.directory_id)
    }
}

#[cfg(test)]
pub(super) fn example(kraft_version: i16) -> Quorum<'static> {
    Quorum {
        cluster_id: "cluster",
        kraft_version,
        voter: ReplicaKey { id: NodeId(1), directory_id: Uuid(u128::from(kraft_version.unsigned_abs()) * 77) },
        leader_epoch: LeaderEpoch(3),
        high_watermark: Offset(42),
        endpoint: Some(Listener { name: "CONTROLLER".into(), host: "here".into(), port: 9093 }),
        listener_name: "CONTROLLER".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(properties: &[(&str, &str)]) -> Option<String> {
        let config = Config::from_properties(properties.iter().copied()).expect("a good configuration").0;
        controller_endpoint(&config).map(|listener| format!("{listener}"))
    }

    const LISTENERS: (&str, &str) = ("listeners", "PLAINTEXT://:9092,RAFT://:9093");

    #[test]
    fn the_controller_is_where_the_voters_or_the_listeners_say() {
        let names = ("controller.listener.names", "RAFT");
        let voters = ("controller.quorum.voters", "1@a.example:7001,2@b.example:7002");
        let node = ("node.id", "2");
        assert_eq!(endpoint(&[names, LISTENERS, voters, node]).as_deref(), Some("RAFT://b.example:7002"));
        assert_eq!(endpoint(&[names, LISTENERS]).as_deref(), Some("RAFT://localhost:9093"));
        assert_eq!(endpoint(&[]), None);
    }
}
