//! Topics that the broker makes for a streams group, which says what they are to be like.

use alloc::vec::Vec;

use super::Broker;
use crate::api::{View, create_topics};
use crate::error_code::ErrorCode;
use crate::groups::InternalTopic;
use crate::time::Now;

impl Broker {
    /// Has topics made that are missing, but for those that could not be made a short while ago. Nobody waits for it: members ask
    /// again. While another change of the metadata is on its way nothing is done, and what can't be done is remembered for so long.
    pub(crate) fn create_internal_topics(&mut self, now: Now, topics: &[InternalTopic], remembered_ms: i64) {
        let is_tried = |topic: &&InternalTopic| self.groups.creation_faults.get(&topic.name, now.monotonic).is_none();
        let wanted: Vec<_> = topics.iter().filter(is_tried).map(InternalTopic::to_creatable).collect();
        if wanted.is_empty() || self.is_changing() {
            return;
        }
        let view = View { image: self.metadata.image(), config: &self.config, listener: 0 };
        let (records, refused) = create_topics::plan_each(&wanted, view, &mut self.rng);
        let until = now.monotonic.plus_ms(remembered_ms);
        for (topic, error) in refused {
            let why = error.message.unwrap_or_else(|| error.code.name().into());
            self.groups.creation_faults.put(&topic, why, (now.monotonic, until));
        }
        if !records.is_empty() && self.append_metadata(now, &records).is_none() {
            for topic in &wanted {
                let why = ErrorCode::KafkaStorageError.name().into();
                self.groups.creation_faults.put(&topic.name, why, (now.monotonic, until));
            }
        }
    }
}
