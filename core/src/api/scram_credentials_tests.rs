//! Passwords that are set, removed and told, in the words of Apache Kafka 4.3.1, whose answers these are.

use alloc::string::String;
use alloc::vec;

use super::*;
use crate::api::describe_user_scram_credentials;
use crate::api::testing::Cluster;
use crate::metadata::METADATA_VERSION;
use crate::wire::messages::alter_user_scram_credentials::ScramCredentialDeletion;
use crate::wire::messages::describe_user_scram_credentials::{
    DescribeUserScramCredentialsRequest, DescribeUserScramCredentialsResult, UserName,
};

type Told = Vec<(String, i16, Option<String>)>;

fn cluster() -> Cluster {
    let mut cluster = Cluster::new();
    cluster.image.features.insert(METADATA_VERSION.into(), 30);
    cluster
}

fn set(name: &str, mechanism: i8, iterations: i32) -> ScramCredentialUpsertion {
    ScramCredentialUpsertion {
        name: name.into(),
        mechanism,
        iterations,
        salt: b"salt"[..].into(),
        salted_password: b"12345678"[..].into(),
        ..Default::default()
    }
}

fn remove(name: &str, mechanism: i8) -> ScramCredentialDeletion {
    ScramCredentialDeletion { name: name.into(), mechanism, ..Default::default() }
}

/// Changes passwords and has the records applied.
fn alter(
    cluster: &mut Cluster,
    deletions: Vec<ScramCredentialDeletion>,
    upsertions: Vec<ScramCredentialUpsertion>,
) -> Told {
    let request = AlterUserScramCredentialsRequest { deletions, upsertions, ..Default::default() };
    let change = handle(&request, cluster.view());
    for record in &change.records {
        cluster.image.apply(record, &mut Default::default()).expect("a good record");
    }
    let told = |result: AlterUserScramCredentialsResult| {
        (String::from(&*result.user), result.error_code, result.error_message.as_deref().map(String::from))
    };
    change.response.results.into_iter().map(told).collect()
}

fn told(user: &str, code: ErrorCode, message: &str) -> (String, i16, Option<String>) {
    let message = (!message.is_empty()).then(|| String::from(message));
    (user.into(), code.number(), message)
}

const TWICE: &str = "A user credential cannot be altered twice in the same request";
const MISSING: &str = "Attempt to delete a user credential that does not exist";

#[test]
fn what_is_kept_of_a_password_is_what_kafka_keeps() {
    let mut cluster = cluster();
    // The example of RFC 7677: the password "pencil", salted 4,096 times.
    let salted = [
        0xc4, 0xa4, 0x95, 0x10, 0x32, 0x3a, 0xb4, 0xf9, 0x52, 0xca, 0xc1, 0xfa, 0x99, 0x44, 0x19, 0x39, 0xe7, 0x8e,
        0xa7, 0x4d, 0x6b, 0xe8, 0x1d, 0xdf, 0x70, 0x96, 0xe8, 0x75, 0x13, 0xdc, 0x61, 0x5d,
    ];
    let upsertion = ScramCredentialUpsertion { salted_password: salted[..].into(), ..set("user", 1, 4_096) };
    assert_eq!(alter(&mut cluster, vec![], vec![upsertion]), [told("user", ErrorCode::None, "")]);
    let credential = &cluster.image.scram_credentials[&("user".into(), ScramMechanism::Sha256)];
    assert_eq!((&credential.salt[..], credential.iterations), (&b"salt"[..], 4_096));
    let (stored, server) = keys(ScramMechanism::Sha256, &salted);
    assert_eq!((&credential.stored_key[..], &credential.server_key[..]), (&stored[..], &server[..]));
    let begin_with = |(stored, server): &(Vec<u8>, Vec<u8>)| (stored[..4].to_vec(), server[..4].to_vec());
    assert_eq!(begin_with(&(stored, server)), (vec![0x58, 0x6e, 0x5d, 0xf2], vec![0xc1, 0xf3, 0xcb, 0xc1]));
    let of_512 = keys(ScramMechanism::Sha512, &salted);
    assert_eq!(begin_with(&of_512), (vec![0x65, 0xcc, 0x4e, 0xac], vec![0xa5, 0xac, 0xb3, 0x3d]));
}

#[test]
fn a_refusal_says_why_in_kafkas_words() {
    let mut cluster = cluster();
    let mut sets = |upsertion| alter(&mut cluster, vec![], vec![upsertion]);
    assert_eq!(sets(set("a", 1, 4_095)), [told("a", ErrorCode::UnacceptableCredential, "Too few iterations")]);
    assert_eq!(sets(set("a", 1, 16_385)), [told("a", ErrorCode::UnacceptableCredential, "Too many iterations")]);
    assert_eq!(sets(set("a", 9, 4_096)), [told("a", ErrorCode::UnsupportedSaslMechanism, "Unknown SCRAM mechanism")]);
    assert_eq!(sets(set("", 1, 4_096)), [told("", ErrorCode::UnacceptableCredential, "Username must not be empty")]);
    let empty = ScramCredentialUpsertion { salted_password: Default::default(), ..set("a", 1, 4_096) };
    assert_eq!(sets(empty), [told("a", ErrorCode::UnknownServerError, "")]);
    let mut removes = |deletion| alter(&mut cluster, vec![deletion], vec![]);
    assert_eq!(removes(remove("a", 1)), [told("a", ErrorCode::ResourceNotFound, MISSING)]);
    assert_eq!(removes(remove("a", 0)), [told("a", ErrorCode::UnsupportedSaslMechanism, "Unknown SCRAM mechanism")]);
    assert_eq!(removes(remove("", 0)), [told("", ErrorCode::UnacceptableCredential, "Username must not be empty")]);
    assert_eq!(alter(&mut cluster, vec![], vec![]), []);
    cluster.image.features.insert(METADATA_VERSION.into(), 10);
    let message = "The current metadata.version does not support SCRAM";
    assert_eq!(
        alter(&mut cluster, vec![], vec![set("a", 1, 4_096)]),
        [told("a", ErrorCode::UnsupportedVersion, message)]
    );
}

#[test]
fn a_user_that_is_named_twice_does_not_change() {
    let mut cluster = cluster();
    let both = alter(&mut cluster, vec![], vec![set("a", 1, 4_096), set("a", 1, 4_097), set("b", 1, 4_096)]);
    assert_eq!(both, [told("b", ErrorCode::None, ""), told("a", ErrorCode::DuplicateResource, TWICE)]);
    let first_stays = alter(&mut cluster, vec![remove("a", 1)], vec![set("a", 2, 4_096)]);
    assert_eq!(first_stays, [told("a", ErrorCode::ResourceNotFound, MISSING)]);
    let many = alter(&mut cluster, vec![remove("z", 1), remove("b", 1)], vec![set("y", 1, 1), set("x", 2, 5_000)]);
    let expected = [
        told("b", ErrorCode::None, ""),
        told("x", ErrorCode::None, ""),
        told("y", ErrorCode::UnacceptableCredential, "Too few iterations"),
        told("z", ErrorCode::ResourceNotFound, MISSING),
    ];
    assert_eq!(many, expected);
}

#[test]
fn users_are_told_with_their_mechanisms() {
    let mut cluster = cluster();
    alter(&mut cluster, vec![], vec![set("a", 2, 5_000)]);
    alter(&mut cluster, vec![], vec![set("a", 1, 4_096), set("b", 1, 4_097)]);
    let describe = |names: &[&str]| {
        let users = names.iter().map(|name| UserName { name: (*name).into(), ..Default::default() }).collect();
        let request = DescribeUserScramCredentialsRequest { users: Some(users), ..Default::default() };
        let answer = describe_user_scram_credentials::handle(&request, cluster.view());
        let told = |result: &DescribeUserScramCredentialsResult| {
            let infos =
                result.credential_infos.iter().map(|info| (info.mechanism, info.iterations)).collect::<Vec<_>>();
            assert!(result.error_message.is_some(), "no words are no null");
            (String::from(&*result.user), result.error_code, infos)
        };
        answer.results.iter().map(told).collect::<Vec<_>>()
    };
    let a = (String::from("a"), 0, vec![(1, 4_096), (2, 5_000)]);
    assert_eq!(describe(&[]), [a.clone(), ("b".into(), 0, vec![(1, 4_097)])]);
    let not_found = ErrorCode::ResourceNotFound.number();
    assert_eq!(describe(&["a", "q"]), [a, ("q".into(), not_found, vec![])]);
    assert_eq!(describe(&["a", "a"]), [("a".into(), ErrorCode::DuplicateResource.number(), vec![])]);
}
