//! One thing is changed in a history in which nothing is wrong: exactly that is found, in whatever goes on around it.

use std::collections::BTreeMap;

use ottla_checker::model::{Plan, history};
use ottla_checker::{Kind, check, format};
use proptest::prelude::*;
use serde_json::{Value, json};

/// A history as lines, and by the numbers of operations the lines that begin them.
#[derive(Clone)]
struct Lines(Vec<Value>, BTreeMap<u64, Value>);

impl Lines {
    fn made(seed: u64) -> Self {
        let plan = Plan { operations: 400, unknown: 40, clients: 16, ..Plan::default() };
        let mut text = Vec::new();
        format::write(&history(plan, seed).unwrap(), &mut text).unwrap();
        let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let lines: Vec<Value> = lines.map(|line| serde_json::from_slice(line).unwrap()).collect();
        let begins = lines.iter().filter(|line| line["type"] == "invoke");
        let begins = begins.map(|line| (line["op"].as_u64().unwrap(), line.clone())).collect();
        Self(lines, begins)
    }

    fn kinds(&self) -> Vec<Kind> {
        let text: Vec<String> = self.0.iter().map(Value::to_string).collect();
        let verdict = check(&format::read(text.join("\n").as_bytes()).unwrap());
        verdict.counts().keys().copied().collect()
    }

    /// The line that begins what another one ends.
    fn begin_of(&self, end: usize) -> &Value {
        &self.1[&self.0[end]["op"].as_u64().unwrap()]
    }

    /// Lines that say how something went well, whose begin is like that.
    fn ends(&self, operation: &str) -> Vec<usize> {
        let is_one = |at: &usize| self.0[*at]["type"] == "ok" && self.begin_of(*at)["operation"] == operation;
        (0..self.0.len()).filter(is_one).collect()
    }

    /// Of polls, which read has at least so many records: line, and number of the read.
    fn reads(&self, least: usize) -> Vec<(usize, usize)> {
        let of_line = |at: usize| {
            let reads = self.0[at]["reads"].as_array().unwrap();
            let has = move |read: &usize| reads[*read]["records"].as_array().unwrap().len() >= least;
            (0..reads.len()).filter(has).map(move |read| (at, read)).collect::<Vec<_>>()
        };
        self.ends("poll").into_iter().flat_map(of_line).collect()
    }

    fn records(&mut self, (line, read): (usize, usize)) -> &mut Vec<Value> {
        self.0[line]["reads"][read]["records"].as_array_mut().unwrap()
    }

    /// Something more begins and ends well.
    fn whole(&mut self, mut begin: Value, mut end: Value) {
        let op = 1_000_000 + self.0.len();
        for (line, kind) in [(&mut begin, "invoke"), (&mut end, "ok")] {
            line["type"] = json!(kind);
            line["op"] = json!(op);
        }
        begin["process"] = json!("somebody");
        self.0.extend([begin, end]);
    }

    /// A number of an observation is that much lower, if it can be.
    fn lower(&mut self, at: usize, by: i64) -> bool {
        let offset = self.0[at]["offset"].as_i64().unwrap();
        self.0[at]["offset"] = json!(offset - by);
        offset >= by
    }
}

fn pick<T: Copy>(from: &[T], number: usize) -> Option<T> {
    if from.is_empty() { None } else { Some(from[number % from.len()]) }
}

type Change = fn(&mut Lines, usize) -> Option<()>;

/// A record that is read has another value: one that nobody sent.
fn invent(lines: &mut Lines, number: usize) -> Option<()> {
    let read = pick(&lines.reads(1), number)?;
    lines.records(read)[0][1] = json!(u64::MAX);
    Some(())
}

/// Two records of a read are in each other's places.
fn swap(lines: &mut Lines, number: usize) -> Option<()> {
    let read = pick(&lines.reads(2), number)?;
    lines.records(read).swap(0, 1);
    Some(())
}

/// A read comes twice.
fn repeat(lines: &mut Lines, number: usize) -> Option<()> {
    let read = pick(&lines.reads(1), number)?;
    let first = lines.records(read)[0].clone();
    lines.records(read).insert(1, first);
    Some(())
}

/// A record between two others is not read by anybody who read it.
fn hide(lines: &mut Lines, number: usize) -> Option<()> {
    // One that was acknowledged and can't be there twice or be aborted.
    let is_plain = |at: &usize| {
        let begin = lines.begin_of(*at);
        begin.get("sequence").is_some() && begin.get("transaction").is_none()
    };
    let sends: Vec<usize> = lines.ends("send").into_iter().filter(is_plain).collect();
    let around = lines.reads(3);
    let acknowledged: Vec<Value> =
        sends.iter().flat_map(|at| lines.begin_of(*at)["values"].as_array().unwrap().clone()).collect();
    // What somebody has deleted may be gone.
    let low = lines.0.iter().filter_map(|line| line["before"].as_i64()).max().unwrap_or_default();
    let is_known = |lines: &mut Lines, read: (usize, usize)| {
        let record = &lines.records(read)[1];
        acknowledged.contains(&record[1]) && record[0].as_i64() >= Some(low)
    };
    let candidates: Vec<(usize, usize)> = around.into_iter().filter(|read| is_known(lines, *read)).collect();
    let value = {
        let read = pick(&candidates, number)?;
        lines.records(read)[1][1].clone()
    };
    for read in lines.reads(1) {
        lines.records(read).retain(|record| record[1] != value);
    }
    // What its files have is not the question here.
    lines.0.retain(|line| line["operation"] != "disk");
    Some(())
}

/// A commit that was acknowledged was an abort.
fn abort(lines: &mut Lines, number: usize) -> Option<()> {
    let seen: Vec<Value> = lines
        .ends("poll")
        .into_iter()
        .filter(|at| lines.begin_of(*at)["isolation"] == "committed")
        .flat_map(|at| lines.0[at]["reads"].as_array().unwrap().clone())
        .flat_map(|read| read["records"].as_array().unwrap().clone())
        .map(|record| record[1].clone())
        .collect();
    let sends = lines.0.iter().filter(|line| line["operation"] == "send" && line.get("transaction").is_some());
    let is_seen = |line: &&Value| line["values"].as_array().unwrap().iter().any(|value| seen.contains(value));
    let transactions: Vec<&Value> = sends.filter(is_seen).map(|line| &line["transaction"]).collect();
    let transaction = pick(&transactions, number)?.clone();
    for line in &mut lines.0 {
        if line["operation"] == "commit_transaction" && line["transaction"] == transaction {
            line["operation"] = json!("abort_transaction");
        }
    }
    Some(())
}

/// An idempotent producer's batch is acknowledged elsewhere than where it was read.
fn move_batch(lines: &mut Lines, number: usize) -> Option<()> {
    let seen: Vec<Value> = lines
        .reads(1)
        .into_iter()
        .flat_map(|read| lines.records(read).clone())
        .map(|record| record[1].clone())
        .collect();
    let is_idempotent = |at: &usize| {
        let begin = lines.begin_of(*at);
        begin.get("sequence").is_some() && seen.contains(&begin["values"][0])
    };
    let sends: Vec<usize> = lines.ends("send").into_iter().filter(is_idempotent).collect();
    let at = pick(&sends, number)?;
    for offset in lines.0[at]["offsets"].as_array_mut().unwrap() {
        *offset = json!(offset.as_i64().unwrap() + 100_000);
    }
    Some(())
}

/// A mark is seen before where it was.
fn lower_mark(lines: &mut Lines, number: usize) -> Option<()> {
    let is_mark = |at: &usize| lines.begin_of(*at)["mark"] == "high_watermark";
    let marks: Vec<usize> = lines.ends("observe").into_iter().filter(is_mark).collect();
    // The first sets it, and the second goes back.
    let later = pick(marks.get(1..)?, number)?;
    let by = lines.0[later]["offset"].as_i64().unwrap();
    (by > 0 && is_read_before(lines, later) && lines.lower(later, by)).then_some(())
}

/// A log ends before what was acknowledged.
fn lower_end(lines: &mut Lines, number: usize) -> Option<()> {
    let is_end = |at: &usize| lines.begin_of(*at)["mark"] == "log_end";
    let ends: Vec<usize> = lines.ends("observe").into_iter().filter(is_end).collect();
    let at = pick(&ends, number)?;
    let by = lines.0[at]["offset"].as_i64().unwrap();
    (is_read_before(lines, at) && lines.lower(at, by)).then_some(())
}

/// Whether somebody has read the partition that is looked at, before the look begins.
fn is_read_before(lines: &mut Lines, at: usize) -> bool {
    let begin = lines.begin_of(at).clone();
    let begun = lines.0.iter().position(|line| *line == begin).unwrap();
    let is_of = |line: &Value| {
        line["reads"].as_array().is_some_and(|reads| {
            let has = |read: &Value| read["partition"] == begin["partition"] && read["records"] != json!([]);
            reads.iter().any(has)
        })
    };
    lines.0[..begun].iter().any(is_of)
}

/// A group is found where nobody committed.
fn invent_commit(lines: &mut Lines, number: usize) -> Option<()> {
    let at = pick(&lines.ends("committed_offsets"), number)?;
    lines.0[at]["positions"][0]["offset"] = json!(1_000_000);
    Some(())
}

/// A member has what another has.
fn share(lines: &mut Lines, number: usize) -> Option<()> {
    let assigns: Vec<usize> = (0..lines.0.len())
        .filter(|at| lines.0[*at].get("generation").is_some() && lines.0[*at]["partitions"] != json!([]))
        .collect();
    let at = pick(&assigns, number)?;
    let mut other = lines.0[at].clone();
    other["process"] = json!("somebody else");
    lines.0.insert(at + 1, other);
    Some(())
}

/// A file has another record.
fn rot(lines: &mut Lines, number: usize) -> Option<()> {
    let disks: Vec<usize> = (0..lines.0.len())
        .filter(|at| lines.0[*at]["operation"] == "disk" && lines.0[*at]["records"] != json!([]))
        .collect();
    let at = pick(&disks, number)?;
    lines.0[at]["records"][0][1] = json!(u64::MAX);
    Some(())
}

/// A group is found where it was before.
fn forget_commit(lines: &mut Lines, _: usize) -> Option<()> {
    let position = |offset: i64| json!([{"partition": "letters-0", "offset": offset}]);
    for offset in [700_000, 700_001] {
        lines.whole(
            json!({"operation": "commit_offsets", "group": "readers", "positions": position(offset)}),
            json!({}),
        );
    }
    let look = json!({"operation": "committed_offsets", "group": "readers"});
    lines.whole(look, json!({"positions": position(700_000)}));
    Some(())
}

/// What is sent later comes before.
fn overtake(lines: &mut Lines, _: usize) -> Option<()> {
    for (value, offset) in [(u64::MAX, 800_001), (u64::MAX - 1, 800_000)] {
        let send = json!({"operation": "send", "partition": "letters-0", "values": [value], "once": true});
        lines.whole(send, json!({"offsets": [offset]}));
    }
    Some(())
}

/// An idempotent producer asks again, and is told another offset.
fn retry(lines: &mut Lines, number: usize) -> Option<()> {
    let sends = lines.ends("send");
    let batches: Vec<usize> = sends.into_iter().filter(|at| lines.begin_of(*at).get("sequence").is_some()).collect();
    let at = pick(&batches, number)?;
    let (begin, mut end) = (lines.begin_of(at).clone(), lines.0[at].clone());
    for offset in end["offsets"].as_array_mut().unwrap() {
        *offset = json!(offset.as_i64().unwrap() + 900_000);
    }
    lines.whole(begin, json!({"offsets": end["offsets"]}));
    Some(())
}

/// What each change is found as.
const CHANGES: [(Change, Kind); 14] = [
    (invent, Kind::UnsentRead),
    (swap, Kind::IntNonmonotonicPoll),
    (repeat, Kind::IntNonmonotonicPoll),
    (hide, Kind::LostWrite),
    (abort, Kind::AbortedRead),
    (move_batch, Kind::Duplicate),
    (lower_mark, Kind::MarkWentBack),
    (lower_end, Kind::AcknowledgedBeyondEnd),
    (invent_commit, Kind::UnsentCommit),
    (share, Kind::TwoOwners),
    (rot, Kind::DiskUnequal),
    (forget_commit, Kind::CommittedOffsetWentBack),
    (overtake, Kind::NonmonotonicSend),
    (retry, Kind::RetryElsewhere),
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 0, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_changed_is_found(seed in any::<u64>(), number in any::<usize>()) {
        let made = Lines::made(seed);
        for (at, (change, kind)) in CHANGES.into_iter().enumerate() {
            let mut lines = made.clone();
            if change(&mut lines, number).is_some() {
                let found = lines.kinds();
                prop_assert!(found.contains(&kind), "change {}: {:?} and not {:?}", at, found, kind);
            }
        }
    }
}

#[test]
fn each_change_can_be_made() {
    for (at, (change, _)) in CHANGES.into_iter().enumerate() {
        let is_made = (0..20).any(|seed| change(&mut Lines::made(seed), 3).is_some());
        assert!(is_made, "change {at}");
    }
}
