//! What applications do with transactions: begin, write to many partitions, commit offsets with what they write, commit or
//! abort, and be fenced.

mod client;
mod crashes;
mod moves;
#[path = "../world/mod.rs"]
mod world;

use client::*;
use ottla_core::boundary::StorageCommand;
use ottla_core::wire::ErrorCode;
use ottla_core::wire::messages::api_versions::{ApiVersionsRequest, ApiVersionsResponse};
use ottla_core::wire::messages::delete_topics::{DeleteTopicsRequest, DeleteTopicsResponse};
use ottla_core::wire::messages::end_txn::EndTxnResponse;
use ottla_core::wire::messages::find_coordinator::{FindCoordinatorRequest, FindCoordinatorResponse};
use ottla_core::wire::messages::list_transactions::{ListTransactionsRequest, ListTransactionsResponse};
use ottla_core::wire::messages::produce::ProduceResponse;
use ottla_core::wire::messages::write_txn_markers::{
    WritableTxnMarker, WritableTxnMarkerTopic, WriteTxnMarkersRequest, WriteTxnMarkersResponse,
};
use world::{Verdict, World};

#[test]
fn the_first_who_asks_for_a_coordinator_makes_the_topic_of_transactions_and_finds_one() {
    let mut world = World::new(&[("transaction.state.log.num.partitions", "7")]);
    assert_eq!(init(&mut world, ID), Err(ErrorCode::NotCoordinator));
    let request = FindCoordinatorRequest { key: ID.into(), key_type: 1, ..Default::default() };
    let answer: FindCoordinatorResponse = world.call(3, &request);
    assert_eq!((answer.error_code, answer.node_id), (NONE, 1));
    assert_eq!(init(&mut world, ID), Ok((0, 0)));
}

#[test]
fn what_is_committed_is_read_and_what_is_aborted_is_not() {
    for version in [OLD, NEW] {
        let mut world = ready(&[]);
        let mut producer = init(&mut world, ID).unwrap();
        for (value, committed) in [("one", true), ("two", false), ("three", true)] {
            if version == OLD {
                assert_eq!(add(&mut world, producer, &[0, 1]), [NONE, NONE]);
            }
            assert_eq!(produce(&mut world, version, producer, 0, &[value]), NONE);
            assert_eq!(produce(&mut world, version, producer, 1, &[value]), NONE);
            let before = read_committed(&mut world, 0).len();
            producer = end(&mut world, version, producer, committed).unwrap();
            let after = read_committed(&mut world, 0).len();
            assert_eq!(after - before, usize::from(committed), "{value}");
        }
        assert_eq!(read_committed(&mut world, 0), ["one", "three"], "Produce {version}");
        assert_eq!(read_committed(&mut world, 1), ["one", "three"]);
        let disk = world.crash();
        let mut world = World::on(disk, &[]);
        assert_eq!(read_committed(&mut world, 0), ["one", "three"], "Produce {version}");
    }
}

#[test]
fn the_epoch_rises_with_each_end_where_the_client_knows_of_it() {
    let mut world = ready(&[]);
    let producer = init(&mut world, ID).unwrap();
    assert_eq!(producer, (0, 0));
    produce(&mut world, NEW, producer, 0, &["a"]);
    assert_eq!(end(&mut world, NEW, producer, true), Ok((0, 1)));
    assert_eq!(end(&mut world, NEW, producer, true), Ok((0, 1)), "who asks again is told the same");
    assert_eq!(end(&mut world, NEW, producer, false), Err(ErrorCode::InvalidTxnState), "it was not aborted");
    assert_eq!(produce(&mut world, NEW, producer, 0, &["late"]), ErrorCode::InvalidProducerEpoch as i16);
    assert_eq!(end(&mut world, NEW, (0, 1), true), Err(ErrorCode::InvalidTxnState), "there is nothing to commit");
    assert_eq!(end(&mut world, NEW, (0, 1), false), Ok((0, 2)), "but nothing may be aborted");
    assert_eq!(end(&mut world, NEW, (0, 7), true), Err(ErrorCode::ProducerFenced));
    assert_eq!(end(&mut world, NEW, (5, 2), true), Err(ErrorCode::InvalidProducerIdMapping));
}

#[test]
fn the_epoch_stays_where_the_client_does_not_know_better() {
    let mut world = ready(&[]);
    let producer = init(&mut world, ID).unwrap();
    assert_eq!(end(&mut world, OLD, producer, false), Err(ErrorCode::InvalidTxnState));
    assert_eq!(add(&mut world, producer, &[0]), [NONE]);
    assert_eq!(end(&mut world, OLD, producer, true), Ok(producer));
    assert_eq!(end(&mut world, OLD, producer, true), Ok(producer));
    assert_eq!(end(&mut world, OLD, producer, false), Err(ErrorCode::InvalidTxnState));
    assert_eq!(add(&mut world, producer, &[0]), [NONE]);
    assert_eq!(end(&mut world, OLD, producer, false), Ok(producer));
    assert_eq!(end_with(&mut world, 1, (0, 9), true), Err(ErrorCode::InvalidProducerEpoch), "an old word for it");
}

#[test]
fn who_begins_with_an_id_fences_who_had_it() {
    let mut world = ready(&[]);
    let first = init(&mut world, ID).unwrap();
    assert_eq!(produce(&mut world, NEW, first, 0, &["first"]), NONE);
    assert_eq!(init(&mut world, ID), Err(ErrorCode::ConcurrentTransactions), "the open one is aborted first");
    let second = init(&mut world, ID).unwrap();
    assert!(second.0 == first.0 && second.1 > first.1, "{second:?}");
    assert_eq!(produce(&mut world, NEW, first, 0, &["zombie"]), ErrorCode::InvalidProducerEpoch as i16);
    assert_eq!(end(&mut world, NEW, first, true), Err(ErrorCode::ProducerFenced));
    assert_eq!(produce(&mut world, NEW, second, 0, &["second"]), NONE);
    end(&mut world, NEW, second, true).unwrap();
    assert_eq!(read_committed(&mut world, 0), ["second"]);
}

#[test]
fn a_producer_that_says_what_it_had_goes_on_and_a_fenced_one_does_not() {
    let mut world = ready(&[]);
    let first = init(&mut world, ID).unwrap();
    let second = init_with(&mut world, 4, ID, first).unwrap();
    assert_eq!(second, (0, 1));
    assert_eq!(init_with(&mut world, 4, ID, first), Ok(second), "it did not hear of it");
    let third = init(&mut world, ID).unwrap();
    assert_eq!(third, (0, 2));
    assert_eq!(init_with(&mut world, 4, ID, second), Err(ErrorCode::ProducerFenced));
    assert_eq!(init_with(&mut world, 3, ID, second), Err(ErrorCode::InvalidProducerEpoch), "an old word for it");
    assert_eq!(init_with(&mut world, 4, ID, (3, 2)), Err(ErrorCode::ProducerFenced));
    assert_eq!(init_with(&mut world, 4, ID, (-1, 2)), Err(ErrorCode::InvalidRequest));
}

#[test]
fn what_is_no_producer_is_refused() {
    let mut world = ready(&[("transaction.max.timeout.ms", "1000")]);
    assert_eq!(init(&mut world, ""), Err(ErrorCode::InvalidRequest));
    assert_eq!(init(&mut world, ID), Err(ErrorCode::InvalidTransactionTimeout));
    assert_eq!(end(&mut world, NEW, (0, 0), true), Err(ErrorCode::InvalidProducerIdMapping));
}

#[test]
fn partitions_must_be_in_the_transaction_and_on_the_broker() {
    let mut world = ready(&[]);
    let producer = init(&mut world, ID).unwrap();
    assert_eq!(produce(&mut world, 10, producer, 0, &["a"]), ErrorCode::InvalidTxnState as i16);
    assert_eq!(produce(&mut world, OLD, producer, 0, &["a"]), ErrorCode::TransactionAbortable as i16);
    let missing = [ErrorCode::OperationNotAttempted as i16, ErrorCode::UnknownTopicOrPartition as i16];
    assert_eq!(add(&mut world, producer, &[0, 9]), missing);
    assert_eq!(add(&mut world, (producer.0, 3), &[0]), [ErrorCode::ProducerFenced as i16]);
    assert_eq!(add(&mut world, producer, &[0]), [NONE]);
    assert_eq!(add(&mut world, producer, &[0]), [NONE]);
    assert_eq!(produce(&mut world, OLD, producer, 0, &["a"]), NONE);
    assert_eq!(verify(&mut world, producer, &[0, 1]), [NONE, ErrorCode::TransactionAbortable as i16]);
    let described = describe(&mut world, ID);
    assert_eq!((&*described.transaction_state, described.producer_id), ("Ongoing", producer.0));
    assert_eq!(described.topics[0].partitions, [0]);
}

#[test]
fn without_verification_a_partition_takes_what_it_gets() {
    let mut world = ready(&[("transaction.partition.verification.enable", "false")]);
    let producer = init(&mut world, ID).unwrap();
    assert_eq!(produce(&mut world, OLD, producer, 0, &["a"]), NONE);
}

#[test]
fn offsets_count_when_the_transaction_is_committed() {
    for version in [3, 5] {
        let (produce_version, mut world) = (if version == 3 { OLD } else { NEW }, ready(&[]));
        let mut producer = init(&mut world, ID).unwrap();
        for (offset, committed, counts) in [(7, true, 7), (8, false, 7), (9, true, 9)] {
            if version == 3 {
                assert_eq!(add_offsets(&mut world, producer, "readers"), NONE);
            }
            assert_eq!(commit_offset(&mut world, version, producer, ("readers", -1), offset), NONE);
            assert_eq!(stable_offset(&mut world, "readers"), Err(ErrorCode::UnstableOffsetCommit));
            producer = end(&mut world, produce_version, producer, committed).unwrap();
            assert_eq!(stable_offset(&mut world, "readers"), Ok(counts), "{offset}");
        }
        let disk = world.crash();
        let mut world = World::on(disk, &[]);
        assert_eq!(stable_offset(&mut world, "readers"), Ok(9));
    }
}

#[test]
fn offsets_are_refused_of_who_is_no_member_and_of_who_has_not_said_so() {
    let mut world = ready(&[]);
    let producer = init(&mut world, ID).unwrap();
    let unknown = commit_offset_of(&mut world, 5, producer, ("readers", -1), ("nothing", 7));
    assert_eq!(unknown, ErrorCode::UnknownTopicOrPartition as i16);
    assert_eq!(&*describe(&mut world, ID).transaction_state, "Empty", "and nothing begins with it");
    let refused = commit_offset(&mut world, 3, producer, ("readers", -1), 7);
    assert_eq!(refused, ErrorCode::InvalidTxnState as i16, "the group's partition is not in the transaction");
    assert_eq!(commit_offset(&mut world, 4, producer, ("readers", -1), 7), ErrorCode::TransactionAbortable as i16);
    assert_eq!(commit_offset(&mut world, 5, producer, ("readers", 4), 7), ErrorCode::IllegalGeneration as i16);
    assert_eq!(commit_offset(&mut world, 5, producer, ("", -1), 7), ErrorCode::InvalidGroupId as i16);
    assert_eq!(
        commit_offset(&mut world, 5, (producer.0, 5), ("readers", -1), 7),
        ErrorCode::InvalidProducerEpoch as i16
    );
}

#[test]
fn a_transaction_that_takes_too_long_is_aborted_and_its_producer_fenced() {
    for version in [OLD, NEW] {
        let mut world = ready(&[]);
        let producer = init(&mut world, ID).unwrap();
        if version == OLD {
            add(&mut world, producer, &[0]);
        }
        produce(&mut world, version, producer, 0, &["slow"]);
        world.pass_ms(i64::from(TIMEOUT_MS) - 1);
        assert_eq!(&*describe(&mut world, ID).transaction_state, "Ongoing");
        world.pass_ms(1);
        assert_eq!(&*describe(&mut world, ID).transaction_state, "CompleteAbort");
        let refused = if version == OLD { ErrorCode::ProducerFenced } else { ErrorCode::InvalidTxnState };
        assert_eq!(end(&mut world, version, producer, true), Err(refused));
        assert_eq!(produce(&mut world, version, producer, 0, &["slow"]), ErrorCode::InvalidProducerEpoch as i16);
        assert_eq!(read_committed(&mut world, 0), [""; 0]);
        let next = init(&mut world, ID).unwrap();
        assert!(next.1 > producer.1, "{next:?}");
    }
}

#[test]
fn an_open_transaction_survives_a_crash_and_has_the_rest_of_its_time() {
    let mut world = ready(&[]);
    let producer = init(&mut world, ID).unwrap();
    produce(&mut world, NEW, producer, 0, &["a"]);
    world.pass_ms(i64::from(TIMEOUT_MS) / 2);
    let now = world.now;
    let disk = world.crash();
    let mut world = World::on_at(disk, &[], now);
    assert_eq!(&*describe(&mut world, ID).transaction_state, "Ongoing");
    world.pass_ms(i64::from(TIMEOUT_MS) / 2);
    assert_eq!(&*describe(&mut world, ID).transaction_state, "CompleteAbort");
}

#[test]
fn an_id_that_nobody_uses_is_forgotten_and_costs_no_wake_up_before() {
    let day_ms = 24 * 3_600_000;
    let mut world = ready(&[("log.retention.check.interval.ms", "9000000000"), ("log.cleaner.enable", "false")]);
    let producer = init(&mut world, ID).unwrap();
    produce(&mut world, NEW, producer, 0, &["a"]);
    end(&mut world, NEW, producer, true).unwrap();
    world.pass_ms(6 * day_ms);
    assert_eq!(&*describe(&mut world, ID).transaction_state, "CompleteCommit");
    world.pass_ms(2 * day_ms);
    assert_eq!(describe(&mut world, ID).error_code, ErrorCode::TransactionalIdNotFound as i16);
    let disk = world.crash();
    let mut world = World::on(disk, &[]);
    assert_eq!(describe(&mut world, ID).error_code, ErrorCode::TransactionalIdNotFound as i16);
}

#[test]
fn a_producer_that_has_no_epoch_left_gets_another_id() {
    let mut world = ready(&[("transaction.state.log.num.partitions", "1")]);
    let first = init(&mut world, ID).unwrap();
    let producer = (first.0, i16::MAX - 1);
    put_record(&mut world, producer);
    let mut world = World::on(world.crash(), &[]);
    assert_eq!(produce(&mut world, NEW, producer, 0, &["last"]), NONE);
    let next = end(&mut world, NEW, producer, true).unwrap();
    assert_eq!((next.0 > first.0, next.1), (true, 0));
    assert_eq!(end(&mut world, NEW, producer, true), Ok(next), "who asks again is told the same");
    assert_eq!(produce(&mut world, NEW, next, 0, &["first"]), NONE);
    assert_eq!(end(&mut world, NEW, next, true), Ok((next.0, 1)));
    assert_eq!(read_committed(&mut world, 0), ["last", "first"]);
}

#[test]
fn an_end_is_answered_when_it_is_decided_and_the_next_transaction_waits_for_the_markers() {
    let mut world = ready(&[]);
    let producer = init(&mut world, ID).unwrap();
    produce(&mut world, NEW, producer, 0, &["a"]);
    world.judge = Box::new(|command| match command {
        StorageCommand::Append { .. } => Verdict::Hold,
        _ => Verdict::Do,
    });
    world.send(5, &end_request(producer, true));
    assert!(world.answer::<EndTxnResponse>(5).is_none(), "nothing is decided yet");
    assert_eq!(&*describe(&mut world, ID).transaction_state, "Ongoing");
    world.release();
    let answer: EndTxnResponse = world.answer(5).expect("it is decided");
    assert_eq!((answer.error_code, answer.producer_epoch), (NONE, 1));
    assert_eq!(&*describe(&mut world, ID).transaction_state, "CompleteCommit");
}

/// From now on the decision is written, and the markers are not.
fn hold_markers(world: &mut World) {
    let mut appends = 0;
    world.judge = Box::new(move |command| {
        appends += usize::from(matches!(command, StorageCommand::Append { .. }));
        if matches!(command, StorageCommand::Append { .. }) && appends > 1 { Verdict::Hold } else { Verdict::Do }
    });
}

#[test]
fn requests_of_the_next_transaction_wait_for_the_end_of_the_one_before() {
    let mut world = ready(&[]);
    let producer = init(&mut world, ID).unwrap();
    produce(&mut world, NEW, producer, 0, &["a"]);
    hold_markers(&mut world);
    let next = end(&mut world, NEW, producer, true).unwrap();
    assert_eq!(&*describe(&mut world, ID).transaction_state, "PrepareCommit");
    assert_eq!(init(&mut world, ID), Err(ErrorCode::ConcurrentTransactions));
    assert_eq!(end(&mut world, NEW, next, true), Err(ErrorCode::ConcurrentTransactions));
    world.send(NEW, &produce_request(next, 0, 0, &["b"]));
    world.send(NEW, &produce_request(next, 0, 1, &["c"]));
    assert!(world.answer::<ProduceResponse>(NEW).is_none());
    world.release();
    for expected in [NONE, NONE] {
        let answer: ProduceResponse = world.answer(NEW).expect("the markers are written");
        assert_eq!(answer.responses[0].partition_responses[0].error_code, expected);
    }
    end(&mut world, NEW, next, true).unwrap();
    assert_eq!(read_committed(&mut world, 0), ["a", "b", "c"]);
}

#[test]
fn who_waits_too_long_for_the_transaction_before_is_told_to_try_again() {
    let mut world = ready(&[]);
    let producer = init(&mut world, ID).unwrap();
    produce(&mut world, NEW, producer, 0, &["a"]);
    hold_markers(&mut world);
    let next = end(&mut world, NEW, producer, true).unwrap();
    world.send(NEW, &produce_request(next, 0, 0, &["b"]));
    world.pass_ms(100);
    let answer: ProduceResponse = world.answer(NEW).expect("it waited long enough");
    assert_eq!(answer.responses[0].partition_responses[0].error_code, ErrorCode::ConcurrentTransactions as i16);
}

#[test]
fn the_partitions_of_a_deleted_topic_hold_nobody_up() {
    let mut world = ready(&[]);
    world.create_topic("others", 1);
    let producer = init(&mut world, ID).unwrap();
    produce(&mut world, NEW, producer, 0, &["a"]);
    let request = DeleteTopicsRequest { topic_names: vec!["letters".into()], timeout_ms: 1_000, ..Default::default() };
    let _: DeleteTopicsResponse = world.call(5, &request);
    end(&mut world, NEW, producer, true).unwrap();
    assert_eq!(&*describe(&mut world, ID).transaction_state, "CompleteCommit");
}

/// A broker whose disk has failed one of the partitions, while the markers of a committed transaction were written.
fn with_a_marker_that_failed() -> World {
    let mut world = ready(&[]);
    let producer = init(&mut world, ID).unwrap();
    for partition in [0, 1] {
        produce(&mut world, NEW, producer, partition, &["a"]);
    }
    let mut appends = 0;
    world.judge = Box::new(move |command| {
        appends += usize::from(matches!(command, StorageCommand::Append { .. }));
        // After the decision.
        if matches!(command, StorageCommand::Append { .. }) && appends == 2 { Verdict::Fail } else { Verdict::Do }
    });
    assert_eq!(end(&mut world, NEW, producer, true), Ok((producer.0, 1)));
    let described = describe(&mut world, ID);
    assert_eq!((&*described.transaction_state, &described.topics[0].partitions[..]), ("PrepareCommit", &[0][..]));
    world.pass_ms(300_000);
    assert_eq!(&*describe(&mut world, ID).transaction_state, "PrepareCommit", "it is decided: no time ends it");
    world
}

#[test]
fn a_partition_whose_disk_failed_gets_its_marker_after_the_next_start() {
    let mut world = World::on(with_a_marker_that_failed().crash(), &[]);
    assert_eq!(&*describe(&mut world, ID).transaction_state, "CompleteCommit");
    assert_eq!(read_committed(&mut world, 0), ["a"]);
    assert_eq!(read_committed(&mut world, 1), ["a"]);
}

#[test]
fn a_partition_whose_disk_failed_holds_nobody_up_once_its_topic_is_deleted() {
    let mut world = with_a_marker_that_failed();
    let request = DeleteTopicsRequest { topic_names: vec!["letters".into()], timeout_ms: 1_000, ..Default::default() };
    let _: DeleteTopicsResponse = world.call(5, &request);
    assert_eq!(&*describe(&mut world, ID).transaction_state, "CompleteCommit");
}

#[test]
fn transactions_are_listed_by_state_producer_age_and_name() {
    let mut world = ready(&[]);
    let open = init(&mut world, "open-1").unwrap();
    produce_as(&mut world, "open-1", open, 0, &["a"]);
    let idle = init(&mut world, "idle-1").unwrap();
    world.pass_ms(10_000);
    let list = |world: &mut World, request: ListTransactionsRequest| {
        let answer: ListTransactionsResponse = world.call(2, &request);
        assert_eq!(answer.error_code, NONE);
        let mut ids: Vec<_> =
            answer.transaction_states.iter().map(|state| state.transactional_id.to_string()).collect();
        ids.sort();
        (ids, answer.unknown_state_filters.len())
    };
    let all = ListTransactionsRequest { duration_filter: -1, ..Default::default() };
    assert_eq!(list(&mut world, all.clone()).0, ["idle-1", "open-1"]);
    let states = vec!["Ongoing".into(), "Nonsense".into()];
    assert_eq!(
        list(&mut world, ListTransactionsRequest { state_filters: states, ..all.clone() }),
        (vec!["open-1".into()], 1)
    );
    let producers = ListTransactionsRequest { producer_id_filters: vec![idle.0], ..all.clone() };
    assert_eq!(list(&mut world, producers).0, ["idle-1"]);
    let young =
        ListTransactionsRequest { duration_filter: 10_000, state_filters: vec!["Ongoing".into()], ..all.clone() };
    assert_eq!(list(&mut world, young).0, [""; 0]);
    let old = ListTransactionsRequest { duration_filter: 9_999, state_filters: vec!["Ongoing".into()], ..all.clone() };
    assert_eq!(list(&mut world, old).0, ["open-1"]);
    let named = ListTransactionsRequest { transactional_id_pattern: Some("open-.".into()), ..all.clone() };
    assert_eq!(list(&mut world, named).0, ["open-1"]);
    let part = ListTransactionsRequest { transactional_id_pattern: Some("open".into()), ..all.clone() };
    assert_eq!(list(&mut world, part).0, [""; 0], "the whole id counts");
    let wrong = ListTransactionsRequest { transactional_id_pattern: Some("(".into()), ..all };
    let answer: ListTransactionsResponse = world.call(2, &wrong);
    assert_eq!(answer.error_code, ErrorCode::InvalidRegularExpression as i16);
}

#[test]
fn the_producers_of_a_partition_are_told_with_their_open_transactions() {
    let mut world = ready(&[]);
    let producer = init(&mut world, ID).unwrap();
    produce(&mut world, NEW, producer, 0, &["a", "b"]);
    let state = producers(&mut world, "letters", 0).unwrap().remove(0);
    assert_eq!((state.producer_id, state.producer_epoch, state.last_sequence), (producer.0, 0, 1));
    assert_eq!((state.coordinator_epoch, state.current_txn_start_offset), (-1, 0));
    end(&mut world, NEW, producer, true).unwrap();
    let state = producers(&mut world, "letters", 0).unwrap().remove(0);
    assert_eq!((state.producer_id, state.producer_epoch, state.last_sequence), (producer.0, 1, -1));
    assert_eq!((state.coordinator_epoch, state.current_txn_start_offset), (0, -1));
    assert_eq!(producers(&mut world, "letters", 1), Ok(vec![]));
    assert_eq!(producers(&mut world, "letters", 9), Err(ErrorCode::UnknownTopicOrPartition));
    assert_eq!(producers(&mut world, "a b", 0), Err(ErrorCode::InvalidTopicException));
}

#[test]
fn a_transaction_that_has_lost_its_coordinator_is_ended_by_hand() {
    let mut world = ready(&[("transaction.partition.verification.enable", "false")]);
    let hanging = (7, 3);
    assert_eq!(produce(&mut world, OLD, hanging, 0, &["a"]), NONE);
    assert_eq!(produce(&mut world, OLD, (8, 0), 0, &["b"]), NONE);
    let states = producers(&mut world, "letters", 0).unwrap();
    assert_eq!(states.iter().map(|state| state.current_txn_start_offset).collect::<Vec<_>>(), [0, 1]);
    let topic = WritableTxnMarkerTopic { name: "letters".into(), partition_indexes: vec![0, 9], ..Default::default() };
    let marker = WritableTxnMarker {
        producer_id: hanging.0,
        producer_epoch: hanging.1,
        transaction_result: false,
        topics: vec![topic],
        coordinator_epoch: 0,
        ..Default::default()
    };
    let request = WriteTxnMarkersRequest { markers: vec![marker], ..Default::default() };
    let answer: WriteTxnMarkersResponse = world.call(1, &request);
    let partitions = &answer.markers[0].topics[0].partitions;
    let errors: Vec<_> = partitions.iter().map(|partition| partition.error_code).collect();
    assert_eq!(errors, [NONE, ErrorCode::UnknownTopicOrPartition as i16]);
    let states = producers(&mut world, "letters", 0).unwrap();
    assert_eq!(states.iter().map(|state| state.current_txn_start_offset).collect::<Vec<_>>(), [-1, 1]);
    assert_eq!(fetch(&mut world, 0, 1).1, [(7, 0)]);
}

#[test]
fn a_marker_of_a_fenced_producer_or_coordinator_is_refused() {
    let mut world = ready(&[]);
    let mark = |world: &mut World, producer_epoch: i16, coordinator_epoch: i32| {
        let topic = WritableTxnMarkerTopic { name: "letters".into(), partition_indexes: vec![0], ..Default::default() };
        let marker = WritableTxnMarker {
            producer_id: 7,
            producer_epoch,
            coordinator_epoch,
            topics: vec![topic],
            ..Default::default()
        };
        let request = WriteTxnMarkersRequest { markers: vec![marker], ..Default::default() };
        let answer: WriteTxnMarkersResponse = world.call(2, &request);
        error(answer.markers[0].topics[0].partitions[0].error_code)
    };
    assert_eq!(mark(&mut world, 5, 3), ErrorCode::None);
    assert_eq!(mark(&mut world, 4, 3), ErrorCode::InvalidProducerEpoch);
    assert_eq!(mark(&mut world, 5, 2), ErrorCode::TransactionCoordinatorFenced);
}

#[test]
fn a_new_directory_has_version_2_of_transactions_and_clients_are_told() {
    let mut world = ready(&[]);
    let level = |world: &mut World| {
        let answer: ApiVersionsResponse = world.call(
            4,
            &ApiVersionsRequest {
                client_software_name: "test".into(),
                client_software_version: "1".into(),
                ..Default::default()
            },
        );
        let features = answer.finalized_features.iter();
        features.filter(|feature| &*feature.name == "transaction.version").map(|it| it.max_version_level).next()
    };
    assert_eq!(level(&mut world), Some(2));
}

#[test]
fn there_are_no_more_ids_and_partitions_than_the_limits_say() {
    let mut world = ready(&[("ottla.max.transactional.ids", "2"), ("ottla.max.partitions.per.transaction", "1")]);
    let producer = init(&mut world, "one").unwrap();
    init(&mut world, "two").unwrap();
    assert_eq!(init(&mut world, "three"), Err(ErrorCode::PolicyViolation));
    assert!(init(&mut world, "two").is_ok());
    assert_eq!(produce_as(&mut world, "one", producer, 0, &["a"]), NONE);
    assert_eq!(produce_as(&mut world, "one", producer, 1, &["a"]), ErrorCode::PolicyViolation as i16);
}

#[test]
fn who_waits_is_sent_to_look_for_another_coordinator_when_the_log_is_lost() {
    let mut world = ready(&[]);
    init(&mut world, ID).unwrap();
    world.judge = Box::new(|command| match command {
        StorageCommand::Append { .. } => Verdict::Fail,
        _ => Verdict::Do,
    });
    assert_eq!(init(&mut world, ID), Err(ErrorCode::NotCoordinator));
    assert_eq!(init(&mut world, ID), Err(ErrorCode::NotCoordinator));
}
