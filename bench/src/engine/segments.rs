//! Segments written to a partition's directory without a broker, as a broker that closed them would have left them.

use std::fs;
use std::path::Path;

use ottla_core::records::{BatchBuilder, BuilderRecord};
use ottla_core::types::{LeaderEpoch, Offset};

use crate::error::{During, Result};

/// Batches of a segment, and records of each.
const BATCHES: i64 = 8;
const RECORDS: i64 = 10;
const VALUE_SIZE_BYTES: usize = 100;
/// `index.interval.bytes`.
const INDEX_INTERVAL_BYTES: u64 = 4096;

/// Records of one segment.
pub const RECORDS_OF_A_SEGMENT: i64 = BATCHES * RECORDS;

/// Files of a segment that begins at offset 0, to be moved to any other.
pub struct Segment {
    batches: Vec<Vec<u8>>,
}

impl Segment {
    /// All segments are alike.
    pub fn new(timestamp: i64) -> Self {
        let value = [b'v'; VALUE_SIZE_BYTES];
        let batch = |_| {
            let mut builder = BatchBuilder::new().leader_epoch(LeaderEpoch(0));
            for _ in 0..RECORDS {
                builder.push(BuilderRecord { timestamp, value: Some(&value), ..Default::default() });
            }
            builder.build().to_vec()
        };
        Self { batches: (0..BATCHES).map(batch).collect() }
    }

    /// Writes segment and indexes. The base offset is not under the checksum.
    pub fn write(&mut self, dir: &Path, base: Offset, timestamp: i64) -> Result<()> {
        let (mut log, mut index) = (Vec::new(), Vec::new());
        let mut since_entry = 0;
        for (number, batch) in self.batches.iter_mut().enumerate() {
            let first = base.0 + number as i64 * RECORDS;
            batch[..8].copy_from_slice(&first.to_be_bytes());
            if since_entry > INDEX_INTERVAL_BYTES {
                index.extend_from_slice(&((first + RECORDS - 1 - base.0) as u32).to_be_bytes());
                index.extend_from_slice(&(log.len() as u32).to_be_bytes());
                since_entry = 0;
            }
            since_entry += batch.len() as u64;
            log.extend_from_slice(batch);
        }
        let mut time_index = timestamp.to_be_bytes().to_vec();
        time_index.extend_from_slice(&((RECORDS - 1) as u32).to_be_bytes());
        for (suffix, content) in [("log", log), ("index", index), ("timeindex", time_index)] {
            let path = dir.join(format!("{:020}.{suffix}", base.0));
            fs::write(&path, content).during(format!("writing {}", path.display()))?;
        }
        Ok(())
    }
}
