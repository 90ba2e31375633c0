//! Deletes records, and holds the broker to it: what is acknowledged as deleted stays away.

use ottla_core::error_code::ErrorCode;
use ottla_core::wire::messages::delete_records::{
    DeleteRecordsPartition, DeleteRecordsRequest, DeleteRecordsResponse, DeleteRecordsTopic,
};

use ottla_checker::OpId;

use super::producer::is_passing;
use super::rounds::Rounds;
use super::{Answer, Request, Role, Talk};
use crate::agenda::Span;
use crate::chance::Odds;
use crate::history::{KnownEnd, PartitionRef};
use crate::violation::{Check, Violation};

/// A client that deletes records.
#[derive(Debug)]
pub struct Pruner {
    rounds: Rounds,
    in_flight: Option<Deletion>,
}

#[derive(Clone, Copy, Debug)]
struct Deletion {
    partition: PartitionRef,
    /// `None` is all.
    offset: Option<i64>,
    start: i64,
    end: KnownEnd,
    op: OpId,
}

/// Stands for the high watermark.
const ALL: i64 = -1;
/// Between two deletions, at least.
const PAUSE: Span = Span::ms(40);

impl Pruner {
    /// One that deletes records of these topics.
    #[must_use]
    pub fn new(topics: Vec<String>) -> Self {
        Self { rounds: Rounds::new(topics, PAUSE), in_flight: None }
    }

    fn delete(&mut self, talk: &mut Talk<'_>) {
        let name = talk.chance.pick(&self.rounds.topics).clone();
        let epochs = &self.rounds.cluster.topic(&name).expect("the cluster is ready").leader_epochs;
        let index = *epochs.keys().nth(talk.chance.index(epochs.len())).expect("a topic has partitions");
        let partition = talk.history.topics.partition(&name, index).expect("clients know only lasting topics");
        let (start, end) = (talk.history.known_start(partition), talk.history.known_end(partition));
        let within = start..=end.end.max(start);
        let offset = (!talk.chance.happens(Odds::percent(10)))
            .then(|| talk.chance.between(*within.start() as u64..=*within.end() as u64) as i64);
        let op = talk.history.deletes(talk.id, partition, offset);
        let asked = DeleteRecordsPartition {
            partition_index: index,
            offset: offset.unwrap_or(ALL),
            ..DeleteRecordsPartition::default()
        };
        let topic =
            DeleteRecordsTopic { name: name.as_str().into(), partitions: vec![asked], ..DeleteRecordsTopic::default() };
        let request =
            DeleteRecordsRequest { topics: vec![topic], timeout_ms: 30_000, ..DeleteRecordsRequest::default() };
        talk.send(&Request::DeleteRecords(request));
        self.in_flight = Some(Deletion { partition, offset, start, end, op });
    }

    fn deleted(&mut self, talk: &mut Talk<'_>, response: &DeleteRecordsResponse) -> Result<(), Violation> {
        let Deletion { partition, offset, start, end, op } = self.in_flight.take().expect("asked before");
        let answer = response.topics.first().and_then(|topic| topic.partitions.first());
        let answer = answer.ok_or_else(|| Violation::Answer("DeleteRecords without an answer".to_owned()))?;
        match ErrorCode::from_number(answer.error_code) {
            Some(ErrorCode::None) => {}
            // What is only compacted is not deleted.
            Some(ErrorCode::PolicyViolation) if talk.env.plan.compaction.policy() == "compact" => {
                talk.history.account.failed(op);
                return Ok(());
            }
            // What ended in an earlier life, or was lost with it, teaches nothing.
            Some(ErrorCode::OffsetOutOfRange) if end.life != talk.life() => return Ok(()),
            Some(error) if is_passing(error) => {
                talk.is_offline(partition, Some(error))?;
                self.rounds.cluster.doubt();
                return Ok(());
            }
            other => return Err(Violation::Answer(format!("{partition}: DeleteRecords with the error {other:?}"))),
        }
        talk.history.account.observed(op, answer.low_watermark)?;
        if answer.low_watermark < offset.unwrap_or(start) {
            let text = format!("{partition}: deleted to {offset:?}, and it starts at {}", answer.low_watermark);
            return Err(Violation::history(Check::Starts, text));
        }
        if offset.is_none() {
            talk.history.deleted_all(partition, answer.low_watermark);
        }
        talk.saw_start(partition, start, answer.low_watermark)
    }
}

impl Role for Pruner {
    fn act(&mut self, talk: &mut Talk<'_>) -> Result<(), Violation> {
        if self.rounds.begins(talk, self.in_flight.is_some()) {
            self.delete(talk);
        }
        Ok(())
    }

    fn answered(&mut self, talk: &mut Talk<'_>, _: u64, answer: Answer) -> Result<(), Violation> {
        match answer {
            Answer::Metadata(response) => self.rounds.cluster.answered(talk, &response),
            Answer::DeleteRecords(response) => self.deleted(talk, &response),
            other => unreachable!("pruners don't ask for {other:?}"),
        }
    }

    fn disconnected(&mut self) {
        self.rounds.cluster.disconnected();
        self.in_flight = None;
    }

    fn is_done(&self) -> bool {
        self.rounds.is_done
    }
}
