//! From a frame to the handlers of the calls about the cluster itself: its quorum and brokers, where replicas are, and who may do
//! what.

use alloc::string::{String, ToString};

use super::call::Call;
use crate::api::quorum::{self, Quorum, ReplicaKey};
use crate::api::{
    add_raft_voter, alter_partition_reassignments, create_acls, create_delegation_token, delete_acls, describe_acls,
    describe_delegation_token, describe_quorum, expire_delegation_token, list_partition_reassignments,
    remove_raft_voter, renew_delegation_token, sasl_authenticate, sasl_handshake, unregister_broker,
};
use crate::broker::{Broker, METADATA_PARTITION};
use crate::config::Listener;
use crate::log::PartitionLog;
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
use crate::wire::{Message, Uuid};

/// The calls about the quorum, brokers and replicas.
pub(super) fn cluster(call: &mut Call<'_>) -> Result<(), String> {
    match call.key {
        DescribeQuorumRequest::KEY => {
            let request = call.body.read()?;
            let response = describe_quorum::handle(&request, &quorum_of(call.broker), call.now.wall);
            call.answer(&response);
        }
        AddRaftVoterRequest::KEY => {
            let request = call.body.read()?;
            let response = add_raft_voter::handle(&request, &quorum_of(call.broker));
            call.answer(&response);
        }
        RemoveRaftVoterRequest::KEY => {
            let request = call.body.read()?;
            let response = remove_raft_voter::handle(&request, &quorum_of(call.broker));
            call.answer(&response);
        }
        ListPartitionReassignmentsRequest::KEY => call.answer_with(list_partition_reassignments::handle)?,
        AlterPartitionReassignmentsRequest::KEY => {
            let request = call.body.read()?;
            let configs = &call.broker.topic_configs;
            let unclean = |id: Uuid| configs.get(&id).is_some_and(|config| config.unclean_leader_election_enable);
            let change = alter_partition_reassignments::handle(&request, call.view(), &unclean);
            call.submit(change);
        }
        UnregisterBrokerRequest::KEY => call.change_with(unregister_broker::handle)?,
        _ => return security(call),
    }
    Ok(())
}

/// The calls about who may do what, all of which are refused: there is neither authentication nor an authorizer.
fn security(call: &mut Call<'_>) -> Result<(), String> {
    match call.key {
        SaslHandshakeRequest::KEY => call.answer_with(|_: &SaslHandshakeRequest, _| sasl_handshake::handle())?,
        SaslAuthenticateRequest::KEY => {
            call.answer_with(|_: &SaslAuthenticateRequest, _| sasl_authenticate::handle())?;
        }
        DescribeAclsRequest::KEY => {
            let response = describe_acls::handle(&call.body.read()?).map_err(ToString::to_string)?;
            call.answer(&response);
        }
        CreateAclsRequest::KEY => {
            let response = create_acls::handle(&call.body.read()?).map_err(ToString::to_string)?;
            call.answer(&response);
        }
        DeleteAclsRequest::KEY => {
            let response = delete_acls::handle(&call.body.read()?).map_err(ToString::to_string)?;
            call.answer(&response);
        }
        CreateDelegationTokenRequest::KEY => call.answer_with(|request, _| create_delegation_token::handle(request))?,
        RenewDelegationTokenRequest::KEY => {
            call.answer_with(|_: &RenewDelegationTokenRequest, _| renew_delegation_token::handle())?;
        }
        ExpireDelegationTokenRequest::KEY => {
            call.answer_with(|_: &ExpireDelegationTokenRequest, _| expire_delegation_token::handle())?;
        }
        DescribeDelegationTokenRequest::KEY => {
            call.answer_with(|_: &DescribeDelegationTokenRequest, _| describe_delegation_token::handle())?;
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
