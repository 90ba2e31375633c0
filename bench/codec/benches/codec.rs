//! The codec beside that of the `kafka-protocol` crate: the same messages, decoded and encoded by both in one run.
//!
//! - Decoding begins with a frame in memory and ends when the message is dropped.
//! - Encoding ends when a buffer with the message is dropped. `kafka_protocol` lets that buffer grow, as its documentation
//!   does; `kafka_protocol_sized` computes the size first.
//! - `ottla_frame` ends as the broker's answers do, ready for a vectored write: record sets are not copied.
//!
//! A sample is 32 of them, far shorter than what the system gives a process at a time: whatever else the machine does, the
//! fastest of the many samples were not disturbed, so they are what to compare. What is made is dropped within what is
//! measured: kept for later, each would lie in fresh memory, and the time would be that of its page faults.

use std::time::Duration;

/// For each row: thousands of samples of all but the largest.
const ROW_TIME: Duration = Duration::from_millis(400);

/// How often a sample does what it measures.
const SAMPLE_SIZE: u32 = 32;

fn main() {
    divan::Divan::default().min_time(ROW_TIME).sample_size(SAMPLE_SIZE).config_with_args().main();
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
                use divan::{Bencher, black_box};

                #[divan::bench(args = super::VERSIONS)]
                fn ottla(bencher: Bencher<'_, '_>, version: i16) {
                    let pair = super::pair(version);
                    bencher.bench_local(|| drop(black_box(pair.encode_ours())));
                }

                #[divan::bench(args = super::VERSIONS)]
                fn ottla_frame(bencher: Bencher<'_, '_>, version: i16) {
                    let pair = super::pair(version);
                    bencher.bench_local(|| drop(black_box(pair.encode_ours_to_frame())));
                }

                #[divan::bench(args = super::VERSIONS)]
                fn kafka_protocol(bencher: Bencher<'_, '_>, version: i16) {
                    let pair = super::pair(version);
                    bencher.bench_local(|| drop(black_box(pair.encode_theirs())));
                }

                #[divan::bench(args = super::VERSIONS)]
                fn kafka_protocol_sized(bencher: Bencher<'_, '_>, version: i16) {
                    let pair = super::pair(version);
                    bencher.bench_local(|| drop(black_box(pair.encode_theirs_sized())));
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
