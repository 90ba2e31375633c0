"""What every client writes and every client must read back: the same records, fixed once, byte for byte.

The manifest is one JSON file that all client programs read:

  record_sets   name -> records; a record is {partition, timestamp_ms, key, value, headers: [[name, value], ...]} with
                keys and values in base64. null is Kafka's null, "" is empty. timestamp_ms null: the writer's clock decides.
  writers       client -> topics; a topic is {topic, check, partitions, record_set, flush_every, compression, acks,
                idempotent, offsets}. Writers wait for their records after each flush_every of them, so that a topic has
                several batches. The n-th record of a partition has offset n.
  offsets       what ListOffsets must answer for the topic: {partition, at, offset, timestamp_ms}, where `at` is earliest,
                latest, max_timestamp or a time in ms; offset -1 means that there is no such record.
  topic_configs the configs that every topic is created with. The records lie in the past: without retention.ms=-1 a
                broker may rightly delete them.
"""

import base64
import random

CODECS = ["none", "gzip", "snappy", "lz4", "zstd"]
PARTITIONS = 3
LARGE_BYTES = 900 * 1024
TOPIC_CONFIGS = {"retention.ms": "-1"}

EPOCH_MS = 1_600_000_000_000


def manifest(writers):
    return {
        "topic_configs": TOPIC_CONFIGS,
        "record_sets": {name: [encoded(record) for record in records] for name, records in RECORD_SETS.items()},
        "writers": {writer: topics_of(writer) for writer in writers},
    }


def topics_of(writer):
    if writer == "console":
        return [topic(writer, "text", check="all codecs", partitions=1)]
    # A header's value may be null, and so may key and value both, but these two refuse to write that.
    mixed = "without_rare_nulls" if writer in ("kafka-python", "kafkajs") else "mixed"
    return [
        *(topic(writer, mixed, check=codec, compression=codec) for codec in CODECS),
        topic(writer, "large", check="large", partitions=1),
        topic(writer, mixed, check="acks 0", acks=0),
        topic(writer, mixed, check="acks 1", acks=1),
        topic(writer, mixed, check="idempotent", idempotent=True),
    ]


def topic(writer, record_set, check, partitions=PARTITIONS, compression="none", acks=-1, idempotent=False):
    return {
        "topic": f"{writer}-{check.replace(' ', '-')}",
        "check": check,
        "partitions": partitions,
        "record_set": record_set,
        "flush_every": 1 if record_set == "large" else 50,
        "compression": compression,
        "acks": acks,
        "idempotent": idempotent,
        "offsets": offsets(RECORD_SETS[record_set], partitions) if check in ("none", "gzip") else [],
    }


def offsets(records, partitions):
    expected = []
    for partition in range(partitions):
        times = [record["timestamp_ms"] for record in records if record["partition"] == partition]

        def expect(at, offset):
            timestamp_ms = times[offset] if 0 <= offset < len(times) else -1
            expected.append({"partition": partition, "at": at, "offset": offset, "timestamp_ms": timestamp_ms})

        expect("earliest", 0)
        expect("latest", len(times))
        if None in times:
            continue
        expect("max_timestamp", times.index(max(times)))
        middle = times[len(times) // 2]
        for at in (0, min(times), middle, middle + 1, max(times), max(times) + 1):
            expect(at, next((offset for offset, time in enumerate(times) if time >= at), -1))
    return expected


def encoded(record):
    def base64_or_null(data):
        return None if data is None else base64.b64encode(data).decode()

    return record | {
        "key": base64_or_null(record["key"]),
        "value": base64_or_null(record["value"]),
        "headers": [[name, base64_or_null(value)] for name, value in record["headers"]],
    }


def record(partition, timestamp_ms, key, value, headers=()):
    return {"partition": partition, "timestamp_ms": timestamp_ms, "key": key, "value": value, "headers": list(headers)}


def mixed_records(rare_nulls):
    """Every corner that a record has, in each partition, among ordinary records of many sizes."""
    draw = random.Random("ottla interop: mixed")
    corners = [
        dict(key=b"key", value=b"value"),
        dict(key=None, value=b"no key"),
        dict(key=b"tombstone", value=None),
        dict(key=b"empty value", value=b""),
        dict(key=b"", value=b"empty key"),
        dict(key=None, value=b"one header", headers=[("trace", b"1")]),
        dict(key=b"k", value=b"empty header value", headers=[("empty", b"")]),
        dict(key=b"k", value=b"several headers", headers=[("a", b"1"), ("b", b"2"), ("b", b"3"), ("c", b"\x00\xff")]),
        dict(key=b"k", value=b"header name beyond ASCII", headers=[("caf\u00e9 \u2603", "\u00fcber".encode())]),
        dict(key=b"k", value=None, headers=[("why", b"deleted")]),
        dict(key=bytes(range(256)), value=bytes(reversed(range(256)))),
    ]
    if rare_nulls:
        corners.append(dict(key=None, value=None))
        corners.append(dict(key=b"k", value=b"null header value", headers=[("null", None), ("after", b"x")]))
    for size in (1, 10, 100, 1000, 5000, 20000):
        corners.append(dict(key=draw.randbytes(8), value=draw.randbytes(size)))
        corners.append(dict(key=draw.randbytes(8), value=b"all work and no play " * (size // 20 + 1)))
    while len(corners) < 60:
        words = " ".join(draw.choice(["log", "epoch", "leader", "batch", "offset"]) for _ in range(draw.randrange(40)))
        corners.append(dict(key=f"user-{draw.randrange(20)}".encode(), value=words.encode()))

    records = []
    for partition in range(PARTITIONS):
        draw.shuffle(corners)
        # Times rise, but not always, and the latest is not the last.
        times = [EPOCH_MS + partition * 1_000_000 + n * 1000 + draw.randrange(-3000, 3000) for n in range(len(corners))]
        times[len(times) * 2 // 3] = EPOCH_MS + partition * 1_000_000 + 200_000
        records += [record(partition, time, **corner) for time, corner in zip(times, corners)]
    # Interleave the partitions, so that batches of several partitions travel together.
    return [record for n in range(len(corners)) for record in records[n::len(corners)]]


def large_records():
    draw = random.Random("ottla interop: large")
    return [record(0, EPOCH_MS + n, b"large", draw.randbytes(LARGE_BYTES)) for n in range(3)]


def text_records():
    """For the console tools: one record a line, so no newline or tab. ConsoleProducer can't choose a partition or a time.

    They write them once with each codec, to one topic: each run of a tool is a new Java machine, and those add up.
    """
    records = [
        record(0, None, b"key", b"value"),
        record(0, None, None, b"no key"),
        record(0, None, b"tombstone", None),
        record(0, None, b"empty value", b""),
        record(0, None, b"", b"empty key"),
        record(0, None, b"one header", b"v", [("trace", b"1")]),
        record(0, None, b"several headers", b"v", [("a", b"1"), ("b", b"2"), ("b", b"3")]),
        record(0, None, b"odd headers", b"v", [("null", None), ("empty", b"")]),
        record(0, None, "gr\u00fc\u00dfe".encode(), "\u2603 beyond ASCII".encode()),
    ]
    records += [record(0, None, f"key-{n}".encode(), b"line " * n) for n in range(50)]
    return records * len(CODECS)


RECORD_SETS = {
    "mixed": mixed_records(rare_nulls=True),
    "without_rare_nulls": mixed_records(rare_nulls=False),
    "large": large_records(),
    "text": text_records(),
}
