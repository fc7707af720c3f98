import java.time.Duration;
import java.util.Properties;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.Suppressed;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.state.BuiltInDslStoreSuppliers;
import org.apache.kafka.streams.state.WindowStore;

/** Job BOOTSTRAP IN OUT STATE_DIR: the job, exactly once, on two threads, until the end that the input has at start. */
public final class Job {
    private static final String APPLICATION = "bench-kstreams";

    public static void main(String[] args) throws Exception {
        KafkaStreams streams = new KafkaStreams(topology(args[1], args[2]), settings(args[0], args[3]));
        streams.setUncaughtExceptionHandler(e -> {
            e.printStackTrace();
            return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        });
        streams.start();
        boolean complete = Progress.await(args[0], args[1], APPLICATION, () -> streams.state().hasNotStarted()
            || streams.state().isRunningOrRebalancing());
        streams.close(Duration.ofSeconds(30));
        System.exit(complete ? 0 : 1);
    }

    private static Topology topology(String in, String out) {
        var builder = new StreamsBuilder();
        var input = Consumed.with(Serdes.String(), Payment.serde())
            .withTimestampExtractor((record, partitionTime) -> ((Payment) record.value()).time);
        var store = Materialized.<String, Total, WindowStore<Bytes, byte[]>>as("totals")
            .withKeySerde(Serdes.String())
            .withValueSerde(Total.serde())
            .withStoreType(new BuiltInDslStoreSuppliers.InMemoryDslStoreSuppliers());
        builder.stream(in, input)
            .groupByKey(Grouped.with(Serdes.String(), Payment.serde()))
            .windowedBy(TimeWindows.ofSizeAndGrace(Duration.ofSeconds(10), Duration.ofSeconds(2)))
            .aggregate(Total::new, (account, payment, total) -> total.add(payment), store)
            .suppress(Suppressed.untilWindowCloses(Suppressed.BufferConfig.unbounded()))
            .toStream()
            .map((key, total) -> KeyValue.pair(key.key(), total.row(key)))
            .to(out, Produced.with(Serdes.String(), Serdes.ByteArray()));
        return builder.build();
    }

    private static Properties settings(String bootstrap, String stateDir) {
        Properties settings = new Properties();
        settings.put("bootstrap.servers", bootstrap);
        settings.put("application.id", APPLICATION);
        settings.put("num.stream.threads", 2);
        settings.put("state.dir", stateDir);
        settings.put("auto.offset.reset", "earliest");
        settings.put("processing.guarantee", "exactly_once_v2");
        settings.put("commit.interval.ms", 1_000);
        settings.put("replication.factor", 1);
        return settings;
    }
}
