import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.InvalidOffsetException;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;

/** Consumers: such as choose their partitions and go to and fro, and members of groups. */
class Readers {
    /** Polls, and writes down what it gets. */
    abstract static class Reader extends Worker {
        final String isolation;
        KafkaConsumer<String, String> consumer;
        /** Behind the last record that was read. */
        final Map<TopicPartition, Long> next = new HashMap<>();

        private boolean isPolling;
        private long op;

        Reader(Settings settings, String kind, String isolation) {
            super(settings, kind);
            this.isolation = isolation;
        }

        KafkaConsumer<String, String> consumer(Map<String, Object> others) {
            var config = settings.common();
            config.putAll(Map.of(
                    "enable.auto.commit", false, "auto.offset.reset", "none", "isolation.level", "read_" + isolation,
                    "fetch.min.bytes", 20_000, "fetch.max.wait.ms", 200, "max.poll.records", 200, "default.api.timeout.ms", 10_000));
            config.putAll(others);
            return new KafkaConsumer<>(config, new StringDeserializer(), new StringDeserializer());
        }

        /** How many records it got. */
        int poll(Long transaction) {
            beginPoll(transaction);
            Map<TopicPartition, List<List<Object>>> reads = new LinkedHashMap<>();
            int count = 0;
            try {
                for (var record : consumer.poll(Duration.ofMillis(200))) {
                    var place = new TopicPartition(record.topic(), record.partition());
                    reads.computeIfAbsent(place, key -> new ArrayList<>()).add(List.of(record.offset(), Long.parseLong(record.value())));
                    next.put(place, record.offset() + 1);
                    count++;
                }
            } catch (InvalidOffsetException error) {
                note(new IllegalStateException("lost its way: " + error, error));
                for (var place : error.partitions()) {
                    history.event(process, "seek", "partition", name(place));
                }
                consumer.seekToBeginning(error.partitions());
            } finally {
                isPolling = false;
                history.ok(op, "reads", reads.entrySet().stream()
                        .map(each -> Map.of("partition", name(each.getKey()), "records", each.getValue())).toList());
            }
            return count;
        }

        private void beginPoll(Long transaction) {
            op = history.invoke(process, "poll", "isolation", isolation, "transaction", transaction);
            isPolling = true;
            this.transaction = transaction;
        }

        private Long transaction;

        /** The client hands over records only after it has told of an assignment, so that the poll that tells of it has none before. */
        void assigned(Set<TopicPartition> places, Set<TopicPartition> kept, String group, Integer generation) {
            boolean wasPolling = isPolling;
            if (wasPolling) {
                history.ok(op, "reads", List.of());
            }
            next.keySet().retainAll(kept);
            history.event(process, "assign", "partitions", History.names(places), "kept", History.names(kept),
                    "group", group, "generation", generation);
            if (wasPolling) {
                beginPoll(transaction);
            }
        }

        @Override
        void close() {
            if (consumer != null) {
                consumer.close();
                consumer = null;
            }
        }
    }

    /** Reads all partitions from their start, and goes back now and then. */
    static class AssignedReader extends Reader {
        AssignedReader(Settings settings, String kind, String isolation) {
            super(settings, kind, isolation);
        }

        @Override
        void turn() {
            if (consumer == null) {
                open();
            }
            if (random.nextDouble() < 0.03 && !next.isEmpty()) {
                seek();
            }
            poll(null);
            pause(settings.seconds("pause_s"));
        }

        private void open() {
            var places = settings.allPlaces();
            consumer = consumer(Map.of());
            assigned(Set.copyOf(places), Set.of(), null, null);
            consumer.assign(places);
            for (var place : places) {
                consumer.seek(place, 0);
                history.event(process, "seek", "partition", name(place), "to", 0);
            }
        }

        private void seek() {
            var place = anyOf(List.copyOf(new TreeMap<>(Map.copyOf(named(next))).values()));
            long at = next.get(place);
            long least = Math.max(0, at - 2000);
            long to = least + random.nextLong(at - least + 1);
            consumer.seek(place, to);
            next.put(place, Math.max(to, 1));
            history.event(process, "seek", "partition", name(place), "to", to);
        }
    }

    /** In an order that does not change. */
    static Map<String, TopicPartition> named(Map<TopicPartition, Long> places) {
        Map<String, TopicPartition> named = new TreeMap<>();
        places.keySet().forEach(place -> named.put(place.toString(), place));
        return named;
    }

    /** A member of a group that commits what it has read; it leaves and comes back now and then. */
    static class Member extends Reader implements ConsumerRebalanceListener {
        final String group;
        private final String protocol;
        private final List<String> topics;
        private final Set<TopicPartition> has = new HashSet<>();
        private int turnsLeft;

        Member(Settings settings, String kind, String group, String protocol, List<String> topics) {
            super(settings, kind, "committed");
            this.group = group;
            this.protocol = protocol;
            this.topics = topics;
        }

        @Override
        void turn() {
            if (turnsLeft == 0) {
                close();
                open();
            }
            turnsLeft--;
            if (poll(null) > 0 && random.nextDouble() < 0.7) {
                commit();
            }
            pause(2 * settings.seconds("pause_s"));
        }

        void open() {
            Map<String, Object> config = new HashMap<>(Map.of("group.id", group, "group.protocol", protocol, "auto.offset.reset", "earliest"));
            if (protocol.equals("classic")) {
                config.putAll(Map.of(
                        "session.timeout.ms", 6_000, "heartbeat.interval.ms", 300,
                        "partition.assignment.strategy", "org.apache.kafka.clients.consumer.RangeAssignor"));
            }
            consumer = consumer(config);
            consumer.subscribe(topics, this);
            turnsLeft = 80 + random.nextInt(220);
        }

        @Override
        public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
            var kept = Set.copyOf(has);
            has.addAll(partitions);
            assigned(Set.copyOf(has), kept, group, consumer.groupMetadata().generationId());
        }

        @Override
        public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
            has.removeAll(partitions);
            assigned(Set.copyOf(has), Set.copyOf(has), null, null);
        }

        @Override
        public void onPartitionsLost(Collection<TopicPartition> partitions) {
            onPartitionsRevoked(partitions);
        }

        Map<TopicPartition, OffsetAndMetadata> places() {
            Map<TopicPartition, OffsetAndMetadata> places = new HashMap<>();
            next.forEach((place, offset) -> places.put(place, new OffsetAndMetadata(offset)));
            return places;
        }

        List<Map<String, Object>> positions() {
            return next.entrySet().stream()
                    .map(each -> Map.<String, Object>of("partition", name(each.getKey()), "offset", each.getValue())).toList();
        }

        private void commit() {
            long op = history.invoke(process, "commit_offsets", "group", group, "positions", positions());
            try {
                consumer.commitSync(places());
                history.ok(op);
            } catch (RuntimeException error) {
                note(error);
                history.unknown(op);
            }
        }

        /** Back to what the group has committed. */
        void rewind() {
            var committed = consumer.committed(Set.copyOf(has));
            for (var place : Set.copyOf(has)) {
                var offset = committed.get(place);
                long to = offset == null ? 0 : offset.offset();
                next.remove(place);
                consumer.seek(place, to);
                history.event(process, "seek", "partition", name(place), "to", to);
            }
        }
    }
}
