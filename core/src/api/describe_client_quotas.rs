//! DescribeClientQuotas: the quotas of all entities that a filter lets through (KIP-546).

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::vec::Vec;

use super::{ApiError, View};
use crate::error_code::ErrorCode;
use crate::metadata::{QuotaEntity, QuotaName};
use crate::wire::Str;
use crate::wire::messages::describe_client_quotas::{
    ComponentData, DescribeClientQuotasRequest, DescribeClientQuotasResponse, EntityData, EntryData, ValueData,
};

/// What one part of an entity must be.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Match {
    Exactly(QuotaName),
    Any,
}

type Filter<'r> = BTreeMap<&'r str, Match>;

/// Answers in any served version.
#[must_use]
pub fn handle(request: &DescribeClientQuotasRequest, view: View<'_>) -> DescribeClientQuotasResponse {
    let filter = match filter(&request.components) {
        Ok(filter) => filter,
        Err(error) => {
            return DescribeClientQuotasResponse {
                error_code: error.code.number(),
                error_message: error.message(),
                entries: None,
                ..Default::default()
            };
        }
    };
    let matching = view.image.client_quotas.iter().filter(|(entity, _)| matches(entity, &filter, request.strict));
    let entries = matching.map(|(entity, quotas)| EntryData {
        entity: entity.parts().map(part).collect(),
        values: quotas.iter().map(|(key, value)| value_of(key, *value)).collect(),
        ..Default::default()
    });
    // Kafka has no null here, although the answer could.
    DescribeClientQuotasResponse {
        error_message: Some(Str::default()),
        entries: Some(entries.collect::<Vec<_>>()),
        ..Default::default()
    }
}

fn filter(components: &[ComponentData]) -> Result<Filter<'_>, ApiError> {
    let mut filter = Filter::new();
    for component in components {
        let entity_type = &*component.entity_type;
        if entity_type.is_empty() {
            return Err(invalid("Invalid empty entity type."));
        }
        if filter.contains_key(entity_type) {
            return Err(invalid(format!("Entity type {entity_type} cannot appear more than once in the filter.")));
        }
        if QuotaEntity::default().part_mut(entity_type).is_none() {
            let message = format!("Unsupported entity type {entity_type}");
            return Err(ApiError::new(ErrorCode::UnsupportedVersion, message));
        }
        filter.insert(entity_type, match_of(component)?);
    }
    let types: BTreeSet<&str> = filter.keys().copied().collect();
    if types.contains("ip") && types.len() > 1 {
        return Err(invalid(
            "Invalid entity filter component combination. IP filter component should not be used with user or clientId \
            filter component.",
        ));
    }
    Ok(filter)
}

fn match_of(component: &ComponentData) -> Result<Match, ApiError> {
    let no_name = |kind: &str, found: Match| match component.r#match {
        None => Ok(found),
        Some(_) => Err(invalid(format!("Request specified {kind}, but also specified a match string."))),
    };
    match component.match_type {
        0 => match component.r#match.as_deref() {
            Some(name) => Ok(Match::Exactly(QuotaName::of(Some(name)))),
            None => Err(invalid("Request specified MATCH_TYPE_EXACT, but set match string to null.")),
        },
        1 => no_name("MATCH_TYPE_DEFAULT", Match::Exactly(QuotaName::Default)),
        2 => no_name("MATCH_TYPE_SPECIFIED", Match::Any),
        other => Err(invalid(format!("Unknown match type {other}"))),
    }
}

/// Without a filter everything matches, strictly or not.
fn matches(entity: &QuotaEntity, filter: &Filter<'_>, is_strict: bool) -> bool {
    let parts: BTreeMap<&str, &QuotaName> = entity.parts().collect();
    let is_met = |(entity_type, wanted): (&&str, &Match)| match (parts.get(entity_type), wanted) {
        (Some(name), Match::Exactly(wanted)) => *name == wanted,
        (found, Match::Any) => found.is_some(),
        (None, Match::Exactly(_)) => false,
    };
    filter.is_empty() || (filter.iter().all(is_met) && (!is_strict || parts.len() == filter.len()))
}

fn part((entity_type, name): (&'static str, &QuotaName)) -> EntityData {
    EntityData {
        entity_type: Str::from_static(entity_type),
        entity_name: name.name().map(Str::from),
        ..Default::default()
    }
}

fn value_of(key: &str, value: f64) -> ValueData {
    ValueData { key: Str::from(key), value, ..Default::default() }
}

fn invalid(message: impl Into<alloc::string::String>) -> ApiError {
    ApiError::new(ErrorCode::InvalidRequest, message)
}
