//! StreamsGroupHeartbeat: how members of a streams group join, stay, move and leave.

use alloc::vec::Vec;

use crate::Str;

message! {
    /// One message for the whole life of a member (KIP-1071). What is null, or -1 for the timeout, has not changed
    /// since the last heartbeat.
    request StreamsGroupHeartbeat = 88, versions 0..=0, flexible 0..;
    struct StreamsGroupHeartbeatRequest {
        group_id: Str,
        /// A uuid of the member's own making.
        member_id: Str,
        /// The epoch that the member has reached; 0 joins, -1 leaves, -2 leaves for a while as a static member.
        member_epoch: i32,
        /// Of the endpoints that it knows: it gets them again only when there are newer ones.
        endpoint_information_epoch: i32,
        /// Makes it a static member (KIP-345).
        instance_id: Option<Str>,
        rack_id: Option<Str>,
        /// How long it may take to give up tasks.
        rebalance_timeout_ms: i32 = -1,
        /// Only when it joins.
        topology: Option<Topology>,
        /// Those that it has: they read and write.
        active_tasks: Option<Vec<TaskIds>>,
        /// Those that it has: they keep a copy of the state.
        standby_tasks: Option<Vec<TaskIds>>,
        /// Those that it has: they make a copy of the state, to become active.
        warmup_tasks: Option<Vec<TaskIds>>,
        /// Of the program: may have several members.
        process_id: Option<Str>,
        /// Where others ask for its state (interactive queries).
        user_endpoint: Option<Endpoint>,
        /// Where it runs, for the placement of standby tasks.
        client_tags: Option<Vec<KeyValue>>,
        /// How far it has restored its state, by task; every `task_offset_interval_ms`.
        task_offsets: Option<Vec<TaskOffset>>,
        /// How far it could restore it, by task.
        task_end_offsets: Option<Vec<TaskOffset>>,
        /// All members shall end.
        shutdown_application: bool,
    }
    /// What the application reads, writes and keeps: the operators, cut into parts that can run apart.
    struct Topology {
        /// Rises when the application changes its topology.
        epoch: i32,
        subtopologies: Vec<Subtopology>,
    }
    struct Subtopology {
        /// The same in all members of one topology.
        subtopology_id: Str,
        source_topics: Vec<Str>,
        /// RE2 syntax, matched by the coordinator.
        source_topic_regex: Vec<Str>,
        /// Internal topics with the changes of its state: the coordinator creates them.
        state_changelog_topics: Vec<TopicInfo>,
        /// Internal topics that it writes for other parts.
        repartition_sink_topics: Vec<Str>,
        /// Internal topics that it reads from other parts: the coordinator creates them.
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
        topic_configs: Vec<KeyValue>,
    }
    struct KeyValue {
        key: Str,
        value: Str,
    }
    /// Places in the lists of the subtopology, from 0.
    struct CopartitionGroup {
        source_topics: Vec<i16>,
        source_topic_regex: Vec<i16>,
        repartition_source_topics: Vec<i16>,
    }
    struct TaskIds {
        subtopology_id: Str,
        partitions: Vec<i32>,
    }
    struct Endpoint {
        host: Str,
        port: u16,
    }
    struct TaskOffset {
        subtopology_id: Str,
        partition: i32,
        offset: i64,
    }
}

message! {
    /// The member's epoch, and its tasks when they have changed. Null where they are as before.
    response StreamsGroupHeartbeat = 88, versions 0..=0, flexible 0..;
    struct StreamsGroupHeartbeatResponse {
        throttle_time_ms: i32,
        error_code: i16,
        error_message: Option<Str>,
        member_id: Str,
        member_epoch: i32,
        /// When the next heartbeat is due.
        heartbeat_interval_ms: i32,
        /// A warm-up task no further behind than so many records may become active.
        acceptable_recovery_lag: i32,
        /// How often to send task offsets.
        task_offset_interval_ms: i32,
        /// What stands in the group's way.
        status: Option<Vec<Status>>,
        active_tasks: Option<Vec<TaskIds>>,
        standby_tasks: Option<Vec<TaskIds>>,
        warmup_tasks: Option<Vec<TaskIds>>,
        /// Of `partitions_by_user_endpoint`.
        endpoint_information_epoch: i32,
        /// Whom to ask for the state of which partitions.
        partitions_by_user_endpoint: Option<Vec<EndpointToPartitions>>,
    }
    struct Status {
        /// 0 an old topology, 1 source topics are missing, 2 topics do not fit together, 3 internal topics are missing,
        /// 4 the application is to end, 5 the assignment will come later.
        status_code: i8,
        /// For people.
        status_detail: Str,
    }
    struct EndpointToPartitions {
        user_endpoint: Endpoint,
        active_partitions: Vec<TopicPartition>,
        standby_partitions: Vec<TopicPartition>,
    }
    struct TopicPartition {
        topic: Str,
        partitions: Vec<i32>,
    }
}
