//! A world's course for people: what its clients, connections, broker and disk did and when, as one page of HTML that
//! needs nothing else.
//!
//! A [`Recorder`] is handed to a world and remembers what passes; one that is off costs nothing, and neither changes what
//! the world does. Of what it remembers, a [`Timeline`] makes the page. The bytes of frames and of appends are told field
//! by field by `ottla-inspect`, which has it from the messages themselves.
//!
//! What does not belong here: what is right or wrong (`history`), and what bytes mean.

mod bytes;
mod memory;
mod page;
mod recorder;

use std::path::{Path, PathBuf};
use std::{fs, io};

pub use recorder::Recorder;

use crate::plan::Plan;
use crate::transcript::Voice;
use crate::world::Outcome;
use memory::Memory;

/// What happened in a world.
#[derive(Debug)]
pub struct Timeline {
    seed: u64,
    replay_line: String,
    verdict: Option<String>,
    memory: Memory,
}

impl Timeline {
    /// The page, whole.
    #[must_use]
    pub fn to_html(&self) -> String {
        page::html(self)
    }

    /// Writes the page, and the directories above it that are missing.
    ///
    /// # Errors
    /// What the system says.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, self.to_html())
    }
}

/// Runs a world and remembers all of it. `replay_line` is told on the page.
#[must_use]
pub fn run_recorded(plan: Plan, voice: Voice, replay_line: String) -> (Outcome, Timeline) {
    let seed = plan.seed;
    let recorder = Recorder::on();
    let outcome = crate::sweep::run_plan_into(plan, voice, recorder.clone());
    let verdict = outcome.violation.as_ref().map(ToString::to_string);
    let memory = recorder.into_memory();
    (outcome, Timeline { seed, replay_line, verdict, memory })
}

/// The file in `dir` for a seed's timeline.
#[must_use]
pub fn file_of(dir: &Path, seed: u64) -> PathBuf {
    dir.join(format!("seed-{seed}.html"))
}
