//! What stands in front of every request and answer.

use crate::Str;

message! {
    /// In front of every request. The client id keeps its classic form in version 2, so that a broker can read the header of
    /// a version that it doesn't know.
    header RequestHeader, versions 1..=2, flexible 2..;
    struct RequestHeader {
        request_api_key: i16,
        request_api_version: i16,
        /// Comes back in the answer.
        correlation_id: i32,
        /// For logs, metrics and quotas; null where the client has none.
        client_id: Option<Str> [classic],
    }
}

message! {
    /// In front of every answer; version 1 only where the answer is flexible, and never for ApiVersions.
    header ResponseHeader, versions 0..=1, flexible 1..;
    struct ResponseHeader {
        /// As in the request.
        correlation_id: i32,
    }
}
