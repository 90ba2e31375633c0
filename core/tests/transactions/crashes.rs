//! A transaction is cut short at every command to the disk, and ends as a whole.

use crate::client::*;
use crate::world::{Verdict, World};
use ottla_core::wire::ErrorCode;
use ottla_core::wire::messages::end_txn::EndTxnResponse;

#[test]
fn a_crash_at_any_command_ends_a_transaction_as_a_whole() {
    for is_synced in [false, true] {
        for end in [Way::Commit, Way::Abort, Way::Fence] {
            let crashes = (0..).take_while(|after| !crash(*after, is_synced, end));
            let count = crashes.count();
            assert!(
                count >= if is_synced { 12 } else { 6 },
                "{end:?}: a decision, four markers, that it is done: {count}"
            );
        }
    }
}

/// How a transaction ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Commit,
    Abort,
    Fence,
}

/// Ends a transaction on a disk that does so many commands more, then crashes. Whether it did all that there were.
fn crash(after: usize, is_synced: bool, end: Way) -> bool {
    let properties: &[(&str, &str)] = if is_synced { &[("log.flush.interval.messages", "1")] } else { &[] };
    let mut world = ready(properties);
    let producer = init(&mut world, ID).unwrap();
    for partition in 0..3 {
        assert_eq!(produce(&mut world, NEW, producer, partition, &["x"]), NONE);
    }
    assert_eq!(commit_offset(&mut world, 5, producer, ("readers", -1), 7), NONE);
    let mut commands = 0;
    world.judge = Box::new(move |_| {
        commands += 1;
        if commands > after { Verdict::Hold } else { Verdict::Do }
    });
    let mut was_told = false;
    if end == Way::Fence {
        world.send(4, &init_request(ID, (-1, -1)));
    } else {
        world.send(5, &end_request(producer, end == Way::Commit));
        was_told = world.answer::<EndTxnResponse>(5).is_some_and(|answer| answer.error_code == NONE);
    }
    let is_all = world.held() == 0;
    let mut world = World::on(world.crash(), properties);
    world.pass_ms(i64::from(TIMEOUT_MS));
    let read: Vec<_> = (0..3).map(|partition| read_committed(&mut world, partition).len()).collect();
    let is_committed = read == [1, 1, 1];
    assert!(is_committed || read == [0, 0, 0], "{end:?} after {after} commands: {read:?}");
    assert_eq!(stable_offset(&mut world, "readers"), Ok(if is_committed { 7 } else { -1 }));
    assert!(!was_told || is_committed == (end == Way::Commit), "{end:?} after {after} commands");
    let state = describe(&mut world, ID).transaction_state.to_string();
    assert_eq!(state, if is_committed { "CompleteCommit" } else { "CompleteAbort" });
    let next = init(&mut world, ID).unwrap();
    assert!(next.1 > producer.1);
    assert_eq!(produce(&mut world, NEW, producer, 0, &["zombie"]), ErrorCode::InvalidProducerEpoch as i16);
    is_all
}
