//! The codecs undo what others did, and hostile data neither gets through nor costs more than it may.

use std::io::Write as _;

use flate2::Compression as Effort;
use flate2::write::GzEncoder;
use lz4_flex::frame::{BlockMode, BlockSize, FrameEncoder, FrameInfo};
use ottla_core::records::{Compression, DecompressError, OutputLimit, decompress};
use proptest::prelude::*;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

const LIMIT: OutputLimit = OutputLimit::of_bytes(64 << 20);
const CODECS: [Compression; 4] = [Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd];

fn compress(codec: Compression, plain: &[u8]) -> Vec<u8> {
    match codec {
        Compression::None => plain.to_vec(),
        Compression::Gzip => gzip(plain),
        Compression::Snappy => framed_snappy(plain, 32 << 10),
        Compression::Lz4 => lz4(plain, FrameInfo::new()),
        Compression::Zstd => compress_to_vec(plain, CompressionLevel::Fastest),
    }
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Effort::default());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn bare_snappy(plain: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(plain).unwrap()
}

/// As the Java library does it, which most clients follow.
fn framed_snappy(plain: &[u8], chunk: usize) -> Vec<u8> {
    let mut framed = b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01".to_vec();
    for chunk in plain.chunks(chunk) {
        let block = bare_snappy(chunk);
        framed.extend_from_slice(&(block.len() as u32).to_be_bytes());
        framed.extend_from_slice(&block);
    }
    framed
}

fn lz4(plain: &[u8], info: FrameInfo) -> Vec<u8> {
    let mut encoder = FrameEncoder::with_frame_info(info, Vec::new());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn plains() -> Vec<Vec<u8>> {
    let mut state = 1u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    let text: Vec<u8> = (0..40_000).flat_map(|n| format!("record {n}, ").into_bytes()).collect();
    vec![Vec::new(), vec![7], vec![0; 1_000_000], text, (0..300_000).map(|_| noise()).collect()]
}

#[test]
fn what_was_compressed_comes_back() {
    for plain in plains() {
        for codec in CODECS {
            let back = decompress(codec, &compress(codec, &plain), LIMIT).unwrap();
            assert!(back == plain, "{codec:?}, {} bytes", plain.len());
        }
    }
}

#[test]
fn snappy_comes_bare_as_well() {
    for plain in plains() {
        assert!(decompress(Compression::Snappy, &bare_snappy(&plain), LIMIT).unwrap() == plain);
    }
}

#[test]
fn members_and_frames_may_follow_each_other() {
    for codec in [Compression::Gzip, Compression::Snappy, Compression::Zstd] {
        let data = [compress(codec, b"one "), compress(codec, b"two")].concat();
        assert_eq!(decompress(codec, &data, LIMIT).unwrap(), b"one two", "{codec:?}");
    }
}

#[test]
fn lz4_frames_may_have_any_block_size_and_checksums_but_no_linked_blocks() {
    let plain = &plains()[3];
    for size in [BlockSize::Max64KB, BlockSize::Max256KB, BlockSize::Max1MB, BlockSize::Max4MB] {
        for checksums in [false, true] {
            let info = FrameInfo::new()
                .block_size(size)
                .block_checksums(checksums)
                .content_checksum(checksums)
                .content_size(checksums.then_some(plain.len() as u64));
            assert!(decompress(Compression::Lz4, &lz4(plain, info), LIMIT).unwrap() == *plain);
        }
    }
    let linked = lz4(plain, FrameInfo::new().block_mode(BlockMode::Linked));
    assert!(matches!(decompress(Compression::Lz4, &linked, LIMIT), Err(DecompressError::Damaged { .. })));
}

#[test]
fn gzip_headers_may_have_extra_fields_and_names() {
    let member = gzip(b"hello");
    let mut header = member[..10].to_vec();
    header[3] = 0x02 | 0x04 | 0x08 | 0x10;
    header.extend_from_slice(b"\x03\x00abcname\0comment\0\0\0");
    assert_eq!(decompress(Compression::Gzip, &[&header, &member[10..]].concat(), LIMIT).unwrap(), b"hello");
}

#[test]
fn output_stops_at_the_limit() {
    let plain = vec![0; 20 << 20];
    for codec in CODECS {
        let data = compress(codec, &plain);
        let limit_bytes = 1 << 20;
        assert_eq!(
            decompress(codec, &data, OutputLimit::of_bytes(limit_bytes)),
            Err(DecompressError::TooLarge { limit_bytes }),
            "{codec:?}"
        );
        let exact = compress(codec, &plain[..limit_bytes]);
        assert_eq!(
            decompress(codec, &exact, OutputLimit::of_bytes(limit_bytes)).unwrap().len(),
            limit_bytes,
            "{codec:?}"
        );
    }
}

#[test]
fn a_claimed_size_is_not_believed() {
    // Snappy's length says 128 MiB, and there are ten bytes.
    let lie = [&[0x80, 0x80, 0x80, 0x40][..], &[0; 10]].concat();
    assert!(matches!(
        decompress(Compression::Snappy, &lie, OutputLimit::of_bytes(1 << 30)),
        Err(DecompressError::Damaged { .. })
    ));
    let chunk = [&b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01"[..], &[0x7f, 0xff, 0xff, 0xff]].concat();
    assert!(matches!(decompress(Compression::Snappy, &chunk, LIMIT), Err(DecompressError::Damaged { .. })));
}

#[test]
fn data_that_was_cut_or_changed_is_noticed_where_the_codec_can() {
    let plain = &plains()[3];
    for codec in CODECS {
        let data = compress(codec, plain);
        for at in [0, 1, 5, data.len() / 2, data.len() - 1] {
            let cut = decompress(codec, &data[..at], LIMIT);
            assert!(cut.as_ref() != Ok(plain), "{codec:?} cut at {at}");
        }
    }
    let mut data = gzip(plain);
    let trailer = data.len() - 6;
    data[trailer] ^= 1;
    assert!(decompress(Compression::Gzip, &data, LIMIT).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    #[test]
    fn no_data_panics(codec in 0..4usize, data in prop::collection::vec(any::<u8>(), 0..400)) {
        let out = decompress(CODECS[codec], &data, OutputLimit::of_bytes(1 << 20));
        prop_assert!(out.is_err() || out.unwrap().len() <= 1 << 20);
    }

    #[test]
    fn no_damaged_data_panics(
        codec in 0..4usize,
        plain in prop::collection::vec(0..4u8, 0..3_000),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut data = compress(CODECS[codec], &plain);
        for (at, value) in damage {
            let at = at.index(data.len());
            data[at] = value;
        }
        let out = decompress(CODECS[codec], &data, OutputLimit::of_bytes(1 << 20));
        prop_assert!(out.is_err() || out.unwrap().len() <= 1 << 20);
    }
}
