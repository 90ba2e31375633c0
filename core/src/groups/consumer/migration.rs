//! Online migration (KIP-848): a classic group of consumers becomes a consumer group when the first member of that protocol joins,
//! and a classic one again when the last of them is gone. The members stay, and the partitions that they have.

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::sync::Arc;

use bytes::Bytes;

use super::member::{About, ClassicMember};
use super::{ConsumerGroup, Held, Member, MemberState, Partitions};
use crate::api::ApiError;
use crate::error_code::ErrorCode;
use crate::groups::classic::{self, ClassicGroup};
use crate::groups::embedded;
use crate::groups::group::{GroupType, MemberId};
use crate::groups::planned::PlannedTurn;
use crate::groups::records;
use crate::groups::timers::TimerKind;
use crate::metadata::MetadataImage;
use crate::wire::messages::consumer_protocol::ConsumerProtocolSubscription;

/// Which way groups may turn while members are in them: `group.consumer.migration.policy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MigrationPolicy {
    Disabled,
    Upgrade,
    Downgrade,
    Bidirectional,
}

/// A classic group that takes over.
#[derive(Debug)]
pub(crate) struct Downgrade {
    pub(crate) group: Box<ClassicGroup>,
    /// What its members have is old.
    pub(crate) rebalances: bool,
}

impl MigrationPolicy {
    /// As the property has it, in whatever letters.
    pub(crate) fn new(property: &str) -> Self {
        match &*property.to_ascii_lowercase() {
            "disabled" => Self::Disabled,
            "upgrade" => Self::Upgrade,
            "downgrade" => Self::Downgrade,
            _ => Self::Bidirectional,
        }
    }

    fn upgrades(self) -> bool {
        matches!(self, Self::Upgrade | Self::Bidirectional)
    }

    pub(super) fn downgrades(self) -> bool {
        matches!(self, Self::Downgrade | Self::Bidirectional)
    }
}

impl ConsumerGroup {
    /// A classic group as a consumer group, with all that its members have.
    ///
    /// # Errors
    /// Where it may not become one.
    pub(super) fn upgraded(turn: &mut PlannedTurn<'_>, classic: &ClassicGroup) -> Result<Self, ApiError> {
        let refused = |why: &str| {
            let why = format!("Cannot upgrade classic group {} to consumer group because {why}.", turn.group);
            ApiError::new(ErrorCode::GroupIdNotFound, why)
        };
        if !turn.settings.migration_policy.upgrades() {
            return Err(refused("online upgrade is disabled"));
        }
        if !classic.is_of_consumers() {
            return Err(refused("the group does not use the consumer embedded protocol"));
        }
        if classic.members().len() > turn.settings.consumers_per_group {
            return Err(refused("the group size exceeds the consumer group maximum size"));
        }
        let mut group = Self::new();
        group.epoch = classic.generation();
        group.target.epoch = classic.generation();
        for (id, known) in classic.members() {
            let (member, target) = upgraded_member(classic, known, turn.image).map_err(refused)?;
            group.target.by_member.insert(Arc::clone(id), target);
            group.put(Arc::clone(id), member);
        }
        group.metadata_hash = group.metadata_hash_now(turn.image);
        turn.plan.records.extend(records::removed(turn.group, GroupType::Classic));
        turn.plan.records.extend(group.to_records(turn.group));
        turn.plan.upgrades = true;
        for (id, known) in classic.members() {
            turn.arm(TimerKind::Session(Arc::clone(id)), known.session_timeout_ms);
        }
        Ok(group)
    }

    /// Whether the group becomes a classic one when these are gone: all others speak the classic protocol, and there are some.
    pub(super) fn is_downgraded_without(&self, turn: &PlannedTurn<'_>, gone: &BTreeSet<MemberId>) -> bool {
        let is_classic = |id: &&MemberId| self.members.get(*id).is_some_and(Member::uses_classic_protocol);
        let left = self.members.len().saturating_sub(gone.len());
        let classic_left = self.counts.classic - gone.iter().filter(is_classic).count();
        left > 0
            && classic_left == left
            && turn.settings.migration_policy.downgrades()
            && left <= turn.settings.members_per_group
    }

    pub(super) fn downgrade_without(&self, turn: &mut PlannedTurn<'_>, gone: &BTreeSet<MemberId>) {
        for id in gone {
            turn.cancel(TimerKind::Session(Arc::clone(id)));
        }
        let stay = self.members.iter().filter(|(id, _)| !gone.contains(*id));
        let stay = stay.map(|(id, member)| (id, id, &*member.about));
        self.downgrade(turn, stay, true);
    }

    /// Becomes a classic group of these members: each with the id under which it is known here.
    pub(super) fn downgrade<'a>(
        &self,
        turn: &mut PlannedTurn<'_>,
        members: impl Iterator<Item = (&'a MemberId, &'a MemberId, &'a About)> + Clone,
        rebalances: bool,
    ) {
        for id in self.members.keys() {
            for kind in [TimerKind::Revocation, TimerKind::Rejoin, TimerKind::Resync] {
                turn.cancel(kind(Arc::clone(id)));
            }
        }
        let classic = members.clone().map(|(id, _, about)| (Arc::clone(id), downgraded_member(about)));
        let mut group = ClassicGroup::taken_over(self.epoch, classic.collect(), turn.now);
        group.give(|id, metadata| {
            let known_as = members.clone().find(|(of, ..)| *of == id).map_or(id, |(_, known_as, _)| known_as);
            embedded::assigned(self.target_of(known_as), turn.image, metadata)
        });
        turn.plan.records.extend(self.removal(turn.group));
        turn.plan.records.push(group.record(turn.group));
        turn.plan.downgrade = Some(Downgrade { group: Box::new(group), rebalances });
    }
}

/// A member of a classic group as one of a consumer group, and what it shall have: what it has.
fn upgraded_member(
    classic: &ClassicGroup,
    known: &classic::Member,
    image: &MetadataImage,
) -> Result<(Member, Partitions), &'static str> {
    const MALFORMED: &str = "the embedded consumer protocol is malformed";
    let partitions = if known.assignment.is_empty() {
        Partitions::new()
    } else {
        let assignment = embedded::assignment(&known.assignment).ok_or(MALFORMED)?;
        if assignment.user_data.as_deref().is_some_and(|data| !data.is_empty()) {
            return Err("an unsupported custom assignor is in use");
        }
        embedded::partitions(&assignment, image)
    };
    // Before its first generation a group has not chosen a protocol.
    let chosen = classic.protocol().and_then(|protocol| known.metadata(protocol));
    let metadata = chosen.or_else(|| known.protocols.first().map(|protocol| &protocol.metadata)).ok_or(MALFORMED)?;
    let subscription = embedded::subscription(metadata).ok_or(MALFORMED)?;
    let generation = classic.generation();
    let held: Held = partitions
        .iter()
        .map(|(topic, all)| (*topic, all.iter().map(|partition| (*partition, generation)).collect()))
        .collect();
    let about = about_classic(known, &subscription);
    let member = Member {
        epoch: generation,
        previous_epoch: generation,
        state: MemberState::Stable,
        about: Arc::new(about),
        assigned: held,
        revoking: Held::new(),
    };
    Ok((member, partitions))
}

fn about_classic(known: &classic::Member, subscription: &ConsumerProtocolSubscription) -> About {
    About {
        instance_id: known.instance_id.clone(),
        rack_id: subscription.rack_id.as_deref().filter(|rack| !rack.is_empty()).map(Arc::from),
        client_id: Arc::clone(&known.client_id),
        client_host: Arc::clone(&known.client_host),
        topics: subscription.topics.iter().map(|topic| Arc::from(&**topic)).collect(),
        regex: None,
        assignor: None,
        rebalance_timeout_ms: known.rebalance_timeout_ms,
        classic: Some(ClassicMember {
            session_timeout_ms: known.session_timeout_ms,
            protocols: known.protocols.clone(),
        }),
    }
}

fn downgraded_member(about: &About) -> classic::Member {
    classic::Member {
        instance_id: about.instance_id.clone(),
        client_id: Arc::clone(&about.client_id),
        client_host: Arc::clone(&about.client_host),
        rebalance_timeout_ms: about.rebalance_timeout_ms,
        session_timeout_ms: about.classic.as_ref().map_or(0, |classic| classic.session_timeout_ms),
        protocol_type: embedded::CONSUMER.into(),
        protocols: about.protocols().to_vec(),
        assignment: Bytes::new(),
        awaiting_join: None,
        awaiting_sync: None,
        is_new: false,
    }
}
