//! FindCoordinator: which broker looks after a group, transaction or share partition.

use alloc::vec::Vec;

use crate::Str;

message! {
    /// By key: a group or transactional id. Types of keys since v1, flexible since v3, many keys at once since v4
    /// (KIP-699), TRANSACTION_ABORTABLE since v5 (KIP-890), share partitions since v6 (KIP-932).
    request FindCoordinator = 10, versions 0..=6, flexible 3..;
    struct FindCoordinatorRequest {
        key: Str [..=3],
        /// 0 group, 1 transaction, 2 share, whose keys are `group:topic id:partition`.
        key_type: i8 [1..],
        coordinator_keys: Vec<Str> [4..],
    }
}

message! {
    /// The coordinator; since v4 one for each key.
    response FindCoordinator = 10, versions 0..=6, flexible 3..;
    struct FindCoordinatorResponse {
        throttle_time_ms: i32 [1..],
        error_code: i16 [..=3],
        error_message: Option<Str> [1..=3],
        /// -1 on an error.
        node_id: i32 [..=3],
        host: Str [..=3],
        port: i32 [..=3],
        coordinators: Vec<Coordinator> [4..],
    }
    struct Coordinator {
        key: Str,
        /// -1 on an error.
        node_id: i32,
        host: Str,
        port: i32,
        error_code: i16,
        error_message: Option<Str>,
    }
}
