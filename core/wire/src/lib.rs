//! The wire: how Kafka's messages become bytes and back.
//!
//! One `message!` block per message is its only description. The macro walks the fields; the logic is in the traits
//! and types of this crate: [`Reader`] decodes from a frame, [`Sink`]s take the encoded bytes, which [`to_bytes`] and
//! [`to_frame`] put together, [`Trace`] watches a decode and becomes the annotated dump. `messages/` has one file per API.
//!
//! It is a package of its own so that it is compiled once, however often the broker around it changes; as
//! `ottla_core::wire` it is a part of the core.
//!
//! What a field's way from the message to the bytes leads through is inlined whatever the compiler thinks, but not in a build
//! for debugging: there it makes nothing faster, and the many structs with many fields take a third longer to compile.
//!
//! What does not belong here: what a message means (that is the core's `api/`), and what is inside a record batch (its
//! `records/`).
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

#[macro_use]
mod message;
mod annotate;
mod api_key;
mod coordinator_record;
mod error;
pub mod error_code;
pub mod field;
mod frame;
#[cfg(feature = "from-json")]
mod from_json;
mod json;
mod meaning;
mod metadata_record;
mod primitives;
mod reader;
mod registry;
mod sink;
mod slice;
mod string;

pub mod messages;

pub use annotate::{Annotate, AnnotatedValue, Annotation, Value};
pub use api_key::ApiKey;
pub use coordinator_record::{CoordinatorRecord, CoordinatorRecordType, CoordinatorTopic};
pub use error::{DecodeError, DecodeFault, PathSegment};
pub use error_code::ErrorCode;
pub use field::{Context, Field, FieldSpec, InVersion, Message, MessageKind, Nullable, TaggedFields};
pub use frame::{Chunk, FileId, FileRange, Frame};
#[cfg(feature = "from-json")]
pub use from_json::FromJsonError;
pub use json::{Json, ToJson, UNKNOWN_TAGGED_FIELDS};
pub use meaning::{date, meaning};
pub use metadata_record::MetadataRecord;
pub use primitives::{BrokerIds, Records, Uuid};
pub use reader::{Reader, Trace};
pub use registry::{Annotated, MessageType};
pub use sink::{Counter, Encode, Sink, to_bytes, to_frame};
pub use slice::Slice;
pub use string::Str;
