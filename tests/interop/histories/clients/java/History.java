import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Writes down what a client asks for and what comes of it, as ../history.py describes it. System.nanoTime is CLOCK_MONOTONIC. */
class History {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final OutputStream file;
    private long ops;

    History(String path) throws IOException {
        // A line is in the file when the call returns, whatever becomes of this process.
        file = new FileOutputStream(path);
    }

    /** Something is about to begin. Fields are names and values in turns; what is null is left out. */
    synchronized long invoke(String process, String operation, Object... fields) {
        ops++;
        say(fields, "type", "invoke", "op", ops, "process", process, "operation", operation);
        return ops;
    }

    synchronized void ok(long op, Object... fields) {
        say(fields, "type", "ok", "op", op);
    }

    /** It certainly had no effect. */
    synchronized void fail(long op) {
        say(new Object[0], "type", "fail", "op", op);
    }

    synchronized void unknown(long op) {
        say(new Object[0], "type", "unknown", "op", op);
    }

    /** For each value its offset, "unknown" or "fail". */
    synchronized void sent(long op, List<Object> outcomes) {
        say(new Object[0], "type", "sent", "op", op, "outcomes", outcomes);
    }

    synchronized void event(String process, String operation, Object... fields) {
        say(fields, "type", "event", "process", process, "operation", operation);
    }

    synchronized void note(String process, Throwable error) {
        say(new Object[0], "type", "note", "process", process, "what", error.getMessage() == null ? error.toString() : error.getClass().getSimpleName() + ": " + error.getMessage());
    }

    private void say(Object[] fields, Object... first) {
        Map<String, Object> line = new LinkedHashMap<>();
        for (var part : List.of(first, fields)) {
            for (int at = 0; at < part.length; at += 2) {
                if (part[at + 1] != null) {
                    line.put((String) part[at], part[at + 1]);
                }
            }
        }
        line.put("at_ns", System.nanoTime());
        try {
            file.write((JSON.writeValueAsString(line) + "\n").getBytes(StandardCharsets.UTF_8));
        } catch (IOException error) {
            throw new IllegalStateException(error);
        }
    }

    static List<String> names(Collection<?> partitions) {
        return partitions.stream().map(Object::toString).sorted().toList();
    }
}
