//! What a partition remembers of its producers, as kept in `.snapshot` files.

use alloc::vec::Vec;

message! {
    /// Behind the version in front of the file. The CRC-32C covers what follows it.
    data ProducerSnapshot, versions 1..=1;
    struct ProducerSnapshot {
        crc: u32,
        producer_entries: Vec<ProducerEntry>,
    }
    struct ProducerEntry {
        producer_id: i64,
        epoch: i16,
        last_sequence: i32,
        last_offset: i64,
        offset_delta: i32,
        timestamp: i64,
        coordinator_epoch: i32,
        current_txn_first_offset: i64,
    }
}
