//! What applications do with groups of the consumer protocol (KIP-848): one call joins, moves and leaves, and the broker assigns.

mod world;

use ottla_core::boundary::ConnId;
use ottla_core::wire::messages::consumer_group_describe::{
    ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse, DescribedGroup,
};
use ottla_core::wire::messages::consumer_group_heartbeat::{
    ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse, TopicPartitions,
};
use ottla_core::wire::messages::consumer_protocol::{
    ConsumerProtocolAssignment, ConsumerProtocolSubscription, TopicPartition,
};
use ottla_core::wire::messages::create_partitions::{
    CreatePartitionsRequest, CreatePartitionsResponse, CreatePartitionsTopic,
};
use ottla_core::wire::messages::describe_groups::{DescribeGroupsRequest, DescribeGroupsResponse};
use ottla_core::wire::messages::heartbeat::{HeartbeatRequest, HeartbeatResponse};
use ottla_core::wire::messages::join_group::{JoinGroupRequest, JoinGroupRequestProtocol, JoinGroupResponse};
use ottla_core::wire::messages::leave_group::{LeaveGroupRequest, LeaveGroupResponse, MemberIdentity};
use ottla_core::wire::messages::list_groups::{ListGroupsRequest, ListGroupsResponse};
use ottla_core::wire::messages::sync_group::{SyncGroupRequest, SyncGroupRequestAssignment, SyncGroupResponse};
use ottla_core::wire::{ErrorCode, Message, Str, Uuid};
use world::World;
use world::groups::Group;

const NONE: i16 = ErrorCode::None as i16;
const READERS: Group = Group { name: "readers", topic: "letters" };
const OTHER: ConnId = ConnId(2);
const SESSION_MS: i64 = 45_000;
const REBALANCE_MS: i64 = 60_000;
const HOUR_MS: i64 = 3_600_000;

#[test]
fn the_first_member_gets_all_partitions_with_its_first_heartbeat() {
    let mut world = ready(&[]);
    let mut one = Client::new("one");
    let answer = one.beat(&mut world);
    assert_eq!((answer.error_code, answer.member_epoch, answer.heartbeat_interval_ms), (NONE, 2, 5_000));
    assert_eq!(answer.member_id.as_deref(), Some("one"));
    assert_eq!(one.had(), [0, 1, 2, 3]);
    // Nothing new, nothing said.
    let answer = one.beat(&mut world);
    assert_eq!((answer.member_epoch, answer.assignment), (2, None));
    let group = describe(&mut world, "readers");
    assert_eq!((&*group.group_state, group.group_epoch, group.assignment_epoch), ("Stable", 2, 2));
    assert_eq!(&*group.assignor_name, "uniform");
    let member = &group.members[0];
    assert_eq!((&*member.member_id, member.member_epoch, member.member_type), ("one", 2, 1));
    assert_eq!((&*member.client_id, &*member.client_host), ("test", "/127.0.0.1"));
    assert_eq!(member.assignment.topic_partitions[0].partitions, [0, 1, 2, 3]);
    assert_eq!(member.assignment, member.target_assignment);
}

#[test]
fn a_second_member_gets_a_partition_only_when_the_first_has_given_it_up() {
    let mut world = ready(&[]);
    let mut one = Client::new("one");
    one.beat(&mut world);
    world.pass_ms(1_000);
    let mut two = Client::new("two");
    let answer = two.beat(&mut world);
    assert_eq!((answer.member_epoch, two.had()), (3, vec![]));
    assert_eq!(describe(&mut world, "readers").group_state, "Reconciling");
    // The first is told what it may keep, and stays in its epoch until it has given up the rest.
    let answer = one.ask(&mut world);
    assert_eq!(answer.member_epoch, 2);
    assert_eq!(told(&answer), [0, 1]);
    two.beat(&mut world);
    assert_eq!(two.had(), []);
    one.owned = vec![0, 1];
    let answer = one.beat(&mut world);
    assert_eq!((answer.member_epoch, one.had()), (3, vec![0, 1]));
    two.beat(&mut world);
    assert_eq!(two.had(), [2, 3]);
    assert_eq!(describe(&mut world, "readers").group_state, "Stable");
    // When it leaves, the other gets everything.
    two.leave(&mut world);
    world.pass_ms(1_000);
    one.beat(&mut world);
    assert_eq!(one.had(), [0, 1, 2, 3]);
    one.leave(&mut world);
    let group = describe(&mut world, "readers");
    assert_eq!((&*group.group_state, group.members.len()), ("Empty", 0));
}

#[test]
fn assignments_are_made_no_more_often_than_the_group_wants() {
    let mut world = ready(&[]);
    let mut one = Client::new("one");
    one.beat(&mut world);
    let mut two = Client::new("two");
    two.beat(&mut world);
    let group = describe(&mut world, "readers");
    assert_eq!((&*group.group_state, group.group_epoch, group.assignment_epoch), ("Assigning", 3, 2));
    assert_eq!(two.epoch, 2);
    world.pass_ms(999);
    two.beat(&mut world);
    assert_eq!(describe(&mut world, "readers").assignment_epoch, 2);
    world.pass_ms(1);
    two.beat(&mut world);
    assert_eq!(describe(&mut world, "readers").assignment_epoch, 3);
    // A group may ask for it at once.
    assert_eq!(Group { name: "hasty", ..READERS }.alter(&mut world, "consumer.assignment.interval.ms", "0"), NONE);
    for (index, name) in ["a", "b", "c"].into_iter().enumerate() {
        let answer = Client { group: "hasty", ..Client::new(name) }.beat(&mut world);
        assert_eq!(answer.member_epoch, 2 + index as i32);
    }
}

#[test]
fn a_clock_that_was_ahead_for_a_while_keeps_no_member_from_its_partitions() {
    let mut world = ready(&[]);
    world.now.wall.0 += 6 * HOUR_MS;
    let mut one = Client::new("one");
    one.beat(&mut world);
    assert_eq!(one.had(), [0, 1, 2, 3]);
    world.now.wall.0 -= 6 * HOUR_MS;
    let mut two = Client::new("two");
    two.beat(&mut world);
    assert_eq!(describe(&mut world, "readers").assignment_epoch, 3);
}

#[test]
fn a_group_is_after_a_crash_what_it_was() {
    let mut world = ready(&[]);
    let (mut one, mut two) = pair(&mut world);
    let before = describe(&mut world, "readers");
    let disk = world.crash();
    let mut world = World::on(disk, PROPERTIES);
    assert_eq!(describe(&mut world, "readers"), before);
    assert_eq!(one.beat(&mut world).error_code, NONE);
    assert_eq!(two.beat(&mut world).member_epoch, 3);
    assert_eq!((one.had(), two.had()), (vec![0, 1], vec![2, 3]));
    // Who does not come back is taken out.
    world.pass_ms(SESSION_MS - 1);
    one.beat(&mut world);
    assert_eq!(describe(&mut world, "readers").members.len(), 2);
    world.pass_ms(1);
    assert_eq!(describe(&mut world, "readers").members.len(), 1);
    one.beat(&mut world);
    assert_eq!(one.had(), [0, 1, 2, 3]);
}

#[test]
fn a_member_that_does_not_give_up_partitions_in_time_is_taken_out() {
    let mut world = ready(&[]);
    let mut one = Client::new("one");
    one.beat(&mut world);
    world.pass_ms(1_000);
    let mut two = Client::new("two");
    two.beat(&mut world);
    one.ask(&mut world);
    for _ in 0..REBALANCE_MS / 10_000 {
        assert_eq!(one.ask(&mut world).error_code, NONE);
        two.beat(&mut world);
        assert_eq!(two.had(), []);
        world.pass_ms(10_000);
    }
    let answer = one.ask(&mut world);
    assert_eq!(answer.error_code, ErrorCode::UnknownMemberId as i16);
    assert_eq!(answer.error_message.as_deref(), Some("Member one is not a member of group readers."));
    two.beat(&mut world);
    assert_eq!(two.had(), [0, 1, 2, 3]);
}

#[test]
fn a_member_with_a_wrong_epoch_is_fenced_unless_it_can_not_have_got_the_answer() {
    let mut world = ready(&[]);
    let (mut one, _) = pair(&mut world);
    let good = one.epoch;
    one.epoch = 9;
    let answer = one.ask(&mut world);
    assert_eq!(answer.error_code, ErrorCode::FencedMemberEpoch as i16);
    assert_eq!(
        answer.error_message.as_deref(),
        Some(
            "The consumer group member has a greater member epoch (9) than the one known by the group coordinator (3). The member must abandon all its partitions and rejoin."
        )
    );
    one.epoch = good - 1;
    assert_eq!(one.ask(&mut world).error_code, NONE);
    one.owned = vec![0, 1, 2];
    assert_eq!(one.ask(&mut world).error_code, ErrorCode::FencedMemberEpoch as i16);
    one.epoch = 1;
    assert_eq!(one.ask(&mut world).error_code, ErrorCode::FencedMemberEpoch as i16);
    // It begins anew, and has what it had.
    one.epoch = 0;
    one.owned = vec![];
    one.beat(&mut world);
    assert_eq!((one.epoch, one.had()), (good, vec![0, 1]));
    let mut stranger = Client { epoch: 3, ..Client::new("stranger") };
    assert_eq!(stranger.ask(&mut world).error_code, ErrorCode::UnknownMemberId as i16);
    let mut elsewhere = Client { group: "nowhere", epoch: 3, ..Client::new("stranger") };
    let answer = elsewhere.ask(&mut world);
    assert_eq!(answer.error_code, ErrorCode::GroupIdNotFound as i16);
    assert_eq!(answer.error_message.as_deref(), Some("Consumer group nowhere not found."));
    elsewhere.epoch = -1;
    assert_eq!(elsewhere.ask(&mut world).error_message.as_deref(), Some("Group nowhere not found."));
}

#[test]
fn new_partitions_and_topics_are_shared_out_with_the_next_heartbeat() {
    let mut world = ready(&[]);
    let mut one = Client::new("one");
    one.topics = vec!["letters", "digits"];
    one.beat(&mut world);
    assert_eq!(one.had(), [0, 1, 2, 3]);
    add_partitions(&mut world, "letters", 6);
    world.pass_ms(1_000);
    one.beat(&mut world);
    assert_eq!((one.epoch, one.had()), (3, vec![0, 1, 2, 3, 4, 5]));
    world.create_topic("digits", 2);
    world.pass_ms(1_000);
    let answer = one.ask(&mut world);
    assert_eq!(answer.member_epoch, 4);
    assert_eq!(answer.assignment.unwrap().topic_partitions.len(), 2);
    // What it does not read is no matter.
    world.create_topic("words", 2);
    world.pass_ms(1_000);
    assert_eq!(one.ask(&mut world).member_epoch, 4);
}

#[test]
fn a_static_member_that_is_back_has_what_it_had_and_one_that_is_there_keeps_its_name() {
    let mut world = ready(&[]);
    let mut one = Client { instance: Some("first"), ..Client::new("one") };
    one.beat(&mut world);
    let mut other = Client { instance: Some("first"), ..Client::new("other") };
    let answer = other.ask(&mut world);
    assert_eq!(answer.error_code, ErrorCode::UnreleasedInstanceId as i16);
    assert_eq!(
        answer.error_message.as_deref(),
        Some(
            "Static member other with instance id first cannot join the group because the instance id is owned by one member."
        )
    );
    // It leaves for a while.
    let answer = one.say(&mut world, -2);
    assert_eq!((answer.error_code, answer.member_epoch), (NONE, -2));
    let group = describe(&mut world, "readers");
    assert_eq!((group.members[0].member_epoch, group.group_epoch), (-2, 2));
    let mut world = World::on(world.crash(), PROPERTIES);
    let answer = other.beat(&mut world);
    assert_eq!((answer.error_code, answer.member_epoch, other.had()), (NONE, 2, vec![0, 1, 2, 3]));
    assert_eq!(describe(&mut world, "readers").members.len(), 1);
    one.epoch = 2;
    let answer = one.ask(&mut world);
    assert_eq!(answer.error_code, ErrorCode::FencedInstanceId as i16);
    let mut nobody = Client { instance: Some("second"), epoch: 2, ..Client::new("one") };
    assert_eq!(nobody.ask(&mut world).error_code, ErrorCode::UnknownMemberId as i16);
    assert_eq!(other.say(&mut world, -1).error_code, NONE);
    assert_eq!(describe(&mut world, "readers").group_state, "Empty");
}

#[test]
fn a_regular_expression_subscribes_to_what_matches_and_to_what_will() {
    let mut world = ready(&[]);
    world.create_topic("letters-old", 2);
    world.create_topic("my-letters", 1);
    let mut one = Client { topics: vec![], regex: Some("letters.*"), ..Client::new("one") };
    let answer = one.beat(&mut world);
    assert_eq!(answer.error_code, NONE);
    let topics = |answer: &ConsumerGroupHeartbeatResponse| answer.assignment.as_ref().map(|a| a.topic_partitions.len());
    assert_eq!(topics(&answer), Some(2));
    assert_eq!(&**describe(&mut world, "readers").members[0].subscribed_topic_regex.as_ref().unwrap(), "letters.*");
    world.pass_ms(1_000);
    world.create_topic("letters-new", 1);
    let answer = one.ask(&mut world);
    assert_eq!(topics(&answer), Some(3));
    // And after a crash.
    let mut world = World::on(world.crash(), PROPERTIES);
    world.pass_ms(2_000);
    world.create_topic("letters-newer", 1);
    let answer = one.ask(&mut world);
    assert_eq!(topics(&answer), Some(4));
    let mut wrong = Client { topics: vec![], regex: Some("(a"), ..Client::new("wrong") };
    let answer = wrong.ask(&mut world);
    assert_eq!(answer.error_code, ErrorCode::InvalidRegularExpression as i16);
    assert!(answer.error_message.unwrap().starts_with("SubscribedTopicRegex `(a` is not a valid regular expression: "));
    assert_eq!(describe(&mut world, "readers").members.len(), 1);
}

#[test]
fn members_choose_the_assignor_by_majority() {
    let mut world = ready(&[("group.consumer.assignment.interval.ms", "0")]);
    world.create_topic("digits", 2);
    let new = |name| Client { assignor: Some("range"), topics: vec!["letters", "digits"], ..Client::new(name) };
    let (mut one, mut two) = (new("one"), new("two"));
    one.beat(&mut world);
    two.beat(&mut world);
    assert_eq!(describe(&mut world, "readers").assignor_name, "range");
    let target = |world: &mut World, member: usize| -> Vec<(String, Vec<i32>)> {
        let group = describe(world, "readers");
        let topics = &group.members[member].target_assignment.topic_partitions;
        let mut topics: Vec<_> = topics.iter().map(|t| (t.topic_name.to_string(), t.partitions.clone())).collect();
        topics.sort();
        topics
    };
    assert_eq!(target(&mut world, 0), [("digits".into(), vec![0]), ("letters".into(), vec![0, 1])]);
    assert_eq!(target(&mut world, 1), [("digits".into(), vec![1]), ("letters".into(), vec![2, 3])]);
    let mut wrong = Client { assignor: Some("best"), ..Client::new("wrong") };
    let answer = wrong.ask(&mut world);
    assert_eq!(answer.error_code, ErrorCode::UnsupportedAssignor as i16);
    assert_eq!(
        answer.error_message.as_deref(),
        Some("ServerAssignor best is not supported. Supported assignors: uniform, range.")
    );
}

#[test]
fn only_members_commit_and_fetch_offsets_in_an_epoch_that_counts() {
    let mut world = ready(&[]);
    let (mut one, mut two) = pair(&mut world);
    assert_eq!(READERS.commit(&mut world, 9, ("one", 3), 0), NONE);
    assert_eq!(READERS.commit(&mut world, 9, ("", -1), 0), ErrorCode::UnknownMemberId as i16);
    assert_eq!(READERS.commit(&mut world, 9, ("one", 4), 0), ErrorCode::StaleMemberEpoch as i16);
    assert_eq!(READERS.commit(&mut world, 8, ("one", 3), 0), ErrorCode::UnsupportedVersion as i16);
    // One epoch behind, but it has had partition 0 since then; partition 2 is the other's.
    assert_eq!(READERS.commit(&mut world, 9, ("one", 2), 0), NONE);
    assert_eq!(READERS.commit(&mut world, 9, ("one", 1), 0), ErrorCode::StaleMemberEpoch as i16);
    assert_eq!(READERS.commit(&mut world, 9, ("one", 2), 2), ErrorCode::StaleMemberEpoch as i16);
    assert_eq!(READERS.fetch(&mut world, Some("one"), 3), (NONE, 1));
    assert_eq!(READERS.fetch(&mut world, Some("one"), 2).0, ErrorCode::StaleMemberEpoch as i16);
    assert_eq!(READERS.fetch(&mut world, Some("nobody"), 3).0, ErrorCode::UnknownMemberId as i16);
    assert_eq!(READERS.fetch(&mut world, None, -1), (NONE, 1));
    // A topic that members read keeps its offsets, and so does a group its name, until all are gone.
    assert_eq!(READERS.delete_offset(&mut world), ErrorCode::GroupSubscribedToTopic as i16);
    assert_eq!(READERS.delete(&mut world), ErrorCode::NonEmptyGroup as i16);
    one.leave(&mut world);
    two.leave(&mut world);
    assert_eq!(READERS.commit(&mut world, 8, ("", -1), 1), NONE);
    assert_eq!(READERS.delete_offset(&mut world), NONE);
    assert_eq!(READERS.delete(&mut world), NONE);
    assert_eq!(describe(&mut world, "readers").error_code, ErrorCode::GroupIdNotFound as i16);
    let mut world = World::on(world.crash(), PROPERTIES);
    assert_eq!(listed(&mut world), [] as [(String, String, String); 0]);
}

#[test]
fn groups_are_listed_by_their_type_and_only_their_own_call_describes_them() {
    let mut world = ready(&[]);
    Client::new("one").beat(&mut world);
    assert_eq!(listed(&mut world), [("readers".into(), "consumer".into(), "Stable".into())]);
    let request = DescribeGroupsRequest { groups: vec!["readers".into()], ..Default::default() };
    let answer: DescribeGroupsResponse = world.call(6, &request);
    assert_eq!(answer.groups[0].error_code, ErrorCode::GroupIdNotFound as i16);
    assert_eq!(answer.groups[0].error_message.as_deref(), Some("Group readers is not a classic group."));
    let group = describe(&mut world, "writers");
    assert_eq!(group.error_code, ErrorCode::GroupIdNotFound as i16);
    assert_eq!(group.error_message.as_deref(), Some("Group writers not found."));
}

#[test]
fn requests_that_make_no_sense_are_refused_in_kafkas_words() {
    let mut world = ready(&[]);
    let good = Client::new("one").request();
    let refused = |world: &mut World, version: i16, request: ConsumerGroupHeartbeatRequest| {
        let answer: ConsumerGroupHeartbeatResponse = world.call(version, &request);
        assert_eq!(answer.error_code, ErrorCode::InvalidRequest as i16);
        answer.error_message.unwrap().to_string()
    };
    let request = ConsumerGroupHeartbeatRequest { member_id: "".into(), ..good.clone() };
    assert_eq!(refused(&mut world, 1, request), "MemberId can't be empty.");
    let request = ConsumerGroupHeartbeatRequest { group_id: " ".into(), ..good.clone() };
    assert_eq!(refused(&mut world, 1, request), "GroupId can't be empty.");
    let request = ConsumerGroupHeartbeatRequest { rebalance_timeout_ms: -1, ..good.clone() };
    assert_eq!(refused(&mut world, 1, request), "RebalanceTimeoutMs must be provided in first request.");
    let request = ConsumerGroupHeartbeatRequest { topic_partitions: None, ..good.clone() };
    assert_eq!(refused(&mut world, 1, request), "TopicPartitions must be empty when (re-)joining.");
    let request = ConsumerGroupHeartbeatRequest { member_epoch: -2, ..good.clone() };
    assert_eq!(refused(&mut world, 1, request), "InstanceId can't be null.");
    let request = ConsumerGroupHeartbeatRequest { member_epoch: -3, ..good.clone() };
    assert_eq!(refused(&mut world, 1, request), "MemberEpoch is invalid.");
    // Version 0 gives out ids.
    let request = ConsumerGroupHeartbeatRequest { member_id: "".into(), ..good };
    let answer: ConsumerGroupHeartbeatResponse = world.call(0, &request);
    assert_eq!((answer.error_code, answer.member_id.unwrap().len()), (NONE, 22));
}

#[test]
fn a_group_has_no_more_members_than_it_may() {
    let mut world = ready(&[("group.consumer.max.size", "1")]);
    Client::new("one").beat(&mut world);
    let answer = Client::new("two").ask(&mut world);
    assert_eq!(answer.error_code, ErrorCode::GroupMaxSizeReached as i16);
    assert_eq!(
        answer.error_message.as_deref(),
        Some("The consumer group has reached its maximum capacity of 1 members.")
    );
}

#[test]
fn a_group_goes_by_its_own_configs() {
    let mut world = ready(&[]);
    assert_eq!(READERS.alter(&mut world, "consumer.heartbeat.interval.ms", "7000"), NONE);
    assert_eq!(READERS.alter(&mut world, "consumer.session.timeout.ms", "50000"), NONE);
    assert_eq!(READERS.alter(&mut world, "consumer.session.timeout.ms", "1000"), ErrorCode::InvalidConfig as i16);
    let mut one = Client::new("one");
    assert_eq!(one.beat(&mut world).heartbeat_interval_ms, 7_000);
    world.pass_ms(49_999);
    assert_eq!(describe(&mut world, "readers").members.len(), 1);
    world.pass_ms(1);
    assert_eq!(describe(&mut world, "readers").members.len(), 0);
}

#[test]
fn a_group_that_nobody_uses_wakes_nobody_up() {
    let mut world = ready(&[]);
    let mut one = Client::new("one");
    one.beat(&mut world);
    READERS.commit(&mut world, 9, ("one", 2), 0);
    one.leave(&mut world);
    world.pass_ms(20 * 60_000);
    let of_groups = world.broker.deadline().map(|deadline| deadline.since(world.now.monotonic).as_secs());
    assert!(of_groups.is_none_or(|seconds| seconds > 60), "{of_groups:?}");
}

#[test]
fn a_classic_group_becomes_a_consumer_group_when_the_first_of_these_joins_and_goes_back_when_the_last_leaves() {
    let mut world = ready(&[]);
    let mut old = Classic::new("letters");
    old.join(&mut world);
    old.sync(&mut world, &[0, 1, 2, 3]);
    assert_eq!(listed(&mut world), [("readers".into(), "classic".into(), "Stable".into())]);
    let mut new = Client::new("new");
    let answer = new.beat(&mut world);
    assert_eq!((answer.error_code, answer.member_epoch, new.had()), (NONE, 2, vec![]));
    assert_eq!(listed(&mut world), [("readers".into(), "consumer".into(), "Reconciling".into())]);
    let group = describe(&mut world, "readers");
    assert_eq!((group.group_epoch, group.assignment_epoch), (2, 2));
    let types: Vec<_> = group.members.iter().map(|member| member.member_type).collect();
    assert_eq!(types.iter().sum::<i8>(), 1, "one of each");
    // The group is after a crash what it was.
    let mut world = World::on(world.crash(), PROPERTIES);
    assert_eq!(describe(&mut world, "readers"), group);
    // The classic member is told to join again, then to give two up, and when it says that it has, the other gets them.
    assert_eq!(old.heartbeat(&mut world), ErrorCode::RebalanceInProgress as i16);
    old.join(&mut world);
    old.sync(&mut world, &[]);
    assert_eq!((old.generation, old.owned.clone()), (1, vec![0, 1]));
    assert_eq!(old.heartbeat(&mut world), ErrorCode::RebalanceInProgress as i16);
    new.beat(&mut world);
    assert_eq!(new.had(), []);
    old.join(&mut world);
    old.sync(&mut world, &[]);
    assert_eq!((old.generation, old.owned.clone()), (2, vec![0, 1]));
    assert_eq!(old.heartbeat(&mut world), NONE);
    new.beat(&mut world);
    assert_eq!((new.epoch, new.had()), (2, vec![2, 3]));
    assert_eq!(describe(&mut world, "readers").group_state, "Stable");
    assert_eq!(READERS.commit(&mut world, 8, (&old.id, 2), 0), NONE);
    assert_eq!(READERS.commit(&mut world, 8, (&old.id, 0), 0), ErrorCode::IllegalGeneration as i16);
    // The last of the new leaves.
    new.leave(&mut world);
    assert_eq!(listed(&mut world), [("readers".into(), "classic".into(), "PreparingRebalance".into())]);
    assert_eq!(
        describe(&mut world, "readers").error_message.as_deref(),
        Some("Group readers is not a consumer group.")
    );
    let mut crashed = World::on(world.crash(), PROPERTIES);
    assert_eq!(listed(&mut crashed), [("readers".into(), "classic".into(), "Stable".into())]);
    assert_eq!(old.heartbeat(&mut crashed), NONE);
    old.join(&mut crashed);
    old.sync(&mut crashed, &[0, 1, 2, 3]);
    assert_eq!((old.generation, old.heartbeat(&mut crashed)), (3, NONE));
    assert_eq!(READERS.fetch(&mut crashed, None, -1), (NONE, 1));
}

#[test]
fn a_member_that_waits_in_a_classic_group_is_told_to_join_again_when_it_becomes_a_consumer_group() {
    let mut world = ready(&[]);
    let mut old = Classic::new("letters");
    old.join(&mut world);
    old.sync(&mut world, &[0, 1, 2, 3]);
    let mut waiting = Classic::new("letters");
    waiting.join_without_waiting(&mut world);
    assert_eq!(listed(&mut world)[0].2, "PreparingRebalance");
    let mut new = Client::new("new");
    assert_eq!(new.ask(&mut world).error_code, NONE);
    let (_, refused) = world.answer_to::<JoinGroupResponse>(OTHER, 9).expect("it waits no longer");
    assert_eq!(refused.error_code, ErrorCode::RebalanceInProgress as i16);
    waiting.join(&mut world);
    waiting.sync(&mut world, &[]);
    assert_eq!(describe(&mut world, "readers").members.len(), 3);
}

#[test]
fn members_of_the_classic_protocol_join_a_consumer_group_and_are_served_from_its_assignment() {
    let mut world = ready(&[]);
    let mut new = Client::new("new");
    new.beat(&mut world);
    world.pass_ms(1_000);
    let mut old = Classic::new("letters");
    old.join(&mut world);
    old.sync(&mut world, &[]);
    assert_eq!((old.generation, old.owned.len()), (3, 0));
    assert_eq!(new.ask(&mut world).member_epoch, 2);
    new.owned = vec![0, 1];
    // What it waits for is free: it is told to join again.
    assert_eq!(old.heartbeat(&mut world), NONE);
    new.beat(&mut world);
    assert_eq!(old.heartbeat(&mut world), ErrorCode::RebalanceInProgress as i16);
    old.join(&mut world);
    old.sync(&mut world, &[]);
    assert_eq!(old.owned, [2, 3]);
    assert_eq!(old.heartbeat(&mut world), NONE);
    // One that does not join again in time is taken out.
    let mut third = Client::new("third");
    world.pass_ms(1_000);
    third.beat(&mut world);
    for _ in 0..REBALANCE_MS / 5_000 {
        assert_eq!(old.heartbeat(&mut world), ErrorCode::RebalanceInProgress as i16);
        new.beat(&mut world);
        third.beat(&mut world);
        world.pass_ms(5_000);
    }
    assert_eq!(old.heartbeat(&mut world), ErrorCode::UnknownMemberId as i16);
    // And one that leaves is gone.
    let mut other = Classic::new("letters");
    other.join(&mut world);
    assert_eq!(describe(&mut world, "readers").members.len(), 3);
    let identity = MemberIdentity { member_id: other.id.as_str().into(), ..Default::default() };
    let request = LeaveGroupRequest { group_id: "readers".into(), members: vec![identity], ..Default::default() };
    let answer: LeaveGroupResponse = world.call(5, &request);
    assert_eq!((answer.error_code, answer.members[0].error_code), (NONE, NONE));
    assert_eq!(describe(&mut world, "readers").members.len(), 2);
}

#[test]
fn a_static_member_that_changes_its_protocol_takes_its_group_with_it() {
    let mut world = ready(&[]);
    let mut old = Classic { instance: Some("first"), ..Classic::new("letters") };
    old.join(&mut world);
    old.sync(&mut world, &[0, 1, 2, 3]);
    let mut new = Client { instance: Some("first"), ..Client::new("new") };
    let answer = new.beat(&mut world);
    assert_eq!((answer.error_code, new.had()), (NONE, vec![0, 1, 2, 3]), "{answer:?}");
    let group = describe(&mut world, "readers");
    assert_eq!((group.members.len(), group.members[0].member_type), (1, 1));
    assert_eq!(old.heartbeat(&mut world), ErrorCode::FencedInstanceId as i16);
    assert_eq!(new.say(&mut world, -2).error_code, NONE);
    let mut old = Classic { instance: Some("first"), ..Classic::new("letters") };
    old.join(&mut world);
    assert_eq!(listed(&mut world), [("readers".into(), "classic".into(), "Stable".into())]);
    let mut world = World::on(world.crash(), PROPERTIES);
    old.sync(&mut world, &[]);
    assert_eq!((old.owned.clone(), old.heartbeat(&mut world)), (vec![0, 1, 2, 3], NONE));
}

#[test]
fn groups_turn_only_where_the_policy_lets_them() {
    let mut world = ready(&[("group.consumer.migration.policy", "disabled")]);
    let mut old = Classic::new("letters");
    old.join(&mut world);
    old.sync(&mut world, &[0, 1, 2, 3]);
    let answer = Client::new("new").ask(&mut world);
    assert_eq!(answer.error_code, ErrorCode::GroupIdNotFound as i16);
    assert_eq!(
        answer.error_message.as_deref(),
        Some("Cannot upgrade classic group readers to consumer group because online upgrade is disabled.")
    );
    assert_eq!(old.heartbeat(&mut world), NONE);
    // Without members it may become either.
    let request = LeaveGroupRequest {
        group_id: "readers".into(),
        members: vec![MemberIdentity { member_id: old.id.as_str().into(), ..Default::default() }],
        ..Default::default()
    };
    let _: LeaveGroupResponse = world.call(5, &request);
    Client::new("new").beat(&mut world);
    let request = Classic::new("letters").request();
    let answer: JoinGroupResponse = world.call(9, &request);
    assert_eq!(answer.error_code, ErrorCode::InconsistentGroupProtocol as i16);
}

#[test]
fn where_the_cluster_has_no_consumer_groups_clients_are_told_so() {
    let mut world = ready(&[("group.coordinator.rebalance.protocols", "classic")]);
    assert_eq!(Client::new("one").ask(&mut world).error_code, ErrorCode::UnsupportedVersion as i16);
    assert_eq!(describe(&mut world, "readers").error_code, ErrorCode::UnsupportedVersion as i16);
}

const PROPERTIES: &[(&str, &str)] = &[
    ("offsets.topic.num.partitions", "3"),
    ("connections.max.idle.ms", "-1"),
    ("log.initial.task.delay.ms", "1000000000"),
    ("log.retention.check.interval.ms", "1000000000"),
];

/// A broker with a topic of four partitions, whose coordinators serve.
fn ready(properties: &[(&str, &str)]) -> World {
    let mut world = World::new(&[properties, PROPERTIES].concat());
    world.create_topic("letters", 4);
    READERS.find(&mut world);
    world
}

/// Two members that have settled: partitions 0 and 1, and 2 and 3, in epoch 3.
fn pair(world: &mut World) -> (Client, Client) {
    let (mut one, mut two) = (Client::new("one"), Client::new("two"));
    one.beat(world);
    world.pass_ms(1_000);
    for _ in 0..3 {
        two.beat(world);
        one.beat(world);
    }
    assert_eq!((one.had(), two.had()), (vec![0, 1], vec![2, 3]));
    (one, two)
}

/// A consumer, as far as heartbeats go. What it is told to have it has at once, and what it is not it has given up.
#[derive(Clone)]
struct Client {
    group: &'static str,
    id: &'static str,
    instance: Option<&'static str>,
    topics: Vec<&'static str>,
    regex: Option<&'static str>,
    assignor: Option<&'static str>,
    epoch: i32,
    topic_id: Uuid,
    /// Of the first topic.
    owned: Vec<i32>,
}

impl Client {
    fn new(id: &'static str) -> Self {
        Self {
            group: "readers",
            id,
            instance: None,
            topics: vec!["letters"],
            regex: None,
            assignor: None,
            epoch: 0,
            topic_id: Uuid::ZERO,
            owned: Vec::new(),
        }
    }

    fn request(&self) -> ConsumerGroupHeartbeatRequest {
        let owned = TopicPartitions { topic_id: self.topic_id, partitions: self.owned.clone(), ..Default::default() };
        let joins = self.epoch == 0;
        ConsumerGroupHeartbeatRequest {
            group_id: self.group.into(),
            member_id: self.id.into(),
            member_epoch: self.epoch,
            instance_id: self.instance.map(Str::from),
            rebalance_timeout_ms: if joins { REBALANCE_MS as i32 } else { -1 },
            subscribed_topic_names: joins.then(|| self.topics.iter().map(|topic| Str::from(*topic)).collect()),
            subscribed_topic_regex: self.regex.map(Str::from).filter(|_| joins),
            server_assignor: self.assignor.map(Str::from),
            topic_partitions: Some(if self.owned.is_empty() { vec![] } else { vec![owned] }),
            ..Default::default()
        }
    }

    /// Sends a heartbeat, and does not do what it says.
    fn ask(&mut self, world: &mut World) -> ConsumerGroupHeartbeatResponse {
        world.call(1, &self.request())
    }

    fn say(&mut self, world: &mut World, epoch: i32) -> ConsumerGroupHeartbeatResponse {
        let request = ConsumerGroupHeartbeatRequest {
            group_id: self.group.into(),
            member_id: self.id.into(),
            member_epoch: epoch,
            instance_id: self.instance.map(Str::from),
            ..Default::default()
        };
        world.call(1, &request)
    }

    fn beat(&mut self, world: &mut World) -> ConsumerGroupHeartbeatResponse {
        let answer = self.ask(world);
        assert_eq!(answer.error_code, NONE, "{answer:?}");
        self.epoch = answer.member_epoch;
        if let Some(assignment) = &answer.assignment {
            self.owned = Vec::new();
            if let Some(topic) = assignment.topic_partitions.first() {
                (self.topic_id, self.owned) = (topic.topic_id, topic.partitions.clone());
            }
        }
        answer
    }

    fn leave(&mut self, world: &mut World) {
        let answer = self.say(world, -1);
        assert_eq!((answer.error_code, answer.member_epoch), (NONE, -1));
    }

    fn had(&self) -> Vec<i32> {
        self.owned.clone()
    }
}

/// A consumer of the classic protocol. What it is told to have it has at once, and what it is not it has given up.
struct Classic {
    id: String,
    instance: Option<&'static str>,
    topic: &'static str,
    generation: i32,
    is_leader: bool,
    owned: Vec<i32>,
}

impl Classic {
    fn new(topic: &'static str) -> Self {
        Self { id: String::new(), instance: None, topic, generation: -1, is_leader: false, owned: Vec::new() }
    }

    fn request(&self) -> JoinGroupRequest {
        let owned = TopicPartition { topic: self.topic.into(), partitions: self.owned.clone(), ..Default::default() };
        let subscription = ConsumerProtocolSubscription {
            topics: vec![self.topic.into()],
            owned_partitions: if self.owned.is_empty() { vec![] } else { vec![owned] },
            ..Default::default()
        };
        let metadata = [&[0, 1], &subscription.to_bytes(1)[..]].concat();
        let protocol = JoinGroupRequestProtocol {
            name: "cooperative-sticky".into(),
            metadata: metadata.as_slice().into(),
            ..Default::default()
        };
        JoinGroupRequest {
            group_id: "readers".into(),
            session_timeout_ms: 45_000,
            rebalance_timeout_ms: REBALANCE_MS as i32,
            member_id: self.id.as_str().into(),
            group_instance_id: self.instance.map(Str::from),
            protocol_type: "consumer".into(),
            protocols: vec![protocol],
            ..Default::default()
        }
    }

    fn join_without_waiting(&mut self, world: &mut World) {
        let given: JoinGroupResponse = world.call(9, &self.request());
        assert_eq!(given.error_code, ErrorCode::MemberIdRequired as i16);
        self.id = given.member_id.to_string();
        // Over a connection of its own: it would hold up the others' answers.
        world.open(OTHER);
        world.send_from(OTHER, 9, &self.request());
    }

    fn join(&mut self, world: &mut World) {
        let mut answer: JoinGroupResponse = world.call(9, &self.request());
        if answer.error_code == ErrorCode::MemberIdRequired as i16 {
            self.id = answer.member_id.to_string();
            answer = world.call(9, &self.request());
        }
        assert_eq!(answer.error_code, NONE, "{answer:?}");
        self.id = answer.member_id.to_string();
        (self.generation, self.is_leader) = (answer.generation_id, *answer.leader == *self.id);
        assert_eq!(answer.protocol_name.as_deref(), Some("cooperative-sticky"));
    }

    /// Asks for its assignment; where it leads, it takes these partitions.
    fn sync(&mut self, world: &mut World, partitions: &[i32]) {
        let topic = TopicPartition { topic: self.topic.into(), partitions: partitions.to_vec(), ..Default::default() };
        let assignment = ConsumerProtocolAssignment { assigned_partitions: vec![topic], ..Default::default() };
        let assignment = SyncGroupRequestAssignment {
            member_id: self.id.as_str().into(),
            assignment: [&[0, 1], &assignment.to_bytes(1)[..]].concat().as_slice().into(),
            ..Default::default()
        };
        let request = SyncGroupRequest {
            group_id: "readers".into(),
            generation_id: self.generation,
            member_id: self.id.as_str().into(),
            group_instance_id: self.instance.map(Str::from),
            protocol_type: Some("consumer".into()),
            protocol_name: Some("cooperative-sticky".into()),
            assignments: if self.is_leader { vec![assignment] } else { vec![] },
            ..Default::default()
        };
        let answer: SyncGroupResponse = world.call(5, &request);
        assert_eq!(answer.error_code, NONE, "{answer:?}");
        let assigned = ConsumerProtocolAssignment::from_bytes(answer.assignment[2..].to_vec().into(), 1).unwrap();
        self.owned = assigned.assigned_partitions.first().map(|topic| topic.partitions.clone()).unwrap_or_default();
    }

    fn heartbeat(&self, world: &mut World) -> i16 {
        let request = HeartbeatRequest {
            group_id: "readers".into(),
            generation_id: self.generation,
            member_id: self.id.as_str().into(),
            group_instance_id: self.instance.map(Str::from),
            ..Default::default()
        };
        let answer: HeartbeatResponse = world.call(4, &request);
        answer.error_code
    }
}

fn told(answer: &ConsumerGroupHeartbeatResponse) -> Vec<i32> {
    answer.assignment.as_ref().expect("an assignment").topic_partitions[0].partitions.clone()
}

fn describe(world: &mut World, group: &str) -> DescribedGroup {
    let group_ids = vec![group.into()];
    let request = ConsumerGroupDescribeRequest { group_ids, include_authorized_operations: true, ..Default::default() };
    let answer: ConsumerGroupDescribeResponse = world.call(1, &request);
    let described = answer.groups[0].clone();
    let is_told = described.authorized_operations != i32::MIN;
    assert_eq!(is_told, described.error_code == 0, "what may be done with a group is told where there is one");
    described
}

/// Names, types and states.
fn listed(world: &mut World) -> Vec<(String, String, String)> {
    let answer: ListGroupsResponse = world.call(5, &ListGroupsRequest::default());
    let groups = answer.groups.iter();
    groups
        .map(|group| (group.group_id.to_string(), group.group_type.to_string(), group.group_state.to_string()))
        .collect()
}

fn add_partitions(world: &mut World, topic: &str, count: i32) {
    let topic = CreatePartitionsTopic { name: topic.into(), count, assignments: None, ..Default::default() };
    let request = CreatePartitionsRequest { topics: vec![topic], timeout_ms: 1_000, ..Default::default() };
    let answer: CreatePartitionsResponse = world.call(3, &request);
    assert_eq!(answer.results[0].error_code, NONE);
}
