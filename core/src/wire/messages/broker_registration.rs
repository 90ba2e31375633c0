//! BrokerRegistration: a broker introduces itself to the controller.

use alloc::vec::Vec;

use crate::wire::{Str, Uuid};

message! {
    /// A broker introduces itself to the controller.
    request BrokerRegistration = 62, versions 0..=4, flexible 0..;
    struct BrokerRegistrationRequest {
        broker_id: i32,
        cluster_id: Str,
        incarnation_id: Uuid,
        listeners: Vec<Listener>,
        features: Vec<Feature>,
        rack: Option<Str>,
        is_migrating_zk_broker: bool [1..],
        log_dirs: Vec<Uuid> [2..],
        previous_broker_epoch: i64 [3..] = -1,
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
    /// A broker introduces itself to the controller.
    response BrokerRegistration = 62, versions 0..=4, flexible 0..;
    struct BrokerRegistrationResponse {
        throttle_time_ms: i32,
        error_code: i16,
        broker_epoch: i64 = -1,
    }
}
