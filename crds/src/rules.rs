//! The rules between fields: each once, as the API server checks it (CEL) and as it is checked without a cluster.

use serde_json::{Value, json};

/// Something that must be true of an object in a manifest.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// The rule in CEL, as the definitions carry it in `x-kubernetes-validations`.
    pub cel: &'static str,
    /// The field to point at, if the rule is about one more than about the object.
    pub field: Option<&'static str>,
    /// What a user gets when it is not true: what to write.
    pub message: &'static str,
    /// The same rule over the object as JSON.
    pub holds: fn(&Value) -> bool,
}

/// Every rule.
pub const ALL: &[Rule] = &[
    WORKERS_OR_AUTOSCALE,
    NAMES_DIFFER,
    MIN_TO_MAX,
    ONE_ORIGIN,
    TOPIC_HAS_COLUMNS,
    FORMAT_OF_TOPIC,
    TABLE_OR_DEDUPLICATE,
    DEBEZIUM_IS_TABLE,
    FIELDS_OF_CSV,
    SCHEMA_OF_AVRO_OR_PROTOBUF,
    ONE_SCHEMA,
    SUBJECT_OF_REGISTRY,
    MESSAGE_OF_PROTOBUF,
    PAYLOAD_OF_DEBEZIUM,
    REGISTRY_OF_SINK,
    SINK_HAS_REGISTRY,
    TIMESTAMPS_AS_TEXT,
    NAME_NOT_RESERVED,
    EVERY_WITH_ON_UPDATE,
    PARTITION_BY_WITH_WINDOW,
    SHADOW_OF_IN_SHADOW,
    ONE_WINDOW,
    ONE_SINK,
    UPSERT_HAS_KEY,
    ONE_CATALOG,
];

pub(crate) const WORKERS_OR_AUTOSCALE: Rule = Rule {
    cel: "!(has(self.workers) && has(self.autoscale))",
    field: Some("autoscale"),
    message: "give `workers` or `autoscale`, not both: a fixed number of workers, or bounds to choose it within",
    holds: |it| !(has(it, "workers") && has(it, "autoscale")),
};

pub(crate) const NAMES_DIFFER: Rule = Rule {
    cel: "!has(self.streams) || !has(self.sources) || self.streams.all(t, !self.sources.exists(s, s.name == t.name))",
    field: Some("streams"),
    message: "a stream has the name of a source: give every source and every stream a name of its own",
    holds: |it| {
        let sources = list(it, "sources");
        list(it, "streams").iter().all(|stream| {
            sources
                .iter()
                .all(|source| source.get("name") != stream.get("name"))
        })
    },
};

pub(crate) const MIN_TO_MAX: Rule = Rule {
    cel: "!has(self.min) || self.min <= self.max",
    field: Some("min"),
    message: "`min` is more than `max`: write the smaller number of workers as `min`",
    holds: |it| {
        let number = |field| it.get(field).and_then(Value::as_u64);
        !matches!((number("min"), number("max")), (Some(min), Some(max)) if min > max)
    },
};

pub(crate) const ONE_ORIGIN: Rule = Rule {
    cel: "has(self.kafka) != has(self.generator)",
    field: None,
    message: "a source has one origin: write `kafka: {topic: ...}` to read a topic, or `generator: {kind: Transactions}` to make records up",
    holds: |it| count(it, &["kafka", "generator"]) == 1,
};

pub(crate) const TOPIC_HAS_COLUMNS: Rule = Rule {
    cel: "!has(self.kafka) || (has(self.columns) && size(self.columns) > 0)",
    field: None,
    message: "name the columns to read from the topic, such as `columns: [{name: id, type: String}]`",
    holds: |it| !has(it, "kafka") || !list(it, "columns").is_empty(),
};

pub(crate) const FORMAT_OF_TOPIC: Rule = Rule {
    cel: "!(has(self.generator) && has(self.format))",
    field: Some("format"),
    message: "`format` is for topics; a generator's records need none, so leave it out",
    holds: |it| !(has(it, "generator") && has(it, "format")),
};

pub(crate) const TABLE_OR_DEDUPLICATE: Rule = Rule {
    cel: "!(has(self.table) && has(self.deduplicate))",
    field: Some("deduplicate"),
    message: "a table holds one row per key already; leave `deduplicate` out, or leave `table` out to read a stream",
    holds: |it| !(has(it, "table") && has(it, "deduplicate")),
};

pub(crate) const DEBEZIUM_IS_TABLE: Rule = Rule {
    cel: "!has(self.format) || self.format.type != 'Debezium' || has(self.table)",
    field: Some("format"),
    message: "Debezium's records are changes of a table: say which columns identify its rows, such as `table: {primaryKey: [id]}`",
    holds: |it| {
        let format = it.get("format").unwrap_or(&Value::Null);
        text(format, "type") != Some("Debezium") || has(it, "table")
    },
};

pub(crate) const FIELDS_OF_CSV: Rule = Rule {
    cel: "self.type == 'Csv' || !(has(self.delimiter) || has(self.quote) || has(self.nullText))",
    field: None,
    message: "`delimiter`, `quote` and `nullText` are for `type: Csv`; leave them out",
    holds: |it| is(it, &["Csv"]) || count(it, &["delimiter", "quote", "nullText"]) == 0,
};

pub(crate) const SCHEMA_OF_AVRO_OR_PROTOBUF: Rule = Rule {
    cel: "self.type in ['Avro', 'Protobuf'] || (self.type == 'Debezium' && has(self.payload) && self.payload == 'Avro') || !(has(self.schemaRegistry) || has(self.schema))",
    field: None,
    message: "`schemaRegistry` and `schema` are for Avro and Protobuf; leave them out, or write `type: Avro`, `type: Protobuf` or, with `type: Debezium`, `payload: Avro`",
    holds: |it| has_schema(it) || count(it, &["schemaRegistry", "schema"]) == 0,
};

pub(crate) const ONE_SCHEMA: Rule = Rule {
    cel: "!(self.type in ['Avro', 'Protobuf'] || (self.type == 'Debezium' && has(self.payload) && self.payload == 'Avro')) || has(self.schemaRegistry) != has(self.schema)",
    field: None,
    message: "such records cannot be read without their schema: write one of `schemaRegistry: {url: ...}` and `schema: ...`",
    holds: |it| !has_schema(it) || count(it, &["schemaRegistry", "schema"]) == 1,
};

pub(crate) const SUBJECT_OF_REGISTRY: Rule = Rule {
    cel: "!has(self.subject) || has(self.schemaRegistry)",
    field: Some("subject"),
    message: "`subject` is a name in a schema registry; add `schemaRegistry: {url: ...}`, or leave it out",
    holds: |it| !has(it, "subject") || has(it, "schemaRegistry"),
};

pub(crate) const MESSAGE_OF_PROTOBUF: Rule = Rule {
    cel: "!has(self.message) || (self.type == 'Protobuf' && has(self.schema))",
    field: Some("message"),
    message: "`message` is for `type: Protobuf` with a `schema`; leave it out",
    holds: |it| !has(it, "message") || (is(it, &["Protobuf"]) && has(it, "schema")),
};

pub(crate) const PAYLOAD_OF_DEBEZIUM: Rule = Rule {
    cel: "!has(self.payload) || self.type == 'Debezium'",
    field: Some("payload"),
    message: "`payload` is for `type: Debezium`; leave it out",
    holds: |it| !has(it, "payload") || is(it, &["Debezium"]),
};

pub(crate) const REGISTRY_OF_SINK: Rule = Rule {
    cel: "!has(self.schemaRegistry) || self.type in ['Avro', 'Protobuf']",
    field: Some("schemaRegistry"),
    message: "`schemaRegistry` is for Avro and Protobuf; leave it out, or write `type: Avro` or `type: Protobuf`",
    holds: |it| !has(it, "schemaRegistry") || is(it, &["Avro", "Protobuf"]),
};

pub(crate) const SINK_HAS_REGISTRY: Rule = Rule {
    cel: "!(self.type in ['Avro', 'Protobuf']) || has(self.schemaRegistry)",
    field: None,
    message: "nobody could read such records without their schema: add `schemaRegistry: {url: ...}`, where it is registered",
    holds: |it| !is(it, &["Avro", "Protobuf"]) || has(it, "schemaRegistry"),
};

pub(crate) const TIMESTAMPS_AS_TEXT: Rule = Rule {
    cel: "!has(self.timestamps) || self.timestamps == 'Rfc3339' || !(self.type in ['Avro', 'Protobuf'])",
    field: Some("timestamps"),
    message: "`timestamps` is for Json, Csv and Raw; Avro and Protobuf have a type for times, so leave it out",
    holds: |it| text(it, "timestamps") != Some("EpochMillis") || !is(it, &["Avro", "Protobuf"]),
};

pub(crate) const NAME_NOT_RESERVED: Rule = Rule {
    cel: "!(self.name in ['alerts', 'deadLetter'])",
    field: Some("name"),
    message: "`alerts` and `deadLetter` are names that every pipeline has already; choose another",
    holds: |it| !matches!(text(it, "name"), Some("alerts" | "deadLetter")),
};

pub(crate) const EVERY_WITH_ON_UPDATE: Rule = Rule {
    cel: "!has(self.every) || self.when == 'OnUpdate'",
    field: Some("every"),
    message: "`every` is for `when: OnUpdate`; with `OnClose` there is one result per window, so leave it out",
    holds: |it| !has(it, "every") || text(it, "when") == Some("OnUpdate"),
};

pub(crate) const PARTITION_BY_WITH_WINDOW: Rule = Rule {
    cel: "!has(self.partitionBy) || size(self.partitionBy) == 0 || has(self.window)",
    field: Some("partitionBy"),
    message: "`partitionBy` is for rules with a window; add one, such as `window: {sliding: 1m}`, or leave it out",
    holds: |it| list(it, "partitionBy").is_empty() || has(it, "window"),
};

pub(crate) const SHADOW_OF_IN_SHADOW: Rule = Rule {
    cel: "!has(self.shadowOf) || (has(self.mode) && self.mode == 'Shadow')",
    field: Some("shadowOf"),
    message: "a rule is tried beside another in Shadow mode: add `mode: Shadow`, or leave `shadowOf` out",
    holds: |it| !has(it, "shadowOf") || it.get("mode").is_some_and(|mode| mode == "Shadow"),
};

pub(crate) const ONE_WINDOW: Rule = Rule {
    cel: "[has(self.sliding), has(self.tumbling), has(self.hopping), has(self.session), has(self.count)].filter(given, given).size() == 1",
    field: None,
    message: "a window is of one kind: write one of `sliding: 1m`, `tumbling: 1m`, `hopping: {size: 1m, every: 10s}`, `session: 5m` or `count: 5`",
    holds: |it| count(it, &["sliding", "tumbling", "hopping", "session", "count"]) == 1,
};

pub(crate) const ONE_SINK: Rule = Rule {
    cel: "[has(self.kafka), has(self.webhook), has(self.postgres), has(self.iceberg), has(self.sqlite), has(self.stdout)].filter(given, given).size() == 1",
    field: None,
    message: "a sink is of one kind: write one of `kafka: {topic: ...}`, `webhook: {url: ...}`, `postgres: {...}`, `iceberg: {...}`, `sqlite: {...}` or `stdout: {}`",
    holds: |it| {
        let kinds = [
            "kafka", "webhook", "postgres", "iceberg", "sqlite", "stdout",
        ];
        count(it, &kinds) == 1
    },
};

pub(crate) const UPSERT_HAS_KEY: Rule = Rule {
    cel: "!has(self.mode) || self.mode != 'Upsert' || (has(self.primaryKey) && size(self.primaryKey) > 0)",
    field: Some("mode"),
    message: "`mode: Upsert` needs to know which row is replaced; add its columns, such as `primaryKey: [customer_id]`",
    holds: |it| text(it, "mode") != Some("Upsert") || !list(it, "primaryKey").is_empty(),
};

pub(crate) const ONE_CATALOG: Rule = Rule {
    cel: "has(self.rest) != has(self.sql)",
    field: None,
    message: "a catalog is of one kind: write `rest: {uri: ..., warehouse: ...}` or `sql: {secretRef: {name: ...}, warehouse: ...}`",
    holds: |it| count(it, &["rest", "sql"]) == 1,
};

/// The rule that the definitions carry as this CEL expression.
#[must_use]
pub fn find(cel: &str) -> Option<&'static Rule> {
    ALL.iter().find(|rule| rule.cel == cel)
}

/// The value of `x-kubernetes-validations`.
pub(crate) fn validations(rules: &[Rule]) -> Value {
    rules.iter().map(Rule::validation).collect()
}

impl Rule {
    fn validation(&self) -> Value {
        let mut validation = json!({"rule": self.cel, "message": self.message});
        if let Some(field) = self.field {
            validation["fieldPath"] = json!(format!(".{field}"));
        }
        validation
    }
}

/// As in CEL, a field that is null is not given.
fn has(it: &Value, field: &str) -> bool {
    it.get(field).is_some_and(|value| !value.is_null())
}

fn count(it: &Value, fields: &[&str]) -> usize {
    fields.iter().filter(|field| has(it, field)).count()
}

fn list<'a>(it: &'a Value, field: &str) -> &'a [Value] {
    it.get(field)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

fn text<'a>(it: &'a Value, field: &str) -> Option<&'a str> {
    it.get(field).and_then(Value::as_str)
}

/// Whether a format is one of these.
fn is(it: &Value, formats: &[&str]) -> bool {
    text(it, "type").is_some_and(|format| formats.contains(&format))
}

/// Whether a source's format is one with schemas.
fn has_schema(it: &Value) -> bool {
    is(it, &["Avro", "Protobuf"]) || (is(it, &["Debezium"]) && text(it, "payload") == Some("Avro"))
}
