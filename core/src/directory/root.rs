//! One of the log directories: what is known of it, and what its checkpoints hold.

use alloc::string::String;
use alloc::vec::Vec;

use super::OffsetsByPartition;
use crate::types::TopicName;
use crate::wire::Uuid;

/// A log directory.
#[derive(Debug)]
pub(super) struct Root {
    /// `directory.id`; zero where the directory could not be read.
    pub id: Uuid,
    /// Why it can't be used.
    pub failure: Option<String>,
    /// Something in it failed, and a probe is under way.
    pub is_suspected: bool,
    /// Whether the last broker left the marker of a clean stop.
    pub was_clean: bool,
    /// A log in it was not closed in good order.
    pub is_spoiled: bool,
    /// Directories in it, as they were at the start, until they are settled.
    pub subdirectories: Vec<String>,
    /// What the checkpoints hold that a start goes by.
    pub written: Checkpoints,
    /// What they will hold when the present jobs are done.
    pub writing: Option<Writing>,
    pub are_checkpoints_written: bool,
    pub are_log_starts_written: bool,
}

#[derive(Debug, Default)]
pub(super) struct Checkpoints {
    pub recovery_points: OffsetsByPartition,
    pub log_starts: OffsetsByPartition,
    pub compacted_to: OffsetsByPartition,
}

#[derive(Debug)]
pub(super) struct Writing {
    /// `None` where only the log starts are written.
    pub recovery_points: Option<OffsetsByPartition>,
    /// The same.
    pub compacted_to: Option<OffsetsByPartition>,
    pub log_starts: OffsetsByPartition,
}

impl Default for Root {
    fn default() -> Self {
        Self {
            id: Uuid::ZERO,
            failure: None,
            is_suspected: false,
            was_clean: false,
            is_spoiled: false,
            subdirectories: Vec::new(),
            written: Checkpoints::default(),
            writing: None,
            are_checkpoints_written: true,
            are_log_starts_written: true,
        }
    }
}

impl Root {
    /// Whether the next start may take all that is in it at its word.
    pub fn is_clean(&self) -> bool {
        self.failure.is_none() && !self.is_spoiled && self.are_checkpoints_written
    }

    /// Whether a checkpoint has, or may have, offsets for a partition.
    pub fn remembers(&self, key: &(TopicName, i32)) -> bool {
        let will_be = |writing: &Writing| {
            let mut others = [&writing.recovery_points, &writing.compacted_to].into_iter().flatten();
            others.any(|it| it.contains_key(key)) || writing.log_starts.contains_key(key)
        };
        self.written.has(key) || self.writing.as_ref().is_some_and(will_be)
    }

    /// The jobs are over. Of a checkpoint that could not be written nobody knows what it holds: the old or the new.
    pub fn all_written(&mut self) {
        let Some(writing) = self.writing.take() else { return };
        let replace = |old: &mut OffsetsByPartition, mut new: OffsetsByPartition, is_sure: bool| {
            if !is_sure {
                new.append(old);
            }
            *old = new;
        };
        if let Some(recovery_points) = writing.recovery_points {
            replace(&mut self.written.recovery_points, recovery_points, self.are_checkpoints_written);
        }
        if let Some(compacted_to) = writing.compacted_to {
            replace(&mut self.written.compacted_to, compacted_to, self.are_checkpoints_written);
        }
        replace(&mut self.written.log_starts, writing.log_starts, self.are_log_starts_written);
    }
}

impl Checkpoints {
    pub fn has(&self, key: &(TopicName, i32)) -> bool {
        [&self.recovery_points, &self.log_starts, &self.compacted_to].iter().any(|it| it.contains_key(key))
    }
}
