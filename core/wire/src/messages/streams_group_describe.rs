//! StreamsGroupDescribe: what streams groups look like.

use alloc::vec::Vec;

use crate::Str;

message! {
    /// Asks for groups by id (KIP-1071).
    request StreamsGroupDescribe = 89, versions 0..=0, flexible 0..;
    struct StreamsGroupDescribeRequest {
        group_ids: Vec<Str>,
        include_authorized_operations: bool,
    }
}

message! {
    /// Groups, their topology and their members.
    response StreamsGroupDescribe = 89, versions 0..=0, flexible 0..;
    struct StreamsGroupDescribeResponse {
        throttle_time_ms: i32,
        groups: Vec<DescribedGroup>,
    }
    struct DescribedGroup {
        error_code: i16,
        error_message: Option<Str>,
        group_id: Str,
        /// `Empty`, `NotReady`, `Assigning`, `Reconciling`, `Stable`, `Dead`; empty on an error.
        group_state: Str,
        /// Rises with every change of members, topology or topics.
        group_epoch: i32,
        /// The group epoch that the target assignment was made for.
        assignment_epoch: i32,
        /// Null on an error.
        topology: Option<Topology>,
        members: Vec<Member>,
        /// One bit an operation, by its number in ACLs; `i32::MIN` when not asked for.
        authorized_operations: i32 = i32::MIN,
    }
    /// What the application reads, writes and keeps: the operators, cut into parts that can run apart.
    struct Topology {
        /// Rises when the application changes its topology.
        epoch: i32,
        /// With topics instead of regular expressions. Null while topics are missing or do not fit together.
        subtopologies: Option<Vec<Subtopology>>,
    }
    struct Subtopology {
        subtopology_id: Str,
        source_topics: Vec<Str>,
        /// Internal topics that it writes for other parts.
        repartition_sink_topics: Vec<Str>,
        /// Internal topics with the changes of its state.
        state_changelog_topics: Vec<TopicInfo>,
        /// Internal topics that it reads from other parts.
        repartition_source_topics: Vec<TopicInfo>,
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
    struct Member {
        member_id: Str,
        /// The assignment epoch that the member has reached.
        member_epoch: i32,
        /// Of a static member; null for others.
        instance_id: Option<Str>,
        rack_id: Option<Str>,
        client_id: Str,
        client_host: Str,
        /// The topology that it runs.
        topology_epoch: i32,
        /// Of the program: may have several members.
        process_id: Str,
        /// Where others ask for its state (interactive queries); null where they can't.
        user_endpoint: Option<Endpoint>,
        /// Where it runs, for the placement of standby tasks.
        client_tags: Vec<KeyValue>,
        /// How far it has restored its state, by task.
        task_offsets: Vec<TaskOffset>,
        /// How far it could restore it, by task.
        task_end_offsets: Vec<TaskOffset>,
        /// What it has now.
        assignment: Assignment,
        /// What it shall have.
        target_assignment: Assignment,
        /// It speaks the classic protocol.
        is_classic: bool,
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
    struct Assignment {
        /// Read and write.
        active_tasks: Vec<TaskIds>,
        /// Keep a copy of the state.
        standby_tasks: Vec<TaskIds>,
        /// Make a copy of the state, to become active.
        warmup_tasks: Vec<TaskIds>,
    }
    struct TaskIds {
        subtopology_id: Str,
        partitions: Vec<i32>,
    }
}
