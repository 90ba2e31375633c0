//! A stream of bytes as frames: each with its size in front, or one frame without.
//!
//! Which of the two it is, is seen by value: a size that is exactly the rest's, sizes that lead exactly to the end, or a
//! number that could not be the beginning of a request.

use std::io::{self, Read};

use bytes::Bytes;
use ottla_core::wire::MessageKind;
use ottla_core::wire::messages::REGISTRY;

use crate::frame::{Frame, Missing, Origin, SIZE_PREFIX_BYTES};

/// Splits a stream into frames.
pub struct Frames<R> {
    source: R,
    /// Known after the first look.
    has_prefix: Option<bool>,
    is_answers: bool,
    /// Read, and not told yet.
    ahead: Vec<u8>,
    /// Where `ahead` begins in the stream.
    at: u64,
    is_done: bool,
}

/// What is next in a stream.
pub enum Found {
    /// A frame, whole or cut.
    Frame(Frame),
    /// Bytes that are the size of no frame; nothing can be told of what follows.
    NoFrame { at: u64, text: String },
}

/// Looked at to see whether there are sizes.
const LOOK_MAX_BYTES: usize = 1 << 20;
/// Larger than what any broker takes or sends. Memory grows with bytes read, never on the word of a size.
pub const FRAME_MAX_BYTES: usize = 1 << 30;

impl<R: Read> Frames<R> {
    /// `has_prefix` where that is known; `is_answers` where all frames are.
    pub fn new(source: R, has_prefix: Option<bool>, is_answers: bool) -> Self {
        Self { source, has_prefix, is_answers, ahead: Vec::new(), at: 0, is_done: false }
    }

    /// The next frame; none at the end.
    pub fn next_frame(&mut self) -> io::Result<Option<Found>> {
        if self.has_prefix.is_none() {
            self.read_ahead(LOOK_MAX_BYTES)?;
            let is_whole = self.ahead.len() < LOOK_MAX_BYTES;
            self.has_prefix = Some(looks_prefixed(&self.ahead, is_whole, self.is_answers));
        }
        let at_least = if self.has_prefix == Some(true) { SIZE_PREFIX_BYTES } else { FRAME_MAX_BYTES };
        self.read_ahead(at_least)?;
        if self.is_done || self.ahead.is_empty() {
            return Ok(None);
        }
        if self.has_prefix == Some(false) {
            self.is_done = true;
            return Ok(Some(Found::Frame(self.frame(self.ahead.len(), false, None))));
        }
        self.prefixed().map(Some)
    }

    fn prefixed(&mut self) -> io::Result<Found> {
        let Some(size_bytes) = prefix(&self.ahead) else {
            self.is_done = true;
            let missing = Missing { size_bytes: (SIZE_PREFIX_BYTES - self.ahead.len()) as u64, why: "the input ends" };
            return Ok(Found::Frame(self.frame(self.ahead.len(), true, Some(missing))));
        };
        let Some(size_bytes) = usize::try_from(size_bytes).ok().filter(|size| (4..=FRAME_MAX_BYTES).contains(size))
        else {
            self.is_done = true;
            return Ok(Found::NoFrame {
                at: self.at,
                text: format!("expected the size of a frame, found {size_bytes}"),
            });
        };
        let whole = SIZE_PREFIX_BYTES + size_bytes;
        self.read_ahead(whole)?;
        let have = self.ahead.len().min(whole);
        let missing = (have < whole).then(|| Missing { size_bytes: (whole - have) as u64, why: "the input ends" });
        Ok(Found::Frame(self.frame(have, true, missing)))
    }

    fn frame(&mut self, size_bytes: usize, has_size_prefix: bool, missing: Option<Missing>) -> Frame {
        let rest = self.ahead.split_off(size_bytes);
        let bytes = Bytes::from(std::mem::replace(&mut self.ahead, rest));
        let at = self.at;
        self.at += size_bytes as u64;
        Frame { bytes, has_size_prefix, direction: None, origin: Origin { at: Some(at), ..Origin::default() }, missing }
    }

    /// Until there are so many bytes ahead, or the stream ends.
    fn read_ahead(&mut self, size_bytes: usize) -> io::Result<()> {
        if let Some(missing) = size_bytes.checked_sub(self.ahead.len()) {
            self.source.by_ref().take(missing as u64).read_to_end(&mut self.ahead)?;
        }
        Ok(())
    }
}

fn prefix(bytes: &[u8]) -> Option<i32> {
    bytes.first_chunk().map(|size| i32::from_be_bytes(*size))
}

/// Whether the first four bytes are the size of exactly the rest.
pub fn is_exact_prefix(bytes: &[u8]) -> bool {
    let rest = bytes.len().checked_sub(SIZE_PREFIX_BYTES);
    prefix(bytes).is_some_and(|size| usize::try_from(size).ok() == rest)
}

/// Whether a stream that begins so has sizes in front of its frames.
fn looks_prefixed(head: &[u8], is_whole: bool, is_answers: bool) -> bool {
    if is_whole && (is_exact_prefix(head) || sizes_lead_to_the_end(head)) {
        return true;
    }
    let Some(size) = prefix(head) else { return false };
    let is_size = usize::try_from(size).is_ok_and(|size| (4..=FRAME_MAX_BYTES).contains(&size));
    if is_answers {
        // An answer begins with any number at all. Where there is more than a look, it is a stream.
        return is_size && !is_whole;
    }
    is_size && (looks_like_request(&head[SIZE_PREFIX_BYTES..]) || !looks_like_request(head))
}

fn sizes_lead_to_the_end(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    while let Some(size) = prefix(rest) {
        let next =
            usize::try_from(size).ok().filter(|size| *size >= 4).and_then(|size| rest.get(SIZE_PREFIX_BYTES + size..));
        let Some(next) = next else { return false };
        rest = next;
    }
    rest.is_empty() && !bytes.is_empty()
}

/// Whether bytes may be a request: a key and version that exist, and a client id that ends in time and is text.
pub fn looks_like_request(bytes: &[u8]) -> bool {
    let Some([k0, k1, v0, v1, _, _, _, _, l0, l1]) = bytes.first_chunk::<10>() else { return false };
    let (key, version) = (i16::from_be_bytes([*k0, *k1]), i16::from_be_bytes([*v0, *v1]));
    let message = REGISTRY.iter().find(|message| message.kind == MessageKind::Request && message.key == key);
    // A client may be somewhat newer than we.
    let is_known = message.is_some_and(|message| (0..=message.versions.end() + 3).contains(&version));
    let is_client_id = match usize::try_from(i16::from_be_bytes([*l0, *l1])) {
        Ok(length) => bytes[10..].get(..length).is_some_and(|id| str::from_utf8(id).is_ok()),
        Err(_) => [*l0, *l1] == [0xff, 0xff],
    };
    is_known && is_client_id
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ApiVersions v4 of client "kcat".
    const REQUEST: &[u8] = b"\0\x12\0\x04\0\0\0\x07\0\x04kcat\0\x05kcat\x041.0\0";

    fn prefixed(frame: &[u8]) -> Vec<u8> {
        [&u32::try_from(frame.len()).expect("small").to_be_bytes()[..], frame].concat()
    }

    fn split(bytes: &[u8], is_answers: bool) -> Vec<(usize, bool, u64)> {
        let mut frames = Frames::new(bytes, None, is_answers);
        let mut found = Vec::new();
        while let Some(next) = frames.next_frame().expect("memory") {
            match next {
                Found::Frame(frame) => {
                    let missing = frame.missing.map_or(0, |missing| missing.size_bytes);
                    found.push((frame.bytes.len(), frame.has_size_prefix, missing));
                }
                Found::NoFrame { .. } => found.push((0, true, 0)),
            }
        }
        found
    }

    #[test]
    fn a_size_in_front_is_seen() {
        assert_eq!(split(REQUEST, false), [(REQUEST.len(), false, 0)]);
        let one = prefixed(REQUEST);
        assert_eq!(split(&one, false), [(one.len(), true, 0)]);
        let many = one.repeat(5);
        assert_eq!(split(&many, false).len(), 5);
    }

    #[test]
    fn a_stream_that_is_cut_is_still_a_stream() {
        let one = prefixed(REQUEST);
        let cut = &one[..one.len() - 3];
        assert_eq!(split(cut, false), [(cut.len(), true, 3)]);
        let more = [&one[..], cut].concat();
        assert_eq!(split(&more, false), [(one.len(), true, 0), (cut.len(), true, 3)]);
        let size = [&one[..], &one[..2]].concat();
        assert_eq!(split(&size, false), [(one.len(), true, 0), (2, true, 2)]);
    }

    #[test]
    fn a_request_that_is_cut_has_no_size() {
        let cut = &REQUEST[..REQUEST.len() - 3];
        assert_eq!(split(cut, false), [(cut.len(), false, 0)]);
        // Produce v11: its key and version would be a size of 11.
        let produce = b"\0\0\0\x0b\0\0\0\x07\0\x04kcat\0\xff\xff\xff\xff\0\0\x05\xdc\x01\0";
        assert_eq!(split(produce, false), [(produce.len(), false, 0)]);
    }

    #[test]
    fn answers_have_a_size_where_it_fits() {
        let answer = b"\0\0\0\x07\0\x23\0\0\0\0\0\0\0\0";
        assert_eq!(split(answer, true), [(answer.len(), false, 0)]);
        assert_eq!(split(&prefixed(answer).repeat(2), true).len(), 2);
    }

    #[test]
    fn what_is_no_size_ends_a_stream() {
        let bytes = [&prefixed(REQUEST)[..], &[0xff; 20]].concat();
        let mut frames = Frames::new(&bytes[..], Some(true), false);
        assert!(matches!(frames.next_frame(), Ok(Some(Found::Frame(_)))));
        let at = prefixed(REQUEST).len() as u64;
        assert!(matches!(frames.next_frame(), Ok(Some(Found::NoFrame { at: found, .. })) if found == at));
        assert!(matches!(frames.next_frame(), Ok(None)));
    }
}
