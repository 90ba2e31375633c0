//! AlterClientQuotas: sets and removes quotas of users, client ids and addresses (KIP-546, KIP-612).

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::IpAddr;

use super::placement::RECORDS_MAX;
use super::{ApiError, Change, View};
use crate::error_code::ErrorCode;
use crate::metadata::{QuotaEntity, QuotaName};
use crate::quotas::Quota;
use crate::wire::messages::alter_client_quotas::{
    AlterClientQuotasRequest, AlterClientQuotasResponse, EntityData, EntryResult, OpData,
};
use crate::wire::messages::metadata_records::{self, ClientQuotaRecord};
use crate::wire::{MetadataRecord, Str};

/// Names are the client's invention: there may be so many.
const ENTITIES_MAX: usize = 100_000;

/// Plans what is asked for. Each entity changes as a whole or not at all, whatever becomes of the others.
#[must_use]
pub fn handle(request: &AlterClientQuotasRequest, view: View<'_>) -> Change<AlterClientQuotasResponse> {
    let mut records = Vec::new();
    let mut outcomes: Vec<(Entity<'_>, Result<(), ApiError>)> = Vec::new();
    let mut new_entities = 0;
    for entry in &request.entries {
        let entity = Entity::of(&entry.entity);
        let known = outcomes.iter().position(|(other, _)| *other == entity);
        let has_repeated_keys =
            (1..entry.ops.len()).any(|at| entry.ops[..at].iter().any(|op| op.key == entry.ops[at].key));
        // Kafka says the same of both.
        if known.is_some() || has_repeated_keys {
            let error = Err(invalid(format!("Ignoring duplicate entity {entity}")));
            match known {
                Some(index) => outcomes[index].1 = error,
                None => outcomes.push((entity, error)),
            }
            continue;
        }
        let planned = plan(&entity, &entry.ops, view, &mut new_entities);
        outcomes.push((entity, planned.map(|planned| records.extend(planned))));
    }
    if records.len() > RECORDS_MAX {
        let refusal = ApiError::new(ErrorCode::PolicyViolation, "Excessively large number of quotas per request.");
        outcomes.iter_mut().for_each(|(_, outcome)| *outcome = Err(refusal.clone()));
        records.clear();
    }
    let entries = outcomes.into_iter().map(|(entity, outcome)| {
        let (error_code, error_message) = ApiError::parts(outcome);
        EntryResult { error_code, error_message, entity: entity.told(), ..Default::default() }
    });
    let response = AlterClientQuotasResponse { entries: entries.collect(), ..Default::default() };
    if request.validate_only { Change::nothing(response) } else { Change { records, response } }
}

/// An entity as a request names it; the last name of a type counts.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entity<'r> {
    parts: BTreeMap<&'r str, Option<&'r str>>,
}

impl<'r> Entity<'r> {
    fn of(parts: &'r [EntityData]) -> Self {
        Self { parts: parts.iter().map(|part| (&*part.entity_type, part.entity_name.as_deref())).collect() }
    }

    fn checked(&self) -> Result<QuotaEntity, ApiError> {
        let mut entity = QuotaEntity::default();
        for (entity_type, name) in &self.parts {
            let Some(part) = entity.part_mut(entity_type) else {
                return Err(invalid(format!("Unhandled client quota entity type: {entity_type}")));
            };
            *part = Some(QuotaName::of(*name));
            if name.is_some_and(str::is_empty) {
                return Err(invalid(format!("Empty {entity_type} not supported")));
            }
        }
        match (&entity.ip, entity.user.is_some() || entity.client_id.is_some()) {
            (None, false) => Err(invalid("Invalid empty client quota entity")),
            (Some(_), true) => {
                Err(invalid("Invalid quota entity combination, IP entity shouldnot be combined with User or ClientId"))
            }
            (Some(QuotaName::Named(ip)), false) if !is_address(ip) => {
                Err(invalid(format!("{ip} is not a valid IP or resolvable host.")))
            }
            _ => Ok(entity),
        }
    }

    fn told(&self) -> Vec<EntityData> {
        // The known types in Kafka's order, then the others.
        let rank = |entity_type: &str| ["client-id", "user", "ip"].iter().position(|known| *known == entity_type);
        let mut parts: Vec<_> = self.parts.iter().collect();
        parts.sort_by_key(|(entity_type, _)| rank(entity_type).unwrap_or(usize::MAX));
        let part = |(entity_type, name): (&&str, &Option<&str>)| EntityData {
            entity_type: Str::from(*entity_type),
            entity_name: name.map(Str::from),
            ..Default::default()
        };
        parts.into_iter().map(part).collect()
    }
}

impl core::fmt::Display for Entity<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let parts = self.parts.iter().map(|(entity_type, name)| format!("{entity_type}={}", name.unwrap_or("null")));
        write!(f, "ClientQuotaEntity(entries={{{}}})", parts.collect::<Vec<_>>().join(", "))
    }
}

/// The core resolves no names; a name other than this machine's is not taken in.
fn is_address(ip: &str) -> bool {
    ip == "localhost" || ip.parse::<IpAddr>().is_ok()
}

fn plan(
    entity: &Entity<'_>,
    ops: &[OpData],
    view: View<'_>,
    new_entities: &mut usize,
) -> Result<Vec<MetadataRecord>, ApiError> {
    let entity = entity.checked()?;
    let current = view.image.client_quotas.get(&entity);
    let mut records = Vec::new();
    for op in ops {
        let has = current.and_then(|quotas| quotas.get(&*op.key));
        if op.remove {
            if has.is_some() {
                records.push(record(&entity, op));
            }
            continue;
        }
        check(&entity, op)?;
        if has != Some(&op.value) {
            records.push(record(&entity, op));
        }
    }
    if current.is_none() && !records.is_empty() {
        *new_entities += 1;
        if view.image.client_quotas.len() + *new_entities > ENTITIES_MAX {
            let message = format!("{ENTITIES_MAX} users, client ids and addresses have quotas, which is the limit.");
            return Err(ApiError::new(ErrorCode::PolicyViolation, message));
        }
    }
    Ok(records)
}

fn check(entity: &QuotaEntity, op: &OpData) -> Result<(), ApiError> {
    let (key, value) = (&*op.key, op.value);
    let quota = Quota::named(key).filter(|quota| quota.is_of_addresses() == entity.ip.is_some());
    let Some(quota) = quota else {
        return Err(invalid(format!("Invalid configuration key {key}")));
    };
    if value <= 0.0 {
        return Err(invalid(format!("Quota {key} must be greater than 0")));
    }
    let Some((kind, article, highest)) = quota.integer_range() else { return Ok(()) };
    if value > highest {
        return Err(invalid(format!("Proposed value for {key} is too large for {article} {kind}.")));
    }
    if value % 1.0 > 1e-6 {
        return Err(invalid(format!("{key} cannot be a fractional value.")));
    }
    Ok(())
}

fn record(entity: &QuotaEntity, op: &OpData) -> MetadataRecord {
    let parts = entity.parts().map(|(entity_type, name)| metadata_records::EntityData {
        entity_type: Str::from_static(entity_type),
        entity_name: name.name().map(Str::from),
        ..Default::default()
    });
    ClientQuotaRecord {
        entity: parts.collect(),
        key: op.key.clone(),
        value: if op.remove { 0.0 } else { op.value },
        remove: op.remove,
        ..Default::default()
    }
    .into()
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::InvalidRequest, message)
}

#[cfg(test)]
#[path = "client_quotas_tests.rs"]
mod tests;
