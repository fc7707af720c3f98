//! The manifests of the documentation can be read, hold what they say, and are written as they were read.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use tidemill_crds::alert_rule::{Mode, ParameterValue, Severity, WindowKind};
use tidemill_crds::pipeline::{Delivery, EmitWhen, OnMissing, Origin, StartFrom};
use tidemill_crds::sink::{SinkKind, Timestamps, WebhookFormat, WriteMode};
use tidemill_crds::{AlertRule, ColumnType, Pipeline, Sink};

const PAYMENTS: &str = r#"
apiVersion: tidemill.io/v1alpha1
kind: Pipeline
metadata: {name: payments}
spec:
  kafka:
    bootstrapServers: kafka:9092
    auth: {secretRef: {name: kafka-user}}
  sources:
  - name: transactions
    kafka: {topic: transactions, startFrom: Earliest}
    format: {type: Json}
    columns:
    - {name: tx_id,       type: String,          required: true}
    - {name: customer_id, type: String,          required: true}
    - {name: amount,      type: "Decimal(12,2)", required: true}
    - {name: category,    type: String}
    - {name: ts,          type: Timestamp, from: timestamp}
    check: "amount >= 0"
    eventTime: {column: ts, outOfOrderness: 2s, idleTimeout: 30s}
    deduplicate: {key: [tx_id], within: 10m}
    partitionedBy: [customer_id]
  - name: customers
    kafka: {topic: customers, startFrom: {timestamp: "2026-02-16T12:00:00Z"}}
    table: {primaryKey: [customer_id]}
    columns: [{name: customer_id, type: String, required: true}, {name: birthdate, type: Date}]
  - name: made_up
    generator: {kind: Transactions, rate: 1000, fraudRatio: 0.02, accounts: 10000, seed: 42, records: 5000, partitions: 8,
                customersFrom: {configMap: users, key: users.csv}}
  streams:
  - name: enriched
    sql: |
      SELECT t.*, c.birthdate
      FROM transactions t LEFT JOIN customers c ON t.customer_id = c.customer_id
    onMissing: {waitFor: 5s}
  - name: spend
    sql: SELECT 1
    emit: {when: OnUpdate, every: 1s}
    allowedLateness: 0s
    lateRecords: DeadLetter
  outputs:
  - {from: enriched, sink: enriched-transactions}
  - {from: spend, sink: spend-per-customer, key: [customer_id]}
  - {from: alerts, sink: alerts}
  - {from: deadLetter, sink: dead-letter}
  delivery: ExactlyOnce
  commitInterval: 200ms
  workers: 2
  onIncompatibleChange: Block
  suspend: false
  deletionPolicy: DeleteInternal
  worker:
    resources: {requests: {cpu: 500m, memory: 256Mi}, limits: {memory: 512Mi}}
    nodeSelector: {disk: ssd}
    tolerations: [{key: stream, operator: Exists, effect: NoSchedule}]
    env: [{name: RUST_LOG, value: info}]
    image: tidemill:dev
"#;

const RAPID_ACTIVITY: &str = r#"
apiVersion: tidemill.io/v1alpha1
kind: AlertRule
metadata: {name: rapid-activity}
spec:
  pipelineRef: {name: payments}
  stream: transactions
  severity: Medium
  mode: Enforce
  partitionBy: [customer_id]
  window: {sliding: 1m}
  when: "count(*) >= :min_count"
  parameters: {min_count: 5, ratio: 0.5, name: x, strict: true}
  message: "{customer_id} made {count(*)} transactions within a minute"
  select: {total: "sum(amount)"}
  suppressFor: 1m
"#;

fn sink(spec: &str) -> String {
    format!(
        "apiVersion: tidemill.io/v1alpha1\nkind: Sink\nmetadata: {{name: s}}\nspec:\n  {spec}\n"
    )
}

fn read<T: DeserializeOwned>(text: &str) -> T {
    serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// Reads a manifest and writes it again: the same but for defaults, which are filled in.
fn round_trip<T: DeserializeOwned + Serialize>(text: &str) -> T {
    let resource: T = read(text);
    let written = serde_json::to_value(&resource).unwrap();
    assert_contains("", &written, &read::<Value>(text));
    let again: T = serde_json::from_value(written.clone()).unwrap();
    assert_eq!(serde_json::to_value(&again).unwrap(), written);
    resource
}

fn assert_contains(path: &str, all: &Value, part: &Value) {
    match (all, part) {
        (Value::Object(all), Value::Object(part)) => {
            for (name, value) in part {
                let path = format!("{path}.{name}");
                match all.get(name) {
                    Some(found) => assert_contains(&path, found, value),
                    // What is false by default and written out is left out again.
                    None => assert_eq!(value, &Value::Bool(false), "{path} is lost"),
                }
            }
        }
        (Value::Array(all), Value::Array(part)) => {
            assert_eq!(all.len(), part.len(), "{path}");
            for (i, (all, part)) in all.iter().zip(part).enumerate() {
                assert_contains(&format!("{path}[{i}]"), all, part);
            }
        }
        _ => assert_eq!(all, part, "{path}"),
    }
}

#[test]
fn a_pipeline_with_every_field() {
    let pipeline = round_trip::<Pipeline>(PAYMENTS).spec;
    let transactions = &pipeline.sources[0];
    assert!(
        matches!(transactions.origin(), Some(Origin::Kafka(kafka)) if kafka.start_from == StartFrom::Earliest)
    );
    assert_eq!(
        transactions.columns[2].column_type,
        ColumnType::Decimal {
            precision: 12,
            scale: 2
        }
    );
    let event_time = transactions.event_time.as_ref().unwrap();
    assert_eq!(event_time.out_of_orderness.as_micros(), 2_000_000);
    assert!(
        matches!(pipeline.sources[2].origin(), Some(Origin::Generator(made)) if made.records == Some(5_000))
    );
    assert!(
        matches!(pipeline.streams[0].on_missing, Some(OnMissing::WaitFor(span)) if span.as_millis() == 5_000)
    );
    assert!(matches!(&pipeline.streams[1].emit, Some(emit) if emit.when == EmitWhen::OnUpdate));
    assert_eq!(pipeline.workers, Some(2));
}

#[test]
fn defaults_are_those_that_the_fields_say() {
    let pipeline: Pipeline = read(
        "apiVersion: tidemill.io/v1alpha1\nkind: Pipeline\nmetadata: {name: p}\nspec:\n  sources:\n  - name: s\n    generator: {kind: Customers}\n  autoscale: {max: 3}",
    );
    let spec = pipeline.spec;
    assert_eq!(
        (spec.delivery, spec.suspend, spec.workers),
        (Delivery::ExactlyOnce, false, None)
    );
    assert_eq!(spec.commit_interval.to_string(), "200ms");
    let autoscale = spec.autoscale.unwrap();
    assert_eq!(
        (
            autoscale.min,
            autoscale.max,
            autoscale.target_lag.as_millis()
        ),
        (1, 3, 10_000)
    );
    let generator = spec.sources[0].generator.as_ref().unwrap();
    assert_eq!(
        (
            generator.rate,
            generator.accounts,
            generator.seed,
            generator.partitions
        ),
        (1_000, 10_000, 42, 1)
    );
    assert_eq!((generator.fraud_ratio, generator.records), (0.02, None));
}

#[test]
fn a_rule_with_every_field() {
    let rule = round_trip::<AlertRule>(RAPID_ACTIVITY).spec;
    assert_eq!(
        (rule.severity, rule.mode),
        (Severity::Medium, Mode::Enforce)
    );
    assert!(
        matches!(rule.window.unwrap().kind(), Some(WindowKind::Sliding(span)) if span.as_millis() == 60_000)
    );
    assert_eq!(rule.parameters["min_count"], ParameterValue::Integer(5));
    assert_eq!(rule.parameters["ratio"], ParameterValue::Number(0.5));
    assert_eq!(rule.parameters["strict"], ParameterValue::Boolean(true));
}

#[test]
fn every_kind_of_window() {
    for (window, hopping) in [
        ("tumbling: 1m", false),
        ("hopping: {size: 1m, every: 10s}", true),
        ("session: 5m", false),
        ("count: 5", false),
    ] {
        let text = RAPID_ACTIVITY.replace("sliding: 1m", window);
        let kind = round_trip::<AlertRule>(&text).spec.window.unwrap().kind();
        assert_eq!(
            matches!(kind, Some(WindowKind::Hopping { .. })),
            hopping,
            "{kind:?}"
        );
        assert!(kind.is_some(), "{window}");
    }
}

#[test]
fn every_kind_of_sink() {
    let kafka: Sink = round_trip(&sink(
        "kafka: {topic: alerts, bootstrapServers: other:9092, partitions: 8, create: true, config: {retention.ms: \"1000\"}, format: {type: Json, timestamps: EpochMillis}}",
    ));
    let Some(SinkKind::Kafka(topic)) = kafka.spec.kind() else {
        panic!()
    };
    assert_eq!(
        topic.format.as_ref().unwrap().timestamps,
        Timestamps::EpochMillis
    );
    let webhook: Sink = round_trip(&sink(
        "webhook: {url: 'https://hooks.example.com/a', format: CloudEvents, secretRef: {name: hook}, headers: {X-Team: fraud}, timeout: 5s, retryFor: 1h}",
    ));
    let Some(SinkKind::Webhook(hook)) = webhook.spec.kind() else {
        panic!()
    };
    assert_eq!(hook.format, WebhookFormat::CloudEvents);
    let secret = webhook.spec.mounted_secret();
    assert!(
        secret.is_some_and(|(field, it)| field == "spec.webhook.secretRef" && it.name == "hook")
    );
    assert_eq!(webhook.spec.secrets().len(), 1);
    let postgres: Sink = round_trip(&sink(
        "postgres: {secretRef: {name: warehouse}, table: public.sales, mode: Upsert, primaryKey: [category], create: true, columns: {total_sales: \"numeric(18,2)\"}}",
    ));
    let Some(SinkKind::Postgres(table)) = postgres.spec.kind() else {
        panic!()
    };
    assert_eq!(table.write_mode(), WriteMode::Upsert);
    let iceberg: Sink = round_trip(&sink(
        "iceberg: {catalog: {rest: {uri: 'http://rest:8181', warehouse: lake}}, table: bank.transactions, partitionBy: [day(ts)], compression: zstd, commitInterval: 1m, maintenance: {compactEvery: 1h, targetFileSize: 128Mi, expireSnapshotsAfter: 7d}}",
    ));
    let Some(SinkKind::Iceberg(table)) = iceberg.spec.kind() else {
        panic!()
    };
    assert_eq!(
        table
            .maintenance
            .as_ref()
            .unwrap()
            .target_file_size
            .as_bytes(),
        128 << 20
    );
    round_trip::<Sink>(&sink(
        "iceberg: {catalog: {sql: {secretRef: {name: c}, warehouse: 's3://lake'}}, table: bank.transactions}",
    ));
    let sqlite: Sink = round_trip(&sink("sqlite: {path: out.db, table: t}"));
    assert!(matches!(sqlite.spec.kind(), Some(SinkKind::Sqlite(_))));
    let stdout: Sink = round_trip(&sink("stdout: {}"));
    assert!(matches!(stdout.spec.kind(), Some(SinkKind::Stdout(_))));
    let two: Sink = read(&sink("{stdout: {}, sqlite: {path: a, table: b}}"));
    assert_eq!(two.spec.kind(), None);
}

#[test]
fn an_unknown_field_is_refused_at_every_depth() {
    for (from, to) in [
        ("delivery: ExactlyOnce", "delivry: ExactlyOnce"),
        (
            "{topic: transactions,",
            "{topic: transactions, partition: 1,",
        ),
        ("required: true}", "required: true, nullable: true}"),
        ("{when: OnUpdate,", "{when: OnUpdate, often: true,"),
        ("records: 5000,", "record: 5000,"),
        ("image: tidemill:dev", "picture: tidemill:dev"),
    ] {
        let text = PAYMENTS.replacen(from, to, 1);
        assert_ne!(text, PAYMENTS);
        let error = serde_saphyr::from_str::<Pipeline>(&text)
            .unwrap_err()
            .to_string();
        assert!(error.contains("unknown field"), "{to}: {error}");
    }
}

#[test]
fn a_start_or_a_wait_that_cannot_be_says_what_to_write() {
    for (from, to, said) in [
        (
            "startFrom: Earliest",
            "startFrom: Newest",
            "write Earliest, Latest or {timestamp:",
        ),
        (
            "startFrom: Earliest",
            "startFrom: {timestamp: yesterday}",
            "write RFC 3339, such as 2026-02-16T12:00:00Z",
        ),
        (
            "waitFor: 5s",
            "waitFor: 5",
            "write Emit, DeadLetter or {waitFor: 5s}",
        ),
        ("within: 10m", "within: 10min", "`10min` is not a duration"),
    ] {
        let text = PAYMENTS.replacen(from, to, 1);
        let error = serde_saphyr::from_str::<Pipeline>(&text)
            .unwrap_err()
            .to_string();
        assert!(error.contains(said), "{error}");
    }
}
