import java.util.List;
import org.apache.kafka.common.TopicPartition;

/** A member of a group that sends as many records as it reads, in transactions that commit its offsets, too. */
class Transformer extends Senders.InTransactions {
    private final Readers.Member member;
    private boolean mustRewind;

    Transformer(Settings settings, String kind) {
        super(settings, kind);
        member = new Readers.Member(settings, kind, settings.text("transform_group"), settings.text("transform_protocol"),
                settings.texts("transform_from"));
        member.open();
    }

    @Override
    List<TopicPartition> places() {
        return settings.places(List.of(settings.text("transformed")));
    }

    @Override
    void turn() {
        if (producer == null) {
            open();
        }
        if (mustRewind) {
            member.rewind();
        }
        mustRewind = true;
        long transaction = begin();
        while (member.poll(transaction) == 0) {
            if (isStopping()) {
                abort(transaction);
                return;
            }
        }
        if (!send(transaction) || random.nextDouble() < 0.15) {
            abort(transaction);
        } else if (commitOffsets(transaction) && commit(transaction)) {
            mustRewind = false;
        }
        pause(2 * settings.seconds("transaction_pause_s"));
    }

    private boolean commitOffsets(long transaction) {
        long op = history.invoke(process, "commit_offsets", "group", member.group, "positions", member.positions(), "transaction", transaction);
        try {
            producer.sendOffsetsToTransaction(member.places(), member.consumer.groupMetadata());
            history.ok(op);
            return true;
        } catch (RuntimeException error) {
            note(error);
            history.unknown(op);
            abort(transaction);
            return false;
        }
    }

    @Override
    void close() {
        super.close();
        member.close();
    }
}
