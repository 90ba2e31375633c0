//! What the calls about where share groups are have in common: Kafka's words for errors.

use super::ApiError;
use crate::error_code::ErrorCode;
use crate::wire::Str;

/// An error's number, and its words: those that came with it, or else Kafka's own.
pub(super) fn said(error: ApiError) -> (i16, Option<Str>) {
    let code = error.code;
    (code.number(), Some(error.message().unwrap_or_else(|| Str::from_static(words(code)))))
}

/// Kafka's words for an error.
pub(super) fn words(error: ErrorCode) -> &'static str {
    match error {
        ErrorCode::UnsupportedVersion => "The version of API is not supported.",
        ErrorCode::CoordinatorNotAvailable => "The coordinator is not available.",
        ErrorCode::CoordinatorLoadInProgress => "The coordinator is loading and hence can't process requests.",
        ErrorCode::NotCoordinator => "This is not the correct coordinator.",
        ErrorCode::InvalidGroupId => "The group id is invalid.",
        ErrorCode::GroupIdNotFound => "The group id does not exist.",
        ErrorCode::NonEmptyGroup => "The group is not empty.",
        ErrorCode::GroupMaxSizeReached => "The group has reached its maximum size.",
        ErrorCode::UnknownTopicOrPartition => "This server does not host this topic-partition.",
        ErrorCode::InvalidRequest => {
            "This most likely occurs because of a request being malformed by the client library or the message was sent to an incompatible broker. See the broker logs for more details."
        }
        ErrorCode::FencedStateEpoch => {
            "The share coordinator rejected the request because the share-group state epoch did not match."
        }
        ErrorCode::KafkaStorageError => "Disk error when trying to access log file on the disk.",
        ErrorCode::NotLeaderOrFollower => {
            "For requests intended only for the leader, this error indicates that the broker is not the current leader. For requests intended for any replica, this error indicates that the broker is not a replica of the topic partition."
        }
        _ => "The server experienced an unexpected error when processing the request.",
    }
}
