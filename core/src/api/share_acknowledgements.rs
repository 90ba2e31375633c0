//! Acknowledgements, which come alone or with a fetch: they are checked, taken by their share partitions, and told of once
//! they are kept.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::ApiError;
use crate::broker::{Acknowledged, Acknowledging, Broker};
use crate::error_code::ErrorCode;
use crate::shares::{AcknowledgeType, Acknowledgement, SessionKey, ShareKey, WriteId};
use crate::time::Now;
use crate::types::{Offset, PartitionId};
use crate::wire::{Str, Uuid};

/// What is acknowledged of a partition: first and last offset, and the types.
pub(super) type Batches = Vec<(i64, i64, Vec<i8>)>;

/// What became of acknowledgements, by partition.
#[derive(Debug, Default)]
pub(crate) struct Acknowledgements {
    outcomes: BTreeMap<PartitionId, Acknowledging>,
}

/// First version in which a member may ask for more time.
const RENEW_SINCE: i16 = 2;
/// A member's id is a UUID in text.
const MEMBER_ID_MAX_CHARS: usize = 36;

/// Whose session a request is of.
///
/// # Errors
/// Where share groups are off, or group or member are not named.
pub(super) fn session_of(broker: &Broker, group: Option<&Str>, member: Option<&Str>) -> Result<SessionKey, ErrorCode> {
    if !crate::metadata::is_share_protocol_enabled(&broker.metadata.image().features) {
        return Err(ErrorCode::UnsupportedVersion);
    }
    let is_good = |member: &&Str| !member.is_empty() && member.encode_utf16().count() <= MEMBER_ID_MAX_CHARS;
    let group = group.ok_or(ErrorCode::InvalidRequest)?;
    let member = member.filter(is_good).ok_or(ErrorCode::InvalidRequest)?;
    Ok(SessionKey { group: (**group).into(), member: (**member).into() })
}

/// Takes what a request acknowledges.
pub(super) fn take(
    broker: &mut Broker,
    now: Now,
    session: &SessionKey,
    (version, is_renew): (i16, bool),
    named: impl Iterator<Item = (Uuid, i32, Batches)>,
) -> Acknowledgements {
    // Where a partition is named twice, the last counts.
    let named: BTreeMap<_, _> =
        named.map(|(topic_id, index, batches)| (PartitionId { topic_id, index }, batches)).collect();
    let mut outcomes = BTreeMap::new();
    let (mut is_any_taken, mut empty) = (false, Vec::new());
    for (id, batches) in named {
        let outcome = match check(broker, id, &batches, (version, is_renew)) {
            Err(error) => Acknowledging::Done(Err(ApiError::bare(error))),
            Ok(acknowledgements) if acknowledgements.is_empty() => {
                empty.push(id);
                continue;
            }
            Ok(acknowledgements) => {
                is_any_taken = true;
                let key = ShareKey { group: session.group.clone(), partition: id };
                broker.acknowledge_share(now, &key, &session.member, &acknowledgements)
            }
        };
        outcomes.insert(id, outcome);
    }
    // Kafka says nothing of partitions of which nothing is acknowledged, unless something is of another one.
    if is_any_taken {
        outcomes.extend(empty.into_iter().map(|id| (id, Acknowledging::Done(Ok(())))));
    }
    Acknowledgements { outcomes }
}

fn check(
    broker: &Broker,
    id: PartitionId,
    batches: &Batches,
    (version, is_renew): (i16, bool),
) -> Result<Vec<Acknowledgement>, ErrorCode> {
    let image = broker.metadata.image();
    let topic = image.topics.get(&id.topic_id).ok_or(ErrorCode::UnknownTopicId)?;
    let mut previous = -1;
    let mut acknowledgements = Vec::with_capacity(batches.len());
    for (first, last, types) in batches {
        let count = i64::try_from(types.len()).unwrap_or(i64::MAX);
        let is_in_order = first <= last && *first >= previous;
        let has_types = count == 1 || (count > 1 && last - first == count - 1);
        let types: Option<Vec<_>> = types.iter().map(|number| AcknowledgeType::of_number(*number)).collect();
        let types = types.filter(|types| {
            let renews = types.contains(&AcknowledgeType::Renew);
            is_in_order && has_types && (!renews || (is_renew && version >= RENEW_SINCE))
        });
        let types = types.ok_or(ErrorCode::InvalidRequest)?;
        acknowledgements.push(Acknowledgement { first: Offset(*first), last: Offset(*last), types });
        previous = *last;
    }
    if !topic.partitions.contains_key(&id.index) {
        return Err(ErrorCode::UnknownTopicOrPartition);
    }
    Ok(acknowledgements)
}

impl Acknowledgements {
    /// The writes that are waited for.
    pub(super) fn writes(&self) -> Vec<WriteId> {
        let writes = self.outcomes.values().filter_map(|outcome| match outcome {
            Acknowledging::Until(write) => Some(*write),
            Acknowledging::Done(_) => None,
        });
        writes.collect()
    }

    /// A write is over.
    pub(super) fn written(&mut self, write: WriteId, outcome: &Acknowledged) {
        for own in self.outcomes.values_mut() {
            if matches!(own, Acknowledging::Until(awaited) if *awaited == write) {
                *own = Acknowledging::Done(outcome.clone());
            }
        }
    }

    /// What is told, by partition.
    pub(super) fn into_outcomes(self) -> impl Iterator<Item = (PartitionId, i16, Option<Str>)> {
        self.outcomes.into_iter().map(|(id, outcome)| {
            let outcome = match outcome {
                Acknowledging::Done(outcome) => outcome,
                Acknowledging::Until(_) => Err(ApiError::bare(ErrorCode::UnknownServerError)),
            };
            let (code, message) = ApiError::parts(outcome);
            (id, code, message)
        })
    }
}
