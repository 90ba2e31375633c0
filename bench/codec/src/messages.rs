//! What is decoded and encoded: 100 partitions where clients would have that many, 1,000 in Metadata.

use bytes::Bytes;
use ottla_core::wire::messages::fetch::{FetchResponse, FetchableTopicResponse, PartitionData};
use ottla_core::wire::messages::join_group::{
    JoinGroupRequest, JoinGroupRequestProtocol, JoinGroupResponse, JoinGroupResponseMember,
};
use ottla_core::wire::messages::metadata::{
    MetadataResponse, MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use ottla_core::wire::messages::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use ottla_core::wire::messages::produce::{PartitionProduceData, ProduceRequest, TopicProduceData};
use ottla_core::wire::{Records, Slice, Str, Uuid};

/// Ten topics of ten partitions, 10 KB of records in each: together what a producer sends at most.
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

/// Ten topics of ten partitions, 10 KB of records in each.
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

/// Ten topics of ten partitions.
pub fn offset_commit_request() -> OffsetCommitRequest {
    let partition = |partition_index| OffsetCommitRequestPartition {
        partition_index,
        committed_offset: 1_000_000,
        committed_leader_epoch: 7,
        committed_metadata: Some(Str::default()),
        ..Default::default()
    };
    let topic = |index| OffsetCommitRequestTopic {
        name: topic_name(index),
        topic_id: topic_id(index),
        partitions: (0..10).map(partition).collect(),
        ..Default::default()
    };
    OffsetCommitRequest {
        group_id: Str::from("billing"),
        generation_id_or_member_epoch: 12,
        member_id: member_id(0),
        topics: (0..10).map(topic).collect(),
        ..Default::default()
    }
}

/// Three assignors, each with the subscription to ten topics.
pub fn join_group_request() -> JoinGroupRequest {
    let protocol =
        |name| JoinGroupRequestProtocol { name: Str::from(name), metadata: subscription(), ..Default::default() };
    JoinGroupRequest {
        group_id: Str::from("billing"),
        session_timeout_ms: 45_000,
        rebalance_timeout_ms: 300_000,
        member_id: member_id(0),
        protocol_type: Str::from("consumer"),
        protocols: ["range", "roundrobin", "cooperative-sticky"].map(protocol).into(),
        ..Default::default()
    }
}

/// What the leader of a group of 100 members is told.
pub fn join_group_response() -> JoinGroupResponse {
    let member =
        |index| JoinGroupResponseMember { member_id: member_id(index), metadata: subscription(), ..Default::default() };
    JoinGroupResponse {
        generation_id: 12,
        protocol_type: Some(Str::from("consumer")),
        protocol_name: Some(Str::from("range")),
        leader: member_id(0),
        member_id: member_id(0),
        members: (0..100).map(member).collect(),
        ..Default::default()
    }
}

fn member_id(index: u8) -> Str {
    Str::from(format!("consumer-billing-1-7d9c2a54-6f0e-4b1d-9c3e-0a1b2c3d4e{index:02x}"))
}

/// As large as the subscription of a consumer to ten topics.
fn subscription() -> Slice {
    Slice::from(vec![0x61; 280])
}

fn topic_name(index: u8) -> Str {
    Str::from(format!("orders-by-customer-{index:02}"))
}

fn topic_id(index: u8) -> Uuid {
    Uuid(0x1234_5678_9abc_4def_8123_4567_89ab_cd00 | u128::from(index))
}

fn records() -> Records {
    Bytes::from(vec![0x61; 10 << 10]).into()
}
