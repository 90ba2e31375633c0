//! What applications and administrators do with share groups (KIP-932): one call joins, moves and leaves, several members may look at
//! one partition, and the share coordinator keeps what they have dealt with.

mod world;

use ottla_core::wire::messages::alter_share_group_offsets::{
    AlterShareGroupOffsetsRequest, AlterShareGroupOffsetsRequestPartition, AlterShareGroupOffsetsRequestTopic,
    AlterShareGroupOffsetsResponse,
};
use ottla_core::wire::messages::consumer_group_heartbeat::{
    ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse,
};
use ottla_core::wire::messages::create_partitions::{
    CreatePartitionsRequest, CreatePartitionsResponse, CreatePartitionsTopic,
};
use ottla_core::wire::messages::delete_share_group_offsets::{
    DeleteShareGroupOffsetsRequest, DeleteShareGroupOffsetsRequestTopic, DeleteShareGroupOffsetsResponse,
};
use ottla_core::wire::messages::delete_topics::{DeleteTopicState, DeleteTopicsRequest, DeleteTopicsResponse};
use ottla_core::wire::messages::describe_groups::{DescribeGroupsRequest, DescribeGroupsResponse};
use ottla_core::wire::messages::describe_share_group_offsets::{
    DescribeShareGroupOffsetsRequest, DescribeShareGroupOffsetsRequestGroup, DescribeShareGroupOffsetsRequestTopic,
    DescribeShareGroupOffsetsResponse, DescribeShareGroupOffsetsResponseGroup,
};
use ottla_core::wire::messages::heartbeat::{HeartbeatRequest, HeartbeatResponse};
use ottla_core::wire::messages::metadata::{MetadataRequest, MetadataResponse};
use ottla_core::wire::messages::offset_delete::{OffsetDeleteRequest, OffsetDeleteResponse};
use ottla_core::wire::messages::produce::{PartitionProduceData, ProduceRequest, ProduceResponse, TopicProduceData};
use ottla_core::wire::messages::share_group_describe::{
    DescribedGroup, ShareGroupDescribeRequest, ShareGroupDescribeResponse,
};
use ottla_core::wire::messages::share_group_heartbeat::{ShareGroupHeartbeatRequest, ShareGroupHeartbeatResponse};
use ottla_core::wire::messages::update_features::{FeatureUpdateKey, UpdateFeaturesRequest, UpdateFeaturesResponse};
use ottla_core::wire::{ErrorCode, Str, Uuid};
use world::World;
use world::groups::{Group, listed};

const SHARERS: Group = Group { name: "sharers", topic: "letters" };
const NONE: i16 = ErrorCode::None as i16;
const HOUR_MS: i64 = 3_600_000;
const NOT_FOUND: i16 = ErrorCode::GroupIdNotFound as i16;
const SESSION_MS: i64 = 45_000;

#[test]
fn a_member_gets_partitions_when_the_share_coordinator_keeps_them() {
    let mut world = ready(&[]);
    let mut one = Client::new("one");
    // Nothing is kept of the topic yet: this heartbeat has it asked for.
    let answer = one.beat(&mut world);
    assert_eq!((answer.error_code, answer.member_epoch, answer.heartbeat_interval_ms), (NONE, 2, 5_000));
    assert_eq!((answer.member_id.as_deref(), one.had()), (Some("one"), vec![]));
    world.pass_ms(1_000);
    let answer = one.beat(&mut world);
    assert_eq!((answer.member_epoch, one.had()), (3, vec![0, 1]));
    // Nothing new, nothing said.
    let answer = one.beat(&mut world);
    assert_eq!((answer.member_epoch, answer.assignment), (3, None));
    let group = describe(&mut world, "sharers");
    assert_eq!((&*group.group_state, group.group_epoch, group.assignment_epoch), ("Stable", 3, 3));
    assert_eq!(&*group.assignor_name, "simple");
    let member = &group.members[0];
    assert_eq!((&*member.member_id, member.member_epoch), ("one", 3));
    assert_eq!((&*member.client_id, &*member.client_host), ("test", "/127.0.0.1"));
    assert_eq!(member.subscribed_topic_names, ["letters"]);
    assert_eq!(&*member.assignment.topic_partitions[0].topic_name, "letters");
    assert_eq!(member.assignment.topic_partitions[0].partitions, [0, 1]);
}

#[test]
fn more_members_than_partitions_share_them_and_nobody_waits_for_another() {
    let mut world = ready(&[]);
    let mut members = ["a", "b", "c", "d"].map(Client::new);
    settle(&mut world, &mut members);
    let mut had: Vec<i32> = members.iter().flat_map(Client::had).collect();
    had.sort_unstable();
    assert_eq!(had, [0, 0, 1, 1]);
    let [mut a, .., mut d] = members;
    a.leave(&mut world);
    world.pass_ms(1_000);
    d.beat(&mut world);
    let group = describe(&mut world, "sharers");
    assert_eq!((group.members.len(), group.group_epoch == group.assignment_epoch), (3, true));
}

#[test]
fn a_silent_member_is_taken_out_after_the_groups_session_timeout() {
    let mut world = ready(&[]);
    assert_eq!(SHARERS.alter(&mut world, "share.session.timeout.ms", "50000"), NONE);
    assert_eq!(SHARERS.alter(&mut world, "share.heartbeat.interval.ms", "7000"), NONE);
    let mut one = Client::new("one");
    assert_eq!(one.beat(&mut world).heartbeat_interval_ms, 7_000);
    world.pass_ms(49_999);
    assert_eq!(describe(&mut world, "sharers").members.len(), 1);
    world.pass_ms(1);
    let group = describe(&mut world, "sharers");
    assert_eq!((&*group.group_state, group.members.len(), group.group_epoch), ("Empty", 0, 3));
    let answer = one.ask(&mut world);
    assert_eq!(answer.error_code, ErrorCode::UnknownMemberId as i16);
    assert_eq!(answer.error_message.as_deref(), Some("Member one is not a member of group sharers."));
}

#[test]
fn a_member_with_a_wrong_epoch_is_fenced_unless_it_can_not_have_got_the_answer() {
    let mut world = ready(&[]);
    let mut one = Client::new("one");
    settle(&mut world, core::slice::from_mut(&mut one));
    assert_eq!(one.epoch, 3);
    let mut late = Client { epoch: 2, ..one.clone() };
    assert_eq!((late.ask(&mut world).error_code, late.ask(&mut world).member_epoch), (NONE, 3));
    let refused = |world: &mut World, epoch| {
        let answer = Client { epoch, ..one.clone() }.ask(world);
        assert_eq!(answer.error_code, ErrorCode::FencedMemberEpoch as i16);
        answer.error_message.expect("a reason").to_string()
    };
    assert_eq!(
        refused(&mut world, 1),
        "The share group member has a smaller member epoch (1) than the one known by the group coordinator (3), and it does not match the previous member epoch (2). The member must abandon all its partitions and rejoin."
    );
    assert_eq!(
        refused(&mut world, 4),
        "The share group member has a greater member epoch (4) than the one known by the group coordinator (3). The member must abandon all its partitions and rejoin."
    );
    // It joins again under its id, and is told what it has.
    let mut again = Client { epoch: 0, ..one.clone() };
    assert_eq!(again.beat(&mut world).member_epoch, 3);
    assert_eq!(again.had(), [0, 1]);
}

#[test]
fn new_partitions_and_topics_are_shared_out_once_they_are_kept() {
    let mut world = ready(&[]);
    let mut one = Client { topics: vec!["letters", "parcels"], ..Client::new("one") };
    settle(&mut world, core::slice::from_mut(&mut one));
    assert_eq!(one.had(), [0, 1]);
    let topic = CreatePartitionsTopic { name: "letters".into(), count: 3, assignments: None, ..Default::default() };
    let request = CreatePartitionsRequest { topics: vec![topic], timeout_ms: 1_000, ..Default::default() };
    let answer: CreatePartitionsResponse = world.call(3, &request);
    assert_eq!(answer.results[0].error_code, NONE);
    settle(&mut world, core::slice::from_mut(&mut one));
    assert_eq!(one.had(), [0, 1, 2]);
    world.create_topic("parcels", 1);
    settle(&mut world, core::slice::from_mut(&mut one));
    assert_eq!(one.had(), [0, 0, 1, 2]);
    delete_topic(&mut world, "letters");
    settle(&mut world, core::slice::from_mut(&mut one));
    assert_eq!(one.had(), [0]);
    assert_eq!(offsets(&mut world, None).topics.len(), 1);
}

#[test]
fn a_group_is_after_a_crash_what_it_was() {
    let mut world = ready(&[]);
    let mut members = ["one", "two"].map(Client::new);
    settle(&mut world, &mut members);
    let before = describe(&mut world, "sharers");
    let mut world = World::on(world.crash(), PROPERTIES);
    assert_eq!(describe(&mut world, "sharers"), before);
    let [mut one, mut two] = members;
    assert_eq!((one.beat(&mut world).assignment, two.beat(&mut world).error_code), (None, NONE));
    // Who does not come back is taken out.
    world.pass_ms(SESSION_MS - 1);
    one.beat(&mut world);
    assert_eq!(describe(&mut world, "sharers").members.len(), 2);
    world.pass_ms(1);
    assert_eq!(describe(&mut world, "sharers").members.len(), 1);
    one.beat(&mut world);
    assert_eq!(one.had(), [0, 1]);
}

#[test]
fn what_the_share_coordinator_did_not_say_before_a_crash_is_asked_for_again() {
    let mut world = ready(&[]);
    Client::new("one").beat(&mut world);
    let mut world = World::on(world.crash(), PROPERTIES);
    let mut one = Client::new("one");
    settle(&mut world, core::slice::from_mut(&mut one));
    world.pass_ms(30_000);
    settle(&mut world, core::slice::from_mut(&mut one));
    assert_eq!(one.had(), [0, 1]);
}

#[test]
fn assignments_are_made_no_more_often_than_the_group_wants() {
    let mut world = ready(&[]);
    let mut one = Client::new("one");
    settle(&mut world, core::slice::from_mut(&mut one));
    let mut two = Client::new("two");
    assert_eq!(SHARERS.alter(&mut world, "share.assignment.interval.ms", "15000"), NONE);
    two.beat(&mut world);
    let group = describe(&mut world, "sharers");
    assert_eq!((group.group_epoch, group.assignment_epoch, two.had()), (4, 3, vec![]));
    world.pass_ms(15_000);
    two.beat(&mut world);
    assert_eq!((describe(&mut world, "sharers").assignment_epoch, two.had().len()), (4, 1));
}

#[test]
fn a_clock_that_was_ahead_for_a_while_keeps_no_member_from_its_partitions() {
    let mut world = ready(&[]);
    world.now.wall.0 += 6 * HOUR_MS;
    let mut one = Client::new("one");
    settle(&mut world, core::slice::from_mut(&mut one));
    world.now.wall.0 -= 6 * HOUR_MS;
    let mut two = Client::new("two");
    two.beat(&mut world);
    assert_eq!(two.had().len(), 1);
}

#[test]
fn requests_that_make_no_sense_are_refused_in_kafkas_words() {
    let mut world = ready(&[]);
    let good = Client::new("one").request();
    let refused = |world: &mut World, request: ShareGroupHeartbeatRequest| {
        let answer: ShareGroupHeartbeatResponse = world.call(1, &request);
        assert_eq!(answer.error_code, ErrorCode::InvalidRequest as i16);
        answer.error_message.map(|message| message.to_string())
    };
    for id in ["", "a-member-whose-id-is-longer-than-a-uuid"] {
        let request = ShareGroupHeartbeatRequest { member_id: id.into(), ..good.clone() };
        assert_eq!(refused(&mut world, request), None);
    }
    let said = |world: &mut World, request| refused(world, request).expect("a reason");
    let request = ShareGroupHeartbeatRequest { member_id: " ".into(), ..good.clone() };
    assert_eq!(said(&mut world, request), "MemberId can't be empty.");
    let request = ShareGroupHeartbeatRequest { group_id: "".into(), ..good.clone() };
    assert_eq!(said(&mut world, request), "GroupId can't be empty.");
    let request = ShareGroupHeartbeatRequest { rack_id: Some("".into()), ..good.clone() };
    assert_eq!(said(&mut world, request), "RackId can't be empty.");
    for topics in [None, Some(vec![])] {
        let request = ShareGroupHeartbeatRequest { subscribed_topic_names: topics, ..good.clone() };
        assert_eq!(said(&mut world, request), "SubscribedTopicNames must be set in first request.");
    }
    let request = ShareGroupHeartbeatRequest { member_epoch: -2, ..good.clone() };
    assert_eq!(said(&mut world, request), "MemberEpoch is invalid.");
    let mut nobody = Client { epoch: 7, ..Client::new("one") };
    let answer = nobody.ask(&mut world);
    assert_eq!(answer.error_code, NOT_FOUND);
    assert_eq!(answer.error_message.as_deref(), Some("Share group sharers not found."));
    nobody.epoch = -1;
    assert_eq!(nobody.ask(&mut world).error_message.as_deref(), Some("Group sharers not found."));
}

#[test]
fn a_group_has_no_more_members_than_it_may() {
    let mut world = ready(&[("group.share.max.size", "1")]);
    Client::new("one").beat(&mut world);
    let answer = Client::new("two").ask(&mut world);
    assert_eq!(answer.error_code, ErrorCode::GroupMaxSizeReached as i16);
    assert_eq!(answer.error_message.as_deref(), Some("The share group has reached its maximum capacity of 1 members."));
}

#[test]
fn where_the_cluster_has_no_share_groups_clients_are_told_so() {
    let mut world = ready(&[]);
    let level = FeatureUpdateKey {
        feature: "share.version".into(),
        max_version_level: 0,
        upgrade_type: 2,
        ..Default::default()
    };
    let request = UpdateFeaturesRequest { feature_updates: vec![level], timeout_ms: 1_000, ..Default::default() };
    let answer: UpdateFeaturesResponse = world.call(2, &request);
    assert_eq!(answer.error_code, NONE);
    const UNSUPPORTED: i16 = ErrorCode::UnsupportedVersion as i16;
    let answer = Client::new("one").ask(&mut world);
    assert_eq!((answer.error_code, answer.error_message), (UNSUPPORTED, None));
    let group = describe(&mut world, "sharers");
    assert_eq!((group.error_code, group.error_message), (UNSUPPORTED, None));
    let said = Some("The version of API is not supported.");
    let answer = alter(&mut world, "sharers", &[("letters", 0, 1)]);
    assert_eq!((answer.error_code, answer.error_message.as_deref()), (UNSUPPORTED, said));
    let answer = forget(&mut world, "sharers", &["letters"]);
    assert_eq!((answer.error_code, answer.error_message.as_deref()), (UNSUPPORTED, said));
    let group = DescribeShareGroupOffsetsRequestGroup { group_id: "sharers".into(), ..Default::default() };
    let request = DescribeShareGroupOffsetsRequest { groups: vec![group], ..Default::default() };
    let answer: DescribeShareGroupOffsetsResponse = world.call(1, &request);
    assert_eq!((answer.groups[0].error_code, answer.groups[0].error_message.as_deref()), (UNSUPPORTED, None));
}

#[test]
fn groups_of_other_kinds_and_share_groups_do_not_mix() {
    let mut world = ready(&[]);
    let mut one = Client::new("one");
    one.beat(&mut world);
    let request = ConsumerGroupHeartbeatRequest {
        group_id: "sharers".into(),
        member_id: "two".into(),
        rebalance_timeout_ms: 1_000,
        subscribed_topic_names: Some(vec!["letters".into()]),
        topic_partitions: Some(vec![]),
        ..Default::default()
    };
    let answer: ConsumerGroupHeartbeatResponse = world.call(1, &request);
    assert_eq!(answer.error_code, NOT_FOUND);
    assert_eq!(answer.error_message.as_deref(), Some("Group sharers is not a consumer group."));
    assert_eq!(SHARERS.join(&mut world), ErrorCode::InconsistentGroupProtocol as i16);
    let request = HeartbeatRequest { group_id: "sharers".into(), member_id: "one".into(), ..Default::default() };
    let answer: HeartbeatResponse = world.call(4, &request);
    assert_eq!(answer.error_code, ErrorCode::UnknownMemberId as i16);
    assert_eq!(SHARERS.commit(&mut world, 9, ("one", -1), 0), NOT_FOUND);
    assert_eq!(SHARERS.commit(&mut world, 9, ("one", 2), 0), NOT_FOUND);
    assert_eq!(SHARERS.fetch(&mut world, None, -1), (NONE, 0));
    let request = OffsetDeleteRequest { group_id: "sharers".into(), ..Default::default() };
    let answer: OffsetDeleteResponse = world.call(0, &request);
    assert_eq!(answer.error_code, NOT_FOUND);
    let request = DescribeGroupsRequest { groups: vec!["sharers".into()], ..Default::default() };
    let answer: DescribeGroupsResponse = world.call(6, &request);
    assert_eq!(answer.groups[0].error_message.as_deref(), Some("Group sharers is not a classic group."));
    one.leave(&mut world);
    assert_eq!(SHARERS.join(&mut world), ErrorCode::InconsistentGroupProtocol as i16, "not even without members");
    // And the other way round.
    let request = ConsumerGroupHeartbeatRequest { group_id: "readers".into(), ..request_of_consumer() };
    let answer: ConsumerGroupHeartbeatResponse = world.call(1, &request);
    assert_eq!(answer.error_code, NONE);
    let answer = Client { group: "readers", ..Client::new("one") }.ask(&mut world);
    assert_eq!(answer.error_code, NOT_FOUND);
    assert_eq!(answer.error_message.as_deref(), Some("Group readers is not a share group."));
    let group = describe(&mut world, "readers");
    assert_eq!(group.error_message.as_deref(), Some("Group readers is not a share group."));
    assert_eq!(describe(&mut world, "nobody").error_message.as_deref(), Some("Group nobody not found."));
}

#[test]
fn groups_are_listed_by_type_and_state() {
    let mut world = ready(&[]);
    let mut one = Client::new("one");
    one.beat(&mut world);
    let answer: ConsumerGroupHeartbeatResponse = world.call(1, &request_of_consumer());
    assert_eq!(answer.error_code, NONE);
    assert_eq!(listed(&mut world, &["share"], &[]), [("sharers".to_string(), "Stable".to_string())]);
    assert_eq!(listed(&mut world, &["Share"], &["stable"]).len(), 1);
    assert_eq!(listed(&mut world, &["share"], &["empty"]), []);
    one.leave(&mut world);
    assert_eq!(listed(&mut world, &["share"], &["empty"]), [("sharers".to_string(), "Empty".to_string())]);
}

#[test]
fn an_empty_group_begins_where_it_is_told_to_and_says_how_much_is_left() {
    let mut world = ready(&[]);
    let topic_id = produce(&mut world, 3);
    let mut one = Client::new("one");
    settle(&mut world, core::slice::from_mut(&mut one));
    let group = offsets(&mut world, None);
    let all: Vec<_> =
        group.topics[0].partitions.iter().map(|of| (of.partition_index, of.start_offset, of.lag)).collect();
    assert_eq!(all, [(0, -1, -1), (1, -1, -1)]);
    let refused = alter(&mut world, "sharers", &[("letters", 0, 1)]);
    assert_eq!((refused.error_code, refused.responses.len()), (ErrorCode::NonEmptyGroup as i16, 0));
    assert_eq!(refused.error_message.as_deref(), Some("The group is not empty."));
    one.leave(&mut world);
    let answer = alter(&mut world, "sharers", &[("letters", 0, 1), ("letters", 7, 0), ("nothing", 0, 0)]);
    assert_eq!((answer.error_code, answer.error_message.as_deref()), (NONE, None));
    let told = |index: usize| {
        let topic = &answer.responses[index];
        let codes: Vec<i16> = topic.partitions.iter().map(|partition| partition.error_code).collect();
        (&*topic.topic_name, topic.topic_id, codes)
    };
    let unknown = ErrorCode::UnknownTopicOrPartition as i16;
    assert_eq!(told(0), ("nothing", Uuid::ZERO, vec![unknown]));
    assert_eq!(told(1), ("letters", topic_id, vec![NONE, unknown]));
    let group = offsets(&mut world, Some(&[("letters", &[0]), ("nothing", &[4])]));
    let partition = &group.topics[0].partitions[0];
    assert_eq!((partition.start_offset, partition.lag, partition.error_code), (1, 2, NONE));
    let partition = &group.topics[1].partitions[0];
    assert_eq!((partition.partition_index, partition.start_offset, partition.error_code), (4, -1, NONE));
    // A negative partition spoils all of it, and changes nothing.
    let spoilt = alter(&mut world, "sharers", &[("letters", -1, 0), ("letters", 0, 2)]);
    assert_eq!((spoilt.error_code, spoilt.responses.len()), (ErrorCode::UnknownServerError as i16, 0));
    // So it is after a crash.
    let mut world = World::on(world.crash(), PROPERTIES);
    assert_eq!(offsets(&mut world, None).topics[0].partitions[0].start_offset, 1);
    // A group that is not there yet is made.
    assert_eq!(alter(&mut world, "others", &[("letters", 1, 0)]).responses[0].partitions[0].error_code, NONE);
    assert_eq!(listed(&mut world, &["share"], &[]).len(), 2);
}

#[test]
fn topics_are_forgotten_on_demand() {
    let mut world = ready(&[]);
    let mut one = Client::new("one");
    settle(&mut world, core::slice::from_mut(&mut one));
    let refused = forget(&mut world, "sharers", &["letters"]);
    assert_eq!(refused.error_code, ErrorCode::NonEmptyGroup as i16);
    assert_eq!(forget(&mut world, "nobody", &["letters"]).error_message.as_deref(), Some("Group nobody not found."));
    one.leave(&mut world);
    let answer = forget(&mut world, "sharers", &["letters", "nothing"]);
    let told: Vec<_> = answer.responses.iter().map(|topic| (&*topic.topic_name, topic.error_code)).collect();
    assert_eq!(told, [("letters", NONE), ("nothing", ErrorCode::UnknownTopicOrPartition as i16)]);
    assert_eq!(offsets(&mut world, None).topics, []);
    let answer = forget(&mut world, "sharers", &["letters"]);
    assert_eq!(answer.responses[0].error_message.as_deref(), Some("There is no offset information to delete."));
    // Who comes back begins anew.
    one.epoch = 0;
    settle(&mut world, core::slice::from_mut(&mut one));
    assert_eq!(one.had(), [0, 1]);
}

#[test]
fn a_group_without_members_is_deleted_with_all_that_the_share_coordinator_keeps() {
    let mut world = ready(&[]);
    let mut one = Client::new("one");
    settle(&mut world, core::slice::from_mut(&mut one));
    assert_eq!(SHARERS.delete(&mut world), ErrorCode::NonEmptyGroup as i16);
    one.leave(&mut world);
    assert_eq!(alter(&mut world, "sharers", &[("letters", 0, 5)]).error_code, NONE);
    assert_eq!(SHARERS.delete(&mut world), NONE);
    assert_eq!(SHARERS.delete(&mut world), NOT_FOUND);
    assert_eq!(offsets(&mut world, Some(&[("letters", &[0])])).topics[0].partitions[0].start_offset, -1);
    let mut world = World::on(world.crash(), PROPERTIES);
    assert_eq!(listed(&mut world, &[], &[]), []);
    assert_eq!(offsets(&mut world, Some(&[("letters", &[0])])).topics[0].partitions[0].start_offset, -1);
}

#[test]
fn a_group_that_nobody_uses_wakes_nobody_up() {
    let mut world = ready(&[]);
    let mut one = Client::new("one");
    settle(&mut world, core::slice::from_mut(&mut one));
    one.leave(&mut world);
    world.pass_ms(20 * 60_000);
    let of_groups = world.broker.deadline().map(|deadline| deadline.since(world.now.monotonic).as_secs());
    assert!(of_groups.is_none_or(|seconds| seconds > 60), "{of_groups:?}");
}

const PROPERTIES: &[(&str, &str)] = &[
    ("offsets.topic.num.partitions", "3"),
    ("share.coordinator.state.topic.num.partitions", "3"),
    ("connections.max.idle.ms", "-1"),
    ("log.initial.task.delay.ms", "1000000000"),
    ("log.retention.check.interval.ms", "1000000000"),
];

/// A broker with a topic of two partitions, whose coordinators serve.
fn ready(properties: &[(&str, &str)]) -> World {
    let mut world = World::new(&[properties, PROPERTIES].concat());
    world.create_topic("letters", 2);
    SHARERS.find(&mut world);
    world
}

/// Lets members send heartbeats until all of them have what they shall have.
fn settle(world: &mut World, members: &mut [Client]) {
    for _ in 0..3 {
        for member in &mut *members {
            assert_eq!(member.beat(world).error_code, NONE);
        }
        world.pass_ms(1_000);
    }
}

/// A share consumer, as far as heartbeats go.
#[derive(Clone)]
struct Client {
    group: &'static str,
    id: &'static str,
    topics: Vec<&'static str>,
    epoch: i32,
    /// By topic.
    owned: Vec<Vec<i32>>,
}

impl Client {
    fn new(id: &'static str) -> Self {
        Self { group: "sharers", id, topics: vec!["letters"], epoch: 0, owned: Vec::new() }
    }

    fn request(&self) -> ShareGroupHeartbeatRequest {
        let topics = self.topics.iter().map(|topic| Str::from(*topic)).collect();
        ShareGroupHeartbeatRequest {
            group_id: self.group.into(),
            member_id: self.id.into(),
            member_epoch: self.epoch,
            subscribed_topic_names: (self.epoch == 0).then_some(topics),
            ..Default::default()
        }
    }

    /// Sends a heartbeat, and does not do what it says.
    fn ask(&mut self, world: &mut World) -> ShareGroupHeartbeatResponse {
        world.call(1, &self.request())
    }

    fn beat(&mut self, world: &mut World) -> ShareGroupHeartbeatResponse {
        let answer = self.ask(world);
        self.epoch = answer.member_epoch;
        if let Some(assignment) = &answer.assignment {
            self.owned = assignment.topic_partitions.iter().map(|topic| topic.partitions.clone()).collect();
        }
        answer
    }

    fn leave(&mut self, world: &mut World) {
        self.epoch = -1;
        let answer = self.ask(world);
        assert_eq!((answer.error_code, answer.member_epoch, answer.heartbeat_interval_ms), (NONE, -1, 0));
    }

    /// The partitions that it was told, of whichever topic.
    fn had(&self) -> Vec<i32> {
        let mut had: Vec<i32> = self.owned.iter().flatten().copied().collect();
        had.sort_unstable();
        had
    }
}

fn request_of_consumer() -> ConsumerGroupHeartbeatRequest {
    ConsumerGroupHeartbeatRequest {
        group_id: "readers".into(),
        member_id: "one".into(),
        rebalance_timeout_ms: 1_000,
        subscribed_topic_names: Some(vec!["letters".into()]),
        topic_partitions: Some(vec![]),
        ..Default::default()
    }
}

fn describe(world: &mut World, group: &str) -> DescribedGroup {
    let request = ShareGroupDescribeRequest { group_ids: vec![group.into()], ..Default::default() };
    let answer: ShareGroupDescribeResponse = world.call(1, &request);
    answer.groups[0].clone()
}

/// So many records in the topic's first partition; says the topic's id.
fn produce(world: &mut World, records: usize) -> Uuid {
    let records = world::batch(&vec!["a"; records]);
    let data = PartitionProduceData { records: Some(records.into()), ..Default::default() };
    let topic = TopicProduceData { name: "letters".into(), partition_data: vec![data], ..Default::default() };
    let request = ProduceRequest { acks: -1, timeout_ms: 1_000, topic_data: vec![topic], ..Default::default() };
    let answer: ProduceResponse = world.call(11, &request);
    assert_eq!(answer.responses[0].partition_responses[0].error_code, NONE);
    let answer: MetadataResponse = world.call(13, &MetadataRequest { topics: None, ..Default::default() });
    answer.topics.iter().find(|topic| topic.name.as_deref() == Some("letters")).expect("it is there").topic_id
}

fn offsets(world: &mut World, topics: Option<&[(&str, &[i32])]>) -> DescribeShareGroupOffsetsResponseGroup {
    let topic = |(name, partitions): &(&str, &[i32])| DescribeShareGroupOffsetsRequestTopic {
        topic_name: (*name).into(),
        partitions: partitions.to_vec(),
        ..Default::default()
    };
    let topics = topics.map(|topics| topics.iter().map(topic).collect());
    let group = DescribeShareGroupOffsetsRequestGroup { group_id: "sharers".into(), topics, ..Default::default() };
    let request = DescribeShareGroupOffsetsRequest { groups: vec![group], ..Default::default() };
    let answer: DescribeShareGroupOffsetsResponse = world.call(1, &request);
    assert_eq!(answer.groups[0].error_code, NONE);
    answer.groups[0].clone()
}

fn alter(world: &mut World, group: &str, starts: &[(&str, i32, i64)]) -> AlterShareGroupOffsetsResponse {
    let mut topics: Vec<AlterShareGroupOffsetsRequestTopic> = Vec::new();
    for (name, partition_index, start_offset) in starts {
        let partition = AlterShareGroupOffsetsRequestPartition {
            partition_index: *partition_index,
            start_offset: *start_offset,
            ..Default::default()
        };
        match topics.iter_mut().find(|topic| topic.topic_name == *name) {
            Some(topic) => topic.partitions.push(partition),
            None => topics.push(AlterShareGroupOffsetsRequestTopic {
                topic_name: (*name).into(),
                partitions: vec![partition],
                ..Default::default()
            }),
        }
    }
    let request = AlterShareGroupOffsetsRequest { group_id: group.into(), topics, ..Default::default() };
    world.call(0, &request)
}

fn forget(world: &mut World, group: &str, topics: &[&str]) -> DeleteShareGroupOffsetsResponse {
    let topic = |name: &&str| DeleteShareGroupOffsetsRequestTopic { topic_name: (*name).into(), ..Default::default() };
    let topics = topics.iter().map(topic).collect();
    world.call(0, &DeleteShareGroupOffsetsRequest { group_id: group.into(), topics, ..Default::default() })
}

fn delete_topic(world: &mut World, name: &str) {
    let topics = vec![DeleteTopicState { name: Some(name.into()), ..Default::default() }];
    let request = DeleteTopicsRequest { topics, timeout_ms: 1_000, ..Default::default() };
    let answer: DeleteTopicsResponse = world.call(6, &request);
    assert_eq!(answer.responses[0].error_code, NONE);
}
