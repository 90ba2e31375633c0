//! Kafka's hash of the topics that a group reads: another one means that they have changed.

use alloc::vec::Vec;

use twox_hash::XxHash3_64;

use crate::metadata::{MetadataImage, Topic};

/// The hash of topics, which stand in order. 0 where there are none. Those that are not there don't count.
pub(crate) fn metadata_hash<'a>(image: &MetadataImage, topics: impl Iterator<Item = &'a str>) -> i64 {
    let mut bytes = Vec::new();
    for topic in topics.filter_map(|name| image.topic(name)) {
        bytes.extend_from_slice(&topic_hash(image, topic).to_le_bytes());
    }
    if bytes.is_empty() { 0 } else { XxHash3_64::oneshot(&bytes).cast_signed() }
}

/// Kafka's hash of one topic: its id, name, partitions, and the racks of each.
fn topic_hash(image: &MetadataImage, topic: &Topic) -> i64 {
    /// Of the way in which this is hashed.
    const MAGIC: u8 = 0;
    let mut bytes = Vec::with_capacity(64 + 4 * topic.partitions.len());
    bytes.push(MAGIC);
    bytes.extend_from_slice(&((topic.id.0 >> 64) as u64).to_le_bytes());
    bytes.extend_from_slice(&(topic.id.0 as u64).to_le_bytes());
    put_text(&mut bytes, &topic.name);
    bytes.extend_from_slice(&(topic.partitions.len() as u32).to_le_bytes());
    for (index, partition) in &topic.partitions {
        bytes.extend_from_slice(&index.to_le_bytes());
        let brokers = partition.replicas.iter().filter_map(|node| image.brokers.get(node));
        let mut racks: Vec<&str> = brokers.filter_map(|broker| broker.rack.as_deref()).collect();
        racks.sort_unstable();
        for rack in racks {
            bytes.extend_from_slice(&units(rack).to_le_bytes());
            put_text(&mut bytes, rack);
        }
    }
    XxHash3_64::oneshot(&bytes).cast_signed()
}

/// As the hash that Kafka uses takes a text: in UTF-16, with its length behind it.
fn put_text(bytes: &mut Vec<u8>, text: &str) {
    text.encode_utf16().for_each(|unit| bytes.extend_from_slice(&unit.to_le_bytes()));
    bytes.extend_from_slice(&units(text).to_le_bytes());
}

fn units(text: &str) -> u32 {
    text.encode_utf16().count() as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::{BrokerRegistration, Partition};
    use crate::types::NodeId;
    use crate::wire::Uuid;

    fn topic(name: &str, partitions: i32) -> Topic {
        let id = Uuid((1 << 64) | 2);
        let partitions = (0..partitions).map(|index| (index, Partition::default())).collect();
        Topic { id, name: name.into(), partitions }
    }

    /// The numbers are what hash4j made of the same, fed as Kafka feeds it.
    #[test]
    fn topics_hash_as_kafka_hashes_them() {
        let mut image = MetadataImage::default();
        let registration = BrokerRegistration { rack: Some("rack1".into()), ..Default::default() };
        image.brokers.insert(NodeId(1), registration);
        let mut letters = topic("letters", 3);
        letters.partitions.get_mut(&1).expect("it is there").replicas.push(NodeId(1));
        assert_eq!(topic_hash(&image, &letters), 1_935_830_393_279_347_909);
        assert_eq!(topic_hash(&image, &topic("many", 100)), -7_793_240_133_204_401_646);
        assert_eq!(metadata_hash(&image, core::iter::empty()), 0);
        let both = [1_935_830_393_279_347_909i64.to_le_bytes(), 7i64.to_le_bytes()].concat();
        assert_eq!(XxHash3_64::oneshot(&both).cast_signed(), -7_668_002_223_004_230_277);
    }
}
