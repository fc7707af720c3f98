import java.time.ZoneId;
import org.apache.flink.table.api.bridge.java.StreamTableEnvironment;

/** SqlJob BOOTSTRAP IN OUT CHECKPOINT_DIR: the job as Flink SQL. */
public final class SqlJob {
    public static void main(String[] args) throws Exception {
        var tables = StreamTableEnvironment.create(Settings.environment(args[3]));
        tables.getConfig().setLocalTimeZone(ZoneId.of("UTC"));
        tables.executeSql("""
            CREATE TABLE tx (
              account STRING, amount DOUBLE, `timestamp` TIMESTAMP_LTZ(3),
              WATERMARK FOR `timestamp` AS `timestamp` - INTERVAL '2' SECOND
            ) WITH (
              'connector' = 'kafka', 'properties.bootstrap.servers' = '%s', 'topic' = '%s',
              'properties.group.id' = '%s-sql', 'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset',
              'format' = 'json', 'json.timestamp-format.standard' = 'ISO-8601'
            )""".formatted(args[0], args[1], Settings.GROUP));
        tables.executeSql("""
            CREATE TABLE totals (account STRING, ws TIMESTAMP(3), total DOUBLE, cnt BIGINT) WITH (
              'connector' = 'kafka', 'properties.bootstrap.servers' = '%s', 'topic' = '%s', 'format' = 'json',
              'sink.delivery-guarantee' = 'exactly-once', 'sink.transactional-id-prefix' = '%s-sql',
              'properties.transaction.timeout.ms' = '600000'
            )""".formatted(args[0], args[2], Settings.GROUP));
        tables.executeSql("""
            INSERT INTO totals
            SELECT account, window_start, SUM(amount), COUNT(*)
            FROM TABLE(TUMBLE(TABLE tx, DESCRIPTOR(`timestamp`), INTERVAL '10' SECOND))
            GROUP BY account, window_start, window_end""").await();
        System.exit(0); // Kafka's clients leave threads behind
    }
}
