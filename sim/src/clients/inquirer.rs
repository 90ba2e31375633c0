//! Asks for what can't be, or only sometimes: too many replicas, a session that nobody has, a group's deletion while it has members.
//! To each question there are errors that the broker may answer; any other, and any where a log or a coordinator is not at fault, is
//! wrong.
//!
//! Some have a question that they ask again and again: what is answered only in a short moment needs that.
//!
//! It changes nothing that others look at: what may succeed is of a group and a user of its own, or is only validated.

mod groups;
mod limits;
mod questions;

use bytes::Bytes;
use ottla_core::error_code::ErrorCode;
use ottla_core::wire::{ApiKey, Message, to_bytes};

use super::producer::is_passing;
use super::rounds::Rounds;
use super::{Answer, Request, Role, Talk};
use crate::agenda::Span;
use crate::chance::Chance;
use crate::violation::Violation;

/// A client with questions.
#[derive(Debug)]
pub struct Inquirer {
    rounds: Rounds,
    favourite: Option<usize>,
    in_flight: Option<Expected>,
}

/// What may be answered.
#[derive(Debug)]
struct Expected {
    what: &'static str,
    errors: &'static [ErrorCode],
}

/// A request, and the errors that may be answered; [`ErrorCode::None`] among them where it may succeed.
struct Question {
    /// In words.
    what: &'static str,
    errors: &'static [ErrorCode],
    request: fn(&mut Talk<'_>) -> Asked,
}

/// A request of any API in a version.
struct Asked {
    api: ApiKey,
    version: i16,
    body: Bytes,
}

/// Between two questions, at least.
const PAUSE: Span = Span::ms(10);

impl Inquirer {
    /// One that asks of these topics, among others.
    #[must_use]
    pub fn new(topics: Vec<String>, chance: &mut Chance) -> Self {
        let favourite = chance.coin().then(|| chance.index(all().count()));
        Self { rounds: Rounds::new(topics, PAUSE), favourite, in_flight: None }
    }

    fn ask(&mut self, talk: &mut Talk<'_>) {
        let at = match self.favourite.filter(|_| talk.chance.coin()) {
            Some(favourite) => favourite,
            None => talk.chance.index(all().count()),
        };
        let question = all().nth(at).expect("below the count");
        let Asked { api, version, body } = (question.request)(talk);
        talk.remark(format_args!("asks for {}", question.what));
        talk.send(&Request::Other { api, version, body });
        self.in_flight = Some(Expected { what: question.what, errors: question.errors });
    }

    fn learned(&mut self, talk: &Talk<'_>) -> Result<(), Violation> {
        let Expected { what, errors } = self.in_flight.take().expect("asked before");
        let told = talk.errors();
        let is_well = |error: &ErrorCode| errors.contains(error) || is_transient(*error);
        let wrong = told.iter().find(|error| !is_well(error));
        if let Some(error) = wrong {
            return Err(Violation::Answer(format!("{what}: {error}, where it should be one of {errors:?}")));
        }
        if told.is_empty() && !errors.contains(&ErrorCode::None) {
            return Err(Violation::Answer(format!("{what}: no error, where it should be one of {errors:?}")));
        }
        Ok(())
    }
}

fn all() -> impl Iterator<Item = &'static Question> {
    [questions::QUESTIONS, groups::QUESTIONS, limits::QUESTIONS].into_iter().flatten()
}

/// Whether an error says only that it can't be told now.
fn is_transient(error: ErrorCode) -> bool {
    is_passing(error) || matches!(error, ErrorCode::NotCoordinator | ErrorCode::ReplicaNotAvailable)
}

impl Role for Inquirer {
    fn act(&mut self, talk: &mut Talk<'_>) -> Result<(), Violation> {
        if self.rounds.begins(talk, self.in_flight.is_some()) {
            self.ask(talk);
        }
        Ok(())
    }

    fn answered(&mut self, talk: &mut Talk<'_>, _: u64, answer: Answer) -> Result<(), Violation> {
        match answer {
            Answer::Metadata(response) => self.rounds.cluster.answered(talk, &response),
            _ => self.learned(talk),
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

/// A request in a version.
fn asked<M: Message>(request: &M, version: i16) -> Asked {
    let api = ApiKey::from_number(M::KEY).expect("requests have an API");
    Asked { api, version, body: to_bytes(&request.in_version(version)) }
}

/// A topic that may be there: the first that lasts.
const TOPIC: &str = "topic0";
/// Nothing is called so.
const NOTHING: &str = "nothing";
