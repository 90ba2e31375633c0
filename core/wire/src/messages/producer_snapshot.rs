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
        /// Of the last batch's last record; -1 where there was none.
        last_sequence: i32,
        /// Of the last batch's last record; -1 where there was none.
        last_offset: i64,
        /// From the last batch's first record to its last.
        offset_delta: i32,
        /// Of the last batch, in ms since 1970.
        timestamp: i64,
        /// Of the last marker; -1 where there was none.
        coordinator_epoch: i32,
        /// -1 where no transaction is open.
        current_txn_first_offset: i64,
    }
}
