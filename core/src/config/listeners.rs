//! Listeners: names, hosts and ports of `listeners` and `advertised.listeners`.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use super::error::ConfigError;

/// One listener, or the address that clients are told for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// In capitals.
    pub name: String,
    /// A host name or address without brackets; empty for all addresses.
    pub host: String,
    /// 0 where the system chooses.
    pub port: u16,
}

impl fmt::Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "{}://[{}]:{}", self.name, self.host, self.port)
        } else {
            write!(f, "{}://{}:{}", self.name, self.host, self.port)
        }
    }
}

/// What clients are told where a listener has no host: a client on this machine, or one that came through a forwarded
/// port, finds its way back with it.
const LOCAL_HOST: &str = "localhost";

/// The properties that say where the broker listens, as they came.
pub(super) struct ListenerProperties<'a> {
    pub(super) listeners: &'a [String],
    pub(super) advertised: Option<&'a [String]>,
    pub(super) protocols: &'a str,
    pub(super) controllers: &'a [String],
}

/// The broker's listeners and, in the same order, what clients are told for each. A controller's listeners are left out:
/// nobody needs to reach this one.
pub(super) fn resolve(properties: &ListenerProperties<'_>) -> Result<(Vec<Listener>, Vec<Listener>), ConfigError> {
    let controllers: BTreeSet<String> = properties.controllers.iter().map(|name| name.to_ascii_uppercase()).collect();
    let protocols = protocol_map(properties.protocols)?;
    let mut listeners = parse_list("listeners", properties.listeners)?;
    listeners.retain(|listener| !controllers.contains(&listener.name));
    if listeners.is_empty() {
        return Err(bad("listeners", properties.listeners.join(","), "at least one listener for clients"));
    }
    for listener in &listeners {
        check_protocol(listener, &protocols)?;
    }
    let mut told = parse_list("advertised.listeners", properties.advertised.unwrap_or_default())?;
    told.retain(|address| !controllers.contains(&address.name));
    for address in &told {
        check_advertised(address, &listeners)?;
    }
    let advertised = listeners.iter().map(|listener| advertise(listener, &told)).collect();
    Ok((listeners, advertised))
}

fn advertise(listener: &Listener, told: &[Listener]) -> Listener {
    let mut address = told.iter().find(|address| address.name == listener.name).unwrap_or(listener).clone();
    if address.host.is_empty() || is_unspecified(&address.host) {
        address.host = LOCAL_HOST.into();
    }
    address
}

fn is_unspecified(host: &str) -> bool {
    host.parse::<core::net::IpAddr>().is_ok_and(|address| address.is_unspecified())
}

fn check_advertised(address: &Listener, listeners: &[Listener]) -> Result<(), ConfigError> {
    if is_unspecified(&address.host) {
        return Err(bad("advertised.listeners", address.to_string(), "an address that clients can connect to"));
    }
    if !listeners.iter().any(|listener| listener.name == address.name) {
        let names: Vec<_> = listeners.iter().map(|listener| listener.name.as_str()).collect();
        let expected = format!("the names that are in listeners ({})", names.join(", "));
        return Err(bad("advertised.listeners", address.to_string(), &expected));
    }
    Ok(())
}

fn check_protocol(listener: &Listener, protocols: &BTreeMap<String, String>) -> Result<(), ConfigError> {
    match protocols.get(&listener.name).map(String::as_str) {
        Some("PLAINTEXT") => Ok(()),
        Some(_) => {
            Err(bad("listeners", listener.to_string(), "the protocol PLAINTEXT, the only one that works so far"))
        }
        None => Err(bad("listeners", listener.to_string(), "a name that listener.security.protocol.map has")),
    }
}

fn protocol_map(text: &str) -> Result<BTreeMap<String, String>, ConfigError> {
    const KEY: &str = "listener.security.protocol.map";
    const PROTOCOLS: [&str; 4] = ["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"];
    let mut protocols = BTreeMap::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let pair = part.rsplit_once(':').map(|(name, protocol)| (name.trim(), protocol.trim().to_ascii_uppercase()));
        match pair {
            Some((name, protocol)) if !name.is_empty() && PROTOCOLS.contains(&protocol.as_str()) => {
                protocols.insert(name.to_ascii_uppercase(), protocol);
            }
            _ => return Err(bad(KEY, part.into(), &format!("NAME:PROTOCOL with one of {}", PROTOCOLS.join(", ")))),
        }
    }
    Ok(protocols)
}

fn parse_list(key: &str, parts: &[String]) -> Result<Vec<Listener>, ConfigError> {
    let mut listeners: Vec<Listener> = Vec::new();
    for part in parts {
        let listener =
            parse(part).ok_or_else(|| bad(key, part.clone(), "NAME://host:port, as in PLAINTEXT://:9092"))?;
        if listeners.iter().any(|other| other.name == listener.name) {
            return Err(bad(key, part.clone(), "each name once"));
        }
        let same_port = |other: &&Listener| other.port == listener.port && other.host == listener.host;
        if key == "listeners"
            && listener.port != 0
            && let Some(other) = listeners.iter().find(same_port)
        {
            return Err(bad(key, part.clone(), &format!("another port than {other}")));
        }
        listeners.push(listener);
    }
    Ok(listeners)
}

fn parse(text: &str) -> Option<Listener> {
    let (name, address) = text.split_once("://")?;
    let (host, port) = address.rsplit_once(':')?;
    let host = match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']').filter(|host| host.parse::<core::net::Ipv6Addr>().is_ok())?,
        None => host,
    };
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    if !is_name || host.contains(['/', ' ']) {
        return None;
    }
    Some(Listener { name: name.to_ascii_uppercase(), host: host.into(), port: port.parse().ok()? })
}

fn bad(key: &str, value: String, expected: &str) -> ConfigError {
    ConfigError::BadValue { key: key.into(), value, expected: expected.into() }
}
