"""Consumers of librdkafka: such as choose their partitions and go back now and then, and members of groups."""

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from workers import Worker, name

WAIT_S = 10
AT_ONCE = 200  # records of a poll


class Reader(Worker):
    """Polls, and writes down what it gets. A poll is over where the client tells of another assignment."""

    def __init__(self, program, kind, isolation):
        super().__init__(program, kind)
        self.isolation, self.consumer, self.op = isolation, None, None
        self.next = {}  # (topic, partition) -> behind the last record that was read

    def config(self):
        return {
            "bootstrap.servers": self.settings.address,
            "enable.auto.commit": False,
            "auto.offset.reset": "error",
            "isolation.level": f"read_{self.isolation}",
            "fetch.min.bytes": 20_000,
            "fetch.wait.max.ms": 200,
            "reconnect.backoff.max.ms": 500,
            "socket.timeout.ms": 5000,
            "metadata.recovery.strategy": "none",
        }

    def poll(self, transaction=None):
        """-> how many records it got."""
        self.transaction, self.count = transaction, 0
        self.begin_poll()
        try:
            message = self.consumer.poll(0.2)
            while message is not None:
                self.heard(message)
                message = self.consumer.poll(0) if self.count < AT_ONCE else None
        finally:
            self.end_poll()
        return self.count

    def begin_poll(self):
        fields = {} if self.transaction is None else {"transaction": self.transaction}
        self.reads = {}
        self.op = self.history.invoke(self.process, "poll", isolation=self.isolation, **fields)

    def end_poll(self):
        if self.op is not None:
            reads = [{"partition": name(*place), "records": records} for place, records in self.reads.items()]
            self.history.ok(self.op, reads=reads)
            self.op = None

    def heard(self, message):
        if message.error():
            self.failed(message)
            return
        place = message.topic(), message.partition()
        self.reads.setdefault(place, []).append([message.offset(), int(message.value())])
        self.next[place] = message.offset() + 1
        self.count += 1

    def failed(self, message):
        if message.error().code() != KafkaError._AUTO_OFFSET_RESET:
            self.note(message.error())
        else:
            self.history.note(self.process, f"lost its way: {message.error()}")
            self.history.event(self.process, "seek", partition=name(message.topic(), message.partition()))
            self.consumer.seek(TopicPartition(message.topic(), message.partition(), 0))

    def assigned(self, places, kept):
        """What was read until now was read before."""
        is_polling = self.op is not None
        self.end_poll()
        self.next = {place: offset for place, offset in self.next.items() if place in kept}
        self.history.event(self.process, "assign", partitions=[name(*place) for place in sorted(places)],
                           kept=[name(*place) for place in sorted(kept)])
        if is_polling:
            self.begin_poll()

    def close(self):
        if self.consumer:
            self.consumer.close()


class AssignedReader(Reader):
    """Reads all partitions from their start, and goes back now and then."""

    def turn(self):
        if self.consumer is None:
            self.open()
        if self.rng.random() < 0.03 and self.next:
            self.seek()
        self.poll()
        self.pause(self.settings.pause_s)

    def open(self):
        places = self.settings.partitions(self.settings.topics)
        self.consumer = Consumer(self.config() | {"group.id": self.process.replace("/", "-")})
        self.assigned(places, [])
        self.consumer.assign([TopicPartition(*place, 0) for place in places])
        for place in places:
            self.history.event(self.process, "seek", partition=name(*place), to=0)

    def seek(self):
        place = self.rng.choice(sorted(self.next))
        to = self.rng.randint(max(0, self.next[place] - 2000), self.next[place])
        self.next[place] = max(to, 1)
        try:
            self.consumer.seek(TopicPartition(*place, to))
            self.history.event(self.process, "seek", partition=name(*place), to=to)
        except KafkaException as error:
            self.note(error)
            self.consumer.close()
            self.consumer = None


class Member(Reader):
    """A member of a group that commits what it has read; it leaves and comes back now and then."""

    def __init__(self, program, kind, group, protocol, topics):
        super().__init__(program, kind, "committed")
        self.group, self.protocol, self.topics = group, protocol, topics
        self.has, self.turns_left = set(), 0

    def turn(self):
        if self.turns_left == 0:
            self.close()
            self.open()
        self.turns_left -= 1
        if self.poll() and self.rng.random() < 0.7:
            self.commit()
        self.pause(2 * self.settings.pause_s)

    def open(self):
        config = self.config() | {"group.id": self.group, "group.protocol": self.protocol, "auto.offset.reset": "earliest"}
        if self.protocol == "classic":
            config |= {"session.timeout.ms": 6000, "heartbeat.interval.ms": 300, "partition.assignment.strategy": "range"}
        self.consumer = Consumer(config)
        self.consumer.subscribe(self.topics, on_assign=self.got, on_revoke=self.gave, on_lost=self.gave)
        self.turns_left = self.rng.randint(80, 300)

    def got(self, _, places):
        kept = self.has
        self.has = kept | {(place.topic, place.partition) for place in places}
        self.assigned(self.has, kept)

    def gave(self, _, places):
        self.has = self.has - {(place.topic, place.partition) for place in places}
        self.assigned(self.has, self.has)

    def places(self):
        return [TopicPartition(*place, offset) for place, offset in sorted(self.next.items())]

    def commit(self):
        places = self.places()
        positions = [{"partition": name(place.topic, place.partition), "offset": place.offset} for place in places]
        op = self.history.invoke(self.process, "commit_offsets", group=self.group, positions=positions)
        try:
            answer = self.consumer.commit(offsets=places, asynchronous=False)
        except KafkaException as error:
            self.note(error)
            return self.history.unknown(op)
        errors = [place.error for place in answer if place.error]
        for error in errors:
            self.note(error)
        if errors:
            self.history.unknown(op)
        else:
            self.history.ok(op)

    def rewind(self):
        """Back to what the group has committed."""
        places = [TopicPartition(*place) for place in sorted(self.has)]
        if not places:
            return
        for place in self.consumer.committed(places, WAIT_S):
            key, to = (place.topic, place.partition), max(place.offset, 0)
            self.next.pop(key, None)
            self.consumer.seek(TopicPartition(*key, to))
            self.history.event(self.process, "seek", partition=name(*key), to=to)

    def close(self):
        super().close()
        self.consumer = None
