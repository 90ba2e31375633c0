//! From the bytes of the metadata log to the image: batches, transactions, offsets.

use alloc::string::String;
use alloc::vec::Vec;

use bytes::Bytes;
use thiserror::Error;

use super::apply::ApplyError;
use super::delta::Delta;
use super::features::KRAFT_VERSION;
use super::image::MetadataImage;
use crate::records::{
    Batch, BatchFault, BatchHeader, ControlError, ControlRecord, HeaderError, OutputLimit, Record, RecordError,
    records_of,
};
use crate::types::{LeaderEpoch, Offset};
use crate::wire::messages::metadata_records::FeatureLevelRecord;
use crate::wire::{DecodeError, MetadataRecord, Str};

/// Keeps the image up with the committed batches of the metadata log: those of earlier times at the start, then each new one.
#[derive(Clone, Debug)]
pub struct Loader {
    image: MetadataImage,
    delta: Delta,
    /// The records of a transaction that has no end yet.
    transaction: Option<Vec<MetadataRecord>>,
    has_records: bool,
    last_epoch: LeaderEpoch,
}

/// Why the metadata can't be loaded.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LoadError {
    /// The bytes are no batch.
    #[error("after offset {after}: {error}")]
    Header {
        /// The last offset that was read.
        after: Offset,
        /// What is wrong.
        error: HeaderError,
    },
    /// Bit rot.
    #[error("the batch at offset {0} does not have the checksum that it says")]
    Checksum(Offset),
    /// The records in a batch can't be told apart.
    #[error("the batch at offset {offset}: {error}")]
    Records {
        /// The batch's.
        offset: Offset,
        /// What is wrong.
        error: RecordError,
    },
    /// A record that Kafka 4.3 would not write.
    #[error("the record at offset {offset}: {error}")]
    Decode {
        /// The record's.
        offset: Offset,
        /// What is wrong; `None` where there is no value at all.
        error: DecodeError,
    },
    /// A record without a value.
    #[error("the record at offset {0} has no value")]
    Null(Offset),
    /// A record that contradicts those before it.
    #[error("the record at offset {offset}: {error}")]
    Apply {
        /// The record's.
        offset: Offset,
        /// What is wrong.
        error: ApplyError,
    },
    /// No log ever gets there.
    #[error("a batch says that it is at offset {0}")]
    Offset(Offset),
    /// Records are missing.
    #[error("the records from offset {expected} to {found} are missing")]
    Gap {
        /// The offset after the last record.
        expected: Offset,
        /// The next batch's.
        found: Offset,
    },
    /// A transaction in a transaction, or an end of none.
    #[error("the {record} at offset {offset} has no place there")]
    Transaction {
        /// The record's type.
        record: &'static str,
        /// The record's.
        offset: Offset,
    },
    /// More records between begin and end than the limit.
    #[error("the transaction at offset {0} has more than {TRANSACTION_MAX_RECORDS} records")]
    TransactionSize(Offset),
    /// The end of a snapshot is missing.
    #[error("it has no end: it was cut off")]
    Cut,
}

/// A transaction is held in memory until its end.
const TRANSACTION_MAX_RECORDS: usize = 1 << 20;
/// Offsets stay so far below the highest number that nobody has to look for an overflow.
const OFFSET_LIMIT: i64 = 1 << 62;
/// Kafka writes the metadata log uncompressed; a compressed batch is read all the same.
const DECOMPRESSED_MAX_BYTES: usize = 64 << 20;

impl Loader {
    /// Knows nothing yet but the cluster's id.
    #[must_use]
    pub fn new(cluster_id: String) -> Self {
        Self {
            image: MetadataImage { cluster_id, ..MetadataImage::default() },
            delta: Delta::default(),
            transaction: None,
            has_records: false,
            last_epoch: LeaderEpoch::NONE,
        }
    }

    /// The state that the records so far add up to.
    #[must_use]
    pub fn image(&self) -> &MetadataImage {
        &self.image
    }

    /// What changed since the last time; nothing of it remains here.
    pub fn take_delta(&mut self) -> Delta {
        core::mem::take(&mut self.delta)
    }

    /// The epoch of the last batch.
    #[must_use]
    pub fn last_epoch(&self) -> LeaderEpoch {
        self.last_epoch
    }

    /// Whether a transaction has begun and not ended.
    #[must_use]
    pub fn is_in_transaction(&self) -> bool {
        self.transaction.is_some()
    }

    /// Whether any record of the metadata counts. A log without one has not begun, though its leader may have said who it is.
    #[must_use]
    pub fn has_records(&self) -> bool {
        self.has_records
    }

    /// The version of the quorum's protocol: in 0 the voters are those of the configuration, in 1 they are in the log.
    #[must_use]
    pub fn kraft_version(&self) -> i16 {
        self.image.kraft_version()
    }

    /// Applies the batches at the front of `bytes`, in order, and says how many bytes they were. A batch that is not
    /// there to its end is left; batches that were applied before are passed over.
    ///
    /// # Errors
    /// Where the log is damaged. What was applied until then stays.
    pub fn apply_batches(&mut self, bytes: &Bytes) -> Result<usize, LoadError> {
        let mut at = 0;
        while let Some((header, batch)) = next_batch(bytes, at, self.image.end_offset)? {
            at += batch.len();
            self.apply_batch(&header, &batch)?;
        }
        Ok(at)
    }

    /// Loads a snapshot that ends before `end_offset`, and holds what the log was up to there.
    ///
    /// # Errors
    /// Where it is damaged or cut.
    ///
    /// # Panics
    /// Where records were applied before.
    pub fn load_snapshot(&mut self, bytes: &Bytes, end_offset: Offset, epoch: LeaderEpoch) -> Result<(), LoadError> {
        assert_eq!(self.image.end_offset, Offset(0), "a snapshot is loaded first");
        // A snapshot's own offsets count its records; they are not the log's.
        for_each_in_snapshot(bytes, |item| {
            match item {
                Item::Control(record) => self.control(&record)?,
                Item::Data(offset, record) => self.take(offset, record)?,
            }
            Ok(())
        })?;
        self.image.end_offset = end_offset;
        self.last_epoch = epoch;
        Ok(())
    }

    fn apply_batch(&mut self, header: &BatchHeader, batch: &Bytes) -> Result<(), LoadError> {
        let expected = self.image.end_offset;
        // The checksum does not cover offsets.
        if !(0..OFFSET_LIMIT).contains(&header.base_offset.0) {
            return Err(LoadError::Offset(header.base_offset));
        }
        // A log may begin anywhere, but from then on nothing is missing.
        if header.base_offset > expected && expected > Offset(0) {
            return Err(LoadError::Gap { expected, found: header.base_offset });
        }
        for item in items(header, batch)? {
            match item? {
                Item::Data(offset, record) if offset >= expected => self.take(offset, record)?,
                Item::Control(record) if record.offset >= expected => self.control(&record)?,
                _ => {}
            }
        }
        self.image.end_offset = expected.max(header.next_offset());
        self.last_epoch = self.last_epoch.max(header.partition_leader_epoch);
        Ok(())
    }

    fn control(&mut self, record: &Record) -> Result<(), LoadError> {
        match decode_control(record)? {
            Some(ControlRecord::KraftVersion(version)) => {
                // Its level is not in the metadata's records, but it is told with the others.
                let level = FeatureLevelRecord {
                    name: Str::from_static(KRAFT_VERSION),
                    feature_level: version.k_raft_version,
                    ..Default::default()
                };
                self.apply(record.offset, &level.into())?;
            }
            Some(ControlRecord::KraftVoters(voters)) => self.image.set_voters(&voters),
            _ => {}
        }
        Ok(())
    }

    /// Applies a record, or keeps it until its transaction ends.
    fn take(&mut self, offset: Offset, record: MetadataRecord) -> Result<(), LoadError> {
        let misplaced = LoadError::Transaction { record: record.name(), offset };
        match (&record, &mut self.transaction) {
            (MetadataRecord::BeginTransaction(_), none @ None) => *none = Some(Vec::new()),
            (MetadataRecord::EndTransaction(_), transaction @ Some(_)) => {
                for record in transaction.take().unwrap_or_default() {
                    self.apply(offset, &record)?;
                    self.has_records = true;
                }
            }
            (MetadataRecord::AbortTransaction(_), transaction @ Some(_)) => *transaction = None,
            (MetadataRecord::BeginTransaction(_), Some(_))
            | (MetadataRecord::EndTransaction(_) | MetadataRecord::AbortTransaction(_), None) => return Err(misplaced),
            (_, Some(records)) => {
                if records.len() == TRANSACTION_MAX_RECORDS {
                    return Err(LoadError::TransactionSize(offset));
                }
                records.push(record);
            }
            (_, None) => {
                self.apply(offset, &record)?;
                self.has_records = true;
            }
        }
        Ok(())
    }

    fn apply(&mut self, offset: Offset, record: &MetadataRecord) -> Result<(), LoadError> {
        self.image.apply(record, &mut self.delta).map_err(|error| LoadError::Apply { offset, error })
    }
}

/// The metadata records of a snapshot, in order.
///
/// # Errors
/// Where it is damaged or cut.
pub fn snapshot_records(bytes: &Bytes) -> Result<Vec<MetadataRecord>, LoadError> {
    let mut records = Vec::new();
    for_each_in_snapshot(bytes, |item| {
        if let Item::Data(_, record) = item {
            records.push(record);
        }
        Ok(())
    })?;
    Ok(records)
}

enum Item {
    Control(Record),
    Data(Offset, MetadataRecord),
}

fn for_each_in_snapshot(bytes: &Bytes, mut each: impl FnMut(Item) -> Result<(), LoadError>) -> Result<(), LoadError> {
    let mut at = 0;
    let mut last = Offset(-1);
    let mut is_complete = false;
    while let Some((header, batch)) = next_batch(bytes, at, last)? {
        at += batch.len();
        last = header.last_offset();
        for item in items(&header, &batch)? {
            let item = item?;
            if let Item::Control(record) = &item {
                is_complete = matches!(decode_control(record)?, Some(ControlRecord::SnapshotFooter(_)));
            }
            each(item)?;
        }
    }
    if is_complete && at == bytes.len() { Ok(()) } else { Err(LoadError::Cut) }
}

/// The batch at `at`, if all of it is there.
fn next_batch(bytes: &Bytes, at: usize, after: Offset) -> Result<Option<(BatchHeader, Bytes)>, LoadError> {
    let batch = match Batch::parse(&bytes[at..]) {
        Ok(batch) => batch,
        Err(BatchFault::Header(error)) if !matches!(error, HeaderError::Short(_)) => {
            return Err(LoadError::Header { after, error });
        }
        Err(_) => return Ok(None),
    };
    let header = *batch.header();
    batch.verify().map_err(|_| LoadError::Checksum(header.base_offset))?;
    Ok(Some((header, bytes.slice_ref(batch.bytes()))))
}

fn items(
    header: &BatchHeader,
    batch: &Bytes,
) -> Result<impl Iterator<Item = Result<Item, LoadError>> + use<>, LoadError> {
    let offset = header.base_offset;
    let is_control = header.attributes.is_control();
    let records = records_of(batch, OutputLimit::of_bytes(DECOMPRESSED_MAX_BYTES))
        .map_err(|error| LoadError::Records { offset, error })?;
    Ok(records.map(move |record| {
        let record = record.map_err(|error| LoadError::Records { offset, error })?;
        if is_control {
            return Ok(Item::Control(record));
        }
        let offset = record.offset;
        let value = record.value.ok_or(LoadError::Null(offset))?;
        let record = MetadataRecord::decode(value).map_err(|error| LoadError::Decode { offset, error })?;
        Ok(Item::Data(offset, record))
    }))
}

/// A control record; `None` where it is of a type that we don't know.
fn decode_control(record: &Record) -> Result<Option<ControlRecord>, LoadError> {
    match ControlRecord::decode(record.key.as_deref(), record.value.as_deref()) {
        Ok(record) => Ok(Some(record)),
        Err(ControlError::Value(error)) => Err(LoadError::Decode { offset: record.offset, error }),
        Err(_) => Ok(None),
    }
}
