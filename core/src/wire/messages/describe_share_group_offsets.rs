//! DescribeShareGroupOffsets: where share groups are.

use alloc::vec::Vec;

use crate::wire::{Str, Uuid};

message! {
    /// Where share groups are.
    request DescribeShareGroupOffsets = 90, versions 0..=1, flexible 0..;
    struct DescribeShareGroupOffsetsRequest {
        groups: Vec<DescribeShareGroupOffsetsRequestGroup>,
    }
    struct DescribeShareGroupOffsetsRequestGroup {
        group_id: Str,
        topics: Option<Vec<DescribeShareGroupOffsetsRequestTopic>>,
    }
    struct DescribeShareGroupOffsetsRequestTopic {
        topic_name: Str,
        partitions: Vec<i32>,
    }
}

message! {
    /// Where share groups are.
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
        start_offset: i64,
        leader_epoch: i32,
        lag: i64 [1..] = -1,
        error_code: i16,
        error_message: Option<Str>,
    }
}
