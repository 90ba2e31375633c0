//! The world without its broker and clients: time, network, disk, clocks, and what is counted and remembered.

use std::collections::BTreeMap;

use bytes::Bytes;
use ottla_core::boundary::{ConnId, OpId};
use ottla_core::time::Now;

use crate::agenda::{Agenda, Span, Time};
use crate::chance::{Chance, Stream};
use crate::clock::Clocks;
use crate::disk::Disk;
use crate::history::Life;
use crate::network::{Lane, Network};
use crate::plan::Plan;
use crate::stats::{Counter, Stats};
use crate::storage::Storage;
use crate::timeline::Recorder;
use crate::transcript::{Transcript, Voice};

/// Number of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClientId(pub u16);

/// What can happen.
#[derive(Clone, Debug)]
pub enum Event {
    /// A client's attempt to connect reaches the broker.
    Knock(ConnId),
    /// A client learns that it is connected.
    Connected(ConnId),
    /// Bytes reach the broker's socket; none are the end of the client's side.
    ToBroker(ConnId, Option<Bytes>),
    /// Bytes reach the client; none are the end of the broker's side.
    ToClient(ConnId, Option<Bytes>),
    /// A connection is gone, for whoever still has it.
    Broken(ConnId),
    /// The adapter reads a socket.
    Read(ConnId),
    /// The adapter writes to a socket.
    Write(ConnId),
    /// A storage command happens.
    StorageHappens(Life, OpId),
    /// A storage command's result is known.
    StorageEnds(Life, OpId),
    /// Work that the broker handed out is done.
    WorkEnds(Life, OpId),
    /// A deadline of the broker has passed.
    Tick(Life),
    /// A client wanted to be woken.
    Wake(ClientId),
    /// The page cache writes something in its own time.
    WriteBack,
    /// The wall clock jumps.
    Jump,
    /// It is time for the broker to end.
    End,
    /// The broker starts.
    Start,
    /// The process ends after its last words.
    Exit(Life),
    /// A lull begins.
    Ebb,
    /// It is over.
    Flow,
    /// The faults are over.
    Heal,
    /// Whoever is not done by now is stuck.
    Deadline(Stage),
}

/// What the world is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Things fail.
    Faults,
    /// Nothing fails: everybody must get done.
    Calm,
    /// The broker stops in good order.
    Stopping,
    /// It is back, and one last reader reads everything.
    Audit,
    /// It stops again.
    LastStop,
    /// All is done.
    Over,
}

/// A connection between a client and the broker.
#[derive(Clone, Copy, Debug)]
pub struct Link {
    /// Whose.
    pub client: ClientId,
    /// The broker's life that accepted it.
    pub life: Option<Life>,
    up: Lane,
    down: Lane,
}

/// All of it.
#[derive(Debug)]
pub struct Env {
    /// How this world was drawn.
    pub plan: Plan,
    /// What happens when.
    pub agenda: Agenda<Event>,
    /// The network's ways.
    pub network: Network,
    /// The disk and the commands on their way to it.
    pub storage: Storage,
    /// The broker's clocks.
    pub clocks: Clocks,
    /// What passed the boundary.
    pub transcript: Transcript,
    /// What is remembered for people.
    pub timeline: Recorder,
    /// What happened, counted.
    pub stats: Stats,
    /// How the adapter slices its work.
    pub adapter: Chance,
    /// What the world is about.
    pub stage: Stage,
    /// Nobody does anything until then.
    pub lull_until: Option<Time>,
    /// Since when everything that will be produced has been.
    pub production_over: Option<Time>,
    /// The latest time that the broker's wall clock has said.
    pub latest_wall_ms: i64,
    /// The first life of the broker in which nothing failed.
    pub sound_from: Option<Life>,
    links: BTreeMap<ConnId, Link>,
    next_link: u64,
}

impl Env {
    /// The world at its beginning.
    #[must_use]
    pub fn new(plan: Plan, voice: Voice, timeline: Recorder) -> Self {
        let chance = |stream| Chance::new(plan.seed, stream);
        Self {
            agenda: Agenda::default(),
            network: Network::new(plan.network, chance(Stream::Network)),
            storage: Storage::new(Disk::new(plan.broker.log_dirs), plan.disk, chance(Stream::Disk)),
            clocks: Clocks::new(plan.clock, &mut chance(Stream::Clock)),
            transcript: Transcript::new(voice),
            timeline,
            stats: Stats::default(),
            adapter: chance(Stream::Adapter),
            stage: Stage::Faults,
            lull_until: None,
            production_over: None,
            latest_wall_ms: i64::MIN,
            sound_from: None,
            links: BTreeMap::new(),
            next_link: 0,
            plan,
        }
    }

    /// What time it is.
    #[must_use]
    pub fn time(&self) -> Time {
        self.agenda.now()
    }

    /// What the broker's clocks say.
    #[must_use]
    pub fn clocks_now(&self) -> Now {
        self.clocks.now(self.time())
    }

    /// Faults are over from now on.
    pub fn heal(&mut self) {
        self.network.heal();
        self.storage.heal();
    }

    /// Whether nothing failed in this life of the broker.
    #[must_use]
    pub fn is_sound(&self, life: Life) -> bool {
        self.sound_from.is_some_and(|from| from <= life)
    }

    /// A connection that is not broken.
    #[must_use]
    pub fn link(&self, link: ConnId) -> Option<&Link> {
        self.links.get(&link)
    }

    /// A client tries to connect.
    pub fn connect(&mut self, client: ClientId) -> ConnId {
        self.next_link += 1;
        let link = ConnId(self.next_link);
        self.links.insert(link, Link { client, life: None, up: Lane::default(), down: Lane::default() });
        self.timeline.connecting(self.agenda.now(), client, link);
        let latency = self.network.latency();
        self.agenda.after(latency, Event::Knock(link));
        link
    }

    /// The broker accepts a connection.
    pub fn accept(&mut self, link: ConnId, life: Life) {
        self.stats.count(Counter::Connections);
        self.links.get_mut(&link).expect("it knocked").life = Some(life);
        let latency = self.network.latency();
        self.agenda.after(latency, Event::Connected(link));
    }

    /// Nobody accepts a connection, or one end drops it: the other end learns of it.
    pub fn drop_link(&mut self, link: ConnId) {
        let latency = self.network.latency();
        self.agenda.after(latency, Event::Broken(link));
    }

    /// A connection is no more.
    pub fn forget_link(&mut self, link: ConnId) -> Option<Link> {
        self.timeline.broken(self.agenda.now(), link);
        self.links.remove(&link)
    }

    /// Connections that a life of the broker accepted.
    #[must_use]
    pub fn links_of(&self, life: Life) -> Vec<ConnId> {
        self.links.iter().filter(|(_, link)| link.life == Some(life)).map(|(conn, _)| *conn).collect()
    }

    /// A client sends bytes, and perhaps ends its side after them.
    pub fn carry_up(&mut self, conn: ConnId, bytes: &Bytes, ends: bool) {
        let now = self.time();
        let Some(link) = self.links.get_mut(&conn) else { return };
        self.timeline.sent(now, conn, bytes);
        let stalls = self.stats.get(Counter::Stalls);
        let passage = self.network.carry(&mut link.up, now, bytes, &mut self.stats);
        self.timeline.passage(now, conn, &passage, self.stats.get(Counter::Stalls) > stalls);
        if ends {
            self.timeline.network_fault(now, conn, "half-close", None);
        }
        let end_at = ends.then(|| self.network.carry_end(&mut link.up, now));
        for (at, piece) in passage.pieces {
            self.agenda.at(at, Event::ToBroker(conn, Some(piece)));
        }
        if let Some(end_at) = end_at {
            self.agenda.at(end_at, Event::ToBroker(conn, None));
        }
        self.break_at(conn, passage.reset_at);
    }

    /// The broker's side sends bytes.
    pub fn carry_down(&mut self, conn: ConnId, bytes: &Bytes) {
        let now = self.time();
        let Some(link) = self.links.get_mut(&conn) else { return };
        let stalls = self.stats.get(Counter::Stalls);
        let passage = self.network.carry(&mut link.down, now, bytes, &mut self.stats);
        self.timeline.passage(now, conn, &passage, self.stats.get(Counter::Stalls) > stalls);
        for (at, piece) in passage.pieces {
            self.agenda.at(at, Event::ToClient(conn, Some(piece)));
        }
        self.break_at(conn, passage.reset_at);
    }

    /// The broker's side ends.
    pub fn end_down(&mut self, conn: ConnId) {
        let now = self.time();
        let Some(link) = self.links.get_mut(&conn) else { return };
        let at = self.network.carry_end(&mut link.down, now);
        self.agenda.at(at, Event::ToClient(conn, None));
    }

    fn break_at(&mut self, conn: ConnId, at: Option<Time>) {
        if let Some(at) = at {
            self.agenda.at(at, Event::Broken(conn));
        }
    }

    /// Plans an event after any span up to `longest`, as the adapter gets to it.
    pub fn soon(&mut self, longest: Span, event: Event) {
        let span = self.adapter.span_up_to(longest);
        self.agenda.after(span, event);
    }
}
