"""librdkafka, through Confluent's Python client."""

import time

from confluent_kafka import (
    Consumer, KafkaError, KafkaException, Producer, TopicCollection, TopicPartition)
from confluent_kafka.admin import (
    AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ConfigSource, NewPartitions, NewTopic, OffsetSpec)

import suite
from suite import WAIT_S


class Librdkafka(suite.Client):
    def __init__(self, address):
        self.address = address
        self.admin = AdminClient({"bootstrap.servers": address})

    def create_topics(self, partitions_by_name, configs):
        done(self.admin.create_topics([NewTopic(name, count, 1, config=configs) for name, count in partitions_by_name.items()]))

    def is_exists_error(self, error):
        return isinstance(error, KafkaException) and error.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS

    def produce(self, topic, records):
        producer = Producer({
            "bootstrap.servers": self.address,
            "compression.type": topic["compression"],
            "acks": topic["acks"],
            "enable.idempotence": topic["idempotent"],
            "delivery.timeout.ms": WAIT_S * 1000,
        })
        placed = [None] * len(records)

        def report_to(index):
            def report(error, message):
                placed[index] = error or (message.partition(), message.offset())
            return report

        for index, record in enumerate(records):
            producer.produce(topic["topic"], record["value"], record["key"], record["partition"], on_delivery=report_to(index),
                             timestamp=record["timestamp_ms"], headers=record["headers"])
            if (index + 1) % topic["flush_every"] == 0:
                producer.flush(WAIT_S)
        producer.flush(WAIT_S)
        errors = [place for place in placed if not isinstance(place, tuple)]
        suite.expect("delivery errors", errors, [])
        return placed

    def consume(self, starts, counts):
        consumer = Consumer({
            "bootstrap.servers": self.address,
            "group.id": "not-used",  # the client insists on a name; reading by assignment asks for no group
            "enable.auto.commit": False,
            "auto.offset.reset": "error",
        })
        consumer.assign([TopicPartition(name, index, start) for (name, index), start in starts.items()])
        got = {key: [] for key in starts}
        deadline = time.monotonic() + WAIT_S
        while any(len(got[key]) < counts[key] for key in counts):
            if time.monotonic() > deadline:
                raise AssertionError(f"after {WAIT_S} s: {({key: len(records) for key, records in got.items()})}")
            for message in consumer.consume(500, timeout=0.1):
                if message.error():
                    raise KafkaException(message.error())
                got[message.topic(), message.partition()].append(suite.Record(
                    message.offset(), message.timestamp()[1], message.key(), message.value(), message.headers() or []))
        consumer.close()
        return got

    def offset(self, topic, partition, at):
        spec = {"earliest": OffsetSpec.earliest, "latest": OffsetSpec.latest, "max_timestamp": OffsetSpec.max_timestamp}
        spec = spec[at]() if at in spec else OffsetSpec.for_timestamp(at)
        [answer] = self.admin.list_offsets({TopicPartition(topic, partition): spec}).values()
        answer = answer.result(WAIT_S)
        return answer.offset, answer.timestamp

    def list_topics(self):
        return list(self.admin.list_topics(timeout=WAIT_S).topics)

    def describe_topic(self, name):
        [answer] = self.admin.describe_topics(TopicCollection([name])).values()
        return [suite.Partition(each.id, each.leader.id, [node.id for node in each.replicas], [node.id for node in each.isr])
                for each in answer.result(WAIT_S).partitions]

    def describe_cluster(self):
        answer = self.admin.describe_cluster().result(WAIT_S)
        return suite.Cluster(answer.cluster_id, answer.controller.id, {node.id: f"{node.host}:{node.port}" for node in answer.nodes})

    def topic_config(self, name, key):
        return self.config(ConfigResource.Type.TOPIC, name, key)

    def broker_config(self, broker_id, key):
        return self.config(ConfigResource.Type.BROKER, str(broker_id), key)

    def config(self, kind, name, key):
        [answer] = self.admin.describe_configs([ConfigResource(kind, name)]).values()
        entry = answer.result(WAIT_S)[key]
        return suite.Config(entry.value, entry.source == ConfigSource.DEFAULT_CONFIG.value)

    def alter_topic_configs(self, name, configs):
        entries = [ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET) for key, value in configs.items()]
        done(self.admin.incremental_alter_configs([ConfigResource(ConfigResource.Type.TOPIC, name, incremental_configs=entries)]))

    def create_partitions(self, name, total):
        done(self.admin.create_partitions([NewPartitions(name, total)]))

    def delete_topic(self, name):
        done(self.admin.delete_topics([name]))


def done(futures):
    for future in futures.values():
        future.result(WAIT_S)


suite.main(Librdkafka)
