//! Fetch sessions (KIP-227): what a client fetches is remembered, so that it sends and gets only what changed.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use crate::error_code::ErrorCode;
use crate::planted::{Bug, Bugs};
use crate::rng::Rng;
use crate::time::Monotonic;
use crate::types::{LeaderEpoch, Offset, TopicName};
use crate::wire::Uuid;

/// A session's number in requests and answers; 0 stands for none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SessionId(pub i32);

/// A topic as the client calls it: by name up to version 12, by id since.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TopicKey {
    /// By id.
    Id(Uuid),
    /// By name.
    Name(TopicName),
}

/// A partition as the client calls it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FetchKey {
    /// Its topic.
    pub topic: TopicKey,
    /// Its index.
    pub partition: i32,
}

/// What a client wants of one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchTarget {
    /// Which partition.
    pub key: FetchKey,
    /// From where.
    pub fetch_offset: Offset,
    /// At most this much, the first batch aside.
    pub max_bytes: u32,
    /// The leader epoch that the client knows.
    pub current_leader_epoch: LeaderEpoch,
    /// The epoch of the last batch that the client has.
    pub last_fetched_epoch: LeaderEpoch,
}

/// What an answer says of one partition, as far as sessions care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// Whether there is an error, records, or a divergence: reasons to tell in any case.
    pub is_news: bool,
    /// Whether there are records.
    pub has_records: bool,
    /// `None` after an error.
    pub marks: Option<Marks>,
}

/// How far a partition is: a change of any of these is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marks {
    /// The high watermark.
    pub high_watermark: Offset,
    /// The last stable offset, which may move while the high watermark does not.
    pub last_stable_offset: Offset,
    /// The log's start.
    pub log_start: Offset,
}

/// A request in the terms of its session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchPlan {
    /// The session that the answer belongs to.
    pub session: Option<SessionId>,
    /// Only changes are told.
    pub is_incremental: bool,
    /// All partitions of the session, in the order in which they are served.
    pub targets: Vec<FetchTarget>,
}

/// What a request says of sessions.
#[derive(Clone, Debug)]
pub struct SessionRequest {
    /// 0 for none.
    pub session_id: i32,
    /// 0 to begin a session, -1 to end it, else the next number.
    pub session_epoch: i32,
    /// Partitions named in the request: all of a full one, changes of an incremental one.
    pub targets: Vec<FetchTarget>,
    /// Partitions to leave out from now on.
    pub forgotten: Vec<FetchKey>,
}

/// All sessions of this broker.
#[derive(Debug)]
pub struct FetchSessions {
    sessions: BTreeMap<SessionId, Session>,
    by_last_use: BTreeSet<(Monotonic, SessionId)>,
    slots: usize,
    /// What is planted, for tests.
    bugs: Bugs,
}

#[derive(Debug)]
struct Session {
    next_epoch: i32,
    last_used: Monotonic,
    partitions: BTreeMap<FetchKey, Cached>,
    /// The order in which partitions are served; those that gave records go to the end.
    order: BTreeMap<u64, FetchKey>,
    next_place: u64,
}

#[derive(Debug)]
struct Cached {
    target: FetchTarget,
    place: u64,
    /// As last told.
    marks: Option<Marks>,
}

/// The epoch that ends a session, or does without one.
pub(crate) const FINAL_EPOCH: i32 = -1;
const INITIAL_EPOCH: i32 = 0;
/// A session that was used within this time is not evicted for a new one.
const SAFE_FROM_EVICTION_MS: i64 = 120_000;

impl FetchSessions {
    /// Room for `slots` sessions (`max.incremental.fetch.session.cache.slots`).
    #[must_use]
    pub fn new(slots: usize, bugs: Bugs) -> Self {
        Self { sessions: BTreeMap::new(), by_last_use: BTreeSet::new(), slots, bugs }
    }

    /// Places a request in its session: finds, begins or ends it.
    pub fn begin(&mut self, now: Monotonic, request: SessionRequest, rng: &mut Rng) -> Result<FetchPlan, ErrorCode> {
        let id = SessionId(request.session_id);
        match request.session_epoch {
            FINAL_EPOCH => {
                self.remove(id);
                Ok(FetchPlan { session: None, is_incremental: false, targets: request.targets })
            }
            INITIAL_EPOCH => {
                self.remove(id);
                let session = self.create(now, &request.targets, rng);
                Ok(FetchPlan { session, is_incremental: false, targets: request.targets })
            }
            epoch => {
                let session = self.sessions.get_mut(&id).ok_or(ErrorCode::FetchSessionIdNotFound)?;
                let names_as_before = |key: &FetchKey| {
                    let known = session.partitions.first_key_value().map(|(known, _)| known);
                    known.is_none_or(|known| {
                        matches!(known.topic, TopicKey::Id(_)) == matches!(key.topic, TopicKey::Id(_))
                    })
                };
                if !request.targets.iter().map(|target| &target.key).chain(&request.forgotten).all(names_as_before) {
                    return Err(ErrorCode::FetchSessionTopicIdError);
                }
                if session.next_epoch != epoch && !self.bugs.has(Bug::SessionEpochUnchecked) {
                    return Err(ErrorCode::InvalidFetchSessionEpoch);
                }
                session.next_epoch = if epoch == i32::MAX { 1 } else { epoch + 1 };
                self.by_last_use.remove(&(session.last_used, id));
                session.last_used = now;
                self.by_last_use.insert((now, id));
                session.change(request.targets, &request.forgotten, self.bugs);
                let targets = session.order.values().map(|key| session.partitions[key].target.clone()).collect();
                Ok(FetchPlan { session: Some(id), is_incremental: true, targets })
            }
        }
    }

    /// Ends a session that nobody was told of.
    pub fn end(&mut self, id: SessionId) {
        self.remove(id);
    }

    /// Notes what an answer says of a partition; whether it has to be said.
    pub fn tell(&mut self, plan: (Option<SessionId>, bool), key: &FetchKey, told: Told) -> bool {
        let (session, is_incremental) = plan;
        let Some(session) = session.and_then(|id| self.sessions.get_mut(&id)) else { return true };
        let Some(cached) = session.partitions.get_mut(key) else { return true };
        let is_changed = cached.marks != told.marks;
        cached.marks = told.marks;
        if told.has_records {
            session.order.remove(&cached.place);
            cached.place = session.next_place;
            if !self.bugs.has(Bug::SessionForgetsPartition) {
                session.order.insert(cached.place, key.clone());
            }
            session.next_place += 1;
        }
        !is_incremental || told.is_news || is_changed
    }

    fn create(&mut self, now: Monotonic, targets: &[FetchTarget], rng: &mut Rng) -> Option<SessionId> {
        if self.sessions.len() >= self.slots {
            let (last_used, oldest) = *self.by_last_use.first()?;
            if last_used.plus_ms(SAFE_FROM_EVICTION_MS) > now {
                return None;
            }
            self.remove(oldest);
        }
        let id = loop {
            let id = SessionId((rng.u64() & 0x7fff_ffff) as i32);
            if id.0 != 0 && !self.sessions.contains_key(&id) {
                break id;
            }
        };
        let mut session = Session {
            next_epoch: 1,
            last_used: now,
            partitions: BTreeMap::new(),
            order: BTreeMap::new(),
            next_place: 0,
        };
        session.change(targets.to_vec(), &[], self.bugs);
        self.sessions.insert(id, session);
        self.by_last_use.insert((now, id));
        Some(id)
    }

    fn remove(&mut self, id: SessionId) {
        if let Some(session) = self.sessions.remove(&id) {
            self.by_last_use.remove(&(session.last_used, id));
        }
    }
}

impl Session {
    fn change(&mut self, targets: Vec<FetchTarget>, forgotten: &[FetchKey], bugs: Bugs) {
        for target in targets {
            if let Some(cached) = self.partitions.get_mut(&target.key) {
                if !bugs.has(Bug::SessionKeepsPosition) {
                    cached.target = target;
                }
                continue;
            }
            let place = self.next_place;
            self.next_place += 1;
            self.order.insert(place, target.key.clone());
            self.partitions.insert(target.key.clone(), Cached { target, place, marks: None });
        }
        for key in forgotten {
            if let Some(cached) = self.partitions.remove(key) {
                self.order.remove(&cached.place);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(partition: i32, offset: i64) -> FetchTarget {
        FetchTarget {
            key: FetchKey { topic: TopicKey::Id(Uuid(9)), partition },
            fetch_offset: Offset(offset),
            max_bytes: 1 << 20,
            current_leader_epoch: LeaderEpoch::NONE,
            last_fetched_epoch: LeaderEpoch::NONE,
        }
    }

    fn request(session_id: i32, session_epoch: i32, targets: Vec<FetchTarget>) -> SessionRequest {
        SessionRequest { session_id, session_epoch, targets, forgotten: Vec::new() }
    }

    fn started(sessions: &mut FetchSessions, rng: &mut Rng) -> SessionId {
        let plan = sessions.begin(Monotonic(0), request(0, 0, [target(0, 5), target(1, 7)].into()), rng);
        plan.expect("a first request begins a session").session.expect("there is room")
    }

    #[test]
    fn an_incremental_request_fetches_all_of_its_session_with_the_changes_applied() {
        let (mut sessions, mut rng) = (FetchSessions::new(10, Bugs::default()), Rng::new([1; 32]));
        let id = started(&mut sessions, &mut rng);
        let mut next = request(id.0, 1, [target(1, 8), target(2, 0)].into());
        next.forgotten.push(target(0, 0).key);
        let plan = sessions.begin(Monotonic(1), next, &mut rng).unwrap();
        assert_eq!(plan.targets, [target(1, 8), target(2, 0)]);
    }

    #[test]
    fn an_unknown_session_and_a_wrong_epoch_are_errors() {
        let (mut sessions, mut rng) = (FetchSessions::new(10, Bugs::default()), Rng::new([1; 32]));
        let id = started(&mut sessions, &mut rng);
        let mut begin =
            |session_id, epoch| sessions.begin(Monotonic(1), request(session_id, epoch, Vec::new()), &mut rng);
        assert_eq!(begin(id.0 ^ 1, 1), Err(ErrorCode::FetchSessionIdNotFound));
        assert_eq!(begin(id.0, 2), Err(ErrorCode::InvalidFetchSessionEpoch));
        assert!(begin(id.0, 1).is_ok());
        assert!(begin(id.0, -1).is_ok(), "epoch -1 ends it");
        assert_eq!(begin(id.0, 2), Err(ErrorCode::FetchSessionIdNotFound));
    }

    #[test]
    fn a_session_by_topic_ids_refuses_names() {
        let (mut sessions, mut rng) = (FetchSessions::new(10, Bugs::default()), Rng::new([1; 32]));
        let id = started(&mut sessions, &mut rng);
        let mut named = target(0, 0);
        named.key.topic = TopicKey::Name("a".into());
        let plan = sessions.begin(Monotonic(1), request(id.0, 1, [named].into()), &mut rng);
        assert_eq!(plan, Err(ErrorCode::FetchSessionTopicIdError));
    }

    #[test]
    fn only_changes_are_told_and_partitions_with_records_go_to_the_end() {
        let (mut sessions, mut rng) = (FetchSessions::new(10, Bugs::default()), Rng::new([1; 32]));
        let id = started(&mut sessions, &mut rng);
        let marks = Marks { high_watermark: Offset(7), last_stable_offset: Offset(5), log_start: Offset(0) };
        let quiet = Told { is_news: false, has_records: false, marks: Some(marks) };
        let records = Told { is_news: true, has_records: true, ..quiet };
        assert!(sessions.tell((Some(id), false), &target(0, 0).key, records), "a full answer tells everything");
        assert!(sessions.tell((Some(id), false), &target(1, 0).key, quiet));
        assert!(!sessions.tell((Some(id), true), &target(1, 0).key, quiet));
        let moved = Told { marks: Some(Marks { high_watermark: Offset(8), ..marks }), ..quiet };
        assert!(sessions.tell((Some(id), true), &target(1, 0).key, moved), "the high watermark moved");
        assert!(!sessions.tell((Some(id), true), &target(1, 0).key, moved));
        let decided = Marks { high_watermark: Offset(8), last_stable_offset: Offset(8), ..marks };
        let decided = Told { marks: Some(decided), ..quiet };
        assert!(sessions.tell((Some(id), true), &target(1, 0).key, decided), "a transaction ended");
        let plan = sessions.begin(Monotonic(1), request(id.0, 1, Vec::new()), &mut rng).unwrap();
        assert_eq!(plan.targets.iter().map(|target| target.key.partition).collect::<Vec<_>>(), [1, 0]);
    }

    #[test]
    fn a_full_cache_refuses_new_sessions_until_an_old_one_may_go() {
        let (mut sessions, mut rng) = (FetchSessions::new(1, Bugs::default()), Rng::new([1; 32]));
        started(&mut sessions, &mut rng);
        let mut begin = |now| sessions.begin(now, request(0, 0, Vec::new()), &mut rng).unwrap().session;
        assert_eq!(begin(Monotonic(1)), None);
        assert!(begin(Monotonic(0).plus_ms(SAFE_FROM_EVICTION_MS)).is_some());
    }
}
