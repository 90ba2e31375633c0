//! What applications do with groups: find a coordinator, commit offsets and read them back, join, share work, leave.

mod archives;
mod world;

use archives::{CLEAN, CRASHED, unpack};
use ottla_core::boundary::{ConnId, StorageCommand};
use ottla_core::wire::messages::delete_groups::{DeleteGroupsRequest, DeleteGroupsResponse};
use ottla_core::wire::messages::delete_topics::{DeleteTopicsRequest, DeleteTopicsResponse};
use ottla_core::wire::messages::describe_groups::{DescribeGroupsRequest, DescribeGroupsResponse};
use ottla_core::wire::messages::find_coordinator::{FindCoordinatorRequest, FindCoordinatorResponse};
use ottla_core::wire::messages::heartbeat::{HeartbeatRequest, HeartbeatResponse};
use ottla_core::wire::messages::join_group::{JoinGroupRequest, JoinGroupRequestProtocol, JoinGroupResponse};
use ottla_core::wire::messages::leave_group::{LeaveGroupRequest, LeaveGroupResponse, MemberIdentity};
use ottla_core::wire::messages::list_groups::{ListGroupsRequest, ListGroupsResponse};
use ottla_core::wire::messages::metadata::{MetadataRequest, MetadataResponse};
use ottla_core::wire::messages::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic, OffsetCommitResponse,
};
use ottla_core::wire::messages::offset_delete::{
    OffsetDeleteRequest, OffsetDeleteRequestPartition, OffsetDeleteRequestTopic, OffsetDeleteResponse,
};
use ottla_core::wire::messages::offset_fetch::{
    OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopics, OffsetFetchResponse,
};
use ottla_core::wire::messages::produce::{PartitionProduceData, ProduceRequest, ProduceResponse, TopicProduceData};
use ottla_core::wire::messages::sync_group::{SyncGroupRequest, SyncGroupRequestAssignment, SyncGroupResponse};
use ottla_core::wire::{ErrorCode, Records, Uuid};
use world::{CLIENT, Verdict, World, batch};

const NONE: i16 = ErrorCode::None as i16;
const RETENTION_CHECK_MS: i64 = 600_000;
const MINUTE_MS: i64 = 60_000;

#[test]
fn the_first_who_asks_for_a_coordinator_makes_the_topic_of_offsets_and_finds_one() {
    let mut world = World::new(&[("advertised.listeners", "PLAINTEXT://broker.example:9099")]);
    let found = find(&mut world, &["one", "two"]);
    assert_eq!(found.coordinators.len(), 2);
    for coordinator in &found.coordinators {
        assert_eq!((coordinator.error_code, coordinator.node_id), (NONE, 1));
        assert_eq!((&*coordinator.host, coordinator.port), ("broker.example", 9099));
    }
    let metadata: MetadataResponse =
        world.call(12, &MetadataRequest { topics: None, allow_auto_topic_creation: false, ..Default::default() });
    let topic = &metadata.topics[0];
    assert_eq!((topic.name.as_deref(), topic.is_internal), (Some("__consumer_offsets"), true));
    assert_eq!(topic.partitions.len(), 50);
}

#[test]
fn only_coordinators_write_to_the_topic_of_offsets() {
    let mut world = ready(&[]);
    let data =
        PartitionProduceData { index: 0, records: Some(Records::Bytes(batch(&["x"]).into())), ..Default::default() };
    let topic =
        TopicProduceData { name: "__consumer_offsets".into(), partition_data: vec![data], ..Default::default() };
    let request = ProduceRequest { acks: -1, timeout_ms: 1_000, topic_data: vec![topic], ..Default::default() };
    let answer: ProduceResponse = world.call(9, &request);
    assert_eq!(answer.responses[0].partition_responses[0].error_code, ErrorCode::InvalidTopicException as i16);
}

#[test]
fn offsets_of_a_simple_consumer_are_there_after_a_stop_and_after_a_crash() {
    let mut world = ready(&[]);
    assert_eq!(commit(&mut world, "readers", 0, 7), NONE);
    assert_eq!(commit(&mut world, "readers", 1, 9), NONE);
    assert_eq!(commit(&mut world, "readers", 0, 8), NONE);
    assert_eq!(fetch(&mut world, "readers", &[0, 1, 2]), [8, 9, -1]);
    let disk = world.shut_down();
    let mut world = World::on(disk, &[]);
    assert_eq!(fetch(&mut world, "readers", &[0, 1, 2]), [8, 9, -1]);
    assert_eq!(commit(&mut world, "readers", 2, 5), NONE);
    let disk = world.crash();
    let mut world = World::on(disk, &[]);
    assert_eq!(fetch(&mut world, "readers", &[0, 1, 2]), [8, 9, 5]);
    assert_eq!(fetch(&mut world, "others", &[0]), [-1]);
}

#[test]
fn an_offset_is_told_in_every_version_with_what_was_committed_beside_it() {
    let mut world = ready(&[]);
    commit(&mut world, "readers", 1, 9);
    for version in 1..=7 {
        let topics = ottla_core::wire::messages::offset_fetch::OffsetFetchRequestTopic {
            name: "letters".into(),
            partition_indexes: vec![1],
            ..Default::default()
        };
        let request =
            OffsetFetchRequest { group_id: "readers".into(), topics: Some(vec![topics]), ..Default::default() };
        let answer: OffsetFetchResponse = world.call(version, &request);
        let partition = &answer.topics[0].partitions[0];
        assert_eq!((partition.committed_offset, partition.metadata.as_deref()), (9, Some("beside")), "{version}");
    }
    for version in [8, 9] {
        let request = OffsetFetchRequest { groups: vec![asked("readers", None)], ..Default::default() };
        let answer: OffsetFetchResponse = world.call(version, &request);
        let topic = &answer.groups[0].topics[0];
        assert_eq!((&*topic.name, topic.partitions[0].committed_offset), ("letters", 9));
        assert_eq!(topic.partitions[0].committed_leader_epoch, 3);
    }
}

#[test]
fn what_is_asked_twice_in_one_request_is_told_once() {
    let mut world = ready(&[]);
    commit(&mut world, "readers", 1, 9);
    let topic =
        OffsetFetchRequestTopics { name: "letters".into(), partition_indexes: vec![1, 1, 0, 1], ..Default::default() };
    let group = asked("readers", Some(vec![topic.clone(), topic]));
    let request = OffsetFetchRequest { groups: vec![group.clone(), group], ..Default::default() };
    let answer: OffsetFetchResponse = world.call(8, &request);
    let told: Vec<_> =
        answer.groups.iter().flat_map(|group| &group.topics).map(|topic| topic.partitions.len()).collect();
    assert_eq!(told, [2, 0]);
    let request = DescribeGroupsRequest { groups: vec!["readers".into(), "readers".into()], ..Default::default() };
    let answer: DescribeGroupsResponse = world.call(6, &request);
    assert_eq!(answer.groups.len(), 1);
}

#[test]
fn offsets_by_topic_id_are_not_those_of_a_topic_that_had_the_name_before() {
    let mut world = ready(&[]);
    let id = topic_id(&mut world, "letters");
    let mut request = commit_request("readers", 0, 7);
    request.topics[0].topic_id = id;
    let answer: OffsetCommitResponse = world.call(10, &request);
    assert_eq!(answer.topics[0].partitions[0].error_code, NONE);
    let mut fetched = |topic_id: Uuid| {
        let topics = OffsetFetchRequestTopics { topic_id, partition_indexes: vec![0], ..Default::default() };
        let request = OffsetFetchRequest { groups: vec![asked("readers", Some(vec![topics]))], ..Default::default() };
        let answer: OffsetFetchResponse = world.call(10, &request);
        let partition = &answer.groups[0].topics[0].partitions[0];
        (partition.error_code, partition.committed_offset)
    };
    assert_eq!(fetched(id), (NONE, 7));
    assert_eq!(fetched(Uuid(99)), (ErrorCode::UnknownTopicId as i16, -1));
    request.topics[0].topic_id = Uuid(99);
    let answer: OffsetCommitResponse = world.call(10, &request);
    assert_eq!(answer.topics[0].partitions[0].error_code, ErrorCode::UnknownTopicId as i16);
    delete_topic(&mut world, "letters");
    let again = world.create_topic("letters", 4);
    let topics = OffsetFetchRequestTopics { topic_id: again, partition_indexes: vec![0], ..Default::default() };
    let request = OffsetFetchRequest { groups: vec![asked("readers", Some(vec![topics]))], ..Default::default() };
    let answer: OffsetFetchResponse = world.call(10, &request);
    assert_eq!(answer.groups[0].topics[0].partitions[0].committed_offset, -1);
}

#[test]
fn offsets_of_unknown_partitions_and_long_metadata_are_refused_one_by_one() {
    let mut world = ready(&[("offset.metadata.max.bytes", "10")]);
    let mut request = commit_request("readers", 0, 7);
    let partition = |index: i32, metadata: &str| OffsetCommitRequestPartition {
        partition_index: index,
        committed_offset: 1,
        committed_metadata: Some(metadata.into()),
        ..Default::default()
    };
    request.topics[0].partitions = vec![partition(0, "short"), partition(1, "longer than that"), partition(9, "")];
    let answer: OffsetCommitResponse = world.call(8, &request);
    let errors: Vec<_> = answer.topics[0].partitions.iter().map(|partition| partition.error_code).collect();
    let too_large = ErrorCode::OffsetMetadataTooLarge as i16;
    assert_eq!(errors, [NONE, too_large, ErrorCode::UnknownTopicOrPartition as i16]);
    assert_eq!(fetch(&mut world, "readers", &[0, 1]), [1, -1]);
}

#[test]
fn who_claims_to_be_a_member_of_a_group_that_is_not_there_is_told_so() {
    let mut world = ready(&[]);
    let mut request = commit_request("readers", 0, 7);
    request.generation_id_or_member_epoch = 4;
    for (version, error) in [(8, ErrorCode::IllegalGeneration), (9, ErrorCode::GroupIdNotFound)] {
        let answer: OffsetCommitResponse = world.call(version, &request);
        assert_eq!(answer.topics[0].partitions[0].error_code, error as i16);
    }
}

#[test]
fn a_commit_is_answered_when_it_is_synced_and_nobody_reads_it_before() {
    let mut world = ready(&[("log.flush.interval.messages", "1")]);
    commit(&mut world, "readers", 0, 1);
    world.judge = Box::new(|command| match command {
        StorageCommand::Sync { .. } => Verdict::Hold,
        _ => Verdict::Do,
    });
    world.send(8, &commit_request("readers", 0, 7));
    let reader = ConnId(2);
    world.open(reader);
    world.send_from(reader, 8, &OffsetFetchRequest { groups: vec![asked("readers", None)], ..Default::default() });
    assert!(world.answer::<OffsetCommitResponse>(8).is_none());
    assert!(world.answer_to::<OffsetFetchResponse>(reader, 8).is_none());
    world.release();
    let answer: OffsetCommitResponse = world.answer(8).expect("it is synced");
    assert_eq!(answer.topics[0].partitions[0].error_code, NONE);
    let (_, fetched) = world.answer_to::<OffsetFetchResponse>(reader, 8).expect("it is synced");
    assert_eq!(fetched.groups[0].topics[0].partitions[0].committed_offset, 7);
}

#[test]
fn a_commit_that_takes_too_long_and_one_that_fails_are_told_apart() {
    let mut world = ready(&[("log.flush.interval.messages", "1"), ("offsets.commit.timeout.ms", "700")]);
    world.judge = Box::new(|command| match command {
        StorageCommand::Sync { .. } => Verdict::Hold,
        _ => Verdict::Do,
    });
    world.send(8, &commit_request("readers", 0, 7));
    world.pass_ms(700);
    let late: OffsetCommitResponse = world.answer(8).expect("the time answers it");
    assert_eq!(late.topics[0].partitions[0].error_code, ErrorCode::CoordinatorNotAvailable as i16);
    world.release();
    world.judge = Box::new(|command| match command {
        StorageCommand::Append { .. } => Verdict::Fail,
        _ => Verdict::Do,
    });
    assert_eq!(commit(&mut world, "readers", 0, 8), ErrorCode::NotCoordinator as i16);
    assert_eq!(commit(&mut world, "readers", 0, 9), ErrorCode::NotCoordinator as i16);
    let found = find(&mut world, &["readers"]);
    assert_eq!(found.coordinators[0].error_code, ErrorCode::CoordinatorNotAvailable as i16);
}

#[test]
fn a_coordinator_that_is_loading_says_so_but_to_heartbeats() {
    let mut world = ready(&[]);
    commit(&mut world, "readers", 0, 7);
    let mut world = World::starting(world.shut_down(), &[]);
    let is_serving = std::rc::Rc::new(std::cell::Cell::new(false));
    let serving = std::rc::Rc::clone(&is_serving);
    world.judge = Box::new(move |command| match command {
        StorageCommand::Read { .. } if serving.get() => Verdict::Hold,
        _ => Verdict::Do,
    });
    // The last thing before the broker serves is that its logs are open: reads after that are the coordinator's.
    while world.broker.serving().is_none() {
        let Some(output) = world.broker.poll_output() else { break };
        world.take(output);
    }
    is_serving.set(true);
    world.run();
    world.open(CLIENT);
    assert_eq!(commit(&mut world, "readers", 0, 8), ErrorCode::CoordinatorLoadInProgress as i16);
    let request = OffsetFetchRequest { groups: vec![asked("readers", None)], ..Default::default() };
    let answer: OffsetFetchResponse = world.call(8, &request);
    assert_eq!(answer.groups[0].error_code, ErrorCode::CoordinatorLoadInProgress as i16);
    let beat: HeartbeatResponse = world.call(4, &HeartbeatRequest { group_id: "readers".into(), ..Default::default() });
    assert_eq!(beat.error_code, NONE);
    let listed: ListGroupsResponse = world.call(4, &ListGroupsRequest::default());
    assert_eq!(listed.error_code, ErrorCode::CoordinatorLoadInProgress as i16);
    world.release();
    assert_eq!(fetch(&mut world, "readers", &[0]), [7]);
}

#[test]
fn offsets_that_nobody_asked_for_in_a_week_are_forgotten_and_so_is_the_group() {
    let mut world = ready(&[("offsets.retention.minutes", "60")]);
    commit(&mut world, "readers", 0, 7);
    world.pass_ms(30 * MINUTE_MS);
    commit(&mut world, "readers", 1, 9);
    world.pass_ms(29 * MINUTE_MS);
    assert_eq!(fetch(&mut world, "readers", &[0, 1]), [7, 9]);
    world.pass_ms(2 * MINUTE_MS);
    assert_eq!(fetch(&mut world, "readers", &[0, 1]), [-1, 9]);
    assert_eq!(listed(&mut world), ["readers"]);
    world.pass_ms(60 * MINUTE_MS);
    assert_eq!(listed(&mut world), [""; 0]);
    let mut world = World::on(world.crash(), &[]);
    assert_eq!(fetch(&mut world, "readers", &[0, 1]), [-1, -1]);
}

#[test]
fn offsets_with_an_end_of_their_own_go_when_the_client_said() {
    let mut world = ready(&[]);
    let request = OffsetCommitRequest { retention_time_ms: 5_000, ..commit_request("readers", 0, 7) };
    let answer: OffsetCommitResponse = world.call(4, &request);
    assert_eq!(answer.topics[0].partitions[0].error_code, NONE);
    world.pass_ms(RETENTION_CHECK_MS - 1);
    assert_eq!(fetch(&mut world, "readers", &[0]), [7], "nobody looks so often");
    world.pass_ms(1);
    assert_eq!(fetch(&mut world, "readers", &[0]), [-1]);
}

#[test]
fn a_group_that_nobody_uses_costs_no_wake_up_until_its_offsets_are_too_old() {
    let mut world = ready(&[("log.cleaner.enable", "false")]);
    commit(&mut world, "readers", 0, 7);
    // Retention of segments and checkpoints have their own times, with groups or without.
    let mut alone = World::new(&[("log.cleaner.enable", "false"), ("connections.max.idle.ms", "-1")]);
    let wake_ups = |world: &mut World| {
        let end = world.now.monotonic.plus_ms(60 * MINUTE_MS);
        let mut count = 0;
        while let Some(at) = world.broker.deadline().filter(|at| *at <= end) {
            world.pass_ms(i64::try_from(at.since(world.now.monotonic).as_millis()).unwrap().max(1));
            count += 1;
        }
        count
    };
    world.pass_ms(2 * MINUTE_MS);
    alone.pass_ms(2 * MINUTE_MS);
    assert_eq!(wake_ups(&mut world), wake_ups(&mut alone));
}

#[test]
fn the_offsets_of_a_deleted_topic_are_forgotten() {
    let mut world = ready(&[]);
    commit(&mut world, "readers", 0, 7);
    delete_topic(&mut world, "letters");
    world.create_topic("letters", 4);
    assert_eq!(fetch(&mut world, "readers", &[0]), [-1]);
}

#[test]
fn a_group_is_deleted_with_its_offsets_but_not_while_it_has_members() {
    let mut world = ready(&[]);
    commit(&mut world, "readers", 0, 7);
    let member = first_member(&mut world, "workers");
    assert_eq!(
        delete_groups(&mut world, &["readers", "workers", "nobody", "readers"]),
        [NONE, ErrorCode::NonEmptyGroup as i16, ErrorCode::GroupIdNotFound as i16,]
    );
    assert_eq!(fetch(&mut world, "readers", &[0]), [-1]);
    assert_eq!(listed(&mut world), ["workers"]);
    leave(&mut world, "workers", &member);
    assert_eq!(delete_groups(&mut world, &["workers"]), [NONE]);
    let mut world = World::on(world.crash(), &[]);
    assert_eq!(listed(&mut world), [""; 0]);
}

#[test]
fn offsets_are_deleted_one_by_one_but_not_of_topics_that_are_read() {
    let mut world = ready(&[]);
    world.create_topic("parcels", 1);
    let member = first_member(&mut world, "readers");
    let mut request = commit_request("readers", 0, 7);
    request.generation_id_or_member_epoch = 1;
    request.member_id = member.as_str().into();
    request.topics.push(OffsetCommitRequestTopic { name: "parcels".into(), ..request.topics[0].clone() });
    let answer: OffsetCommitResponse = world.call(8, &request);
    assert_eq!(answer.topics[1].partitions[0].error_code, NONE);
    let mut delete = |group: &str, topic: &str, index: i32| {
        let partition = OffsetDeleteRequestPartition { partition_index: index, ..Default::default() };
        let topic = OffsetDeleteRequestTopic { name: topic.into(), partitions: vec![partition], ..Default::default() };
        let request = OffsetDeleteRequest { group_id: group.into(), topics: vec![topic], ..Default::default() };
        let answer: OffsetDeleteResponse = world.call(0, &request);
        let of_partition = answer.topics.first().map(|topic| topic.partitions[0].error_code);
        (answer.error_code, of_partition)
    };
    assert_eq!(delete("readers", "letters", 0), (NONE, Some(ErrorCode::GroupSubscribedToTopic as i16)));
    assert_eq!(delete("readers", "parcels", 0), (NONE, Some(NONE)));
    assert_eq!(delete("readers", "parcels", 5), (NONE, Some(ErrorCode::UnknownTopicOrPartition as i16)));
    assert_eq!(delete("nobody", "letters", 0), (ErrorCode::GroupIdNotFound as i16, None));
    assert_eq!(fetch(&mut world, "readers", &[0]), [7]);
}

#[test]
fn members_share_the_work_and_go_on_from_what_was_committed() {
    let mut world = ready(&[]);
    let first = first_member(&mut world, "readers");
    let second = ConnId(2);
    world.open(second);
    world.send_from(second, 9, &join_request("readers", ""));
    let (_, given) = world.answer_to::<JoinGroupResponse>(second, 9).expect("an id at once");
    assert_eq!(given.error_code, ErrorCode::MemberIdRequired as i16);
    let second_id = given.member_id.to_string();
    world.send_from(second, 9, &join_request("readers", &second_id));
    assert!(world.answer_to::<JoinGroupResponse>(second, 9).is_none(), "the first member has to join again");
    assert_eq!(heartbeat(&mut world, "readers", &first, 1), ErrorCode::RebalanceInProgress as i16);
    let described = describe(&mut world, "readers");
    let old = described.members.iter().find(|member| *member.member_id == *first).expect("it is still a member");
    assert_eq!((&*old.member_assignment, &*old.member_metadata), (&b"all"[..], &b""[..]), "it has what it had");
    let joined: JoinGroupResponse = world.call(9, &join_request("readers", &first));
    assert_eq!((joined.generation_id, joined.members.len()), (2, 2));
    assert_eq!((&*joined.leader, joined.protocol_name.as_deref()), (first.as_str(), Some("range")));
    let (_, follower) = world.answer_to::<JoinGroupResponse>(second, 9).expect("all have joined");
    assert_eq!((follower.generation_id, follower.members.len()), (2, 0));

    world.send_from(second, 5, &sync_request("readers", &second_id, 2, &[]));
    assert!(world.answer_to::<SyncGroupResponse>(second, 5).is_none(), "the leader has not assigned yet");
    let assignments = [(first.as_str(), "0 and 1"), (second_id.as_str(), "2 and 3")];
    let synced: SyncGroupResponse = world.call(5, &sync_request("readers", &first, 2, &assignments));
    assert_eq!((synced.error_code, &*synced.assignment), (NONE, &b"0 and 1"[..]));
    let (_, synced) = world.answer_to::<SyncGroupResponse>(second, 5).expect("the leader has assigned");
    assert_eq!((synced.error_code, &*synced.assignment), (NONE, &b"2 and 3"[..]));
    assert_eq!(heartbeat(&mut world, "readers", &second_id, 2), NONE);

    let described = describe(&mut world, "readers");
    assert_eq!((&*described.group_state, &*described.protocol_data), ("Stable", "range"));
    let hosts: Vec<_> = described.members.iter().map(|member| (&*member.client_id, &*member.client_host)).collect();
    assert_eq!(hosts, [("test", "/127.0.0.1"); 2]);

    let mut world = World::on(world.crash(), &[]);
    assert_eq!(heartbeat(&mut world, "readers", &first, 2), NONE, "the generation is known after a crash");
    assert_eq!(describe(&mut world, "readers").members.len(), 2);
    world.pass_ms(10_001);
    let described = describe(&mut world, "readers");
    assert_eq!((&*described.group_state, described.members.len()), ("Empty", 0), "nobody was there any more");
}

#[test]
fn an_assignment_is_told_when_it_is_synced() {
    let mut world = ready(&[("log.flush.interval.messages", "1")]);
    let given: JoinGroupResponse = world.call(9, &join_request("readers", ""));
    let member = given.member_id.to_string();
    let joined: JoinGroupResponse = world.call(9, &join_request("readers", &member));
    assert_eq!(joined.generation_id, 1);
    world.judge = Box::new(|command| match command {
        StorageCommand::Sync { .. } => Verdict::Hold,
        _ => Verdict::Do,
    });
    world.send(5, &sync_request("readers", &member, 1, &[(&member, "all")]));
    assert!(world.answer::<SyncGroupResponse>(5).is_none());
    world.release();
    let synced: SyncGroupResponse = world.answer(5).expect("it is synced");
    assert_eq!((synced.error_code, &*synced.assignment), (NONE, &b"all"[..]));
}

#[test]
fn who_waits_for_others_is_sent_to_look_for_another_coordinator_when_the_broker_stops() {
    let mut world = ready(&[("group.initial.rebalance.delay.ms", "3000")]);
    let given: JoinGroupResponse = world.call(9, &join_request("readers", ""));
    world.send(9, &join_request("readers", &given.member_id));
    world.handle(ottla_core::boundary::Input::Shutdown);
    let answer: JoinGroupResponse = world.answer(9).expect("before the end");
    assert_eq!(answer.error_code, ErrorCode::NotCoordinator as i16);
    assert!(world.halted.is_some());
}

#[test]
fn groups_are_listed_by_state_and_type() {
    let mut world = ready(&[]);
    commit(&mut world, "simple", 0, 7);
    first_member(&mut world, "workers");
    let mut list = |states: &[&str], types: &[&str]| {
        let filter = |words: &[&str]| words.iter().map(|word| (*word).into()).collect();
        let request =
            ListGroupsRequest { states_filter: filter(states), types_filter: filter(types), ..Default::default() };
        let answer: ListGroupsResponse = world.call(5, &request);
        let mut groups: Vec<_> = answer
            .groups
            .iter()
            .map(|group| format!("{} {} {}", group.group_id, group.group_state, group.protocol_type))
            .collect();
        groups.sort();
        groups
    };
    assert_eq!(list(&[], &[]), ["simple Empty ", "workers Stable consumer"]);
    assert_eq!(list(&["stable"], &["Classic"]), ["workers Stable consumer"]);
    assert_eq!(list(&[], &["consumer"]), [""; 0]);
}

#[test]
fn a_group_that_is_not_there_is_dead_or_an_error_by_version() {
    let mut world = ready(&[]);
    let request = DescribeGroupsRequest { groups: vec!["nobody".into()], ..Default::default() };
    let old: DescribeGroupsResponse = world.call(5, &request);
    assert_eq!((old.groups[0].error_code, &*old.groups[0].group_state), (NONE, "Dead"));
    let new: DescribeGroupsResponse = world.call(6, &request);
    assert_eq!(new.groups[0].error_code, ErrorCode::GroupIdNotFound as i16);
    assert_eq!(new.groups[0].error_message.as_deref(), Some("Group nobody not found."));
}

#[test]
fn there_are_no_more_groups_and_members_than_the_limits_say() {
    let mut world = ready(&[("ottla.max.groups", "1"), ("ottla.max.group.members", "1")]);
    first_member(&mut world, "workers");
    let full = ErrorCode::GroupMaxSizeReached as i16;
    assert_eq!(commit(&mut world, "readers", 0, 7), full);
    let other: JoinGroupResponse = world.call(9, &join_request("readers", ""));
    let second: JoinGroupResponse = world.call(9, &join_request("workers", ""));
    assert_eq!((other.error_code, second.error_code), (full, full));
}

#[test]
fn the_groups_that_apache_kafka_left_are_there() {
    for archive in [CLEAN, CRASHED] {
        let mut world = World::on(unpack(archive), &[("connections.max.idle.ms", "-1")]);
        let fetched = |world: &mut World, group: &str| {
            let topic = OffsetFetchRequestTopics {
                name: "plain".into(),
                partition_indexes: vec![0, 1, 2],
                ..Default::default()
            };
            let request = OffsetFetchRequest { groups: vec![asked(group, Some(vec![topic]))], ..Default::default() };
            let answer: OffsetFetchResponse = world.call(9, &request);
            let partitions = &answer.groups[0].topics[0].partitions;
            partitions.iter().map(|partition| partition.committed_offset).collect::<Vec<_>>()
        };
        assert_eq!(fetched(&mut world, "classic-group"), [334, 333, 333]);
        assert_eq!(fetched(&mut world, "next-gen-group"), [334, 333, 333]);
        let answer: ListGroupsResponse = world.call(5, &ListGroupsRequest::default());
        let mut groups: Vec<_> = answer
            .groups
            .iter()
            .map(|group| format!("{} {} {}", group.group_id, group.group_type, group.group_state))
            .collect();
        groups.sort();
        assert_eq!(groups, ["classic-group classic Empty", "next-gen-group consumer Empty"]);
        let described = describe(&mut world, "classic-group");
        assert_eq!((&*described.group_state, &*described.protocol_type), ("Empty", "consumer"));
        let joined = first_member_of(&mut world, "classic-group", 3);
        assert!(joined.starts_with("test-"));
        // A group of the next generation without members becomes a classic one when somebody joins it.
        first_member_of(&mut world, "next-gen-group", 1);
        let mut world = World::on(world.crash(), &[]);
        assert_eq!(describe(&mut world, "next-gen-group").group_state, "Stable");
        assert_eq!(fetched(&mut world, "next-gen-group"), [334, 333, 333]);
    }
}

/// A broker with a topic of four partitions, whose coordinators serve.
fn ready(properties: &[(&str, &str)]) -> World {
    let own = [("offsets.topic.num.partitions", "3"), ("connections.max.idle.ms", "-1")];
    let mut world = World::new(&[properties, &own].concat());
    world.create_topic("letters", 4);
    assert_eq!(find(&mut world, &["readers"]).coordinators[0].error_code, NONE);
    world
}

fn find(world: &mut World, groups: &[&str]) -> FindCoordinatorResponse {
    let coordinator_keys = groups.iter().map(|group| (*group).into()).collect();
    world.call(6, &FindCoordinatorRequest { coordinator_keys, ..Default::default() })
}

fn commit_request(group: &str, partition_index: i32, committed_offset: i64) -> OffsetCommitRequest {
    let partition = OffsetCommitRequestPartition {
        partition_index,
        committed_offset,
        committed_leader_epoch: 3,
        committed_metadata: Some("beside".into()),
        ..Default::default()
    };
    let topic = OffsetCommitRequestTopic { name: "letters".into(), partitions: vec![partition], ..Default::default() };
    OffsetCommitRequest { group_id: group.into(), topics: vec![topic], ..Default::default() }
}

/// Commits as a simple consumer does, and says the error.
fn commit(world: &mut World, group: &str, partition: i32, offset: i64) -> i16 {
    let answer: OffsetCommitResponse = world.call(8, &commit_request(group, partition, offset));
    answer.topics[0].partitions[0].error_code
}

fn asked(group: &str, topics: Option<Vec<OffsetFetchRequestTopics>>) -> OffsetFetchRequestGroup {
    OffsetFetchRequestGroup { group_id: group.into(), topics, ..Default::default() }
}

/// The offsets of some partitions.
fn fetch(world: &mut World, group: &str, partitions: &[i32]) -> Vec<i64> {
    let topic = OffsetFetchRequestTopics {
        name: "letters".into(),
        partition_indexes: partitions.to_vec(),
        ..Default::default()
    };
    let request = OffsetFetchRequest { groups: vec![asked(group, Some(vec![topic]))], ..Default::default() };
    let answer: OffsetFetchResponse = world.call(9, &request);
    assert_eq!(answer.groups[0].error_code, NONE, "{answer:?}");
    answer.groups[0].topics[0].partitions.iter().map(|partition| partition.committed_offset).collect()
}

fn topic_id(world: &mut World, name: &str) -> Uuid {
    let answer: MetadataResponse = world.call(12, &MetadataRequest { topics: None, ..Default::default() });
    answer.topics.iter().find(|topic| topic.name.as_deref() == Some(name)).expect("it is there").topic_id
}

fn delete_topic(world: &mut World, name: &str) {
    let request = DeleteTopicsRequest { topic_names: vec![name.into()], timeout_ms: 1_000, ..Default::default() };
    let answer: DeleteTopicsResponse = world.call(5, &request);
    assert_eq!(answer.responses[0].error_code, NONE);
}

/// A consumer's metadata: version 0, the topic that it reads, no data of its own.
const SUBSCRIPTION: &[u8] = b"\0\0\0\0\0\x01\0\x07letters\xff\xff\xff\xff";

fn join_request(group: &str, member: &str) -> JoinGroupRequest {
    let protocol =
        JoinGroupRequestProtocol { name: "range".into(), metadata: SUBSCRIPTION.into(), ..Default::default() };
    JoinGroupRequest {
        group_id: group.into(),
        session_timeout_ms: 10_000,
        rebalance_timeout_ms: 60_000,
        member_id: member.into(),
        protocol_type: "consumer".into(),
        protocols: vec![protocol],
        ..Default::default()
    }
}

fn sync_request(group: &str, member: &str, generation: i32, assignments: &[(&str, &str)]) -> SyncGroupRequest {
    let assignment = |(member, assignment): &(&str, &str)| SyncGroupRequestAssignment {
        member_id: (*member).into(),
        assignment: assignment.as_bytes().into(),
        ..Default::default()
    };
    SyncGroupRequest {
        group_id: group.into(),
        generation_id: generation,
        member_id: member.into(),
        protocol_type: Some("consumer".into()),
        protocol_name: Some("range".into()),
        assignments: assignments.iter().map(assignment).collect(),
        ..Default::default()
    }
}

/// Lets the first member join, lead and have its assignment; says its id.
fn first_member(world: &mut World, group: &str) -> String {
    first_member_of(world, group, 1)
}

/// As [`first_member`], of a group whose next generation is this.
fn first_member_of(world: &mut World, group: &str, generation: i32) -> String {
    let given: JoinGroupResponse = world.call(9, &join_request(group, ""));
    assert_eq!(given.error_code, ErrorCode::MemberIdRequired as i16);
    let joined: JoinGroupResponse = world.call(9, &join_request(group, &given.member_id));
    assert_eq!((joined.error_code, joined.generation_id), (NONE, generation));
    assert_eq!(joined.leader, given.member_id);
    let request = sync_request(group, &given.member_id, generation, &[(&given.member_id, "all")]);
    let synced: SyncGroupResponse = world.call(5, &request);
    assert_eq!(synced.error_code, NONE);
    given.member_id.to_string()
}

fn heartbeat(world: &mut World, group: &str, member: &str, generation: i32) -> i16 {
    let request = HeartbeatRequest {
        group_id: group.into(),
        generation_id: generation,
        member_id: member.into(),
        ..Default::default()
    };
    let answer: HeartbeatResponse = world.call(4, &request);
    answer.error_code
}

fn leave(world: &mut World, group: &str, member: &str) {
    let members = vec![MemberIdentity { member_id: member.into(), ..Default::default() }];
    let answer: LeaveGroupResponse =
        world.call(5, &LeaveGroupRequest { group_id: group.into(), members, ..Default::default() });
    assert_eq!((answer.error_code, answer.members[0].error_code), (NONE, NONE));
}

fn describe(world: &mut World, group: &str) -> ottla_core::wire::messages::describe_groups::DescribedGroup {
    let request = DescribeGroupsRequest { groups: vec![group.into()], ..Default::default() };
    let answer: DescribeGroupsResponse = world.call(6, &request);
    answer.groups[0].clone()
}

fn delete_groups(world: &mut World, groups: &[&str]) -> Vec<i16> {
    let groups_names = groups.iter().map(|group| (*group).into()).collect();
    let answer: DeleteGroupsResponse = world.call(2, &DeleteGroupsRequest { groups_names, ..Default::default() });
    answer.results.iter().map(|result| result.error_code).collect()
}

fn listed(world: &mut World) -> Vec<String> {
    let answer: ListGroupsResponse = world.call(5, &ListGroupsRequest::default());
    answer.groups.iter().map(|group| group.group_id.to_string()).collect()
}
