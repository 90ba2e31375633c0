//! Of each anomaly: the smallest history that shows it, and clean ones that nearly do.

mod common;

use common::{COMMITTED, POLL, Tale, commit, reads, send};
use ottla_checker::Kind;

fn tale() -> Tale {
    Tale::default()
}

#[test]
fn two_records_at_one_offset_are_inconsistent() {
    tale().sends("a", 1, 0).sends("b", 2, 0).shows(&[Kind::InconsistentOffsets]);
    tale().sends("a", 1, 0).sends("b", 2, 1).is_clean();
    // In another life of the topic each offset comes again.
    let other_life = r#""operation":"send","partition":"p#2-0","values":[2],"once":true"#;
    tale().sends("a", 1, 0).whole("b", other_life, "ok", r#""offsets":[0]"#).is_clean();
    // After a forgiven power loss as well.
    tale().sends("a", 1, 0).restarts(true).sends("b", 2, 0).is_clean();
    tale().sends("a", 1, 0).restarts(false).sends("b", 2, 0).shows(&[Kind::InconsistentOffsets]);
}

#[test]
fn an_acknowledged_record_that_is_read_past_is_lost() {
    let sent = tale().sends("a", 1, 0).sends("a", 2, 1).sends("a", 3, 2);
    let is_lost = [Kind::LostWrite, Kind::PollSkip];
    sent.clone().polls("c", "[0,1]").polls("c", "[2,3]").shows(&is_lost);
    sent.clone().seeks("c", 0).polls("c", "[1,2],[2,3]").shows(&is_lost);
    sent.clone().polls("c", "[2,3]").is_clean();
    // Somebody else has got it: it is there, and only left out.
    sent.clone().polls("c", "[0,1]").polls("c", "[2,3]").polls("d", "[0,1],[1,2],[2,3]").shows(&[Kind::PollSkip]);
    sent.clone().polls("c", "[0,1]").seeks("c", 2).polls("c", "[2,3]").is_clean();
    tale().keeps("some").polls("c", "").sends("a", 1, 0).sends("a", 2, 1).sends("a", 3, 2).is_clean();
}

#[test]
fn what_was_not_acknowledged_may_be_gone() {
    let unknown = tale().sends("a", 1, 0).whole("a", &send(2), "unknown", "").sends("a", 3, 2);
    unknown.clone().polls("c", "[0,1],[2,3]").is_clean();
    let open = tale().sends("a", 1, 0).begin(7, "b", &send(2)).sends("a", 3, 2);
    open.polls("c", "[0,1],[2,3]").is_clean();
    // Who read it knows that it is there.
    unknown.polls("d", "[1,2]").polls("c", "[0,1],[2,3]").shows(&[Kind::IntPollSkip]);
}

#[test]
fn gaps_between_offsets_are_no_anomaly() {
    let aborted = tale().sends("a", 1, 0).sends_in(9, 2, 1).aborts(9).sends("a", 3, 3);
    aborted.clone().polls_committed("c", "[0,1],[3,3]").is_clean();
    aborted.polls("c", "[0,1],[3,3]").shows(&[Kind::IntPollSkip]);
    let committed = tale().sends("a", 1, 0).sends_in(9, 2, 1).commits(9).sends("a", 3, 3);
    committed.clone().polls_committed("c", "[0,1],[1,2],[3,3]").is_clean();
    committed.polls_committed("c", "[0,1],[3,3]").shows(&[Kind::LostWrite, Kind::IntPollSkip]);
}

#[test]
fn deleted_compacted_and_old_records_may_be_gone() {
    let sent = |tale: Tale| tale.sends("a", 1, 0).sends("a", 2, 1).sends("a", 3, 2);
    let delete = r#""operation":"delete","partition":"p-0","before":2"#;
    sent(tale()).whole("b", delete, "ok", r#""offset":2"#).seeks("c", 0).polls("c", "[2,3]").is_clean();
    sent(tale()).whole("b", delete, "unknown", "").seeks("c", 0).polls("c", "[2,3]").is_clean();
    let failed = sent(tale()).whole("b", delete, "fail", "").seeks("c", 0).polls("c", "[2,3]");
    failed.shows(&[Kind::LostWrite, Kind::PollSkip]);
    sent(tale().keeps("some")).polls("c", "[0,1],[2,3]").is_clean();
    sent(tale().keeps("recent")).observes("b", "log_start", 2).seeks("c", 0).polls("c", "[2,3]").is_clean();
    let inside = sent(tale().keeps("recent")).polls("c", "[0,1],[2,3]");
    inside.shows(&[Kind::LostWrite, Kind::IntPollSkip]);
}

#[test]
fn a_position_that_is_said_to_be_reached_counts_as_read() {
    let sent = tale().sends("a", 1, 0).sends("a", 2, 1);
    let read = |next: i64| format!(r#""reads":[{{"partition":"p-0","from":0,"next":{next},"records":[[0,1]]}}]"#);
    sent.clone().whole("c", POLL, "ok", &read(1)).is_clean();
    sent.whole("c", POLL, "ok", &read(2)).shows(&[Kind::LostWrite, Kind::IntPollSkip]);
}

#[test]
fn polls_that_go_back_are_nonmonotonic() {
    let sent = tale().sends("a", 1, 0).sends("a", 2, 1);
    sent.clone().polls("c", "[0,1],[1,2]").polls("c", "[1,2]").shows(&[Kind::NonmonotonicPoll]);
    sent.clone().polls("c", "[1,2],[0,1]").shows(&[Kind::IntNonmonotonicPoll]);
    sent.clone().polls("c", "[0,1],[1,2]").seeks("c", 1).polls("c", "[1,2]").is_clean();
    sent.clone().polls("c", "[0,1],[1,2]").owns("c", 2).polls("c", "[0,1]").is_clean();
    let kept = r#""operation":"assign","partitions":["p-0"],"kept":["p-0"]"#;
    let goes_on = sent.clone().polls("c", "[0,1],[1,2]").event("c", kept).polls("c", "[0,1]");
    goes_on.shows(&[Kind::NonmonotonicPoll]);
    // Nobody knows how far it had come.
    sent.polls("c", "[0,1]").whole("c", POLL, "unknown", "").polls("c", "[0,1]").is_clean();
}

#[test]
fn a_record_at_two_offsets_is_a_duplicate_unless_its_producer_may_retry() {
    tale().sends("a", 1, 0).polls("c", "[0,1],[1,1]").shows(&[Kind::Duplicate]);
    let retried = r#""operation":"send","partition":"p-0","values":[1]"#;
    tale().whole("a", retried, "ok", r#""offsets":[1]"#).polls("c", "[0,1],[1,1]").is_clean();
    let twice = tale().whole("a", &send(1), "unknown", "").sends("a", 1, 1);
    twice.clone().polls("c", "[0,1],[1,1]").is_clean();
    twice.polls("c", "[0,1],[1,1],[2,1]").shows(&[Kind::Duplicate]);
}

#[test]
fn an_idempotent_batch_has_one_offset() {
    let batch = format!(r#"{},"sequence":{{"producer":7,"epoch":0,"first":0}}"#, send(1));
    let first = tale().whole("a", &batch, "ok", r#""offsets":[0]"#);
    first.clone().whole("a", &batch, "ok", r#""offsets":[0]"#).polls("c", "[0,1]").is_clean();
    let elsewhere = first.whole("a", &batch, "ok", r#""offsets":[3]"#);
    elsewhere.shows(&[Kind::RetryElsewhere, Kind::Duplicate]);
    let lost = tale().whole("a", &batch, "unknown", "").whole("a", &batch, "ok", r#""offsets":[0]"#);
    lost.polls("c", "[0,1],[1,1]").shows(&[Kind::Duplicate]);
}

#[test]
fn what_nobody_sent_there_is_not_read() {
    tale().polls("c", "[0,1]").shows(&[Kind::UnsentRead]);
    let elsewhere = r#""operation":"send","partition":"p-1","values":[1],"once":true"#;
    tale().whole("a", elsewhere, "ok", r#""offsets":[0]"#).polls("c", "[0,1]").shows(&[Kind::UnsentRead]);
    tale().whole("a", &send(1), "unknown", "").polls("c", "[0,1]").is_clean();
}

#[test]
fn what_failed_or_was_aborted_is_not_read() {
    tale().whole("a", &send(1), "fail", "").polls("c", "[0,1]").shows(&[Kind::AbortedRead]);
    let aborted = tale().sends_in(9, 1, 0).aborts(9);
    aborted.clone().polls_committed("c", "[0,1]").shows(&[Kind::AbortedRead]);
    aborted.polls("c", "[0,1]").is_clean();
    // Nobody has asked to commit it.
    tale().sends_in(9, 1, 0).polls_committed("c", "[0,1]").shows(&[Kind::AbortedRead]);
    let commit = r#""operation":"commit_transaction","transaction":9"#;
    tale().sends_in(9, 1, 0).whole("t", commit, "fail", "").polls_committed("c", "[0,1]").shows(&[Kind::AbortedRead]);
    tale().sends_in(9, 1, 0).whole("t", commit, "unknown", "").polls_committed("c", "[0,1]").is_clean();
    tale().sends_in(9, 1, 0).begin(1, "t", commit).polls_committed("c", "[0,1]").is_clean();
}

#[test]
fn what_is_not_yet_committed_is_not_read() {
    tale().sends_in(9, 1, 0).polls_committed("c", "[0,1]").commits(9).shows(&[Kind::PrecommittedRead]);
    tale().sends_in(9, 1, 0).polls("c", "[0,1]").commits(9).is_clean();
    let commit = r#""operation":"commit_transaction","transaction":9"#;
    let waits = tale().sends_in(9, 1, 0).begin(1, "c", COMMITTED).begin(2, "t", commit);
    waits.end(1, "ok", &reads("[0,1]")).end(2, "ok", "").is_clean();
    let own = format!(r#"{COMMITTED},"transaction":9"#);
    tale().sends_in(9, 1, 0).whole("t", &own, "ok", &reads("[0,1]")).commits(9).shows(&[Kind::PrecommittedRead]);
}

#[test]
fn what_was_sent_later_is_behind() {
    tale().sends("a", 1, 1).sends("a", 2, 0).shows(&[Kind::NonmonotonicSend, Kind::G0Process]);
    tale().sends("a", 1, 1).sends("b", 2, 0).shows(&[Kind::NonmonotonicSend, Kind::G0RealTime]);
    let at_once = tale().begin(1, "a", &send(1)).sends("b", 2, 0).end(1, "ok", r#""offsets":[1]"#);
    at_once.is_clean();
    tale().begin(1, "a", &send(1)).end(1, "unknown", "").sends("b", 2, 0).polls("c", "[0,2],[1,1]").is_clean();
}

#[test]
fn records_of_a_send_are_in_its_order() {
    let two = |guarantee: &str| format!(r#""operation":"send","partition":"p-0","values":[1,2],"once":{guarantee}"#);
    let reversed = r#""offsets":[1,0]"#;
    tale().whole("a", &two("true"), "ok", reversed).shows(&[Kind::IntNonmonotonicSend]);
    tale().whole("a", &two("false"), "ok", reversed).is_clean();
    tale().sends_in(9, 1, 1).sends_in(9, 2, 0).commits(9).shows(&[Kind::IntNonmonotonicSend]);
    let apart = tale().whole("a", &two("true"), "ok", r#""offsets":[0,2]"#);
    apart.clone().is_clean();
    let between = tale().begin(1, "a", &two("true")).sends("b", 3, 1).end(1, "ok", r#""offsets":[0,2]"#);
    between.shows(&[Kind::IntSendSkip, Kind::G0]);
}

#[test]
fn transactions_that_read_each_other_are_a_circle() {
    let poll = |transaction: u64| format!(r#"{COMMITTED},"transaction":{transaction}"#);
    let both = tale()
        .sends_in(1, 1, 0)
        .sends_in(2, 2, 1)
        .whole("t", &poll(1), "ok", &reads("[1,2]"))
        .whole("u", &poll(2), "ok", &reads("[0,1]"))
        .commits(1)
        .commits(2);
    assert!(both.kinds().contains(&Kind::G1c));
    let one =
        tale().sends_in(1, 1, 0).commits(1).sends_in(2, 2, 1).whole("t", &poll(2), "ok", &reads("[0,1]")).commits(2);
    one.is_clean();
}

#[test]
fn what_is_read_before_it_is_sent_is_a_circle() {
    tale().polls("c", "[0,1]").sends("a", 1, 0).shows(&[Kind::G1cRealTime]);
    tale().polls("a", "[0,1]").sends("a", 1, 0).shows(&[Kind::G1cProcess]);
    // Nearly: the poll, or the send, was still under way.
    tale().begin(1, "c", POLL).sends("a", 1, 0).end(1, "ok", &reads("[0,1]")).is_clean();
    tale().begin(1, "a", POLL).sends("a", 1, 0).end(1, "ok", &reads("[0,1]")).is_clean();
    for process in ["a", "c"] {
        tale().begin(1, "a", &send(1)).polls(process, "[0,1]").end(1, "ok", r#""offsets":[0]"#).is_clean();
    }
}

#[test]
fn logs_have_the_order_of_what_was_not_under_way_at_once() {
    for (process, circle) in [("a", Kind::G0Process), ("b", Kind::G0RealTime)] {
        tale().sends("a", 1, 1).sends(process, 2, 0).shows(&[Kind::NonmonotonicSend, circle]);
        // Nearly: the second began before the first had ended.
        let both = tale().begin(1, "a", &send(1)).begin(2, process, &send(2));
        both.end(1, "ok", r#""offsets":[1]"#).end(2, "ok", r#""offsets":[0]"#).is_clean();
    }
}

#[test]
fn answers_with_records_say_where_marks_are() {
    for mark in ["high_watermark", "last_stable_offset", "log_start"] {
        let told = |offset: i64| format!(r#""reads":[{{"partition":"p-0","records":[],"{mark}":{offset}}}]"#);
        let tells = |tale: Tale, offset: i64| tale.whole("c", POLL, "ok", &told(offset));
        tells(tells(tale(), 5), 4).shows(&[Kind::MarkWentBack]);
        tells(tells(tale(), 5), 5).is_clean();
        tells(tale().observes("a", mark, 5), 4).shows(&[Kind::MarkWentBack]);
        tells(tale(), 5).observes("a", mark, 4).shows(&[Kind::MarkWentBack]);
        tells(tale(), 5).restarts(true).observes("a", mark, 4).is_clean();
        tale().begin(1, "b", POLL).observes("a", mark, 5).end(1, "ok", &told(4)).is_clean();
    }
    // What is before the start may be gone.
    let sent = tale().keeps("recent").sends("a", 1, 0).sends("a", 2, 1).sends("a", 3, 2);
    let start = r#""reads":[{"partition":"p-0","from":2,"records":[[2,3]],"log_start":2}]"#;
    sent.clone().polls("c", "[0,1]").whole("c", POLL, "ok", start).is_clean();
    sent.polls("c", "[0,1]").polls("c", "[2,3]").shows(&[Kind::LostWrite, Kind::PollSkip]);
}

#[test]
fn a_restart_that_forgives_forgives_what_was_decided() {
    let aborted = tale().sends_in(1, 1, 0).aborts(1);
    aborted.clone().restarts(true).polls_committed("c", "[0,1]").is_clean();
    aborted.restarts(false).polls_committed("c", "[0,1]").shows(&[Kind::AbortedRead]);
}

#[test]
fn transactions_that_are_woven_into_each_other_are_no_violation() {
    let woven = tale().sends_in(1, 1, 0).sends_in(2, 2, 1).sends_in(1, 3, 2).commits(1).commits(2);
    woven.shows(&[Kind::G0, Kind::IntSendSkip]);
    assert!(ottla_checker::check(&woven.history()).is_good());
    let read = tale()
        .whole("u", &format!(r#"{},"transaction":2"#, send(2)), "ok", r#""offsets":[0]"#)
        .sends_in(1, 1, 1)
        .commits(1)
        .whole("u", &format!(r#"{COMMITTED},"transaction":2"#), "ok", &reads("[1,1]"))
        .whole("u", r#""operation":"commit_transaction","transaction":2"#, "ok", "");
    read.shows(&[Kind::G1cLog]);
}

#[test]
fn a_log_does_not_end_before_what_was_acknowledged_or_read() {
    tale().sends("a", 1, 4).observes("b", "log_end", 4).shows(&[Kind::AcknowledgedBeyondEnd]);
    tale().sends("a", 1, 4).restarts(false).observes("b", "log_end", 4).shows(&[Kind::AcknowledgedBeyondEnd]);
    tale().sends("a", 1, 4).restarts(true).observes("b", "log_end", 4).is_clean();
    tale().sends("a", 1, 4).observes("b", "log_end", 5).is_clean();
    let asks = r#""operation":"observe","partition":"p-0","mark":"log_end""#;
    tale().begin(1, "b", asks).sends("a", 1, 4).end(1, "ok", r#""offset":4"#).is_clean();
    // What nobody was promised may go with a crash.
    tale().observes("b", "log_end", 9).restarts(false).observes("b", "log_end", 5).is_clean();
}

#[test]
fn marks_do_not_go_back() {
    for mark in ["high_watermark", "last_stable_offset", "log_start"] {
        tale().observes("a", mark, 5).observes("b", mark, 4).shows(&[Kind::MarkWentBack]);
        tale().observes("a", mark, 4).observes("b", mark, 4).is_clean();
        let asks = format!(r#""operation":"observe","partition":"p-0","mark":"{mark}""#);
        tale().begin(1, "b", &asks).observes("a", mark, 5).end(1, "ok", r#""offset":4"#).is_clean();
        tale().observes("a", mark, 5).restarts(true).observes("b", mark, 4).is_clean();
    }
    let read = tale().sends("a", 1, 4).polls_committed("c", "[4,1]").restarts(false);
    read.clone().observes("b", "high_watermark", 4).shows(&[Kind::MarkWentBack]);
    read.observes("b", "last_stable_offset", 4).shows(&[Kind::MarkWentBack]);
}

#[test]
fn committed_offsets_do_not_go_back() {
    let twice = tale().commits_offset("c", 3).commits_offset("c", 5);
    twice.clone().finds_committed("d", "3").shows(&[Kind::CommittedOffsetWentBack]);
    twice.clone().finds_committed("d", "null").shows(&[Kind::CommittedOffsetWentBack]);
    twice.clone().finds_committed("d", "5").is_clean();
    // Who goes back may commit that.
    twice.clone().commits_offset("c", 3).finds_committed("d", "3").is_clean();
    let seen = tale().commits_offset("c", 3).begin(1, "c", &commit(5));
    seen.clone().finds_committed("d", "3").finds_committed("d", "5").is_clean();
    seen.finds_committed("d", "5").finds_committed("d", "3").shows(&[Kind::CommittedOffsetWentBack]);
    twice.clone().restarts(true).finds_committed("d", "3").is_clean();
    twice.restarts(false).finds_committed("d", "3").shows(&[Kind::CommittedOffsetWentBack]);
}

#[test]
fn committed_offsets_were_committed() {
    tale().finds_committed("d", "3").shows(&[Kind::UnsentCommit]);
    tale().finds_committed("d", "null").is_clean();
    tale().whole("c", &commit(3), "fail", "").finds_committed("d", "3").shows(&[Kind::UnsentCommit]);
    tale().whole("c", &commit(3), "unknown", "").finds_committed("d", "3").is_clean();
    let within = format!(r#"{},"transaction":9"#, commit(3));
    let of_transaction = tale().whole("t", &within, "ok", "");
    of_transaction.clone().aborts(9).finds_committed("d", "3").shows(&[Kind::UnsentCommit]);
    of_transaction.clone().commits(9).finds_committed("d", "3").is_clean();
    // It is seen some time after its transaction is committed, but for those who wait for it.
    of_transaction.clone().commits(9).finds_committed("d", "null").is_clean();
    let stable = r#""operation":"committed_offsets","group":"g","isolation":"committed""#;
    let nothing = r#""positions":[{"partition":"p-0","offset":null}]"#;
    of_transaction.commits(9).whole("d", stable, "ok", nothing).shows(&[Kind::CommittedOffsetWentBack]);
}

#[test]
fn a_partition_has_one_owner_in_a_generation() {
    tale().owns("c", 1).owns("d", 1).shows(&[Kind::TwoOwners]);
    tale().owns("c", 1).owns("d", 2).owns("c", 1).is_clean();
}

#[test]
fn files_have_what_was_read() {
    let sent = tale().sends("a", 1, 0).sends("a", 2, 1);
    sent.clone().disk(2, "[0,1],[1,2]").is_clean();
    sent.clone().disk(2, "[0,1],[1,3]").shows(&[Kind::DiskUnequal]);
    sent.clone().disk(2, "[0,1]").shows(&[Kind::DiskUnequal]);
    sent.clone().disk(3, "[0,1],[1,2],[2,7]").shows(&[Kind::DiskUnequal]);
    sent.clone().disk(1, "[0,1]").shows(&[Kind::AcknowledgedBeyondEnd]);
    sent.whole("a", &send(3), "unknown", "").disk(3, "[0,1],[1,2],[2,3]").is_clean();
}

#[test]
fn what_nobody_came_to_read_is_noted() {
    let verdict = ottla_checker::check(&tale().sends("a", 1, 0).history());
    assert_eq!(verdict.count(Kind::Unseen), 1);
    assert!(verdict.is_good());
    let verdict = ottla_checker::check(&tale().sends("a", 1, 0).polls("c", "[0,1]").history());
    assert_eq!(verdict.count(Kind::Unseen), 0);
}
