//! What must hold for any message, whatever is in it.

use arbitrary::Unstructured;
use bytes::Bytes;
use ottla_core::wire::messages::REGISTRY;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// `random` itself checks that the bytes decode to the message and that its size was counted right.
    #[test]
    fn a_message_is_the_same_after_its_way_through_bytes(entropy in prop::collection::vec(any::<u8>(), 0..4000)) {
        for message in REGISTRY {
            for version in message.versions.clone() {
                let bytes = message.random(&mut Unstructured::new(&entropy), version).expect("zeros when it runs dry");
                prop_assert_eq!(message.roundtrip(bytes.clone(), version), Ok(bytes));
            }
        }
    }

    #[test]
    fn a_watched_decode_ends_as_an_unwatched_one(entropy in prop::collection::vec(any::<u8>(), 0..400), flip: u16) {
        for message in REGISTRY {
            let version = *message.versions.end();
            let bytes = message.random(&mut Unstructured::new(&entropy), version).expect("zeros when it runs dry");
            let mut bytes = bytes.to_vec();
            if !bytes.is_empty() {
                let at = usize::from(flip) % bytes.len();
                bytes[at] ^= (flip >> 8) as u8;
            }
            let plain = message.roundtrip(bytes.clone().into(), version).map(drop);
            let bytes = Bytes::from(bytes);
            prop_assert_eq!(message.json(bytes.clone(), version).map(drop), plain.clone());
            prop_assert_eq!(message.annotate(bytes, version).result, plain);
        }
    }
}
