//! Histories as text: what is written is read again, and what is no history is refused with its line.

mod common;

use common::Tale;
use ottla_checker::model::{Plan, history};
use ottla_checker::{Anomaly, check, format, story};
use proptest::prelude::*;

fn error(text: &str) -> String {
    format::read(text.as_bytes()).unwrap_err().to_string()
}

#[test]
fn errors_say_the_line_what_was_expected_and_what_was_found() {
    let begin = r#"{"type":"invoke","op":1,"process":"a","operation":"send","partition":"p-0","values":[1,2]}"#;
    let with = |line: &str| error(&format!("{begin}\n\n{line}"));
    assert_eq!(
        with(r#"{"type":"ok","op":1,"offsets":[0]}"#),
        "line 3: expected 2 offsets, one for each value, or none; found 1"
    );
    assert_eq!(
        with(r#"{"type":"ok","op":2}"#),
        "line 3: expected the number of an operation that has begun and not ended, found 2"
    );
    assert_eq!(
        with(r#"{"type":"ok","op":1,"reads":[]}"#),
        "line 3: expected the completion of a send, found that of a poll"
    );
    assert_eq!(
        with(r#"{"type":"ok","op":1,"offsets":[0,1],"mark":"log_end"}"#),
        "line 3: expected no field \"mark\" of the completion of a send, found one"
    );
    assert_eq!(
        with(r#"{"type":"done","op":1}"#),
        "line 3: expected \"invoke\", \"ok\", \"fail\", \"unknown\" or \"event\" as \"type\", found \"done\""
    );
    assert!(
        with(r#"{"type":"ok","op":1,"ofsets":[0,1]}"#).starts_with("line 3: unknown field `ofsets`, expected one of")
    );
    assert!(with(r#"{"type":"ok","op":"#).starts_with("line 3: EOF while parsing"));
    assert_eq!(
        error(r#"{"type":"invoke","op":1,"process":"a","operation":"send","values":[]}"#),
        "line 1: expected the field \"partition\" of operation \"send\", found none"
    );
    assert_eq!(with(begin), "line 3: expected a number that no open operation has, found 1");
    assert_eq!(with(r#"{"type":"ok","op":1,"offsets":[0,-1]}"#), "line 3: expected an offset of 0 or more, found -1");
}

#[test]
fn a_story_says_who_when_and_which_offsets() {
    let tale = Tale::default()
        .line(r#"{"type":"invoke","op":1,"process":"writer","at_us":100,"operation":"send","partition":"p-0","values":[7,8,9],"once":true}"#)
        .line(r#"{"type":"ok","op":1,"at_us":250,"offsets":[0,1,2]}"#)
        .line(r#"{"type":"invoke","op":2,"process":"reader","at_us":300,"operation":"poll"}"#)
        .line(r#"{"type":"ok","op":2,"at_us":420,"reads":[{"partition":"p-0","records":[[0,7],[2,9]]}]}"#);
    let history = tale.history();
    let verdict = check(&history);
    let lost = verdict.anomalies().find(|anomaly| matches!(anomaly, Anomaly::LostWrite { .. })).unwrap();
    let expected = "\
lost-write · p-0 offset 1
  A record was acknowledged and read past, and nobody got it.
  writer was told that 8 is at 1. reader read past it. Nobody ever got it.
  >       0.000100 s  #0      writer  sends 7 8 9 to p-0
  >       0.000250 s  #0      writer  acknowledged at 0 1 2 of p-0
  >       0.000300 s  #1      reader  polls
  >       0.000420 s  #1      reader  got 0=7 2=9 of p-0
";
    assert_eq!(story::tell(&history, lost), expected);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read_again(seed in any::<u64>(), restart in prop_oneof![Just(0), Just(50)]) {
        let written = |history| {
            let mut text = Vec::new();
            format::write(&history, &mut text).unwrap();
            text
        };
        let text = written(history(Plan { restart, forgives: true, ..Plan::default() }, seed).unwrap());
        let again = written(format::read(text.as_slice()).unwrap());
        // Numbers of operations are their order, so that they are the same.
        prop_assert_eq!(String::from_utf8(text).unwrap(), String::from_utf8(again).unwrap());
    }
}
