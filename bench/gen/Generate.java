import java.util.Properties;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.clients.producer.Callback;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** Generate BOOTSTRAP TOPIC RECORDS SEED [RATE]: writes the sequence into a topic, as fast as it can or RATE a second. */
public final class Generate {
    public static void main(String[] args) throws Exception {
        String topic = args[1];
        long records = Long.parseLong(args[2]);
        Transactions transactions = new Transactions(Long.parseLong(args[3]));
        double rate = args.length > 4 ? Double.parseDouble(args[4]) : 0;
        AtomicReference<Exception> failure = new AtomicReference<>();
        Callback remember = (metadata, e) -> {
            if (e != null) failure.compareAndSet(null, e);
        };
        long start = System.nanoTime();
        long bytes = 0;
        try (KafkaProducer<byte[], byte[]> producer = producer(args[0], rate)) {
            for (long i = 0; i < records; i++) {
                if (rate > 0) sleepUntil(start + (long) (i / rate * 1e9));
                transactions.next(i);
                byte[] value = transactions.json();
                bytes += value.length;
                producer.send(new ProducerRecord<>(topic, transactions.key(), value), remember);
            }
        }
        if (failure.get() != null) throw failure.get();
        double seconds = (System.nanoTime() - start) / 1e9;
        System.out.printf("generated %d records, %.1f bytes each, in %.1f s%n", records, (double) bytes / records, seconds);
    }

    private static KafkaProducer<byte[], byte[]> producer(String bootstrap, double rate) {
        Properties settings = new Properties();
        settings.put("bootstrap.servers", bootstrap);
        settings.put("linger.ms", rate > 0 ? "1" : "20");
        settings.put("batch.size", "262144");
        settings.put("buffer.memory", "134217728");
        settings.put("acks", "all");
        return new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer());
    }

    private static void sleepUntil(long due) throws InterruptedException {
        long wait = due - System.nanoTime();
        if (wait > 0) Thread.sleep(wait / 1_000_000, (int) (wait % 1_000_000));
    }
}
