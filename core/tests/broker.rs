//! What clients may rely on: produce, fetch, offsets, producers, and what a disk's faults do to them.

mod world;

use bytes::Bytes;
use ottla_core::boundary::{ConnId, Input, StorageCommand};
use ottla_core::wire::messages::create_topics::{CreatableTopic, CreateTopicsRequest, CreateTopicsResponse};
use ottla_core::wire::messages::delete_topics::{DeleteTopicsRequest, DeleteTopicsResponse};
use ottla_core::wire::messages::fetch::{FetchPartition, FetchRequest, FetchResponse, FetchTopic, PartitionData};
use ottla_core::wire::messages::init_producer_id::{InitProducerIdRequest, InitProducerIdResponse};
use ottla_core::wire::messages::list_offsets::{
    ListOffsetsPartition, ListOffsetsRequest, ListOffsetsResponse, ListOffsetsTopic,
};
use ottla_core::wire::messages::produce::{
    PartitionProduceData, PartitionProduceResponse, ProduceRequest, ProduceResponse, TopicProduceData,
};
use ottla_core::wire::messages::unregister_broker::{UnregisterBrokerRequest, UnregisterBrokerResponse};
use ottla_core::wire::{Records, Uuid};
use world::{CLIENT, Verdict, World, batch, idempotent};

const ERROR_OFFSET_OUT_OF_RANGE: i16 = 1;
const ERROR_UNKNOWN_TOPIC_OR_PARTITION: i16 = 3;
const ERROR_NOT_LEADER_OR_FOLLOWER: i16 = 6;
const ERROR_REQUEST_TIMED_OUT: i16 = 7;
const ERROR_INVALID_REQUIRED_ACKS: i16 = 21;
const ERROR_TOPIC_ALREADY_EXISTS: i16 = 36;
const ERROR_OUT_OF_ORDER_SEQUENCE_NUMBER: i16 = 45;
const ERROR_KAFKA_STORAGE: i16 = 56;
const ERROR_FENCED_LEADER_EPOCH: i16 = 74;
const ERROR_UNKNOWN_LEADER_EPOCH: i16 = 75;
const ERROR_UNKNOWN_TOPIC_ID: i16 = 100;
const ERROR_BROKER_ID_NOT_REGISTERED: i16 = 102;

const STRICT: (&str, &str) = ("log.flush.interval.messages", "1");

#[test]
fn what_was_produced_is_fetched_byte_for_byte_but_for_offset_and_epoch() {
    let mut world = World::new(&[]);
    let topic = world.create_topic("letters", 1);
    assert_eq!(produce(&mut world, "letters", batch(&["a", "b"])), (0, 0));
    assert_eq!(produce(&mut world, "letters", batch(&["c"])), (0, 2));
    let data = fetch_now(&mut world, topic, 0);
    let records = bytes_of(&data);
    assert_eq!((data.high_watermark, data.log_start_offset, data.last_stable_offset), (3, 0, 3));
    let first = batch(&["a", "b"]);
    assert_eq!(records[16..first.len()], first[16..], "all that the checksum covers is as it was sent");
    assert_eq!(records[first.len()..][..8], 2i64.to_be_bytes());
    assert_eq!(bytes_of(&fetch_now(&mut world, topic, 2)), records.slice(first.len()..));
}

#[test]
fn a_fetch_waits_for_records_and_is_woken_by_them() {
    let mut world = World::new(&[]);
    let topic = world.create_topic("letters", 1);
    let reader = ConnId(2);
    world.open(reader);
    world.send_from(reader, 16, &fetch(topic, 0, 0));
    world.pass_ms(499);
    assert!(world.answer_to::<FetchResponse>(reader, 16).is_none(), "max.wait is 500 ms");
    produce(&mut world, "letters", batch(&["a"]));
    let (_, woken) = world.answer_to::<FetchResponse>(reader, 16).expect("the append answers it");
    assert_eq!(woken.responses[0].partitions[0].high_watermark, 1);
    world.send_from(reader, 16, &fetch(topic, 0, 1));
    world.pass_ms(500);
    let (_, empty) = world.answer_to::<FetchResponse>(reader, 16).expect("the time answers it");
    assert_eq!(bytes_of(&empty.responses[0].partitions[0]), Bytes::new());
}

#[test]
fn a_fetch_that_wants_more_bytes_than_there_are_goes_on_waiting() {
    let mut world = World::new(&[]);
    let topic = world.create_topic("letters", 1);
    let reader = ConnId(2);
    world.open(reader);
    let one = batch(&["a"]).len() as i32;
    world.send_from(reader, 16, &FetchRequest { min_bytes: 2 * one, ..fetch(topic, 0, 0) });
    produce(&mut world, "letters", batch(&["a"]));
    assert!(world.answer_to::<FetchResponse>(reader, 16).is_none());
    produce(&mut world, "letters", batch(&["b"]));
    let (_, both) = world.answer_to::<FetchResponse>(reader, 16).expect("now there is enough");
    assert_eq!(bytes_of(&both.responses[0].partitions[0]).len() as i32, 2 * one);
}

#[test]
fn the_first_batch_comes_whole_and_later_ones_are_cut_to_the_limits() {
    let mut world = World::new(&[]);
    let topic = world.create_topic("letters", 2);
    let sent = batch(&["a long enough letter"]);
    for partition in [0, 0, 1] {
        produce_to(&mut world, "letters", partition, sent.clone());
    }
    let small =
        |partition, max_bytes| FetchPartition { partition, partition_max_bytes: max_bytes, ..Default::default() };
    let mut request = fetch(topic, 0, 0);
    request.topics[0].partitions = vec![small(0, 1), small(1, 1)];
    let answer: FetchResponse = world.call(16, &request);
    let sizes: Vec<_> = answer.responses[0].partitions.iter().map(|data| bytes_of(data).len()).collect();
    assert_eq!(sizes, [sent.len(), 0], "one batch in spite of the limit, and only one");
    request.topics[0].partitions = vec![small(0, 1 << 20)];
    request.max_bytes = sent.len() as i32 + 10;
    let answer: FetchResponse = world.call(16, &request);
    assert_eq!(bytes_of(&answer.responses[0].partitions[0]).len(), sent.len() + 10, "the last batch may be cut");
}

#[test]
fn offsets_outside_of_the_log_and_wrong_leader_epochs_are_errors() {
    let mut world = World::new(&[]);
    let topic = world.create_topic("letters", 1);
    produce(&mut world, "letters", batch(&["a"]));
    let mut error = |offset, epoch| {
        let mut request = fetch(topic, 0, offset);
        request.topics[0].partitions[0].current_leader_epoch = epoch;
        request.max_wait_ms = 0;
        let answer: FetchResponse = world.call(16, &request);
        answer.responses[0].partitions[0].error_code
    };
    assert_eq!(error(2, -1), ERROR_OFFSET_OUT_OF_RANGE);
    assert_eq!(error(-1, -1), ERROR_OFFSET_OUT_OF_RANGE);
    assert_eq!((error(1, -1), error(1, 0)), (0, 0));
    assert_eq!(error(0, 5), ERROR_UNKNOWN_LEADER_EPOCH);
}

#[test]
fn unknown_topics_have_their_own_error_by_name_and_by_id() {
    let mut world = World::new(&[]);
    world.create_topic("letters", 1);
    let by_id: FetchResponse = world.call(16, &fetch(Uuid(99), 0, 0));
    assert_eq!(by_id.responses[0].partitions[0].error_code, ERROR_UNKNOWN_TOPIC_ID);
    let mut named = fetch(Uuid::ZERO, 0, 0);
    named.topics[0].topic = "nowhere".into();
    let by_name: FetchResponse = world.call(12, &named);
    assert_eq!(by_name.responses[0].partitions[0].error_code, ERROR_UNKNOWN_TOPIC_OR_PARTITION);
    assert_eq!(produce(&mut world, "nowhere", batch(&["a"])), (ERROR_UNKNOWN_TOPIC_OR_PARTITION, -1));
    assert_eq!(produce_to(&mut world, "letters", 1, batch(&["a"])), (ERROR_UNKNOWN_TOPIC_OR_PARTITION, -1));
}

#[test]
fn a_session_tells_only_what_changed() {
    let mut world = World::new(&[]);
    let topic = world.create_topic("letters", 2);
    let mut first = fetch(topic, 0, 0);
    first.session_epoch = 0;
    first.max_wait_ms = 0;
    first.topics[0].partitions.push(FetchPartition { partition: 1, partition_max_bytes: 1000, ..Default::default() });
    let begun: FetchResponse = world.call(16, &first);
    assert_ne!(begun.session_id, 0);
    assert_eq!(begun.responses[0].partitions.len(), 2, "a full answer has every partition");
    produce_to(&mut world, "letters", 1, batch(&["a"]));
    let next = FetchRequest { session_id: begun.session_id, session_epoch: 1, topics: vec![], ..first };
    let changed: FetchResponse = world.call(16, &next);
    let partitions: Vec<_> =
        changed.responses.iter().flat_map(|topic| &topic.partitions).map(|data| data.partition_index).collect();
    assert_eq!(partitions, [1]);
}

#[test]
fn a_strict_produce_is_answered_by_the_sync_and_one_sync_answers_all_before_it() {
    let mut world = World::new(&[STRICT]);
    let topic = world.create_topic("letters", 1);
    // With the first batch the leader epoch is written down too.
    produce_to(&mut world, "letters", 0, batch(&["first"]));
    world.judge = Box::new(|command| match command {
        StorageCommand::Sync { .. } => Verdict::Hold,
        _ => Verdict::Do,
    });
    let ids: Vec<_> = ["a", "b", "c"].map(|value| send_produce(&mut world, "letters", batch(&[value]))).into();
    assert!(world.answer::<ProduceResponse>(11).is_none(), "nothing is acknowledged that is not synced");
    assert_eq!(world.held(), 1, "one sync in flight a file");
    let reader = ConnId(2);
    world.open(reader);
    world.send_from(reader, 16, &FetchRequest { max_wait_ms: 0, ..fetch(topic, 0, 0) });
    let (_, early) = world.answer_to::<FetchResponse>(reader, 16).expect("it does not wait");
    assert_eq!(early.responses[0].partitions[0].high_watermark, 1, "and nothing is shown");
    world.release();
    let answered: Vec<_> =
        (0..3).map(|_| world.answer_to::<ProduceResponse>(CLIENT, 11).expect("an answer").0).collect();
    assert_eq!(answered, ids);
}

#[test]
fn a_produce_that_is_not_committed_in_time_is_told_so() {
    let mut world = World::new(&[STRICT]);
    world.create_topic("letters", 1);
    world.judge =
        Box::new(|command| if matches!(command, StorageCommand::Sync { .. }) { Verdict::Hold } else { Verdict::Do });
    send_produce(&mut world, "letters", batch(&["a"]));
    world.pass_ms(1000);
    let answer: ProduceResponse = world.answer(11).expect("the time answers it");
    assert_eq!(answer.responses[0].partition_responses[0].error_code, ERROR_REQUEST_TIMED_OUT);
}

#[test]
fn acks_0_gets_no_answer_and_an_error_closes() {
    let mut world = World::new(&[]);
    let topic = world.create_topic("letters", 1);
    let silent = ProduceRequest { acks: 0, ..produce_request("letters", 0, batch(&["a"])) };
    world.send(11, &silent);
    assert!(world.answers[&CLIENT].is_empty());
    assert_eq!(fetch_now(&mut world, topic, 0).high_watermark, 1, "and the next answer is the next request's");
    world.send(11, &ProduceRequest { acks: 0, ..produce_request("nowhere", 0, batch(&["a"])) });
    assert!(world.closed.contains_key(&CLIENT));
}

#[test]
fn acks_2_do_not_exist() {
    let mut world = World::new(&[]);
    world.create_topic("letters", 1);
    let request = ProduceRequest { acks: 2, ..produce_request("letters", 0, batch(&["a"])) };
    let answer: ProduceResponse = world.call(11, &request);
    assert_eq!(answer.responses[0].partition_responses[0].error_code, ERROR_INVALID_REQUIRED_ACKS);
}

#[test]
fn a_repeated_batch_is_answered_with_its_first_offset_also_after_a_restart() {
    let mut world = World::new(&[]);
    world.create_topic("letters", 1);
    let id = producer_id(&mut world);
    for sequence in 0..6 {
        assert_eq!(produce(&mut world, "letters", idempotent(id, sequence, &["x"])), (0, i64::from(sequence)));
    }
    assert_eq!(produce(&mut world, "letters", idempotent(id, 1, &["x"])), (0, 1), "the fifth last is remembered");
    let gap = produce(&mut world, "letters", idempotent(id, 8, &["x"]));
    assert_eq!(gap.0, ERROR_OUT_OF_ORDER_SEQUENCE_NUMBER);
    let mut world = World::on(world.crash(), &[]);
    assert_eq!(produce(&mut world, "letters", idempotent(id, 5, &["x"])), (0, 5));
    assert_eq!(produce(&mut world, "letters", idempotent(id, 6, &["x"])), (0, 6));
    let mut world = World::on(world.shut_down(), &[]);
    assert_eq!(produce(&mut world, "letters", idempotent(id, 6, &["x"])), (0, 6));
    assert_ne!(producer_id(&mut world), id, "no id is handed out twice");
}

#[test]
fn a_broker_that_is_unregistered_leads_nothing_until_its_next_start() {
    let mut world = World::new(&[]);
    let topic = world.create_topic("letters", 1);
    assert_eq!(produce(&mut world, "letters", batch(&["a"])), (0, 0));
    let reader = ConnId(2);
    world.open(reader);
    world.send_from(reader, 16, &fetch(topic, 0, 1));
    let unregister = UnregisterBrokerRequest { broker_id: 1, ..Default::default() };
    let answer: UnregisterBrokerResponse = world.call(0, &unregister);
    assert_eq!(answer.error_code, 0);
    let (_, woken) = world.answer_to::<FetchResponse>(reader, 16).expect("who waits is told");
    assert_eq!(woken.responses[0].partitions[0].error_code, ERROR_NOT_LEADER_OR_FOLLOWER);
    let refused: FetchResponse = world.call(16, &fetch(topic, 0, 0));
    assert_eq!(refused.responses[0].partitions[0].error_code, ERROR_NOT_LEADER_OR_FOLLOWER);
    assert_eq!(produce(&mut world, "letters", batch(&["b"])).0, ERROR_NOT_LEADER_OR_FOLLOWER);
    let again: UnregisterBrokerResponse = world.call(0, &unregister);
    assert_eq!(again.error_code, ERROR_BROKER_ID_NOT_REGISTERED);
    let mut world = World::on(world.shut_down(), &[]);
    assert_eq!(produce(&mut world, "letters", batch(&["b"])), (0, 1));
    assert_eq!(world.call::<_, UnregisterBrokerResponse>(0, &unregister).error_code, 0);
    let mut world = World::on(world.crash(), &[]);
    assert_eq!(produce(&mut world, "letters", batch(&["c"])), (0, 2));
    let mut old = fetch(topic, 0, 0);
    old.topics[0].partitions[0].current_leader_epoch = 0;
    let fenced: FetchResponse = world.call(16, &old);
    assert_eq!(fenced.responses[0].partitions[0].error_code, ERROR_FENCED_LEADER_EPOCH);
}

#[test]
fn offsets_are_listed_by_end_and_by_time() {
    let mut world = World::new(&[]);
    world.create_topic("letters", 1);
    for _ in 0..3 {
        produce(&mut world, "letters", batch(&["a", "b"]));
    }
    let mut list = |timestamp| {
        let partition = ListOffsetsPartition { timestamp, ..Default::default() };
        let topic = ListOffsetsTopic { name: "letters".into(), partitions: vec![partition], ..Default::default() };
        let answer: ListOffsetsResponse =
            world.call(7, &ListOffsetsRequest { topics: vec![topic], ..Default::default() });
        let found = &answer.topics[0].partitions[0];
        (found.error_code, found.offset, found.timestamp)
    };
    const SENT_MS: i64 = 1_800_000_000_000;
    assert_eq!(list(-1), (0, 6, -1));
    assert_eq!(list(-2), (0, 0, -1));
    assert_eq!(list(-3), (0, 0, SENT_MS), "the first of those with the largest timestamp");
    assert_eq!(list(SENT_MS), (0, 0, SENT_MS));
    assert_eq!(list(SENT_MS + 1), (0, -1, -1));
}

#[test]
fn a_failed_sync_takes_its_partition_offline_and_nothing_more_is_acknowledged_there() {
    let mut world = World::new(&[STRICT]);
    let topic = world.create_topic("letters", 2);
    assert_eq!(produce(&mut world, "letters", batch(&["safe"])), (0, 0));
    world.judge =
        Box::new(|command| if matches!(command, StorageCommand::Sync { .. }) { Verdict::Fail } else { Verdict::Do });
    assert_eq!(produce(&mut world, "letters", batch(&["lost"])).0, ERROR_KAFKA_STORAGE);
    world.judge = Box::new(|_| Verdict::Do);
    assert_eq!(produce(&mut world, "letters", batch(&["again"])).0, ERROR_KAFKA_STORAGE);
    let mut request = fetch(topic, 0, 0);
    request.max_wait_ms = 0;
    let answer: FetchResponse = world.call(16, &request);
    assert_eq!(answer.responses[0].partitions[0].error_code, ERROR_KAFKA_STORAGE);
    assert_eq!(produce_to(&mut world, "letters", 1, batch(&["fine"])), (0, 0), "the rest goes on");
    let mut world = World::on(world.crash(), &[STRICT]);
    assert_eq!(bytes_of(&fetch_now(&mut world, topic, 0))[16..batch(&["safe"]).len()], batch(&["safe"])[16..]);
}

#[test]
fn a_full_disk_is_kafka_storage_error_and_what_was_acknowledged_stays() {
    let mut world = World::new(&[]);
    let topic = world.create_topic("letters", 2);
    assert_eq!(produce(&mut world, "letters", batch(&["safe"])), (0, 0));
    world.judge =
        Box::new(|command| if matches!(command, StorageCommand::Append { .. }) { Verdict::Full } else { Verdict::Do });
    assert_eq!(produce(&mut world, "letters", batch(&["no room"])).0, ERROR_KAFKA_STORAGE);
    world.judge = Box::new(|_| Verdict::Do);
    assert_eq!(produce_to(&mut world, "letters", 1, batch(&["fine"])), (0, 0), "the rest goes on");
    let mut world = World::on(world.crash(), &[]);
    assert_eq!(fetch_now(&mut world, topic, 0).high_watermark, 1);
}

#[test]
fn with_its_metadata_log_offline_it_serves_on_but_refuses_changes_and_nobody_waits_for_ever() {
    let mut world = World::new(&[]);
    let topic = world.create_topic("letters", 1);
    let waiting = ConnId(2);
    world.open(waiting);
    // One sync fails, and the directory as such is well: else the broker would end.
    let mut has_failed = false;
    world.judge = Box::new(move |command| {
        let fails = matches!(command, StorageCommand::Sync { .. }) && !std::mem::replace(&mut has_failed, true);
        if fails { Verdict::Fail } else { Verdict::Do }
    });
    let refused: InitProducerIdResponse = world.call(4, &InitProducerIdRequest::default());
    assert_eq!((refused.error_code, refused.producer_id), (ERROR_KAFKA_STORAGE, -1));
    world.judge = Box::new(|_| Verdict::Do);
    let again: InitProducerIdResponse = world.call(4, &InitProducerIdRequest::default());
    assert_eq!(again.error_code, ERROR_KAFKA_STORAGE);
    world.send_from(waiting, 7, &create_topics("diaries"));
    assert!(world.closed.contains_key(&waiting), "a change can't be recorded any more");
    assert_eq!(produce(&mut world, "letters", batch(&["a"])), (0, 0));
    assert_eq!(fetch_now(&mut world, topic, 0).high_watermark, 1);
}

#[test]
fn topics_that_are_created_at_once_are_created_one_after_another() {
    let mut world = World::new(&[]);
    let second = ConnId(2);
    world.open(second);
    let is_sync = |command: &StorageCommand| matches!(command, StorageCommand::Sync { .. });
    world.judge = Box::new(move |command| if is_sync(command) { Verdict::Hold } else { Verdict::Do });
    world.send(7, &create_topics("letters"));
    world.send_from(second, 7, &create_topics("letters"));
    while world.held() > 0 {
        world.release();
    }
    let first: CreateTopicsResponse = world.answer(7).expect("it is done");
    let (_, other) = world.answer_to::<CreateTopicsResponse>(second, 7).expect("it is done, too");
    assert_eq!((first.topics[0].error_code, other.topics[0].error_code), (0, ERROR_TOPIC_ALREADY_EXISTS));
}

#[test]
fn a_produce_that_waits_for_a_topic_that_is_deleted_is_answered() {
    let mut world = World::new(&[STRICT]);
    world.create_topic("letters", 1);
    let is_segment =
        |command: &StorageCommand| matches!(command, StorageCommand::Append { data, .. } if data.len() > 1);
    world.judge = Box::new(move |command| if is_segment(command) { Verdict::Hold } else { Verdict::Do });
    send_produce(&mut world, "letters", batch(&["a"]));
    let admin = ConnId(2);
    world.open(admin);
    let request = DeleteTopicsRequest { topic_names: vec!["letters".into()], timeout_ms: 1000, ..Default::default() };
    world.send_from(admin, 4, &request);
    world.release();
    let (_, deleted) = world.answer_to::<DeleteTopicsResponse>(admin, 4).expect("it is deleted");
    assert_eq!(deleted.responses[0].error_code, 0);
    assert!(world.answer::<ProduceResponse>(11).is_some(), "with an error or not, but nobody waits for ever");
    assert_eq!(produce(&mut world, "letters", batch(&["b"])).0, ERROR_UNKNOWN_TOPIC_OR_PARTITION);
}

#[test]
fn a_client_that_does_not_read_its_answers_is_not_read_either() {
    let mut world = World::new(&[("ottla.max.requests.per.connection", "4")]);
    let topic = world.create_topic("letters", 1);
    for _ in 0..4 {
        world.send(16, &fetch(topic, 0, 0));
    }
    assert_eq!(world.gates.get(&CLIENT), Some(&false), "four unanswered requests are the limit");
    world.pass_ms(500);
    assert_eq!(world.gates.get(&CLIENT), Some(&true));
}

#[test]
fn a_fetch_does_not_wait_where_too_many_do_already() {
    let mut world = World::new(&[("ottla.max.parked.requests", "2")]);
    let topic = world.create_topic("letters", 1);
    for _ in 0..2 {
        world.send(16, &fetch(topic, 0, 0));
    }
    let third = ConnId(2);
    world.open(third);
    world.send_from(third, 16, &fetch(topic, 0, 0));
    assert!(world.answer_to::<FetchResponse>(third, 16).is_some());
    assert!(world.answer::<FetchResponse>(16).is_none(), "the others go on waiting");
}

#[test]
fn an_idle_connection_is_closed_and_a_waiting_one_is_not() {
    let mut world = World::new(&[("connections.max.idle.ms", "1000")]);
    let topic = world.create_topic("letters", 1);
    let idle = ConnId(2);
    world.open(idle);
    world.send(16, &FetchRequest { max_wait_ms: 2500, ..fetch(topic, 0, 0) });
    world.pass_ms(2100);
    assert!(world.closed.contains_key(&idle) && !world.closed.contains_key(&CLIENT), "{:?}", world.closed);
}

#[test]
fn a_stop_answers_what_is_in_flight() {
    let mut world = World::new(&[STRICT]);
    let topic = world.create_topic("letters", 1);
    produce_to(&mut world, "letters", 0, batch(&["first"]));
    world.judge =
        Box::new(|command| if matches!(command, StorageCommand::Sync { .. }) { Verdict::Hold } else { Verdict::Do });
    world.send(16, &fetch(topic, 0, 1));
    send_produce(&mut world, "letters", batch(&["a"]));
    world.handle(Input::Shutdown);
    assert!(world.answer::<FetchResponse>(16).is_some(), "a waiting fetch ends early");
    assert!(world.halted.is_none(), "a produce is still waiting for its sync");
    world.release();
    let answer: ProduceResponse = world.answer(11).expect("the sync answers it");
    assert_eq!(answer.responses[0].partition_responses[0].error_code, 0);
    assert!(world.halted.is_some());
}

fn produce_request(topic: &str, index: i32, records: Bytes) -> ProduceRequest {
    let data = PartitionProduceData { index, records: Some(records.into()), ..Default::default() };
    let topic = TopicProduceData { name: topic.into(), partition_data: vec![data], ..Default::default() };
    ProduceRequest { acks: -1, timeout_ms: 1000, topic_data: vec![topic], ..Default::default() }
}

fn create_topics(name: &str) -> CreateTopicsRequest {
    let topic = CreatableTopic { name: name.into(), num_partitions: 1, replication_factor: 1, ..Default::default() };
    CreateTopicsRequest { topics: vec![topic], timeout_ms: 1000, ..Default::default() }
}

fn send_produce(world: &mut World, topic: &str, records: Bytes) -> i32 {
    world.send(11, &produce_request(topic, 0, records))
}

/// Error and base offset.
fn produce(world: &mut World, topic: &str, records: Bytes) -> (i16, i64) {
    produce_to(world, topic, 0, records)
}

fn produce_to(world: &mut World, topic: &str, partition: i32, records: Bytes) -> (i16, i64) {
    let answer: ProduceResponse = world.call(11, &produce_request(topic, partition, records));
    let PartitionProduceResponse { error_code, base_offset, .. } = answer.responses[0].partition_responses[0];
    (error_code, base_offset)
}

fn producer_id(world: &mut World) -> i64 {
    let answer: InitProducerIdResponse = world.call(4, &InitProducerIdRequest::default());
    assert_eq!(answer.error_code, 0);
    answer.producer_id
}

/// At least a byte within 500 ms.
fn fetch(topic_id: Uuid, partition: i32, fetch_offset: i64) -> FetchRequest {
    let partition = FetchPartition { partition, fetch_offset, partition_max_bytes: 1 << 20, ..Default::default() };
    let topic = FetchTopic { topic_id, partitions: vec![partition], ..Default::default() };
    FetchRequest { max_wait_ms: 500, min_bytes: 1, topics: vec![topic], ..Default::default() }
}

fn fetch_now(world: &mut World, topic: Uuid, offset: i64) -> PartitionData {
    let mut answer: FetchResponse = world.call(16, &fetch(topic, 0, offset));
    let data = answer.responses.remove(0).partitions.remove(0);
    assert_eq!(data.error_code, 0);
    data
}

fn bytes_of(data: &PartitionData) -> Bytes {
    match &data.records {
        Some(Records::Bytes(bytes)) => bytes.to_bytes(),
        other => panic!("a decoded answer holds bytes, not {other:?}"),
    }
}
