//! Whatever producers, coordinators, segments, syncs and crashes do: what is stable and what is aborted are as a simple
//! model of the log says, and a consumer of committed records gets exactly those.

use alloc::collections::BTreeSet;

use proptest::prelude::*;

use super::transactions::{NOW, end};
use super::*;
use crate::records::{OutputLimit, TimestampType, TransactionResult, records_of};

const PRODUCERS: usize = 4;

#[derive(Clone, Copy, Debug)]
enum Step {
    Produce {
        producer: usize,
        count: usize,
    },
    Plain {
        size: usize,
    },
    End {
        producer: usize,
        is_commit: bool,
        raises_epoch: bool,
    },
    /// From here on syncs are not done.
    HoldSyncs,
    Release,
    Close,
    Crash {
        loses: Loses,
    },
    Check {
        from: i64,
        limit: u64,
    },
}

/// What a crash takes with it of what was not synced, or damages.
#[derive(Clone, Copy, Debug)]
enum Loses {
    Nothing,
    /// Batches above the high watermark in the last segment.
    Tail,
    /// Transaction indexes of segments from the recovery point on.
    TransactionIndexes,
    Snapshots,
    /// The begin of each transaction index is overwritten with zeros.
    Damaged,
}

fn step() -> impl Strategy<Value = Step> {
    let loses = prop_oneof![
        Just(Loses::Nothing),
        Just(Loses::Tail),
        Just(Loses::TransactionIndexes),
        Just(Loses::Snapshots),
        Just(Loses::Damaged)
    ];
    prop_oneof![
        6 => (0..PRODUCERS, 1..4usize).prop_map(|(producer, count)| Step::Produce { producer, count }),
        2 => (0..250usize).prop_map(|size| Step::Plain { size }),
        4 => (0..PRODUCERS, any::<bool>(), any::<bool>())
            .prop_map(|(producer, is_commit, raises_epoch)| Step::End { producer, is_commit, raises_epoch }),
        1 => Just(Step::HoldSyncs),
        1 => Just(Step::Release),
        1 => Just(Step::Close),
        1 => loses.prop_map(|loses| Step::Crash { loses }),
        3 => (0..100i64, 1..2_000u64).prop_map(|(from, limit)| Step::Check { from, limit }),
    ]
}

/// What was appended, as the model sees it.
#[derive(Clone, Copy, Debug)]
enum Appended {
    Data { producer: Option<usize>, base: i64, count: i64 },
    Marker { producer: usize, at: i64, is_commit: bool, raises_epoch: bool },
}

/// What a producer sends next.
#[derive(Clone, Copy, Debug, Default)]
struct Sender {
    epoch: i16,
    next_sequence: i32,
}

#[derive(Debug, Default)]
struct Model {
    appended: Vec<Appended>,
}

/// A transaction as the model sees it: its end and result, if it has ended.
#[derive(Clone, Copy, Debug)]
struct Transaction {
    producer: usize,
    first: i64,
    end: Option<(i64, bool)>,
}

impl Model {
    fn sender(&self, of: usize) -> Sender {
        let mut sender = Sender::default();
        for appended in &self.appended {
            match *appended {
                Appended::Data { producer, count, .. } if producer == Some(of) => sender.next_sequence += count as i32,
                Appended::Marker { producer, raises_epoch: true, .. } if producer == of => {
                    sender = Sender { epoch: sender.epoch + 1, next_sequence: 0 };
                }
                _ => {}
            }
        }
        sender
    }

    /// What was on its way when the log crashed is lost.
    fn cut(&mut self, log_end: i64) {
        self.appended.retain(|appended| match *appended {
            Appended::Data { base, .. } => base < log_end,
            Appended::Marker { at, .. } => at < log_end,
        });
    }

    fn transactions(&self) -> Vec<Transaction> {
        let mut all: Vec<Transaction> = Vec::new();
        for appended in &self.appended {
            match *appended {
                Appended::Data { producer: Some(producer), base, .. } => {
                    if !all.iter().any(|it| it.producer == producer && it.end.is_none()) {
                        all.push(Transaction { producer, first: base, end: None });
                    }
                }
                Appended::Data { .. } => {}
                Appended::Marker { producer, at, is_commit, .. } => {
                    if let Some(open) = all.iter_mut().find(|it| it.producer == producer && it.end.is_none()) {
                        open.end = Some((at, is_commit));
                    }
                }
            }
        }
        all
    }

    fn last_stable(&self, high_watermark: i64) -> i64 {
        let is_undecided = |it: &Transaction| it.end.is_none_or(|(at, _)| at >= high_watermark);
        let firsts = self.transactions().into_iter().filter(is_undecided).map(|it| it.first);
        firsts.min().unwrap_or(i64::MAX).min(high_watermark)
    }

    /// Producers and first offsets, in the order of the markers.
    fn aborted(&self, from: i64, end: i64) -> Vec<(i64, i64)> {
        let aborted = self.transactions().into_iter().filter_map(|it| match it.end {
            Some((at, false)) if at >= from && it.first < end => Some((at, it.producer as i64, it.first)),
            _ => None,
        });
        let mut aborted: Vec<_> = aborted.collect();
        aborted.sort_unstable();
        aborted.into_iter().map(|(_, producer, first)| (producer, first)).collect()
    }

    /// Offsets of the records that count, from `from` on, below `end`.
    fn committed(&self, from: i64, end: i64) -> Vec<i64> {
        let transactions = self.transactions();
        let counts = |producer: Option<usize>, base: i64| {
            producer.is_none_or(|producer| {
                let of = |it: &&Transaction| {
                    it.producer == producer && it.first <= base && it.end.is_none_or(|(at, _)| at > base)
                };
                transactions.iter().find(of).is_some_and(|it| matches!(it.end, Some((_, true))))
            })
        };
        let data = self.appended.iter().filter_map(|appended| match *appended {
            Appended::Data { producer, base, count } if counts(producer, base) => Some(base..base + count),
            _ => None,
        });
        data.flatten().filter(|offset| (from..end).contains(offset)).collect()
    }
}

fn apply(world: World, model: &mut Model, step: Step) -> World {
    match step {
        Step::Produce { producer, count } => produce(world, model, producer, count),
        Step::Plain { size } => plain(world, model, size),
        Step::End { producer, is_commit, raises_epoch } => end_one(world, model, producer, is_commit, raises_epoch),
        Step::HoldSyncs => World { hold: |command| matches!(command, StorageCommand::Sync { .. }), ..world },
        Step::Release => released(world),
        Step::Close => released(world).reopen(),
        Step::Crash { loses } => crash(world, model, loses),
        Step::Check { from, limit } => check(world, model, from, limit),
    }
}

fn released(mut world: World) -> World {
    world.release();
    world
}

fn produce(mut world: World, model: &mut Model, producer: usize, count: usize) -> World {
    let sender = model.sender(producer);
    let builder = BatchBuilder::new()
        .producer(ProducerId(producer as i64), ProducerEpoch(sender.epoch), sender.next_sequence)
        .attributes(Attributes::default().transactional());
    let base = world.append(&build(builder, NOW, &alloc::vec![20; count])).0;
    model.appended.push(Appended::Data { producer: Some(producer), base, count: count as i64 });
    world
}

fn plain(mut world: World, model: &mut Model, size: usize) -> World {
    let base = world.append(&records(NOW, &[size])).0;
    model.appended.push(Appended::Data { producer: None, base, count: 1 });
    world
}

fn end_one(mut world: World, model: &mut Model, producer: usize, is_commit: bool, raises_epoch: bool) -> World {
    let result = if is_commit { TransactionResult::Commit } else { TransactionResult::Abort };
    let end = EndTransaction {
        producer_epoch: ProducerEpoch(model.sender(producer).epoch + i16::from(raises_epoch)),
        raises_epoch,
        timestamp_type: TimestampType::LogAppendTime,
        ..end(producer as i64, result)
    };
    let at = world.try_end(&end).expect("the marker fits").base_offset.0;
    model.appended.push(Appended::Marker { producer, at, is_commit, raises_epoch });
    world
}

fn crash(world: World, model: &mut Model, loses: Loses) -> World {
    let (config, recovery_point) = (world.config.clone(), world.log.recovery_point());
    let high_watermark = world.log.high_watermark();
    let mut disk = written(world).crash();
    let unsynced = |name: &String| {
        let first: i64 = name.split('.').next().unwrap().parse().unwrap();
        first >= recovery_point.0
    };
    let of_kind = |suffix: &str| names(&disk).into_iter().filter(|name| name.ends_with(suffix)).collect::<Vec<_>>();
    match loses {
        Loses::Nothing => {}
        Loses::Tail => {
            let last = of_kind(".log").pop().expect("there is a segment");
            let mut bytes = disk.file(&path(&last)).unwrap().to_vec();
            let kept = headers(&bytes).into_iter().take_while(|header| header.base_offset < high_watermark);
            bytes.truncate(kept.map(|header| header.size_bytes()).sum());
            disk.put(&path(&last), bytes);
        }
        Loses::TransactionIndexes => {
            for name in of_kind(".txnindex").iter().filter(|name| unsynced(name)) {
                disk.execute(StorageCommand::Remove { path: path(name) });
            }
        }
        Loses::Snapshots => {
            for name in of_kind(".snapshot") {
                disk.execute(StorageCommand::Remove { path: path(&name) });
            }
        }
        Loses::Damaged => {
            for name in of_kind(".txnindex") {
                let mut bytes = disk.file(&path(&name)).unwrap().to_vec();
                let damaged = bytes.len().min(34);
                bytes[..damaged].fill(0);
                disk.put(&path(&name), bytes);
            }
        }
    }
    let request = OpenLog { was_clean: false, recovery_point: Some(recovery_point), ..request(&config) };
    let world = World::open(disk, request);
    model.cut(world.log.log_end().0);
    world
}

/// All writes that were issued reach the disk, and nobody hears of it.
fn written(mut world: World) -> World {
    for (_, command) in core::mem::take(&mut world.held) {
        if !matches!(command, StorageCommand::Sync { .. }) {
            world.disk.execute(command);
        }
    }
    world
}

/// Reads from `from` on as a consumer does, `limit` bytes at a time.
fn check(mut world: World, model: &Model, from: i64, limit: u64) -> World {
    if world.held.iter().any(|(_, command)| matches!(command, StorageCommand::Append { .. })) {
        // Reads of the file would wait behind these.
        world.release();
    }
    let [_, _, high_watermark, end] = world.marks();
    let stable = model.last_stable(high_watermark);
    assert_eq!(world.log.last_stable_offset().0, stable);
    let from = from.min(end);
    let (mut at, mut read) = (from, Vec::new());
    while let Some(extent) = world.locate_stable(at) {
        world.log.pin(extent.file);
        let size = limit.max(u64::from(extent.first_batch_size_bytes)).min(extent.available_bytes);
        let aborted = world.aborted(at, &extent, size);
        let told: Vec<_> = aborted.iter().map(|it| (it.producer_id.0, it.first_offset.0)).collect();
        assert_eq!(told, model.aborted(at, world.log.end_of(&extent, size).0), "from {at}");
        at = consume(&world, &extent, size, aborted, &mut read).0;
        world.log.unpin(extent.file, &mut world.outbox);
    }
    assert_eq!(at, stable.max(from), "the consumer gets as far as it may");
    read.retain(|offset| *offset >= from);
    assert_eq!(read, model.committed(from, stable));
    world
}

/// What a consumer makes of an answer; where it goes on.
fn consume(
    world: &World,
    extent: &Extent,
    size: u64,
    mut aborted: Vec<AbortedTransaction>,
    read: &mut Vec<i64>,
) -> Offset {
    aborted.sort_unstable_by_key(|it| core::cmp::Reverse(it.first_offset));
    let range = FileRange { file: extent.file, at: extent.position, size_bytes: size as u32 };
    let mut bytes = world.disk.read_range(range);
    let (mut left_out, mut next) = (BTreeSet::new(), Offset(-1));
    while let Ok(header) = BatchHeader::parse(&bytes)
        && header.size_bytes() <= bytes.len()
    {
        let batch = bytes.split_to(header.size_bytes());
        next = header.next_offset();
        while aborted.last().is_some_and(|it| it.first_offset <= header.last_offset()) {
            left_out.extend(aborted.pop().map(|it| it.producer_id));
        }
        if header.attributes.is_control() {
            left_out.remove(&header.producer_id);
        } else if !(header.attributes.is_transactional() && left_out.contains(&header.producer_id)) {
            read.extend(records_of(&batch, OutputLimit::default()).unwrap().map(|record| record.unwrap().offset.0));
        }
    }
    next
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_stable_and_what_is_aborted_are_as_the_model_says(
        steps in prop::collection::vec(step(), 1..80),
        segment_bytes in 350..2_000u32,
        is_strict: bool,
    ) {
        let flush_messages = if is_strict { 1 } else { i64::MAX };
        let mut world = World::new(LogConfig { segment_bytes, flush_messages, ..config() });
        let mut model = Model::default();
        for step in steps {
            world = apply(world, &mut model, step);
        }
        world = check(released(world), &model, 0, 1);
        check(world.reopen(), &model, 0, u64::MAX);
    }
}
