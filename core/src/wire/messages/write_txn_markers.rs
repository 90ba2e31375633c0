//! WriteTxnMarkers: a transaction's end is written to its partitions.

use alloc::vec::Vec;

use crate::wire::Str;

message! {
    /// A transaction's end is written to its partitions.
    request WriteTxnMarkers = 27, versions 1..=2, flexible 1..;
    struct WriteTxnMarkersRequest {
        markers: Vec<WritableTxnMarker>,
    }
    struct WritableTxnMarker {
        producer_id: i64,
        producer_epoch: i16,
        transaction_result: bool,
        topics: Vec<WritableTxnMarkerTopic>,
        coordinator_epoch: i32,
        transaction_version: i8 [2..],
    }
    struct WritableTxnMarkerTopic {
        name: Str,
        partition_indexes: Vec<i32>,
    }
}

message! {
    /// A transaction's end is written to its partitions.
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
