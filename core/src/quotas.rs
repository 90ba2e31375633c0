//! Quotas of clients: what can be limited, of whom, and how long a client has to wait that took more.
//!
//! Which quotas there are is in the metadata ([`MetadataImage::client_quotas`](crate::metadata::MetadataImage)); the calls
//! that ask for and change them are in `api/`. [`Quotas`] counts what clients take and says how long each has to wait;
//! `rate` does the arithmetic, which is Kafka's; `mute` keeps the connections that wait. What does not belong here: putting
//! the time into answers and closing gates (`broker/quotas.rs`).
//!
//! A client is the user and the client id, as far as the most specific quota that is set names them. Without authentication
//! every user is `ANONYMOUS`.

mod mute;
mod rate;

use alloc::collections::BTreeMap;
use alloc::string::String;
use core::net::{IpAddr, Ipv4Addr};
use core::time::Duration;

pub(crate) use self::mute::Mutes;
use self::rate::{Rate, TokenBucket, Window};
use crate::boundary::ConnId;
use crate::config::Config;
use crate::connection::SlotId;
use crate::metadata::{QuotaEntity, QuotaName};
use crate::time::Monotonic;

/// The name of every user who has not said who it is.
const ANONYMOUS: &str = "ANONYMOUS";
/// So many clients are counted for each quota: their names are their own invention.
const CLIENTS_MAX: usize = 100_000;
/// Percent of a second for each nanosecond.
const NANOS_TO_PERCENT: f64 = 100.0 / 1e9;

/// Whom a quota is of: empty parts are not told apart.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Client {
    user: String,
    client_id: String,
}

/// A request that was not answered yet.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// Its API's number.
    pub(crate) key: i16,
    /// Its version.
    pub(crate) version: i16,
    /// Who asks.
    client_id: String,
    /// Its frame's.
    size_bytes: usize,
    /// How long it has to wait for what it took so far, in ms.
    throttle_ms: i64,
}

/// What becomes of partitions that are more than a client may have made or deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Excess {
    /// They are made or deleted, and the client has to wait.
    Awaited,
    /// They are refused, and the client has to wait.
    Refused,
    /// They are refused, and the client is not told: it did not ask for them by themselves.
    RefusedUntold,
}

/// What clients took, and how much they may take.
#[derive(Debug)]
pub(crate) struct Quotas {
    limits: BTreeMap<Quota, BTreeMap<QuotaEntity, f64>>,
    rates: BTreeMap<(Quota, Client), Rate>,
    buckets: BTreeMap<Client, TokenBucket>,
    addresses: BTreeMap<IpAddr, Rate>,
    window: Window,
    mutation_window: Window,
    requests: BTreeMap<SlotId, Request>,
    /// Who asked last on each connection.
    last_clients: BTreeMap<ConnId, String>,
    /// Connections that wait.
    pub(crate) mutes: Mutes,
}

impl Quotas {
    pub(crate) fn new(config: &Config) -> Self {
        let window = |samples: &str, size_seconds: &str| Window {
            samples: config.count(samples),
            size_ms: config.count(size_seconds).saturating_mul(1_000),
        };
        Self {
            limits: BTreeMap::new(),
            rates: BTreeMap::new(),
            buckets: BTreeMap::new(),
            addresses: BTreeMap::new(),
            window: window("quota.window.num", "quota.window.size.seconds"),
            mutation_window: window("controller.quota.window.num", "controller.quota.window.size.seconds"),
            requests: BTreeMap::new(),
            last_clients: BTreeMap::new(),
            mutes: Mutes::default(),
        }
    }

    /// Takes over what the metadata says. What clients took so far stays counted.
    pub(crate) fn follow(&mut self, quotas: &BTreeMap<QuotaEntity, BTreeMap<String, f64>>) {
        self.limits.clear();
        for (entity, values) in quotas {
            for (name, value) in values {
                if let Some(quota) = Quota::named(name) {
                    self.limits.entry(quota).or_default().insert(entity.clone(), *value);
                }
            }
        }
        if self.limits.is_empty() {
            self.requests.clear();
            self.last_clients.clear();
        }
    }

    /// Notes who asks and how much, where anything is limited.
    pub(crate) fn begin(
        &mut self,
        slot: SlotId,
        (key, version): (i16, i16),
        client_id: Option<&str>,
        size_bytes: usize,
    ) {
        if self.limits.keys().all(|quota| quota.is_of_addresses()) {
            return;
        }
        let client_id = String::from(client_id.unwrap_or_default());
        if self.measures_time() {
            self.last_clients.insert(slot.conn, client_id.clone());
        }
        self.requests.insert(slot, Request { key, version, client_id, size_bytes, throttle_ms: 0 });
    }

    /// The request of that slot; it is answered now.
    pub(crate) fn end(&mut self, slot: SlotId) -> Option<Request> {
        self.requests.remove(&slot)
    }

    /// Forgets what is known of a connection.
    pub(crate) fn closed(&mut self, conn: ConnId) {
        self.requests.retain(|slot, _| slot.conn != conn);
        self.last_clients.remove(&conn);
        self.mutes.closed(conn);
    }

    /// How long a request that is answered has to wait, in ms, for what it takes in itself and for the time that its client
    /// has taken until now.
    pub(crate) fn throttle_ms(&mut self, request: &Request, has_answer: bool, now: Monotonic) -> i64 {
        let mut throttle_ms = request.throttle_ms;
        if request.key == PRODUCE {
            let taken = request.size_bytes as f64;
            throttle_ms = throttle_ms.max(self.record(Quota::ProducerByteRate, &request.client_id, taken, now));
        }
        if has_answer {
            throttle_ms = throttle_ms.max(self.time_throttle_ms(&request.client_id, now));
        }
        throttle_ms
    }

    /// As [`Quotas::throttle_ms`] for a fetch that is about to be answered with so many bytes. One that has to wait gets none
    /// of them, so they are not counted either.
    pub(crate) fn fetch_throttle_ms(&mut self, slot: SlotId, size_bytes: u64, now: Monotonic) -> i64 {
        let Some(client_id) = self.requests.get(&slot).map(|request| request.client_id.clone()) else { return 0 };
        let time_ms = self.time_throttle_ms(&client_id, now);
        let mut throttle_ms = time_ms;
        if self.limit(Quota::ConsumerByteRate, &client_id).is_some() {
            let taken = size_bytes as f64;
            throttle_ms = throttle_ms.max(self.record(Quota::ConsumerByteRate, &client_id, taken, now));
            if throttle_ms > 0 {
                self.record(Quota::ConsumerByteRate, &client_id, -taken, now);
            }
        }
        self.note_throttle_ms(slot, throttle_ms);
        throttle_ms
    }

    /// As [`Quotas::fetch_throttle_ms`] for a share fetch. Its records are with the member already: they are sent all the same
    /// and counted, and what the client asks next waits.
    pub(crate) fn count_share_fetch(&mut self, slot: SlotId, size_bytes: u64, now: Monotonic) {
        let Some(client_id) = self.requests.get(&slot).map(|request| request.client_id.clone()) else { return };
        let throttle_ms = self.record(Quota::ConsumerByteRate, &client_id, size_bytes as f64, now);
        self.note_throttle_ms(slot, throttle_ms);
    }

    /// Whether it matters how many bytes a fetch brings.
    pub(crate) fn limits_fetches(&self, slot: SlotId) -> bool {
        let request = self.requests.get(&slot);
        request.is_some_and(|request| self.limit(Quota::ConsumerByteRate, &request.client_id).is_some())
    }

    /// The most that a fetch may bring at once: what the windows hold.
    pub(crate) fn fetch_max_bytes(&self, slot: SlotId) -> u64 {
        let Some(request) = self.requests.get(&slot) else { return u64::MAX };
        let limit = self.limit(Quota::ConsumerByteRate, &request.client_id);
        let window_s = (self.window.samples - 1) as f64 * self.window.size_ms as f64 / 1_000.0;
        limit.map_or(u64::MAX, |(_, limit)| (limit * window_s) as u64)
    }

    /// Takes partitions from what a client may have made or deleted. False where it may not, because more was taken before than
    /// there was.
    pub(crate) fn take_partitions(&mut self, slot: SlotId, partitions: usize, excess: Excess, now: Monotonic) -> bool {
        let Some(client_id) = self.requests.get(&slot).map(|request| request.client_id.clone()) else { return true };
        let Some((client, limit)) = self.limit(Quota::ControllerMutationRate, &client_id) else { return true };
        let (window, now_ms) = (self.mutation_window, ms(now));
        if self.buckets.len() >= CLIENTS_MAX {
            self.buckets.retain(|_, bucket| !bucket.is_idle(window.samples * window.size_ms, now_ms));
        }
        let bucket = self.buckets.entry(client).or_default();
        let owed_ms = bucket.throttle_ms(window, limit, now_ms);
        if excess != Excess::Awaited && owed_ms > 0 {
            if excess == Excess::Refused {
                self.note_throttle_ms(slot, owed_ms);
            }
            return false;
        }
        bucket.take(window, limit, partitions as f64, now_ms);
        if excess == Excess::Awaited {
            let owed_ms = bucket.throttle_ms(window, limit, now_ms);
            self.note_throttle_ms(slot, owed_ms);
        }
        true
    }

    /// How long a new connection from an address has to wait for its end, in ms; 0 where it may stay.
    pub(crate) fn connection_throttle_ms(&mut self, ip: IpAddr, now: Monotonic) -> i64 {
        let Some(limits) = self.limits.get(&Quota::ConnectionCreationRate) else { return 0 };
        let is_this = |name: &QuotaName| name.name().is_some_and(|name| address(name) == Some(ip.to_canonical()));
        let own = limits.iter().find(|(entity, _)| entity.ip.as_ref().is_some_and(is_this));
        let default = || limits.iter().find(|(entity, _)| entity.ip == Some(QuotaName::Default));
        let Some(limit) = own.or_else(default).map(|(_, limit)| *limit) else { return 0 };
        let (window, now_ms) = (self.window, ms(now));
        if self.addresses.len() >= CLIENTS_MAX {
            self.addresses.retain(|_, rate| !rate.is_idle(window.samples * window.size_ms, now_ms));
        }
        let rate = self.addresses.entry(ip.to_canonical()).or_default();
        rate.record(window, 1.0, now_ms);
        let throttle_ms = rate.throttle_ms(window, limit, now_ms).min(window.size_ms);
        if throttle_ms > 0 {
            rate.record(window, -1.0, now_ms);
        }
        throttle_ms
    }

    /// Whether somebody's time is limited, so that it has to be measured.
    pub(crate) fn measures_time(&self) -> bool {
        self.limits.contains_key(&Quota::RequestPercentage)
    }

    /// Notes time that a connection's requests took.
    pub(crate) fn spent(&mut self, conn: ConnId, time: Duration, now: Monotonic) {
        if let Some(client_id) = self.last_clients.get(&conn).cloned() {
            self.record(Quota::RequestPercentage, &client_id, time.as_nanos() as f64 * NANOS_TO_PERCENT, now);
        }
    }

    fn note_throttle_ms(&mut self, slot: SlotId, throttle_ms: i64) {
        if let Some(request) = self.requests.get_mut(&slot) {
            request.throttle_ms = request.throttle_ms.max(throttle_ms);
        }
    }

    /// Time is measured after an answer: what was taken before it counts. Nobody waits for longer than a window for it.
    fn time_throttle_ms(&mut self, client_id: &str, now: Monotonic) -> i64 {
        self.record(Quota::RequestPercentage, client_id, 0.0, now).min(self.window.size_ms)
    }

    /// Counts what a client took, and says how long it has to wait.
    fn record(&mut self, quota: Quota, client_id: &str, taken: f64, now: Monotonic) -> i64 {
        let Some((client, limit)) = self.limit(quota, client_id) else { return 0 };
        let (window, now_ms) = (self.window, ms(now));
        if self.rates.len() >= CLIENTS_MAX {
            self.rates.retain(|_, rate| !rate.is_idle(window.samples * window.size_ms, now_ms));
        }
        let rate = self.rates.entry((quota, client)).or_default();
        rate.record(window, taken, now_ms);
        rate.throttle_ms(window, limit, now_ms)
    }

    /// The most specific quota, and who shares it.
    fn limit(&self, quota: Quota, client_id: &str) -> Option<(Client, f64)> {
        let limits = self.limits.get(&quota)?;
        let client = client(limits, client_id);
        limit_of(limits, &client).map(|limit| (client, limit))
    }
}

/// Which parts of a client are told apart, by Kafka's order: what names the user comes before what names only the client id.
fn client(limits: &BTreeMap<QuotaEntity, f64>, client_id: &str) -> Client {
    let has = |user, client_id| limits.contains_key(&entity(user, client_id));
    let (this_user, this_client) = (named(ANONYMOUS), named(client_id));
    let whole = Client { user: ANONYMOUS.into(), client_id: client_id.into() };
    let user_only = Client { user: ANONYMOUS.into(), client_id: String::new() };
    if has(this_user.clone(), this_client.clone()) || has(this_user.clone(), DEFAULT) {
        whole
    } else if has(this_user, None) {
        user_only
    } else if has(DEFAULT, this_client) || has(DEFAULT, DEFAULT) {
        whole
    } else if has(DEFAULT, None) {
        user_only
    } else {
        Client { user: String::new(), client_id: client_id.into() }
    }
}

/// The limit of those who share it.
fn limit_of(limits: &BTreeMap<QuotaEntity, f64>, client: &Client) -> Option<f64> {
    let get = |user, client_id| limits.get(&entity(user, client_id)).copied();
    let (user, client_id) = (named(&client.user), named(&client.client_id));
    match (client.user.is_empty(), client.client_id.is_empty()) {
        (false, false) => get(user.clone(), client_id.clone())
            .or_else(|| get(user, DEFAULT))
            .or_else(|| get(DEFAULT, client_id))
            .or_else(|| get(DEFAULT, DEFAULT)),
        (false, true) => get(user, None).or_else(|| get(DEFAULT, None)),
        (true, false) => get(None, client_id).or_else(|| get(None, DEFAULT)),
        (true, true) => None,
    }
}

const DEFAULT: Option<QuotaName> = Some(QuotaName::Default);

fn named(name: &str) -> Option<QuotaName> {
    Some(QuotaName::of(Some(name)))
}

fn entity(user: Option<QuotaName>, client_id: Option<QuotaName>) -> QuotaEntity {
    QuotaEntity { client_id, user, ip: None }
}

/// An address as it is in a quota.
fn address(name: &str) -> Option<IpAddr> {
    match name {
        "localhost" => Some(Ipv4Addr::LOCALHOST.into()),
        name => name.parse().ok().map(|ip: IpAddr| ip.to_canonical()),
    }
}

fn ms(now: Monotonic) -> i64 {
    (now.0 / 1_000) as i64
}

/// Produce's number.
const PRODUCE: i16 = 0;

/// What is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Quota {
    /// Bytes a second that a client writes.
    ProducerByteRate,
    /// Bytes a second that a client reads.
    ConsumerByteRate,
    /// Percent of one thread's time.
    RequestPercentage,
    /// Partitions a second that a client has made or deleted.
    ControllerMutationRate,
    /// Connections a second from an address.
    ConnectionCreationRate,
}

impl Quota {
    const ALL: [Self; 5] = [
        Self::ProducerByteRate,
        Self::ConsumerByteRate,
        Self::RequestPercentage,
        Self::ControllerMutationRate,
        Self::ConnectionCreationRate,
    ];

    /// The quota of that name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|quota| quota.name() == name)
    }

    /// As Kafka calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ProducerByteRate => "producer_byte_rate",
            Self::ConsumerByteRate => "consumer_byte_rate",
            Self::RequestPercentage => "request_percentage",
            Self::ControllerMutationRate => "controller_mutation_rate",
            Self::ConnectionCreationRate => "connection_creation_rate",
        }
    }

    /// Whether it is a quota of addresses, not of users and client ids.
    pub(crate) fn is_of_addresses(self) -> bool {
        self == Self::ConnectionCreationRate
    }

    /// For quotas that are whole numbers: Java's name of their type, with its article, and the highest value.
    pub(crate) fn integer_range(self) -> Option<(&'static str, &'static str, f64)> {
        match self {
            Self::ProducerByteRate | Self::ConsumerByteRate => Some(("LONG", "a", i64::MAX as f64)),
            Self::ConnectionCreationRate => Some(("INT", "an", f64::from(i32::MAX))),
            Self::RequestPercentage | Self::ControllerMutationRate => None,
        }
    }
}
