import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.kafka.clients.consumer.AcknowledgeType;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaShareConsumer;
import org.apache.kafka.common.serialization.StringDeserializer;

/** A member of a share group, in a thread of its own: what it makes of a record the record's value says. See ../../share_checks.py. */
class ShareMember {
    /** How often each record was delivered, to any member of this program. */
    private static final Map<String, Integer> DELIVERIES = new ConcurrentHashMap<>();

    private final String name;
    private final boolean isExplicit;
    private final boolean isHolding;
    private final KafkaShareConsumer<String, String> consumer;
    private final Thread thread;
    private volatile boolean isLeaving;

    ShareMember(String address, JsonNode command) {
        name = Application.text(command, "member");
        isExplicit = command.path("explicit").asBoolean();
        isHolding = command.path("hold").asBoolean();
        Map<String, Object> settings = new HashMap<>(Map.of(
                "bootstrap.servers", address,
                "group.id", Application.text(command, "group"),
                "share.acknowledgement.mode", isExplicit ? "explicit" : "implicit",
                "max.poll.records", command.path("records").asInt(100),
                "reconnect.backoff.max.ms", 500));
        if (command.path("strict").asBoolean()) {
            settings.put("share.acquire.mode", "record_limit");
        }
        consumer = new KafkaShareConsumer<>(settings, new StringDeserializer(), new StringDeserializer());
        consumer.subscribe(Set.of(Application.text(command, "topic")));
        thread = Application.start(this::work);
    }

    void leave() throws InterruptedException {
        isLeaving = true;
        thread.join();
    }

    private void work() {
        boolean holds = false;
        while (!isLeaving) {
            try {
                if (holds) {
                    Thread.sleep(50);
                } else {
                    holds = turn() && isHolding;
                }
            } catch (InterruptedException | RuntimeException error) {
                error.printStackTrace();
            }
        }
        consumer.close();
    }

    /** Whether there were records. */
    private boolean turn() {
        List<ConsumerRecord<String, String>> records = new ArrayList<>();
        consumer.poll(Duration.ofMillis(100)).forEach(records::add);
        if (records.isEmpty()) {
            return false;
        }
        Application.tell(Map.of("member", name, "shared", records.stream()
                .map(each -> List.of(each.partition(), each.offset(), each.value(), (int) each.deliveryCount().orElse((short) 0))).toList()));
        if (isHolding) {
            return true;
        }
        Map<ConsumerRecord<String, String>, AcknowledgeType> types = new HashMap<>();
        for (var record : records) {
            var type = isExplicit ? type(record) : AcknowledgeType.ACCEPT;
            types.put(record, type);
            if (isExplicit) {
                consumer.acknowledge(record, type);
            }
        }
        settle(types);
        return true;
    }

    private void settle(Map<ConsumerRecord<String, String>, AcknowledgeType> types) {
        Set<Integer> failed = ConcurrentHashMap.newKeySet();
        consumer.commitSync().forEach((partition, failure) -> failure.ifPresent(error -> {
            error.printStackTrace();
            failed.add(partition.partition());
        }));
        List<List<Object>> settled = new ArrayList<>();
        types.forEach((record, type) -> {
            if (type != AcknowledgeType.RENEW && !failed.contains(record.partition())) {
                settled.add(List.of(record.partition(), record.offset(), type.toString()));
            }
        });
        Application.tell(Map.of("member", name, "acknowledged", settled));
        if (types.containsValue(AcknowledgeType.RENEW)) {
            takeTime();
        }
    }

    /** Takes longer than records are locked for without being renewed. A poll hands out again what was renewed. */
    private void takeTime() {
        for (int turn = 0; ; turn++) {
            try {
                Thread.sleep(consumer.acquisitionLockTimeoutMs().orElse(30_000) / 2);
            } catch (InterruptedException error) {
                return;
            }
            var type = turn < 4 ? AcknowledgeType.RENEW : AcknowledgeType.ACCEPT;
            Map<ConsumerRecord<String, String>, AcknowledgeType> types = new HashMap<>();
            consumer.poll(Duration.ofMillis(100)).forEach(record -> {
                consumer.acknowledge(record, type);
                types.put(record, type);
            });
            if (type == AcknowledgeType.ACCEPT) {
                settle(types);
                return;
            }
            consumer.commitSync();
        }
    }

    private static AcknowledgeType type(ConsumerRecord<String, String> record) {
        int delivery = DELIVERIES.merge(record.topic() + record.partition() + ":" + record.offset(), 1, Integer::sum);
        return switch (record.value().split(" ")[0]) {
            case "release" -> delivery == 1 ? AcknowledgeType.RELEASE : AcknowledgeType.ACCEPT;
            case "poison" -> AcknowledgeType.RELEASE;
            case "reject" -> AcknowledgeType.REJECT;
            case "renew" -> AcknowledgeType.RENEW;
            default -> AcknowledgeType.ACCEPT;
        };
    }
}
