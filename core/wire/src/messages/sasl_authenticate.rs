//! SaslAuthenticate: one step of an authentication.

use crate::{Slice, Str};

message! {
    /// After SaslHandshake v1 (KIP-152); again and again while the mechanism has something to say. Flexible since v2.
    request SaslAuthenticate = 36, versions 0..=2, flexible 2..;
    struct SaslAuthenticateRequest {
        /// A message of the mechanism.
        auth_bytes: Slice,
    }
}

message! {
    /// The broker's side of the step.
    response SaslAuthenticate = 36, versions 0..=2, flexible 2..;
    struct SaslAuthenticateResponse {
        error_code: i16,
        error_message: Option<Str>,
        /// A message of the mechanism; empty at the end of some.
        auth_bytes: Slice,
        /// Before which the client has to authenticate again (KIP-368); 0 for never.
        session_lifetime_ms: i64 [1..],
    }
}
