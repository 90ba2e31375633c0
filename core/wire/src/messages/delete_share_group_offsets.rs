//! DeleteShareGroupOffsets: a share group forgets topics.

use alloc::vec::Vec;

use crate::{Str, Uuid};

message! {
    /// Removes what a share group without members knows of topics (KIP-932).
    request DeleteShareGroupOffsets = 92, versions 0..=0, flexible 0..;
    struct DeleteShareGroupOffsetsRequest {
        group_id: Str,
        topics: Vec<DeleteShareGroupOffsetsRequestTopic>,
    }
    struct DeleteShareGroupOffsetsRequestTopic {
        topic_name: Str,
    }
}

message! {
    /// What became of each topic.
    response DeleteShareGroupOffsets = 92, versions 0..=0, flexible 0..;
    struct DeleteShareGroupOffsetsResponse {
        throttle_time_ms: i32,
        error_code: i16,
        error_message: Option<Str>,
        responses: Vec<DeleteShareGroupOffsetsResponseTopic>,
    }
    struct DeleteShareGroupOffsetsResponseTopic {
        topic_name: Str,
        topic_id: Uuid,
        error_code: i16,
        error_message: Option<Str>,
    }
}
