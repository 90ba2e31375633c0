//! Questions at limits: records that are too large, directories that are not there, versions that are too old, epochs that are over.

use bytes::{Bytes, BytesMut};
use ottla_core::error_code::ErrorCode;
use ottla_core::wire::Uuid;
use ottla_core::wire::messages::add_raft_voter::{AddRaftVoterRequest, Listener};
use ottla_core::wire::messages::alter_replica_log_dirs::{
    AlterReplicaLogDir, AlterReplicaLogDirTopic, AlterReplicaLogDirsRequest,
};
use ottla_core::wire::messages::create_partitions::{CreatePartitionsRequest, CreatePartitionsTopic};
use ottla_core::wire::messages::elect_leaders::{ElectLeadersRequest, TopicPartitions};
use ottla_core::wire::messages::initialize_share_group_state::{
    InitializeShareGroupStateRequest, InitializeStateData, PartitionData as InitializePartition,
};
use ottla_core::wire::messages::metadata::{MetadataRequest, MetadataRequestTopic};
use ottla_core::wire::messages::offset_fetch::{OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopics};
use ottla_core::wire::messages::push_telemetry::PushTelemetryRequest;
use ottla_core::wire::messages::remove_raft_voter::RemoveRaftVoterRequest;
use ottla_core::wire::messages::streams_group_heartbeat::{StreamsGroupHeartbeatRequest, Subtopology, Topology};
use ottla_core::wire::messages::write_share_group_state::{
    PartitionData as WritePartition, WriteShareGroupStateRequest, WriteStateData,
};

use super::questions::{DAY_MS, produce_as, send_batch};
use super::{NOTHING, Question, TOPIC, asked};
use crate::clients::Talk;
use crate::clients::churner::NAME as CHURNED;
use crate::clients::transactor::group_of;
use crate::records::{NewBatch, RecordId};

/// Larger than any broker's `message.max.bytes`.
const TOO_LARGE_BYTES: u64 = 3_000_000;
/// More than one request may ask for.
const TOO_MANY: i32 = 100_000;
/// Where a batch has its attributes.
const ATTRIBUTES_AT: usize = 22;
const ZSTD: u8 = 4;

/// All of them.
pub(super) const QUESTIONS: &[Question] = &[
    Question {
        what: "records that no broker takes",
        errors: &[ErrorCode::MessageTooLarge, ErrorCode::InvalidTimestamp, ErrorCode::InvalidRecord],
        // Where they would be taken they are from the future, too.
        request: |talk| produce_as(talk, 1, 2 * DAY_MS, |batch| large(&batch, TOO_LARGE_BYTES)),
    },
    Question {
        what: "records that no segment takes",
        errors: &[ErrorCode::RecordListTooLarge, ErrorCode::InvalidRequiredAcks],
        request: |talk| {
            // Only an admin's topics have such segments.
            let segment_bytes = talk.env.plan.segment_bytes().filter(|_| !talk.env.plan.clients.auto_create);
            let size_bytes = segment_bytes.unwrap_or_default();
            let fits = |batch: &Bytes| size_bytes == 0 || batch.len() as u64 <= size_bytes || batch.len() > 1_000_000;
            let is_there = talk.history.topics.exists(TOPIC);
            send_batch(
                talk,
                9,
                0,
                |batch| large(&batch, size_bytes),
                |batch| if is_there && !fits(batch) { 1 } else { 2 },
            )
        },
    },
    Question {
        what: "zstd of a client that is too old for it",
        errors: &[ErrorCode::UnsupportedCompressionType],
        request: |talk| {
            let compressed = |batch: NewBatch<'_>| {
                let mut bytes = BytesMut::from(&NewBatch { identity: None, base_sequence: -1, ..batch }.encode()[..]);
                bytes[ATTRIBUTES_AT] |= ZSTD;
                bytes.freeze()
            };
            send_batch(talk, 6, 0, compressed, |_| 1)
        },
    },
    Question {
        what: "a voter that is one",
        errors: &[ErrorCode::DuplicateVoter, ErrorCode::UnsupportedVersion, ErrorCode::InvalidRequest],
        request: |_| {
            let listener =
                Listener { name: "CONTROLLER".into(), host: "localhost".into(), port: 9_093, ..Default::default() };
            let request = AddRaftVoterRequest {
                voter_id: 1,
                voter_directory_id: Uuid(5),
                listeners: vec![listener],
                ..AddRaftVoterRequest::default()
            };
            asked(&request, 1)
        },
    },
    Question {
        what: "the last voter to go",
        errors: &[ErrorCode::VoterNotFound, ErrorCode::UnsupportedVersion],
        request: |_| {
            let request = RemoveRaftVoterRequest {
                voter_id: 1,
                voter_directory_id: Uuid(5),
                ..RemoveRaftVoterRequest::default()
            };
            asked(&request, 0)
        },
    },
    Question {
        what: "more partitions than a request may ask for",
        errors: &[ErrorCode::PolicyViolation, ErrorCode::UnknownTopicOrPartition],
        request: |_| {
            let topic =
                CreatePartitionsTopic { name: TOPIC.into(), count: TOO_MANY, ..CreatePartitionsTopic::default() };
            let request = CreatePartitionsRequest {
                topics: vec![topic],
                timeout_ms: 10_000,
                validate_only: true,
                ..CreatePartitionsRequest::default()
            };
            asked(&request, 3)
        },
    },
    Question {
        what: "an election at once",
        errors: &[ErrorCode::RequestTimedOut],
        request: |_| {
            let topic = TopicPartitions { topic: TOPIC.into(), partitions: vec![0], ..TopicPartitions::default() };
            let request = ElectLeadersRequest {
                topic_partitions: Some(vec![topic]),
                timeout_ms: 0,
                ..ElectLeadersRequest::default()
            };
            asked(&request, 2)
        },
    },
    Question {
        what: "what a topic is that has neither name nor id",
        errors: &[ErrorCode::UnknownServerError],
        request: |_| {
            let topic = MetadataRequestTopic { name: None, ..MetadataRequestTopic::default() };
            asked(&MetadataRequest { topics: Some(vec![topic]), ..MetadataRequest::default() }, 12)
        },
    },
    Question {
        what: "a replica in a directory that is not there",
        errors: &[ErrorCode::LogDirNotFound],
        request: |_| {
            let topic = AlterReplicaLogDirTopic { name: TOPIC.into(), partitions: vec![0], ..Default::default() };
            let dir = AlterReplicaLogDir { path: "/nowhere".into(), topics: vec![topic], ..Default::default() };
            asked(&AlterReplicaLogDirsRequest { dirs: vec![dir], ..Default::default() }, 2)
        },
    },
    Question {
        what: "a replica, perhaps of a topic that is on its way, in the directory that it is in",
        errors: &[ErrorCode::None, ErrorCode::LogDirNotFound],
        request: |talk| {
            // Of several directories it would be moved to that one.
            let path = if talk.env.plan.broker.log_dirs == 1 { "/logs0" } else { "/nowhere" };
            let topic = AlterReplicaLogDirTopic { name: CHURNED.into(), partitions: vec![0], ..Default::default() };
            let dir = AlterReplicaLogDir { path: path.into(), topics: vec![topic], ..Default::default() };
            asked(&AlterReplicaLogDirsRequest { dirs: vec![dir], ..Default::default() }, 2)
        },
    },
    Question {
        what: "metrics that nobody wants",
        errors: &[ErrorCode::UnknownSubscriptionId, ErrorCode::ThrottlingQuotaExceeded],
        request: |_| {
            let request = PushTelemetryRequest {
                client_instance_id: Uuid(5),
                subscription_id: 7,
                ..PushTelemetryRequest::default()
            };
            asked(&request, 0)
        },
    },
    Question {
        what: "an application that reads a coordinator's topic",
        errors: &[ErrorCode::StreamsInvalidTopology],
        request: |_| {
            let part = Subtopology {
                subtopology_id: "0".into(),
                source_topics: vec!["__consumer_offsets".into()],
                ..Subtopology::default()
            };
            let request = StreamsGroupHeartbeatRequest {
                group_id: NOTHING.into(),
                member_id: "asker".into(),
                rebalance_timeout_ms: 1_000,
                topology: Some(Topology { epoch: 0, subtopologies: vec![part], ..Topology::default() }),
                active_tasks: Some(Vec::new()),
                standby_tasks: Some(Vec::new()),
                warmup_tasks: Some(Vec::new()),
                process_id: Some("asker".into()),
                ..StreamsGroupHeartbeatRequest::default()
            };
            asked(&request, 0)
        },
    },
    Question {
        what: "offsets that an open transaction may change",
        errors: &[ErrorCode::UnstableOffsetCommit, ErrorCode::None],
        request: |_| {
            let topic = OffsetFetchRequestTopics {
                name: "transacted".into(),
                partition_indexes: vec![0, 1, 2, 3],
                ..OffsetFetchRequestTopics::default()
            };
            let group = OffsetFetchRequestGroup {
                group_id: group_of("id0-0").as_str().into(),
                topics: Some(vec![topic]),
                ..OffsetFetchRequestGroup::default()
            };
            let request =
                OffsetFetchRequest { groups: vec![group], require_stable: true, ..OffsetFetchRequest::default() };
            asked(&request, 8)
        },
    },
    Question {
        what: "the state of a share partition to begin at its epoch 5",
        errors: &[ErrorCode::None],
        request: |talk| {
            let partition = InitializePartition { state_epoch: 5, start_offset: 0, ..InitializePartition::default() };
            let topic =
                InitializeStateData { topic_id: id_of(talk), partitions: vec![partition], ..Default::default() };
            let request = InitializeShareGroupStateRequest {
                group_id: STATED.into(),
                topics: vec![topic],
                ..InitializeShareGroupStateRequest::default()
            };
            asked(&request, 0)
        },
    },
    Question {
        what: "a change of the state of a share partition in its epoch 1",
        errors: &[ErrorCode::FencedStateEpoch, ErrorCode::InvalidRequest],
        request: |talk| {
            let partition =
                WritePartition { state_epoch: 1, leader_epoch: -1, start_offset: 0, ..WritePartition::default() };
            let topic = WriteStateData { topic_id: id_of(talk), partitions: vec![partition], ..Default::default() };
            let request = WriteShareGroupStateRequest {
                group_id: STATED.into(),
                topics: vec![topic],
                ..WriteShareGroupStateRequest::default()
            };
            asked(&request, 1)
        },
    },
];

/// A share group of which there is state, and nothing else.
const STATED: &str = "stated";

/// The topic's id, or one that no topic has.
fn id_of(talk: &Talk<'_>) -> Uuid {
    talk.history.topics.lasting(TOPIC).and_then(|state| state.id).unwrap_or(Uuid(9))
}

/// A batch that is larger than so many bytes, as good as always.
fn large(batch: &NewBatch<'_>, size_bytes: u64) -> Bytes {
    let records: Vec<RecordId> = (0..6)
        .flat_map(|back| batch.records.iter().map(move |last| RecordId { number: last.number - back, ..*last }))
        .collect();
    NewBatch { records: &records, value_max_bytes: size_bytes, identity: None, base_sequence: -1, ..batch.clone() }
        .encode()
}
