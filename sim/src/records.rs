//! Record batches as clients make and read them. This is deliberately not the broker's code: the two must agree on the
//! bytes without sharing a mistake.
//!
//! Each record's value says who made it and which of its records it is, so that every record is known by its content. With
//! keys, a record's key follows from which it is as well, and some records are tombstones: a header says whose those are.

use std::fmt;

use bytes::Bytes;

/// A batch's bytes before its records.
const HEADER_SIZE_BYTES: usize = 61;
/// Of these, the bytes that the length field does not count.
const BEFORE_LENGTH_BYTES: usize = 12;
/// The checksum covers everything from here on.
const CHECKED_FROM: usize = 21;
const CHECKSUM_AT: usize = 17;
const ATTRIBUTES_AT: usize = 21;
const TRANSACTIONAL: i16 = 1 << 4;
const CONTROL: i16 = 1 << 5;
/// The least that a value needs to say whose it is.
const VALUE_MIN_BYTES: usize = 8;
/// A tombstone has no value to say whose it is.
const TOMBSTONE_HEADER: &[u8] = b"id";
/// Values are filled with bytes that come again after so many.
const FILLER_PERIOD_BYTES: usize = 256;
const FILLER: [u8; 2 * FILLER_PERIOD_BYTES] = {
    let mut bytes = [0; 2 * FILLER_PERIOD_BYTES];
    let mut at = 0;
    while at < bytes.len() {
        bytes[at] = at as u8 | 1;
        at += 1;
    }
    bytes
};

/// A record, known by its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecordId {
    /// Who made it.
    pub client: u16,
    /// Which of theirs.
    pub number: u32,
}

/// How many keys the records of a world have; 0 is none at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keys(pub u8);

impl Keys {
    /// The key of a record.
    #[must_use]
    pub fn of(self, record: RecordId) -> Option<u8> {
        (self.0 > 0).then(|| (mixed(record) >> 16) as u8 % self.0)
    }

    /// Whether a record says that there is nothing under its key.
    #[must_use]
    pub fn is_tombstone(self, record: RecordId) -> bool {
        self.0 > 0 && mixed(record).is_multiple_of(4)
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "record {}/{}", self.client, self.number)
    }
}

/// An idempotent producer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Identity {
    /// Of its answer to InitProducerId.
    pub producer_id: i64,
    /// Likewise.
    pub epoch: i16,
}

/// What a producer puts into one batch.
#[derive(Clone, Debug)]
pub struct NewBatch<'a> {
    /// Whose.
    pub identity: Option<Identity>,
    /// Of its first record; -1 without an identity.
    pub base_sequence: i32,
    /// Of all its records.
    pub timestamp_ms: i64,
    /// In order.
    pub records: &'a [RecordId],
    /// Bytes of each value, at most.
    pub value_max_bytes: u64,
    /// Of its records.
    pub keys: Keys,
}

impl NewBatch<'_> {
    /// The batch as it goes into a Produce request.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        self.encode_as(0)
    }

    /// The same, of its producer's transaction.
    #[must_use]
    pub fn encode_transactional(&self) -> Bytes {
        self.encode_as(TRANSACTIONAL)
    }

    fn encode_as(&self, attributes: i16) -> Bytes {
        let mut batch = Vec::new();
        let count = i32::try_from(self.records.len()).expect("small batches");
        batch.extend_from_slice(&0i64.to_be_bytes());
        batch.extend_from_slice(&[0; 4]);
        batch.extend_from_slice(&(-1i32).to_be_bytes());
        batch.push(2);
        batch.extend_from_slice(&[0; 4]);
        batch.extend_from_slice(&attributes.to_be_bytes());
        batch.extend_from_slice(&(count - 1).to_be_bytes());
        batch.extend_from_slice(&self.timestamp_ms.to_be_bytes());
        batch.extend_from_slice(&self.timestamp_ms.to_be_bytes());
        let identity = self.identity.unwrap_or(Identity { producer_id: -1, epoch: -1 });
        batch.extend_from_slice(&identity.producer_id.to_be_bytes());
        batch.extend_from_slice(&identity.epoch.to_be_bytes());
        batch.extend_from_slice(&self.base_sequence.to_be_bytes());
        batch.extend_from_slice(&count.to_be_bytes());
        for (index, record) in self.records.iter().enumerate() {
            put_record(&mut batch, index, *record, self.value_max_bytes, self.keys);
        }
        let length = i32::try_from(batch.len() - BEFORE_LENGTH_BYTES).expect("small batches");
        batch[8..12].copy_from_slice(&length.to_be_bytes());
        let checksum = crc32c::crc32c(&batch[CHECKED_FROM..]);
        batch[CHECKSUM_AT..CHECKED_FROM].copy_from_slice(&checksum.to_be_bytes());
        batch.into()
    }
}

/// A batch as a consumer reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Of its first record.
    pub base_offset: i64,
    /// Under which leader it was written.
    pub leader_epoch: i32,
    /// Whose.
    pub identity: Option<Identity>,
    /// Of its first record.
    pub base_sequence: i32,
    /// Of its records.
    pub timestamp_ms: i64,
    /// The offset after those that it has, or had before it was compacted.
    pub end_offset: i64,
    /// With their offsets, which rise.
    pub records: Vec<(i64, RecordId)>,
    /// Of all of it.
    pub size_bytes: u64,
    /// Whether it has to do with transactions.
    pub kind: Kind,
}

/// What a batch has to do with transactions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// Nothing.
    #[default]
    Plain,
    /// Its records are of its producer's transaction.
    Transactional,
    /// It has no records, and says that the transaction is committed.
    Commit,
    /// It has no records, and says that the transaction is aborted.
    Abort,
}

impl Batch {
    /// Whether each of its offsets has a record.
    #[must_use]
    pub fn is_dense(&self) -> bool {
        self.records.len() as i64 == self.end_offset - self.base_offset
    }
}

/// The whole batches of a record set; a last one that was cut is left out.
///
/// # Errors
/// What is wrong with a batch.
pub fn read_batches(mut bytes: &[u8]) -> Result<Vec<Batch>, String> {
    let mut batches = Vec::new();
    while bytes.len() >= BEFORE_LENGTH_BYTES {
        let length = i32::from_be_bytes(array(bytes, 8));
        let size = usize::try_from(length).map_err(|_| format!("a batch of {length} bytes"))? + BEFORE_LENGTH_BYTES;
        if size < HEADER_SIZE_BYTES {
            return Err(format!("a batch of {size} bytes"));
        }
        let Some(batch) = bytes.get(..size) else { break };
        batches.push(read_batch(batch)?);
        bytes = &bytes[size..];
    }
    Ok(batches)
}

fn read_batch(batch: &[u8]) -> Result<Batch, String> {
    let base_offset = i64::from_be_bytes(array(batch, 0));
    let wrong = |what: &str| format!("the batch at offset {base_offset} {what}");
    if batch[16] != 2 {
        return Err(wrong("is not of magic 2"));
    }
    if u32::from_be_bytes(array(batch, CHECKSUM_AT)) != crc32c::crc32c(&batch[CHECKED_FROM..]) {
        return Err(wrong("does not match its CRC"));
    }
    let count = i32::from_be_bytes(array(batch, 57));
    let last_offset_delta = i32::from_be_bytes(array(batch, 23));
    if last_offset_delta < count - 1 {
        return Err(wrong("has more records than offsets"));
    }
    let mut reader = Varints { bytes: &batch[HEADER_SIZE_BYTES..] };
    let attributes = i16::from_be_bytes(array(batch, ATTRIBUTES_AT));
    let kind = match (attributes & CONTROL != 0, attributes & TRANSACTIONAL != 0) {
        (true, _) => reader.marker().filter(|_| count == 1).ok_or_else(|| wrong("is no marker"))?,
        (false, true) => Kind::Transactional,
        (false, false) => Kind::Plain,
    };
    let count = if attributes & CONTROL != 0 { 0 } else { count };
    let mut records: Vec<(i64, RecordId)> = Vec::new();
    for index in 0..count {
        let (delta, record) = reader.record().ok_or_else(|| wrong(&format!("is wrong at its record {index}")))?;
        let offset = base_offset + delta;
        let rises = delta <= i64::from(last_offset_delta) && records.last().is_none_or(|(last, _)| *last < offset);
        if !rises || delta < 0 {
            return Err(wrong(&format!("has a record at {offset}, where none can be")));
        }
        records.push((offset, record));
    }
    if !reader.bytes.is_empty() {
        return Err(wrong("has bytes behind its records"));
    }
    let identity =
        Identity { producer_id: i64::from_be_bytes(array(batch, 43)), epoch: i16::from_be_bytes(array(batch, 51)) };
    Ok(Batch {
        base_offset,
        leader_epoch: i32::from_be_bytes(array(batch, 12)),
        identity: (identity.producer_id >= 0).then_some(identity),
        base_sequence: i32::from_be_bytes(array(batch, 53)),
        timestamp_ms: i64::from_be_bytes(array(batch, 27)),
        end_offset: base_offset + i64::from(last_offset_delta) + 1,
        records,
        size_bytes: batch.len() as u64,
        kind,
    })
}

/// A value of a length and content that follow from the record, so that any other is found out.
fn value(record: RecordId, max_bytes: u64) -> Vec<u8> {
    let filler = usize::try_from(mixed(record) % max_bytes.max(1)).expect("below a small limit");
    let mut value = identification(record);
    let mut left = filler;
    while left > 0 {
        let size = left.min(FILLER_PERIOD_BYTES);
        value.extend_from_slice(&filler_of(record)[..size]);
        left -= size;
    }
    value
}

fn mixed(record: RecordId) -> u64 {
    (u64::from(record.client) << 32 | u64::from(record.number)).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32
}

/// What says which record it is.
fn identification(record: RecordId) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(VALUE_MIN_BYTES);
    bytes.extend_from_slice(&record.client.to_be_bytes());
    bytes.extend_from_slice(&record.number.to_be_bytes());
    bytes.extend_from_slice(&checksum_of(record).to_be_bytes());
    bytes
}

fn read_value(value: &[u8]) -> Option<RecordId> {
    if value.len() < VALUE_MIN_BYTES {
        return None;
    }
    let record = RecordId { client: u16::from_be_bytes(array(value, 0)), number: u32::from_be_bytes(array(value, 2)) };
    let filler = &value[VALUE_MIN_BYTES..];
    let is_as_made = u16::from_be_bytes(array(value, 6)) == checksum_of(record)
        && filler.chunks(FILLER_PERIOD_BYTES).all(|chunk| *chunk == filler_of(record)[..chunk.len()]);
    is_as_made.then_some(record)
}

fn checksum_of(record: RecordId) -> u16 {
    let mixed = (record.number ^ u32::from(record.client).rotate_left(16)).wrapping_mul(0x85eb_ca6b);
    (mixed >> 16) as u16
}

/// What fills a record's value, again and again: odd bytes that follow from the record.
fn filler_of(record: RecordId) -> &'static [u8; FILLER_PERIOD_BYTES] {
    let from = record.number as usize % FILLER_PERIOD_BYTES;
    FILLER[from..].first_chunk().expect("twice the period")
}

fn put_record(batch: &mut Vec<u8>, index: usize, id: RecordId, value_max_bytes: u64, keys: Keys) {
    let mut record = vec![0];
    put_varint(&mut record, 0);
    put_varint(&mut record, index as i64);
    match keys.of(id) {
        // The key says how many there are, so that a reader knows which one is right.
        Some(key) => put_bytes(&mut record, &[keys.0, key]),
        None => put_varint(&mut record, -1),
    }
    if keys.is_tombstone(id) {
        put_varint(&mut record, -1);
        put_varint(&mut record, 1);
        put_bytes(&mut record, TOMBSTONE_HEADER);
        put_bytes(&mut record, &identification(id));
    } else {
        put_bytes(&mut record, &value(id, value_max_bytes));
        put_varint(&mut record, 0);
    }
    put_bytes(batch, &record);
}

fn put_bytes(to: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(to, bytes.len() as i64);
    to.extend_from_slice(bytes);
}

fn put_varint(bytes: &mut Vec<u8>, value: i64) {
    let mut zigzag = ((value << 1) ^ (value >> 63)) as u64;
    while zigzag >= 0x80 {
        bytes.push((zigzag & 0x7f) as u8 | 0x80);
        zigzag >>= 7;
    }
    bytes.push(zigzag as u8);
}

struct Varints<'a> {
    bytes: &'a [u8],
}

impl<'a> Varints<'a> {
    fn next(&mut self) -> Option<i64> {
        let mut zigzag = 0u64;
        for shift in (0..64).step_by(7) {
            let [byte] = self.take(1)?.try_into().ok()?;
            zigzag |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some((zigzag >> 1) as i64 ^ -((zigzag & 1) as i64));
            }
        }
        None
    }

    fn take(&mut self, size: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.bytes.split_at_checked(size)?;
        self.bytes = rest;
        Some(taken)
    }

    /// A record as our producers make them, and its offset delta.
    fn record(&mut self) -> Option<(i64, RecordId)> {
        let mut record = Varints { bytes: self.bytes()?? };
        if record.take(1)? != [0] {
            return None;
        }
        // Its time: where a compaction put a delete horizon into the header, times are relative to that.
        record.next()?;
        let delta = record.next()?;
        let key = record.bytes()?;
        let value = record.bytes()?;
        let id = match (record.next()?, value) {
            (0, Some(value)) => read_value(value)?,
            (1, None) if record.bytes()?? == TOMBSTONE_HEADER => read_value(record.bytes()??)?,
            _ => return None,
        };
        let keys = Keys(key.map_or(0, |key| key[0]));
        let has_its_key = key.is_none_or(|key| keys.of(id).is_some_and(|own| *key == [keys.0, own]));
        let is_its_kind = keys.is_tombstone(id) == value.is_none();
        (has_its_key && is_its_kind && record.bytes.is_empty()).then_some((delta, id))
    }

    /// The one record of a control batch: its key has a version and a type.
    fn marker(&mut self) -> Option<Kind> {
        let mut record = Varints { bytes: self.bytes()?? };
        record.take(1)?;
        record.next()?;
        record.next()?;
        match record.bytes()?? {
            [0, 0, 0, 0] => Some(Kind::Abort),
            [0, 0, 0, 1] => Some(Kind::Commit),
            _ => None,
        }
    }

    /// Bytes with their length before them; `None` within stands for null.
    #[allow(clippy::option_option)]
    fn bytes(&mut self) -> Option<Option<&'a [u8]>> {
        match self.next()? {
            -1 => Some(None),
            size => self.take(usize::try_from(size).ok()?).map(Some),
        }
    }
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes[at..at + N].try_into().expect("the range has that length")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(count: u32) -> Vec<RecordId> {
        (0..count).map(|number| RecordId { client: 3, number: 1_000 + number }).collect()
    }

    fn batch(records: &[RecordId]) -> Bytes {
        batch_with(Keys::default(), records)
    }

    fn batch_with(keys: Keys, records: &[RecordId]) -> Bytes {
        let identity = Some(Identity { producer_id: 9, epoch: 1 });
        NewBatch { identity, base_sequence: 5, timestamp_ms: 77, records, value_max_bytes: 300, keys }.encode()
    }

    #[test]
    fn what_a_producer_makes_a_consumer_reads() {
        let mut bytes = batch(&ids(20)).to_vec();
        bytes[..8].copy_from_slice(&42i64.to_be_bytes());
        bytes[12..16].copy_from_slice(&6i32.to_be_bytes());
        let first = Batch {
            base_offset: 42,
            leader_epoch: 6,
            identity: Some(Identity { producer_id: 9, epoch: 1 }),
            base_sequence: 5,
            timestamp_ms: 77,
            end_offset: 62,
            records: (42..).zip(ids(20)).collect(),
            size_bytes: bytes.len() as u64,
            kind: Kind::Plain,
        };
        assert!(first.is_dense());
        assert_eq!(read_batches(&bytes), Ok(vec![first.clone()]));
        bytes.extend_from_slice(&batch(&ids(1))[..30]);
        assert_eq!(read_batches(&bytes), Ok(vec![first]), "the batch that was cut does not count");
    }

    #[test]
    fn keys_and_tombstones_follow_from_the_record() {
        let keys = Keys(3);
        let bytes = batch_with(keys, &ids(40));
        let batches = read_batches(&bytes).unwrap();
        assert_eq!(batches[0].records, (0..).zip(ids(40)).collect::<Vec<_>>());
        let tombstones = ids(40).into_iter().filter(|id| keys.is_tombstone(*id)).count();
        assert!((5..20).contains(&tombstones), "{tombstones} of 40");
        assert!((0..3).all(|key| ids(40).into_iter().any(|id| keys.of(id) == Some(key))));
    }

    #[test]
    fn every_flipped_bit_behind_the_length_is_found() {
        let bytes = batch(&ids(2));
        for bit in 16 * 8..bytes.len() * 8 {
            let mut flipped = bytes.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(read_batches(&flipped).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn a_value_that_is_not_its_records_own_is_found_even_with_a_good_crc() {
        let mut bytes = batch(&ids(1)).to_vec();
        *bytes.iter_mut().rev().nth(1).unwrap() ^= 2;
        let checksum = crc32c::crc32c(&bytes[CHECKED_FROM..]);
        bytes[CHECKSUM_AT..CHECKED_FROM].copy_from_slice(&checksum.to_be_bytes());
        assert!(read_batches(&bytes).unwrap_err().contains("record 0"));
    }
}
