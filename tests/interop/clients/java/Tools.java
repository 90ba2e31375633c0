import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.PrintStream;
import java.lang.reflect.InvocationTargetException;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.utils.Exit;

/**
 * Runs Apache Kafka's command line tools one after the other, each as if it had a process of its own: a new Java machine for
 * each takes longer than what most of them do.
 *
 * <p>A line of the standard input is a run: {@code {"class", "arguments", "input"}}, a line of the standard output how it
 * ended: {@code {"status", "output", "errors"}}; input, output and errors are in base64.
 */
public class Tools {
    /** What a tool throws where it would end the process; not an Exception, which the tools catch. */
    static class Ended extends Error {}

    /** Goes to the run that is under way: some tools keep the stream that they found first. */
    static class Redirected extends OutputStream {
        final ByteArrayOutputStream[] current = {new ByteArrayOutputStream()};

        @Override
        public synchronized void write(int octet) {
            current[0].write(octet);
        }

        @Override
        public synchronized void write(byte[] octets, int from, int length) {
            current[0].write(octets, from, length);
        }

        synchronized String take() {
            var taken = Base64.getEncoder().encodeToString(current[0].toByteArray());
            current[0] = new ByteArrayOutputStream();
            return taken;
        }
    }

    private static final Redirected OUTPUT = new Redirected();
    private static final Redirected ERRORS = new Redirected();
    private static final List<Runnable> HOOKS = new ArrayList<>();
    private static Integer status;

    public static void main(String[] arguments) throws Exception {
        var json = new ObjectMapper();
        var answers = System.out;
        System.setOut(new PrintStream(OUTPUT, true));
        System.setErr(new PrintStream(ERRORS, true));
        Exit.setExitProcedure((code, message) -> end(code));
        Exit.setHaltProcedure((code, message) -> end(code));
        Exit.setShutdownHookAdder((name, hook) -> HOOKS.add(hook));
        var runs = new BufferedReader(new InputStreamReader(System.in));
        for (var line = runs.readLine(); line != null; line = runs.readLine()) {
            var run = json.readTree(line);
            List<String> words = new ArrayList<>();
            run.get("arguments").forEach(each -> words.add(each.asText()));
            System.setIn(new ByteArrayInputStream(Base64.getDecoder().decode(run.get("input").asText())));
            run(run.get("class").asText(), words.toArray(String[]::new));
            answers.println(json.writeValueAsString(Map.of("status", status, "output", OUTPUT.take(), "errors", ERRORS.take())));
        }
    }

    /** The first status counts: a tool may take its own end for a failure. */
    static void end(int code) {
        if (status == null) {
            status = code;
        }
        throw new Ended();
    }

    static void run(String name, String[] arguments) throws Exception {
        status = null;
        try {
            Class.forName(name).getMethod("main", String[].class).invoke(null, (Object) arguments);
        } catch (InvocationTargetException error) {
            if (!(error.getCause() instanceof Ended)) {
                error.getCause().printStackTrace();
                status = status == null ? 1 : status;
            }
        }
        HOOKS.forEach(Runnable::run);
        HOOKS.clear();
        status = status == null ? 0 : status;
    }
}
