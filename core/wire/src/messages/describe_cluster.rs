//! DescribeCluster: the brokers or controllers of a cluster.

use alloc::vec::Vec;

use crate::Str;

message! {
    /// Asks for brokers; since v1 it may ask for controllers (KIP-919), since v2 for fenced brokers too (KIP-1073).
    request DescribeCluster = 60, versions 0..=2, flexible 0..;
    struct DescribeClusterRequest {
        include_cluster_authorized_operations: bool,
        /// 1 brokers, 2 controllers.
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
        /// As asked for.
        endpoint_type: i8 [1..] = 1,
        cluster_id: Str,
        /// From a controller the leader of the quorum, from a broker any broker; -1 where it is unknown.
        controller_id: i32 = -1,
        brokers: Vec<DescribeClusterBroker>,
        /// One bit an operation, by its number in ACLs; `i32::MIN` when not asked for.
        cluster_authorized_operations: i32 = i32::MIN,
    }
    struct DescribeClusterBroker {
        broker_id: i32,
        host: Str,
        port: i32,
        /// Null where the broker is in none.
        rack: Option<Str>,
        /// Nobody may use the broker.
        is_fenced: bool [2..],
    }
}
