//! PushTelemetry: a client's metrics.

use crate::{Slice, Uuid};

message! {
    /// What GetTelemetrySubscriptions asked for (KIP-714).
    request PushTelemetry = 72, versions 0..=0, flexible 0..;
    struct PushTelemetryRequest {
        client_instance_id: Uuid,
        subscription_id: i32,
        /// The client is about to end: it may push before the next is due.
        terminating: bool,
        /// Of the metrics: 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd.
        compression_type: i8,
        /// MetricsData v1 of OpenTelemetry, as protobuf.
        metrics: Slice,
    }
}

message! {
    /// Whether they were taken.
    response PushTelemetry = 72, versions 0..=0, flexible 0..;
    struct PushTelemetryResponse {
        throttle_time_ms: i32,
        error_code: i16,
    }
}
