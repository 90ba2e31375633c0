//! Which topics there must be and must not be.

use std::collections::{BTreeMap, BTreeSet};

use ottla_core::wire::Uuid;

use super::{PartitionRef, TopicRef};
use crate::violation::{Check, Violation};

/// What is known of topics.
#[derive(Debug, Default)]
pub struct Topics {
    lasting: BTreeMap<String, TopicState>,
    /// Names in the order in which they were first seen to exist.
    existing: Vec<String>,
    /// Ids in the order in which their deletion was acknowledged.
    deleted: Vec<Uuid>,
    ids: BTreeSet<Uuid>,
    refs: u32,
}

/// A topic that is never deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicState {
    /// How the history calls it.
    pub topic: TopicRef,
    /// Once an answer told it.
    pub id: Option<Uuid>,
    /// As it was created, or will be.
    pub partitions: i32,
}

/// What was known when a question was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    existing: usize,
    deleted: usize,
}

/// A topic as an answer to Metadata has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenTopic {
    /// Its name.
    pub name: String,
    /// Its id, in versions that have it.
    pub id: Option<Uuid>,
    /// How many partitions it has.
    pub partitions: i32,
}

impl Topics {
    /// A name for a topic that the broker has not heard of.
    pub fn new_ref(&mut self) -> TopicRef {
        self.refs += 1;
        TopicRef(self.refs)
    }

    /// A topic that will be created and never deleted.
    pub fn add_lasting(&mut self, name: &str, partitions: i32) {
        let topic = self.new_ref();
        self.lasting.insert(name.to_owned(), TopicState { topic, id: None, partitions });
    }

    /// A topic that is never deleted.
    #[must_use]
    pub fn lasting(&self, name: &str) -> Option<&TopicState> {
        self.lasting.get(name)
    }

    /// A partition of a topic that is never deleted.
    #[must_use]
    pub fn partition(&self, name: &str, index: i32) -> Option<PartitionRef> {
        self.lasting.get(name).map(|state| PartitionRef { topic: state.topic, index })
    }

    /// What a topic is called: its name, or which life of a name it is.
    #[must_use]
    pub fn name_of(&self, topic: TopicRef) -> String {
        let lasting = self.lasting.iter().find(|(_, state)| state.topic == topic);
        lasting.map_or_else(|| format!("churn#{}", topic.0), |(name, _)| name.clone())
    }

    /// Names of the topics that are never deleted.
    pub fn lasting_names(&self) -> impl Iterator<Item = &str> {
        self.lasting.keys().map(String::as_str)
    }

    /// What is known now.
    #[must_use]
    pub fn question(&self) -> Question {
        Question { existing: self.existing.len(), deleted: self.deleted.len() }
    }

    /// Whether a lasting topic is known to exist.
    #[must_use]
    pub fn exists(&self, name: &str) -> bool {
        self.existing.iter().any(|known| known == name)
    }

    /// The creation of a lasting topic was acknowledged.
    pub fn created(&mut self, name: &str) {
        if !self.existing.iter().any(|known| known == name) {
            self.existing.push(name.to_owned());
        }
    }

    /// The deletion of a topic was acknowledged.
    pub fn deleted(&mut self, id: Uuid) {
        self.deleted.push(id);
    }

    /// A topic was created and has this id.
    ///
    /// # Errors
    /// Another one had it.
    pub fn new_id(&mut self, id: Uuid) -> Result<(), Violation> {
        if self.ids.insert(id) {
            return Ok(());
        }
        Err(Violation::history(Check::Topics, format!("two topics have the id {id}")))
    }

    /// Metadata answered a question about `asked` (all topics, if `None`) with these.
    ///
    /// # Errors
    /// One is missing, different, or should be gone.
    pub fn seen(&mut self, question: Question, asked: Option<&[String]>, seen: &[SeenTopic]) -> Result<(), Violation> {
        let wrong = |text: String| Err(Violation::history(Check::Topics, text));
        for name in &self.existing[..question.existing] {
            let is_asked = asked.is_none_or(|asked| asked.contains(name));
            if is_asked && !seen.iter().any(|topic| topic.name == *name) {
                return wrong(format!("{name} was there, and is not"));
            }
        }
        for topic in seen {
            if let Some(id) = topic.id
                && self.deleted[..question.deleted].contains(&id)
            {
                return wrong(format!("{}, {id}, was deleted, and is there", topic.name));
            }
            let Some(state) = self.lasting.get_mut(&topic.name) else { continue };
            if topic.partitions != state.partitions {
                let (name, is, was) = (&topic.name, topic.partitions, state.partitions);
                return wrong(format!("{name} has {is} partitions, not {was}"));
            }
            match (state.id, topic.id) {
                (Some(was), Some(is)) if was != is => return wrong(format!("{} was {was} and is {is}", topic.name)),
                (None, Some(id)) => {
                    state.id = Some(id);
                    self.new_id(id)?;
                }
                _ => {}
            }
            self.created(&topic.name);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(name: &str, id: u128, partitions: i32) -> SeenTopic {
        SeenTopic { name: name.to_owned(), id: Some(Uuid(id)), partitions }
    }

    fn topics() -> Topics {
        let mut topics = Topics::default();
        topics.add_lasting("a", 2);
        topics
    }

    #[test]
    fn a_topic_must_be_there_for_questions_asked_after_it_was_seen() {
        let mut topics = topics();
        let early = topics.question();
        assert_eq!(topics.seen(early, None, &[]), Ok(()));
        assert_eq!(topics.seen(early, None, &[seen("a", 7, 2)]), Ok(()));
        assert_eq!(topics.seen(early, None, &[]), Ok(()), "asked before");
        let late = topics.question();
        assert_eq!(topics.seen(late, Some(&[]), &[]), Ok(()), "not asked for");
        assert!(topics.seen(late, None, &[]).is_err());
    }

    #[test]
    fn a_topic_keeps_its_id_and_partitions() {
        let mut topics = topics();
        let question = topics.question();
        assert_eq!(topics.seen(question, None, &[seen("a", 7, 2)]), Ok(()));
        assert!(topics.seen(question, None, &[seen("a", 8, 2)]).is_err());
        assert!(topics.seen(question, None, &[seen("a", 7, 3)]).is_err());
    }

    #[test]
    fn a_deleted_topic_stays_deleted() {
        let mut topics = topics();
        let early = topics.question();
        topics.deleted(Uuid(9));
        assert_eq!(topics.seen(early, None, &[seen("b", 9, 1)]), Ok(()));
        assert!(topics.seen(topics.question(), None, &[seen("b", 9, 1)]).is_err());
    }

    #[test]
    fn ids_are_not_used_twice() {
        let mut topics = topics();
        assert_eq!(topics.new_id(Uuid(1)), Ok(()));
        assert!(topics.new_id(Uuid(1)).is_err());
    }
}
