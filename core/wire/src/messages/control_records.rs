//! Values of control records: what a leader, a transaction or a snapshot leaves in a log beside the data.

use alloc::vec::Vec;

use crate::{Str, Uuid};

message! {
    /// The key of every control record, behind its version: 0 abort, 1 commit, 2 leader change, 3 snapshot header, 4 footer,
    /// 5 quorum version, 6 voters.
    data ControlRecordTypeSchema, versions 0..=0;
    struct ControlRecordTypeSchema {
        r#type: i16,
    }
}

message! {
    /// A new leader of a quorum and who voted for it.
    data LeaderChangeMessage, versions 0..=1, flexible 0..;
    struct LeaderChangeMessage {
        version: i16,
        leader_id: i32,
        voters: Vec<Voter>,
        /// Those that voted for it.
        granting_voters: Vec<Voter>,
    }
    struct Voter {
        voter_id: i32,
        /// The log directory that voted.
        voter_directory_id: Uuid [1..],
    }
}

message! {
    /// The first record of a snapshot.
    data SnapshotHeaderRecord, versions 0..=0, flexible 0..;
    struct SnapshotHeaderRecord {
        version: i16,
        /// Of the last record that the snapshot stands for, in ms since 1970.
        last_contained_log_timestamp: i64,
    }
}

message! {
    /// The last record of a snapshot.
    data SnapshotFooterRecord, versions 0..=0, flexible 0..;
    struct SnapshotFooterRecord {
        version: i16,
    }
}

message! {
    /// The version of the quorum's protocol.
    data KRaftVersionRecord, versions 0..=0, flexible 0..;
    struct KRaftVersionRecord {
        version: i16,
        /// 0 the voters are fixed by the configs, 1 they are in the log.
        k_raft_version: i16,
    }
}

message! {
    /// Who may vote, and where they are.
    data VotersRecord, versions 0..=0, flexible 0..;
    struct VotersRecord {
        version: i16,
        voters: Vec<RegisteredVoter>,
    }
    struct RegisteredVoter {
        voter_id: i32,
        /// Of the log directory with its copy of the metadata log.
        voter_directory_id: Uuid,
        endpoints: Vec<Endpoint>,
        /// The levels of `kraft.version` that it can run with.
        k_raft_version_feature: KRaftVersionFeature,
    }
    struct Endpoint {
        name: Str,
        host: Str,
        port: u16,
    }
    struct KRaftVersionFeature {
        min_supported_version: i16,
        max_supported_version: i16,
    }
}

message! {
    /// The value of a commit or abort marker.
    data EndTxnMarker, versions 0..=0;
    struct EndTxnMarker {
        /// Fences coordinators from before.
        coordinator_epoch: i32,
    }
}
