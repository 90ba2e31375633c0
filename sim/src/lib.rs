//! to be replaced
pub mod agenda;
pub mod chance;
pub mod disk;
