//! Share partitions and what is around them: their states are loaded from the share coordinator and kept there, records come
//! back when their time is over, and who waits for them is woken.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::share_state::Asker;
use super::{Broker, Phase, Work};
use crate::api::produce::check_state;
use crate::api::{ApiError, share_acknowledge, share_fetch};
use crate::boundary::ConnId;
use crate::error_code::ErrorCode;
use crate::groups::GroupId;
use crate::log::{Found, Lookup, LookupError, TimestampAndOffset};
use crate::marks::Mark;
use crate::parking::{ParkedId, Waits};
use crate::planted::Bug;
use crate::share_state::{self, State, StateAnswer, StateCall, StateKey, StateResult};
use crate::shares::{
    AcknowledgeError, AcknowledgeType, Acknowledgement, MemberId, OffsetReset, RecordState, SessionKey, ShareConfig,
    ShareKey, SharePartition, StateBatch, StateWrite, Woken, WriteId,
};
use crate::time::Now;
use crate::types::{Offset, PartitionId};

/// What a share partition asked the share coordinator.
#[derive(Debug)]
pub(crate) struct AskedByShare {
    key: ShareKey,
    incarnation: u64,
    /// `None` where it asked for its state.
    write: Option<WriteId>,
}

/// A share partition that waits to know where it begins.
#[derive(Debug)]
pub(crate) struct ParkedShareStart {
    key: ShareKey,
    incarnation: u64,
    state: State,
}

/// What became of acknowledgements.
pub(crate) type Acknowledged = Result<(), ApiError>;

/// What is known of acknowledgements when they were taken.
#[derive(Debug)]
pub(crate) enum Acknowledging {
    Done(Acknowledged),
    /// They are being kept.
    Until(WriteId),
}

impl Broker {
    /// What a group's configs say of sharing.
    pub(crate) fn share_config(&self, group: &str) -> ShareConfig {
        ShareConfig::of(&self.config, self.metadata.image(), group)
    }

    /// Makes sure that a share partition is there; its state may still be on its way. The error, where it is known already
    /// that there is none to be had.
    ///
    /// # Errors
    /// Where the partition's log does not serve.
    pub(crate) fn open_share(&mut self, now: Now, key: &ShareKey) -> Result<Option<ErrorCode>, ErrorCode> {
        let log = self.logs.get(&key.partition).ok_or(ErrorCode::NotLeaderOrFollower)?;
        check_state(log)?;
        let leader_epoch = self.leader_epoch(key.partition);
        if self.shares.get(key).is_some_and(|share| share.leader_epoch == leader_epoch) {
            return Ok(None);
        }
        let incarnation = self.shares.begin(key.clone(), leader_epoch);
        let asked = AskedByShare { key: key.clone(), incarnation, write: None };
        let call = StateCall::Read { leader_epoch: leader_epoch.0 };
        self.shares.failed_last = None;
        self.ask_share_state(now, [(state_key(key), call)].into(), Asker::Share(asked));
        let has_failed = self.shares.get(key).is_none();
        Ok(self.shares.failed_last.take().filter(|_| has_failed))
    }

    /// The share coordinator has answered a share partition.
    pub(super) fn share_answered(&mut self, now: Now, asked: AskedByShare, result: Option<StateResult>) {
        let outcome = result.map_or(Err(ApiError::bare(ErrorCode::UnknownServerError)), |result| result.outcome);
        let outcome = outcome.map_err(translate);
        match (asked.write, outcome) {
            (Some(write), outcome) => self.share_written(now, &asked, write, outcome.map(|_| ())),
            (None, Ok(StateAnswer::Read(state))) => self.share_read(now, asked, state),
            (None, Ok(other)) => panic!("a share partition asks for its state, and not for {other:?}"),
            (None, Err(error)) => self.share_failed(now, &asked.key, asked.incarnation, error.code),
        }
    }

    /// The state is known; perhaps not yet where the share partition begins.
    fn share_read(&mut self, now: Now, asked: AskedByShare, state: State) {
        let AskedByShare { key, incarnation, .. } = asked;
        if state.start_offset >= 0 {
            return self.share_loaded(now, &key, incarnation, Offset(state.start_offset), &state);
        }
        let offset_reset = self.share_config(&key.group).offset_reset;
        let Some(log) = self.logs.get_mut(&key.partition).filter(|log| check_state(log).is_ok()) else {
            return self.share_failed(now, &key, incarnation, ErrorCode::NotLeaderOrFollower);
        };
        let since_ms = match offset_reset {
            OffsetReset::Latest => {
                let end = log.high_watermark();
                return self.share_loaded(now, &key, incarnation, end, &state);
            }
            OffsetReset::Earliest => {
                let start = log.log_start();
                return self.share_loaded(now, &key, incarnation, start, &state);
            }
            OffsetReset::ByDuration(ms) => now.wall.0.saturating_sub(ms),
        };
        match log.offset_for_timestamp(since_ms, &mut self.outbox) {
            Lookup::Ready(found) => self.share_begins(now, ParkedShareStart { key, incarnation, state }, found),
            Lookup::Reading(lookup) => {
                let partition = key.partition;
                let waits = Waits { lookups: [(partition, lookup)].into(), ..Waits::default() };
                self.parking.park(None, Work::ShareStart(ParkedShareStart { key, incarnation, state }), waits);
                self.touch(partition);
            }
        }
    }

    /// The record that a share partition begins with was looked up.
    pub(super) fn share_start_found(&mut self, now: Now, parked: ParkedShareStart, result: Result<Found, LookupError>) {
        match result {
            Ok(Found::Timestamp(found)) => self.share_begins(now, parked, found),
            Ok(other) => panic!("a look-up by time does not find {other:?}"),
            Err(error) => self.share_failed(now, &parked.key, parked.incarnation, error.error_code()),
        }
    }

    fn share_begins(&mut self, now: Now, parked: ParkedShareStart, found: Option<TimestampAndOffset>) {
        let ParkedShareStart { key, incarnation, state } = parked;
        match found {
            Some(found) => self.share_loaded(now, &key, incarnation, found.offset, &state),
            None => self.share_failed(now, &key, incarnation, ErrorCode::OffsetNotAvailable),
        }
    }

    fn share_loaded(&mut self, now: Now, key: &ShareKey, incarnation: u64, start: Offset, state: &State) {
        let Some(mut batches) = state.batches.iter().map(from_kept).collect::<Option<Vec<_>>>() else {
            return self.share_failed(now, key, incarnation, ErrorCode::UnknownServerError);
        };
        if self.config.bugs.has(Bug::AcceptedForgotten) {
            batches.iter_mut().for_each(|batch| batch.state = RecordState::Available);
        }
        let loaded = match SharePartition::loaded(start, &batches) {
            Ok(loaded) => loaded,
            Err(fault) => {
                let ShareKey { group, partition } = key;
                let text = alloc::format!("group {group} can't go on with partition {}: {fault}", partition.index);
                self.outbox.report(crate::boundary::Level::Error, text);
                return self.share_failed(now, key, incarnation, ErrorCode::UnknownServerError);
            }
        };
        let Some(share) = self.shares.get_mut(key).filter(|share| share.incarnation == incarnation) else { return };
        share.state_epoch = state.state_epoch;
        share.partition = Some(loaded);
        self.outbox.reach(Mark::SharePartitionLoaded);
        self.shares.wake(key, Woken::All);
    }

    /// A share partition can't be loaded: who waits for it is told.
    fn share_failed(&mut self, now: Now, key: &ShareKey, incarnation: u64, error: ErrorCode) {
        if self.shares.get(key).is_none_or(|share| share.incarnation != incarnation) {
            return;
        }
        self.outbox.reach(Mark::SharePartitionFailed);
        self.shares.remove(key);
        self.shares.failed_last = Some(error);
        for id in self.parking.sharing(key) {
            if let Some((Work::ShareFetch(parked), _)) = self.parking.take(id) {
                share_fetch::failed(self, now, parked, key, error);
            }
        }
    }

    /// Takes what a member says of its records.
    pub(crate) fn acknowledge_share(
        &mut self,
        now: Now,
        key: &ShareKey,
        member: &MemberId,
        acknowledgements: &[Acknowledgement],
    ) -> Acknowledging {
        let limits = self.share_config(&key.group).limits;
        let write = WriteId(self.shares.new_number());
        let Some(partition) = self.shares.loaded(key) else {
            let words = "This server does not host this topic-partition.";
            return Acknowledging::Done(Err(ApiError::new(ErrorCode::UnknownTopicOrPartition, words)));
        };
        let taken = partition.acknowledge(now.monotonic, &limits, write, member, acknowledgements);
        let is_taken = taken.is_ok();
        self.shares.rearm(key);
        if is_taken {
            acknowledgements.iter().flat_map(marks_of).for_each(|mark| self.outbox.reach(mark));
        }
        match taken {
            Ok(None) => Acknowledging::Done(Ok(())),
            Ok(Some(write)) => self.keep_share(now, key, write),
            Err(error) => Acknowledging::Done(Err(refusal(error))),
        }
    }

    /// Asks the share coordinator to keep states.
    fn keep_share(&mut self, now: Now, key: &ShareKey, write: StateWrite) -> Acknowledging {
        let Some(share) = self.shares.get(key) else { return Acknowledging::Done(Ok(())) };
        let id = write.id;
        let asked = AskedByShare { key: key.clone(), incarnation: share.incarnation, write: Some(id) };
        let call = StateCall::Write(share_state::StateWrite {
            state_epoch: share.state_epoch,
            leader_epoch: share.leader_epoch.0,
            start_offset: write.start.0,
            delivery_complete_count: write.delivery_complete_count,
            batches: write.batches.iter().map(to_kept).collect(),
        });
        let before = self.shares.asking.replace(Asking { id, outcome: None });
        self.ask_share_state(now, [(state_key(key), call)].into(), Asker::Share(asked));
        match core::mem::replace(&mut self.shares.asking, before).and_then(|asking| asking.outcome) {
            Some(outcome) => Acknowledging::Done(outcome),
            None => Acknowledging::Until(id),
        }
    }

    /// States are kept, or can't be.
    fn share_written(&mut self, now: Now, asked: &AskedByShare, write: WriteId, outcome: Acknowledged) {
        let key = &asked.key;
        let is_same = self.shares.get(key).is_some_and(|share| share.incarnation == asked.incarnation);
        if let Some(partition) = self.shares.loaded(key).filter(|_| is_same) {
            let has_more = partition.written(now.monotonic, write, outcome.is_ok());
            self.shares.rearm(key);
            if outcome.is_err() {
                self.outbox.reach(Mark::RecordsNotKept);
            }
            if outcome.as_ref().is_err_and(|error| is_fenced(error.code)) {
                self.shares.remove(key);
            }
            if has_more {
                self.shares.wake(key, Woken::All);
            }
        }
        if let Some(asking) = self.shares.asking.as_mut().filter(|asking| asking.id == write) {
            asking.outcome = Some(outcome);
            return;
        }
        let Some(id) = self.parking.awaiting_write(write) else { return };
        match self.parking.take(id) {
            Some((Work::ShareFetch(parked), _)) => share_fetch::acknowledged(self, now, parked, write, &outcome),
            Some((Work::ShareAcknowledge(parked), _)) => {
                share_acknowledge::acknowledged(self, now, parked, write, &outcome);
            }
            other => panic!("only a member's requests wait until states are kept, not {other:?}"),
        }
    }

    /// Ends a session: what its member has goes back.
    pub(crate) fn end_share_session(&mut self, now: Now, session: &SessionKey) {
        let Some(partitions) = self.shares.sessions.end(session) else { return };
        for partition in partitions {
            let key = ShareKey { group: Arc::clone(&session.group), partition };
            self.release_share(now, &key, &session.member);
        }
    }

    fn release_share(&mut self, now: Now, key: &ShareKey, member: &MemberId) {
        let limits = self.share_config(&key.group).limits;
        let write = WriteId(self.shares.new_number());
        let Some(partition) = self.shares.loaded(key) else { return };
        let released = partition.release_member(now.monotonic, &limits, write, member);
        if let Some(write) = released {
            self.outbox.reach(Mark::RecordsReturned);
            self.keep_share(now, key, write);
        }
    }

    /// A connection is gone, and with it its sessions. Groups without any other here are forgotten.
    pub(super) fn share_connection_lost(&mut self, now: Now, conn: ConnId) {
        let (sessions, ended) = self.shares.sessions.disconnected(conn);
        sessions.iter().for_each(|_| self.outbox.reach(Mark::ShareSessionLost));
        let groups: Vec<GroupId> = sessions.iter().map(|session| Arc::clone(&session.group)).chain(ended).collect();
        for session in &sessions {
            self.end_share_session(now, session);
        }
        for group in groups {
            if !self.shares.sessions.has_any_of(&group) {
                self.forget_share_group(now, &group);
            }
        }
    }

    /// Nobody fetches for a group any more: its share partitions are as the share coordinator has them.
    fn forget_share_group(&mut self, now: Now, group: &GroupId) {
        let keys: Vec<_> = self.shares.of_group(group).cloned().collect();
        for key in keys {
            // What a member had of a partition that it had left out of its session.
            let holders = self.shares.loaded(&key).map(|partition| partition.holders()).unwrap_or_default();
            for member in holders {
                self.release_share(now, &key, &member);
            }
            self.shares.remove(&key);
        }
    }

    /// A partition is deleted, or its log can't be used.
    pub(super) fn share_log_lost(&mut self, partition: PartitionId) {
        let keys: Vec<_> = self.shares.of_partition(partition).cloned().collect();
        for key in keys {
            self.shares.remove(&key);
        }
    }

    /// Takes records back whose time is over.
    pub(super) fn tick_shares(&mut self, now: Now) {
        if self.phase != Phase::Serving {
            return;
        }
        while let Some(key) = self.shares.due(now.monotonic) {
            let limits = self.share_config(&key.group).limits;
            let write = WriteId(self.shares.new_number());
            let Some(partition) = self.shares.loaded(&key) else { break };
            let released = partition.release_expired(now.monotonic, &limits, write);
            self.shares.rearm(&key);
            if let Some(write) = released {
                self.outbox.reach(Mark::RecordsTimedOut);
                self.keep_share(now, &key, write);
                self.shares.wake(&key, Woken::All);
            }
        }
    }

    /// Lets those try that wait for share partitions of which more may be available.
    pub(super) fn wake_shares(&mut self, now: Now) {
        while let Some((key, who)) = self.shares.pop_woken() {
            let is_meant = |id: &ParkedId| match self.parking.peek(*id) {
                Some(Work::ShareFetch(parked)) => who == Woken::All || parked.has_missed(&key),
                _ => false,
            };
            let mut waiting: Vec<_> = self.parking.sharing(&key).into_iter().filter(is_meant).collect();
            // They have their turns in the order in which they came.
            waiting.sort_by_key(|id| match self.parking.peek(*id) {
                Some(Work::ShareFetch(parked)) => parked.turn(),
                _ => u64::MAX,
            });
            for id in waiting {
                if let Some((Work::ShareFetch(parked), _)) = self.parking.take(id) {
                    share_fetch::wake(self, now, parked);
                }
            }
        }
    }
}

/// What a share partition makes of an error of the share coordinator's.
fn translate(error: ApiError) -> ApiError {
    let code = match error.code {
        ErrorCode::NotCoordinator | ErrorCode::CoordinatorNotAvailable | ErrorCode::CoordinatorLoadInProgress => {
            ErrorCode::CoordinatorNotAvailable
        }
        code @ (ErrorCode::GroupIdNotFound | ErrorCode::UnknownTopicOrPartition) => code,
        ErrorCode::FencedLeaderEpoch | ErrorCode::FencedStateEpoch => ErrorCode::NotLeaderOrFollower,
        _ => ErrorCode::UnknownServerError,
    };
    ApiError { code, ..error }
}

/// Whether somebody else knows better: the state is to be loaded again.
fn is_fenced(error: ErrorCode) -> bool {
    let fences = [ErrorCode::NotLeaderOrFollower, ErrorCode::GroupIdNotFound, ErrorCode::UnknownTopicOrPartition];
    fences.contains(&error)
}

/// What acknowledgements are, for tests.
fn marks_of(acknowledgement: &Acknowledgement) -> impl Iterator<Item = Mark> {
    acknowledgement.types.iter().map(|kind| match kind {
        AcknowledgeType::Gap => Mark::RecordsMissing,
        AcknowledgeType::Accept => Mark::RecordsAccepted,
        AcknowledgeType::Release => Mark::RecordsReleased,
        AcknowledgeType::Reject => Mark::RecordsRejected,
        AcknowledgeType::Renew => Mark::RecordsRenewed,
    })
}

fn refusal(error: AcknowledgeError) -> ApiError {
    ApiError::new(error.error_code(), alloc::format!("{error}"))
}

fn state_key(key: &ShareKey) -> StateKey {
    let PartitionId { topic_id, index } = key.partition;
    StateKey { group: Arc::clone(&key.group), topic_id, partition: index }
}

fn to_kept(batch: &StateBatch) -> share_state::StateBatch {
    share_state::StateBatch {
        first_offset: batch.first.0,
        last_offset: batch.last.0,
        delivery_count: batch.delivery_count,
        delivery_state: batch.state.number(),
    }
}

fn from_kept(batch: &share_state::StateBatch) -> Option<StateBatch> {
    Some(StateBatch {
        first: Offset(batch.first_offset),
        last: Offset(batch.last_offset),
        state: RecordState::of_number(batch.delivery_state)?,
        delivery_count: batch.delivery_count,
    })
}

/// A write that is being asked for, while it is: it may be answered at once.
#[derive(Debug)]
pub(crate) struct Asking {
    id: WriteId,
    outcome: Option<Acknowledged>,
}
