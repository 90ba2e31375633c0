//! What holds of a streams group however its members' heartbeats fall: no task runs twice at one time, no process has a task twice,
//! and when they go on for a while, every task runs and has its copies.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;
use proptest::sample::Index;

use super::tasks::Owned;
use super::*;
use crate::config::Config;
use crate::drawings::assert_drawn;
use crate::groups::group::{GroupId, GroupKind};
use crate::groups::planned::{Plan, PlannedTurn, TopicChanges};
use crate::groups::settings::{GroupConfig, Settings};
use crate::groups::timers::TimerKind;
use crate::metadata::{ConfigResource, MetadataImage, Partition, Topic};
use crate::time::{Monotonic, Now, WallClock};
use crate::wire::messages::streams_group_heartbeat as wire;
use crate::wire::messages::streams_group_heartbeat::StreamsGroupHeartbeatRequest;
use crate::wire::{CoordinatorRecord, Str, Uuid};

const MEMBERS: usize = 6;
/// Two members to a process.
const PROCESSES: usize = 3;

/// A task as a client knows it.
type Task = (String, i32);

/// Who sends heartbeats, and what it takes for its own.
#[derive(Clone, Debug, Default)]
struct Client {
    /// None where it is not in the group.
    epoch: Option<i32>,
    active: BTreeSet<Task>,
    standby: BTreeSet<Task>,
}

struct World {
    kind: Option<GroupKind>,
    id: GroupId,
    clients: Vec<Client>,
    around: Surroundings,
    /// All that was ever written.
    log: Vec<CoordinatorRecord>,
    is_waiting: bool,
}

/// What an event sees.
struct Surroundings {
    config: Config,
    settings: Settings,
    image: MetadataImage,
    topics: TopicChanges,
    now: Now,
}

/// What happens next; to whom, and how.
#[derive(Clone, Debug)]
enum Event {
    Beat { member: Index, is_lost: bool },
    Rejoin(Index),
    Leave(Index),
    Replicas(i32),
    Restart,
    Pass(i64),
    Dawdle(Index),
    DropTopic,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        10 => (any::<Index>(), prop::bool::weighted(0.2)).prop_map(|(member, is_lost)| Event::Beat { member, is_lost }),
        1 => any::<Index>().prop_map(Event::Rejoin),
        1 => any::<Index>().prop_map(Event::Leave),
        1 => (0..3i32).prop_map(Event::Replicas),
        1 => Just(Event::Restart),
        4 => (1..1_500i64).prop_map(Event::Pass),
        1 => any::<Index>().prop_map(Event::Dawdle),
        1 => Just(Event::DropTopic),
    ]
}

/// A word count: words are read and sent on by key, and counted in a second part, which keeps a state.
fn word_count() -> wire::Topology {
    let internal = |name: &str| wire::TopicInfo { name: name.into(), ..Default::default() };
    let words = wire::Subtopology {
        subtopology_id: "0".into(),
        source_topics: vec!["words".into()],
        repartition_sink_topics: vec!["app-repartition".into()],
        ..Default::default()
    };
    let counts = wire::Subtopology {
        subtopology_id: "1".into(),
        repartition_source_topics: vec![internal("app-repartition")],
        state_changelog_topics: vec![internal("app-changelog")],
        ..Default::default()
    };
    wire::Topology { epoch: 0, subtopologies: vec![words, counts], ..Default::default() }
}

fn tasks_of(tasks: &[wire::TaskIds]) -> BTreeSet<Task> {
    let of = |of: &wire::TaskIds| {
        let id = of.subtopology_id.to_string();
        of.partitions.iter().map(move |partition| (id.clone(), *partition)).collect::<Vec<_>>()
    };
    tasks.iter().flat_map(of).collect()
}

fn ids_of(tasks: &BTreeSet<Task>) -> Vec<wire::TaskIds> {
    let mut by_id: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
    tasks.iter().for_each(|(id, partition)| by_id.entry(id).or_default().push(*partition));
    let of = |(id, partitions): (&str, Vec<i32>)| wire::TaskIds {
        subtopology_id: Str::from(id),
        partitions,
        ..Default::default()
    };
    by_id.into_iter().map(of).collect()
}

impl World {
    fn new() -> Self {
        let config = Config::from_properties::<&str, &str>([]).expect("the defaults are good").0;
        let mut world = Self {
            kind: None,
            id: "counters".into(),
            clients: vec![Client::default(); MEMBERS],
            around: Surroundings {
                settings: Settings::from(&config),
                config,
                image: MetadataImage::default(),
                topics: TopicChanges::default(),
                now: Now { monotonic: Monotonic(1_000_000), wall: WallClock(1_800_000_000_000) },
            },
            log: Vec::new(),
            is_waiting: false,
        };
        world.create("words", 5);
        world
    }

    fn create(&mut self, name: &str, partitions: i32) {
        let id = Uuid(self.around.topics.count as u128 + 1);
        let partitions = (0..partitions).map(|index| (index, Partition::default())).collect();
        self.around.image.topic_ids.insert(name.into(), id);
        self.around.image.topics.insert(id, Topic { id, name: name.into(), partitions });
        self.around.topics.count += 1;
    }

    fn turn<'a>(of: &'a Surroundings, id: &'a GroupId) -> PlannedTurn<'a> {
        let Surroundings { config, settings, image, topics, now } = of;
        let config = GroupConfig::new(config, settings, image, id);
        PlannedTurn { group: id, now: *now, settings, config, image, topics: *topics, plan: Plan::default() }
    }

    fn carry_out(&mut self, plan: Plan) {
        for record in plan.records {
            self.apply(&record);
            self.log.push(record);
        }
        self.is_waiting |= plan.timers.iter().any(|(kind, _)| *kind == TimerKind::InitialRebalance);
        if let Some(GroupKind::Streams(group)) = &mut self.kind {
            if plan.has_seen_topics {
                group.has_seen_topics(self.around.topics.count);
            }
            group.soften(plan.streams);
        }
    }

    fn apply(&mut self, record: &CoordinatorRecord) {
        let kind = self.kind.get_or_insert_with(|| GroupKind::Streams(Box::new(StreamsGroup::new())));
        let GroupKind::Streams(group) = kind else { panic!("it is a streams group") };
        group.replay(record);
    }

    fn group(&self) -> Option<&StreamsGroup> {
        match &self.kind {
            Some(GroupKind::Streams(group)) => Some(group),
            _ => None,
        }
    }

    fn request(&self, index: usize) -> StreamsGroupHeartbeatRequest {
        let client = &self.clients[index];
        let joins = client.epoch.is_none();
        StreamsGroupHeartbeatRequest {
            group_id: Str::from(&*self.id),
            member_id: format!("member-{index}").into(),
            member_epoch: client.epoch.unwrap_or(JOINING_EPOCH),
            rebalance_timeout_ms: if joins { 60_000 } else { -1 },
            topology: joins.then(word_count),
            active_tasks: Some(ids_of(&client.active)),
            standby_tasks: Some(ids_of(&client.standby)),
            warmup_tasks: Some(Vec::new()),
            process_id: joins.then(|| format!("process-{}", index % PROCESSES).into()),
            ..Default::default()
        }
    }

    fn beat(&mut self, index: usize, is_lost: bool) {
        let request = self.request(index);
        let mut turn = Self::turn(&self.around, &self.id);
        let sent = StreamsBeat { request: &request, client_id: "client", client_host: "/127.0.0.1" };
        let beaten = beat(&mut turn, self.kind.as_ref(), sent);
        let plan = core::mem::take(&mut turn.plan);
        match beaten {
            Ok(beaten) => {
                self.carry_out(plan);
                for topic in beaten.configured.iter().flat_map(|configured| &configured.missing) {
                    self.create(&topic.name, topic.partitions);
                }
                if is_lost {
                    return;
                }
                let client = &mut self.clients[index];
                client.epoch = Some(beaten.response.member_epoch);
                if let Some(active) = &beaten.response.active_tasks {
                    client.active = tasks_of(active);
                    client.standby = tasks_of(beaten.response.standby_tasks.as_ref().expect("all or none"));
                }
            }
            // It gives up everything and begins anew.
            Err(error) => {
                assert!(error.message.is_some(), "{error:?}");
                self.clients[index] = Client::default();
            }
        }
        self.check();
    }

    fn take_out(&mut self, index: usize, kind: fn(MemberId) -> TimerKind) {
        let id: MemberId = format!("member-{index}").into();
        self.clients[index] = Client::default();
        self.timeout(&kind(id));
    }

    fn timeout(&mut self, kind: &TimerKind) {
        let mut turn = Self::turn(&self.around, &self.id);
        if let Some(group) = self.group() {
            group.timeout(&mut turn, kind);
        }
        let plan = core::mem::take(&mut turn.plan);
        self.carry_out(plan);
    }

    fn happen(&mut self, event: &Event) {
        match event {
            Event::Beat { member, is_lost } => self.beat(member.index(MEMBERS), *is_lost),
            Event::Rejoin(member) => {
                self.clients[member.index(MEMBERS)] = Client::default();
                self.beat(member.index(MEMBERS), false);
            }
            Event::Leave(member) => self.take_out(member.index(MEMBERS), TimerKind::Session),
            Event::Replicas(count) => {
                let own = self.around.image.configs.entry(ConfigResource::Group(self.id.to_string())).or_default();
                own.insert("streams.num.standby.replicas".into(), count.to_string());
            }
            Event::Restart => {
                let log = core::mem::take(&mut self.log);
                let before = self.kind.take();
                log.iter().for_each(|record| self.apply(record));
                self.log = log;
                if let (Some(GroupKind::Streams(before)), Some(after)) = (before, self.group()) {
                    assert_same(&before, after);
                }
                self.is_waiting = false;
            }
            Event::Pass(ms) => {
                let Now { monotonic, wall } = self.around.now;
                self.around.now = Now { monotonic: monotonic.plus_ms(*ms), wall: WallClock(wall.0 + ms) };
                if self.is_waiting && *ms > 1_000 {
                    self.is_waiting = false;
                    self.timeout(&TimerKind::InitialRebalance);
                }
            }
            Event::Dawdle(member) => {
                let id: MemberId = format!("member-{}", member.index(MEMBERS)).into();
                let state = self.group().and_then(|group| group.members.get(&id)).map(|member| member.state);
                if state == Some(MemberState::UnrevokedTasks) {
                    self.take_out(member.index(MEMBERS), TimerKind::Revocation);
                }
            }
            Event::DropTopic => {
                if let Some(id) = self.around.image.topic_ids.remove("app-changelog") {
                    self.around.image.topics.remove(&id);
                    self.around.topics.count += 1;
                }
            }
        }
        self.check();
    }

    /// What holds whenever nothing is going on.
    fn check(&self) {
        let mut running = BTreeSet::new();
        for (index, client) in self.clients.iter().enumerate() {
            for task in &client.active {
                assert!(running.insert(task.clone()), "{task:?} runs in member {index} and in another");
            }
        }
        let Some(group) = self.group() else { return };
        let mut active = BTreeSet::new();
        let mut in_process = BTreeSet::new();
        let mut owners = Owners::default();
        for member in group.members.values() {
            owners.add(member);
            let process = &member.about.process_id;
            for held in [&member.assigned, &member.revoking] {
                for (id, partition) in held.active.iter().flat_map(|(id, of)| of.keys().map(move |of| (id, *of))) {
                    assert!(active.insert((id, partition)), "the coordinator gives nothing twice");
                    assert!(in_process.insert((process, id, partition)), "no process has a task twice");
                }
                for (id, partition) in held.standby.iter().flat_map(|(id, of)| of.iter().map(move |of| (id, *of))) {
                    assert!(in_process.insert((process, id, partition)), "no process has a task twice");
                }
            }
            assert!(member.epoch <= group.target.epoch, "nobody is ahead");
            assert_eq!(member.state == MemberState::UnrevokedTasks, !member.revoking.is_empty());
        }
        assert_eq!(group.owners, owners);
        assert!(group.target.epoch <= group.epoch);
    }

    /// Everybody goes on, and nothing is lost.
    fn settle(&mut self) {
        for _ in 0..20 {
            self.happen(&Event::Pass(1_200));
            (0..MEMBERS).for_each(|index| self.beat(index, false));
        }
        let group = self.group().expect("it has members");
        assert_eq!(group.state(), StreamsState::Stable, "{group:?}");
        let running: usize = self.clients.iter().map(|client| client.active.len()).sum();
        assert_eq!(running, 10, "every task runs: {:?}", self.clients);
        let loads: Vec<usize> = self.clients.iter().map(|client| client.active.len()).collect();
        let spread = loads.iter().max().expect("some") - loads.iter().min().expect("some");
        assert!(spread <= 2, "no member has much more than another: {loads:?}");
        let replicas = group.assignment_configs["num.standby.replicas"].parse::<usize>().expect("a number");
        let copies: usize = self.clients.iter().map(|client| client.standby.len()).sum();
        assert_eq!(copies, 5 * replicas.min(PROCESSES - 1), "every state has its copies: {:?}", self.clients);
        for (index, client) in self.clients.iter().enumerate() {
            let known = &group.members[&*format!("member-{index}")];
            let request = self.request(index);
            let owned = Owned::of(&request).expect("it says what it has");
            assert!(owned.is_part_of(&known.assigned), "{client:?} {known:?}");
        }
    }
}

/// A group that is loaded is the group that was, but for what is in no record.
fn assert_same(before: &StreamsGroup, after: &StreamsGroup) {
    assert_eq!((after.epoch, after.metadata_hash), (before.epoch, before.metadata_hash));
    assert_eq!(after.validated_topology_epoch, before.validated_topology_epoch);
    assert_eq!(after.assignment_configs, before.assignment_configs);
    assert_eq!((after.target.epoch, after.target.made_ms), (before.target.epoch, before.target.made_ms));
    assert_eq!(after.target.by_member, before.target.by_member);
    assert_eq!(after.members, before.members);
    assert_eq!(after.owners, before.owners);
}

proptest! {
    #[test]
    fn however_heartbeats_fall_no_task_runs_twice_and_all_settle(events in prop::collection::vec(event(), 1..60)) {
        let mut world = World::new();
        for event in &events {
            world.happen(event);
        }
        world.settle();
    }
}

#[test]
fn a_new_group_waits_for_more_members_before_anything_is_assigned() {
    let mut world = World::new();
    world.beat(0, false);
    world.beat(1, false);
    world.happen(&Event::Pass(500));
    world.beat(0, false);
    assert_eq!(world.clients.iter().map(|client| client.active.len()).sum::<usize>(), 0);
    assert!(world.is_waiting);
    world.settle();
}

#[test]
fn a_member_that_comes_takes_no_more_tasks_than_it_needs_to() {
    let mut world = World::new();
    let beat_all = |world: &mut World, members: usize| {
        for _ in 0..10 {
            world.happen(&Event::Pass(1_200));
            (0..members).for_each(|index| world.beat(index, false));
        }
    };
    beat_all(&mut world, 2);
    let before: Vec<_> = world.clients.iter().map(|client| client.active.clone()).collect();
    assert_eq!((before[0].len(), before[1].len()), (5, 5));
    beat_all(&mut world, 3);
    for (before, client) in before.iter().zip(&world.clients).take(2) {
        assert!(client.active.is_subset(before), "they keep what they had: {before:?} {client:?}");
    }
    assert_eq!(world.clients[2].active.len(), 3, "{:?}", world.clients);
}

/// As Apache Kafka 4.3.1 writes them: they begin with 1, unlike those of consumer groups.
#[test]
fn states_of_members_have_kafkas_numbers() {
    assert_eq!(MemberState::ALL.map(|state| state as i8), [1, 2, 3]);
    for state in MemberState::ALL {
        assert_eq!(MemberState::from_number(state as i8), state);
    }
    assert_eq!(MemberState::from_number(0), MemberState::Unknown);
}

#[test]
fn the_drawings_have_the_states_of_the_code() {
    let page = include_str!("../../../../docs/groups.md");
    assert_drawn(page, "## A streams group", StreamsState::ALL.iter().map(|state| state.name()));
    let names: Vec<_> = MemberState::ALL.iter().map(|state| format!("{state:?}")).collect();
    assert_drawn(page, "### A streams member's way", names.iter().map(|name| &**name));
}
