//! What holds of a consumer group however its members' heartbeats fall: no two members have a partition at one time, and when
//! they go on for a while, all have what they shall have.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::vec::Vec;

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;
use crate::config::Config;
use crate::drawings::assert_drawn;
use crate::groups::group::{GroupId, GroupKind};
use crate::groups::planned::{Arming, Plan, PlannedTurn, TopicChanges};
use crate::groups::settings::{GroupConfig, Settings};
use crate::groups::timers::TimerKind;
use crate::metadata::{MetadataImage, Partition, Topic};
use crate::time::{Monotonic, Now, WallClock};
use crate::wire::messages::consumer_group_heartbeat::{ConsumerGroupHeartbeatRequest, TopicPartitions};
use crate::wire::{CoordinatorRecord, Str};

const MEMBERS: usize = 5;

/// Who sends heartbeats, and what it takes for its own.
#[derive(Clone, Debug, Default)]
struct Client {
    /// None where it is not in the group.
    epoch: Option<i32>,
    owned: BTreeSet<(Uuid, i32)>,
    reads: Vec<&'static str>,
    regex: Option<&'static str>,
    /// It has to say everything: what it reads has changed, or an answer was lost.
    is_new: bool,
}

struct World {
    kind: Option<GroupKind>,
    id: GroupId,
    clients: Vec<Client>,
    around: Surroundings,
    /// All that was ever written.
    log: Vec<CoordinatorRecord>,
    timers: BTreeMap<TimerKind, Arming>,
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
    Beat {
        member: Index,
        is_lost: bool,
    },
    /// It says all that it has to say, which is less than it thinks where it has forgotten all.
    Rejoin(Index),
    Leave(Index),
    Subscribe {
        member: Index,
        choice: usize,
    },
    Grow(usize),
    Restart,
    Pass(i64),
    Dawdle(Index),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        8 => (any::<Index>(), prop::bool::weighted(0.2)).prop_map(|(member, is_lost)| Event::Beat { member, is_lost }),
        1 => any::<Index>().prop_map(Event::Rejoin),
        1 => any::<Index>().prop_map(Event::Leave),
        1 => (any::<Index>(), 0..4usize).prop_map(|(member, choice)| Event::Subscribe { member, choice }),
        1 => (0..2usize).prop_map(Event::Grow),
        1 => Just(Event::Restart),
        4 => (1..1_500i64).prop_map(Event::Pass),
        1 => any::<Index>().prop_map(Event::Dawdle),
    ]
}

const TOPICS: [&str; 2] = ["letters", "digits"];

impl World {
    fn new() -> Self {
        let config = Config::from_properties::<&str, &str>([]).expect("the defaults are good").0;
        let mut world = Self {
            kind: None,
            id: "readers".into(),
            clients: Vec::new(),
            around: Surroundings {
                settings: Settings::from(&config),
                config,
                image: MetadataImage::default(),
                topics: TopicChanges::default(),
                now: Now { monotonic: Monotonic(1_000_000), wall: WallClock(1_800_000_000_000) },
            },
            log: Vec::new(),
            timers: BTreeMap::new(),
        };
        world.clients.resize(MEMBERS, Client { reads: TOPICS.to_vec(), ..Client::default() });
        world.grow(0);
        world.grow(1);
        world
    }

    fn grow(&mut self, topic: usize) {
        let id = Uuid(topic as u128 + 1);
        let name: TopicName = TOPICS[topic].into();
        self.around.image.topic_ids.insert(name.clone(), id);
        let known = self.around.image.topics.entry(id).or_insert(Topic { id, name, partitions: BTreeMap::new() });
        for _ in 0..2 {
            known.partitions.insert(known.partitions.len() as i32, Partition::default());
        }
        self.around.image.end_offset = self.around.image.end_offset.next();
        (self.around.topics.count, self.around.topics.created_at) =
            (self.around.topics.count + 1, self.around.image.end_offset);
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
        for (kind, arming) in plan.timers {
            self.timers.insert(kind, arming);
        }
        if plan.has_seen_topics
            && let Some(GroupKind::Consumer(group)) = &mut self.kind
        {
            group.has_seen_topics(self.around.topics.count);
        }
        self.check();
    }

    fn apply(&mut self, record: &CoordinatorRecord) {
        let kind = self.kind.get_or_insert_with(|| GroupKind::Consumer(ConsumerGroup::new().into()));
        let GroupKind::Consumer(group) = kind else { panic!("it is a consumer group") };
        group.replay(record);
    }

    fn group(&self) -> Option<&ConsumerGroup> {
        match &self.kind {
            Some(GroupKind::Consumer(group)) => Some(group),
            _ => None,
        }
    }

    fn beat(&mut self, index: usize, is_lost: bool) {
        let client = &self.clients[index];
        let joins = client.epoch.is_none();
        let mut owned: BTreeMap<Uuid, Vec<i32>> = BTreeMap::new();
        client.owned.iter().for_each(|(topic, partition)| owned.entry(*topic).or_default().push(*partition));
        let owned = owned.into_iter().map(|(topic_id, partitions)| TopicPartitions {
            topic_id,
            partitions,
            ..Default::default()
        });
        let says = joins || client.is_new;
        let request = ConsumerGroupHeartbeatRequest {
            group_id: Str::from(&*self.id),
            member_id: format!("member-{index}").into(),
            member_epoch: client.epoch.unwrap_or(JOINING_EPOCH),
            rebalance_timeout_ms: if says { 60_000 } else { -1 },
            subscribed_topic_names: says.then(|| client.reads.iter().map(|topic| Str::from(*topic)).collect()),
            subscribed_topic_regex: says.then(|| Str::from(client.regex.unwrap_or_default())),
            topic_partitions: Some(owned.collect()),
            ..Default::default()
        };
        let mut turn = Self::turn(&self.around, &self.id);
        let sent = Beat { request: &request, client_id: "client", client_host: "/127.0.0.1", new_id: Uuid::ZERO };
        let answer = beat(&mut turn, self.kind.as_ref(), sent);
        let plan = core::mem::take(&mut turn.plan);
        match answer {
            Ok(answer) => {
                self.carry_out(plan);
                if is_lost {
                    // It will say everything, and so be told everything.
                    self.clients[index].is_new = true;
                    return;
                }
                let client = &mut self.clients[index];
                (client.epoch, client.is_new) = (Some(answer.member_epoch), false);
                if let Some(assignment) = answer.assignment {
                    let all = assignment.topic_partitions.into_iter();
                    client.owned = all
                        .flat_map(|t| t.partitions.into_iter().map(move |partition| (t.topic_id, partition)))
                        .collect();
                }
            }
            // It gives up everything and begins anew.
            Err(error) => {
                assert!(error.message.is_some(), "{error:?}");
                self.clients[index] = Client { epoch: None, owned: BTreeSet::new(), ..self.clients[index].clone() };
            }
        }
        self.check();
    }

    fn take_out(&mut self, index: usize) {
        self.clients[index] = Client { reads: TOPICS.to_vec(), ..Client::default() };
        let id: MemberId = format!("member-{index}").into();
        let mut turn = Self::turn(&self.around, &self.id);
        if let Some(group) = self.group() {
            group.timeout(&mut turn, &TimerKind::Session(id));
        }
        let plan = core::mem::take(&mut turn.plan);
        self.carry_out(plan);
    }

    fn happen(&mut self, event: &Event) {
        match event {
            Event::Beat { member, is_lost } => self.beat(member.index(MEMBERS), *is_lost),
            Event::Rejoin(member) => {
                let client = &mut self.clients[member.index(MEMBERS)];
                (client.epoch, client.owned) = (None, BTreeSet::new());
                self.beat(member.index(MEMBERS), false);
            }
            Event::Leave(member) => self.take_out(member.index(MEMBERS)),
            Event::Subscribe { member, choice } => {
                let client = &mut self.clients[member.index(MEMBERS)];
                client.is_new = true;
                (client.reads, client.regex) = match choice {
                    0 => (TOPICS.to_vec(), None),
                    1 => (Vec::from([TOPICS[0]]), None),
                    2 => (Vec::new(), Some("d.*|x")),
                    _ => (Vec::new(), Some(".*s")),
                };
            }
            Event::Grow(topic) => self.grow(*topic),
            Event::Restart => {
                self.kind = None;
                for record in core::mem::take(&mut self.log) {
                    self.apply(&record);
                    self.log.push(record);
                }
            }
            Event::Pass(ms) => {
                self.around.now = Now {
                    monotonic: self.around.now.monotonic.plus_ms(*ms),
                    wall: WallClock(self.around.now.wall.0 + ms),
                };
            }
            Event::Dawdle(member) => {
                let id: MemberId = format!("member-{}", member.index(MEMBERS)).into();
                let is_late = self
                    .group()
                    .and_then(|group| group.members.get(&id))
                    .is_some_and(|member| member.state == MemberState::UnrevokedPartitions);
                if is_late {
                    self.take_out(member.index(MEMBERS));
                }
            }
        }
        self.check();
    }

    /// What holds whenever nothing is going on.
    fn check(&self) {
        let mut seen = BTreeSet::new();
        for (index, client) in self.clients.iter().enumerate() {
            for owned in &client.owned {
                assert!(seen.insert(*owned), "{owned:?} is with member {index} and with another");
            }
        }
        let Some(group) = self.group() else { return };
        let mut owned = BTreeMap::new();
        for (id, member) in &group.members {
            for (topic, partitions) in member.assigned.iter().chain(&member.revoking) {
                for partition in partitions.keys() {
                    assert_eq!(owned.insert((*topic, *partition), id), None, "the coordinator gives nothing twice");
                }
            }
            assert!(member.epoch <= group.target.epoch, "nobody is ahead");
            assert_eq!(member.state == MemberState::UnrevokedPartitions, !member.revoking.is_empty());
        }
        let by_owner =
            group.owners.iter().flat_map(|(topic, of)| of.iter().map(|(partition, id)| ((*topic, *partition), id)));
        assert_eq!(by_owner.collect::<BTreeMap<_, _>>(), owned);
        assert_eq!(
            group.counts.topics.values().sum::<usize>(),
            group.members.values().map(|m| m.about.topics.len()).sum()
        );
        assert_eq!(
            group.counts.regexes.values().sum::<usize>(),
            group.members.values().filter(|m| m.about.regex.is_some()).count()
        );
        assert!(group.target.epoch <= group.epoch);
    }

    /// Everybody goes on, and nothing is lost.
    fn settle(&mut self) {
        for _ in 0..12 {
            self.happen(&Event::Pass(1_000));
            for index in 0..MEMBERS {
                self.beat(index, false);
            }
        }
        let group = self.group().expect("it has members");
        assert_eq!(group.state(), ConsumerState::Stable, "{group:?}");
        let read: BTreeSet<&str> = self
            .clients
            .iter()
            .flat_map(|client| match client.regex {
                Some("d.*|x") => Vec::from(["digits"]),
                Some(_) => TOPICS.to_vec(),
                None => client.reads.clone(),
            })
            .collect();
        let wanted: usize =
            read.iter().map(|topic| self.around.image.topic(topic).expect("it is there").partitions.len()).sum();
        let got: usize = self.clients.iter().map(|client| client.owned.len()).sum();
        assert_eq!(got, wanted, "{:?}", self.clients);
        for (index, client) in self.clients.iter().enumerate() {
            let known = &group.members[&*format!("member-{index}")];
            let assigned =
                known.assigned.iter().flat_map(|(topic, all)| all.keys().map(|partition| (*topic, *partition)));
            assert_eq!(assigned.collect::<BTreeSet<_>>(), client.owned);
        }
    }
}

proptest! {
    #[test]
    fn however_heartbeats_fall_no_two_members_have_a_partition_and_all_settle(events in prop::collection::vec(event(), 1..60)) {
        let mut world = World::new();
        for event in &events {
            world.happen(event);
        }
        world.settle();
    }
}

#[test]
fn the_drawings_have_the_states_of_the_code() {
    let page = include_str!("../../../../docs/groups.md");
    assert_drawn(page, "## A consumer group", ConsumerState::ALL.iter().map(|state| state.name()));
    let names: Vec<_> = MemberState::ALL.iter().map(|state| format!("{state:?}")).collect();
    assert_drawn(page, "### A member's way", names.iter().map(|name| &**name));
}
