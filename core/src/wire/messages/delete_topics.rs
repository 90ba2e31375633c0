//! DeleteTopics: topics that go, with all their records.

use alloc::vec::Vec;

use crate::wire::{Str, Uuid};

message! {
    /// Topics by name, since v6 also by id.
    request DeleteTopics = 20, versions 1..=6, flexible 4..;
    struct DeleteTopicsRequest {
        topics: Vec<DeleteTopicState> [6..],
        topic_names: Vec<Str> [..=5],
        timeout_ms: i32,
    }
    struct DeleteTopicState {
        name: Option<Str>,
        topic_id: Uuid,
    }
}

message! {
    /// What became of each topic.
    response DeleteTopics = 20, versions 1..=6, flexible 4..;
    struct DeleteTopicsResponse {
        throttle_time_ms: i32,
        responses: Vec<DeletableTopicResult>,
    }
    struct DeletableTopicResult {
        name: Option<Str> [nullable 6..] = Some(Str::default()),
        topic_id: Uuid [6..],
        error_code: i16,
        error_message: Option<Str> [5..],
    }
}
