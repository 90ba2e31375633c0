//! The value of a record in `__cluster_metadata`: a frame version, the type, the version, and the fields.

use bytes::Bytes;

use super::error::{DecodeError, DecodeFault};
use super::field::Message;
use super::messages::metadata_records::*;
use super::reader::Reader;
use super::sink::{Encode, Sink, to_bytes};

/// The only frame version that Kafka ever wrote.
const FRAME_VERSION: u32 = 1;

macro_rules! metadata_records {
    ($($name:ident($record:ident),)*) => {
        /// A record of `__cluster_metadata`.
        #[derive(Clone, Debug, PartialEq)]
        #[allow(missing_docs)]
        pub enum MetadataRecord {
            $( $name($record), )*
        }

        impl MetadataRecord {
            fn read(reader: &mut Reader, key: i16, version: i16) -> Result<Self, DecodeError> {
                match key {
                    $( $record::KEY => $record::read(reader, version).map(Self::$name), )*
                    _ => Err(reader.fault(DecodeFault::RecordType(key)).of("MetadataRecord")),
                }
            }

            fn write<'m, S: Sink<'m>>(&'m self, sink: S, version: i16) -> S {
                match self {
                    $( Self::$name(record) => record.write(sink, version), )*
                }
            }

            /// As in Kafka's documentation: `PartitionRecord`.
            #[must_use]
            pub fn name(&self) -> &'static str {
                match self {
                    $( Self::$name(_) => $record::NAME, )*
                }
            }

            /// The number of the record's type.
            #[must_use]
            pub fn key(&self) -> i16 {
                match self {
                    $( Self::$name(_) => $record::KEY, )*
                }
            }

            /// The newest version of the record's type.
            #[must_use]
            pub fn latest_version(&self) -> i16 {
                match self {
                    $( Self::$name(_) => *$record::VERSIONS.end(), )*
                }
            }
        }

        $(
            impl From<$record> for MetadataRecord {
                fn from(record: $record) -> Self {
                    Self::$name(record)
                }
            }
        )*
    };
}

metadata_records! {
    RegisterBroker(RegisterBrokerRecord),
    UnregisterBroker(UnregisterBrokerRecord),
    Topic(TopicRecord),
    Partition(PartitionRecord),
    Config(ConfigRecord),
    PartitionChange(PartitionChangeRecord),
    FenceBroker(FenceBrokerRecord),
    UnfenceBroker(UnfenceBrokerRecord),
    RemoveTopic(RemoveTopicRecord),
    DelegationToken(DelegationTokenRecord),
    UserScramCredential(UserScramCredentialRecord),
    FeatureLevel(FeatureLevelRecord),
    ClientQuota(ClientQuotaRecord),
    ProducerIds(ProducerIdsRecord),
    BrokerRegistrationChange(BrokerRegistrationChangeRecord),
    AccessControlEntry(AccessControlEntryRecord),
    RemoveAccessControlEntry(RemoveAccessControlEntryRecord),
    NoOp(NoOpRecord),
    ZkMigrationState(ZkMigrationStateRecord),
    RemoveUserScramCredential(RemoveUserScramCredentialRecord),
    BeginTransaction(BeginTransactionRecord),
    EndTransaction(EndTransactionRecord),
    AbortTransaction(AbortTransactionRecord),
    RemoveDelegationToken(RemoveDelegationTokenRecord),
    RegisterController(RegisterControllerRecord),
    ClearElr(ClearElrRecord),
}

impl MetadataRecord {
    /// Reads a record's value.
    ///
    /// # Errors
    /// Where it is not one that Kafka 4.3 writes.
    pub fn decode(value: Bytes) -> Result<Self, DecodeError> {
        Self::decode_versioned(value).map(|(record, _)| record)
    }

    /// Reads a record's value; tells its version too.
    ///
    /// # Errors
    /// As [`MetadataRecord::decode`].
    pub fn decode_versioned(value: Bytes) -> Result<(Self, i16), DecodeError> {
        let mut reader = Reader::new(&value);
        let (key, version) = read_prefix(&mut reader).map_err(|error| error.of("MetadataRecord"))?;
        let record = Self::read(&mut reader, key, version)?;
        reader.finish().map_err(|error| error.of(record.name()))?;
        Ok((record, version))
    }

    /// The record's value in `version` of its type.
    #[must_use]
    pub fn encode(&self, version: i16) -> Bytes {
        to_bytes(&RecordValue { record: self, version })
    }
}

struct RecordValue<'a> {
    record: &'a MetadataRecord,
    version: i16,
}

impl Encode for RecordValue<'_> {
    fn write<'m, S: Sink<'m>>(&'m self, sink: S) -> S {
        let sink = sink
            .put_uvarint(FRAME_VERSION)
            .put_uvarint(u32::from(self.record.key().cast_unsigned()))
            .put_uvarint(u32::from(self.version.cast_unsigned()));
        self.record.write(sink, self.version)
    }
}

fn read_prefix(reader: &mut Reader) -> Result<(i16, i16), DecodeError> {
    let at = reader.at();
    let frame_version = reader.uvarint()?;
    if frame_version != FRAME_VERSION {
        return Err(DecodeError::new(at, DecodeFault::FrameVersion(frame_version)));
    }
    Ok((read_number(reader)?, read_number(reader)?))
}

/// Types and versions are varints, but 16 bits are all that they can have.
fn read_number(reader: &mut Reader) -> Result<i16, DecodeError> {
    let at = reader.at();
    let number = reader.uvarint()?;
    i16::try_from(number).map_err(|_| DecodeError::new(at, DecodeFault::TooLarge(number)))
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use bytes::Bytes;

    use super::MetadataRecord;
    use crate::messages::metadata_records::TopicRecord;
    use crate::{Message, MessageKind, Str, Uuid, messages::REGISTRY};

    fn topic() -> MetadataRecord {
        TopicRecord { name: Str::from("foo"), topic_id: Uuid(1), ..Default::default() }.into()
    }

    #[test]
    fn a_value_is_frame_version_type_version_and_the_fields() {
        let value = topic().encode(0);
        assert_eq!(value[..3], [1, 2, 0]);
        assert_eq!(
            value[3..],
            TopicRecord { name: Str::from("foo"), topic_id: Uuid(1), ..Default::default() }.to_bytes(0)
        );
        assert_eq!(MetadataRecord::decode_versioned(value), Ok((topic(), 0)));
    }

    #[test]
    fn every_metadata_record_of_the_registry_has_its_variant() {
        for message in REGISTRY.iter().filter(|message| message.kind == MessageKind::Metadata) {
            let error = MetadataRecord::decode(Bytes::copy_from_slice(&[1, message.key as u8, 99]));
            assert_eq!(
                error.unwrap_err().to_string(),
                alloc::format!("{} at byte 3: version 99 does not exist", message.name)
            );
        }
    }

    #[test]
    fn what_is_not_a_record_of_kafka_is_refused_by_name_and_place() {
        let error = |bytes: &[u8]| MetadataRecord::decode(Bytes::copy_from_slice(bytes)).unwrap_err().to_string();
        assert_eq!(error(&[]), "MetadataRecord at byte 0: need 1 bytes, have 0");
        assert_eq!(error(&[2, 2, 0]), "MetadataRecord at byte 0: frame version 2, where only 1 exists");
        assert_eq!(error(&[1, 6, 0]), "MetadataRecord at byte 3: no record has type 6");
        assert_eq!(error(&[1, 0xff, 0xff, 0x7f, 0]), "MetadataRecord at byte 1: 2097151 is more than 16 bits");
        assert_eq!(error(&[1, 2, 0, 4, b'f']), "TopicRecord.name at byte 4: need 3 bytes, have 1");
        let mut long = topic().encode(0).to_vec();
        long.push(0);
        assert_eq!(error(&long), "TopicRecord at byte 24: 1 bytes follow the message's end");
    }
}
