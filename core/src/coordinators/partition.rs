//! Which partition of a coordinator's topic a key lives in: a group, a transactional id.

/// The partition of a key, where there are `partitions` of them. Kafka takes what Java makes of the key, without
/// the sign.
///
/// # Panics
/// Without partitions.
#[must_use]
pub(crate) fn partition_of(key: &str, partitions: i32) -> i32 {
    assert!(partitions > 0, "a topic has partitions");
    // Java has no positive counterpart of its smallest number, and Kafka takes 0 for it.
    java_hash(key).checked_abs().unwrap_or(0) % partitions
}

/// What Java makes of a string: a hash over its UTF-16 units.
#[must_use]
pub(crate) fn java_hash(text: &str) -> i32 {
    text.encode_utf16().fold(0i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_lives_where_java_says() {
        let known =
            [("", 0), ("a", 47), ("console-consumer", 40), ("payments", 13), ("my-group", 12), ("gruppe-\u{fc}", 22)];
        for (group, partition) in known {
            assert_eq!(partition_of(group, 50), partition, "{group}");
        }
        // "polygenelubricants" is the word whose hash is the smallest number of all.
        assert_eq!(partition_of("polygenelubricants", 50), 0);
        // Outside of the basic plane a character is two units.
        assert_eq!(partition_of("\u{1f600}", i32::MAX), 0xd83d * 31 + 0xde00);
    }
}
