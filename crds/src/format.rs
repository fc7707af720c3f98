//! How the records of topics are written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::pipeline::SecretRef;
use crate::{patterns, rules};

/// How the records of a source are written.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = rules::validations(&[
    rules::FIELDS_OF_CSV, rules::SCHEMA_OF_AVRO_OR_PROTOBUF, rules::ONE_SCHEMA, rules::SUBJECT_OF_REGISTRY,
    rules::MESSAGE_OF_PROTOBUF, rules::PAYLOAD_OF_DEBEZIUM
])))]
pub struct SourceFormat {
    /// `Json` (default): a JSON object. `Csv`: one line of fields, in the order of `columns`. `Raw`: the whole record is
    /// one column of type String. `Avro`, `Protobuf`: binary, by a schema. `Debezium`: changes of a database table.
    #[serde(rename = "type")]
    pub format: SourceFormatType,

    /// Csv: the character between fields. Default `,`. A tab is written `"\t"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1), regex(pattern = patterns::CHARACTER))]
    pub delimiter: Option<String>,

    /// Csv: the character around fields in which a delimiter or a line break may stand; doubled inside them, it stands
    /// for itself. Default `"`; empty where no field is quoted.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1), regex(pattern = patterns::CHARACTER_OR_NONE))]
    pub quote: Option<String>,

    /// Csv: the text of a field, not in quotes, that means null. Default: no text at all. In YAML the word itself wants
    /// quotes: `"NULL"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub null_text: Option<String>,

    /// Avro and Protobuf: the registry that knows the schema of each record by the number at its start, as Confluent's
    /// serializers write it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema_registry: Option<SchemaRegistry>,

    /// The subject under which the registry is asked for schemas; needed only where it has several contexts. Default:
    /// schemas are asked for by their number alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    pub subject: Option<String>,

    /// Avro and Protobuf: the schema itself, in place of a registry, for records with nothing before them: Avro's JSON,
    /// or the text of a .proto file.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 262_144))]
    pub schema: Option<String>,

    /// Protobuf: the name of the message that a record is, where `schema` has several. Example: `shop.Order`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    pub message: Option<String>,

    /// Debezium: how the changes themselves are written. `Json` (default), with or without the schema in each record;
    /// or `Avro`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload: Option<DebeziumPayload>,
}

/// The formats that are read.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SourceFormatType {
    /// A JSON object.
    #[default]
    Json,
    /// One line of fields.
    Csv,
    /// The whole record is one column.
    Raw,
    /// Avro's binary encoding.
    Avro,
    /// Protobuf's binary encoding.
    Protobuf,
    /// Changes of a database table, as Debezium writes them.
    Debezium,
}

/// How Debezium's changes are written.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DebeziumPayload {
    /// As JSON.
    #[default]
    Json,
    /// As Avro.
    Avro,
}

/// How the records of a topic that a sink writes are written.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("x-kubernetes-validations" = rules::validations(&[
    rules::FIELDS_OF_CSV, rules::REGISTRY_OF_SINK, rules::SINK_HAS_REGISTRY, rules::SUBJECT_OF_REGISTRY,
    rules::TIMESTAMPS_AS_TEXT
])))]
pub struct SinkFormat {
    /// `Json` (default): a JSON object. `Csv`: one line of fields, in the order of the columns. `Raw`: the only column, as
    /// text. `Avro`, `Protobuf`: binary, by a schema made of the columns.
    #[serde(rename = "type")]
    pub format: SinkFormatType,

    /// Json, Csv and Raw: how a Timestamp is written. `Rfc3339` (default): `2026-02-16T12:00:00Z`. `EpochMillis`:
    /// `1771243200000`.
    #[serde(default)]
    pub timestamps: Timestamps,

    /// Csv: the character between fields. Default `,`. A tab is written `"\t"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1), regex(pattern = patterns::CHARACTER))]
    pub delimiter: Option<String>,

    /// Csv: the character around fields that need it: those with a delimiter, a quote or a line break, and texts that
    /// would be taken for null. Default `"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1), regex(pattern = patterns::CHARACTER))]
    pub quote: Option<String>,

    /// Csv: what stands for null. Default: nothing at all. In YAML the word itself wants quotes: `"NULL"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub null_text: Option<String>,

    /// Avro and Protobuf: the registry in which the schema of the columns is registered. Its number stands before each
    /// record, as Confluent's deserializers want it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema_registry: Option<SchemaRegistry>,

    /// Avro and Protobuf: the subject under which the schema is registered. Default: the topic's name and `-value`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    pub subject: Option<String>,
}

/// The formats that are written.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SinkFormatType {
    /// A JSON object.
    #[default]
    Json,
    /// One line of fields.
    Csv,
    /// The only column, as text.
    Raw,
    /// Avro's binary encoding.
    Avro,
    /// Protobuf's binary encoding.
    Protobuf,
}

/// How a Timestamp is written.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Timestamps {
    /// As text in RFC 3339, UTC.
    #[default]
    Rfc3339,
    /// As a number of milliseconds since the epoch.
    EpochMillis,
}

/// A schema registry with Confluent's API, such as Confluent's own, Karapace, Apicurio or Redpanda's.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SchemaRegistry {
    /// Its address. Example: `http://schema-registry:8081`.
    #[schemars(length(min = 8, max = 2048), regex(pattern = patterns::HTTP))]
    pub url: String,

    /// Credentials for it. Without them it is asked as anybody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth: Option<RegistryAuth>,
}

impl SchemaRegistry {
    /// The Secret with the credentials for it.
    #[must_use]
    pub fn secret(&self) -> Option<&SecretRef> {
        self.auth.as_ref().map(|auth| &auth.secret_ref)
    }
}

/// Credentials for a schema registry.
#[derive(JsonSchema, Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RegistryAuth {
    /// The Secret with the keys `username` and `password`, or `token`; and `ca.crt`, where its certificate is signed by
    /// an authority of your own.
    pub secret_ref: SecretRef,
}
