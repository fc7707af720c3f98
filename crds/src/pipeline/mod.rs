//! Pipeline: SQL over Kafka topics.

mod source;
mod status;
mod stream;
mod worker;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Duration;
use crate::alert_rule::Severity;
use crate::rules;

pub use crate::format::{DebeziumPayload, SourceFormat, SourceFormatType};
pub use source::{
    ConfigMapKeyRef, Deduplicate, Distribution, EventTime, GeneratorKind, GeneratorSource,
    KafkaSource, Origin, Source, SourceColumn, StartFrom, Table,
};
pub use status::{AutoscaleStatus, PipelineStatus};
pub use stream::{Emit, EmitWhen, LateRecords, OnMissing, Stream};
pub use worker::WorkerTemplate;

/// What a Pipeline reads, computes and writes, and how it runs.
#[derive(CustomResource, JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq)]
#[kube(
    group = "tidemill.io",
    version = "v1alpha1",
    kind = "Pipeline",
    namespaced,
    status = "PipelineStatus",
    derive = "PartialEq",
    shortname = "pl",
    category = "tidemill",
    doc = "A Pipeline is SQL over Kafka topics: it reads sources, computes streams from them and writes them to Sinks, exactly once.",
    scale(
        spec_replicas_path = ".spec.workers",
        status_replicas_path = ".status.replicas",
        label_selector_path = ".status.selector"
    ),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].status"#,
        description = "Whether it does what the manifest says."
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].reason"#,
        description = "Why it is ready, or not."
    ),
    printcolumn(
        name = "Workers",
        type_ = "integer",
        json_path = ".status.replicas",
        description = "How many workers run."
    ),
    printcolumn(
        name = "Rate",
        type_ = "integer",
        json_path = ".status.recordsPerSecond",
        description = "Records read per second."
    ),
    printcolumn(
        name = "Lag",
        type_ = "integer",
        json_path = ".status.lag",
        description = "Records not yet read."
    ),
    printcolumn(
        name = "Delay",
        type_ = "string",
        json_path = ".status.watermarkDelay",
        description = "How far the watermark is behind the clock."
    ),
    printcolumn(
        name = "Alerts",
        type_ = "integer",
        json_path = ".status.alerts",
        description = "Alerts raised."
    ),
    printcolumn(
        name = "DeadLetters",
        type_ = "integer",
        json_path = ".status.deadLetters",
        description = "Records that could not be read, or came too late."
    ),
    printcolumn(
        name = "Flowing",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Flowing")].status"#,
        description = "Whether records come through.",
        priority = 1
    ),
    printcolumn(
        name = "Partitions",
        type_ = "integer",
        json_path = ".status.partitions",
        description = "Partitions of all sources together.",
        priority = 1
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp"
    )
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = rules::validations(&[rules::WORKERS_OR_AUTOSCALE, rules::NAMES_DIFFER])))]
pub struct PipelineSpec {
    /// The Kafka cluster that holds the sources, the pipeline's internal topics and its offsets. Needed in a Kubernetes
    /// cluster; `tidemill run` does without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kafka: Option<KafkaCluster>,

    /// What is read: streams and tables, each under the name that SQL uses.
    #[schemars(length(min = 1, max = 64), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub sources: Vec<Source>,

    /// What is computed: SQL queries over sources and over other streams.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    pub streams: Vec<Stream>,

    /// What is written: which stream goes to which Sink.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["from", "sink"]))]
    pub outputs: Vec<Output>,

    /// What a crash may cost. `ExactlyOnce` (default): nothing is lost and nothing repeated. `AtLeastOnce`: nothing is
    /// lost, but records may be repeated; results come a little sooner.
    #[serde(default)]
    pub delivery: Delivery,

    /// How often results are committed, and with that become visible to readers of committed records. Shorter means
    /// fresher results and more work for Kafka. Takes effect live. Default 200ms.
    #[serde(default = "default_commit_interval")]
    pub commit_interval: Duration,

    /// How many workers run. It is what `kubectl scale` and a HorizontalPodAutoscaler set. More than there are
    /// partitions are of no use. Without `autoscale` the default is 1; an autoscaler wants it given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 1000))]
    pub workers: Option<u32>,

    /// Bounds to choose the number of workers within, by lag; in place of `workers`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub autoscale: Option<Autoscale>,

    /// What to do when an edit cannot keep a stream's state, such as another GROUP BY. `Block` (default): the edit is
    /// not applied, what runs goes on, and the condition `Accepted` names what would be lost. `Reset`: the stream
    /// starts again without state.
    #[serde(default)]
    pub on_incompatible_change: OnIncompatibleChange,

    /// `true` stops the workers after a commit; `false` goes on where they stopped. Default false.
    #[serde(default)]
    pub suspend: bool,

    /// What becomes of the pipeline's internal topics and committed offsets when it is deleted. `DeleteInternal`
    /// (default) deletes them; `Retain` keeps them, so that a pipeline of the same name goes on from there. Topics of
    /// sources and sinks are never deleted.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,

    /// What the workers' pods get from Kubernetes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worker: Option<WorkerTemplate>,
}

fn default_commit_interval() -> Duration {
    Duration::from_millis(200)
}

/// A Kafka cluster.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KafkaCluster {
    /// The brokers to ask first, as `host:port`, several with commas between. Example: `kafka-0:9092,kafka-1:9092`.
    #[schemars(length(min = 1, max = 4096))]
    pub bootstrap_servers: String,

    /// Credentials and TLS material. Without it, connections are plain text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth: Option<KafkaAuth>,
}

/// Credentials of a Kafka client.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KafkaAuth {
    /// The Secret with the keys `mechanism` (PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512), `username` and `password` for SASL,
    /// and `ca.crt`, `tls.crt` and `tls.key` for TLS, as far as the cluster wants them.
    pub secret_ref: SecretRef,
}

/// A Secret in the resource's own namespace.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SecretRef {
    /// The Secret's name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// Which stream goes to which Sink.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Output {
    /// What is written: the name of a source or stream of this pipeline; or `alerts`, everything that its AlertRules
    /// raise; or `deadLetter`, every record that could not be read or came too late, with its reason.
    #[schemars(length(min = 1, max = 63))]
    pub from: String,

    /// The name of the Sink, in the pipeline's namespace.
    #[schemars(length(min = 1, max = 253))]
    pub sink: String,

    /// The columns that make the key of a record in Kafka. Default: the columns that identify a row of the stream, such
    /// as those of its GROUP BY; none where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(min = 1, max = 128)), extend("x-kubernetes-list-type" = "atomic"))]
    pub key: Vec<String>,

    /// Of `alerts`, those of these severities alone. Default: all. Example: `[Critical, High]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 5), extend("x-kubernetes-list-type" = "atomic"))]
    pub severities: Vec<Severity>,
}

impl Output {
    /// What `from` names to write everything that the pipeline's AlertRules raise.
    pub const ALERTS: &str = "alerts";
    /// What `from` names to write the records that could not be read or came too late.
    pub const DEAD_LETTER: &str = "deadLetter";
}

/// What a crash may cost.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Delivery {
    /// Nothing is lost and nothing repeated.
    #[default]
    ExactlyOnce,
    /// Nothing is lost, but records may be repeated.
    AtLeastOnce,
}

/// What to do when an edit cannot keep a stream's state.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnIncompatibleChange {
    /// Do not apply the edit.
    #[default]
    Block,
    /// Start the stream again without state.
    Reset,
}

/// What becomes of internal topics and offsets when a pipeline is deleted.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeletionPolicy {
    /// They are deleted.
    #[default]
    DeleteInternal,
    /// They are kept.
    Retain,
}

/// Bounds to choose the number of workers within.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = rules::validations(&[rules::MIN_TO_MAX])))]
pub struct Autoscale {
    /// The fewest workers. Default 1.
    #[serde(default = "default_min_workers")]
    #[schemars(range(min = 1, max = 1000))]
    pub min: u32,

    /// The most workers. There are never more than partitions.
    #[schemars(range(min = 1, max = 1000))]
    pub max: u32,

    /// How far behind the newest record the workers may be, as the time they need to catch up. Default 10s.
    #[serde(default = "default_target_lag")]
    pub target_lag: Duration,
}

fn default_min_workers() -> u32 {
    1
}

fn default_target_lag() -> Duration {
    Duration::from_secs(10)
}
