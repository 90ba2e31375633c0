//! Memory that costs the same each time. A virtual machine may get its memory page by page, when it first touches it, and
//! give it back when it is free: then a write to the page cache pays for that as well, two or three times what the write
//! itself costs, now and then and not for every broker. Here all free memory is touched once, and one page in so many is
//! kept, so that what is free between them is too scattered to be given back.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::Path;

use rustix::fs::{FallocateFlags, fallocate};

use crate::error::{During, Result};

/// A file system in memory.
const SHARED_MEMORY: &str = "/dev/shm";
/// What others may need meanwhile.
const SPARE_BYTES: u64 = 1_500_000_000;
const STRIDE_BYTES: u64 = 1024 * 1024;
const PAGE_BYTES: u64 = 4096;

/// Memory that the machine has, and keeps while this lives.
#[derive(Debug)]
pub struct Backed {
    /// It has no name any more, so it ends with this process, however that ends.
    _pages: File,
}

/// Touches the memory that is free. None where there is no file system in memory.
pub fn back() -> Result<Option<Backed>> {
    let path = Path::new(SHARED_MEMORY).join(format!("ottla-bench-{}", std::process::id()));
    let Ok(mut pages) = OpenOptions::new().write(true).create_new(true).open(&path) else { return Ok(None) };
    fs::remove_file(&path).during(format!("deleting {}", path.display()))?;
    let stride = vec![1; STRIDE_BYTES as usize];
    let mut size_bytes = 0;
    // A full file system ends it as well: what was touched by then is still worth it.
    while free_bytes() > SPARE_BYTES && pages.write_all(&stride).is_ok() {
        size_bytes += STRIDE_BYTES;
    }
    for at in (0..size_bytes).step_by(STRIDE_BYTES as usize) {
        let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        fallocate(&pages, hole, at + PAGE_BYTES, STRIDE_BYTES - PAGE_BYTES).during("giving memory back")?;
    }
    Ok(Some(Backed { _pages: pages }))
}

/// Nobody has it; the page cache does not count.
fn free_bytes() -> u64 {
    let info = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let free = info.lines().find_map(|line| line.strip_prefix("MemFree:"));
    free.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).map_or(0, |kib| kib * 1024)
}
