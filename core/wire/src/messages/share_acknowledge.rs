//! ShareAcknowledge: what became of the records that a member of a share group got.

use alloc::vec::Vec;

use crate::{Str, Uuid};

message! {
    /// Acknowledges records without reading more (KIP-932). Since v2 more time may be asked for (KIP-1222).
    request ShareAcknowledge = 79, versions 1..=2, flexible 0..;
    struct ShareAcknowledgeRequest {
        group_id: Option<Str>,
        member_id: Option<Str>,
        /// One more with each request of the session; 0 is refused here; -1 ends it.
        share_session_epoch: i32,
        /// Some acknowledgements are of type 4.
        is_renew_ack: bool [2..],
        topics: Vec<AcknowledgeTopic>,
    }
    struct AcknowledgeTopic {
        topic_id: Uuid,
        partitions: Vec<AcknowledgePartition>,
    }
    struct AcknowledgePartition {
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
}

message! {
    /// What became of each partition.
    response ShareAcknowledge = 79, versions 1..=2, flexible 0..;
    struct ShareAcknowledgeResponse {
        throttle_time_ms: i32,
        error_code: i16,
        error_message: Option<Str>,
        /// How long the records stay with the member.
        acquisition_lock_timeout_ms: i32 [2..],
        responses: Vec<ShareAcknowledgeTopicResponse>,
        /// Where the leaders are of partitions that this broker does not lead.
        node_endpoints: Vec<NodeEndpoint>,
    }
    struct ShareAcknowledgeTopicResponse {
        topic_id: Uuid,
        partitions: Vec<PartitionData>,
    }
    struct PartitionData {
        partition_index: i32,
        error_code: i16,
        error_message: Option<Str>,
        current_leader: LeaderIdAndEpoch,
    }
    struct LeaderIdAndEpoch {
        /// -1 where it is unknown.
        leader_id: i32,
        leader_epoch: i32,
    }
    struct NodeEndpoint {
        node_id: i32,
        host: Str,
        port: i32,
        rack: Option<Str>,
    }
}
