//! AlterUserScramCredentials: sets and removes SCRAM passwords (KIP-554). Of a password only what proves it is kept.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::vec::Vec;

use hmac::digest::KeyInit as _;
use hmac::{Hmac, Mac as _};
use sha2::{Digest as _, Sha256, Sha512};

use super::{ApiError, Change, View};
use crate::error_code::ErrorCode;
use crate::metadata::{ScramMechanism, is_scram_supported};
use crate::wire::messages::alter_user_scram_credentials::{
    AlterUserScramCredentialsRequest, AlterUserScramCredentialsResponse, AlterUserScramCredentialsResult,
    ScramCredentialUpsertion,
};
use crate::wire::messages::metadata_records::{RemoveUserScramCredentialRecord, UserScramCredentialRecord};
use crate::wire::{MetadataRecord, Str};

const ITERATIONS_MIN: i32 = 4_096;
const ITERATIONS_MAX: i32 = 16_384;
/// Names are the client's invention: there may be so many.
const CREDENTIALS_MAX: usize = 100_000;

/// What the proofs of both sides are made of (RFC 5802).
const CLIENT_KEY: &[u8] = b"Client Key";
const SERVER_KEY: &[u8] = b"Server Key";

type Outcomes<'r> = BTreeMap<&'r str, Result<MetadataRecord, ApiError>>;

/// Plans what is asked for. Each user changes or not, whatever becomes of the others; one that is named twice does not.
#[must_use]
pub fn handle(request: &AlterUserScramCredentialsRequest, view: View<'_>) -> Change<AlterUserScramCredentialsResponse> {
    let mut outcomes = Outcomes::new();
    for deletion in &request.deletions {
        note(&mut outcomes, &deletion.name, || remove(&deletion.name, deletion.mechanism, view));
    }
    for upsertion in &request.upsertions {
        note(&mut outcomes, &upsertion.name, || set(upsertion, view));
    }
    let is_removal = |outcome: &Result<_, _>| matches!(outcome, Ok(MetadataRecord::RemoveUserScramCredential(_)));
    // Kafka tells removals first, then what was set, then what was refused.
    let rank = |outcome: &Result<_, _>| (outcome.is_err(), !is_removal(outcome));
    let mut told: Vec<_> = outcomes.into_iter().collect();
    told.sort_by_key(|(_, outcome)| rank(outcome));
    let mut records = Vec::new();
    let results = told.into_iter().map(|(user, outcome)| {
        let (error_code, error_message) = ApiError::parts(outcome.map(|record| records.push(record)));
        AlterUserScramCredentialsResult { user: user.into(), error_code, error_message, ..Default::default() }
    });
    let response = AlterUserScramCredentialsResponse { results: results.collect(), ..Default::default() };
    Change { records, response }
}

/// The first refusal of a user stays.
fn note<'r>(outcomes: &mut Outcomes<'r>, user: &'r str, plan: impl FnOnce() -> Result<MetadataRecord, ApiError>) {
    match outcomes.get(user) {
        Some(Err(_)) => {}
        Some(Ok(_)) => {
            let twice = "A user credential cannot be altered twice in the same request";
            outcomes.insert(user, Err(ApiError::new(ErrorCode::DuplicateResource, twice)));
        }
        None => drop(outcomes.insert(user, plan())),
    }
}

fn remove(name: &Str, mechanism: i8, view: View<'_>) -> Result<MetadataRecord, ApiError> {
    let known = check(name, mechanism, view)?;
    if !view.image.scram_credentials.contains_key(&((&**name).into(), known)) {
        let message = "Attempt to delete a user credential that does not exist";
        return Err(ApiError::new(ErrorCode::ResourceNotFound, message));
    }
    Ok(RemoveUserScramCredentialRecord { name: name.clone(), mechanism, ..Default::default() }.into())
}

fn set(upsertion: &ScramCredentialUpsertion, view: View<'_>) -> Result<MetadataRecord, ApiError> {
    let mechanism = check(&upsertion.name, upsertion.mechanism, view)?;
    let unacceptable = |why: &str| Err(ApiError::new(ErrorCode::UnacceptableCredential, why));
    if upsertion.iterations < ITERATIONS_MIN {
        return unacceptable("Too few iterations");
    }
    if upsertion.iterations > ITERATIONS_MAX {
        return unacceptable("Too many iterations");
    }
    let credentials = &view.image.scram_credentials;
    let is_new = !credentials.contains_key(&((&*upsertion.name).into(), mechanism));
    if is_new && credentials.len() >= CREDENTIALS_MAX {
        let message = format!("{CREDENTIALS_MAX} credentials are kept, which is the limit.");
        return Err(ApiError::new(ErrorCode::PolicyViolation, message));
    }
    let password = upsertion.salted_password.as_slice();
    if password.is_empty() {
        // Java makes no key of nothing, and Kafka has no words for it.
        return Err(ApiError::bare(ErrorCode::UnknownServerError));
    }
    let (stored_key, server_key) = keys(mechanism, password);
    let record = UserScramCredentialRecord {
        name: upsertion.name.clone(),
        mechanism: upsertion.mechanism,
        salt: upsertion.salt.clone(),
        stored_key: stored_key.into(),
        server_key: server_key.into(),
        iterations: upsertion.iterations,
        ..Default::default()
    };
    Ok(record.into())
}

fn check(name: &str, mechanism: i8, view: View<'_>) -> Result<ScramMechanism, ApiError> {
    if !is_scram_supported(&view.image.features) {
        let message = "The current metadata.version does not support SCRAM";
        return Err(ApiError::new(ErrorCode::UnsupportedVersion, message));
    }
    if name.is_empty() {
        return Err(ApiError::new(ErrorCode::UnacceptableCredential, "Username must not be empty"));
    }
    ScramMechanism::from_number(mechanism)
        .ok_or_else(|| ApiError::new(ErrorCode::UnsupportedSaslMechanism, "Unknown SCRAM mechanism"))
}

/// The hash of the client's key, and the broker's own key.
fn keys(mechanism: ScramMechanism, salted_password: &[u8]) -> (Vec<u8>, Vec<u8>) {
    match mechanism {
        ScramMechanism::Sha256 => {
            let key = |of: &[u8]| {
                let mac = Hmac::<Sha256>::new_from_slice(salted_password).expect("a key of any length will do");
                mac.chain_update(of).finalize().into_bytes()
            };
            (Sha256::digest(key(CLIENT_KEY)).to_vec(), key(SERVER_KEY).to_vec())
        }
        ScramMechanism::Sha512 => {
            let key = |of: &[u8]| {
                let mac = Hmac::<Sha512>::new_from_slice(salted_password).expect("a key of any length will do");
                mac.chain_update(of).finalize().into_bytes()
            };
            (Sha512::digest(key(CLIENT_KEY)).to_vec(), key(SERVER_KEY).to_vec())
        }
    }
}

#[cfg(test)]
#[path = "scram_credentials_tests.rs"]
mod tests;
