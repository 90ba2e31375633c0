//! What the page about groups says of share groups, held against the code, and what becomes of one that is replayed.

use alloc::vec::Vec;

use super::*;
use crate::drawings::assert_drawn;
use crate::groups::group::{Group, GroupType};
use crate::groups::records;
use crate::metadata::MetadataImage;
use crate::time::{Monotonic, Now, WallClock};
use crate::wire::CoordinatorRecord;

const NOW: Now = Now { monotonic: Monotonic(0), wall: WallClock(1_800_000_000_000) };

#[test]
fn the_drawing_has_the_states_of_the_code() {
    let page = include_str!("../../../../docs/groups.md");
    assert_drawn(page, "## A share group", ShareState::ALL.iter().map(|state| state.name()));
}

fn records_of_a_member() -> Vec<CoordinatorRecord> {
    let about = member::About { topics: BTreeSet::from(["letters".into()]), ..Default::default() };
    let assigned = Partitions::from([(Uuid(7), BTreeSet::from([0, 2]))]);
    let has = Member { epoch: 3, previous_epoch: 2, about: about.clone().into(), assigned: assigned.clone() };
    let kept = state::Kept { name: "letters".into(), partitions: BTreeSet::from([0, 2]), since: NOW.monotonic };
    let state = state::StatePartitions {
        is_recorded: true,
        initialized: BTreeMap::from([(Uuid(7), kept)]),
        ..Default::default()
    };
    [
        record::member("sharers", "one", &about),
        record::group("sharers", 3, 11),
        record::target("sharers", "one", &assigned),
        record::target_made("sharers", 3, 12),
        record::current("sharers", "one", &has),
        record::state("sharers", &state, &MetadataImage::default()),
    ]
    .into()
}

#[test]
fn a_group_is_made_of_its_records_and_gone_with_their_tombstones() {
    let mut coordinator = crate::groups::Coordinator::default();
    for record in records_of_a_member() {
        coordinator.replay(NOW, &record, crate::types::Offset(0), None);
    }
    let group = coordinator.share("sharers").expect("it is a share group");
    assert_eq!((group.epoch, group.metadata_hash, group.target.epoch, group.target.made_ms), (3, 11, 3, 12));
    assert_eq!((group.members["one"].epoch, group.members["one"].previous_epoch), (3, 2));
    assert_eq!(group.members["one"].assigned, *group.target_of("one"));
    assert!(group.is_subscribed_to("letters") && !group.has_unassigned_state());
    assert_eq!(coordinator.groups.get("sharers").map(Group::group_type), Some(GroupType::Share));
    let removal = coordinator.deletion("sharers");
    for record in &removal {
        coordinator.replay(NOW, record, crate::types::Offset(0), None);
    }
    assert!(coordinator.groups.is_empty());
    // Without members there are three left.
    assert_eq!((removal.len(), records::removed("sharers", GroupType::Share).len()), (6, 3));
}

#[test]
fn a_log_that_lost_a_members_first_records_to_compaction_makes_the_same_group() {
    let mut in_order = ShareGroup::new();
    let mut mixed = ShareGroup::new();
    let records = records_of_a_member();
    records.iter().for_each(|record| in_order.replay(NOW, record));
    records.iter().rev().for_each(|record| mixed.replay(NOW, record));
    assert_eq!(alloc::format!("{in_order:?}"), alloc::format!("{mixed:?}"));
}
