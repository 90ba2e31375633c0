//! ControllerRegistration: a controller introduces itself to the active one.

use alloc::vec::Vec;

use crate::wire::{Str, Uuid};

message! {
    /// A controller introduces itself to the active one.
    request ControllerRegistration = 70, versions 0..=0, flexible 0..;
    struct ControllerRegistrationRequest {
        controller_id: i32,
        incarnation_id: Uuid,
        zk_migration_ready: bool,
        listeners: Vec<Listener>,
        features: Vec<Feature>,
    }
    struct Listener {
        name: Str,
        host: Str,
        port: u16,
        security_protocol: i16,
    }
    struct Feature {
        name: Str,
        min_supported_version: i16,
        max_supported_version: i16,
    }
}

message! {
    /// A controller introduces itself to the active one.
    response ControllerRegistration = 70, versions 0..=0, flexible 0..;
    struct ControllerRegistrationResponse {
        throttle_time_ms: i32,
        error_code: i16,
        error_message: Option<Str>,
    }
}
