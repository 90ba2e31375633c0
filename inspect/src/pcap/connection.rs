//! A connection between a client and a broker: both its streams as frames.
//!
//! A stream that is not seen from its beginning, or lost bytes that a frame's size was in, is out of step. A segment that
//! looks like the beginning of a frame brings it back: nearly every frame begins one.

use std::io;
use std::net::SocketAddr;

use bytes::{Bytes, BytesMut};

use super::link::Segment;
use super::reassembly::{CUT, LOST, Piece, Reassembly};
use crate::decode::looks_like_request;
use crate::frame::{Conversation, Direction, Frame, FrameTeller, Missing, Origin, SIZE_PREFIX_BYTES};
use crate::report::{Remark, Report};

/// A connection.
#[derive(Debug)]
pub struct Connection {
    label: String,
    conversation: Conversation,
    requests: Stream,
    answers: Stream,
    last_seen_ms: i64,
}

/// One direction.
#[derive(Debug)]
struct Stream {
    direction: Direction,
    reassembly: Reassembly,
    state: State,
    /// Of the frame that is not whole yet.
    ahead: BytesMut,
    /// Bytes that were passed over while out of step.
    skipped_bytes: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The next byte is a frame's.
    InStep,
    /// The rest of a frame that was told already.
    Passing { left_bytes: u64 },
    /// Nobody knows.
    OutOfStep,
    /// It is not for us.
    Encrypted,
}

/// Larger than any broker takes.
const FRAME_MAX_BYTES: usize = 1 << 30;

impl Connection {
    /// A connection of which nothing was seen.
    #[must_use]
    pub fn new(client: SocketAddr, broker: SocketAddr) -> Self {
        Self {
            label: format!("{client} → {broker}"),
            conversation: Conversation::default(),
            requests: Stream::new(Direction::Request),
            answers: Stream::new(Direction::Response),
            last_seen_ms: 0,
        }
    }

    /// When a packet was seen last.
    #[must_use]
    pub fn last_seen_ms(&self) -> i64 {
        self.last_seen_ms
    }

    /// Takes a segment, and tells the frames that it completes.
    ///
    /// # Errors
    /// Where the report can't be written.
    pub fn segment(
        &mut self,
        direction: Direction,
        segment: &Segment<'_>,
        time_ms: i64,
        teller: &mut FrameTeller,
        report: &mut Report<'_>,
    ) -> io::Result<()> {
        self.last_seen_ms = time_ms;
        if segment.syn {
            self.begin(direction, segment.sequence_number, teller, report)?;
        }
        // Data with a SYN begins one further on, at the first byte.
        let number = segment.sequence_number.wrapping_add(u32::from(segment.syn));
        let mut turn = self.turn(direction, teller, report);
        let reassembly = &mut turn.stream.reassembly;
        let mut pieces = reassembly.segment(number, segment.payload, segment.payload_size_bytes);
        if segment.fin || segment.rst {
            pieces.extend(reassembly.end());
        }
        pieces.into_iter().try_for_each(|piece| turn.piece(piece))
    }

    /// Nothing comes any more.
    ///
    /// # Errors
    /// Where the report can't be written.
    pub fn end(&mut self, teller: &mut FrameTeller, report: &mut Report<'_>) -> io::Result<()> {
        for direction in [Direction::Request, Direction::Response] {
            let mut turn = self.turn(direction, teller, report);
            let pieces = turn.stream.reassembly.end();
            pieces.into_iter().try_for_each(|piece| turn.piece(piece))?;
            turn.end()?;
        }
        Ok(())
    }

    /// A port pair may be used again: what is left of the old connection is told first.
    fn begin(
        &mut self,
        direction: Direction,
        sequence_number: u32,
        teller: &mut FrameTeller,
        report: &mut Report<'_>,
    ) -> io::Result<()> {
        let is_new = match direction {
            Direction::Request => self.requests.reassembly.has_begun(),
            Direction::Response => false,
        };
        if is_new {
            self.end(teller, report)?;
            self.conversation = Conversation::default();
            self.answers = Stream::new(Direction::Response);
        }
        let stream = match direction {
            Direction::Request => &mut self.requests,
            Direction::Response => &mut self.answers,
        };
        *stream = Stream::new(direction);
        stream.reassembly.begin(sequence_number);
        stream.state = State::InStep;
        Ok(())
    }

    fn turn<'a, 'o>(
        &'a mut self,
        direction: Direction,
        teller: &'a mut FrameTeller,
        report: &'a mut Report<'o>,
    ) -> Turn<'a, 'o> {
        let stream = match direction {
            Direction::Request => &mut self.requests,
            Direction::Response => &mut self.answers,
        };
        Turn {
            stream,
            conversation: &mut self.conversation,
            label: &self.label,
            time_ms: self.last_seen_ms,
            teller,
            report,
        }
    }
}

impl Stream {
    fn new(direction: Direction) -> Self {
        Self {
            direction,
            reassembly: Reassembly::default(),
            state: State::OutOfStep,
            ahead: BytesMut::new(),
            skipped_bytes: 0,
        }
    }
}

/// A stream while it is fed.
struct Turn<'a, 'o> {
    stream: &'a mut Stream,
    conversation: &'a mut Conversation,
    label: &'a str,
    time_ms: i64,
    teller: &'a mut FrameTeller,
    report: &'a mut Report<'o>,
}

impl Turn<'_, '_> {
    fn piece(&mut self, piece: Piece) -> io::Result<()> {
        match piece {
            Piece::Bytes(bytes) => self.bytes(bytes),
            Piece::Missing { size_bytes, why } => self.missing(size_bytes, why),
        }
    }

    fn bytes(&mut self, mut bytes: Bytes) -> io::Result<()> {
        match self.stream.state {
            State::Encrypted => return Ok(()),
            State::Passing { left_bytes } => {
                let passed = left_bytes.min(bytes.len() as u64);
                bytes = bytes.slice(usize::try_from(passed).unwrap_or(usize::MAX)..);
                self.pass(passed);
            }
            State::OutOfStep if self.is_beginning(&bytes) => {
                self.say_skipped()?;
                self.stream.state = State::InStep;
            }
            State::OutOfStep => {
                self.stream.skipped_bytes += bytes.len() as u64;
                return Ok(());
            }
            State::InStep => {}
        }
        self.stream.ahead.extend_from_slice(&bytes);
        while self.stream.state == State::InStep && self.next_frame()? {}
        Ok(())
    }

    /// Tells the next frame, if all of it is there.
    fn next_frame(&mut self) -> io::Result<bool> {
        let Some(size) = self.stream.ahead.first_chunk().map(|size| i32::from_be_bytes(*size)) else {
            return Ok(false);
        };
        if self.stream.ahead.starts_with(&[0x16, 0x03]) {
            self.stream.state = State::Encrypted;
            self.stream.ahead.clear();
            if self.stream.direction == Direction::Request {
                let text = format!("{} is encrypted (TLS): it can't be read", self.label);
                self.report.remark(Remark::note(text))?;
            }
            return Ok(false);
        }
        let Some(size_bytes) = usize::try_from(size).ok().filter(|size| (4..=FRAME_MAX_BYTES).contains(size)) else {
            let text = format!("{}: expected the size of a frame, found {size}", self.label);
            self.report.remark(Remark::damage(text))?;
            self.lose_step();
            return Ok(false);
        };
        if self.stream.ahead.len() < SIZE_PREFIX_BYTES + size_bytes {
            return Ok(false);
        }
        let bytes = self.stream.ahead.split_to(SIZE_PREFIX_BYTES + size_bytes).freeze();
        self.tell(bytes, None)?;
        Ok(true)
    }

    fn missing(&mut self, size_bytes: u64, why: &'static str) -> io::Result<()> {
        match self.stream.state {
            State::Encrypted => {}
            State::OutOfStep => self.stream.skipped_bytes += size_bytes,
            State::Passing { left_bytes } if size_bytes <= left_bytes => self.pass(size_bytes),
            State::Passing { .. } => self.lose_step_by(size_bytes, why)?,
            State::InStep => {
                let have = self.stream.ahead.len();
                let size = self.stream.ahead.first_chunk().map(|size| i32::from_be_bytes(*size));
                let whole = size.and_then(|size| usize::try_from(size).ok()).map(|size| SIZE_PREFIX_BYTES + size);
                let Some(whole) = whole else { return self.lose_step_by(size_bytes, why) };
                // The frame's size is known, so that the stream is in step again behind it.
                let left_bytes = (whole - have) as u64;
                let bytes = self.stream.ahead.split().freeze();
                self.tell(bytes, Some(Missing { size_bytes: left_bytes, why }))?;
                self.stream.state = State::Passing { left_bytes };
                if size_bytes > left_bytes {
                    return self.lose_step_by(size_bytes - left_bytes, why);
                }
                self.pass(size_bytes);
            }
        }
        Ok(())
    }

    /// Bytes of a frame that was told went by.
    fn pass(&mut self, passed: u64) {
        if let State::Passing { left_bytes } = self.stream.state {
            let left_bytes = left_bytes - passed;
            self.stream.state = if left_bytes == 0 { State::InStep } else { State::Passing { left_bytes } };
        }
    }

    fn lose_step_by(&mut self, size_bytes: u64, why: &'static str) -> io::Result<()> {
        let side = match self.stream.direction {
            Direction::Request => "requests",
            Direction::Response => "answers",
        };
        let text = format!("{}: {size_bytes} bytes of the {side} are missing: {why}", self.label);
        self.lose_step();
        // A capture that lost packets is not a broker that sent wrong ones, but frames are missing all the same.
        self.report.remark(Remark::damage(text))
    }

    fn lose_step(&mut self) {
        self.stream.skipped_bytes += self.stream.ahead.len() as u64;
        self.stream.ahead.clear();
        self.stream.state = State::OutOfStep;
    }

    /// Whether a segment looks like the beginning of a frame.
    fn is_beginning(&self, bytes: &[u8]) -> bool {
        if bytes.starts_with(&[0x16, 0x03]) {
            return true;
        }
        let Some((size, rest)) = bytes.split_first_chunk() else { return false };
        let is_size =
            usize::try_from(i32::from_be_bytes(*size)).is_ok_and(|size| (8..=FRAME_MAX_BYTES).contains(&size));
        let is_frame = match self.stream.direction {
            Direction::Request => looks_like_request(rest),
            Direction::Response => {
                let id = rest.first_chunk().map(|id| i32::from_be_bytes(*id));
                id.is_some_and(|id| self.conversation.is_awaited(id))
            }
        };
        is_size && is_frame
    }

    fn say_skipped(&mut self) -> io::Result<()> {
        let skipped = std::mem::take(&mut self.stream.skipped_bytes);
        if skipped == 0 {
            return Ok(());
        }
        let text = format!("{}: {skipped} bytes were passed over, up to where a frame begins", self.label);
        self.report.remark(Remark::note(text))
    }

    /// The stream ends, maybe within a frame.
    fn end(&mut self) -> io::Result<()> {
        self.say_skipped()?;
        if self.stream.ahead.is_empty() {
            return Ok(());
        }
        let bytes = self.stream.ahead.split().freeze();
        let size = bytes.first_chunk().map_or(0, |size| usize::try_from(i32::from_be_bytes(*size)).unwrap_or(0));
        let missing = (SIZE_PREFIX_BYTES + size).saturating_sub(bytes.len()) as u64;
        self.tell(bytes, Some(Missing { size_bytes: missing, why: "the stream ends" }))
    }

    fn tell(&mut self, bytes: Bytes, missing: Option<Missing>) -> io::Result<()> {
        debug_assert!(missing.as_ref().is_none_or(|missing| [CUT, LOST, "the stream ends"].contains(&missing.why)));
        let frame = Frame {
            bytes,
            has_size_prefix: true,
            direction: Some(self.stream.direction),
            origin: Origin { connection: Some(self.label.to_owned()), time_ms: Some(self.time_ms), at: None },
            missing,
        };
        self.teller.tell(&frame, self.conversation, self.report)
    }
}
