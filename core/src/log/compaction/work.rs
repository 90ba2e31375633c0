//! What takes time in a compaction: batches are decompressed, parsed, held against the keys and compressed again. One batch
//! may take a tenth of a second, so it is not done in the broker's turns. The broker hands out a piece of [`Work`], somebody
//! does it, and meanwhile the log serves.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec;
use alloc::vec::Vec;

use super::filter::Kept;
use super::stream::{BatchStream, StreamStep};
use super::{Sift, Step, Surveying};
use crate::boundary::FileId;
use crate::records::{Batch, BatchHeader};
use crate::types::Offset;

/// A part of a compaction that takes processor time and nothing else: what was read is looked through. See
/// [`Output::Work`](crate::boundary::Output::Work).
#[derive(Debug)]
pub struct Work(Kind);

/// Work that was done.
#[derive(Debug)]
pub struct Worked {
    kind: Kind,
    verdict: Verdict,
}

#[derive(Debug)]
enum Kind {
    Survey(Box<Surveying>),
    Sift(Box<Sift>, BatchStream),
}

/// How a piece of work ended, or why the run can't go on.
pub(super) type Verdict = Result<Ended, String>;

/// Where a piece of work ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// What was read is used up.
    NeedsMore,
    /// There is no room for more keys.
    IsFull,
}

/// What a run remembers of work that is not done yet.
#[derive(Debug)]
pub(super) struct Away {
    /// Files that are open for it.
    pub(super) files: Vec<FileId>,
    /// The segment that is being written, and those that it will replace; nothing yet while keys are gathered.
    pub(super) output: Option<(Offset, Vec<Offset>)>,
}

impl Work {
    pub(super) fn survey(surveying: Box<Surveying>) -> Self {
        Self(Kind::Survey(surveying))
    }

    pub(super) fn sift(sift: Box<Sift>, stream: BatchStream) -> Self {
        Self(Kind::Sift(sift, stream))
    }

    /// What is to be remembered of it.
    pub(super) fn away(&self) -> Away {
        match &self.0 {
            Kind::Survey(surveying) => Away { files: vec![surveying.stream.file()], output: None },
            Kind::Sift(sift, stream) => Away {
                files: vec![stream.file(), sift.output.file],
                output: Some((sift.output.base, sift.group.clone())),
            },
        }
    }

    /// Does it. It depends on nothing but itself, so it may be done anywhere and at any time.
    #[must_use]
    pub fn run(self) -> Worked {
        match self.0 {
            Kind::Survey(mut surveying) => {
                let verdict = surveying.look_through();
                Worked { kind: Kind::Survey(surveying), verdict }
            }
            Kind::Sift(mut sift, mut stream) => {
                let verdict = sift.look_through(&mut stream);
                Worked { kind: Kind::Sift(sift, stream), verdict }
            }
        }
    }
}

impl Worked {
    /// The step that goes on where the work was handed out, and how it ended.
    pub(super) fn into_step(self) -> (Step, Verdict) {
        let step = match self.kind {
            Kind::Survey(surveying) => Step::Survey(surveying),
            Kind::Sift(mut sift, stream) => {
                sift.stream = Some(stream);
                Step::Sift(sift)
            }
        };
        (step, self.verdict)
    }
}

impl Surveying {
    fn look_through(&mut self) -> Verdict {
        loop {
            let Some((position, batch)) = next_batch(&mut self.stream)? else { return Ok(Ended::NeedsMore) };
            let seen = Batch::parse(&batch).map_err(|fault| fault.to_string());
            let seen = seen.and_then(|batch| self.survey.see(&batch).map_err(|error| error.to_string()));
            if !seen.map_err(|why| unreadable(position, &why))? {
                return Ok(Ended::IsFull);
            }
        }
    }
}

impl Sift {
    fn look_through(&mut self, stream: &mut BatchStream) -> Verdict {
        while let Some((position, batch)) = next_batch(stream)? {
            self.take(&batch).map_err(|why| unreadable(position, &why))?;
        }
        Ok(Ended::NeedsMore)
    }

    fn take(&mut self, bytes: &bytes::Bytes) -> Result<(), String> {
        let batch = Batch::parse(bytes).map_err(|fault| fault.to_string())?;
        self.last = Some(*batch.header());
        let kept = match self.filter.sift(&batch).map_err(|error| error.to_string())? {
            Kept::Whole => bytes.clone(),
            Kept::Rewritten(rewritten) => rewritten,
            Kept::Nothing => return Ok(()),
        };
        let header = BatchHeader::parse(&kept).map_err(|fault| fault.to_string())?;
        self.output.push(&header, kept, self.index_interval_bytes);
        self.output.push_aborted(self.filter.take_aborted());
        Ok(())
    }
}

/// The next batch of what was read, if there is one more.
fn next_batch(stream: &mut BatchStream) -> Result<Option<(u64, bytes::Bytes)>, String> {
    match stream.step() {
        StreamStep::Batch { position, batch } => Ok(Some((position, batch))),
        StreamStep::Read { .. } | StreamStep::End => Ok(None),
        StreamStep::Bad { position, fault } => {
            Err(format!("there is no good batch at byte {position} of a segment: {fault}"))
        }
    }
}

fn unreadable(position: u64, why: &str) -> String {
    format!("a batch at byte {position} of a segment can't be read: {why}")
}
