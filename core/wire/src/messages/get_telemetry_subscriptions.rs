//! GetTelemetrySubscriptions: which of its metrics a client shall send.

use alloc::vec::Vec;

use crate::{Str, Uuid};

message! {
    /// From a client that can push its metrics (KIP-714).
    request GetTelemetrySubscriptions = 71, versions 0..=0, flexible 0..;
    struct GetTelemetrySubscriptionsRequest {
        /// As given before; zero the first time.
        client_instance_id: Uuid,
    }
}

message! {
    /// What to push, and when.
    response GetTelemetrySubscriptions = 71, versions 0..=0, flexible 0..;
    struct GetTelemetrySubscriptionsResponse {
        throttle_time_ms: i32,
        error_code: i16,
        /// A new one where the request had none; zero otherwise.
        client_instance_id: Uuid,
        /// Changes with what is asked for: a push of another one is refused.
        subscription_id: i32,
        /// 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd; the best first.
        accepted_compression_types: Vec<i8>,
        push_interval_ms: i32,
        /// How large a push may be.
        telemetry_max_bytes: i32,
        /// Counters since the last push, not since the client's start.
        delta_temporality: bool,
        /// Prefixes of names. None at all: nothing; one empty prefix: everything.
        requested_metrics: Vec<Str>,
    }
}
