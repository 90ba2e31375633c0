//! What members of share groups do with records: they get them for a time, and say what became of them (KIP-932).

mod world;

use ottla_core::boundary::{ConnId, Input, Path};
use ottla_core::memory_disk::MemoryDisk;
use ottla_core::records::{Attributes, BatchBuilder, BuilderRecord};
use ottla_core::types::{ProducerEpoch, ProducerId};
use ottla_core::wire::messages::delete_records::{
    DeleteRecordsPartition, DeleteRecordsRequest, DeleteRecordsResponse, DeleteRecordsTopic,
};
use ottla_core::wire::messages::initialize_share_group_state as initialize;
use ottla_core::wire::messages::produce::{PartitionProduceData, ProduceRequest, ProduceResponse, TopicProduceData};
use ottla_core::wire::messages::share_acknowledge::{
    self as acknowledge, ShareAcknowledgeRequest, ShareAcknowledgeResponse,
};
use ottla_core::wire::messages::share_fetch::{
    AcknowledgementBatch, FetchPartition, FetchTopic, ForgottenTopic, PartitionData, ShareFetchRequest,
    ShareFetchResponse,
};
use ottla_core::wire::messages::write_txn_markers::{
    WritableTxnMarker, WritableTxnMarkerTopic, WriteTxnMarkersRequest, WriteTxnMarkersResponse,
};
use ottla_core::wire::{ErrorCode, Records, Uuid};
use world::groups::Group;
use world::{CLIENT, World, batch};

const NONE: i16 = ErrorCode::None as i16;
const GROUP: &str = "workers";
const TOPIC: &str = "work";
const WORKERS: Group = Group { name: GROUP, topic: TOPIC };
const LOCK_MS: i64 = 30_000;
const OTHER: ConnId = ConnId(2);

const GAP: i8 = 0;
const ACCEPT: i8 = 1;
const RELEASE: i8 = 2;
const REJECT: i8 = 3;
const RENEW: i8 = 4;

#[test]
fn each_record_is_with_one_member_at_a_time_and_is_done_with_once_it_is_acknowledged() {
    let (mut world, topic) = ready(&[]);
    for _ in 0..3 {
        produce(&mut world, batch(&["a", "b", "c"]));
    }
    let (mut one, mut two) = (Member::new("one", topic), Member::new("two", topic));
    let first = one.fetch(&mut world, 3);
    assert_eq!((acquired(&first), values(&first)), (vec![(0, 2, 1)], 1), "a batch of the log, as it is");
    let second = two.fetch(&mut world, 100);
    assert_eq!((acquired(&second), values(&second)), (vec![(3, 8, 1)], 2));
    assert_eq!(one.acknowledge(&mut world, &[(0, 2, &[ACCEPT])]), NONE);
    assert_eq!(two.acknowledge(&mut world, &[(3, 8, &[ACCEPT, GAP, REJECT, RELEASE, RELEASE, ACCEPT])]), NONE);
    let third = one.fetch(&mut world, 100);
    assert_eq!((acquired(&third), values(&third)), (vec![(6, 7, 2)], 1), "only what was released, for the second time");
}

#[test]
fn a_fetch_answers_with_all_that_its_session_wants_and_later_with_what_is_new() {
    let (mut world, topic) = ready(&[]);
    let mut one = Member::new("one", topic);
    let answer = one.call(&mut world, ShareFetchRequest { max_wait_ms: 0, ..one.request(10) });
    assert_eq!((answer.error_code, answer.acquisition_lock_timeout_ms), (NONE, LOCK_MS as i32));
    assert_eq!(answer.responses[0].partitions.len(), 1, "it is empty, and said to be");
    let answer = one.call(&mut world, ShareFetchRequest { max_wait_ms: 0, ..one.request(10) });
    assert!(answer.responses.is_empty(), "{answer:?}");
    produce(&mut world, batch(&["a"]));
    assert_eq!(acquired(&one.fetch(&mut world, 10)), [(0, 0, 1)]);
}

#[test]
fn a_record_comes_back_when_its_time_is_over_until_it_was_delivered_too_often() {
    let (mut world, topic) = ready(&[]);
    produce(&mut world, batch(&["poison"]));
    produce(&mut world, batch(&["good"]));
    let (mut one, mut two) = (Member::new("one", topic), Member::new("two", topic));
    for deliveries in 1..=5 {
        let member = if deliveries % 2 == 0 { &mut two } else { &mut one };
        assert_eq!(acquired(&member.fetch(&mut world, 1)), [(0, 0, deliveries)]);
        world.pass_ms(LOCK_MS - 1);
        assert_eq!(member.acknowledge(&mut world, &[(0, 0, &[RENEW])]), NONE, "there is more time");
        world.pass_ms(LOCK_MS - 1);
        assert_eq!(member.acknowledge(&mut world, &[(1, 1, &[ACCEPT])]), ErrorCode::InvalidRequest as i16);
        world.pass_ms(1);
        let late = member.acknowledge(&mut world, &[(0, 0, &[ACCEPT])]);
        let expected = if deliveries == 5 { NONE } else { ErrorCode::InvalidRecordState as i16 };
        assert_eq!(late, expected, "what is behind the group's start is of no interest");
    }
    assert_eq!(acquired(&one.fetch(&mut world, 10)), [(1, 1, 1)], "it was delivered five times");
}

#[test]
fn records_that_were_often_delivered_are_delivered_few_at_a_time_and_in_the_end_alone() {
    let (mut world, topic) = ready(&[]);
    produce(&mut world, batch(&["a"; 8]));
    produce(&mut world, batch(&["b"; 8]));
    let mut one = Member::new("one", topic);
    let mut seen = Vec::new();
    for _ in 0..4 {
        seen.push(acquired(&one.fetch(&mut world, 100)));
        world.pass_ms(LOCK_MS);
    }
    assert_eq!(seen, [vec![(0, 15, 1)], vec![(0, 15, 2)], vec![(0, 15, 3)], vec![(0, 7, 4)]]);
    assert_eq!(acquired(&one.fetch(&mut world, 100)), [(0, 0, 5)], "its last time");
}

#[test]
fn a_strict_fetch_gets_no_more_records_than_it_asks_for() {
    let (mut world, topic) = ready(&[]);
    produce(&mut world, batch(&["a"; 10]));
    let (mut one, mut two) = (Member::new("one", topic), Member::new("two", topic));
    let strict =
        |member: &Member, max_records| ShareFetchRequest { share_acquire_mode: 1, ..member.request(max_records) };
    let request = strict(&one, 3);
    let answer = one.call(&mut world, request);
    assert_eq!(acquired(&answer.responses[0].partitions[0]), [(0, 2, 1)]);
    let request = strict(&two, 4);
    let answer = two.call(&mut world, request);
    assert_eq!(acquired(&answer.responses[0].partitions[0]), [(3, 6, 1)]);
    assert_eq!(acquired(&one.fetch(&mut world, 100)), [(7, 9, 1)]);
}

#[test]
fn new_records_come_in_pieces_of_about_the_size_that_is_asked_for() {
    let (mut world, topic) = ready(&[]);
    for _ in 0..5 {
        produce(&mut world, batch(&["a"; 4]));
    }
    let mut one = Member::new("one", topic);
    let request = ShareFetchRequest { batch_size: 6, ..one.request(100) };
    let answer = one.call(&mut world, request);
    assert_eq!(acquired(&answer.responses[0].partitions[0]), [(0, 7, 1), (8, 15, 1), (16, 19, 1)]);
}

#[test]
fn a_group_has_only_so_many_records_of_a_partition() {
    let (mut world, topic) = ready(&[]);
    assert_eq!(WORKERS.alter(&mut world, "share.partition.max.record.locks", "100"), NONE);
    for _ in 0..30 {
        produce(&mut world, batch(&["a"; 8]));
    }
    let (mut one, mut two) = (Member::new("one", topic), Member::new("two", topic));
    let first = acquired(&one.fetch(&mut world, 1_000));
    assert_eq!(first, [(0, 103, 1)], "as many as may be, and the rest of the last batch");
    let request = ShareFetchRequest { max_wait_ms: 500, ..two.request(10) };
    two.send(&mut world, CLIENT, request);
    assert!(world.answer::<ShareFetchResponse>(2).is_none(), "there is no room");
    assert_eq!(one.acknowledge_from(&mut world, OTHER, &[(0, 99, &[ACCEPT])]).0, NONE);
    let answer: ShareFetchResponse = world.answer(2).expect("there is room now");
    assert_eq!(acquired(&answer.responses[0].partitions[0]), [(104, 119, 1)]);
}

#[test]
fn what_was_acknowledged_is_so_after_a_crash_and_what_was_not_is_delivered_again() {
    let (mut world, topic) = ready(&[]);
    produce(&mut world, batch(&["a"; 10]));
    let mut one = Member::new("one", topic);
    assert_eq!(acquired(&one.fetch(&mut world, 100)), [(0, 9, 1)]);
    assert_eq!(one.acknowledge(&mut world, &[(0, 1, &[ACCEPT]), (4, 5, &[ACCEPT]), (7, 7, &[RELEASE])]), NONE);
    let mut world = World::on(world.crash(), &[]);
    world.open(OTHER);
    let mut one = Member::new("one", topic);
    let strict = ShareFetchRequest { share_acquire_mode: 1, ..one.request(3) };
    let answer = one.call(&mut world, strict);
    assert_eq!(acquired(&answer.responses[0].partitions[0]), [(2, 3, 1), (6, 6, 1)], "nobody knows of the first time");
    assert_eq!(acquired(&one.fetch(&mut world, 100)), [(7, 7, 2), (8, 9, 1)]);
}

/// Kafka passes over the records that take the places of those that are gone: nobody would ever get them.
#[test]
fn a_group_that_knows_more_than_the_log_has_gets_what_is_written_anew() {
    let (mut world, topic) = ready(&[]);
    let first = batch(&["a"; 4]);
    produce(&mut world, first.clone());
    produce(&mut world, batch(&["b"; 4]));
    produce(&mut world, batch(&["c"; 4]));
    let mut one = Member::new("one", topic);
    assert_eq!(acquired(&one.fetch(&mut world, 100)), [(0, 11, 1)]);
    assert_eq!(one.acknowledge(&mut world, &[(0, 1, &[ACCEPT]), (3, 9, &[ACCEPT])]), NONE);
    let mut world = World::on(without_end(world.crash(), first.len()), &[]);
    let mut one = Member::new("one", topic);
    assert_eq!(produce(&mut world, batch(&["d"; 4])), 4);
    assert_eq!(acquired(&one.fetch(&mut world, 100)), [(2, 2, 1), (4, 7, 1)], "what the log kept is as it was");
    assert_eq!(one.acknowledge(&mut world, &[(2, 2, &[ACCEPT]), (4, 7, &[ACCEPT])]), NONE);
    let world = World::on(without_end(world.crash(), first.len()), &[]);
    let mut world = World::on(world.crash(), &[]);
    let mut one = Member::new("one", topic);
    produce(&mut world, batch(&["e"; 4]));
    assert_eq!(acquired(&one.fetch(&mut world, 100)), [(4, 7, 1)], "and later lives know that, too");
}

/// What a power loss leaves of the partition's log: so many bytes.
fn without_end(mut disk: MemoryDisk, left: usize) -> MemoryDisk {
    let path = Path::new(0, &*format!("{TOPIC}-0/00000000000000000000.log"));
    let bytes = disk.file(&path).expect("the log")[..left].to_vec();
    disk.put(&path, bytes);
    disk
}

#[test]
fn an_acknowledgement_is_answered_when_it_is_kept() {
    let (mut world, topic) = ready(&[("log.flush.interval.messages", "1")]);
    produce(&mut world, batch(&["a"]));
    let mut one = Member::new("one", topic);
    one.fetch(&mut world, 1);
    world.judge = Box::new(|command| match command {
        ottla_core::boundary::StorageCommand::Sync { .. } => world::Verdict::Hold,
        _ => world::Verdict::Do,
    });
    let request = one.acknowledgement(&[(0, 0, &[ACCEPT])]);
    world.send(2, &request);
    assert!(world.answer::<ShareAcknowledgeResponse>(2).is_none(), "it is not synced");
    world.release();
    let answer: ShareAcknowledgeResponse = world.answer(2).expect("it is synced");
    assert_eq!(answer.responses[0].partitions[0].error_code, NONE);
}

#[test]
fn a_waiting_fetch_is_woken_by_what_is_appended_released_or_comes_back() {
    let (mut world, topic) = ready(&[]);
    let (mut one, mut two) = (Member::new("one", topic), Member::new("two", topic));
    let patient = |member: &Member| ShareFetchRequest { max_wait_ms: 100_000, ..member.request(10) };
    let answer_to = |world: &mut World, conn| {
        let (_, answer): (_, ShareFetchResponse) = world.answer_to(conn, 2)?;
        Some(acquired(&answer.responses[0].partitions[0]))
    };
    let request = patient(&one);
    one.send(&mut world, CLIENT, request);
    assert_eq!(answer_to(&mut world, CLIENT), None);
    produce_from(&mut world, OTHER, batch(&["a"]));
    assert_eq!(answer_to(&mut world, CLIENT), Some(vec![(0, 0, 1)]));
    let request = patient(&two);
    two.send(&mut world, OTHER, request);
    assert_eq!(answer_to(&mut world, OTHER), None);
    assert_eq!(one.acknowledge(&mut world, &[(0, 0, &[RELEASE])]), NONE);
    assert_eq!(answer_to(&mut world, OTHER), Some(vec![(0, 0, 2)]));
    let request = patient(&one);
    one.send(&mut world, CLIENT, request);
    world.pass_ms(LOCK_MS - 1);
    assert_eq!(answer_to(&mut world, CLIENT), None);
    world.pass_ms(1);
    assert_eq!(answer_to(&mut world, CLIENT), Some(vec![(0, 0, 3)]));
}

#[test]
fn fetches_that_wait_have_their_turns_in_the_order_in_which_they_came() {
    let (mut world, topic) = ready(&[]);
    let mut members: Vec<_> = ["one", "two", "three"].map(|name| Member::new(name, topic)).into();
    for (conn, member) in (10..).map(ConnId).zip(&mut members) {
        world.open(conn);
        let request = ShareFetchRequest { max_wait_ms: 100_000, ..member.request(1) };
        member.send(&mut world, conn, request);
    }
    for turn in 0..3 {
        produce(&mut world, batch(&["a"]));
        for (place, conn) in (10..13).map(ConnId).enumerate() {
            let answer = world.answer_to::<ShareFetchResponse>(conn, 2);
            assert_eq!(answer.is_some(), place == turn, "record {turn} is for member {turn}");
        }
    }
}

#[test]
fn who_loses_the_connection_loses_the_records() {
    let (mut world, topic) = ready(&[]);
    produce(&mut world, batch(&["a", "b"]));
    let (mut one, mut two) = (Member::new("one", topic), Member::new("two", topic));
    let request = one.request(10);
    one.send(&mut world, OTHER, request);
    assert!(world.answer_to::<ShareFetchResponse>(OTHER, 2).is_some());
    let request = ShareFetchRequest { max_wait_ms: 100_000, ..two.request(10) };
    two.send(&mut world, CLIENT, request);
    assert!(world.answer::<ShareFetchResponse>(2).is_none());
    world.handle(Input::Closed { conn: OTHER });
    let answer: ShareFetchResponse = world.answer(2).expect("they are free");
    assert_eq!(acquired(&answer.responses[0].partitions[0]), [(0, 1, 2)]);
    // And who ends the session gives them back.
    let last = ShareFetchRequest { share_session_epoch: -1, topics: vec![], ..two.request(0) };
    let answer: ShareFetchResponse = world.call(2, &last);
    assert_eq!((answer.error_code, answer.responses.len()), (NONE, 0));
    let mut one = Member::new("one", topic);
    assert_eq!(acquired(&one.fetch(&mut world, 10)), [(0, 1, 3)]);
}

#[test]
fn acknowledgements_ride_along_with_a_fetch() {
    let (mut world, topic) = ready(&[]);
    produce(&mut world, batch(&["a", "b"]));
    produce(&mut world, batch(&["c"]));
    let mut one = Member::new("one", topic);
    assert_eq!(acquired(&one.fetch(&mut world, 2)), [(0, 1, 1)]);
    let request = one.with(10, &[(0, 1, &[ACCEPT])]);
    let answer = one.call(&mut world, request);
    let data = &answer.responses[0].partitions[0];
    assert_eq!((data.error_code, data.acknowledge_error_code, acquired(data)), (NONE, NONE, vec![(2, 2, 1)]));
    let request = ShareFetchRequest { max_wait_ms: 0, ..one.with(10, &[(0, 2, &[ACCEPT]), (9, 9, &[ACCEPT])]) };
    let answer = one.call(&mut world, request);
    let data = &answer.responses[0].partitions[0];
    assert_eq!((data.error_code, data.acknowledge_error_code), (NONE, ErrorCode::InvalidRequest as i16));
    let words = "Batch record not found. The first offset in request is past acquired records.";
    assert_eq!(data.acknowledge_error_message.as_deref(), Some(words));
    assert_eq!(one.acknowledge(&mut world, &[(2, 2, &[ACCEPT])]), NONE, "all of it was refused, or nothing");
    let renew = ShareFetchRequest { is_renew_ack: true, min_bytes: 1, ..one.with(0, &[(2, 2, &[RENEW])]) };
    assert_eq!(one.call(&mut world, renew).error_code, ErrorCode::InvalidRequest as i16);
}

#[test]
fn sessions_are_gone_on_with_epoch_by_epoch() {
    let (mut world, topic) = ready(&[("group.share.max.share.sessions", "1")]);
    let one = Member::new("one", topic);
    let error = |world: &mut World, request: ShareFetchRequest| {
        world.call::<_, ShareFetchResponse>(2, &ShareFetchRequest { max_wait_ms: 0, ..request }).error_code
    };
    let plain = one.request(1);
    let at = |epoch| ShareFetchRequest { share_session_epoch: epoch, ..plain.clone() };
    assert_eq!(error(&mut world, at(1)), ErrorCode::ShareSessionNotFound as i16);
    assert_eq!(error(&mut world, at(-1)), ErrorCode::ShareSessionNotFound as i16);
    assert_eq!(error(&mut world, at(0)), NONE);
    assert_eq!(error(&mut world, at(2)), ErrorCode::InvalidShareSessionEpoch as i16);
    assert_eq!(error(&mut world, at(1)), NONE);
    let request = ShareFetchRequest { member_id: Some("two".into()), ..at(0) };
    assert_eq!(error(&mut world, request), ErrorCode::ShareSessionLimitReached as i16);
    let with_records = ShareFetchRequest { share_session_epoch: 0, ..one.with(1, &[(0, 0, &[ACCEPT])]) };
    assert_eq!(error(&mut world, with_records), ErrorCode::InvalidRequest as i16);
    assert_eq!(error(&mut world, ShareFetchRequest { member_id: None, ..at(2) }), ErrorCode::InvalidRequest as i16);
    assert_eq!(error(&mut world, ShareFetchRequest { group_id: None, ..at(2) }), ErrorCode::InvalidRequest as i16);
    let mut acknowledgement = one.acknowledgement(&[(0, 0, &[ACCEPT])]);
    for (epoch, expected) in [(0, ErrorCode::InvalidShareSessionEpoch), (7, ErrorCode::InvalidShareSessionEpoch)] {
        acknowledgement.share_session_epoch = epoch;
        let answer: ShareAcknowledgeResponse = world.call(2, &acknowledgement);
        assert_eq!(answer.error_code, expected as i16);
    }
}

#[test]
fn partitions_that_are_not_there_are_told_so() {
    let (mut world, topic) = ready(&[]);
    let one = Member::new("one", topic);
    let nowhere = FetchTopic { topic_id: Uuid(77), partitions: vec![FetchPartition::default()], ..Default::default() };
    let beyond = FetchPartition { partition_index: 9, ..Default::default() };
    let beyond = FetchTopic { topic_id: topic, partitions: vec![beyond], ..Default::default() };
    let request = ShareFetchRequest { topics: vec![nowhere, beyond], ..one.request(1) };
    let answer: ShareFetchResponse = world.call(2, &request);
    let errors: Vec<_> = answer.responses.iter().map(|topic| topic.partitions[0].error_code).collect();
    assert_eq!(errors, [ErrorCode::UnknownTopicId as i16, ErrorCode::UnknownTopicOrPartition as i16]);
    let forgotten = ForgottenTopic { topic_id: topic, partitions: vec![9], ..Default::default() };
    let request = ShareFetchRequest {
        share_session_epoch: 1,
        topics: vec![],
        forgotten_topics_data: vec![forgotten],
        ..one.request(1)
    };
    let answer: ShareFetchResponse = world.call(2, &request);
    assert_eq!(answer.responses.len(), 1, "the other one is forgotten");
}

#[test]
fn a_group_that_nobody_initialised_gets_nothing() {
    let mut world = World::new(&[]);
    let topic = world.create_topic(TOPIC, 1);
    produce(&mut world, batch(&["a"]));
    let mut one = Member::new("one", topic);
    let request = one.request(1);
    one.send(&mut world, CLIENT, request);
    world.pass_ms(500);
    let answer: ShareFetchResponse = world.answer(2).expect("its time is over");
    assert_eq!(answer.responses[0].partitions[0].error_code, ErrorCode::UnknownServerError as i16);
    // It is told so late even when it is known at once.
    let request = one.request(1);
    one.send(&mut world, CLIENT, request);
    assert!(world.answer::<ShareFetchResponse>(2).is_none());
    world.pass_ms(500);
    let answer: ShareFetchResponse = world.answer(2).expect("its time is over");
    assert_eq!(answer.responses[0].partitions[0].error_code, ErrorCode::UnknownServerError as i16);
    assert_eq!(world.broker.deadline().map(|deadline| deadline > world.now.monotonic), Some(true));
}

#[test]
fn an_acquire_mode_that_does_not_exist_is_refused() {
    let (mut world, topic) = ready(&[]);
    let one = Member::new("one", topic);
    let answer: ShareFetchResponse = world.call(2, &ShareFetchRequest { share_acquire_mode: 7, ..one.request(1) });
    assert_eq!(answer.error_code, ErrorCode::UnknownServerError as i16);
}

#[test]
fn a_group_begins_where_its_configs_say() {
    for (reset, first) in [("latest", 4), ("earliest", 0), ("by_duration:PT1H", 2)] {
        let mut world = World::new(&[]);
        world.open(OTHER);
        let topic = world.create_topic(TOPIC, 1);
        initialize(&mut world, topic, -1);
        assert_eq!(WORKERS.alter(&mut world, "share.auto.offset.reset", reset), NONE);
        let now = world.now.wall.0;
        produce(&mut world, batch_at(now - 7_200_000));
        produce(&mut world, batch_at(now));
        let mut one = Member::new("one", topic);
        one.call(&mut world, ShareFetchRequest { max_wait_ms: 0, ..one.request(1) });
        produce(&mut world, batch(&["c", "d"]));
        let mut two = Member::new("two", topic);
        let mut all = acquired(&two.fetch(&mut world, 100));
        if reset != "latest" {
            // The first fetch has taken what there was.
            all = one.held(&mut world).into_iter().chain(all).collect();
        }
        assert_eq!(all[0].0, first, "{reset}");
    }
}

#[test]
fn a_group_that_reads_committed_records_gets_none_of_aborted_transactions() {
    let (mut world, topic) = ready(&[("transaction.partition.verification.enable", "false")]);
    assert_eq!(WORKERS.alter(&mut world, "share.isolation.level", "read_committed"), NONE);
    produce(&mut world, batch(&["plain"]));
    transactional(&mut world, 7, 0);
    end(&mut world, 7, false);
    transactional(&mut world, 8, 0);
    end(&mut world, 8, true);
    let open = transactional(&mut world, 7, 1);
    produce(&mut world, batch(&["behind"]));
    let mut one = Member::new("one", topic);
    let data = one.fetch(&mut world, 100);
    let all: Vec<i64> = acquired(&data).iter().flat_map(|(first, last, _)| *first..=*last).collect();
    assert_eq!(all, [0, 2, 3, 4], "record 1 was aborted, and the one at {open} may be; markers are records, too");
    assert_eq!(one.acknowledge(&mut world, &[(0, 0, &[ACCEPT]), (2, 4, &[GAP, ACCEPT, GAP])]), NONE);
    end(&mut world, 7, false);
    assert_eq!(acquired(&one.fetch(&mut world, 100)), [(6, 7, 1)], "the one at 5 was aborted");
}

#[test]
fn records_that_are_deleted_are_passed_over() {
    let (mut world, topic) = ready(&[]);
    produce(&mut world, batch(&["a"; 4]));
    produce(&mut world, batch(&["b"; 4]));
    let mut one = Member::new("one", topic);
    assert_eq!(acquired(&one.fetch(&mut world, 4)), [(0, 3, 1)]);
    assert_eq!(one.acknowledge(&mut world, &[(0, 3, &[RELEASE])]), NONE);
    delete_records(&mut world, 6);
    one.call(&mut world, ShareFetchRequest { max_wait_ms: 0, ..one.request(100) });
    assert_eq!(acquired(&one.fetch(&mut world, 100)), [(6, 7, 1)]);
}

#[test]
fn a_topic_that_is_deleted_takes_its_records_along() {
    let (mut world, topic) = ready(&[]);
    produce(&mut world, batch(&["a"]));
    let mut one = Member::new("one", topic);
    one.fetch(&mut world, 1);
    let request = ottla_core::wire::messages::delete_topics::DeleteTopicsRequest {
        topics: vec![ottla_core::wire::messages::delete_topics::DeleteTopicState {
            name: Some(TOPIC.into()),
            ..Default::default()
        }],
        timeout_ms: 1_000,
        ..Default::default()
    };
    let _: ottla_core::wire::messages::delete_topics::DeleteTopicsResponse = world.call(6, &request);
    assert_eq!(one.acknowledge(&mut world, &[(0, 0, &[ACCEPT])]), ErrorCode::UnknownTopicId as i16);
    let answer = one.call(&mut world, one.request(1));
    let data = &answer.responses[0].partitions[0];
    assert_eq!(data.error_code, ErrorCode::UnknownTopicOrPartition as i16);
    world.pass_ms(LOCK_MS);
}

/// A member, with its session on one connection.
struct Member {
    name: &'static str,
    topic: Uuid,
    epoch: i32,
    held: Vec<(i64, i64, i16)>,
}

type Ack<'a> = (i64, i64, &'a [i8]);

impl Member {
    fn new(name: &'static str, topic: Uuid) -> Self {
        Self { name, topic, epoch: 0, held: Vec::new() }
    }

    fn request(&self, max_records: i32) -> ShareFetchRequest {
        let partitions = vec![FetchPartition::default()];
        let topics = vec![FetchTopic { topic_id: self.topic, partitions, ..Default::default() }];
        ShareFetchRequest {
            group_id: Some(GROUP.into()),
            member_id: Some(self.name.into()),
            share_session_epoch: self.epoch,
            max_wait_ms: 500,
            min_bytes: i32::from(max_records > 0),
            max_bytes: if max_records > 0 { 1 << 20 } else { 0 },
            max_records,
            batch_size: 100,
            topics,
            ..Default::default()
        }
    }

    /// A fetch that acknowledges.
    fn with(&self, max_records: i32, acknowledgements: &[Ack<'_>]) -> ShareFetchRequest {
        let mut request = self.request(max_records);
        request.topics[0].partitions[0].acknowledgement_batches = acknowledgements
            .iter()
            .map(|(first, last, types)| AcknowledgementBatch {
                first_offset: *first,
                last_offset: *last,
                acknowledge_types: types.to_vec(),
                ..Default::default()
            })
            .collect();
        request
    }

    fn send(&mut self, world: &mut World, conn: ConnId, request: ShareFetchRequest) {
        world.send_from(conn, 2, &request);
        self.epoch += 1;
    }

    fn call(&mut self, world: &mut World, request: ShareFetchRequest) -> ShareFetchResponse {
        let answer: ShareFetchResponse = world.call(2, &request);
        if answer.error_code == NONE {
            self.epoch += 1;
            self.held = answer.responses.iter().flat_map(|topic| acquired(&topic.partitions[0])).collect();
        }
        answer
    }

    fn fetch(&mut self, world: &mut World, max_records: i32) -> PartitionData {
        let answer = self.call(world, self.request(max_records));
        assert_eq!(answer.error_code, NONE);
        answer.responses[0].partitions[0].clone()
    }

    /// What the last fetch acquired.
    fn held(&self, _world: &mut World) -> Vec<(i64, i64, i16)> {
        self.held.clone()
    }

    fn acknowledgement(&self, acknowledgements: &[Ack<'_>]) -> ShareAcknowledgeRequest {
        let batches = acknowledgements.iter().map(|(first, last, types)| acknowledge::AcknowledgementBatch {
            first_offset: *first,
            last_offset: *last,
            acknowledge_types: types.to_vec(),
            ..Default::default()
        });
        let partition =
            acknowledge::AcknowledgePartition { acknowledgement_batches: batches.collect(), ..Default::default() };
        let topic =
            acknowledge::AcknowledgeTopic { topic_id: self.topic, partitions: vec![partition], ..Default::default() };
        let is_renew_ack = acknowledgements.iter().any(|(_, _, types)| types.contains(&RENEW));
        ShareAcknowledgeRequest {
            group_id: Some(GROUP.into()),
            member_id: Some(self.name.into()),
            share_session_epoch: self.epoch,
            is_renew_ack,
            topics: vec![topic],
            ..Default::default()
        }
    }

    fn acknowledge(&mut self, world: &mut World, acknowledgements: &[Ack<'_>]) -> i16 {
        self.acknowledge_from(world, CLIENT, acknowledgements).0
    }

    fn acknowledge_from(
        &mut self,
        world: &mut World,
        conn: ConnId,
        acknowledgements: &[Ack<'_>],
    ) -> (i16, Option<String>) {
        let request = self.acknowledgement(acknowledgements);
        world.send_from(conn, 2, &request);
        let (_, answer): (_, ShareAcknowledgeResponse) = world.answer_to(conn, 2).expect("it is answered at once");
        assert_eq!(answer.error_code, NONE);
        self.epoch += 1;
        let data = &answer.responses[0].partitions[0];
        (data.error_code, data.error_message.as_deref().map(str::to_owned))
    }
}

fn ready(properties: &[(&str, &str)]) -> (World, Uuid) {
    let mut world = World::new(properties);
    world.open(OTHER);
    let topic = world.create_topic(TOPIC, 1);
    initialize(&mut world, topic, 0);
    (world, topic)
}

/// What the group's coordinator does when the first member subscribes.
fn initialize(world: &mut World, topic: Uuid, start_offset: i64) {
    use ottla_core::wire::messages::find_coordinator::{FindCoordinatorRequest, FindCoordinatorResponse};
    let coordinator_keys = vec![format!("{GROUP}:{topic}:0").as_str().into()];
    let request = FindCoordinatorRequest { key_type: 2, coordinator_keys, ..Default::default() };
    let _: FindCoordinatorResponse = world.call(6, &request);
    let data = initialize::PartitionData { partition: 0, state_epoch: 0, start_offset, ..Default::default() };
    let topics =
        vec![initialize::InitializeStateData { topic_id: topic, partitions: vec![data], ..Default::default() }];
    let request = initialize::InitializeShareGroupStateRequest { group_id: GROUP.into(), topics, ..Default::default() };
    let answer: initialize::InitializeShareGroupStateResponse = world.call(0, &request);
    assert_eq!(answer.results[0].partitions[0].error_code, NONE, "{answer:?}");
}

fn produce(world: &mut World, batch: bytes::Bytes) -> i64 {
    produce_from(world, CLIENT, batch)
}

fn produce_from(world: &mut World, conn: ConnId, batch: bytes::Bytes) -> i64 {
    send_batch(world, conn, batch, None)
}

fn send_batch(world: &mut World, conn: ConnId, batch: bytes::Bytes, transactional_id: Option<&str>) -> i64 {
    let data = PartitionProduceData { records: Some(batch.into()), ..Default::default() };
    let topic = TopicProduceData { name: TOPIC.into(), partition_data: vec![data], ..Default::default() };
    let request = ProduceRequest {
        acks: -1,
        timeout_ms: 1_000,
        topic_data: vec![topic],
        transactional_id: transactional_id.map(Into::into),
        ..Default::default()
    };
    world.send_from(conn, 11, &request);
    let (_, answer): (_, ProduceResponse) = world.answer_to(conn, 11).expect("it is answered at once");
    let partition = &answer.responses[0].partition_responses[0];
    assert_eq!(partition.error_code, NONE, "{partition:?}");
    partition.base_offset
}

fn batch_at(timestamp: i64) -> bytes::Bytes {
    let mut builder = BatchBuilder::new();
    for _ in 0..2 {
        builder.push(BuilderRecord { timestamp, value: Some(b"a"), ..Default::default() });
    }
    builder.build()
}

fn transactional(world: &mut World, producer: i64, sequence: i32) -> i64 {
    let builder = BatchBuilder::new().producer(ProducerId(producer), ProducerEpoch(0), sequence);
    let mut builder = builder.attributes(Attributes::default().transactional());
    builder.push(BuilderRecord { timestamp: 1_800_000_000_000, value: Some(b"10 crowns"), ..Default::default() });
    send_batch(world, CLIENT, builder.build(), Some("transfers"))
}

fn end(world: &mut World, producer_id: i64, is_commit: bool) {
    let topic = WritableTxnMarkerTopic { name: TOPIC.into(), partition_indexes: vec![0], ..Default::default() };
    let marker =
        WritableTxnMarker { producer_id, transaction_result: is_commit, topics: vec![topic], ..Default::default() };
    let request = WriteTxnMarkersRequest { markers: vec![marker], ..Default::default() };
    let answer: WriteTxnMarkersResponse = world.call(1, &request);
    assert_eq!(answer.markers[0].topics[0].partitions[0].error_code, NONE);
}

fn delete_records(world: &mut World, offset: i64) {
    let partition = DeleteRecordsPartition { partition_index: 0, offset, ..Default::default() };
    let topic = DeleteRecordsTopic { name: TOPIC.into(), partitions: vec![partition], ..Default::default() };
    let request = DeleteRecordsRequest { topics: vec![topic], timeout_ms: 1_000, ..Default::default() };
    let answer: DeleteRecordsResponse = world.call(2, &request);
    assert_eq!(answer.topics[0].partitions[0].error_code, NONE);
}

fn acquired(data: &PartitionData) -> Vec<(i64, i64, i16)> {
    let all = data.acquired_records.iter();
    all.map(|acquired| (acquired.first_offset, acquired.last_offset, acquired.delivery_count)).collect()
}

/// How many batches came.
fn values(data: &PartitionData) -> usize {
    let Records::Bytes(bytes) = &data.records else { panic!("an answer was read") };
    ottla_core::records::batches_of(bytes).filter(Result::is_ok).count()
}
