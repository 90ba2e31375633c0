//! DescribeShareGroupOffsets: where share groups are.

use alloc::vec::Vec;

use crate::{Str, Uuid};

message! {
    /// Asks for the start offsets of share groups (KIP-932).
    request DescribeShareGroupOffsets = 90, versions 0..=1, flexible 0..;
    struct DescribeShareGroupOffsetsRequest {
        groups: Vec<DescribeShareGroupOffsetsRequestGroup>,
    }
    struct DescribeShareGroupOffsetsRequestGroup {
        group_id: Str,
        /// Null for all.
        topics: Option<Vec<DescribeShareGroupOffsetsRequestTopic>>,
    }
    struct DescribeShareGroupOffsetsRequestTopic {
        topic_name: Str,
        partitions: Vec<i32>,
    }
}

message! {
    /// Where each partition starts for each group; since v1 how much is left (KIP-1226).
    response DescribeShareGroupOffsets = 90, versions 0..=1, flexible 0..;
    struct DescribeShareGroupOffsetsResponse {
        throttle_time_ms: i32,
        groups: Vec<DescribeShareGroupOffsetsResponseGroup>,
    }
    struct DescribeShareGroupOffsetsResponseGroup {
        group_id: Str,
        topics: Vec<DescribeShareGroupOffsetsResponseTopic>,
        error_code: i16,
        error_message: Option<Str>,
    }
    struct DescribeShareGroupOffsetsResponseTopic {
        topic_name: Str,
        topic_id: Uuid,
        partitions: Vec<DescribeShareGroupOffsetsResponsePartition>,
    }
    struct DescribeShareGroupOffsetsResponsePartition {
        partition_index: i32,
        /// The first record that is not dealt with; -1 where the group has not read here.
        start_offset: i64,
        leader_epoch: i32,
        /// Records from there to the end that are not dealt with; -1 where it is unknown.
        lag: i64 [1..] = -1,
        error_code: i16,
        error_message: Option<Str>,
    }
}
