//! Record batches: the unit that producers send, segments hold and consumers get.
//!
//! [`BatchHeader`] is the 61 bytes in front of each batch, [`validate_produced`] what a client's batch must pass before
//! it is appended, [`Record`]s are what is inside, [`BatchBuilder`] makes batches of our own. `compression` undoes the
//! codecs, with bounded output.
//!
//! What does not belong here: where batches lie on disk and which offsets they get (`log/`), and the requests that
//! carry them (`api/`).

mod builder;
mod checksum;
mod compression;
mod header;
mod marker;
mod record;
mod validate;
mod varint;

pub use builder::{BatchBuilder, BuilderRecord};
pub use checksum::crc32c;
pub(crate) use checksum::crc32c_append;
pub use compression::{DecompressError, decompress};
pub use header::{Attributes, BATCH_HEADER_SIZE_BYTES, BatchHeader, Compression, HeaderError, TimestampType};
pub(crate) use header::{CHECKSUM_FROM, sequence_minus};
pub(crate) use marker::MARKER_MAX_BYTES;
pub use marker::{EndMarker, TransactionResult};
pub use record::{Record, RecordError, RecordHeader, RecordIter, records_of};
pub use validate::{BatchError, InvalidRecord, ProduceRules, ProducedBatch, validate_produced};
pub use varint::{get_uvarint, get_varint, get_varlong, put_uvarint, put_varint, put_varlong};
