//! Runs the broker's storage commands on the disk: when each happens, whether it fails, and how far it came when the
//! process died. Also holds the broker to its side of the contract: ids are new, files are open, appends go to the end.
//!
//! What does not belong here: what files and directories are (`disk`).

use std::collections::{BTreeMap, BTreeSet};

use ottla_core::boundary::{
    FileId, FileRange, OpId, OpenMode, Outcome, Path, StorageCommand, StorageError, StorageResult,
};

use crate::agenda::Time;
use crate::chance::{Chance, Odds};
use crate::disk::{Disk, Losses, NodeId, PowerLoss, Survival, file_of, offset};
use crate::plan::DiskPlan;
use crate::stats::{Counter, Stats};
use crate::violation::Violation;

/// The disk and the commands on their way to it.
#[derive(Debug)]
pub struct Storage {
    disk: Disk,
    chance: Chance,
    plan: DiskPlan,
    files: BTreeMap<FileId, OpenFile>,
    operations: BTreeMap<OpId, Operation>,
    used_files: BTreeSet<FileId>,
    next_op: u64,
}

/// A file id between Open and Close, as the broker sees it.
#[derive(Debug)]
struct OpenFile {
    path: Path,
    /// Once the Open took effect, and well.
    node: Option<NodeId>,
    /// When the last command on it takes effect, and when it is reported.
    effect_at: Time,
    done_at: Time,
    /// A write to it failed: nothing more is appended.
    has_failed: bool,
    /// A Close is on its way.
    is_closing: bool,
}

#[derive(Debug)]
struct Operation {
    command: StorageCommand,
    result: Option<StorageResult>,
}

/// When a command happens, and when its result is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// On the disk.
    pub effect_at: Time,
    /// To the broker.
    pub done_at: Time,
}

type Attempt = Result<Outcome, Failure>;

enum Failure {
    NotDone(StorageError),
    Unknown(StorageError),
}

impl Storage {
    /// Empty log directories.
    #[must_use]
    pub fn new(disk: Disk, plan: DiskPlan, chance: Chance) -> Self {
        Self {
            disk,
            chance,
            plan,
            files: BTreeMap::new(),
            operations: BTreeMap::new(),
            used_files: BTreeSet::new(),
            next_op: 0,
        }
    }

    /// From now on nothing fails.
    pub fn heal(&mut self) {
        self.plan = self.plan.calm();
        self.disk.heal();
    }

    /// The disk as readers see it.
    #[must_use]
    pub fn disk(&self) -> &Disk {
        &self.disk
    }

    /// Commands whose result is not known yet, but for closes, which change nothing.
    pub fn in_flight(&self) -> impl Iterator<Item = &StorageCommand> {
        let commands = self.operations.values().map(|operation| &operation.command);
        commands.filter(|command| !matches!(command, StorageCommand::Close { .. }))
    }

    /// Takes a command and says when it happens.
    ///
    /// # Errors
    /// The command breaks the contract.
    pub fn submit(&mut self, now: Time, op: OpId, command: StorageCommand) -> Result<Timing, Violation> {
        self.check_new(op)?;
        let typical = match command {
            StorageCommand::Sync { .. } | StorageCommand::SyncDir { .. } => self.plan.sync_latency,
            _ => self.plan.latency,
        };
        let mut timing = Timing { effect_at: now + self.chance.span_near(typical), done_at: now };
        timing.done_at = timing.effect_at + self.chance.span_up_to(self.plan.latency);
        if let Some(file) = file_of(&command) {
            self.check_file(file, &command)?;
            if let StorageCommand::Open { file, path, .. } = &command {
                let (effect_at, done_at) = (timing.effect_at, timing.done_at);
                let path = path.clone();
                let open = OpenFile { path, node: None, effect_at, done_at, has_failed: false, is_closing: false };
                self.files.insert(*file, open);
            }
            let open = self.files.get_mut(&file).expect("checked above");
            open.effect_at = open.effect_at.max(timing.effect_at);
            open.done_at = open.done_at.max(timing.done_at).max(open.effect_at);
            timing = Timing { effect_at: open.effect_at, done_at: open.done_at };
        }
        self.operations.insert(op, Operation { command, result: None });
        Ok(timing)
    }

    /// The command happens.
    ///
    /// # Errors
    /// What it does breaks the contract.
    pub fn take_effect(&mut self, op: OpId, stats: &mut Stats) -> Result<(), Violation> {
        let command = self.operations[&op].command.clone();
        stats.count(Counter::StorageCommands);
        let result = match self.attempt(&command)? {
            Ok(outcome) => StorageResult::Done(outcome),
            Err(failure) => {
                let (result, error) = match failure {
                    Failure::NotDone(error) => (StorageResult::NotDone(error.clone()), error),
                    Failure::Unknown(error) => (StorageResult::Unknown(error.clone()), error),
                };
                self.count_failure(&command, &error, stats);
                if let StorageCommand::Append { file, .. } | StorageCommand::Truncate { file, .. } = &command {
                    self.files.get_mut(file).expect("open").has_failed = true;
                }
                result
            }
        };
        if let StorageCommand::Close { file } = command {
            self.files.remove(&file);
        }
        self.operations.get_mut(&op).expect("in flight").result = Some(result);
        Ok(())
    }

    /// The command's result is known.
    ///
    /// # Panics
    /// Where the command has not happened yet.
    pub fn finish(&mut self, op: OpId) -> StorageResult {
        let operation = self.operations.remove(&op).expect("each command ends once");
        operation.result.expect("a command happens before its result is known")
    }

    /// The bytes of a stretch of an open file, if they all exist.
    #[must_use]
    pub fn bytes(&self, range: FileRange) -> Option<&[u8]> {
        let node = self.files.get(&range.file)?.node?;
        let from = usize::try_from(range.at).ok()?;
        self.disk.file(node).bytes().get(from..from.checked_add(range.size_bytes as usize)?)
    }

    /// The path under which a file was opened.
    #[must_use]
    pub fn path(&self, file: FileId) -> Option<&Path> {
        self.files.get(&file).map(|open| &open.path)
    }

    /// The cache writes something in its own time.
    pub fn write_back(&mut self) {
        self.disk.write_back(self.plan.sync_fails, self.plan.forgets, &mut self.chance);
    }

    /// The process ends: of the commands that did not happen yet some do, some in part, some never. The page cache may give
    /// up what it has forgotten to write.
    pub fn end_process(&mut self) -> Losses {
        let mut broken_off = BTreeSet::new();
        for operation in std::mem::take(&mut self.operations).into_values() {
            let file = file_of(&operation.command);
            if operation.result.is_some() || file.is_some_and(|file| broken_off.contains(&file)) {
                continue;
            }
            if self.chance.happens(Odds::percent(60)) {
                self.happen_in_part(&operation.command);
                broken_off.extend(file);
            } else {
                let _ = self.happen(&operation.command);
            }
        }
        self.files.clear();
        self.used_files.clear();
        self.next_op = 0;
        if self.plan.forgets { self.disk.evict(&mut self.chance) } else { Losses::default() }
    }

    /// The power goes, and the process with it.
    pub fn lose_power(&mut self) -> Losses {
        let mut losses = self.end_process();
        let survivals: &[Survival] = if self.plan.holes {
            &[Survival::Nothing, Survival::Prefix, Survival::Subset]
        } else {
            &[Survival::Nothing, Survival::Prefix]
        };
        let how = PowerLoss { survival: *self.chance.pick(survivals), tears: self.plan.tears };
        losses.merge(self.disk.lose_power(how, &mut self.chance));
        losses
    }

    fn check_new(&mut self, op: OpId) -> Result<(), Violation> {
        if op.0 < self.next_op {
            return Err(Violation::Contract(format!("{op:?} was used before")));
        }
        self.next_op = op.0 + 1;
        Ok(())
    }

    fn check_file(&mut self, file: FileId, command: &StorageCommand) -> Result<(), Violation> {
        let is_open = self.files.get(&file).is_some_and(|open| !open.is_closing);
        let is_opening = matches!(command, StorageCommand::Open { .. });
        if is_opening && !self.used_files.insert(file) {
            return Err(Violation::Contract(format!("{file:?} was used before")));
        }
        if is_open == is_opening {
            return Err(Violation::Contract(format!("{command:?} on a file that is not open")));
        }
        if let (Some(open), StorageCommand::Close { .. }) = (self.files.get_mut(&file), command) {
            open.is_closing = true;
        }
        Ok(())
    }

    fn count_failure(&self, command: &StorageCommand, error: &StorageError, stats: &mut Stats) {
        if *error == StorageError::NotFound {
            return;
        }
        stats.count(Counter::StorageFailures);
        if matches!(command, StorageCommand::Sync { .. } | StorageCommand::SyncDir { .. }) {
            stats.count(Counter::SyncFailures);
        } else if let StorageCommand::List { .. }
        | StorageCommand::Read { .. }
        | StorageCommand::Open { mode: OpenMode::Existing, .. } = command
        {
            stats.count(Counter::ReadFailures);
        } else {
            stats.count(Counter::WriteFailures);
        }
        if *error == StorageError::Full {
            stats.count(Counter::FullDisks);
        }
    }

    /// Does a command, or fails it if this disk is so inclined.
    fn attempt(&mut self, command: &StorageCommand) -> Result<Attempt, Violation> {
        self.check_append(command)?;
        if let StorageCommand::Append { file, .. } = command
            && self.files[file].has_failed
        {
            let error = StorageError::Io("an earlier write to the file failed".to_owned());
            return Ok(Err(Failure::NotDone(error)));
        }
        if self.has_unseen_error(command) {
            return Ok(Err(self.fail(command, StorageError::Io("input/output error".to_owned()))));
        }
        let odds = match command {
            StorageCommand::List { .. } | StorageCommand::Read { .. } => self.plan.read_fails,
            StorageCommand::Open { mode: OpenMode::Existing, .. } => self.plan.read_fails,
            StorageCommand::Sync { .. } | StorageCommand::SyncDir { .. } => self.plan.sync_fails,
            StorageCommand::Close { .. } => Odds::NEVER,
            _ => self.plan.write_fails,
        };
        let takes_space = matches!(
            command,
            StorageCommand::MakeDir { .. } | StorageCommand::Open { .. } | StorageCommand::Append { .. }
        );
        if takes_space && self.chance.happens(self.plan.fills) {
            return Ok(Err(self.fail(command, StorageError::Full)));
        }
        if self.chance.happens(odds) {
            return Ok(Err(self.fail(command, StorageError::Io("input/output error".to_owned()))));
        }
        Ok(self.happen(command).map_err(Failure::NotDone))
    }

    /// Whether a sync has to say what the page cache could not write before.
    fn has_unseen_error(&self, command: &StorageCommand) -> bool {
        let StorageCommand::Sync { file } = command else { return false };
        self.files[file].node.is_some_and(|node| self.disk.file(node).has_unseen_error())
    }

    /// Appends go to the end, or repeat bytes that are there.
    fn check_append(&self, command: &StorageCommand) -> Result<(), Violation> {
        let StorageCommand::Append { file, at, data } = command else { return Ok(()) };
        let open = &self.files[file];
        let Some(node) = open.node else { return Ok(()) };
        let size_bytes = self.disk.file(node).size_bytes();
        let is_repeat = || self.disk.file(node).bytes()[offset(*at)..].starts_with(&data.concat());
        if open.has_failed || *at == size_bytes || *at < size_bytes && is_repeat() {
            return Ok(());
        }
        Err(Violation::Contract(format!("append at {at} to {}, which has {size_bytes} bytes", open.path)))
    }

    /// A command that fails: not at all, or in part, or (unbeknown) wholly.
    fn fail(&mut self, command: &StorageCommand, error: StorageError) -> Failure {
        match command {
            StorageCommand::List { .. } | StorageCommand::Read { .. } | StorageCommand::Open { .. } => {
                return Failure::NotDone(error);
            }
            StorageCommand::Sync { file } => {
                if let Some(node) = self.files[file].node {
                    self.disk.file_mut(node).fail_sync(self.plan.forgets, &mut self.chance);
                }
                return Failure::Unknown(error);
            }
            _ => {}
        }
        match self.chance.between(0..=2) {
            0 => Failure::NotDone(error),
            1 => {
                self.happen_in_part(command);
                Failure::Unknown(error)
            }
            _ => {
                let _ = self.happen(command);
                Failure::Unknown(error)
            }
        }
    }

    /// What a command that was broken off leaves behind.
    fn happen_in_part(&mut self, command: &StorageCommand) {
        match command {
            StorageCommand::Append { file, at, data } => {
                let Some(node) = self.files[file].node else { return };
                let bytes = data.concat();
                let written = self.chance.index(bytes.len() + 1);
                self.disk.file_mut(node).write(offset(*at), &bytes[..written]);
            }
            StorageCommand::Remove { path } => self.disk.remove_in_part(path, &mut self.chance),
            StorageCommand::MakeDir { dir } => {
                let parent = dir.parent();
                if !dir.relative.is_empty() && !parent.relative.is_empty() {
                    let _ = self.disk.make_dir(&parent);
                }
            }
            _ => {}
        }
    }

    fn happen(&mut self, command: &StorageCommand) -> Result<Outcome, StorageError> {
        let open = file_of(command).and_then(|file| self.files.get(&file)?.node);
        let (outcome, opened) = self.disk.execute(command, open)?;
        if let (StorageCommand::Open { file, .. }, Some(node)) = (command, opened) {
            self.files.get_mut(file).expect("submitted before").node = Some(node);
        }
        Ok(outcome)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agenda::Span;
    use crate::chance::Stream;
    use crate::plan::Plan;
    use bytes::Bytes;

    fn storage(seed: u64) -> Storage {
        let plan = DiskPlan { holes: true, tears: true, ..Plan::of(seed).disk.calm() };
        Storage::new(Disk::new(1), plan, Chance::new(seed, Stream::Disk))
    }

    fn path(relative: &str) -> Path {
        Path::new(0, relative)
    }

    fn append(file: u64, at: u64, bytes: &'static [u8]) -> StorageCommand {
        StorageCommand::Append { file: FileId(file), at, data: vec![Bytes::from_static(bytes)] }
    }

    fn open(file: u64, name: &str) -> StorageCommand {
        StorageCommand::Open { file: FileId(file), path: path(name), mode: OpenMode::OpenOrCreate }
    }

    fn run(storage: &mut Storage, op: u64, command: StorageCommand) -> StorageResult {
        storage.submit(Time(0), OpId(op), command).unwrap();
        storage.take_effect(OpId(op), &mut Stats::default()).unwrap();
        storage.finish(OpId(op))
    }

    #[test]
    fn commands_on_one_file_keep_their_order_and_others_do_not() {
        let mut reordered = 0;
        for seed in 0..100 {
            let mut storage = storage(seed);
            let mut on_file = Vec::new();
            let mut on_paths = Vec::new();
            for op in 0..10 {
                let command = if op == 0 { open(0, "a") } else { append(0, op, b"x") };
                on_file.push(storage.submit(Time(op), OpId(2 * op), command).unwrap());
                let command = StorageCommand::Remove { path: path("b") };
                on_paths.push(storage.submit(Time(op), OpId(2 * op + 1), command).unwrap());
            }
            assert!(on_file.is_sorted_by_key(|timing| timing.effect_at));
            assert!(on_file.is_sorted_by_key(|timing| timing.done_at));
            assert!(on_file.iter().all(|timing| timing.effect_at <= timing.done_at));
            reordered += usize::from(!on_paths.is_sorted_by_key(|timing| timing.effect_at));
        }
        assert!(reordered > 50, "{reordered} of 100");
    }

    #[test]
    fn a_killed_process_leaves_what_happened_and_a_prefix_of_the_rest() {
        let (mut nothing, mut part, mut all) = (0, 0, 0);
        for seed in 0..200 {
            let mut storage = storage(seed);
            run(&mut storage, 0, open(0, "a"));
            run(&mut storage, 1, append(0, 0, b"happened."));
            storage.submit(Time(9), OpId(2), append(0, 9, b"perhaps.")).unwrap();
            storage.submit(Time(9), OpId(3), append(0, 17, b"rarely.")).unwrap();
            storage.end_process();
            run(&mut storage, 0, open(0, "a"));
            let StorageResult::Done(Outcome::Data(left)) =
                run(&mut storage, 1, StorageCommand::Read { file: FileId(0), at: 0, size_bytes: 100 })
            else {
                panic!("a read of what was written")
            };
            assert!(left.len() >= 9 && b"happened.perhaps.rarely.".starts_with(&left), "{left:?}");
            match left.len() {
                9 => nothing += 1,
                24 => all += 1,
                _ => part += 1,
            }
        }
        assert!(nothing > 5 && part > 50 && all > 10, "{nothing} nothing, {part} in part, {all} all");
    }

    #[test]
    fn a_failing_disk_says_unknown_where_it_may_have_written() {
        let mut storage = storage(1);
        run(&mut storage, 0, open(0, "a"));
        storage.plan.write_fails = Odds::percent(100);
        let mut at = 0;
        let mut unknown = 0;
        for op in 1..100 {
            storage.files.get_mut(&FileId(0)).unwrap().has_failed = false;
            let result = run(&mut storage, op, append(0, at, b"abc"));
            let bytes = storage.bytes(FileRange { file: FileId(0), at: 0, size_bytes: 0 });
            assert!(bytes.is_some());
            let size = storage.disk.file(storage.files[&FileId(0)].node.unwrap()).size_bytes();
            match result {
                StorageResult::Done(_) => panic!("it fails always"),
                StorageResult::NotDone(_) => assert_eq!(size, at),
                StorageResult::Unknown(_) => unknown += 1,
            }
            at = size;
        }
        assert!(unknown > 30);
    }

    #[test]
    fn after_a_failed_append_nothing_is_written_behind_the_gap() {
        let mut storage = storage(1);
        run(&mut storage, 0, open(0, "a"));
        storage.plan.write_fails = Odds::percent(100);
        run(&mut storage, 1, append(0, 0, b"abc"));
        storage.plan.write_fails = Odds::NEVER;
        assert!(matches!(run(&mut storage, 2, append(0, 3, b"def")), StorageResult::NotDone(_)));
    }

    #[test]
    fn breaches_of_the_contract_are_found() {
        let breach = |commands: &[StorageCommand]| {
            let mut storage = storage(1);
            for (op, command) in commands.iter().enumerate() {
                let op = OpId(op as u64);
                storage.submit(Time(0), op, command.clone())?;
                storage.take_effect(op, &mut Stats::default())?;
            }
            Ok::<(), Violation>(())
        };
        let sync = StorageCommand::Sync { file: FileId(0) };
        let close = StorageCommand::Close { file: FileId(0) };
        assert_eq!(breach(&[open(0, "a"), sync.clone(), close.clone(), open(1, "a")]), Ok(()));
        assert!(breach(std::slice::from_ref(&sync)).is_err(), "never opened");
        assert!(breach(&[open(0, "a"), close.clone(), sync]).is_err(), "closed");
        assert!(breach(&[open(0, "a"), close.clone(), close]).is_err(), "closed twice");
        assert!(breach(&[open(0, "a"), open(0, "b")]).is_err(), "an id used twice");
        assert!(breach(&[open(0, "a"), append(0, 1, b"x")]).is_err(), "an append past the end");
        let mut storage = storage(1);
        storage.submit(Time(0), OpId(0), open(0, "a")).unwrap();
        assert!(storage.submit(Time(0), OpId(0), open(1, "a")).is_err(), "an operation used twice");
    }

    #[test]
    fn what_is_synced_survives_a_power_loss_with_commands_in_flight() {
        for seed in 0..200 {
            let mut storage = storage(seed);
            run(&mut storage, 0, open(0, "a"));
            run(&mut storage, 1, append(0, 0, b"synced"));
            run(&mut storage, 2, StorageCommand::Sync { file: FileId(0) });
            run(&mut storage, 3, StorageCommand::SyncDir { dir: path("") });
            storage.submit(Time(0) + Span(5), OpId(4), append(0, 6, b" or not")).unwrap();
            storage.lose_power();
            let result = run(&mut storage, 0, open(0, "a"));
            let StorageResult::Done(Outcome::Opened { size_bytes }) = result else { panic!("{result:?}") };
            let range = FileRange { file: FileId(0), at: 0, size_bytes: 6 };
            assert!(size_bytes >= 6);
            assert_eq!(storage.bytes(range), Some(&b"synced"[..]), "seed {seed}");
        }
    }
}
