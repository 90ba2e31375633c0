//! CRC-32C, in hardware where the processor has it.

/// The checksum of batches, producer snapshots and some control files.
#[inline]
#[must_use]
pub fn crc32c(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes)
}

/// The checksum of what gave `crc` so far and then `bytes`.
#[inline]
pub(crate) fn crc32c_append(crc: u32, bytes: &[u8]) -> u32 {
    crc32c::crc32c_append(crc, bytes)
}

/// The checksum of a message whose beginning changed: `old` was the checksum of the whole, `old_head` and `new_head` are
/// those of the beginning, which is followed by `rest_size_bytes` that stay.
///
/// The checksum is linear, so that the unchanged bytes need not be read again.
pub(crate) fn crc32c_with_new_head(old: u32, old_head: u32, new_head: u32, rest_size_bytes: usize) -> u32 {
    crc32c::crc32c_combine(old_head ^ new_head, old, rest_size_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_castagnoli_checksum() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc32c_append(crc32c(b"1234"), b"56789"), 0xe306_9283);
    }

    #[test]
    fn a_changed_head_changes_the_checksum_without_reading_the_rest() {
        let (old, new, rest) = ([b'a'; 40], [b'b'; 40], [b'c'; 1000]);
        let whole = |head: &[u8]| crc32c_append(crc32c(head), &rest);
        assert_eq!(crc32c_with_new_head(whole(&old), crc32c(&old), crc32c(&new), rest.len()), whole(&new));
    }
}
