//! AllocateProducerIds: a broker takes a block of producer ids.

message! {
    /// From a broker to the controller when it runs out of producer ids (KIP-730).
    request AllocateProducerIds = 67, versions 0..=0, flexible 0..;
    struct AllocateProducerIdsRequest {
        broker_id: i32,
        /// As the controller gave it at registration.
        broker_epoch: i64 = -1,
    }
}

message! {
    /// A block of ids that nobody else gets.
    response AllocateProducerIds = 67, versions 0..=0, flexible 0..;
    struct AllocateProducerIdsResponse {
        throttle_time_ms: i32,
        error_code: i16,
        /// The first id of the block.
        producer_id_start: i64,
        /// How many ids the block has.
        producer_id_len: i32,
    }
}
