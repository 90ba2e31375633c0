//! to be replaced
pub mod agenda;
pub mod chance;
pub mod disk;
pub mod history;
pub mod plan;
pub mod records;
pub mod stats;
pub mod storage;
pub mod violation;
