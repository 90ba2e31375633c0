//! What must hold after a crash: all that was promised is there, all that is gone stays away, producers go on where they
//! were, and a stop in good order leaves files that say the same.

use std::collections::BTreeMap;

use ottla_core::error_code::ErrorCode;
use ottla_core::planted::Bugs;
use ottla_core::wire::messages::metadata::MetadataRequest;

use super::bench::Bench;
use super::files;
use super::known::{Known, Sent, State, Topic};
use super::requests::{
    EARLIEST, LATEST, configs_of, configs_request, fetch_request, fetched, offset_of, offsets_request, produce_request,
    produced, unexpected,
};
use super::script::{properties, saw_start};
use super::{Pattern, Point, rot};
use crate::chance::{Chance, Stream};
use crate::clients::{Answer, Request};
use crate::disk::{PowerLoss, Survival};
use crate::history::Moment;
use crate::records::{Batch, Identity, RecordId};
use crate::violation::{Check, Violation};

/// A topic after the crash.
pub(super) struct Found {
    topic: Topic,
    index: usize,
    start: i64,
    end: i64,
    batches: Vec<Batch>,
}

/// After everything that the script saw.
const AFTERWARDS: Moment = Moment(u64::MAX);

/// Crashes at a point, starts again and looks.
pub fn inspect(point: &Point, pattern: Pattern, bugs: Bugs) -> Result<(), Violation> {
    if pattern.is_rot() {
        return rot::inspect(point, pattern, bugs);
    }
    let (disk, losses) = pattern.of(point, bugs);
    let mut properties = properties();
    if !losses.holed_logs.is_empty() {
        // Good batches behind a hole keep a log offline until somebody decides: here what comes behind is given up.
        properties.push(("ottla.log.damage", "truncate".to_owned()));
    }
    let mut bench = Bench::start(disk, &properties, bugs, point.now.wall);
    let found = look(&mut bench, point, pattern)?;
    if !pattern.is_power_loss() {
        crash_again(&bench, &found, &properties, bugs)?;
    }
    for found in &found {
        check_producer(&mut bench, found, point, pattern)?;
    }
    let wall = bench.now.wall;
    let disk = bench.stop()?;
    let starts = found.iter().map(|found| (format!("{}-0", found.topic.kind.name), found.start)).collect();
    let is_deleted = |topic: &&Topic| matches!(topic.state, State::BeingDeleted | State::Gone);
    let deleted: Vec<&str> = point.known.topics.iter().filter(is_deleted).map(|topic| topic.kind.name).collect();
    files::check(&disk, &starts, &deleted, bugs, wall)
}

/// Where each batch is synced before it counts, nothing that was shown after a crash is lost by another.
fn crash_again(first: &Bench, found: &[Found], properties: &[(&str, String)], bugs: Bugs) -> Result<(), Violation> {
    let mut disk = first.hands.disk.clone();
    let nothing = PowerLoss { survival: Survival::Nothing, tears: false };
    disk.lose_power(nothing, &mut Chance::new(0, Stream::Disk));
    let mut bench = Bench::start(disk, properties, bugs, first.now.wall);
    wait_until_it_serves(&mut bench)?;
    for Found { topic, index, end, .. } in found.iter().filter(|found| found.topic.kind.is_strict) {
        let mut topic = topic.clone();
        topic.log.ledger.begin_life();
        look_at(&mut bench, topic, *index, *end, true)?;
    }
    Ok(())
}

pub(super) fn look(bench: &mut Bench, point: &Point, pattern: Pattern) -> Result<Vec<Found>, Violation> {
    let there = topics_there(bench)?;
    check_names(&there, &point.known)?;
    let mut found = Vec::new();
    for (index, topic) in point.known.topics.iter().enumerate() {
        let is_this_life = there.get(topic.kind.name).is_some_and(|id| topic.id == *id);
        if topic.state != State::Gone && is_this_life {
            let durable_end = files::durable_end(&point.hands.disk, &format!("{}-0", topic.kind.name));
            let mut topic = topic.clone();
            if pattern.is_power_loss() && !topic.kind.is_strict {
                topic.log.begin_timeline();
            }
            topic.log.ledger.begin_life();
            check_configs(bench, &topic)?;
            found.push(look_at(bench, topic, index, durable_end, pattern.is_power_loss())?);
        }
    }
    Ok(found)
}

/// Waits until a broker answers as one that serves.
pub fn wait_until_it_serves(bench: &mut Bench) -> Result<(), Violation> {
    topics_there(bench).map(drop)
}

fn topics_there(bench: &mut Bench) -> Result<BTreeMap<String, ottla_core::wire::Uuid>, Violation> {
    let request = MetadataRequest { topics: None, ..MetadataRequest::default() };
    match bench.call(&Request::Metadata(request))? {
        Answer::Metadata(answer) => Ok(answer
            .topics
            .iter()
            .map(|topic| (topic.name.as_deref().unwrap_or_default().to_owned(), topic.topic_id))
            .collect()),
        other => Err(unexpected(&other)),
    }
}

/// What was created is there, what was deleted is not.
fn check_names(there: &BTreeMap<String, ottla_core::wire::Uuid>, known: &Known) -> Result<(), Violation> {
    for topic in &known.topics {
        let name = topic.kind.name;
        let is_there = topic.state != State::BeingCreated && there.get(name) == Some(&topic.id);
        match topic.state {
            State::There if !is_there => {
                return Err(Violation::history(Check::Topics, format!("{name} was created, and is not there")));
            }
            State::Gone if is_there => {
                return Err(Violation::history(Check::Topics, format!("{name} was deleted, and is there")));
            }
            _ => {}
        }
    }
    Ok(())
}

/// A topic is configured as it was before the change under way, or as after it, and nothing between.
fn check_configs(bench: &mut Bench, topic: &Topic) -> Result<(), Violation> {
    let found = configs_of(&bench.call(&configs_request(topic))?)?;
    if found == topic.configs || topic.changing.as_ref() == Some(&found) {
        return Ok(());
    }
    let text = format!("{} is configured as {found:?}, and was as {:?}", topic.kind.name, topic.configs);
    Err(Violation::history(Check::Topics, text))
}

fn look_at(
    bench: &mut Bench,
    mut topic: Topic,
    index: usize,
    durable_end: i64,
    loses_unsynced: bool,
) -> Result<Found, Violation> {
    let name = topic.kind.name;
    let start = offset_of(&bench.call(&offsets_request(&topic, EARLIEST))?)?;
    let end = offset_of(&bench.call(&offsets_request(&topic, LATEST))?)?;
    let wall_ms = bench.now.wall.0;
    saw_start(&mut topic, start, wall_ms)?;
    let known_end = topic.log.ledger.known_end();
    if end < known_end || end < durable_end {
        let text = format!("{name}: it ends at {end}, after {known_end} was known and {durable_end} was synced");
        return Err(Violation::history(Check::Loss, text));
    }
    let batches = read_all(bench, &mut topic, start, end)?;
    topic.log.audited(end, &topic.view(wall_ms, AFTERWARDS)).map_err(|violation| named(name, violation))?;
    let present: BTreeMap<i64, RecordId> = batches.iter().flat_map(|batch| batch.records.iter().copied()).collect();
    check_synced(&topic, &present, durable_end)?;
    let sure_end = if topic.kind.is_strict || !loses_unsynced { end } else { durable_end };
    check_keys(&topic, &present, sure_end)?;
    Ok(Found { topic, index, start, end, batches })
}

fn read_all(bench: &mut Bench, topic: &mut Topic, start: i64, end: i64) -> Result<Vec<Batch>, Violation> {
    let mut all = Vec::new();
    let mut position = start;
    while position < end {
        let answer = bench.call(&fetch_request(topic, position))?;
        let Some((batches, _)) = fetched(&answer)? else {
            if topic.kind.limits.compaction.is_some() {
                // Where offsets may be missing anywhere, nothing tells of a batch that a power loss took before the end.
                let mut log = std::mem::take(&mut topic.log);
                let ended = log.ledger.read_nothing(position, end, &topic.view(bench.now.wall.0, AFTERWARDS));
                topic.log = log;
                ended.map_err(|violation| named(topic.kind.name, violation))?;
                break;
            }
            let text = format!("{}: nothing at {position}, though it ends at {end}", topic.kind.name);
            return Err(Violation::history(Check::Density, text));
        };
        let mut log = std::mem::take(&mut topic.log);
        let read = log.read(position, &batches, &topic.view(bench.now.wall.0, AFTERWARDS));
        topic.log = log;
        position = read.map_err(|violation| named(topic.kind.name, violation))?;
        all.extend(batches);
    }
    Ok(all)
}

/// What was acknowledged and synced is there, even where a power loss may take what was not synced.
fn check_synced(topic: &Topic, present: &BTreeMap<i64, RecordId>, durable_end: i64) -> Result<(), Violation> {
    if topic.kind.limits.compaction.is_some() || topic.start >= durable_end {
        return Ok(());
    }
    for (offset, record) in topic.acknowledged.range(topic.start..durable_end) {
        if present.get(offset) != Some(record) {
            let text = format!("{}: {record} at {offset} was synced, and is not there", topic.kind.name);
            return Err(Violation::history(Check::Loss, text));
        }
    }
    Ok(())
}

/// Of what is left of a compacted log, and what was sure before `sure_end`, the last record of each key is there: none went
/// for the sake of a later one that was lost.
fn check_keys(topic: &Topic, present: &BTreeMap<i64, RecordId>, sure_end: i64) -> Result<(), Violation> {
    let Some(compaction) = topic.kind.limits.compaction else { return Ok(()) };
    let mut last: BTreeMap<u8, (i64, RecordId)> = BTreeMap::new();
    let mut known: BTreeMap<i64, RecordId> =
        topic.acknowledged.range(..sure_end).map(|(at, record)| (*at, *record)).collect();
    known.extend(present);
    for (offset, record) in known {
        last.extend(compaction.keys.of(record).map(|key| (key, (offset, record))));
    }
    for (key, (offset, record)) in last {
        if present.get(&offset) != Some(&record) && !compaction.keys.is_tombstone(record) {
            let text = format!("{}: {record} at {offset} is the last one with key {key}, and is gone", topic.kind.name);
            return Err(Violation::history(Check::Compaction, text));
        }
    }
    Ok(())
}

/// What a producer sent last is known, what would leave a gap is refused, and what comes next is taken.
pub(super) fn check_producer(
    bench: &mut Bench,
    found: &Found,
    point: &Point,
    pattern: Pattern,
) -> Result<(), Violation> {
    let Some(identity) = point.known.identity else { return Ok(()) };
    let topic = &found.topic;
    let Some((last, offset)) = last_known(found, identity, pattern) else { return Ok(()) };
    let wrong = |text: String| Violation::history(Check::Producers, format!("{}: {text}", topic.kind.name));
    let next = last.end_sequence();
    let is_unsure = |sent: &Sent| sent.offset.is_none() && sent.base_sequence >= next;
    if offset < found.start && topic.batches.iter().any(is_unsure) {
        // What was not acknowledged may have been there, and be deleted.
        return Ok(());
    }
    let again = produced(&bench.call(&produce_request(topic, last))?)?;
    if again != Ok(offset) {
        return Err(wrong(format!("the batch from sequence {} at {offset} again: {again:?}", last.base_sequence)));
    }
    let wall_ms = bench.now.wall.0;
    let record = RecordId { client: found.index as u16, number: 900_000 };
    let gap = topic.make(vec![record], next + 5, identity, wall_ms);
    let refused = produced(&bench.call(&produce_request(topic, &gap))?)?;
    if refused != Err(ErrorCode::OutOfOrderSequenceNumber) {
        return Err(wrong(format!("sequence {} where {next} comes next: {refused:?}", next + 5)));
    }
    let follows = topic.make(vec![record], next, identity, wall_ms);
    let taken = produced(&bench.call(&produce_request(topic, &follows))?)?;
    if taken != Ok(found.end) {
        return Err(wrong(format!("sequence {next} comes next, at {}: {taken:?}", found.end)));
    }
    Ok(())
}

/// The last batch of the producer that the broker must know, and where it is.
fn last_known(found: &Found, identity: Identity, pattern: Pattern) -> Option<(&Sent, i64)> {
    let topic = &found.topic;
    let is_its = |batch: &&Batch| batch.identity == Some(identity);
    let in_log = found.batches.iter().rev().find(is_its).and_then(|batch| {
        let sent = topic.batches.iter().find(|sent| sent.base_sequence == batch.base_sequence)?;
        Some((sent, batch.base_offset))
    });
    // What is known of producers does not go with their records.
    let keeps_all = topic.kind.is_strict || !pattern.is_power_loss();
    let acknowledged = topic.batches.iter().rev().find_map(|sent| Some((sent, sent.offset?))).filter(|_| keeps_all);
    [in_log, acknowledged].into_iter().flatten().max_by_key(|(sent, _)| sent.base_sequence)
}

fn named(name: &str, violation: Violation) -> Violation {
    match violation {
        Violation::History { check, text } => Violation::history(check, format!("{name}: {text}")),
        other => other,
    }
}
