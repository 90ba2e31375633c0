//! One connection's answers: slots that wait to be filled, and bytes that wait to be sent.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::boundary::{FileId, Frame};
use crate::types::PartitionId;

/// What goes into a slot.
#[derive(Debug, Default)]
pub struct Answer {
    /// `None` for a request that gets no answer, such as a produce with acks=0.
    pub frame: Option<Frame>,
    /// Segment files that the frame refers to: they stay open until it is sent.
    pub pins: Vec<(PartitionId, FileId)>,
}

/// Slots and unsent answers of one connection.
#[derive(Debug, Default)]
pub(super) struct AnswerQueue {
    slots: VecDeque<Option<Answer>>,
    /// Number of the front slot.
    front: u64,
    /// Bytes of filled slots that wait behind an empty one.
    behind_bytes: u64,
    /// Bytes handed to the adapter, since the connection opened.
    handed_out_bytes: u64,
    /// Bytes that the adapter reported as sent.
    sent_bytes: u64,
    /// Pins of answers on their way out, by the value of `sent_bytes` that frees them.
    pinned: VecDeque<(u64, Vec<(PartitionId, FileId)>)>,
}

impl AnswerQueue {
    /// Takes the next slot.
    pub(super) fn push(&mut self) -> u64 {
        self.slots.push_back(None);
        self.front + self.slots.len() as u64 - 1
    }

    /// Slots that are not sent yet.
    pub(super) fn waiting(&self) -> usize {
        self.slots.len()
    }

    /// Bytes of answers that the client has not taken yet, filled slots behind an empty one included.
    pub(super) fn unsent_bytes(&self) -> u64 {
        self.behind_bytes + self.handed_out_bytes - self.sent_bytes
    }

    /// Bytes that were given to the adapter, whether the client has taken them or not.
    pub(super) fn handed_out_bytes(&self) -> u64 {
        self.handed_out_bytes
    }

    /// Fills a slot.
    pub(super) fn fill(&mut self, number: u64, answer: Answer) {
        let index = usize::try_from(number - self.front).expect("slots are few");
        let slot = &mut self.slots[index];
        assert!(slot.is_none(), "a request is answered once");
        self.behind_bytes += answer.frame.as_ref().map_or(0, Frame::size_bytes);
        *slot = Some(answer);
    }

    /// The next frame whose turn it is.
    pub(super) fn pop_ready(&mut self) -> Option<Frame> {
        while let Some(Some(_)) = self.slots.front() {
            let answer = self.slots.pop_front().flatten().expect("the front slot was just seen to be filled");
            self.front += 1;
            let Some(frame) = answer.frame else { continue };
            let size_bytes = frame.size_bytes();
            self.behind_bytes -= size_bytes;
            self.handed_out_bytes += size_bytes;
            if !answer.pins.is_empty() {
                self.pinned.push_back((self.handed_out_bytes, answer.pins));
            }
            return Some(frame);
        }
        None
    }

    /// Notes progress of sending; returns the pins that are free now.
    pub(super) fn sent(&mut self, size_bytes: u64) -> Vec<(PartitionId, FileId)> {
        self.sent_bytes += size_bytes;
        assert!(self.sent_bytes <= self.handed_out_bytes, "no more is sent than was handed out");
        let mut free = Vec::new();
        while let Some((_, pins)) = self.pinned.pop_front_if(|(end, _)| *end <= self.sent_bytes) {
            free.extend(pins);
        }
        free
    }

    /// Pins of everything that will never be sent.
    pub(super) fn abandon(self) -> Vec<(PartitionId, FileId)> {
        let on_the_way = self.pinned.into_iter().flat_map(|(_, pins)| pins);
        let in_slots = self.slots.into_iter().flatten().flat_map(|answer| answer.pins);
        on_the_way.chain(in_slots).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boundary::Chunk;
    use bytes::Bytes;

    fn answer(text: &'static str) -> Answer {
        let frame = Frame { chunks: [Chunk::Bytes(Bytes::from_static(text.as_bytes()))].into() };
        Answer { frame: Some(frame), pins: Vec::new() }
    }

    #[test]
    fn answers_leave_in_the_order_of_their_requests() {
        let mut queue = AnswerQueue::default();
        let (first, second, third) = (queue.push(), queue.push(), queue.push());
        queue.fill(third, answer("third"));
        queue.fill(second, Answer::default());
        assert_eq!(queue.pop_ready(), None);
        queue.fill(first, answer("first"));
        assert_eq!(queue.pop_ready(), answer("first").frame);
        assert_eq!(queue.pop_ready(), answer("third").frame, "the second asked for no answer");
        assert_eq!(queue.unsent_bytes(), 10);
    }

    #[test]
    fn a_segment_stays_pinned_until_its_answer_is_sent() {
        let mut queue = AnswerQueue::default();
        let pin = (PartitionId { topic_id: crate::wire::Uuid(7), index: 0 }, FileId(3));
        let slot = queue.push();
        queue.fill(slot, Answer { pins: [pin].into(), ..answer("12345") });
        queue.pop_ready();
        assert_eq!(queue.sent(4), []);
        assert_eq!(queue.sent(1), [pin]);
    }
}
