//! The directories that Apache Kafka 4.3.1 left, and how they get onto a disk in memory.

#![allow(dead_code)]

use std::io::Read as _;

use flate2::read::GzDecoder;
use ottla_core::boundary::Path;
use ottla_core::memory_disk::MemoryDisk;

/// After a stop in good order.
pub const CLEAN: &[u8] = include_bytes!("../data/apache-kafka-4.3.1/clean.tar.gz");
/// After a SIGKILL.
pub const CRASHED: &[u8] = include_bytes!("../data/apache-kafka-4.3.1/crashed.tar.gz");

/// After a stop in good order, with the state of a share group.
pub const SHARE_STATE: &[u8] = include_bytes!("../data/apache-kafka-4.3.1/share-state.tar.gz");

/// The files of an archive.
pub fn unpack(archive: &[u8]) -> MemoryDisk {
    let mut disk = MemoryDisk::new();
    for entry in tar::Archive::new(GzDecoder::new(archive)).entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().to_str().unwrap().to_owned();
        let name = name.trim_end_matches('/').strip_prefix("data").unwrap().trim_start_matches('/').to_owned();
        if !entry.header().entry_type().is_dir() {
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            disk.put(&Path::new(0, name), bytes);
        }
    }
    disk
}
