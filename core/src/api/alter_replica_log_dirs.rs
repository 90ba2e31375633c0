//! AlterReplicaLogDirs: replicas move between the log directories of this broker, while they are used. The answer says that a
//! move begins; DescribeLogDirs tells how far it is.
//!
//! How a replica moves is the broker's business (`broker/log_moves`).

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::Caller;
use crate::broker::Broker;
use crate::directory::names;
use crate::error_code::ErrorCode;
use crate::log::LogState;
use crate::metadata::tells_directories;
use crate::time::Now;
use crate::types::PartitionId;
use crate::wire::messages::alter_replica_log_dirs::{
    AlterReplicaLogDirPartitionResult, AlterReplicaLogDirTopicResult, AlterReplicaLogDirsRequest,
    AlterReplicaLogDirsResponse,
};
use crate::wire::{Str, Uuid};

pub(crate) fn handle(broker: &mut Broker, now: Now, caller: Caller, request: &AlterReplicaLogDirsRequest) {
    let mut wanted: BTreeMap<(Str, i32), Str> = BTreeMap::new();
    for dir in &request.dirs {
        for topic in &dir.topics {
            // Of a partition that is named twice the last directory counts, as in Kafka.
            let named = topic.partitions.iter().map(|index| ((topic.name.clone(), *index), dir.path.clone()));
            wanted.extend(named);
        }
    }
    let mut results: Vec<AlterReplicaLogDirTopicResult> = Vec::new();
    for ((topic_name, partition_index), path) in wanted {
        let error = alter(broker, now, &topic_name, partition_index, &path).err().unwrap_or(ErrorCode::None);
        let partition =
            AlterReplicaLogDirPartitionResult { partition_index, error_code: error.number(), ..Default::default() };
        match results.last_mut() {
            Some(last) if last.topic_name == topic_name => last.partitions.push(partition),
            _ => results.push(AlterReplicaLogDirTopicResult {
                topic_name,
                partitions: [partition].into(),
                ..Default::default()
            }),
        }
    }
    broker.answer(caller, &AlterReplicaLogDirsResponse { results, ..Default::default() }, Vec::new());
}

/// In the order in which Kafka finds what is wrong.
fn alter(broker: &mut Broker, now: Now, topic: &str, index: i32, path: &str) -> Result<(), ErrorCode> {
    if names::future_dir(0, topic, index, Uuid::ZERO).is_none() {
        return Err(ErrorCode::InvalidTopicException);
    }
    let log_dirs = (0..broker.config.partition_dirs).zip(&broker.config.log_dirs);
    let log_dir = log_dirs.into_iter().find(|(_, name)| **name == *path).map(|(log_dir, _)| log_dir);
    let log_dir = log_dir.ok_or(ErrorCode::LogDirNotFound)?;
    if broker.directory.has_failed(log_dir) {
        return Err(ErrorCode::KafkaStorageError);
    }
    if is_cordoned(broker, path) {
        return Err(ErrorCode::InvalidReplicaAssignment);
    }
    let found = broker.metadata.image().topic(topic).filter(|found| found.partitions.contains_key(&index));
    let Some(topic_id) = found.map(|found| found.id) else {
        broker.moves.prefer(topic, index, log_dir);
        return Err(ErrorCode::UnknownTopicOrPartition);
    };
    let partition = PartitionId { topic_id, index };
    let log = broker.logs.get(&partition).ok_or(ErrorCode::ReplicaNotAvailable)?;
    match log.state() {
        LogState::Serving => {}
        LogState::Offline => return Err(ErrorCode::KafkaStorageError),
        LogState::Loading | LogState::Closing | LogState::Closed => return Err(ErrorCode::ReplicaNotAvailable),
    }
    let is_elsewhere = log.dir().log_dir != log_dir;
    if is_elsewhere && !broker.moves.has(partition) {
        // The replica could be in the directory that can't be used, too.
        let has_failed = (0..broker.config.partition_dirs).any(|log_dir| broker.directory.has_failed(log_dir));
        if has_failed {
            return Err(ErrorCode::KafkaStorageError);
        }
        // Before the records tell directories, nothing would say which of two replicas is the right one.
        if !tells_directories(broker.metadata.image()) {
            return Err(ErrorCode::UnsupportedVersion);
        }
    }
    broker.move_log(now, partition, log_dir);
    Ok(())
}

/// Whether nothing new is to come into a log directory (KIP-1066).
fn is_cordoned(broker: &Broker, path: &str) -> bool {
    broker.config.text("cordoned.log.dirs").split(',').any(|dir| dir == path || dir == "*")
}
