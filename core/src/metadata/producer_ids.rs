//! Producer ids, taken from the cluster in blocks: an id that was handed out lies below the `next_producer_id` of a
//! committed record, so that no broker ever hands it out again.

use core::ops::Range;

use thiserror::Error;

use super::image::MetadataImage;
use crate::types::{NodeId, ProducerId};
use crate::wire::MetadataRecord;
use crate::wire::messages::metadata_records::ProducerIdsRecord;

/// Ids in a block.
const BLOCK_SIZE: i64 = 1_000;

/// The ids that this broker may hand out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProducerIds {
    block: Range<i64>,
    is_requested: bool,
}

/// All of them were handed out, which takes a million years at 300,000 a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the cluster has no producer ids left")]
pub struct OutOfProducerIds;

impl ProducerIds {
    /// The next id. `None` where the block is used up: have [`ProducerIds::request`]'s record committed, and ask again
    /// after [`ProducerIds::granted`].
    pub fn take(&mut self) -> Option<ProducerId> {
        self.block.next().map(ProducerId)
    }

    /// The record that takes a new block; `None` where one is on its way.
    ///
    /// # Errors
    /// Where there is no block left.
    pub fn request(
        &mut self,
        image: &MetadataImage,
        node_id: NodeId,
    ) -> Result<Option<MetadataRecord>, OutOfProducerIds> {
        if self.is_requested {
            return Ok(None);
        }
        let next_producer_id = image.next_producer_id.checked_add(BLOCK_SIZE).ok_or(OutOfProducerIds)?;
        self.is_requested = true;
        let broker_epoch = image.brokers.get(&node_id).map_or(-1, |broker| broker.broker_epoch);
        let record = ProducerIdsRecord { broker_id: node_id.0, broker_epoch, next_producer_id, ..Default::default() };
        Ok(Some(record.into()))
    }

    /// The record was committed: `block` is what [`Delta::producer_ids_taken`](super::Delta::producer_ids_taken) has for
    /// this node. A block that was not asked for is one of an earlier life, whose ids are in use.
    pub fn granted(&mut self, block: Range<i64>) {
        if core::mem::take(&mut self.is_requested) {
            self.block = block;
        }
    }

    /// The record will not be committed: the next request makes a new one.
    pub fn refused(&mut self) {
        self.is_requested = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::Delta;

    const US: NodeId = NodeId(1);

    fn commit(image: &mut MetadataImage, record: &MetadataRecord) -> Range<i64> {
        let mut delta = Delta::default();
        image.apply(record, &mut delta).unwrap();
        delta.producer_ids_taken[&US].clone()
    }

    #[test]
    fn ids_come_from_a_committed_block_and_go_on_in_the_next() {
        let mut image = MetadataImage { next_producer_id: 5_000, ..Default::default() };
        let mut ids = ProducerIds::default();
        assert_eq!(ids.take(), None);
        let record = ids.request(&image, US).unwrap().unwrap();
        assert_eq!(ids.request(&image, US), Ok(None), "one block is asked for at a time");
        assert_eq!(ids.take(), None, "nothing is handed out before the record is committed");
        ids.granted(commit(&mut image, &record));
        let handed_out: alloc::vec::Vec<_> = core::iter::from_fn(|| ids.take()).collect();
        assert_eq!(handed_out.len(), 1_000);
        assert_eq!((handed_out[0], handed_out[999]), (ProducerId(5_000), ProducerId(5_999)));
        assert_eq!(image.next_producer_id, 6_000);

        let record = ids.request(&image, US).unwrap().unwrap();
        ids.granted(commit(&mut image, &record));
        assert_eq!(ids.take(), Some(ProducerId(6_000)));
    }

    #[test]
    fn a_restart_never_hands_out_an_id_again() {
        let mut image = MetadataImage::default();
        let mut ids = ProducerIds::default();
        let record = ids.request(&image, US).unwrap().unwrap();
        ids.granted(commit(&mut image, &record));
        let before = ids.take().unwrap();

        let mut restarted = ProducerIds::default();
        restarted.granted(0..1_000);
        assert_eq!(restarted.take(), None, "a block of an earlier life, met while the log is read, is not ours");
        let record = restarted.request(&image, US).unwrap().unwrap();
        restarted.granted(commit(&mut image, &record));
        assert!(restarted.take().unwrap() > before);
        assert_eq!(restarted.take(), Some(ProducerId(1_001)));
    }

    #[test]
    fn a_refused_request_can_be_made_again_and_the_end_is_an_error() {
        let mut ids = ProducerIds::default();
        assert!(ids.request(&MetadataImage::default(), US).unwrap().is_some());
        ids.refused();
        assert!(ids.request(&MetadataImage::default(), US).unwrap().is_some());
        ids.refused();
        let at_the_end = MetadataImage { next_producer_id: i64::MAX - 10, ..Default::default() };
        assert_eq!(ids.request(&at_the_end, US), Err(OutOfProducerIds));
    }
}
