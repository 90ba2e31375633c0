import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.ListOffsetsResult.ListOffsetsResultInfo;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** Apache Kafka's own client for Java: makes the checks that suite.py describes. */
public class Interop {
    static final Duration WAIT = Duration.ofSeconds(30);

    record Manifest(
            @JsonProperty("topic_configs") Map<String, String> topicConfigs,
            @JsonProperty("record_sets") Map<String, List<ManifestRecord>> recordSets,
            @JsonProperty("writers") Map<String, List<Topic>> writers) {}

    /** Header values are base64, as keys and values are, but Jackson decodes only what is declared as bytes. */
    record ManifestRecord(
            int partition,
            @JsonProperty("timestamp_ms") Long timestampMs,
            byte[] key,
            byte[] value,
            List<List<String>> headers) {
        List<Header> kafkaHeaders() {
            var decoder = java.util.Base64.getDecoder();
            return headers.stream()
                    .map(each -> (Header) new RecordHeader(each.get(0), each.get(1) == null ? null : decoder.decode(each.get(1))))
                    .toList();
        }
    }

    record Topic(
            @JsonProperty("topic") String name,
            String check,
            int partitions,
            @JsonProperty("record_set") String recordSet,
            @JsonProperty("flush_every") int flushEvery,
            String compression,
            int acks,
            boolean idempotent,
            List<ExpectedOffset> offsets) {}

    /** {@code at} is earliest, latest, max_timestamp or a time in ms. */
    record ExpectedOffset(int partition, Object at, long offset, @JsonProperty("timestamp_ms") long timestampMs) {}

    interface Body {
        void run() throws Exception;
    }

    private final String name;
    private final String address;
    private final Manifest manifest;
    private final Admin admin;

    public static void main(String[] arguments) throws Exception {
        var json = new ObjectMapper().configure(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES, false);
        var manifest = json.readValue(new File(arguments[3]), Manifest.class);
        try (var admin = Admin.create(Map.of("bootstrap.servers", arguments[2]))) {
            var suite = new Interop(arguments[0], arguments[2], manifest, admin);
            if (arguments[1].equals("write")) {
                suite.write();
            } else {
                suite.read();
            }
        }
    }

    Interop(String name, String address, Manifest manifest, Admin admin) {
        this.name = name;
        this.address = address;
        this.manifest = manifest;
        this.admin = admin;
    }

    void write() {
        var topics = manifest.writers().get(name);

        check("create topics", () -> {
            admin.createTopics(topics.stream()
                    .map(topic -> new NewTopic(topic.name(), topic.partitions(), (short) 1).configs(manifest.topicConfigs()))
                    .toList()).all().get();
            for (var topic : topics) {
                for (int partition = 0; partition < topic.partitions(); partition++) {
                    var place = new TopicPartition(topic.name(), partition);
                    await(() -> expect("log end", offset(place, OffsetSpec.latest()).offset(), 0L));
                }
            }
            try {
                admin.createTopics(Set.of(new NewTopic(topics.get(0).name(), 1, (short) 1))).all().get();
                throw new AssertionError("creating a topic again: no error");
            } catch (ExecutionException error) {
                expect("creating a topic again", error.getCause().getClass(), TopicExistsException.class);
            }
        });

        check("describe topics", () -> {
            for (var topic : topics) {
                var partitions = describe(topic.name()).partitions();
                expect("partitions", partitions.stream().map(each -> each.partition()).toList(),
                        IntStream.range(0, topic.partitions()).boxed().toList());
                for (var partition : partitions) {
                    expect("replicas", partition.replicas(), List.of(partition.leader()));
                    expect("isr", partition.isr(), List.of(partition.leader()));
                }
            }
            var listed = admin.listTopics().names().get();
            expect("listed", listed.containsAll(topics.stream().map(Topic::name).toList()), true);
        });

        check("describe cluster", () -> {
            var cluster = admin.describeCluster();
            var nodes = cluster.nodes().get();
            expect("brokers", nodes.stream().map(node -> node.host() + ":" + node.port()).toList(), List.of(address));
            expect("controller", cluster.controller().get(), nodes.iterator().next());
            expect("has a cluster id", cluster.clusterId().get().isEmpty(), false);
        });

        check("describe configs", () -> {
            var topic = config(ConfigResource.Type.TOPIC, topics.get(0).name());
            expect("retention.ms", topic.apply("retention.ms"), List.of("-1", false));
            expect("cleanup.policy", topic.apply("cleanup.policy"), List.of("delete", true));
            var node = admin.describeCluster().nodes().get().iterator().next().idString();
            var broker = config(ConfigResource.Type.BROKER, node);
            expect("log.segment.bytes", broker.apply("log.segment.bytes"), List.of("1073741824", true));
            expect("node.id", broker.apply("node.id").get(0), node);
        });

        for (var topic : topics) {
            check("produce " + topic.check(), () -> produce(topic));
        }

        check("list offsets", () -> {
            for (var topic : topics) {
                for (var wanted : topic.offsets()) {
                    OffsetSpec spec = wanted.at().equals("earliest") ? OffsetSpec.earliest()
                            : wanted.at().equals("latest") ? OffsetSpec.latest()
                            : wanted.at().equals("max_timestamp") ? OffsetSpec.maxTimestamp()
                            : OffsetSpec.forTimestamp(((Number) wanted.at()).longValue());
                    var found = offset(new TopicPartition(topic.name(), wanted.partition()), spec);
                    var what = topic.name() + "-" + wanted.partition() + " at " + wanted.at();
                    var hasTime = !(wanted.at().equals("earliest") || wanted.at().equals("latest"));
                    expect(what, found.offset(), wanted.offset());
                    expect(what + ", its time", found.timestamp(), hasTime ? wanted.timestampMs() : -1L);
                }
            }
        });

        var doomed = name + "-doomed";
        check("create partitions", () -> {
            admin.createTopics(Set.of(new NewTopic(doomed, 2, (short) 1))).all().get();
            admin.createPartitions(Map.of(doomed, NewPartitions.increaseTo(4))).all().get();
            await(() -> expect("partitions", describe(doomed).partitions().size(), 4));
        });

        check("delete topic", () -> {
            admin.deleteTopics(Set.of(doomed)).all().get();
            await(() -> {
                var listed = admin.listTopics().names().get();
                expect("listed", List.of(listed.contains(doomed), listed.contains(topics.get(0).name())), List.of(false, true));
            });
        });
    }

    void produce(Topic topic) throws Exception {
        Map<String, Object> settings = Map.of(
                "bootstrap.servers", address,
                "compression.type", topic.compression(),
                "acks", String.valueOf(topic.acks()),
                "enable.idempotence", topic.idempotent());
        try (var producer = new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer())) {
            var records = manifest.recordSets().get(topic.recordSet());
            List<Future<RecordMetadata>> reports = new ArrayList<>();
            for (var each : records) {
                reports.add(producer.send(new ProducerRecord<>(
                        topic.name(), each.partition(), each.timestampMs(), each.key(), each.value(), each.kafkaHeaders())));
                if (reports.size() % topic.flushEvery() == 0) {
                    producer.flush();
                }
            }
            Map<Integer, Long> next = new HashMap<>();
            for (int index = 0; index < records.size(); index++) {
                var placed = reports.get(index).get(WAIT.toSeconds(), TimeUnit.SECONDS);
                var offset = next.merge(placed.partition(), 1L, Long::sum) - 1;
                expect("partition", placed.partition(), records.get(index).partition());
                if (topic.acks() != 0) {
                    expect("offset", placed.offset(), offset);
                }
            }
        }
    }

    void read() {
        manifest.writers().forEach((writer, topics) -> check("read " + writer, () -> {
            Map<TopicPartition, List<ManifestRecord>> wanted = new HashMap<>();
            topics.forEach(topic -> wanted.putAll(expected(topic)));
            for (var each : wanted.entrySet()) {
                expect(each.getKey() + " log end", offset(each.getKey(), OffsetSpec.latest()).offset(), (long) each.getValue().size());
            }
            expectRecords(wanted, 0);
        }));
        check("seek", () -> {
            var topic = manifest.writers().values().iterator().next().get(0);
            expectRecords(expected(topic), 5);
        });
    }

    Map<TopicPartition, List<ManifestRecord>> expected(Topic topic) {
        return manifest.recordSets().get(topic.recordSet()).stream()
                .collect(Collectors.groupingBy(record -> new TopicPartition(topic.name(), record.partition()), Collectors.toList()));
    }

    /** Consumes every partition from the given offset on, and compares. */
    void expectRecords(Map<TopicPartition, List<ManifestRecord>> wanted, int start) {
        Map<String, Object> settings = Map.of(
                "bootstrap.servers", address, "enable.auto.commit", false, "auto.offset.reset", "none");
        try (var consumer = new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            consumer.assign(wanted.keySet());
            Map<TopicPartition, Integer> next = new HashMap<>();
            wanted.keySet().forEach(partition -> {
                consumer.seek(partition, start);
                next.put(partition, start);
            });
            long deadline = System.nanoTime() + WAIT.toNanos();
            while (wanted.entrySet().stream().anyMatch(each -> next.get(each.getKey()) < each.getValue().size())) {
                if (System.nanoTime() > deadline) {
                    throw new AssertionError("after " + WAIT + ": " + new TreeMap<>(next.entrySet().stream()
                            .collect(Collectors.toMap(each -> each.getKey().toString(), Map.Entry::getValue))));
                }
                for (var got : consumer.poll(Duration.ofMillis(100))) {
                    var partition = new TopicPartition(got.topic(), got.partition());
                    int index = next.merge(partition, 1, Integer::sum) - 1;
                    expect(partition + ": next offset", got.offset(), (long) index);
                    expect(partition + ": one record more than expected", index < wanted.get(partition).size(), true);
                    expectRecord(partition + " at offset " + index + ": ", got, wanted.get(partition).get(index));
                }
            }
        }
    }

    static void expectRecord(String what, ConsumerRecord<byte[], byte[]> got, ManifestRecord wanted) {
        if (wanted.timestampMs() != null) {
            expect(what + "timestamp", got.timestamp(), wanted.timestampMs());
        }
        expectBytes(what + "key", got.key(), wanted.key());
        expectBytes(what + "value", got.value(), wanted.value());
        var headers = got.headers().toArray();
        var wantedHeaders = wanted.kafkaHeaders();
        expect(what + "headers", headers.length, wantedHeaders.size());
        for (int index = 0; index < headers.length; index++) {
            expect(what + "header", headers[index].key(), wantedHeaders.get(index).key());
            expectBytes(what + "header " + headers[index].key(), headers[index].value(), wantedHeaders.get(index).value());
        }
    }

    static void expectBytes(String what, byte[] got, byte[] wanted) {
        if (!Arrays.equals(got, wanted)) {
            Function<byte[], String> show = data -> data == null ? "null" : data.length + " bytes";
            throw new AssertionError(what + ": got " + show.apply(got) + ", expected " + show.apply(wanted)
                    + ", first difference at byte " + Arrays.mismatch(got == null ? new byte[0] : got, wanted == null ? new byte[0] : wanted));
        }
    }

    ListOffsetsResultInfo offset(TopicPartition place, OffsetSpec spec) throws Exception {
        return admin.listOffsets(Map.of(place, spec)).partitionResult(place).get();
    }

    TopicDescription describe(String topic) throws Exception {
        return admin.describeTopics(Set.of(topic)).allTopicNames().get().get(topic);
    }

    /** Gives for a key its value and whether it is the default. */
    Function<String, List<Object>> config(ConfigResource.Type type, String resource) throws Exception {
        var key = new ConfigResource(type, resource);
        var config = admin.describeConfigs(Set.of(key)).all().get().get(key);
        return entry -> List.of(config.get(entry).value(), config.get(entry).source() == ConfigEntry.ConfigSource.DEFAULT_CONFIG);
    }

    static void expect(String what, Object got, Object wanted) {
        if (!got.equals(wanted)) {
            throw new AssertionError(what + ": got " + got + ", expected " + wanted);
        }
    }

    /** Repeats until there is no error: metadata reaches a broker a moment after the call that changed it. */
    static void await(Body attempt) throws Exception {
        long deadline = System.nanoTime() + WAIT.toNanos();
        while (true) {
            try {
                attempt.run();
                return;
            } catch (Exception | AssertionError error) {
                if (System.nanoTime() > deadline) {
                    throw new AssertionError("after " + WAIT + " still: " + error.getMessage(), error);
                }
            }
            Thread.sleep(20);
        }
    }

    /** Runs one check and prints its line. */
    static void check(String name, Body body) {
        long start = System.nanoTime();
        String outcome = "pass";
        String detail = "";
        try {
            body.run();
        } catch (Exception | AssertionError error) {
            error.printStackTrace();
            outcome = "fail";
            detail = error.toString().replaceAll("\\s+", " ");
        }
        System.out.printf("%s\t%s\t%.2f\t%s%n", name, outcome, (System.nanoTime() - start) / 1e9, detail);
    }
}
