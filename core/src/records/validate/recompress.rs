//! `compression.type`: a batch that came with one codec is stored with another. Records and their times, the producer and
//! the flags stay. Records whose offsets don't count up are numbered anew, as Kafka does it then.

use alloc::string::ToString as _;

use super::{BatchError, ProducedBatch};
use crate::records::builder::BatchBuilder;
use crate::records::compression::OutputLimit;
use crate::records::header::Compression;
use crate::records::reader::RecordReader;
use crate::types::Offset;

/// The same batch with another codec; its records were checked before.
pub(super) fn recompress(
    batch: &ProducedBatch,
    codec: Compression,
    level: Option<i32>,
    limit: OutputLimit,
) -> Result<ProducedBatch, BatchError> {
    let mut builder = BatchBuilder::from_header(&batch.header).compression(codec, level);
    let mut records = RecordReader::new(batch.header, &batch.records, limit)?;
    let mut offsets = batch.header.base_offset.0..;
    while let Some(mut record) = records.next_record()? {
        record.offset = offsets.next().map_or(record.offset, Offset);
        builder.keep(&record).map_err(|error| BatchError::invalid(error.to_string()))?;
    }
    Ok(ProducedBatch::of_our_own(&builder.build()))
}
