import java.util.List;

/** Apache Kafka's own client for Java as a program that writes down what it sees: see ../../README.md. It works until its input ends. */
public class Histories {
    private static final long STOP_MS = 20_000;

    public static void main(String[] arguments) throws Exception {
        var settings = new Settings(arguments[0]);
        var read = settings.texts("read");
        List<Worker> workers = List.of(
                new Senders.Sender(settings, "plain", false),
                new Senders.Sender(settings, "idempotent", true),
                new Senders.InTransactions(settings, "transactional"),
                new Transformer(settings, "transformer"),
                new Readers.AssignedReader(settings, "committed", "committed"),
                new Readers.AssignedReader(settings, "uncommitted", "uncommitted"),
                new Readers.Member(settings, "classic-member", settings.text("classic_group"), "classic", read),
                new Readers.Member(settings, "consumer-member", settings.text("consumer_group"), "consumer", read),
                new Observer(settings, "observer"));
        workers.forEach(Thread::start);
        System.in.readAllBytes();
        Worker.STOPPING.countDown();
        long deadline = System.currentTimeMillis() + STOP_MS;
        for (var worker : workers) {
            worker.join(Math.max(1, deadline - System.currentTimeMillis()));
        }
        Runtime.getRuntime().halt(0);
    }
}
