//! DescribeClientQuotas: lists quotas.

use alloc::vec::Vec;

use crate::Str;

message! {
    /// Asks for the quotas of all entities that the components match (KIP-546). Flexible since v1.
    request DescribeClientQuotas = 48, versions 0..=1, flexible 1..;
    struct DescribeClientQuotasRequest {
        components: Vec<ComponentData>,
        /// Leaves out entities that also have parts of other types.
        strict: bool,
    }
    struct ComponentData {
        /// `user`, `client-id` or `ip`.
        entity_type: Str,
        /// 0 this name, 1 the default of the type, 2 any name.
        match_type: i8,
        /// The name, where one is asked for; otherwise null.
        r#match: Option<Str>,
    }
}

message! {
    /// Entities and their quotas.
    response DescribeClientQuotas = 48, versions 0..=1, flexible 1..;
    struct DescribeClientQuotasResponse {
        throttle_time_ms: i32,
        error_code: i16,
        error_message: Option<Str>,
        /// Null on an error.
        entries: Option<Vec<EntryData>>,
    }
    struct EntryData {
        entity: Vec<EntityData>,
        values: Vec<ValueData>,
    }
    struct EntityData {
        entity_type: Str,
        /// Null for the default of the type.
        entity_name: Option<Str>,
    }
    struct ValueData {
        /// Such as `producer_byte_rate`.
        key: Str,
        /// In the unit of the key.
        value: f64,
    }
}
