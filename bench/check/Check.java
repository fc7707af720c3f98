import java.time.Duration;
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
    public static void main(String[] args) {
        long records = Long.parseLong(args[2]);
        Totals truth = Totals.of(records, Long.parseLong(args[3]));
        Comparison comparison = new Comparison(truth);
        readCommitted(args[0], args[1], value -> comparison.add(new Row(value)));
        boolean openEnd = args.length > 4 && args[4].equals("open-end");
        System.out.println(comparison.report(openEnd));
        System.exit(comparison.exact(openEnd) ? 0 : 1);
    }

    private static void readCommitted(String bootstrap, String topic, Consumer<byte[]> each) {
        Properties settings = new Properties();
        settings.put("bootstrap.servers", bootstrap);
        settings.put("isolation.level", "read_committed");
        settings.put("max.poll.records", "20000");
        settings.put("enable.auto.commit", "false");
        try (var consumer = new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            List<TopicPartition> partitions = consumer.partitionsFor(topic).stream()
                .map(p -> new TopicPartition(topic, p.partition()))
                .toList();
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
            while (ends.entrySet().stream().anyMatch(end -> consumer.position(end.getKey()) < end.getValue())) {
                consumer.poll(Duration.ofMillis(200)).forEach(record -> each.accept(record.value()));
            }
        }
    }
}
