"""kafka-python as an application: see ../applications.py."""

import sys

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, OffsetAndMetadata, TopicPartition
from kafka.errors import KafkaError

import application

WAIT_S = 60


class KafkaPython(application.Application):
    def __init__(self, address):
        self.address = address
        self.admin = KafkaAdminClient(bootstrap_servers=address)
        self.producer = KafkaProducer(bootstrap_servers=address, enable_idempotence=True)

    def topic(self, topic, partitions):
        self.admin.create_topics({topic: {"num_partitions": partitions, "replication_factor": 1}})

    def produce(self, topic, values):
        reports = [self.producer.send(topic, value.encode(), partition=partition) for partition, value in values]
        for report in reports:
            report.get(WAIT_S)

    def reader(self, group, topic, instance=None, isolation=None):
        return Reader(self.address, group, topic, instance, isolation)

    def groups(self):
        return {each["group_id"]: each["group_state"].lower() for each in self.admin.list_groups()}

    def describe(self, group):
        described = self.admin.describe_groups([group])[group]
        return described["group_state"].lower(), len(described["members"])

    def committed(self, group, topic):
        offsets = self.admin.list_group_offsets([group])[group]
        return [(key.partition, each.offset) for key, each in offsets.items() if key.topic == topic and each.offset >= 0]

    def reset(self, group, topic, offsets):
        self.admin.alter_group_offsets(group, {TopicPartition(topic, partition): OffsetAndMetadata(offset, "", -1)
                                               for partition, offset in offsets})

    def delete(self, group):
        self.admin.delete_groups([group])


class Reader(application.Reader):
    def __init__(self, address, group, topic, instance, isolation):
        self.consumer = KafkaConsumer(
            topic, bootstrap_servers=address, group_id=group, group_instance_id=instance, enable_auto_commit=False,
            auto_offset_reset="earliest", session_timeout_ms=30000, heartbeat_interval_ms=200,
            isolation_level=isolation or "read_committed")
        self.read_last = {}

    def read(self):
        # Long enough for a rebalance on a busy machine: a poll that ends within one begins it anew.
        records = [each for several in self.consumer.poll(timeout_ms=1000).values() for each in several]
        self.read_last = {TopicPartition(each.topic, each.partition): OffsetAndMetadata(each.offset + 1, "", -1) for each in records}
        return [(each.partition, each.offset, each.value.decode()) for each in records]

    def commit(self):
        try:
            self.consumer.commit(self.read_last)
        except KafkaError as error:
            raise application.Retriable(error)
        return {key.partition: each.offset for key, each in self.read_last.items()}

    def close(self):
        self.consumer.close(autocommit=False)


application.serve(KafkaPython(sys.argv[3]))
