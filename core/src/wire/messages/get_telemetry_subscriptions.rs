//! GetTelemetrySubscriptions: which of its metrics a client shall send.

use alloc::vec::Vec;

use crate::wire::{Str, Uuid};

message! {
    /// Which of its metrics a client shall send.
    request GetTelemetrySubscriptions = 71, versions 0..=0, flexible 0..;
    struct GetTelemetrySubscriptionsRequest {
        client_instance_id: Uuid,
    }
}

message! {
    /// Which of its metrics a client shall send.
    response GetTelemetrySubscriptions = 71, versions 0..=0, flexible 0..;
    struct GetTelemetrySubscriptionsResponse {
        throttle_time_ms: i32,
        error_code: i16,
        client_instance_id: Uuid,
        subscription_id: i32,
        accepted_compression_types: Vec<i8>,
        push_interval_ms: i32,
        telemetry_max_bytes: i32,
        delta_temporality: bool,
        requested_metrics: Vec<Str>,
    }
}
