//! BrokerHeartbeat: a broker tells the controller that it lives.

use alloc::vec::Vec;

use crate::wire::Uuid;

message! {
    /// A broker tells the controller that it lives.
    request BrokerHeartbeat = 63, versions 0..=2, flexible 0..;
    struct BrokerHeartbeatRequest {
        broker_id: i32,
        broker_epoch: i64 = -1,
        current_metadata_offset: i64,
        want_fence: bool,
        want_shut_down: bool,
        offline_log_dirs: Vec<Uuid> [1.. tag 0],
        cordoned_log_dirs: Option<Vec<Uuid>> [2.. tag 1],
    }
}

message! {
    /// A broker tells the controller that it lives.
    response BrokerHeartbeat = 63, versions 0..=2, flexible 0..;
    struct BrokerHeartbeatResponse {
        throttle_time_ms: i32,
        error_code: i16,
        is_caught_up: bool,
        is_fenced: bool = true,
        should_shut_down: bool,
    }
}
