//! What Kafka's brokers ask of the share coordinator: to keep what a share group has dealt with, and to tell it again.

mod archives;
mod world;

use bytes::Bytes;
use ottla_core::boundary::StorageCommand;
use ottla_core::records::{OutputLimit, batches_of, records_of};
use ottla_core::wire::messages::delete_share_group_state as delete;
use ottla_core::wire::messages::delete_topics::{DeleteTopicState, DeleteTopicsRequest, DeleteTopicsResponse};
use ottla_core::wire::messages::fetch::{FetchPartition, FetchRequest, FetchResponse, FetchTopic};
use ottla_core::wire::messages::find_coordinator::{FindCoordinatorRequest, FindCoordinatorResponse};
use ottla_core::wire::messages::initialize_share_group_state as initialize;
use ottla_core::wire::messages::produce::{PartitionProduceData, ProduceRequest, ProduceResponse, TopicProduceData};
use ottla_core::wire::messages::read_share_group_state as read;
use ottla_core::wire::messages::read_share_group_state_summary as summary;
use ottla_core::wire::messages::write_share_group_state as write;
use ottla_core::wire::{CoordinatorRecord, CoordinatorTopic, ErrorCode, Records, Uuid};
use world::{CLIENT, Verdict, World, batch};

const GROUP: &str = "workers";
const NONE: i16 = 0;
/// One partition holds all states, and a snapshot takes the place of every three updates.
const SMALL: &[(&str, &str)] = &[
    ("share.coordinator.state.topic.num.partitions", "1"),
    ("share.coordinator.snapshot.update.records.per.snapshot", "3"),
];

/// A broker with a topic of two partitions, and the topic of share group state.
fn ready(properties: &[(&str, &str)]) -> (World, Uuid) {
    let mut world = World::new(&[SMALL, properties].concat());
    let topic = world.create_topic("tasks", 2);
    let found = find(&mut world, &format!("{GROUP}:{topic}:0"));
    assert_eq!(found, (NONE, 1));
    (world, topic)
}

/// Writes so many records to the first partition.
fn produce(world: &mut World, records: usize) {
    let batch = batch(&vec!["a"; records]);
    let data = PartitionProduceData { records: Some(batch.into()), ..Default::default() };
    let topic = TopicProduceData { name: "tasks".into(), partition_data: vec![data], ..Default::default() };
    let request = ProduceRequest { acks: 1, timeout_ms: 1_000, topic_data: vec![topic], ..Default::default() };
    let answer: ProduceResponse = world.call(11, &request);
    assert_eq!(answer.responses[0].partition_responses[0].error_code, NONE);
}

fn find(world: &mut World, key: &str) -> (i16, i32) {
    let request = FindCoordinatorRequest { key_type: 2, coordinator_keys: vec![key.into()], ..Default::default() };
    let answer: FindCoordinatorResponse = world.call(6, &request);
    (answer.coordinators[0].error_code, answer.coordinators[0].node_id)
}

fn begin(world: &mut World, topic: Uuid, partition: i32, state_epoch: i32, start_offset: i64) -> i16 {
    let data = initialize::PartitionData { partition, state_epoch, start_offset, ..Default::default() };
    let topics =
        vec![initialize::InitializeStateData { topic_id: topic, partitions: vec![data], ..Default::default() }];
    let request = initialize::InitializeShareGroupStateRequest { group_id: GROUP.into(), topics, ..Default::default() };
    let answer: initialize::InitializeShareGroupStateResponse = world.call(0, &request);
    answer.results[0].partitions[0].error_code
}

fn write_request(
    topic: Uuid,
    (state_epoch, leader_epoch): (i32, i32),
    start_offset: i64,
    batches: &[(i64, i64, i8, i16)],
) -> write::WriteShareGroupStateRequest {
    let batches = batches.iter().map(|&(first_offset, last_offset, delivery_state, delivery_count)| {
        write::StateBatch { first_offset, last_offset, delivery_state, delivery_count, ..Default::default() }
    });
    let data = write::PartitionData {
        partition: 0,
        state_epoch,
        leader_epoch,
        start_offset,
        delivery_complete_count: 4,
        state_batches: batches.collect(),
        ..Default::default()
    };
    let topics = vec![write::WriteStateData { topic_id: topic, partitions: vec![data], ..Default::default() }];
    write::WriteShareGroupStateRequest { group_id: GROUP.into(), topics, ..Default::default() }
}

fn keep(world: &mut World, topic: Uuid, epochs: (i32, i32), start: i64, batches: &[(i64, i64, i8, i16)]) -> i16 {
    let answer: write::WriteShareGroupStateResponse = world.call(1, &write_request(topic, epochs, start, batches));
    answer.results[0].partitions[0].error_code
}

/// The state epoch, the start offset and the batches.
type Known = (i32, i64, Vec<(i64, i64, i8, i16)>);

fn tell(world: &mut World, topic: Uuid, leader_epoch: i32) -> Result<Known, i16> {
    tell_of(world, topic, 0, leader_epoch)
}

fn tell_of(world: &mut World, topic: Uuid, partition: i32, leader_epoch: i32) -> Result<Known, i16> {
    let data = read::PartitionData { partition, leader_epoch, ..Default::default() };
    let topics = vec![read::ReadStateData { topic_id: topic, partitions: vec![data], ..Default::default() }];
    let request = read::ReadShareGroupStateRequest { group_id: GROUP.into(), topics, ..Default::default() };
    let answer: read::ReadShareGroupStateResponse = world.call(0, &request);
    let partition = &answer.results[0].partitions[0];
    let batches = partition.state_batches.iter();
    let batches =
        batches.map(|batch| (batch.first_offset, batch.last_offset, batch.delivery_state, batch.delivery_count));
    match partition.error_code {
        NONE => Ok((partition.state_epoch, partition.start_offset, batches.collect())),
        code => Err(code),
    }
}

/// The state epoch, the leader epoch, the start offset and how many records behind it are dealt with.
fn sum_up(world: &mut World, topic: Uuid) -> Result<(i32, i32, i64, i32), i16> {
    let data = summary::PartitionData { partition: 0, leader_epoch: -1, ..Default::default() };
    let topics = vec![summary::ReadStateSummaryData { topic_id: topic, partitions: vec![data], ..Default::default() }];
    let request = summary::ReadShareGroupStateSummaryRequest { group_id: GROUP.into(), topics, ..Default::default() };
    let answer: summary::ReadShareGroupStateSummaryResponse = world.call(1, &request);
    let found = &answer.results[0].partitions[0];
    match found.error_code {
        NONE => Ok((found.state_epoch, found.leader_epoch, found.start_offset, found.delivery_complete_count)),
        code => Err(code),
    }
}

fn forget(world: &mut World, topic: Uuid, partition: i32) -> i16 {
    let data = delete::PartitionData { partition, ..Default::default() };
    let topics = vec![delete::DeleteStateData { topic_id: topic, partitions: vec![data], ..Default::default() }];
    let request = delete::DeleteShareGroupStateRequest { group_id: GROUP.into(), topics, ..Default::default() };
    let answer: delete::DeleteShareGroupStateResponse = world.call(0, &request);
    answer.results[0].partitions[0].error_code
}

/// Where the only partition of share group state begins, and the records in it, in short.
fn log(world: &mut World) -> (i64, Vec<String>) {
    let partition =
        FetchPartition { partition: 0, fetch_offset: 0, partition_max_bytes: 1 << 20, ..Default::default() };
    let fetch = |world: &mut World, partition: FetchPartition| {
        let topic =
            FetchTopic { topic: "__share_group_state".into(), partitions: vec![partition], ..Default::default() };
        let request = FetchRequest { max_bytes: 1 << 20, session_epoch: -1, topics: vec![topic], ..Default::default() };
        let answer: FetchResponse = world.call(11, &request);
        answer.responses[0].partitions[0].clone()
    };
    let out_of_range = ErrorCode::OffsetOutOfRange as i16;
    let mut from = (0..).map(|fetch_offset| fetch(world, FetchPartition { fetch_offset, ..partition.clone() }));
    let found = from.find(|found| found.error_code != out_of_range).unwrap();
    let start = found.log_start_offset;
    let Some(Records::Bytes(bytes)) = &found.records else { return (start, Vec::new()) };
    let mut records = Vec::new();
    for batch in batches_of(&bytes.to_bytes()) {
        for record in records_of(&Bytes::copy_from_slice(batch.unwrap().bytes()), OutputLimit::default()).unwrap() {
            let record = record.unwrap();
            let decoded =
                CoordinatorRecord::decode(CoordinatorTopic::ShareGroupState, record.key.unwrap(), record.value);
            records.push(match decoded.unwrap() {
                CoordinatorRecord::ShareSnapshot(key, Some(value)) => {
                    format!("snapshot {} of {} from {}", value.snapshot_epoch, key.partition, value.start_offset)
                }
                CoordinatorRecord::ShareSnapshot(key, None) => format!("{} is forgotten", key.partition),
                CoordinatorRecord::ShareUpdate(key, Some(value)) => {
                    format!("update {} of {} from {}", value.snapshot_epoch, key.partition, value.start_offset)
                }
                other => format!("{other:?}"),
            });
        }
    }
    (start, records)
}

#[test]
fn the_first_who_asks_for_a_coordinator_makes_the_topic_of_share_group_state_and_finds_one() {
    let mut world = World::new(&[]);
    let topic = world.create_topic("tasks", 2);
    assert_eq!(begin(&mut world, topic, 0, 1, 0), ErrorCode::NotCoordinator as i16);
    assert_eq!(find(&mut world, &format!("{GROUP}:{topic}:0")), (NONE, 1));
    assert_eq!(begin(&mut world, topic, 0, 1, 0), NONE);
}

#[test]
fn the_key_of_a_share_partition_has_a_group_a_topic_id_and_a_partition() {
    let (mut world, topic) = ready(&[]);
    for key in [format!("a:b:{topic}:1"), format!("g:{topic}:0::"), format!("g:{topic}:-1"), format!("g:{topic}:+1")] {
        assert_eq!(find(&mut world, &key), (NONE, 1), "{key}");
    }
    let bad = ["", "::", "g", "g:0", "g:words:0"].map(String::from);
    for key in bad.into_iter().chain([format!(" :{topic}:0"), format!("g:{topic}:x"), format!("g:{topic}:4294967296")])
    {
        assert_eq!(find(&mut world, &key), (ErrorCode::InvalidRequest as i16, -1), "{key}");
    }
    let request = FindCoordinatorRequest {
        key_type: 2,
        coordinator_keys: vec![format!("g:{topic}:0").into()],
        ..Default::default()
    };
    let answer: FindCoordinatorResponse = world.call(5, &request);
    assert_eq!(answer.coordinators[0].error_code, ErrorCode::InvalidRequest as i16, "they have one since version 6");
}

#[test]
fn what_is_kept_is_told_and_merged_with_what_was_known() {
    let (mut world, topic) = ready(&[]);
    assert_eq!(tell(&mut world, topic, -1), Err(ErrorCode::InvalidRequest as i16), "it has not begun");
    assert_eq!(sum_up(&mut world, topic), Ok((0, 0, -1, -1)), "and is nowhere");
    assert_eq!(begin(&mut world, topic, 0, 1, -1), NONE);
    assert_eq!(tell(&mut world, topic, -1), Ok((1, -1, vec![])));
    assert_eq!(keep(&mut world, topic, (1, 0), 0, &[(0, 9, 0, 1), (5, 12, 2, 1)]), NONE);
    assert_eq!(tell(&mut world, topic, -1), Ok((1, 0, vec![(0, 4, 0, 1), (5, 12, 2, 1)])));
    assert_eq!(keep(&mut world, topic, (1, 0), 3, &[(13, 13, 2, 1), (3, 4, 4, 2)]), NONE);
    assert_eq!(tell(&mut world, topic, -1), Ok((1, 3, vec![(3, 4, 4, 2), (5, 13, 2, 1)])));
    assert_eq!(sum_up(&mut world, topic), Ok((1, 0, 3, 4)));
    assert_eq!(forget(&mut world, topic, 0), NONE);
    assert_eq!(forget(&mut world, topic, 0), NONE, "what is forgotten may be forgotten");
    assert_eq!(tell(&mut world, topic, -1), Err(ErrorCode::InvalidRequest as i16));
}

#[test]
fn a_call_from_before_is_fenced_by_its_epoch() {
    let (mut world, topic) = ready(&[]);
    assert_eq!(begin(&mut world, topic, 0, 3, 0), NONE);
    assert_eq!(begin(&mut world, topic, 0, 2, 0), ErrorCode::FencedStateEpoch as i16);
    assert_eq!(tell(&mut world, topic, 5), Ok((3, 0, vec![])), "the leader of epoch 5 begins");
    assert_eq!(tell(&mut world, topic, 4), Err(ErrorCode::FencedLeaderEpoch as i16));
    assert_eq!(keep(&mut world, topic, (3, 4), 0, &[]), ErrorCode::FencedLeaderEpoch as i16);
    assert_eq!(keep(&mut world, topic, (2, 5), 0, &[]), ErrorCode::FencedStateEpoch as i16);
    assert_eq!(keep(&mut world, topic, (3, 5), 0, &[]), NONE);
    assert_eq!(keep(&mut world, topic, (-1, -1), 0, &[]), NONE, "who does not know is not asked");
    let mut world = World::on(world.crash(), SMALL);
    assert_eq!(tell(&mut world, topic, 4), Err(ErrorCode::FencedLeaderEpoch as i16), "a crash fences nobody less");
    assert_eq!(begin(&mut world, topic, 0, 2, 0), ErrorCode::FencedStateEpoch as i16);
}

#[test]
fn what_does_not_exist_has_no_state() {
    let (mut world, topic) = ready(&[]);
    let unknown = ErrorCode::UnknownTopicOrPartition as i16;
    assert_eq!(begin(&mut world, topic, -1, 1, 0), ErrorCode::InvalidRequest as i16);
    assert_eq!(begin(&mut world, topic, 2, 1, 0), unknown);
    assert_eq!(begin(&mut world, Uuid(99), 0, 1, 0), unknown);
    assert_eq!((sum_up(&mut world, Uuid(99)), forget(&mut world, topic, 2)), (Err(unknown), unknown));
    let request = initialize::InitializeShareGroupStateRequest { group_id: "".into(), ..Default::default() };
    let answer: initialize::InitializeShareGroupStateResponse = world.call(0, &request);
    assert!(answer.results.is_empty());
}

#[test]
fn a_snapshot_takes_the_place_of_many_updates() {
    let (mut world, topic) = ready(&[]);
    begin(&mut world, topic, 0, 1, 0);
    for start in 1..6 {
        keep(&mut world, topic, (1, 0), start, &[]);
    }
    let kept = ["update 0 of 0 from 1", "update 0 of 0 from 2", "update 0 of 0 from 3"];
    let (start, records) = log(&mut world);
    assert_eq!((start, &*records[0], &records[1..4]), (0, "snapshot 0 of 0 from 0", &kept.map(String::from)[..]));
    assert_eq!(records[4..], ["snapshot 1 of 0 from 4", "update 1 of 0 from 5"]);
}

#[test]
fn what_was_kept_is_there_after_a_stop_and_after_a_crash() {
    let (mut world, topic) = ready(&[]);
    produce(&mut world, 20);
    begin(&mut world, topic, 0, 1, 0);
    for first in 0..10 {
        assert_eq!(keep(&mut world, topic, (1, 0), 0, &[(first * 2, first * 2, 2, 1)]), NONE);
    }
    let known = tell(&mut world, topic, -1);
    assert_eq!(known.as_ref().unwrap().2.len(), 10);
    let mut world = World::on(world.crash(), SMALL);
    assert_eq!(tell(&mut world, topic, -1), known);
    let mut world = World::on(world.shut_down(), SMALL);
    assert_eq!(tell(&mut world, topic, -1), known);
}

#[test]
fn nobody_hears_of_a_write_that_could_still_be_lost() {
    let (mut world, topic) = ready(&[("log.flush.interval.messages", "1")]);
    begin(&mut world, topic, 0, 1, 0);
    world.judge = Box::new(|command| match command {
        StorageCommand::Sync { .. } => Verdict::Hold,
        _ => Verdict::Do,
    });
    world.send(1, &write_request(topic, (1, 0), 7, &[]));
    let data = summary::PartitionData { partition: 0, leader_epoch: -1, ..Default::default() };
    let topics = vec![summary::ReadStateSummaryData { topic_id: topic, partitions: vec![data], ..Default::default() }];
    world.send(0, &summary::ReadShareGroupStateSummaryRequest { group_id: GROUP.into(), topics, ..Default::default() });
    assert!(world.answers[&CLIENT].is_empty());
    world.release();
    let written: write::WriteShareGroupStateResponse = world.answer(1).expect("it is synced");
    assert_eq!(written.results[0].partitions[0].error_code, NONE);
    let read: summary::ReadShareGroupStateSummaryResponse = world.answer(0).expect("what it tells is synced");
    assert_eq!(read.results[0].partitions[0].start_offset, 7);
}

#[test]
fn a_write_that_takes_too_long_and_one_that_fails_are_told_apart() {
    let (mut world, topic) =
        ready(&[("log.flush.interval.messages", "1"), ("share.coordinator.write.timeout.ms", "700")]);
    begin(&mut world, topic, 0, 1, 0);
    world.judge = Box::new(|command| match command {
        StorageCommand::Sync { .. } => Verdict::Hold,
        _ => Verdict::Do,
    });
    world.send(1, &write_request(topic, (1, 0), 7, &[]));
    world.pass_ms(700);
    let late: write::WriteShareGroupStateResponse = world.answer(1).expect("the time answers it");
    assert_eq!(late.results[0].partitions[0].error_code, ErrorCode::CoordinatorNotAvailable as i16);
    world.release();
    world.judge = Box::new(|command| match command {
        StorageCommand::Append { .. } => Verdict::Fail,
        _ => Verdict::Do,
    });
    assert_eq!(keep(&mut world, topic, (1, 0), 8, &[]), ErrorCode::NotCoordinator as i16);
    assert_eq!(tell(&mut world, topic, -1), Err(ErrorCode::NotCoordinator as i16));
}

#[test]
fn a_coordinator_that_is_loading_says_so() {
    let (mut world, topic) = ready(&[]);
    begin(&mut world, topic, 0, 1, 0);
    let mut world = World::starting(world.shut_down(), SMALL);
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
    assert_eq!(tell(&mut world, topic, -1), Err(ErrorCode::CoordinatorLoadInProgress as i16));
    world.release();
    assert_eq!(tell(&mut world, topic, -1), Ok((1, 0, vec![])));
}

#[test]
fn what_no_share_partition_needs_any_more_is_let_go_of() {
    let properties = [
        ("share.coordinator.cold.partition.snapshot.interval.ms", "60000"),
        ("share.coordinator.state.topic.prune.interval.ms", "5000"),
        ("log.initial.task.delay.ms", "100"),
    ];
    let (mut world, topic) = ready(&properties);
    produce(&mut world, 4);
    begin(&mut world, topic, 1, 1, 0);
    begin(&mut world, topic, 0, 1, 0);
    for start in 1..5 {
        keep(&mut world, topic, (1, 0), start, &[]);
    }
    world.pass_ms(10_000);
    assert_eq!(log(&mut world).0, 0, "the other partition's only snapshot is the first record");
    world.pass_ms(60_000);
    let (start, records) = log(&mut world);
    assert_eq!(start, 6, "both have a new snapshot behind all that was there: {records:?}");
    assert_eq!(records, ["snapshot 2 of 0 from 4", "snapshot 1 of 1 from 0"]);
    world.pass_ms(300_000);
    assert_eq!(log(&mut world).1.len(), 2, "nobody has written since: one is enough");
    let known = tell(&mut world, topic, -1);
    let mut world = World::on(world.crash(), SMALL);
    assert_eq!(tell(&mut world, topic, -1), known);
}

#[test]
fn a_topic_that_is_deleted_is_forgotten() {
    let (mut world, topic) = ready(&[]);
    begin(&mut world, topic, 0, 1, 0);
    begin(&mut world, topic, 1, 1, 0);
    let topics = vec![DeleteTopicState { name: Some("tasks".into()), ..Default::default() }];
    let request = DeleteTopicsRequest { topics, timeout_ms: 1000, ..Default::default() };
    let answer: DeleteTopicsResponse = world.call(6, &request);
    assert_eq!(answer.responses[0].error_code, NONE);
    assert_eq!(log(&mut world).1[2..], ["0 is forgotten", "1 is forgotten"]);
}

#[test]
fn there_is_a_limit_to_the_states_that_are_kept() {
    let (mut world, topic) = ready(&[("ottla.max.share.states", "1")]);
    assert_eq!(begin(&mut world, topic, 0, 1, 0), NONE);
    assert_eq!(begin(&mut world, topic, 1, 1, 0), ErrorCode::PolicyViolation as i16);
    assert_eq!(begin(&mut world, topic, 0, 2, 0), NONE, "what is there may begin anew");
    assert_eq!(forget(&mut world, topic, 0), NONE);
    assert_eq!(begin(&mut world, topic, 1, 1, 0), NONE);
}

/// Kafka's answers before it stopped: see `data/apache-kafka-4.3.1/README.md`.
#[test]
fn what_apache_kafka_kept_is_told_as_apache_kafka_told_it() {
    let mut world = World::on(archives::unpack(archives::SHARE_STATE), SMALL);
    let topic = Uuid::parse("1qqwbowsRdCmI4Xa53bTcg").unwrap();
    let batches = [(14, 14, 4, 2), (15, 15, 2, 1), (16, 16, 4, 2), (17, 17, 0, 1), (18, 18, 4, 2), (19, 19, 0, 1)];
    let batches = [&batches[..], &[(20, 20, 4, 2), (21, 23, 0, 1)]].concat();
    assert_eq!(tell(&mut world, topic, -1), Ok((1, 14, batches)));
    assert_eq!(sum_up(&mut world, topic), Ok((1, 3, 14, 7)));
    assert_eq!(tell_of(&mut world, topic, 1, -1), Ok((2, 12, vec![(12, 13, 2, 1)])));
    assert_eq!(tell_of(&mut world, topic, 2, -1), Err(ErrorCode::InvalidRequest as i16));
    assert_eq!(tell(&mut world, topic, 2), Err(ErrorCode::FencedLeaderEpoch as i16));
    assert_eq!(begin(&mut world, topic, 1, 1, 0), ErrorCode::FencedStateEpoch as i16);
    assert_eq!(begin(&mut world, topic, 1, 3, 0), NONE);
}
