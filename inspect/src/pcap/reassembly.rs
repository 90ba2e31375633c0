//! One direction of a TCP connection: segments as they come, bytes in their order.
//!
//! Segments may come out of order, twice, overlapping, or never. What never comes is said to be missing when too much
//! waits behind it, or when the capture ends.

use std::collections::BTreeMap;

use bytes::Bytes;

/// Puts segments in order.
#[derive(Debug, Default)]
pub struct Reassembly {
    /// Position and sequence number of the next byte; none before the first segment.
    next: Option<(u64, u32)>,
    /// By position: captured bytes and, behind them, how many were cut off.
    waiting: BTreeMap<u64, (Bytes, u64)>,
    waiting_bytes: usize,
    /// Bytes that came again.
    pub repeated_bytes: u64,
}

/// What comes next in a direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Bytes.
    Bytes(Bytes),
    /// Bytes that are not in the capture.
    Missing {
        /// So many.
        size_bytes: u64,
        /// What happened to them.
        why: &'static str,
    },
}

/// What may wait for a segment that is missing.
const WAITING_MAX_BYTES: usize = 4 << 20;
const WAITING_MAX_SEGMENTS: usize = 4_096;
/// Of the packets that were not seen.
pub const LOST: &str = "their packets are not in the capture";
/// Of packets that were cut.
pub const CUT: &str = "the capture has only the beginning of their packet (snaplen)";

impl Reassembly {
    /// A connection begins: the first byte has the number after this one.
    pub fn begin(&mut self, initial_sequence_number: u32) {
        *self = Self { next: Some((0, initial_sequence_number.wrapping_add(1))), ..Self::default() };
    }

    /// Whether any segment was seen.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.next.is_some()
    }

    /// Takes a segment of `size_bytes`, of which `payload` was captured; gives what is in order now.
    pub fn segment(&mut self, sequence_number: u32, payload: &[u8], size_bytes: usize) -> Vec<Piece> {
        let mut pieces = Vec::new();
        if size_bytes == 0 {
            return pieces;
        }
        let (position, number) = *self.next.get_or_insert((0, sequence_number));
        // Sequence numbers wrap, and are always near the next one.
        let distance = i64::from(sequence_number.wrapping_sub(number).cast_signed());
        let Some(at) = position.checked_add_signed(distance) else {
            self.repeated_bytes += size_bytes as u64;
            return pieces;
        };
        let cut_bytes = (size_bytes - payload.len()) as u64;
        let longer = |(bytes, cut): &(Bytes, u64)| bytes.len() as u64 + cut >= size_bytes as u64;
        if !self.waiting.get(&at).is_some_and(longer) {
            let payload = Bytes::copy_from_slice(payload);
            self.waiting_bytes += payload.len();
            if let Some((replaced, _)) = self.waiting.insert(at, (payload, cut_bytes)) {
                self.waiting_bytes -= replaced.len();
            }
        } else {
            self.repeated_bytes += size_bytes as u64;
        }
        self.release(&mut pieces);
        while self.waiting_bytes > WAITING_MAX_BYTES || self.waiting.len() > WAITING_MAX_SEGMENTS {
            self.give_up_gap(&mut pieces);
        }
        pieces
    }

    /// Nothing comes any more: gives what waited.
    pub fn end(&mut self) -> Vec<Piece> {
        let mut pieces = Vec::new();
        while !self.waiting.is_empty() {
            self.give_up_gap(&mut pieces);
        }
        pieces
    }

    /// Hands over what follows without a gap.
    fn release(&mut self, pieces: &mut Vec<Piece>) {
        while let Some((position, _)) = self.next
            && let Some(entry) = self.waiting.first_entry()
            && *entry.key() <= position
        {
            let (at, (bytes, cut_bytes)) = entry.remove_entry();
            self.waiting_bytes -= bytes.len();
            let end = at + bytes.len() as u64 + cut_bytes;
            let known = position - at;
            self.repeated_bytes += known.min(end - at);
            if end <= position {
                continue;
            }
            self.advance(end - position);
            let skip = usize::try_from(known).unwrap_or(usize::MAX).min(bytes.len());
            let missing = end - position - (bytes.len() - skip) as u64;
            let rest = bytes.slice(skip..);
            if !rest.is_empty() {
                pieces.push(Piece::Bytes(rest));
            }
            if missing > 0 {
                pieces.push(Piece::Missing { size_bytes: missing, why: CUT });
            }
        }
    }

    /// What waits is not waited for any longer.
    fn give_up_gap(&mut self, pieces: &mut Vec<Piece>) {
        if let Some((position, _)) = self.next
            && let Some(at) = self.waiting.keys().next().copied()
            && at > position
        {
            self.advance(at - position);
            pieces.push(Piece::Missing { size_bytes: at - position, why: LOST });
        }
        self.release(pieces);
    }

    fn advance(&mut self, size_bytes: u64) {
        if let Some((position, number)) = &mut self.next {
            *position += size_bytes;
            // Sequence numbers are 32 bits of the position.
            *number = number.wrapping_add(size_bytes as u32);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(segments: &[(u32, &'static [u8], usize)]) -> Vec<Piece> {
        let mut reassembly = Reassembly::default();
        reassembly.begin(u32::MAX - 3);
        let mut pieces = Vec::new();
        for (at, payload, size_bytes) in segments {
            let number = (u32::MAX - 2).wrapping_add(*at);
            pieces.extend(reassembly.segment(number, payload, *size_bytes));
        }
        pieces.extend(reassembly.end());
        pieces
    }

    fn text(pieces: &[Piece]) -> String {
        let one = |piece: &Piece| match piece {
            Piece::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Piece::Missing { size_bytes, .. } => format!("<{size_bytes}>"),
        };
        pieces.iter().map(one).collect()
    }

    #[test]
    fn bytes_come_in_order_whatever_the_order_of_their_segments() {
        assert_eq!(text(&pieces(&[(0, b"abc", 3), (3, b"def", 3)])), "abcdef");
        assert_eq!(text(&pieces(&[(3, b"def", 3), (0, b"abc", 3)])), "abcdef");
        assert_eq!(text(&pieces(&[(6, b"ghi", 3), (3, b"def", 3), (0, b"abc", 3)])), "abcdefghi");
    }

    #[test]
    fn what_comes_twice_counts_once() {
        assert_eq!(text(&pieces(&[(0, b"abc", 3), (0, b"abc", 3), (3, b"def", 3)])), "abcdef");
        assert_eq!(text(&pieces(&[(0, b"abc", 3), (1, b"bcd", 3), (3, b"def", 3)])), "abcdef");
        assert_eq!(text(&pieces(&[(3, b"d", 1), (3, b"def", 3), (0, b"abc", 3)])), "abcdef");
    }

    #[test]
    fn what_never_comes_is_missing() {
        assert_eq!(text(&pieces(&[(0, b"abc", 3), (6, b"ghi", 3)])), "abc<3>ghi");
    }

    #[test]
    fn what_was_cut_is_missing_unless_it_comes_again() {
        assert_eq!(text(&pieces(&[(0, b"ab", 5), (5, b"fg", 2)])), "ab<3>fg");
        assert_eq!(text(&pieces(&[(5, b"f", 3), (5, b"f", 3), (0, b"abcde", 5)])), "abcdef<2>");
    }

    #[test]
    fn not_more_than_some_waits_for_a_gap() {
        let mut reassembly = Reassembly::default();
        reassembly.begin(0);
        let mut missing = 0;
        for index in 0..6_000u32 {
            let pieces = reassembly.segment(2 + index * 2, b"xy", 2);
            missing += pieces.iter().filter(|piece| matches!(piece, Piece::Missing { .. })).count();
        }
        assert_eq!(missing, 1);
    }
}
