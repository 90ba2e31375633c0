//! DescribeUserScramCredentials: who has SCRAM passwords, by which mechanisms (KIP-554).

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::vec::Vec;

use super::{ApiError, View};
use crate::error_code::ErrorCode;
use crate::metadata::ScramMechanism;
use crate::wire::Str;
use crate::wire::messages::describe_user_scram_credentials::{
    CredentialInfo, DescribeUserScramCredentialsRequest, DescribeUserScramCredentialsResponse,
    DescribeUserScramCredentialsResult,
};

/// Tells each user that was asked for, or with none all that have a password. Nothing of the passwords is told.
#[must_use]
pub fn handle(request: &DescribeUserScramCredentialsRequest, view: View<'_>) -> DescribeUserScramCredentialsResponse {
    let asked = request.users.as_deref().unwrap_or_default();
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    if asked.is_empty() {
        times.extend(view.image.scram_credentials.keys().map(|(user, _)| (user.as_str(), 1)));
    }
    for user in asked {
        *times.entry(&user.name).or_default() += 1;
    }
    // Kafka has no null for no words, although the answer could.
    let no_words = || Some(Str::default());
    let results = times.into_iter().map(|(user, times)| match describe(user, times, view) {
        Ok(credential_infos) => DescribeUserScramCredentialsResult {
            user: user.into(),
            credential_infos,
            error_message: no_words(),
            ..Default::default()
        },
        Err(error) => DescribeUserScramCredentialsResult {
            user: user.into(),
            error_code: error.code.number(),
            error_message: error.message(),
            ..Default::default()
        },
    });
    DescribeUserScramCredentialsResponse { error_message: no_words(), results: results.collect(), ..Default::default() }
}

fn describe(user: &str, times: usize, view: View<'_>) -> Result<Vec<CredentialInfo>, ApiError> {
    if times > 1 {
        let message = format!("Cannot describe SCRAM credentials for the same user twice in a single request: {user}");
        return Err(ApiError::new(ErrorCode::DuplicateResource, message));
    }
    let info = |mechanism: ScramMechanism| {
        let credential = view.image.scram_credentials.get(&(user.into(), mechanism))?;
        let (mechanism, iterations) = (mechanism.number(), credential.iterations);
        Some(CredentialInfo { mechanism, iterations, ..Default::default() })
    };
    let infos: Vec<_> = [ScramMechanism::Sha256, ScramMechanism::Sha512].into_iter().filter_map(info).collect();
    if infos.is_empty() {
        let message = format!("Attempt to describe a user credential that does not exist: {user}");
        return Err(ApiError::new(ErrorCode::ResourceNotFound, message));
    }
    Ok(infos)
}
