//! Records of `__consumer_offsets` for consumer groups (KIP-848).

use alloc::vec::Vec;

use crate::{Slice, Str, Uuid};

message! {
    /// A group. A null value removes it.
    coordinator_key ConsumerGroupMetadataKey = 3, versions 0..=0;
    struct ConsumerGroupMetadataKey {
        group_id: Str,
    }
}

message! {
    /// The group's epoch.
    coordinator_value ConsumerGroupMetadataValue = 3, versions 0..=0, flexible 0..;
    struct ConsumerGroupMetadataValue {
        epoch: i32,
        /// Of the topics that are subscribed to: another one means that they have changed. 0 where there are none.
        metadata_hash: i64 [tag 0],
    }
}

message! {
    /// A group, with the topics that it subscribes to. Kafka 4.0 wrote these; newer ones only remove them.
    coordinator_key ConsumerGroupPartitionMetadataKey = 4, versions 0..=0;
    struct ConsumerGroupPartitionMetadataKey {
        group_id: Str,
    }
}

message! {
    /// The topics as they were at the last assignment.
    coordinator_value ConsumerGroupPartitionMetadataValue = 4, versions 0..=0, flexible 0..;
    struct ConsumerGroupPartitionMetadataValue {
        topics: Vec<TopicMetadata>,
    }
    struct TopicMetadata {
        topic_id: Uuid,
        topic_name: Str,
        num_partitions: i32,
        /// Of no use since Kafka 4.0.
        partition_metadata: Vec<PartitionMetadata>,
    }
    struct PartitionMetadata {
        partition: i32,
        racks: Vec<Str>,
    }
}

message! {
    /// A member of a group. A null value removes it.
    coordinator_key ConsumerGroupMemberMetadataKey = 5, versions 0..=0;
    struct ConsumerGroupMemberMetadataKey {
        group_id: Str,
        member_id: Str,
    }
}

message! {
    /// What the member said of itself.
    coordinator_value ConsumerGroupMemberMetadataValue = 5, versions 0..=0, flexible 0..;
    struct ConsumerGroupMemberMetadataValue {
        /// Of a static member; null for others.
        instance_id: Option<Str>,
        rack_id: Option<Str>,
        client_id: Str,
        client_host: Str,
        subscribed_topic_names: Vec<Str>,
        /// Null or empty where it subscribes to names only.
        subscribed_topic_regex: Option<Str>,
        rebalance_timeout_ms: i32 = -1,
        /// Null leaves it to the coordinator.
        server_assignor: Option<Str>,
        /// What a member said that speaks the classic protocol; null for others.
        classic_member_metadata: Option<ClassicMemberMetadata> [tag 0] = Some(ClassicMemberMetadata::default()),
    }
    struct ClassicMemberMetadata {
        session_timeout_ms: i32,
        supported_protocols: Vec<ClassicProtocol>,
    }
    struct ClassicProtocol {
        name: Str,
        /// A version and [`ConsumerProtocolSubscription`](super::consumer_protocol::ConsumerProtocolSubscription).
        metadata: Slice,
    }
}

message! {
    /// A group, with its target assignment. A null value removes it.
    coordinator_key ConsumerGroupTargetAssignmentMetadataKey = 6, versions 0..=0;
    struct ConsumerGroupTargetAssignmentMetadataKey {
        group_id: Str,
    }
}

message! {
    /// The group epoch that the assignment was made for.
    coordinator_value ConsumerGroupTargetAssignmentMetadataValue = 6, versions 0..=0, flexible 0..;
    struct ConsumerGroupTargetAssignmentMetadataValue {
        assignment_epoch: i32,
        /// When it was made, in ms since 1970; 0 where it is unknown.
        assignment_timestamp: i64 [tag 0],
    }
}

message! {
    /// A member of a group, with what it shall have. A null value removes it.
    coordinator_key ConsumerGroupTargetAssignmentMemberKey = 7, versions 0..=0;
    struct ConsumerGroupTargetAssignmentMemberKey {
        group_id: Str,
        member_id: Str,
    }
}

message! {
    /// What it shall have.
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
    /// A member of a group, with what it has. A null value removes it.
    coordinator_key ConsumerGroupCurrentMemberAssignmentKey = 8, versions 0..=0;
    struct ConsumerGroupCurrentMemberAssignmentKey {
        group_id: Str,
        member_id: Str,
    }
}

message! {
    /// What it has.
    coordinator_value ConsumerGroupCurrentMemberAssignmentValue = 8, versions 0..=0, flexible 0..;
    struct ConsumerGroupCurrentMemberAssignmentValue {
        /// The assignment epoch that it has reached; -1 has left, -2 has left for a while as a static member.
        member_epoch: i32,
        /// Is taken too, where the answer with the new one got lost.
        previous_member_epoch: i32,
        /// 0 has all that it shall have, 1 has to give up partitions, 2 waits for partitions that others have to give
        /// up.
        state: i8,
        assigned_partitions: Vec<TopicPartitions>,
        /// Those that it has to give up.
        partitions_pending_revocation: Vec<TopicPartitions>,
    }
    struct TopicPartitions {
        topic_id: Uuid,
        partitions: Vec<i32>,
        /// Since which epoch it has each of the partitions, so that late commits are found out. Null or empty where
        /// that is unknown.
        assignment_epochs: Option<Vec<i32>> [tag 0] = Some(Vec::new()),
    }
}

message! {
    /// A regular expression that members of a group subscribe to. A null value removes it.
    coordinator_key ConsumerGroupRegularExpressionKey = 16, versions 0..=0;
    struct ConsumerGroupRegularExpressionKey {
        group_id: Str,
        regular_expression: Str,
    }
}

message! {
    /// The topics that it matches.
    coordinator_value ConsumerGroupRegularExpressionValue = 16, versions 0..=0, flexible 0..;
    struct ConsumerGroupRegularExpressionValue {
        topics: Vec<Str>,
        /// The offset of the metadata log up to which topics were looked at.
        version: i64,
        /// When they were looked at, in ms since 1970.
        timestamp: i64,
    }
}
