//! Splits a connection's byte stream into frames: core code that the adapter owns, one per connection.
//!
//! Kafka puts a 4-byte big-endian size before each frame. A large frame is read once, straight into the allocation that
//! it keeps; small ones arrive many to a read in a scratch buffer and are cut out of it. What a peer claims is checked
//! against the limit before anything is allocated, and an allocation follows the bytes that came, not those announced.
//!
//! ```
//! use ottla_core::connection::frame_buffer::FrameBuffer;
//!
//! let mut frames = FrameBuffer::new(1024);
//! // An adapter reads from its socket into the spare capacity of `frames.space()`; bytes in memory are copied in.
//! assert_eq!(frames.fill(b"\0\0\0\x02hi\0\0\0\x05wor"), 13);
//! assert_eq!(frames.next_frame().unwrap().unwrap(), "hi");
//! assert_eq!(frames.next_frame().unwrap(), None);
//! ```

use alloc::vec::Vec;

use bytes::Bytes;
use thiserror::Error;

/// Size of the prefix that tells a frame's size.
const PREFIX_BYTES: usize = 4;
/// The scratch buffer's first size; it doubles where a read fills it, or where a larger one would have held a frame.
const SCRATCH_MIN_BYTES: usize = 8 * 1024;
/// The scratch buffer's last size.
const SCRATCH_MAX_BYTES: usize = 64 * 1024;
/// What a large frame may take before most of it arrived.
const FIRST_ALLOCATION_BYTES: usize = 64 * 1024;
/// A large frame may take this many times the bytes of it that arrived.
const GROWTH: usize = 4;

/// A connection's bytes on their way to become frames.
#[derive(Debug)]
pub struct FrameBuffer {
    max_frame_bytes: usize,
    /// Bytes read in bulk; those before `taken` are frames that were cut out. Empty while `large` is there.
    scratch: Vec<u8>,
    taken: usize,
    scratch_size: usize,
    /// The frame that is being read into its own allocation.
    large: Option<LargeFrame>,
    /// The largest frame that this connection has sent in full: so much it may claim and be believed.
    largest_frame_bytes: usize,
}

#[derive(Debug)]
struct LargeFrame {
    body: Vec<u8>,
    size_bytes: usize,
}

/// A size prefix that can't be obeyed. The stream can't be followed past it, so the connection must be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FrameError {
    /// Zero or negative.
    #[error("frame size must be at least 1, found {size_bytes}")]
    NotPositive {
        /// As found.
        size_bytes: i32,
    },
    /// Beyond the limit.
    #[error("frame size must be at most {max_bytes} (socket.request.max.bytes), found {size_bytes}")]
    TooLarge {
        /// As found.
        size_bytes: usize,
        /// The limit.
        max_bytes: usize,
    },
}

impl FrameBuffer {
    /// A buffer for a new connection that accepts frames up to `max_frame_bytes`, which is `socket.request.max.bytes`.
    #[must_use]
    pub fn new(max_frame_bytes: usize) -> Self {
        Self {
            max_frame_bytes,
            scratch: Vec::new(),
            taken: 0,
            scratch_size: SCRATCH_MIN_BYTES,
            large: None,
            largest_frame_bytes: 0,
        }
    }

    /// Where the next bytes of the stream go: append them, at most as many as the spare capacity, which is never zero.
    /// Ask again for each read, after [`next_frame`](Self::next_frame) has returned `None`.
    pub fn space(&mut self) -> &mut Vec<u8> {
        if self.large.is_none() {
            self.compact_scratch();
        }
        let Some(large) = &mut self.large else { return &mut self.scratch };
        if large.body.len() == large.body.capacity() {
            let allowed = FIRST_ALLOCATION_BYTES.max(self.largest_frame_bytes).max(large.body.len() * GROWTH);
            large.body.reserve_exact(allowed.min(large.size_bytes) - large.body.len());
        }
        &mut large.body
    }

    /// Copies bytes in and says how many there was room for; for those who have the stream in memory.
    pub fn fill(&mut self, bytes: &[u8]) -> usize {
        let space = self.space();
        let size_bytes = bytes.len().min(space.capacity() - space.len());
        space.extend_from_slice(&bytes[..size_bytes]);
        size_bytes
    }

    /// The next whole frame without its prefix; `None` where more bytes are needed.
    ///
    /// # Errors
    /// A size prefix is out of range; asked again, the answer is the same.
    pub fn next_frame(&mut self) -> Result<Option<Bytes>, FrameError> {
        if let Some(large) = self.large.take() {
            return Ok(self.finish_large(large));
        }
        let Some((prefix, rest)) = self.scratch[self.taken..].split_first_chunk::<PREFIX_BYTES>() else {
            return Ok(None);
        };
        let size_bytes = self.check_size(i32::from_be_bytes(*prefix))?;
        if let Some(body) = rest.get(..size_bytes) {
            let frame = Bytes::copy_from_slice(body);
            self.taken += PREFIX_BYTES + size_bytes;
            return Ok(Some(frame));
        }
        if PREFIX_BYTES + size_bytes > self.scratch_size {
            self.begin_large(size_bytes);
        }
        Ok(None)
    }

    /// Whether bytes of an unfinished frame are waiting for the rest.
    #[must_use]
    pub fn has_partial_frame(&self) -> bool {
        self.large.is_some() || self.taken < self.scratch.len()
    }

    fn check_size(&self, prefix: i32) -> Result<usize, FrameError> {
        let size_bytes = match usize::try_from(prefix) {
            Ok(size_bytes) if size_bytes > 0 => size_bytes,
            _ => return Err(FrameError::NotPositive { size_bytes: prefix }),
        };
        if size_bytes > self.max_frame_bytes {
            return Err(FrameError::TooLarge { size_bytes, max_bytes: self.max_frame_bytes });
        }
        Ok(size_bytes)
    }

    /// Moves what arrived of a frame that the scratch buffer can't hold to where the rest of it will be read.
    fn begin_large(&mut self, size_bytes: usize) {
        let arrived = &self.scratch[self.taken + PREFIX_BYTES..];
        let allowed = FIRST_ALLOCATION_BYTES.max(self.largest_frame_bytes);
        let mut body = Vec::with_capacity(size_bytes.min(allowed));
        body.extend_from_slice(arrived);
        self.scratch.clear();
        self.taken = 0;
        self.large = Some(LargeFrame { body, size_bytes });
        if PREFIX_BYTES + size_bytes <= SCRATCH_MAX_BYTES {
            self.grow_scratch();
        }
    }

    fn finish_large(&mut self, mut large: LargeFrame) -> Option<Bytes> {
        if large.body.len() < large.size_bytes {
            self.large = Some(large);
            return None;
        }
        // An allocator may give more than was asked for; what a read put there belongs to the next frame.
        self.scratch.extend_from_slice(&large.body[large.size_bytes..]);
        large.body.truncate(large.size_bytes);
        self.largest_frame_bytes = self.largest_frame_bytes.max(large.size_bytes);
        Some(Bytes::from(large.body))
    }

    /// Moves the bytes that wait for the rest of their frame to the front, and makes room behind them.
    fn compact_scratch(&mut self) {
        if self.scratch.len() >= self.scratch_size {
            self.grow_scratch();
        }
        self.scratch.drain(..self.taken);
        self.taken = 0;
        self.scratch.reserve_exact(self.scratch_size - self.scratch.len());
    }

    fn grow_scratch(&mut self) {
        self.scratch_size = (self.scratch_size * 2).min(SCRATCH_MAX_BYTES);
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use proptest::prelude::*;

    use super::*;

    const LIMIT: usize = 1024 * 1024;

    fn framed(bodies: &[Vec<u8>]) -> Vec<u8> {
        let mut stream = Vec::new();
        for body in bodies {
            stream.extend_from_slice(&i32::try_from(body.len()).unwrap().to_be_bytes());
            stream.extend_from_slice(body);
        }
        stream
    }

    /// Feeds `stream` in pieces of the sizes given, over and over, and collects the frames.
    fn split(stream: &[u8], piece_sizes: &[usize]) -> Result<Vec<Bytes>, FrameError> {
        let mut buffer = FrameBuffer::new(LIMIT);
        let mut frames = Vec::new();
        let mut rest = stream;
        let mut piece_sizes = piece_sizes.iter().cycle();
        while !rest.is_empty() {
            let piece = (*piece_sizes.next().unwrap()).min(rest.len());
            let filled = buffer.fill(&rest[..piece]);
            assert!(filled > 0, "there is always room for more");
            rest = &rest[filled..];
            while let Some(frame) = buffer.next_frame()? {
                frames.push(frame);
            }
        }
        assert!(!buffer.has_partial_frame(), "the stream ended between frames");
        Ok(frames)
    }

    fn body() -> impl Strategy<Value = Vec<u8>> {
        let size =
            prop_oneof![4 => 1..200usize, 2 => 7_000..9_000usize, 2 => 60_000..70_000usize, 1 => 1..400_000usize];
        (size, any::<u8>()).prop_map(|(size, first)| (0..size).map(|i| first.wrapping_add(i as u8)).collect())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn any_chunking_of_a_stream_gives_the_same_frames(
            bodies in prop::collection::vec(body(), 1..12),
            pieces in prop::collection::vec(prop_oneof![1..10usize, 1..5_000usize, 1..300_000usize], 1..20),
        ) {
            let frames = split(&framed(&bodies), &pieces).unwrap();
            prop_assert_eq!(frames, bodies.into_iter().map(Bytes::from).collect::<Vec<_>>());
        }

        #[test]
        fn a_bad_size_is_found_in_any_chunking(
            bodies in prop::collection::vec(body(), 0..4),
            pieces in prop::collection::vec(1..5_000usize, 1..20),
            bad in prop_oneof![i32::MIN..=0, LIMIT as i32 + 1..=i32::MAX],
        ) {
            let mut stream = framed(&bodies);
            stream.extend_from_slice(&bad.to_be_bytes());
            prop_assert!(split(&stream, &pieces).is_err());
        }
    }

    #[test]
    fn a_frame_of_the_largest_allowed_size_passes() {
        let bodies = [vec![7; LIMIT], vec![1]];
        assert_eq!(split(&framed(&bodies), &[100_000]).unwrap(), bodies.map(Bytes::from));
    }

    #[test]
    fn sizes_out_of_range_are_named() {
        let claim = |size: i32| split(&size.to_be_bytes(), &[4]).unwrap_err();
        assert_eq!(claim(0), FrameError::NotPositive { size_bytes: 0 });
        assert_eq!(claim(-2), FrameError::NotPositive { size_bytes: -2 });
        let too_large = FrameError::TooLarge { size_bytes: i32::MAX as usize, max_bytes: LIMIT };
        assert_eq!(claim(i32::MAX), too_large);
        assert!(claim(LIMIT as i32 + 1) != too_large);
    }

    #[test]
    fn frames_before_a_bad_size_are_delivered_and_the_error_stays() {
        let mut buffer = FrameBuffer::new(10);
        buffer.fill(b"\0\0\0\x01a\0\0\0\x0bb");
        assert_eq!(buffer.next_frame(), Ok(Some(Bytes::from_static(b"a"))));
        let error = Err(FrameError::TooLarge { size_bytes: 11, max_bytes: 10 });
        assert_eq!(buffer.next_frame(), error);
        assert_eq!(buffer.next_frame(), error);
    }

    #[test]
    fn memory_follows_the_bytes_that_came_and_not_those_announced() {
        let size_bytes = 100 * 1024 * 1024;
        let mut buffer = FrameBuffer::new(size_bytes);
        let mut received = buffer.fill(&(size_bytes as u32).to_be_bytes()) - PREFIX_BYTES;
        while received < size_bytes {
            assert_eq!(buffer.next_frame(), Ok(None));
            let capacity = buffer.space().capacity();
            assert!(capacity <= FIRST_ALLOCATION_BYTES.max(GROWTH * received), "{capacity} bytes after {received}");
            received += buffer.fill(&[0; 10_000]);
        }
        assert_eq!(buffer.next_frame().unwrap().unwrap().len(), size_bytes);
    }

    #[test]
    fn a_connection_that_sent_large_frames_gets_their_room_at_once() {
        let mut buffer = FrameBuffer::new(LIMIT);
        for reallocations in [true, false] {
            let stream = framed(&[vec![0; LIMIT]]);
            let mut rest = &stream[buffer.fill(&stream[..PREFIX_BYTES])..];
            let mut capacities = Vec::new();
            while buffer.next_frame().unwrap().is_none() {
                capacities.push(buffer.space().capacity());
                rest = &rest[buffer.fill(rest)..];
            }
            assert_eq!(capacities.iter().any(|&capacity| capacity < LIMIT), reallocations);
        }
    }
}
