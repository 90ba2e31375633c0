//! What the numbers of the protocol stand for: names of enumerations, dates of timestamps, sets of bits, and the values
//! that mean "none" or "unknown". For dumps only: the broker has its own types.
//!
//! A row of [`FIELDS`] is all that a field needs.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::api_key::ApiKey;
use crate::error_code::ErrorCode;

/// What `value` stands for in the field `field` of `message`, as in (`FetchResponse`, `error_code`, 1); none where it is
/// just a number. Booleans are 0 and 1, elements of an array have the array's name.
#[must_use]
pub fn meaning(message: &str, field: &str, value: i64) -> Option<Cow<'static, str>> {
    let is_of = |row: &&Field| row.name == field && (row.messages.is_empty() || row.messages.contains(&message));
    FIELDS.iter().find(is_of)?.kind.meaning(value)
}

/// `timestamp_ms` after 1970 as a date in UTC, to the millisecond: `2024-02-29T12:30:00.250Z`. None before 1970 and after 9999.
#[must_use]
pub fn date(timestamp_ms: i64) -> Option<String> {
    const DAY_MS: i64 = 24 * 60 * 60 * 1000;
    let (days, ms) = (timestamp_ms.div_euclid(DAY_MS), timestamp_ms.rem_euclid(DAY_MS));
    let (year, month, day) = civil(u32::try_from(days).ok()?)?;
    let (hour, minute, second) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
    Some(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", ms % 1000))
}

/// Year, month and day that are `days` after 1970 began. Years are counted from March on, so that a leap day is the last of
/// its year, and in cycles of 400.
fn civil(days: u32) -> Option<(u32, u32, u32)> {
    const CYCLE_DAYS: u32 = 146_097;
    const MARCH_0000_TO_1970: u32 = 719_468;
    let days = days.checked_add(MARCH_0000_TO_1970)?;
    let (cycle, day) = (days / CYCLE_DAYS, days % CYCLE_DAYS);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    // Five months from March on have 153 days, and so have the next five.
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let year = cycle * 400 + year + month / 10;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year <= 9999).then_some((year, month, day))
}

/// A field whose numbers have a meaning.
struct Field {
    name: &'static str,
    /// The messages in which that is so; all when empty.
    messages: &'static [&'static str],
    kind: Kind,
}

/// How numbers are to be read.
enum Kind {
    /// A code of Kafka's.
    Error,
    /// An API's number.
    Api,
    /// Milliseconds since 1970, or one of these.
    Date(Names),
    /// One of these, or just a number.
    Names(Names),
    /// A bit for each operation that the asker may do.
    Operations,
}

type Names = &'static [(i64, &'static str)];

impl Kind {
    fn meaning(&self, value: i64) -> Option<Cow<'static, str>> {
        match self {
            Self::Error => ErrorCode::from_number(i16::try_from(value).ok()?).map(|code| code.name().into()),
            Self::Api => ApiKey::from_number(i16::try_from(value).ok()?).map(|api| api.name().into()),
            Self::Date(names) => named(names, value).or_else(|| date(value).map(Cow::from)),
            Self::Names(names) => named(names, value),
            Self::Operations => operations(value),
        }
    }
}

fn named(names: Names, value: i64) -> Option<Cow<'static, str>> {
    names.iter().find(|(number, _)| *number == value).map(|(_, name)| Cow::from(*name))
}

/// The operations whose bits are set; the smallest number says that nobody asked.
fn operations(bits: i64) -> Option<Cow<'static, str>> {
    if bits == i64::from(i32::MIN) {
        return Some("not asked for".into());
    }
    let names: Vec<_> = ACL_OPERATIONS.iter().filter(|(bit, _)| bits >> bit & 1 == 1).map(|(_, name)| *name).collect();
    let has_others = bits & !ACL_OPERATIONS.iter().fold(0, |all, (bit, _)| all | 1 << bit) != 0;
    match names.as_slice() {
        _ if has_others => None,
        [] => Some("none".into()),
        names => Some(names.join(", ").into()),
    }
}

const fn everywhere(name: &'static str, kind: Kind) -> Field {
    Field { name, messages: &[], kind }
}

const fn within(messages: &'static [&'static str], name: &'static str, kind: Kind) -> Field {
    Field { name, messages, kind }
}

/// The first row that fits a field and its message counts.
const FIELDS: &[Field] = &[
    everywhere("error_code", Kind::Error),
    everywhere("acknowledge_error_code", Kind::Error),
    everywhere("partition_error_code", Kind::Error),
    everywhere("topic_config_error_code", Kind::Error),
    everywhere("api_key", Kind::Api),
    everywhere("request_api_key", Kind::Api),
    // Times.
    within(&["ListOffsetsRequest"], "timestamp", Kind::Date(LIST_OFFSETS)),
    everywhere("timestamp", DATE_OR_NONE),
    everywhere("assignment_timestamp", Kind::Date(&[(0, "none")])),
    everywhere("commit_timestamp", DATE_OR_NONE),
    everywhere("create_timestamp", DATE_OR_NONE),
    everywhere("current_state_timestamp", DATE_OR_NONE),
    everywhere("event_timestamp_ms", DATE_OR_NONE),
    everywhere("expiration_timestamp", DATE_OR_NONE),
    everywhere("expire_timestamp", Kind::Date(&[(-1, "never")])),
    everywhere("expiry_timestamp", DATE_OR_NONE),
    everywhere("expiry_timestamp_ms", DATE_OR_NONE),
    everywhere("issue_timestamp", DATE_OR_NONE),
    everywhere("issue_timestamp_ms", DATE_OR_NONE),
    everywhere("last_caught_up_timestamp", Kind::Date(UNKNOWN)),
    everywhere("last_contained_log_timestamp", DATE_OR_NONE),
    everywhere("last_fetch_timestamp", Kind::Date(UNKNOWN)),
    everywhere("last_timestamp", DATE_OR_NONE),
    everywhere("log_append_time_ms", Kind::Date(&[(-1, "none: the topic keeps the time of creation")])),
    everywhere("max_timestamp", DATE_OR_NONE),
    everywhere("max_timestamp_ms", DATE_OR_NONE),
    everywhere("transaction_last_update_timestamp_ms", DATE_OR_NONE),
    everywhere("transaction_start_time_ms", DATE_OR_NONE),
    everywhere("transaction_start_timestamp_ms", DATE_OR_NONE),
    everywhere("write_timestamp", DATE_OR_NONE),
    within(&["CreateDelegationTokenRequest"], "max_lifetime_ms", BROKERS_DEFAULT),
    within(&["OffsetCommitRequest"], "retention_time_ms", BROKERS_DEFAULT),
    within(&["SaslAuthenticateResponse"], "session_lifetime_ms", Kind::Names(&[(0, "unlimited")])),
    within(&["ListTransactionsRequest"], "duration_filter", Kind::Names(&[(-1, "any")])),
    within(&["ConsumerGroupHeartbeatRequest", "StreamsGroupHeartbeatRequest"], "rebalance_timeout_ms", AS_BEFORE),
    // Topics, partitions and their leaders.
    within(&["CreateTopicsRequest"], "num_partitions", BROKERS_DEFAULT),
    within(&["CreateTopicsRequest"], "replication_factor", BROKERS_DEFAULT),
    within(&["PartitionChangeRecord"], "leader", Kind::Names(&[(-1, "no leader"), (-2, "as before")])),
    everywhere("leader", Kind::Names(&[(-1, "no leader")])),
    everywhere("leader_id", Kind::Names(&[(-1, "no leader")])),
    everywhere("leader_epoch", Kind::Names(UNKNOWN)),
    everywhere("committed_leader_epoch", Kind::Names(UNKNOWN)),
    everywhere("current_leader_epoch", Kind::Names(UNKNOWN)),
    everywhere("last_fetched_epoch", NONE),
    within(
        &["PartitionChangeRecord"],
        "leader_recovery_state",
        Kind::Names(&[(-1, "as before"), (0, "RECOVERED"), (1, "RECOVERING")]),
    ),
    everywhere("leader_recovery_state", Kind::Names(&[(0, "RECOVERED"), (1, "RECOVERING")])),
    everywhere("election_type", Kind::Names(&[(0, "PREFERRED"), (1, "UNCLEAN")])),
    within(&["DeleteRecordsRequest"], "offset", Kind::Names(&[(-1, "the high watermark")])),
    within(&["ListOffsetsResponse"], "offset", NONE),
    within(&["FetchResponse", "OffsetForLeaderEpochResponse"], "end_offset", Kind::Names(UNKNOWN)),
    within(&["FetchResponse"], "epoch", Kind::Names(UNKNOWN)),
    within(&["FetchRequest"], "high_watermark", Kind::Names(&[(-1, "unknown"), (i64::MAX, "unsupported")])),
    everywhere("high_watermark", Kind::Names(UNKNOWN)),
    everywhere("last_stable_offset", Kind::Names(UNKNOWN)),
    everywhere("log_start_offset", Kind::Names(UNKNOWN)),
    everywhere("log_end_offset", Kind::Names(UNKNOWN)),
    everywhere("preferred_read_replica", NONE),
    within(
        &["FetchRequest", "ListOffsetsRequest", "OffsetForLeaderEpochRequest"],
        "replica_id",
        Kind::Names(&[(-1, "consumer"), (-2, "debugging consumer"), (-3, "future local replica")]),
    ),
    everywhere("acks", Kind::Names(&[(-1, "all"), (0, "no answer"), (1, "leader only")])),
    everywhere("isolation_level", Kind::Names(&[(0, "READ_UNCOMMITTED"), (1, "READ_COMMITTED")])),
    within(&["FetchRequest", "FetchResponse"], "session_id", Kind::Names(&[(0, "none")])),
    everywhere("session_epoch", Kind::Names(&[(0, "first"), (-1, "last, or no session")])),
    everywhere("share_session_epoch", Kind::Names(&[(0, "first"), (-1, "last")])),
    everywhere("usable_bytes", Kind::Names(UNKNOWN)),
    everywhere("total_bytes", Kind::Names(UNKNOWN)),
    // Brokers, controllers and the quorum.
    everywhere("controller_id", Kind::Names(UNKNOWN)),
    everywhere("voted_id", NONE),
    within(&["BeginQuorumEpochRequest", "VoteRequest"], "voter_id", Kind::Names(UNKNOWN)),
    everywhere("broker_epoch", NONE),
    everywhere("previous_broker_epoch", NONE),
    everywhere("replica_epoch", NONE),
    everywhere("finalized_features_epoch", Kind::Names(UNKNOWN)),
    everywhere("security_protocol", Kind::Names(SECURITY_PROTOCOLS)),
    everywhere("endpoint_type", Kind::Names(&[(0, "UNKNOWN"), (1, "BROKER"), (2, "CONTROLLER")])),
    everywhere("upgrade_type", Kind::Names(UPGRADE_TYPES)),
    within(
        &["BrokerRegistrationChangeRecord"],
        "fenced",
        Kind::Names(&[(-1, "unfenced"), (0, "as before"), (1, "fenced")]),
    ),
    within(
        &["BrokerRegistrationChangeRecord"],
        "in_controlled_shutdown",
        Kind::Names(&[(0, "as before"), (1, "in controlled shutdown")]),
    ),
    everywhere("zk_migration_state", Kind::Names(ZK_MIGRATION_STATES)),
    within(&["ControlRecordTypeSchema"], "type", Kind::Names(CONTROL_RECORD_TYPES)),
    // Configs and quotas.
    within(CONFIG_MESSAGES, "resource_type", Kind::Names(CONFIG_RESOURCES)),
    everywhere("resource_types", Kind::Names(CONFIG_RESOURCES)),
    everywhere("config_source", Kind::Names(CONFIG_SOURCES)),
    within(&["DescribeConfigsResponse"], "source", Kind::Names(CONFIG_SOURCES)),
    everywhere("config_type", Kind::Names(CONFIG_TYPES)),
    everywhere("config_operation", Kind::Names(&[(0, "SET"), (1, "DELETE"), (2, "APPEND"), (3, "SUBTRACT")])),
    everywhere("match_type", Kind::Names(&[(0, "EXACT"), (1, "DEFAULT"), (2, "SPECIFIED")])),
    // Access control.
    everywhere("resource_type", Kind::Names(ACL_RESOURCES)),
    everywhere("resource_type_filter", Kind::Names(ACL_RESOURCES)),
    everywhere("pattern_type", Kind::Names(ACL_PATTERNS)),
    everywhere("pattern_type_filter", Kind::Names(ACL_PATTERNS)),
    everywhere("resource_pattern_type", Kind::Names(ACL_PATTERNS)),
    everywhere("operation", Kind::Names(ACL_OPERATIONS)),
    everywhere("permission_type", Kind::Names(&[(0, "UNKNOWN"), (1, "ANY"), (2, "DENY"), (3, "ALLOW")])),
    everywhere("authorized_operations", Kind::Operations),
    everywhere("cluster_authorized_operations", Kind::Operations),
    everywhere("topic_authorized_operations", Kind::Operations),
    everywhere("mechanism", Kind::Names(&[(0, "UNKNOWN"), (1, "SCRAM-SHA-256"), (2, "SCRAM-SHA-512")])),
    // Groups.
    everywhere("key_type", Kind::Names(&[(0, "GROUP"), (1, "TRANSACTION"), (2, "SHARE")])),
    within(HEARTBEATS, "member_epoch", Kind::Names(&[(0, "join"), (-1, "leave"), (-2, "leave, and come back")])),
    within(&["OffsetFetchRequest"], "member_epoch", NONE),
    everywhere("member_type", Kind::Names(&[(-1, "unknown"), (0, "classic"), (1, "consumer")])),
    everywhere("generation_id", NONE),
    everywhere("generation_id_or_member_epoch", NONE),
    everywhere("committed_offset", NONE),
    within(
        &["ConsumerGroupCurrentMemberAssignmentValue", "ShareGroupCurrentMemberAssignmentValue"],
        "state",
        Kind::Names(&[(0, "STABLE"), (1, "UNREVOKED_PARTITIONS"), (2, "UNRELEASED_PARTITIONS"), (127, "UNKNOWN")]),
    ),
    within(
        &["StreamsGroupCurrentMemberAssignmentValue"],
        "state",
        Kind::Names(&[(1, "STABLE"), (2, "UNREVOKED_TASKS"), (3, "UNRELEASED_TASKS"), (127, "UNKNOWN")]),
    ),
    everywhere("status_code", Kind::Names(STREAMS_STATUS)),
    within(&["StreamsGroupMetadataValue"], "validated_topology_epoch", NONE),
    // Share groups.
    everywhere("acknowledge_types", Kind::Names(ACKNOWLEDGE_TYPES)),
    everywhere("delivery_state", Kind::Names(DELIVERY_STATES)),
    everywhere("delivery_complete_count", Kind::Names(UNKNOWN)),
    everywhere("share_acquire_mode", Kind::Names(&[(0, "BATCH_OPTIMIZED"), (1, "RECORD_LIMIT")])),
    within(&["DescribeShareGroupOffsetsResponse"], "lag", Kind::Names(UNKNOWN)),
    within(&["ShareUpdateValue", "WriteShareGroupStateRequest"], "start_offset", AS_BEFORE),
    within(SHARE_STATES, "start_offset", NONE),
    // Producers and transactions.
    everywhere("producer_id", NONE),
    everywhere("producer_epoch", NONE),
    everywhere("previous_producer_id", NONE),
    within(&["TransactionLogValue"], "next_producer_id", NONE),
    within(&["TransactionLogValue"], "next_producer_epoch", NONE),
    everywhere("ongoing_txn_producer_id", NONE),
    everywhere("ongoing_txn_producer_epoch", NONE),
    everywhere("last_sequence", NONE),
    everywhere("current_txn_first_offset", NONE),
    everywhere("current_txn_start_offset", NONE),
    everywhere("transaction_status", Kind::Names(TRANSACTION_STATES)),
    everywhere("committed", Kind::Names(&[(0, "abort"), (1, "commit")])),
    everywhere("transaction_result", Kind::Names(&[(0, "abort"), (1, "commit")])),
    // Telemetry.
    everywhere("compression_type", Kind::Names(COMPRESSION_TYPES)),
    everywhere("accepted_compression_types", Kind::Names(COMPRESSION_TYPES)),
    // Tiered storage.
    everywhere("remote_log_segment_state", Kind::Names(REMOTE_LOG_SEGMENT_STATES)),
    everywhere("remote_partition_delete_state", Kind::Names(REMOTE_PARTITION_DELETE_STATES)),
];

const NONE: Kind = Kind::Names(&[(-1, "none")]);
const DATE_OR_NONE: Kind = Kind::Date(&[(-1, "none")]);
const AS_BEFORE: Kind = Kind::Names(&[(-1, "as before")]);
const BROKERS_DEFAULT: Kind = Kind::Names(&[(-1, "the broker's default")]);
const UNKNOWN: Names = &[(-1, "unknown")];

/// What a consumer asks for instead of a time.
const LIST_OFFSETS: Names = &[
    (-1, "latest"),
    (-2, "earliest"),
    (-3, "of the greatest timestamp"),
    (-4, "earliest on local disk"),
    (-5, "latest in tiered storage"),
    (-6, "earliest that waits for its upload"),
];

/// Their `resource_type` is what a config belongs to; everywhere else it is what an ACL is about.
const CONFIG_MESSAGES: &[&str] = &[
    "AlterConfigsRequest",
    "AlterConfigsResponse",
    "ConfigRecord",
    "DescribeConfigsRequest",
    "DescribeConfigsResponse",
    "IncrementalAlterConfigsRequest",
    "IncrementalAlterConfigsResponse",
    "ListConfigResourcesResponse",
];

const HEARTBEATS: &[&str] =
    &["ConsumerGroupHeartbeatRequest", "ShareGroupHeartbeatRequest", "StreamsGroupHeartbeatRequest"];

const SHARE_STATES: &[&str] = &[
    "InitializeShareGroupStateRequest",
    "ReadShareGroupStateResponse",
    "ReadShareGroupStateSummaryResponse",
    "ShareSnapshotValue",
];

const SECURITY_PROTOCOLS: Names = &[(0, "PLAINTEXT"), (1, "SSL"), (2, "SASL_PLAINTEXT"), (3, "SASL_SSL")];

const UPGRADE_TYPES: Names = &[(0, "UNKNOWN"), (1, "UPGRADE"), (2, "SAFE_DOWNGRADE"), (3, "UNSAFE_DOWNGRADE")];

/// Since Kafka 3.5; before it, 1 and 2 were the other way round.
const ZK_MIGRATION_STATES: Names = &[(0, "NONE"), (1, "MIGRATION"), (2, "PRE_MIGRATION"), (3, "POST_MIGRATION")];

const CONTROL_RECORD_TYPES: Names = &[
    (0, "ABORT"),
    (1, "COMMIT"),
    (2, "LEADER_CHANGE"),
    (3, "SNAPSHOT_HEADER"),
    (4, "SNAPSHOT_FOOTER"),
    (5, "KRAFT_VERSION"),
    (6, "KRAFT_VOTERS"),
];

const CONFIG_RESOURCES: Names =
    &[(0, "UNKNOWN"), (2, "TOPIC"), (4, "BROKER"), (8, "BROKER_LOGGER"), (16, "CLIENT_METRICS"), (32, "GROUP")];

const CONFIG_SOURCES: Names = &[
    (0, "UNKNOWN"),
    (1, "TOPIC_CONFIG"),
    (2, "DYNAMIC_BROKER_CONFIG"),
    (3, "DYNAMIC_DEFAULT_BROKER_CONFIG"),
    (4, "STATIC_BROKER_CONFIG"),
    (5, "DEFAULT_CONFIG"),
    (6, "DYNAMIC_BROKER_LOGGER_CONFIG"),
    (7, "CLIENT_METRICS_CONFIG"),
    (8, "GROUP_CONFIG"),
];

const CONFIG_TYPES: Names = &[
    (0, "UNKNOWN"),
    (1, "BOOLEAN"),
    (2, "STRING"),
    (3, "INT"),
    (4, "SHORT"),
    (5, "LONG"),
    (6, "DOUBLE"),
    (7, "LIST"),
    (8, "CLASS"),
    (9, "PASSWORD"),
];

const ACL_RESOURCES: Names = &[
    (0, "UNKNOWN"),
    (1, "ANY"),
    (2, "TOPIC"),
    (3, "GROUP"),
    (4, "CLUSTER"),
    (5, "TRANSACTIONAL_ID"),
    (6, "DELEGATION_TOKEN"),
    (7, "USER"),
];

const ACL_PATTERNS: Names = &[(0, "UNKNOWN"), (1, "ANY"), (2, "MATCH"), (3, "LITERAL"), (4, "PREFIXED")];

const ACL_OPERATIONS: Names = &[
    (0, "UNKNOWN"),
    (1, "ANY"),
    (2, "ALL"),
    (3, "READ"),
    (4, "WRITE"),
    (5, "CREATE"),
    (6, "DELETE"),
    (7, "ALTER"),
    (8, "DESCRIBE"),
    (9, "CLUSTER_ACTION"),
    (10, "DESCRIBE_CONFIGS"),
    (11, "ALTER_CONFIGS"),
    (12, "IDEMPOTENT_WRITE"),
    (13, "CREATE_TOKENS"),
    (14, "DESCRIBE_TOKENS"),
    (15, "TWO_PHASE_COMMIT"),
];

const STREAMS_STATUS: Names = &[
    (0, "STALE_TOPOLOGY"),
    (1, "MISSING_SOURCE_TOPICS"),
    (2, "INCORRECTLY_PARTITIONED_TOPICS"),
    (3, "MISSING_INTERNAL_TOPICS"),
    (4, "SHUTDOWN_APPLICATION"),
    (5, "ASSIGNMENT_DELAYED"),
];

const ACKNOWLEDGE_TYPES: Names = &[(0, "GAP"), (1, "ACCEPT"), (2, "RELEASE"), (3, "REJECT"), (4, "RENEW")];

const DELIVERY_STATES: Names = &[(0, "AVAILABLE"), (2, "ACKNOWLEDGED"), (4, "ARCHIVED")];

const TRANSACTION_STATES: Names = &[
    (0, "Empty"),
    (1, "Ongoing"),
    (2, "PrepareCommit"),
    (3, "PrepareAbort"),
    (4, "CompleteCommit"),
    (5, "CompleteAbort"),
    (6, "Dead"),
    (7, "PrepareEpochFence"),
];

const COMPRESSION_TYPES: Names = &[(0, "none"), (1, "gzip"), (2, "snappy"), (3, "lz4"), (4, "zstd")];

const REMOTE_LOG_SEGMENT_STATES: Names = &[
    (0, "COPY_SEGMENT_STARTED"),
    (1, "COPY_SEGMENT_FINISHED"),
    (2, "DELETE_SEGMENT_STARTED"),
    (3, "DELETE_SEGMENT_FINISHED"),
];

const REMOTE_PARTITION_DELETE_STATES: Names =
    &[(0, "DELETE_PARTITION_MARKED"), (1, "DELETE_PARTITION_STARTED"), (2, "DELETE_PARTITION_FINISHED")];

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeSet;
    use alloc::vec::Vec;

    use arbitrary::Unstructured;

    use super::{FIELDS, date, meaning};
    use crate::AnnotatedValue;
    use crate::messages::REGISTRY;

    /// Message and name of each field that is a number, or several.
    fn numbers() -> BTreeSet<(&'static str, &'static str)> {
        let mut numbers = BTreeSet::new();
        for message in REGISTRY {
            for version in message.versions.clone() {
                for seed in 1..=8u64 {
                    let mut state = seed;
                    let entropy: Vec<u8> = (0..2000).map(|_| next(&mut state)).collect();
                    let bytes =
                        message.random(&mut Unstructured::new(&entropy), version).expect("zeros when it runs dry");
                    let fields = message.annotate(bytes, version).fields.into_iter();
                    let fields = fields
                        .filter(|field| matches!(field.value, AnnotatedValue::Integer(_) | AnnotatedValue::Bool(_)));
                    numbers.extend(fields.map(|field| (field.message, field.field)));
                }
            }
        }
        numbers
    }

    /// Knuth's generator: any bytes do, so long as they are the same each time.
    fn next(state: &mut u64) -> u8 {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*state >> 56) as u8
    }

    #[test]
    fn every_row_is_of_a_field_of_kafkas() {
        let numbers = numbers();
        for row in FIELDS {
            let mut messages = numbers.iter().filter(|(_, field)| *field == row.name).map(|(message, _)| *message);
            if row.messages.is_empty() {
                assert!(messages.next().is_some(), "no message has {}", row.name);
            }
            let messages: BTreeSet<_> = messages.collect();
            for message in row.messages {
                assert!(messages.contains(message), "{message} has no {}", row.name);
            }
        }
    }

    #[test]
    fn every_error_and_every_time_has_a_meaning() {
        for (message, field) in numbers() {
            if field.ends_with("error_code") {
                assert_eq!(
                    meaning(message, field, 3).as_deref(),
                    Some("UNKNOWN_TOPIC_OR_PARTITION"),
                    "{message}.{field}"
                );
            }
            if field.ends_with("timestamp") || field.ends_with("timestamp_ms") {
                let date = meaning(message, field, 1_700_000_000_000);
                assert_eq!(date.as_deref(), Some("2023-11-14T22:13:20.000Z"), "{message}.{field}");
            }
        }
    }

    #[test]
    fn a_code_has_the_name_that_kafka_gave_it() {
        assert_eq!(meaning("FetchResponse", "error_code", 1).as_deref(), Some("OFFSET_OUT_OF_RANGE"));
        assert_eq!(
            meaning("ShareFetchResponse", "acknowledge_error_code", 133).as_deref(),
            Some("SHARE_SESSION_LIMIT_REACHED")
        );
        assert_eq!(meaning("FetchResponse", "error_code", 134), None);
        assert_eq!(meaning("RequestHeader", "request_api_key", 75).as_deref(), Some("DescribeTopicPartitions"));
        assert_eq!(meaning("RequestHeader", "request_api_key", 7), None);
    }

    #[test]
    fn a_resource_is_of_another_kind_in_a_config_than_in_an_acl() {
        assert_eq!(meaning("DescribeConfigsRequest", "resource_type", 4).as_deref(), Some("BROKER"));
        assert_eq!(meaning("CreateAclsRequest", "resource_type", 4).as_deref(), Some("CLUSTER"));
    }

    #[test]
    fn a_time_is_a_date_but_for_those_that_stand_for_something_else() {
        assert_eq!(meaning("ListOffsetsRequest", "timestamp", -5).as_deref(), Some("latest in tiered storage"));
        assert_eq!(meaning("ListOffsetsResponse", "timestamp", -1).as_deref(), Some("none"));
        assert_eq!(meaning("ListOffsetsResponse", "timestamp", 0).as_deref(), Some("1970-01-01T00:00:00.000Z"));
        assert_eq!(meaning("ListOffsetsResponse", "timestamp", i64::MIN), None);
    }

    #[test]
    fn days_follow_one_another_through_leap_years_and_centuries() {
        assert_eq!(date(951_827_696_789).as_deref(), Some("2000-02-29T12:34:56.789Z"));
        assert_eq!(date(1_709_251_199_999).as_deref(), Some("2024-02-29T23:59:59.999Z"));
        assert_eq!(date(1_709_251_200_000).as_deref(), Some("2024-03-01T00:00:00.000Z"));
        assert_eq!(date(4_107_542_400_000).as_deref(), Some("2100-03-01T00:00:00.000Z"));
        assert_eq!(date(253_402_300_799_999).as_deref(), Some("9999-12-31T23:59:59.999Z"));
        assert_eq!((date(253_402_300_800_000), date(-1), date(i64::MAX), date(i64::MIN)), (None, None, None, None));
        let days = (0..140_000).map(|day| date(day * 86_400_000).expect("before 2400"));
        assert!(days.is_sorted(), "each day comes after the one before");
    }

    #[test]
    fn authorized_operations_are_a_set_of_bits() {
        let say = |bits| meaning("MetadataResponse", "topic_authorized_operations", bits);
        assert_eq!(say(0b1_0000_1000).as_deref(), Some("READ, DESCRIBE"));
        assert_eq!(say(0).as_deref(), Some("none"));
        assert_eq!(say(i64::from(i32::MIN)).as_deref(), Some("not asked for"));
        assert_eq!(say(1 << 20), None);
        assert_eq!(say(-1), None);
    }

    #[test]
    fn most_numbers_are_just_numbers() {
        assert_eq!(meaning("FetchRequest", "max_wait_ms", -1), None);
        assert_eq!(meaning("FetchRequest", "", 0), None);
    }
}
