//! Connections: frame splitting, answers in request order, back-pressure, what an answer on its way out still needs.
//!
//! Each request takes a [`SlotId`]; only the front slot of a connection is sent, so answers leave in the order in which
//! the requests came, whatever order they are found in. What does not belong here: what a request means (`api/`).

pub mod frame_buffer;
mod queue;
mod table;

pub use queue::Answer;
pub use table::{ConnectionLimits, Connections, Refusal, SlotId};
