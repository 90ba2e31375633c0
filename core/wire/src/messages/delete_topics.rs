//! DeleteTopics: topics that go, with all their records.

use alloc::vec::Vec;

use crate::{Str, Uuid};

message! {
    /// Topics by name, since v6 also by id. Flexible since v4.
    request DeleteTopics = 20, versions 1..=6, flexible 4..;
    struct DeleteTopicsRequest {
        topics: Vec<DeleteTopicState> [6..],
        topic_names: Vec<Str> [..=5],
        /// How long to wait for the deletion.
        timeout_ms: i32,
    }
    struct DeleteTopicState {
        /// Null where the id says it.
        name: Option<Str>,
        /// Zero where the name says it.
        topic_id: Uuid,
    }
}

message! {
    /// What became of each topic; an error's message since v5, ids since v6.
    response DeleteTopics = 20, versions 1..=6, flexible 4..;
    struct DeleteTopicsResponse {
        throttle_time_ms: i32,
        responses: Vec<DeletableTopicResult>,
    }
    struct DeletableTopicResult {
        /// Null where an id was given that does not exist, or that the client may not see.
        name: Option<Str> [nullable 6..] = Some(Str::default()),
        topic_id: Uuid [6..],
        error_code: i16,
        error_message: Option<Str> [5..],
    }
}
