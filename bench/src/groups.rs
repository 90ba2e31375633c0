//! What groups cost: a heartbeat, ten thousand members that join a thousand groups, and one large group that settles.
//!
//! CPU time is measured, from a request's bytes to its answer's.

use std::process::ExitCode;
use std::time::Duration;

use ottla_core::boundary::ConnId;
use ottla_core::wire::Str;
use ottla_core::wire::messages::consumer_group_heartbeat::{
    ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse, TopicPartitions,
};
use ottla_core::wire::messages::find_coordinator::{FindCoordinatorRequest, FindCoordinatorResponse};
use ottla_core::wire::messages::heartbeat::{HeartbeatRequest, HeartbeatResponse};
use ottla_core::wire::messages::join_group::{JoinGroupRequest, JoinGroupRequestProtocol, JoinGroupResponse};
use ottla_core::wire::messages::sync_group::{SyncGroupRequest, SyncGroupRequestAssignment, SyncGroupResponse};

use crate::error::{BenchError, Result};
use crate::machine;
use crate::options::GroupsOptions;
use crate::world::{World, expect};

/// What a heartbeat may cost at most.
const HEARTBEAT_LIMIT: Duration = Duration::from_micros(5);
/// How long all may take to join.
const JOINED_LIMIT: Duration = Duration::from_secs(10);
/// How long the large group may take to settle.
const SETTLED_LIMIT: Duration = Duration::from_secs(2);
/// The members of the large group are heard of so often while they move: they say at once that they have given up partitions.
const BEAT_MS: i64 = 100;

/// The large group reads so many topics.
const TOPICS: i32 = 10;

/// Measures all three.
pub fn run(options: &GroupsOptions) -> Result<ExitCode> {
    println!("{}", machine::description());
    let mut is_kept = true;
    let mut report = |what: String, took: Duration, limit: Duration| {
        println!("{what}: {took:.2?}; the limit is {limit:?}");
        is_kept &= took <= limit;
    };
    let (groups, members) = (options.groups, options.members_per_group);
    let (joined, beat) = classic(groups, members)?;
    report(format!("{} members in {groups} classic groups joined, CPU time", groups * members), joined, JOINED_LIMIT);
    report(format!("a heartbeat of one of {} members in classic groups", groups * members), beat, HEARTBEAT_LIMIT);
    let beat = consumers(groups, members)?;
    report(format!("a heartbeat of one of {} members in consumer groups", groups * members), beat, HEARTBEAT_LIMIT);
    let settled = large(options.large_members, options.partitions)?;
    let what =
        format!("a consumer group of {} members over {} partitions settled", options.large_members, options.partitions);
    println!("{what}: {} rounds of heartbeats, {} ms apart, {:.2?} of CPU time", settled.rounds, BEAT_MS, settled.cpu);
    report(format!("{what}, all in all"), settled.all(), SETTLED_LIMIT);
    report("a heartbeat in it, where nothing moves".into(), settled.beat, HEARTBEAT_LIMIT);
    Ok(if is_kept || !options.check { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A broker that does nothing of its own, with coordinators for groups.
fn with_coordinators(properties: &[(&str, &str)]) -> Result<World> {
    let own = [("connections.max.idle.ms", "-1"), ("log.initial.task.delay.ms", "1000000000")];
    let mut world = World::new(&[&own, properties].concat())?;
    let conn = world.open();
    let request = FindCoordinatorRequest { coordinator_keys: vec!["any".into()], ..Default::default() };
    let _: FindCoordinatorResponse = world.call(conn, 6, &request)?;
    Ok(world)
}

/// Heartbeats of each member that are measured.
const BEATS: usize = 20;

/// How long all took to join, and a heartbeat.
fn classic(groups: usize, members: usize) -> Result<(Duration, Duration)> {
    let mut world = with_coordinators(&[("group.initial.rebalance.delay.ms", "10")])?;
    world.measure();
    let mut known: Vec<Vec<(String, i32)>> = Vec::new();
    for group in 0..groups {
        let id = format!("group-{group}");
        // Each member over a connection of its own: its JoinGroup waits for the others.
        let conns: Vec<ConnId> = (0..members).map(|_| world.open()).collect();
        let mut ids = Vec::new();
        for conn in &conns {
            let given: JoinGroupResponse = world.call(*conn, 9, &join(&id, ""))?;
            world.send(*conn, 9, &join(&id, &given.member_id));
            ids.push(given.member_id.to_string());
        }
        world.pass_ms(members as i64 * 10 + 10);
        let mut joined = Vec::new();
        for conn in &conns {
            joined.push(world.answer::<JoinGroupResponse>(*conn, 9)?);
        }
        for (conn, answer) in conns.iter().zip(&joined) {
            world.send(*conn, 5, &sync(&id, answer, &ids));
        }
        for conn in &conns {
            let synced: SyncGroupResponse = world.answer(*conn, 5)?;
            expect(synced.error_code)?;
            world.close(*conn);
        }
        known.push(joined.iter().map(|answer| (answer.member_id.to_string(), answer.generation_id)).collect());
    }
    let joined = world.spent();
    let conn = world.open();
    world.measure();
    for _ in 0..BEATS {
        for (group, members) in known.iter().enumerate() {
            for (member, generation) in members {
                let request = HeartbeatRequest {
                    group_id: format!("group-{group}").into(),
                    generation_id: *generation,
                    member_id: member.as_str().into(),
                    ..Default::default()
                };
                let answer: HeartbeatResponse = world.call(conn, 4, &request)?;
                expect(answer.error_code)?;
            }
        }
    }
    Ok((joined, world.spent() / (BEATS * groups * members) as u32))
}

/// How long a heartbeat takes.
fn consumers(groups: usize, members: usize) -> Result<Duration> {
    let mut world = with_coordinators(&[])?;
    world.create_topic("letters-0", 10, &[])?;
    let conn = world.open();
    let mut all: Vec<Consumer> = (0..groups)
        .flat_map(|group| {
            (0..members).map(move |member| Consumer::new(format!("group-{group}"), format!("member-{group}-{member}")))
        })
        .collect();
    settle(&mut world, conn, &mut all, 10 * groups)?;
    beats(&mut world, conn, &mut all)
}

/// What a heartbeat costs where nothing moves.
fn beats(world: &mut World, conn: ConnId, all: &mut [Consumer]) -> Result<Duration> {
    world.measure();
    for _ in 0..BEATS {
        for member in all.iter_mut() {
            let answer: ConsumerGroupHeartbeatResponse = world.call(conn, 1, &member.keep_alive())?;
            expect(answer.error_code)?;
        }
    }
    Ok(world.spent() / (BEATS * all.len()) as u32)
}

struct Settled {
    rounds: u32,
    cpu: Duration,
    beat: Duration,
}

impl Settled {
    /// The time that the members let pass, and what the broker took.
    fn all(&self) -> Duration {
        self.cpu + Duration::from_millis(BEAT_MS as u64) * self.rounds
    }
}

fn large(members: usize, partitions: i32) -> Result<Settled> {
    let mut world = with_coordinators(&[])?;
    // As many at once as one request may make.
    for topic in 0..TOPICS {
        world.create_topic(&format!("letters-{topic}"), partitions / TOPICS, &[])?;
    }
    let partitions = partitions / TOPICS * TOPICS;
    let conn = world.open();
    let mut all: Vec<Consumer> =
        (0..members).map(|member| Consumer::new("large".into(), format!("member-{member}"))).collect();
    world.measure();
    let rounds = settle(&mut world, conn, &mut all, partitions as usize)?;
    let cpu = world.spent();
    let beat = beats(&mut world, conn, &mut all)?;
    Ok(Settled { rounds, cpu, beat })
}

/// Lets all join and beat until all partitions are shared out and nobody moves; says after how many rounds.
fn settle(world: &mut World, conn: ConnId, all: &mut [Consumer], partitions: usize) -> Result<u32> {
    for round in 0..200 {
        let mut moves = 0;
        for member in all.iter_mut() {
            let answer: ConsumerGroupHeartbeatResponse = world.call(conn, 1, &member.request())?;
            expect(answer.error_code)?;
            moves += usize::from(member.take(answer));
        }
        let has_all = all
            .iter()
            .map(|member| member.owned.iter().map(|topic| topic.partitions.len()).sum::<usize>())
            .sum::<usize>();
        let counts = all.iter().map(|member| member.owned.iter().map(|topic| topic.partitions.len()).sum::<usize>());
        let (least, most) = counts.fold((usize::MAX, 0), |(least, most), count| (least.min(count), most.max(count)));
        if moves == 0 && has_all == partitions && most - least <= 1 {
            return Ok(round);
        }
        world.pass_ms(BEAT_MS);
    }
    Err(BenchError::Other("the groups did not settle".into()))
}

/// A consumer, as far as heartbeats go.
struct Consumer {
    group: Str,
    id: Str,
    epoch: i32,
    owned: Vec<TopicPartitions>,
    /// It has something to say: what it has is another than it has said.
    is_new: bool,
}

impl Consumer {
    fn new(group: String, id: String) -> Self {
        Self { group: group.into(), id: id.into(), epoch: 0, owned: Vec::new(), is_new: true }
    }

    fn request(&self) -> ConsumerGroupHeartbeatRequest {
        let joins = self.epoch == 0;
        ConsumerGroupHeartbeatRequest {
            rebalance_timeout_ms: if joins { 60_000 } else { -1 },
            subscribed_topic_names: joins.then(|| (0..TOPICS).map(|topic| format!("letters-{topic}").into()).collect()),
            topic_partitions: (joins || self.is_new).then(|| self.owned.clone()),
            ..self.keep_alive()
        }
    }

    fn keep_alive(&self) -> ConsumerGroupHeartbeatRequest {
        ConsumerGroupHeartbeatRequest {
            group_id: self.group.clone(),
            member_id: self.id.clone(),
            member_epoch: self.epoch,
            ..Default::default()
        }
    }

    /// Does what the answer says; whether that was anything.
    fn take(&mut self, answer: ConsumerGroupHeartbeatResponse) -> bool {
        let has_moved = self.epoch != answer.member_epoch || answer.assignment.is_some();
        self.epoch = answer.member_epoch;
        self.is_new = answer.assignment.is_some();
        if let Some(assignment) = answer.assignment {
            self.owned = assignment.topic_partitions;
        }
        has_moved
    }
}

fn join(group: &str, member: &str) -> JoinGroupRequest {
    let metadata: &[u8] = b"\0\0\0\0\0\x01\0\x07letters\xff\xff\xff\xff";
    let protocol = JoinGroupRequestProtocol { name: "range".into(), metadata: metadata.into(), ..Default::default() };
    JoinGroupRequest {
        group_id: group.into(),
        session_timeout_ms: 1_800_000,
        rebalance_timeout_ms: 1_800_000,
        member_id: member.into(),
        protocol_type: "consumer".into(),
        protocols: vec![protocol],
        ..Default::default()
    }
}

fn sync(group: &str, joined: &JoinGroupResponse, members: &[String]) -> SyncGroupRequest {
    let assignment = |member: &String| SyncGroupRequestAssignment {
        member_id: member.as_str().into(),
        assignment: b"\0\0\0\0\0\0\0\0\0\0".as_slice().into(),
        ..Default::default()
    };
    let leads = joined.leader == joined.member_id;
    SyncGroupRequest {
        group_id: group.into(),
        generation_id: joined.generation_id,
        member_id: joined.member_id.clone(),
        protocol_type: Some("consumer".into()),
        protocol_name: Some("range".into()),
        assignments: if leads { members.iter().map(assignment).collect() } else { Vec::new() },
        ..Default::default()
    }
}
