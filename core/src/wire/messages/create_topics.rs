//! CreateTopics: new topics.

use alloc::vec::Vec;

use crate::wire::{Str, Uuid};

message! {
    /// Topics by partition count or by assignment, with their configs. Counts of -1 are the broker's defaults since v4.
    request CreateTopics = 19, versions 2..=7, flexible 5..;
    struct CreateTopicsRequest {
        topics: Vec<CreatableTopic>,
        timeout_ms: i32 = 60000,
        validate_only: bool,
    }
    struct CreatableTopic {
        name: Str,
        num_partitions: i32,
        replication_factor: i16,
        assignments: Vec<CreatableReplicaAssignment>,
        configs: Vec<CreatableTopicConfig>,
    }
    struct CreatableReplicaAssignment {
        partition_index: i32,
        broker_ids: Vec<i32>,
    }
    struct CreatableTopicConfig {
        name: Str,
        value: Option<Str>,
    }
}

message! {
    /// What became of each topic. What it is like since v5, its id since v7.
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
        topic_config_error_code: i16 [5.. tag 0],
        num_partitions: i32 [5..] = -1,
        replication_factor: i16 [5..] = -1,
        configs: Option<Vec<CreatableTopicConfigs>> [5..],
    }
    struct CreatableTopicConfigs {
        name: Str,
        value: Option<Str>,
        read_only: bool,
        config_source: i8 = -1,
        is_sensitive: bool,
    }
}
