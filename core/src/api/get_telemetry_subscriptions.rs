//! GetTelemetrySubscriptions: which of its metrics a client shall push (KIP-714).

use alloc::vec::Vec;

use super::Caller;
use crate::broker::Broker;
use crate::error_code::ErrorCode;
use crate::telemetry::Subscription;
use crate::time::Now;
use crate::wire::messages::get_telemetry_subscriptions::{
    GetTelemetrySubscriptionsRequest, GetTelemetrySubscriptionsResponse,
};
use crate::wire::{Str, Uuid};

/// zstd, lz4, gzip, snappy.
const COMPRESSIONS: [i8; 4] = [4, 3, 1, 2];

/// Answers at once.
pub(crate) fn handle(
    broker: &mut Broker,
    now: Now,
    caller: Caller,
    client_id: Option<&str>,
    request: &GetTelemetrySubscriptionsRequest,
) {
    let id = match request.client_instance_id {
        Uuid::ZERO => broker.rng.uuid(),
        id => id,
    };
    let instance = broker.telemetry_instance(now, caller, client_id, id);
    let outcome = instance.ask(now.monotonic).map(|()| instance.subscription.clone());
    let response = match outcome {
        Ok(subscription) => asked(id, subscription, broker.telemetry_max_bytes()),
        Err(error) => refused(error),
    };
    broker.answer(caller, &response, Vec::new());
}

fn asked(id: Uuid, subscription: Subscription, max_bytes: i32) -> GetTelemetrySubscriptionsResponse {
    GetTelemetrySubscriptionsResponse {
        client_instance_id: id,
        subscription_id: subscription.id,
        accepted_compression_types: COMPRESSIONS.to_vec(),
        push_interval_ms: subscription.interval_ms,
        telemetry_max_bytes: max_bytes,
        delta_temporality: true,
        requested_metrics: subscription.metrics.into_iter().map(Str::from).collect(),
        ..Default::default()
    }
}

fn refused(error: ErrorCode) -> GetTelemetrySubscriptionsResponse {
    GetTelemetrySubscriptionsResponse { error_code: error.number(), ..Default::default() }
}
