import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.common.TopicPartition;

/** What the runner says, and what all workers of the program share. */
class Settings {
    final String client;
    final String seed;
    final History history;
    private final JsonNode fields;
    private final long clientNumber;
    private final AtomicLong values;
    private final AtomicLong transactions = new AtomicLong();

    Settings(String path) throws IOException {
        fields = new ObjectMapper().readTree(new File(path));
        client = text("client");
        seed = text("seed");
        history = new History(text("history"));
        clientNumber = fields.get("client_number").asLong() << 40;
        values = new AtomicLong(clientNumber);
    }

    String text(String name) {
        return fields.get(name).asText();
    }

    int number(String name) {
        return fields.get(name).asInt();
    }

    double seconds(String name) {
        return fields.get(name).asDouble();
    }

    List<String> texts(String name) {
        List<String> texts = new ArrayList<>();
        fields.get(name).forEach(each -> texts.add(each.asText()));
        return texts;
    }

    List<TopicPartition> places(List<String> topics) {
        List<TopicPartition> places = new ArrayList<>();
        for (var topic : topics) {
            for (int partition = 0; partition < fields.get("topics").get(topic).asInt(); partition++) {
                places.add(new TopicPartition(topic, partition));
            }
        }
        return places;
    }

    List<TopicPartition> allPlaces() {
        List<String> topics = new ArrayList<>();
        fields.get("topics").fieldNames().forEachRemaining(topics::add);
        return places(topics);
    }

    /** Numbers that nobody else sends. */
    List<Long> values(int count) {
        long first = values.getAndAdd(count);
        List<Long> taken = new ArrayList<>();
        for (long value = first; value < first + count; value++) {
            taken.add(value);
        }
        return taken;
    }

    long transaction() {
        return clientNumber + transactions.incrementAndGet();
    }

    /** What all clients are told. */
    Map<String, Object> common() {
        return new HashMap<>(Map.of(
                "bootstrap.servers", text("address"), "reconnect.backoff.max.ms", 500, "retry.backoff.max.ms", 500,
                "request.timeout.ms", 5_000, "metadata.recovery.strategy", "none"));
    }
}
