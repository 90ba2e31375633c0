//! Records of `__consumer_offsets` for share groups (KIP-932).

use alloc::vec::Vec;

use crate::wire::{Str, Uuid};

message! {
    /// Records of `__consumer_offsets` for share groups (KIP-932).
    coordinator_key ShareGroupMemberMetadataKey = 10, versions 0..=0;
    struct ShareGroupMemberMetadataKey {
        group_id: Str,
        member_id: Str,
    }
}

message! {
    /// Records of `__consumer_offsets` for share groups (KIP-932).
    coordinator_value ShareGroupMemberMetadataValue = 10, versions 0..=0, flexible 0..;
    struct ShareGroupMemberMetadataValue {
        rack_id: Option<Str>,
        client_id: Str,
        client_host: Str,
        subscribed_topic_names: Vec<Str>,
    }
}

message! {
    /// Records of `__consumer_offsets` for share groups (KIP-932).
    coordinator_key ShareGroupMetadataKey = 11, versions 0..=0;
    struct ShareGroupMetadataKey {
        group_id: Str,
    }
}

message! {
    /// Records of `__consumer_offsets` for share groups (KIP-932).
    coordinator_value ShareGroupMetadataValue = 11, versions 0..=0, flexible 0..;
    struct ShareGroupMetadataValue {
        epoch: i32,
        metadata_hash: i64,
    }
}

message! {
    /// Records of `__consumer_offsets` for share groups (KIP-932).
    coordinator_key ShareGroupTargetAssignmentMetadataKey = 12, versions 0..=0;
    struct ShareGroupTargetAssignmentMetadataKey {
        group_id: Str,
    }
}

message! {
    /// Records of `__consumer_offsets` for share groups (KIP-932).
    coordinator_value ShareGroupTargetAssignmentMetadataValue = 12, versions 0..=0, flexible 0..;
    struct ShareGroupTargetAssignmentMetadataValue {
        assignment_epoch: i32,
        assignment_timestamp: i64 [tag 0],
    }
}

message! {
    /// Records of `__consumer_offsets` for share groups (KIP-932).
    coordinator_key ShareGroupTargetAssignmentMemberKey = 13, versions 0..=0;
    struct ShareGroupTargetAssignmentMemberKey {
        group_id: Str,
        member_id: Str,
    }
}

message! {
    /// Records of `__consumer_offsets` for share groups (KIP-932).
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
    /// Records of `__consumer_offsets` for share groups (KIP-932).
    coordinator_key ShareGroupCurrentMemberAssignmentKey = 14, versions 0..=0;
    struct ShareGroupCurrentMemberAssignmentKey {
        group_id: Str,
        member_id: Str,
    }
}

message! {
    /// Records of `__consumer_offsets` for share groups (KIP-932).
    coordinator_value ShareGroupCurrentMemberAssignmentValue = 14, versions 0..=0, flexible 0..;
    struct ShareGroupCurrentMemberAssignmentValue {
        member_epoch: i32,
        previous_member_epoch: i32,
        state: i8,
        assigned_partitions: Vec<TopicPartitions>,
    }
    struct TopicPartitions {
        topic_id: Uuid,
        partitions: Vec<i32>,
    }
}

message! {
    /// Records of `__consumer_offsets` for share groups (KIP-932).
    coordinator_key ShareGroupStatePartitionMetadataKey = 15, versions 0..=0;
    struct ShareGroupStatePartitionMetadataKey {
        group_id: Str,
    }
}

message! {
    /// Records of `__consumer_offsets` for share groups (KIP-932).
    coordinator_value ShareGroupStatePartitionMetadataValue = 15, versions 0..=0, flexible 0..;
    struct ShareGroupStatePartitionMetadataValue {
        initializing_topics: Vec<TopicPartitionsInfo>,
        initialized_topics: Vec<TopicPartitionsInfo>,
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
