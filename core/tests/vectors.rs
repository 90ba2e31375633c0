//! Apache Kafka's own bytes: random instances of every message, serialised by Apache Kafka 4.3.1. Each must decode, and
//! encode to the same bytes again.

mod support;

use support::known_vectors;

#[test]
fn every_vector_survives_the_way_in_and_out() {
    let mut checked = 0;
    for known in known_vectors() {
        let again = known.message.roundtrip(known.vector.bytes.clone(), known.vector.version);
        assert_eq!(again.as_ref(), Ok(&known.vector.bytes), "{}", known.label());
        checked += 1;
    }
    assert!(checked > 1000, "only {checked} vectors");
}
