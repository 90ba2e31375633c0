import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.TopicPartition;

/** One process of the history. {@code turn} is called again and again; what it throws is noted and no reason to stop. */
abstract class Worker extends Thread {
    static final CountDownLatch STOPPING = new CountDownLatch(1);

    final Settings settings;
    final History history;
    final String process;
    final Random random;

    Worker(Settings settings, String kind) {
        this.settings = settings;
        history = settings.history;
        process = settings.client + "/" + kind;
        random = new Random((settings.seed + "/" + process).hashCode());
        setDaemon(true);
    }

    abstract void turn() throws Exception;

    void close() {
    }

    @Override
    public void run() {
        while (!isStopping()) {
            try {
                turn();
            } catch (Exception error) {
                note(error);
                pause(0.5);
            }
        }
        try {
            close();
        } catch (Exception error) {
            note(error);
        }
    }

    static boolean isStopping() {
        return STOPPING.getCount() == 0;
    }

    void note(Throwable error) {
        error.printStackTrace();
        history.note(process, error);
    }

    void pause(double mostSeconds) {
        try {
            STOPPING.await((long) (random.nextDouble() * mostSeconds * 1e6), TimeUnit.MICROSECONDS);
        } catch (InterruptedException error) {
            throw new IllegalStateException(error);
        }
    }

    <T> T anyOf(List<T> choices) {
        return choices.get(random.nextInt(choices.size()));
    }

    String name(TopicPartition place) {
        return place.toString();
    }
}
