//! Record batches: the unit that producers send, segments hold and consumers get.
//!
//! - Reading: [`batches_of`] walks a record set, [`Batch::records`] the records of one batch whatever its codec, with
//!   bounded memory; [`records_of`] gives records that share the batch. [`ControlRecord`] is what control batches hold.
//! - Writing: [`BatchBuilder`] makes batches of any kind; [`BatchHeader::with_timestamps`] stamps one with its append time.
//! - Checking: [`validate_produced`] is what a client's batch must pass before it is appended.
//! - Codecs: [`compress`], [`decompress`] and, piece by piece, [`Decompressor`].
//!
//! What does not belong here: where batches lie on disk and which offsets they get (`log/`), and the requests that
//! carry them (`api/`).

mod batch;
mod builder;
mod checksum;
mod compression;
mod control;
mod header;
mod marker;
mod reader;
mod record;
mod validate;
mod varint;

pub use batch::{Batch, BatchFault, BatchReadError, Batches, batches_of, find_batch};
pub use builder::{BatchBuilder, BuilderRecord, OffsetError};
pub use checksum::crc32c;
pub(crate) use checksum::crc32c_append;
pub use compression::{DecompressError, Decompressor, OutputLimit, compress, decompress};
pub use control::{ControlError, ControlRecord};
pub use header::{Attributes, BATCH_HEADER_SIZE_BYTES, BatchHeader, Compression, HeaderError, TimestampType};
pub(crate) use header::{CHECKSUM_FROM, sequence_minus};
pub(crate) use marker::MARKER_MAX_BYTES;
pub use marker::{EndMarker, TransactionResult};
pub use reader::{RecordError, RecordIter, RecordReader, records_of};
pub use record::{Record, RecordFault, RecordField, RecordHeader, RecordHeaders, RecordRef};
pub use validate::{BatchError, InvalidRecord, ProduceRules, ProducedBatch, StoredCodec, validate_produced};
pub use varint::{get_uvarint, get_varint, get_varlong, put_uvarint, put_varint, put_varlong};
