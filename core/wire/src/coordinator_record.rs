//! The records of the coordinators' topics: a type and its fields as the key, a version and its fields as the value.
//!
//! Each topic numbers its types by itself, so a record can only be read by who knows its topic. What the records mean is
//! for the coordinators.

use bytes::Bytes;

use super::error::{DecodeError, DecodeFault};
use super::field::Message;
use super::messages::classic_group_records::*;
use super::messages::consumer_group_records::*;
use super::messages::offset_records::*;
use super::messages::share_group_records::*;
use super::messages::share_state_records::*;
use super::messages::streams_group_records::*;
use super::messages::transaction_records::*;
use super::reader::Reader;
use super::registry::MessageType;
use super::sink::{Encode, Sink, to_bytes};

/// A topic that a coordinator keeps its state in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CoordinatorTopic {
    /// `__consumer_offsets`: groups of all kinds and their offsets.
    ConsumerOffsets,
    /// `__transaction_state`: transactions.
    TransactionState,
    /// `__share_group_state`: what share groups have dealt with.
    ShareGroupState,
}

/// A type of record: what is in its key and in its value.
#[derive(Clone, Debug)]
pub struct CoordinatorRecordType {
    /// Where records of this type are.
    pub topic: CoordinatorTopic,
    /// Its key, behind two bytes with the type.
    pub key: MessageType,
    /// Its value, behind two bytes with the version.
    pub value: MessageType,
}

/// The version of every key: what stands in front of a key is the type.
const KEY_VERSION: i16 = 0;

macro_rules! coordinator_records {
    ($( $topic:ident { $( $(#[$doc:meta])* $name:ident($key:ident, $value:ident), )* } )*) => {
        /// A record of a coordinator's topic. Without a value it removes what its key names.
        #[derive(Clone, Debug, PartialEq)]
        pub enum CoordinatorRecord {
            $($( $(#[$doc])* $name($key, Option<$value>), )*)*
        }

        /// All types, by topic and number.
        static TYPES: &[CoordinatorRecordType] = &[ $($(
            CoordinatorRecordType {
                topic: CoordinatorTopic::$topic,
                key: MessageType::of::<$key>(),
                value: MessageType::of::<$value>(),
            },
        )*)* ];

        impl CoordinatorRecord {
            fn read(
                topic: CoordinatorTopic,
                record_type: i16,
                key: &mut Reader,
                value: Option<Bytes>,
            ) -> Result<(Self, Option<i16>), DecodeError> {
                match (topic, record_type) {
                    $($( (CoordinatorTopic::$topic, $key::KEY) => {
                        let key = read_key(key)?;
                        let (value, version) = value.map(read_value).transpose()?.unzip();
                        Ok((Self::$name(key, value), version))
                    } )*)*
                    _ => Err(DecodeError::new(0, DecodeFault::RecordType(record_type)).of(topic.name())),
                }
            }

            /// Where the record belongs.
            #[must_use]
            pub fn topic(&self) -> CoordinatorTopic {
                match self {
                    $($( Self::$name(..) => CoordinatorTopic::$topic, )*)*
                }
            }

            /// The record's key.
            #[must_use]
            pub fn encode_key(&self) -> Bytes {
                match self {
                    $($( Self::$name(key, _) => prefixed($key::KEY, key, KEY_VERSION), )*)*
                }
            }

            /// The record's value in `version` of its type; `None` where it has none.
            #[must_use]
            pub fn encode_value(&self, version: i16) -> Option<Bytes> {
                match self {
                    $($( Self::$name(_, value) => value.as_ref().map(|value| prefixed(version, value, version)), )*)*
                }
            }

            /// The newest version of the value.
            #[must_use]
            pub fn latest_version(&self) -> i16 {
                match self {
                    $($( Self::$name(..) => *$value::VERSIONS.end(), )*)*
                }
            }
        }
    };
}

coordinator_records! {
    ConsumerOffsets {
        /// An offset of before Kafka 0.9.
        LegacyOffsetCommit(LegacyOffsetCommitKey, LegacyOffsetCommitValue),
        /// How far a group has read in a partition.
        OffsetCommit(OffsetCommitKey, OffsetCommitValue),
        /// A classic group.
        GroupMetadata(GroupMetadataKey, GroupMetadataValue),
        /// A consumer group.
        ConsumerGroupMetadata(ConsumerGroupMetadataKey, ConsumerGroupMetadataValue),
        /// The topics of a consumer group.
        ConsumerGroupPartitionMetadata(ConsumerGroupPartitionMetadataKey, ConsumerGroupPartitionMetadataValue),
        /// A member of a consumer group.
        ConsumerGroupMemberMetadata(ConsumerGroupMemberMetadataKey, ConsumerGroupMemberMetadataValue),
        /// The target assignment of a consumer group.
        ConsumerGroupTargetAssignmentMetadata(
            ConsumerGroupTargetAssignmentMetadataKey, ConsumerGroupTargetAssignmentMetadataValue
        ),
        /// What a member of a consumer group shall have.
        ConsumerGroupTargetAssignmentMember(
            ConsumerGroupTargetAssignmentMemberKey, ConsumerGroupTargetAssignmentMemberValue
        ),
        /// What a member of a consumer group has.
        ConsumerGroupCurrentMemberAssignment(
            ConsumerGroupCurrentMemberAssignmentKey, ConsumerGroupCurrentMemberAssignmentValue
        ),
        /// A regular expression of a consumer group.
        ConsumerGroupRegularExpression(ConsumerGroupRegularExpressionKey, ConsumerGroupRegularExpressionValue),
        /// A member of a share group.
        ShareGroupMemberMetadata(ShareGroupMemberMetadataKey, ShareGroupMemberMetadataValue),
        /// A share group.
        ShareGroupMetadata(ShareGroupMetadataKey, ShareGroupMetadataValue),
        /// The assignment of a share group.
        ShareGroupTargetAssignmentMetadata(
            ShareGroupTargetAssignmentMetadataKey, ShareGroupTargetAssignmentMetadataValue
        ),
        /// What a member of a share group shall have.
        ShareGroupTargetAssignmentMember(
            ShareGroupTargetAssignmentMemberKey, ShareGroupTargetAssignmentMemberValue
        ),
        /// What a member of a share group has.
        ShareGroupCurrentMemberAssignment(
            ShareGroupCurrentMemberAssignmentKey, ShareGroupCurrentMemberAssignmentValue
        ),
        /// The partitions that the share coordinator keeps for a share group.
        ShareGroupStatePartitionMetadata(
            ShareGroupStatePartitionMetadataKey, ShareGroupStatePartitionMetadataValue
        ),
        /// A streams group.
        StreamsGroupMetadata(StreamsGroupMetadataKey, StreamsGroupMetadataValue),
        /// A member of a streams group.
        StreamsGroupMemberMetadata(StreamsGroupMemberMetadataKey, StreamsGroupMemberMetadataValue),
        /// The target assignment of a streams group.
        StreamsGroupTargetAssignmentMetadata(
            StreamsGroupTargetAssignmentMetadataKey, StreamsGroupTargetAssignmentMetadataValue
        ),
        /// What a member of a streams group shall have.
        StreamsGroupTargetAssignmentMember(
            StreamsGroupTargetAssignmentMemberKey, StreamsGroupTargetAssignmentMemberValue
        ),
        /// What a member of a streams group has.
        StreamsGroupCurrentMemberAssignment(
            StreamsGroupCurrentMemberAssignmentKey, StreamsGroupCurrentMemberAssignmentValue
        ),
        /// The topology of a streams group.
        StreamsGroupTopology(StreamsGroupTopologyKey, StreamsGroupTopologyValue),
    }
    TransactionState {
        /// A transactional id.
        Transaction(TransactionLogKey, TransactionLogValue),
    }
    ShareGroupState {
        /// All that a share group knows of a partition.
        ShareSnapshot(ShareSnapshotKey, ShareSnapshotValue),
        /// What is new of a partition.
        ShareUpdate(ShareUpdateKey, ShareUpdateValue),
    }
}

impl CoordinatorTopic {
    /// The topic of this name, where it is one of them.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let all = [Self::ConsumerOffsets, Self::TransactionState, Self::ShareGroupState];
        all.into_iter().find(|topic| topic.name() == name)
    }

    /// As in `__consumer_offsets`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ConsumerOffsets => "__consumer_offsets",
            Self::TransactionState => "__transaction_state",
            Self::ShareGroupState => "__share_group_state",
        }
    }
}

impl CoordinatorRecordType {
    /// The type of the record with this key.
    ///
    /// # Errors
    /// Where the topic has no such type.
    pub fn of(topic: CoordinatorTopic, key: &Bytes) -> Result<&'static Self, DecodeError> {
        let number = prefix(&mut Reader::new(key)).map_err(|error| error.of(topic.name()))?;
        let mut types = TYPES.iter().filter(|known| known.topic == topic);
        let found = types.find(|known| known.key.key == number);
        found.ok_or_else(|| DecodeError::new(0, DecodeFault::RecordType(number)).of(topic.name()))
    }
}

impl CoordinatorRecord {
    /// Reads a record of `topic`.
    ///
    /// # Errors
    /// Where it is not one that Kafka 4.3 writes.
    pub fn decode(topic: CoordinatorTopic, key: Bytes, value: Option<Bytes>) -> Result<Self, DecodeError> {
        Self::decode_versioned(topic, key, value).map(|(record, _)| record)
    }

    /// Reads a record of `topic`; tells the version of its value too.
    ///
    /// # Errors
    /// As [`CoordinatorRecord::decode`].
    pub fn decode_versioned(
        topic: CoordinatorTopic,
        key: Bytes,
        value: Option<Bytes>,
    ) -> Result<(Self, Option<i16>), DecodeError> {
        let mut key = Reader::new(&key);
        let record_type = prefix(&mut key).map_err(|error| error.of(topic.name()))?;
        Self::read(topic, record_type, &mut key, value)
    }
}

fn read_key<M: Message>(reader: &mut Reader) -> Result<M, DecodeError> {
    let message = M::read(reader, KEY_VERSION)?;
    reader.finish().map_err(|error| error.of(M::NAME))?;
    Ok(message)
}

fn read_value<M: Message>(value: Bytes) -> Result<(M, i16), DecodeError> {
    let mut reader = Reader::new(&value);
    let version = prefix(&mut reader).map_err(|error| error.of(M::NAME))?;
    let message = M::read(&mut reader, version)?;
    reader.finish().map_err(|error| error.of(M::NAME))?;
    Ok((message, version))
}

fn prefix(reader: &mut Reader) -> Result<i16, DecodeError> {
    reader.array().map(i16::from_be_bytes)
}

fn prefixed<M: Message>(prefix: i16, message: &M, version: i16) -> Bytes {
    to_bytes(&(Prefix(prefix), message.in_version(version)))
}

/// The number in front of a key or value.
struct Prefix(i16);

impl Encode for Prefix {
    fn write<'m, S: Sink<'m>>(&'m self, sink: S) -> S {
        sink.put(self.0.to_be_bytes())
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeSet;
    use alloc::string::ToString;

    use bytes::Bytes;

    use super::{CoordinatorRecord, CoordinatorRecordType, CoordinatorTopic, TYPES};
    use crate::messages::REGISTRY;
    use crate::messages::offset_records::{OffsetCommitKey, OffsetCommitValue};
    use crate::{MessageKind, Str};

    fn commit() -> CoordinatorRecord {
        let key = OffsetCommitKey { group: Str::from("g"), topic: Str::from("t"), partition: 3, ..Default::default() };
        CoordinatorRecord::OffsetCommit(key, Some(OffsetCommitValue { offset: 7, ..Default::default() }))
    }

    #[test]
    fn a_key_is_the_type_and_its_fields_and_a_value_the_version_and_its_fields() {
        let (key, value) = (commit().encode_key(), commit().encode_value(3).expect("a value"));
        assert_eq!(key[..], [0, 1, 0, 1, b'g', 0, 1, b't', 0, 0, 0, 3]);
        assert_eq!(value[..10], [0, 3, 0, 0, 0, 0, 0, 0, 0, 7]);
        let again = CoordinatorRecord::decode_versioned(CoordinatorTopic::ConsumerOffsets, key, Some(value));
        assert_eq!(again, Ok((commit(), Some(3))));
    }

    #[test]
    fn a_record_without_a_value_removes_what_its_key_names() {
        let key = commit().encode_key();
        let removal = CoordinatorRecord::decode(CoordinatorTopic::ConsumerOffsets, key.clone(), None);
        assert!(matches!(&removal, Ok(CoordinatorRecord::OffsetCommit(_, None))), "{removal:?}");
        let removal = removal.expect("a removal");
        assert_eq!((removal.encode_key(), removal.encode_value(removal.latest_version())), (key, None));
    }

    #[test]
    fn every_topic_numbers_its_types_by_itself() {
        let type_0 = Bytes::from_static(&[0, 0]);
        let name = |topic| CoordinatorRecordType::of(topic, &type_0).map(|found| found.key.name);
        assert_eq!(name(CoordinatorTopic::ConsumerOffsets), Ok("LegacyOffsetCommitKey"));
        assert_eq!(name(CoordinatorTopic::TransactionState), Ok("TransactionLogKey"));
        assert_eq!(name(CoordinatorTopic::ShareGroupState), Ok("ShareSnapshotKey"));
    }

    #[test]
    fn every_coordinator_message_of_the_registry_has_its_place_and_pairs_are_of_one_type() {
        let mut here = BTreeSet::new();
        for known in TYPES {
            assert_eq!(known.key.kind, MessageKind::CoordinatorKey);
            assert_eq!(known.value.kind, MessageKind::CoordinatorValue);
            assert_eq!(known.key.key, known.value.key, "{}", known.key.name);
            assert_eq!(known.key.name.strip_suffix("Key"), known.value.name.strip_suffix("Value"));
            assert_eq!(known.key.versions, 0..=0, "{}", known.key.name);
            here.extend([known.key.name, known.value.name]);
        }
        let is_coordinators = |kind| matches!(kind, MessageKind::CoordinatorKey | MessageKind::CoordinatorValue);
        let registry = REGISTRY.iter().filter(|message| is_coordinators(message.kind)).map(|message| message.name);
        assert_eq!(here, registry.collect());
        assert_eq!(here.len(), 2 * TYPES.len());
    }

    #[test]
    fn what_is_not_a_record_of_kafka_is_refused_by_name_and_place() {
        let topic = CoordinatorTopic::ConsumerOffsets;
        let refusal = |key: &[u8], value: &[u8]| {
            let (key, value) = (Bytes::copy_from_slice(key), Bytes::copy_from_slice(value));
            CoordinatorRecord::decode(topic, key, Some(value)).expect_err("a refusal").to_string()
        };
        let key = commit().encode_key();
        assert_eq!(refusal(&[0], &[]), "__consumer_offsets at byte 0: need 2 bytes, have 1");
        assert_eq!(refusal(&[0, 99], &[]), "__consumer_offsets at byte 0: no record has type 99");
        assert_eq!(refusal(&key[..7], &[]), "OffsetCommitKey.topic at byte 7: need 1 bytes, have 0");
        assert_eq!(refusal(&key, &[0]), "OffsetCommitValue at byte 0: need 2 bytes, have 1");
        assert_eq!(refusal(&key, &[0, 9]), "OffsetCommitValue at byte 2: version 9 does not exist");
        let long = [&key[..], &[0]].concat();
        assert_eq!(refusal(&long, &[]), "OffsetCommitKey at byte 12: 1 bytes follow the message's end");
    }
}
