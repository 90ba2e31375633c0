//! Every message, one file per API. A file holds `message!` blocks and nothing else.

pub mod fetch;
pub mod header;
