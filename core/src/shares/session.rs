//! Share sessions: what a member fetches is remembered, as in fetch sessions, and with its connection all that it has goes back.

use alloc::collections::btree_map::Entry;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::record::MemberId;
use crate::boundary::ConnId;
use crate::error_code::ErrorCode;
use crate::groups::GroupId;
use crate::types::PartitionId;

/// Whose session: a member may have one on this broker.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SessionKey {
    /// Its group.
    pub group: GroupId,
    /// Itself.
    pub member: MemberId,
}

/// A partition that a member fetches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SharedPartition {
    /// Which.
    pub id: PartitionId,
    /// Whether its topic was there when it was named.
    pub is_known: bool,
}

/// What a fetch is in its session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SharePlan {
    /// It began a session: what is found is told, whatever it is.
    Begun(Vec<SharedPartition>),
    /// It went on: what has not changed is not told.
    GoneOn(Vec<SharedPartition>),
    /// It ends the session, and fetches nothing.
    Final,
}

/// All share sessions of this broker.
#[derive(Debug)]
pub struct ShareSessions {
    sessions: BTreeMap<SessionKey, Session>,
    by_connection: BTreeMap<ConnId, OfConnection>,
    members: BTreeMap<GroupId, usize>,
    slots: usize,
}

#[derive(Debug)]
struct Session {
    next_epoch: i32,
    conn: ConnId,
    partitions: BTreeMap<PartitionId, Cached>,
    /// The order in which they are served; those that gave records go to the end.
    order: BTreeMap<u64, PartitionId>,
    next_place: u64,
}

#[derive(Debug)]
struct Cached {
    partition: SharedPartition,
    place: u64,
    /// It is told even where nothing was found.
    is_news: bool,
}

#[derive(Debug, Default)]
struct OfConnection {
    sessions: BTreeSet<SessionKey>,
    /// The group of the last session that ended before the connection.
    ended: Option<GroupId>,
}

/// The epoch that ends a session.
pub const FINAL_EPOCH: i32 = -1;
/// The epoch that begins one.
pub const INITIAL_EPOCH: i32 = 0;

impl ShareSessions {
    /// Room for `slots` sessions (`group.share.max.share.sessions`).
    #[must_use]
    pub fn new(slots: usize) -> Self {
        Self { sessions: BTreeMap::new(), by_connection: BTreeMap::new(), members: BTreeMap::new(), slots }
    }

    /// Places a fetch in its session: begins it, goes on with it, or is its last.
    ///
    /// # Errors
    /// Where there is no such session, the epoch is not the next one, or there is no room.
    pub fn fetch(
        &mut self,
        conn: ConnId,
        key: &SessionKey,
        epoch: i32,
        named: &[SharedPartition],
        forgotten: &[PartitionId],
    ) -> Result<SharePlan, ErrorCode> {
        match epoch {
            FINAL_EPOCH if self.sessions.contains_key(key) => Ok(SharePlan::Final),
            FINAL_EPOCH => Err(ErrorCode::ShareSessionNotFound),
            INITIAL_EPOCH => self.begin(conn, key, named),
            epoch => {
                let session = self.go_on(key, epoch)?;
                named.iter().for_each(|partition| session.add(*partition, true));
                forgotten.iter().for_each(|id| session.forget(*id));
                Ok(SharePlan::GoneOn(session.in_order().map(|cached| cached.partition).collect()))
            }
        }
    }

    /// Places acknowledgements in their session.
    ///
    /// # Errors
    /// As [`ShareSessions::fetch`]; no session begins with them.
    pub fn acknowledge(&mut self, key: &SessionKey, epoch: i32) -> Result<(), ErrorCode> {
        match epoch {
            INITIAL_EPOCH => Err(ErrorCode::InvalidShareSessionEpoch),
            FINAL_EPOCH if self.sessions.contains_key(key) => Ok(()),
            epoch => self.go_on(key, epoch).map(|_| ()),
        }
    }

    /// Whether a fetch of that epoch is still the last of its session.
    #[must_use]
    pub fn is_last(&self, key: &SessionKey, epoch: i32) -> bool {
        self.sessions.get(key).is_some_and(|session| session.next_epoch == after(epoch))
    }

    /// Notes what an answer says of a partition; whether it has to be said.
    pub fn tell(&mut self, key: &SessionKey, id: PartitionId, has_records: bool, is_error: bool) -> bool {
        let Some(session) = self.sessions.get_mut(key) else { return true };
        let Some(cached) = session.partitions.get_mut(&id) else { return true };
        let was_news = core::mem::replace(&mut cached.is_news, is_error);
        if has_records {
            session.order.remove(&cached.place);
            cached.place = session.next_place;
            session.order.insert(cached.place, id);
            session.next_place += 1;
        }
        was_news || has_records || is_error
    }

    /// Ends a session. The partitions that were in it; `None` where there is none.
    pub fn end(&mut self, key: &SessionKey) -> Option<Vec<PartitionId>> {
        let session = self.sessions.remove(key)?;
        if let Some(count) = self.members.get_mut(&key.group) {
            *count -= 1;
            if *count == 0 {
                self.members.remove(&key.group);
            }
        }
        if let Some(of_connection) = self.by_connection.get_mut(&session.conn) {
            of_connection.sessions.remove(key);
            of_connection.ended = Some(key.group.clone());
        }
        Some(session.order.into_values().collect())
    }

    /// A connection is gone: the sessions that it had, to be ended, and a group that may have none any more.
    pub fn disconnected(&mut self, conn: ConnId) -> (Vec<SessionKey>, Option<GroupId>) {
        let gone = self.by_connection.remove(&conn).unwrap_or_default();
        (gone.sessions.into_iter().collect(), gone.ended)
    }

    /// Whether a group has sessions here.
    #[must_use]
    pub fn has_any_of(&self, group: &str) -> bool {
        self.members.contains_key(group)
    }

    fn begin(&mut self, conn: ConnId, key: &SessionKey, named: &[SharedPartition]) -> Result<SharePlan, ErrorCode> {
        self.end(key);
        let ids: BTreeSet<_> = named.iter().map(|partition| partition.id).collect();
        if ids.len() < named.len() {
            // Kafka's broker stumbles over a partition that is named twice.
            return Err(ErrorCode::UnknownServerError);
        }
        if self.sessions.len() >= self.slots {
            return Err(ErrorCode::ShareSessionLimitReached);
        }
        let mut session = Session {
            next_epoch: after(INITIAL_EPOCH),
            conn,
            partitions: BTreeMap::new(),
            order: BTreeMap::new(),
            next_place: 0,
        };
        named.iter().for_each(|partition| session.add(*partition, false));
        self.sessions.insert(key.clone(), session);
        self.by_connection.entry(conn).or_default().sessions.insert(key.clone());
        *self.members.entry(key.group.clone()).or_default() += 1;
        Ok(SharePlan::Begun(named.to_vec()))
    }

    fn go_on(&mut self, key: &SessionKey, epoch: i32) -> Result<&mut Session, ErrorCode> {
        let session = self.sessions.get_mut(key).ok_or(ErrorCode::ShareSessionNotFound)?;
        if session.next_epoch != epoch {
            return Err(ErrorCode::InvalidShareSessionEpoch);
        }
        session.next_epoch = after(epoch);
        Ok(session)
    }
}

impl Session {
    fn add(&mut self, partition: SharedPartition, is_news: bool) {
        let place = self.next_place;
        if let Entry::Vacant(vacant) = self.partitions.entry(partition.id) {
            vacant.insert(Cached { partition, place, is_news });
            self.order.insert(place, partition.id);
            self.next_place += 1;
        }
    }

    fn forget(&mut self, id: PartitionId) {
        if let Some(cached) = self.partitions.remove(&id) {
            self.order.remove(&cached.place);
        }
    }

    fn in_order(&self) -> impl Iterator<Item = &Cached> {
        self.order.values().filter_map(|id| self.partitions.get(id))
    }
}

/// The epoch that follows.
fn after(epoch: i32) -> i32 {
    match epoch {
        FINAL_EPOCH => FINAL_EPOCH,
        i32::MAX => 1,
        epoch => epoch + 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Uuid;

    const CONN: ConnId = ConnId(7);

    fn key(member: &str) -> SessionKey {
        SessionKey { group: "g".into(), member: member.into() }
    }

    fn partition(index: i32) -> SharedPartition {
        SharedPartition { id: PartitionId { topic_id: Uuid(9), index }, is_known: true }
    }

    #[test]
    fn a_session_goes_on_epoch_by_epoch_until_its_last() {
        let mut sessions = ShareSessions::new(10);
        let one = key("one");
        assert_eq!(sessions.fetch(CONN, &one, 1, &[], &[]), Err(ErrorCode::ShareSessionNotFound));
        assert_eq!(sessions.fetch(CONN, &one, -1, &[], &[]), Err(ErrorCode::ShareSessionNotFound));
        assert_eq!(sessions.acknowledge(&one, 0), Err(ErrorCode::InvalidShareSessionEpoch));
        let begun = sessions.fetch(CONN, &one, 0, &[partition(0), partition(1)], &[]);
        assert_eq!(begun, Ok(SharePlan::Begun([partition(0), partition(1)].into())));
        let changed = sessions.fetch(CONN, &one, 1, &[partition(2)], &[partition(0).id]);
        assert_eq!(changed, Ok(SharePlan::GoneOn([partition(1), partition(2)].into())));
        assert_eq!(sessions.fetch(CONN, &one, 1, &[], &[]), Err(ErrorCode::InvalidShareSessionEpoch));
        assert!(sessions.is_last(&one, 1) && !sessions.is_last(&one, 0));
        assert_eq!(sessions.acknowledge(&one, 2), Ok(()));
        assert_eq!(sessions.acknowledge(&one, -1), Ok(()));
        assert_eq!(sessions.fetch(CONN, &one, -1, &[], &[]), Ok(SharePlan::Final));
        assert_eq!(sessions.end(&one), Some([partition(1).id, partition(2).id].into()));
        assert_eq!((sessions.end(&one), sessions.has_any_of("g")), (None, false));
    }

    #[test]
    fn a_session_that_goes_on_is_told_what_is_new_and_partitions_with_records_go_to_the_end() {
        let mut sessions = ShareSessions::new(10);
        let one = key("one");
        sessions.fetch(CONN, &one, 0, &[partition(0), partition(1)], &[]).unwrap();
        assert!(sessions.tell(&one, partition(0).id, true, false));
        assert!(!sessions.tell(&one, partition(0).id, false, false), "nothing, and nothing new");
        let changed = sessions.fetch(CONN, &one, 1, &[partition(2)], &[]);
        assert_eq!(changed, Ok(SharePlan::GoneOn([partition(1), partition(0), partition(2)].into())));
        assert!(sessions.tell(&one, partition(2).id, false, false), "it is new");
        assert!(!sessions.tell(&one, partition(2).id, false, false));
        assert!(sessions.tell(&one, partition(1).id, false, true), "an error");
        assert!(sessions.tell(&one, partition(1).id, false, false), "and that it is over");
    }

    #[test]
    fn a_full_broker_takes_no_more_sessions_and_what_a_lost_connection_had_is_known() {
        let mut sessions = ShareSessions::new(2);
        for member in ["one", "two"] {
            assert!(sessions.fetch(CONN, &key(member), 0, &[], &[]).is_ok());
        }
        assert_eq!(sessions.fetch(CONN, &key("three"), 0, &[], &[]), Err(ErrorCode::ShareSessionLimitReached));
        assert!(sessions.fetch(CONN, &key("one"), 0, &[], &[]).is_ok(), "its own place is free");
        sessions.end(&key("two"));
        assert_eq!(sessions.disconnected(CONN), ([key("one")].into(), Some("g".into())));
        assert!(sessions.has_any_of("g"), "until it is ended");
    }
}
