//! BrokerHeartbeat: a broker tells the controller that it lives.

use alloc::vec::Vec;

use crate::Uuid;

message! {
    /// Every `broker.heartbeat.interval.ms`, from each broker (KIP-631). Log directories that failed since v1
    /// (KIP-858), those that take no new replicas since v2 (KIP-1066).
    request BrokerHeartbeat = 63, versions 0..=2, flexible 0..;
    struct BrokerHeartbeatRequest {
        broker_id: i32,
        /// As the controller gave it at registration.
        broker_epoch: i64 = -1,
        /// How far the broker has applied the metadata log; a broker far behind stays fenced.
        current_metadata_offset: i64,
        /// The broker is not ready to lead.
        want_fence: bool,
        /// The broker wants its partitions to be led by others first.
        want_shut_down: bool,
        offline_log_dirs: Vec<Uuid> [1.. tag 0],
        /// Null until the broker knows them.
        cordoned_log_dirs: Option<Vec<Uuid>> [2.. tag 1],
    }
}

message! {
    /// What the controller makes of it.
    response BrokerHeartbeat = 63, versions 0..=2, flexible 0..;
    struct BrokerHeartbeatResponse {
        throttle_time_ms: i32,
        error_code: i16,
        /// The broker has applied the metadata log nearly to its end.
        is_caught_up: bool,
        /// Nobody may use the broker.
        is_fenced: bool = true,
        /// Its partitions are led by others: it may go.
        should_shut_down: bool,
    }
}
