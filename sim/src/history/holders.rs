//! Who has which partition now, in a group whose coordinator assigns. A member has what it was told to have, from when it
//! learns of it until it gives it up, is told that it is no member, or may have been taken for gone.
//!
//! All of it is in the group's log: it holds over restarts, until a power loss may have taken what was acknowledged.

use std::collections::{BTreeMap, BTreeSet};

use crate::agenda::Time;
use crate::env::ClientId;
use crate::violation::{Check, Violation};

/// A topic's name and a partition of it.
type Place = (String, i32);

/// What the members of a group have.
#[derive(Debug, Default)]
pub struct Holders {
    holders: BTreeMap<ClientId, Holder>,
    /// By member id and partition: in this epoch the member had given it up, and the coordinator knew.
    given_up: BTreeMap<(String, Place), i32>,
    /// Member ids that are no good any more; nobody gets them again.
    gone: BTreeSet<String>,
}

/// What one has.
#[derive(Debug)]
struct Holder {
    places: BTreeSet<Place>,
    /// Until then the coordinator can't take it for gone.
    until: Time,
}

impl Holders {
    /// Nothing of it has to hold any more.
    pub fn begin_timeline(&mut self) {
        *self = Self::default();
    }

    /// The coordinator heard of a client, and can't take it for gone before that.
    pub fn lives_until(&mut self, client: ClientId, until: Time) {
        self.holder(client).until = until;
    }

    /// A client was told that it may have these. Where that was so long on its way that the client may have been taken for gone since,
    /// others may have them already.
    ///
    /// # Errors
    /// Another one still has some of it.
    pub fn takes(&mut self, client: ClientId, now: Time, places: &BTreeSet<Place>) -> Result<(), Violation> {
        let is_late = self.holder(client).until <= now;
        let is_other = |(other, holder): &(&ClientId, &Holder)| !is_late && **other != client && holder.until > now;
        for (other, holder) in self.holders.iter().filter(is_other) {
            if let Some((topic, index)) = holder.places.intersection(places).next() {
                let text = format!(
                    "clients {} and {} both have {topic}-{index}, at {now}, the latter until {}",
                    client.0, other.0, holder.until
                );
                return Err(Violation::history(Check::Owners, text));
            }
        }
        self.holder(client).places.extend(places.iter().cloned());
        Ok(())
    }

    /// A client has these no more.
    pub fn gives_up(&mut self, client: ClientId, places: &BTreeSet<Place>) {
        self.holder(client).places.retain(|place| !places.contains(place));
    }

    /// A client has nothing any more.
    pub fn loses_all(&mut self, client: ClientId) {
        self.holders.remove(&client);
    }

    /// The coordinator knows that a member, in its present epoch, has given these up.
    pub fn has_given_up(&mut self, member: &str, epoch: i32, places: &BTreeSet<Place>) {
        for place in places {
            self.given_up.insert((member.to_owned(), place.clone()), epoch);
        }
    }

    /// A member id is no good any more.
    pub fn is_gone(&mut self, member: &str) {
        self.gone.insert(member.to_owned());
    }

    /// Why the coordinator must not take a commit of these.
    pub fn refusal<'a>(&self, member: &str, epoch: i32, mut places: impl Iterator<Item = &'a Place>) -> Option<String> {
        if self.gone.contains(member) {
            return Some("it has gone".to_owned());
        }
        places.find_map(|place| {
            let given_up = *self.given_up.get(&(member.to_owned(), place.clone()))?;
            (epoch < given_up).then(|| format!("it has given {place:?} up in epoch {given_up}"))
        })
    }

    fn holder(&mut self, client: ClientId) -> &mut Holder {
        self.holders.entry(client).or_insert_with(|| Holder { places: BTreeSet::new(), until: Time::default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(indexes: &[i32]) -> BTreeSet<Place> {
        indexes.iter().map(|index| ("t".to_owned(), *index)).collect()
    }

    #[test]
    fn who_has_not_given_up_and_is_not_taken_for_gone_is_the_only_owner() {
        let mut holders = Holders::default();
        holders.lives_until(ClientId(1), Time(100));
        holders.takes(ClientId(1), Time(10), &places(&[0, 1])).unwrap();
        holders
            .takes(ClientId(2), Time(20), &places(&[1]))
            .expect("it learns of it when it may have been taken for gone");
        holders.loses_all(ClientId(2));
        holders.lives_until(ClientId(2), Time(200));
        assert!(holders.takes(ClientId(2), Time(20), &places(&[1, 2])).is_err());
        holders.gives_up(ClientId(1), &places(&[1]));
        holders.takes(ClientId(2), Time(20), &places(&[1, 2])).unwrap();
        assert!(holders.takes(ClientId(2), Time(20), &places(&[0])).is_err());
        holders.takes(ClientId(2), Time(100), &places(&[0])).unwrap();
    }

    #[test]
    fn a_commit_from_before_a_partition_was_given_up_must_be_refused() {
        let mut holders = Holders::default();
        holders.has_given_up("a", 5, &places(&[1]));
        let refusal = |holders: &Holders, epoch, index| holders.refusal("a", epoch, places(&[index]).iter());
        assert!(refusal(&holders, 4, 1).is_some());
        assert_eq!((refusal(&holders, 5, 1), refusal(&holders, 4, 0)), (None, None));
        holders.is_gone("a");
        assert!(refusal(&holders, 9, 0).is_some());
    }
}
