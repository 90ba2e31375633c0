//! How damage is told: the file and the place, what was expected and found there, and the commands that show and mend it.

use alloc::format;
use alloc::string::{String, ToString as _};
use core::fmt::Display;

use super::PartitionLog;
use super::names::{LOG, file_name};
use crate::types::Offset;

impl PartitionLog {
    /// Where one of the log's files is, as people know it.
    pub(super) fn shown_path(&self, name: &str) -> String {
        let log_dir = self.log_dir.trim_end_matches('/');
        format!("{log_dir}/{}/{name}", self.dir)
    }

    /// What keeps the log from being served, at a byte of the segment `base`. `why` says what makes it more than a write
    /// that was cut short.
    pub(super) fn damage_text(&self, base: Offset, position: u64, fault: &dyn Display, why: &str) -> String {
        let path = self.shown_path(&file_name(base, LOG));
        let dump = quoted(&path);
        format!(
            "{path} at byte {position}: {fault}; {why}. Nothing was changed. To see it: ottla dump {dump} ; to give up \
            what is there and behind it, start with: --override ottla.log.damage=truncate"
        )
    }
}

/// A word for a shell.
fn quoted(word: &str) -> String {
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
