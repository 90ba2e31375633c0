//! PushTelemetry: a client's metrics (KIP-714). Nobody takes them, but they must be in order, and readable.

use alloc::vec::Vec;

use super::Caller;
use crate::broker::Broker;
use crate::error_code::ErrorCode;
use crate::records::{Compression, OutputLimit, decompress};
use crate::telemetry::Push;
use crate::time::Now;
use crate::wire::Uuid;
use crate::wire::messages::push_telemetry::{PushTelemetryRequest, PushTelemetryResponse};

/// By number.
const COMPRESSIONS: [Compression; 5] =
    [Compression::None, Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd];

/// Answers at once.
pub(crate) fn handle(
    broker: &mut Broker,
    now: Now,
    caller: Caller,
    client_id: Option<&str>,
    request: &PushTelemetryRequest,
) {
    let outcome = push(broker, now, caller, client_id, request);
    let error_code = outcome.err().unwrap_or(ErrorCode::None).number();
    broker.answer(caller, &PushTelemetryResponse { error_code, ..Default::default() }, Vec::new());
}

fn push(
    broker: &mut Broker,
    now: Now,
    caller: Caller,
    client_id: Option<&str>,
    request: &PushTelemetryRequest,
) -> Result<(), ErrorCode> {
    let id = request.client_instance_id;
    if [Uuid::ZERO, Uuid::METADATA_TOPIC].contains(&id) {
        return Err(ErrorCode::InvalidRequest);
    }
    let max_bytes = usize::try_from(broker.telemetry_max_bytes()).unwrap_or(0);
    let number = usize::try_from(request.compression_type).ok();
    let compression = number.and_then(|number| COMPRESSIONS.get(number).copied());
    let push = Push {
        subscription_id: request.subscription_id,
        is_terminating: request.terminating,
        is_known_compression: compression.is_some(),
        size_bytes: request.metrics.len(),
        max_bytes,
    };
    let instance = broker.telemetry_instance(now, caller, client_id, id);
    instance.push(push, now.monotonic)?;
    if is_readable(compression.unwrap_or_default(), &request.metrics, max_bytes) {
        return Ok(());
    }
    instance.pushed_rubbish();
    Err(ErrorCode::InvalidRecord)
}

/// What is compressed must not be larger than what may be pushed uncompressed.
fn is_readable(compression: Compression, metrics: &[u8], max_bytes: usize) -> bool {
    let limit = OutputLimit { max_bytes, max_ratio: usize::MAX };
    metrics.is_empty() || compression == Compression::None || decompress(compression, metrics, limit).is_ok()
}
