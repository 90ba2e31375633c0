//! What members of share groups were given and said of it, and whether that can be: a record is with one member at a time, what was
//! dealt with does not come again, each delivery counts, nothing is delivered too often, and in the end everything was delivered.

use std::collections::{BTreeMap, BTreeSet};

use ottla_core::boundary::ConnId;

use super::{Life, PartitionRef};
use crate::agenda::Time;
use crate::env::ClientId;
use crate::violation::{Check, Violation};

/// All share groups.
#[derive(Debug, Default)]
pub struct Shares {
    groups: BTreeMap<String, ShareLedger>,
    /// A power loss left a hole in what the coordinators know.
    has_damage: bool,
}

/// What is known of a share group.
#[derive(Debug, Default)]
pub struct ShareLedger {
    records: BTreeMap<(PartitionRef, i64), Known>,
    /// Its configs are as its members want them.
    pub is_configured: bool,
    /// Nothing is left for it.
    pub is_settled: bool,
    /// Partitions in which it had not begun when it was settled: nobody knew of a record there.
    not_begun: BTreeSet<PartitionRef>,
    /// Fetches whose answers nobody saw: they may have been given anything.
    unseen: u64,
    /// A power loss may have taken what was known.
    may_have_forgotten: bool,
}

#[derive(Debug, Default)]
struct Known {
    holding: Option<Holding>,
    /// The member that was last given it, and until when it certainly has it if it says nothing.
    lock: Option<(ClientId, Time)>,
    /// It is dealt with for good.
    done: Option<Done>,
    /// How often it was delivered.
    count: Option<Count>,
}

/// A record that is dealt with for good.
#[derive(Clone, Copy, Debug)]
struct Done {
    since: Time,
    how: &'static str,
    /// Only in this life of the broker: where the member's time may have been over, the broker may have given the record up by
    /// itself, and what a member says of such a record is taken and means nothing. That is not kept where the disk fails.
    life: Option<Life>,
}

/// How often a record was delivered, as far as members know.
#[derive(Clone, Copy, Debug)]
struct Count {
    /// A broker that ends forgets those deliveries of which nothing was said.
    life: Life,
    told_at: Time,
    deliveries: i16,
}

/// A record that is certainly with a member.
#[derive(Clone, Copy, Debug)]
struct Holding {
    member: ClientId,
    /// With this connection its session would end.
    link: Option<ConnId>,
    until: Time,
}

/// Records that a member was given.
#[derive(Clone, Copy, Debug)]
pub struct Delivery {
    /// To whom.
    pub member: ClientId,
    /// Over which connection.
    pub link: Option<ConnId>,
    /// In which life of the broker.
    pub life: Life,
    /// When it asked.
    pub asked_at: Time,
    /// When it was told.
    pub told_at: Time,
    /// Until when it certainly has them, unless it gives them back; none where that may end at any time.
    pub until: Option<Time>,
    /// Of which partition.
    pub partition: PartitionRef,
    /// The first and the last.
    pub offsets: (i64, i64),
    /// How often, this time included.
    pub deliveries: i16,
    /// How often at most.
    pub deliveries_max: i16,
}

impl Shares {
    /// What is known of a group.
    pub fn ledger(&mut self, group: &str) -> &mut ShareLedger {
        self.groups.entry(group.to_owned()).or_default()
    }

    /// A power loss left a hole in what the coordinators know.
    pub fn damaged(&mut self) {
        self.has_damage = true;
    }

    /// Whether one did.
    #[must_use]
    pub fn has_damage(&self) -> bool {
        self.has_damage
    }

    /// The broker starts again; with `may_have_forgotten`, from a disk that may have lost what was acknowledged.
    pub fn restarted(&mut self, may_have_forgotten: bool) {
        for ledger in self.groups.values_mut() {
            ledger.records.values_mut().for_each(|known| known.holding = None);
            if may_have_forgotten {
                ledger.records.clear();
                ledger.may_have_forgotten = true;
            }
        }
    }

    /// A member was given records; `is_there` knows which connections are.
    ///
    /// # Errors
    /// It can't have been.
    pub fn delivered(
        &mut self,
        group: &str,
        delivery: &Delivery,
        is_there: impl Fn(ConnId) -> bool,
    ) -> Result<(), Violation> {
        if self.has_damage {
            return Ok(());
        }
        let Delivery { deliveries, deliveries_max, offsets: (first, last), partition, .. } = *delivery;
        if !(1..=deliveries_max).contains(&deliveries) || first > last {
            let text = format!("{partition}: {first} to {last} for the time {deliveries} of {deliveries_max}");
            return Err(Violation::history(Check::Deliveries, text));
        }
        let ledger = self.ledger(group);
        (first..=last).try_for_each(|offset| {
            let known = ledger.records.entry((partition, offset)).or_default();
            known.holding = known.holding.filter(|holding| holding.link.is_some_and(&is_there));
            known.delivered(delivery).map_err(|why| {
                Violation::history(Check::Deliveries, format!("{group}, {partition}: {offset} {why}: {delivery:?}"))
            })
        })
    }

    /// The end: whether a record was delivered to a group that had time to read everything.
    ///
    /// # Errors
    /// It was not.
    pub fn judge(
        &self,
        deliveries_max: i16,
        mut records: impl Iterator<Item = (PartitionRef, i64)>,
    ) -> Result<(), Violation> {
        let judged = |ledger: &&ShareLedger| {
            !ledger.may_have_forgotten && ledger.is_settled && ledger.unseen < deliveries_max.unsigned_abs().into()
        };
        let groups: Vec<_> = self.groups.iter().filter(|(_, ledger)| judged(ledger)).collect();
        if self.has_damage {
            return Ok(());
        }
        records.try_for_each(|(partition, offset)| {
            let is_missed = |ledger: &ShareLedger| {
                !ledger.not_begun.contains(&partition) && !ledger.records.contains_key(&(partition, offset))
            };
            match groups.iter().find(|(_, ledger)| is_missed(ledger)) {
                Some((group, _)) => {
                    let text =
                        format!("{partition}: {offset} was never delivered to {group}, which has read to the end");
                    Err(Violation::history(Check::Deliveries, text))
                }
                None => Ok(()),
            }
        })
    }
}

impl ShareLedger {
    /// A member says something of records: from now on they may be with somebody else.
    pub fn lets_go(&mut self, member: ClientId, partition: PartitionRef, (first, last): (i64, i64)) {
        for known in self.records.range_mut((partition, first)..=(partition, last)).map(|(_, known)| known) {
            known.holding = known.holding.filter(|holding| holding.member != member);
        }
    }

    /// A member's session ends, or may: from now on all that it has may be with somebody else.
    pub fn lets_all_go(&mut self, member: ClientId) {
        for known in self.records.values_mut() {
            known.holding = known.holding.filter(|holding| holding.member != member);
        }
    }

    /// A member was told that a record is dealt with for good.
    pub fn done(
        &mut self,
        (member, life): (ClientId, Life),
        at: Time,
        (partition, offset): (PartitionRef, i64),
        how: &'static str,
    ) {
        let known = self.records.entry((partition, offset)).or_default();
        let was_its_own = known.lock.is_some_and(|(owner, until)| owner == member && at < until);
        if known.done.is_none_or(|done| done.life.is_some_and(|of| was_its_own || of != life)) {
            known.done = Some(Done { since: at, how, life: (!was_its_own).then_some(life) });
        }
    }

    /// Whether the group has begun in a partition. Where it has not because no record is known, there may be one all the same, of
    /// a producer that was told nothing.
    pub fn begins(&mut self, partition: PartitionRef, has_begun: bool) {
        if has_begun {
            self.not_begun.remove(&partition);
        } else {
            self.not_begun.insert(partition);
        }
    }

    /// Nobody saw the answer to a fetch.
    pub fn missed_an_answer(&mut self) {
        self.unseen += 1;
    }
}

impl Known {
    fn delivered(&mut self, delivery: &Delivery) -> Result<(), String> {
        let holds = |done: &Done| done.since <= delivery.asked_at && done.life.is_none_or(|life| life == delivery.life);
        if let Some(Done { since, how, .. }) = self.done.filter(holds) {
            return Err(format!("was {how} at {since}, and is delivered again"));
        }
        let other = self.holding.filter(|holding| holding.member != delivery.member);
        if let Some(Holding { member, until, .. }) = other.filter(|holding| delivery.told_at < holding.until) {
            return Err(format!("is with client {} until {until}, and with another one", member.0));
        }
        self.count(delivery)?;
        let Delivery { member, link, .. } = *delivery;
        self.holding = delivery.until.map(|until| Holding { member, link, until });
        self.lock = delivery.until.map(|until| (member, until));
        Ok(())
    }

    /// Each delivery is one more than those before it. What was told at the same time may be in any order.
    fn count(&mut self, delivery: &Delivery) -> Result<(), String> {
        let Delivery { life, asked_at, told_at, deliveries, .. } = *delivery;
        let before = self.count.filter(|before| before.life == life);
        match before.filter(|before| before.told_at <= asked_at && before.deliveries >= deliveries) {
            Some(before) => Err(format!("was delivered {} times, and counts {deliveries} now", before.deliveries)),
            None => {
                if before.is_none_or(|before| before.deliveries < deliveries) {
                    self.count = Some(Count { life, told_at, deliveries });
                }
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::TopicRef;

    const PARTITION: PartitionRef = PartitionRef { topic: TopicRef(1), index: 0 };

    fn all(_: ConnId) -> bool {
        true
    }

    fn delivery(member: u16, asked_at: u64) -> Delivery {
        Delivery {
            member: ClientId(member),
            link: Some(ConnId(member.into())),
            life: Life(0),
            asked_at: Time(asked_at),
            told_at: Time(asked_at + 10),
            until: Some(Time(asked_at + 1_000)),
            partition: PARTITION,
            offsets: (0, 3),
            deliveries: 1,
            deliveries_max: 5,
        }
    }

    /// The same as the delivery of that number.
    fn nth(deliveries: i16, delivery: Delivery) -> Delivery {
        Delivery { deliveries, ..delivery }
    }

    #[test]
    fn a_record_that_two_members_have_at_once_is_found() {
        let mut shares = Shares::default();
        assert_eq!(shares.delivered("g", &delivery(1, 0), all), Ok(()));
        assert_eq!(shares.delivered("g", &nth(2, delivery(1, 100)), all), Ok(()), "it has it already");
        assert!(shares.delivered("g", &nth(3, delivery(2, 200)), all).is_err());
        assert_eq!(shares.delivered("other", &delivery(2, 200), all), Ok(()), "each group has all of them");
        assert_eq!(shares.delivered("g", &nth(3, delivery(2, 1_200)), all), Ok(()), "the time of the first is over");
    }

    #[test]
    fn a_record_that_was_given_back_may_be_with_another_member() {
        let mut shares = Shares::default();
        shares.delivered("g", &delivery(1, 0), all).unwrap();
        shares.ledger("g").lets_go(ClientId(1), PARTITION, (0, 3));
        assert_eq!(shares.delivered("g", &nth(2, delivery(2, 20)), all), Ok(()));
        shares.ledger("g").lets_all_go(ClientId(2));
        assert_eq!(shares.delivered("g", &nth(3, delivery(3, 40)), all), Ok(()));
        shares.restarted(false);
        let later = Delivery { life: Life(1), ..delivery(4, 60) };
        assert_eq!(shares.delivered("g", &later, all), Ok(()), "the broker is another one");
    }

    #[test]
    fn a_record_that_was_dealt_with_and_comes_again_is_found() {
        let mut shares = Shares::default();
        shares.delivered("g", &delivery(1, 0), all).unwrap();
        shares.ledger("g").lets_go(ClientId(1), PARTITION, (0, 3));
        shares.ledger("g").done((ClientId(1), Life(0)), Time(50), (PARTITION, 2), "accepted");
        assert_eq!(shares.delivered("g", &nth(2, delivery(2, 40)), all), Ok(()), "it may have been given before that");
        assert!(shares.delivered("g", &nth(3, delivery(2, 60)), all).is_err());
        shares.restarted(true);
        let later = Delivery { life: Life(1), ..delivery(2, 80) };
        assert_eq!(shares.delivered("g", &later, all), Ok(()), "a power loss took it");
    }

    #[test]
    fn what_was_dealt_with_in_time_is_kept_and_what_was_too_late_only_until_the_broker_ends() {
        for (at, is_kept) in [(Time(999), true), (Time(1_001), false)] {
            let mut shares = Shares::default();
            shares.delivered("g", &delivery(1, 0), all).unwrap();
            shares.ledger("g").done((ClientId(1), Life(0)), at, (PARTITION, 2), "accepted");
            assert!(shares.delivered("g", &nth(2, delivery(2, 1_500)), all).is_err());
            shares.restarted(false);
            let later = Delivery { life: Life(1), ..delivery(2, 2_000) };
            assert_eq!(shares.delivered("g", &later, all).is_err(), is_kept);
        }
    }

    #[test]
    fn a_delivery_that_does_not_count_is_found() {
        let mut shares = Shares::default();
        shares.delivered("g", &delivery(1, 0), all).unwrap();
        shares.ledger("g").lets_go(ClientId(1), PARTITION, (0, 3));
        assert!(shares.delivered("g", &delivery(2, 20), all).is_err(), "it is the second");
        assert_eq!(shares.delivered("g", &delivery(1, 5), all), Ok(()), "answers that cross have any order");
        assert_eq!(shares.delivered("g", &nth(3, delivery(1, 20)), all), Ok(()), "nobody saw the second");
        assert!(shares.delivered("g", &nth(2, delivery(1, 40)), all).is_err());
        let later = Delivery { life: Life(1), ..delivery(1, 60) };
        assert_eq!(
            shares.delivered("g", &later, all),
            Ok(()),
            "a broker that ends forgets what nobody said anything of"
        );
    }

    #[test]
    fn a_record_that_is_delivered_too_often_or_never_is_found() {
        let mut shares = Shares::default();
        assert!(shares.delivered("g", &Delivery { deliveries: 6, ..delivery(1, 0) }, all).is_err());
        assert!(shares.delivered("g", &Delivery { deliveries: 0, ..delivery(1, 0) }, all).is_err());
        shares.delivered("g", &delivery(1, 0), all).unwrap();
        let records = || (0..5).map(|offset| (PARTITION, offset));
        assert_eq!(shares.judge(5, records()), Ok(()), "it may still come");
        shares.ledger("g").is_settled = true;
        assert!(shares.judge(5, records()).is_err());
        assert_eq!(shares.judge(5, records().take(4)), Ok(()));
        shares.ledger("g").begins(PARTITION, false);
        assert_eq!(shares.judge(5, records()), Ok(()), "nobody knew of a record when the group had not begun there");
        shares.ledger("g").begins(PARTITION, true);
        assert!(shares.judge(5, records()).is_err());
        (0..5).for_each(|_| shares.ledger("g").missed_an_answer());
        assert_eq!(shares.judge(5, records()), Ok(()), "it may have been delivered unseen, as often as it may be");
    }
}
