import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Producers. What an error rules out: the client sends a batch again and again until its time is over, so that one which failed in the
 * end may have been written by an attempt before. Only what {@code send} itself refuses was certainly not sent. The same goes for
 * commits of offsets and of transactions.
 */
class Senders {
    static final Duration WAIT = Duration.ofSeconds(10);
    /**
     * An idempotent producer that gives up on a record begins a new epoch, and what was under way is sent again in it: then it may be
     * there twice. So nothing is given up while the broker is away.
     */
    private static final Duration NEVER_GIVEN_UP = Duration.ofSeconds(180);

    /** Records of one send; its outcome is written down when that of each is known. */
    static class Batch {
        private final Worker worker;
        private final TopicPartition place;
        private final List<Long> values;
        private final List<Object> outcomes;
        private final AtomicInteger left;
        private final long op;

        Batch(Worker worker, TopicPartition place, int count, Object... fields) {
            this.worker = worker;
            this.place = place;
            values = worker.settings.values(count);
            outcomes = Collections.synchronizedList(new ArrayList<>(Collections.nCopies(count, null)));
            left = new AtomicInteger(count);
            var all = new ArrayList<Object>(List.of("partition", worker.name(place), "values", values));
            all.addAll(List.of(fields));
            op = worker.history.invoke(worker.process, "send", all.toArray());
        }

        void send(KafkaProducer<String, String> producer) {
            for (int at = 0; at < values.size(); at++) {
                int index = at;
                // Records are of different sizes, so that segments end anywhere.
                var record = new ProducerRecord<>(place.topic(), place.partition(),
                        "k".repeat(worker.anyOf(List.of(0, 10, 100, 400))), values.get(at).toString());
                try {
                    producer.send(record, (written, error) -> {
                        if (error == null) {
                            outcome(index, written.offset());
                        } else {
                            worker.note(error);
                            outcome(index, error instanceof RecordTooLargeException ? "fail" : "unknown");
                        }
                    });
                } catch (KafkaException | IllegalStateException error) {
                    // The client has taken no record, and calls nobody back.
                    worker.note(error);
                    outcome(index, "fail");
                }
            }
        }

        private void outcome(int index, Object outcome) {
            // Where send throws, a callback may have said it before.
            if (outcomes.set(index, outcome) == null && left.decrementAndGet() == 0) {
                worker.history.sent(op, outcomes);
            }
        }

        boolean isOver() {
            return left.get() == 0;
        }
    }

    /** Sends without transactions: idempotent, or at least once. A few sends are under way at a time. */
    static class Sender extends Worker {
        private static final int UNDER_WAY = 4;

        private final boolean isIdempotent;
        private final KafkaProducer<String, String> producer;
        private final List<Batch> underWay = new ArrayList<>();

        Sender(Settings settings, String kind, boolean isIdempotent) {
            super(settings, kind);
            this.isIdempotent = isIdempotent;
            var timeout = isIdempotent ? NEVER_GIVEN_UP : WAIT;
            producer = producer(settings, Map.of("enable.idempotence", isIdempotent, "delivery.timeout.ms", (int) timeout.toMillis()));
        }

        @Override
        void turn() {
            underWay.removeIf(Batch::isOver);
            if (underWay.size() < UNDER_WAY) {
                Object[] once = isIdempotent ? new Object[] {"once", true} : new Object[0];
                var batch = new Batch(this, anyOf(settings.places(settings.texts("written"))), 1 + random.nextInt(6), once);
                underWay.add(batch);
                batch.send(producer);
            }
            pause(2 * settings.seconds("pause_s"));
        }

        @Override
        void close() {
            producer.close(WAIT);
        }
    }

    /** A producer that sends to several partitions and commits, or aborts. Once in a while it is fenced by one with its id. */
    static class InTransactions extends Worker {
        KafkaProducer<String, String> producer;

        InTransactions(Settings settings, String kind) {
            super(settings, kind);
        }

        /** Ends what the producer before has left, whichever way it was going. */
        void open() {
            discard();
            var opened = producer(settings, Map.of(
                    "transactional.id", process.replace('/', '-'), "transaction.timeout.ms", settings.number("transaction_timeout_ms")));
            try {
                opened.initTransactions();
                producer = opened;
            } finally {
                if (producer == null) {
                    opened.close(Duration.ZERO);
                }
            }
        }

        private void discard() {
            var discarded = producer;
            producer = null;
            if (discarded != null) {
                discarded.close(Duration.ZERO);
            }
        }

        @Override
        void turn() {
            if (producer == null) {
                open();
            }
            pause(2 * settings.seconds("transaction_pause_s"));
            long transaction = begin();
            boolean isSent = send(transaction);
            if (random.nextDouble() < 0.02) {
                beFenced(transaction);
            } else if (!isSent || random.nextDouble() < 0.2) {
                abort(transaction);
            } else {
                commit(transaction);
            }
        }

        long begin() {
            long transaction = settings.transaction();
            long op = history.invoke(process, "begin_transaction", "transaction", transaction);
            try {
                producer.beginTransaction();
            } catch (RuntimeException error) {
                history.unknown(op);
                discard();
                throw error;
            }
            history.ok(op);
            return transaction;
        }

        List<TopicPartition> places() {
            return settings.places(settings.texts("written"));
        }

        /** Whether the client still thinks that the transaction can be committed. */
        boolean send(long transaction) {
            List<Batch> batches = new ArrayList<>();
            int count = 1 + random.nextInt(5);
            for (int at = 0; at < count; at++) {
                var batch = new Batch(this, anyOf(places()), 1 + random.nextInt(3), "transaction", transaction);
                batches.add(batch);
                batch.send(producer);
            }
            try {
                producer.flush();
            } catch (KafkaException error) {
                note(error);
                return false;
            }
            return batches.stream().noneMatch(batch -> batch.outcomes.contains("fail") || batch.outcomes.contains("unknown"));
        }

        /** Whether it is known to be committed. */
        boolean commit(long transaction) {
            long op = history.invoke(process, "commit_transaction", "transaction", transaction);
            try {
                producer.commitTransaction();
                history.ok(op);
                return true;
            } catch (RuntimeException error) {
                // It may have been done by an attempt whose answer was lost. The next producer ends it, whichever way it was going.
                note(error);
                history.unknown(op);
                open();
                return false;
            }
        }

        void abort(long transaction) {
            long op = history.invoke(process, "abort_transaction", "transaction", transaction);
            try {
                producer.abortTransaction();
                history.ok(op);
            } catch (RuntimeException error) {
                note(error);
                history.unknown(op);
                open();
            }
        }

        /** Once another producer has the id, this one's transaction is aborted, and it can end neither that nor the other's. */
        void beFenced(long transaction) {
            var zombie = producer;
            producer = null;
            try {
                open();
                long later = begin();
                send(later);
                long op = history.invoke(process, "commit_transaction", "transaction", transaction);
                try {
                    zombie.commitTransaction();
                    history.ok(op);
                } catch (RuntimeException error) {
                    history.fail(op);
                }
                abort(later);
            } finally {
                zombie.close(Duration.ZERO);
            }
        }

        @Override
        void close() {
            if (producer != null) {
                producer.close(Duration.ofSeconds(1));
            }
        }
    }

    static KafkaProducer<String, String> producer(Settings settings, Map<String, Object> others) {
        var config = settings.common();
        config.putAll(Map.of("linger.ms", 2, "max.block.ms", 2 * WAIT.toMillis(), "delivery.timeout.ms", (int) WAIT.toMillis()));
        config.putAll(others);
        return new KafkaProducer<>(config, new StringSerializer(), new StringSerializer());
    }
}
