import java.time.ZoneId;
import org.apache.flink.table.api.bridge.java.StreamTableEnvironment;

/** RulesJob BOOTSTRAP IN OUT CHECKPOINT_DIR: three alert rules as Flink SQL. */
public final class RulesJob {
    public static void main(String[] args) throws Exception {
        var tables = StreamTableEnvironment.create(Settings.environment(args[3]));
        tables.getConfig().setLocalTimeZone(ZoneId.of("UTC"));
        tables.executeSql("""
            CREATE TABLE tx (
              account STRING, amount DECIMAL(12, 2), `timestamp` TIMESTAMP_LTZ(3), merchant STRING,
              WATERMARK FOR `timestamp` AS `timestamp` - INTERVAL '2' SECOND
            ) WITH (
              'connector' = 'kafka', 'properties.bootstrap.servers' = '%s', 'topic' = '%s',
              'properties.group.id' = '%s-rules', 'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset',
              'format' = 'json', 'json.timestamp-format.standard' = 'ISO-8601'
            )""".formatted(args[0], args[1], Settings.GROUP));
        tables.executeSql("""
            CREATE TABLE alerts (rule STRING, account STRING, amount DECIMAL(12, 2), happened TIMESTAMP_LTZ(3), n BIGINT) WITH (
              'connector' = 'kafka', 'properties.bootstrap.servers' = '%s', 'topic' = '%s', 'format' = 'json',
              'sink.delivery-guarantee' = 'exactly-once', 'sink.transactional-id-prefix' = '%s-rules',
              'properties.transaction.timeout.ms' = '600000'
            )""".formatted(args[0], args[2], Settings.GROUP));
        tables.executeSql("""
            INSERT INTO alerts
            SELECT 'large', account, amount, `timestamp`, 1 FROM tx WHERE amount > 999
            UNION ALL
            SELECT 'by-minute', account, amount, `timestamp`, 1 FROM tx
            WHERE amount > 990 AND EXTRACT(MINUTE FROM `timestamp`) BETWEEN 1 AND 4
            UNION ALL
            SELECT 'rapid', account, amount, `timestamp`, n
            FROM (
              SELECT account, amount, `timestamp`, COUNT(*) OVER (
                PARTITION BY account ORDER BY `timestamp` RANGE BETWEEN INTERVAL '1' MINUTE PRECEDING AND CURRENT ROW
              ) AS n FROM tx
            ) WHERE n >= 15""").await();
        System.exit(0); // Kafka's clients leave threads behind
    }
}
