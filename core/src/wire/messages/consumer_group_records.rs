//! Records of `__consumer_offsets` for consumer groups of KIP-848.

use alloc::vec::Vec;

use bytes::Bytes;

use crate::wire::{Str, Uuid};

message! {
    /// Records of `__consumer_offsets` for consumer groups of KIP-848.
    coordinator_key ConsumerGroupMetadataKey = 3, versions 0..=0;
    struct ConsumerGroupMetadataKey {
        group_id: Str,
    }
}

message! {
    /// Records of `__consumer_offsets` for consumer groups of KIP-848.
    coordinator_value ConsumerGroupMetadataValue = 3, versions 0..=0, flexible 0..;
    struct ConsumerGroupMetadataValue {
        epoch: i32,
        metadata_hash: i64 [tag 0],
    }
}

message! {
    /// Records of `__consumer_offsets` for consumer groups of KIP-848.
    coordinator_key ConsumerGroupPartitionMetadataKey = 4, versions 0..=0;
    struct ConsumerGroupPartitionMetadataKey {
        group_id: Str,
    }
}

message! {
    /// Records of `__consumer_offsets` for consumer groups of KIP-848.
    coordinator_value ConsumerGroupPartitionMetadataValue = 4, versions 0..=0, flexible 0..;
    struct ConsumerGroupPartitionMetadataValue {
        topics: Vec<TopicMetadata>,
    }
    struct TopicMetadata {
        topic_id: Uuid,
        topic_name: Str,
        num_partitions: i32,
        partition_metadata: Vec<PartitionMetadata>,
    }
    struct PartitionMetadata {
        partition: i32,
        racks: Vec<Str>,
    }
}

message! {
    /// Records of `__consumer_offsets` for consumer groups of KIP-848.
    coordinator_key ConsumerGroupMemberMetadataKey = 5, versions 0..=0;
    struct ConsumerGroupMemberMetadataKey {
        group_id: Str,
        member_id: Str,
    }
}

message! {
    /// Records of `__consumer_offsets` for consumer groups of KIP-848.
    coordinator_value ConsumerGroupMemberMetadataValue = 5, versions 0..=0, flexible 0..;
    struct ConsumerGroupMemberMetadataValue {
        instance_id: Option<Str>,
        rack_id: Option<Str>,
        client_id: Str,
        client_host: Str,
        subscribed_topic_names: Vec<Str>,
        subscribed_topic_regex: Option<Str>,
        rebalance_timeout_ms: i32 = -1,
        server_assignor: Option<Str>,
        classic_member_metadata: Option<ClassicMemberMetadata> [tag 0] = Some(ClassicMemberMetadata::default()),
    }
    struct ClassicMemberMetadata {
        session_timeout_ms: i32,
        supported_protocols: Vec<ClassicProtocol>,
    }
    struct ClassicProtocol {
        name: Str,
        metadata: Bytes,
    }
}

message! {
    /// Records of `__consumer_offsets` for consumer groups of KIP-848.
    coordinator_key ConsumerGroupTargetAssignmentMetadataKey = 6, versions 0..=0;
    struct ConsumerGroupTargetAssignmentMetadataKey {
        group_id: Str,
    }
}

message! {
    /// Records of `__consumer_offsets` for consumer groups of KIP-848.
    coordinator_value ConsumerGroupTargetAssignmentMetadataValue = 6, versions 0..=0, flexible 0..;
    struct ConsumerGroupTargetAssignmentMetadataValue {
        assignment_epoch: i32,
        assignment_timestamp: i64 [tag 0],
    }
}

message! {
    /// Records of `__consumer_offsets` for consumer groups of KIP-848.
    coordinator_key ConsumerGroupTargetAssignmentMemberKey = 7, versions 0..=0;
    struct ConsumerGroupTargetAssignmentMemberKey {
        group_id: Str,
        member_id: Str,
    }
}

message! {
    /// Records of `__consumer_offsets` for consumer groups of KIP-848.
    coordinator_value ConsumerGroupTargetAssignmentMemberValue = 7, versions 0..=0, flexible 0..;
    struct ConsumerGroupTargetAssignmentMemberValue {
        topic_partitions: Vec<TopicPartition>,
    }
    struct TopicPartition {
        topic_id: Uuid,
        partitions: Vec<i32>,
    }
}

message! {
    /// Records of `__consumer_offsets` for consumer groups of KIP-848.
    coordinator_key ConsumerGroupCurrentMemberAssignmentKey = 8, versions 0..=0;
    struct ConsumerGroupCurrentMemberAssignmentKey {
        group_id: Str,
        member_id: Str,
    }
}

message! {
    /// Records of `__consumer_offsets` for consumer groups of KIP-848.
    coordinator_value ConsumerGroupCurrentMemberAssignmentValue = 8, versions 0..=0, flexible 0..;
    struct ConsumerGroupCurrentMemberAssignmentValue {
        member_epoch: i32,
        previous_member_epoch: i32,
        state: i8,
        assigned_partitions: Vec<TopicPartitions>,
        partitions_pending_revocation: Vec<TopicPartitions>,
    }
    struct TopicPartitions {
        topic_id: Uuid,
        partitions: Vec<i32>,
        assignment_epochs: Option<Vec<i32>> [tag 0] = Some(Vec::new()),
    }
}

message! {
    /// Records of `__consumer_offsets` for consumer groups of KIP-848.
    coordinator_key ConsumerGroupRegularExpressionKey = 16, versions 0..=0;
    struct ConsumerGroupRegularExpressionKey {
        group_id: Str,
        regular_expression: Str,
    }
}

message! {
    /// Records of `__consumer_offsets` for consumer groups of KIP-848.
    coordinator_value ConsumerGroupRegularExpressionValue = 16, versions 0..=0, flexible 0..;
    struct ConsumerGroupRegularExpressionValue {
        topics: Vec<Str>,
        version: i64,
        timestamp: i64,
    }
}
