//! One message as both codecs have it.

use std::hint::black_box;

use bytes::{Bytes, BytesMut};
use kafka_protocol::protocol::{Decodable, Encodable};
use ottla_core::wire::{Frame, Message, to_frame};

/// A message, as bytes and as each side decoded it from them.
pub struct Pair<Ours, Theirs> {
    version: i16,
    frame: Bytes,
    ours: Ours,
    theirs: Theirs,
}

impl<Ours: Message, Theirs: Decodable + Encodable> Pair<Ours, Theirs> {
    /// `message` in `version`, as both sides have it.
    ///
    /// # Panics
    /// Where the two do not make the same bytes of it.
    pub fn of(message: Ours, version: i16) -> Self {
        let frame = message.to_bytes(version);
        let ours = Ours::from_bytes(frame.clone(), version).expect("what was just encoded");
        let theirs = Theirs::decode(&mut frame.clone(), version).expect("what Kafka would take");
        let pair = Self { version, frame, ours, theirs };
        assert_eq!(pair.encode_ours(), pair.frame, "{} v{version}", Ours::NAME);
        assert_eq!(pair.encode_theirs(), pair.frame, "{} v{version}", Ours::NAME);
        assert_eq!(pair.encode_theirs_sized(), pair.frame, "{} v{version}", Ours::NAME);
        pair
    }

    /// Decodes the frame with our codec, and drops the message.
    pub fn decode_ours(&self) {
        drop(black_box(Ours::from_bytes(black_box(&self.frame).clone(), self.version)));
    }

    /// Decodes the frame with the other codec, and drops the message.
    pub fn decode_theirs(&self) {
        drop(black_box(Theirs::decode(&mut black_box(&self.frame).clone(), self.version)));
    }

    /// Encodes the message with our codec.
    pub fn encode_ours(&self) -> Bytes {
        black_box(&self.ours).to_bytes(self.version)
    }

    /// Encodes the message with our codec as what a socket is given.
    pub fn encode_ours_to_frame(&self) -> Frame {
        to_frame(&black_box(&self.ours).in_version(self.version))
    }

    /// Encodes the message with the other codec, into a buffer that grows.
    pub fn encode_theirs(&self) -> Bytes {
        let mut buffer = BytesMut::new();
        black_box(&self.theirs).encode(&mut buffer, self.version).expect("it was decoded");
        buffer.freeze()
    }

    /// Encodes the message with the other codec, into a buffer of the size that it computes first.
    pub fn encode_theirs_sized(&self) -> Bytes {
        let theirs = black_box(&self.theirs);
        let mut buffer = BytesMut::with_capacity(theirs.compute_size(self.version).expect("it was decoded"));
        theirs.encode(&mut buffer, self.version).expect("it was decoded");
        buffer.freeze()
    }
}
