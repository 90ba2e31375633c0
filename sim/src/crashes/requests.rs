//! What the script and its judge ask the broker, and what they make of the answers.

use ottla_core::error_code::ErrorCode;
use ottla_core::wire::Records;
use ottla_core::wire::messages::alter_replica_log_dirs::{
    AlterReplicaLogDir, AlterReplicaLogDirTopic, AlterReplicaLogDirsRequest,
};
use ottla_core::wire::messages::create_topics::{CreatableTopic, CreatableTopicConfig, CreateTopicsRequest};
use ottla_core::wire::messages::delete_records::{DeleteRecordsPartition, DeleteRecordsRequest, DeleteRecordsTopic};
use ottla_core::wire::messages::delete_topics::{DeleteTopicState, DeleteTopicsRequest};
use ottla_core::wire::messages::describe_configs::{DescribeConfigsRequest, DescribeConfigsResource};
use ottla_core::wire::messages::fetch::{FetchPartition, FetchRequest, FetchTopic};
use ottla_core::wire::messages::incremental_alter_configs::{
    AlterConfigsResource, AlterableConfig, IncrementalAlterConfigsRequest,
};
use ottla_core::wire::messages::list_offsets::{ListOffsetsPartition, ListOffsetsRequest, ListOffsetsTopic};
use ottla_core::wire::messages::produce::{PartitionProduceData, ProduceRequest, TopicProduceData};

use super::known::{Configs, Sent, Topic};
use crate::clients::{Answer, Request};
use crate::records::{Batch, read_batches};
use crate::violation::{Check, Violation};

/// Asks ListOffsets for the first offset, or the end.
pub const EARLIEST: i64 = -2;
pub const LATEST: i64 = -1;
const TIMEOUT_MS: i32 = 30_000;
/// The number of topics among the resources that have configs.
const TOPIC: i8 = 2;

/// What happens to a config.
#[derive(Clone, Copy, Debug)]
pub enum Edit {
    Set(&'static str),
    /// Back to what the broker has.
    Delete,
    /// One more in a list.
    Append(&'static str),
}

/// Creates a topic with the configs that are under way.
pub fn create_request(topic: &Topic) -> Request {
    let config = |(name, value): (&String, &String)| CreatableTopicConfig {
        name: name.as_str().into(),
        value: Some(value.as_str().into()),
        ..CreatableTopicConfig::default()
    };
    let topic = CreatableTopic {
        name: topic.kind.name.into(),
        num_partitions: 1,
        replication_factor: 1,
        configs: topic.changing.iter().flatten().map(config).collect(),
        ..CreatableTopic::default()
    };
    let topics = vec![topic];
    Request::CreateTopics(CreateTopicsRequest { topics, timeout_ms: TIMEOUT_MS, ..CreateTopicsRequest::default() })
}

/// Deletes a topic.
pub fn delete_topic_request(topic: &Topic) -> Request {
    let topics = vec![DeleteTopicState { topic_id: topic.id, ..DeleteTopicState::default() }];
    Request::DeleteTopics(DeleteTopicsRequest { topics, timeout_ms: TIMEOUT_MS, ..DeleteTopicsRequest::default() })
}

/// Deletes all before `offset`; -1 stands for everything.
pub fn delete_records_request(topic: &Topic, offset: i64) -> Request {
    let partition = DeleteRecordsPartition { offset, ..DeleteRecordsPartition::default() };
    let name = topic.kind.name.into();
    let topics = vec![DeleteRecordsTopic { name, partitions: vec![partition], ..DeleteRecordsTopic::default() }];
    Request::DeleteRecords(DeleteRecordsRequest { topics, timeout_ms: TIMEOUT_MS, ..DeleteRecordsRequest::default() })
}

/// Has a topic's partition be in a log directory.
pub fn move_request(topic: &Topic, path: &str) -> Request {
    let moved = AlterReplicaLogDirTopic { name: topic.kind.name.into(), partitions: vec![0], ..Default::default() };
    let dir = AlterReplicaLogDir { path: path.into(), topics: vec![moved], ..Default::default() };
    Request::AlterReplicaLogDirs(AlterReplicaLogDirsRequest { dirs: vec![dir], ..Default::default() })
}

/// Changes configs of a topic.
pub fn alter_request(topic: &Topic, edits: &[(&str, Edit)]) -> Request {
    let config = |(name, edit): &(&str, Edit)| {
        let (config_operation, value) = match edit {
            Edit::Set(value) => (0, Some(*value)),
            Edit::Delete => (1, None),
            Edit::Append(value) => (2, Some(*value)),
        };
        AlterableConfig {
            name: (*name).into(),
            config_operation,
            value: value.map(Into::into),
            ..AlterableConfig::default()
        }
    };
    let resource = AlterConfigsResource {
        resource_type: TOPIC,
        resource_name: topic.kind.name.into(),
        configs: edits.iter().map(config).collect(),
        ..AlterConfigsResource::default()
    };
    let resources = vec![resource];
    Request::IncrementalAlterConfigs(IncrementalAlterConfigsRequest { resources, ..Default::default() })
}

/// What a topic's configs are after these edits.
pub fn edited(configs: &Configs, edits: &[(&str, Edit)]) -> Configs {
    let mut edited = configs.clone();
    for (name, edit) in edits {
        match edit {
            Edit::Set(value) => drop(edited.insert((*name).to_owned(), (*value).to_owned())),
            Edit::Delete => drop(edited.remove(*name)),
            Edit::Append(value) => {
                let before = edited.get(*name).map_or(String::new(), |before| format!("{before},"));
                edited.insert((*name).to_owned(), before + value);
            }
        }
    }
    edited
}

/// Asks for a topic's configs.
pub fn configs_request(topic: &Topic) -> Request {
    let resource = DescribeConfigsResource {
        resource_type: TOPIC,
        resource_name: topic.kind.name.into(),
        ..DescribeConfigsResource::default()
    };
    Request::DescribeConfigs(DescribeConfigsRequest { resources: vec![resource], ..DescribeConfigsRequest::default() })
}

/// Those that the topic has of its own.
pub fn configs_of(answer: &Answer) -> Result<Configs, Violation> {
    const OF_THE_TOPIC: i8 = 1;
    let Answer::DescribeConfigs(response) = answer else { return Err(unexpected(answer)) };
    let result = response.results.first().filter(|result| result.error_code == 0).ok_or_else(|| unexpected(answer))?;
    let own = result.configs.iter().filter(|config| config.config_source == OF_THE_TOPIC);
    Ok(own.map(|config| (config.name.to_string(), config.value.as_deref().unwrap_or_default().to_owned())).collect())
}

/// Sends a batch to a topic.
pub fn produce_request(topic: &Topic, batch: &Sent) -> Request {
    let records = Some(Records::Bytes(batch.bytes.clone().into()));
    let partition_data = vec![PartitionProduceData { records, ..PartitionProduceData::default() }];
    let topic_data = vec![TopicProduceData { topic_id: topic.id, partition_data, ..TopicProduceData::default() }];
    Request::Produce(ProduceRequest { acks: -1, timeout_ms: 30_000, topic_data, ..ProduceRequest::default() })
}

/// Where a batch went, or why it did not.
pub fn produced(answer: &Answer) -> Result<Result<i64, ErrorCode>, Violation> {
    let Answer::Produce(response) = answer else { return Err(unexpected(answer)) };
    let partition = response.responses.first().and_then(|topic| topic.partition_responses.first());
    let partition = partition.ok_or_else(|| unexpected(answer))?;
    match ErrorCode::from_number(partition.error_code) {
        Some(ErrorCode::None) => Ok(Ok(partition.base_offset)),
        Some(error) => Ok(Err(error)),
        None => Err(unexpected(answer)),
    }
}

/// Asks for what is there from an offset on.
pub fn fetch_request(topic: &Topic, position: i64) -> Request {
    let partition = FetchPartition {
        fetch_offset: position,
        partition_max_bytes: 1 << 20,
        current_leader_epoch: -1,
        ..FetchPartition::default()
    };
    let topics = vec![FetchTopic { topic_id: topic.id, partitions: vec![partition], ..FetchTopic::default() }];
    Request::Fetch(FetchRequest { max_bytes: 1 << 20, session_epoch: -1, topics, ..FetchRequest::default() })
}

/// What is there, and the end; nothing where there is nothing more.
pub fn fetched(answer: &Answer) -> Result<Option<(Vec<Batch>, i64)>, Violation> {
    let Answer::Fetch(response) = answer else { return Err(unexpected(answer)) };
    let data = response.responses.first().and_then(|topic| topic.partitions.first());
    let data = data.filter(|data| data.error_code == 0).ok_or_else(|| unexpected(answer))?;
    let Some(Records::Bytes(bytes)) = &data.records else { return Err(unexpected(answer)) };
    let batches = read_batches(bytes).map_err(|error| Violation::history(Check::Corruption, error))?;
    Ok((!batches.is_empty()).then_some((batches, data.high_watermark)))
}

/// Asks for an offset by a time that stands for a place.
pub fn offsets_request(topic: &Topic, timestamp: i64) -> Request {
    let partition = ListOffsetsPartition { timestamp, current_leader_epoch: -1, ..ListOffsetsPartition::default() };
    let name = topic.kind.name.into();
    let topics = vec![ListOffsetsTopic { name, partitions: vec![partition], ..ListOffsetsTopic::default() }];
    Request::ListOffsets(ListOffsetsRequest { replica_id: -1, topics, ..ListOffsetsRequest::default() })
}

/// The offset that was asked for.
pub fn offset_of(answer: &Answer) -> Result<i64, Violation> {
    let Answer::ListOffsets(response) = answer else { return Err(unexpected(answer)) };
    let partition = response.topics.first().and_then(|topic| topic.partitions.first());
    partition.filter(|partition| partition.error_code == 0).map(|p| p.offset).ok_or_else(|| unexpected(answer))
}

/// An answer that none of this expects.
pub fn unexpected(answer: &Answer) -> Violation {
    Violation::Answer(format!("{answer:?}"))
}
