"""kafka-python: a client that speaks the protocol in Python alone."""

import time

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import TopicAlreadyExistsError
from kafka.protocol.consumer import OffsetSpec

import suite
from suite import WAIT_S


class KafkaPython(suite.Client):
    def __init__(self, address):
        self.address = address
        self.admin = KafkaAdminClient(bootstrap_servers=address)

    def create_topics(self, partitions_by_name, configs):
        self.admin.create_topics({name: {"num_partitions": count, "replication_factor": 1, "configs": configs}
                                  for name, count in partitions_by_name.items()})

    def is_exists_error(self, error):
        return isinstance(error, TopicAlreadyExistsError)

    def produce(self, topic, records):
        producer = KafkaProducer(
            bootstrap_servers=self.address,
            compression_type=None if topic["compression"] == "none" else topic["compression"],
            acks=topic["acks"],
            enable_idempotence=topic["idempotent"],
        )
        reports = []
        for index, record in enumerate(records):
            reports.append(producer.send(topic["topic"], record["value"], record["key"], record["headers"],
                                         record["partition"], record["timestamp_ms"]))
            if (index + 1) % topic["flush_every"] == 0:
                producer.flush(WAIT_S)
        producer.flush(WAIT_S)
        placed = [report.get(WAIT_S) for report in reports]
        producer.close(WAIT_S)
        return [(each.partition, each.offset) for each in placed]

    def consume(self, starts, counts):
        consumer = KafkaConsumer(bootstrap_servers=self.address, enable_auto_commit=False, auto_offset_reset="none")
        consumer.assign([TopicPartition(*key) for key in starts])
        for key, start in starts.items():
            consumer.seek(TopicPartition(*key), start)
        got = {key: [] for key in starts}
        deadline = time.monotonic() + WAIT_S
        while any(len(got[key]) < counts[key] for key in counts):
            if time.monotonic() > deadline:
                raise AssertionError(f"after {WAIT_S} s: {({key: len(records) for key, records in got.items()})}")
            for partition, records in consumer.poll(timeout_ms=100).items():
                got[partition.topic, partition.partition] += [
                    suite.Record(each.offset, each.timestamp, each.key, each.value, list(each.headers)) for each in records]
        consumer.close(autocommit=False)
        return got

    def offset(self, topic, partition, at):
        spec = {"earliest": OffsetSpec.EARLIEST, "latest": OffsetSpec.LATEST, "max_timestamp": OffsetSpec.MAX_TIMESTAMP}.get(at, at)
        [answer] = self.admin.list_partition_offsets({TopicPartition(topic, partition): spec}).values()
        return answer.offset, answer.timestamp

    def list_topics(self):
        return self.admin.list_topics()

    def describe_topic(self, name):
        [topic] = self.admin.describe_topics([name])
        return sorted(suite.Partition(each["partition_index"], each["leader_id"], each["replica_nodes"], each["isr_nodes"])
                      for each in topic["partitions"])

    def describe_cluster(self):
        answer = self.admin.describe_cluster()
        brokers = {broker["broker_id"]: f"{broker['host']}:{broker['port']}" for broker in answer["brokers"]}
        return suite.Cluster(answer["cluster_id"], answer["controller_id"], brokers)

    def topic_config(self, name, key):
        return self.config(ConfigResourceType.TOPIC, name, key)

    def broker_config(self, broker_id, key):
        return self.config(ConfigResourceType.BROKER, str(broker_id), key)

    def config(self, kind, name, key):
        answer = self.admin.describe_configs([ConfigResource(kind, name)], config_filter="all")
        entry = answer[kind.name.lower()][name][key]
        return suite.Config(entry["value"], entry["config_source"] == "DEFAULT_CONFIG")

    def alter_topic_configs(self, name, configs):
        resource = ConfigResource(ConfigResourceType.TOPIC, name, configs)
        answer = self.admin.alter_configs([resource], incremental=False)["topic"][name]
        if answer != "OK":
            raise ValueError(answer)

    def create_partitions(self, name, total):
        self.admin.create_partitions({name: total})

    def delete_topic(self, name):
        self.admin.delete_topics([name])


suite.main(KafkaPython)
