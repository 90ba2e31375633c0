//! One request on its way from its frame to its handler.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use bytes::Bytes;

use crate::api::mutation_quota::{self, Take};
use crate::api::{Caller, Change, View};
use crate::broker::Broker;
use crate::log::PartitionLog;
use crate::metadata::MetadataImage;
use crate::rng::Rng;
use crate::time::Now;
use crate::types::PartitionId;
use crate::wire::{DecodeError, Message, Reader};

/// A request, and what its handler may need.
pub(super) struct Call<'a> {
    pub(super) broker: &'a mut Broker,
    pub(super) now: Now,
    pub(super) caller: Caller,
    /// Its API's number.
    pub(super) key: i16,
    pub(super) client_id: Option<&'a str>,
    /// All of it, for a request that has to be asked anew.
    pub(super) frame: &'a Bytes,
    pub(super) body: Body<'a>,
}

/// What follows a request's header.
pub(super) struct Body<'a> {
    pub(super) reader: Reader<'a>,
    pub(super) version: i16,
}

/// What a handler may use while it looks at the metadata.
pub(super) struct Parts<'a> {
    pub(super) logs: &'a BTreeMap<PartitionId, PartitionLog>,
    pub(super) rng: &'a mut Rng,
}

impl Body<'_> {
    /// # Errors
    /// What of it is not as the protocol says.
    pub(super) fn read<M: Message>(&mut self) -> Result<M, String> {
        M::read(&mut self.reader, self.version).map_err(|error: DecodeError| error.to_string())
    }
}

impl Call<'_> {
    /// What an admin call sees.
    pub(super) fn view(&self) -> View<'_> {
        let listener = self.broker.listener_of(self.caller.slot.conn);
        View { image: self.broker.metadata.image(), config: &self.broker.config, listener }
    }

    /// The same, for one that draws ids or asks the logs besides.
    pub(super) fn parts(&mut self) -> (View<'_>, Parts<'_>) {
        let listener = self.broker.listener_of(self.caller.slot.conn);
        let view = View { image: self.broker.metadata.image(), config: &self.broker.config, listener };
        (view, Parts { logs: &self.broker.logs, rng: &mut self.broker.rng })
    }

    /// Answers at once.
    pub(super) fn answer<R: Message>(&mut self, response: &R) {
        self.broker.answer(self.caller, response, Vec::new());
    }

    /// Answers once the change is committed.
    pub(super) fn submit<R: Message>(&mut self, change: Change<R>) {
        self.broker.submit(self.now, self.caller, self.frame, change);
    }

    /// Asks it anew once the change is committed that is on its way.
    pub(super) fn hold(&mut self) {
        self.broker.hold(self.caller.slot, self.frame.clone());
    }

    /// Answers from the metadata.
    ///
    /// # Errors
    /// Where the request is not as the protocol says.
    pub(super) fn answer_with<Q: Message, R: Message>(
        &mut self,
        handle: impl FnOnce(&Q, View<'_>) -> R,
    ) -> Result<(), String> {
        let response = handle(&self.body.read()?, self.view());
        self.answer(&response);
        Ok(())
    }

    /// Changes the metadata.
    ///
    /// # Errors
    /// Where the request is not as the protocol says.
    pub(super) fn change_with<Q: Message, R: Message>(
        &mut self,
        handle: impl FnOnce(&Q, View<'_>) -> Change<R>,
    ) -> Result<(), String> {
        let change = handle(&self.body.read()?, self.view());
        self.submit(change);
        Ok(())
    }

    /// Has a planned change cut to what its client may make, extend or delete.
    pub(super) fn limit(&mut self, cut: impl FnOnce(&MetadataImage, Take<'_>)) {
        let excess = mutation_quota::excess(self.key, self.caller.version);
        let (slot, now) = (self.caller.slot, self.now.monotonic);
        let Broker { quotas, metadata, .. } = &mut *self.broker;
        cut(metadata.image(), &mut |partitions| quotas.take_partitions(slot, partitions, excess, now));
    }
}
