//! ConsumerGroupDescribe: what consumer groups of KIP-848 look like.

use alloc::vec::Vec;

use crate::{Str, Uuid};

message! {
    /// Asks for groups by id.
    request ConsumerGroupDescribe = 69, versions 0..=1, flexible 0..;
    struct ConsumerGroupDescribeRequest {
        group_ids: Vec<Str>,
        include_authorized_operations: bool,
    }
}

message! {
    /// Groups and their members; since v1 which protocol each member speaks (KIP-1099).
    response ConsumerGroupDescribe = 69, versions 0..=1, flexible 0..;
    struct ConsumerGroupDescribeResponse {
        throttle_time_ms: i32,
        groups: Vec<DescribedGroup>,
    }
    struct DescribedGroup {
        error_code: i16,
        error_message: Option<Str>,
        group_id: Str,
        /// `Empty`, `Assigning`, `Reconciling`, `Stable`, `Dead`; empty on an error.
        group_state: Str,
        /// Rises with every change of members, subscriptions or topics.
        group_epoch: i32,
        /// The group epoch that the target assignment was made for.
        assignment_epoch: i32,
        /// Who makes the target assignment.
        assignor_name: Str,
        members: Vec<Member>,
        /// One bit an operation, by its number in ACLs; `i32::MIN` when not asked for.
        authorized_operations: i32 = i32::MIN,
    }
    struct Member {
        member_id: Str,
        /// Of a static member (KIP-345); null for others.
        instance_id: Option<Str>,
        rack_id: Option<Str>,
        /// The assignment epoch that the member has reached.
        member_epoch: i32,
        client_id: Str,
        client_host: Str,
        subscribed_topic_names: Vec<Str>,
        /// Null where it subscribes to names only.
        subscribed_topic_regex: Option<Str>,
        /// What it has now.
        assignment: Assignment,
        /// What it shall have.
        target_assignment: Assignment,
        /// 0 speaks the classic protocol, 1 the new one, -1 unknown.
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
