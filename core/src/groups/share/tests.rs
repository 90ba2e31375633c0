//! What the page about groups says of share groups, held against the code, and what becomes of one that is replayed.

use alloc::format;
use alloc::vec::Vec;

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;
use crate::config::Config;
use crate::drawings::assert_drawn;
use crate::groups::group::{Group, GroupId, GroupKind, GroupType};
use crate::groups::planned::{Plan, PlannedTurn, TopicChanges};
use crate::groups::records;
use crate::groups::settings::{GroupConfig, Settings};
use crate::groups::timers::TimerKind;
use crate::metadata::{MetadataImage, Partition, Topic};
use crate::time::{Monotonic, Now, WallClock};
use crate::wire::messages::share_group_heartbeat::ShareGroupHeartbeatRequest;
use crate::wire::{CoordinatorRecord, Str};

const NOW: Now = Now { monotonic: Monotonic(0), wall: WallClock(1_800_000_000_000) };

#[test]
fn the_drawing_has_the_states_of_the_code() {
    let page = include_str!("../../../../docs/groups.md");
    assert_drawn(page, "## A share group", ShareState::ALL.iter().map(|state| state.name()));
}

fn records_of_a_member() -> Vec<CoordinatorRecord> {
    let about = member::About { topics: BTreeSet::from(["letters".into()]), ..Default::default() };
    let assigned = Partitions::from([(Uuid(7), BTreeSet::from([0, 2]))]);
    let has = Member { epoch: 3, previous_epoch: 2, about: about.clone().into(), assigned: assigned.clone() };
    let kept = state::Kept { name: "letters".into(), partitions: BTreeSet::from([0, 2]), since: NOW.monotonic };
    let state = state::StatePartitions {
        is_recorded: true,
        initialized: BTreeMap::from([(Uuid(7), kept)]),
        ..Default::default()
    };
    [
        record::member("sharers", "one", &about),
        record::group("sharers", 3, 11),
        record::target("sharers", "one", &assigned),
        record::target_made("sharers", 3, 12),
        record::current("sharers", "one", &has),
        record::state("sharers", &state, &MetadataImage::default()),
    ]
    .into()
}

#[test]
fn a_group_is_made_of_its_records_and_gone_with_their_tombstones() {
    let mut coordinator = crate::groups::Coordinator::default();
    for record in records_of_a_member() {
        coordinator.replay(NOW, &record, crate::types::Offset(0), None);
    }
    let group = coordinator.share("sharers").expect("it is a share group");
    assert_eq!((group.epoch, group.metadata_hash, group.target.epoch, group.target.made_ms), (3, 11, 3, 12));
    assert_eq!((group.members["one"].epoch, group.members["one"].previous_epoch), (3, 2));
    assert_eq!(group.members["one"].assigned, *group.target_of("one"));
    assert!(group.is_subscribed_to("letters") && !group.has_unassigned_state());
    assert_eq!(coordinator.groups.get("sharers").map(Group::group_type), Some(GroupType::Share));
    let removal = coordinator.deletion("sharers");
    for record in &removal {
        coordinator.replay(NOW, record, crate::types::Offset(0), None);
    }
    assert!(coordinator.groups.is_empty());
    // Without members there are three left.
    assert_eq!((removal.len(), records::removed("sharers", GroupType::Share).len()), (6, 3));
}

#[test]
fn a_log_that_lost_a_members_first_records_to_compaction_makes_the_same_group() {
    let mut in_order = ShareGroup::new();
    let mut mixed = ShareGroup::new();
    let records = records_of_a_member();
    records.iter().for_each(|record| in_order.replay(NOW, record));
    records.iter().rev().for_each(|record| mixed.replay(NOW, record));
    assert_eq!(alloc::format!("{in_order:?}"), alloc::format!("{mixed:?}"));
}

const MEMBERS: usize = 5;
const TOPICS: [&str; 2] = ["letters", "digits"];

/// Who sends heartbeats, and what it was told.
#[derive(Clone, Debug, Default)]
struct Client {
    /// None where it is not in the group.
    epoch: Option<i32>,
    told: Partitions,
    reads: Vec<&'static str>,
    /// It has to say everything: what it reads has changed, or an answer was lost.
    is_new: bool,
}

/// A group, a share coordinator that answers when it likes, and all that was ever written.
struct World {
    kind: Option<GroupKind>,
    id: GroupId,
    clients: Vec<Client>,
    settings: Settings,
    config: Config,
    image: MetadataImage,
    topics: TopicChanges,
    now: Now,
    asked: Vec<StateToKeep>,
    log: Vec<CoordinatorRecord>,
}

/// What happens next.
#[derive(Clone, Debug)]
enum Event {
    Beat {
        member: Index,
        is_lost: bool,
    },
    Leave(Index),
    Subscribe {
        member: Index,
        choice: usize,
    },
    Grow(usize),
    Remove,
    /// The share coordinator answers what it was asked first.
    Kept {
        is_good: bool,
    },
    Restart,
    Pass(i64),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        8 => (any::<Index>(), prop::bool::weighted(0.2)).prop_map(|(member, is_lost)| Event::Beat { member, is_lost }),
        1 => any::<Index>().prop_map(Event::Leave),
        1 => (any::<Index>(), 0..3usize).prop_map(|(member, choice)| Event::Subscribe { member, choice }),
        1 => (0..2usize).prop_map(Event::Grow),
        1 => Just(Event::Remove),
        4 => prop::bool::weighted(0.8).prop_map(|is_good| Event::Kept { is_good }),
        1 => Just(Event::Restart),
        4 => (1..1_500i64).prop_map(Event::Pass),
    ]
}

impl World {
    fn new() -> Self {
        let config = Config::from_properties::<&str, &str>([]).expect("the defaults are good").0;
        let mut world = Self {
            kind: None,
            id: "sharers".into(),
            clients: Vec::new(),
            settings: Settings::from(&config),
            config,
            image: MetadataImage::default(),
            topics: TopicChanges::default(),
            now: Now { monotonic: Monotonic(1_000_000), wall: NOW.wall },
            asked: Vec::new(),
            log: Vec::new(),
        };
        world.clients.resize(MEMBERS, Client { reads: TOPICS.to_vec(), ..Client::default() });
        world.grow(0);
        world.grow(1);
        world
    }

    fn grow(&mut self, topic: usize) {
        let name: TopicName = TOPICS[topic].into();
        // One that comes back under its name is another one.
        let new = Uuid(u128::from(self.topics.count) + 1);
        let id = *self.image.topic_ids.entry(name.clone()).or_insert(new);
        let known = self.image.topics.entry(id).or_insert(Topic { id, name, partitions: BTreeMap::new() });
        for _ in 0..2 {
            known.partitions.insert(known.partitions.len() as i32, Partition::default());
        }
        self.topics.count += 1;
    }

    /// The second topic is deleted.
    fn remove(&mut self) {
        if let Some(gone) = self.image.topic_ids.remove(TOPICS[1]) {
            self.image.topics.remove(&gone);
            self.topics.count += 1;
            self.change(|group, turn| group.topics_gone(turn, &BTreeSet::from([gone])));
        }
    }

    fn turn(&self) -> PlannedTurn<'_> {
        PlannedTurn {
            group: &self.id,
            now: self.now,
            settings: &self.settings,
            config: GroupConfig::new(&self.config, &self.settings, &self.image, &self.id),
            image: &self.image,
            topics: self.topics,
            plan: Plan::default(),
        }
    }

    fn group(&self) -> Option<&ShareGroup> {
        match &self.kind {
            Some(GroupKind::Share(group)) => Some(group),
            _ => None,
        }
    }

    fn change(&mut self, event: impl FnOnce(&ShareGroup, &mut PlannedTurn<'_>)) {
        let mut turn = self.turn();
        if let Some(group) = self.group() {
            event(group, &mut turn);
        }
        let plan = turn.plan;
        self.carry_out(plan);
    }

    fn carry_out(&mut self, plan: Plan) {
        for record in plan.records {
            self.apply(&record);
            self.log.push(record);
        }
        self.asked.extend(plan.state_to_keep);
        if plan.has_seen_topics
            && let Some(GroupKind::Share(group)) = &mut self.kind
        {
            group.has_seen_topics(self.topics.count);
        }
        self.check();
    }

    fn apply(&mut self, record: &CoordinatorRecord) {
        let kind = self.kind.get_or_insert_with(|| GroupKind::Share(ShareGroup::new().into()));
        let GroupKind::Share(group) = kind else { panic!("it is a share group") };
        group.replay(self.now, record);
    }

    fn beat(&mut self, index: usize, is_lost: bool) {
        let client = &self.clients[index];
        let says = client.epoch.is_none() || client.is_new;
        let request = ShareGroupHeartbeatRequest {
            group_id: Str::from(&*self.id),
            member_id: format!("member-{index}").into(),
            member_epoch: client.epoch.unwrap_or(JOINING_EPOCH),
            subscribed_topic_names: says.then(|| client.reads.iter().map(|topic| Str::from(*topic)).collect()),
            ..Default::default()
        };
        let mut turn = self.turn();
        let sent = ShareBeat { request: &request, client_id: "client", client_host: "/127.0.0.1" };
        let answer = share_beat(&mut turn, self.kind.as_ref(), sent);
        let plan = turn.plan;
        match answer {
            Ok(answer) => {
                self.carry_out(plan);
                if is_lost {
                    self.clients[index].is_new = true;
                    return;
                }
                let client = &mut self.clients[index];
                (client.epoch, client.is_new) = (Some(answer.member_epoch), false);
                if let Some(assignment) = answer.assignment {
                    let all = assignment.topic_partitions.into_iter();
                    client.told = all.map(|topic| (topic.topic_id, topic.partitions.into_iter().collect())).collect();
                }
            }
            Err(error) => {
                assert!(error.message.is_some(), "{error:?}");
                self.clients[index].epoch = None;
            }
        }
    }

    fn kept(&mut self, is_good: bool) {
        if self.asked.is_empty() {
            return;
        }
        let answered = self.asked.remove(0);
        let partitions: Partitions =
            answered.starts.into_iter().map(|(topic, starts)| (topic, starts.into_keys().collect())).collect();
        self.change(|group, turn| {
            if is_good {
                group.state_initialized(turn, &partitions);
            } else {
                group.state_not_initialized(turn, &partitions);
            }
        });
    }

    fn happen(&mut self, event: &Event) {
        match event {
            Event::Beat { member, is_lost } => self.beat(member.index(MEMBERS), *is_lost),
            Event::Leave(member) => {
                let index = member.index(MEMBERS);
                self.clients[index].epoch = None;
                let id: MemberId = format!("member-{index}").into();
                self.change(|group, turn| group.timeout(turn, &TimerKind::Session(id)));
            }
            Event::Subscribe { member, choice } => {
                let client = &mut self.clients[member.index(MEMBERS)];
                client.is_new = true;
                client.reads = match choice {
                    0 => TOPICS.to_vec(),
                    choice => [TOPICS[choice - 1]].into(),
                };
            }
            Event::Grow(topic) => self.grow(*topic),
            Event::Remove => self.remove(),
            Event::Kept { is_good } => self.kept(*is_good),
            Event::Restart => {
                self.asked.clear();
                self.kind = None;
                let log = core::mem::take(&mut self.log);
                log.iter().for_each(|record| self.apply(record));
                self.log = log;
            }
            Event::Pass(ms) => {
                self.now.monotonic = self.now.monotonic.plus_ms(*ms);
                self.now.wall.0 += ms;
            }
        }
        self.check();
    }

    /// Members look only where the share coordinator keeps something.
    fn check(&self) {
        let Some(group) = self.group() else { return };
        let kept = group.initialized_partitions();
        for member in group.members.values() {
            for (topic, partitions) in member.assigned.iter().filter(|(topic, _)| self.image.topics.contains_key(topic))
            {
                assert!(kept.get(topic).is_some_and(|kept| kept.is_superset(partitions)), "{group:?}");
            }
        }
        for (topic, kept) in &group.state.initialized {
            assert!(self.image.topics.contains_key(topic) && !kept.partitions.is_empty(), "{group:?}");
        }
    }

    /// When nothing happens but heartbeats and answers, all of what is read is looked at, and everybody knows where.
    fn settle(&mut self) {
        for _ in 0..6 {
            for index in 0..MEMBERS {
                self.beat(index, false);
                self.kept(true);
            }
            self.happen(&Event::Pass(31_000));
        }
        let group = self.group().expect("all have joined");
        let mut looked_at = Partitions::new();
        for (index, client) in self.clients.iter().enumerate() {
            let member = &group.members[&*format!("member-{index}")];
            assert_eq!((Some(member.epoch), &member.assigned), (client.epoch, &client.told));
            assert_eq!(member.epoch, group.target.epoch);
            for (topic, partitions) in &member.assigned {
                assert!(client.reads.contains(&&*self.image.topics[topic].name));
                looked_at.entry(*topic).or_default().extend(partitions);
            }
        }
        let is_read = |topic: &&Topic| self.clients.iter().any(|client| client.reads.contains(&&*topic.name));
        let read = self.image.topics.values().filter(is_read);
        let wanted: Partitions = read.map(|topic| (topic.id, topic.partitions.keys().copied().collect())).collect();
        assert_eq!(looked_at, wanted);
        assert!(group.state.initializing.is_empty());
        // The log has the whole group.
        let mut again = ShareGroup::new();
        self.log.iter().for_each(|record| again.replay(self.now, record));
        assert_eq!(
            (again.epoch, again.target.epoch, &again.readers),
            (group.epoch, group.target.epoch, &group.readers)
        );
        assert_eq!((&again.members, &again.target.by_member), (&group.members, &group.target.by_member));
    }
}

proptest! {
    #[test]
    fn however_heartbeats_fall_members_look_where_something_is_kept_and_all_settle(
        events in prop::collection::vec(event(), 0..60),
    ) {
        let mut world = World::new();
        for event in &events {
            world.happen(event);
        }
        world.settle();
    }
}
