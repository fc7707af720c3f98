import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.function.Consumer;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * Check BOOTSTRAP TOPIC RECORDS SEED [open-end]: recomputes the truth from the seed and compares every account and window,
 * to the cent, with what a read-committed reader of TOPIC sees. Fails unless all are there once and right. With open-end the
 * last windows of an account may be missing (Kafka Streams closes a window only by a later record), but none before them.
 */
public final class Check {
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    public static void main(String[] args) {
        long records = Long.parseLong(args[2]);
        Totals truth = Totals.of(records, Long.parseLong(args[3]));
        Comparison comparison = new Comparison(truth);
        readCommitted(args[0], args[1], value -> comparison.add(new Row(value)));
        boolean openEnd = args.length > 4 && args[4].equals("open-end");
        System.out.println(comparison.report(openEnd));
        System.exit(comparison.exact(openEnd) ? 0 : 1);
    }

    /** Reads to the very end, and so waits for transactions whose outcome is decided but not yet written to all partitions. */
    private static void readCommitted(String bootstrap, String topic, Consumer<byte[]> each) {
        try (var consumer = consumer(bootstrap, "read_committed")) {
            List<TopicPartition> partitions = consumer.partitionsFor(topic).stream()
                .map(p -> new TopicPartition(topic, p.partition()))
                .toList();
            Map<TopicPartition, Long> ends = ends(bootstrap, partitions);
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            Instant moved = Instant.now();
            while (ends.entrySet().stream().anyMatch(end -> consumer.position(end.getKey()) < end.getValue())) {
                var records = consumer.poll(Duration.ofMillis(200));
                records.forEach(record -> each.accept(record.value()));
                if (!records.isEmpty()) moved = Instant.now();
                if (moved.plus(PATIENCE).isBefore(Instant.now())) {
                    throw new IllegalStateException("a transaction on " + topic + " has been left open");
                }
            }
        }
    }

    /** The ends of all that was ever written: those of a read-committed reader may still be before the last transactions. */
    private static Map<TopicPartition, Long> ends(String bootstrap, List<TopicPartition> partitions) {
        try (var consumer = consumer(bootstrap, "read_uncommitted")) {
            return consumer.endOffsets(partitions);
        }
    }

    private static KafkaConsumer<byte[], byte[]> consumer(String bootstrap, String isolation) {
        Properties settings = new Properties();
        settings.put("bootstrap.servers", bootstrap);
        settings.put("isolation.level", isolation);
        settings.put("max.poll.records", "20000");
        settings.put("enable.auto.commit", "false");
        return new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }
}
