import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Future;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.streams.CloseOptions;
import org.apache.kafka.streams.CloseOptions.GroupMembershipOperation;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.kstream.Grouped;

/** Apache Kafka's own client for Java as an application: obeys the commands that ../../../applications.py describes. */
public class Application {
    static final ObjectMapper JSON = new ObjectMapper();
    static final Duration WAIT = Duration.ofMinutes(1);

    interface Leave {
        void run() throws Exception;
    }

    private final String address;
    private final String groupProtocol;
    private final Admin admin;
    private final KafkaProducer<String, String> producer;
    private final Map<String, Leave> members = new ConcurrentHashMap<>();
    private final Map<String, KafkaProducer<String, String>> producers = new ConcurrentHashMap<>();

    public static void main(String[] arguments) throws Exception {
        var application = new Application(arguments[2], arguments[3]);
        try (var lines = new BufferedReader(new InputStreamReader(System.in))) {
            for (var line = lines.readLine(); line != null; line = lines.readLine()) {
                var command = JSON.readTree(line);
                start(() -> application.answer(command));
            }
        }
        Runtime.getRuntime().halt(0);
    }

    Application(String address, String groupProtocol) {
        this.address = address;
        this.groupProtocol = groupProtocol;
        this.admin = Admin.create(Map.of("bootstrap.servers", address));
        this.producer = producer(null);
    }

    static Thread start(Runnable work) {
        var thread = new Thread(work);
        thread.setDaemon(true);
        thread.start();
        return thread;
    }

    KafkaProducer<String, String> producer(String transactionalId) {
        Map<String, Object> settings = new HashMap<>(Map.of(
                "bootstrap.servers", address, "linger.ms", 1, "reconnect.backoff.max.ms", 500, "retry.backoff.max.ms", 500));
        if (transactionalId != null) {
            settings.put("transactional.id", transactionalId);
        }
        return new KafkaProducer<>(settings, new StringSerializer(), new StringSerializer());
    }

    void answer(JsonNode command) {
        int id = command.get("id").asInt();
        try {
            var result = obey(command);
            tell(result == null ? Map.of("id", id) : Map.of("id", id, "result", result));
        } catch (Exception error) {
            error.printStackTrace();
            tell(Map.of("id", id, "error", error.toString()));
        }
    }

    static synchronized void tell(Map<String, Object> said) {
        System.out.println(JSON.valueToTree(said).toString());
    }

    Object obey(JsonNode command) throws Exception {
        var group = text(command, "group");
        var topic = text(command, "topic");
        var member = text(command, "member");
        var named = text(command, "producer") == null ? null : producers.get(text(command, "producer"));
        switch (text(command, "do")) {
            case "topic" -> admin.createTopics(Set.of(new NewTopic(topic, command.get("partitions").asInt(), (short) 1))).all().get();
            case "produce" -> send(producer, topic, values(command));
            case "share" -> members.put(member, new ShareMember(address, command)::leave);
            case "join", "transform" -> members.put(member, new Member(command)::leave);
            case "streams" -> {
                var streams = streams(command);
                members.put(member, () -> streams.close(CloseOptions.groupMembershipOperation(GroupMembershipOperation.LEAVE_GROUP)));
            }
            case "leave" -> members.remove(member).run();
            case "groups" -> {
                Map<String, String> groups = new TreeMap<>();
                admin.listGroups().all().get().forEach(each ->
                        groups.put(each.groupId(), each.groupState().map(state -> state.toString().toLowerCase()).orElse("")));
                return groups;
            }
            case "describe" -> {
                var described = admin.describeConsumerGroups(Set.of(group)).describedGroups().get(group).get();
                return List.of(described.groupState().toString().toLowerCase(), described.members().size());
            }
            case "tasks" -> {
                var described = admin.describeStreamsGroups(Set.of(group)).describedGroups().get(group).get();
                int active = 0;
                int standby = 0;
                for (var each : described.members()) {
                    active += each.assignment().activeTasks().stream().mapToInt(tasks -> tasks.partitions().size()).sum();
                    standby += each.assignment().standbyTasks().stream().mapToInt(tasks -> tasks.partitions().size()).sum();
                }
                return List.of(described.groupState().toString().toLowerCase(), described.members().size(), active, standby);
            }
            case "tool" -> {
                List<String> words = new ArrayList<>(List.of(
                        System.getProperty("java.home") + "/bin/java", "-cp", System.getProperty("java.class.path"),
                        text(command, "class"), "--bootstrap-server", address));
                command.get("arguments").forEach(each -> words.add(each.asText()));
                var tool = new ProcessBuilder(words).redirectErrorStream(true).start();
                var output = new String(tool.getInputStream().readAllBytes());
                return List.of(tool.waitFor(), output);
            }
            case "committed" -> {
                var offsets = admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get();
                return offsets.entrySet().stream().filter(each -> each.getKey().topic().equals(topic))
                        .map(each -> List.of(each.getKey().partition(), each.getValue().offset())).toList();
            }
            case "reset" -> {
                Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
                command.get("offsets").forEach(each -> offsets.put(
                        new TopicPartition(topic, each.get(0).asInt()), new OffsetAndMetadata(each.get(1).asLong())));
                admin.alterConsumerGroupOffsets(group, offsets).all().get();
            }
            case "delete" -> admin.deleteConsumerGroups(Set.of(group)).all().get();
            case "open" -> {
                var opened = producer(text(command, "transactional"));
                opened.initTransactions();
                producers.put(text(command, "producer"), opened);
            }
            case "begin" -> named.beginTransaction();
            case "send" -> send(named, topic, values(command));
            case "commit" -> named.commitTransaction();
            case "abort" -> named.abortTransaction();
            default -> throw new IllegalArgumentException("unknown command");
        }
        return null;
    }

    static String text(JsonNode command, String name) {
        return command.path(name).asText(null);
    }

    static List<Map.Entry<Integer, String>> values(JsonNode command) {
        List<Map.Entry<Integer, String>> values = new ArrayList<>();
        command.get("values").forEach(each -> values.add(Map.entry(each.get(0).asInt(), each.get(1).asText())));
        return values;
    }

    static void send(KafkaProducer<String, String> producer, String topic, List<Map.Entry<Integer, String>> values) throws Exception {
        List<Future<?>> reports = new ArrayList<>();
        for (var each : values) {
            reports.add(producer.send(new ProducerRecord<>(topic, each.getKey(), null, each.getValue())));
        }
        for (var report : reports) {
            report.get();
        }
    }

    /** Reads and commits, or transforms, in a thread of its own. */
    class Member {
        private final String name;
        private final String topic;
        private final String to;
        private final String transactionalId;
        private final KafkaConsumer<String, String> consumer;
        private final Thread thread;
        private volatile boolean isLeaving;
        private KafkaProducer<String, String> transactional;

        Member(JsonNode command) {
            name = text(command, "member");
            topic = text(command, "topic");
            to = text(command, "to");
            transactionalId = text(command, "transactional");
            var protocol = command.path("protocol").asText(groupProtocol);
            Map<String, Object> settings = new HashMap<>(Map.of(
                    "bootstrap.servers", address,
                    "group.id", text(command, "group"),
                    "group.protocol", protocol,
                    "enable.auto.commit", false,
                    "auto.offset.reset", "earliest",
                    "max.poll.records", 100,
                    "isolation.level", command.path("isolation").asText("read_committed"),
                    "reconnect.backoff.max.ms", 500));
            if (protocol.equals("classic")) {
                settings.putAll(Map.of("session.timeout.ms", 30_000, "heartbeat.interval.ms", 200));
            }
            if (text(command, "instance") != null) {
                settings.put("group.instance.id", text(command, "instance"));
            }
            consumer = new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer());
            consumer.subscribe(Set.of(topic));
            thread = start(this::work);
        }

        void leave() throws InterruptedException {
            isLeaving = true;
            thread.join();
        }

        void work() {
            while (!isLeaving) {
                try {
                    turn();
                } catch (RuntimeException error) {
                    error.printStackTrace();
                }
            }
            consumer.close();
            if (transactional != null) {
                transactional.close();
            }
        }

        void turn() {
            if (transactionalId != null && transactional == null) {
                transactional = producer(transactionalId);
                transactional.initTransactions();
            }
            var records = consumer.poll(Duration.ofMillis(100));
            if (records.isEmpty()) {
                return;
            }
            List<ConsumerRecord<String, String>> read = new ArrayList<>();
            Map<TopicPartition, OffsetAndMetadata> next = new HashMap<>();
            for (var each : records) {
                read.add(each);
                next.put(new TopicPartition(topic, each.partition()), new OffsetAndMetadata(each.offset() + 1));
            }
            tell(Map.of("member", name, "read", read.stream().map(each -> List.of(each.partition(), each.offset(), each.value())).toList()));
            if (to != null) {
                transform(read, next);
            } else {
                consumer.commitSync(next);
                tell(Map.of("member", name, "committed", next.entrySet().stream()
                        .map(each -> List.of(each.getKey().partition(), each.getValue().offset())).toList()));
            }
        }

        /** After a failure: a new producer with the same id, which ends what the old one left, and back to what is committed. */
        void transform(List<ConsumerRecord<String, String>> read, Map<TopicPartition, OffsetAndMetadata> next) {
            try {
                transactional.beginTransaction();
                send(transactional, to, read.stream().map(each ->
                        Map.entry(each.partition(), each.partition() + ":" + each.offset() + ":" + each.value())).toList());
                transactional.sendOffsetsToTransaction(next, consumer.groupMetadata());
                transactional.commitTransaction();
            } catch (Exception error) {
                error.printStackTrace();
                transactional.close(Duration.ZERO);
                transactional = producer(transactionalId);
                transactional.initTransactions();
                rewind(consumer.assignment());
            }
        }

        void rewind(Collection<TopicPartition> partitions) {
            consumer.committed(Set.copyOf(partitions), WAIT).forEach((partition, committed) -> {
                if (committed == null) {
                    consumer.seekToBeginning(Set.of(partition));
                } else {
                    consumer.seek(partition, committed.offset());
                }
            });
        }
    }

    /** Where the broker assigns the tasks, how many copies of a state there are is a config of the group. */
    void keepCopies(String group, String copies) throws Exception {
        var config = new ConfigEntry("streams.num.standby.replicas", copies);
        admin.incrementalAlterConfigs(Map.of(
                new ConfigResource(ConfigResource.Type.GROUP, group),
                List.of(new AlterConfigOp(config, AlterConfigOp.OpType.SET)))).all().get();
    }

    KafkaStreams streams(JsonNode command) throws Exception {
        var builder = new StreamsBuilder();
        builder.<String, String>stream(text(command, "topic"))
                .groupBy((key, value) -> value.substring(value.length() - 1), Grouped.with(Serdes.String(), Serdes.String()))
                .count()
                .toStream()
                .mapValues((letter, count) -> letter + ":" + count)
                .to(text(command, "to"));
        var settings = new Properties();
        settings.putAll(Map.of(
                "application.id", text(command, "group"),
                "bootstrap.servers", address,
                "processing.guarantee", "exactly_once_v2",
                "state.dir", text(command, "directory"),
                "default.key.serde", Serdes.StringSerde.class.getName(),
                "default.value.serde", Serdes.StringSerde.class.getName(),
                "commit.interval.ms", 100,
                "replication.factor", 1));
        if (command.path("protocol").asText("classic").equals("streams")) {
            keepCopies(text(command, "group"), "1");
            settings.put("group.protocol", "streams");
        } else {
            settings.putAll(Map.of("heartbeat.interval.ms", 200, "session.timeout.ms", 6_000));
        }
        var streams = new KafkaStreams(builder.build(), settings);
        streams.setUncaughtExceptionHandler(error -> {
            error.printStackTrace();
            return StreamThreadExceptionResponse.REPLACE_THREAD;
        });
        streams.start();
        return streams;
    }
}
