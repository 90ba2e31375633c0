//! `cargo +nightly fuzz run decoders`
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ottla_fuzz::decoders(data));
