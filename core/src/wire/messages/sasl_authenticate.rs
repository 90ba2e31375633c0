//! SaslAuthenticate: one step of an authentication.

use bytes::Bytes;

use crate::wire::Str;

message! {
    /// One step of an authentication.
    request SaslAuthenticate = 36, versions 0..=2, flexible 2..;
    struct SaslAuthenticateRequest {
        auth_bytes: Bytes,
    }
}

message! {
    /// One step of an authentication.
    response SaslAuthenticate = 36, versions 0..=2, flexible 2..;
    struct SaslAuthenticateResponse {
        error_code: i16,
        error_message: Option<Str>,
        auth_bytes: Bytes,
        session_lifetime_ms: i64 [1..],
    }
}
