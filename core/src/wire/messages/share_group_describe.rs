//! ShareGroupDescribe: what share groups look like.

use alloc::vec::Vec;

use crate::wire::{Str, Uuid};

message! {
    /// What share groups look like.
    request ShareGroupDescribe = 77, versions 1..=1, flexible 0..;
    struct ShareGroupDescribeRequest {
        group_ids: Vec<Str>,
        include_authorized_operations: bool,
    }
}

message! {
    /// What share groups look like.
    response ShareGroupDescribe = 77, versions 1..=1, flexible 0..;
    struct ShareGroupDescribeResponse {
        throttle_time_ms: i32,
        groups: Vec<DescribedGroup>,
    }
    struct DescribedGroup {
        error_code: i16,
        error_message: Option<Str>,
        group_id: Str,
        group_state: Str,
        group_epoch: i32,
        assignment_epoch: i32,
        assignor_name: Str,
        members: Vec<Member>,
        authorized_operations: i32 = i32::MIN,
    }
    struct Member {
        member_id: Str,
        rack_id: Option<Str>,
        member_epoch: i32,
        client_id: Str,
        client_host: Str,
        subscribed_topic_names: Vec<Str>,
        assignment: Assignment,
    }
    struct Assignment {
        topic_partitions: Vec<TopicPartitions>,
    }
    struct TopicPartitions {
        topic_id: Uuid,
        topic_name: Str,
        partitions: Vec<i32>,
    }
}
