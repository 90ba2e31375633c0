//! Asks for the ends of partitions, and whether they go back.

use std::collections::BTreeMap;

use ottla_core::error_code::ErrorCode;
use ottla_core::wire::messages::list_offsets::{
    ListOffsetsPartition, ListOffsetsRequest, ListOffsetsResponse, ListOffsetsTopic,
};

use super::producer::is_passing;
use super::rounds::Rounds;
use super::{Answer, Request, Role, Talk};
use crate::agenda::Span;
use ottla_checker::{Mark, OpId};

use crate::history::{KnownEnd, PartitionRef};
use crate::violation::Violation;

/// A client that asks for offsets.
#[derive(Debug)]
pub struct Prober {
    rounds: Rounds,
    in_flight: Option<Question>,
}

#[derive(Debug)]
struct Question {
    end: End,
    known: BTreeMap<PartitionRef, Known>,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    start: i64,
    end: KnownEnd,
    op: OpId,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Latest = -1,
    Earliest = -2,
}

/// Between two questions, at least.
const PAUSE: Span = Span::ms(20);

impl Prober {
    /// One that asks for these topics.
    #[must_use]
    pub fn new(topics: Vec<String>) -> Self {
        Self { rounds: Rounds::new(topics, PAUSE), in_flight: None }
    }

    fn ask(&mut self, talk: &mut Talk<'_>) {
        let end = *talk.chance.pick(&[End::Latest, End::Latest, End::Earliest]);
        let mut known = BTreeMap::new();
        let mut topics = Vec::new();
        for name in &self.rounds.topics {
            let mut partitions = Vec::new();
            for index in self.rounds.cluster.topic(name).expect("the cluster is ready").leader_epochs.keys() {
                let partition = talk.history.topics.partition(name, *index).expect("clients know only lasting topics");
                let (start, known_end) = (talk.history.known_start(partition), talk.history.known_end(partition));
                let mark = if end == End::Latest { Mark::HighWatermark } else { Mark::LogStart };
                let op = talk.history.observes(talk.id, partition, mark);
                known.insert(partition, Known { start, end: known_end, op });
                partitions.push(ListOffsetsPartition {
                    partition_index: *index,
                    timestamp: end as i64,
                    ..ListOffsetsPartition::default()
                });
            }
            topics.push(ListOffsetsTopic { name: name.as_str().into(), partitions, ..ListOffsetsTopic::default() });
        }
        let request = ListOffsetsRequest { replica_id: -1, topics, ..ListOffsetsRequest::default() };
        talk.send(&Request::ListOffsets(request));
        self.in_flight = Some(Question { end, known });
    }

    fn told(&mut self, talk: &mut Talk<'_>, response: &ListOffsetsResponse) -> Result<(), Violation> {
        let Some(Question { end, mut known }) = self.in_flight.take() else { return Ok(()) };
        for topic in &response.topics {
            for answer in &topic.partitions {
                let index = answer.partition_index;
                let partition = talk.history.topics.partition(&topic.name, index);
                let Some((partition, known)) = partition.and_then(|p| Some((p, known.remove(&p)?))) else {
                    let text = format!("ListOffsets: {}-{index} was not asked for", topic.name);
                    return Err(Violation::Answer(text));
                };
                if answer.error_code == 0 {
                    talk.history.account.observed(known.op, answer.offset)?;
                }
                match ErrorCode::from_number(answer.error_code) {
                    Some(ErrorCode::None) if end == End::Latest => {
                        talk.history.saw_end(partition, known.end.life, answer.offset);
                    }
                    Some(ErrorCode::None) => talk.saw_start(partition, known.start, answer.offset)?,
                    Some(error) if is_passing(error) => {
                        talk.is_offline(partition, Some(error))?;
                        self.rounds.cluster.doubt();
                    }
                    other => return Err(Violation::Answer(format!("ListOffsets with the error {other:?}"))),
                }
            }
        }
        match known.keys().next() {
            Some(partition) => Err(Violation::Answer(format!("ListOffsets without an answer for {partition}"))),
            None => Ok(()),
        }
    }
}

impl Role for Prober {
    fn act(&mut self, talk: &mut Talk<'_>) -> Result<(), Violation> {
        if self.rounds.begins(talk, self.in_flight.is_some()) {
            self.ask(talk);
        }
        Ok(())
    }

    fn answered(&mut self, talk: &mut Talk<'_>, _: u64, answer: Answer) -> Result<(), Violation> {
        match answer {
            Answer::Metadata(response) => self.rounds.cluster.answered(talk, &response),
            Answer::ListOffsets(response) => self.told(talk, &response),
            other => unreachable!("probers don't ask for {other:?}"),
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
