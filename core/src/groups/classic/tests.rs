//! The rules of the classic protocol, one by one, without a broker around them.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::*;
use crate::api::Caller;
use crate::config::Config;
use crate::connection::SlotId;
use crate::drawings::assert_drawn;
use crate::groups::effects::{Effects, GroupAnswer, Then};
use crate::groups::group::GroupId;
use crate::groups::settings::Settings;
use crate::time::Monotonic;
use crate::wire::CoordinatorRecord;
use crate::wire::messages::join_group::JoinGroupResponse;
use crate::wire::messages::sync_group::SyncGroupResponse;
use bytes::Bytes;
use proptest::prelude::*;
use proptest::sample::Index;

const SESSION_MS: i32 = 10_000;
const REBALANCE_MS: i32 = 60_000;
const LATEST: i16 = 9;

/// A group, the time, and what it has said so far.
struct World {
    group: ClassicGroup,
    id: GroupId,
    now: Now,
    settings: Settings,
    timers: BTreeMap<TimerKind, Monotonic>,
    joined: BTreeMap<i32, JoinGroupResponse>,
    synced: BTreeMap<i32, SyncGroupResponse>,
    writes: Vec<(CoordinatorRecord, Then)>,
    requests: i32,
}

impl World {
    fn new(properties: &[(&str, &str)]) -> Self {
        let config = Config::from_properties(properties.iter().copied()).expect("good properties").0;
        let now = Now { monotonic: Monotonic(1_000_000), wall: WallClock(1_800_000_000_000) };
        Self {
            group: ClassicGroup::new(now),
            id: "readers".into(),
            now,
            settings: Settings::from(&config),
            timers: BTreeMap::new(),
            joined: BTreeMap::new(),
            synced: BTreeMap::new(),
            writes: Vec::new(),
            requests: 0,
        }
    }

    fn turn<T>(&mut self, event: impl FnOnce(&mut ClassicGroup, &mut Turn<'_>) -> T) -> T {
        let mut effects = Effects::default();
        let mut turn = Turn { group: &self.id, now: self.now, settings: &self.settings, effects: &mut effects };
        let result = event(&mut self.group, &mut turn);
        for (kind, at) in effects.timers {
            match at {
                Some(at) => self.timers.insert(kind, at),
                None => self.timers.remove(&kind),
            };
        }
        for (caller, answer) in effects.answers {
            let is_first = match answer {
                GroupAnswer::Join(answer) => self.joined.insert(caller.correlation_id, answer).is_none(),
                GroupAnswer::Sync(answer) => self.synced.insert(caller.correlation_id, answer).is_none(),
            };
            assert!(is_first, "a request is answered once");
        }
        for mut write in effects.writes {
            assert_eq!(write.records.len(), 1);
            self.writes.push((write.records.remove(0), write.then));
        }
        self.check();
        result
    }

    /// What holds whenever nothing is going on.
    fn check(&self) {
        let group = &self.group;
        let waiting = group.members.values().filter(|member| member.awaiting_join.is_some()).count();
        assert_eq!(group.awaiting_join, waiting);
        assert_eq!(group.is_empty(), group.members.is_empty() && group.state != ClassicState::PreparingRebalance);
        if group.state == ClassicState::Stable {
            assert!(group.leader.as_ref().is_some_and(|leader| group.members.contains_key(leader)));
        }
        for (instance, id) in &group.static_members {
            assert_eq!(group.members[id].instance_id.as_ref(), Some(instance));
        }
    }

    fn caller(&mut self, version: i16) -> Caller {
        self.requests += 1;
        let slot = SlotId::numbered(self.requests as u64);
        Caller { slot, version, correlation_id: self.requests }
    }

    /// Sends a join, and says by which number its answer is found.
    fn join(&mut self, version: i16, member: &str, instance: Option<&str>, protocols: &[(&str, &str)]) -> i32 {
        let caller = self.caller(version);
        let protocol = |(name, metadata): &(&str, &str)| Protocol {
            name: (*name).into(),
            metadata: Bytes::copy_from_slice(metadata.as_bytes()),
        };
        let join = Join {
            caller,
            client_id: "client".into(),
            client_host: "/127.0.0.1".into(),
            session_timeout_ms: SESSION_MS,
            rebalance_timeout_ms: REBALANCE_MS,
            member_id: member.into(),
            instance_id: instance.map(Arc::from),
            protocol_type: "workers".into(),
            protocols: protocols.iter().map(protocol).collect(),
            unique: format!("{:03}", caller.correlation_id).into(),
        };
        self.turn(|group, turn| group.join(turn, join));
        caller.correlation_id
    }

    fn rejoin(&mut self, member: &str) -> i32 {
        self.join(LATEST, member, None, &[("range", "")])
    }

    /// Lets a member in that has never been here; says its id and the number of its join.
    fn newcomer(&mut self) -> (String, i32) {
        let given = self.rejoin("");
        let answer = &self.joined[&given];
        assert_eq!(answer.error_code, ErrorCode::MemberIdRequired.number());
        let id = answer.member_id.to_string();
        let join = self.rejoin(&id);
        (id, join)
    }

    fn sync(&mut self, member: &str, generation: i32, assignments: &[(&str, &str)]) -> i32 {
        let caller = self.caller(5);
        let copy =
            |(member, assignment): &(&str, &str)| (Arc::from(*member), Bytes::copy_from_slice(assignment.as_bytes()));
        let sync = Sync {
            caller,
            member_id: member.into(),
            instance_id: None,
            generation,
            protocol_type: None,
            protocol: None,
            assignments: assignments.iter().map(copy).collect(),
        };
        self.turn(|group, turn| group.sync(turn, sync));
        caller.correlation_id
    }

    /// The first write that is not yet, is committed.
    fn commit(&mut self) {
        assert!(!self.writes.is_empty(), "something was written");
        let (_, then) = self.writes.remove(0);
        self.turn(|group, turn| match &then {
            Then::Nothing => {}
            Then::Assigned { generation, assignments } => group.assigned(turn, *generation, assignments),
            Then::Replaced { member, leader, is_skipping_known } => {
                group.replaced(turn, member, leader.as_ref(), *is_skipping_known);
            }
        });
    }

    /// A group in its first generation whose members have their assignments.
    fn stable(&mut self, instances: &[Option<&str>]) -> Vec<String> {
        let mut ids = Vec::new();
        let mut joins = Vec::new();
        for instance in instances {
            let (id, join) = match instance {
                None => self.newcomer(),
                Some(_) => (String::new(), self.join(LATEST, "", *instance, &[("range", "")])),
            };
            joins.push((id, join));
        }
        // The second member made the group wait for a third.
        self.pass_ms(2 * i64::from(self.settings.initial_rebalance_delay_ms));
        for (id, join) in joins {
            let answer = &self.joined[&join];
            assert_eq!(answer.error_code, 0, "{answer:?}");
            ids.push(if id.is_empty() { answer.member_id.to_string() } else { id });
        }
        let leader = self.group.leader.clone().expect("there are members");
        let assignments: Vec<_> = ids.iter().map(|id| (id.as_str(), id.as_str())).collect();
        for id in ids.iter().filter(|id| **id != *leader) {
            self.sync(id, 1, &[]);
        }
        self.sync(&leader, 1, &assignments);
        self.commit();
        assert_eq!(self.group.state, ClassicState::Stable);
        ids
    }

    fn heartbeat(&mut self, member: &str, generation: i32) -> ErrorCode {
        self.turn(|group, turn| group.heartbeat(turn, member, None, generation))
    }

    fn pass_ms(&mut self, ms: i64) {
        let end = self.now.monotonic.plus_ms(ms);
        while let Some((kind, at)) = self
            .timers
            .iter()
            .map(|(kind, at)| (kind.clone(), *at))
            .min_by_key(|(_, at)| *at)
            .filter(|(_, at)| *at <= end)
        {
            self.timers.remove(&kind);
            self.now.monotonic = at.max(self.now.monotonic);
            self.turn(|group, turn| match &kind {
                TimerKind::Join => group.join_timeout(turn),
                TimerKind::Sync => group.sync_timeout(turn),
                TimerKind::Session(member) => group.session_timeout(turn, member),
                other => unreachable!("{other:?} is a consumer group's"),
            });
        }
        self.now.monotonic = end;
    }

    fn error(&self, join: i32) -> ErrorCode {
        ErrorCode::from_number(self.joined[&join].error_code).expect("a known error")
    }

    fn sync_error(&self, sync: i32) -> ErrorCode {
        ErrorCode::from_number(self.synced[&sync].error_code).expect("a known error")
    }
}

const DELAYED: (&str, &str) = ("group.initial.rebalance.delay.ms", "3000");

#[test]
fn before_version_4_a_member_joins_without_coming_twice() {
    let mut world = World::new(&[]);
    let join = world.join(3, "", None, &[("range", "")]);
    assert_eq!((world.error(join), world.joined[&join].generation_id), (ErrorCode::None, 1));
    assert_eq!(world.joined[&join].member_id, "client-001");
}

#[test]
fn an_id_that_nobody_comes_back_with_is_forgotten_after_a_session() {
    let mut world = World::new(&[]);
    let given = world.rejoin("");
    assert_eq!(world.group.pending_members.len(), 1);
    world.pass_ms(i64::from(SESSION_MS));
    assert!(world.group.pending_members.is_empty());
    let id = world.joined[&given].member_id.to_string();
    let late = world.rejoin(&id);
    assert_eq!(world.error(late), ErrorCode::UnknownMemberId);
}

#[test]
fn a_new_group_waits_for_more_members_as_long_as_some_come_but_no_longer_than_a_rebalance() {
    let mut world = World::new(&[DELAYED]);
    let (_, first) = world.newcomer();
    world.pass_ms(2_999);
    let (_, second) = world.newcomer();
    world.pass_ms(2_999);
    assert!(!world.joined.contains_key(&first), "somebody has come: it waits on");
    world.pass_ms(2);
    assert_eq!(world.joined[&first].generation_id, 1);
    assert_eq!(world.joined[&second].generation_id, 1);
}

#[test]
fn the_leader_hears_of_all_members_and_the_others_of_none() {
    let mut world = World::new(&[DELAYED]);
    let (first, first_join) = world.newcomer();
    let (second, second_join) = world.newcomer();
    world.pass_ms(6_000);
    let leader = &world.joined[&first_join];
    let members: Vec<_> = leader.members.iter().map(|member| member.member_id.to_string()).collect();
    assert_eq!((&*leader.leader, members), (first.as_str(), [first.clone(), second].to_vec()));
    let follower = &world.joined[&second_join];
    assert_eq!((&*follower.leader, follower.members.len()), (first.as_str(), 0));
}

#[test]
fn of_the_protocols_that_all_know_the_one_is_chosen_that_most_prefer() {
    let mut world = World::new(&[DELAYED]);
    let all = [
        [("sticky", "1"), ("range", "1"), ("only-mine", "1")].as_slice(),
        &[("range", "2"), ("sticky", "2")],
        &[("sticky", "3"), ("range", "3")],
    ];
    let joins: Vec<_> = all.iter().map(|protocols| world.join(3, "", None, protocols)).collect();
    world.pass_ms(9_000);
    let leader = &world.joined[&joins[0]];
    assert_eq!(leader.protocol_name.as_deref(), Some("sticky"));
    let metadata: Vec<_> = leader.members.iter().map(|member| member.metadata.to_vec()).collect();
    assert_eq!(metadata, [b"1", b"2", b"3"]);
}

#[test]
fn a_member_that_has_nothing_in_common_with_the_others_is_turned_away() {
    let mut world = World::new(&[]);
    world.stable(&[None]);
    let stranger = world.join(LATEST, "", None, &[("roundrobin", "")]);
    assert_eq!(world.error(stranger), ErrorCode::InconsistentGroupProtocol);
    let without = world.join(LATEST, "", None, &[]);
    assert_eq!(world.error(without), ErrorCode::InconsistentGroupProtocol);
    assert_eq!(world.group.state, ClassicState::Stable);
}

#[test]
fn a_rebalance_waits_for_all_members_and_drops_those_that_do_not_come() {
    let mut world = World::new(&[DELAYED]);
    let ids = world.stable(&[None, None]);
    let (_, third) = world.newcomer();
    assert_eq!(world.heartbeat(&ids[0], 1), ErrorCode::RebalanceInProgress);
    let back = world.rejoin(&ids[0]);
    for _ in 0..6 {
        world.pass_ms(i64::from(SESSION_MS) - 1);
        world.heartbeat(&ids[1], 1);
    }
    assert!(!world.joined.contains_key(&back), "the second member is alive, and might still join");
    world.pass_ms(i64::from(SESSION_MS) - 1);
    assert_eq!((world.joined[&back].generation_id, world.joined[&third].generation_id), (2, 2));
    assert_eq!(world.heartbeat(&ids[1], 1), ErrorCode::UnknownMemberId);
    assert_eq!(world.heartbeat(&ids[0], 1), ErrorCode::IllegalGeneration);
}

#[test]
fn a_member_that_joins_again_with_nothing_new_does_not_disturb_the_others_but_the_leader_does() {
    let mut world = World::new(&[DELAYED]);
    let ids = world.stable(&[None, None]);
    let again = world.rejoin(&ids[1]);
    assert_eq!((world.error(again), world.joined[&again].generation_id), (ErrorCode::None, 1));
    assert_eq!(world.group.state, ClassicState::Stable);
    let leader = world.rejoin(&ids[0]);
    assert_eq!(world.group.state, ClassicState::PreparingRebalance);
    assert!(!world.joined.contains_key(&leader));
    let other = world.rejoin(&ids[1]);
    assert_eq!((world.joined[&leader].generation_id, world.joined[&other].generation_id), (2, 2));
}

#[test]
fn a_member_with_new_metadata_starts_a_rebalance() {
    let mut world = World::new(&[]);
    let ids = world.stable(&[None]);
    let join = world.join(LATEST, &ids[0], None, &[("range", "new")]);
    assert_eq!(world.joined[&join].generation_id, 2);
}

#[test]
fn assignments_are_handed_out_once_they_are_committed_to_those_who_waited_and_those_who_come_later() {
    let mut world = World::new(&[DELAYED]);
    let (first, _) = world.newcomer();
    let (second, _) = world.newcomer();
    world.pass_ms(6_000);
    let waiting = world.sync(&second, 1, &[]);
    let leader = world.sync(&first, 1, &[(&first, "a"), (&second, "b"), ("stranger", "c")]);
    assert!(world.synced.is_empty(), "nothing is committed");
    world.commit();
    assert_eq!(&*world.synced[&waiting].assignment, b"b");
    assert_eq!(&*world.synced[&leader].assignment, b"a");
    let again = world.sync(&second, 1, &[]);
    assert_eq!(&*world.synced[&again].assignment, b"b");
}

#[test]
fn assignments_that_could_not_be_written_are_for_nobody_and_all_join_again() {
    let mut world = World::new(&[]);
    let (id, _) = world.newcomer();
    let sync = world.sync(&id, 1, &[(&id, "a")]);
    let (_, then) = world.writes.pop().unwrap();
    let Then::Assigned { generation, .. } = then else { panic!("{then:?}") };
    world.turn(|group, turn| group.not_assigned(turn, generation, ErrorCode::UnknownServerError));
    assert_eq!(world.sync_error(sync), ErrorCode::UnknownServerError);
    assert_eq!(world.group.state, ClassicState::PreparingRebalance);
}

#[test]
fn assignments_of_a_generation_that_is_over_change_nothing() {
    let mut world = World::new(&[]);
    let (id, _) = world.newcomer();
    let sync = world.sync(&id, 1, &[(&id, "a")]);
    world.newcomer();
    assert_eq!(world.sync_error(sync), ErrorCode::RebalanceInProgress);
    world.commit();
    assert_eq!(world.group.state, ClassicState::PreparingRebalance);
}

#[test]
fn a_sync_of_another_generation_protocol_or_member_is_refused() {
    let mut world = World::new(&[]);
    let (id, _) = world.newcomer();
    let old = world.sync(&id, 0, &[]);
    assert_eq!(world.sync_error(old), ErrorCode::IllegalGeneration);
    let stranger = world.sync("stranger", 1, &[]);
    assert_eq!(world.sync_error(stranger), ErrorCode::UnknownMemberId);
    let caller = world.caller(5);
    let sync = Sync {
        caller,
        member_id: id.as_str().into(),
        instance_id: None,
        generation: 1,
        protocol_type: Some("workers".into()),
        protocol: Some("sticky".into()),
        assignments: BTreeMap::new(),
    };
    world.turn(|group, turn| group.sync(turn, sync));
    assert_eq!(world.sync_error(caller.correlation_id), ErrorCode::InconsistentGroupProtocol);
}

#[test]
fn who_joins_and_does_not_ask_for_an_assignment_is_dropped() {
    let mut world = World::new(&[DELAYED]);
    let (first, _) = world.newcomer();
    let (second, _) = world.newcomer();
    world.pass_ms(6_000);
    world.sync(&first, 1, &[(&first, "a"), (&second, "b")]);
    world.commit();
    for _ in 0..6 {
        world.pass_ms(i64::from(SESSION_MS) - 1);
        world.heartbeat(&first, 1);
        world.heartbeat(&second, 1);
    }
    world.pass_ms(i64::from(SESSION_MS) - 1);
    assert_eq!(world.heartbeat(&second, 1), ErrorCode::UnknownMemberId);
    assert_eq!(world.heartbeat(&first, 1), ErrorCode::RebalanceInProgress);
}

#[test]
fn a_member_that_is_silent_or_leaves_starts_a_rebalance_and_the_last_one_empties_the_group() {
    let mut world = World::new(&[DELAYED]);
    let ids = world.stable(&[None, None]);
    world.pass_ms(i64::from(SESSION_MS) - 1);
    world.heartbeat(&ids[0], 1);
    world.pass_ms(1);
    assert_eq!(world.heartbeat(&ids[0], 1), ErrorCode::RebalanceInProgress);
    let back = world.rejoin(&ids[0]);
    assert_eq!(world.joined[&back].generation_id, 2);
    let left = world.turn(|group, turn| {
        let left = group.leave(turn, &ids[0], None);
        group.after_leaving(turn);
        left
    });
    assert_eq!((left, world.group.state), (Ok(()), ClassicState::Empty));
    let (record, _) = world.writes.pop().expect("the empty generation is written");
    let CoordinatorRecord::GroupMetadata(_, Some(value)) = record else { panic!("{record:?}") };
    assert_eq!((value.generation, value.members.len(), value.protocol, value.leader), (3, 0, None, None));
    assert!(world.timers.is_empty(), "a group that nobody uses has no timer: {:?}", world.timers);
}

#[test]
fn a_static_member_comes_back_under_a_new_id_without_a_rebalance_and_the_old_id_is_fenced() {
    let mut world = World::new(&[DELAYED]);
    let ids = world.stable(&[Some("one"), Some("two")]);
    let leader = world.group.leader.clone().unwrap();
    let follower = ids.iter().find(|id| **id != *leader).unwrap().clone();
    let instance = world.group.members[&*follower].instance_id.clone().unwrap();
    let back = world.join(LATEST, "", Some(&instance), &[("range", "")]);
    assert!(!world.joined.contains_key(&back), "its new id is not committed");
    world.commit();
    let answer = world.joined[&back].clone();
    assert_eq!((answer.error_code, answer.generation_id, world.group.state), (0, 1, ClassicState::Stable));
    let assigned = world.sync(&answer.member_id, 1, &[]);
    assert_eq!(&*world.synced[&assigned].assignment, follower.as_bytes(), "it has what it had");
    let fenced = world.turn(|group, turn| group.heartbeat(turn, &follower, Some(&instance), 1));
    assert_eq!(fenced, ErrorCode::FencedInstanceId);
}

#[test]
fn a_static_leader_that_comes_back_is_told_that_there_is_nothing_to_assign() {
    for (version, leads, skips) in [(9, true, true), (8, false, false)] {
        let mut world = World::new(&[]);
        let [old] = &world.stable(&[Some("one")])[..] else { panic!("one member") };
        let back = world.join(version, "", Some("one"), &[("range", "")]);
        world.commit();
        let answer = &world.joined[&back];
        assert_eq!((answer.skip_assignment, answer.leader == answer.member_id), (skips, leads));
        assert_eq!(answer.leader == *old.as_str(), !leads, "older clients are told of the leader before");
    }
}

#[test]
fn a_static_member_may_be_away_for_a_session_and_no_longer() {
    let mut world = World::new(&[DELAYED]);
    let ids = world.stable(&[Some("one"), None]);
    world.pass_ms(i64::from(SESSION_MS) - 1);
    world.heartbeat(&ids[1], 1);
    assert_eq!(world.group.members.len(), 2);
    world.pass_ms(1);
    assert_eq!(world.group.members.len(), 1, "its session is over");
}

#[test]
fn a_rebalance_that_nobody_joins_waits_for_the_sessions_even_if_the_members_say_that_they_have_no_time() {
    let mut world = World::new(&[DELAYED]);
    world.stable(&[Some("one"), Some("two")]);
    for member in world.group.members.values_mut() {
        member.rebalance_timeout_ms = 0;
    }
    world.turn(|group, turn| {
        assert_eq!(group.leave(turn, "", Some("two")), Ok(()));
        group.after_leaving(turn);
    });
    world.pass_ms(1);
    assert!(world.timers[&TimerKind::Join] > world.now.monotonic, "it does not turn in circles");
    world.pass_ms(i64::from(SESSION_MS) + 1_000);
    assert_eq!(world.group.state, ClassicState::Empty);
}

#[test]
fn static_members_leave_by_their_instance_id_and_strangers_are_unknown() {
    let mut world = World::new(&[]);
    world.stable(&[Some("one")]);
    let mut leave =
        |member: &str, instance: Option<&str>| world.turn(|group, turn| group.leave(turn, member, instance));
    assert_eq!(leave("", Some("two")), Err(ErrorCode::UnknownMemberId));
    assert_eq!(leave("", None), Err(ErrorCode::UnknownMemberId));
    assert_eq!(leave("other", Some("one")), Err(ErrorCode::FencedInstanceId));
    world.turn(|group, turn| {
        assert_eq!(group.leave(turn, "", Some("one")), Ok(()));
        group.after_leaving(turn);
    });
    assert_eq!(world.group.state, ClassicState::Empty);
}

#[test]
fn a_group_has_no_more_members_than_it_may() {
    let mut world = World::new(&[("group.max.size", "1")]);
    world.stable(&[None]);
    let second = world.rejoin("");
    assert_eq!(world.error(second), ErrorCode::GroupMaxSizeReached);
}

#[test]
fn a_request_that_is_sent_again_over_another_connection_takes_the_place_of_the_first() {
    let mut world = World::new(&[DELAYED]);
    let (id, first) = world.newcomer();
    let second = world.rejoin(&id);
    assert_eq!(world.error(first), ErrorCode::RebalanceInProgress);
    world.pass_ms(3_000);
    assert_eq!(world.joined[&second].generation_id, 1);
}

#[test]
fn a_group_is_the_same_after_it_was_written_and_read() {
    let mut world = World::new(&[DELAYED]);
    let ids = world.stable(&[None, Some("one")]);
    let record = world.group.to_record("readers", None);
    let CoordinatorRecord::GroupMetadata(_, Some(value)) = record else { panic!("{record:?}") };
    let read = ClassicGroup::from_record(&value, world.now);
    assert_eq!(read.state, ClassicState::Stable);
    assert_eq!(read.to_record("readers", None), world.group.to_record("readers", None));
    world.group = read;
    world.timers.clear();
    world.turn(|group, turn| group.loaded(turn));
    assert_eq!(world.heartbeat(&ids[0], 1), ErrorCode::None);
    world.pass_ms(i64::from(SESSION_MS));
    assert_eq!(world.group.state, ClassicState::Empty, "members that do not come back are gone");
}

#[test]
fn only_members_of_the_generation_commit_while_there_are_members() {
    let mut world = World::new(&[]);
    let check =
        |world: &World, member: &str, generation| world.group.check_offset_commit(member, None, generation, false);
    assert_eq!(check(&world, "", -1), Ok(()), "a simple consumer");
    let ids = world.stable(&[None]);
    assert_eq!(check(&world, &ids[0], 1), Ok(()));
    assert_eq!(check(&world, &ids[0], 0), Err(ErrorCode::IllegalGeneration));
    assert_eq!(check(&world, "", -1), Err(ErrorCode::UnknownMemberId));
    assert_eq!(check(&world, "stranger", 1), Err(ErrorCode::UnknownMemberId));
    world.rejoin(&ids[0]);
    assert_eq!(world.group.state, ClassicState::CompletingRebalance);
    assert_eq!(check(&world, &ids[0], 2), Err(ErrorCode::RebalanceInProgress));
}

#[test]
fn a_static_member_whose_return_was_long_in_being_written_has_a_session_all_the_same() {
    let mut world = World::new(&[]);
    world.stable(&[Some("desk")]);
    let back = world.join(LATEST, "", Some("desk"), &[("range", "")]);
    world.pass_ms(i64::from(SESSION_MS));
    world.commit();
    assert_eq!(world.error(back), ErrorCode::None);
    world.pass_ms(i64::from(SESSION_MS));
    assert_eq!(world.group.state, ClassicState::Empty, "it never said a word again");
}

/// What a client of a group might do next.
#[derive(Clone, Debug)]
enum Step {
    New { instance: Option<u8>, protocols: u8, version: i16 },
    Join { member: Index, protocols: u8 },
    Sync { member: Index },
    Beat { member: Index },
    Leave { member: Index },
    Commit,
    Pass { ms: i64 },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let member = any::<Index>;
    let version = prop_oneof![Just(3i16), Just(8), Just(LATEST)];
    let step = prop_oneof![
        (prop::option::of(0..2u8), 0..3u8, version).prop_map(|(instance, protocols, version)| Step::New {
            instance,
            protocols,
            version
        }),
        (member(), 0..3u8).prop_map(|(member, protocols)| Step::Join { member, protocols }),
        member().prop_map(|member| Step::Sync { member }),
        member().prop_map(|member| Step::Beat { member }),
        member().prop_map(|member| Step::Leave { member }),
        Just(Step::Commit),
        (1..15_000i64).prop_map(|ms| Step::Pass { ms }),
    ];
    prop::collection::vec(step, 1..60)
}

impl World {
    /// All ids that anybody was given.
    fn given(&self) -> Vec<String> {
        let ids = self.joined.values().map(|answer| answer.member_id.to_string());
        ids.filter(|id| !id.is_empty()).collect()
    }

    fn step(&mut self, step: &Step) {
        const PROTOCOLS: [&[(&str, &str)]; 3] =
            [&[("range", "")], &[("range", "new"), ("sticky", "")], &[("sticky", "")]];
        let given = self.given();
        let pick = |member: &Index| if given.is_empty() { String::from("nobody") } else { member.get(&given).clone() };
        let generation = self.group.generation;
        match step {
            Step::New { instance, protocols, version } => {
                let instance = instance.map(|instance| format!("static-{instance}"));
                self.join(*version, "", instance.as_deref(), PROTOCOLS[usize::from(*protocols)]);
            }
            Step::Join { member, protocols } => {
                self.join(LATEST, &pick(member), None, PROTOCOLS[usize::from(*protocols)]);
            }
            Step::Sync { member } => {
                let member = pick(member);
                self.sync(&member, generation, &[(&member, "mine")]);
            }
            Step::Beat { member } => {
                self.heartbeat(&pick(member), generation);
            }
            Step::Leave { member } => self.turn(|group, turn| {
                if group.leave(turn, &pick(member), None).is_ok() {
                    group.after_leaving(turn);
                }
            }),
            Step::Commit if !self.writes.is_empty() => self.commit(),
            Step::Commit => {}
            Step::Pass { ms } => self.pass_ms(*ms),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_clients_do_each_is_answered_once_and_a_group_that_they_leave_alone_is_empty(steps in steps()) {
        let mut world = World::new(&[DELAYED]);
        for step in &steps {
            world.step(step);
            let leaders = world.joined.values().filter(|answer| answer.error_code == 0);
            let mut of_generation: BTreeMap<i32, BTreeSet<String>> = BTreeMap::new();
            // The leader is told all members; only in one generation, for a later one may have another.
            for answer in leaders.filter(|answer| !answer.members.is_empty() && !answer.skip_assignment) {
                of_generation.entry(answer.generation_id).or_default().insert(answer.member_id.to_string());
            }
            prop_assert!(of_generation.values().all(|leaders| leaders.len() == 1), "{of_generation:?}");
        }
        while !world.writes.is_empty() {
            world.commit();
        }
        for _ in 0..20 {
            world.pass_ms(i64::from(REBALANCE_MS));
            while !world.writes.is_empty() {
                world.commit();
            }
        }
        prop_assert_eq!(world.group.state, ClassicState::Empty);
        prop_assert!(world.timers.is_empty() && world.group.pending_members.is_empty());
        prop_assert_eq!(world.joined.len() + world.synced.len(), world.requests as usize, "some were never answered");
    }
}

#[test]
fn the_drawing_has_the_states_of_the_code() {
    let states = ClassicState::ALL.iter().map(|state| state.name());
    assert_drawn(include_str!("../../../../docs/groups.md"), "## A classic group", states);
}
