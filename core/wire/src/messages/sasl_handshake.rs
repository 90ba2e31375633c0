//! SaslHandshake: which mechanism an authentication uses.

use alloc::vec::Vec;

use crate::Str;

message! {
    /// What follows is SaslAuthenticate in v1, and bare messages of the mechanism, each behind its size, in v0. Never
    /// flexible: older clients choose the version wrongly.
    request SaslHandshake = 17, versions 0..=1;
    struct SaslHandshakeRequest {
        /// Such as `SCRAM-SHA-256`.
        mechanism: Str,
    }
}

message! {
    /// Whether the broker knows it.
    response SaslHandshake = 17, versions 0..=1;
    struct SaslHandshakeResponse {
        error_code: i16,
        /// All that the broker knows.
        mechanisms: Vec<Str>,
    }
}
