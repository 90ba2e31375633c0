//! Share groups that know more than a log has: a power loss took the log's end, and not what the groups made of it. The records
//! that take the places of those that are gone were never delivered. So at a start that no clean stop came before groups forget
//! what they know of records behind the end, before anything is appended.

use alloc::format;

use super::Broker;
use crate::api::topic_name;
use crate::boundary::Level;
use crate::log::{LogState, PartitionLog};
use crate::share_state::{Coordinator, StateKey};
use crate::time::Now;
use crate::types::{Offset, PartitionId};

impl Broker {
    /// Remembers where the logs end that may have lost something, when the broker begins to serve.
    pub(super) fn note_log_ends(&mut self) {
        if self.metadata.image().topic(topic_name::SHARE_GROUP_STATE).is_none() {
            return;
        }
        let may_lack =
            |log: &PartitionLog| log.state() == LogState::Serving && !self.directory.was_clean(log.dir().log_dir);
        let ends = self.logs.iter().filter(|(_, log)| may_lack(log)).map(|(id, log)| (*id, log.log_end()));
        self.share_state.ends_at_start = ends.collect();
    }

    /// Cuts the states that a coordinator loaded where the logs ended at the start. What is written later is right.
    pub(super) fn cut_share_states(&mut self, now: Now, index: i32) {
        if !self.share_state.cut.insert(index) {
            return;
        }
        let ends = &self.share_state.ends_at_start;
        let end_of = |key: &StateKey| {
            let partition = PartitionId { topic_id: key.topic_id, index: key.partition };
            ends.get(&partition).copied()
        };
        let coordinator: Option<&Coordinator> = self.share_state.coordinators.serving(index);
        let Some((cut, records)) = coordinator.map(|coordinator| coordinator.cut(now.wall, end_of)) else { return };
        for (key, known_to, end) in cut {
            self.report_cut(&key, known_to, end);
        }
        self.write_share_state(now, index, records);
    }

    fn report_cut(&mut self, key: &StateKey, known_to: Offset, end: Offset) {
        let topic = self.metadata.image().topics.get(&key.topic_id).map(|topic| topic.name.clone()).unwrap_or_default();
        let text = format!(
            "{topic}-{}: the log ends at offset {end}, and group {} knew of records up to {known_to}: those that take their \
            places will be delivered to it",
            key.partition, key.group,
        );
        self.outbox.report(Level::Warn, text);
    }
}
