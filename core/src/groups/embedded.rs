//! What consumers of classic groups tell each other: what each reads, and what it gets. The coordinator looks into it where such
//! members and those of the consumer protocol are in one group, and to know which topics are read.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use bytes::Bytes;

use super::consumer::Partitions;
use crate::metadata::MetadataImage;
use crate::wire::messages::consumer_protocol::{
    ConsumerProtocolAssignment, ConsumerProtocolSubscription, TopicPartition,
};
use crate::wire::{Message, Reader, Str};

/// What consumers call their protocol.
pub(crate) const CONSUMER: &str = "consumer";
const VERSION_LATEST: i16 = 3;

/// The version of what a member says. Later versions can be read as the latest known.
fn version(bytes: &Bytes) -> Option<i16> {
    let version = bytes.first_chunk::<2>().map(|bytes| i16::from_be_bytes(*bytes))?;
    (version >= 0).then_some(version.min(VERSION_LATEST))
}

/// What a member wants; none where it is damaged.
pub(crate) fn subscription(metadata: &Bytes) -> Option<ConsumerProtocolSubscription> {
    let version = version(metadata)?;
    ConsumerProtocolSubscription::read(&mut Reader::new(&metadata.slice(2..)), version).ok()
}

/// The topics that a member wants, as it says in the first version of this, which all can read.
pub(crate) fn subscription_topics(metadata: &Bytes) -> Option<Vec<Str>> {
    let bytes = metadata.get(2..).map(|_| metadata.slice(2..))?;
    ConsumerProtocolSubscription::read(&mut Reader::new(&bytes), 0).ok().map(|subscription| subscription.topics)
}

/// What a member got; none where it is damaged.
pub(crate) fn assignment(assignment: &Bytes) -> Option<ConsumerProtocolAssignment> {
    let version = version(assignment)?;
    ConsumerProtocolAssignment::read(&mut Reader::new(&assignment.slice(2..)), version).ok()
}

/// The partitions in it that are there, each once.
pub(crate) fn partitions(assignment: &ConsumerProtocolAssignment, image: &MetadataImage) -> Partitions {
    let mut partitions = Partitions::new();
    for topic in &assignment.assigned_partitions {
        if let Some(id) = image.topic_ids.get(&*topic.topic) {
            let unique: BTreeSet<i32> = topic.partitions.iter().copied().collect();
            partitions.insert(*id, unique.into_iter().collect());
        }
    }
    partitions.retain(|_, of_topic| !of_topic.is_empty());
    partitions
}

/// What a member gets, in the version that it speaks itself.
pub(crate) fn assigned(partitions: &Partitions, image: &MetadataImage, metadata: &Bytes) -> Bytes {
    let named = partitions.iter().filter_map(|(topic, partitions)| {
        let topic = Str::from(&*image.topics.get(topic)?.name);
        Some(TopicPartition { topic, partitions: partitions.clone(), ..Default::default() })
    });
    let assignment = ConsumerProtocolAssignment { assigned_partitions: named.collect(), ..Default::default() };
    let version = version(metadata).unwrap_or(0);
    let mut bytes = Vec::from(version.to_be_bytes());
    bytes.extend_from_slice(&assignment.to_bytes(version));
    bytes.into()
}
