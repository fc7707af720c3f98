//! What a pipeline computes.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::{Value, json};

use crate::Duration;
use crate::{patterns, rules};

/// A SQL query over sources and other streams.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = rules::validations(&[rules::NAME_NOT_RESERVED])))]
pub struct Stream {
    /// The stream's name, for outputs, rules and other streams: letters, digits and `_`, not a digit first. Example:
    /// `spend_per_customer`.
    #[schemars(length(min = 1, max = 63), regex(pattern = patterns::NAME))]
    pub name: String,

    /// The query. Windows are table functions: `SELECT account, sum(amount) AS total, window_start, window_end FROM
    /// TUMBLE(transactions, ts, INTERVAL '10' SECOND) GROUP BY account, window_start, window_end`. A GROUP BY without a
    /// window is a table kept up to date, one row per key.
    #[schemars(length(min = 1, max = 65536))]
    pub sql: String,

    /// When results are handed on. Default: of a window when it closes, of a table with each commit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub emit: Option<Emit>,

    /// How long after its end a window still takes late records. Default 0s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed_lateness: Option<Duration>,

    /// What becomes of a record that is later than that. `DeadLetter` (default): it goes to the dead letters. `Drop`: it
    /// is counted, and dropped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub late_records: Option<LateRecords>,

    /// What becomes of a row whose row in a joined table has not come yet. `Emit` (default): a LEFT JOIN fills in nulls,
    /// an inner JOIN leaves the row out. `DeadLetter`: it goes to the dead letters. `{waitFor: 5s}`: it waits so long,
    /// in event time, and after that it is as with `Emit`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_missing: Option<OnMissing>,
}

/// When results are handed on.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = rules::validations(&[rules::EVERY_WITH_ON_UPDATE])))]
pub struct Emit {
    /// `OnClose`: once, when the window closes. `OnUpdate`: whenever they have changed.
    pub when: EmitWhen,

    /// With `OnUpdate`: at most once in this time per group. Default: with each commit. Example: `1s`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every: Option<Duration>,
}

/// When results are handed on.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmitWhen {
    /// Once, when the window closes.
    OnClose,
    /// Whenever they have changed.
    OnUpdate,
}

/// What becomes of a late record.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LateRecords {
    /// It goes to the dead letters.
    #[default]
    DeadLetter,
    /// It is counted, and dropped.
    Drop,
}

/// What becomes of a row whose row in a joined table has not come yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnMissing {
    /// The join goes on without it.
    #[default]
    Emit,
    /// The row goes to the dead letters.
    DeadLetter,
    /// The row waits so long, in event time.
    WaitFor(Duration),
}

impl OnMissing {
    /// What the words look like, as a regular expression.
    pub const PATTERN: &str = "^(Emit|DeadLetter)$";

    /// Reads the value of a manifest.
    ///
    /// # Errors
    /// A message that says what to write.
    pub fn from_value(value: &Value) -> Result<Self, String> {
        let usage = || {
            format!(
                "cannot do {value} with a row that misses its partner: write Emit, DeadLetter or {{waitFor: 5s}}"
            )
        };
        match value {
            Value::String(word) if word == "Emit" => Ok(Self::Emit),
            Value::String(word) if word == "DeadLetter" => Ok(Self::DeadLetter),
            Value::Object(fields) if fields.len() == 1 => match fields.get("waitFor") {
                Some(Value::String(text)) => text
                    .parse()
                    .map(Self::WaitFor)
                    .map_err(|error: crate::duration::ParseDurationError| error.to_string()),
                _ => Err(usage()),
            },
            _ => Err(usage()),
        }
    }
}

impl Serialize for OnMissing {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Emit => serializer.serialize_str("Emit"),
            Self::DeadLetter => serializer.serialize_str("DeadLetter"),
            Self::WaitFor(span) => json!({"waitFor": span}).serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for OnMissing {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_value(&Value::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl JsonSchema for OnMissing {
    fn schema_name() -> Cow<'static, str> {
        "OnMissing".into()
    }

    fn inline_schema() -> bool {
        true
    }

    // A word or an object: without a type, `pattern` is about the one and `required` about the other.
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "x-kubernetes-preserve-unknown-fields": true,
            "pattern": Self::PATTERN,
            "required": ["waitFor"],
        })
    }
}
