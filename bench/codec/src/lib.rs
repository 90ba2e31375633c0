//! What the bench of the codec compares: the messages, and how each side reads and writes them.

pub mod messages;
pub mod pair;
