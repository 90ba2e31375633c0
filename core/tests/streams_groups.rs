//! What applications and administrators do with streams groups (KIP-1071): the first member brings the topology, its topics are made,
//! and tasks are assigned and move from heartbeat to heartbeat.

mod world;

use std::collections::BTreeMap;

use ottla_core::wire::messages::consumer_group_heartbeat::{
    ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse,
};
use ottla_core::wire::messages::describe_configs::{
    DescribeConfigsRequest, DescribeConfigsResource, DescribeConfigsResponse,
};
use ottla_core::wire::messages::metadata::{MetadataRequest, MetadataRequestTopic, MetadataResponse};
use ottla_core::wire::messages::streams_group_describe::{
    DescribedGroup, StreamsGroupDescribeRequest, StreamsGroupDescribeResponse,
};
use ottla_core::wire::messages::streams_group_heartbeat::{
    CopartitionGroup, Endpoint, KeyValue, StreamsGroupHeartbeatRequest, StreamsGroupHeartbeatResponse, Subtopology,
    TaskIds, TopicInfo, Topology,
};
use ottla_core::wire::messages::update_features::{FeatureUpdateKey, UpdateFeaturesRequest, UpdateFeaturesResponse};
use ottla_core::wire::{ErrorCode, Str};
use world::World;
use world::groups::{Group, listed};

const NONE: i16 = ErrorCode::None as i16;
const INVALID: i16 = ErrorCode::InvalidRequest as i16;
const COUNTERS: Group = Group { name: "counters", topic: "words" };
const STALE_TOPOLOGY: i8 = 0;
const MISSING_SOURCE_TOPICS: i8 = 1;
const INCORRECTLY_PARTITIONED_TOPICS: i8 = 2;
const MISSING_INTERNAL_TOPICS: i8 = 3;
const SHUTDOWN_APPLICATION: i8 = 4;
const ASSIGNMENT_DELAYED: i8 = 5;
const SESSION_MS: i64 = 45_000;

#[test]
fn the_first_heartbeats_have_internal_topics_made_and_the_next_have_tasks() {
    let mut world = ready(&[]);
    let mut one = Client::new("one");
    let answer = one.beat(&mut world);
    assert_eq!((answer.error_code, answer.member_epoch, answer.heartbeat_interval_ms), (NONE, 1, 5_000));
    assert_eq!(one.statuses(&answer), [ASSIGNMENT_DELAYED, MISSING_INTERNAL_TOPICS]);
    let statuses = answer.status.expect("there are some");
    assert_eq!(&*statuses[1].status_detail, "Internal topics are missing: app-changelog, app-repartition");
    assert_eq!(partitions_of(&mut world, "app-repartition"), 3);
    assert_eq!(partitions_of(&mut world, "app-changelog"), 3);
    assert_eq!(config_of(&mut world, "app-changelog", "cleanup.policy"), "compact");
    assert_eq!(describe(&mut world).group_state, "NotReady");
    world.pass_ms(3_000);
    let answer = one.beat(&mut world);
    assert_eq!((one.statuses(&answer), answer.member_epoch), (vec![], 3));
    assert_eq!(one.active, tasks(&[("0", &[0, 1, 2]), ("1", &[0, 1, 2])]));
    // Nothing new, nothing said.
    let answer = one.beat(&mut world);
    assert_eq!((answer.active_tasks, answer.standby_tasks, answer.warmup_tasks), (None, None, None));
}

#[test]
fn a_group_is_described_with_its_topology_and_what_its_members_have() {
    let mut world = ready(&[]);
    let mut one = Client { endpoint: Some(("one.example", 80)), ..Client::new("one") };
    settle(&mut world, &mut [&mut one]);
    let group = describe(&mut world);
    assert_eq!((group.error_code, &*group.group_state), (NONE, "Stable"));
    assert_eq!((group.group_epoch, group.assignment_epoch), (3, 3));
    let topology = group.topology.expect("it has one");
    let subtopologies = topology.subtopologies.expect("they are known");
    assert_eq!(subtopologies[0].source_topics, ["words"]);
    assert_eq!(subtopologies[0].repartition_sink_topics, ["app-repartition"]);
    assert_eq!(subtopologies[1].repartition_source_topics[0].partitions, 3);
    let changelog = &subtopologies[1].state_changelog_topics[0];
    assert_eq!((&*changelog.name, changelog.partitions), ("app-changelog", 3));
    assert_eq!(&*changelog.topic_configs[0].key, "cleanup.policy");
    let member = &group.members[0];
    assert_eq!((&*member.member_id, member.member_epoch, &*member.process_id), ("one", 3, "process-one"));
    assert_eq!((&*member.client_id, &*member.client_host), ("test", "/127.0.0.1"));
    assert_eq!((&*member.client_tags[0].key, &*member.client_tags[0].value), ("zone", "east"));
    assert_eq!(
        member.user_endpoint.as_ref().map(|endpoint| (&*endpoint.host, endpoint.port)),
        Some(("one.example", 80))
    );
    assert_eq!(member.assignment, member.target_assignment);
    assert_eq!(member.assignment.active_tasks[1].partitions, [0, 1, 2]);
}

#[test]
fn tasks_move_to_a_new_member_once_the_old_one_has_given_them_up() {
    let mut world = ready(&[]);
    let (mut one, mut two) = (Client::new("one"), Client::new("two"));
    settle(&mut world, &mut [&mut one]);
    world.pass_ms(1_000);
    // There is nothing for it yet: the first one has it all.
    two.beat(&mut world);
    assert_eq!(two.active, tasks(&[]));
    let had = one.active.clone();
    one.beat(&mut world);
    assert_eq!(one.active.values().map(Vec::len).sum::<usize>(), 3, "{had:?} {:?}", one.active);
    two.beat(&mut world);
    assert_eq!(two.active, tasks(&[]), "it has not said that it has given them up");
    settle(&mut world, &mut [&mut one, &mut two]);
    assert_eq!(two.active.values().map(Vec::len).sum::<usize>(), 3);
    assert_eq!(describe(&mut world).group_state, "Stable");
}

#[test]
fn copies_of_state_are_kept_in_the_other_process_once_the_group_asks_for_them() {
    let mut world = ready(&[]);
    let (mut one, mut two) = (Client::new("one"), Client::new("two"));
    settle(&mut world, &mut [&mut one, &mut two]);
    assert_eq!(one.standby, tasks(&[]));
    assert_eq!(COUNTERS.alter(&mut world, "streams.num.standby.replicas", "1"), NONE);
    settle(&mut world, &mut [&mut one, &mut two]);
    assert_eq!(one.standby.get("1"), two.active.get("1"));
    assert_eq!(two.standby.get("1"), one.active.get("1"));
    assert_eq!((one.standby.get("0"), two.standby.get("0")), (None, None), "it has no state");
}

#[test]
fn members_wait_while_topics_are_missing_or_do_not_fit_together() {
    let mut world = ready(&[("group.streams.initial.rebalance.delay.ms", "0")]);
    let mut topology = word_count();
    topology.subtopologies[0].source_topics.push("phrases".into());
    topology.subtopologies[0].copartition_groups =
        vec![CopartitionGroup { source_topics: vec![0, 1], ..Default::default() }];
    let mut one = Client { topology, ..Client::new("one") };
    let answer = one.beat(&mut world);
    assert_eq!(one.statuses(&answer), [MISSING_SOURCE_TOPICS]);
    assert_eq!(&*answer.status.expect("one")[0].status_detail, "Source topics phrases are missing.");
    world.create_topic("phrases", 2);
    world.pass_ms(1_000);
    let answer = one.beat(&mut world);
    assert_eq!(one.statuses(&answer), [INCORRECTLY_PARTITIONED_TOPICS]);
    let detail = "Following topics do not have the same number of partitions: [{phrases=2, words=3}]";
    assert_eq!(&*answer.status.expect("one")[0].status_detail, detail);
    assert_eq!(one.active, tasks(&[]));
    assert_eq!(listed(&mut world, &[], &["not_ready"]), [("counters".to_owned(), "NotReady".to_owned())]);
}

#[test]
fn why_an_internal_topic_can_not_be_made_is_told_with_the_next_heartbeat() {
    let mut world = ready(&[("group.streams.initial.rebalance.delay.ms", "0")]);
    let mut topology = word_count();
    topology.subtopologies[1].state_changelog_topics[0].replication_factor = 3;
    let mut one = Client { topology, ..Client::new("one") };
    one.beat(&mut world);
    world.pass_ms(1_000);
    let answer = one.beat(&mut world);
    assert_eq!(one.statuses(&answer), [MISSING_INTERNAL_TOPICS]);
    let detail = answer.status.expect("one")[0].status_detail.to_string();
    assert!(
        detail.starts_with("Internal topics are missing: app-changelog; Creation failed: app-changelog ("),
        "{detail}"
    );
    assert_eq!(partitions_of(&mut world, "app-repartition"), 3, "the other was made");
}

#[test]
fn who_runs_another_topology_is_refused_or_told_that_it_is_old() {
    let mut world = ready(&[]);
    let mut one = Client { topology: Topology { epoch: 1, ..word_count() }, ..Client::new("one") };
    settle(&mut world, &mut [&mut one]);
    let mut old = Client::new("old");
    let answer = old.beat(&mut world);
    assert!(old.statuses(&answer).contains(&STALE_TOPOLOGY), "{answer:?}");
    let mut newer = Client { topology: Topology { epoch: 2, ..word_count() }, ..Client::new("newer") };
    let answer = newer.ask(&mut world);
    assert_eq!(
        (answer.error_code, answer.error_message.as_deref()),
        (INVALID, Some("Topology updates are not supported yet."))
    );
    let invalid = |world: &mut World, change: fn(&mut Topology)| {
        let mut client = Client::new("three");
        change(&mut client.topology);
        let answer = client.ask(world);
        (ErrorCode::from_number(answer.error_code).expect("known"), answer.error_message.expect("why").to_string())
    };
    let (error, why) =
        invalid(&mut world, |topology| topology.subtopologies[0].source_topics[0] = "__consumer_offsets".into());
    assert_eq!(error, ErrorCode::StreamsInvalidTopology);
    assert_eq!(why, "Use of Kafka internal topics __consumer_offsets in a Kafka Streams topology is prohibited.");
    let (error, why) =
        invalid(&mut world, |topology| topology.subtopologies[1].state_changelog_topics[0].partitions = 2);
    assert_eq!(error, ErrorCode::StreamsInvalidTopology);
    assert_eq!(why, "Changelog topic app-changelog must have an undefined partition count, but it is set to 2.");
}

#[test]
fn what_kafka_has_in_the_message_and_does_not_know_yet_is_refused() {
    let mut world = ready(&[]);
    let one = Client::new("one");
    let mut refused = |change: fn(&mut StreamsGroupHeartbeatRequest)| {
        let mut request = one.request();
        change(&mut request);
        let answer: StreamsGroupHeartbeatResponse = world.call(0, &request);
        assert_eq!((answer.error_code, answer.status), (INVALID, Some(vec![])));
        answer.error_message.expect("why").to_string()
    };
    assert_eq!(refused(|request| request.instance_id = Some("i".into())), "Static membership is not yet supported.");
    assert_eq!(refused(|request| request.task_offsets = Some(vec![])), "TaskOffsets are not supported yet.");
    assert_eq!(refused(|request| request.task_end_offsets = Some(vec![])), "TaskEndOffsets are not supported yet.");
    let regex = |request: &mut StreamsGroupHeartbeatRequest| {
        request.topology.as_mut().expect("it has one").subtopologies[0].source_topic_regex = vec!["w.*".into()];
    };
    assert_eq!(refused(regex), "Regular expressions for source topics are not supported yet.");
    assert_eq!(refused(|request| request.member_id = " ".into()), "MemberId can't be empty.");
    assert_eq!(refused(|request| request.topology = None), "Topology must be non-null when (re-)joining.");
    assert_eq!(refused(|request| request.active_tasks = None), "ActiveTasks must be empty when (re-)joining.");
}

#[test]
fn a_member_with_a_wrong_epoch_or_tasks_that_there_are_not_is_refused() {
    let mut world = ready(&[]);
    let mut one = Client::new("one");
    settle(&mut world, &mut [&mut one]);
    let answer = Client { epoch: one.epoch + 1, ..one.clone() }.ask(&mut world);
    assert_eq!(answer.error_code, ErrorCode::FencedMemberEpoch as i16);
    // It can't have got the last answer, and is told again.
    let mut late = Client { epoch: one.epoch - 2, active: BTreeMap::new(), ..one.clone() };
    assert_eq!(late.beat(&mut world).member_epoch, one.epoch);
    assert_eq!(late.active, one.active);
    let answer = Client { active: tasks(&[("7", &[0])]), ..one.clone() }.ask(&mut world);
    assert_eq!(answer.error_message.as_deref(), Some("Subtopology 7 does not exist in the topology."));
    let answer = Client { active: tasks(&[("1", &[3])]), ..one.clone() }.ask(&mut world);
    let why = "Task 3 for subtopology 1 is invalid. Number of tasks for this subtopology: 3";
    assert_eq!(answer.error_message.as_deref(), Some(why));
    let answer = Client { epoch: 1, ..Client::new("nobody") }.ask(&mut world);
    assert_eq!(answer.error_code, ErrorCode::UnknownMemberId as i16);
}

#[test]
fn a_member_that_wants_all_to_end_is_heard_of_by_all() {
    let mut world = ready(&[]);
    let (mut one, mut two) = (Client::new("one"), Client::new("two"));
    settle(&mut world, &mut [&mut one, &mut two]);
    let request = StreamsGroupHeartbeatRequest { shutdown_application: true, ..two.request() };
    let _: StreamsGroupHeartbeatResponse = world.call(0, &request);
    let answer = one.beat(&mut world);
    assert_eq!(one.statuses(&answer), [SHUTDOWN_APPLICATION]);
    let detail =
        "Streams group member two encountered a fatal error and requested a shutdown for the entire application.";
    assert_eq!(&*answer.status.expect("one")[0].status_detail, detail);
    one.leave(&mut world);
    two.leave(&mut world);
    let answer = Client::new("three").beat(&mut world);
    assert!(!one.statuses(&answer).contains(&SHUTDOWN_APPLICATION), "nobody of then is left");
}

#[test]
fn members_learn_whom_to_ask_for_the_state_of_which_partitions() {
    let mut world = ready(&[]);
    let mut one = Client { endpoint: Some(("one.example", 80)), ..Client::new("one") };
    let mut two = Client { endpoint: Some(("two.example", 81)), ..Client::new("two") };
    settle(&mut world, &mut [&mut one, &mut two]);
    let request = StreamsGroupHeartbeatRequest { endpoint_information_epoch: -1, ..one.request() };
    let answer: StreamsGroupHeartbeatResponse = world.call(0, &request);
    let mut told = answer.partitions_by_user_endpoint.expect("it knows none");
    told.sort_by(|one, other| one.user_endpoint.host.cmp(&other.user_endpoint.host));
    assert_eq!(told.iter().map(|each| &*each.user_endpoint.host).collect::<Vec<_>>(), ["one.example", "two.example"]);
    let words = told[0].active_partitions.iter().find(|each| &*each.topic == "words").expect("it reads it");
    assert_eq!(Some(&words.partitions), one.active.get("0"));
    let request =
        StreamsGroupHeartbeatRequest { endpoint_information_epoch: answer.endpoint_information_epoch, ..one.request() };
    let answer: StreamsGroupHeartbeatResponse = world.call(0, &request);
    assert_eq!(answer.partitions_by_user_endpoint, None, "it knows them");
}

#[test]
fn a_silent_member_is_taken_out_and_so_is_one_that_does_not_give_up_its_tasks() {
    let mut world = ready(&[]);
    let (mut one, mut two) = (Client::new("one"), Client::new("two"));
    settle(&mut world, &mut [&mut one]);
    world.pass_ms(1_000);
    two.beat(&mut world);
    one.beat(&mut world);
    // It goes on, but keeps what it shall give up.
    for _ in 0..6 {
        world.pass_ms(10_000);
        let all = tasks(&[("0", &[0, 1, 2]), ("1", &[0, 1, 2])]);
        Client { active: all, ..one.clone() }.ask(&mut world);
        two.beat(&mut world);
    }
    let group = describe(&mut world);
    assert_eq!(group.members.iter().map(|member| &*member.member_id).collect::<Vec<_>>(), ["two"]);
    world.pass_ms(SESSION_MS);
    assert_eq!(describe(&mut world).group_state, "Empty");
    assert_eq!(two.ask(&mut world).error_code, ErrorCode::UnknownMemberId as i16);
}

#[test]
fn a_group_is_as_it_was_after_a_crash_and_goes_on() {
    let mut world = ready(&[]);
    let (mut one, mut two) = (Client::new("one"), Client::new("two"));
    COUNTERS.alter(&mut world, "streams.num.standby.replicas", "1");
    settle(&mut world, &mut [&mut one, &mut two]);
    let before = describe(&mut world);
    let mut world = World::on(world.crash(), PROPERTIES);
    let after = describe(&mut world);
    // Until a member is heard of, the topics have not been looked at.
    assert_eq!(DescribedGroup { topology: None, ..after }, DescribedGroup { topology: None, ..before.clone() });
    let answer = one.beat(&mut world);
    assert_eq!((answer.error_code, answer.active_tasks), (NONE, None));
    assert_eq!(describe(&mut world), before);
    world.pass_ms(SESSION_MS);
    assert_eq!(describe(&mut world).group_state, "Empty");
}

#[test]
fn members_commit_in_their_epoch_or_for_tasks_that_they_have_had_since() {
    let mut world = ready(&[]);
    let (mut one, mut two) = (Client::new("one"), Client::new("two"));
    assert_eq!(COUNTERS.commit(&mut world, 9, ("", -1), 0), NONE, "anybody may, while there are no members");
    settle(&mut world, &mut [&mut one]);
    let before = one.epoch;
    assert_eq!(COUNTERS.commit(&mut world, 9, ("one", before), 0), NONE);
    assert_eq!(COUNTERS.commit(&mut world, 8, ("one", before), 0), ErrorCode::UnsupportedVersion as i16);
    assert_eq!(COUNTERS.commit(&mut world, 9, ("one", before + 1), 0), ErrorCode::StaleMemberEpoch as i16);
    assert_eq!(COUNTERS.commit(&mut world, 9, ("", -1), 0), ErrorCode::UnknownMemberId as i16);
    settle(&mut world, &mut [&mut one, &mut two]);
    assert!(one.epoch > before);
    let has_first = one.active.get("0").is_some_and(|partitions| partitions.contains(&0));
    let wanted = if has_first { NONE } else { ErrorCode::StaleMemberEpoch as i16 };
    assert_eq!(COUNTERS.commit(&mut world, 9, ("one", before), 0), wanted);
    assert_eq!(COUNTERS.fetch(&mut world, Some("one"), one.epoch).0, NONE);
    assert_eq!(COUNTERS.fetch(&mut world, Some("one"), before).0, ErrorCode::StaleMemberEpoch as i16);
    assert_eq!(COUNTERS.fetch(&mut world, None, -1).0, NONE);
    let subscribed = ErrorCode::GroupSubscribedToTopic as i16;
    assert_eq!(COUNTERS.delete_offset(&mut world), subscribed);
    one.leave(&mut world);
    two.leave(&mut world);
    assert_eq!(COUNTERS.delete_offset(&mut world), NONE);
}

#[test]
fn a_group_is_listed_and_deleted_once_it_is_empty() {
    let mut world = ready(&[]);
    let mut one = Client::new("one");
    settle(&mut world, &mut [&mut one]);
    assert_eq!(listed(&mut world, &["streams"], &["stable"]), [("counters".to_owned(), "Stable".to_owned())]);
    assert_eq!(listed(&mut world, &["consumer"], &[]), []);
    assert_eq!(COUNTERS.delete(&mut world), ErrorCode::NonEmptyGroup as i16);
    one.leave(&mut world);
    assert_eq!(COUNTERS.delete(&mut world), NONE);
    let answer = describe(&mut world);
    assert_eq!((answer.error_code, answer.topology), (ErrorCode::GroupIdNotFound as i16, None));
    let mut world = World::on(world.crash(), PROPERTIES);
    assert_eq!(listed(&mut world, &[], &[]), []);
}

#[test]
fn groups_of_other_kinds_do_not_mix_but_an_empty_classic_one_becomes_one_and_back() {
    let mut world = ready(&[]);
    let mut one = Client::new("one");
    assert_eq!(COUNTERS.commit(&mut world, 9, ("", -1), 0), NONE, "a classic group with nothing but an offset");
    settle(&mut world, &mut [&mut one]);
    assert_eq!(listed(&mut world, &["streams"], &[]).len(), 1);
    let request = ConsumerGroupHeartbeatRequest {
        group_id: "counters".into(),
        member_id: "consumer".into(),
        rebalance_timeout_ms: 60_000,
        subscribed_topic_names: Some(vec!["words".into()]),
        topic_partitions: Some(vec![]),
        ..Default::default()
    };
    let answer: ConsumerGroupHeartbeatResponse = world.call(1, &request);
    assert_eq!(answer.error_message.as_deref(), Some("Group counters is not a consumer group."));
    assert_eq!(COUNTERS.join(&mut world), ErrorCode::InconsistentGroupProtocol as i16);
    one.leave(&mut world);
    assert_eq!(COUNTERS.join(&mut world), ErrorCode::MemberIdRequired as i16);
    assert_eq!(listed(&mut world, &["classic"], &[]).len(), 1);
}

#[test]
fn a_group_has_no_more_members_than_allowed() {
    let mut world = ready(&[("group.streams.max.size", "1")]);
    assert_eq!(Client::new("one").beat(&mut world).error_code, NONE);
    let answer = Client::new("two").ask(&mut world);
    assert_eq!(answer.error_code, ErrorCode::GroupMaxSizeReached as i16);
    let why = "The streams group has reached its maximum capacity of 1 members.";
    assert_eq!(answer.error_message.as_deref(), Some(why));
}

#[test]
fn without_the_feature_or_the_protocol_there_are_none() {
    let mut world = ready(&[("group.coordinator.rebalance.protocols", "classic,consumer")]);
    let unsupported = ErrorCode::UnsupportedVersion as i16;
    assert_eq!(Client::new("one").ask(&mut world).error_code, unsupported);
    assert_eq!(describe(&mut world).error_code, unsupported);
    let mut world = ready(&[]);
    let update = FeatureUpdateKey {
        feature: "streams.version".into(),
        max_version_level: 0,
        upgrade_type: 2,
        ..Default::default()
    };
    let request = UpdateFeaturesRequest { timeout_ms: 1_000, feature_updates: vec![update], ..Default::default() };
    let answer: UpdateFeaturesResponse = world.call(2, &request);
    assert_eq!(answer.error_code, NONE, "{answer:?}");
    assert_eq!(Client::new("one").ask(&mut world).error_code, unsupported);
}

/// A small coordinator.
const PROPERTIES: &[(&str, &str)] = &[("offsets.topic.num.partitions", "3")];

/// A broker with words to count, whose coordinator is there.
fn ready(properties: &[(&str, &str)]) -> World {
    let mut world = World::new(&[properties, PROPERTIES].concat());
    world.create_topic("words", 3);
    COUNTERS.find(&mut world);
    world
}

/// Words are read and sent on by key, and counted in a second part, which keeps a state.
fn word_count() -> Topology {
    let config = KeyValue { key: "cleanup.policy".into(), value: "compact".into(), ..Default::default() };
    let changelog = TopicInfo { name: "app-changelog".into(), topic_configs: vec![config], ..Default::default() };
    let words = Subtopology {
        subtopology_id: "0".into(),
        source_topics: vec!["words".into()],
        repartition_sink_topics: vec!["app-repartition".into()],
        ..Default::default()
    };
    let counts = Subtopology {
        subtopology_id: "1".into(),
        repartition_source_topics: vec![TopicInfo { name: "app-repartition".into(), ..Default::default() }],
        state_changelog_topics: vec![changelog],
        ..Default::default()
    };
    Topology { epoch: 0, subtopologies: vec![words, counts], ..Default::default() }
}

fn tasks(tasks: &[(&str, &[i32])]) -> BTreeMap<String, Vec<i32>> {
    tasks.iter().map(|(id, partitions)| ((*id).to_owned(), partitions.to_vec())).collect()
}

/// Lets members send heartbeats until all of them have what they shall have.
fn settle(world: &mut World, members: &mut [&mut Client]) {
    for _ in 0..8 {
        for member in &mut *members {
            assert_eq!(member.beat(world).error_code, NONE);
        }
        world.pass_ms(1_000);
    }
}

/// A member that does at once what it is told.
#[derive(Clone, Debug)]
struct Client {
    id: &'static str,
    topology: Topology,
    endpoint: Option<(&'static str, u16)>,
    epoch: i32,
    active: BTreeMap<String, Vec<i32>>,
    standby: BTreeMap<String, Vec<i32>>,
}

impl Client {
    fn new(id: &'static str) -> Self {
        let (active, standby) = (BTreeMap::new(), BTreeMap::new());
        Self { id, topology: word_count(), endpoint: None, epoch: 0, active, standby }
    }

    fn request(&self) -> StreamsGroupHeartbeatRequest {
        let joins = self.epoch == 0;
        let endpoint = |(host, port): (&str, u16)| Endpoint { host: host.into(), port, ..Default::default() };
        let tag = KeyValue { key: "zone".into(), value: "east".into(), ..Default::default() };
        StreamsGroupHeartbeatRequest {
            group_id: "counters".into(),
            member_id: self.id.into(),
            member_epoch: self.epoch,
            endpoint_information_epoch: 0,
            rebalance_timeout_ms: if joins { 50_000 } else { -1 },
            topology: joins.then(|| self.topology.clone()),
            active_tasks: Some(ids(&self.active)),
            standby_tasks: Some(ids(&self.standby)),
            warmup_tasks: Some(vec![]),
            process_id: joins.then(|| format!("process-{}", self.id).into()),
            user_endpoint: self.endpoint.filter(|_| joins).map(endpoint),
            client_tags: joins.then(|| vec![tag]),
            ..Default::default()
        }
    }

    /// Sends a heartbeat and does not mind the answer.
    fn ask(&mut self, world: &mut World) -> StreamsGroupHeartbeatResponse {
        world.call(0, &self.request())
    }

    fn beat(&mut self, world: &mut World) -> StreamsGroupHeartbeatResponse {
        let answer = self.ask(world);
        assert_eq!(answer.error_code, NONE, "{answer:?}");
        self.epoch = answer.member_epoch;
        let told =
            |tasks: &[TaskIds]| tasks.iter().map(|of| (of.subtopology_id.to_string(), of.partitions.clone())).collect();
        if let (Some(active), Some(standby)) = (&answer.active_tasks, &answer.standby_tasks) {
            (self.active, self.standby) = (told(active), told(standby));
        }
        answer
    }

    fn leave(&mut self, world: &mut World) {
        let request = StreamsGroupHeartbeatRequest {
            group_id: "counters".into(),
            member_id: self.id.into(),
            member_epoch: -1,
            ..Default::default()
        };
        let answer: StreamsGroupHeartbeatResponse = world.call(0, &request);
        assert_eq!((answer.error_code, answer.member_epoch), (NONE, -1));
    }

    fn statuses(&self, answer: &StreamsGroupHeartbeatResponse) -> Vec<i8> {
        answer.status.iter().flatten().map(|status| status.status_code).collect()
    }
}

fn ids(tasks: &BTreeMap<String, Vec<i32>>) -> Vec<TaskIds> {
    let of = |(id, partitions): (&String, &Vec<i32>)| TaskIds {
        subtopology_id: Str::from(&**id),
        partitions: partitions.clone(),
        ..Default::default()
    };
    tasks.iter().map(of).collect()
}

fn describe(world: &mut World) -> DescribedGroup {
    let request = StreamsGroupDescribeRequest { group_ids: vec!["counters".into()], ..Default::default() };
    let answer: StreamsGroupDescribeResponse = world.call(0, &request);
    answer.groups[0].clone()
}

fn partitions_of(world: &mut World, topic: &str) -> usize {
    let topic = MetadataRequestTopic { name: Some(topic.into()), ..Default::default() };
    let request = MetadataRequest { topics: Some(vec![topic]), ..Default::default() };
    let answer: MetadataResponse = world.call(12, &request);
    answer.topics[0].partitions.len()
}

fn config_of(world: &mut World, topic: &str, name: &str) -> String {
    let resource = DescribeConfigsResource {
        resource_type: 2,
        resource_name: topic.into(),
        configuration_keys: Some(vec![name.into()]),
        ..Default::default()
    };
    let request = DescribeConfigsRequest { resources: vec![resource], ..Default::default() };
    let answer: DescribeConfigsResponse = world.call(4, &request);
    answer.results[0].configs[0].value.as_deref().unwrap_or_default().to_owned()
}
