//! AlterUserScramCredentials: sets and removes SCRAM passwords.

use alloc::vec::Vec;

use crate::{Slice, Str};

message! {
    /// Passwords of users, salted by the client, so that they are never sent (KIP-554).
    request AlterUserScramCredentials = 51, versions 0..=0, flexible 0..;
    struct AlterUserScramCredentialsRequest {
        deletions: Vec<ScramCredentialDeletion>,
        upsertions: Vec<ScramCredentialUpsertion>,
    }
    struct ScramCredentialDeletion {
        name: Str,
        /// 1 SCRAM-SHA-256, 2 SCRAM-SHA-512.
        mechanism: i8,
    }
    struct ScramCredentialUpsertion {
        name: Str,
        /// 1 SCRAM-SHA-256, 2 SCRAM-SHA-512.
        mechanism: i8,
        /// Of the hash, from 4,096 to 16,384.
        iterations: i32,
        /// Random, by the client.
        salt: Slice,
        /// The password after that many iterations.
        salted_password: Slice,
    }
}

message! {
    /// What became of each user.
    response AlterUserScramCredentials = 51, versions 0..=0, flexible 0..;
    struct AlterUserScramCredentialsResponse {
        throttle_time_ms: i32,
        results: Vec<AlterUserScramCredentialsResult>,
    }
    struct AlterUserScramCredentialsResult {
        user: Str,
        error_code: i16,
        error_message: Option<Str>,
    }
}
