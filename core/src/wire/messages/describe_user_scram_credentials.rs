//! DescribeUserScramCredentials: who has SCRAM passwords.

use alloc::vec::Vec;

use crate::wire::Str;

message! {
    /// Who has SCRAM passwords.
    request DescribeUserScramCredentials = 50, versions 0..=0, flexible 0..;
    struct DescribeUserScramCredentialsRequest {
        users: Option<Vec<UserName>>,
    }
    struct UserName {
        name: Str,
    }
}

message! {
    /// Who has SCRAM passwords.
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
        mechanism: i8,
        iterations: i32,
    }
}
