//! Batches and codecs on any bytes: nothing panics, no more comes out than is allowed, and all ways of reading agree.

use bytes::Bytes;
use ottla_core::records::{
    Batch, BatchBuilder, Compression, ControlRecord, DecompressError, Decompressor, OutputLimit, ProduceRules, Record,
    RecordError, batches_of, compress, crc32c, decompress, find_batch, records_of, validate_produced,
};
use ottla_core::time::WallClock;
use ottla_core::types::{LeaderEpoch, Offset};

/// Small enough to be reached, and with a ratio that zstd and gzip can reach as well.
const LIMIT: OutputLimit = OutputLimit { max_bytes: 1 << 20, max_ratio: 100 };
const NOW: WallClock = WallClock(1_795_400_000_000);

/// Takes the first byte for a codec, and the rest for its data; or, where it is none, for a record set.
pub fn records(data: &[u8]) {
    let Some((&mode, body)) = data.split_first() else { return };
    match codec_of(mode) {
        Compression::None => record_set(body),
        codec => data_of_codec(codec, body),
    }
}

/// The input that makes [`records`] take `body` for data of a codec, or for a record set: a seed for the corpus.
#[must_use]
pub fn records_input(codec: Compression, body: &[u8]) -> Vec<u8> {
    [&[codec as u8], body].concat()
}

pub(crate) fn codec_of(byte: u8) -> Compression {
    match byte % 5 {
        1 => Compression::Gzip,
        2 => Compression::Snappy,
        3 => Compression::Lz4,
        4 => Compression::Zstd,
        _ => Compression::None,
    }
}

fn data_of_codec(codec: Compression, data: &[u8]) {
    let whole = decompress(codec, data, LIMIT);
    let mut decompressor = Decompressor::new(codec, data, LIMIT);
    let mut pieces = Vec::new();
    let result = loop {
        let before = pieces.len();
        match decompressor.read(&mut pieces) {
            Ok(true) => {}
            Ok(false) => break Ok(pieces.len() == before),
            Err(error) => break Err(error),
        }
        assert!(pieces.len() <= LIMIT.max_bytes, "{codec:?} gave {} bytes", pieces.len());
    };
    match &result {
        Ok(is_end) => assert!(*is_end, "nothing comes with the end"),
        Err(DecompressError::Damaged { .. } | DecompressError::TooLarge { .. }) => {}
        Err(error) => panic!("{error}"),
    }
    assert_eq!(whole, result.map(|_| pieces), "{codec:?} in pieces");

    let packed = compress(codec, Some(i32::from(data.first().copied().unwrap_or(0)) - 4), data);
    assert_eq!(decompress(codec, &packed, OutputLimit::default()).as_deref(), Ok(data), "{codec:?} undoes itself");
}

fn record_set(bytes: &[u8]) {
    let shared = Bytes::copy_from_slice(bytes);
    for batch in batches_of(&shared) {
        let Ok(batch) = batch else { break };
        if batch.verify().is_ok() {
            assert_eq!(find_batch(bytes, batch.position()), Some(batch.position()));
        }
        read(&batch, &shared.slice_ref(batch.bytes()));
    }
    let _ = find_batch(bytes, 1);
    produce(bytes.to_vec());
}

/// Reads a batch in each way, and builds it anew of what was read.
fn read(batch: &Batch<'_>, bytes: &Bytes) {
    let mut lent = Vec::new();
    let mut anew = Some(BatchBuilder::from_header(batch.header()));
    let result = batch.records(LIMIT).and_then(|mut reader| {
        while let Some(record) = reader.next_record()? {
            let _ = ControlRecord::decode(record.key, record.value);
            // Other writers may number records as they like.
            anew = anew.take().and_then(|mut builder| builder.keep(&record).is_ok().then_some(builder));
            let owned = Bytes::from([record.key.unwrap_or_default(), record.value.unwrap_or_default()].concat());
            lent.push((record.offset, record.timestamp, owned, record.headers.len()));
        }
        Ok(())
    });
    let mut handed = 0;
    let fast = batch.records(LIMIT).and_then(|reader| {
        reader.try_for_each(|index, _| {
            assert_eq!(index, handed);
            handed += 1;
            Ok::<_, RecordError>(())
        })
    });
    assert_eq!((&fast, handed as usize), (&result, lent.len()));

    let shared = records_of(bytes, LIMIT).and_then(|records| records.collect::<Result<Vec<_>, _>>());
    let Ok(shared) = shared else {
        // All at once, what is damaged behind the records is found before them.
        assert!(result.is_err(), "only one way of reading finds {shared:?}");
        return;
    };
    assert_eq!(result, Ok(()));
    let told = |record: &Record| {
        let (key, value) = (record.key.clone().unwrap_or_default(), record.value.clone().unwrap_or_default());
        (record.offset, record.timestamp, Bytes::from([key, value].concat()), record.headers.len())
    };
    assert_eq!(shared.iter().map(told).collect::<Vec<_>>(), lent);

    if let Some(anew) = anew {
        let again = records_of(&anew.build(), OutputLimit::default()).expect("a batch of our own");
        assert_eq!(again.map(|record| record.expect("a record of our own")).collect::<Vec<_>>(), shared);
    }
}

/// A batch that passes may be stored, and what is stored can be read.
fn produce(mut bytes: Vec<u8>) {
    let Ok(batch) = Batch::parse(&bytes) else { return };
    let size_bytes = batch.bytes().len();
    let crc = crc32c(&bytes[21..size_bytes]);
    bytes[17..21].copy_from_slice(&crc.to_be_bytes());
    let rules = ProduceRules { decompressed_max_bytes: LIMIT.max_bytes, ..ProduceRules::default() };
    let Ok(produced) = validate_produced(&bytes.into(), &rules, NOW) else { return };
    let stored = Bytes::from(produced.at(Offset(7), LeaderEpoch(3)).concat());
    let batch = Batch::parse(&stored).expect("a batch that was taken");
    assert_eq!(batch.verify(), Ok(()), "a batch that was taken");
    let count = records_of(&stored, OutputLimit::of_bytes(LIMIT.max_bytes)).expect("a batch that was taken").count();
    assert_eq!(count, batch.header().record_count as usize);
}
