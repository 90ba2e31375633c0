//! Records of `__transaction_state`, in the versions in which Kafka 4.3 writes them.

use alloc::collections::BTreeSet;
use alloc::sync::Arc;

use bytes::Bytes;

use super::transaction::{NO_EPOCH, Producer, Transaction, TransactionState, TransactionVersion};
use crate::records::{BatchBuilder, BuilderRecord};
use crate::time::WallClock;
use crate::types::{ProducerEpoch, ProducerId};
use crate::wire::messages::transaction_records::{PartitionsSchema, TransactionLogKey, TransactionLogValue};
use crate::wire::{CoordinatorRecord, Str};

/// One batch of these records. Kafka never compresses them.
pub(crate) fn batch<'a>(
    records: impl IntoIterator<Item = (&'a str, &'a Transaction)>,
    level: TransactionVersion,
    now: WallClock,
) -> Bytes {
    let version = if level >= TransactionVersion::V1 { 1 } else { 0 };
    let mut builder = BatchBuilder::new();
    for (id, transaction) in records {
        let record = record(id, transaction);
        let (key, value) = (record.encode_key(), record.encode_value(version));
        builder.push(BuilderRecord { timestamp: now.0, key: Some(&key), value: value.as_deref(), headers: &[] });
    }
    builder.build()
}

/// What is kept of a transactional id; one that is dead is removed.
pub(super) fn record(id: &str, transaction: &Transaction) -> CoordinatorRecord {
    let key = TransactionLogKey { transactional_id: Str::from(id), ..Default::default() };
    let is_there = transaction.state != TransactionState::Dead;
    CoordinatorRecord::Transaction(key, is_there.then(|| value(transaction)))
}

fn value(transaction: &Transaction) -> TransactionLogValue {
    let partitions = transaction.partitions.iter().map(|(topic, indexes)| PartitionsSchema {
        topic: Str::from(&**topic),
        partition_ids: indexes.iter().copied().collect(),
        ..Default::default()
    });
    let is_empty = transaction.state == TransactionState::Empty;
    TransactionLogValue {
        producer_id: transaction.producer.id.0,
        previous_producer_id: transaction.previous_producer_id.0,
        next_producer_id: transaction.next_producer_id.0,
        producer_epoch: transaction.producer.epoch.0,
        client_transaction_version: transaction.version as i16,
        transaction_timeout_ms: transaction.timeout_ms,
        transaction_status: transaction.state.number(),
        transaction_partitions: (!is_empty).then(|| partitions.collect()),
        transaction_last_update_timestamp_ms: transaction.updated_ms,
        transaction_start_timestamp_ms: transaction.start_ms,
        ..Default::default()
    }
}

/// What a record says. `None` where it is in a state that no Kafka writes.
pub(super) fn from_record(value: &TransactionLogValue) -> Option<Transaction> {
    let partitions = value.transaction_partitions.iter().flatten().map(|schema| {
        let indexes = schema.partition_ids.iter().copied().collect::<BTreeSet<_>>();
        (Arc::from(&*schema.topic), indexes)
    });
    Some(Transaction {
        producer: Producer { id: ProducerId(value.producer_id), epoch: ProducerEpoch(value.producer_epoch) },
        previous_producer_id: ProducerId(value.previous_producer_id),
        next_producer_id: ProducerId(value.next_producer_id),
        last_epoch: NO_EPOCH,
        timeout_ms: value.transaction_timeout_ms,
        state: TransactionState::from_number(value.transaction_status)?,
        partitions: partitions.collect(),
        start_ms: value.transaction_start_timestamp_ms,
        updated_ms: value.transaction_last_update_timestamp_ms,
        version: TransactionVersion::from_level(value.client_transaction_version),
    })
}
