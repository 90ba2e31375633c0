//! What is remembered of a world: events, each in a lane, and the bytes that some of them are about. The latest of them,
//! where there are too many.

use std::borrow::Cow;
use std::collections::VecDeque;

use bytes::Bytes;

use crate::agenda::Time;
use crate::env::ClientId;

/// So many events are remembered.
const EVENTS_MAX: usize = 300_000;
/// With so many bytes of words.
const WORDS_MAX_BYTES: usize = 24 << 20;
/// So many bytes of frames and files are remembered.
const BLOBS_MAX_BYTES: usize = 256 << 20;

/// Number of an event.
pub type EventId = usize;
/// Number of some bytes.
pub type BlobId = usize;

/// Where an event is shown. Lanes stand in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Lane {
    Stage,
    World,
    Client(ClientId),
    Connection(ClientId),
    Life,
    Requests,
    Gates,
    Work,
    Ticks,
    Reports,
    Reads,
    Appends,
    Syncs,
    Names,
}

/// What an event is, which decides its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Tone {
    Stage,
    Mark,
    Connection,
    Produce,
    Fetch,
    Metadata,
    Group,
    Transaction,
    Admin,
    Other,
    Note,
    Life,
    Gate,
    Work,
    Tick,
    Read,
    Append,
    Sync,
    Name,
}

impl Tone {
    /// By number, as the page's script and style know them.
    pub const NAMES: [&'static str; 19] = [
        "stage",
        "mark",
        "connection",
        "produce",
        "fetch",
        "metadata",
        "group",
        "transaction",
        "admin",
        "other",
        "note",
        "life",
        "gate",
        "work",
        "tick",
        "read",
        "append",
        "sync",
        "name",
    ];
}

/// How long an event takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// No time at all.
    Point,
    /// It goes on.
    Open,
    /// It ended in good order.
    At(Time),
    /// It was cut off.
    Cut(Time),
}

/// Something that happened.
#[derive(Clone, Debug)]
pub struct Event {
    pub lane: Lane,
    pub tone: Tone,
    pub from: Time,
    pub end: End,
    /// A few words.
    pub label: Cow<'static, str>,
    /// All that there is to say.
    pub text: String,
    /// Something failed, or was made to fail.
    pub is_fault: bool,
    /// It is shown across all lanes.
    pub is_mark: bool,
    /// The event during which the broker brought this one about.
    pub cause: Option<EventId>,
    /// Events of one request have the same number.
    pub exchange: Option<usize>,
    /// What it is about.
    pub blobs: [Option<BlobId>; 2],
}

impl Event {
    /// An event without a length.
    pub fn point(lane: Lane, tone: Tone, at: Time, label: impl Into<Cow<'static, str>>) -> Self {
        Self {
            lane,
            tone,
            from: at,
            end: End::Point,
            label: label.into(),
            text: String::new(),
            is_fault: false,
            is_mark: false,
            cause: None,
            exchange: None,
            blobs: [None; 2],
        }
    }

    fn word_bytes(&self) -> usize {
        self.label.len() + self.text.len()
    }

    /// An event that begins.
    pub fn bar(lane: Lane, tone: Tone, from: Time, label: impl Into<Cow<'static, str>>) -> Self {
        Self { end: End::Open, ..Self::point(lane, tone, from, label) }
    }
}

/// What some bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// A request with its size in front.
    Request,
    /// An answer with its size in front, to a request of this API and version.
    Answer(i16, i16),
    /// What is in a file: batches of records as far as there are any, else anything.
    File,
}

/// Some bytes.
#[derive(Clone, Debug)]
pub struct Blob {
    pub content: Content,
    pub bytes: Bytes,
}

/// The latest of many things, numbered from the first on.
#[derive(Debug)]
pub struct Latest<T> {
    first: usize,
    items: VecDeque<T>,
}

impl<T> Default for Latest<T> {
    fn default() -> Self {
        Self { first: 0, items: VecDeque::new() }
    }
}

impl<T> Latest<T> {
    fn push(&mut self, item: T) -> usize {
        self.items.push_back(item);
        self.first + self.items.len() - 1
    }

    fn forget_first(&mut self) -> Option<T> {
        let first = self.items.pop_front()?;
        self.first += 1;
        Some(first)
    }

    /// So many were forgotten.
    pub fn forgotten(&self) -> usize {
        self.first
    }

    /// The one with this number, unless it was forgotten.
    pub fn get(&self, id: usize) -> Option<&T> {
        self.items.get(id.checked_sub(self.first)?)
    }

    fn get_mut(&mut self, id: usize) -> Option<&mut T> {
        self.items.get_mut(id.checked_sub(self.first)?)
    }

    /// All that are remembered, with their numbers.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (usize, &T)> + ExactSizeIterator {
        self.items.iter().enumerate().map(|(index, item)| (self.first + index, item))
    }
}

/// All of it.
#[derive(Debug, Default)]
pub struct Memory {
    /// What clients are called, by number.
    pub clients: Vec<String>,
    /// What happened.
    pub events: Latest<Event>,
    /// What it was about.
    pub blobs: Latest<Blob>,
    /// When the last thing happened.
    pub last: Time,
    blob_bytes: usize,
    word_bytes: usize,
}

impl Memory {
    /// Remembers an event.
    pub fn event(&mut self, event: Event) -> EventId {
        self.last = self.last.max(event.from);
        self.word_bytes += event.word_bytes();
        let id = self.events.push(event);
        while self.events.items.len() > EVENTS_MAX || self.word_bytes > WORDS_MAX_BYTES {
            let Some(first) = self.events.forget_first() else { break };
            self.word_bytes = self.word_bytes.saturating_sub(first.word_bytes());
        }
        id
    }

    /// Remembers bytes.
    pub fn blob(&mut self, content: Content, bytes: Bytes) -> BlobId {
        self.blob_bytes += bytes.len();
        let id = self.blobs.push(Blob { content, bytes });
        while self.blob_bytes > BLOBS_MAX_BYTES {
            let Some(first) = self.blobs.forget_first() else { break };
            self.blob_bytes -= first.bytes.len();
        }
        id
    }

    /// Changes an event that is still remembered.
    pub fn change(&mut self, id: EventId, change: impl FnOnce(&mut Event)) {
        if let Some(event) = self.events.get_mut(id) {
            change(event);
        }
    }

    /// An event ends, unless it has.
    pub fn end(&mut self, id: EventId, end: End) {
        if let End::At(at) | End::Cut(at) = end {
            self.last = self.last.max(at);
        }
        self.change(id, |event| {
            if event.end == End::Open {
                event.end = end;
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_are_remembered_under_the_numbers_that_they_had() {
        let mut memory = Memory::default();
        let text = "x".repeat(WORDS_MAX_BYTES / 4);
        let point = |at| Event { text: text.clone(), ..Event::point(Lane::World, Tone::Note, Time(at), "said") };
        let ids: Vec<EventId> = (0..8).map(|at| memory.event(point(at))).collect();
        assert_eq!(memory.events.forgotten(), 5);
        assert!(memory.events.get(ids[4]).is_none());
        assert_eq!(memory.events.get(ids[5]).map(|event| event.from), Some(Time(5)));
        memory.change(ids[0], |_| panic!("it is forgotten"));
        assert_eq!(memory.events.iter().map(|(id, _)| id).collect::<Vec<_>>(), ids[5..]);
    }

    #[test]
    fn what_was_cut_off_does_not_end_again() {
        let mut memory = Memory::default();
        let id = memory.event(Event::bar(Lane::Work, Tone::Work, Time(1), "work"));
        memory.end(id, End::Cut(Time(2)));
        memory.end(id, End::At(Time(3)));
        assert_eq!(memory.events.get(id).map(|event| event.end), Some(End::Cut(Time(2))));
    }
}
