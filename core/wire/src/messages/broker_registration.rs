//! BrokerRegistration: a broker introduces itself to the controller.

use alloc::vec::Vec;

use crate::{Str, Uuid};

message! {
    /// At a broker's start (KIP-631). Migrating brokers since v1 (KIP-866), log directories since v2 (KIP-858), the
    /// epoch before since v3 (KIP-966). Since v4 features may start at level 0.
    request BrokerRegistration = 62, versions 0..=4, flexible 0..;
    struct BrokerRegistrationRequest {
        broker_id: i32,
        cluster_id: Str,
        /// Random, for each start of the process.
        incarnation_id: Uuid,
        /// Where clients and other brokers reach it.
        listeners: Vec<Listener>,
        /// The levels that it can run with; those that start at 0 are missing before v4.
        features: Vec<Feature>,
        rack: Option<Str>,
        /// It comes from ZooKeeper; never since Kafka 4.0.
        is_migrating_zk_broker: bool [1..],
        /// Those that are online.
        log_dirs: Vec<Uuid> [2..],
        /// The epoch before a clean stop: the broker lost nothing. -1 after any other end.
        previous_broker_epoch: i64 [3..] = -1,
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
    /// The broker's epoch, which fences those before.
    response BrokerRegistration = 62, versions 0..=4, flexible 0..;
    struct BrokerRegistrationResponse {
        throttle_time_ms: i32,
        error_code: i16,
        /// -1 where there is none, because of an error.
        broker_epoch: i64 = -1,
    }
}
