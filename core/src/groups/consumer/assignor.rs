//! Who shall read which partition: all of a group at once. Each partition goes to one member that reads its topic, if there is one.
//!
//! - `uniform` spreads partitions evenly and leaves them where they are as far as it can, for members that all read the same;
//! - `mixed` is the same for members that don't;
//! - `range` gives each member a stretch of every topic, so that those of the same index meet.

mod mixed;
mod range;
#[cfg(test)]
mod tests;
mod uniform;

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::Partitions;
use crate::groups::group::MemberId;
use crate::wire::Uuid;

/// A member, as an assignor sees it.
#[derive(Debug)]
pub(super) struct Candidate<'a> {
    pub(super) id: &'a MemberId,
    /// Of a static member.
    pub(super) instance_id: Option<&'a str>,
    /// What it reads, in order, each once.
    pub(super) topics: Vec<Uuid>,
    /// What it was to have before.
    pub(super) had: &'a Partitions,
}

/// A way to assign partitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Assignor {
    Uniform,
    Range,
}

/// The assignors that members may ask for, the default first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Assignors([Option<Assignor>; 2]);

impl Assignor {
    /// All of them.
    pub(crate) const ALL: [Self; 2] = [Self::Uniform, Self::Range];

    /// As members ask for it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Uniform => "uniform",
            Self::Range => "range",
        }
    }

    /// As a property may have it: by name, or by that of Kafka's class.
    fn of_property(text: &str) -> Option<Self> {
        let class = match text {
            "org.apache.kafka.coordinator.group.assignor.UniformAssignor" => "uniform",
            "org.apache.kafka.coordinator.group.assignor.RangeAssignor" => "range",
            name => name,
        };
        Self::ALL.into_iter().find(|assignor| assignor.name() == class)
    }

    /// What each of the members shall have; none where that is what it had. The members are in the order of their ids, and the
    /// topics that they read have so many partitions.
    pub(super) fn assign(self, members: &[Candidate<'_>], partitions: &BTreeMap<Uuid, i32>) -> Vec<Option<Partitions>> {
        let read_the_same = members.windows(2).all(|pair| pair[0].topics == pair[1].topics);
        match self {
            Self::Uniform if read_the_same => uniform::assign(members, partitions),
            Self::Uniform => mixed::assign(members, partitions),
            Self::Range => range::assign(members, partitions),
        }
    }
}

impl Assignors {
    /// Those of `group.consumer.assignors`. Others, which Kafka would load, are passed over.
    pub(crate) fn new(property: &str) -> Self {
        let mut known = property.split(',').filter_map(|text| Assignor::of_property(text.trim()));
        let first = known.next();
        Self([first, known.find(|next| Some(*next) != first)])
    }

    pub(crate) fn default(&self) -> Assignor {
        self.0[0].unwrap_or(Assignor::Uniform)
    }

    pub(crate) fn find(&self, name: &str) -> Option<Assignor> {
        self.all().find(|assignor| assignor.name() == name)
    }

    /// All of them, the default first.
    pub(crate) fn all(&self) -> impl Iterator<Item = Assignor> {
        self.0.into_iter().flatten()
    }
}
