"""librdkafka, through Confluent's Python client, as a program that writes down what it sees: see ../README.md.

What an error rules out: librdkafka sends a record again and again until its time is over, so that one which failed in the end may
have been written by an attempt before, whatever the last error was. Only what never left its queue was certainly not sent. The same
goes for commits of offsets and of transactions.
"""

import faulthandler
import os
import sys

from confluent_kafka import KafkaError, KafkaException, Producer

from looks import Observer
from readers import AssignedReader, Member
from workers import Program, Settings, Worker, name

WAIT_S = 10
# An idempotent producer that gives up on a record begins a new epoch, and what was under way is sent again in it: then it may be
# there twice. So nothing is given up while the broker is away.
NEVER_GIVEN_UP_S = 180
NEVER_SENT = {KafkaError._PURGE_QUEUE, KafkaError._QUEUE_FULL, KafkaError.MSG_SIZE_TOO_LARGE}


class Batch:
    """Records of one send; its outcome is written down when that of each is known."""

    def __init__(self, worker, place, count, **fields):
        self.worker, self.place, self.values = worker, place, worker.program.values.take(count)
        self.outcomes = [None] * count
        self.op = worker.history.invoke(worker.process, "send", partition=name(*place), values=self.values, **fields)

    def send(self, producer):
        topic, partition = self.place
        for at, value in enumerate(self.values):
            report = lambda error, message, at=at: self.reported(at, error, message)
            try:
                producer.produce(topic, str(value), key=padding(self.worker.rng), partition=partition, on_delivery=report)
            except (BufferError, KafkaException) as error:
                self.worker.note(error)
                self.outcome(at, "fail")

    def reported(self, at, error, message):
        if error is None:
            self.outcome(at, message.offset())
            return
        self.worker.note(error)
        self.outcome(at, "fail" if error.code() in NEVER_SENT else "unknown")

    def outcome(self, at, outcome):
        self.outcomes[at] = outcome
        if self.is_over():
            self.worker.history.sent(self.op, self.outcomes)

    def is_over(self):
        return None not in self.outcomes


class Sender(Worker):
    """Sends without transactions: idempotent, or at least once. A few sends are under way at a time."""

    UNDER_WAY = 4

    def __init__(self, program, kind, is_idempotent):
        super().__init__(program, kind)
        self.is_idempotent, self.under_way, self.failure = is_idempotent, [], None
        self.open()

    def open(self):
        self.producer = Producer(producer_config(self.settings) | {
            "enable.idempotence": self.is_idempotent,
            "delivery.timeout.ms": (NEVER_GIVEN_UP_S if self.is_idempotent else WAIT_S) * 1000,
            # An idempotent producer that can't go on says so here.
            "error_cb": self.failed,
        })

    def failed(self, error):
        if error.fatal():
            self.failure = error

    def turn(self):
        self.under_way = [batch for batch in self.under_way if not batch.is_over()]
        if self.failure:
            self.note(self.failure)
            self.failure = None
            self.producer.purge()
            self.producer.flush(1)
            self.open()
        if len(self.under_way) < self.UNDER_WAY:
            place = self.rng.choice(self.settings.partitions(self.settings.written))
            once = {"once": True} if self.is_idempotent else {}
            batch = Batch(self, place, self.rng.randint(1, 6), **once)
            self.under_way.append(batch)
            batch.send(self.producer)
        self.producer.poll(self.rng.uniform(0, 2 * self.settings.pause_s))

    def close(self):
        self.producer.flush(WAIT_S)


class InTransactions(Worker):
    """A producer that sends to several partitions and commits, or aborts. Once in a while it is fenced by one with its id."""

    transactions = 0

    def __init__(self, program, kind):
        super().__init__(program, kind)
        self.transactional_id = self.process.replace("/", "-")
        self.producer = None

    def open(self):
        """Ends what the producer before has left, whichever way it was going."""
        self.discard()
        producer = Producer(producer_config(self.settings) | {
            "transactional.id": self.transactional_id,
            "transaction.timeout.ms": self.settings.transaction_timeout_ms,
        })
        producer.init_transactions(2 * WAIT_S)
        self.producer = producer

    def discard(self):
        """What it has not sent yet is told to have failed."""
        producer, self.producer = self.producer, None
        if producer:
            producer.purge()
            producer.flush(0.2)

    def turn(self):
        if self.producer is None:
            self.open()
        self.pause(2 * self.settings.transaction_pause_s)
        transaction = self.begin()
        self.send(transaction)
        if self.rng.random() < 0.02:
            self.be_fenced(transaction)
        elif self.rng.random() < 0.2:
            self.abort(transaction)
        else:
            self.commit(transaction)

    def begin(self):
        InTransactions.transactions += 1
        transaction = (self.settings.client_number << 40) + InTransactions.transactions
        op = self.history.invoke(self.process, "begin_transaction", transaction=transaction)
        try:
            self.producer.begin_transaction()
        except KafkaException:
            self.history.unknown(op)
            self.discard()
            raise
        self.history.ok(op)
        return transaction

    def send(self, transaction):
        for place in self.rng.choices(self.settings.partitions(self.places()), k=self.rng.randint(1, 5)):
            Batch(self, place, self.rng.randint(1, 3), transaction=transaction).send(self.producer)
        self.producer.flush(WAIT_S)

    def places(self):
        return self.settings.written

    def commit(self, transaction):
        """-> whether it is known to be committed."""
        op = self.history.invoke(self.process, "commit_transaction", transaction=transaction)
        for attempt in range(3):
            try:
                self.producer.commit_transaction(WAIT_S)
                self.history.ok(op)
                return True
            except KafkaException as failure:
                error = failure.args[0]
                self.note(failure)
                if error.retriable() and attempt < 2:
                    continue
                # It may have been done by an attempt whose answer was lost. An abort that ends well says that it was not.
                self.history.unknown(op)
                if error.txn_requires_abort():
                    self.abort(transaction)
                else:
                    self.open()
                return False

    def abort(self, transaction):
        op = self.history.invoke(self.process, "abort_transaction", transaction=transaction)
        try:
            self.producer.abort_transaction(WAIT_S)
            self.history.ok(op)
        except KafkaException as failure:
            self.note(failure)
            self.history.unknown(op)
            self.open()

    def be_fenced(self, transaction):
        """Once another producer has the id, this one's transaction is aborted, and it can end neither that nor the other's."""
        zombie, self.producer = self.producer, None
        self.open()
        later = self.begin()
        self.send(later)
        op = self.history.invoke(self.process, "commit_transaction", transaction=transaction)
        try:
            zombie.commit_transaction(WAIT_S)
            self.history.ok(op)
        except KafkaException:
            self.history.fail(op)
        self.abort(later)

    def close(self):
        if self.producer:
            self.producer.flush(1)


class Transformer(InTransactions):
    """A member of a group that sends as many records as it reads, in transactions that commit its offsets, too."""

    def __init__(self, program, kind):
        super().__init__(program, kind)
        self.member = Member(program, kind, self.settings.transform_group, self.settings.transform_protocol, self.settings.transform_from)
        self.member.open()
        self.must_rewind = False

    def places(self):
        return [self.settings.transformed]

    def turn(self):
        if self.producer is None:
            self.open()
        if self.must_rewind:
            self.member.rewind()
        self.must_rewind = True
        transaction = self.begin()
        while not self.member.poll(transaction):
            if self.program.is_stopping.is_set():
                return self.abort(transaction)
        self.send(transaction)
        if self.rng.random() < 0.15:
            self.abort(transaction)
        elif self.commit_offsets(transaction) and self.commit(transaction):
            self.must_rewind = False
        self.pause(2 * self.settings.transaction_pause_s)

    def commit_offsets(self, transaction):
        places = self.member.places()
        positions = [{"partition": name(place.topic, place.partition), "offset": place.offset} for place in places]
        op = self.history.invoke(self.process, "commit_offsets", group=self.settings.transform_group, positions=positions,
                                 transaction=transaction)
        try:
            self.producer.send_offsets_to_transaction(places, self.member.consumer.consumer_group_metadata(), WAIT_S)
            self.history.ok(op)
            return True
        except KafkaException as failure:
            self.note(failure)
            self.history.unknown(op)
            if failure.args[0].txn_requires_abort():
                self.abort(transaction)
            else:
                self.open()

    def close(self):
        super().close()
        self.member.close()


def producer_config(settings):
    return {
        "bootstrap.servers": settings.address,
        "linger.ms": 2,
        "reconnect.backoff.max.ms": 500,
        "retry.backoff.max.ms": 500,
        "socket.timeout.ms": 5000,
        "metadata.recovery.strategy": "none",
    }


def padding(rng):
    """Records are of different sizes, so that segments end anywhere."""
    return "k" * rng.choice((0, 10, 100, 400))


def main():
    faulthandler.enable()
    settings = Settings(sys.argv[1])
    program = Program(settings)
    program.work([
        Sender(program, "plain", is_idempotent=False),
        Sender(program, "idempotent", is_idempotent=True),
        InTransactions(program, "transactional"),
        Transformer(program, "transformer"),
        AssignedReader(program, "committed", "committed"),
        AssignedReader(program, "uncommitted", "uncommitted"),
        Member(program, "classic-member", settings.classic_group, "classic", settings.read),
        Member(program, "consumer-member", settings.consumer_group, "consumer", settings.read),
        Observer(program, "observer"),
    ])
    # Threads of the client's that wait for something keep nobody.
    os._exit(0)


if __name__ == "__main__":
    main()
