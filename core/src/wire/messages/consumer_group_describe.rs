//! ConsumerGroupDescribe: what consumer groups of KIP-848 look like.

use alloc::vec::Vec;

use crate::wire::{Str, Uuid};

message! {
    /// What consumer groups of KIP-848 look like.
    request ConsumerGroupDescribe = 69, versions 0..=1, flexible 0..;
    struct ConsumerGroupDescribeRequest {
        group_ids: Vec<Str>,
        include_authorized_operations: bool,
    }
}

message! {
    /// What consumer groups of KIP-848 look like.
    response ConsumerGroupDescribe = 69, versions 0..=1, flexible 0..;
    struct ConsumerGroupDescribeResponse {
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
        instance_id: Option<Str>,
        rack_id: Option<Str>,
        member_epoch: i32,
        client_id: Str,
        client_host: Str,
        subscribed_topic_names: Vec<Str>,
        subscribed_topic_regex: Option<Str>,
        assignment: Assignment,
        target_assignment: Assignment,
        member_type: i8 [1..] = -1,
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
