//! InitProducerId: a fresh identity for an idempotent producer.

use alloc::vec::Vec;

use bytes::Bytes;

use super::Caller;
use crate::broker::Broker;
use crate::error_code::ErrorCode;
use crate::time::Now;
use crate::types::ProducerId;
use crate::wire::messages::init_producer_id::{InitProducerIdRequest, InitProducerIdResponse};

/// Answers from this broker's block of ids; without one the request is held until a new block is committed.
pub(crate) fn handle(broker: &mut Broker, now: Now, caller: Caller, frame: &Bytes, request: &InitProducerIdRequest) {
    let outcome = if request.transactional_id.is_some() {
        // Transactions are not served yet; the error is one that clients don't retry.
        Err(ErrorCode::InvalidRequest)
    } else if let Some(id) = broker.producer_ids.take() {
        Ok(id)
    } else {
        match broker.request_producer_ids(now) {
            Ok(()) => return broker.hold(caller.slot, frame.clone()),
            Err(error) => Err(error),
        }
    };
    let response = match outcome {
        Ok(id) => InitProducerIdResponse { producer_id: id.0, producer_epoch: 0, ..Default::default() },
        Err(error) => InitProducerIdResponse {
            error_code: error.number(),
            producer_id: ProducerId::NONE.0,
            producer_epoch: -1,
            ..Default::default()
        },
    };
    broker.answer(caller, &response, Vec::new());
}
