//! Standard output, buffered.

use std::io::{self, BufWriter, StdoutLock};

/// Standard output, for a report. Nobody else writes to it meanwhile.
pub fn stdout() -> BufWriter<StdoutLock<'static>> {
    BufWriter::with_capacity(64 << 10, io::stdout().lock())
}
