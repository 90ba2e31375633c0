//! Comes last, and asks what offsets transactions have committed.

use std::collections::BTreeSet;

use ottla_core::error_code::ErrorCode;
use ottla_core::wire::ApiKey;

use ottla_checker::OpId;

use super::cluster::Cluster;
use super::member::{coordinator, find_request};
use super::offsets::{self, Place};
use super::producer::is_passing;
use super::transactor::group_of;
use super::{Answer, Role, Talk};
use crate::agenda::{Span, Time};
use crate::history::PartitionRef;
use crate::stats::Counter;
use crate::violation::Violation;

/// A client that asks for the offsets of transactional ids.
#[derive(Debug)]
pub struct OffsetAuditor {
    /// Those that are still to be asked for, the present one first.
    ids: Vec<(String, BTreeSet<PartitionRef>)>,
    topics: [String; 1],
    cluster: Cluster,
    has_found: bool,
    is_busy: bool,
    asking: Option<OpId>,
    has_begun: bool,
    next_at: Time,
}

/// After an error it waits this long.
const RETRY_AFTER: Span = Span::ms(30);

impl OffsetAuditor {
    /// One that asks for these, of partitions of this topic.
    #[must_use]
    pub fn new(ids: Vec<(String, BTreeSet<PartitionRef>)>, topic: String) -> Self {
        Self {
            ids,
            topics: [topic],
            cluster: Cluster::default(),
            has_found: false,
            is_busy: false,
            asking: None,
            has_begun: false,
            next_at: Time::default(),
        }
    }

    fn refused(&mut self, talk: &mut Talk<'_>, error: ErrorCode) -> Result<(), Violation> {
        let may_pass = matches!(error, ErrorCode::NotCoordinator | ErrorCode::UnstableOffsetCommit);
        if !may_pass && !is_passing(error) {
            return Err(Violation::Answer(format!("of {} with the error {error}", self.ids[0].0)));
        }
        self.has_found = false;
        self.next_at = talk.time() + RETRY_AFTER;
        if talk.history.transactions.has_damage() {
            self.ids.remove(0);
        }
        Ok(())
    }
}

impl Role for OffsetAuditor {
    fn act(&mut self, talk: &mut Talk<'_>) -> Result<(), Violation> {
        if !self.has_begun {
            self.has_begun = true;
            talk.learn(&[ApiKey::FindCoordinator, ApiKey::OffsetFetch, ApiKey::OffsetCommit]);
            talk.learn_offset_versions();
        }
        if self.is_busy || !self.cluster.is_ready(talk, &self.topics) {
            return Ok(());
        }
        if talk.time() < self.next_at {
            talk.wake_after(self.next_at - talk.time());
            return Ok(());
        }
        let Some((id, partitions)) = self.ids.first() else { return Ok(()) };
        let group = group_of(id);
        if self.has_found {
            let places: Vec<Place> =
                partitions.iter().map(|partition| (self.topics[0].clone(), partition.index)).collect();
            let version = talk.version(ApiKey::OffsetFetch);
            talk.send(&offsets::fetch_request(&self.cluster, version, &group, &places));
            // By now all is decided.
            self.asking = Some(talk.history.account.asks_offsets(talk.id, &group, true));
        } else {
            talk.send(&find_request(talk, &group));
        }
        self.is_busy = true;
        Ok(())
    }

    fn answered(&mut self, talk: &mut Talk<'_>, _: u64, answer: Answer) -> Result<(), Violation> {
        let response = match answer {
            Answer::Metadata(response) => return self.cluster.answered(talk, &response),
            Answer::FindCoordinator(response) => {
                self.is_busy = false;
                match coordinator(&response)? {
                    (ErrorCode::None, 1) => self.has_found = true,
                    (error, _) => return self.refused(talk, error),
                }
                return Ok(());
            }
            Answer::OffsetFetch(response) => response,
            other => unreachable!("it does not ask for {other:?}"),
        };
        self.is_busy = false;
        let version = talk.version(ApiKey::OffsetFetch);
        let found = match offsets::fetch_outcome(&self.cluster, version, &response)? {
            Ok(found) => found,
            Err(error) => return self.refused(talk, error),
        };
        talk.env.stats.add(Counter::OffsetsFetched, found.len() as u64);
        let (id, _) = self.ids.remove(0);
        let op = self.asking.take().expect("asked before");
        talk.saw_committed(op, &found)?;
        for (place, committed) in found {
            let partition = talk.partition_of(&place).expect("a lasting topic");
            talk.history.transactions.found_committed(&id, partition, committed);
        }
        self.has_found = false;
        Ok(())
    }

    fn disconnected(&mut self) {
        self.cluster.disconnected();
        self.is_busy = false;
    }

    fn is_done(&self) -> bool {
        self.ids.is_empty()
    }
}
