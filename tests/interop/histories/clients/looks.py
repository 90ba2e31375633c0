"""One who looks at marks and at committed offsets."""

from confluent_kafka import Consumer, IsolationLevel, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from workers import Worker, name

WAIT_S = 5
MARKS = {
    "log_start": (OffsetSpec.earliest(), IsolationLevel.READ_UNCOMMITTED),
    "high_watermark": (OffsetSpec.latest(), IsolationLevel.READ_UNCOMMITTED),
    "last_stable_offset": (OffsetSpec.latest(), IsolationLevel.READ_COMMITTED),
}


class NoAnswer(Exception):
    pass


class Observer(Worker):
    def __init__(self, program, kind):
        super().__init__(program, kind)
        self.common = {"bootstrap.servers": self.settings.address, "reconnect.backoff.max.ms": 500, "socket.timeout.ms": 5000,
                       "metadata.recovery.strategy": "none"}
        self.consumers = {}  # (group, isolation) -> who looks at its offsets
        self.open()

    def open(self):
        self.admin = AdminClient(self.common)

    def turn(self):
        if self.rng.random() < 0.5:
            self.observe(self.rng.choice(self.settings.partitions(self.settings.topics)), self.rng.choice(sorted(MARKS)))
        else:
            self.committed(self.rng.choice(self.settings.groups), self.rng.choice(("committed", "uncommitted")))
        self.pause(4 * self.settings.pause_s)

    def observe(self, place, mark):
        op = self.history.invoke(self.process, "observe", partition=name(*place), mark=mark)
        self.ended(op, lambda: {"offset": self.mark(place, mark)})

    def mark(self, place, mark):
        spec, isolation = MARKS[mark]
        [answer] = self.admin.list_offsets({TopicPartition(*place): spec}, isolation_level=isolation, request_timeout=WAIT_S).values()
        offset = answer.result(WAIT_S).offset
        if offset < 0:
            # librdkafka 2.16 says so, and calls it a success, where the connection ended before the answer came.
            raise NoAnswer(f"offset {offset} of {name(*place)}")
        return offset

    def committed(self, group, isolation):
        op = self.history.invoke(self.process, "committed_offsets", group=group, isolation=isolation)
        self.ended(op, lambda: {"positions": self.positions(group, isolation)})

    def positions(self, group, isolation):
        """By way of consumers that are no members: the administration's own call was under way each time librdkafka 2.16 ended with a
        SIGSEGV, against either broker."""
        consumer = self.consumers.get((group, isolation))
        if consumer is None:
            consumer = self.consumers[group, isolation] = Consumer(self.common | {"group.id": group, "isolation.level": f"read_{isolation}"})
        positions = []
        for place in consumer.committed([TopicPartition(*place) for place in self.settings.partitions(self.settings.topics)], WAIT_S):
            # Of a partition with an error nothing was seen.
            if place.error is None:
                offset = place.offset if place.offset >= 0 else None
                positions.append({"partition": name(place.topic, place.partition), "offset": offset})
        return positions

    def ended(self, op, look):
        try:
            self.history.ok(op, **look())
        except Exception as error:
            self.note(error)
            self.history.unknown(op)
            # librdkafka 2.16 asks with the leader's epoch that it knows, and asks for no newer one where that is refused.
            self.open()
