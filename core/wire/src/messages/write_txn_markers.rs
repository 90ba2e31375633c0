//! WriteTxnMarkers: a transaction's end is written to its partitions.

use alloc::vec::Vec;

use crate::Str;

message! {
    /// From the transaction coordinator to the leaders of partitions. Flexible since v1; since v2 with the
    /// transaction's version, by which the epoch is checked (KIP-1228).
    request WriteTxnMarkers = 27, versions 1..=2, flexible 1..;
    struct WriteTxnMarkersRequest {
        markers: Vec<WritableTxnMarker>,
    }
    struct WritableTxnMarker {
        producer_id: i64,
        producer_epoch: i16,
        /// Commit, or abort.
        transaction_result: bool,
        topics: Vec<WritableTxnMarkerTopic>,
        /// The leader epoch of the coordinator's partition of `__transaction_state`: fences coordinators from before.
        coordinator_epoch: i32,
        /// 0 and 1 the producer's epoch stays, 2 every transaction has its own (KIP-890).
        transaction_version: i8 [2..],
    }
    struct WritableTxnMarkerTopic {
        name: Str,
        partition_indexes: Vec<i32>,
    }
}

message! {
    /// What became of each partition.
    response WriteTxnMarkers = 27, versions 1..=2, flexible 1..;
    struct WriteTxnMarkersResponse {
        markers: Vec<WritableTxnMarkerResult>,
    }
    struct WritableTxnMarkerResult {
        producer_id: i64,
        topics: Vec<WritableTxnMarkerTopicResult>,
    }
    struct WritableTxnMarkerTopicResult {
        name: Str,
        partitions: Vec<WritableTxnMarkerPartitionResult>,
    }
    struct WritableTxnMarkerPartitionResult {
        partition_index: i32,
        error_code: i16,
    }
}
