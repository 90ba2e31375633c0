//! From a frame to the handlers of the calls that answer from the metadata or change it: topics, configs, and quotas and passwords
//! of clients.

use alloc::collections::BTreeMap;
use alloc::string::String;

use super::call::Call;
use super::cluster;
use crate::api::{
    alter_client_quotas, alter_configs, alter_user_scram_credentials, api_versions, create_partitions, create_topics,
    delete_topics, describe_client_quotas, describe_cluster, describe_configs, describe_topic_partitions,
    describe_user_scram_credentials, elect_leaders, find_coordinator, incremental_alter_configs, list_config_resources,
    metadata as topics, mutation_quota, update_features,
};
use crate::error_code::ErrorCode;
use crate::log::{LogState, PartitionLog};
use crate::types::PartitionId;
use crate::wire::Message;
use crate::wire::messages::alter_client_quotas::AlterClientQuotasRequest;
use crate::wire::messages::alter_configs::AlterConfigsRequest;
use crate::wire::messages::alter_user_scram_credentials::AlterUserScramCredentialsRequest;
use crate::wire::messages::api_versions::ApiVersionsRequest;
use crate::wire::messages::create_partitions::CreatePartitionsRequest;
use crate::wire::messages::create_topics::CreateTopicsRequest;
use crate::wire::messages::delete_topics::DeleteTopicsRequest;
use crate::wire::messages::describe_client_quotas::DescribeClientQuotasRequest;
use crate::wire::messages::describe_cluster::DescribeClusterRequest;
use crate::wire::messages::describe_configs::DescribeConfigsRequest;
use crate::wire::messages::describe_topic_partitions::DescribeTopicPartitionsRequest;
use crate::wire::messages::describe_user_scram_credentials::DescribeUserScramCredentialsRequest;
use crate::wire::messages::elect_leaders::ElectLeadersRequest;
use crate::wire::messages::find_coordinator::FindCoordinatorRequest;
use crate::wire::messages::incremental_alter_configs::IncrementalAlterConfigsRequest;
use crate::wire::messages::list_config_resources::ListConfigResourcesRequest;
use crate::wire::messages::metadata::MetadataRequest;
use crate::wire::messages::update_features::UpdateFeaturesRequest;

/// The calls about topics, and about what the broker is.
pub(super) fn metadata(call: &mut Call<'_>) -> Result<(), String> {
    let version = call.caller.version;
    match call.key {
        ApiVersionsRequest::KEY => {
            let request: ApiVersionsRequest = call.body.read()?;
            let response = api_versions::handle(&request, version, call.view().image);
            if version >= api_versions::SOFTWARE_SINCE && response.error_code == ErrorCode::None.number() {
                let (name, release) = (&request.client_software_name, &request.client_software_version);
                call.broker.telemetry.introduce(call.caller.slot.conn, name, release);
            }
            call.answer(&response);
        }
        MetadataRequest::KEY => {
            let request = call.body.read()?;
            let (view, parts) = call.parts();
            let states = |partition| log_state(parts.logs, partition);
            let mut change = topics::handle(&request, version, view, &states, parts.rng);
            // Counted once, it must not be asked anew.
            if !change.records.is_empty() && call.broker.is_changing() {
                call.hold();
            } else {
                call.limit(|_, take| mutation_quota::limit_automatic(&mut change, take));
                call.submit(change);
            }
        }
        FindCoordinatorRequest::KEY => {
            let request = call.body.read()?;
            let (view, parts) = call.parts();
            let states = |partition| log_state(parts.logs, partition);
            let change = find_coordinator::handle(&request, version, view, &states, parts.rng);
            call.submit(change);
        }
        // Counted once, they must not be asked anew.
        CreateTopicsRequest::KEY | DeleteTopicsRequest::KEY | CreatePartitionsRequest::KEY
            if call.broker.is_changing() =>
        {
            call.hold();
        }
        CreateTopicsRequest::KEY => {
            let request = call.body.read()?;
            let (view, parts) = call.parts();
            let mut change = create_topics::handle(&request, view, parts.rng);
            call.limit(|_, take| mutation_quota::limit_creation(&mut change, take));
            call.submit(change);
        }
        DeleteTopicsRequest::KEY => {
            let mut change = delete_topics::handle(&call.body.read()?, version, call.view());
            call.limit(|image, take| mutation_quota::limit_deletion(&mut change, image, take));
            call.submit(change);
        }
        CreatePartitionsRequest::KEY => {
            let request = call.body.read()?;
            let mut change = create_partitions::handle(&request, call.view());
            call.limit(|image, take| mutation_quota::limit_extension(&mut change, &request, image, take));
            call.submit(change);
        }
        DescribeClusterRequest::KEY => call.answer_with(describe_cluster::handle)?,
        ElectLeadersRequest::KEY => call.answer_with(elect_leaders::handle)?,
        UpdateFeaturesRequest::KEY if call.broker.is_changing() => call.hold(),
        UpdateFeaturesRequest::KEY => {
            let planned = update_features::handle(&call.body.read()?, version, call.view());
            match planned.kraft_version {
                // It goes on once the quorum has the level.
                Some(level) if call.broker.upgrade_quorum(call.now, level).is_some() => call.hold(),
                _ => call.submit(planned.change),
            }
        }
        DescribeTopicPartitionsRequest::KEY => {
            let request = call.body.read()?;
            let states = |partition| log_state(&call.broker.logs, partition);
            let response = describe_topic_partitions::handle(&request, call.view(), &states);
            call.answer(&response);
        }
        _ => return configs(call),
    }
    Ok(())
}

/// The calls about configs.
fn configs(call: &mut Call<'_>) -> Result<(), String> {
    let version = call.caller.version;
    match call.key {
        // What a list is added to, and whether anything changes, may depend on what is on its way.
        AlterConfigsRequest::KEY | IncrementalAlterConfigsRequest::KEY if call.broker.is_changing() => call.hold(),
        AlterConfigsRequest::KEY => call.change_with(alter_configs::handle)?,
        IncrementalAlterConfigsRequest::KEY => call.change_with(incremental_alter_configs::handle)?,
        ListConfigResourcesRequest::KEY => {
            call.answer_with(|request, view| list_config_resources::handle(request, version, view))?;
        }
        DescribeConfigsRequest::KEY => call.answer_with(describe_configs::handle)?,
        _ => return clients(call),
    }
    Ok(())
}

/// The calls about quotas and passwords of clients.
fn clients(call: &mut Call<'_>) -> Result<(), String> {
    match call.key {
        DescribeClientQuotasRequest::KEY => call.answer_with(describe_client_quotas::handle)?,
        DescribeUserScramCredentialsRequest::KEY => call.answer_with(describe_user_scram_credentials::handle)?,
        // What is asked for may depend on what is on its way.
        AlterClientQuotasRequest::KEY | AlterUserScramCredentialsRequest::KEY if call.broker.is_changing() => {
            call.hold();
        }
        AlterClientQuotasRequest::KEY => call.change_with(alter_client_quotas::handle)?,
        AlterUserScramCredentialsRequest::KEY => call.change_with(alter_user_scram_credentials::handle)?,
        _ => return cluster::cluster(call),
    }
    Ok(())
}

/// What Metadata says of a partition that this broker leads.
fn log_state(logs: &BTreeMap<PartitionId, PartitionLog>, partition: PartitionId) -> ErrorCode {
    match logs.get(&partition).map(PartitionLog::state) {
        Some(LogState::Serving) => ErrorCode::None,
        Some(LogState::Offline) => ErrorCode::KafkaStorageError,
        _ => ErrorCode::LeaderNotAvailable,
    }
}
