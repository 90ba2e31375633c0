//! Requests and answers with their types, and the versions that a client speaks.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use bytes::Bytes;
use ottla_core::error_code::ErrorCode;
use ottla_core::wire::messages::add_offsets_to_txn::{AddOffsetsToTxnRequest, AddOffsetsToTxnResponse};
use ottla_core::wire::messages::add_partitions_to_txn::{AddPartitionsToTxnRequest, AddPartitionsToTxnResponse};
use ottla_core::wire::messages::alter_replica_log_dirs::{AlterReplicaLogDirsRequest, AlterReplicaLogDirsResponse};
use ottla_core::wire::messages::api_versions::{ApiVersionsRequest, ApiVersionsResponse};
use ottla_core::wire::messages::consumer_group_heartbeat::{
    ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse,
};
use ottla_core::wire::messages::create_topics::{CreateTopicsRequest, CreateTopicsResponse};
use ottla_core::wire::messages::delete_records::{DeleteRecordsRequest, DeleteRecordsResponse};
use ottla_core::wire::messages::delete_topics::{DeleteTopicsRequest, DeleteTopicsResponse};
use ottla_core::wire::messages::describe_configs::{DescribeConfigsRequest, DescribeConfigsResponse};
use ottla_core::wire::messages::describe_share_group_offsets::{
    DescribeShareGroupOffsetsRequest, DescribeShareGroupOffsetsResponse,
};
use ottla_core::wire::messages::end_txn::{EndTxnRequest, EndTxnResponse};
use ottla_core::wire::messages::fetch::{FetchRequest, FetchResponse};
use ottla_core::wire::messages::find_coordinator::{FindCoordinatorRequest, FindCoordinatorResponse};
use ottla_core::wire::messages::header::{RequestHeader, ResponseHeader};
use ottla_core::wire::messages::heartbeat::{HeartbeatRequest, HeartbeatResponse};
use ottla_core::wire::messages::incremental_alter_configs::{
    IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse,
};
use ottla_core::wire::messages::init_producer_id::{InitProducerIdRequest, InitProducerIdResponse};
use ottla_core::wire::messages::join_group::{JoinGroupRequest, JoinGroupResponse};
use ottla_core::wire::messages::leave_group::{LeaveGroupRequest, LeaveGroupResponse};
use ottla_core::wire::messages::list_offsets::{ListOffsetsRequest, ListOffsetsResponse};
use ottla_core::wire::messages::metadata::{MetadataRequest, MetadataResponse};
use ottla_core::wire::messages::offset_commit::{OffsetCommitRequest, OffsetCommitResponse};
use ottla_core::wire::messages::offset_fetch::{OffsetFetchRequest, OffsetFetchResponse};
use ottla_core::wire::messages::produce::{ProduceRequest, ProduceResponse};
use ottla_core::wire::messages::share_acknowledge::{ShareAcknowledgeRequest, ShareAcknowledgeResponse};
use ottla_core::wire::messages::share_fetch::{ShareFetchRequest, ShareFetchResponse};
use ottla_core::wire::messages::share_group_heartbeat::{ShareGroupHeartbeatRequest, ShareGroupHeartbeatResponse};
use ottla_core::wire::messages::sync_group::{SyncGroupRequest, SyncGroupResponse};
use ottla_core::wire::messages::txn_offset_commit::{TxnOffsetCommitRequest, TxnOffsetCommitResponse};
use ottla_core::wire::{
    AnnotatedValue, ApiKey, DecodeError, InVersion, Message, MessageType, PathSegment, Reader, Trace, Value, to_bytes,
};

use crate::chance::Chance;

macro_rules! apis {
    ($( $api:ident $request:ident $response:ident $versions:expr; )*) => {
        /// What a client asks.
        #[derive(Clone, Debug)]
        #[allow(missing_docs)]
        pub enum Request {
            $( $api($request), )*
            /// Of any API; only the errors in its answer are looked at.
            Other { api: ApiKey, version: i16, body: Bytes },
        }

        /// What it is told.
        #[derive(Clone, Debug)]
        #[allow(missing_docs)]
        pub enum Answer {
            $( $api($response), )*
            /// To [`Request::Other`].
            Other,
        }

        /// The APIs that clients use, and the versions of Kafka 4.3.
        const APIS: &[(ApiKey, RangeInclusive<i16>)] = &[ $( (ApiKey::$api, $versions), )* ];

        /// The latest version of an API that clients use.
        pub fn latest(api: ApiKey) -> i16 {
            let (_, versions) = APIS.iter().find(|(other, _)| *other == api).expect("clients use it");
            *versions.end()
        }

        impl Request {
            /// Which API it is of.
            #[must_use]
            pub fn api(&self) -> ApiKey {
                match self {
                    $( Self::$api(_) => ApiKey::$api, )*
                    Self::Other { api, .. } => *api,
                }
            }

            fn content(&self, header: InVersion<'_, RequestHeader>, version: i16) -> Bytes {
                match self {
                    $( Self::$api(request) => to_bytes(&(header, request.in_version(version))), )*
                    Self::Other { body, .. } => [&to_bytes(&header)[..], &body[..]].concat().into(),
                }
            }
        }

        impl Answer {
            fn read<T: Trace>(reader: &mut Reader<'_, T>, api: ApiKey, version: i16) -> Result<Self, DecodeError> {
                match api {
                    $( ApiKey::$api => $response::read(reader, version).map(Self::$api), )*
                    other => unreachable!("clients don't use {other}"),
                }
            }
        }
    };
}

apis! {
    Produce ProduceRequest ProduceResponse 3..=13;
    Fetch FetchRequest FetchResponse 4..=18;
    ListOffsets ListOffsetsRequest ListOffsetsResponse 1..=11;
    Metadata MetadataRequest MetadataResponse 0..=13;
    ApiVersions ApiVersionsRequest ApiVersionsResponse 0..=4;
    CreateTopics CreateTopicsRequest CreateTopicsResponse 2..=7;
    DeleteTopics DeleteTopicsRequest DeleteTopicsResponse 1..=6;
    InitProducerId InitProducerIdRequest InitProducerIdResponse 0..=5;
    DeleteRecords DeleteRecordsRequest DeleteRecordsResponse 0..=2;
    IncrementalAlterConfigs IncrementalAlterConfigsRequest IncrementalAlterConfigsResponse 0..=1;
    DescribeConfigs DescribeConfigsRequest DescribeConfigsResponse 1..=4;
    FindCoordinator FindCoordinatorRequest FindCoordinatorResponse 0..=6;
    JoinGroup JoinGroupRequest JoinGroupResponse 0..=9;
    SyncGroup SyncGroupRequest SyncGroupResponse 0..=5;
    Heartbeat HeartbeatRequest HeartbeatResponse 0..=4;
    LeaveGroup LeaveGroupRequest LeaveGroupResponse 0..=5;
    OffsetCommit OffsetCommitRequest OffsetCommitResponse 2..=10;
    OffsetFetch OffsetFetchRequest OffsetFetchResponse 1..=10;
    ConsumerGroupHeartbeat ConsumerGroupHeartbeatRequest ConsumerGroupHeartbeatResponse 0..=1;
    AddPartitionsToTxn AddPartitionsToTxnRequest AddPartitionsToTxnResponse 0..=3;
    AddOffsetsToTxn AddOffsetsToTxnRequest AddOffsetsToTxnResponse 0..=4;
    TxnOffsetCommit TxnOffsetCommitRequest TxnOffsetCommitResponse 0..=5;
    EndTxn EndTxnRequest EndTxnResponse 0..=5;
    AlterReplicaLogDirs AlterReplicaLogDirsRequest AlterReplicaLogDirsResponse 1..=2;
    ShareGroupHeartbeat ShareGroupHeartbeatRequest ShareGroupHeartbeatResponse 1..=1;
    ShareFetch ShareFetchRequest ShareFetchResponse 1..=2;
    ShareAcknowledge ShareAcknowledgeRequest ShareAcknowledgeResponse 1..=2;
    DescribeShareGroupOffsets DescribeShareGroupOffsetsRequest DescribeShareGroupOffsetsResponse 0..=1;
}

/// All clients speak these; the others are spoken by who learns them, or by the fixed script in their latest versions.
const OF_ALL: [ApiKey; 9] = [
    ApiKey::Produce,
    ApiKey::Fetch,
    ApiKey::ListOffsets,
    ApiKey::Metadata,
    ApiKey::ApiVersions,
    ApiKey::CreateTopics,
    ApiKey::DeleteTopics,
    ApiKey::InitProducerId,
    ApiKey::DeleteRecords,
];

/// From these versions on topics have ids rather than names.
pub const PRODUCE_BY_ID: i16 = 13;
/// See [`PRODUCE_BY_ID`].
pub const FETCH_BY_ID: i16 = 13;
/// From this version on Metadata tells ids.
pub const METADATA_WITH_IDS: i16 = 10;

/// One version of each API, as clients of any age have them.
#[derive(Clone, Debug)]
pub struct Versions(BTreeMap<ApiKey, i16>);

impl Versions {
    /// Any versions that a client can work with.
    pub fn draw(chance: &mut Chance) -> Self {
        let is_latest = chance.coin();
        let mut draw = |versions: &RangeInclusive<i16>| {
            let (low, high) = (*versions.start(), *versions.end());
            if is_latest { high } else { low + chance.index(usize::from(high.abs_diff(low)) + 1) as i16 }
        };
        let apis = APIS.iter().filter(|(api, _)| OF_ALL.contains(api));
        let mut versions: BTreeMap<ApiKey, i16> = apis.map(|(api, versions)| (*api, draw(versions))).collect();
        let needs_ids = versions[&ApiKey::Produce] >= PRODUCE_BY_ID || versions[&ApiKey::Fetch] >= FETCH_BY_ID;
        if needs_ids && versions[&ApiKey::Metadata] < METADATA_WITH_IDS {
            versions.insert(ApiKey::Metadata, draw(&(METADATA_WITH_IDS..=13)));
        }
        Self(versions)
    }

    /// Any versions of these as well.
    pub fn draw_more(&mut self, apis: &[ApiKey], chance: &mut Chance) {
        let is_latest = chance.coin();
        for (api, versions) in APIS.iter().filter(|(api, _)| apis.contains(api)) {
            let (low, high) = (*versions.start(), *versions.end());
            let drawn = low + chance.index(usize::from(high.abs_diff(low)) + 1) as i16;
            self.0.insert(*api, if is_latest { high } else { drawn });
        }
    }

    /// The version of an API.
    pub fn of(&self, api: ApiKey) -> i16 {
        self.0[&api]
    }

    /// Speaks another version of an API.
    pub fn set(&mut self, api: ApiKey, version: i16) {
        self.0.insert(api, version);
    }
}

/// A request as it goes over the wire.
pub fn encode_request(request: &Request, version: i16, correlation_id: i32) -> Bytes {
    let api = request.api();
    let header = RequestHeader {
        request_api_key: api.number(),
        request_api_version: version,
        correlation_id,
        client_id: Some("sim".into()),
        ..RequestHeader::default()
    };
    let content = request.content(header.in_version(api.request_header_version(version)), version);
    let size_bytes = i32::try_from(content.len()).expect("small requests");
    [&size_bytes.to_be_bytes(), &content[..]].concat().into()
}

/// An answer, the request that it says it is to, and the errors in it.
#[derive(Debug)]
pub struct Decoded {
    pub correlation_id: i32,
    pub answer: Answer,
    pub errors: Vec<ErrorCode>,
}

/// Reads an answer.
///
/// # Errors
/// It is not what the version says.
pub fn decode_answer(frame: Bytes, api: ApiKey, version: i16) -> Result<Decoded, DecodeError> {
    let mut seen = ErrorsSeen::default();
    let mut reader = Reader::watched(&frame, &mut seen);
    let header = ResponseHeader::read(&mut reader, api.response_header_version(version))?;
    let answer = Answer::read(&mut reader, api, version)?;
    reader.finish()?;
    Ok(Decoded { correlation_id: header.correlation_id, answer, errors: seen.errors })
}

/// Reads an answer to [`Request::Other`].
///
/// # Errors
/// It is not what the version says.
pub fn decode_other(frame: Bytes, api: ApiKey, version: i16) -> Result<Decoded, DecodeError> {
    let mut reader = Reader::new(&frame);
    let header = ResponseHeader::read(&mut reader, api.response_header_version(version))?;
    let from = reader.at();
    // A version of ApiVersions that there is not is answered in version 0.
    let version = if version > latest_of(api) { 0 } else { version };
    let annotated = MessageType::response(api).annotate_at(frame.clone(), from, version);
    annotated.result?;
    let codes = annotated.fields.iter().filter(|field| is_error_code(field.field));
    let errors = codes.filter_map(|field| match field.value {
        AnnotatedValue::Integer(number) => error_of(number),
        _ => None,
    });
    Ok(Decoded { correlation_id: header.correlation_id, answer: Answer::Other, errors: errors.collect() })
}

fn latest_of(api: ApiKey) -> i16 {
    *MessageType::response(api).versions.end()
}

/// Notes the error codes of an answer, wherever in it they are.
#[derive(Debug, Default)]
struct ErrorsSeen {
    errors: Vec<ErrorCode>,
    /// The field that was entered last is one.
    is_error_code: bool,
}

impl Trace for ErrorsSeen {
    fn enter(&mut self, segment: PathSegment, _: usize) {
        self.is_error_code = matches!(segment, PathSegment::Field(name) if is_error_code(name));
    }

    fn leave(&mut self, _: usize) {
        self.is_error_code = false;
    }

    fn value(&mut self, value: Value<'_>, _: usize, _: usize) {
        if let (true, Value::Integer(number)) = (self.is_error_code, value) {
            self.errors.extend(error_of(number));
        }
    }
}

fn is_error_code(field: &str) -> bool {
    field.ends_with("error_code")
}

/// The error of that number, if it is one.
fn error_of(number: i64) -> Option<ErrorCode> {
    let error = i16::try_from(number).ok().and_then(ErrorCode::from_number);
    error.filter(|error| *error != ErrorCode::None)
}
