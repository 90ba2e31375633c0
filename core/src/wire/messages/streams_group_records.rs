//! Records of `__consumer_offsets` for streams groups (KIP-1071).

use alloc::vec::Vec;

use crate::wire::Str;

message! {
    /// Records of `__consumer_offsets` for streams groups (KIP-1071).
    coordinator_key StreamsGroupMetadataKey = 17, versions 0..=0;
    struct StreamsGroupMetadataKey {
        group_id: Str,
    }
}

message! {
    /// Records of `__consumer_offsets` for streams groups (KIP-1071).
    coordinator_value StreamsGroupMetadataValue = 17, versions 0..=0, flexible 0..;
    struct StreamsGroupMetadataValue {
        epoch: i32,
        metadata_hash: i64,
        validated_topology_epoch: i32 [tag 0] = -1,
        last_assignment_configs: Option<Vec<LastAssignmentConfig>> [tag 1] = Some(Vec::new()),
    }
    struct LastAssignmentConfig {
        key: Str,
        value: Str,
    }
}

message! {
    /// Records of `__consumer_offsets` for streams groups (KIP-1071).
    coordinator_key StreamsGroupMemberMetadataKey = 19, versions 0..=0;
    struct StreamsGroupMemberMetadataKey {
        group_id: Str,
        member_id: Str,
    }
}

message! {
    /// Records of `__consumer_offsets` for streams groups (KIP-1071).
    coordinator_value StreamsGroupMemberMetadataValue = 19, versions 0..=0, flexible 0..;
    struct StreamsGroupMemberMetadataValue {
        instance_id: Option<Str>,
        rack_id: Option<Str>,
        client_id: Str,
        client_host: Str,
        rebalance_timeout_ms: i32 = -1,
        topology_epoch: i32,
        process_id: Str,
        user_endpoint: Option<Endpoint>,
        client_tags: Vec<KeyValue>,
    }
    struct Endpoint {
        host: Str,
        port: u16,
    }
    struct KeyValue {
        key: Str,
        value: Str,
    }
}

message! {
    /// Records of `__consumer_offsets` for streams groups (KIP-1071).
    coordinator_key StreamsGroupTargetAssignmentMetadataKey = 20, versions 0..=0;
    struct StreamsGroupTargetAssignmentMetadataKey {
        group_id: Str,
    }
}

message! {
    /// Records of `__consumer_offsets` for streams groups (KIP-1071).
    coordinator_value StreamsGroupTargetAssignmentMetadataValue = 20, versions 0..=0, flexible 0..;
    struct StreamsGroupTargetAssignmentMetadataValue {
        assignment_epoch: i32,
        assignment_timestamp: i64 [tag 0],
    }
}

message! {
    /// Records of `__consumer_offsets` for streams groups (KIP-1071).
    coordinator_key StreamsGroupTargetAssignmentMemberKey = 21, versions 0..=0;
    struct StreamsGroupTargetAssignmentMemberKey {
        group_id: Str,
        member_id: Str,
    }
}

message! {
    /// Records of `__consumer_offsets` for streams groups (KIP-1071).
    coordinator_value StreamsGroupTargetAssignmentMemberValue = 21, versions 0..=0, flexible 0..;
    struct StreamsGroupTargetAssignmentMemberValue {
        active_tasks: Vec<TaskIds>,
        standby_tasks: Vec<TaskIds>,
        warmup_tasks: Vec<TaskIds>,
    }
    struct TaskIds {
        subtopology_id: Str,
        partitions: Vec<i32>,
    }
}

message! {
    /// Records of `__consumer_offsets` for streams groups (KIP-1071).
    coordinator_key StreamsGroupCurrentMemberAssignmentKey = 22, versions 0..=0;
    struct StreamsGroupCurrentMemberAssignmentKey {
        group_id: Str,
        member_id: Str,
    }
}

message! {
    /// Records of `__consumer_offsets` for streams groups (KIP-1071).
    coordinator_value StreamsGroupCurrentMemberAssignmentValue = 22, versions 0..=0, flexible 0..;
    struct StreamsGroupCurrentMemberAssignmentValue {
        member_epoch: i32,
        previous_member_epoch: i32,
        state: i8,
        active_tasks: Vec<AssignedTaskIds>,
        standby_tasks: Vec<AssignedTaskIds>,
        warmup_tasks: Vec<AssignedTaskIds>,
        active_tasks_pending_revocation: Vec<AssignedTaskIds>,
        standby_tasks_pending_revocation: Vec<AssignedTaskIds>,
        warmup_tasks_pending_revocation: Vec<AssignedTaskIds>,
    }
    struct AssignedTaskIds {
        subtopology_id: Str,
        partitions: Vec<i32>,
        assignment_epochs: Option<Vec<i32>> [tag 0] = Some(Vec::new()),
    }
}

message! {
    /// Records of `__consumer_offsets` for streams groups (KIP-1071).
    coordinator_key StreamsGroupTopologyKey = 23, versions 0..=0;
    struct StreamsGroupTopologyKey {
        group_id: Str,
    }
}

message! {
    /// Records of `__consumer_offsets` for streams groups (KIP-1071).
    coordinator_value StreamsGroupTopologyValue = 23, versions 0..=0, flexible 0..;
    struct StreamsGroupTopologyValue {
        epoch: i32,
        subtopologies: Vec<Subtopology>,
    }
    struct Subtopology {
        subtopology_id: Str,
        source_topics: Vec<Str>,
        source_topic_regex: Vec<Str>,
        state_changelog_topics: Vec<TopicInfo>,
        repartition_sink_topics: Vec<Str>,
        repartition_source_topics: Vec<TopicInfo>,
        copartition_groups: Vec<CopartitionGroup>,
    }
    struct TopicInfo {
        name: Str,
        partitions: i32,
        replication_factor: i16,
        topic_configs: Vec<TopicConfig>,
    }
    struct TopicConfig {
        key: Str,
        value: Str,
    }
    struct CopartitionGroup {
        source_topics: Vec<i16>,
        source_topic_regex: Vec<i16>,
        repartition_source_topics: Vec<i16>,
    }
}
