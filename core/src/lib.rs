//! The Kafka broker as a pure state machine.
//!
//! Bytes from clients, results from the disk and the time go in; bytes to clients, storage commands and the next
//! deadline come out. This crate opens no socket and no file, reads no clock, spawns nothing and draws no entropy of its
//! own, so one broker runs unchanged under tokio, smol and blocking threads, under a simulator, and in a fuzzer.
//!
//! Start with [`boundary`], which is the whole surface on one page.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod api;
pub mod boundary;
mod broker;
pub mod config;
pub mod connection;
mod coordinators;
pub mod directory;
#[cfg(test)]
mod drawings;
mod groups;
pub mod log;
pub mod marks;
pub mod memory_disk;
pub mod metadata;
mod named;
pub mod outbox;
mod parking;
pub mod planted;
mod quotas;
pub mod records;
pub mod repair;
pub mod rng;
mod share_state;
mod shares;
mod telemetry;
pub mod time;
mod transactions;
pub mod types;
mod whole_match;

pub use broker::{Broker, Serving};
pub use config::Config;
#[doc(inline)]
pub use ottla_wire as wire;
#[doc(inline)]
pub use ottla_wire::error_code;

/// The examples in the README are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
