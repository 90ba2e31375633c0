//! The broker: owns the parts, routes inputs to them. No Kafka semantics of its own.
//!
//! What a request means is in `api/`, what happens to records in `log/`, what the cluster is in `metadata/`, the life of the log
//! directory in `directory`. Here they are brought together.

mod answer;
mod change;
mod compaction;
mod configs;
mod coordinators;
mod groups;
mod internal_topics;
mod life;
mod log_dirs;
mod log_moves;
mod log_starts;
mod opening;
mod planned_groups;
mod quotas;
mod retention;
mod schedule;
mod share_ends;
mod share_groups;
mod share_state;
mod shares;
mod telemetry;
mod transactions;

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use bytes::Bytes;

pub(crate) use self::answer::Leads;
pub(crate) use self::change::ParkedChange;
pub(crate) use self::share_groups::{ShareQuestion, calls_to, initialize_calls};
pub(crate) use self::share_state::{Asker, ParkedShareState};
pub(crate) use self::shares::{Acknowledged, Acknowledging, Asking, ParkedShareStart};
pub(crate) use self::transactions::Marker;
use crate::api::fetch::session::FetchSessions;
use crate::api::{
    delete_records, describe_log_dirs, dispatch, fetch, group_answer, list_offsets, produce, share_acknowledge,
    share_fetch, transaction_answer, txn_offset_commit, write_txn_markers,
};
use crate::boundary::{CloseReason, ConnId, FileId, Input, Level, OpId, Output, Path, StorageResult};
use crate::config::{Config, TopicConfig};
use crate::connection::{ConnectionLimits, Connections, SlotId};
use crate::directory::{Directory, DirectorySettings};
use crate::groups::Groups;
use crate::log::{Found, LogEvent, LookupError, LookupId, PartitionLog};
use crate::marks::{Mark, Marks};
use crate::metadata::{Loader, ProducerIds};
use crate::outbox::{LogId, Outbox, Owner};
use crate::parking::{ParkedId, Parking, Wake};
use crate::quotas::Quotas;
use crate::rng::Rng;
use crate::share_state::ShareState;
use crate::shares::Shares;
use crate::telemetry::Telemetry;
use crate::time::{Monotonic, Now};
use crate::transactions::Transactions;
use crate::types::{LeaderEpoch, NodeId, PartitionId};
use crate::wire::Uuid;

/// A whole Kafka node as a state machine; see [`crate::boundary`] for the contract.
///
/// The whole run loop, with a disk in memory and a client that asks which APIs there are:
///
/// ```
/// use ottla_core::boundary::{Chunk, ConnId, Input, Output};
/// use ottla_core::memory_disk::MemoryDisk;
/// use ottla_core::time::{Monotonic, Now, WallClock};
/// use ottla_core::{Broker, Config};
///
/// let now = Now { monotonic: Monotonic(0), wall: WallClock(1_800_000_000_000) };
/// let mut broker = Broker::new(Config::default(), [0; 32], now);
/// let mut disk = MemoryDisk::new();
/// let mut sent = Vec::new();
/// let conn = ConnId(1);
/// // ApiVersions version 0: key 18, version 0, correlation id 7, client id "me".
/// let request = b"\0\x12\0\0\0\0\0\x07\0\x02me";
/// let mut inputs = vec![
///     Input::Opened { conn, peer: ([127, 0, 0, 1], 50_000).into(), listener: 0 },
///     Input::Frame { conn, body: request[..].into() },
/// ];
/// inputs.reverse();
/// loop {
///     while let Some(output) = broker.poll_output() {
///         match output {
///             Output::Send { frame, .. } => {
///                 for chunk in frame.chunks {
///                     match chunk {
///                         Chunk::Bytes(bytes) => sent.extend_from_slice(&bytes),
///                         Chunk::File(range) => sent.extend_from_slice(&disk.read_range(range)),
///                     }
///                 }
///             }
///             Output::Store { op, command } => {
///                 let result = disk.execute(command);
///                 broker.handle(now, Input::Stored { op, result });
///             }
///             Output::Work { op, work } => broker.handle(now, Input::Worked { op, worked: work.run() }),
///             Output::Report(report) => println!("{}", report.text),
///             Output::Gate { .. } | Output::Close { .. } | Output::Halt { .. } => {}
///         }
///     }
///     let Some(input) = inputs.pop() else { break };
///     broker.handle(now, input);
/// }
/// assert_eq!(sent[4..10], [0, 0, 0, 7, 0, 0], "the correlation id, and no error");
/// ```
#[derive(Debug)]
pub struct Broker {
    pub(crate) config: Config,
    pub(crate) outbox: Outbox,
    pub(crate) rng: Rng,
    /// Holds the image, and keeps it up with the metadata log.
    pub(crate) metadata: Loader,
    pub(crate) logs: BTreeMap<PartitionId, PartitionLog>,
    /// Logs of partitions beside the one that serves: replicas on their way to another log directory, and such as gave up
    /// their place and are being removed.
    other_logs: BTreeMap<LogId, PartitionLog>,
    pub(crate) moves: log_moves::LogMoves,
    /// Which log has a directory of that name, or had it last.
    log_of_dir: BTreeMap<Path, PartitionId>,
    /// Effective configs of topics, by topic id.
    pub(crate) topic_configs: BTreeMap<Uuid, TopicConfig>,
    pub(crate) parking: Parking<Work>,
    pub(crate) fetch_sessions: FetchSessions,
    pub(crate) producer_ids: ProducerIds,
    pub(crate) groups: Groups,
    pub(crate) transactions: Transactions,
    pub(crate) share_state: ShareState,
    pub(crate) shares: Shares,
    connections: Connections,
    pub(crate) quotas: Quotas,
    pub(crate) telemetry: Telemetry,
    /// When the event came that is being handled.
    now: Now,
    pub(crate) directory: Directory,
    phase: Phase,
    /// Frames that came before the broker serves, or that wait for the metadata change before theirs.
    held: VecDeque<(SlotId, Bytes)>,
    held_bytes: usize,
    changes: change::Changes,
    /// Logs that may have events to be polled.
    touched: BTreeSet<PartitionId>,
    /// The same, of the other logs.
    touched_others: BTreeSet<LogId>,
    /// Logs to be opened once the directory of a deleted topic of that name is out of the way.
    waiting_for_name: BTreeSet<PartitionId>,
    log_timers: BTreeSet<(Monotonic, PartitionId)>,
    log_timer_of: BTreeMap<PartitionId, Monotonic>,
    idle_timers: BTreeSet<(Monotonic, ConnId)>,
    retention: retention::Rounds,
    cleaner: compaction::Cleaner,
    log_starts: log_starts::LogStarts,
    /// What a start has in hand until the broker serves.
    start: Option<life::Start>,
    /// The epoch of this term as the metadata log's leader.
    pub(crate) metadata_epoch: LeaderEpoch,
    /// Who we are, once the directory has said so.
    pub(crate) node_id: NodeId,
    /// Of the log directory with the metadata log.
    pub(crate) directory_id: Uuid,
    /// The epoch of this broker's registration, at the stop.
    broker_epoch: Option<i64>,
    closing: life::Closing,
    is_directory_closing: bool,
    /// While it starts, when to say next how far it is.
    progress_line_at: Option<Monotonic>,
}

/// The topic of the metadata log.
pub(crate) const METADATA_TOPIC: &str = "__cluster_metadata";
/// The metadata log's only partition.
pub(crate) const METADATA_PARTITION: PartitionId = PartitionId { topic_id: Uuid::METADATA_TOPIC, index: 0 };

/// What a broker serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Serving {
    /// Topics, Kafka's own among them.
    pub topics: usize,
    /// Partitions of all topics.
    pub partitions: usize,
}

/// What can be parked.
#[derive(Debug)]
pub(crate) enum Work {
    /// Waits until its partitions are part of its transaction.
    Admission(produce::ParkedAdmission),
    /// Waits until its batches are committed.
    Produce(produce::ParkedProduce),
    /// Waits for records or look-ups.
    Fetch(fetch::ParkedFetch),
    /// Waits for look-ups.
    ListOffsets(list_offsets::ParkedListOffsets),
    /// Waits until logs start where they were told to.
    DeleteRecords(delete_records::ParkedDeleteRecords),
    /// Waits until the disk says how large it is.
    DescribeLogDirs(describe_log_dirs::ParkedDescribeLogDirs),
    /// Waits until what it says of groups is committed.
    Group(group_answer::ParkedGroupAnswer),
    /// Waits until its group's partition is part of its transaction.
    TxnOffsetCommit(txn_offset_commit::ParkedTxnOffsetCommit),
    /// Waits until what it says of transactions is committed.
    Transaction(transaction_answer::ParkedTransactionAnswer),
    /// Waits until markers are committed.
    Markers(write_txn_markers::ParkedMarkers),
    /// Waits for coordinators of the state of share groups, or until what it says of it is committed.
    ShareState(ParkedShareState),
    /// Waits for the record that a share partition begins with.
    ShareStart(ParkedShareStart),
    /// Waits for records of share partitions, or until acknowledgements are kept.
    ShareFetch(share_fetch::ParkedShareFetch),
    /// Waits until acknowledgements are kept.
    ShareAcknowledge(share_acknowledge::ParkedShareAcknowledge),
    /// Waits until a metadata change is committed and its logs are open.
    Change(ParkedChange),
}

/// Where the broker is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The directory is being read.
    Starting,
    /// Requests are served.
    Serving,
    /// What is in flight is being answered, until then.
    Draining { until: Monotonic },
    /// Logs are being closed.
    Closing,
    /// [`Output::Halt`] is said.
    Halted,
}

impl Broker {
    /// A broker that begins by reading its directory: poll its outputs.
    #[must_use]
    pub fn new(config: Config, seed: [u8; 32], now: Now) -> Self {
        let mut outbox = Outbox::new(config.bugs);
        let mut rng = Rng::new(seed);
        let directory = Directory::open(DirectorySettings::from(&config), &mut rng, &mut outbox);
        Self {
            connections: Connections::new(ConnectionLimits::from(&config)),
            quotas: Quotas::new(&config),
            telemetry: Telemetry::default(),
            now,
            fetch_sessions: FetchSessions::new(config.limits.fetch_sessions as usize, config.bugs),
            groups: Groups::new(&config),
            transactions: Transactions::new(&config),
            share_state: ShareState::new(&config),
            shares: Shares::new(&config),
            config,
            outbox,
            rng,
            metadata: Loader::new(String::new()),
            logs: BTreeMap::new(),
            other_logs: BTreeMap::new(),
            moves: log_moves::LogMoves::default(),
            log_of_dir: BTreeMap::new(),
            topic_configs: BTreeMap::new(),
            parking: Parking::default(),
            producer_ids: ProducerIds::default(),
            directory,
            phase: Phase::Starting,
            held: VecDeque::new(),
            held_bytes: 0,
            changes: change::Changes::default(),
            touched: BTreeSet::new(),
            touched_others: BTreeSet::new(),
            waiting_for_name: BTreeSet::new(),
            log_timers: BTreeSet::new(),
            log_timer_of: BTreeMap::new(),
            idle_timers: BTreeSet::new(),
            retention: retention::Rounds::new(now),
            cleaner: compaction::Cleaner::default(),
            log_starts: log_starts::LogStarts::default(),
            start: None,
            metadata_epoch: LeaderEpoch::NONE,
            node_id: NodeId::NONE,
            directory_id: Uuid::ZERO,
            broker_epoch: None,
            closing: life::Closing::default(),
            is_directory_closing: false,
            progress_line_at: Some(Self::first_progress_line_at(now)),
        }
    }

    /// Takes one event in. Never fails, never blocks.
    pub fn handle(&mut self, now: Now, input: Input) {
        if self.phase == Phase::Halted {
            return;
        }
        self.now = now;
        self.retention.watch(now);
        match input {
            Input::Opened { conn, peer, listener } => self.opened(now.monotonic, conn, peer, listener),
            Input::Frame { conn, body } => self.frame(now, conn, body),
            Input::Sent { conn, size_bytes } => {
                let free = self.connections.sent(now.monotonic, conn, size_bytes, &mut self.outbox);
                self.unpin(free);
            }
            Input::Closed { conn } => self.closed(now, conn),
            Input::Stored { op, result } => match self.outbox.take_owner(op) {
                Owner::Log(id) => {
                    if let Some(log) = log_mut(&mut self.logs, &mut self.other_logs, id) {
                        log.stored(now, op, result, &mut self.outbox);
                        self.touch_log(id);
                    }
                }
                Owner::Move(partition) => self.move_stored(now, partition, result),
                Owner::Directory => self.directory.stored(now, op, result, &mut self.outbox),
                Owner::Request => self.request_stored(op, &result),
                Owner::Nobody => {}
            },
            Input::Worked { op, worked } => {
                if let Owner::Log(id) = self.outbox.take_owner(op)
                    && let Some(log) = log_mut(&mut self.logs, &mut self.other_logs, id)
                {
                    log.worked(now, op, worked, &mut self.outbox);
                    self.touch_log(id);
                }
            }
            Input::Tick => self.tick(now),
            Input::Shutdown => self.begin_shutdown(now),
        }
        self.settle(now);
    }

    /// The next thing to do; `None` when all is said.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outbox.pop()
    }

    /// What it was made with, and what was changed since.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Which named places were reached, for tests.
    #[must_use]
    pub fn marks(&self) -> &Marks {
        &self.outbox.marks
    }

    /// When to send [`Input::Tick`], if nothing else happens before.
    #[must_use]
    pub fn deadline(&self) -> Option<Monotonic> {
        let draining = match self.phase {
            Phase::Draining { until } => Some(until),
            _ => None,
        };
        let log = self.log_timers.first().map(|(deadline, _)| *deadline);
        let idle = self.idle_timers.first().map(|(deadline, _)| *deadline);
        let rounds = [self.retention.deadline(), self.cleaner.deadline(), self.log_starts.deadline()];
        let rounds = rounds.into_iter().flatten().min();
        let progress = self.progress_deadline();
        let coordinators =
            [self.groups.deadline(), self.transactions.deadline(), self.share_state.deadline(), self.shares.deadline()];
        let mutes = self.quotas.mutes.deadline();
        let coordinators = coordinators.into_iter().flatten().min();
        let coordinators = coordinators.filter(|_| self.phase == Phase::Serving);
        let all = [
            self.parking.deadline(),
            self.directory.deadline(),
            log,
            idle,
            rounds,
            draining,
            progress,
            coordinators,
            mutes,
            self.move_deadline(),
        ];
        all.into_iter().flatten().min()
    }

    /// What it serves, once it does: before that it reads its directory, and requests wait.
    #[must_use]
    pub fn serving(&self) -> Option<Serving> {
        (self.phase == Phase::Serving).then(|| Serving {
            topics: self.metadata.image().topics.len(),
            // The metadata log is nobody's partition.
            partitions: self.logs.len().saturating_sub(1),
        })
    }

    /// Whether it no longer waits for anything but its own end.
    pub(crate) fn is_stopping(&self) -> bool {
        !matches!(self.phase, Phase::Starting | Phase::Serving)
    }

    fn opened(&mut self, now: Monotonic, conn: ConnId, peer: core::net::SocketAddr, listener: u16) {
        match self.connections.opened(now, conn, peer, listener, &mut self.outbox) {
            Ok(()) => {
                self.charge_connection(Now { monotonic: now, ..self.now }, conn, peer.ip());
                if self.config.connections_max_idle_ms >= 0 {
                    self.idle_timers.insert((now.plus_ms(self.config.connections_max_idle_ms), conn));
                }
            }
            Err(refusal) => {
                self.outbox.reach(Mark::ConnectionRefused);
                self.outbox.report(Level::Warn, alloc::format!("a connection from {peer} was refused: {refusal}"));
            }
        }
    }

    fn frame(&mut self, now: Now, conn: ConnId, body: Bytes) {
        let Some(slot) = self.connections.take_slot(now.monotonic, conn, &mut self.outbox) else { return };
        self.serve_frame(now, slot, body);
    }

    fn serve_frame(&mut self, now: Now, slot: SlotId, body: Bytes) {
        // One before it may have had its connection wait.
        let Err(body) = self.quotas.mutes.keep(slot, body) else { return };
        match self.phase {
            Phase::Starting => self.hold(slot, body),
            Phase::Serving => dispatch::dispatch(self, now, slot, body),
            Phase::Draining { .. } | Phase::Closing | Phase::Halted => self.close(slot.conn, CloseReason::Shutdown),
        }
    }

    fn closed(&mut self, now: Now, conn: ConnId) {
        let free = self.connections.closed(conn);
        self.quotas.closed(conn);
        self.telemetry.closed(conn);
        self.unpin(free);
        for id in self.parking.of_connection(conn) {
            // A metadata change goes on without the client that asked for it.
            if matches!(self.parking.peek(id), Some(Work::Change(_))) {
                continue;
            }
            match self.parking.take(id) {
                Some((Work::Fetch(parked), _)) => fetch::abandon(self, &parked),
                Some((Work::ShareFetch(parked), _)) => share_fetch::abandon(self, parked),
                _ => {}
            }
        }
        self.share_connection_lost(now, conn);
        self.held.retain(|(slot, _)| slot.conn != conn);
        self.held_bytes = self.held.iter().map(|(_, body)| body.len()).sum();
    }

    fn tick(&mut self, now: Now) {
        for id in self.parking.due(now.monotonic) {
            self.wake(now, id, Wake::Deadline);
        }
        while let Some((_, partition)) = self.log_timers.pop_first_if_due(now.monotonic) {
            self.log_timer_of.remove(&partition);
            if let Some(log) = self.logs.get_mut(&partition) {
                log.tick(now, &mut self.outbox);
                self.touch(partition);
            }
        }
        while let Some((_, conn)) = self.idle_timers.pop_first_if_due(now.monotonic) {
            self.check_idle(now.monotonic, conn);
        }
        self.end_mutes(now);
        self.tick_groups(now);
        self.tick_transactions(now);
        self.tick_share_state(now);
        self.tick_shares(now);
        self.check_retention(now);
        self.tell_log_starts(now);
        self.compact_next(now);
        self.tick_moves(now);
        self.directory.tick(now);
        self.report_progress(now);
    }

    fn check_idle(&mut self, now: Monotonic, conn: ConnId) {
        let Some(last_active) = self.connections.last_active(conn, now) else { return };
        let due = last_active.plus_ms(self.config.connections_max_idle_ms);
        if due <= now {
            self.outbox.reach(Mark::ConnectionIdle);
            self.close(conn, CloseReason::Idle);
        } else {
            self.idle_timers.insert((due, conn));
        }
    }

    /// Lets everything follow from what just happened, until nothing does.
    fn settle(&mut self, now: Now) {
        loop {
            self.directory_events(now);
            self.wake_shares(now);
            if let Some(partition) = self.touched.pop_first() {
                self.log_events(now, partition);
                self.advance_move(now, partition);
                self.rearm(now, partition);
            } else if let Some(id) = self.touched_others.pop_first() {
                while let Some(event) = self.other_logs.get_mut(&id).and_then(PartitionLog::poll_event) {
                    self.other_log_event(now, id, event);
                }
                self.advance_move(now, id.partition);
            } else {
                break;
            }
        }
        self.advance_shutdown(now);
    }

    fn log_events(&mut self, now: Now, partition: PartitionId) {
        while let Some(event) = self.logs.get_mut(&partition).and_then(PartitionLog::poll_event) {
            self.log_event(now, partition, event);
        }
    }

    fn log_event(&mut self, now: Now, partition: PartitionId, event: LogEvent) {
        match event {
            LogEvent::Surveyed => self.log_surveyed(now, partition),
            LogEvent::Opened => {
                self.log_opened(now, partition);
                self.load_coordinator_log(now, partition);
                self.pay_markers(now, partition);
                self.wake_all(now, self.parking.watching(partition), Wake::Grown(partition));
            }
            LogEvent::HighWatermarkMoved => {
                let Some(high_watermark) = self.logs.get(&partition).map(PartitionLog::high_watermark) else { return };
                self.directory.offsets_moved(now);
                if partition == METADATA_PARTITION {
                    self.apply_committed(now, high_watermark);
                    self.serve_when_ready(now);
                }
                self.group_log_committed(now, partition, high_watermark);
                self.transactions_committed(now, partition, high_watermark);
                let committed = self.parking.committed(partition, high_watermark);
                self.wake_all(now, committed, Wake::Committed(partition));
                self.wake_all(now, self.parking.watching(partition), Wake::Grown(partition));
            }
            LogEvent::CompactionEnded => {
                self.outbox.reach(Mark::CompactionEnded);
                self.cleaner.ended(partition);
                self.directory.offsets_moved(now);
            }
            LogEvent::LogStartDue => self.directory.log_start_due(),
            LogEvent::LogStartMoved => {
                self.wake_all(now, self.parking.watching(partition), Wake::Grown(partition));
            }
            LogEvent::LookupDone { lookup, result } => {
                let told = match &result {
                    Ok(Found::Extent(extent)) => vec![(partition, extent.file)],
                    _ => Vec::new(),
                };
                self.looked_up(now, partition, lookup, result);
                // Whoever goes on with it has pinned it by now.
                self.unpin(told);
            }
            LogEvent::WentOffline { reason } => {
                self.outbox.reach(Mark::LogOffline);
                self.log_offline(now, partition, &reason);
                self.coordinator_log_lost(now, partition);
                self.share_log_lost(partition);
                self.markers_lost(now, partition);
                self.wake_all(now, self.parking.touching(partition), Wake::Lost(partition));
                self.moved_log_lost(now, partition);
            }
            LogEvent::Foreign { topic_id } => self.foreign_directory(now, partition, topic_id),
            LogEvent::NameFree => self.open_waiting(now),
            LogEvent::Closed { .. } | LogEvent::Removed => {
                let is_removed = matches!(event, LogEvent::Removed);
                self.outbox.reach(if is_removed { Mark::LogRemoved } else { Mark::LogClosed });
                self.log_ended(partition, &event);
                self.open_waiting(now);
            }
        }
    }

    fn looked_up(&mut self, now: Now, partition: PartitionId, lookup: LookupId, result: Result<Found, LookupError>) {
        if partition == METADATA_PARTITION {
            return self.metadata_read(lookup, result);
        }
        if self.move_read(now, partition, lookup, &result) {
            return;
        }
        if self.coordinator_log_read(now, partition, lookup, &result) {
            return;
        }
        let Some(id) = self.parking.looking_up(partition, lookup) else { return };
        match self.parking.take(id) {
            Some((Work::Fetch(parked), _)) => fetch::looked_up(self, now, parked, partition, lookup, result),
            Some((Work::ShareFetch(parked), _)) => {
                share_fetch::looked_up(self, now, parked, partition, lookup, &result)
            }
            Some((Work::ShareStart(parked), _)) => self.share_start_found(now, parked, result),
            Some((Work::ListOffsets(parked), _)) => list_offsets::looked_up(self, parked, partition, lookup, &result),
            other => panic!("only fetches and time queries look things up, not {other:?}"),
        }
    }

    fn request_stored(&mut self, op: OpId, result: &StorageResult) {
        let Some(id) = self.parking.awaiting(op) else { return };
        match self.parking.take(id) {
            Some((Work::DescribeLogDirs(parked), _)) => describe_log_dirs::stored(self, parked, op, result),
            other => panic!("only DescribeLogDirs asks the disk itself, not {other:?}"),
        }
    }

    fn wake_all(&mut self, now: Now, ids: Vec<ParkedId>, wake: Wake) {
        for id in ids {
            self.wake(now, id, wake);
        }
    }

    fn wake(&mut self, now: Now, id: ParkedId, wake: Wake) {
        let Some((work, waits)) = self.parking.take(id) else { return };
        match work {
            Work::Admission(parked) => produce::wake_admission(self, now, parked, wake),
            Work::Produce(parked) => produce::wake(self, parked, waits, wake),
            Work::Fetch(parked) => fetch::wake(self, now, parked, wake),
            Work::ListOffsets(parked) => {
                self.parking.park(None, Work::ListOffsets(parked), waits);
            }
            Work::DeleteRecords(parked) => delete_records::wake(self, parked, waits, wake),
            Work::DescribeLogDirs(parked) => {
                self.parking.park(None, Work::DescribeLogDirs(parked), waits);
            }
            Work::Group(parked) => group_answer::wake(self, parked, waits, wake),
            Work::TxnOffsetCommit(parked) => txn_offset_commit::wake(self, now, parked, wake),
            Work::Transaction(parked) => transaction_answer::wake(self, parked, waits, wake),
            Work::Markers(parked) => write_txn_markers::wake(self, parked, wake),
            Work::ShareState(parked) => share_state::wake(self, now, parked, wake),
            Work::ShareStart(parked) => {
                self.parking.park(None, Work::ShareStart(parked), waits);
            }
            Work::ShareFetch(parked) => share_fetch::wake(self, now, parked),
            Work::ShareAcknowledge(parked) => {
                self.parking.park(None, Work::ShareAcknowledge(parked), waits);
            }
            Work::Change(parked) => change::wake(self, now, parked, waits, wake),
        }
    }

    /// Marks a log whose events are to be polled.
    pub(crate) fn touch(&mut self, partition: PartitionId) {
        self.touched.insert(partition);
    }

    fn rearm(&mut self, now: Now, partition: PartitionId) {
        if let Some(due) = self.logs.get_mut(&partition).and_then(|log| log.take_compaction_due(now)) {
            self.cleaner.arm(partition, due);
        }
        if let Some(due) = self.logs.get_mut(&partition).and_then(PartitionLog::take_retention_due) {
            self.retention.arm(partition, due);
        }
        let deadline = self.logs.get(&partition).and_then(PartitionLog::deadline);
        let armed = self.log_timer_of.get(&partition).copied();
        if deadline == armed {
            return;
        }
        if let Some(armed) = armed {
            self.log_timers.remove(&(armed, partition));
            self.log_timer_of.remove(&partition);
        }
        if let Some(deadline) = deadline {
            self.log_timers.insert((deadline, partition));
            self.log_timer_of.insert(partition, deadline);
        }
    }

    pub(crate) fn unpin(&mut self, pins: Vec<(PartitionId, FileId)>) {
        for (partition, file) in pins {
            let Some(id) = self.who_pinned(partition, file) else { continue };
            if let Some(log) = log_mut(&mut self.logs, &mut self.other_logs, id) {
                log.unpin(file, &mut self.outbox);
                self.touch_log(id);
            }
        }
    }

    /// The log of a partition that has a file open for an answer: an earlier one, if the partition has moved since.
    fn who_pinned(&self, partition: PartitionId, file: FileId) -> Option<LogId> {
        let current = self.logs.get(&partition).filter(|log| log.has_pinned(file));
        let all = (LogId { partition, serial: 0 })..=(LogId { partition, serial: u64::MAX });
        let others = || self.other_logs.range(all).map(|(_, log)| log).find(|log| log.has_pinned(file));
        current.or_else(others).map(PartitionLog::id)
    }

    /// Marks a log whose events are to be polled, be it the one that serves or another.
    fn touch_log(&mut self, id: LogId) {
        if self.other_logs.contains_key(&id) {
            self.touched_others.insert(id);
        } else {
            self.touched.insert(id.partition);
        }
    }
}

/// A log by its name; none where it is gone.
fn log_mut<'a>(
    logs: &'a mut BTreeMap<PartitionId, PartitionLog>,
    others: &'a mut BTreeMap<LogId, PartitionLog>,
    id: LogId,
) -> Option<&'a mut PartitionLog> {
    match logs.get_mut(&id.partition) {
        Some(log) if log.id() == id => Some(log),
        _ => others.get_mut(&id),
    }
}

/// Timers, by time.
trait Due<K> {
    fn pop_first_if_due(&mut self, now: Monotonic) -> Option<(Monotonic, K)>;
}

impl<K: Ord + Copy> Due<K> for BTreeSet<(Monotonic, K)> {
    fn pop_first_if_due(&mut self, now: Monotonic) -> Option<(Monotonic, K)> {
        let first = *self.first()?;
        (first.0 <= now).then(|| {
            self.remove(&first);
            first
        })
    }
}
