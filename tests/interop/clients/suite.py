"""The checks, for the clients that are written in Python: each gives a Client, all are judged here in the same way.

A client program is called as  PROGRAM NAME write|read ADDRESS MANIFEST  and prints one line for each check:
    check <tab> pass|fail <tab> seconds <tab> what went wrong
`write` creates and fills the topics that the manifest gives to NAME, and tries the admin calls. `read`, once all have
written, reads every writer's topics. A wait has a deadline; nothing sleeps and hopes.
"""

import base64
import hashlib
import json
import sys
import time
import traceback
from collections import defaultdict, namedtuple
from contextlib import contextmanager

WAIT_S = 30

Record = namedtuple("Record", "offset timestamp_ms key value headers")
Partition = namedtuple("Partition", "index leader replicas isr")
Cluster = namedtuple("Cluster", "cluster_id controller_id brokers")  # brokers: {id: "host:port"}
Config = namedtuple("Config", "value is_default")


class Client:
    """What a client must be able to do. Failures are exceptions."""

    def __init__(self, address): ...
    def create_topics(self, partitions_by_name, configs): ...
    def is_exists_error(self, error): "Whether this error of create_topics says that the topic is there already."
    def produce(self, topic, records): "-> [(partition, offset)], in the order of records; offset None if unknown"
    def consume(self, starts, counts): "{(topic, partition): start}, {same: count} -> {same: [Record]}, at least count"
    def offset(self, topic, partition, at): "-> (offset, timestamp_ms), or (-1, -1) if there is none"
    def list_topics(self): "-> names"
    def describe_topic(self, name): "-> [Partition]"
    def describe_cluster(self): "-> Cluster"
    def topic_config(self, name, key): "-> Config"
    def broker_config(self, broker_id, key): "-> Config"
    def alter_topic_configs(self, name, configs): "Sets these; all that the topic has are among them."
    def create_partitions(self, name, total): ...
    def delete_topic(self, name): ...


def main(client_class):
    name, phase, address, manifest_path = sys.argv[1:]
    with open(manifest_path) as file:
        manifest = json.load(file)
    manifest["record_sets"] = {key: [decoded(record) for record in records] for key, records in manifest["record_sets"].items()}
    client = client_class(address)
    {"write": write, "read": read}[phase](client, name, address, manifest)


def write(client, name, address, manifest):
    topics = manifest["writers"][name]
    configs = manifest["topic_configs"]

    with check("create topics"):
        client.create_topics({topic["topic"]: topic["partitions"] for topic in topics}, configs)
        for topic in topics:
            for partition in range(topic["partitions"]):
                await_value(lambda: client.offset(topic["topic"], partition, "latest")[0], lambda offset: offset == 0)
        try:
            client.create_topics({topics[0]["topic"]: 1}, {})
        except Exception as error:
            expect("creating a topic again", client.is_exists_error(error), True, error)
        else:
            raise AssertionError("creating a topic again: no error")

    with check("describe topics"):
        for topic in topics:
            partitions = client.describe_topic(topic["topic"])
            expect("partitions", [partition.index for partition in partitions], list(range(topic["partitions"])))
            for partition in partitions:
                node = partition.leader
                expect("leader", node >= 0, True, node)
                expect("replicas", (partition.replicas, partition.isr), ([node], [node]))
        expect("listed topics", sorted({topic["topic"] for topic in topics} - set(client.list_topics())), [])

    with check("describe cluster"):
        cluster = client.describe_cluster()
        expect("brokers", list(cluster.brokers.values()), [address])
        # A KRaft broker names any live broker as the controller that clients may talk to.
        expect("controller", cluster.controller_id in cluster.brokers, True, cluster)
        expect("cluster id", bool(cluster.cluster_id), True, cluster)

    with check("describe configs"):
        expect("retention.ms", client.topic_config(topics[0]["topic"], "retention.ms"), Config("-1", False))
        expect("cleanup.policy", client.topic_config(topics[0]["topic"], "cleanup.policy"), Config("delete", True))
        node = next(iter(cluster.brokers))
        expect("log.segment.bytes", client.broker_config(node, "log.segment.bytes"), Config(str(1 << 30), True))
        expect("node.id", client.broker_config(node, "node.id").value, str(node))

    with check("alter configs"):
        altered = topics[0]["topic"]
        client.alter_topic_configs(altered, configs | {"flush.ms": "60000"})
        await_value(lambda: client.topic_config(altered, "flush.ms"), lambda config: config == Config("60000", False))
        expect("retention.ms", client.topic_config(altered, "retention.ms"), Config("-1", False))
        try:
            client.alter_topic_configs(altered, configs | {"flush.ms": "soon"})
        except Exception as error:
            expect("the refusal names the config", "flush.ms" in str(error), True, error)
        else:
            raise AssertionError("a time that is none: no error")

    for topic in topics:
        with check(f"produce {topic['check']}"):
            records = manifest["record_sets"][topic["record_set"]]
            placed = client.produce(topic, records)
            next_offset = defaultdict(int)
            for record, (partition, offset) in zip(records, placed, strict=True):
                expect("partition", partition, record["partition"])
                if topic["acks"] != 0:
                    expect(f"offset in partition {partition}", offset, next_offset[partition])
                next_offset[partition] += 1

    with check("list offsets"):
        for topic in topics:
            for wanted in topic["offsets"]:
                got = client.offset(topic["topic"], wanted["partition"], wanted["at"])
                what = f"{topic['topic']} {wanted['partition']} at {wanted['at']}"
                expect(what, got[0], wanted["offset"])
                if got[1] is not None:
                    expect(what + ", its time", got[1], -1 if wanted["at"] in ("earliest", "latest") else wanted["timestamp_ms"])

    doomed = f"{name}-doomed"
    with check("create partitions"):
        client.create_topics({doomed: 2}, {})
        client.create_partitions(doomed, 4)
        await_value(lambda: [partition.index for partition in client.describe_topic(doomed)], lambda found: found == [0, 1, 2, 3])

    with check("delete topic"):
        client.delete_topic(doomed)
        await_value(client.list_topics, lambda names: doomed not in names and topics[0]["topic"] in names)


def read(client, name, address, manifest):
    for writer, topics in manifest["writers"].items():
        with check(f"read {writer}"):
            wanted = {key: records for topic in topics for key, records in expected(manifest, topic).items()}
            for key, records in wanted.items():
                expect(f"{key[0]}-{key[1]}: log end", client.offset(*key, "latest")[0], len(records))
            starts = {key: 0 for key in wanted}
            got = client.consume(starts, {key: len(records) for key, records in wanted.items()})
            for key, records in wanted.items():
                expect_records(key, got[key], records)

    with check("seek"):
        topic = next(iter(manifest["writers"].values()))[0]
        wanted = {key: records[len(records) // 2:] for key, records in expected(manifest, topic).items()}
        got = client.consume({key: records[0].offset for key, records in wanted.items()},
                             {key: len(records) for key, records in wanted.items()})
        for key, records in wanted.items():
            expect_records(key, got[key], records)


def expected(manifest, topic):
    """{(topic, partition): [Record]}"""
    partitions = {(topic["topic"], partition): [] for partition in range(topic["partitions"])}
    for record in manifest["record_sets"][topic["record_set"]]:
        log = partitions[topic["topic"], record["partition"]]
        log.append(Record(len(log), record["timestamp_ms"], record["key"], record["value"], record["headers"]))
    return partitions


def expect_records(key, got, wanted):
    for one, other in zip(got, wanted):
        for field, left, right in zip(Record._fields, one, other):
            if field != "timestamp_ms" or right is not None:
                expect(f"{key[0]}-{key[1]} at offset {other.offset}: {field}", left, right)
    expect(f"{key[0]}-{key[1]}: number of records", len(got), len(wanted))


def expect(what, got, wanted, detail=None):
    if got != wanted:
        raise AssertionError(f"{what}: got {shown(got)}, expected {shown(wanted)}" + (f" ({detail})" if detail is not None else ""))


def shown(value):
    if isinstance(value, bytes) and len(value) > 60:
        return f"{len(value)} bytes, SHA-256 {hashlib.sha256(value).hexdigest()[:16]}, beginning {value[:20]!r}"
    return repr(value)


def await_value(read, accept):
    """Reads until the value is accepted: metadata reaches a broker a moment after the call that changed it."""
    deadline = time.monotonic() + WAIT_S
    while True:
        try:
            value = read()
            if accept(value):
                return value
        except Exception as error:
            value = error
        if time.monotonic() > deadline:
            raise AssertionError(f"after {WAIT_S} s still {shown(value)}")
        time.sleep(0.02)


@contextmanager
def check(name):
    start = time.monotonic()
    outcome, detail = "pass", ""
    try:
        yield
    except Exception as error:
        traceback.print_exc()
        outcome, detail = "fail", " ".join(f"{type(error).__name__}: {error}".split())[:500]
    print(name, outcome, f"{time.monotonic() - start:.2f}", detail, sep="\t", flush=True)


def decoded(record):
    def bytes_or_none(text):
        return None if text is None else base64.b64decode(text)

    return record | {
        "key": bytes_or_none(record["key"]),
        "value": bytes_or_none(record["value"]),
        "headers": [(name, bytes_or_none(value)) for name, value in record["headers"]],
    }
