//! Data that decompresses to far more than it is: it stops at the limit, and takes no more memory than that.

use allocation_counter::measure;
use ottla_core::records::{
    BatchBuilder, BuilderRecord, Compression, DecompressError, Decompressor, OutputLimit, RecordError, batches_of,
    compress, decompress,
};

const CODECS: [Compression; 4] = [Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd];
const MIB: usize = 1 << 20;
/// What a decoder keeps beside its output: windows, tables, one block.
const WORKSPACE_BYTES: usize = MIB;

/// A thousand times a megabyte of zeros.
fn bomb(codec: Compression) -> Vec<u8> {
    let zeros = vec![0; 1_000_000];
    let megabyte = compress(codec, None, &zeros);
    match codec {
        // Members, frames and chunks may follow each other.
        Compression::Gzip | Compression::Snappy | Compression::Zstd => megabyte.repeat(1_000),
        // An lz4 frame's blocks may: all but the magic, the descriptor and the end.
        _ => [&megabyte[..7], &megabyte[7..megabyte.len() - 4].repeat(1_000), &[0; 4]].concat(),
    }
}

#[test]
fn a_bomb_stops_at_the_limit_and_takes_no_more_memory_than_that() {
    for codec in CODECS {
        let bomb = bomb(codec);
        for limit_bytes in [1_000, MIB, 10 * MIB] {
            let mut result = Ok(Vec::new());
            let memory = measure(|| result = decompress(codec, &bomb, OutputLimit::of_bytes(limit_bytes)));
            assert_eq!(result, Err(DecompressError::TooLarge { limit_bytes }), "{codec:?}");
            // The output grows by doubling: for a moment there is the old and the new.
            let most_bytes = 3 * limit_bytes + WORKSPACE_BYTES;
            println!("{codec:?} of {} bytes, limit {limit_bytes}: {} bytes of memory", bomb.len(), memory.bytes_max);
            assert!(memory.bytes_max <= most_bytes as u64, "{codec:?}: {} bytes of memory", memory.bytes_max);
        }
    }
}

#[test]
fn a_bomb_that_is_read_in_pieces_takes_the_memory_of_a_piece() {
    for codec in CODECS {
        let bomb = bomb(codec);
        let mut total = 0;
        let memory = measure(|| {
            let limit = OutputLimit { max_bytes: usize::MAX, max_ratio: usize::MAX };
            let mut decompressor = Decompressor::new(codec, &bomb, limit);
            let mut piece = Vec::new();
            while total < 100 * MIB && decompressor.read(&mut piece).unwrap() {
                total += piece.len();
                piece.clear();
            }
        });
        println!("{codec:?}: {total} bytes in {} bytes of memory", memory.bytes_max);
        assert!(total >= 100 * MIB, "{codec:?} ends after {total} bytes");
        assert!(memory.bytes_max <= 2 * WORKSPACE_BYTES as u64, "{codec:?}: {} bytes of memory", memory.bytes_max);
    }
}

#[test]
fn the_ratio_stops_what_a_few_bytes_make() {
    let limit = OutputLimit { max_bytes: usize::MAX, max_ratio: 20 };
    for codec in [Compression::Gzip, Compression::Lz4, Compression::Zstd] {
        let bomb = bomb(codec);
        let limit_bytes = OutputLimit::FREE_BYTES.max(bomb.len() * 20);
        assert_eq!(
            decompress(codec, &bomb, limit).unwrap_err(),
            DecompressError::TooLarge { limit_bytes },
            "{codec:?}"
        );
    }
}

/// Records of zeros, 50 MB of them.
fn batch(codec: Compression) -> Vec<u8> {
    let mut builder = BatchBuilder::new().compression(codec, None);
    for _ in 0..500 {
        builder.push(BuilderRecord { value: Some(&[0; 100_000]), ..Default::default() });
    }
    builder.build().to_vec()
}

#[test]
fn records_are_read_one_by_one_from_a_batch_that_would_not_fit() {
    for codec in CODECS {
        let batch = batch(codec);
        let mut count = 0;
        let memory = measure(|| {
            let batch = batches_of(&batch).next().unwrap().unwrap();
            // Such zeros are denser than any honest data.
            let limit = OutputLimit { max_ratio: usize::MAX, ..OutputLimit::default() };
            let mut records = batch.records(limit).unwrap();
            while records.next_record().unwrap().is_some() {
                count += 1;
            }
        });
        println!("{codec:?}: {count} records in {} bytes of memory", memory.bytes_max);
        assert_eq!(count, 500, "{codec:?}");
        assert!(memory.bytes_max <= 2 * WORKSPACE_BYTES as u64, "{codec:?}: {} bytes of memory", memory.bytes_max);

        let batch = batches_of(&batch).next().unwrap().unwrap();
        let mut records = batch.records(OutputLimit::of_bytes(MIB)).unwrap();
        let stopped = loop {
            match records.next_record() {
                Ok(Some(_)) => {}
                other => break other.unwrap_err(),
            }
        };
        assert_eq!(stopped, RecordError::Decompress(DecompressError::TooLarge { limit_bytes: MIB }), "{codec:?}");
    }
}

#[test]
fn a_length_that_is_a_lie_allocates_nothing() {
    // A record that says it has 1 GiB, in a batch of each codec; a zstd frame that says its window is 128 MiB.
    let mut record = Vec::new();
    ottla_core::records::put_varint(&mut record, 1 << 30);
    record.extend_from_slice(&[0; 50]);
    let lies = CODECS.map(|codec| (codec, compress(codec, None, &record)));
    let window = (Compression::Zstd, [&[0x28, 0xb5, 0x2f, 0xfd, 0, 17 << 3][..], &[1, 0, 0]].concat());
    for (codec, body) in lies.into_iter().chain([window]) {
        let mut header = *batches_of(&BatchBuilder::new().build()).next().unwrap().unwrap().header();
        header.attributes = header.attributes.with_compression(codec);
        (header.record_count, header.length) = (i32::MAX, 49 + body.len() as i32);
        let bytes = [&header.to_bytes()[..], &body].concat();
        let mut result = Ok(false);
        let memory = measure(|| {
            let batch = batches_of(&bytes).next().unwrap().unwrap();
            let mut records = batch.records(OutputLimit::default()).unwrap();
            result = records.next_record().map(|record| record.is_some());
        });
        assert!(result.is_err(), "{codec:?}");
        assert!(memory.bytes_max <= WORKSPACE_BYTES as u64, "{codec:?}: {} bytes of memory", memory.bytes_max);
    }
}

#[test]
fn compression_takes_little_beside_its_output() {
    let mut state = 1u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    let data: Vec<u8> = (0..8 * MIB).map(|_| noise()).collect();
    for codec in CODECS {
        let memory = measure(|| drop(compress(codec, None, &data)));
        println!("{codec:?}: {} bytes of memory", memory.bytes_max);
        // What comes out of noise is as large; while it grows there is the old and the new, and zstd looks at it again.
        assert!(memory.bytes_max <= (4 * data.len() + WORKSPACE_BYTES) as u64, "{codec:?}: {}", memory.bytes_max);
    }
}
