//! Records of `__consumer_offsets` for streams groups (KIP-1071).

use alloc::vec::Vec;

use crate::Str;

message! {
    /// A group. A null value removes it.
    coordinator_key StreamsGroupMetadataKey = 17, versions 0..=0;
    struct StreamsGroupMetadataKey {
        group_id: Str,
    }
}

message! {
    /// The group's epoch.
    coordinator_value StreamsGroupMetadataValue = 17, versions 0..=0, flexible 0..;
    struct StreamsGroupMetadataValue {
        epoch: i32,
        /// Of the topics of its topology: another one means that they have changed.
        metadata_hash: i64,
        /// The topology whose topics were found complete; -1 where none was.
        validated_topology_epoch: i32 [tag 0] = -1,
        /// What the last assignment was made by; null or empty where there was none.
        last_assignment_configs: Option<Vec<LastAssignmentConfig>> [tag 1] = Some(Vec::new()),
    }
    struct LastAssignmentConfig {
        key: Str,
        value: Str,
    }
}

message! {
    /// A member of a group. A null value removes it.
    coordinator_key StreamsGroupMemberMetadataKey = 19, versions 0..=0;
    struct StreamsGroupMemberMetadataKey {
        group_id: Str,
        member_id: Str,
    }
}

message! {
    /// What the member said of itself.
    coordinator_value StreamsGroupMemberMetadataValue = 19, versions 0..=0, flexible 0..;
    struct StreamsGroupMemberMetadataValue {
        /// Of a static member; null for others.
        instance_id: Option<Str>,
        rack_id: Option<Str>,
        client_id: Str,
        client_host: Str,
        rebalance_timeout_ms: i32 = -1,
        /// The topology that it runs.
        topology_epoch: i32,
        /// Of the program: may have several members.
        process_id: Str,
        /// Where others ask for its state (interactive queries); null where they can't.
        user_endpoint: Option<Endpoint>,
        /// Where it runs, for the placement of standby tasks.
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
    /// A group, with its target assignment. A null value removes it.
    coordinator_key StreamsGroupTargetAssignmentMetadataKey = 20, versions 0..=0;
    struct StreamsGroupTargetAssignmentMetadataKey {
        group_id: Str,
    }
}

message! {
    /// The group epoch that the assignment was made for.
    coordinator_value StreamsGroupTargetAssignmentMetadataValue = 20, versions 0..=0, flexible 0..;
    struct StreamsGroupTargetAssignmentMetadataValue {
        assignment_epoch: i32,
        /// When it was made, in ms since 1970; 0 where it is unknown.
        assignment_timestamp: i64 [tag 0],
    }
}

message! {
    /// A member of a group, with the tasks that it shall have. A null value removes it.
    coordinator_key StreamsGroupTargetAssignmentMemberKey = 21, versions 0..=0;
    struct StreamsGroupTargetAssignmentMemberKey {
        group_id: Str,
        member_id: Str,
    }
}

message! {
    /// The tasks that it shall have.
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
    /// A member of a group, with the tasks that it has. A null value removes it.
    coordinator_key StreamsGroupCurrentMemberAssignmentKey = 22, versions 0..=0;
    struct StreamsGroupCurrentMemberAssignmentKey {
        group_id: Str,
        member_id: Str,
    }
}

message! {
    /// The tasks that it has.
    coordinator_value StreamsGroupCurrentMemberAssignmentValue = 22, versions 0..=0, flexible 0..;
    struct StreamsGroupCurrentMemberAssignmentValue {
        /// The assignment epoch that it has reached; -1 has left, -2 has left for a while as a static member.
        member_epoch: i32,
        /// Is taken too, where the answer with the new one got lost.
        previous_member_epoch: i32,
        /// 1 has all that it shall have, 2 has to give up tasks, 3 waits for tasks that others have to give up.
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
        /// Since which epoch it has each of the partitions, so that late commits are found out. Null or empty where
        /// that is unknown, as for all but active tasks.
        assignment_epochs: Option<Vec<i32>> [tag 0] = Some(Vec::new()),
    }
}

message! {
    /// A group, with the topology that it runs. A null value removes it.
    coordinator_key StreamsGroupTopologyKey = 23, versions 0..=0;
    struct StreamsGroupTopologyKey {
        group_id: Str,
    }
}

message! {
    /// The topology, as its members sent it.
    coordinator_value StreamsGroupTopologyValue = 23, versions 0..=0, flexible 0..;
    struct StreamsGroupTopologyValue {
        /// Rises when the application changes its topology.
        epoch: i32,
        subtopologies: Vec<Subtopology>,
    }
    struct Subtopology {
        subtopology_id: Str,
        source_topics: Vec<Str>,
        source_topic_regex: Vec<Str>,
        /// Internal topics with the changes of its state.
        state_changelog_topics: Vec<TopicInfo>,
        /// Internal topics that it writes for other parts.
        repartition_sink_topics: Vec<Str>,
        /// Internal topics that it reads from other parts.
        repartition_source_topics: Vec<TopicInfo>,
        /// Topics that must have the same number of partitions.
        copartition_groups: Vec<CopartitionGroup>,
    }
    struct TopicInfo {
        name: Str,
        /// 0 where any number is fine; always for changelogs.
        partitions: i32,
        /// 0 for the broker's default.
        replication_factor: i16,
        topic_configs: Vec<TopicConfig>,
    }
    struct TopicConfig {
        key: Str,
        value: Str,
    }
    /// Places in the lists of the subtopology, from 0.
    struct CopartitionGroup {
        source_topics: Vec<i16>,
        source_topic_regex: Vec<i16>,
        repartition_source_topics: Vec<i16>,
    }
}
