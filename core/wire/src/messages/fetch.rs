//! Fetch: reading records.

use alloc::vec::Vec;

use crate::{Records, Str, Uuid};

message! {
    /// Reads records from partitions, as a client or as a follower. Sessions since v7 (KIP-227), leader epochs since v9
    /// (KIP-320), zstd since v10, the nearest replica since v11 (KIP-392), flexible since v12, topic ids since v13
    /// (KIP-516), tiered offsets refused by name since v14, brokers' epochs since v15 (KIP-903), directories since v17
    /// (KIP-853), the follower's high watermark since v18 (KIP-1166).
    request Fetch = 1, versions 4..=18, flexible 12..;
    struct FetchRequest {
        /// Null where it is not checked; only replicas of the metadata log send it.
        cluster_id: Option<Str> [12.. tag 0],
        /// The follower's broker id; -1 for a consumer.
        replica_id: i32 [..=14] = -1,
        replica_state: ReplicaState [15.. tag 1],
        /// How long to wait for `min_bytes`.
        max_wait_ms: i32,
        min_bytes: i32,
        /// May be exceeded by one batch, so that a large one can be read at all (KIP-74).
        max_bytes: i32 = i32::MAX,
        /// 0 all records, 1 nothing beyond the last stable offset, and which transactions were aborted.
        isolation_level: i8,
        /// 0 for none, or a new one.
        session_id: i32 [7..],
        /// 0 begins a session, -1 ends it or goes without; in between one more with each request.
        session_epoch: i32 [7..] = -1,
        /// In the order in which they are served. In a session only what is new or has changed.
        topics: Vec<FetchTopic>,
        /// What to take out of the session.
        forgotten_topics_data: Vec<ForgottenTopic> [7..],
        /// Where the consumer is, to be sent to a replica near it; empty where it does not say.
        rack_id: Str [11..],
    }
    struct ReplicaState {
        /// The follower's broker id; -1 for a consumer.
        replica_id: i32 = -1,
        /// Of the follower's registration; -1 where there is none.
        replica_epoch: i64 = -1,
    }
    struct FetchTopic {
        topic: Str [..=12],
        topic_id: Uuid [13..],
        partitions: Vec<FetchPartition>,
    }
    struct FetchPartition {
        partition: i32,
        /// As the reader knows it: FENCED_LEADER_EPOCH or UNKNOWN_LEADER_EPOCH where the leader knows a later or
        /// earlier one; -1 is not checked.
        current_leader_epoch: i32 [9..] = -1,
        fetch_offset: i64,
        /// Of the follower's last record, to find where its log leaves the leader's; -1 for consumers.
        last_fetched_epoch: i32 [12..] = -1,
        /// The follower's; -1 for consumers.
        log_start_offset: i64 [5..] = -1,
        /// May be exceeded by one batch, as `max_bytes`.
        partition_max_bytes: i32,
        /// The follower's log directory; zero for consumers.
        replica_directory_id: Uuid [17.. tag 0],
        /// As the follower knows it: the leader answers at once where it has risen. -1 where it is unknown, `i64::MAX`
        /// for who does not care.
        high_watermark: i64 [18.. tag 1] = i64::MAX,
    }
    struct ForgottenTopic {
        topic: Str [..=12],
        topic_id: Uuid [13..],
        partitions: Vec<i32>,
    }
}

message! {
    /// Record sets. The whole error since v7, flexible since v12, topic ids since v13, the new leader's endpoint since
    /// v16 (KIP-951).
    response Fetch = 1, versions 4..=18, flexible 12..;
    struct FetchResponse {
        throttle_time_ms: i32,
        error_code: i16 [7..],
        /// 0 where there is none.
        session_id: i32 [7..],
        /// In a session only what has something new.
        responses: Vec<FetchableTopicResponse>,
        /// Where the leaders are of partitions that this broker does not lead.
        node_endpoints: Vec<NodeEndpoint> [16.. tag 0],
    }
    struct FetchableTopicResponse {
        topic: Str [..=12],
        topic_id: Uuid [13..],
        partitions: Vec<PartitionData>,
    }
    struct PartitionData {
        partition_index: i32,
        error_code: i16,
        /// Consumers see nothing from here on; -1 on an error.
        high_watermark: i64,
        /// All transactions before it have ended; -1 on an error.
        last_stable_offset: i64 = -1,
        /// -1 on an error.
        log_start_offset: i64 [5..] = -1,
        /// Where the follower's log leaves the leader's: it has to cut its own there.
        diverging_epoch: EpochEndOffset [12.. tag 0],
        current_leader: LeaderIdAndEpoch [12.. tag 1],
        /// What a replica of the metadata log has to fetch first, because its next record is gone.
        snapshot_id: SnapshotId [12.. tag 2],
        /// Those that reach into these records, by their first offset; null where all records were asked for.
        aborted_transactions: Option<Vec<AbortedTransaction>>,
        /// A broker nearer to the consumer; -1 for none.
        preferred_read_replica: i32 [11..] = -1,
        /// Whole batches, the first of which may begin before the offset asked for.
        records: Option<Records> = Some(Records::default()),
    }
    struct EpochEndOffset {
        /// -1 for none.
        epoch: i32 = -1,
        end_offset: i64 = -1,
    }
    struct LeaderIdAndEpoch {
        /// -1 where it is unknown.
        leader_id: i32 = -1,
        leader_epoch: i32 = -1,
    }
    struct SnapshotId {
        /// -1 for none.
        end_offset: i64 = -1,
        epoch: i32 = -1,
    }
    struct AbortedTransaction {
        producer_id: i64,
        first_offset: i64,
    }
    struct NodeEndpoint {
        node_id: i32,
        host: Str,
        port: i32,
        rack: Option<Str>,
    }
}
