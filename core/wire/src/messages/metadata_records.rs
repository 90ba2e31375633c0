//! The records of `__cluster_metadata`. What stands in front of each is in [`MetadataRecord`](crate::MetadataRecord).

use alloc::vec::Vec;

use crate::{Slice, Str, Uuid};

message! {
    /// A broker that may be used. Fenced until its first heartbeat. Shutdown since v1, migrations since v2, log
    /// directories since v3, cordoned ones since v4.
    metadata RegisterBrokerRecord = 0, versions 0..=4, flexible 0..;
    struct RegisterBrokerRecord {
        broker_id: i32,
        /// It comes from ZooKeeper; never since Kafka 4.0.
        is_migrating_zk_broker: bool [2..],
        /// Random, for each start of the process.
        incarnation_id: Uuid,
        /// The offset of this record, which fences the broker's earlier starts.
        broker_epoch: i64,
        end_points: Vec<BrokerEndpoint>,
        /// The levels that it can run with.
        features: Vec<BrokerFeature>,
        /// Null where the broker is in none.
        rack: Option<Str>,
        /// Nobody may use it.
        fenced: bool = true,
        /// It gives its leaders away before it stops.
        in_controlled_shutdown: bool [1..],
        log_dirs: Vec<Uuid> [3.. tag 0],
        /// Those that take no new replicas; null where that is unknown.
        cordoned_log_dirs: Option<Vec<Uuid>> [4.. tag 1],
    }
    struct BrokerEndpoint {
        name: Str,
        host: Str,
        port: u16,
        /// 0 PLAINTEXT, 1 SSL, 2 SASL_PLAINTEXT, 3 SASL_SSL.
        security_protocol: i16,
    }
    struct BrokerFeature {
        name: Str,
        min_supported_version: i16,
        max_supported_version: i16,
    }
}

message! {
    /// A broker that is gone for good.
    metadata UnregisterBrokerRecord = 1, versions 0..=0, flexible 0..;
    struct UnregisterBrokerRecord {
        broker_id: i32,
        broker_epoch: i64,
    }
}

message! {
    /// A topic.
    metadata TopicRecord = 2, versions 0..=0, flexible 0..;
    struct TopicRecord {
        name: Str,
        topic_id: Uuid,
    }
}

message! {
    /// A partition: its replicas, leader and epochs. Since v1 the log directory of each replica (KIP-858), since v2 who
    /// may lead when nobody is in sync (KIP-966).
    metadata PartitionRecord = 3, versions 0..=2, flexible 0..;
    struct PartitionRecord {
        partition_id: i32 = -1,
        topic_id: Uuid,
        /// Brokers, the preferred leader first.
        replicas: Vec<i32>,
        /// The brokers in sync.
        isr: Vec<i32>,
        /// Those that a reassignment removes.
        removing_replicas: Vec<i32>,
        /// Those that a reassignment adds.
        adding_replicas: Vec<i32>,
        /// -1 where there is none.
        leader: i32 = -1,
        /// 1 while the leader recovers from an unclean election, otherwise 0.
        leader_recovery_state: i8 [tag 0],
        /// Rises with every election.
        leader_epoch: i32 = -1,
        /// Rises with every change.
        partition_epoch: i32 = -1,
        /// One for each replica, in their order; 0 unassigned, 1 lost, 2 migrating.
        directories: Vec<Uuid> [1..],
        /// Not in sync, but with all committed records; null where there are none.
        eligible_leader_replicas: Option<Vec<i32>> [2.. tag 1],
        /// Those that were it before an unclean end; null where there are none.
        last_known_elr: Option<Vec<i32>> [2.. tag 2],
    }
}

message! {
    /// One config of one resource; null removes it.
    metadata ConfigRecord = 4, versions 0..=0, flexible 0..;
    struct ConfigRecord {
        /// 2 topic, 4 broker, 16 client metrics, 32 group.
        resource_type: i8,
        /// The name of a topic or group, or a broker's id; empty for all brokers.
        resource_name: Str,
        name: Str,
        value: Option<Str>,
    }
}

message! {
    /// What changes in a partition; what is null, or -2 for the leader, stays.
    metadata PartitionChangeRecord = 5, versions 0..=2, flexible 0..;
    struct PartitionChangeRecord {
        partition_id: i32 = -1,
        topic_id: Uuid,
        isr: Option<Vec<i32>> [tag 0],
        /// -1 where there is none any more.
        leader: i32 [tag 1] = -2,
        replicas: Option<Vec<i32>> [tag 2],
        removing_replicas: Option<Vec<i32>> [tag 3],
        adding_replicas: Option<Vec<i32>> [tag 4],
        /// -1 where it stays.
        leader_recovery_state: i8 [tag 5] = -1,
        eligible_leader_replicas: Option<Vec<i32>> [2.. tag 6],
        last_known_elr: Option<Vec<i32>> [2.. tag 7],
        directories: Option<Vec<Uuid>> [1.. tag 8],
    }
}

message! {
    /// A broker that can't lead any more. Only in old logs.
    metadata FenceBrokerRecord = 7, versions 0..=0, flexible 0..;
    struct FenceBrokerRecord {
        id: i32,
        epoch: i64,
    }
}

message! {
    /// A broker that can lead again. Only in old logs.
    metadata UnfenceBrokerRecord = 8, versions 0..=0, flexible 0..;
    struct UnfenceBrokerRecord {
        id: i32,
        epoch: i64,
    }
}

message! {
    /// A topic that is gone.
    metadata RemoveTopicRecord = 9, versions 0..=0, flexible 0..;
    struct RemoveTopicRecord {
        topic_id: Uuid,
    }
}

message! {
    /// A delegation token, without its secret, which comes from the id. Times in ms since 1970.
    metadata DelegationTokenRecord = 10, versions 0..=0, flexible 0..;
    struct DelegationTokenRecord {
        owner: Str,
        requester: Str,
        renewers: Vec<Str>,
        issue_timestamp: i64,
        /// When it ends in any case.
        max_timestamp: i64,
        /// When it ends unless it is renewed.
        expiration_timestamp: i64,
        token_id: Str,
    }
}

message! {
    /// A user's SCRAM credential.
    metadata UserScramCredentialRecord = 11, versions 0..=0, flexible 0..;
    struct UserScramCredentialRecord {
        name: Str,
        /// 1 SCRAM-SHA-256, 2 SCRAM-SHA-512.
        mechanism: i8,
        salt: Slice,
        /// The hash of what the client proves to have (RFC 5802).
        stored_key: Slice,
        /// With which the broker proves that it has the credential.
        server_key: Slice,
        iterations: i32,
    }
}

message! {
    /// A feature's finalized level; `metadata.version` is one.
    metadata FeatureLevelRecord = 12, versions 0..=0, flexible 0..;
    struct FeatureLevelRecord {
        name: Str,
        feature_level: i16,
    }
}

message! {
    /// One quota of a user, client or address, or its removal.
    metadata ClientQuotaRecord = 14, versions 0..=0, flexible 0..;
    struct ClientQuotaRecord {
        /// One or two parts: a user, a client id, both, or an address.
        entity: Vec<EntityData>,
        /// Such as `producer_byte_rate`.
        key: Str,
        value: f64,
        remove: bool,
    }
    struct EntityData {
        /// `user`, `client-id` or `ip`.
        entity_type: Str,
        /// Null for the default of the type.
        entity_name: Option<Str>,
    }
}

message! {
    /// A block of producer ids that a broker took: those below `next_producer_id`.
    metadata ProducerIdsRecord = 15, versions 0..=0, flexible 0..;
    struct ProducerIdsRecord {
        broker_id: i32,
        broker_epoch: i64 = -1,
        next_producer_id: i64,
    }
}

message! {
    /// What changes in a registration: each 0 leaves it, 1 sets it, -1 clears it.
    metadata BrokerRegistrationChangeRecord = 17, versions 0..=3, flexible 0..;
    struct BrokerRegistrationChangeRecord {
        broker_id: i32,
        broker_epoch: i64,
        fenced: i8 [tag 0],
        in_controlled_shutdown: i8 [1.. tag 1],
        /// Those that are online now; empty where they stay.
        log_dirs: Vec<Uuid> [2.. tag 2],
        /// Null where they stay.
        cordoned_log_dirs: Option<Vec<Uuid>> [3.. tag 3],
    }
}

message! {
    /// A rule of who may do what. Numbers as in CreateAcls.
    metadata AccessControlEntryRecord = 18, versions 0..=0, flexible 0..;
    struct AccessControlEntryRecord {
        id: Uuid,
        resource_type: i8,
        resource_name: Str,
        pattern_type: i8,
        principal: Str,
        host: Str,
        operation: i8,
        permission_type: i8,
    }
}

message! {
    /// A rule that is gone.
    metadata RemoveAccessControlEntryRecord = 19, versions 0..=0, flexible 0..;
    struct RemoveAccessControlEntryRecord {
        id: Uuid,
    }
}

message! {
    /// Nothing: written so that the high watermark moves.
    metadata NoOpRecord = 20, versions 0..=0, flexible 0..;
    struct NoOpRecord {}
}

message! {
    /// How far a migration from ZooKeeper is.
    metadata ZkMigrationStateRecord = 21, versions 0..=0, flexible 0..;
    struct ZkMigrationStateRecord {
        /// 0 none, which is all that Kafka 4 writes; 1 before, 2 during, 3 after the migration.
        zk_migration_state: i8,
    }
}

message! {
    /// A credential that is gone.
    metadata RemoveUserScramCredentialRecord = 22, versions 0..=0, flexible 0..;
    struct RemoveUserScramCredentialRecord {
        name: Str,
        /// 1 SCRAM-SHA-256, 2 SCRAM-SHA-512.
        mechanism: i8,
    }
}

message! {
    /// The records up to the end take effect together.
    metadata BeginTransactionRecord = 23, versions 0..=0, flexible 0..;
    struct BeginTransactionRecord {
        /// For people.
        name: Option<Str> [tag 0],
    }
}

message! {
    /// The records since the beginning take effect.
    metadata EndTransactionRecord = 24, versions 0..=0, flexible 0..;
    struct EndTransactionRecord {}
}

message! {
    /// The records since the beginning are void.
    metadata AbortTransactionRecord = 25, versions 0..=0, flexible 0..;
    struct AbortTransactionRecord {
        /// For people.
        reason: Option<Str> [tag 0],
    }
}

message! {
    /// A token that is gone.
    metadata RemoveDelegationTokenRecord = 26, versions 0..=0, flexible 0..;
    struct RemoveDelegationTokenRecord {
        token_id: Str,
    }
}

message! {
    /// A controller.
    metadata RegisterControllerRecord = 27, versions 0..=0, flexible 0..;
    struct RegisterControllerRecord {
        controller_id: i32,
        /// Random, for each start of the process.
        incarnation_id: Uuid,
        /// Of no use since Kafka 4.0.
        zk_migration_ready: bool,
        end_points: Vec<ControllerEndpoint>,
        /// The levels that it can run with.
        features: Vec<ControllerFeature>,
    }
    struct ControllerEndpoint {
        name: Str,
        host: Str,
        port: u16,
        /// 0 PLAINTEXT, 1 SSL, 2 SASL_PLAINTEXT, 3 SASL_SSL.
        security_protocol: i16,
    }
    struct ControllerFeature {
        name: Str,
        min_supported_version: i16,
        max_supported_version: i16,
    }
}

message! {
    /// Forgets the eligible leaders of a topic, or of all.
    metadata ClearElrRecord = 28, versions 0..=0, flexible 0..;
    struct ClearElrRecord {
        /// Empty for all.
        topic_name: Str,
    }
}
