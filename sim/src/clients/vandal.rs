//! Sends what no client should: sizes out of range, unknown APIs, noise, requests cut short, batches with wrong CRCs.
//! None of it may be answered with success, and none of it may show in a log.

use bytes::{BufMut, Bytes, BytesMut};
use ottla_core::error_code::ErrorCode;
use ottla_core::wire::messages::produce::{PartitionProduceData, ProduceRequest, TopicProduceData};
use ottla_core::wire::{ApiKey, Records};

use super::wire::encode_request;
use super::{Answer, Request, Role, Talk};
use crate::agenda::{Span, Time};
use crate::records::{NewBatch, RecordId};
use crate::stats::Counter;
use crate::violation::Violation;

/// A client that means no good.
#[derive(Debug)]
pub struct Vandal {
    topics: Vec<String>,
    acts_left: u32,
    next_at: Time,
    hangs_up_at: Option<Time>,
}

/// It waits this long to see what its act leads to.
const WATCHES_FOR: Span = Span::ms(30);
const ACTS: u32 = 12;

impl Vandal {
    /// One that knows these topics.
    #[must_use]
    pub fn new(topics: Vec<String>) -> Self {
        Self { topics, acts_left: ACTS, next_at: Time::default(), hangs_up_at: None }
    }

    fn misbehave(&self, talk: &mut Talk<'_>) {
        match talk.chance.between(0..=5) {
            0 => talk.send_raw(Bytes::from_static(&[0x7f, 0xff, 0xff, 0xff, 0, 1, 2, 3])),
            1 => talk.send_raw(Bytes::from_static(&[0xff, 0xff, 0xff, 0xff, 0, 1, 2, 3])),
            2 => talk.send_raw(Bytes::from_static(&[0, 0, 0, 10, 0x7f, 0xff, 0, 0, 0, 0, 0, 1, 0xff, 0xff])),
            3 => {
                let size = talk.chance.between(1..=100) as u32;
                let mut noise = BytesMut::new();
                noise.put_u32(size);
                (0..size).for_each(|_| noise.put_u8(talk.chance.between(0..=255) as u8));
                talk.send_raw(noise.freeze());
            }
            4 => {
                let request = encode_request(&self.wrong_batch(talk), 9, 1);
                let mut cut = BytesMut::from(&request[..talk.chance.between(15..=40) as usize]);
                let size = cut.len() as u32 - 4;
                cut[..4].copy_from_slice(&size.to_be_bytes());
                talk.send_raw(cut.freeze());
            }
            _ => {
                talk.speak(ApiKey::Produce, talk.version(ApiKey::Produce).min(12));
                let request = self.wrong_batch(talk);
                talk.send(&request);
            }
        }
    }

    /// A batch with one wrong bit.
    fn wrong_batch(&self, talk: &mut Talk<'_>) -> Request {
        let records = [RecordId { client: talk.id.0, number: self.acts_left }];
        let batch = NewBatch {
            identity: None,
            base_sequence: -1,
            timestamp_ms: talk.env.clocks_now().wall.0,
            records: &records,
            value_max_bytes: 100,
            keys: talk.env.plan.compaction.keys,
        };
        let mut batch = batch.encode().to_vec();
        let at = talk.chance.between(17..=batch.len() as u64 - 1) as usize;
        batch[at] ^= 1 << talk.chance.between(0..=7);
        let records = Some(Records::Bytes(batch.into()));
        let partition_data = vec![PartitionProduceData { records, ..PartitionProduceData::default() }];
        let name = talk.chance.pick(&self.topics).as_str().into();
        let topic_data = vec![TopicProduceData { name, partition_data, ..TopicProduceData::default() }];
        let (acks, timeout_ms) = (1, 1_000);
        Request::Produce(ProduceRequest { acks, timeout_ms, topic_data, ..ProduceRequest::default() })
    }
}

impl Role for Vandal {
    fn act(&mut self, talk: &mut Talk<'_>) -> Result<(), Violation> {
        talk.tolerate_strays();
        match self.hangs_up_at {
            Some(at) if at <= talk.time() => {
                self.hangs_up_at = None;
                talk.hang_up();
            }
            Some(at) => talk.wake_after(at - talk.time()),
            None if self.next_at <= talk.time() => {
                self.acts_left -= 1;
                self.misbehave(talk);
                talk.env.stats.count(Counter::Vandalisms);
                self.next_at = talk.time() + talk.env.plan.clients.pause;
                self.hangs_up_at = Some(talk.time() + WATCHES_FOR);
                talk.wake_after(WATCHES_FOR);
            }
            None => talk.wake_after(self.next_at - talk.time()),
        }
        Ok(())
    }

    fn answered(&mut self, _: &mut Talk<'_>, _: u64, answer: Answer) -> Result<(), Violation> {
        let Answer::Produce(response) = answer else { unreachable!("vandals only produce") };
        let answers = response.responses.iter().flat_map(|topic| &topic.partition_responses);
        match answers.map(|answer| answer.error_code).find(|code| *code == ErrorCode::None.number()) {
            Some(_) => Err(Violation::Answer("a batch with a wrong CRC was taken".to_owned())),
            None => Ok(()),
        }
    }

    fn disconnected(&mut self) {
        self.hangs_up_at = None;
    }

    fn is_done(&self) -> bool {
        self.acts_left == 0
    }
}
