//! Sink: where results go.

use std::collections::BTreeMap;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use crate::format::{RegistryAuth, SchemaRegistry, SinkFormat, SinkFormatType, Timestamps};
use crate::pipeline::{KafkaAuth, SecretRef};
use crate::status::Condition;
pub use crate::webhook::{WebhookFormat, WebhookSink};
use crate::{Duration, Size};
use crate::{patterns, rules};

/// Where results go: exactly one of the kinds.
#[derive(CustomResource, JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq)]
#[kube(
    group = "tidemill.io",
    version = "v1alpha1",
    kind = "Sink",
    namespaced,
    status = "SinkStatus",
    derive = "PartialEq",
    shortname = "snk",
    category = "tidemill",
    doc = "A Sink is a place where Pipelines write results to: a Kafka topic, a webhook, a PostgreSQL table or an Iceberg table. Its columns are those of the stream that is written to it.",
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].status"#,
        description = "Whether it can be written to."
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].reason"#,
        description = "Why it is ready, or not."
    ),
    printcolumn(
        name = "Topic",
        type_ = "string",
        json_path = ".spec.kafka.topic",
        description = "The Kafka topic, if it is one."
    ),
    printcolumn(
        name = "PostgreSQL",
        type_ = "string",
        json_path = ".spec.postgres.table",
        description = "The PostgreSQL table, if it is one."
    ),
    printcolumn(
        name = "Iceberg",
        type_ = "string",
        json_path = ".spec.iceberg.table",
        description = "The Iceberg table, if it is one."
    ),
    printcolumn(
        name = "SchemaMatches",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="SchemaMatches")].status"#,
        description = "Whether the table or topic has the columns of the stream.",
        priority = 1
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp"
    )
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = rules::validations(&[rules::ONE_SINK])))]
pub struct SinkSpec {
    /// A Kafka topic: a record for each row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kafka: Option<KafkaSink>,

    /// A webhook: each row is posted to an address over HTTP, at least once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook: Option<WebhookSink>,

    /// A table in PostgreSQL, written in the transaction that also records the progress.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub postgres: Option<PostgresSink>,

    /// An Iceberg table: Parquet files, committed with the progress in one snapshot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iceberg: Option<IcebergSink>,

    /// A table in a SQLite file, for local use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sqlite: Option<SqliteSink>,

    /// Lines of JSON on standard output, for local use. Write `stdout: {}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stdout: Option<StdoutSink>,
}

/// The one kind of a sink.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum SinkKind<'a> {
    /// A topic.
    Kafka(&'a KafkaSink),
    /// An address that rows are posted to.
    Webhook(&'a WebhookSink),
    /// A table in PostgreSQL.
    Postgres(&'a PostgresSink),
    /// An Iceberg table.
    Iceberg(&'a IcebergSink),
    /// A table in a SQLite file.
    Sqlite(&'a SqliteSink),
    /// Lines on standard output.
    Stdout(&'a StdoutSink),
}

impl Sink {
    /// A Sink that takes everything, in place of one that is not known.
    #[must_use]
    pub fn stand_in(name: &str, namespace: Option<&str>) -> Self {
        let spec = SinkSpec {
            kafka: None,
            webhook: None,
            postgres: None,
            iceberg: None,
            sqlite: None,
            stdout: Some(StdoutSink::default()),
        };
        let mut sink = Self::new(name, spec);
        sink.metadata.namespace = namespace.map(str::to_owned);
        sink
    }
}

impl SinkSpec {
    /// The kind; `None` if the manifest gives none or several, which the schema refuses.
    #[must_use]
    pub fn kind(&self) -> Option<SinkKind<'_>> {
        let mut kinds = [
            self.kafka.as_ref().map(SinkKind::Kafka),
            self.webhook.as_ref().map(SinkKind::Webhook),
            self.postgres.as_ref().map(SinkKind::Postgres),
            self.iceberg.as_ref().map(SinkKind::Iceberg),
            self.sqlite.as_ref().map(SinkKind::Sqlite),
            self.stdout.as_ref().map(SinkKind::Stdout),
        ]
        .into_iter()
        .flatten();
        kinds.next().filter(|_| kinds.next().is_none())
    }

    /// The Secret that workers read as files, with the field that names it: for the schema registry of its format, or for
    /// its webhook.
    #[must_use]
    pub fn mounted_secret(&self) -> Option<(&'static str, &SecretRef)> {
        let (field, secret) = match self.kind()? {
            SinkKind::Kafka(kafka) => {
                let registry = kafka.format.as_ref()?.schema_registry.as_ref()?;
                (
                    "spec.kafka.format.schemaRegistry.auth.secretRef",
                    registry.secret(),
                )
            }
            SinkKind::Webhook(webhook) => ("spec.webhook.secretRef", webhook.secret_ref.as_ref()),
            _ => return None,
        };
        secret.map(|secret| (field, secret))
    }

    /// The Secrets that it names, with their fields.
    #[must_use]
    pub fn secrets(&self) -> Vec<(&'static str, &SecretRef)> {
        let named = match self.kind() {
            Some(SinkKind::Kafka(kafka)) => {
                let auth = kafka.auth.as_ref();
                let own = auth.map(|auth| ("spec.kafka.auth.secretRef", &auth.secret_ref));
                return own.into_iter().chain(self.mounted_secret()).collect();
            }
            Some(SinkKind::Webhook(_)) => self.mounted_secret(),
            Some(SinkKind::Postgres(postgres)) => {
                Some(("spec.postgres.secretRef", &postgres.secret_ref))
            }
            Some(SinkKind::Iceberg(iceberg)) => {
                let rest = iceberg.catalog.rest.as_ref();
                let rest = rest.and_then(|rest| rest.secret_ref.as_ref());
                let sql = iceberg.catalog.sql.as_ref().map(|sql| &sql.secret_ref);
                rest.or(sql).map(|secret| ("spec.iceberg.catalog", secret))
            }
            Some(SinkKind::Sqlite(_) | SinkKind::Stdout(_)) | None => None,
        };
        named.into_iter().collect()
    }
}

/// A topic to write.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KafkaSink {
    /// The topic's name.
    #[schemars(length(min = 1, max = 249), regex(pattern = patterns::TOPIC))]
    pub topic: String,

    /// The brokers of the topic's cluster, as `host:port`. Default: the pipeline's; only there exactly once holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096))]
    pub bootstrap_servers: Option<String>,

    /// Credentials for those brokers. Default: the pipeline's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth: Option<KafkaAuth>,

    /// With how many partitions the topic is made if it is not there. Default: the cluster's choice.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100_000))]
    pub partitions: Option<u32>,

    /// Whether the topic is made if it is not there. Default true.
    #[serde(default = "default_true")]
    pub create: bool,

    /// The topic's settings when it is made, under Kafka's own names. Example: `{retention.ms: "86400000"}`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    pub config: BTreeMap<String, String>,

    /// How records are written. Default: JSON, with times in RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<SinkFormat>,
}

fn default_true() -> bool {
    true
}

/// A table in PostgreSQL.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = rules::validations(&[rules::UPSERT_HAS_KEY])))]
pub struct PostgresSink {
    /// The Secret with the key `url`, or with `host`, `port`, `database`, `user` and `password`.
    pub secret_ref: SecretRef,

    /// The table's name, with its schema if it is not the default one. Example: `public.sales_per_category`.
    #[schemars(length(min = 1, max = 128))]
    pub table: String,

    /// `Upsert`: a row replaces the one with the same primary key. `Append`: rows are only added. Default: `Upsert` with
    /// a `primaryKey`, else `Append`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<WriteMode>,

    /// The columns that identify a row.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(min = 1, max = 63)), extend("x-kubernetes-list-type" = "atomic"))]
    pub primary_key: Vec<String>,

    /// Whether the table is made if it is not there. Default true.
    #[serde(default = "default_true")]
    pub create: bool,

    /// PostgreSQL's types for columns that shall not have the usual one when the table is made. Example:
    /// `{total_sales: "numeric(18,2)"}`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 500))]
    pub columns: BTreeMap<String, String>,
}

impl PostgresSink {
    /// How rows are written: as given, or as the primary key suggests.
    #[must_use]
    pub fn write_mode(&self) -> WriteMode {
        self.mode.unwrap_or(if self.primary_key.is_empty() {
            WriteMode::Append
        } else {
            WriteMode::Upsert
        })
    }
}

/// How rows are written to a table.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteMode {
    /// A row replaces the one with the same primary key.
    Upsert,
    /// Rows are only added.
    Append,
}

/// An Iceberg table.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IcebergSink {
    /// The catalog that knows the table.
    pub catalog: IcebergCatalog,

    /// The table's name with its namespace. Example: `bank.transactions`.
    #[schemars(length(min = 3, max = 512), regex(pattern = patterns::ICEBERG_TABLE))]
    pub table: String,

    /// How the table's files are partitioned when it is made: columns, or `year`, `month`, `day`, `hour`, `bucket` or
    /// `truncate` of one. Example: `["day(ts)", "bucket(16, account)"]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(min = 1, max = 256)), extend("x-kubernetes-list-type" = "atomic"))]
    pub partition_by: Vec<String>,

    /// How the Parquet files are compressed: `zstd` (default), `snappy` or `none`.
    #[serde(default)]
    pub compression: Compression,

    /// How often files are committed to the table. Shorter means fresher rows and more, smaller files. Default 60s.
    #[serde(default = "default_iceberg_commit_interval")]
    pub commit_interval: Duration,

    /// What keeps the table quick: off unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maintenance: Option<IcebergMaintenance>,
}

fn default_iceberg_commit_interval() -> Duration {
    Duration::from_secs(60)
}

/// An Iceberg catalog: REST or SQL.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = rules::validations(&[rules::ONE_CATALOG])))]
pub struct IcebergCatalog {
    /// A catalog that speaks Iceberg's REST protocol.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rest: Option<RestCatalog>,

    /// A catalog in tables of a SQL database.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sql: Option<SqlCatalog>,
}

/// A catalog that speaks Iceberg's REST protocol.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RestCatalog {
    /// The catalog's address. Example: `http://iceberg-rest:8181`.
    #[schemars(length(min = 1, max = 2048))]
    pub uri: String,

    /// The warehouse: a name that the catalog knows, or a place such as `s3://lake/warehouse`.
    #[schemars(length(min = 1, max = 2048))]
    pub warehouse: String,

    /// The Secret with what the catalog and its storage ask for, under Iceberg's own names, such as `token`,
    /// `s3.access-key-id` and `s3.secret-access-key`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretRef>,
}

/// A catalog in tables of a SQL database.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SqlCatalog {
    /// The Secret with the key `url` of the database, and with what the storage asks for.
    pub secret_ref: SecretRef,

    /// Where the tables' files are. Example: `s3://lake/warehouse`.
    #[schemars(length(min = 1, max = 2048))]
    pub warehouse: String,
}

/// How Parquet files are compressed.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq, Default)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// Small.
    #[default]
    Zstd,
    /// Quick.
    Snappy,
    /// Not at all.
    None,
}

/// What keeps an Iceberg table quick.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct IcebergMaintenance {
    /// How often small files are made into larger ones. Without it, never. Example: `1h`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compact_every: Option<Duration>,

    /// How large those files become. Default 128Mi.
    #[serde(default = "default_target_file_size")]
    pub target_file_size: Size,

    /// After how long a snapshot, and with it the way back to that time, is given up. Without it, never. Example: `7d`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expire_snapshots_after: Option<Duration>,
}

fn default_target_file_size() -> Size {
    Size::from_mebibytes(128)
}

/// A table in a SQLite file.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SqliteSink {
    /// Where the file is. It is made if it is not there. Example: `out/sales.db`.
    #[schemars(length(min = 1, max = 4096))]
    pub path: String,

    /// The table's name.
    #[schemars(length(min = 1, max = 128))]
    pub table: String,
}

/// Lines of JSON on standard output.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StdoutSink {}

/// How a sink is doing.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "camelCase")]
pub struct SinkStatus {
    /// The `metadata.generation` of the manifest that this status is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,

    /// Accepted, ResolvedRefs, Ready and SchemaMatches.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}
