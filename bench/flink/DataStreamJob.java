import java.time.Duration;
import java.util.Properties;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.streaming.api.windowing.assigners.TumblingEventTimeWindows;

/** DataStreamJob BOOTSTRAP IN OUT CHECKPOINT_DIR: the job in Flink's DataStream API. */
public final class DataStreamJob {
    public static void main(String[] args) throws Exception {
        var environment = Settings.environment(args[3]);
        var watermarks = WatermarkStrategy.<Payment>forBoundedOutOfOrderness(Duration.ofSeconds(2))
            .withTimestampAssigner((payment, recordTime) -> payment.time);
        environment.fromSource(source(args[0], args[1]), watermarks, "tx")
            .keyBy(payment -> payment.account)
            .window(TumblingEventTimeWindows.of(Duration.ofSeconds(10)))
            .aggregate(new Total.Add(), new Total.Close())
            .sinkTo(sink(args[0], args[2]));
        environment.execute("bench");
        System.exit(0); // Kafka's clients leave threads behind
    }

    private static KafkaSource<Payment> source(String bootstrap, String topic) {
        return KafkaSource.<Payment>builder()
            .setBootstrapServers(bootstrap)
            .setTopics(topic)
            .setGroupId(Settings.GROUP)
            .setStartingOffsets(OffsetsInitializer.earliest())
            .setBounded(OffsetsInitializer.latest())
            .setValueOnlyDeserializer(new Payment.Reader())
            .build();
    }

    private static KafkaSink<Total.Row> sink(String bootstrap, String topic) {
        Properties producer = new Properties();
        producer.put("transaction.timeout.ms", "600000");
        return KafkaSink.<Total.Row>builder()
            .setBootstrapServers(bootstrap)
            .setKafkaProducerConfig(producer)
            .setDeliveryGuarantee(DeliveryGuarantee.EXACTLY_ONCE)
            .setTransactionalIdPrefix(Settings.GROUP)
            .setRecordSerializer(KafkaRecordSerializationSchema.<Total.Row>builder()
                .setTopic(topic)
                .setValueSerializationSchema(new Total.Writer())
                .build())
            .build();
    }
}
