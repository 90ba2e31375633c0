//! The codec beside that of the `kafka-protocol` crate: the same messages, decoded and encoded by both in one run.
//!
//! - Decoding begins with a frame in memory and ends when the message is dropped.
//! - Encoding ends with the message in a buffer of its own. `kafka_protocol` lets that buffer grow, as its documentation
//!   does; `kafka_protocol_sized` computes the size first, as `ottla` does.
//! - `ottla_frame` ends as the broker's answers do, ready for a vectored write: record sets are not copied.

fn main() {
    divan::main();
}

macro_rules! compare {
    ($($module:ident: $file:ident::$message:ident, versions $versions:expr;)*) => { $(
        mod $module {
            use ottla_bench_codec::{messages, pair};

            type Pair = pair::Pair<ottla_core::wire::messages::$file::$message, kafka_protocol::messages::$message>;

            /// The newest, and those that differ in form: without topic ids, not flexible.
            const VERSIONS: &[i16] = &$versions;

            fn pair(version: i16) -> Pair {
                Pair::of(messages::$module(), version)
            }

            mod decode {
                use divan::Bencher;

                #[divan::bench(args = super::VERSIONS)]
                fn ottla(bencher: Bencher<'_, '_>, version: i16) {
                    let pair = super::pair(version);
                    bencher.bench_local(|| pair.decode_ours());
                }

                #[divan::bench(args = super::VERSIONS)]
                fn kafka_protocol(bencher: Bencher<'_, '_>, version: i16) {
                    let pair = super::pair(version);
                    bencher.bench_local(|| pair.decode_theirs());
                }
            }

            mod encode {
                use divan::Bencher;

                #[divan::bench(args = super::VERSIONS)]
                fn ottla(bencher: Bencher<'_, '_>, version: i16) {
                    let pair = super::pair(version);
                    bencher.bench_local(|| pair.encode_ours());
                }

                #[divan::bench(args = super::VERSIONS)]
                fn ottla_frame(bencher: Bencher<'_, '_>, version: i16) {
                    let pair = super::pair(version);
                    bencher.bench_local(|| pair.encode_ours_to_frame());
                }

                #[divan::bench(args = super::VERSIONS)]
                fn kafka_protocol(bencher: Bencher<'_, '_>, version: i16) {
                    let pair = super::pair(version);
                    bencher.bench_local(|| pair.encode_theirs());
                }

                #[divan::bench(args = super::VERSIONS)]
                fn kafka_protocol_sized(bencher: Bencher<'_, '_>, version: i16) {
                    let pair = super::pair(version);
                    bencher.bench_local(|| pair.encode_theirs_sized());
                }
            }
        }
    )* };
}

compare! {
    produce_request: produce::ProduceRequest, versions [13, 12, 8];
    fetch_response: fetch::FetchResponse, versions [18, 12, 11];
    metadata_response: metadata::MetadataResponse, versions [13, 8];
    offset_commit_request: offset_commit::OffsetCommitRequest, versions [9, 7];
    join_group_request: join_group::JoinGroupRequest, versions [9, 5];
    join_group_response: join_group::JoinGroupResponse, versions [9, 5];
}
