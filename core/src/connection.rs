//! Connections: frame splitting, request headers, answers in request order, back-pressure.
//!
//! What does not belong here: what a request means (`api/`).

pub mod frame_buffer;
