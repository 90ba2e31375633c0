//! What was asked on a connection and not answered yet. An answer says only which request it is for.

use std::collections::{BTreeMap, VecDeque};

/// The open requests of a connection.
#[derive(Clone, Debug, Default)]
pub struct Conversation {
    /// Key and version, by correlation id.
    open: BTreeMap<i32, (i16, i16)>,
    order: VecDeque<i32>,
}

/// Requests without an answer, such as a produce with acks=0, are forgotten when there are so many after them.
const OPEN_MAX: usize = 10_000;

impl Conversation {
    /// A request was sent.
    pub fn asked(&mut self, correlation_id: i32, api_key: i16, version: i16) {
        if self.open.insert(correlation_id, (api_key, version)).is_none() {
            self.order.push_back(correlation_id);
        }
        while self.order.len() > OPEN_MAX {
            let oldest = self.order.pop_front().expect("there are some");
            self.open.remove(&oldest);
        }
    }

    /// An answer came: the key and version of its request, if that was seen.
    pub fn answered(&mut self, correlation_id: i32) -> Option<(i16, i16)> {
        let api = self.open.remove(&correlation_id)?;
        // Answers come in the order of the requests, so that it is at the front, or behind some that have no answer.
        if let Some(at) = self.order.iter().position(|id| *id == correlation_id) {
            self.order.remove(at);
        }
        Some(api)
    }

    /// Whether a request with this id waits for its answer.
    #[must_use]
    pub fn is_awaited(&self, correlation_id: i32) -> bool {
        self.open.contains_key(&correlation_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_to_the_request_of_its_id_and_only_once() {
        let mut conversation = Conversation::default();
        conversation.asked(1, 18, 4);
        conversation.asked(2, 3, 12);
        assert_eq!(conversation.answered(2), Some((3, 12)));
        assert_eq!(conversation.answered(2), None);
        assert!(conversation.is_awaited(1));
    }

    #[test]
    fn requests_that_are_never_answered_are_forgotten_in_the_end() {
        let mut conversation = Conversation::default();
        for id in 0..20_000 {
            conversation.asked(id, 0, 9);
        }
        assert_eq!(conversation.open.len(), OPEN_MAX);
        assert_eq!(conversation.answered(0), None);
        assert_eq!(conversation.answered(19_999), Some((0, 9)));
    }
}
