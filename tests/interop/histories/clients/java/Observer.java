import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListConsumerGroupOffsetsOptions;
import org.apache.kafka.clients.admin.ListConsumerGroupOffsetsSpec;
import org.apache.kafka.clients.admin.ListOffsetsOptions;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.TopicPartition;

/** One who looks at marks and at committed offsets. */
class Observer extends Worker {
    private static final int WAIT_S = 6;

    private final Admin admin;

    Observer(Settings settings, String kind) {
        super(settings, kind);
        var config = settings.common();
        config.put("default.api.timeout.ms", 5_000);
        admin = Admin.create(config);
    }

    @Override
    void turn() {
        if (random.nextBoolean()) {
            observe(anyOf(settings.allPlaces()), anyOf(List.of("log_start", "high_watermark", "last_stable_offset")));
        } else {
            committed(anyOf(settings.texts("groups")), random.nextBoolean());
        }
        pause(4 * settings.seconds("pause_s"));
    }

    private void observe(TopicPartition place, String mark) {
        var spec = mark.equals("log_start") ? OffsetSpec.earliest() : OffsetSpec.latest();
        var isolation = mark.equals("last_stable_offset") ? IsolationLevel.READ_COMMITTED : IsolationLevel.READ_UNCOMMITTED;
        long op = history.invoke(process, "observe", "partition", name(place), "mark", mark);
        ended(op, "offset", () -> admin.listOffsets(Map.of(place, spec), new ListOffsetsOptions(isolation))
                .partitionResult(place).get(WAIT_S, TimeUnit.SECONDS).offset());
    }

    private void committed(String group, boolean isStable) {
        long op = history.invoke(process, "committed_offsets", "group", group, "isolation", isStable ? "committed" : "uncommitted");
        ended(op, "positions", () -> {
            var places = settings.allPlaces();
            var wanted = Map.of(group, new ListConsumerGroupOffsetsSpec().topicPartitions(places));
            var found = admin.listConsumerGroupOffsets(wanted, new ListConsumerGroupOffsetsOptions().requireStable(isStable))
                    .partitionsToOffsetAndMetadata(group).get(WAIT_S, TimeUnit.SECONDS);
            List<Map<String, Object>> positions = new ArrayList<>();
            for (var place : places) {
                // Of a partition with an error nothing was seen.
                if (found.containsKey(place)) {
                    Map<String, Object> position = new LinkedHashMap<>(Map.of("partition", name(place)));
                    position.put("offset", found.get(place) == null ? null : found.get(place).offset());
                    positions.add(position);
                }
            }
            return positions;
        });
    }

    private void ended(long op, String field, Callable<Object> look) {
        try {
            history.ok(op, field, look.call());
        } catch (Exception error) {
            note(error);
            history.unknown(op);
        }
    }

    @Override
    void close() {
        admin.close(java.time.Duration.ZERO);
    }
}
