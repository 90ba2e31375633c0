//! AddOffsetsToTxn: the partition that keeps a group's offsets becomes part of a transaction.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::add_partitions_to_txn::{Joined, join};
use super::transaction_answer::{self, TransactionResponse};
use super::{Caller, topic_name};
use crate::broker::Broker;
use crate::coordinators::partition_of;
use crate::error_code::ErrorCode;
use crate::time::Now;
use crate::transactions::{Partitions, Producer, TransactionVersion};
use crate::types::{ProducerEpoch, ProducerId};
use crate::wire::messages::add_offsets_to_txn::{AddOffsetsToTxnRequest, AddOffsetsToTxnResponse};

/// First version whose clients know PRODUCER_FENCED.
const FENCED_SINCE: i16 = 2;

pub(crate) fn handle(broker: &mut Broker, now: Now, caller: Caller, request: &AddOffsetsToTxnRequest) {
    let producer = Producer { id: ProducerId(request.producer_id), epoch: ProducerEpoch(request.producer_epoch) };
    let of = (&*request.transactional_id, producer);
    let outcome = partition_of_group(broker, &request.group_id)
        .and_then(|partitions| join(broker, now, of, &partitions, TransactionVersion::V0));
    let (error, commits) = match outcome {
        Ok(Joined::Already) => (ErrorCode::None, Vec::new()),
        Ok(Joined::Until(partition, end)) => (ErrorCode::None, Vec::from([(partition, end)])),
        Err(error) => (transaction_answer::fenced(error, caller.version >= FENCED_SINCE), Vec::new()),
    };
    let response = AddOffsetsToTxnResponse { error_code: error.number(), ..Default::default() };
    let timeout_ms = broker.transaction_timeout_ms(&request.transactional_id);
    let response = TransactionResponse::AddOffsetsToTxn(response);
    transaction_answer::answer(broker, now, caller, response, (commits, timeout_ms));
}

/// The partition that a group lives in.
pub(crate) fn partition_of_group(broker: &Broker, group: &str) -> Result<Partitions, ErrorCode> {
    let partitions = broker.groups.coordinators.partition_count().ok_or(ErrorCode::CoordinatorNotAvailable)?;
    let index = partition_of(group, partitions);
    Ok(Partitions::from([(topic_name::CONSUMER_OFFSETS.into(), BTreeSet::from([index]))]))
}
