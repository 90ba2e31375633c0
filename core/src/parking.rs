//! Where requests wait: for the high watermark, for growth of a partition, for a look-up or another command on disk, for
//! the time.
//!
//! One place for all of them, so that nothing polls and nothing is forgotten: each parked request is found by partition,
//! by look-up, by connection and by deadline. What does not belong here: what happens when the wait is over (`api/`).

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use crate::boundary::{ConnId, OpId};
use crate::log::LookupId;
use crate::shares::{ShareKey, WriteId};
use crate::time::Monotonic;
use crate::types::{Offset, PartitionId};

/// A parked request; never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ParkedId(u64);

/// What a parked request waits for. It is woken by whichever comes first.
#[derive(Clone, Debug, Default)]
pub struct Waits {
    /// Until the high watermark of a partition is at or past an offset.
    pub commits: Vec<(PartitionId, Offset)>,
    /// Until the high watermark of a partition moves.
    pub growth: Vec<PartitionId>,
    /// Until a look-up of a partition's log is done.
    pub lookups: Vec<(PartitionId, LookupId)>,
    /// Until a storage command has ended.
    pub operations: Vec<OpId>,
    /// Until more of a share partition may be available.
    pub shares: Vec<ShareKey>,
    /// Until states of records in flight are kept.
    pub writes: Vec<WriteId>,
    /// Until then.
    pub deadline: Option<Monotonic>,
}

/// Why a parked request is woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// The high watermark passed one of its offsets.
    Committed(PartitionId),
    /// A partition that it watches grew.
    Grown(PartitionId),
    /// A partition that it waits for is offline or gone.
    Lost(PartitionId),
    /// Its deadline passed.
    Deadline,
}

/// All parked requests, of any kind `W`.
#[derive(Debug)]
pub struct Parking<W> {
    parked: BTreeMap<ParkedId, Parked<W>>,
    next: u64,
    by_commit: BTreeMap<PartitionId, BTreeSet<(Offset, ParkedId)>>,
    by_growth: BTreeMap<PartitionId, BTreeSet<ParkedId>>,
    by_lookup: BTreeMap<(PartitionId, LookupId), ParkedId>,
    by_operation: BTreeMap<OpId, ParkedId>,
    by_share: BTreeMap<ShareKey, BTreeSet<ParkedId>>,
    by_write: BTreeMap<WriteId, ParkedId>,
    by_deadline: BTreeSet<(Monotonic, ParkedId)>,
    by_connection: BTreeMap<ConnId, BTreeSet<ParkedId>>,
}

#[derive(Debug)]
struct Parked<W> {
    work: W,
    conn: Option<ConnId>,
    waits: Waits,
}

impl<W> Default for Parking<W> {
    fn default() -> Self {
        Self {
            parked: BTreeMap::new(),
            next: 0,
            by_commit: BTreeMap::new(),
            by_growth: BTreeMap::new(),
            by_lookup: BTreeMap::new(),
            by_operation: BTreeMap::new(),
            by_share: BTreeMap::new(),
            by_write: BTreeMap::new(),
            by_deadline: BTreeSet::new(),
            by_connection: BTreeMap::new(),
        }
    }
}

impl<W> Parking<W> {
    /// Parks `work` of a connection, or of the broker itself, until one of `waits`.
    pub fn park(&mut self, conn: Option<ConnId>, work: W, waits: Waits) -> ParkedId {
        let id = ParkedId(self.next);
        self.next += 1;
        for (partition, offset) in &waits.commits {
            self.by_commit.entry(*partition).or_default().insert((*offset, id));
        }
        for partition in &waits.growth {
            self.by_growth.entry(*partition).or_default().insert(id);
        }
        for lookup in &waits.lookups {
            self.by_lookup.insert(*lookup, id);
        }
        for operation in &waits.operations {
            self.by_operation.insert(*operation, id);
        }
        for share in &waits.shares {
            self.by_share.entry(share.clone()).or_default().insert(id);
        }
        for write in &waits.writes {
            self.by_write.insert(*write, id);
        }
        if let Some(deadline) = waits.deadline {
            self.by_deadline.insert((deadline, id));
        }
        if let Some(conn) = conn {
            self.by_connection.entry(conn).or_default().insert(id);
        }
        self.parked.insert(id, Parked { work, conn, waits });
        id
    }

    /// Takes a request out, with what it was still waiting for.
    pub fn take(&mut self, id: ParkedId) -> Option<(W, Waits)> {
        let Parked { work, conn, waits } = self.parked.remove(&id)?;
        for (partition, offset) in &waits.commits {
            remove_from(&mut self.by_commit, partition, &(*offset, id));
        }
        for partition in &waits.growth {
            remove_from(&mut self.by_growth, partition, &id);
        }
        for lookup in &waits.lookups {
            self.by_lookup.remove(lookup);
        }
        for operation in &waits.operations {
            self.by_operation.remove(operation);
        }
        for share in &waits.shares {
            remove_from(&mut self.by_share, share, &id);
        }
        for write in &waits.writes {
            self.by_write.remove(write);
        }
        if let Some(deadline) = waits.deadline {
            self.by_deadline.remove(&(deadline, id));
        }
        if let Some(conn) = conn {
            remove_from(&mut self.by_connection, &conn, &id);
        }
        Some((work, waits))
    }

    /// Requests whose offset the high watermark of `partition` has reached.
    #[must_use]
    pub fn committed(&self, partition: PartitionId, high_watermark: Offset) -> Vec<ParkedId> {
        let waiting = self.by_commit.get(&partition).into_iter().flatten();
        waiting.take_while(|(offset, _)| *offset <= high_watermark).map(|(_, id)| *id).collect()
    }

    /// Requests that watch `partition` grow.
    #[must_use]
    pub fn watching(&self, partition: PartitionId) -> Vec<ParkedId> {
        self.by_growth.get(&partition).into_iter().flatten().copied().collect()
    }

    /// Requests that wait for `partition` in any way, oldest first.
    #[must_use]
    pub fn touching(&self, partition: PartitionId) -> Vec<ParkedId> {
        let commits = self.by_commit.get(&partition).into_iter().flatten().map(|(_, id)| *id);
        let growth = self.by_growth.get(&partition).into_iter().flatten().copied();
        let every: BTreeSet<_> = commits.chain(growth).collect();
        every.into_iter().collect()
    }

    /// The request that asked for a look-up; none where it gave up.
    #[must_use]
    pub fn looking_up(&self, partition: PartitionId, lookup: LookupId) -> Option<ParkedId> {
        self.by_lookup.get(&(partition, lookup)).copied()
    }

    /// The request that waits for a storage command; none where it gave up.
    #[must_use]
    pub fn awaiting(&self, operation: OpId) -> Option<ParkedId> {
        self.by_operation.get(&operation).copied()
    }

    /// Requests that wait for a share partition, oldest first.
    #[must_use]
    pub fn sharing(&self, share: &ShareKey) -> Vec<ParkedId> {
        self.by_share.get(share).into_iter().flatten().copied().collect()
    }

    /// The request that waits until states are kept; none where it gave up.
    #[must_use]
    pub fn awaiting_write(&self, write: WriteId) -> Option<ParkedId> {
        self.by_write.get(&write).copied()
    }

    /// Requests whose time has come.
    #[must_use]
    pub fn due(&self, now: Monotonic) -> Vec<ParkedId> {
        self.by_deadline.iter().take_while(|(deadline, _)| *deadline <= now).map(|(_, id)| *id).collect()
    }

    /// The next deadline.
    #[must_use]
    pub fn deadline(&self) -> Option<Monotonic> {
        self.by_deadline.first().map(|(deadline, _)| *deadline)
    }

    /// Requests of a connection.
    #[must_use]
    pub fn of_connection(&self, conn: ConnId) -> Vec<ParkedId> {
        self.by_connection.get(&conn).into_iter().flatten().copied().collect()
    }

    /// All requests, oldest first.
    #[must_use]
    pub fn every(&self) -> Vec<ParkedId> {
        self.parked.keys().copied().collect()
    }

    /// How many are parked.
    #[must_use]
    pub fn len(&self) -> usize {
        self.parked.len()
    }

    /// A look at a parked request.
    #[must_use]
    pub fn peek(&self, id: ParkedId) -> Option<&W> {
        self.parked.get(&id).map(|parked| &parked.work)
    }
}

fn remove_from<K: Ord, V: Ord>(index: &mut BTreeMap<K, BTreeSet<V>>, key: &K, value: &V) {
    if let Some(values) = index.get_mut(key) {
        values.remove(value);
        if values.is_empty() {
            index.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Uuid;

    const PARTITION: PartitionId = PartitionId { topic_id: Uuid(1), index: 0 };

    #[test]
    fn a_produce_is_woken_when_the_high_watermark_reaches_its_end() {
        let mut parking = Parking::default();
        let waits = |offset| Waits { commits: [(PARTITION, Offset(offset))].into(), ..Waits::default() };
        let first = parking.park(None, "first", waits(3));
        let second = parking.park(None, "second", waits(5));
        assert_eq!(parking.committed(PARTITION, Offset(2)), []);
        assert_eq!(parking.committed(PARTITION, Offset(4)), [first]);
        assert_eq!(parking.committed(PARTITION, Offset(5)), [first, second]);
        assert_eq!(parking.take(first).map(|(work, _)| work), Some("first"));
        assert_eq!(parking.committed(PARTITION, Offset(5)), [second]);
    }

    #[test]
    fn nothing_of_a_request_that_was_taken_stays_behind() {
        let mut parking = Parking::default();
        let share = ShareKey { group: "g".into(), partition: PARTITION };
        let waits = Waits {
            commits: [(PARTITION, Offset(3))].into(),
            growth: [PARTITION].into(),
            lookups: [(PARTITION, LookupId(9))].into(),
            operations: [OpId(4)].into(),
            shares: [share.clone()].into(),
            writes: [WriteId(5)].into(),
            deadline: Some(Monotonic(7)),
        };
        let id = parking.park(Some(ConnId(1)), (), waits);
        assert_eq!(parking.due(Monotonic(7)), [id]);
        assert_eq!(parking.touching(PARTITION), [id]);
        assert_eq!(parking.looking_up(PARTITION, LookupId(9)), Some(id));
        assert_eq!(parking.awaiting(OpId(4)), Some(id));
        assert_eq!((parking.sharing(&share), parking.awaiting_write(WriteId(5))), ([id].into(), Some(id)));
        parking.take(id);
        assert!(parking.every().is_empty() && parking.deadline().is_none());
        assert!(parking.touching(PARTITION).is_empty() && parking.of_connection(ConnId(1)).is_empty());
        assert_eq!(parking.looking_up(PARTITION, LookupId(9)), None);
        assert_eq!(parking.awaiting(OpId(4)), None);
        assert_eq!((parking.sharing(&share), parking.awaiting_write(WriteId(5))), ([].into(), None));
    }
}
