//! Whom to ask for the state of which partitions (interactive queries): the members that have said where they can be asked.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::configure::{Configured, ConfiguredSubtopology};
use super::tasks::SubtopologyId;
use super::{Member, StreamsGroup};
use crate::groups::group::MemberId;
use crate::metadata::MetadataImage;
use crate::wire::Str;
use crate::wire::messages::streams_group_heartbeat::{Endpoint, EndpointToPartitions, TopicPartition};

impl StreamsGroup {
    /// What all members have that can be asked; one of them is what it will be once the event is over, and comes last.
    pub(super) fn endpoints(
        &self,
        (id, after): (&MemberId, &Member),
        configured: &Configured,
        image: &MetadataImage,
    ) -> Vec<EndpointToPartitions> {
        let others = self.members.iter().filter(|(of, _)| *of != id).map(|(_, member)| member);
        others.chain([after]).filter_map(|member| endpoint(member, configured, image)).collect()
    }
}

fn endpoint(member: &Member, configured: &Configured, image: &MetadataImage) -> Option<EndpointToPartitions> {
    let (host, port) = member.about.user_endpoint.as_ref()?;
    let standby = member.assigned.standby.iter();
    let active = member.assigned.active.iter();
    Some(EndpointToPartitions {
        user_endpoint: Endpoint { host: Str::from(&**host), port: *port, ..Default::default() },
        active_partitions: partitions(
            active.map(|(id, tasks)| (id, tasks.keys().copied().collect())),
            configured,
            image,
        ),
        standby_partitions: partitions(standby.map(|(id, tasks)| (id, tasks.clone())), configured, image),
        ..Default::default()
    })
}

/// The partitions that tasks read. A topic with fewer partitions than the member has tasks is told with its first ones, as Kafka does.
fn partitions<'a>(
    tasks: impl Iterator<Item = (&'a SubtopologyId, BTreeSet<i32>)>,
    configured: &Configured,
    image: &MetadataImage,
) -> Vec<TopicPartition> {
    static NONE: BTreeMap<SubtopologyId, ConfiguredSubtopology> = BTreeMap::new();
    let subtopologies = configured.subtopologies.as_ref().unwrap_or(&NONE);
    let mut told = Vec::new();
    for (id, tasks) in tasks {
        for topic in subtopologies.get(id).map(ConfiguredSubtopology::read_topics).unwrap_or_default() {
            let Some(existing) = image.topic(topic) else { continue };
            let partitions = tasks.iter().copied().take(existing.partitions.len().max(1)).collect();
            told.push(TopicPartition { topic: Str::from(&**topic), partitions, ..Default::default() });
        }
    }
    told
}
