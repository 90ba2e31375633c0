//! What is known of transactions: what was sent in each, how it was to end, how it ended, and what consumers of committed
//! records saw of it. The checker, which is told the same, says whether records are there as a whole or not at all; here the
//! offsets in a transaction are held against its records, also where nobody was told how it ended.
//!
//! After a power loss that may have taken what was acknowledged nothing is asked of those that began before: their records,
//! their ends and their markers are in different logs, and each log lost what it lost.

use std::collections::{BTreeMap, BTreeSet};

use ottla_checker::OpId;

use super::{History, PartitionRef, Sending, within};
use crate::env::ClientId;
use crate::records::{Batch, Identity, Kind, RecordId};
use crate::violation::{Check, Violation};

/// A transaction, by the order in which they began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TransactionRef(usize);

/// All transactions.
#[derive(Debug, Default)]
pub struct Transactions {
    all: Vec<Transaction>,
    /// Those before began before the last power loss that was forgiven.
    first: usize,
    acknowledged: BTreeMap<(PartitionRef, RecordId), i64>,
    /// Committed records that were read, by partition and client.
    read: BTreeMap<(PartitionRef, u16), BTreeSet<u32>>,
    /// The latest producer of each transactional id that learned its epoch.
    latest: BTreeMap<String, Identity>,
    /// How far the last reader came, and whether that is all.
    audited: BTreeMap<PartitionRef, (i64, bool)>,
    /// What the last reader found to be committed for each transactional id.
    committed: BTreeMap<(String, PartitionRef), Option<(i64, String)>>,
    partitions: BTreeSet<PartitionRef>,
    has_damage: bool,
    has_forgiven: bool,
}

#[derive(Debug)]
struct Transaction {
    id: String,
    incarnation: Identity,
    records: BTreeMap<PartitionRef, Vec<RecordId>>,
    offsets: BTreeMap<PartitionRef, i64>,
    /// Somebody asked for it to be committed.
    may_be_committed: bool,
    /// What an answer said: that it is committed, or not.
    decided: Option<bool>,
    /// Somebody has asked for its end.
    ending: Option<OpId>,
}

/// What a consumer of committed records got.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// Where it asked.
    pub position: i64,
    /// All that came.
    pub batches: &'a [Batch],
    /// Producers and first offsets of transactions that do not count.
    pub aborted: &'a [(i64, i64)],
    /// The last stable offset, as answered.
    pub stable: i64,
    /// Whether the answer must agree with what others see.
    pub holds: bool,
}

impl Transactions {
    /// A partition that only transactions write to.
    pub fn add_partition(&mut self, partition: PartitionRef) {
        self.partitions.insert(partition);
    }

    /// Whether a partition is one of those.
    #[must_use]
    pub fn has(&self, partition: PartitionRef) -> bool {
        self.partitions.contains(&partition)
    }

    /// A power loss may have taken anything that was acknowledged.
    pub fn begin_timeline(&mut self) {
        self.first = self.all.len();
        self.has_forgiven |= !self.all.is_empty();
        self.read.clear();
    }

    /// A log of transactional ids, of their records or of offsets has a hole: what needs it waits for ever.
    pub fn damaged(&mut self) {
        self.has_damage = true;
    }

    /// Whether any has.
    #[must_use]
    pub fn has_damage(&self) -> bool {
        self.has_damage
    }

    /// Whether a transaction may stay open for ever: its coordinator can't be there, or was made to forget it.
    #[must_use]
    pub fn may_hang(&self) -> bool {
        self.has_damage || self.has_forgiven
    }

    /// A producer learned its epoch; from now on those before it are fenced.
    pub fn initialized(&mut self, id: &str, identity: Identity) {
        let latest = self.latest.entry(id.to_owned()).or_insert(identity);
        *latest = identity.max(*latest);
    }

    /// Whether a later producer has learned its epoch.
    #[must_use]
    pub fn is_fenced(&self, id: &str, incarnation: Identity) -> bool {
        self.latest.get(id).is_some_and(|latest| *latest > incarnation)
    }

    /// A producer begins a transaction.
    pub fn begin(&mut self, id: &str, incarnation: Identity) -> TransactionRef {
        self.all.push(Transaction {
            id: id.to_owned(),
            incarnation,
            records: BTreeMap::new(),
            offsets: BTreeMap::new(),
            may_be_committed: false,
            decided: None,
            ending: None,
        });
        TransactionRef(self.all.len() - 1)
    }

    /// Records are about to be sent for the first time.
    fn sends(&mut self, of: TransactionRef, partition: PartitionRef, records: &[RecordId]) {
        self.all[of.0].records.entry(partition).or_default().extend(records);
    }

    /// Records were acknowledged.
    pub fn acknowledged(
        &mut self,
        of: TransactionRef,
        partition: PartitionRef,
        base_offset: i64,
        records: &[RecordId],
    ) {
        if of.0 >= self.first {
            let places = (base_offset..).zip(records).map(|(offset, record)| ((partition, *record), offset));
            self.acknowledged.extend(places);
        }
    }

    /// An offset is about to be sent. What to note with it.
    pub fn sends_offset(&mut self, of: TransactionRef, partition: PartitionRef, offset: i64) -> String {
        self.all[of.0].offsets.insert(partition, offset);
        note_of(of)
    }

    /// Somebody is about to ask for an end.
    pub fn ends(&mut self, of: TransactionRef, commits: bool) {
        self.all[of.0].may_be_committed |= commits;
    }

    /// The end was acknowledged.
    pub fn ended(&mut self, of: TransactionRef, commits: bool) {
        if of.0 >= self.first {
            self.all[of.0].decided = Some(commits);
        }
    }

    /// A consumer of committed records got something. Where it goes on, and how many records it took.
    fn read(&mut self, partition: PartitionRef, seen: &Seen<'_>) -> Result<(i64, u64), Violation> {
        self.read_all(partition, seen).map_err(|error| within(partition, error))
    }

    fn read_all(&mut self, partition: PartitionRef, seen: &Seen<'_>) -> Result<(i64, u64), Violation> {
        let next = check_density(seen)?;
        if next > seen.stable && !seen.batches.is_empty() {
            let text = format!("records up to {next} with {} as the last stable offset", seen.stable);
            return Err(Violation::history(Check::Aborted, text));
        }
        if !seen.holds {
            return Ok((next, 0));
        }
        let batches = committed(seen)?;
        let records = batches.iter().flat_map(|batch| &batch.records);
        let mut count = 0;
        for (_, record) in records.filter(|(offset, _)| *offset >= seen.position) {
            self.read.entry((partition, record.client)).or_default().insert(record.number);
            count += 1;
        }
        Ok((next, count))
    }

    /// The last reader came to the end of what is decided of a partition; whether that is all there is.
    pub fn audited(&mut self, partition: PartitionRef, position: i64, is_all: bool) {
        self.audited.insert(partition, (position, is_all));
    }

    /// Transactional ids whose transactions have offsets, and the partitions of these.
    #[must_use]
    pub fn ids_with_offsets(&self) -> BTreeMap<String, BTreeSet<PartitionRef>> {
        let mut ids: BTreeMap<String, BTreeSet<PartitionRef>> = BTreeMap::new();
        for transaction in self.all[self.first..].iter().filter(|transaction| !transaction.offsets.is_empty()) {
            ids.entry(transaction.id.clone()).or_default().extend(transaction.offsets.keys());
        }
        ids
    }

    /// What is committed for a transactional id at the end.
    pub fn found_committed(&mut self, id: &str, partition: PartitionRef, found: Option<(i64, String)>) {
        self.committed.insert((id.to_owned(), partition), found);
    }

    /// Everything was read: the offsets of each transaction are there if its records are.
    ///
    /// # Errors
    /// One is not.
    pub fn judge(&self) -> Result<(), Violation> {
        if self.has_damage {
            return Ok(());
        }
        self.committed.iter().try_for_each(|((id, partition), found)| {
            self.judge_offset(id, *partition, found.as_ref()).map_err(|error| within(*partition, error))
        })
    }

    /// How many of its records are there, and how many surely are not.
    fn presence(&self, transaction: &Transaction) -> (usize, usize) {
        let (mut present, mut missing) = (0, 0);
        for (partition, records) in &transaction.records {
            let Some((position, is_all)) = self.audited.get(partition).copied() else { continue };
            for record in records {
                let at = self.acknowledged.get(&(*partition, *record));
                let read = self.read.get(&(*partition, record.client));
                if read.is_some_and(|read| read.contains(&record.number)) {
                    present += 1;
                } else if is_all || at.is_some_and(|at| *at < position) {
                    missing += 1;
                }
            }
        }
        (present, missing)
    }

    fn is_committed(&self, transaction: &Transaction) -> Option<bool> {
        if !transaction.may_be_committed {
            return Some(false);
        }
        transaction.decided.or_else(|| match self.presence(transaction) {
            (1.., _) => Some(true),
            (0, 1..) => Some(false),
            (0, 0) => None,
        })
    }

    /// The offset of the last transaction that is committed is that of the group.
    fn judge_offset(&self, id: &str, partition: PartitionRef, found: Option<&(i64, String)>) -> Result<(), Violation> {
        let mut with_offset: Vec<(Identity, usize)> = Vec::new();
        for (index, transaction) in self.all.iter().enumerate().skip(self.first) {
            if transaction.id == id && transaction.offsets.contains_key(&partition) {
                with_offset.push((transaction.incarnation, index));
            }
        }
        with_offset.sort_unstable();
        for (_, index) in with_offset.into_iter().rev() {
            let transaction = &self.all[index];
            let own = (transaction.offsets[&partition], note_of(TransactionRef(index)));
            let is_found = found == Some(&own);
            match self.is_committed(transaction) {
                Some(false) if is_found => {
                    let text = format!("{own:?} is committed for {id}, and its transaction is not: {transaction:?}");
                    return Err(Violation::history(Check::Aborted, text));
                }
                Some(true) if !is_found => {
                    let text = format!("{found:?} is committed for {id} instead of {own:?}: {transaction:?}");
                    return Err(Violation::history(Check::Atomicity, text));
                }
                Some(true) | None if is_found => return Ok(()),
                _ => {}
            }
        }
        match found {
            None => Ok(()),
            Some(found) => {
                let text = format!("{found:?} is committed for {id}, and no such transaction is");
                Err(Violation::history(Check::Commits, text))
            }
        }
    }

    /// How many there were that began after the last power loss that was forgiven.
    #[must_use]
    pub fn judged(&self) -> usize {
        if self.has_damage { 0 } else { self.all.len() - self.first }
    }
}

impl History {
    /// Records of a transaction are about to be sent for the first time.
    pub fn sends_in(&mut self, of: TransactionRef, sending: &Sending<'_>) -> OpId {
        self.transactions.sends(of, sending.partition, sending.records);
        self.know(sending.partition);
        self.account.sends(sending, Some(of.0 as u64))
    }

    /// Offsets are about to be committed in a transaction.
    pub fn commits_in(&mut self, of: TransactionRef, client: ClientId, group: &str, at: (PartitionRef, i64)) -> OpId {
        self.know(at.0);
        self.account.commits(client, group, std::iter::once(at), Some(of.0 as u64))
    }

    /// Somebody asks for an end, for the first time or again.
    pub fn ends_transaction(&mut self, client: ClientId, of: TransactionRef, commits: bool) {
        self.transactions.ends(of, commits);
        let ending = &mut self.transactions.all[of.0].ending;
        ending.get_or_insert_with(|| self.account.ends_transaction(client, of.0 as u64, commits));
    }

    /// The end was acknowledged.
    pub fn transaction_ended(&mut self, of: TransactionRef, commits: bool) {
        self.transactions.ended(of, commits);
        if let Some(op) = self.transactions.all[of.0].ending {
            self.account.done(op);
        }
    }

    /// A consumer of committed records got something. Where it goes on, and how many records it took.
    ///
    /// # Errors
    /// It should not have.
    pub fn read_committed(&mut self, partition: PartitionRef, seen: &Seen<'_>) -> Result<(i64, u64), Violation> {
        self.know(partition);
        let next = seen.batches.last().map_or(seen.position, |batch| batch.end_offset.max(seen.position));
        let batches = committed(seen).map_err(|error| within(partition, error))?;
        let records = batches.iter().flat_map(|batch| {
            let new = batch.records.iter().filter(|(offset, _)| *offset >= seen.position);
            new.map(|(offset, record)| (batch.identity, *offset, *record))
        });
        self.account.reads_each(partition, (seen.position, next), records);
        self.transactions.read(partition, seen)
    }
}

fn note_of(of: TransactionRef) -> String {
    format!("transaction {}", of.0)
}

/// Every offset is there. The next one.
fn check_density(seen: &Seen<'_>) -> Result<i64, Violation> {
    let mut next = seen.position;
    for (index, batch) in seen.batches.iter().enumerate() {
        let fits =
            if index == 0 { batch.base_offset <= next && next < batch.end_offset } else { batch.base_offset == next };
        let is_dense = matches!(batch.kind, Kind::Commit | Kind::Abort) || batch.is_dense();
        if !fits || !is_dense {
            let text = format!("a batch from {} to {} at {next}", batch.base_offset, batch.end_offset);
            return Err(Violation::history(Check::Density, text));
        }
        next = batch.end_offset;
    }
    Ok(next)
}

/// The batches that count, as a client finds them out: a producer's transaction that is told to be aborted ends with a marker.
fn committed<'a>(seen: &Seen<'a>) -> Result<Vec<&'a Batch>, Violation> {
    let mut aborted = seen.aborted.to_vec();
    aborted.sort_unstable_by_key(|(_, first)| std::cmp::Reverse(*first));
    let mut open: BTreeSet<i64> = BTreeSet::new();
    let mut committed = Vec::new();
    for batch in seen.batches {
        while let Some((producer, _)) = aborted.pop_if(|(_, first)| *first < batch.end_offset) {
            open.insert(producer);
        }
        let Some(identity) = batch.identity else {
            let text = format!("the batch at {} is of nobody", batch.base_offset);
            return Err(Violation::history(Check::Invention, text));
        };
        match batch.kind {
            Kind::Abort => drop(open.remove(&identity.producer_id)),
            Kind::Transactional if !open.contains(&identity.producer_id) => committed.push(batch),
            Kind::Transactional | Kind::Commit => {}
            Kind::Plain => {
                let text = format!("the batch at {} is of no transaction", batch.base_offset);
                return Err(Violation::history(Check::Invention, text));
            }
        }
    }
    Ok(committed)
}
