//! What the members read. The group's epoch rises when that changes, be it because a member says something else, be it because
//! topics do, or because the share coordinator keeps more of them.

use alloc::borrow::Cow;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;

use super::member::About;
use super::{ShareGroup, exchange, record};
use crate::groups::group::MemberId;
use crate::groups::metadata_hash::metadata_hash;
use crate::groups::planned::PlannedTurn;
use crate::metadata::MetadataImage;
use crate::types::TopicName;
use crate::wire::Uuid;

/// The subscriptions of a group, once an event is over.
#[derive(Debug)]
pub(super) struct Subscribed<'a> {
    /// The group's epoch.
    pub(super) epoch: i32,
    /// It has just risen.
    pub(super) is_bumped: bool,
    /// The group has looked at nothing since the last change.
    pub(super) is_stale: bool,
    /// How many members read each topic.
    pub(super) readers: Cow<'a, BTreeMap<TopicName, usize>>,
}

impl ShareGroup {
    /// Takes over what a member says that it reads, and what has become of the topics.
    pub(super) fn subscribe(
        &self,
        turn: &mut PlannedTurn<'_>,
        id: &MemberId,
        before: &About,
        after: Option<&Arc<About>>,
    ) -> Subscribed<'_> {
        let is_stale = self.topics_seen != Some(turn.topics.count);
        let mut subscribed =
            Subscribed { epoch: self.epoch, is_bumped: false, is_stale, readers: Cow::Borrowed(&self.readers) };
        if let Some(after) = after {
            turn.write(record::member(turn.group, id, after));
            subscribed.is_bumped = after.topics != before.topics;
        }
        // One change at a time: what is not assigned yet will be with the assignment that is due.
        subscribed.is_bumped |= is_stale && self.target.epoch >= self.epoch && self.has_unassigned_state();
        if !subscribed.is_bumped && !is_stale {
            return subscribed;
        }
        if let Some(after) = after {
            let known = self.members.contains_key(id).then_some(before);
            exchange(subscribed.readers.to_mut(), known, Some(after));
        }
        let hash = metadata_hash(turn.image, subscribed.readers.keys().map(|topic| &**topic));
        subscribed.is_bumped |= hash != self.metadata_hash;
        if subscribed.is_bumped {
            subscribed.epoch += 1;
            turn.write(record::group(turn.group, subscribed.epoch, hash));
        }
        subscribed
    }

    /// What the topics come to once a member is gone.
    pub(super) fn metadata_hash_without(&self, image: &MetadataImage, gone: &About) -> i64 {
        let mut readers: BTreeMap<TopicName, usize> = self.readers.clone();
        exchange(&mut readers, Some(gone), None);
        metadata_hash(image, readers.keys().map(|topic| &**topic))
    }
}

impl About {
    /// The topics that it reads and that are there.
    pub(super) fn topic_ids(&self, image: &MetadataImage) -> BTreeSet<Uuid> {
        self.topics.iter().filter_map(|name| image.topic_ids.get(name).copied()).collect()
    }
}
