//! Why internal topics could not be made: members are told so for a while, and for so long nobody tries again.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use crate::time::Monotonic;
use crate::types::TopicName;

/// Topics that are remembered; beyond it the one that would be forgotten first is.
const FAULTS_MAX: usize = 1000;

/// By topic, until when it is remembered and why it could not be made.
#[derive(Debug, Default)]
pub(crate) struct CreationFaults(BTreeMap<TopicName, (Monotonic, String)>);

impl CreationFaults {
    /// What is known of these topics, in their order.
    pub(crate) fn of<'a>(&'a self, topics: impl Iterator<Item = &'a str>, now: Monotonic) -> Vec<(&'a str, &'a str)> {
        topics.filter_map(|topic| Some((topic, self.get(topic, now)?))).collect()
    }

    /// Why the topic could not be made.
    pub(crate) fn get(&self, topic: &str, now: Monotonic) -> Option<&str> {
        self.0.get(topic).filter(|(until, _)| *until > now).map(|(_, why)| &**why)
    }

    /// The topic could not be made.
    pub(crate) fn put(&mut self, topic: &str, why: String, (now, until): (Monotonic, Monotonic)) {
        self.0.retain(|_, (until, _)| *until > now);
        self.0.insert(topic.into(), (until, why));
        if self.0.len() > FAULTS_MAX {
            let first = self.0.iter().min_by_key(|(_, (until, _))| *until).map(|(topic, _)| TopicName::clone(topic));
            first.and_then(|first| self.0.remove(&first));
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn a_fault_is_told_until_its_time_is_over() {
        let mut faults = CreationFaults::default();
        faults.put("counts", "too many".into(), (Monotonic(0), Monotonic(10)));
        assert_eq!(faults.of(["counts", "words"].into_iter(), Monotonic(9)), [("counts", "too many")]);
        assert_eq!(faults.get("counts", Monotonic(10)), None);
    }

    #[test]
    fn no_more_faults_are_kept_than_allowed_the_oldest_goes_first() {
        let mut faults = CreationFaults::default();
        for number in 0..=FAULTS_MAX as u64 {
            faults.put(&format!("topic-{number}"), "no".into(), (Monotonic(0), Monotonic(number + 1)));
        }
        assert_eq!(faults.0.len(), FAULTS_MAX);
        assert_eq!(faults.get("topic-0", Monotonic(0)), None);
        assert!(faults.get("topic-1", Monotonic(0)).is_some());
    }
}
