//! Variable-length integers as records use them: zig-zag, seven bits a byte, the lowest first.

use alloc::vec::Vec;

/// Takes an unsigned 32-bit varint off the front of `bytes`; `None` where it does not end or is longer than five bytes.
#[inline(always)]
pub fn get_uvarint(bytes: &mut &[u8]) -> Option<u32> {
    // What the fifth byte has beyond the last four bits is dropped, as Kafka does.
    get::<5>(bytes).map(|value| value as u32)
}

/// Takes a zig-zag 32-bit varint off the front of `bytes`.
#[inline]
pub fn get_varint(bytes: &mut &[u8]) -> Option<i32> {
    let value = get_uvarint(bytes)?;
    Some((value >> 1) as i32 ^ -((value & 1) as i32))
}

/// Takes a zig-zag 64-bit varint off the front of `bytes`; `None` where it does not end or is longer than ten bytes.
#[inline]
pub fn get_varlong(bytes: &mut &[u8]) -> Option<i64> {
    let value = get::<10>(bytes)?;
    Some((value >> 1) as i64 ^ -((value & 1) as i64))
}

/// Takes a varint of `MAX` bytes at most. Those of one and two bytes are nearly all there are.
#[inline(always)]
fn get<const MAX: usize>(bytes: &mut &[u8]) -> Option<u64> {
    let (&first, rest) = bytes.split_first()?;
    if first < 0x80 {
        *bytes = rest;
        return Some(u64::from(first));
    }
    let (&second, rest) = rest.split_first()?;
    let low = u64::from(first & 0x7f) | u64::from(second & 0x7f) << 7;
    if second < 0x80 {
        *bytes = rest;
        return Some(low);
    }
    let (high, size_bytes) = get_rest::<MAX>(rest)?;
    *bytes = &rest[size_bytes..];
    Some(low | high << 14)
}

/// What follows two bytes of a varint, and how many bytes it has.
#[inline(never)]
fn get_rest<const MAX: usize>(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut value = 0;
    for (index, byte) in bytes.iter().take(MAX - 2).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if *byte < 0x80 {
            return Some((value, index + 1));
        }
    }
    None
}

/// Appends an unsigned 32-bit varint.
pub fn put_uvarint(to: &mut Vec<u8>, mut value: u32) {
    while value >= 0x80 {
        to.push(value as u8 | 0x80);
        value >>= 7;
    }
    to.push(value as u8);
}

/// Appends a zig-zag 32-bit varint.
pub fn put_varint(to: &mut Vec<u8>, value: i32) {
    put_uvarint(to, (value << 1 ^ value >> 31) as u32);
}

/// Appends a zig-zag 64-bit varint.
pub fn put_varlong(to: &mut Vec<u8>, value: i64) {
    let mut value = (value << 1 ^ value >> 63) as u64;
    while value >= 0x80 {
        to.push(value as u8 | 0x80);
        value >>= 7;
    }
    to.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_is_got_back() {
        for value in [0, 1, -1, 63, -64, 64, -65, 300, i32::MAX, i32::MIN] {
            let mut bytes = Vec::new();
            put_varint(&mut bytes, value);
            let mut rest = &bytes[..];
            assert_eq!((get_varint(&mut rest), rest), (Some(value), &[][..]));
            let long = i64::from(value) << 32 | 77;
            let mut bytes = Vec::new();
            put_varlong(&mut bytes, long);
            let mut rest = &bytes[..];
            assert_eq!((get_varlong(&mut rest), rest), (Some(long), &[][..]));
        }
        let mut bytes = Vec::new();
        put_varlong(&mut bytes, i64::MIN);
        assert_eq!((bytes.len(), get_varlong(&mut &bytes[..])), (10, Some(i64::MIN)));
    }

    #[test]
    fn a_varint_that_does_not_end_is_refused() {
        assert_eq!(get_uvarint(&mut &[0x80, 0x80][..]), None);
        assert_eq!(get_uvarint(&mut &[0x80; 5][..]), None);
        assert_eq!(get_varlong(&mut &[0xff; 11][..]), None);
        assert_eq!(get_varlong(&mut &[][..]), None);
    }
}
