//! AlertRule: what to raise the alarm for.

use std::borrow::Cow;
use std::collections::BTreeMap;

use kube::CustomResource;
use kube::core::ObjectMeta;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::Duration;
use crate::rules;
use crate::status::{Condition, Time};

/// When an AlertRule fires, and what its alerts say.
#[derive(CustomResource, JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq)]
#[kube(
    group = "tidemill.io",
    version = "v1alpha1",
    kind = "AlertRule",
    plural = "alertrules",
    namespaced,
    status = "AlertRuleStatus",
    derive = "PartialEq",
    shortname = "ar",
    category = "tidemill",
    doc = "An AlertRule says what to raise the alarm for in a stream of a Pipeline. It takes effect live, without a restart.",
    printcolumn(
        name = "Pipeline",
        type_ = "string",
        json_path = ".spec.pipelineRef.name",
        description = "The pipeline that it watches."
    ),
    printcolumn(
        name = "Severity",
        type_ = "string",
        json_path = ".spec.severity",
        description = "How bad it is when it fires."
    ),
    printcolumn(
        name = "Mode",
        type_ = "string",
        json_path = ".spec.mode",
        description = "Whether its alerts are sent."
    ),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].status"#,
        description = "Whether every worker judges by it."
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].reason"#,
        description = "Why it is ready, or not."
    ),
    printcolumn(
        name = "Fired",
        type_ = "integer",
        json_path = ".status.fired",
        description = "Alerts sent."
    ),
    printcolumn(
        name = "Shadow",
        type_ = "integer",
        json_path = ".status.shadowFired",
        description = "Alerts counted in Shadow mode."
    ),
    printcolumn(
        name = "Suppressed",
        type_ = "integer",
        json_path = ".status.suppressed",
        description = "Alerts held back by suppressFor.",
        priority = 1
    ),
    printcolumn(
        name = "LastFired",
        type_ = "date",
        json_path = ".status.lastFired",
        description = "When it last fired."
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp"
    )
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = rules::validations(&[rules::PARTITION_BY_WITH_WINDOW, rules::SHADOW_OF_IN_SHADOW])))]
pub struct AlertRuleSpec {
    /// The pipeline that is watched, in the rule's namespace.
    pub pipeline_ref: PipelineRef,

    /// The source or stream of that pipeline whose rows are judged.
    #[schemars(length(min = 1, max = 63))]
    pub stream: String,

    /// How bad it is: `Critical`, `High`, `Medium` (default), `Low` or `Info`. Alerts carry it.
    #[serde(default)]
    pub severity: Severity,

    /// `Enforce` (default): alerts are sent. `Shadow`: they are counted and kept, not sent. `Disabled`: the rule rests.
    #[serde(default)]
    pub mode: Mode,

    /// The rule that this one is tried beside, in `Shadow` mode, with the same stream, window and `partitionBy`: the status says
    /// how often both fire, and how often one of them alone. Example: `rapid-activity`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub shadow_of: Option<String>,

    /// The columns by which rows belong together; each combination of values is judged by itself. With a window only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), inner(length(min = 1, max = 128)), extend("x-kubernetes-list-type" = "atomic"))]
    pub partition_by: Vec<String>,

    /// Which rows are judged together, in event time. Without it, each row is judged by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<RuleWindow>,

    /// The condition in SQL over the stream's columns; with a window, aggregates too. `:name` stands for a parameter.
    /// Example: `count(*) >= :min_count`.
    #[schemars(length(min = 1, max = 8192))]
    pub when: String,

    /// Values for the `:name`s of the rule, to tune it without touching its SQL. Example: `{min_count: 5}`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    pub parameters: BTreeMap<String, ParameterValue>,

    /// What the alert says, with SQL between braces. Default: the rule's name and its condition. Example:
    /// `{customer_id} made {count(*)} transactions within a minute`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 8192))]
    pub message: Option<String>,

    /// More columns of the alert, under `details`: names and their SQL. Example: `{total: "sum(amount)"}`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    pub select: BTreeMap<String, String>,

    /// The Sinks that its alerts go to, of those that outputs of `alerts` write to. Default: all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32), extend("x-kubernetes-list-type" = "atomic"))]
    pub sink_refs: Vec<SinkRef>,

    /// At most one alert per key in this time, in event time. Without it, every row that meets the condition raises
    /// one. Example: `1m`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suppress_for: Option<Duration>,
}

/// A Pipeline in the rule's own namespace.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PipelineRef {
    /// The Pipeline's name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// A Sink in the rule's own namespace.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SinkRef {
    /// The Sink's name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// How bad it is when a rule fires, the worst first.
#[derive(
    JsonSchema,
    Serialize,
    Deserialize,
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Default,
)]
pub enum Severity {
    /// Act now.
    Critical,
    /// Act soon.
    High,
    /// Look at it.
    #[default]
    Medium,
    /// Keep an eye on it.
    Low,
    /// Good to know.
    Info,
}

/// Whether a rule's alerts are sent.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// They are sent.
    #[default]
    Enforce,
    /// They are counted and kept, not sent.
    Shadow,
    /// There are none.
    Disabled,
}

/// Which rows are judged together: exactly one kind.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = rules::validations(&[rules::ONE_WINDOW])))]
pub struct RuleWindow {
    /// The time before each row, that row included: judged at every row. Example: `1m`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sliding: Option<Duration>,

    /// Spans of this length one after another, aligned to the epoch: judged when one closes. Example: `1m`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tumbling: Option<Duration>,

    /// Spans that overlap, aligned to the epoch: judged when one closes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hopping: Option<HoppingWindow>,

    /// Rows with gaps shorter than this between them: judged when the gap has passed. Example: `5m`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<Duration>,

    /// The last so many rows: judged at every row once there are so many. Example: `5`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub count: Option<u32>,
}

/// Spans that overlap.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct HoppingWindow {
    /// The length of a span. Example: `1m`.
    pub size: Duration,

    /// How long after one span the next begins. Example: `10s`.
    pub every: Duration,
}

/// The one kind of a [`RuleWindow`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WindowKind {
    /// The time before each row.
    Sliding(Duration),
    /// Spans one after another.
    Tumbling(Duration),
    /// Spans that overlap.
    Hopping {
        /// The length of a span.
        size: Duration,
        /// How long after one span the next begins.
        every: Duration,
    },
    /// Rows with short gaps between them.
    Session(Duration),
    /// The last so many rows.
    Count(u32),
}

impl RuleWindow {
    /// The kind; `None` if the manifest gives none or several, which the schema refuses.
    #[must_use]
    pub fn kind(&self) -> Option<WindowKind> {
        let mut kinds = [
            self.sliding.map(WindowKind::Sliding),
            self.tumbling.map(WindowKind::Tumbling),
            self.hopping.as_ref().map(|hopping| WindowKind::Hopping {
                size: hopping.size,
                every: hopping.every,
            }),
            self.session.map(WindowKind::Session),
            self.count.map(WindowKind::Count),
        ]
        .into_iter()
        .flatten();
        kinds.next().filter(|_| kinds.next().is_none())
    }
}

/// The value of a parameter.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
#[serde(untagged)]
pub enum ParameterValue {
    /// True or false.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// Another number.
    Number(f64),
    /// Text.
    String(String),
}

impl JsonSchema for ParameterValue {
    fn schema_name() -> Cow<'static, str> {
        "ParameterValue".into()
    }

    fn inline_schema() -> bool {
        true
    }

    // Any scalar: an object or a list would need more than it can have.
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "x-kubernetes-preserve-unknown-fields": true,
            "maxProperties": 0,
            "minProperties": 1,
            "maxItems": 0,
            "minItems": 1,
        })
    }
}

/// How a rule is doing.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Default)]
#[serde(rename_all = "camelCase")]
pub struct AlertRuleStatus {
    /// The `metadata.generation` of the manifest that this status is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,

    /// Accepted, ResolvedRefs and Ready.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,

    /// The version that is in force: the last one that was accepted. Alerts carry it as `rule_version`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<i64>,

    /// In how many workers that version is in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workers: Option<u32>,

    /// How many alerts were sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fired: Option<u64>,

    /// How many alerts were held back by `suppressFor`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suppressed: Option<u64>,

    /// How many alerts were counted in Shadow mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shadow_fired: Option<u64>,

    /// When it last fired.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_fired: Option<Time>,

    /// How far it agrees with the rule that it is tried beside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agreement: Option<Agreement>,
}

impl AlertRule {
    /// The rule without what is none of the workers' business. Its generation is its version.
    #[must_use]
    pub fn reduced(&self) -> Self {
        Self {
            metadata: ObjectMeta {
                name: self.metadata.name.clone(),
                namespace: self.metadata.namespace.clone(),
                generation: self.metadata.generation,
                ..ObjectMeta::default()
            },
            status: None,
            spec: self.spec.clone(),
        }
    }
}

/// How often a rule in `Shadow` mode and the one that it is tried beside fire, be their alerts held back or not.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq, Default)]
#[serde(rename_all = "camelCase")]
pub struct Agreement {
    /// For how many rows, or windows, both fire.
    pub both: u64,

    /// For how many it fires and the other does not.
    pub only_shadow: u64,

    /// For how many the other fires and it does not.
    pub only_original: u64,
}

impl Agreement {
    /// Adds what was found elsewhere.
    pub fn add(&mut self, more: Self) {
        self.both += more.both;
        self.only_shadow += more.only_shadow;
        self.only_original += more.only_original;
    }
}
