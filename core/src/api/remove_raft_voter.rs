//! RemoveRaftVoter: a quorum of one node can't do without it.

use alloc::format;

use super::ApiError;
use super::quorum::{Quorum, ReplicaKey};
use crate::error_code::ErrorCode;
use crate::wire::messages::remove_raft_voter::{RemoveRaftVoterRequest, RemoveRaftVoterResponse};

/// Refuses, in Kafka's order of reasons.
#[must_use]
pub(crate) fn handle(request: &RemoveRaftVoterRequest, quorum: &Quorum<'_>) -> RemoveRaftVoterResponse {
    let (error_code, error_message) = ApiError::parts(check(request, quorum));
    RemoveRaftVoterResponse { error_code, error_message, ..Default::default() }
}

fn check(request: &RemoveRaftVoterRequest, quorum: &Quorum<'_>) -> Result<(), ApiError> {
    quorum.check_cluster(request.cluster_id.as_ref())?;
    let voter = ReplicaKey::of_request(request.voter_id, request.voter_directory_id)
        .ok_or_else(|| ApiError::new(ErrorCode::InvalidRequest, "Remove voter request didn't include a valid voter"))?;
    quorum.check_dynamic("removing")?;
    // The last voter is refused in the same words as one that is none.
    let message = format!("Cannot remove voter {voter} from the set of voters {}", quorum.voters());
    Err(ApiError::new(ErrorCode::VoterNotFound, message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::quorum::example;
    use crate::wire::Uuid;

    fn ask(kraft_version: i16, voter_id: i32, directory_id: u128) -> (i16, alloc::string::String) {
        let voter_directory_id = Uuid(directory_id);
        let request = RemoveRaftVoterRequest { voter_id, voter_directory_id, ..Default::default() };
        let answer = handle(&request, &example(kraft_version));
        (answer.error_code, answer.error_message.as_deref().unwrap_or_default().into())
    }

    #[test]
    fn neither_the_last_voter_nor_another_is_removed() {
        let (code, message) = ask(1, 1, 77);
        assert_eq!(code, 127);
        assert_eq!(
            message,
            "Cannot remove voter ReplicaKey(id=1, directoryId=AAAAAAAAAAAAAAAAAAAATQ) from the set of voters \
             [ReplicaKey(id=1, directoryId=AAAAAAAAAAAAAAAAAAAATQ)]"
        );
        assert_eq!(ask(1, 2, 5).0, 127);
        assert_eq!(ask(1, 1, 0).0, 42);
        assert_eq!(ask(0, 1, 77).0, 35);
        assert_eq!(ask(0, 1, 0).0, 42);
    }
}
