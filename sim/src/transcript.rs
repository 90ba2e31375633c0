//! The hash of everything that went into the broker and came out of it, in order: two runs of a seed that differ
//! anywhere have different hashes. With a verbose run, also the lines that say so.

use std::fmt;

use ottla_core::boundary::{Chunk, FileRange, Frame, Input, Outcome, Output, Path, StorageCommand, StorageResult};
use ottla_core::time::Now;
use xxhash_rust::xxh3::Xxh3;

use crate::agenda::Time;

/// A transcript's hash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TranscriptHash(pub u128);

impl fmt::Display for TranscriptHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// Whether a run tells every step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Voice {
    /// It doesn't.
    Silent,
    /// It prints a line for each.
    Verbose,
}

/// What passed the boundary.
pub struct Transcript {
    hasher: Xxh3,
    voice: Voice,
}

impl fmt::Debug for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Transcript({})", self.hash())
    }
}

impl Transcript {
    /// Nothing so far.
    #[must_use]
    pub fn new(voice: Voice) -> Self {
        Self { hasher: Xxh3::new(), voice }
    }

    /// Of everything so far.
    #[must_use]
    pub fn hash(&self) -> TranscriptHash {
        TranscriptHash(self.hasher.digest128())
    }

    /// Something went in.
    pub fn input(&mut self, at: Time, now: Now, input: &Input) {
        self.number(now.monotonic.0);
        self.number(now.wall.0 as u64);
        match input {
            Input::Opened { conn, peer, listener } => {
                self.tag(1, conn.0);
                self.text(&peer.to_string());
                self.number(u64::from(*listener));
            }
            Input::Frame { conn, body } => {
                self.tag(2, conn.0);
                self.bytes(body);
            }
            Input::Sent { conn, size_bytes } => {
                self.tag(3, conn.0);
                self.number(*size_bytes);
            }
            Input::Closed { conn } => self.tag(4, conn.0),
            Input::Stored { op, result } => {
                self.tag(5, op.0);
                self.result(result);
            }
            Input::Worked { op, .. } => self.tag(8, op.0),
            Input::Tick => self.tag(6, 0),
            Input::Shutdown => self.tag(7, 0),
            // The boundary may grow; an input that is new here is still told apart.
            #[allow(unreachable_patterns)]
            other => self.text(&format!("{other:?}")),
        }
        if self.voice == Voice::Verbose {
            println!("{at} > {}", Brief(&format!("{input:?}")));
        }
    }

    /// Something came out.
    pub fn output(&mut self, at: Time, output: &Output) {
        match output {
            Output::Send { conn, frame } => {
                self.tag(11, conn.0);
                self.frame(frame);
            }
            Output::Gate { conn, open } => self.tag(12 + u8::from(*open), conn.0),
            Output::Close { conn, reason } => {
                self.tag(14, conn.0);
                self.text(&reason.to_string());
            }
            Output::Store { op, command } => {
                self.tag(15, op.0);
                self.command(command);
            }
            Output::Work { op, .. } => self.tag(16, op.0),
            Output::Report(report) => self.text(&report.text),
            Output::Halt { reason } => self.text(&reason.to_string()),
        }
        if self.voice == Voice::Verbose {
            println!("{at} < {}", Brief(&format!("{output:?}")));
        }
    }

    /// Something else that a reader of a verbose run wants to know.
    pub fn remark(&mut self, at: Time, text: fmt::Arguments<'_>) {
        if self.voice == Voice::Verbose {
            println!("{at} - {text}");
        }
    }

    fn frame(&mut self, frame: &Frame) {
        for chunk in &frame.chunks {
            match chunk {
                Chunk::Bytes(bytes) => self.bytes(bytes),
                Chunk::File(FileRange { file, at, size_bytes }) => {
                    self.tag(1, file.0);
                    self.number(*at);
                    self.number(u64::from(*size_bytes));
                }
            }
        }
    }

    fn result(&mut self, result: &StorageResult) {
        match result {
            StorageResult::Done(Outcome::Nothing) => self.tag(1, 0),
            StorageResult::Done(Outcome::Opened { size_bytes }) => self.tag(2, *size_bytes),
            StorageResult::Done(Outcome::Data(bytes)) => self.bytes(bytes),
            other => self.text(&format!("{other:?}")),
        }
    }

    fn command(&mut self, command: &StorageCommand) {
        match command {
            StorageCommand::Open { file, path, mode } => {
                self.tag(1 + *mode as u8, file.0);
                self.path(path);
            }
            StorageCommand::Read { file, at, size_bytes } => {
                self.tag(5, file.0);
                self.number(*at);
                self.number(u64::from(*size_bytes));
            }
            StorageCommand::Append { file, at, data } => {
                self.tag(6, file.0);
                self.number(*at);
                data.iter().for_each(|bytes| self.bytes(bytes));
            }
            StorageCommand::Sync { file } => self.tag(7, file.0),
            StorageCommand::Truncate { file, size_bytes } => {
                self.tag(8, file.0);
                self.number(*size_bytes);
            }
            StorageCommand::Close { file } => self.tag(9, file.0),
            other => self.text(&format!("{other:?}")),
        }
    }

    fn tag(&mut self, tag: u8, number: u64) {
        self.hasher.update(&[tag]);
        self.number(number);
    }

    fn number(&mut self, number: u64) {
        self.hasher.update(&number.to_le_bytes());
    }

    fn path(&mut self, path: &Path) {
        self.number(u64::from(path.log_dir));
        self.text(&path.relative);
    }

    fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.hasher.update(bytes);
    }
}

/// A line that stays a line.
struct Brief<'a>(&'a str);

impl fmt::Display for Brief<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LONGEST: usize = 400;
        match self.0.char_indices().nth(LONGEST) {
            Some((at, _)) => write!(f, "{}… ({} bytes)", &self.0[..at], self.0.len()),
            None => f.write_str(self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use ottla_core::boundary::{ConnId, OpId};
    use ottla_core::time::{Monotonic, WallClock};

    use super::*;

    const NOW: Now = Now { monotonic: Monotonic(1), wall: WallClock(2) };

    fn hash(inputs: &[Input]) -> TranscriptHash {
        let mut transcript = Transcript::new(Voice::Silent);
        inputs.iter().for_each(|input| transcript.input(Time(0), NOW, input));
        transcript.hash()
    }

    #[test]
    fn transcripts_that_differ_anywhere_have_different_hashes() {
        let frame = |conn, body: &'static [u8]| Input::Frame { conn: ConnId(conn), body: Bytes::from_static(body) };
        let stored =
            |size_bytes| Input::Stored { op: OpId(1), result: StorageResult::Done(Outcome::Opened { size_bytes }) };
        let hashes = [
            hash(&[]),
            hash(&[Input::Tick]),
            hash(&[Input::Tick, Input::Tick]),
            hash(&[frame(1, b"ab"), frame(1, b"c")]),
            hash(&[frame(1, b"a"), frame(1, b"bc")]),
            hash(&[frame(2, b"a"), frame(1, b"bc")]),
            hash(&[stored(1)]),
            hash(&[stored(2)]),
        ];
        for (index, hash) in hashes.iter().enumerate() {
            assert!(!hashes[..index].contains(hash), "{index}");
        }
        assert_eq!(hash(&[frame(1, b"ab"), stored(1)]), hash(&[frame(1, b"ab"), stored(1)]));
    }
}
