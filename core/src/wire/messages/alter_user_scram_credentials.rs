//! AlterUserScramCredentials: sets and removes SCRAM passwords.

use alloc::vec::Vec;

use bytes::Bytes;

use crate::wire::Str;

message! {
    /// Sets and removes SCRAM passwords.
    request AlterUserScramCredentials = 51, versions 0..=0, flexible 0..;
    struct AlterUserScramCredentialsRequest {
        deletions: Vec<ScramCredentialDeletion>,
        upsertions: Vec<ScramCredentialUpsertion>,
    }
    struct ScramCredentialDeletion {
        name: Str,
        mechanism: i8,
    }
    struct ScramCredentialUpsertion {
        name: Str,
        mechanism: i8,
        iterations: i32,
        salt: Bytes,
        salted_password: Bytes,
    }
}

message! {
    /// Sets and removes SCRAM passwords.
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
