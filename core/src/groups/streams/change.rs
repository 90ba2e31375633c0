//! What a heartbeat makes of the group as a whole: its topology, which its first member brings, the topics of it, and its epoch, which
//! rises when a member says something new, topics change, or the assignment is to be made by something else.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::configure::{Configured, Obstacle};
use super::member::About;
use super::target::{AssignedBy, assignment_configs};
use super::tasks::Owned;
use super::{Member, StreamsGroup, Topology, record};
use crate::api::ApiError;
use crate::error_code::ErrorCode;
use crate::groups::group::MemberId;
use crate::groups::metadata_hash::metadata_hash;
use crate::groups::planned::PlannedTurn;
use crate::wire::messages::streams_group_heartbeat::{Status, StreamsGroupHeartbeatRequest};

/// The group as a whole, once the event is over.
#[derive(Debug)]
pub(super) struct Changed {
    epoch: i32,
    pub(super) configured: Arc<Configured>,
    configs: BTreeMap<Arc<str>, Arc<str>>,
}

impl Changed {
    pub(super) fn assigned_by(&self, is_delayed: bool) -> AssignedBy<'_> {
        AssignedBy { epoch: self.epoch, configured: &self.configured, configs: &self.configs, is_delayed }
    }
}

impl StreamsGroup {
    /// Takes over what a member says, and what has become of topics and configs.
    ///
    /// # Errors
    /// Where the topology is another than the group's or can't be one, or the member has tasks that there are not.
    pub(super) fn change(
        &self,
        turn: &mut PlannedTurn<'_>,
        (id, before, about): (&MemberId, &Member, Option<&Arc<About>>),
        (request, owned): (&StreamsGroupHeartbeatRequest, Option<Owned<'_>>),
        statuses: &mut Vec<Status>,
    ) -> Result<Changed, ApiError> {
        if let Some(about) = about {
            turn.write(record::member(turn.group, id, about));
        }
        let topology = self.topology_after(turn, request)?;
        self.tell_stale_topology(about.unwrap_or(&before.about), statuses);
        let (metadata_hash, configured) = self.configure(turn, &topology)?;
        if let Some(owned) = owned {
            configured.check_owned(owned)?;
        }
        let configs = assignment_configs(turn);
        let validated_epoch = configured.validated_epoch();
        let is_bumped = about.is_some()
            || metadata_hash != self.metadata_hash
            || validated_epoch != self.validated_topology_epoch
            || configs != self.assignment_configs;
        let epoch = self.epoch + i32::from(is_bumped);
        if is_bumped {
            turn.write(record::group(turn.group, epoch, metadata_hash, validated_epoch, &configs));
        }
        Ok(Changed { epoch, configured, configs })
    }

    /// The group's topology; that of its first member where it has none.
    fn topology_after(
        &self,
        turn: &mut PlannedTurn<'_>,
        request: &StreamsGroupHeartbeatRequest,
    ) -> Result<Arc<Topology>, ApiError> {
        let sent = request.topology.as_ref().map(Topology::of_request).transpose()?;
        match (&self.topology, sent) {
            (Some(known), None) => Ok(Arc::clone(known)),
            (Some(known), Some(sent)) if known.epoch() > sent.epoch() || known.is_same_as(&sent) => {
                Ok(Arc::clone(known))
            }
            (Some(_), Some(_)) => {
                Err(ApiError::new(ErrorCode::InvalidRequest, "Topology updates are not supported yet."))
            }
            (None, Some(sent)) => {
                turn.write(record::topology(turn.group, &sent));
                Ok(Arc::new(sent))
            }
            (None, None) => Err(ApiError::bare(ErrorCode::UnknownServerError)),
        }
    }

    fn tell_stale_topology(&self, about: &About, statuses: &mut Vec<Status>) {
        let Some(known) = self.topology().map(Topology::epoch).filter(|known| about.topology_epoch < *known) else {
            return;
        };
        let why = format!(
            "The member's topology epoch {} is behind the group's topology epoch {known}.",
            about.topology_epoch
        );
        statuses.push(Obstacle::StaleTopology.told(why));
    }

    /// Looks at the topics, where that is due: their hash, and what they make of the topology.
    fn configure(&self, turn: &mut PlannedTurn<'_>, topology: &Topology) -> Result<(i64, Arc<Configured>), ApiError> {
        let known = self.soft.configured.as_ref().filter(|_| self.topology.is_some());
        if let Some(known) = known.filter(|_| self.topics_seen == Some(turn.topics.count)) {
            return Ok((self.metadata_hash, Arc::clone(known)));
        }
        let hash = metadata_hash(turn.image, topology.required_topics().into_iter());
        turn.plan.has_seen_topics = true;
        if let Some(known) = known.filter(|_| hash == self.metadata_hash) {
            return Ok((hash, Arc::clone(known)));
        }
        let configured = Arc::new(Configured::of(topology, turn.image)?);
        turn.plan.streams.configured = Some(Arc::clone(&configured));
        Ok((hash, configured))
    }
}
