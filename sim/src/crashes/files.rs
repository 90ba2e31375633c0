//! The files that a stop in good order leaves: nothing that a compaction or a deletion left behind, logs without a bad
//! batch, indexes and epochs that say what the batches say, and the same indexes when they are made anew.
//!
//! The batches are read here by their headers alone, and not with the broker's code.

use std::collections::BTreeMap;

use ottla_core::boundary::{OpenMode, Path};
use ottla_core::planted::Bugs;
use ottla_core::time::WallClock;

use super::bench::Bench;
use super::script::properties;
use crate::disk::Disk;
use crate::violation::{Check, Violation};

type Files<'a> = BTreeMap<String, &'a [u8]>;

/// What the header of a batch says of it.
#[derive(Clone, Copy, Debug)]
pub struct Header {
    pub position: usize,
    pub base_offset: i64,
    pub last_offset: i64,
    pub leader_epoch: i32,
    max_timestamp: i64,
    size_bytes: usize,
}

const HEADER_SIZE_BYTES: usize = 61;
const OFFSET_ENTRY_SIZE_BYTES: usize = 8;
const TIME_ENTRY_SIZE_BYTES: usize = 12;
/// What can be made anew from the batches.
const MADE_ANEW: [&str; 3] = [".index", ".timeindex", ".txnindex"];

/// Where the part of a partition's log ends that no power loss can take.
pub fn durable_end(disk: &Disk, dir: &str) -> i64 {
    let mut end = 0;
    for (name, bytes) in disk.files_in(dir).into_iter().filter(|(name, _)| name.ends_with(".log")) {
        if !disk.is_durable_file(&Path::new(0, format!("{dir}/{name}"))) {
            break;
        }
        end = headers(bytes).last().map_or(end, |header| header.last_offset + 1);
    }
    end
}

/// Checks all files of a disk that a stop in good order left; logs start at `starts`, and the directories of `deleted` may
/// have been set aside: only metadata that was replayed would tell that they were deleted, and not lost.
pub fn check(
    disk: &Disk,
    starts: &BTreeMap<String, i64>,
    deleted: &[&str],
    bugs: Bugs,
    wall: WallClock,
) -> Result<(), Violation> {
    check_dirs(disk, &partition_dirs(disk, deleted)?, starts, bugs, wall)
}

/// The same of these directories alone.
pub fn check_dirs(
    disk: &Disk,
    dirs: &[String],
    starts: &BTreeMap<String, i64>,
    bugs: Bugs,
    wall: WallClock,
) -> Result<(), Violation> {
    for dir in dirs {
        let files = disk.files_in(dir);
        check_partition(&files).map_err(|text| wrong(dir, &text))?;
        if let Some(start) = starts.get(dir) {
            check_start(&files, *start).map_err(|text| wrong(dir, &text))?;
        }
    }
    check_rebuilt(disk, dirs, bugs, wall)
}

fn partition_dirs(disk: &Disk, deleted: &[&str]) -> Result<Vec<String>, Violation> {
    let entries = disk.list(&Path::new(0, "")).expect("the log directory is there");
    let dirs: Vec<String> = entries.into_iter().filter(|entry| entry.is_dir).map(|entry| entry.name).collect();
    let (left_over, dirs): (Vec<String>, Vec<String>) =
        dirs.into_iter().partition(|dir| dir.ends_with("-delete") || dir.ends_with("-stray"));
    let may_be =
        |dir: &str| dir.ends_with("-stray") && deleted.iter().any(|name| dir.starts_with(&format!("{name}-0.")));
    match left_over.iter().find(|dir| !may_be(dir)) {
        Some(dir) => Err(wrong(dir, "it was left over")),
        None => Ok(dirs),
    }
}

fn check_partition(files: &Files<'_>) -> Result<(), String> {
    for name in files.keys() {
        if [".cleaned", ".swap", ".deleted", ".tmp"].iter().any(|suffix| name.ends_with(suffix)) {
            return Err(format!("{name} was left over"));
        }
    }
    let mut end = 0;
    let mut epochs: Vec<(i32, i64)> = Vec::new();
    for (name, bytes) in files.iter().filter(|(name, _)| name.ends_with(".log")) {
        let stem = name.trim_end_matches(".log");
        let base: i64 = stem.parse().map_err(|_| format!("{name} is no segment's name"))?;
        let headers = headers(bytes);
        let good_bytes = headers.last().map_or(0, |header| header.position + header.size_bytes);
        if good_bytes != bytes.len() {
            return Err(format!("{name} has {} bytes, and good batches up to byte {good_bytes}", bytes.len()));
        }
        for header in &headers {
            if header.base_offset < end.max(base) {
                return Err(format!("{name}: offset {} at byte {} after {end}", header.base_offset, header.position));
            }
            end = header.last_offset + 1;
            epochs.push((header.leader_epoch, header.base_offset));
        }
        end = end.max(base);
        check_indexes(files, stem, base, &headers)?;
    }
    check_epochs(files, &epochs, end)
}

/// No segment is wholly before the log's start.
fn check_start(files: &Files<'_>, start: i64) -> Result<(), String> {
    let segments: Vec<&String> = files.keys().filter(|name| name.ends_with(".log")).collect();
    let is_before = |next: &String| next.trim_end_matches(".log").parse::<i64>().is_ok_and(|base| base <= start);
    match segments.windows(2).find(|two| is_before(two[1])) {
        Some(two) => Err(format!("{} is there, and the log starts at {start}", two[0])),
        None => Ok(()),
    }
}

/// Each entry is of a batch that is there.
fn check_indexes(files: &Files<'_>, stem: &str, base: i64, headers: &[Header]) -> Result<(), String> {
    let offsets = files.get(&format!("{stem}.index")).copied().unwrap_or_default();
    for (at, entry) in offsets.chunks_exact(OFFSET_ENTRY_SIZE_BYTES).enumerate() {
        let (offset, position) = (base + i64::from(number(entry, 0)), number(entry, 4) as usize);
        let is_there = headers.iter().any(|header| header.last_offset == offset && header.position == position);
        if !is_there {
            return Err(format!("{stem}.index: entry {at} is offset {offset} at byte {position}, where none is"));
        }
    }
    let times = files.get(&format!("{stem}.timeindex")).copied().unwrap_or_default();
    for (at, entry) in times.chunks_exact(TIME_ENTRY_SIZE_BYTES).enumerate() {
        let timestamp = i64::from_be_bytes(entry[..8].try_into().expect("8 bytes"));
        let offset = base + i64::from(number(entry, 8));
        let is_there = headers.iter().any(|header| {
            header.max_timestamp == timestamp && (header.base_offset..=header.last_offset).contains(&offset)
        });
        if !is_there {
            return Err(format!("{stem}.timeindex: entry {at} is {timestamp} at offset {offset}, where none is"));
        }
    }
    Ok(())
}

/// Each batch is in the epoch that the checkpoint says.
fn check_epochs(files: &Files<'_>, batches: &[(i32, i64)], end: i64) -> Result<(), String> {
    let Some(bytes) = files.get("leader-epoch-checkpoint") else {
        return if batches.is_empty() { Ok(()) } else { Err("there is no leader-epoch-checkpoint".to_owned()) };
    };
    let text = String::from_utf8_lossy(bytes);
    let entry = |line: &str| {
        let (epoch, start) = line.split_once(' ')?;
        Some((epoch.parse::<i32>().ok()?, start.parse::<i64>().ok()?))
    };
    let entries: Option<Vec<(i32, i64)>> = text.lines().skip(2).map(entry).collect();
    let entries = entries.ok_or_else(|| format!("leader-epoch-checkpoint is {text:?}"))?;
    if !entries.windows(2).all(|two| two[0].0 < two[1].0 && two[0].1 <= two[1].1) {
        return Err(format!("epochs don't rise: {entries:?}"));
    }
    if let Some((epoch, start)) = entries.last()
        && *start > end
    {
        return Err(format!("epoch {epoch} starts at {start}, and the log ends at {end}"));
    }
    let first = entries.first().map_or(end, |(_, start)| *start);
    for (epoch, offset) in batches.iter().filter(|(_, offset)| *offset >= first) {
        let said = entries.iter().rev().find(|(_, start)| start <= offset).map(|(epoch, _)| *epoch);
        if said != Some(*epoch) {
            return Err(format!("offset {offset} is of epoch {epoch}, and the checkpoint says {said:?}"));
        }
    }
    Ok(())
}

/// The broker itself makes the same indexes, and knows the same of producers, from the batches alone.
fn check_rebuilt(disk: &Disk, dirs: &[String], bugs: Bugs, wall: WallClock) -> Result<(), Violation> {
    let mut bare = disk.clone();
    for dir in dirs {
        for name in disk.files_in(dir).keys() {
            if MADE_ANEW.iter().any(|suffix| name.ends_with(suffix)) {
                let _ = bare.remove(&Path::new(0, format!("{dir}/{name}")));
            }
        }
    }
    distrust(&mut bare);
    let mut bench = Bench::start(bare, &properties(), bugs, wall);
    super::inspection::wait_until_it_serves(&mut bench)?;
    let rebuilt = bench.stop()?;
    // The metadata log grows with each start.
    for dir in dirs.iter().filter(|dir| !dir.starts_with("__cluster_metadata")) {
        let (kept, anew) = (disk.files_in(dir), rebuilt.files_in(dir));
        for (name, bytes) in kept.iter().filter(|(name, _)| MADE_ANEW.iter().any(|suffix| name.ends_with(suffix))) {
            if !anew.get(name).is_some_and(|anew| is_same_index(name, bytes, anew)) {
                let found = anew.get(name).map(|bytes| bytes.len());
                let text = format!("{name} has {} bytes, and is another when it is made anew: {found:?}", bytes.len());
                return Err(wrong(dir, &text));
            }
        }
        let (kept, anew) = (last_batches(&kept), last_batches(&anew));
        for (producer, last) in anew {
            if kept.get(&producer) != Some(&last) {
                let known = kept.get(&producer);
                let text = format!("the snapshot says {known:?} of producer {producer}, and made anew {last:?}");
                return Err(wrong(dir, &text));
            }
        }
    }
    Ok(())
}

/// Byte for byte; but each stop notes the largest timestamp, and the log may have gone on since.
fn is_same_index(name: &str, kept: &[u8], anew: &[u8]) -> bool {
    let mut kept_entries = kept.chunks(TIME_ENTRY_SIZE_BYTES);
    kept == anew
        || name.ends_with(".timeindex")
            && kept.rchunks(TIME_ENTRY_SIZE_BYTES).next() == anew.rchunks(TIME_ENTRY_SIZE_BYTES).next()
            && anew.chunks(TIME_ENTRY_SIZE_BYTES).all(|entry| kept_entries.any(|kept| kept == entry))
}

/// The next start looks at every batch.
pub fn distrust(disk: &mut Disk) {
    for name in [".kafka_cleanshutdown", "recovery-point-offset-checkpoint"] {
        let _ = disk.remove(&Path::new(0, name));
        debug_assert!(disk.open(&Path::new(0, name), OpenMode::Existing).is_err(), "it was removed");
    }
}

/// The last sequence of each producer, and its offset, as the last snapshot has them: what was deleted or compacted away
/// is in no log, but may be known.
fn last_batches(files: &Files<'_>) -> BTreeMap<i64, (i32, i64)> {
    const HEADER_SIZE_BYTES: usize = 10;
    const ENTRY_SIZE_BYTES: usize = 46;
    let last = files.iter().rfind(|(name, _)| name.ends_with(".snapshot"));
    let bytes = last.map_or(&[][..], |(_, bytes)| bytes);
    let entry = |entry: &[u8]| {
        let long = |at: usize| i64::from_be_bytes(entry[at..at + 8].try_into().expect("8 bytes"));
        (long(0), (number(entry, 10) as i32, long(14)))
    };
    bytes.get(HEADER_SIZE_BYTES..).unwrap_or_default().chunks_exact(ENTRY_SIZE_BYTES).map(entry).collect()
}

/// The batches of a file, up to the first that is bad.
pub fn headers(bytes: &[u8]) -> Vec<Header> {
    let mut headers = Vec::new();
    let mut position = 0;
    while let Some(header) = bytes.get(position..).and_then(|rest| header(rest, position)) {
        headers.push(header);
        position += header.size_bytes;
    }
    headers
}

fn header(rest: &[u8], position: usize) -> Option<Header> {
    if rest.len() < HEADER_SIZE_BYTES {
        return None;
    }
    let long = |at: usize| i64::from_be_bytes(rest[at..at + 8].try_into().expect("8 bytes"));
    let size_bytes = number(rest, 8) as usize + 12;
    let batch = rest.get(..size_bytes).filter(|batch| batch.len() >= HEADER_SIZE_BYTES)?;
    if number(rest, 17) != crc32c::crc32c(&batch[21..]) {
        return None;
    }
    Some(Header {
        position,
        base_offset: long(0),
        last_offset: long(0) + i64::from(number(rest, 23)),
        leader_epoch: number(rest, 12) as i32,
        max_timestamp: long(35),
        size_bytes,
    })
}

fn number(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().expect("4 bytes"))
}

fn wrong(dir: &str, text: &str) -> Violation {
    Violation::history(Check::Files, format!("{dir}: {text}"))
}
