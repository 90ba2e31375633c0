//! Records of `__consumer_offsets` for share groups (KIP-932).

use alloc::vec::Vec;

use crate::{Str, Uuid};

message! {
    /// A member of a group. A null value removes it.
    coordinator_key ShareGroupMemberMetadataKey = 10, versions 0..=0;
    struct ShareGroupMemberMetadataKey {
        group_id: Str,
        member_id: Str,
    }
}

message! {
    /// What the member said of itself.
    coordinator_value ShareGroupMemberMetadataValue = 10, versions 0..=0, flexible 0..;
    struct ShareGroupMemberMetadataValue {
        rack_id: Option<Str>,
        client_id: Str,
        client_host: Str,
        subscribed_topic_names: Vec<Str>,
    }
}

message! {
    /// A group. A null value removes it.
    coordinator_key ShareGroupMetadataKey = 11, versions 0..=0;
    struct ShareGroupMetadataKey {
        group_id: Str,
    }
}

message! {
    /// The group's epoch.
    coordinator_value ShareGroupMetadataValue = 11, versions 0..=0, flexible 0..;
    struct ShareGroupMetadataValue {
        epoch: i32,
        /// Of the topics that are subscribed to: another one means that they have changed.
        metadata_hash: i64,
    }
}

message! {
    /// A group, with its assignment. A null value removes it.
    coordinator_key ShareGroupTargetAssignmentMetadataKey = 12, versions 0..=0;
    struct ShareGroupTargetAssignmentMetadataKey {
        group_id: Str,
    }
}

message! {
    /// The group epoch that the assignment was made for.
    coordinator_value ShareGroupTargetAssignmentMetadataValue = 12, versions 0..=0, flexible 0..;
    struct ShareGroupTargetAssignmentMetadataValue {
        assignment_epoch: i32,
        /// When it was made, in ms since 1970; 0 where it is unknown.
        assignment_timestamp: i64 [tag 0],
    }
}

message! {
    /// A member of a group, with what it shall have. A null value removes it.
    coordinator_key ShareGroupTargetAssignmentMemberKey = 13, versions 0..=0;
    struct ShareGroupTargetAssignmentMemberKey {
        group_id: Str,
        member_id: Str,
    }
}

message! {
    /// What it shall have.
    coordinator_value ShareGroupTargetAssignmentMemberValue = 13, versions 0..=0, flexible 0..;
    struct ShareGroupTargetAssignmentMemberValue {
        topic_partitions: Vec<TopicPartition>,
    }
    struct TopicPartition {
        topic_id: Uuid,
        partitions: Vec<i32>,
    }
}

message! {
    /// A member of a group, with what it has. A null value removes it.
    coordinator_key ShareGroupCurrentMemberAssignmentKey = 14, versions 0..=0;
    struct ShareGroupCurrentMemberAssignmentKey {
        group_id: Str,
        member_id: Str,
    }
}

message! {
    /// What it has.
    coordinator_value ShareGroupCurrentMemberAssignmentValue = 14, versions 0..=0, flexible 0..;
    struct ShareGroupCurrentMemberAssignmentValue {
        /// The assignment epoch that it has reached.
        member_epoch: i32,
        /// Is taken too, where the answer with the new one got lost.
        previous_member_epoch: i32,
        /// 0 has all that it shall have: in a share group nobody waits for others.
        state: i8,
        assigned_partitions: Vec<TopicPartitions>,
    }
    struct TopicPartitions {
        topic_id: Uuid,
        partitions: Vec<i32>,
    }
}

message! {
    /// A group, with the partitions that the share coordinator keeps for it. A null value removes it.
    coordinator_key ShareGroupStatePartitionMetadataKey = 15, versions 0..=0;
    struct ShareGroupStatePartitionMetadataKey {
        group_id: Str,
    }
}

message! {
    /// Those partitions.
    coordinator_value ShareGroupStatePartitionMetadataValue = 15, versions 0..=0, flexible 0..;
    struct ShareGroupStatePartitionMetadataValue {
        /// The share coordinator was asked to keep them.
        initializing_topics: Vec<TopicPartitionsInfo>,
        /// It keeps them.
        initialized_topics: Vec<TopicPartitionsInfo>,
        /// It was asked to forget them.
        deleting_topics: Vec<TopicInfo>,
    }
    struct TopicPartitionsInfo {
        topic_id: Uuid,
        topic_name: Str,
        partitions: Vec<i32>,
    }
    struct TopicInfo {
        topic_id: Uuid,
        topic_name: Str,
    }
}
