//! DescribeCluster: the brokers or controllers of a cluster.

use alloc::vec::Vec;

use crate::wire::Str;

message! {
    /// Asks for brokers; since v1 it may ask for controllers, since v2 for fenced brokers too.
    request DescribeCluster = 60, versions 0..=2, flexible 0..;
    struct DescribeClusterRequest {
        include_cluster_authorized_operations: bool,
        endpoint_type: i8 [1..] = 1,
        include_fenced_brokers: bool [2..],
    }
}

message! {
    /// The cluster.
    response DescribeCluster = 60, versions 0..=2, flexible 0..;
    struct DescribeClusterResponse {
        throttle_time_ms: i32,
        error_code: i16,
        error_message: Option<Str>,
        endpoint_type: i8 [1..] = 1,
        cluster_id: Str,
        controller_id: i32 = -1,
        brokers: Vec<DescribeClusterBroker>,
        cluster_authorized_operations: i32 = i32::MIN,
    }
    struct DescribeClusterBroker {
        broker_id: i32,
        host: Str,
        port: i32,
        rack: Option<Str>,
        is_fenced: bool [2..],
    }
}
