//! A whole world and its course: faults, then calm in which everybody must get done, a clean stop, and a last reader
//! who holds what is on the disk against what everybody saw.

use ottla_core::boundary::{ConnId, HaltReason, Path};
use ottla_core::config::Config;
use ottla_core::marks::Mark;

use crate::agenda::{Span, Time};
use crate::chance::{Chance, Stream};
use crate::clients::{
    Admin, Churner, Client, Consumer, Dabbler, Inquirer, Loner, Member, OffsetAuditor, Prober, Producer, Pruner, Role,
    Sharer, Subscriber, Transactor, Vandal,
};
use crate::env::{ClientId, Env, Event, Stage};
use crate::history::{History, Life, PartitionRef};
use crate::node::Node;
use crate::plan::Plan;
use crate::stats::{Counter, Stats};
use crate::timeline::Recorder;
use crate::transcript::{TranscriptHash, Voice};
use crate::violation::Violation;

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Of everything that passed the boundary.
    pub hash: TranscriptHash,
    /// What happened, counted.
    pub stats: Stats,
    /// What was wrong, if anything was.
    pub violation: Option<Violation>,
}

/// A world.
#[derive(Debug)]
struct World {
    env: Env,
    history: History,
    node: Option<Node>,
    clients: Vec<Client>,
    /// Those after whom nothing more is produced.
    producers: Vec<usize>,
    lifecycle: Chance,
    clock: Chance,
    broker_seeds: Chance,
    /// How the broker will be back once it has ended.
    ending: Option<Ending>,
}

/// How a broker ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Clean,
    Kill,
    PowerLoss,
}

/// All must be done this long after the faults are over.
const CALM_MAX: Span = Span::seconds(300);
/// A stop in good order takes no longer.
const STOP_MAX: Span = Span::seconds(30);
/// The last reader takes no longer.
const AUDIT_MAX: Span = Span::seconds(120);
/// So many things in one moment, and it is a broker that goes round in circles.
const EVENTS_AT_ONCE_MAX: u64 = 1_000_000;
/// No world has more to do.
const EVENTS_MAX: u64 = 20_000_000;
/// The topic that transactions write to.
const TRANSACTED: &str = "transacted";
/// The topic that share groups read.
const SHARED: &str = "shared";
/// Answers that a client has not taken keep its connection from being read from here on.
const UNSENT_MAX_BYTES: u64 = 16 * 1024;
/// In a lull the page cache is in no hurry.
const LULL_STEP: Span = Span::ms(500);
const CLEAN_MARKER: &str = ".kafka_cleanshutdown";

/// Runs the world of `plan`, and tells `timeline` what happens.
#[must_use]
pub fn run(plan: Plan, voice: Voice, timeline: Recorder) -> Outcome {
    run_told(plan, voice, timeline).0
}

/// The same, with what the clients wrote down.
#[must_use]
pub fn run_told(plan: Plan, voice: Voice, timeline: Recorder) -> (Outcome, ottla_checker::History) {
    let mut world = World::new(plan, voice, timeline);
    let violation = world.run().err();
    let violation = world.judge(violation);
    world.env.stats.add(Counter::SimulatedMs, world.env.time().0 / 1_000);
    if let Some(node) = &world.node {
        world.env.stats.reached(node.marks());
    }
    let outcome = Outcome { hash: world.env.transcript.hash(), stats: world.env.stats, violation };
    (outcome, world.history.account.into_history())
}

impl World {
    fn new(plan: Plan, voice: Voice, timeline: Recorder) -> Self {
        let mut history = History::new(plan.limits());
        let sound_from = (!plan.disk.is_faulty()).then(Life::default);
        let names: Vec<String> = (0..plan.clients.topics).map(|topic| format!("topic{topic}")).collect();
        for name in &names {
            history.topics.add_lasting(name, i32::from(plan.clients.partitions));
        }
        let mut world = Self {
            history,
            node: None,
            clients: Vec::new(),
            producers: Vec::new(),
            lifecycle: Chance::new(plan.seed, Stream::Lifecycle),
            clock: Chance::new(plan.seed, Stream::Clock),
            broker_seeds: Chance::new(plan.seed, Stream::Broker),
            ending: None,
            env: Env::new(plan, voice, timeline),
        };
        world.env.sound_from = sound_from;
        world.populate(&names);
        world
    }

    fn populate(&mut self, names: &[String]) {
        let plan = self.env.plan.clients;
        self.producers = (0..usize::from(plan.producers)).collect();
        for _ in 0..plan.producers {
            self.add_client(|chance| Box::new(Producer::new(&plan, names.to_vec(), chance)));
        }
        for _ in 0..plan.consumers {
            self.add_client(|chance| Box::new(Consumer::new(names.to_vec(), chance)));
        }
        self.add_client(|_| Box::new(Prober::new(names.to_vec())));
        if !plan.auto_create {
            self.add_client(|_| Box::new(Admin::new(names.to_vec())));
        }
        if self.env.plan.retention.deletes_records {
            self.add_client(|_| Box::new(Pruner::new(names.to_vec())));
        }
        if plan.churns_topics {
            self.add_client(|_| Box::new(Churner::new()));
        }
        if plan.has_vandal {
            self.add_client(|_| Box::new(Vandal::new(names.to_vec())));
        }
        if self.env.plan.has_inquirer {
            self.add_client(|chance| Box::new(Inquirer::new(names.to_vec(), chance)));
            self.add_client(|_| Box::new(Dabbler::new(names.to_vec())));
        }
        let groups = self.env.plan.groups;
        for group in 0..groups.groups {
            for number in 0..groups.members {
                let name = format!("group{group}");
                self.add_client(|chance| Box::new(Member::new(name, number, names.to_vec(), chance)));
            }
        }
        for group in 0..groups.consumer_groups {
            for number in 0..groups.members {
                let name = format!("consumers{group}");
                self.add_client(|chance| Box::new(Subscriber::new(name, number, names.to_vec(), chance)));
            }
        }
        for loner in 0..groups.loners {
            self.add_client(|_| Box::new(Loner::new(format!("loner{loner}"), names.to_vec())));
        }
        self.populate_transactions();
        self.populate_shares();
    }

    /// Transactions have a topic of their own: nothing goes from it, and others know nothing of markers.
    fn populate_transactions(&mut self) {
        let plan = self.env.plan.transactions;
        if !plan.is_on() {
            return;
        }
        let partitions = i32::from(plan.partitions);
        self.history.topics.add_lasting(TRANSACTED, partitions);
        let topic = self.history.topics.lasting(TRANSACTED).expect("just added").topic;
        self.history.keeps_all(topic);
        for index in 0..partitions {
            self.history.transactions.add_partition(PartitionRef { topic, index });
        }
        let transacted = || TRANSACTED.to_owned();
        self.add_client(|_| Box::new(Admin::of_kept(transacted(), plan.segment_bytes)));
        for id in 0..plan.ids {
            for _ in 0..plan.producers {
                self.producers.push(self.clients.len());
                self.add_client(|_| Box::new(Transactor::new(format!("id{id}"), transacted(), plan.transactions)));
            }
        }
        for _ in 0..plan.consumers {
            self.add_client(|chance| Box::new(Consumer::new(vec![transacted()], chance).of_committed()));
        }
    }

    /// Share groups have a topic of their own: nothing goes from it but what they have dealt with.
    fn populate_shares(&mut self) {
        let plan = self.env.plan.shares;
        if !plan.is_on() {
            return;
        }
        self.history.topics.add_lasting(SHARED, i32::from(plan.partitions));
        let topic = self.history.topics.lasting(SHARED).expect("just added").topic;
        self.history.keeps_all(topic);
        let shared = || SHARED.to_owned();
        let segment_bytes = self.env.plan.segment_bytes();
        self.add_client(|_| Box::new(Admin::of_kept(shared(), segment_bytes)));
        let clients = self.env.plan.clients;
        self.producers.push(self.clients.len());
        self.add_client(|chance| Box::new(Producer::new(&clients, vec![shared()], chance).of_created()));
        for group in 0..plan.groups {
            for number in 0..plan.members {
                self.add_client(|_| Box::new(Sharer::new(format!("sharers{group}"), number, shared())));
            }
        }
    }

    fn add_client(&mut self, make_role: impl FnOnce(&mut Chance) -> Box<dyn Role>) {
        let id = ClientId(u16::try_from(self.clients.len()).expect("few clients"));
        let client = Client::new(self.env.plan.seed, id, make_role);
        self.clients.push(client);
        let client = self.clients.last_mut().expect("just added");
        client.begin(&mut self.env);
    }

    fn run(&mut self) -> Result<(), Violation> {
        let plan = &self.env.plan;
        let (faults_for, write_back, jump) = (plan.faults_for, plan.disk.write_back_every, plan.clock.jump_every);
        self.env.timeline.stage(Time::default(), &self.env.stage);
        self.env.agenda.after(Span::ZERO, Event::Start);
        self.plan_lulls(faults_for);
        self.env.agenda.after(write_back, Event::WriteBack);
        if self.env.plan.clock.drift_ppm != 0 {
            self.env.stats.count(Counter::Drifts);
        }
        if jump > Span::ZERO {
            self.env.agenda.after(jump, Event::Jump);
        }
        self.plan_end();
        let mut haste = Haste::default();
        while self.env.stage != Stage::Over {
            let event = self.env.agenda.advance().expect("the cache always writes back");
            haste.count(self.env.time())?;
            self.happen(event)?;
        }
        Ok(())
    }

    fn happen(&mut self, event: Event) -> Result<(), Violation> {
        self.history.account.set_time(self.env.time());
        let may_be_done = matches!(
            event,
            Event::Connected(_) | Event::ToClient(..) | Event::Broken(_) | Event::Wake(_) | Event::Start | Event::Heal
        );
        match event {
            Event::Knock(conn) => match &mut self.node {
                Some(node) => node.knock(&mut self.env, conn)?,
                None => self.env.drop_link(conn),
            },
            Event::ToBroker(conn, bytes) => self.with_node_of(conn, |node, env| {
                node.arrive(env, conn, bytes);
                Ok(())
            })?,
            Event::Read(conn) => self.with_node_of(conn, |node, env| node.read(env, conn))?,
            Event::Write(conn) => self.with_node_of(conn, |node, env| node.write(env, conn))?,
            Event::Connected(_) | Event::ToClient(..) | Event::Broken(_) | Event::Wake(_) => {
                self.happen_to_client(event)?;
            }
            Event::StorageHappens(life, op) if self.is_alive(life) => {
                self.env.timeline.took_effect(self.env.agenda.now(), op);
                self.env.storage.take_effect(op, &mut self.env.stats)?;
            }
            Event::StorageEnds(life, op) if self.is_alive(life) => {
                let node = self.node.as_mut().expect("alive");
                node.stored(&mut self.env, op)?;
            }
            Event::WorkEnds(life, op) if self.is_alive(life) => {
                self.node.as_mut().expect("alive").worked(&mut self.env, op)?;
            }
            Event::Tick(life) if self.is_alive(life) => {
                self.node.as_mut().expect("alive").tick(&mut self.env)?;
            }
            Event::Exit(life) if self.is_alive(life) => self.exit()?,
            Event::StorageHappens(..)
            | Event::StorageEnds(..)
            | Event::WorkEnds(..)
            | Event::Tick(_)
            | Event::Exit(_) => {}
            Event::WriteBack => {
                self.env.storage.write_back();
                let every = self.env.plan.disk.write_back_every;
                let every = if self.env.lull_until.is_some() { every.max(LULL_STEP) } else { every };
                self.env.agenda.after(every, Event::WriteBack);
            }
            Event::Jump | Event::End if self.env.lull_until.is_some() => {
                let until = self.env.lull_until.expect("there is a lull");
                self.env.agenda.at(until, event);
            }
            Event::Ebb => self.env.lull_until = Some(self.env.time() + self.env.plan.lull()),
            Event::Flow => self.env.lull_until = None,
            Event::Jump if self.env.stage == Stage::Faults => {
                let plan = self.env.plan.clock;
                self.env.clocks.jump(plan.jump_max, &mut self.clock);
                self.env.stats.count(Counter::ClockJumps);
                let says = self.env.clocks_now();
                self.env.timeline.mark(
                    self.env.agenda.now(),
                    "clock jump",
                    format_args!("the clocks say {says:?} now"),
                );
                self.env.agenda.after(plan.jump_every, Event::Jump);
            }
            Event::Jump => {}
            Event::End => self.end_by_fault()?,
            Event::Start => self.start()?,
            Event::Heal => self.heal()?,
            Event::Deadline(stage) if stage == self.env.stage => return Err(self.stuck()),
            Event::Deadline(_) => {}
        }
        // Only then somebody can have got done.
        if may_be_done || self.node.is_none() { self.advance() } else { Ok(()) }
    }

    /// What the checker finds is told first: whatever else went wrong may have come of it.
    fn judge(&self, violation: Option<Violation>) -> Option<Violation> {
        match violation {
            Some(Violation::Contract(_)) => violation,
            violation => self.history.account.judge().or(violation),
        }
    }

    fn happen_to_client(&mut self, event: Event) -> Result<(), Violation> {
        let id = match &event {
            Event::Wake(client) => Some(*client),
            Event::Connected(conn) | Event::ToClient(conn, _) | Event::Broken(conn) => {
                self.env.link(*conn).map(|link| link.client)
            }
            other => unreachable!("{other:?} does not happen to clients"),
        };
        let Some(id) = id else { return Ok(()) };
        let client = &mut self.clients[usize::from(id.0)];
        match event {
            Event::Wake(_) => client.wake(&mut self.env, &mut self.history),
            Event::Connected(conn) => client.connected(&mut self.env, &mut self.history, conn),
            Event::ToClient(conn, bytes) => client.received(&mut self.env, &mut self.history, conn, bytes),
            Event::Broken(conn) => {
                client.lost(&mut self.env, conn);
                let link = self.env.forget_link(conn);
                match (&mut self.node, link) {
                    (Some(node), Some(link)) if link.life == Some(node.life()) => node.lose(&mut self.env, conn),
                    _ => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    fn with_node_of(
        &mut self,
        conn: ConnId,
        then: impl FnOnce(&mut Node, &mut Env) -> Result<(), Violation>,
    ) -> Result<(), Violation> {
        let life = self.env.link(conn).and_then(|link| link.life);
        match &mut self.node {
            Some(node) if Some(node.life()) == life => then(node, &mut self.env),
            _ => Ok(()),
        }
    }

    fn is_alive(&self, life: Life) -> bool {
        self.node.as_ref().is_some_and(|node| node.life() == life)
    }

    fn start(&mut self) -> Result<(), Violation> {
        if self.node.is_some() {
            return Ok(());
        }
        let config = config_of(&self.env.plan);
        let seed = self.broker_seeds.seed();
        self.node = Some(Node::start(&mut self.env, config, seed, self.history.life())?);
        Ok(())
    }

    /// Plans the lulls, in equal parts of the time with faults, and when that is over.
    fn plan_lulls(&mut self, faults_for: Span) {
        let (lulls, lull) = (self.env.plan.lulls, self.env.plan.lull());
        let part = Span(faults_for.0 / (u64::from(lulls) + 1));
        let mut at = self.env.time();
        for _ in 0..lulls {
            self.env.agenda.at(at + part, Event::Ebb);
            at = at + part + lull;
            self.env.agenda.at(at, Event::Flow);
        }
        self.env.agenda.at(at + part, Event::Heal);
    }

    /// Plans the next end by fault.
    fn plan_end(&mut self) {
        let every = self.env.plan.lifecycle.end_every;
        if every > Span::ZERO {
            let after = self.lifecycle.span_near(every);
            self.env.agenda.after(after, Event::End);
        }
    }

    fn end_by_fault(&mut self) -> Result<(), Violation> {
        if self.env.stage != Stage::Faults {
            return Ok(());
        }
        self.plan_end();
        let Some(node) = &mut self.node else { return Ok(()) };
        let plan = self.env.plan.lifecycle;
        if self.lifecycle.between(0..=9) < plan.clean_of_ten && !node.is_stopping() {
            self.ending = Some(Ending::Clean);
            return node.stop(&mut self.env);
        }
        let is_power_loss = self.lifecycle.between(0..=9) < plan.power_of_ten;
        self.end_process(if is_power_loss { Ending::PowerLoss } else { Ending::Kill });
        Ok(())
    }

    /// The process is gone. What it had on the disk may be, too.
    fn end_process(&mut self, ending: Ending) {
        let Some(node) = self.node.take() else { return };
        self.env.stats.reached(node.marks());
        self.env.transcript.remark(self.env.agenda.now(), format_args!("the broker ends: {ending:?}"));
        let counter = match ending {
            Ending::Clean => Counter::CleanStops,
            Ending::Kill => Counter::Kills,
            Ending::PowerLoss => Counter::PowerLosses,
        };
        self.env.stats.count(counter);
        if ending != Ending::Clean {
            self.history.crashed();
        }
        for conn in self.env.links_of(node.life()) {
            self.env.drop_link(conn);
        }
        // After a clean stop everything is on the medium: a power loss then must take nothing.
        let loses_power = ending == Ending::PowerLoss || ending == Ending::Clean && self.lifecycle.coin();
        let losses = if loses_power { self.env.storage.lose_power() } else { self.env.storage.end_process() };
        self.env.transcript.remark(self.env.agenda.now(), format_args!("{losses:?}"));
        let how = match ending {
            _ if ending == Ending::Clean && loses_power => "clean stop, power loss",
            Ending::Clean => "clean stop",
            Ending::Kill => "kill",
            Ending::PowerLoss => "power loss",
        };
        let is_clean = ending == Ending::Clean;
        self.env.timeline.ended(self.env.agenda.now(), how, is_clean, format_args!("{losses:#?}"));
        self.env.stats.add(Counter::LossyFiles, losses.lossy_files.len() as u64);
        self.env.stats.add(Counter::HoledFiles, losses.holed_files.len() as u64);
        self.env.stats.add(Counter::LostNames, losses.changed_names as u64);
        for directory in &losses.holed_logs {
            self.history.damaged(directory);
        }
        // What could not be synced may be gone without a power loss, too.
        let has_lost = ending == Ending::PowerLoss || ending == Ending::Kill && !losses.lossy_files.is_empty();
        let may_have_forgotten = has_lost && !self.env.plan.broker.strict_sync;
        self.history.restarted(may_have_forgotten);
        let is_down_for = self.lifecycle.span_up_to(self.env.plan.lifecycle.down_max);
        self.env.agenda.after(is_down_for, Event::Start);
    }

    /// The process ends by its own will.
    fn exit(&mut self) -> Result<(), Violation> {
        let node = self.node.as_ref().expect("alive");
        let reason = node.halt().expect("it exits because it halted").clone();
        self.env.transcript.remark(self.env.agenda.now(), format_args!("halted: {reason}"));
        match reason {
            HaltReason::Clean => {
                if self.ending.take() != Some(Ending::Clean) {
                    return Err(Violation::Contract("a clean halt that nobody asked for".to_owned()));
                }
                let ending = if self.has_stopped_clean()? { Ending::Clean } else { Ending::Kill };
                self.end_process(ending);
            }
            HaltReason::Unusable(text) => {
                if self.env.is_sound(node.life()) {
                    return Err(Violation::Contract(format!("halted, though no command failed: {text}")));
                }
                self.ending = None;
                self.end_process(Ending::Kill);
            }
        }
        Ok(())
    }

    /// Whether a halt left everything on the medium. One that was asked for before the broker served, after a storage
    /// command failed, or beside a log that is offline may leave the next start something to do, and then no marker.
    fn has_stopped_clean(&self) -> Result<bool, Violation> {
        let disk = self.env.storage.disk();
        let log_dirs = 0..self.env.plan.broker.log_dirs;
        if log_dirs.map(|log_dir| Path::new(log_dir, CLEAN_MARKER)).all(|marker| disk.is_durable_file(&marker)) {
            return match self.env.storage.in_flight().next() {
                Some(command) => Err(Violation::Contract(format!("a clean halt with {command:?} in flight"))),
                None => Ok(true),
            };
        }
        let node = self.node.as_ref().expect("it just halted");
        // A compaction that was putting a segment in its place leaves the rest to the next start, and so does a log that was
        // just being made.
        let leaves_more = |mark| matches!(mark, Mark::CompactionAbandoned | Mark::LogClosedUnopened);
        let has_left_more = node.marks().reached().any(|(mark, _)| leaves_more(mark));
        let may_be_unclean = self.history.has_damage() || has_left_more;
        if node.has_answered() && self.env.is_sound(node.life()) && !may_be_unclean {
            return Err(Violation::Contract(format!("a clean halt without a synced {CLEAN_MARKER}")));
        }
        Ok(false)
    }

    /// Faults are over. Logs that went offline come back with a restart, and whatever failed before was before.
    fn heal(&mut self) -> Result<(), Violation> {
        self.env.heal();
        self.enter(Stage::Calm, CALM_MAX);
        self.ending = None;
        if self.env.plan.disk.is_faulty() || self.node.as_ref().is_some_and(Node::is_stopping) {
            self.end_process(Ending::Kill);
            self.env.sound_from.get_or_insert(self.history.life());
        }
        Ok(())
    }

    fn enter(&mut self, stage: Stage, longest: Span) {
        self.env.transcript.remark(self.env.agenda.now(), format_args!("{stage:?}"));
        self.env.timeline.stage(self.env.agenda.now(), &stage);
        self.env.stage = stage;
        self.env.agenda.after(longest, Event::Deadline(stage));
    }

    /// Goes on to the next stage when this one is through.
    fn advance(&mut self) -> Result<(), Violation> {
        if self.env.production_over.is_none() && self.producers.iter().all(|at| self.clients[*at].is_done()) {
            self.env.production_over = Some(self.env.time());
        }
        match self.env.stage {
            Stage::Calm | Stage::Audit => {
                let is_up = self.node.as_ref().is_some_and(|node| !node.is_stopping());
                if is_up && self.clients.iter().all(Client::is_done) {
                    if self.env.stage == Stage::Audit {
                        self.history.judge_shares(self.env.plan.shares.deliveries_max as i16, SHARED)?;
                        self.history.transactions.judge()?;
                        let judged = self.history.transactions.judged() as u64;
                        self.env.stats.add(Counter::TransactionsJudged, judged);
                    }
                    let next = if self.env.stage == Stage::Calm { Stage::Stopping } else { Stage::LastStop };
                    self.enter(next, STOP_MAX);
                    self.ending = Some(Ending::Clean);
                    return self.node.as_mut().expect("up").stop(&mut self.env);
                }
            }
            Stage::Stopping if self.node.is_none() => {
                self.enter(Stage::Audit, AUDIT_MAX);
                let names = self.history.topics.lasting_names().filter(|name| *name != TRANSACTED);
                let names: Vec<String> = names.map(str::to_owned).collect();
                let groups = self.history.groups.names();
                self.env.stats.add(Counter::GroupsSettled, self.history.groups.settled() as u64);
                if !groups.is_empty() {
                    self.add_client(|_| Box::new(Loner::auditor(groups, names.clone())));
                }
                self.add_client(|chance| Box::new(Consumer::auditor(names, chance)));
                if self.env.plan.transactions.is_on() {
                    let topics = vec![TRANSACTED.to_owned()];
                    self.add_client(|chance| Box::new(Consumer::auditor(topics, chance).of_committed()));
                    let ids = self.history.transactions.ids_with_offsets().into_iter().collect();
                    self.add_client(|_| Box::new(OffsetAuditor::new(ids, TRANSACTED.to_owned())));
                }
            }
            Stage::LastStop if self.node.is_none() => self.env.stage = Stage::Over,
            _ => {}
        }
        Ok(())
    }

    fn stuck(&self) -> Violation {
        let busy: Vec<String> = self.clients.iter().filter(|client| !client.is_done()).map(Client::status).collect();
        let commands = self.env.storage.in_flight().count();
        Violation::Stuck(format!("{:?} takes too long: {commands} commands in flight, {busy:#?}", self.env.stage))
    }
}

/// How much happens, altogether and in one moment.
#[derive(Debug, Default)]
struct Haste {
    moment: Time,
    at_once: u64,
    events: u64,
}

impl Haste {
    fn count(&mut self, now: Time) -> Result<(), Violation> {
        self.at_once = if self.moment == now { self.at_once + 1 } else { 1 };
        self.moment = now;
        self.events += 1;
        if self.at_once > EVENTS_AT_ONCE_MAX || self.events > EVENTS_MAX {
            let Self { at_once, events, .. } = self;
            let text = format!("the broker goes round in circles: {events} events, {at_once} of them at {now}");
            return Err(Violation::Stuck(text));
        }
        Ok(())
    }
}

/// The broker's configuration in this world.
fn config_of(plan: &Plan) -> Config {
    let mut properties = vec![
        ("node.id", "1".to_owned()),
        ("num.partitions", plan.clients.partitions.to_string()),
        ("auto.create.topics.enable", plan.clients.auto_create.to_string()),
        ("log.index.interval.bytes", plan.broker.index_interval_bytes.to_string()),
        ("listeners", "PLAINTEXT://127.0.0.1:9092".to_owned()),
        ("ottla.max.requests.per.connection", plan.broker.requests_per_connection.to_string()),
        ("ottla.max.unsent.bytes.per.connection", UNSENT_MAX_BYTES.to_string()),
        ("delete.topic.enable", plan.broker.deletes_topics.to_string()),
        ("max.incremental.fetch.session.cache.slots", plan.broker.fetch_sessions.to_string()),
        ("connections.max.idle.ms", plan.broker.idle_max_ms.to_string()),
    ];
    if let Some(index_max_bytes) = plan.broker.index_max_bytes {
        properties.push(("log.index.size.max.bytes", index_max_bytes.to_string()));
    }
    let log_dirs: Vec<String> = (0..plan.broker.log_dirs).map(|log_dir| format!("/logs{log_dir}")).collect();
    properties.push(("log.dirs", log_dirs.join(",")));
    let retention = plan.retention;
    let unlimited = |limit: Option<u64>| limit.map_or("-1".to_owned(), |limit| limit.to_string());
    properties.push(("log.retention.ms", unlimited(retention.retention_ms)));
    properties.push(("log.retention.bytes", unlimited(retention.retention_bytes)));
    properties.push(("log.retention.check.interval.ms", retention.check_every_ms.to_string()));
    properties.push(("log.initial.task.delay.ms", retention.check_every_ms.to_string()));
    let compaction = plan.compaction;
    if compaction.is_on() {
        let dirty_ratio = compaction.dirty_percent as f64 / 100.0;
        properties.push(("log.cleanup.policy", compaction.policy().to_owned()));
        properties.push(("log.cleaner.min.compaction.lag.ms", compaction.min_lag_ms.to_string()));
        properties.push(("log.cleaner.delete.retention.ms", compaction.delete_retention_ms.to_string()));
        properties.push(("log.cleaner.backoff.ms", compaction.backoff_ms.to_string()));
        properties.push(("log.cleaner.min.cleanable.ratio", dirty_ratio.to_string()));
    }
    properties.push(("log.segment.delete.delay.ms", retention.delete_delay_ms.to_string()));
    let groups = plan.groups;
    if groups.is_on() {
        properties.push(("group.min.session.timeout.ms", "1".to_owned()));
        properties.push(("group.initial.rebalance.delay.ms", groups.initial_delay_ms.to_string()));
        properties.push(("offsets.topic.num.partitions", groups.partitions.to_string()));
        properties.push(("offsets.load.buffer.size", groups.load_buffer_bytes.to_string()));
        if groups.consumer_groups > 0 {
            let session_timeout_ms = groups.session_timeout_ms.to_string();
            properties.push(("group.consumer.min.session.timeout.ms", "1".to_owned()));
            properties.push(("group.consumer.session.timeout.ms", session_timeout_ms));
            properties.push(("group.consumer.min.heartbeat.interval.ms", "1".to_owned()));
            properties.push(("group.consumer.heartbeat.interval.ms", "1".to_owned()));
            properties.push(("group.consumer.assignment.interval.ms", groups.assignment_interval_ms.to_string()));
        }
        if groups.compacts && !compaction.is_on() {
            properties.push(("log.cleaner.backoff.ms", "20".to_owned()));
            properties.push(("log.cleaner.min.cleanable.ratio", "0.01".to_owned()));
        }
    }
    let transactions = plan.transactions;
    if transactions.is_on() {
        let partitions = transactions.state_partitions.to_string();
        if !groups.is_on() {
            properties.push(("offsets.topic.num.partitions", partitions.clone()));
        }
        properties.push(("transaction.state.log.num.partitions", partitions));
        properties.push(("transaction.state.log.load.buffer.size", transactions.load_buffer_bytes.to_string()));
        properties.push(("transaction.abort.timed.out.transaction.cleanup.interval.ms", "50".to_owned()));
    }
    properties.extend(share_properties(plan));
    properties.extend(inquirer_properties(plan));
    if plan.broker.strict_sync {
        properties.push(("log.flush.interval.messages", "1".to_owned()));
    }
    if let Some(roll_ms) = plan.broker.roll_ms {
        properties.push(("log.roll.ms", roll_ms.to_string()));
    }
    let (mut config, _) = Config::from_properties(properties).expect("the simulator's properties are good");
    config.bugs = plan.bugs;
    config
}

fn share_properties(plan: &Plan) -> Vec<(&'static str, String)> {
    let shares = plan.shares;
    if !shares.is_on() {
        return Vec::new();
    }
    let state_partitions = shares.state_partitions.to_string();
    let mut properties = vec![
        ("group.share.min.record.lock.duration.ms", "1000".to_owned()),
        ("group.share.record.lock.duration.ms", shares.lock_ms.to_string()),
        ("group.share.delivery.count.limit", shares.deliveries_max.to_string()),
        ("group.share.min.session.timeout.ms", "1".to_owned()),
        ("group.share.session.timeout.ms", shares.session_timeout_ms.to_string()),
        ("group.share.min.heartbeat.interval.ms", "1".to_owned()),
        ("group.share.heartbeat.interval.ms", "1".to_owned()),
        // A clock that jumps back would put the next assignment off for as long, in Kafka too.
        ("group.share.assignment.interval.ms", "0".to_owned()),
        ("group.share.initialize.retry.interval.ms", "100".to_owned()),
        ("share.coordinator.state.topic.num.partitions", state_partitions.clone()),
        ("share.coordinator.snapshot.update.records.per.snapshot", shares.updates_per_snapshot.to_string()),
    ];
    if !plan.groups.is_on() && !plan.transactions.is_on() {
        properties.push(("offsets.topic.num.partitions", state_partitions));
    }
    properties
}

/// Coordinators that nobody but the inquirer and the dabbler asks for have little to load, and forget soon.
fn inquirer_properties(plan: &Plan) -> Vec<(&'static str, String)> {
    let mut properties = Vec::new();
    if !plan.has_inquirer {
        return properties;
    }
    if !plan.transactions.is_on() {
        properties.push(("transaction.state.log.num.partitions", "1".to_owned()));
        properties.push(("transactional.id.expiration.ms", "700".to_owned()));
        properties.push(("transaction.remove.expired.transaction.cleanup.interval.ms", "100".to_owned()));
        properties.push(("transaction.abort.timed.out.transaction.cleanup.interval.ms", "100".to_owned()));
    }
    if !plan.groups.is_on() && !plan.transactions.is_on() && !plan.shares.is_on() {
        properties.push(("offsets.topic.num.partitions", "1".to_owned()));
    }
    if !plan.shares.is_on() {
        properties.push(("share.coordinator.state.topic.num.partitions", "1".to_owned()));
    }
    if plan.groups.consumer_groups == 0 {
        properties.push(("group.consumer.max.size", "2".to_owned()));
    }
    properties
}
