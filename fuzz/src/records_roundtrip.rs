//! Any records in a batch of any kind: what is built reads back as it went in, and built anew of that is the same bytes.

use arbitrary::{Result, Unstructured};
use bytes::Bytes;
use ottla_core::records::{
    Batch, BatchBuilder, BuilderRecord, Compression, OutputLimit, RecordRef, TimestampType, records_of,
};
use ottla_core::types::{LeaderEpoch, Offset, ProducerEpoch, ProducerId};

use crate::records::codec_of;

/// Takes `data` for a batch's parameters and records.
pub fn records_roundtrip(data: &[u8]) {
    // Input that runs dry ends the batch, nothing more.
    let _ = run(&mut Unstructured::new(data));
}

struct Model {
    base_offset: Offset,
    append_time: Option<i64>,
    codec: Compression,
    level: Option<i32>,
    records: Vec<ModelRecord>,
}

struct ModelRecord {
    offset: Offset,
    timestamp: i64,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Vec<(String, Option<Vec<u8>>)>,
}

fn run(source: &mut Unstructured<'_>) -> Result<()> {
    let mut model = Model {
        base_offset: Offset(source.int_in_range(0..=i64::MAX - i64::from(i32::MAX) - 1)?),
        append_time: source.arbitrary()?,
        codec: codec_of(source.arbitrary()?),
        level: source.arbitrary()?,
        records: Vec::new(),
    };
    let mut builder = model.builder(source)?;
    let mut next = model.base_offset.0;
    for _ in 0..source.int_in_range(0..=20)? {
        next += if source.ratio(1, 4)? { source.int_in_range(0..=1_000)? } else { 0 };
        let record = ModelRecord::random(source, Offset(next))?;
        next += 1;
        record.push(&mut builder);
        model.records.push(record);
    }
    let last_offset = Offset(next - 1 + source.int_in_range(0..=3)?);
    if source.arbitrary()? && !model.records.is_empty() {
        builder = builder.last_offset(last_offset).expect("it is behind all records");
    }
    model.check(&builder.build());
    Ok(())
}

impl Model {
    fn builder(&self, source: &mut Unstructured<'_>) -> Result<BatchBuilder> {
        let mut builder = BatchBuilder::new()
            .base_offset(self.base_offset)
            .leader_epoch(LeaderEpoch(source.arbitrary()?))
            .producer(ProducerId(source.arbitrary()?), ProducerEpoch(source.arbitrary()?), source.arbitrary()?)
            .compression(self.codec, self.level);
        if let Some(append_time) = self.append_time {
            builder = builder.append_time(append_time);
        }
        if source.arbitrary()? {
            builder = builder.transactional();
        }
        if source.arbitrary()? {
            builder = builder.control();
        }
        match source.int_in_range(0..=3)? {
            0 => Ok(builder.delete_horizon(source.arbitrary()?)),
            1 => Ok(builder.base_timestamp(source.arbitrary()?)),
            _ => Ok(builder),
        }
    }

    fn check(&self, bytes: &Bytes) {
        let batch = Batch::parse(bytes).expect("a batch");
        let header = batch.header();
        assert_eq!((batch.bytes().len(), batch.verify()), (bytes.len(), Ok(())));
        assert_eq!((header.base_offset, header.record_count as usize), (self.base_offset, self.records.len()));
        if let Some(append_time) = self.append_time {
            assert_eq!(
                (header.attributes.timestamp_type(), header.max_timestamp),
                (TimestampType::LogAppendTime, append_time)
            );
        }

        let mut anew = BatchBuilder::from_header(header).compression(self.codec, self.level);
        if !self.records.is_empty() {
            anew = anew.base_timestamp(header.base_timestamp);
        }
        let mut reader = batch.records(OutputLimit::default()).expect("records");
        for expected in &self.records {
            let record = reader.next_record().expect("a good record").expect("another record");
            expected.check(&record, self.append_time);
            anew.keep(&record).expect("offsets rise");
        }
        assert_eq!(reader.next_record(), Ok(None));
        assert_eq!(anew.build(), bytes, "built anew");

        let shared =
            records_of(bytes, OutputLimit::default()).expect("records").map(|record| record.expect("a record"));
        assert!(
            shared
                .map(|record| (record.offset, record.value))
                .eq(self.records.iter().map(|record| (record.offset, record.value.clone().map(Bytes::from))))
        );
    }
}

impl ModelRecord {
    fn random(source: &mut Unstructured<'_>, offset: Offset) -> Result<Self> {
        let mut value: Option<Vec<u8>> = source.arbitrary()?;
        if let Some(value) = &mut value
            && source.ratio(1, 16)?
        {
            // Now and then a value larger than what a codec takes at once.
            *value = value.repeat(source.int_in_range(1..=100_000)? / value.len().max(1) + 1);
        }
        Ok(Self {
            offset,
            timestamp: source.arbitrary()?,
            key: source.arbitrary()?,
            value,
            headers: source.arbitrary()?,
        })
    }

    fn push(&self, builder: &mut BatchBuilder) {
        let headers: Vec<_> = self.headers.iter().map(|(key, value)| (&key[..], value.as_deref())).collect();
        let record = BuilderRecord {
            timestamp: self.timestamp,
            key: self.key.as_deref(),
            value: self.value.as_deref(),
            headers: &headers,
        };
        builder.push_at(self.offset, record).expect("offsets rise");
    }

    fn check(&self, record: &RecordRef<'_>, append_time: Option<i64>) {
        assert_eq!((record.offset, record.create_time), (self.offset, self.timestamp));
        assert_eq!(record.timestamp, append_time.unwrap_or(self.timestamp));
        assert_eq!((record.key, record.value), (self.key.as_deref(), self.value.as_deref()));
        let headers = self.headers.iter().map(|(key, value)| (key.as_bytes(), value.as_deref()));
        assert!(record.headers.iter().eq(headers), "headers");
        assert_eq!((record.headers.len(), record.headers.is_empty()), (self.headers.len(), self.headers.is_empty()));
    }
}
