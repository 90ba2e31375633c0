//! `cargo +nightly fuzz run records_roundtrip`
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ottla_fuzz::records_roundtrip(data));
