//! Damage, and how it is told: the file and the place, what was expected and found there, and the commands that show and
//! mend it.

use alloc::format;
use alloc::string::{String, ToString as _};
use core::fmt::Display;

use super::PartitionLog;
use super::names::{LOG, file_name};
use crate::types::Offset;

/// Damage that keeps a log from being served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Base offset of the segment that it is in.
    pub segment: Offset,
    /// Where in the segment's file a good batch should begin.
    pub position: u64,
    /// The offset after the last good batch before it.
    pub next_offset: Offset,
    /// What was expected there, and what was found.
    pub fault: String,
    /// What makes it more than a write that was cut short.
    pub why: String,
}

impl PartitionLog {
    /// What keeps this log from being served, where that is damage that was found when it was opened.
    #[must_use]
    pub fn damage(&self) -> Option<&Damage> {
        self.damage.as_ref()
    }

    /// Where one of the log's files is, as people know it.
    pub(super) fn shown_path(&self, name: &str) -> String {
        let log_dir = self.log_dir.trim_end_matches('/');
        format!("{log_dir}/{}/{name}", self.dir)
    }

    /// Keeps in mind what keeps the log from being served, and tells it.
    pub(super) fn damaged(&mut self, damage: Damage) -> String {
        let text = self.damage_text(&damage);
        self.damage = Some(damage);
        text
    }

    pub(super) fn damage_text(&self, damage: &Damage) -> String {
        let Damage { segment, position, fault, why, .. } = damage;
        self.bad_place_text(*segment, *position, fault, why, "")
    }

    /// Damage that a lookup came upon: a start would not look at that place.
    pub(super) fn found_damage_text(&self, segment: Offset, position: u64, fault: &dyn Display) -> String {
        self.bad_place_text(segment, position, fault, "a lookup came upon it", " --all")
    }

    /// What is wrong at a byte of a segment, what makes it more than a write that was cut short, and the commands that show
    /// and mend it.
    fn bad_place_text(
        &self,
        segment: Offset,
        position: u64,
        fault: &dyn Display,
        why: &str,
        repair_flags: &str,
    ) -> String {
        let path = self.shown_path(&file_name(segment, LOG));
        let (dump, log_dir) = (quoted(&path), quoted(&self.log_dir));
        format!(
            "{path} at byte {position}: {fault}; {why}. Nothing was changed. To see it: ottla dump {dump} ; to see what can \
            be done, with the broker stopped: ottla repair{repair_flags} --log-dir {log_dir}"
        )
    }
}

/// A word for a shell.
pub(crate) fn quoted(word: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-+=:@%,".contains(letter);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_string();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_can_be_pasted_whatever_is_in_it() {
        assert_eq!(quoted("/var/lib/kafka-1/orders-3/0.log"), "/var/lib/kafka-1/orders-3/0.log");
        assert_eq!(quoted("/my data"), "'/my data'");
        assert_eq!(quoted("/it's $HOME"), r"'/it'\''s $HOME'");
        assert_eq!(quoted(""), "''");
    }
}
