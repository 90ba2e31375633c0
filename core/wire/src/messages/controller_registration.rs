//! ControllerRegistration: a controller introduces itself to the active one.

use alloc::vec::Vec;

use crate::{Str, Uuid};

message! {
    /// At a controller's start, so that brokers learn where it is and what it can do (KIP-919).
    request ControllerRegistration = 70, versions 0..=0, flexible 0..;
    struct ControllerRegistrationRequest {
        controller_id: i32,
        /// Random, for each start of the process.
        incarnation_id: Uuid,
        /// Of no use since Kafka 4.0.
        zk_migration_ready: bool,
        listeners: Vec<Listener>,
        /// The levels that it can run with.
        features: Vec<Feature>,
    }
    struct Listener {
        name: Str,
        host: Str,
        port: u16,
        /// 0 PLAINTEXT, 1 SSL, 2 SASL_PLAINTEXT, 3 SASL_SSL.
        security_protocol: i16,
    }
    struct Feature {
        name: Str,
        min_supported_version: i16,
        max_supported_version: i16,
    }
}

message! {
    /// Whether it is known now.
    response ControllerRegistration = 70, versions 0..=0, flexible 0..;
    struct ControllerRegistrationResponse {
        throttle_time_ms: i32,
        error_code: i16,
        error_message: Option<Str>,
    }
}
