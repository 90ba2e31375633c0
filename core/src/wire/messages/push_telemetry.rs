//! PushTelemetry: a client's metrics.

use bytes::Bytes;

use crate::wire::Uuid;

message! {
    /// A client's metrics.
    request PushTelemetry = 72, versions 0..=0, flexible 0..;
    struct PushTelemetryRequest {
        client_instance_id: Uuid,
        subscription_id: i32,
        terminating: bool,
        compression_type: i8,
        metrics: Bytes,
    }
}

message! {
    /// A client's metrics.
    response PushTelemetry = 72, versions 0..=0, flexible 0..;
    struct PushTelemetryResponse {
        throttle_time_ms: i32,
        error_code: i16,
    }
}
