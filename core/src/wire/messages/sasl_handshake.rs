//! SaslHandshake: which mechanism an authentication uses.

use alloc::vec::Vec;

use crate::wire::Str;

message! {
    /// Which mechanism an authentication uses.
    request SaslHandshake = 17, versions 0..=1;
    struct SaslHandshakeRequest {
        mechanism: Str,
    }
}

message! {
    /// Which mechanism an authentication uses.
    response SaslHandshake = 17, versions 0..=1;
    struct SaslHandshakeResponse {
        error_code: i16,
        mechanisms: Vec<Str>,
    }
}
