//! ShareFetch: reading records as a member of a share group.

use alloc::vec::Vec;

use crate::{Records, Str, Uuid};

message! {
    /// Acquires records for a member, and acknowledges earlier ones on the way (KIP-932). Since v2 the member may
    /// insist on its limit of records (KIP-1206) and ask for more time (KIP-1222).
    request ShareFetch = 78, versions 1..=2, flexible 0..;
    struct ShareFetchRequest {
        group_id: Option<Str>,
        member_id: Option<Str>,
        /// 0 begins a session, -1 ends it; in between one more with each request.
        share_session_epoch: i32,
        /// How long to wait for `min_bytes`.
        max_wait_ms: i32,
        min_bytes: i32,
        max_bytes: i32 = i32::MAX,
        /// May be exceeded, so that a batch stays whole, unless the mode forbids it.
        max_records: i32,
        /// How many records to acquire and acknowledge at a time, where it can be done so.
        batch_size: i32,
        /// 0 whole batches, 1 never more than `max_records`.
        share_acquire_mode: i8 [2..],
        /// Some acknowledgements are of type 4.
        is_renew_ack: bool [2..],
        /// What to add to the session, and what to acknowledge.
        topics: Vec<FetchTopic>,
        /// What to take out of the session.
        forgotten_topics_data: Vec<ForgottenTopic>,
    }
    struct FetchTopic {
        topic_id: Uuid,
        partitions: Vec<FetchPartition>,
    }
    struct FetchPartition {
        partition_index: i32,
        acknowledgement_batches: Vec<AcknowledgementBatch>,
    }
    struct AcknowledgementBatch {
        first_offset: i64,
        /// Belongs to the batch.
        last_offset: i64,
        /// 0 there is no such record, 1 accept, 2 release, 3 reject, 4 renew. One for each record, or one for all.
        acknowledge_types: Vec<i8>,
    }
    struct ForgottenTopic {
        topic_id: Uuid,
        partitions: Vec<i32>,
    }
}

message! {
    /// Records, and which of them the member has now.
    response ShareFetch = 78, versions 1..=2, flexible 0..;
    struct ShareFetchResponse {
        throttle_time_ms: i32,
        error_code: i16,
        error_message: Option<Str>,
        /// How long the records stay with the member.
        acquisition_lock_timeout_ms: i32,
        responses: Vec<ShareFetchableTopicResponse>,
        /// Where the leaders are of partitions that this broker does not lead.
        node_endpoints: Vec<NodeEndpoint>,
    }
    struct ShareFetchableTopicResponse {
        topic_id: Uuid,
        partitions: Vec<PartitionData>,
    }
    struct PartitionData {
        partition_index: i32,
        /// Of the reading.
        error_code: i16,
        error_message: Option<Str>,
        /// Of the acknowledgements in the request.
        acknowledge_error_code: i16,
        acknowledge_error_message: Option<Str>,
        current_leader: LeaderIdAndEpoch,
        /// Whole batches: may hold more than was acquired.
        records: Records,
        acquired_records: Vec<AcquiredRecords>,
    }
    struct LeaderIdAndEpoch {
        /// -1 where it is unknown.
        leader_id: i32,
        leader_epoch: i32,
    }
    struct AcquiredRecords {
        first_offset: i64,
        /// Belongs to the batch.
        last_offset: i64,
        /// How often the records were handed out, this time included.
        delivery_count: i16,
    }
    struct NodeEndpoint {
        node_id: i32,
        host: Str,
        port: i32,
        rack: Option<Str>,
    }
}
