//! What both commands say of a record batch.

use bytes::Bytes;
use ottla_core::records::{
    Attributes, BatchHeader, Compression, DecompressError, OutputLimit, TimestampType, decompress,
};

/// The checksum of a batch covers everything from here on.
pub const CHECKSUM_FROM: usize = 21;

/// A codec's name, as in `compression.type`.
#[must_use]
pub fn codec_name(attributes: Attributes) -> &'static str {
    match attributes.compression() {
        Ok(Compression::None) => "none",
        Ok(Compression::Gzip) => "gzip",
        Ok(Compression::Snappy) => "snappy",
        Ok(Compression::Lz4) => "lz4",
        Ok(Compression::Zstd) => "zstd",
        Err(_) => "unknown",
    }
}

/// What a batch's attributes say beside its codec.
#[must_use]
pub fn flag_words(attributes: Attributes) -> Vec<&'static str> {
    let flags = [
        (attributes.is_transactional(), "transactional"),
        (attributes.is_control(), "control"),
        (attributes.timestamp_type() == TimestampType::LogAppendTime, "append-time"),
        (attributes.has_delete_horizon(), "delete-horizon"),
    ];
    flags.into_iter().filter_map(|(is_set, word)| is_set.then_some(word)).collect()
}

/// All that a batch's attributes say.
#[must_use]
pub fn attribute_words(attributes: Attributes) -> Vec<&'static str> {
    let mut words = vec![match attributes.compression() {
        Ok(Compression::None) => "uncompressed",
        _ => codec_name(attributes),
    }];
    words.extend(flag_words(attributes));
    words
}

/// The records of a batch with that header, as they were before compression.
///
/// # Errors
/// Where the codec's data is damaged, or too much comes out.
pub fn plain_records(header: &BatchHeader, body: &Bytes) -> Result<Bytes, DecompressError> {
    match header.attributes.compression() {
        Ok(Compression::None) => Ok(body.clone()),
        // A batch that compaction emptied has nothing to decompress, not even a frame.
        Ok(_) if header.record_count == 0 && body.is_empty() => Ok(Bytes::new()),
        Ok(codec) => decompress(codec, body, OutputLimit::default()).map(Bytes::from),
        Err(number) => Err(DecompressError::UnknownCodec(number)),
    }
}
