//! AlterConfigs: all configs of a resource at once; what is not named goes back to its default.

use super::config_change::{Asked, Edit, Others, operation, plan};
use super::{ApiError, Change, View};
use crate::wire::messages::alter_configs::{
    AlterConfigsRequest, AlterConfigsResource, AlterConfigsResourceResponse, AlterConfigsResponse,
};

/// Plans what is asked for; refusals are told resource by resource.
#[must_use]
pub fn handle(request: &AlterConfigsRequest, view: View<'_>) -> Change<AlterConfigsResponse> {
    let asked: alloc::vec::Vec<_> = request.resources.iter().map(asked).collect();
    let planned = plan(&asked, view);
    let outcomes = request.resources.iter().zip(planned.outcomes);
    let responses = outcomes.map(|(resource, outcome)| response(resource, outcome)).collect();
    let response = AlterConfigsResponse { responses, ..Default::default() };
    if request.validate_only { Change::nothing(response) } else { Change { records: planned.records, response } }
}

fn asked(resource: &AlterConfigsResource) -> Asked<'_> {
    let edits = resource.configs.iter().map(|config| Edit {
        name: &config.name,
        operation: operation::SET,
        value: config.value.as_deref(),
    });
    Asked {
        resource_type: resource.resource_type,
        resource_name: &resource.resource_name,
        edits: edits.collect(),
        others: Others::Go,
    }
}

fn response(resource: &AlterConfigsResource, outcome: Result<(), ApiError>) -> AlterConfigsResourceResponse {
    let (error_code, error_message) = ApiError::parts(outcome);
    AlterConfigsResourceResponse {
        error_code,
        error_message,
        resource_type: resource.resource_type,
        resource_name: resource.resource_name.clone(),
        ..Default::default()
    }
}
