//! Names of topics: which are allowed, which are Kafka's own.

use alloc::format;
use alloc::string::String;

use crate::metadata::MetadataImage;

/// The topic of the metadata log, which clients neither see nor create.
pub const CLUSTER_METADATA: &str = "__cluster_metadata";
/// The topic of group state and committed offsets.
pub const CONSUMER_OFFSETS: &str = "__consumer_offsets";
/// The topic of transaction state.
pub const TRANSACTION_STATE: &str = "__transaction_state";
/// The topic of share group state.
pub const SHARE_GROUP_STATE: &str = "__share_group_state";

/// A partition's directory is the name, `-` and a number, and a directory's name has at most 255 characters.
const LENGTH_MAX: usize = 249;

/// Checks a name; a refusal is in Kafka's words.
pub fn validate(name: &str) -> Result<(), String> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let fault = match name {
        "" => "the empty string is not allowed".into(),
        "." | ".." => format!("'{name}' is not allowed"),
        _ if name.len() > LENGTH_MAX => {
            format!("the length of '{name}' is longer than the max allowed length {LENGTH_MAX}")
        }
        _ if !name.bytes().all(is_allowed) => {
            format!("'{name}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'")
        }
        _ => return Ok(()),
    };
    Err(format!("Topic name is invalid: {fault}"))
}

/// Whether only coordinators should write to it.
#[must_use]
pub fn is_internal(name: &str) -> bool {
    [CONSUMER_OFFSETS, TRANSACTION_STATE, SHARE_GROUP_STATE].contains(&name)
}

/// A topic that exists and whose name differs from this one only in `.` and `_`, which names of metrics don't tell apart.
#[must_use]
pub fn collision<'a>(name: &str, image: &'a MetadataImage) -> Option<&'a str> {
    if !name.contains(['.', '_']) {
        return None;
    }
    let unify = |byte: u8| if byte == b'.' { b'_' } else { byte };
    let is_alike = |other: &str| other.bytes().map(unify).eq(name.bytes().map(unify));
    image.topic_ids.keys().map(|other| &**other).find(|other| *other != name && is_alike(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_letters_digits_dots_underscores_and_dashes() {
        for name in ["a", "A.b_c-9", "...", "-", &"x".repeat(249)] {
            assert_eq!(validate(name), Ok(()), "{name}");
        }
    }

    #[test]
    fn names_that_would_leave_the_log_directory_are_refused() {
        for (name, fault) in [
            ("", "Topic name is invalid: the empty string is not allowed"),
            (".", "Topic name is invalid: '.' is not allowed"),
            ("..", "Topic name is invalid: '..' is not allowed"),
            (
                "a/b",
                "Topic name is invalid: 'a/b' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'",
            ),
            (
                "a\0",
                "Topic name is invalid: 'a\0' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'",
            ),
        ] {
            assert_eq!(validate(name), Err(fault.into()));
        }
        assert!(validate(&"x".repeat(250)).unwrap_err().ends_with("is longer than the max allowed length 249"));
    }
}
