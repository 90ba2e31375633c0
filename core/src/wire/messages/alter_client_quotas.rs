//! AlterClientQuotas: sets and removes quotas.

use alloc::vec::Vec;

use crate::wire::Str;

message! {
    /// Sets and removes quotas.
    request AlterClientQuotas = 49, versions 0..=1, flexible 1..;
    struct AlterClientQuotasRequest {
        entries: Vec<EntryData>,
        validate_only: bool,
    }
    struct EntryData {
        entity: Vec<EntityData>,
        ops: Vec<OpData>,
    }
    struct EntityData {
        entity_type: Str,
        entity_name: Option<Str>,
    }
    struct OpData {
        key: Str,
        value: f64,
        remove: bool,
    }
}

message! {
    /// Sets and removes quotas.
    response AlterClientQuotas = 49, versions 0..=1, flexible 1..;
    struct AlterClientQuotasResponse {
        throttle_time_ms: i32,
        entries: Vec<EntryResult>,
    }
    struct EntryResult {
        error_code: i16,
        error_message: Option<Str>,
        entity: Vec<EntityData>,
    }
}
