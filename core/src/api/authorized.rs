//! What a client may do with a thing, for those who ask. Without an authorizer that is all that can be done with it.

/// Not asked for.
pub const NOT_ASKED: i32 = i32::MIN;

/// All that can be done with a topic: read, write, create, delete, alter, describe, describe and alter configs.
pub const TOPIC: i32 = bits(&[3, 4, 5, 6, 7, 8, 10, 11]);

/// All that can be done with the cluster: create, alter, describe, act as a broker, describe and alter configs, write
/// idempotently.
pub const CLUSTER: i32 = bits(&[5, 7, 8, 9, 10, 11, 12]);

/// All that can be done with a group: read, delete, describe, describe and alter configs.
pub const GROUP: i32 = bits(&[3, 6, 8, 10, 11]);

/// `operations` where they were asked for.
#[must_use]
pub fn if_asked(is_asked: bool, operations: i32) -> i32 {
    if is_asked { operations } else { NOT_ASKED }
}

/// Each operation is a bit, by Kafka's number for it.
const fn bits(operations: &[u32]) -> i32 {
    let mut bits = 0;
    let mut index = 0;
    while index < operations.len() {
        bits |= 1 << operations[index];
        index += 1;
    }
    bits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bits_are_those_that_kafka_sends() {
        assert_eq!((TOPIC, CLUSTER, GROUP), (3_576, 8_096, 3_400));
    }
}
