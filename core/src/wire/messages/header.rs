//! What stands in front of every request and answer.

use crate::wire::Str;

message! {
    /// In front of every request. The client id keeps its classic form in version 2, so that a broker can read the header of
    /// a version that it doesn't know.
    header RequestHeader, versions 1..=2, flexible 2..;
    struct RequestHeader {
        request_api_key: i16,
        request_api_version: i16,
        correlation_id: i32,
        client_id: Option<Str> [classic],
    }
}

message! {
    /// In front of every answer; version 1 only where the answer is flexible, and never for ApiVersions.
    header ResponseHeader, versions 0..=1, flexible 1..;
    struct ResponseHeader {
        correlation_id: i32,
    }
}
