//! What is before the log's start is gone, whatever a crash left of it.

use alloc::format;

use super::{Loader, Step};
use crate::boundary::{FileId, Level};
use crate::log::PartitionLog;
use crate::log::aborted::Aborted;
use crate::log::leader_epochs::LeaderEpochs;
use crate::log::producers::Producers;
use crate::log::segment::Segment;
use crate::outbox::Outbox;
use crate::types::Offset;

impl PartitionLog {
    /// Removes segments that were deleted and not renamed, or whose new names were lost: neither good nor bad batches in
    /// them count.
    pub(super) fn remove_before_start(&mut self, loader: &mut Loader, outbox: &mut Outbox) {
        let Some(start) = loader.log_start else { return };
        for name in loader.files.take_before(start) {
            self.remove_file(&name, outbox);
        }
    }

    /// The log ends before its start: what was between them is lost, and what is left was deleted. It begins anew where
    /// it starts, as in Kafka: no offset is given out twice.
    pub(super) fn begin_at_start(&mut self, loader: &mut Loader, file: FileId, outbox: &mut Outbox) -> Step {
        let (start, end) = (loader.log_start.unwrap_or_default(), loader.next_offset);
        let text = format!("{}: the log ends at {end}, before its start {start}: it begins anew there", self.label());
        outbox.report(Level::Warn, text);
        self.issuer(outbox).close(file);
        for base in core::mem::take(&mut self.segments).into_keys() {
            for name in loader.files.take(base) {
                self.remove_file(&name, outbox);
            }
        }
        for at in core::mem::take(&mut loader.files.snapshots) {
            self.drop_snapshot(loader, at, outbox);
        }
        self.tail.clear();
        self.open_segments.clear();
        self.unsynced_indexes.clear();
        self.producers = Producers::default();
        self.epochs = LeaderEpochs::default();
        loader.epochs_changed = true;
        self.create_first_segment(loader, outbox)
    }

    /// A segment that was found.
    pub(super) fn found(&self, loader: &Loader, base: Offset, size_bytes: u64) -> Segment {
        let aborted = if loader.files.has_transaction_index(base) { Aborted::OnDisk } else { Aborted::none() };
        let modified_ms = loader.files.modified_ms(base, loader.now.wall);
        Segment { aborted, ..Segment::closed(base, size_bytes, modified_ms) }
    }
}
