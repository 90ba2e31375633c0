//! AddRaftVoter: this node is a quorum of its own and stays one.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::ApiError;
use super::quorum::{Quorum, ReplicaKey};
use crate::error_code::ErrorCode;
use crate::wire::messages::add_raft_voter::{AddRaftVoterRequest, AddRaftVoterResponse, Listener};

/// Refuses, in Kafka's order of reasons.
#[must_use]
pub(crate) fn handle(request: &AddRaftVoterRequest, quorum: &Quorum<'_>) -> AddRaftVoterResponse {
    let (error_code, error_message) = ApiError::parts(Err(why_not(request, quorum)));
    AddRaftVoterResponse { error_code, error_message, ..Default::default() }
}

fn why_not(request: &AddRaftVoterRequest, quorum: &Quorum<'_>) -> ApiError {
    check(request, quorum).err().unwrap_or_else(|| {
        // A leader first asks a new voter whether it can take part. This one speaks to nobody, so that nobody answers.
        let message = "Aborted add voter operation for since API_VERSIONS returned an error BROKER_NOT_AVAILABLE";
        ApiError::new(ErrorCode::RequestTimedOut, message)
    })
}

fn check(request: &AddRaftVoterRequest, quorum: &Quorum<'_>) -> Result<(), ApiError> {
    quorum.check_cluster(request.cluster_id.as_ref())?;
    let invalid = |message: String| ApiError::new(ErrorCode::InvalidRequest, message);
    let voter = ReplicaKey::of_request(request.voter_id, request.voter_directory_id)
        .ok_or_else(|| invalid("Add voter request didn't include a valid voter".into()))?;
    let name = &*quorum.listener_name;
    if !request.listeners.iter().any(|listener| listener.name.eq_ignore_ascii_case(name)) {
        let endpoints = endpoints(&request.listeners);
        return Err(invalid(format!(
            "Add voter request didn't include the endpoint (Endpoints(endpoints={{{endpoints}}})) for the default listener \
             ListenerName({name})"
        )));
    }
    quorum.check_dynamic("adding")?;
    if voter.id == quorum.voter.id {
        let voters = quorum.voters();
        let message = format!("The voter id for {voter} is already part of the set of voters {voters}.");
        return Err(ApiError::new(ErrorCode::DuplicateVoter, message));
    }
    Ok(())
}

fn endpoints(listeners: &[Listener]) -> String {
    let each = listeners
        .iter()
        .map(|listener| format!("ListenerName({})={}/<unresolved>:{}", listener.name, listener.host, listener.port));
    each.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::api::quorum::example;
    use crate::wire::Uuid;

    fn ask(kraft_version: i16, request: &AddRaftVoterRequest) -> (i16, String) {
        let answer = handle(request, &example(kraft_version));
        (answer.error_code, answer.error_message.as_deref().unwrap_or_default().into())
    }

    fn voter(voter_id: i32) -> AddRaftVoterRequest {
        let listener = Listener { name: "CONTROLLER".into(), host: "there".into(), port: 9, ..Default::default() };
        let listeners = vec![listener];
        AddRaftVoterRequest { voter_id, voter_directory_id: Uuid(5), listeners, ..Default::default() }
    }

    #[test]
    fn voters_that_are_fixed_by_the_configs_are_not_added_to() {
        let (code, message) = ask(0, &voter(2));
        assert_eq!(code, 35);
        assert_eq!(message, "Cluster doesn't support adding voter because the kraft.version feature is 0");
    }

    #[test]
    fn a_voter_in_the_log_is_not_added_twice_and_no_other_can_be_reached() {
        let (code, message) = ask(1, &voter(1));
        assert_eq!(code, 126);
        assert_eq!(
            message,
            "The voter id for ReplicaKey(id=1, directoryId=AAAAAAAAAAAAAAAAAAAABQ) is already part of the set of voters \
             [ReplicaKey(id=1, directoryId=AAAAAAAAAAAAAAAAAAAATQ)]."
        );
        assert_eq!(ask(1, &voter(2)).0, 7);
    }

    #[test]
    fn what_is_no_voter_is_refused_before_the_version_is_looked_at() {
        for version in [0, 1] {
            assert_eq!(ask(version, &voter(-1)).0, 42);
            assert_eq!(ask(version, &AddRaftVoterRequest { voter_directory_id: Uuid::ZERO, ..voter(2) }).0, 42);
            let (code, message) = ask(version, &AddRaftVoterRequest { listeners: vec![], ..voter(2) });
            assert_eq!(code, 42);
            assert!(message.contains("endpoint (Endpoints(endpoints={})) for the default listener"), "{message}");
            let other_cluster = AddRaftVoterRequest { cluster_id: Some("x".into()), ..voter(-1) };
            let told = (104, "The given id \"x\" doesn't match the cluster id \"cluster\"".into());
            assert_eq!(ask(version, &other_cluster), told);
        }
    }
}
