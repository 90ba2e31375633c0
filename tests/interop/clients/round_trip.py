"""librdkafka, for the round trip: it fills topics, goes on writing until the broker dies, and reads all that there is.

    round_trip.py fill ADDRESS           makes the topics and their records; prints nothing
    round_trip.py more ADDRESS STAGE     adds records to every partition, and a topic of its own, named after the stage
    round_trip.py load ADDRESS OUT       prints a line once much is acknowledged, and writes on until its standard input
                                         ends; then OUT has what was acknowledged: [topic, partition, offset, key]
    round_trip.py read ADDRESS OUT       OUT has all topics with their ids, configs, offsets, records and what a group has committed

Ends with a traceback and status 1 where something is not as it should be.
"""

import base64
import hashlib
import json
import random
import sys
import threading
import time
from pathlib import Path

from confluent_kafka import (
    OFFSET_BEGINNING, AcknowledgeType, Consumer, ConsumerGroupTopicPartitions, KafkaError, Producer, ShareConsumer, TopicCollection,
    TopicPartition)
from confluent_kafka.admin import AdminClient, ConfigResource, ConfigSource, NewTopic, OffsetSpec

import suite
from suite import WAIT_S

sys.path.append(str(Path(__file__).resolve().parent.parent))
from group_configs import configure_group

EPOCH_MS = 1_700_000_000_000
CODECS = ["none", "gzip", "snappy", "lz4", "zstd"]
KEEP = {"retention.ms": "-1"}
SMALL_SEGMENTS = KEEP | {"segment.bytes": str(1 << 20)}
# All of them values that are not the default.
CONFIGURED = {
    "retention.ms": "-1",
    "retention.bytes": "123456789012",
    "max.message.bytes": "2000000",
    "min.insync.replicas": "1",
    "message.timestamp.before.max.ms": "9000000000000",
    "index.interval.bytes": "512",
    "segment.index.bytes": "65536",
    "segment.jitter.ms": "10",
    "flush.messages": "7",
    "flush.ms": "60000",
    "file.delete.delay.ms": "100",
    "compression.type": "producer",
}
# What each topic is made with: partitions and configs.
TOPICS = {
    "plain": (1, KEEP),
    "several": (4, KEEP),
    "empty": (2, KEEP),
    "append-time": (2, KEEP | {"message.timestamp.type": "LogAppendTime"}),
    "small-segments": (2, SMALL_SEGMENTS),
    "moved": (2, SMALL_SEGMENTS),
    "keys": (1, {"cleanup.policy": "compact", "segment.bytes": str(1 << 20), "min.cleanable.dirty.ratio": "0.01"}),
    "idempotent": (2, KEEP),
    "configured": (1, CONFIGURED),
    "doomed": (3, KEEP),
    "reborn": (2, KEEP),
    "tasks": (1, KEEP),
    **{f"codec-{codec}": (1, SMALL_SEGMENTS) for codec in CODECS},
}
# Where DeleteRecords moves the start to: inside a segment that is not the first.
MOVED_TO = {0: 1_200, 1: 10}
KEYED = 2_500  # records, until they are compacted
GROUP = "round-trip"
SHARE_GROUP = "round-trip-share"
TAKEN = 10  # records that the share group accepts at each stage
LOADED = ["several", "small-segments", "codec-zstd"]
ENOUGH = 3_000  # acknowledged, before the broker may die


def main():
    command, address, *rest = sys.argv[1:]
    {"fill": fill, "more": more, "load": load, "read": read}[command](address, *rest)


def fill(address):
    admin = AdminClient({"bootstrap.servers": address})
    create(admin, TOPICS)
    for topic in ("plain", "several", "append-time", "configured", "doomed", "reborn", "tasks"):
        produce(address, topic, TOPICS[topic][0], count=600, size=40)
    for topic in ("small-segments", "moved"):
        produce(address, topic, TOPICS[topic][0], count=3_000, size=2_000)
    produce(address, "idempotent", 2, count=1_000, size=40, **{"enable.idempotence": True})
    produce(address, "keys", 1, count=KEYED, size=2_000, keys=40)
    for codec in CODECS:
        produce(address, f"codec-{codec}", 1, count=1_500, size=1_600, **{"compression.type": codec})
    answers = admin.delete_records([TopicPartition("moved", partition, offset) for partition, offset in MOVED_TO.items()])
    moved = {each.partition: answer.result(WAIT_S).low_watermark for each, answer in answers.items()}
    suite.expect("log starts after DeleteRecords", moved, MOVED_TO)
    done(admin.delete_topics(["doomed", "reborn"]))
    suite.await_value(lambda: set(admin.list_topics(timeout=WAIT_S).topics), lambda names: not names & {"doomed", "reborn"})
    create(admin, {"reborn": (1, KEEP)})
    produce(address, "reborn", 1, count=50, size=40)
    commit(address, {("plain", 0): 100, ("several", 0): 150, ("several", 3): 7})
    configure_group(address, SHARE_GROUP, {"share.auto.offset.reset": "earliest"})
    take(address, 0)
    keys = TopicPartition("keys", 0)
    suite.await_value(lambda: len(consume(address, [keys])["keys", 0]), lambda count: count < KEYED)


def more(address, stage):
    admin = AdminClient({"bootstrap.servers": address})
    stages = sum(name.startswith("made-by-") for name in admin.list_topics(timeout=WAIT_S).topics)
    take(address, TAKEN * (1 + stages))
    mine = f"made-by-{stage}"
    create(admin, {mine: (2, KEEP | {"segment.ms": "3600000"})})
    for name, topic in sorted(admin.list_topics(timeout=WAIT_S).topics.items()):
        if not name.startswith("__"):
            codec = {"compression.type": name.removeprefix("codec-")} if name.startswith("codec-") else {}
            produce(address, name, len(topic.partitions), count=300, size=300, keys=40,
                    **{"enable.idempotence": name == "idempotent"}, **codec)
    commit(address, {("several", 0): 151, (mine, 1): 50})


def commit(address, offsets):
    """As a consumer does that is in no group's generation."""
    consumer = Consumer({"bootstrap.servers": address, "group.id": GROUP, "enable.auto.commit": False})
    places = [TopicPartition(topic, partition, offset, metadata=f"read up to {offset}") for (topic, partition), offset in offsets.items()]
    suite.expect("errors of a commit", [each.error for each in consumer.commit(offsets=places, asynchronous=False) if each.error], [])
    consumer.close()


def take(address, first):
    """The share group, which has accepted all records of a topic before this one, is delivered none of those, accepts some
    more and gives the others back."""
    consumer = ShareConsumer({"bootstrap.servers": address, "group.id": SHARE_GROUP, "share.acknowledgement.mode": "explicit"})
    consumer.subscribe(["tasks"])
    wanted, accepted, delivered = set(range(first, first + TAKEN)), set(), set()
    deadline = time.monotonic() + WAIT_S
    while accepted != wanted and time.monotonic() < deadline:
        for message in consumer.poll(0.5):
            suite.expect("error of a record", message.error(), None)
            is_wanted = message.offset() in wanted
            consumer.acknowledge(message, AcknowledgeType.ACCEPT if is_wanted else AcknowledgeType.RELEASE)
            delivered.add(message.offset())
            accepted |= {message.offset()} if is_wanted else set()
        suite.expect("errors of an acknowledgement", [error for error in consumer.commit_sync(WAIT_S).values() if error], [])
    consumer.close()
    suite.expect("accepted", sorted(accepted), sorted(wanted))
    suite.expect("the first that was delivered", min(delivered), first)


def produce(address, topic, partitions, count, size, keys=None, **settings):
    """Records to the partitions in turn; from a fixed seed, with times that do not always rise."""
    draw = random.Random(f"{topic} {count}")
    producer = Producer({"bootstrap.servers": address, "acks": "all", "linger.ms": 2, "delivery.timeout.ms": WAIT_S * 1000} | settings)
    errors = []

    def report(error, message):
        if error:
            errors.append(error)

    for index in range(count):
        value = draw.randbytes(size // 2).hex().encode() if draw.random() > 0.02 else None
        key = f"{topic}-{draw.randrange(keys) if keys else index}".encode()
        headers = [("index", str(index).encode()), ("none", None)] if index % 3 == 0 else []
        # Each a second after the one before, but for a few that lie back.
        timestamp = EPOCH_MS + 1_000 * index - (30_000 if draw.random() < 0.1 else 0)
        producer.produce(topic, value, key, index % partitions, on_delivery=report, timestamp=timestamp, headers=headers)
        if index % 500 == 499:
            producer.flush(WAIT_S)
    suite.expect(f"records not delivered to {topic}", (producer.flush(WAIT_S), errors), (0, []))


def load(address, out):
    producer = Producer({"bootstrap.servers": address, "acks": "all", "enable.idempotence": True, "linger.ms": 1,
                         "log_level": 0, "queue.buffering.max.messages": 5_000})
    acknowledged, is_told = [], False
    draw = random.Random(7)
    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()

    def report(error, message):
        if not error:
            acknowledged.append([message.topic(), message.partition(), message.offset(), message.key().decode()])

    index = 0
    while not ended.is_set():
        topic = LOADED[index % len(LOADED)]
        partition = index // len(LOADED) % TOPICS[topic][0]
        try:
            producer.produce(topic, draw.randbytes(500), f"load-{index}".encode(), partition, on_delivery=report)
            index += 1
        except BufferError:
            producer.poll(0.05)
        producer.poll(0)
        if len(acknowledged) >= ENOUGH and not is_told:
            is_told = True
            print("much is acknowledged", flush=True)
    producer.poll(0)
    with open(out, "w") as file:
        json.dump(list(acknowledged), file)


def read(address, out):
    admin = AdminClient({"bootstrap.servers": address})
    names = [name for name in admin.list_topics(timeout=WAIT_S).topics if not name.startswith("__")]
    topics = {}
    for name, answer in admin.describe_topics(TopicCollection(names)).items():
        topic = answer.result(WAIT_S)
        topics[name] = {"id": str(topic.topic_id), "partitions": {each.id: {} for each in topic.partitions}}
    for resource, answer in admin.describe_configs([ConfigResource(ConfigResource.Type.TOPIC, name) for name in names]).items():
        entries = answer.result(WAIT_S).values()
        topics[resource.name]["configs"] = {each.name: each.value for each in entries}
        topics[resource.name]["overrides"] = sorted(each.name for each in entries if each.source == ConfigSource.DYNAMIC_TOPIC_CONFIG.value)
    places = [TopicPartition(name, partition) for name, topic in topics.items() for partition in topic["partitions"]]
    for at in ("earliest", "latest", "max_timestamp"):
        # A broker that has just started may say a new leader epoch before it goes by it.
        asked = dict.fromkeys(places, getattr(OffsetSpec, at)())
        answers = suite.await_value(lambda: {place: answer.result(WAIT_S) for place, answer in admin.list_offsets(asked).items()}, bool)
        for place, found in answers.items():
            topics[place.topic]["partitions"][place.partition][at] = [found.offset, found.timestamp]
    for (name, partition), records in consume(address, places).items():
        topics[name]["partitions"][partition]["records"] = records
    by_time(admin, topics)
    [answer] = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(GROUP, places)]).values()
    for each in answer.result(WAIT_S).topic_partitions:
        topics[each.topic]["partitions"][each.partition]["committed"] = [each.offset, each.metadata]
    with open(out, "w") as file:
        json.dump(topics, file)


def consume(address, places):
    consumer = Consumer({
        "bootstrap.servers": address,
        "group.id": "not-used",  # the client insists on a name; reading by assignment asks for no group
        "enable.auto.commit": False,
        "enable.partition.eof": True,
        "check.crcs": True,
    })
    consumer.assign([TopicPartition(place.topic, place.partition, OFFSET_BEGINNING) for place in places])
    got = {(place.topic, place.partition): [] for place in places}
    unread = set(got)
    deadline = time.monotonic() + WAIT_S
    while unread:
        if time.monotonic() > deadline:
            raise AssertionError(f"not read to the end: {sorted(unread)}")
        for message in consumer.consume(5_000, timeout=0.1):
            key = (message.topic(), message.partition())
            if message.error():
                suite.expect(f"error of {key}", message.error().code(), KafkaError._PARTITION_EOF)
                unread.discard(key)
            else:
                got[key].append(shown(message))
    consumer.close()
    return got


def by_time(admin, topics):
    """Where ListOffsets finds the times of some records, and a little after them."""
    asked = {}
    for name, topic in topics.items():
        for partition, found in topic["partitions"].items():
            found["by time"] = {}
            for record in found["records"][::max(1, len(found["records"]) // 3)]:
                asked.setdefault(record["timestamp"], []).append(TopicPartition(name, partition))
                asked.setdefault(record["timestamp"] + 1, []).append(TopicPartition(name, partition))
    pending = [(timestamp, admin.list_offsets({place: OffsetSpec.for_timestamp(timestamp) for place in places}))
               for timestamp, places in asked.items()]
    for timestamp, answers in pending:
        for place, answer in answers.items():
            found = answer.result(WAIT_S)
            topics[place.topic]["partitions"][place.partition]["by time"][timestamp] = [found.offset, found.timestamp]


def shown(message):
    timestamp_type, timestamp = message.timestamp()
    value = message.value()
    return {
        "offset": message.offset(),
        "timestampType": timestamp_type,
        "timestamp": timestamp,
        "key": message.key().decode(),
        "value": value if value is None else f"{len(value)} bytes, {hashlib.sha256(value).hexdigest()}",
        "headers": [[name, None if value is None else base64.b64encode(value).decode()] for name, value in message.headers() or []],
        "leaderEpoch": message.leader_epoch(),
    }


def create(admin, topics):
    done(admin.create_topics([NewTopic(name, count, 1, config=configs) for name, (count, configs) in topics.items()]))
    for name, (count, _) in topics.items():
        is_there = lambda: len(admin.list_topics(name, timeout=WAIT_S).topics[name].partitions)
        suite.await_value(is_there, lambda found: found == count)


def done(futures):
    for future in futures.values():
        future.result(WAIT_S)


if __name__ == "__main__":
    main()
