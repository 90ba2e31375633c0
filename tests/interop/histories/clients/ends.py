"""How a run begins and ends: topics are made, and at last everything is read. Called as  ends.py create|read SETTINGS."""

import sys
import time

from confluent_kafka import Consumer, KafkaError, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from looks import Observer
from workers import Program, Settings, name

WAIT_S = 30
SEGMENT_BYTES = 1 << 20  # the least that Kafka allows: segments roll


def create(settings):
    admin = AdminClient({"bootstrap.servers": settings.address})
    topics = [NewTopic(topic, partitions, 1, config={
        "segment.bytes": str(SEGMENT_BYTES),
        "message.timestamp.type": "LogAppendTime" if topic == settings.stamped else "CreateTime",
    }) for topic, partitions in settings.topics.items()]
    for made in admin.create_topics(topics).values():
        made.result(WAIT_S)


class LastReader(Observer):
    """Reads each partition to its end, in both isolations, and looks at all marks and committed offsets. By now each transaction has
    ended or timed out."""

    def everything(self):
        places = self.settings.partitions(self.settings.topics)
        self.until_nothing_is_open(places)
        for mark in ("log_start", "high_watermark", "last_stable_offset"):
            for place in places:
                self.observe(place, mark)
        for isolation in ("uncommitted", "committed"):
            self.read(places, isolation)
        for group in self.settings.groups:
            self.committed(group, "committed")

    def until_nothing_is_open(self, places):
        deadline = time.monotonic() + WAIT_S
        while hanging := [place for place in places if self.mark(place, "last_stable_offset") < self.mark(place, "high_watermark")]:
            if time.monotonic() > deadline:
                self.history.note(self.process, f"still open: transactions in {', '.join(name(*place) for place in hanging)}")
                return
            time.sleep(0.2)

    def read(self, places, isolation):
        consumer = Consumer({
            "bootstrap.servers": self.settings.address, "group.id": self.process.replace("/", "-"), "enable.auto.commit": False,
            "auto.offset.reset": "error", "isolation.level": f"read_{isolation}", "enable.partition.eof": True,
        })
        consumer.assign([TopicPartition(*place, 0) for place in places])
        self.history.event(self.process, "assign", partitions=[name(*place) for place in places])
        op = self.history.invoke(self.process, "poll", isolation=isolation)
        records, ends = {place: [] for place in places}, {}
        deadline = time.monotonic() + 2 * WAIT_S
        while len(ends) < len(places) and time.monotonic() < deadline:
            message = consumer.poll(1)
            if message is None:
                continue
            place = message.topic(), message.partition()
            if not message.error():
                records[place].append([message.offset(), int(message.value())])
            elif message.error().code() == KafkaError._PARTITION_EOF:
                ends[place] = message.offset()
            else:
                self.note(message.error())
        consumer.close()
        reads = [{"partition": name(*place), "from": 0, "records": of_place} | ({"next": ends[place]} if place in ends else {})
                 for place, of_place in records.items()]
        self.history.ok(op, reads=reads)
        for place in places:
            if place not in ends:
                self.history.note(self.process, f"not read to its end: {name(*place)}")


def main():
    settings = Settings(sys.argv[2])
    if sys.argv[1] == "create":
        create(settings)
    else:
        LastReader(Program(settings), "last-reader").everything()


if __name__ == "__main__":
    main()
