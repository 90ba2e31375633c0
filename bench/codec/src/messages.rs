//! What is decoded and encoded: 100 partitions where clients would have that many, 1,000 in Metadata.

use bytes::Bytes;
use ottla_core::wire::messages::fetch::{FetchResponse, FetchableTopicResponse, PartitionData};
use ottla_core::wire::messages::metadata::{
    MetadataResponse, MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use ottla_core::wire::messages::produce::{PartitionProduceData, ProduceRequest, TopicProduceData};
use ottla_core::wire::{Records, Str, Uuid};

/// Ten topics of ten partitions, 1 KB of records in each.
pub fn produce_request() -> ProduceRequest {
    let partition = |index| PartitionProduceData { index, records: Some(records()), ..Default::default() };
    let topic = |index| TopicProduceData {
        name: topic_name(index),
        topic_id: topic_id(index),
        partition_data: (0..10).map(partition).collect(),
        ..Default::default()
    };
    ProduceRequest { acks: -1, timeout_ms: 30_000, topic_data: (0..10).map(topic).collect(), ..Default::default() }
}

/// Ten topics of ten partitions, 1 KB of records in each.
pub fn fetch_response() -> FetchResponse {
    let partition = |partition_index| PartitionData {
        partition_index,
        high_watermark: 1_000_000,
        last_stable_offset: 1_000_000,
        log_start_offset: 0,
        aborted_transactions: Some(Vec::new()),
        records: Some(records()),
        ..Default::default()
    };
    let topic = |index| FetchableTopicResponse {
        topic: topic_name(index),
        topic_id: topic_id(index),
        partitions: (0..10).map(partition).collect(),
        ..Default::default()
    };
    FetchResponse { session_id: 12_345, responses: (0..10).map(topic).collect(), ..Default::default() }
}

/// Three brokers, 20 topics of 50 partitions, each on all three brokers.
pub fn metadata_response() -> MetadataResponse {
    let broker = |node_id| MetadataResponseBroker {
        node_id,
        host: Str::from(format!("broker-{node_id}.kafka.example.com")),
        port: 9092,
        rack: Some(Str::from(format!("zone-{node_id}"))),
        ..Default::default()
    };
    let partition = |partition_index: i32| MetadataResponsePartition {
        partition_index,
        leader_id: partition_index % 3 + 1,
        leader_epoch: 7,
        replica_nodes: (1..=3).collect(),
        isr_nodes: (1..=3).collect(),
        ..Default::default()
    };
    let topic = |index| MetadataResponseTopic {
        name: Some(topic_name(index)),
        topic_id: topic_id(index),
        partitions: (0..50).map(partition).collect(),
        ..Default::default()
    };
    MetadataResponse {
        brokers: (1..=3).map(broker).collect(),
        cluster_id: Some(Str::from("MkU3OEVBNTcwNTJENDM2Qg")),
        controller_id: 1,
        topics: (0..20).map(topic).collect(),
        ..Default::default()
    }
}

fn topic_name(index: u8) -> Str {
    Str::from(format!("orders-by-customer-{index:02}"))
}

fn topic_id(index: u8) -> Uuid {
    Uuid(0x1234_5678_9abc_4def_8123_4567_89ab_cd00 | u128::from(index))
}

fn records() -> Records {
    Bytes::from(vec![0x61; 1024]).into()
}
