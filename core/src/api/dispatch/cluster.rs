//! From a frame to the handlers of the calls about the cluster itself: its quorum and brokers, where replicas are, and who may do
//! what.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use bytes::Bytes;

use super::read;
use crate::api::quorum::{self, Quorum, ReplicaKey};
use crate::api::{
    Caller, View, add_raft_voter, alter_partition_reassignments, create_acls, create_delegation_token, delete_acls,
    describe_acls, describe_delegation_token, describe_quorum, expire_delegation_token, list_partition_reassignments,
    remove_raft_voter, renew_delegation_token, sasl_authenticate, sasl_handshake, unregister_broker,
};
use crate::broker::{Broker, METADATA_PARTITION};
use crate::config::Listener;
use crate::log::PartitionLog;
use crate::time::Now;
use crate::wire::messages::add_raft_voter::AddRaftVoterRequest;
use crate::wire::messages::alter_partition_reassignments::AlterPartitionReassignmentsRequest;
use crate::wire::messages::create_acls::CreateAclsRequest;
use crate::wire::messages::create_delegation_token::CreateDelegationTokenRequest;
use crate::wire::messages::delete_acls::DeleteAclsRequest;
use crate::wire::messages::describe_acls::DescribeAclsRequest;
use crate::wire::messages::describe_delegation_token::DescribeDelegationTokenRequest;
use crate::wire::messages::describe_quorum::DescribeQuorumRequest;
use crate::wire::messages::expire_delegation_token::ExpireDelegationTokenRequest;
use crate::wire::messages::list_partition_reassignments::ListPartitionReassignmentsRequest;
use crate::wire::messages::remove_raft_voter::RemoveRaftVoterRequest;
use crate::wire::messages::renew_delegation_token::RenewDelegationTokenRequest;
use crate::wire::messages::sasl_authenticate::SaslAuthenticateRequest;
use crate::wire::messages::sasl_handshake::SaslHandshakeRequest;
use crate::wire::messages::unregister_broker::UnregisterBrokerRequest;
use crate::wire::{Message, Reader, Uuid};

/// The calls about the quorum, brokers and replicas.
pub(super) fn cluster(
    broker: &mut Broker,
    now: Now,
    caller: Caller,
    frame: &Bytes,
    key: i16,
    body: &mut Reader,
) -> Result<(), String> {
    let version = caller.version;
    let listener = broker.listener_of(caller.slot.conn);
    let view = View { image: broker.metadata.image(), config: &broker.config, listener };
    match key {
        DescribeQuorumRequest::KEY => {
            let response = describe_quorum::handle(&read(body, version)?, &quorum_of(broker), now.wall);
            broker.answer(caller, &response, Vec::new());
        }
        AddRaftVoterRequest::KEY => {
            let response = add_raft_voter::handle(&read(body, version)?, &quorum_of(broker));
            broker.answer(caller, &response, Vec::new());
        }
        RemoveRaftVoterRequest::KEY => {
            let response = remove_raft_voter::handle(&read(body, version)?, &quorum_of(broker));
            broker.answer(caller, &response, Vec::new());
        }
        ListPartitionReassignmentsRequest::KEY => {
            let response = list_partition_reassignments::handle(&read(body, version)?, view);
            broker.answer(caller, &response, Vec::new());
        }
        AlterPartitionReassignmentsRequest::KEY => {
            let configs = &broker.topic_configs;
            let unclean = |id: Uuid| configs.get(&id).is_some_and(|config| config.unclean_leader_election_enable);
            let change = alter_partition_reassignments::handle(&read(body, version)?, view, &unclean);
            broker.submit(now, caller, frame, change);
        }
        UnregisterBrokerRequest::KEY => {
            let change = unregister_broker::handle(&read(body, version)?, view);
            broker.submit(now, caller, frame, change);
        }
        key => return security(broker, caller, key, body),
    }
    Ok(())
}

/// The calls about who may do what, all of which are refused: there is neither authentication nor an authorizer.
fn security(broker: &mut Broker, caller: Caller, key: i16, body: &mut Reader) -> Result<(), String> {
    let version = caller.version;
    match key {
        SaslHandshakeRequest::KEY => {
            read::<SaslHandshakeRequest>(body, version)?;
            broker.answer(caller, &sasl_handshake::handle(), Vec::new());
        }
        SaslAuthenticateRequest::KEY => {
            read::<SaslAuthenticateRequest>(body, version)?;
            broker.answer(caller, &sasl_authenticate::handle(), Vec::new());
        }
        DescribeAclsRequest::KEY => {
            let response = describe_acls::handle(&read(body, version)?).map_err(ToString::to_string)?;
            broker.answer(caller, &response, Vec::new());
        }
        CreateAclsRequest::KEY => {
            let response = create_acls::handle(&read(body, version)?).map_err(ToString::to_string)?;
            broker.answer(caller, &response, Vec::new());
        }
        DeleteAclsRequest::KEY => {
            let response = delete_acls::handle(&read(body, version)?).map_err(ToString::to_string)?;
            broker.answer(caller, &response, Vec::new());
        }
        CreateDelegationTokenRequest::KEY => {
            let response = create_delegation_token::handle(&read(body, version)?);
            broker.answer(caller, &response, Vec::new());
        }
        RenewDelegationTokenRequest::KEY => {
            read::<RenewDelegationTokenRequest>(body, version)?;
            broker.answer(caller, &renew_delegation_token::handle(), Vec::new());
        }
        ExpireDelegationTokenRequest::KEY => {
            read::<ExpireDelegationTokenRequest>(body, version)?;
            broker.answer(caller, &expire_delegation_token::handle(), Vec::new());
        }
        DescribeDelegationTokenRequest::KEY => {
            read::<DescribeDelegationTokenRequest>(body, version)?;
            broker.answer(caller, &describe_delegation_token::handle(), Vec::new());
        }
        other => panic!("API key {other} is in the table and has no handler"),
    }
    Ok(())
}

/// The quorum as it is now. The log knows the voter's directory and address only where it holds the voters.
fn quorum_of(broker: &Broker) -> Quorum<'_> {
    let image = broker.metadata.image();
    let listener_name = quorum::controller_listener(&broker.config);
    let recorded = image.voters.get(&broker.node_id).into_iter().flatten();
    let mut recorded = recorded.map(|at| Listener { name: at.listener.clone(), host: at.host.clone(), port: at.port });
    let are_voters_recorded = image.kraft_version() > 0;
    Quorum {
        cluster_id: &image.cluster_id,
        kraft_version: image.kraft_version(),
        voter: ReplicaKey {
            id: broker.node_id,
            directory_id: if are_voters_recorded { broker.directory_id } else { Uuid::ZERO },
        },
        leader_epoch: broker.metadata_epoch,
        high_watermark: broker.logs.get(&METADATA_PARTITION).map(PartitionLog::high_watermark).unwrap_or_default(),
        endpoint: recorded.find(|_| are_voters_recorded).or_else(|| quorum::controller_endpoint(&broker.config)),
        listener_name,
    }
}
