//! Questions about groups and transactions. A group of the inquirer's own has a member now and then.

use ottla_core::error_code::ErrorCode;
use ottla_core::wire::messages::add_partitions_to_txn::{AddPartitionsToTxnRequest, AddPartitionsToTxnTopic};
use ottla_core::wire::messages::consumer_group_heartbeat::ConsumerGroupHeartbeatRequest;
use ottla_core::wire::messages::delete_groups::DeleteGroupsRequest;
use ottla_core::wire::messages::describe_groups::DescribeGroupsRequest;
use ottla_core::wire::messages::describe_transactions::DescribeTransactionsRequest;
use ottla_core::wire::messages::end_txn::EndTxnRequest;
use ottla_core::wire::messages::find_coordinator::FindCoordinatorRequest;
use ottla_core::wire::messages::heartbeat::HeartbeatRequest;
use ottla_core::wire::messages::init_producer_id::InitProducerIdRequest;
use ottla_core::wire::messages::join_group::{JoinGroupRequest, JoinGroupRequestProtocol};
use ottla_core::wire::messages::list_transactions::ListTransactionsRequest;
use ottla_core::wire::messages::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use ottla_core::wire::messages::offset_delete::{
    OffsetDeleteRequest, OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
};
use ottla_core::wire::messages::share_acknowledge::ShareAcknowledgeRequest;
use ottla_core::wire::messages::share_fetch::ShareFetchRequest;
use ottla_core::wire::messages::share_group_heartbeat::ShareGroupHeartbeatRequest;

use super::{Asked, NOTHING, Question, TOPIC, asked};

/// A group of the inquirer's own.
const GROUP: &str = "asked";
/// Its member.
const MEMBER: &str = "asker";
/// To the first topic that lasts, as consumers write it into their protocols.
const SUBSCRIPTION: &[u8] = b"\0\0\0\0\0\x01\0\x06topic0\xff\xff\xff\xff";
/// The epoch with which a member leaves, or a share session ends.
const LEAVES: i32 = -1;

/// A consumer may not be taken where the group has other members, or is one that shares.
const IN_GROUP: &[ErrorCode] = &[
    ErrorCode::None,
    ErrorCode::GroupIdNotFound,
    ErrorCode::InconsistentGroupProtocol,
    ErrorCode::GroupMaxSizeReached,
    ErrorCode::FencedMemberEpoch,
];

/// All of them.
pub(super) const QUESTIONS: &[Question] = &[
    Question {
        what: "a session that is too long",
        errors: &[ErrorCode::InvalidSessionTimeout],
        request: |_| join(JoinGroupRequest { session_timeout_ms: i32::MAX, ..joining() }),
    },
    Question {
        what: "a place in a group without a name",
        errors: &[ErrorCode::InvalidGroupId],
        request: |_| join(JoinGroupRequest { group_id: "".into(), ..joining() }),
    },
    Question {
        what: "a place as a member that nobody knows",
        errors: &[ErrorCode::UnknownMemberId],
        request: |_| join(JoinGroupRequest { group_id: NOTHING.into(), member_id: MEMBER.into(), ..joining() }),
    },
    Question {
        what: "a place in a group of another kind, if it is there",
        errors: &[ErrorCode::InconsistentGroupProtocol, ErrorCode::UnknownMemberId, ErrorCode::GroupMaxSizeReached],
        request: |_| join(JoinGroupRequest { member_id: NOTHING.into(), ..joining() }),
    },
    Question {
        what: "a sign of life of a member that nobody knows",
        // A coordinator that loads says that all is well.
        errors: &[ErrorCode::UnknownMemberId, ErrorCode::None],
        request: |_| {
            let request =
                HeartbeatRequest { group_id: NOTHING.into(), member_id: MEMBER.into(), ..HeartbeatRequest::default() };
            asked(&request, 4)
        },
    },
    Question { what: "a place in the inquirer's group", errors: IN_GROUP, request: |_| beat(joining_consumer()) },
    Question {
        what: "the place of a static member that has not left",
        errors: &[
            ErrorCode::UnreleasedInstanceId,
            ErrorCode::None,
            ErrorCode::GroupMaxSizeReached,
            ErrorCode::GroupIdNotFound,
            ErrorCode::InconsistentGroupProtocol,
        ],
        request: |talk| {
            let member = format!("{MEMBER}-{}", talk.chance.between(0..=9));
            beat(ConsumerGroupHeartbeatRequest {
                member_id: member.as_str().into(),
                instance_id: Some(MEMBER.into()),
                ..joining_consumer()
            })
        },
    },
    Question {
        what: "to leave the inquirer's group",
        errors: &[ErrorCode::UnknownMemberId, ErrorCode::GroupIdNotFound, ErrorCode::None],
        request: |_| {
            beat(ConsumerGroupHeartbeatRequest {
                group_id: GROUP.into(),
                member_id: MEMBER.into(),
                member_epoch: LEAVES,
                ..ConsumerGroupHeartbeatRequest::default()
            })
        },
    },
    Question {
        what: "a place in the inquirer's group, if it is there or may be one that shares",
        errors: &[ErrorCode::GroupIdNotFound, ErrorCode::None],
        request: |_| {
            let request = ShareGroupHeartbeatRequest {
                group_id: GROUP.into(),
                member_id: MEMBER.into(),
                subscribed_topic_names: Some(vec![TOPIC.into()]),
                ..ShareGroupHeartbeatRequest::default()
            };
            asked(&request, 1)
        },
    },
    Question {
        what: "to leave the inquirer's group, if it is one that shares",
        errors: &[ErrorCode::UnknownMemberId, ErrorCode::GroupIdNotFound, ErrorCode::None],
        request: |_| {
            let request = ShareGroupHeartbeatRequest {
                group_id: GROUP.into(),
                member_id: MEMBER.into(),
                member_epoch: LEAVES,
                ..ShareGroupHeartbeatRequest::default()
            };
            asked(&request, 1)
        },
    },
    Question {
        what: "a place in the inquirer's group, if it is there or may be a classic one",
        errors: &[
            ErrorCode::None,
            ErrorCode::InconsistentGroupProtocol,
            ErrorCode::UnknownMemberId,
            ErrorCode::FencedInstanceId,
            ErrorCode::UnreleasedInstanceId,
            ErrorCode::RebalanceInProgress,
            ErrorCode::GroupMaxSizeReached,
        ],
        request: |_| {
            join(JoinGroupRequest {
                session_timeout_ms: 6_000,
                rebalance_timeout_ms: 100,
                protocol_type: "consumer".into(),
                group_instance_id: Some(NOTHING.into()),
                protocols: vec![JoinGroupRequestProtocol {
                    name: "range".into(),
                    metadata: SUBSCRIPTION.into(),
                    ..JoinGroupRequestProtocol::default()
                }],
                ..joining()
            })
        },
    },
    Question {
        what: "an offset for the inquirer's group, if it has no members",
        errors: &[
            ErrorCode::None,
            ErrorCode::UnknownMemberId,
            ErrorCode::StaleMemberEpoch,
            ErrorCode::IllegalGeneration,
            ErrorCode::GroupIdNotFound,
            ErrorCode::RebalanceInProgress,
        ],
        request: |_| commit(GROUP, -1, OffsetCommitRequestPartition::default()),
    },
    Question {
        what: "an offset of a member in an epoch that is over or still to come",
        errors: &[
            ErrorCode::StaleMemberEpoch,
            ErrorCode::UnknownMemberId,
            ErrorCode::IllegalGeneration,
            ErrorCode::GroupIdNotFound,
        ],
        request: |_| commit_as(MEMBER, GROUP, i32::MAX, OffsetCommitRequestPartition::default()),
    },
    Question {
        what: "coordinators of the inquirer's group, and of a transactional id",
        errors: &[ErrorCode::None],
        request: |talk| {
            let request = FindCoordinatorRequest {
                key_type: i8::from(talk.chance.coin()),
                coordinator_keys: vec![GROUP.into()],
                ..FindCoordinatorRequest::default()
            };
            asked(&request, 4)
        },
    },
    Question {
        what: "a share session with nothing in it",
        errors: &[ErrorCode::None, ErrorCode::ShareSessionLimitReached],
        request: |_| share_session(0),
    },
    Question {
        what: "the end of a share session that may be there",
        errors: &[ErrorCode::None, ErrorCode::ShareSessionNotFound],
        request: |_| share_session(LEAVES),
    },
    Question {
        what: "an epoch that is still to come",
        errors: &[
            ErrorCode::FencedMemberEpoch,
            ErrorCode::UnknownMemberId,
            ErrorCode::GroupIdNotFound,
            ErrorCode::GroupMaxSizeReached,
        ],
        request: |_| {
            beat(ConsumerGroupHeartbeatRequest {
                group_id: GROUP.into(),
                member_id: MEMBER.into(),
                member_epoch: i32::MAX,
                ..ConsumerGroupHeartbeatRequest::default()
            })
        },
    },
    Question {
        what: "an assignor that is none",
        errors: &[
            ErrorCode::UnsupportedAssignor,
            ErrorCode::GroupIdNotFound,
            ErrorCode::InconsistentGroupProtocol,
            ErrorCode::GroupMaxSizeReached,
        ],
        request: |_| {
            beat(ConsumerGroupHeartbeatRequest { server_assignor: Some(NOTHING.into()), ..joining_consumer() })
        },
    },
    Question {
        what: "topics by an expression that is none",
        errors: &[
            ErrorCode::InvalidRegularExpression,
            ErrorCode::GroupIdNotFound,
            ErrorCode::InconsistentGroupProtocol,
            ErrorCode::GroupMaxSizeReached,
        ],
        request: |_| {
            beat(ConsumerGroupHeartbeatRequest {
                subscribed_topic_names: None,
                subscribed_topic_regex: Some("(".into()),
                ..joining_consumer()
            })
        },
    },
    Question {
        what: "the deletion of a group that may have members",
        errors: &[ErrorCode::NonEmptyGroup, ErrorCode::GroupIdNotFound, ErrorCode::None],
        request: |_| {
            let request = DeleteGroupsRequest { groups_names: vec![GROUP.into()], ..DeleteGroupsRequest::default() };
            asked(&request, 2)
        },
    },
    Question {
        what: "the deletion of offsets that may be needed",
        errors: &[
            ErrorCode::GroupSubscribedToTopic,
            ErrorCode::NonEmptyGroup,
            ErrorCode::GroupIdNotFound,
            ErrorCode::None,
        ],
        request: |_| {
            let topic = OffsetDeleteRequestTopic {
                name: TOPIC.into(),
                partitions: vec![OffsetDeleteRequestPartition::default()],
                ..OffsetDeleteRequestTopic::default()
            };
            let request =
                OffsetDeleteRequest { group_id: GROUP.into(), topics: vec![topic], ..OffsetDeleteRequest::default() };
            asked(&request, 0)
        },
    },
    Question {
        what: "what a group is that is not there",
        errors: &[ErrorCode::GroupIdNotFound],
        request: |_| {
            asked(&DescribeGroupsRequest { groups: vec![NOTHING.into()], ..DescribeGroupsRequest::default() }, 6)
        },
    },
    Question {
        what: "an offset with too much to remember",
        errors: &[ErrorCode::OffsetMetadataTooLarge],
        request: |_| {
            let partition = OffsetCommitRequestPartition {
                committed_metadata: Some("x".repeat(5_000).as_str().into()),
                ..OffsetCommitRequestPartition::default()
            };
            commit(NOTHING, -1, partition)
        },
    },
    Question {
        what: "an offset of a generation that never was",
        errors: &[ErrorCode::GroupIdNotFound],
        request: |_| commit("never", 3, OffsetCommitRequestPartition::default()),
    },
    Question {
        what: "a coordinator of nothing",
        errors: &[ErrorCode::InvalidRequest],
        request: |_| {
            let request = FindCoordinatorRequest {
                key_type: 9,
                coordinator_keys: vec![NOTHING.into()],
                ..FindCoordinatorRequest::default()
            };
            asked(&request, 4)
        },
    },
    Question {
        what: "a transaction that may take too long",
        errors: &[ErrorCode::InvalidTransactionTimeout],
        request: |_| {
            let request = InitProducerIdRequest {
                transactional_id: Some(NOTHING.into()),
                transaction_timeout_ms: i32::MAX,
                ..InitProducerIdRequest::default()
            };
            asked(&request, 4)
        },
    },
    Question {
        what: "partitions for a transaction of nobody",
        errors: &[ErrorCode::InvalidProducerIdMapping],
        request: |_| add_partitions(&[TOPIC]),
    },
    Question {
        what: "partitions that are there and others that are not, for a transaction",
        errors: &[
            ErrorCode::OperationNotAttempted,
            ErrorCode::UnknownTopicOrPartition,
            ErrorCode::InvalidProducerIdMapping,
        ],
        request: |_| add_partitions(&[TOPIC, NOTHING]),
    },
    Question {
        what: "the end of nobody's transaction",
        errors: &[ErrorCode::InvalidProducerIdMapping],
        request: |_| {
            let request = EndTxnRequest { transactional_id: NOTHING.into(), ..EndTxnRequest::default() };
            asked(&request, 4)
        },
    },
    Question {
        what: "what nobody's transaction is",
        errors: &[ErrorCode::TransactionalIdNotFound],
        request: |_| {
            let request = DescribeTransactionsRequest {
                transactional_ids: vec![NOTHING.into()],
                ..DescribeTransactionsRequest::default()
            };
            asked(&request, 0)
        },
    },
    Question {
        what: "transactions by an expression that is none",
        errors: &[ErrorCode::InvalidRegularExpression],
        request: |_| {
            let request = ListTransactionsRequest {
                transactional_id_pattern: Some("(".into()),
                ..ListTransactionsRequest::default()
            };
            asked(&request, 2)
        },
    },
    Question {
        what: "a share session that is not there",
        errors: &[ErrorCode::ShareSessionNotFound],
        request: |_| {
            let request = ShareFetchRequest {
                group_id: Some(NOTHING.into()),
                member_id: Some(MEMBER.into()),
                share_session_epoch: 5,
                ..ShareFetchRequest::default()
            };
            asked(&request, 1)
        },
    },
    Question {
        what: "a share session that begins with an acknowledgement",
        errors: &[ErrorCode::InvalidShareSessionEpoch],
        request: |_| {
            let request = ShareAcknowledgeRequest {
                group_id: Some(NOTHING.into()),
                member_id: Some(MEMBER.into()),
                ..ShareAcknowledgeRequest::default()
            };
            asked(&request, 1)
        },
    },
];

fn joining() -> JoinGroupRequest {
    let protocol = JoinGroupRequestProtocol { name: "range".into(), ..JoinGroupRequestProtocol::default() };
    JoinGroupRequest {
        group_id: GROUP.into(),
        session_timeout_ms: 10_000,
        rebalance_timeout_ms: 10_000,
        protocol_type: NOTHING.into(),
        protocols: vec![protocol],
        ..JoinGroupRequest::default()
    }
}

fn join(request: JoinGroupRequest) -> Asked {
    asked(&request, 7)
}

fn joining_consumer() -> ConsumerGroupHeartbeatRequest {
    ConsumerGroupHeartbeatRequest {
        group_id: GROUP.into(),
        member_id: MEMBER.into(),
        rebalance_timeout_ms: 5_000,
        subscribed_topic_names: Some(vec![TOPIC.into()]),
        topic_partitions: Some(Vec::new()),
        ..ConsumerGroupHeartbeatRequest::default()
    }
}

fn beat(request: ConsumerGroupHeartbeatRequest) -> Asked {
    asked(&request, 1)
}

fn share_session(epoch: i32) -> Asked {
    let request = ShareFetchRequest {
        group_id: Some(GROUP.into()),
        member_id: Some(MEMBER.into()),
        share_session_epoch: epoch,
        ..ShareFetchRequest::default()
    };
    asked(&request, 1)
}

fn commit(group: &str, generation: i32, partition: OffsetCommitRequestPartition) -> Asked {
    commit_as("", group, generation, partition)
}

fn commit_as(member: &str, group: &str, generation: i32, partition: OffsetCommitRequestPartition) -> Asked {
    let topic = OffsetCommitRequestTopic {
        name: TOPIC.into(),
        partitions: vec![partition],
        ..OffsetCommitRequestTopic::default()
    };
    let request = OffsetCommitRequest {
        group_id: group.into(),
        member_id: member.into(),
        generation_id_or_member_epoch: generation,
        topics: vec![topic],
        ..OffsetCommitRequest::default()
    };
    asked(&request, 9)
}

fn add_partitions(topics: &[&str]) -> Asked {
    let topic = |name: &&str| AddPartitionsToTxnTopic {
        name: (*name).into(),
        partitions: vec![0],
        ..AddPartitionsToTxnTopic::default()
    };
    let request = AddPartitionsToTxnRequest {
        v3_and_below_transactional_id: NOTHING.into(),
        v3_and_below_producer_id: 1,
        v3_and_below_topics: topics.iter().map(topic).collect(),
        ..AddPartitionsToTxnRequest::default()
    };
    asked(&request, 3)
}
