"""aiokafka as an application: see ../applications.py."""

import asyncio
import sys
import threading

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, for_code

import application

loop = asyncio.new_event_loop()


def await_(coroutine):
    """The commands come in threads; all of the client happens in the loop's."""
    return asyncio.run_coroutine_threadsafe(coroutine, loop).result()


class Aiokafka(application.Application):
    def __init__(self, address):
        self.address = address
        self.producers = {}
        await_(self.start())

    async def start(self):
        self.admin = AIOKafkaAdminClient(bootstrap_servers=self.address)
        self.producer = AIOKafkaProducer(bootstrap_servers=self.address, enable_idempotence=True)
        await self.admin.start()
        await self.producer.start()

    def topic(self, topic, partitions):
        answer = await_(self.admin.create_topics([NewTopic(topic, partitions, 1)]))
        check(*(error for _, error, *_ in answer.topic_errors))

    def produce(self, topic, values):
        await_(send(self.producer, topic, values))

    def reader(self, group, topic, instance=None, isolation=None):
        return Reader(self.address, group, topic, instance, isolation)

    def transformer(self, group, topic, transactional):
        return Transformer(self.address, group, topic, transactional)

    def groups(self):
        """ListGroups in the version that it speaks tells no states."""
        listed = [group for group, _ in await_(self.admin.list_consumer_groups())]
        return {group: self.describe(group)[0] for group in listed}

    def describe(self, group):
        [answer] = await_(self.admin.describe_consumer_groups([group]))
        [(error, _, state, _, _, members, *_)] = answer.groups
        check(error)
        return state.lower(), len(members)

    def committed(self, group, topic):
        offsets = await_(self.admin.list_consumer_group_offsets(group))
        return [(key.partition, each.offset) for key, each in offsets.items() if key.topic == topic and each.offset >= 0]

    def open(self, producer, transactional):
        self.producers[producer] = await_(open_producer(self.address, transactional))

    def begin(self, producer):
        await_(self.producers[producer].begin_transaction())

    def send(self, producer, topic, values):
        await_(send(self.producers[producer], topic, values))

    def commit(self, producer):
        await_(self.producers[producer].commit_transaction())

    def abort(self, producer):
        await_(self.producers[producer].abort_transaction())


class Reader(application.Reader):
    def __init__(self, address, group, topic, instance, isolation):
        self.read_last = {}
        await_(self.start(address, group, topic, instance, isolation))

    async def start(self, address, group, topic, instance, isolation):
        self.consumer = AIOKafkaConsumer(
            bootstrap_servers=address, group_id=group, group_instance_id=instance, enable_auto_commit=False,
            auto_offset_reset="earliest", session_timeout_ms=30000, heartbeat_interval_ms=200,
            isolation_level=isolation or "read_committed")
        # Held from a read to its commit: what was read meanwhile stays this member's.
        self.at_work = asyncio.Lock()
        self.consumer.subscribe([topic], listener=Patience(self.at_work))
        # It waits for its first place in the group: members join while others are at work.
        self.starting = asyncio.ensure_future(self.consumer.start())

    def read(self):
        return await_(self.read_some())

    async def read_some(self):
        await self.starting
        fetched = await self.consumer.getmany(timeout_ms=100, max_records=100)
        records = [each for several in fetched.values() for each in several]
        if records:
            await self.at_work.acquire()
        self.read_last = {TopicPartition(each.topic, each.partition): each.offset + 1 for each in records}
        return [(each.partition, each.offset, each.value.decode()) for each in records]

    def commit(self):
        try:
            await_(self.commit_read())
        except KafkaError as error:
            raise application.Retriable(f"{type(error).__name__}: {error}")
        return {key.partition: offset for key, offset in self.read_last.items()}

    async def commit_read(self):
        try:
            await self.consumer.commit(self.read_last)
        finally:
            self.at_work.release()

    def close(self):
        await_(self.stop())

    async def stop(self):
        await self.consumer.stop()


class Transformer(Reader):
    def __init__(self, address, group, topic, transactional):
        super().__init__(address, group, topic, None, "read_committed")
        self.address, self.group, self.transactional = address, group, transactional
        self.producer = await_(open_producer(address, transactional))

    def write(self, topic, values):
        try:
            await_(self.transact(topic, values))
        except KafkaError as error:
            raise application.Retriable(f"{type(error).__name__}: {error}")

    async def transact(self, topic, values):
        try:
            try:
                await self.producer.begin_transaction()
                await send(self.producer, topic, values)
                await self.producer.send_offsets_to_transaction(self.read_last, self.group)
                await self.producer.commit_transaction()
            except KafkaError:
                await self.undo()
                raise
        finally:
            self.at_work.release()

    async def undo(self):
        """A new producer with the same id ends whatever the old one left, whichever way it was going."""
        try:
            await self.producer.stop()
        except KafkaError:
            pass
        self.producer = await open_producer(self.address, self.transactional)
        for place in self.consumer.assignment():
            offset = await self.consumer.committed(place)
            if offset is None:
                await self.consumer.seek_to_beginning(place)
            else:
                self.consumer.seek(place, offset)

    async def stop(self):
        await super().stop()
        await self.producer.stop()


class Patience(ConsumerRebalanceListener):
    """A rebalance waits until what was read is committed."""

    def __init__(self, at_work):
        self.at_work = at_work

    async def on_partitions_revoked(self, _):
        async with self.at_work:
            pass

    async def on_partitions_assigned(self, _):
        pass


async def open_producer(address, transactional):
    producer = AIOKafkaProducer(bootstrap_servers=address, transactional_id=transactional)
    await producer.start()
    return producer


async def send(producer, topic, values):
    reports = [await producer.send(topic, value.encode(), partition=partition) for partition, value in values]
    for report in reports:
        await report


def check(*codes):
    for code in codes:
        if code:
            raise for_code(code)


threading.Thread(target=loop.run_forever, daemon=True).start()
application.serve(Aiokafka(sys.argv[3]))
