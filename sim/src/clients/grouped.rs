//! What clients have in common that live in groups, or commit for them.

use std::collections::{BTreeMap, BTreeSet};

use ottla_core::error_code::ErrorCode;
use ottla_core::wire::messages::find_coordinator::{FindCoordinatorRequest, FindCoordinatorResponse};
use ottla_core::wire::{ApiKey, Str};

use super::offsets::{self, Place, error_of};
use super::{Request, Talk};
use crate::agenda::{Span, Time};
use crate::chance::Odds;
use crate::env::Stage;
use crate::history::{Answerer, Asked, Ear, Standing};
use crate::violation::Violation;

/// A commit goes so far at most.
pub const STRIDE_MAX: u64 = 5;

/// From this version on several coordinators can be asked for.
const KEYS_SINCE: i16 = 4;

/// Asks who looks after a group.
pub fn find_request(talk: &Talk<'_>, group: &str) -> Request {
    let has_keys = talk.version(ApiKey::FindCoordinator) >= KEYS_SINCE;
    Request::FindCoordinator(FindCoordinatorRequest {
        key: if has_keys { Str::default() } else { group.into() },
        coordinator_keys: if has_keys { vec![group.into()] } else { Vec::new() },
        ..FindCoordinatorRequest::default()
    })
}

/// Which node it is, or why that is not known.
///
/// # Errors
/// It is no answer to that.
pub fn coordinator(response: &FindCoordinatorResponse) -> Result<(ErrorCode, i32), Violation> {
    match response.coordinators.first() {
        Some(found) => Ok((error_of(found.error_code)?, found.node_id)),
        None => Ok((error_of(response.error_code)?, response.node_id)),
    }
}

/// Whether the coordinator is found; it may not be there at present.
///
/// # Errors
/// It is no answer to that.
pub fn is_found(response: &FindCoordinatorResponse) -> Result<bool, Violation> {
    match coordinator(response)? {
        (ErrorCode::None, 1) => Ok(true),
        (ErrorCode::CoordinatorNotAvailable, _) => Ok(false),
        (error, node_id) => Err(Violation::Answer(format!("FindCoordinator: node {node_id}, the error {error}"))),
    }
}

impl Talk<'_> {
    /// Who answers, and whether what it says must hold from now on.
    pub fn answerer(&self) -> Answerer {
        let life = self.life();
        Answerer { life, holds: self.history.timeline_of(life) == self.history.timeline() }
    }

    /// What is known of a group, before somebody asks something of it.
    pub fn asks(&mut self, group: &str, who: &Standing, ear: Ear) -> Asked {
        let from = self.answerer();
        self.history.groups.ledger(group).asked(from, who, ear)
    }

    /// Whether a group lives in a log that has a hole, and nothing else is wrong any more.
    pub fn is_without_coordinator(&self, group: &str) -> bool {
        let partitions = i32::from(self.env.plan.groups.partitions);
        self.env.stage != Stage::Faults
            && self.env.is_sound(self.life())
            && self.history.groups.is_damaged(group, partitions)
    }

    /// An answer said how far a group has read these.
    ///
    /// # Errors
    /// It can't have.
    pub fn saw_offsets(
        &mut self,
        group: &str,
        asked: &Asked,
        found: &BTreeMap<Place, offsets::Committed>,
    ) -> Result<(), Violation> {
        let from = self.answerer();
        for (place, committed) in found {
            let partition = self.partition_of(place).expect("a lasting topic");
            let committed = committed.as_ref().map(|(offset, text)| (*offset, text.as_str()));
            self.history.groups.ledger(group).saw_offset(from, asked, partition, committed)?;
        }
        Ok(())
    }

    /// All partitions of these topics.
    pub fn places(&self, topics: &[String]) -> BTreeSet<Place> {
        let partitions = |name: &String| self.history.topics.lasting(name).map_or(0, |state| state.partitions);
        topics.iter().flat_map(|name| (0..partitions(name)).map(|index| (name.clone(), index))).collect()
    }

    /// A member of a group that reads these topics has to come to rest with the others.
    pub fn enter(&mut self, group: &str, topics: &[String]) {
        let all: Vec<_> = self.places(topics).iter().filter_map(|place| self.partition_of(place)).collect();
        self.history.groups.enter(group, self.id, all);
    }

    /// When a member gives its next sign of life: it waits a part of its session.
    pub fn next_sign_of_life(&mut self) -> Time {
        let plan = self.env.plan.groups;
        // Who hears of a rebalance too late is taken for gone.
        let session = Span::ms(plan.session_timeout_ms.min(plan.rebalance_timeout_ms));
        let hurries = self.chance.happens(Odds::percent(30));
        let longest = if hurries { Span(session.0 / 50) } else { Span(session.0 / 4) };
        self.time() + self.chance.span_up_to(longest) + Span(1)
    }

    /// Whether a member has to give up, because its group's log has a hole; nobody waits for it then.
    pub fn gives_up_group(&mut self, group: &str) -> bool {
        let gives_up = self.is_without_coordinator(group);
        if gives_up {
            self.history.groups.loses(group, self.id);
        }
        gives_up
    }
}
