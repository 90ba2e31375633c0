//! CreateTopics: new topics.

use alloc::vec::Vec;

use crate::{Str, Uuid};

message! {
    /// Topics by partition count or by assignment, with their configs. Defaults of the broker since v4 (KIP-464),
    /// flexible since v5.
    request CreateTopics = 19, versions 2..=7, flexible 5..;
    struct CreateTopicsRequest {
        topics: Vec<CreatableTopic>,
        timeout_ms: i32 = 60000,
        /// Everything but the creation.
        validate_only: bool,
    }
    struct CreatableTopic {
        name: Str,
        /// -1 for the broker's default, and where `assignments` says it.
        num_partitions: i32,
        /// -1 for the broker's default, and where `assignments` says it.
        replication_factor: i16,
        /// All partitions, or empty to let the controller place them.
        assignments: Vec<CreatableReplicaAssignment>,
        configs: Vec<CreatableTopicConfig>,
    }
    struct CreatableReplicaAssignment {
        partition_index: i32,
        /// The preferred leader first.
        broker_ids: Vec<i32>,
    }
    struct CreatableTopicConfig {
        name: Str,
        /// Null is refused.
        value: Option<Str>,
    }
}

message! {
    /// What became of each topic. What it is like since v5 (KIP-525), its id since v7 (KIP-516).
    response CreateTopics = 19, versions 2..=7, flexible 5..;
    struct CreateTopicsResponse {
        throttle_time_ms: i32,
        topics: Vec<CreatableTopicResult>,
    }
    struct CreatableTopicResult {
        name: Str,
        topic_id: Uuid [7..],
        error_code: i16,
        error_message: Option<Str>,
        /// Why the fields below are missing: the client may not see them.
        topic_config_error_code: i16 [5.. tag 0],
        /// -1 where the client may not see it.
        num_partitions: i32 [5..] = -1,
        /// -1 where the client may not see it.
        replication_factor: i16 [5..] = -1,
        /// Null where the client may not see them.
        configs: Option<Vec<CreatableTopicConfigs>> [5..],
    }
    struct CreatableTopicConfigs {
        name: Str,
        /// Null where it is sensitive.
        value: Option<Str>,
        read_only: bool,
        /// As in DescribeConfigs; -1 where it is unknown.
        config_source: i8 = -1,
        is_sensitive: bool,
    }
}
