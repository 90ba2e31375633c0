//! Bytes that belong to a frame.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::num::NonZeroU64;
use core::ops::{Deref, Range};

use bytes::Bytes;

/// Some bytes of a frame, which stays in memory as long as they are in use.
///
/// What [`Bytes`] is for a frame, this is for its parts, of which a message has hundreds: half as large, and to make,
/// clone or drop one is to count up or down. [`Slice::to_bytes`] is for those who want a [`Bytes`].
#[derive(Clone, Default)]
pub struct Slice {
    /// None where there are no bytes.
    frame: Option<Arc<Bytes>>,
    place: Place,
}

/// Where in the frame: the first byte in the lower half, one more than the end in the upper. That is never zero, so an
/// `Option<Slice>` is no larger than a `Slice`; and one number is written and read as a whole, which two halves are not.
#[derive(Clone, Copy)]
struct Place(NonZeroU64);

impl Place {
    const EMPTY: Self = Self::of(0..0);

    #[cfg_attr(not(debug_assertions), inline(always))]
    const fn of(range: Range<u32>) -> Self {
        // One is in the minimum.
        Self(NonZeroU64::MIN.saturating_add(((range.end as u64 + 1) << 32 | range.start as u64) - 1))
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn range(self) -> Range<usize> {
        let place = self.0.get();
        place as u32 as usize..(place >> 32) as usize - 1
    }
}

impl Default for Place {
    fn default() -> Self {
        Self::EMPTY
    }
}

/// Frames are smaller than this: Kafka counts their bytes in 31 bits.
pub(crate) const FRAME_SIZE_BYTES_MAX: usize = u32::MAX as usize - 1;

impl Slice {
    /// No bytes.
    pub const EMPTY: Self = Self { frame: None, place: Place::EMPTY };

    /// The bytes of `frame` in `range`, which is within it; `frame` has at most [`FRAME_SIZE_BYTES_MAX`].
    #[inline]
    pub(super) fn of(frame: &Arc<Bytes>, range: Range<usize>) -> Self {
        debug_assert!(range.start < range.end && range.end <= frame.len() && range.end <= FRAME_SIZE_BYTES_MAX);
        Self { frame: Some(frame.clone()), place: Place::of(range.start as u32..range.end as u32) }
    }

    /// The bytes.
    #[inline]
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        self.frame.as_ref().and_then(|frame| frame.get(self.place.range())).unwrap_or_default()
    }

    /// `N` bytes from the first on: some may be of what follows in the frame. None where it ends before.
    #[inline]
    pub(super) fn and_more<const N: usize>(&self) -> Option<&[u8; N]> {
        self.frame.as_ref()?.get(self.place.range().start..)?.first_chunk()
    }

    /// How many they are.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.place.range().len()
    }

    /// Whether there are none.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The same bytes of the same frame, without a copy.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        self.frame.as_ref().map(|frame| frame.slice(self.place.range())).unwrap_or_default()
    }
}

impl Deref for Slice {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        self.as_slice()
    }
}

impl AsRef<[u8]> for Slice {
    fn as_ref(&self) -> &[u8] {
        self.as_slice()
    }
}

impl PartialEq for Slice {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for Slice {}

impl PartialOrd for Slice {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Slice {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        self.as_slice().cmp(other.as_slice())
    }
}

impl Hash for Slice {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_slice().hash(state);
    }
}

impl fmt::Debug for Slice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_bytes().fmt(f)
    }
}

impl From<Bytes> for Slice {
    /// # Panics
    /// At 4 GiB, which no frame has.
    fn from(bytes: Bytes) -> Self {
        assert!(bytes.len() <= FRAME_SIZE_BYTES_MAX, "{} bytes are more than any frame has", bytes.len());
        if bytes.is_empty() {
            return Self::EMPTY;
        }
        let all = 0..bytes.len();
        Self::of(&Arc::new(bytes), all)
    }
}

impl From<Vec<u8>> for Slice {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::from(bytes).into()
    }
}

impl From<String> for Slice {
    fn from(text: String) -> Self {
        Bytes::from(text).into()
    }
}

impl From<&[u8]> for Slice {
    fn from(bytes: &[u8]) -> Self {
        Bytes::copy_from_slice(bytes).into()
    }
}

#[cfg(test)]
mod tests {
    use super::{Arc, Bytes, Slice};

    #[test]
    fn a_slice_is_half_as_large_as_bytes_and_so_is_one_that_may_be_null() {
        assert_eq!(size_of::<Slice>() * 2, size_of::<Bytes>());
        assert_eq!(size_of::<Option<Slice>>(), size_of::<Slice>());
    }

    #[test]
    fn a_slice_is_the_bytes_of_the_frame_and_no_copy() {
        let frame = Arc::new(Bytes::from_static(b"orders"));
        let slice = Slice::of(&frame, 2..5);
        assert_eq!(&slice[..], b"der");
        assert_eq!(slice.as_ptr(), frame[2..].as_ptr());
        assert_eq!(slice.to_bytes().as_ptr(), frame[2..].as_ptr());
    }

    #[test]
    fn slices_are_equal_when_their_bytes_are() {
        let frame = Arc::new(Bytes::from_static(b"abab"));
        assert_eq!(Slice::of(&frame, 0..2), Slice::of(&frame, 2..4));
        assert!(Slice::of(&frame, 0..2) < Slice::of(&frame, 1..3));
        assert_eq!(Slice::EMPTY, Slice::from(Bytes::new()));
        assert_eq!(Slice::EMPTY.to_bytes(), Bytes::new());
    }
}
