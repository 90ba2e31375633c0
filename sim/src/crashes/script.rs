//! What the broker is asked: topics of every kind are written to, rolled, cut at both ends, compacted, configured anew,
//! deleted and created again, with a stop in good order halfway. One of its syncs may fail, and the script goes on.
//!
//! What does not belong here: requests and answers themselves (`requests`).

use ottla_core::boundary::{HaltReason, StorageCommand};
use ottla_core::planted::Bugs;
use ottla_core::time::{Monotonic, Now, WallClock};

use super::bench::{Bench, Hands};
use super::known::{BRIEF, Configs, KEYED, KEYED_LOOSE, Kind, Known, LOOSE, MOVED, STRICT, State, TIMED, Topic};
use super::requests::{
    EARLIEST, Edit, alter_request, create_request, delete_records_request, delete_topic_request, edited, fetch_request,
    fetched, move_request, offset_of, offsets_request, produce_request, produced, unexpected,
};
use crate::clients::{Answer, Request};
use crate::disk::Disk;
use crate::history::Moment;
use crate::records::Identity;
use crate::violation::{Check, Violation};

/// Sees everything right before a command that changes the disk, and at the end. Whether that is enough.
type Take<'a> = dyn FnMut(&Hands, &Known, Now, &str) -> bool + 'a;

/// The broker, what is known of it, and who watches.
struct Course<'a> {
    bench: Bench,
    known: Known,
    bugs: Bugs,
    take: &'a mut Take<'a>,
    is_enough: bool,
    moment: u64,
    /// Commands so far that change the disk.
    commands: usize,
    /// Which of them is a sync that fails.
    fails_at: Option<usize>,
    /// The file that could not be synced.
    failed: Option<String>,
}

const BEGINS_AT: WallClock = WallClock(1_800_000_000_000);
/// Batches to a topic in a round, in requests that don't wait for each other.
const BATCHES: usize = 3;
const RECORDS: u32 = 4;
/// Something that takes longer will never end.
const PATIENCE_MS: i64 = 60_000;
/// A broker that needs more commands for one thing goes round in circles.
const COMMANDS_MAX: usize = 200_000;
/// The configs that all topics begin with, beside their own.
const SMALL_SEGMENTS: (&str, &str) = ("internal.segment.bytes", "3000");

/// The broker's properties.
pub fn properties() -> Vec<(&'static str, String)> {
    let property = |name, value: &str| (name, value.to_owned());
    vec![
        property("node.id", "1"),
        property("listeners", "PLAINTEXT://127.0.0.1:9092"),
        property("auto.create.topics.enable", "false"),
        property("log.index.interval.bytes", "600"),
        property("log.retention.ms", "-1"),
        property("log.retention.check.interval.ms", "500"),
        property("log.initial.task.delay.ms", "500"),
        property("log.segment.delete.delay.ms", "300"),
        property("log.cleaner.backoff.ms", "200"),
        property("log.flush.offset.checkpoint.interval.ms", "700"),
        property("log.flush.start.offset.checkpoint.interval.ms", "900"),
    ]
}

/// Plays the script; the command of this number, a sync, fails.
pub fn play(fails_at: Option<usize>, bugs: Bugs, take: &mut Take<'_>) -> Result<(), Violation> {
    let bench = Bench::start(Disk::new(1), &properties(), bugs, BEGINS_AT);
    let mut course = Course::new(bench, bugs, take);
    course.fails_at = fails_at;
    let played = course.play();
    // A broker may end when it can't use its directory any more, or hang up when it can't say anything that is true.
    let has_ended = course.bench.halt.is_some() || course.bench.is_closed;
    if played.is_ok() || course.failed.is_some() && has_ended && !course.is_enough {
        (course.take)(&course.bench.hands, &course.known, course.bench.now, END);
        return Ok(());
    }
    played
}

/// The properties of a broker with two log directories.
pub fn properties_of_two() -> Vec<(&'static str, String)> {
    let mut all = properties();
    all.push(("log.dirs", "/a,/b".to_owned()));
    all
}

/// Plays another script: a replica moves to the other log directory and back, while it is written to.
pub fn play_moves(bugs: Bugs, take: &mut Take<'_>) -> Result<(), Violation> {
    let bench = Bench::start(Disk::new(2), &properties_of_two(), bugs, BEGINS_AT);
    let mut course = Course::new(bench, bugs, take);
    course.play_moves()?;
    (course.take)(&course.bench.hands, &course.known, course.bench.now, END);
    Ok(())
}

impl<'a> Course<'a> {
    fn new(bench: Bench, bugs: Bugs, take: &'a mut Take<'a>) -> Self {
        let known = Known::default();
        Self { bench, known, bugs, take, is_enough: false, moment: 0, commands: 0, fails_at: None, failed: None }
    }

    fn play_moves(&mut self) -> Result<(), Violation> {
        self.identify()?;
        self.create(MOVED)?;
        self.rounds(1)?;
        for path in ["/b", "/a"] {
            let request = move_request(self.known.topic(MOVED.name), path);
            match self.call(&request)? {
                Answer::AlterReplicaLogDirs(answer) if answer.results[0].partitions[0].error_code == 0 => {}
                other => return Err(unexpected(&other)),
            }
            for _ in 0..3 {
                self.produce(0)?;
                self.pass_ms(1)?;
            }
            self.pass_ms(100)?;
            self.look_at_all()?;
        }
        Ok(())
    }

    fn play(&mut self) -> Result<(), Violation> {
        self.identify()?;
        for kind in [STRICT, LOOSE, TIMED, KEYED, KEYED_LOOSE, BRIEF] {
            self.create(kind)?;
        }
        self.rounds(1)?;
        for name in [KEYED.name, KEYED_LOOSE.name] {
            self.known.topic(name).silence_one();
        }
        self.rounds(1)?;
        self.delete_records(LOOSE.name, 9)?;
        self.delete_topic(BRIEF.name)?;
        self.alter(STRICT.name, &[("retention.bytes", Edit::Set("5000"))])?;
        self.alter(TIMED.name, &[("segment.ms", Edit::Set("1000")), ("index.interval.bytes", Edit::Set("300"))])?;
        // Segments are closed each time, and several become one.
        let often = ("segment.ms", Edit::Set("1000"));
        self.alter(KEYED.name, &[("internal.segment.bytes", Edit::Set("9000")), often])?;
        self.bury(KEYED.name)?;
        self.bury(KEYED_LOOSE.name)?;
        // What is compacted must be synced before, however long that takes, also where it does not become one segment.
        self.alter(KEYED_LOOSE.name, &[("internal.segment.bytes", Edit::Set("1500"))])?;
        self.bench.hands.slow_dir = Some("keyed-loose-0");
        self.rounds(1)?;
        self.bench.hands.slow_dir = None;
        self.stop_and_start()?;
        self.create(BRIEF)?;
        self.rounds(1)?;
        self.delete_records(STRICT.name, -1)?;
        self.alter(TIMED.name, &[("segment.ms", Edit::Delete)])?;
        self.alter(KEYED.name, &[("cleanup.policy", Edit::Append("delete"))])?;
        self.pass_ms(2_500)?;
        self.rounds(1)?;
        self.pass_ms(1_000)?;
        self.look_at_all()
    }

    /// Everybody writes, time passes, and everybody looks.
    fn rounds(&mut self, count: usize) -> Result<(), Violation> {
        for _ in 0..count {
            for index in 0..self.known.topics.len() {
                if self.known.topics[index].state == State::There {
                    self.produce(index)?;
                }
            }
            self.pass_ms(1_200)?;
            self.look_at_all()?;
        }
        Ok(())
    }

    fn identify(&mut self) -> Result<(), Violation> {
        use ottla_core::wire::messages::init_producer_id::InitProducerIdRequest;
        let request = InitProducerIdRequest { transaction_timeout_ms: 60_000, ..InitProducerIdRequest::default() };
        match self.call(&Request::InitProducerId(request))? {
            Answer::InitProducerId(answer) if answer.error_code == 0 => {
                let (producer_id, epoch) = (answer.producer_id, answer.producer_epoch);
                self.known.identity = Some(Identity { producer_id, epoch });
                Ok(())
            }
            other => self.forgive(&other),
        }
    }

    fn create(&mut self, kind: Kind) -> Result<(), Violation> {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let configs: Configs = kind.configs.iter().chain([&SMALL_SEGMENTS]).map(own).collect();
        self.known.topics.push(Topic::new(kind, configs));
        let request = create_request(self.known.topic(kind.name));
        match self.call(&request)? {
            Answer::CreateTopics(answer) if answer.topics[0].error_code == 0 => {
                let topic = self.known.topic(kind.name);
                topic.id = answer.topics[0].topic_id;
                topic.state = State::There;
                topic.configs = topic.changing.take().unwrap_or_default();
                Ok(())
            }
            other => self.forgive(&other),
        }
    }

    fn delete_topic(&mut self, name: &str) -> Result<(), Violation> {
        self.known.topic(name).state = State::BeingDeleted;
        let request = delete_topic_request(self.known.topic(name));
        match self.call(&request)? {
            Answer::DeleteTopics(answer) if answer.responses[0].error_code == 0 => {
                self.known.topic(name).state = State::Gone;
                Ok(())
            }
            other => self.forgive(&other),
        }
    }

    fn alter(&mut self, name: &str, edits: &[(&str, Edit)]) -> Result<(), Violation> {
        let topic = self.known.topic(name);
        topic.changing = Some(edited(&topic.configs, edits));
        let request = alter_request(topic, edits);
        match self.call(&request)? {
            Answer::IncrementalAlterConfigs(answer) if answer.responses[0].error_code == 0 => {
                let topic = self.known.topic(name);
                topic.configs = topic.changing.take().unwrap_or_default();
                Ok(())
            }
            other => self.forgive(&other),
        }
    }

    fn produce(&mut self, index: usize) -> Result<(), Violation> {
        let Some(identity) = self.known.identity.filter(|_| self.known.topics[index].is_in_use) else { return Ok(()) };
        let wall_ms = self.bench.now.wall.0;
        for _ in 0..BATCHES {
            let topic = &mut self.known.topics[index];
            let batch = topic.next_batch(index, RECORDS, identity, wall_ms);
            self.bench.send(&produce_request(topic, &batch));
        }
        self.take_produced(index, BATCHES)
    }

    /// The last record of a key is a tombstone for it.
    fn bury(&mut self, name: &str) -> Result<(), Violation> {
        let wall_ms = self.bench.now.wall.0;
        let index = self.known.topics.iter().position(|topic| topic.kind.name == name).expect("it was created");
        let topic = &mut self.known.topics[index];
        let Some(identity) = self.known.identity.filter(|_| topic.is_in_use) else { return Ok(()) };
        let batch = topic.tombstone(index, identity, wall_ms);
        self.bench.send(&produce_request(topic, &batch));
        self.take_produced(index, 1)
    }

    /// Answers to the last batches that were sent.
    fn take_produced(&mut self, index: usize, count: usize) -> Result<(), Violation> {
        let first = self.known.topics[index].batches.len() - count;
        for at in first..first + count {
            let answer = self.answer()?;
            let Ok(offset) = produced(&answer)? else {
                self.refuse(index, &answer)?;
                continue;
            };
            let topic = &mut self.known.topics[index];
            if topic.is_refused {
                let text =
                    format!("{}: acknowledged at {offset}, after {:?} was not synced", topic.kind.name, self.failed);
                return Err(Violation::history(Check::Offline, text));
            }
            topic.batches[at].offset = Some(offset);
            let records = topic.batches[at].records.clone();
            topic.acknowledged.extend((offset..).zip(records.iter().copied()));
            topic.log.acknowledged(self.known.identity, offset, &records)?;
        }
        Ok(())
    }

    /// Deletes all before `offset`; -1 stands for everything.
    fn delete_records(&mut self, name: &str, offset: i64) -> Result<(), Violation> {
        let topic = self.known.topic(name);
        topic.log.ledger.deletes((offset >= 0).then_some(offset));
        let request = delete_records_request(topic, offset);
        match self.call(&request)? {
            Answer::DeleteRecords(answer) if answer.topics[0].partitions[0].error_code == 0 => {
                let start = answer.topics[0].partitions[0].low_watermark;
                let wall_ms = self.bench.now.wall.0;
                let topic = self.known.topic(name);
                if offset < 0 {
                    topic.log.ledger.deleted_all(start);
                }
                saw_start(topic, start, wall_ms)
            }
            other => self.forgive(&other),
        }
    }

    /// Reads every topic as a whole.
    fn look_at_all(&mut self) -> Result<(), Violation> {
        for index in 0..self.known.topics.len() {
            let topic = &self.known.topics[index];
            if topic.state == State::There && !topic.is_refused {
                self.look_at(index)?;
            }
        }
        Ok(())
    }

    fn look_at(&mut self, index: usize) -> Result<(), Violation> {
        let topic = self.known.topics[index].clone();
        let answer = self.call(&offsets_request(&topic, EARLIEST))?;
        let Ok(start) = offset_of(&answer) else { return self.refuse(index, &answer) };
        let wall_ms = self.bench.now.wall.0;
        saw_start(&mut self.known.topics[index], start, wall_ms)?;
        let mut position = start;
        loop {
            let answer = self.call(&fetch_request(&topic, position))?;
            let found = match fetched(&answer) {
                Err(Violation::Answer(_)) => return self.refuse(index, &answer),
                found => found?,
            };
            let Some((batches, end)) = found else { return Ok(()) };
            self.moment += 1;
            let topic = &mut self.known.topics[index];
            let mut log = std::mem::take(&mut topic.log);
            let read = log.read(position, &batches, &topic.view(wall_ms, Moment(self.moment)));
            topic.log = log;
            position = read?;
            if position >= end {
                return Ok(());
            }
        }
    }

    fn stop_and_start(&mut self) -> Result<(), Violation> {
        self.bench.begin_stop();
        self.settle_until(|bench| bench.halt.is_some());
        self.check_time()?;
        if self.bench.halt != Some(HaltReason::Clean) && self.failed.is_none() {
            return Err(Violation::Contract(format!("no clean stop but {:?}", self.bench.halt)));
        }
        let wall = self.bench.now.wall;
        let disk = self.bench.hands.disk.clone();
        self.bench = Bench::start(disk, &properties(), self.bugs, wall);
        self.known.topics.iter_mut().for_each(|topic| topic.is_refused = false);
        Ok(())
    }

    /// An answer with an error is fine after a sync has failed, of the topic that it was about, or of what all topics need.
    fn refuse(&mut self, index: usize, answer: &Answer) -> Result<(), Violation> {
        let failed_topic = self.failed.as_deref().and_then(topic_of);
        let topic = &mut self.known.topics[index];
        if self.failed.is_none() || failed_topic.is_some_and(|failed| failed != topic.kind.name) {
            return Err(unexpected(answer));
        }
        (topic.is_refused, topic.is_in_use) = (true, false);
        Ok(())
    }

    /// The same of a request that is not about one log.
    fn forgive(&self, answer: &Answer) -> Result<(), Violation> {
        if self.failed.is_some() { Ok(()) } else { Err(unexpected(answer)) }
    }

    fn call(&mut self, request: &Request) -> Result<Answer, Violation> {
        self.bench.send(request);
        self.answer()
    }

    /// The next answer; not one command is done after it.
    fn answer(&mut self) -> Result<Answer, Violation> {
        let end = self.bench.now.monotonic.plus_ms(PATIENCE_MS);
        for _ in 0..COMMANDS_MAX {
            if let Some(answer) = self.bench.take_answer()? {
                return Ok(answer);
            }
            self.check_time()?;
            if !self.go_on(end) {
                let text = format!("no answer: {:?} {:?}", self.bench.halt, self.bench.reports);
                return Err(Violation::Stuck(text));
            }
        }
        Err(in_circles())
    }

    fn pass_ms(&mut self, ms: i64) -> Result<(), Violation> {
        let end = self.bench.now.monotonic.plus_ms(ms);
        for _ in 0..COMMANDS_MAX {
            if !self.go_on(end) {
                self.bench.advance_to(end);
                return Ok(());
            }
            self.check_time()?;
        }
        Err(in_circles())
    }

    fn settle_until(&mut self, is_over: impl Fn(&Bench) -> bool) {
        let end = self.bench.now.monotonic.plus_ms(PATIENCE_MS);
        while !is_over(&self.bench) && self.go_on(end) {}
    }

    /// Does the next command, or lets time pass to the next deadline. Whether there was one.
    fn go_on(&mut self, end: Monotonic) -> bool {
        self.do_next() || self.bench.tick_before(end)
    }

    fn do_next(&mut self) -> bool {
        let Some(command) = self.bench.hands.next() else { return false };
        if !Hands::changes(command) {
            return self.bench.do_next();
        }
        let text = name_of(command);
        let number = self.commands;
        self.commands += 1;
        self.is_enough |= (self.take)(&self.bench.hands, &self.known, self.bench.now, &text);
        if self.fails_at == Some(number) {
            self.fail_next();
            return true;
        }
        self.bench.do_next()
    }

    /// The sync of a segment is all that stands between its records and their loss: from now on nothing of that log is
    /// acknowledged.
    fn fail_next(&mut self) {
        let path = self.bench.hands.synced_next().expect("only a sync is to fail").to_owned();
        if path.ends_with(".log") {
            let is_of = |topic: &&mut Topic| topic_of(&path).is_none_or(|name| name == topic.kind.name);
            for topic in self.known.topics.iter_mut().filter(is_of) {
                (topic.is_refused, topic.is_in_use) = (true, false);
            }
        }
        self.failed = Some(path);
        self.bench.fail_next();
    }

    fn check_time(&self) -> Result<(), Violation> {
        // Nobody listens any more: any error ends the script, and is not told.
        if self.is_enough { Err(Violation::Stuck(ENOUGH.to_owned())) } else { Ok(()) }
    }
}

/// What stands for the command after the last one.
pub const END: &str = "the end";
/// How the script ends when nobody listens any more.
pub const ENOUGH: &str = "it was stopped";

/// A log starts at `start` for good.
pub fn saw_start(topic: &mut Topic, start: i64, wall_ms: i64) -> Result<(), Violation> {
    if start < topic.start {
        let text = format!("{}: {start} after {} was seen", topic.kind.name, topic.start);
        return Err(Violation::history(Check::Starts, text));
    }
    topic.start = start;
    topic.log.ledger.saw_start(start, wall_ms, &topic.kind.limits).map(drop)
}

/// The topic that has a file; nothing where all topics depend on it.
fn topic_of(path: &str) -> Option<&str> {
    let (dir, _) = path.split_once('/')?;
    dir.strip_suffix("-0").filter(|name| !name.starts_with("__"))
}

fn in_circles() -> Violation {
    Violation::Stuck(format!("the broker goes round in circles: {COMMANDS_MAX} commands, and no end"))
}

fn name_of(command: &StorageCommand) -> String {
    match command {
        StorageCommand::Append { file, at, data } => {
            let size_bytes = data.iter().map(bytes::Bytes::len).sum::<usize>();
            format!("Append {{ file: {}, at: {at}, {size_bytes} bytes }}", file.0)
        }
        other => format!("{other:?}"),
    }
}
