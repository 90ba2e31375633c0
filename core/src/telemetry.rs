//! Clients that would push their metrics (KIP-714): what each is asked for, and whether what it does is in order.
//!
//! Nobody takes the metrics, as in a Kafka without a plugin for them, so that ApiVersions does not tell of the two calls; one who
//! sends them all the same is answered as Kafka answers. What clients are asked for is in the configs of `client-metrics`;
//! `subscription` puts together what of them is for one client. The calls themselves are in `api/`.

mod subscription;

use alloc::collections::BTreeMap;
use alloc::string::String;

pub(crate) use self::subscription::{Attributes, Subscription};
use crate::boundary::ConnId;
use crate::error_code::ErrorCode;
use crate::metadata::MetadataImage;
use crate::time::Monotonic;
use crate::wire::Uuid;

/// As many clients as Kafka remembers; the one that was quiet for the longest time is forgotten.
const INSTANCES_MAX: usize = 16_384;
/// A client is remembered for so long, or for so many of its intervals, whichever is longer.
const REMEMBERED_MS: i64 = 60_000;
const REMEMBERED_INTERVALS: i64 = 3;
/// Longer names of software are not remembered.
const SOFTWARE_NAME_MAX: usize = 256;

/// All clients that have asked or pushed.
#[derive(Debug, Default)]
pub(crate) struct Telemetry {
    instances: BTreeMap<Uuid, Instance>,
    /// Who was there when; the first was quiet for the longest time.
    by_use: BTreeMap<u64, Uuid>,
    uses: u64,
    /// The last client on each connection.
    of_connection: BTreeMap<ConnId, Uuid>,
    /// Name and version, from ApiVersions.
    software: BTreeMap<ConnId, (String, String)>,
    /// How often configs of clients' metrics have changed.
    generation: u64,
}

/// One client.
#[derive(Debug)]
pub(crate) struct Instance {
    attributes: Attributes,
    pub(crate) subscription: Subscription,
    generation: u64,
    asked_at: Option<Monotonic>,
    pushed_at: Option<Monotonic>,
    is_terminating: bool,
    last_error: ErrorCode,
    forgotten_at: Monotonic,
    used: u64,
}

/// What a client pushes, but for the metrics themselves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Push {
    pub(crate) subscription_id: i32,
    pub(crate) is_terminating: bool,
    pub(crate) is_known_compression: bool,
    pub(crate) size_bytes: usize,
    pub(crate) max_bytes: usize,
}

impl Telemetry {
    /// Notes what a client's software calls itself.
    pub(crate) fn introduce(&mut self, conn: ConnId, name: &str, version: &str) {
        if name.len().max(version.len()) <= SOFTWARE_NAME_MAX {
            self.software.insert(conn, (name.into(), version.into()));
        }
    }

    /// Name and version of the software on a connection, or what Kafka calls it that did not say.
    pub(crate) fn software(&self, conn: ConnId) -> (&str, &str) {
        self.software.get(&conn).map_or(("unknown", "unknown"), |(name, version)| (name, version))
    }

    /// Configs of clients' metrics have changed.
    pub(crate) fn configs_changed(&mut self) {
        self.generation += 1;
    }

    /// A connection's last client is forgotten with it.
    pub(crate) fn closed(&mut self, conn: ConnId) {
        self.software.remove(&conn);
        if let Some(id) = self.of_connection.remove(&conn) {
            self.forget(id);
        }
    }

    /// The client of that id, who begins anew where it is not known, or where what it is asked for may have changed. It stays
    /// what it was when it was first seen.
    pub(crate) fn instance(
        &mut self,
        id: Uuid,
        conn: ConnId,
        now: Monotonic,
        image: &MetadataImage,
        attributes: impl FnOnce(&Self) -> Attributes,
    ) -> &mut Instance {
        let known = self.forget(id).filter(|instance| instance.forgotten_at > now);
        let mut instance = match known {
            Some(instance) if instance.generation == self.generation => instance,
            stale => {
                let attributes = stale.map_or_else(|| attributes(self), |instance| instance.attributes);
                self.of_connection.insert(conn, id);
                Instance::new(attributes, self.generation, image)
            }
        };
        if self.instances.len() >= INSTANCES_MAX
            && let Some(oldest) = self.by_use.first_key_value().map(|(_, id)| *id)
        {
            self.forget(oldest);
        }
        self.uses += 1;
        instance.used = self.uses;
        let interval_ms = i64::from(instance.subscription.interval_ms);
        instance.forgotten_at = now.plus_ms(REMEMBERED_MS.max(REMEMBERED_INTERVALS * interval_ms));
        self.by_use.insert(instance.used, id);
        self.instances.entry(id).or_insert(instance)
    }

    fn forget(&mut self, id: Uuid) -> Option<Instance> {
        let instance = self.instances.remove(&id)?;
        self.by_use.remove(&instance.used);
        Some(instance)
    }
}

impl Instance {
    fn new(attributes: Attributes, generation: u64, image: &MetadataImage) -> Self {
        Self {
            subscription: Subscription::of(&attributes, image),
            attributes,
            generation,
            asked_at: None,
            pushed_at: None,
            is_terminating: false,
            last_error: ErrorCode::None,
            forgotten_at: Monotonic::default(),
            used: 0,
        }
    }

    /// Whether it may ask now: once in an interval, and at once where its last push was refused for what it should ask about.
    pub(crate) fn ask(&mut self, now: Monotonic) -> Result<(), ErrorCode> {
        if self.is_due(self.asked_at.max(self.pushed_at), now) {
            self.asked_at = Some(now);
        } else if !matches!(self.last_error, ErrorCode::UnknownSubscriptionId | ErrorCode::UnsupportedCompressionType) {
            return Err(ErrorCode::ThrottlingQuotaExceeded);
        }
        self.last_error = ErrorCode::None;
        Ok(())
    }

    /// Whether it may push that now: once after it has asked, and then once in an interval; and before its end, but nothing
    /// after that.
    pub(crate) fn push(&mut self, push: Push, now: Monotonic) -> Result<(), ErrorCode> {
        let outcome = self.check(push, now);
        self.is_terminating = push.is_terminating;
        self.last_error = outcome.err().unwrap_or(ErrorCode::None);
        outcome
    }

    /// What was pushed could not be read.
    pub(crate) fn pushed_rubbish(&mut self) {
        self.last_error = ErrorCode::InvalidRecord;
    }

    fn check(&mut self, push: Push, now: Monotonic) -> Result<(), ErrorCode> {
        if self.is_terminating {
            return Err(ErrorCode::InvalidRequest);
        }
        if self.asked_at > self.pushed_at || self.is_due(self.pushed_at, now) {
            self.pushed_at = Some(now);
        } else if !push.is_terminating {
            return Err(ErrorCode::ThrottlingQuotaExceeded);
        }
        if push.subscription_id != self.subscription.id {
            return Err(ErrorCode::UnknownSubscriptionId);
        }
        if !push.is_known_compression {
            return Err(ErrorCode::UnsupportedCompressionType);
        }
        if push.size_bytes > push.max_bytes {
            return Err(ErrorCode::TelemetryTooLarge);
        }
        Ok(())
    }

    fn is_due(&self, last: Option<Monotonic>, now: Monotonic) -> bool {
        last.is_none_or(|last| last.plus_ms(self.subscription.interval_ms.into()) <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(telemetry: &mut Telemetry, id: u128, conn: u64, now_ms: i64) -> Result<(), ErrorCode> {
        let now = Monotonic::default().plus_ms(now_ms);
        let image = MetadataImage::default();
        telemetry.instance(Uuid(id), ConnId(conn), now, &image, |_| Attributes::default()).ask(now)
    }

    #[test]
    fn no_more_clients_are_remembered_than_by_kafka_and_the_quietest_goes() {
        let mut telemetry = Telemetry::default();
        for id in 0..INSTANCES_MAX as u128 {
            ask(&mut telemetry, id, 1, 1).expect("it is new");
        }
        assert_eq!(
            ask(&mut telemetry, 0, 1, 2),
            Err(ErrorCode::ThrottlingQuotaExceeded),
            "it is known, and there again"
        );
        ask(&mut telemetry, 1 << 40, 1, 3).expect("it is new");
        assert_eq!(telemetry.instances.len(), INSTANCES_MAX);
        assert_eq!(telemetry.by_use.len(), INSTANCES_MAX);
        assert!(telemetry.instances.contains_key(&Uuid(0)) && !telemetry.instances.contains_key(&Uuid(1)));
    }

    #[test]
    fn a_client_is_forgotten_three_intervals_after_it_was_there() {
        let mut telemetry = Telemetry::default();
        ask(&mut telemetry, 7, 1, 0).expect("it is new");
        assert_eq!(ask(&mut telemetry, 7, 1, 299_999), Err(ErrorCode::ThrottlingQuotaExceeded));
        let push =
            Push { subscription_id: 0, is_terminating: true, is_known_compression: true, size_bytes: 0, max_bytes: 9 };
        let now = Monotonic::default().plus_ms(299_999);
        let image = MetadataImage::default();
        let mut is_closed = |now: Monotonic| {
            let instance = telemetry.instance(Uuid(7), ConnId(1), now, &image, |_| Attributes::default());
            instance.push(push, now) == Err(ErrorCode::InvalidRequest)
        };
        assert!(!is_closed(now));
        assert!(is_closed(now.plus_ms(899_999)), "it has said that it ends");
        assert!(!is_closed(now.plus_ms(899_999 + 900_000)), "nobody knows it any more");
    }

    #[test]
    fn software_that_says_too_much_of_itself_is_unknown() {
        let mut telemetry = Telemetry::default();
        telemetry.introduce(ConnId(1), "kgo", "1.19");
        telemetry.introduce(ConnId(2), &"x".repeat(SOFTWARE_NAME_MAX + 1), "1");
        assert_eq!(telemetry.software(ConnId(1)), ("kgo", "1.19"));
        assert_eq!(telemetry.software(ConnId(2)), ("unknown", "unknown"));
        telemetry.closed(ConnId(1));
        assert_eq!(telemetry.software(ConnId(1)), ("unknown", "unknown"));
    }
}
