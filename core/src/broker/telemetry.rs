//! Clients that push their metrics: who they are, from what the connection tells.

use alloc::string::{String, ToString};

use super::Broker;
use crate::api::Caller;
use crate::telemetry::{Attributes, Instance};
use crate::time::Now;
use crate::wire::Uuid;

impl Broker {
    /// The client of that instance id.
    pub(crate) fn telemetry_instance(
        &mut self,
        now: Now,
        caller: Caller,
        client_id: Option<&str>,
        id: Uuid,
    ) -> &mut Instance {
        let conn = caller.slot.conn;
        let address = self.client_host(caller);
        let port = self.connections.peer(conn).map_or(0, |(peer, _)| peer.port());
        self.telemetry.instance(id, conn, now.monotonic, self.metadata.image(), |telemetry| {
            let (name, version) = telemetry.software(conn);
            Attributes {
                instance_id: id,
                client_id: client_id.map(String::from),
                software_name: name.into(),
                software_version: version.into(),
                address: address.trim_start_matches('/').to_string(),
                port,
            }
        })
    }

    /// The most that a client may push at once.
    pub(crate) fn telemetry_max_bytes(&self) -> i32 {
        i32::try_from(self.config.count("telemetry.max.bytes")).unwrap_or(i32::MAX)
    }
}
