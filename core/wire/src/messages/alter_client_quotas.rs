//! AlterClientQuotas: sets and removes quotas.

use alloc::vec::Vec;

use crate::Str;

message! {
    /// Changes quotas of users, client ids and addresses (KIP-546). Flexible since v1.
    request AlterClientQuotas = 49, versions 0..=1, flexible 1..;
    struct AlterClientQuotasRequest {
        entries: Vec<EntryData>,
        validate_only: bool,
    }
    struct EntryData {
        /// One or two parts: a user, a client id, both, or an address.
        entity: Vec<EntityData>,
        ops: Vec<OpData>,
    }
    struct EntityData {
        /// `user`, `client-id` or `ip`.
        entity_type: Str,
        /// Null for the default of the type.
        entity_name: Option<Str>,
    }
    struct OpData {
        /// Such as `producer_byte_rate`.
        key: Str,
        /// In the unit of the key; ignored when `remove` is set.
        value: f64,
        remove: bool,
    }
}

message! {
    /// What became of each entry.
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
