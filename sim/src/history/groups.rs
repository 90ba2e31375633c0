//! What is known of groups: who was in which generation, and what was committed.
//!
//! Some of it holds for good: a generation whose assignments were answered is in the log, and so is a commit that was.
//! A generation that members only joined, and that somebody left or was sent away, is in the broker's memory, and holds
//! for this life of it. After a power loss that may have taken what was acknowledged all begins anew.

use std::collections::{BTreeMap, BTreeSet};

use ottla_checker::OpId;

use super::holders::Holders;
use super::{History, Life, PartitionRef, within};
use crate::env::ClientId;
use crate::violation::{Check, Violation};

/// All groups.
#[derive(Debug, Default)]
pub struct Groups {
    groups: BTreeMap<String, GroupLedger>,
    /// Partitions of `__consumer_offsets` whose logs have a hole: their groups may have no coordinator.
    damaged: BTreeSet<i32>,
}

/// What is known of one group.
#[derive(Debug, Default)]
pub struct GroupLedger {
    /// Clients that want to be members, and where each has come to rest.
    clients: BTreeMap<ClientId, Option<Rest>>,
    /// All these must be owned by somebody.
    partitions: BTreeSet<PartitionRef>,
    /// Every client came to rest in the same generation, once nothing failed any more.
    is_settled: bool,
    /// The highest generation that anybody joined in a life.
    joined: (Life, i32),
    /// The highest generation whose assignments were answered.
    synced: i32,
    leaders: BTreeMap<(Life, i32), String>,
    /// Member ids that are no good any more in that life.
    gone: BTreeMap<String, Life>,
    /// By instance id, the member id that it has in that life.
    instances: BTreeMap<String, (Life, String)>,
    /// Offsets and texts that anybody has tried to commit.
    sent: BTreeMap<PartitionRef, BTreeSet<(i64, String)>>,
    /// What is committed is no less.
    floors: BTreeMap<PartitionRef, i64>,
    /// Who has what, where the coordinator assigns.
    pub holders: Holders,
}

/// A member that has its assignment and was told that all is well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rest {
    /// In which generation.
    pub generation: i32,
    /// What it owns.
    pub owned: BTreeSet<PartitionRef>,
}

/// Who a client says it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// The id that the coordinator gave it; empty before.
    pub member: String,
    /// The id that it keeps, if it is a static member that says so.
    pub instance: Option<String>,
    /// The generation that it knows.
    pub generation: i32,
}

impl Standing {
    /// What is the same over all ids that a static member gets.
    fn owner(&self) -> &str {
        self.instance.as_deref().unwrap_or(&self.member)
    }
}

/// What was known when something was asked.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// The group is in no earlier generation.
    generation: i32,
    floors: BTreeMap<PartitionRef, i64>,
    /// Why the coordinator must not listen to who asks.
    refusal: Option<String>,
    /// Of a question what is committed.
    pub op: Option<OpId>,
}

/// In which life an answer was given, and whether what it says still has to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answerer {
    /// The life.
    pub life: Life,
    /// No power loss has been forgiven since.
    pub holds: bool,
}

/// How a coordinator listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ear {
    /// It has all that is in its log.
    Loaded,
    /// It may know nothing yet, and be good to everybody.
    MaybeLoading,
}

impl Asked {
    /// Whether who asks must be refused.
    #[must_use]
    pub fn must_be_refused(&self) -> bool {
        self.refusal.is_some()
    }
}

impl Groups {
    /// A client that will be a member of a group that reads these.
    pub fn enter(&mut self, group: &str, client: ClientId, partitions: impl IntoIterator<Item = PartitionRef>) {
        let ledger = self.ledger(group);
        ledger.clients.insert(client, None);
        ledger.partitions.extend(partitions);
    }

    /// A client is not there any more, because its group will have no coordinator.
    pub fn loses(&mut self, group: &str, client: ClientId) {
        self.ledger(group).clients.remove(&client);
    }

    /// A client gives up, unless it is the last. Whether it does.
    pub fn gives_up(&mut self, group: &str, client: ClientId) -> bool {
        let clients = &mut self.ledger(group).clients;
        clients.len() > 1 && clients.remove(&client).is_some()
    }

    /// What is known of a group.
    pub fn ledger(&mut self, group: &str) -> &mut GroupLedger {
        if !self.groups.contains_key(group) {
            self.groups.insert(group.to_owned(), GroupLedger::default());
        }
        self.groups.get_mut(group).expect("just made")
    }

    /// Of all groups, the names.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.groups.keys().cloned().collect()
    }

    /// How many groups came to rest.
    #[must_use]
    pub fn settled(&self) -> usize {
        self.groups.values().filter(|ledger| ledger.is_settled).count()
    }

    /// A partition of `__consumer_offsets` has a hole in its log.
    pub fn damaged(&mut self, index: i32) {
        self.damaged.insert(index);
    }

    /// Whether any has.
    #[must_use]
    pub fn has_damage(&self) -> bool {
        !self.damaged.is_empty()
    }

    /// Whether the log in which a group lives has a hole, where there are `partitions`.
    #[must_use]
    pub fn is_damaged(&self, group: &str, partitions: i32) -> bool {
        self.damaged.contains(&place_of(group, partitions))
    }

    /// A power loss may have taken anything that was acknowledged.
    pub fn begin_timeline(&mut self) {
        for ledger in self.groups.values_mut() {
            ledger.synced = 0;
            ledger.floors.clear();
            ledger.holders.begin_timeline();
        }
    }
}

/// The partition of `__consumer_offsets` that a group lives in: by the absolute value of Java's hash of its name.
fn place_of(group: &str, partitions: i32) -> i32 {
    let hash = group.bytes().fold(0i32, |hash, byte| hash.wrapping_mul(31).wrapping_add(i32::from(byte)));
    hash.checked_abs().unwrap_or(0) % partitions
}

impl GroupLedger {
    /// What is known now, to somebody who asks in `life`.
    #[must_use]
    pub fn asked(&self, from: Answerer, standing: &Standing, ear: Ear) -> Asked {
        let in_life = if self.joined.0 == from.life { self.joined.1 } else { 0 };
        let for_good = if from.holds && ear == Ear::Loaded { self.synced } else { 0 };
        let generation = in_life.max(for_good);
        let refusal = if standing.generation >= 0 && standing.generation < generation {
            Some(format!("is in generation {}, and the group in {generation}", standing.generation))
        } else if self.gone.get(&standing.member) == Some(&from.life) {
            Some("has gone".to_owned())
        } else {
            None
        };
        let floors = if from.holds { self.floors.clone() } else { BTreeMap::new() };
        Asked { generation, floors, refusal, op: None }
    }

    /// Somebody has joined a generation.
    ///
    /// # Errors
    /// The group went back, or has two leaders in it.
    pub fn joined(&mut self, from: Answerer, asked: &Asked, who: &Standing, leads: bool) -> Result<(), Violation> {
        let generation = who.generation;
        if generation < asked.generation {
            let text = format!("{} joined generation {generation} after {}", who.member, asked.generation);
            return Err(Violation::history(Check::Generations, text));
        }
        if self.joined.0 == from.life {
            self.joined.1 = self.joined.1.max(generation);
        } else if self.joined.0 < from.life {
            self.joined = (from.life, generation);
        }
        self.note_instance(from.life, who);
        if !leads {
            return Ok(());
        }
        let leader = self.leaders.entry((from.life, generation)).or_insert_with(|| who.owner().to_owned());
        if *leader == *who.owner() {
            return Ok(());
        }
        let text = format!("{} and {leader} both lead generation {generation}", who.owner());
        Err(Violation::history(Check::Owners, text))
    }

    /// A static member has another id: the one before is fenced.
    fn note_instance(&mut self, life: Life, who: &Standing) {
        let Some(instance) = &who.instance else { return };
        let known = self.instances.insert(instance.clone(), (life, who.member.clone()));
        if let Some((_, before)) = known
            && before != who.member
        {
            self.gone.insert(before, life);
        }
    }

    /// A member got its assignment.
    ///
    /// # Errors
    /// The generation is over.
    pub fn synced(&mut self, from: Answerer, asked: &Asked, who: &Standing) -> Result<(), Violation> {
        self.heard(asked, who, "got its assignment")?;
        if from.holds {
            self.synced = self.synced.max(who.generation);
        }
        Ok(())
    }

    /// A request of somebody was answered as if it were a good member.
    ///
    /// # Errors
    /// It was known not to be one.
    pub fn heard(&self, asked: &Asked, who: &Standing, what: &str) -> Result<(), Violation> {
        match &asked.refusal {
            None => Ok(()),
            Some(why) => {
                let text = format!("{} {what}, but it {why}: {asked:?}", who.member);
                Err(Violation::history(Check::Fencing, text))
            }
        }
    }

    /// A member id is not good any more in that life.
    pub fn is_gone(&mut self, from: Answerer, member: &str) {
        if !member.is_empty() {
            self.gone.insert(member.to_owned(), from.life);
        }
    }

    /// A client is where nothing is left to be done, or is not any more.
    pub fn rests(&mut self, client: ClientId, rest: Option<Rest>) {
        if let Some(known) = self.clients.get_mut(&client) {
            *known = rest;
        }
        let rests: Option<Vec<&Rest>> = self.clients.values().map(Option::as_ref).collect();
        let Some(rests) = rests else { return };
        let is_one = rests.windows(2).all(|pair| pair[0].generation == pair[1].generation);
        let owned: Vec<PartitionRef> = rests.iter().flat_map(|rest| rest.owned.iter().copied()).collect();
        let is_each_owned_once =
            owned.len() == self.partitions.len() && owned.iter().all(|owned| self.partitions.contains(owned));
        self.is_settled |= is_one && is_each_owned_once;
    }

    /// Whether all clients were at rest at once.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.is_settled
    }

    /// Where each client rests, for those who wonder.
    #[must_use]
    pub fn status(&self) -> String {
        format!("{:?}", self.clients)
    }

    /// Somebody is about to commit.
    pub fn commits(&mut self, partition: PartitionRef, offset: i64, text: &str) {
        self.sent.entry(partition).or_default().insert((offset, text.to_owned()));
    }

    /// A commit was acknowledged.
    pub fn committed(&mut self, from: Answerer, partition: PartitionRef, offset: i64) {
        if from.holds {
            let floor = self.floors.entry(partition).or_insert(offset);
            *floor = offset.max(*floor);
        }
    }

    /// An answer said how far a partition was read; `None` where nothing is committed.
    ///
    /// # Errors
    /// That went back, or nobody committed it.
    pub fn saw_offset(
        &mut self,
        from: Answerer,
        asked: &Asked,
        partition: PartitionRef,
        found: Option<(i64, &str)>,
    ) -> Result<(), Violation> {
        let floor = asked.floors.get(&partition).copied().filter(|_| from.holds);
        let offset = found.map_or(-1, |(offset, _)| offset);
        if let Some(floor) = floor
            && offset < floor
        {
            let text = format!("{offset} is committed, and {floor} was");
            return Err(within(partition, Violation::history(Check::Commits, text)));
        }
        let Some((offset, text)) = found else { return Ok(()) };
        let was_sent = self.sent.get(&partition).is_some_and(|sent| sent.contains(&(offset, text.to_owned())));
        if !was_sent {
            let text = format!("nobody committed {offset} with {text:?}");
            return Err(within(partition, Violation::history(Check::Commits, text)));
        }
        self.committed(from, partition, offset);
        Ok(())
    }
}

impl History {
    /// A member got its assignment.
    pub fn assigned(&mut self, group: &str, from: Answerer, who: &Standing, owned: &BTreeSet<PartitionRef>) {
        if !from.holds {
            return;
        }
        owned.iter().for_each(|partition| self.know(*partition));
        let partitions: Vec<PartitionRef> = owned.iter().copied().collect();
        self.account.assigned(who.owner(), group, who.generation, &partitions);
    }

    /// Offsets of a group are about to be committed.
    pub fn commits_offsets(&mut self, client: ClientId, group: &str, offsets: &[(PartitionRef, i64)]) -> OpId {
        offsets.iter().for_each(|(partition, _)| self.know(*partition));
        self.account.commits(client, group, offsets.iter().copied(), None)
    }

    /// An answer said what is committed.
    ///
    /// # Errors
    /// It can't be.
    pub fn saw_committed(&mut self, op: OpId, found: &[(PartitionRef, Option<i64>)]) -> Result<(), Violation> {
        found.iter().for_each(|(partition, _)| self.know(*partition));
        self.account.saw_offsets(op, found.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::TopicRef;

    const FROM: Answerer = Answerer { life: Life(3), holds: true };
    const LATER: Answerer = Answerer { life: Life(4), holds: true };
    const FORGOTTEN: Answerer = Answerer { life: Life(3), holds: false };

    fn partition(index: i32) -> PartitionRef {
        PartitionRef { topic: TopicRef(1), index }
    }

    fn owned(indexes: &[i32]) -> BTreeSet<PartitionRef> {
        indexes.iter().map(|index| partition(*index)).collect()
    }

    fn standing(member: &str, generation: i32) -> Standing {
        Standing { member: member.to_owned(), instance: None, generation }
    }

    fn check_of(result: Result<(), Violation>) -> Check {
        match result {
            Err(Violation::History { check, .. }) => check,
            other => panic!("a broken rule, not {other:?}"),
        }
    }

    #[test]
    fn a_group_lives_where_kafka_looks_for_it() {
        assert_eq!(["group0", "group1", "a"].map(|group| place_of(group, 3)), [2, 1, 1]);
    }

    fn join(group: &mut GroupLedger, from: Answerer, who: &Standing, leads: bool) -> Result<(), Violation> {
        let asked = group.asked(from, &standing(&who.member, -1), Ear::Loaded);
        group.joined(from, &asked, who, leads)
    }

    fn sync(group: &mut GroupLedger, from: Answerer, who: &Standing) -> Result<(), Violation> {
        let asked = group.asked(from, who, Ear::Loaded);
        group.synced(from, &asked, who)
    }

    fn beat(group: &GroupLedger, from: Answerer, who: &Standing) -> Result<(), Violation> {
        group.heard(&group.asked(from, who, Ear::Loaded), who, "was told that all is well")
    }

    #[test]
    fn two_leaders_are_found_and_a_generation_that_nobody_synced_may_come_again() {
        let mut group = GroupLedger::default();
        join(&mut group, FROM, &standing("a", 1), true).unwrap();
        assert_eq!(check_of(join(&mut group, FROM, &standing("b", 1), true)), Check::Owners);
        assert_eq!(join(&mut group, LATER, &standing("b", 1), true), Ok(()));
    }

    #[test]
    fn a_generation_that_went_back_is_found() {
        let mut group = GroupLedger::default();
        join(&mut group, FROM, &standing("a", 2), true).unwrap();
        assert_eq!(check_of(join(&mut group, FROM, &standing("b", 1), false)), Check::Generations);
        assert_eq!(join(&mut group, LATER, &standing("b", 1), false), Ok(()), "nobody had synced");
        sync(&mut group, LATER, &standing("a", 2)).unwrap();
        let next = Answerer { life: Life(5), holds: true };
        assert_eq!(check_of(join(&mut group, next, &standing("b", 1), false)), Check::Generations);
    }

    #[test]
    fn who_is_behind_or_gone_and_is_heard_is_found() {
        let mut group = GroupLedger::default();
        let early = group.asked(FROM, &standing("a", 1), Ear::Loaded);
        sync(&mut group, FROM, &standing("a", 2)).unwrap();
        assert_eq!(group.heard(&early, &standing("a", 1), "committed"), Ok(()), "asked before");
        assert_eq!(check_of(beat(&group, FROM, &standing("a", 1))), Check::Fencing);
        assert_eq!(beat(&group, FROM, &standing("a", 2)), Ok(()));
        group.is_gone(FROM, "a");
        assert_eq!(check_of(beat(&group, FROM, &standing("a", 2))), Check::Fencing);
        let loading = group.asked(LATER, &standing("b", 1), Ear::MaybeLoading);
        assert!(!loading.must_be_refused());
    }

    #[test]
    fn a_committed_offset_that_went_back_or_was_made_up_is_found() {
        let mut group = GroupLedger::default();
        let none = standing("", -1);
        let early = group.asked(FROM, &none, Ear::Loaded);
        group.commits(partition(0), 5, "a");
        group.committed(FROM, partition(0), 5);
        assert_eq!(group.saw_offset(FROM, &early, partition(0), None), Ok(()), "asked before");
        let late = group.asked(FROM, &none, Ear::Loaded);
        assert_eq!(group.saw_offset(FROM, &late, partition(0), Some((5, "a"))), Ok(()));
        assert_eq!(check_of(group.saw_offset(FROM, &late, partition(0), None)), Check::Commits);
        assert_eq!(check_of(group.saw_offset(FROM, &late, partition(0), Some((6, "a")))), Check::Commits);
        assert_eq!(group.saw_offset(FORGOTTEN, &late, partition(0), None), Ok(()));
    }

    #[test]
    fn a_group_has_settled_when_all_rest_in_one_generation_and_each_partition_is_owned() {
        let mut groups = Groups::default();
        groups.enter("g", ClientId(1), owned(&[0, 1]));
        groups.enter("g", ClientId(2), owned(&[0, 1]));
        let group = groups.ledger("g");
        let rest = |generation, indexes: &[i32]| Some(Rest { generation, owned: owned(indexes) });
        group.rests(ClientId(1), rest(1, &[0, 1]));
        assert!(!group.is_settled());
        group.rests(ClientId(2), rest(2, &[1]));
        assert!(!group.is_settled());
        group.rests(ClientId(1), rest(2, &[]));
        assert!(!group.is_settled(), "nobody owns the first");
        group.rests(ClientId(1), rest(2, &[0]));
        assert!(group.is_settled());
    }

    #[test]
    fn a_forgiven_power_loss_forgives() {
        let mut groups = Groups::default();
        sync(groups.ledger("g"), FROM, &standing("a", 7)).unwrap();
        groups.ledger("g").committed(FROM, partition(0), 5);
        groups.begin_timeline();
        let group = groups.ledger("g");
        assert_eq!(join(group, LATER, &standing("b", 1), true), Ok(()));
        let asked = group.asked(LATER, &standing("", -1), Ear::Loaded);
        assert_eq!(group.saw_offset(LATER, &asked, partition(0), None), Ok(()));
    }
}
