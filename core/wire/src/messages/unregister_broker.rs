//! UnregisterBroker: a broker is gone for good.

use crate::Str;

message! {
    /// Removes the registration of a broker that will not come back (KIP-631).
    request UnregisterBroker = 64, versions 0..=0, flexible 0..;
    struct UnregisterBrokerRequest {
        broker_id: i32,
    }
}

message! {
    /// Whether it is removed.
    response UnregisterBroker = 64, versions 0..=0, flexible 0..;
    struct UnregisterBrokerResponse {
        throttle_time_ms: i32,
        error_code: i16,
        error_message: Option<Str>,
    }
}
