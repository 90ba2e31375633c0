//! DescribeLogDirs: how much is in each log directory, and how much room is left.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::Caller;
use crate::boundary::{OpId, Outcome, StorageCommand, StorageResult};
use crate::broker::{Broker, METADATA_PARTITION, Work};
use crate::error_code::ErrorCode;
use crate::log::LogState;
use crate::outbox::Owner;
use crate::parking::Waits;
use crate::wire::Str;
use crate::wire::messages::describe_log_dirs::{
    DescribeLogDirsPartition, DescribeLogDirsRequest, DescribeLogDirsResponse, DescribeLogDirsResult,
    DescribeLogDirsTopic,
};

/// A request that waits until the disks have said how large they are.
#[derive(Debug)]
pub(crate) struct ParkedDescribeLogDirs {
    caller: Caller,
    /// `None` is all.
    asked: Option<BTreeSet<(Str, i32)>>,
    /// Commands on their way, and the log directories that they are about.
    measuring: BTreeMap<OpId, u16>,
    /// Total and usable bytes; `None` where the directory can't be used.
    spaces: BTreeMap<u16, Option<(u64, u64)>>,
}

pub(crate) fn handle(broker: &mut Broker, caller: Caller, request: DescribeLogDirsRequest) {
    let asked = request.topics.map(|topics| {
        let partitions = |name: Str, indexes: Vec<i32>| indexes.into_iter().map(move |index| (name.clone(), index));
        topics.into_iter().flat_map(|topic| partitions(topic.topic, topic.partitions)).collect()
    });
    let measure = |log_dir| (broker.outbox.store(Owner::Request, StorageCommand::MeasureSpace { log_dir }), log_dir);
    let measuring = (0..broker.config.partition_dirs).map(measure).collect();
    park(broker, ParkedDescribeLogDirs { caller, asked, measuring, spaces: BTreeMap::new() });
}

/// A disk has said how large it is, or could not be asked.
pub(crate) fn stored(broker: &mut Broker, mut parked: ParkedDescribeLogDirs, op: OpId, result: &StorageResult) {
    let log_dir = parked.measuring.remove(&op).expect("it waits for this command");
    let space = match result {
        StorageResult::Done(Outcome::Space { total_bytes, usable_bytes }) => Some((*total_bytes, *usable_bytes)),
        _ => None,
    };
    parked.spaces.insert(log_dir, space);
    if !parked.measuring.is_empty() {
        return park(broker, parked);
    }
    let results = parked.spaces.iter().map(|(log_dir, space)| describe(broker, &parked, *log_dir, *space)).collect();
    broker.answer(parked.caller, &DescribeLogDirsResponse { results, ..Default::default() }, Vec::new());
}

fn park(broker: &mut Broker, parked: ParkedDescribeLogDirs) {
    let (conn, operations) = (parked.caller.slot.conn, parked.measuring.keys().copied().collect());
    broker.parking.park(Some(conn), Work::DescribeLogDirs(parked), Waits { operations, ..Waits::default() });
}

fn describe(
    broker: &Broker,
    parked: &ParkedDescribeLogDirs,
    log_dir: u16,
    space: Option<(u64, u64)>,
) -> DescribeLogDirsResult {
    let name = Str::from(broker.config.log_dirs[usize::from(log_dir)].as_str());
    let Some((total_bytes, usable_bytes)) = space.filter(|_| !broker.directory.has_failed(log_dir)) else {
        let error_code = ErrorCode::KafkaStorageError.number();
        return DescribeLogDirsResult { error_code, log_dir: name, ..Default::default() };
    };
    let mut topics: Vec<DescribeLogDirsTopic> = Vec::new();
    // By topic id, so that the partitions of a topic are neighbours.
    for (id, log) in &broker.logs {
        let is_there = log.dir().log_dir == log_dir && log.state() == LogState::Serving && *id != METADATA_PARTITION;
        let future = broker.future_replica(*id, log_dir);
        let is_told = is_there || future.is_some();
        let Some(topic) = broker.metadata.image().topics.get(&id.topic_id).filter(|_| is_told) else { continue };
        let topic_name = Str::from(&*topic.name);
        if parked.asked.as_ref().is_some_and(|asked| !asked.contains(&(topic_name.clone(), id.index))) {
            continue;
        }
        let partition = DescribeLogDirsPartition {
            partition_index: id.index,
            partition_size: signed(future.map_or_else(|| log.size_bytes(), |future| future.size_bytes)),
            offset_lag: future.map_or(0, |future| future.offset_lag),
            is_future_key: future.is_some(),
            ..Default::default()
        };
        match topics.last_mut() {
            Some(last) if last.name == topic_name => last.partitions.push(partition),
            _ => topics.push(DescribeLogDirsTopic {
                name: topic_name,
                partitions: [partition].into(),
                ..Default::default()
            }),
        }
    }
    DescribeLogDirsResult {
        log_dir: name,
        topics,
        total_bytes: signed(total_bytes),
        usable_bytes: signed(usable_bytes),
        ..Default::default()
    }
}

/// A size as the protocol has it; what is larger is as large as that.
fn signed(size_bytes: u64) -> i64 {
    i64::try_from(size_bytes).unwrap_or(i64::MAX)
}
