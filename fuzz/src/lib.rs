//! What the fuzz targets do, as functions of bytes. `fuzz_targets/` hands them what libFuzzer invents,
//! `tests/fuzz_bodies.rs` of the root package what proptest does. A body panics where it finds a bug.

mod broker;
mod decoders;
mod records;
mod records_roundtrip;
mod recovery;
mod requests;

pub use broker::broker;
pub use decoders::{decoders, decoders_input};
pub use records::{records, records_input};
pub use records_roundtrip::records_roundtrip;
pub use recovery::recovery;
pub use requests::{requests, requests_input};
