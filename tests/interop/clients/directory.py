"""librdkafka reads topics that Apache Kafka wrote, and compares each record with what it read from Kafka itself.

Called as  directory.py ADDRESS EXPECTED DIRECTORY:  EXPECTED is expected-records.jsonl.gz, DIRECTORY what the broker was
started on, `clean` or `crashed`. Prints a line for each isolation level, as all clients do.
"""

import base64
import gzip
import json
import sys
import time

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, TopicPartition

import suite
from suite import WAIT_S

def main():
    address, expected, directory = sys.argv[1:]
    lines = [json.loads(line) for line in gzip.open(expected, "rt")]
    for isolation in ("read_uncommitted", "read_committed"):
        partitions = {(line["topic"], line["partition"]): line for line in lines if line["isolation"] == isolation}
        with suite.check(f"{directory} {isolation}"):
            read(address, isolation, partitions)


def read(address, isolation, partitions):
    consumer = Consumer({
        "bootstrap.servers": address,
        "group.id": "not-used",
        "enable.auto.commit": False,
        "enable.partition.eof": True,
        "isolation.level": isolation,
        # Small enough that a transaction is cut by the end of an answer now and then.
        "fetch.message.max.bytes": 600,
    })
    for (topic, partition), line in partitions.items():
        # A transaction is open in the crashed directory. It is out of time: a broker aborts it as soon as it is up.
        wanted = (line["logStart"], line["highWatermark"])
        suite.await_value(lambda: consumer.get_watermark_offsets(TopicPartition(topic, partition), WAIT_S), lambda marks: marks == wanted)
    consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for topic, partition in partitions])
    got = {key: [] for key in partitions}
    unread = set(partitions)
    deadline = time.monotonic() + 4 * WAIT_S
    while unread:
        if time.monotonic() > deadline:
            raise AssertionError(f"not read to the end: {sorted(unread)}")
        message = consumer.poll(1)
        if message is None:
            continue
        key = (message.topic(), message.partition())
        if message.error():
            suite.expect("error", message.error().code(), KafkaError._PARTITION_EOF)
            unread.discard(key)
        else:
            got[key].append(shown(message))
    consumer.close()
    for key, line in partitions.items():
        for ours, kafkas in zip(got[key], line["records"]):
            suite.expect(f"a record of {key}", ours, kafkas)
        suite.expect(f"records of {key}", len(got[key]), line["count"])


def shown(message):
    timestamp_type, timestamp = message.timestamp()
    value = message.value()
    return {
        "offset": message.offset(),
        "timestampType": timestamp_type,
        "timestamp": timestamp,
        "key": base64_of(message.key()),
        "value": base64_of(value) if value is None or len(value) < 64 else {"len": len(value), "head": base64_of(value[:32])},
        "headers": [[key, base64_of(value)] for key, value in message.headers() or []],
        "leaderEpoch": message.leader_epoch(),
    }


def base64_of(value):
    return None if value is None else base64.b64encode(value).decode()


if __name__ == "__main__":
    main()
