//! What must hold where a bit of a log is another than it was: the log is offline and keeps every byte, and the others
//! are served; where damage is to be cut off, the log ends before the bad batch, and so does everything beside it.
//!
//! With old metadata a log may know of leader epochs that nobody else knows of.

use std::collections::BTreeMap;

use ottla_core::boundary::{OpenMode, Path};
use ottla_core::planted::Bugs;

use super::bench::Bench;
use super::files::{self, Header, headers};
use super::inspection::wait_until_it_serves;
use super::known::{BRIEF, State, Topic};
use super::requests::{EARLIEST, LATEST, fetch_request, fetched, offset_of, offsets_request};
use super::script::properties;
use super::{Pattern, Point};
use crate::chance::{Chance, Stream};
use crate::disk::Disk;
use crate::violation::{Check, Violation};

/// The batch that is bad.
struct Rotten<'a> {
    topic: &'a Topic,
    dir: String,
    file: String,
    header: Header,
    /// Where the batch before it ends.
    after: i64,
    /// Where the log ends.
    end: i64,
}

/// In a batch's header, which also an empty one has: the last byte of its base timestamp.
const ROTTEN_BYTE: usize = 34;
const METADATA_LOG: &str = "__cluster_metadata-0/00000000000000000000.log";

/// Lets a bit rot, starts and looks.
pub fn inspect(point: &Point, pattern: Pattern, bugs: Bugs) -> Result<(), Violation> {
    let mut disk = point.hands.disk.clone();
    let is_old = pattern == Pattern::RotAndOldMetadata;
    if is_old && !forget_last_life(&mut disk) {
        return Ok(());
    }
    let mut candidates = candidates(&disk, point, is_old);
    if candidates.is_empty() {
        return Ok(());
    }
    let chance = &mut Chance::new(point.number as u64 * 100 + pattern as u64, Stream::Disk);
    let rotten = candidates.swap_remove(chance.index(candidates.len()));
    files::distrust(&mut disk);
    let path = Path::new(0, format!("{}/{}", rotten.dir, rotten.file));
    disk.rot(&path, rotten.header.position + ROTTEN_BYTE);
    check_offline(&disk, &rotten, point, bugs)?;
    check_cut(disk, &rotten, point, bugs)
}

/// Of the metadata only what the first life of the broker wrote is left. Whether there is any other.
fn forget_last_life(disk: &mut Disk) -> bool {
    let path = Path::new(0, METADATA_LOG);
    let Ok(file) = disk.open(&path, OpenMode::Existing) else { return false };
    let headers = headers(disk.file(file).bytes());
    let Some(first) = headers.first() else { return false };
    let Some(later) = headers.iter().find(|header| header.leader_epoch > first.leader_epoch) else { return false };
    disk.file_mut(file).truncate(later.position);
    disk.file_mut(file).sync();
    true
}

/// Batches with others behind them, in logs from which nothing is being taken; with old metadata, of an epoch that has ended.
fn candidates<'a>(disk: &Disk, point: &'a Point, is_old: bool) -> Vec<Rotten<'a>> {
    let mut all = Vec::new();
    // What is deleted and created again is another topic in old metadata.
    let is_lasting = |topic: &&Topic| topic.state == State::There && topic.kind.name != BRIEF.name;
    for topic in point.known.topics.iter().filter(is_lasting) {
        let dir = format!("{}-0", topic.kind.name);
        let files = disk.files_in(&dir);
        if files.keys().any(|name| [".swap", ".cleaned", ".deleted"].iter().any(|suffix| name.ends_with(suffix))) {
            continue;
        }
        let logs = files.iter().filter(|(name, _)| name.ends_with(".log"));
        let batches: Vec<(&String, Header)> =
            logs.flat_map(|(name, bytes)| headers(bytes).into_iter().map(move |header| (name, header))).collect();
        let Some((_, last)) = batches.last().copied() else { continue };
        let is_fit = |header: &Header| {
            let is_last = header.base_offset == last.base_offset;
            let is_of_ended = header.leader_epoch < last.leader_epoch;
            !is_last && (is_of_ended || !is_old)
        };
        let mut after = 0;
        for (file, header) in batches {
            let rotten =
                Rotten { topic, dir: dir.clone(), file: file.clone(), header, after, end: last.last_offset + 1 };
            all.extend(is_fit(&header).then_some(rotten));
            after = header.last_offset + 1;
        }
    }
    all
}

/// Nothing is cut that nobody has allowed to be cut.
fn check_offline(disk: &Disk, rotten: &Rotten<'_>, point: &Point, bugs: Bugs) -> Result<(), Violation> {
    let mut bench = Bench::start(disk.clone(), &properties(), bugs, point.now.wall);
    wait_until_it_serves(&mut bench)?;
    let is_served = offset_of(&bench.call(&offsets_request(rotten.topic, LATEST))?).is_ok();
    let log = |disk: &Disk| disk.files_in(&rotten.dir).get(&rotten.file).map(|bytes| bytes.to_vec());
    let is_kept = log(&bench.hands.disk) == log(disk);
    // It may be from before the log's start.
    if is_served != is_kept {
        return Ok(());
    }
    let text = if is_served { "a log with a bad batch is served" } else { "a damaged log was changed" };
    Err(wrong(rotten, text))
}

/// The log ends before the bad batch, and files and answers say so.
fn check_cut(disk: Disk, rotten: &Rotten<'_>, point: &Point, bugs: Bugs) -> Result<(), Violation> {
    let mut properties = properties();
    properties.push(("ottla.log.damage", "truncate".to_owned()));
    let mut bench = Bench::start(disk, &properties, bugs, point.now.wall);
    wait_until_it_serves(&mut bench)?;
    let start = offset_of(&bench.call(&offsets_request(rotten.topic, EARLIEST))?)?;
    let end = offset_of(&bench.call(&offsets_request(rotten.topic, LATEST))?)?;
    // Of a compacted log nothing may be between the two.
    let is_cut = (rotten.after..=rotten.header.base_offset).contains(&end) || end == start && start > rotten.after;
    let is_gone = start > rotten.header.last_offset;
    if !(is_cut || is_gone && end == rotten.end) {
        return Err(wrong(rotten, &format!("it goes from {start} to {end}")));
    }
    let mut position = start;
    while position < end {
        let Some((batches, _)) = fetched(&bench.call(&fetch_request(rotten.topic, position))?)? else { break };
        for (offset, record) in batches.iter().flat_map(|batch| &batch.records) {
            let known = rotten.topic.acknowledged.get(offset);
            if known.is_some_and(|known| known != record) {
                return Err(wrong(rotten, &format!("{record} is at {offset}, where {known:?} was")));
            }
        }
        position = batches.last().map_or(end, |batch| batch.end_offset);
    }
    let wall = bench.now.wall;
    let disk = bench.stop()?;
    files::check_dirs(&disk, std::slice::from_ref(&rotten.dir), &BTreeMap::new(), bugs, wall)
}

fn wrong(rotten: &Rotten<'_>, text: &str) -> Violation {
    let Rotten { dir, file, header, end, .. } = rotten;
    let text = format!("{dir}/{file}: a bad batch from {} on, of a log up to {end}: {text}", header.base_offset);
    Violation::history(Check::Rot, text)
}
