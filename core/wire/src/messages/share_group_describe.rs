//! ShareGroupDescribe: what share groups look like.

use alloc::vec::Vec;

use crate::{Str, Uuid};

message! {
    /// Asks for groups by id (KIP-932). v0 was never stable.
    request ShareGroupDescribe = 77, versions 1..=1, flexible 0..;
    struct ShareGroupDescribeRequest {
        group_ids: Vec<Str>,
        include_authorized_operations: bool,
    }
}

message! {
    /// Groups and their members.
    response ShareGroupDescribe = 77, versions 1..=1, flexible 0..;
    struct ShareGroupDescribeResponse {
        throttle_time_ms: i32,
        groups: Vec<DescribedGroup>,
    }
    struct DescribedGroup {
        error_code: i16,
        error_message: Option<Str>,
        group_id: Str,
        /// `Empty`, `Stable`, `Dead`; empty on an error.
        group_state: Str,
        /// Rises with every change of members, subscriptions or topics.
        group_epoch: i32,
        /// The group epoch that the assignment was made for.
        assignment_epoch: i32,
        /// Who makes the assignment.
        assignor_name: Str,
        members: Vec<Member>,
        /// One bit an operation, by its number in ACLs; `i32::MIN` when not asked for.
        authorized_operations: i32 = i32::MIN,
    }
    struct Member {
        member_id: Str,
        rack_id: Option<Str>,
        /// The assignment epoch that the member has reached.
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
