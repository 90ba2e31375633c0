//! DescribeUserScramCredentials: who has SCRAM passwords.

use alloc::vec::Vec;

use crate::Str;

message! {
    /// Asks for users (KIP-554).
    request DescribeUserScramCredentials = 50, versions 0..=0, flexible 0..;
    struct DescribeUserScramCredentialsRequest {
        /// Null or empty for all.
        users: Option<Vec<UserName>>,
    }
    struct UserName {
        name: Str,
    }
}

message! {
    /// Mechanisms and iterations, nothing of the passwords.
    response DescribeUserScramCredentials = 50, versions 0..=0, flexible 0..;
    struct DescribeUserScramCredentialsResponse {
        throttle_time_ms: i32,
        error_code: i16,
        error_message: Option<Str>,
        results: Vec<DescribeUserScramCredentialsResult>,
    }
    struct DescribeUserScramCredentialsResult {
        user: Str,
        error_code: i16,
        error_message: Option<Str>,
        credential_infos: Vec<CredentialInfo>,
    }
    struct CredentialInfo {
        /// 1 SCRAM-SHA-256, 2 SCRAM-SHA-512.
        mechanism: i8,
        iterations: i32,
    }
}
