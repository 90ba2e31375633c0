//! FindCoordinator: which broker looks after a group or transaction.

use alloc::vec::Vec;

use crate::wire::Str;

message! {
    /// Which broker looks after a group or transaction.
    request FindCoordinator = 10, versions 0..=6, flexible 3..;
    struct FindCoordinatorRequest {
        key: Str [..=3],
        key_type: i8 [1..],
        coordinator_keys: Vec<Str> [4..],
    }
}

message! {
    /// Which broker looks after a group or transaction.
    response FindCoordinator = 10, versions 0..=6, flexible 3..;
    struct FindCoordinatorResponse {
        throttle_time_ms: i32 [1..],
        error_code: i16 [..=3],
        error_message: Option<Str> [1..=3],
        node_id: i32 [..=3],
        host: Str [..=3],
        port: i32 [..=3],
        coordinators: Vec<Coordinator> [4..],
    }
    struct Coordinator {
        key: Str,
        node_id: i32,
        host: Str,
        port: i32,
        error_code: i16,
        error_message: Option<Str>,
    }
}
