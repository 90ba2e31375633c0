//! AllocateProducerIds: a broker takes a block of producer ids from the controller.

message! {
    /// A broker takes a block of producer ids from the controller.
    request AllocateProducerIds = 67, versions 0..=0, flexible 0..;
    struct AllocateProducerIdsRequest {
        broker_id: i32,
        broker_epoch: i64 = -1,
    }
}

message! {
    /// A broker takes a block of producer ids from the controller.
    response AllocateProducerIds = 67, versions 0..=0, flexible 0..;
    struct AllocateProducerIdsResponse {
        throttle_time_ms: i32,
        error_code: i16,
        producer_id_start: i64,
        producer_id_len: i32,
    }
}
