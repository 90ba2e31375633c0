//! All scripts on both sides, several at once.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ottla_wire::ApiKey;
use serde_json::{Value, json};

use crate::compare::{Difference, compare};
use crate::play::{Asked, Transcript, asked, play};
use crate::rules::aside;
use crate::script::{Request, Script};
use crate::side::TcpSide;

/// A request and the two answers.
#[derive(Clone, Debug)]
pub struct Pair {
    /// The script's name.
    pub script: String,
    /// What was asked.
    pub asked: Asked,
    /// Where the answers differ.
    pub differences: Vec<Difference>,
}

/// What came of a script.
#[derive(Clone, Debug)]
pub struct Played {
    /// Every request.
    pub pairs: Vec<Pair>,
    /// What Kafka answered, and in which namespace.
    pub kafka: Transcript,
    /// See `kafka`.
    pub namespace: String,
    /// How long it took on both sides, all attempts beside others or all alone together.
    pub took: Duration,
}

/// Compares what two sides answered, with what differs by nature aside.
#[must_use]
pub fn pairs(script: &Script, kafka: &[Value], ottla: &[Value]) -> Vec<Pair> {
    let all = asked(script).into_iter().zip(kafka.iter().zip(ottla));
    all.map(|(asked, (kafka, ottla))| Pair { script: script.name.clone(), asked, differences: compare(kafka, ottla) })
        .collect()
}

/// So often a script is played beside others until nothing differs that is not listed, and then so often alone.
const ATTEMPTS: usize = 3;

/// Plays every script on both sides. One that differs is played again, in a new namespace, in the end with nothing beside it:
/// what was a matter of moments does not happen every time. `is_well` says of a pair whether its differences are no reason
/// for that; `first_attempt` is 0 on brokers that are new.
pub fn run(
    scripts: &[Script],
    kafka: SocketAddr,
    ottla: SocketAddr,
    workers: usize,
    first_attempt: usize,
    is_well: &(dyn Fn(&Pair) -> bool + Sync),
    done: &(dyn Fn(&Script) + Sync),
) -> Vec<Played> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(vec![None; scripts.len()]);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some((index, script)) = {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    scripts.get(index).map(|script| (index, script))
                } {
                    let played = attempts(script, kafka, ottla, first_attempt, is_well);
                    results.lock().expect("no worker panics")[index] = Some(played);
                    done(script);
                }
            });
        }
    });
    let mut results: Vec<_> = results.into_inner().expect("no worker panics").into_iter().flatten().collect();
    for (script, played) in scripts.iter().zip(&mut results).filter(|(_, played)| !played.pairs.iter().all(is_well)) {
        *played = attempts(script, kafka, ottla, first_attempt + ATTEMPTS, is_well);
    }
    results
}

/// The last of as many attempts as it takes, [`ATTEMPTS`] at most.
fn attempts(
    script: &Script,
    kafka: SocketAddr,
    ottla: SocketAddr,
    first: usize,
    is_well: &(dyn Fn(&Pair) -> bool + Sync),
) -> Played {
    let from = Instant::now();
    let mut played = once(script, kafka, ottla, first);
    for attempt in 1..ATTEMPTS {
        if played.pairs.iter().all(is_well) {
            break;
        }
        played = once(script, kafka, ottla, first + attempt);
    }
    played.took = from.elapsed();
    played
}

fn once(script: &Script, kafka: SocketAddr, ottla: SocketAddr, attempt: usize) -> Played {
    let namespace = script.namespace(attempt);
    let (theirs, ours) = std::thread::scope(|scope| {
        let theirs = scope.spawn(|| play(script, &namespace, &mut TcpSide::kafka(kafka)));
        let ours = play(script, &namespace, &mut TcpSide::ottla(ottla));
        (theirs.join().expect("a script is played to its end"), ours)
    });
    let asked = asked(script);
    let pairs = pairs(script, &aside(&theirs, &asked, &namespace), &aside(&ours, &asked, &namespace));
    Played { pairs, kafka: theirs, namespace, took: Duration::ZERO }
}

/// What makes a broker ready: its coordinators' topics are there, their partitions loaded, before any script begins.
#[must_use]
pub fn warm_up() -> Script {
    let mut script = Script::new("warm up");
    let busy = [14, 15, 16, 3, 5];
    for (kind, key) in [(0, "warm-up"), (1, "warm-up"), (2, "warm-up:BBBBBBBBBBBBBBBBBBBBBQ:0")] {
        let body = json!({"keyType": kind, "coordinatorKeys": [key]});
        script.send(Request::new(ApiKey::FindCoordinator, 6, body).again_while(&busy));
    }
    // One group for each partition of the offsets topic, and one transactional id.
    for group in ["a", "b", "c", "d"] {
        let body = json!({"groups": [{"groupId": group, "topics": Value::Null}], "requireStable": true});
        script.send(Request::new(ApiKey::OffsetFetch, 8, body).again_while(&busy));
    }
    for id in ["a", "b", "c", "d"] {
        let body = json!({"transactionalId": id, "transactionTimeoutMs": 10_000});
        script.send(Request::new(ApiKey::InitProducerId, 4, body).again_while(&busy));
    }
    // A small number that a script takes for a wrong id must not be the id of its own producer.
    for _ in 0..=i8::MAX {
        let body = json!({"transactionalId": Value::Null, "transactionTimeoutMs": 10_000});
        script.send(Request::new(ApiKey::InitProducerId, 4, body).again_while(&busy));
    }
    script
}
