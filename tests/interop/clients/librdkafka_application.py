"""librdkafka, through Confluent's Python client, as an application: see ../applications.py."""

import sys

from confluent_kafka import AcknowledgeType, Consumer, ConsumerGroupTopicPartitions, KafkaException, Producer, ShareConsumer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

import application

WAIT_S = 60
GROUP_PROTOCOL = sys.argv[4]


class Librdkafka(application.Application):
    def __init__(self, address):
        self.address = address
        self.admin = AdminClient({"bootstrap.servers": address})
        self.producer = Producer({"bootstrap.servers": address, "enable.idempotence": True, "linger.ms": 1})
        self.transactional = {}

    def topic(self, topic, partitions):
        done(self.admin.create_topics([NewTopic(topic, partitions, 1)]))

    def produce(self, topic, values):
        errors, reports = [], []

        def report(error, _):
            reports.append(error)
            if error:
                errors.append(str(error))

        for partition, value in values:
            self.producer.produce(topic, value.encode(), partition=partition, on_delivery=report)
        # Another call's flush may hand out this one's reports.
        while len(reports) < len(values):
            self.producer.flush(0.1)
        if errors:
            raise RuntimeError(errors[0])

    def reader(self, group, topic, instance=None, isolation=None, protocol=GROUP_PROTOCOL):
        return Reader(self.address, group, topic, instance, isolation, protocol)

    def transformer(self, group, topic, transactional):
        return Transformer(self.address, group, topic, transactional)

    def sharer(self, group, topic, explicit=False):
        return Sharer(self.address, group, topic, explicit)

    def open(self, producer, transactional):
        self.transactional[producer] = open_producer(self.address, transactional)

    def begin(self, producer):
        self.transactional[producer].begin_transaction()

    def send(self, producer, topic, values):
        send(self.transactional[producer], topic, values)

    def commit(self, producer):
        self.transactional[producer].commit_transaction(WAIT_S)

    def abort(self, producer):
        self.transactional[producer].abort_transaction(WAIT_S)

    def groups(self):
        listed = self.admin.list_consumer_groups().result(WAIT_S)
        return {each.group_id: each.state.name.lower() for each in listed.valid}

    def describe(self, group):
        described = self.admin.describe_consumer_groups([group])[group].result(WAIT_S)
        return described.state.name.lower(), len(described.members)

    def committed(self, group, topic):
        answer = self.admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])[group].result(WAIT_S)
        return [(each.partition, each.offset) for each in answer.topic_partitions if each.topic == topic]

    def reset(self, group, topic, offsets):
        places = [TopicPartition(topic, partition, offset) for partition, offset in offsets]
        answer = self.admin.alter_consumer_group_offsets([ConsumerGroupTopicPartitions(group, places)])[group].result(WAIT_S)
        for each in answer.topic_partitions:
            if each.error:
                raise KafkaException(each.error)

    def delete(self, group):
        done(self.admin.delete_consumer_groups([group]))


class Reader(application.Reader):
    def __init__(self, address, group, topic, instance, isolation, protocol=GROUP_PROTOCOL):
        config = {
            "bootstrap.servers": address,
            "group.id": group,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "group.protocol": protocol,
            "isolation.level": isolation or "read_committed",
            "reconnect.backoff.max.ms": 500,
        }
        if protocol == "classic":
            config |= {"session.timeout.ms": 30000, "heartbeat.interval.ms": 200}
        self.consumer = Consumer(config | ({"group.instance.id": instance} if instance else {}))
        self.consumer.subscribe([topic])

    def read(self):
        records = []
        for message in self.consumer.consume(100, timeout=0.1):
            if message.error():
                print(message.error(), file=sys.stderr)
            else:
                records.append((message.partition(), message.offset(), message.value().decode()))
        return records

    def commit(self):
        try:
            answer = self.consumer.commit(asynchronous=False)
        except KafkaException as error:
            raise application.Retriable(error)
        return {each.partition: each.offset for each in answer if not each.error}

    def close(self):
        self.consumer.close()


class Sharer(application.Sharer):
    FATES = {"accept": AcknowledgeType.ACCEPT, "release": AcknowledgeType.RELEASE, "reject": AcknowledgeType.REJECT}

    def __init__(self, address, group, topic, is_explicit):
        self.topic, self.is_explicit = topic, is_explicit
        self.consumer = ShareConsumer({
            "bootstrap.servers": address,
            "group.id": group,
            "share.acknowledgement.mode": "explicit" if is_explicit else "implicit",
            "reconnect.backoff.max.ms": 500,
        })
        self.consumer.subscribe([topic])

    def read(self):
        records = []
        for message in self.consumer.poll(0.1):
            if message.error():
                print(message.error(), file=sys.stderr)
            else:
                records.append((message.partition(), message.offset(), message.value().decode(), message.delivery_count()))
        return records

    def settle(self, fates):
        if self.is_explicit:
            for (partition, offset), fate in fates.items():
                self.consumer.acknowledge_offset(self.topic, partition, offset, self.FATES[fate])
        answer = self.consumer.commit_sync(WAIT_S)
        good = {place.partition for place, error in answer.items() if error is None}
        return {place: fate for place, fate in fates.items() if place[0] in good}

    def close(self):
        self.consumer.close()


class Transformer(Reader):
    def __init__(self, address, group, topic, transactional):
        super().__init__(address, group, topic, None, "read_committed")
        self.address, self.transactional = address, transactional
        self.producer = open_producer(address, transactional)

    def write(self, topic, values):
        try:
            self.producer.begin_transaction()
            send(self.producer, topic, values)
            places = self.consumer.position(self.consumer.assignment())
            self.producer.send_offsets_to_transaction(places, self.consumer.consumer_group_metadata(), WAIT_S)
            self.producer.commit_transaction(WAIT_S)
        except KafkaException as error:
            self.undo(error.args[0])
            raise application.Retriable(error)

    def undo(self, error):
        """What can't be aborted is ended by a new producer with the same id, whichever way it was going."""
        try:
            if not error.txn_requires_abort():
                raise KafkaException(error)
            self.producer.abort_transaction(WAIT_S)
        except KafkaException:
            self.producer = open_producer(self.address, self.transactional)
        for place in self.consumer.committed(self.consumer.assignment(), WAIT_S):
            self.consumer.seek(TopicPartition(place.topic, place.partition, max(place.offset, 0)))


def open_producer(address, transactional):
    producer = Producer({
        "bootstrap.servers": address,
        "transactional.id": transactional,
        "linger.ms": 1,
        "reconnect.backoff.max.ms": 500,
        # With the default, rebootstrap, librdkafka 2.16 waits for ever in send_offsets_to_transaction once all brokers were down: it
        # keeps the group's coordinator in a cache and has given that broker up.
        "metadata.recovery.strategy": "none",
    })
    producer.init_transactions(WAIT_S)
    return producer


def send(producer, topic, values):
    errors = []
    report = lambda error, _: error and errors.append(str(error))
    for partition, value in values:
        producer.produce(topic, value.encode(), partition=partition, on_delivery=report)
    producer.flush(WAIT_S)
    if errors:
        raise RuntimeError(errors[0])


def done(futures):
    for future in futures.values():
        future.result(WAIT_S)


application.serve(Librdkafka(sys.argv[3]))
