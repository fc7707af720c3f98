//! What a pipeline reads.

use std::borrow::Cow;
use std::str::FromStr;

use k8s_openapi::jiff::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::{Value, json};

use crate::format::SourceFormat;
use crate::pipeline::SecretRef;
use crate::{ColumnType, Duration};
use crate::{patterns, rules};

/// Something that is read: a stream, or with `table` a table.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = rules::validations(&[rules::ONE_ORIGIN, rules::TOPIC_HAS_COLUMNS, rules::FORMAT_OF_TOPIC, rules::TABLE_OR_DEDUPLICATE, rules::DEBEZIUM_IS_TABLE, rules::NAME_NOT_RESERVED])))]
pub struct Source {
    /// The name that SQL uses: letters, digits and `_`, not a digit first. Example: `transactions`.
    #[schemars(length(min = 1, max = 63), regex(pattern = patterns::NAME))]
    pub name: String,

    /// The topic that is read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kafka: Option<KafkaSource>,

    /// Records made up by the workers, in place of a topic: for trying things out, and for measuring.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generator: Option<GeneratorSource>,

    /// How the records of the topic are written. Default JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<SourceFormat>,

    /// What is read from a record; anything else in it is ignored. A generator has columns of its own, and needs none
    /// here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 500), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub columns: Vec<SourceColumn>,

    /// A condition in SQL over the columns; a row for which it is not true is invalid and goes to the dead letters.
    /// Example: `amount >= 0`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 8192))]
    pub check: Option<String>,

    /// Which column says when something happened. Needed for windows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_time: Option<EventTime>,

    /// Takes records that come again only once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deduplicate: Option<Deduplicate>,

    /// A promise: records with the same values in these columns are in the same partition of the topic. Grouping by
    /// them then needs no shuffle. Wrong results if it is not kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(min = 1, max = 128)), extend("x-kubernetes-list-type" = "atomic"))]
    pub partitioned_by: Vec<String>,

    /// Makes the source a table: the latest row of each key, to join streams with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<Table>,
}

/// Where a source's records come from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Origin<'a> {
    /// A topic.
    Kafka(&'a KafkaSource),
    /// Made up by the workers.
    Generator(&'a GeneratorSource),
}

impl Source {
    /// Where the records come from; `None` if the manifest gives none or both, which the schema refuses.
    #[must_use]
    pub fn origin(&self) -> Option<Origin<'_>> {
        match (&self.kafka, &self.generator) {
            (Some(kafka), None) => Some(Origin::Kafka(kafka)),
            (None, Some(generator)) => Some(Origin::Generator(generator)),
            _ => None,
        }
    }

    /// The Secret with the credentials for the schema registry of its format.
    #[must_use]
    pub fn registry_secret(&self) -> Option<&SecretRef> {
        self.format.as_ref()?.schema_registry.as_ref()?.secret()
    }
}

/// A topic to read.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KafkaSource {
    /// The topic's name.
    #[schemars(length(min = 1, max = 249), regex(pattern = patterns::TOPIC))]
    pub topic: String,

    /// Where reading starts when the pipeline has not committed an offset yet: `Earliest` (default), `Latest`, or
    /// `{timestamp: "2026-02-16T12:00:00Z"}` for the first record written to the topic at that time or later.
    #[serde(default)]
    pub start_from: StartFrom,
}

/// Where reading starts when nothing is committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StartFrom {
    /// The first record there is.
    #[default]
    Earliest,
    /// Only records that come from now on.
    Latest,
    /// The first record written to the topic at this time or later.
    Timestamp(Timestamp),
}

impl StartFrom {
    /// What the words look like, as a regular expression.
    pub const PATTERN: &str = "^(Earliest|Latest)$";

    /// Reads the value of a manifest.
    ///
    /// # Errors
    /// A message that says what to write.
    pub fn from_value(value: &Value) -> Result<Self, String> {
        match value {
            Value::String(word) if word == "Earliest" => Ok(Self::Earliest),
            Value::String(word) if word == "Latest" => Ok(Self::Latest),
            Value::Object(fields) if fields.len() == 1 => match fields.get("timestamp") {
                Some(Value::String(text)) => Timestamp::from_str(text).map(Self::Timestamp).map_err(|_| {
                    format!("`{text}` is not a time with its zone: write RFC 3339, such as 2026-02-16T12:00:00Z")
                }),
                _ => Err(Self::usage(value)),
            },
            _ => Err(Self::usage(value)),
        }
    }

    fn usage(value: &Value) -> String {
        format!(
            "cannot start from {value}: write Earliest, Latest or {{timestamp: \"2026-02-16T12:00:00Z\"}}"
        )
    }
}

impl Serialize for StartFrom {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Earliest => serializer.serialize_str("Earliest"),
            Self::Latest => serializer.serialize_str("Latest"),
            Self::Timestamp(at) => json!({"timestamp": at.to_string()}).serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for StartFrom {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_value(&Value::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl JsonSchema for StartFrom {
    fn schema_name() -> Cow<'static, str> {
        "StartFrom".into()
    }

    fn inline_schema() -> bool {
        true
    }

    // A word or an object: without a type, `pattern` is about the one and `required` about the other.
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "x-kubernetes-preserve-unknown-fields": true,
            "pattern": Self::PATTERN,
            "required": ["timestamp"],
        })
    }
}

/// A column to read from a record.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SourceColumn {
    /// The column's name in SQL, taken as written: `Amount` is not `amount`.
    #[schemars(length(min = 1, max = 128))]
    pub name: String,

    /// Its type: String, Boolean, Int32, Int64, Float64, Decimal(p,s), Date or Timestamp. Reading is lenient where nothing
    /// is lost: a number for a String, a numeric string for a number, a Timestamp from ISO 8601 or epoch seconds or
    /// milliseconds. Example: `Decimal(12,2)`.
    #[serde(rename = "type")]
    pub column_type: ColumnType,

    /// Whether a record without it, or with null there, is invalid. Default false.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,

    /// The field's name in the record, if it is another; a path with dots for a field within a field. Example:
    /// `payload.amount`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    pub from: Option<String>,
}

/// Which column says when something happened, and how late records may come.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EventTime {
    /// A column of type Timestamp.
    #[schemars(length(min = 1, max = 128))]
    pub column: String,

    /// How far behind the newest record of its partition a record may come and still be on time. Windows close so much
    /// later. Default 0s.
    #[serde(default)]
    pub out_of_orderness: Duration,

    /// After this long without a record a partition no longer holds windows open. Without it, an empty partition holds
    /// them open for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle_timeout: Option<Duration>,
}

/// Takes records that come again only once.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Deduplicate {
    /// The columns in which a record is the same as one before.
    #[schemars(length(min = 1, max = 32), inner(length(min = 1, max = 128)), extend("x-kubernetes-list-type" = "atomic"))]
    pub key: Vec<String>,

    /// For how long, in event time, a record is remembered. Memory grows with it. Example: `10m`.
    pub within: Duration,
}

/// Makes a source a table.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Table {
    /// The columns that identify a row. They are columns of the source that are required.
    #[schemars(length(min = 1, max = 32), inner(length(min = 1, max = 128)), extend("x-kubernetes-list-type" = "atomic"))]
    pub primary_key: Vec<String>,

    /// Which of its rows a worker has in memory, where streams are joined with it. Default `Broadcast`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distribution: Option<Distribution>,
}

/// Which rows of a table a worker has in memory.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Distribution {
    /// All of them: for tables that fit into each worker.
    #[default]
    Broadcast,
    /// Those of the partitions that it reads of the streams which are joined with the table. A promise: the topics have the
    /// same number of partitions, and the rows that belong together are in partitions of the same number. Streams must be
    /// `partitionedBy` what they are joined by.
    Partitioned,
}

/// The largest number that every reader of JSON takes as it is.
const MAX_EXACT: u64 = (1 << 53) - 1;

/// Records made up by the workers.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GeneratorSource {
    /// `Transactions`: payments between accounts, some of them planted fraud, which the columns `is_fraud` and
    /// `fraud_kind` tell. `Customers`: the people whom the accounts belong to. Both draw from the same people.
    /// `NexmarkPeople`, `NexmarkAuctions`, `NexmarkBids`: the events of the benchmark Nexmark, in 1, 3 and 46 of 50
    /// records of the whole; of the same seed they refer to each other.
    pub kind: GeneratorKind,

    /// Records per second over all partitions; 0 is as fast as possible. Takes effect live. Default 1000.
    #[serde(default = "default_rate")]
    #[schemars(range(max = 1_000_000_000))]
    pub rate: u64,

    /// The share of transactions that belong to a planted fraud, from 0 to 1. Takes effect live. Default 0.02.
    #[serde(default = "default_fraud_ratio")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub fraud_ratio: f64,

    /// How many accounts the records are drawn from. Takes effect live. Default 10000.
    #[serde(default = "default_accounts")]
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub accounts: u64,

    /// The same seed makes the same records. Default 42.
    #[serde(default = "default_seed")]
    #[schemars(range(max = MAX_EXACT))]
    pub seed: u64,

    /// How many records are made in all. Without it there is no end.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = MAX_EXACT))]
    pub records: Option<u64>,

    /// Over how many partitions the records are spread, in turn. Default 1.
    #[serde(default = "default_partitions")]
    #[schemars(range(min = 1, max = 1024))]
    pub partitions: u32,

    /// Takes the people from a CSV file in place of made-up ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customers_from: Option<ConfigMapKeyRef>,
}

/// Which records a generator makes.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq)]
pub enum GeneratorKind {
    /// Payments between accounts.
    Transactions,
    /// The people whom the accounts belong to.
    Customers,
    /// Of the events of Nexmark, those who sell and bid.
    NexmarkPeople,
    /// Of the events of Nexmark, what is for sale.
    NexmarkAuctions,
    /// Of the events of Nexmark, what is bid.
    NexmarkBids,
}

/// A file in a ConfigMap of the resource's own namespace.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConfigMapKeyRef {
    /// The ConfigMap's name.
    #[schemars(length(min = 1, max = 253))]
    pub config_map: String,

    /// The key of the file in it. Example: `users.csv`.
    #[schemars(length(min = 1, max = 253))]
    pub key: String,
}

fn default_rate() -> u64 {
    1_000
}

fn default_fraud_ratio() -> f64 {
    0.02
}

fn default_accounts() -> u64 {
    10_000
}

fn default_seed() -> u64 {
    42
}

fn default_partitions() -> u32 {
    1
}
