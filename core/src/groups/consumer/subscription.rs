//! What the members read: by name or by regular expression. The group's epoch rises when that changes, be it because a member
//! says something else, be it because topics do.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::member::About;
use super::pattern::Pattern;
use super::{ConsumerGroup, Resolved, add, record, subtract};
use crate::api::ApiError;
use crate::error_code::ErrorCode;
use crate::groups::group::MemberId;
use crate::groups::metadata_hash::metadata_hash;
use crate::groups::planned::PlannedTurn;
use crate::metadata::MetadataImage;
use crate::types::TopicName;
use crate::wire::Uuid;

/// Topics are looked at no more often than this: each regular expression is tried on each name.
const REFRESH_MIN_MS: i64 = 1_000;

/// The subscriptions of a group, once an event is over.
#[derive(Debug)]
pub(super) struct Subscribed {
    /// The group's epoch.
    pub(super) epoch: i32,
    /// The member reads something else than before.
    pub(super) has_changed: bool,
    /// Regular expressions that were resolved just now.
    resolved: BTreeMap<Arc<str>, Resolved>,
}

impl Subscribed {
    /// As the group has it.
    pub(super) fn unchanged(group: &ConsumerGroup) -> Self {
        Self { epoch: group.epoch, has_changed: false, resolved: BTreeMap::new() }
    }

    fn resolved<'a>(&'a self, group: &'a ConsumerGroup, regex: &str) -> Option<&'a Resolved> {
        self.resolved.get(regex).or_else(|| group.regexes.get(regex))
    }

    /// The topics that a member reads and that are there, in order.
    pub(super) fn topics_of(&self, group: &ConsumerGroup, about: &About, image: &MetadataImage) -> Vec<Uuid> {
        let matched = about.regex.as_deref().and_then(|regex| self.resolved(group, regex));
        let names = about.topics.iter().chain(matched.into_iter().flat_map(|resolved| &resolved.topics));
        let mut topics: Vec<Uuid> = names.filter_map(|name| image.topic_ids.get(name).copied()).collect();
        topics.sort_unstable();
        topics.dedup();
        topics
    }
}

impl ConsumerGroup {
    /// Takes over what a member says that it reads, and what has become of the topics.
    ///
    /// # Errors
    /// Where a regular expression is none.
    pub(super) fn subscribe(
        &self,
        turn: &mut PlannedTurn<'_>,
        id: &MemberId,
        before: &About,
        after: Option<&Arc<About>>,
    ) -> Result<Subscribed, ApiError> {
        let mut subscribed = Subscribed::unchanged(self);
        if let Some(after) = after {
            turn.write(record::member(turn.group, id, after));
            subscribed.has_changed = after.topics != before.topics || after.regex != before.regex;
        }
        let after = after.map_or(before, |after| after);
        let mut counts = None;
        if subscribed.has_changed {
            let names = counts.insert((self.counts.topics.clone(), self.counts.regexes.clone()));
            after.topics.iter().for_each(|topic| add(&mut names.0, topic));
            before.topics.iter().for_each(|topic| subtract(&mut names.0, topic));
            after.regex.iter().for_each(|regex| add(&mut names.1, regex));
            before.regex.iter().for_each(|regex| subtract(&mut names.1, regex));
        }
        let (names, regexes) = match &counts {
            Some((names, regexes)) => (names, regexes),
            None => (&self.counts.topics, &self.counts.regexes),
        };
        if let Some(regex) = after.regex.as_deref().filter(|regex| before.regex.as_deref() != Some(regex)) {
            Pattern::new(regex).map_err(|why| invalid(regex, &why))?;
        }
        let matches_changed = self.resolve(turn, regexes, &mut subscribed);
        let is_stale = self.topics_seen != Some(turn.topics.count);
        if subscribed.has_changed || matches_changed || is_stale {
            let hash = self.hash_of(turn.image, names, regexes, &subscribed);
            let is_bumped = subscribed.has_changed || matches_changed || hash != self.metadata_hash;
            self.bump(turn, &mut subscribed, is_bumped.then_some(hash));
        }
        Ok(subscribed)
    }

    /// The group's epoch rises, where there is a new hash, and with it goes what older brokers wrote instead.
    fn bump(&self, turn: &mut PlannedTurn<'_>, subscribed: &mut Subscribed, hash: Option<i64>) {
        if let Some(hash) = hash {
            subscribed.epoch += 1;
            turn.write(record::group(turn.group, subscribed.epoch, hash));
        }
        if self.has_topics_record {
            turn.write(record::topics_removed(turn.group));
        }
        turn.plan.has_seen_topics = true;
    }

    /// Looks for the topics that regular expressions match, where that is due: these are the ones that members will subscribe to.
    /// Whether any matches others than before.
    fn resolve(
        &self,
        turn: &mut PlannedTurn<'_>,
        regexes: &BTreeMap<Arc<str>, usize>,
        subscribed: &mut Subscribed,
    ) -> bool {
        for gone in self.regexes.keys().filter(|regex| !regexes.contains_key(*regex)) {
            turn.write(record::regex_removed(turn.group, gone));
        }
        let is_due = self.is_refresh_due(turn);
        let mut has_changed = false;
        for regex in regexes.keys() {
            let known = self.regexes.get(regex);
            if known.is_some() && !is_due {
                continue;
            }
            // One that another broker has let in and that this one can't read matches nothing.
            let pattern = Pattern::new(regex).ok();
            let is_match = |name: &&TopicName| pattern.as_ref().is_some_and(|pattern| pattern.matches(name));
            let names = turn.image.topic_ids.keys().filter(is_match);
            let topics: BTreeSet<TopicName> = names.cloned().collect();
            has_changed |= known.is_none_or(|known| known.topics != topics);
            let resolved = Resolved { topics, version: turn.image.end_offset, resolved_ms: turn.now.wall.0 };
            turn.write(record::regex(turn.group, regex, &resolved));
            subscribed.resolved.insert(Arc::clone(regex), resolved);
        }
        has_changed
    }

    fn is_refresh_due(&self, turn: &PlannedTurn<'_>) -> bool {
        let Some(oldest) = self.regexes.values().min_by_key(|resolved| resolved.resolved_ms) else { return false };
        let age_ms = turn.now.wall.0.saturating_sub(oldest.resolved_ms);
        let has_new_topics = oldest.version < turn.topics.created_at;
        // A clock that was set back must not keep new topics away.
        has_new_topics && !(0..REFRESH_MIN_MS).contains(&age_ms) || age_ms > turn.settings.regex_refresh_interval_ms
    }

    /// What the topics that are subscribed to come to.
    fn hash_of(
        &self,
        image: &MetadataImage,
        names: &BTreeMap<TopicName, usize>,
        regexes: &BTreeMap<Arc<str>, usize>,
        subscribed: &Subscribed,
    ) -> i64 {
        let mut topics: BTreeSet<&TopicName> = names.keys().collect();
        for regex in regexes.keys() {
            topics.extend(subscribed.resolved(self, regex).into_iter().flat_map(|resolved| &resolved.topics));
        }
        metadata_hash(image, topics.into_iter().map(|topic| &**topic))
    }

    /// What the topics come to once members are gone, and which regular expressions go with them.
    pub(super) fn without(&self, image: &MetadataImage, gone: &BTreeSet<MemberId>) -> (i64, Vec<Arc<str>>) {
        let (mut names, mut regexes) = (self.counts.topics.clone(), self.counts.regexes.clone());
        for member in gone.iter().filter_map(|id| self.members.get(id)) {
            member.about.topics.iter().for_each(|topic| subtract(&mut names, topic));
            member.about.regex.iter().for_each(|regex| subtract(&mut regexes, regex));
        }
        let dropped = self.regexes.keys().filter(|regex| !regexes.contains_key(*regex)).cloned().collect();
        (self.hash_of(image, &names, &regexes, &Subscribed::unchanged(self)), dropped)
    }

    /// What its topics come to now.
    pub(super) fn metadata_hash_now(&self, image: &MetadataImage) -> i64 {
        self.hash_of(image, &self.counts.topics, &self.counts.regexes, &Subscribed::unchanged(self))
    }
}

fn invalid(regex: &str, why: &str) -> ApiError {
    let why = format!("SubscribedTopicRegex `{regex}` is not a valid regular expression: {why}.");
    ApiError::new(ErrorCode::InvalidRegularExpression, why)
}
