//! Broken manifests, and what is said about them, word for word.

use super::*;

/// What `load` says about a file.
fn said(text: &str) -> String {
    let problems = load("m.yaml", text).problems;
    problems
        .iter()
        .map(|problem| format!("{problem}\n"))
        .collect()
}

macro_rules! broken {
    ($($name:ident: $text:literal => $said:literal)*) => {$(
        #[test]
        fn $name() {
            assert_eq!(said($text), $said);
        }
    )*};
}

broken! {
    unknown_field_with_a_near_one: r#"apiVersion: tidemill.io/v1alpha1
kind: Pipeline
metadata: {name: x}
spec:
  sources:
  - name: t
    kafka: {topic: t}
    columns: [{name: id, type: String}]
  comitInterval: 1s
"# => r#"m.yaml:9:3: spec.comitInterval: unknown field
  hint: did you mean `commitInterval`?
"#

    unknown_field_one_level_too_high: r#"apiVersion: tidemill.io/v1alpha1
kind: Pipeline
metadata: {name: x}
spec:
  sources:
  - name: t
    topic: t
    generator: {kind: Customers}
"# => r#"m.yaml:7:5: spec.sources[0].topic: unknown field
  hint: `topic` belongs under `kafka`
"#

    unknown_field_like_no_other: r#"apiVersion: tidemill.io/v1alpha1
kind: Sink
metadata: {name: x}
spec:
  stdout: {}
  colour: red
"# => r#"m.yaml:6:3: spec.colour: unknown field
  hint: the fields here are iceberg, kafka, postgres, sqlite, stdout, webhook
"#

    unknown_field_where_there_are_none: r#"apiVersion: tidemill.io/v1alpha1
kind: Sink
metadata: {name: x}
spec:
  stdout: {pretty: true}
"# => r#"m.yaml:5:12: spec.stdout.pretty: unknown field
"#

    several_problems_at_once: r#"apiVersion: tidemill.io/v1alpha1
kind: Pipeline
metadata: {name: x}
spec:
  sources:
  - kafka: {topic: t, startFrom: Newest}
    columns:
    - {name: id, type: Strng}
    - {name: n, type: String, required: maybe}
    eventTime: {column: ts, outOfOrderness: 2}
  delivery: exactlyOnce
"# => r#"m.yaml:6:5: spec.sources[0].name: is missing
  hint: The name that SQL uses: letters, digits and `_`, not a digit first. Example: `transactions`.
m.yaml:6:34: spec.sources[0].kafka.startFrom: cannot start from "Newest": write Earliest, Latest or {timestamp: "2026-02-16T12:00:00Z"}
m.yaml:8:24: spec.sources[0].columns[0].type: unknown type `Strng`, did you mean String?; the types are String, Boolean, Int32, Int64, Float64, Decimal(p,s), Date or Timestamp
m.yaml:9:14: spec.sources[0].columns[1].name: expected a text, found `n`
  hint: Kubernetes reads n as false: put it in quotes: "n"
m.yaml:9:41: spec.sources[0].columns[1].required: expected true or false, found `maybe`
m.yaml:10:45: spec.sources[0].eventTime.outOfOrderness: `2` is not a duration: write numbers with units ms, s, m, h or d, such as 200ms, 10s, 1h30m or 7d (at most 36500d)
m.yaml:11:13: spec.delivery: `exactlyOnce` is not one of ExactlyOnce, AtLeastOnce
  hint: did you mean `ExactlyOnce`?
"#

    missing_spec: r#"apiVersion: tidemill.io/v1alpha1
kind: Sink
metadata: {name: x}
"# => r#"m.yaml:1:1: spec: is missing
"#

    missing_name: r#"apiVersion: tidemill.io/v1alpha1
kind: Sink
metadata: {}
spec: {stdout: {}}
"# => r#"m.yaml:3:11: metadata.name: is missing
"#

    missing_metadata: r#"apiVersion: tidemill.io/v1alpha1
kind: Sink
spec: {stdout: {}}
"# => r#"m.yaml:1:1: metadata: is missing
  hint: write `metadata: {name: ...}`
"#

    name_that_kubernetes_refuses: r#"apiVersion: tidemill.io/v1alpha1
kind: Sink
metadata: {name: My_Sink}
spec: {stdout: {}}
"# => r#"m.yaml:3:18: metadata.name: `My_Sink` is not a name that Kubernetes takes
  hint: write small letters, digits, - and dots, such as my-sink
"#

    label_that_is_a_number: r#"apiVersion: tidemill.io/v1alpha1
kind: Sink
metadata: {name: x, labels: {tier: 1}}
spec: {stdout: {}}
"# => r#"m.yaml:3:36: metadata.labels.tier: expected a text, found `1`
  hint: put it in quotes: "1"
"#

    missing_api_version: r#"kind: Pipeline
metadata: {name: x}
spec:
  sources:
  - name: t
    kafka: {topic: t}
    columns: [{name: id, type: String}]
"# => r#"m.yaml:1:1: apiVersion: is missing
  hint: write `apiVersion: tidemill.io/v1alpha1`
"#

    wrong_api_version: r#"apiVersion: tidemill.io/v1
kind: Sink
metadata: {name: x}
spec: {stdout: {}}
"# => r#"m.yaml:1:13: apiVersion: a Sink is of version tidemill.io/v1alpha1
  hint: write `apiVersion: tidemill.io/v1alpha1`
"#

    missing_kind: r#"apiVersion: tidemill.io/v1alpha1
metadata: {name: x}
"# => r#"m.yaml:1:1: kind: is missing
  hint: write `kind: Pipeline`, `kind: AlertRule` or `kind: Sink`
"#

    unknown_kind: r#"apiVersion: tidemill.io/v1alpha1
kind: Pipelin
metadata: {name: x}
"# => r#"m.yaml:2:7: kind: there is no kind `Pipelin` in tidemill.io
  hint: did you mean `Pipeline`?
"#

    no_manifest: r#"- just
- a list
"# => r#"m.yaml:1:1: this is no manifest
  hint: a manifest starts with `apiVersion: tidemill.io/v1alpha1` and `kind: Pipeline`
"#

    not_yaml: r#"apiVersion: tidemill.io/v1alpha1
kind: Sink
metadata: {name: x
spec: {stdout: {}}
"# => r#"m.yaml:4:5: this is not YAML: while parsing a flow mapping, did not find expected ',' or '}'
"#

    tab_for_indentation: r#"apiVersion: tidemill.io/v1alpha1
kind: Sink
metadata:
	name: x
"# => r#"m.yaml:4:2: this is not YAML: tabs disallowed within this context (block indentation)
"#

    text_for_a_list: r#"apiVersion: tidemill.io/v1alpha1
kind: Pipeline
metadata: {name: x}
spec:
  sources:
  - name: t
    kafka: {topic: t}
    columns: [{name: id, type: String}]
    partitionedBy: id
"# => r#"m.yaml:9:20: spec.sources[0].partitionedBy: expected a list, found `id`
  hint: write a list of one: [id]
"#

    number_for_a_text: r#"apiVersion: tidemill.io/v1alpha1
kind: Sink
metadata: {name: x}
spec:
  kafka: {topic: 2024}
"# => r#"m.yaml:5:18: spec.kafka.topic: expected a text, found `2024`
  hint: put it in quotes: "2024"
"#

    text_for_a_number: r#"apiVersion: tidemill.io/v1alpha1
kind: Pipeline
metadata: {name: x}
spec:
  sources:
  - name: t
    kafka: {topic: t}
    columns: [{name: id, type: String}]
  workers: "2"
"# => r#"m.yaml:9:12: spec.workers: expected a whole number, found `2`
  hint: write it without quotes: 2
"#

    fraction_for_a_whole_number: r#"apiVersion: tidemill.io/v1alpha1
kind: Pipeline
metadata: {name: x}
spec:
  sources:
  - name: t
    kafka: {topic: t}
    columns: [{name: id, type: String}]
  workers: 1.5
"# => r#"m.yaml:9:12: spec.workers: expected a whole number, found `1.5`
"#

    list_for_a_mapping: r#"apiVersion: tidemill.io/v1alpha1
kind: Pipeline
metadata: {name: x}
spec:
  sources:
  - name: t
    kafka: {topic: t}
    columns: [{name: id, type: String}]
  kafka: [kafka:9092]
"# => r#"m.yaml:9:10: spec.kafka: expected a mapping of fields, found a list
"#

    out_of_bounds: r#"apiVersion: tidemill.io/v1alpha1
kind: Pipeline
metadata: {name: x}
spec:
  sources:
  - name: t
    generator: {kind: Transactions, fraudRatio: 2, accounts: 0, rate: -1}
"# => r#"m.yaml:7:49: spec.sources[0].generator.fraudRatio: 2 is out of bounds: write a number from 0 to 1
m.yaml:7:62: spec.sources[0].generator.accounts: 0 is out of bounds: write a number from 1 to 1000000000
m.yaml:7:71: spec.sources[0].generator.rate: -1 is out of bounds: write a number from 0 to 1000000000
"#

    bad_enum: r#"apiVersion: tidemill.io/v1alpha1
kind: AlertRule
metadata: {name: x}
spec:
  pipelineRef: {name: p}
  stream: t
  when: amount > 1
  severity: Hgh
"# => r#"m.yaml:8:13: spec.severity: `Hgh` is not one of Critical, High, Medium, Low, Info
  hint: did you mean `High`?
"#

    enum_of_another_case: r#"apiVersion: tidemill.io/v1alpha1
kind: AlertRule
metadata: {name: x}
spec:
  pipelineRef: {name: p}
  stream: t
  when: amount > 1
  mode: shadow
"# => r#"m.yaml:8:9: spec.mode: `shadow` is not one of Enforce, Shadow, Disabled
  hint: did you mean `Shadow`?
"#

    enum_like_no_other: r#"apiVersion: tidemill.io/v1alpha1
kind: AlertRule
metadata: {name: x}
spec:
  pipelineRef: {name: p}
  stream: t
  when: amount > 1
  severity: Purple
"# => r#"m.yaml:8:13: spec.severity: `Purple` is not one of Critical, High, Medium, Low, Info
"#

    bad_duration: r#"apiVersion: tidemill.io/v1alpha1
kind: AlertRule
metadata: {name: x}
spec:
  pipelineRef: {name: p}
  stream: t
  when: amount > 1
  suppressFor: 1 minute
"# => r#"m.yaml:8:16: spec.suppressFor: `1 minute` is not a duration: write numbers with units ms, s, m, h or d, such as 200ms, 10s, 1h30m or 7d (at most 36500d)
"#

    bad_size: r#"apiVersion: tidemill.io/v1alpha1
kind: Sink
metadata: {name: x}
spec:
  iceberg:
    catalog: {rest: {uri: u, warehouse: w}}
    table: a.b
    maintenance: {targetFileSize: 128MB}
"# => r#"m.yaml:8:35: spec.iceberg.maintenance.targetFileSize: `128MB` is not a size: write a number with a unit Ki, Mi, Gi or Ti (or k, M, G, T), such as 128Mi
"#

    bad_decimal: r#"apiVersion: tidemill.io/v1alpha1
kind: Pipeline
metadata: {name: x}
spec:
  sources:
  - name: t
    kafka: {topic: t}
    columns: [{name: id, type: "Decimal(2,4)"}]
"# => r#"m.yaml:8:32: spec.sources[0].columns[0].type: `Decimal(2,4)` is not a decimal type: write Decimal(p,s) with p from 1 to 38 digits in all and s from 0 to p of them after the point, such as Decimal(12,2)
"#

    bad_sql_name: r#"apiVersion: tidemill.io/v1alpha1
kind: Pipeline
metadata: {name: x}
spec:
  sources:
  - name: my-topic
    kafka: {topic: t}
    columns: [{name: id, type: String}]
"# => r#"m.yaml:6:11: spec.sources[0].name: `my-topic` is not a name that SQL can use: write letters, digits and _, not a digit first
"#

    bad_topic: r#"apiVersion: tidemill.io/v1alpha1
kind: Sink
metadata: {name: x}
spec:
  kafka: {topic: "a b"}
"# => r#"m.yaml:5:18: spec.kafka.topic: `a b` is not the name of a topic: write letters, digits, dots, - and _
"#

    bad_iceberg_table: r#"apiVersion: tidemill.io/v1alpha1
kind: Sink
metadata: {name: x}
spec:
  iceberg: {catalog: {rest: {uri: u, warehouse: w}}, table: transactions}
"# => r#"m.yaml:5:61: spec.iceberg.table: `transactions` is not the name of a table with its namespace: write it such as bank.transactions
"#

    bad_start: r#"apiVersion: tidemill.io/v1alpha1
kind: Pipeline
metadata: {name: x}
spec:
  sources:
  - name: t
    kafka: {topic: t, startFrom: {timestamp: 2026-02-16}}
    columns: [{name: id, type: String}]
"# => r#"m.yaml:7:34: spec.sources[0].kafka.startFrom: `2026-02-16` is not a time with its zone: write RFC 3339, such as 2026-02-16T12:00:00Z
"#

    bad_on_missing: r#"apiVersion: tidemill.io/v1alpha1
kind: Pipeline
metadata: {name: x}
spec:
  sources:
  - name: t
    kafka: {topic: t}
    columns: [{name: id, type: String}]
  streams:
  - name: s
    sql: SELECT 1
    onMissing: {wait: 5s}
"# => r#"m.yaml:12:16: spec.streams[0].onMissing: cannot do {"wait":"5s"} with a row that misses its partner: write Emit, DeadLetter or {waitFor: 5s}
"#

    bad_parameter: r#"apiVersion: tidemill.io/v1alpha1
kind: AlertRule
metadata: {name: x}
spec:
  pipelineRef: {name: p}
  stream: t
  when: amount > 1
  parameters: {limits: [1, 2]}
"# => r#"m.yaml:8:24: spec.parameters.limits: expected a text, a number, or true or false, found a list
"#

    no_sources: r#"apiVersion: tidemill.io/v1alpha1
kind: Pipeline
metadata: {name: x}
spec:
  sources: []
"# => r#"m.yaml:5:12: spec.sources: is empty: give at least one
"#

    two_sources_of_one_name: r#"apiVersion: tidemill.io/v1alpha1
kind: Pipeline
metadata: {name: x}
spec:
  sources:
  - name: t
    kafka: {topic: t}
    columns: [{name: id, type: String}]
  - name: t
    kafka: {topic: t}
    columns: [{name: id, type: String}]
"# => r#"m.yaml:9:5: spec.sources[1]: there is one with name `t` already, at line 6
"#

    the_same_output_twice: r#"apiVersion: tidemill.io/v1alpha1
kind: Pipeline
metadata: {name: x}
spec:
  sources:
  - name: t
    kafka: {topic: t}
    columns: [{name: id, type: String}]
  outputs:
  - {from: t, sink: s}
  - {from: t, sink: s, key: [id]}
"# => r#"m.yaml:11:5: spec.outputs[1]: there is one with from `t` and sink `s` already, at line 10
"#

    no_origin: r#"apiVersion: tidemill.io/v1alpha1
kind: Pipeline
metadata: {name: x}
spec:
  sources:
  - name: t
    columns: [{name: id, type: String}]
"# => r#"m.yaml:6:5: spec.sources[0]: a source has one origin: write `kafka: {topic: ...}` to read a topic, or `generator: {kind: Transactions}` to make records up
"#

    two_origins: r#"apiVersion: tidemill.io/v1alpha1
kind: Pipeline
metadata: {name: x}
spec:
  sources:
  - name: t
    kafka: {topic: t}
    generator: {kind: Customers}
    columns: [{name: id, type: String}]
"# => r#"m.yaml:6:5: spec.sources[0]: a source has one origin: write `kafka: {topic: ...}` to read a topic, or `generator: {kind: Transactions}` to make records up
"#

    topic_without_columns: r#"apiVersion: tidemill.io/v1alpha1
kind: Pipeline
metadata: {name: x}
spec:
  sources:
  - name: t
    kafka: {topic: t}
"# => r#"m.yaml:6:5: spec.sources[0]: name the columns to read from the topic, such as `columns: [{name: id, type: String}]`
"#

    reserved_name: r#"apiVersion: tidemill.io/v1alpha1
kind: Pipeline
metadata: {name: x}
spec:
  sources:
  - name: t
    kafka: {topic: t}
    columns: [{name: id, type: String}]
  streams:
  - {name: alerts, sql: SELECT 1}
"# => r#"m.yaml:10:6: spec.streams[0].name: `alerts` and `deadLetter` are names that every pipeline has already; choose another
"#

    stream_named_as_a_source: r#"apiVersion: tidemill.io/v1alpha1
kind: Pipeline
metadata: {name: x}
spec:
  sources:
  - name: t
    kafka: {topic: t}
    columns: [{name: id, type: String}]
  streams:
  - {name: t, sql: SELECT 1}
"# => r#"m.yaml:9:3: spec.streams: a stream has the name of a source: give every source and every stream a name of its own
"#

    workers_and_autoscale: r#"apiVersion: tidemill.io/v1alpha1
kind: Pipeline
metadata: {name: x}
spec:
  sources:
  - name: t
    kafka: {topic: t}
    columns: [{name: id, type: String}]
  workers: 2
  autoscale: {max: 4}
"# => r#"m.yaml:10:3: spec.autoscale: give `workers` or `autoscale`, not both: a fixed number of workers, or bounds to choose it within
"#

    min_above_max: r#"apiVersion: tidemill.io/v1alpha1
kind: Pipeline
metadata: {name: x}
spec:
  sources:
  - name: t
    kafka: {topic: t}
    columns: [{name: id, type: String}]
  autoscale: {min: 5, max: 4}
"# => r#"m.yaml:9:15: spec.autoscale.min: `min` is more than `max`: write the smaller number of workers as `min`
"#

    every_without_on_update: r#"apiVersion: tidemill.io/v1alpha1
kind: Pipeline
metadata: {name: x}
spec:
  sources:
  - name: t
    kafka: {topic: t}
    columns: [{name: id, type: String}]
  streams:
  - {name: s, sql: SELECT 1, emit: {when: OnClose, every: 1s}}
"# => r#"m.yaml:10:52: spec.streams[0].emit.every: `every` is for `when: OnUpdate`; with `OnClose` there is one result per window, so leave it out
"#

    partition_by_without_window: r#"apiVersion: tidemill.io/v1alpha1
kind: AlertRule
metadata: {name: x}
spec:
  pipelineRef: {name: p}
  stream: t
  when: amount > 1
  partitionBy: [id]
"# => r#"m.yaml:8:3: spec.partitionBy: `partitionBy` is for rules with a window; add one, such as `window: {sliding: 1m}`, or leave it out
"#

    shadow_of_without_shadow: r#"apiVersion: tidemill.io/v1alpha1
kind: AlertRule
metadata: {name: x}
spec:
  pipelineRef: {name: p}
  stream: t
  when: amount > 1
  shadowOf: other
"# => r#"m.yaml:8:3: spec.shadowOf: a rule is tried beside another in Shadow mode: add `mode: Shadow`, or leave `shadowOf` out
"#

    two_windows: r#"apiVersion: tidemill.io/v1alpha1
kind: AlertRule
metadata: {name: x}
spec:
  pipelineRef: {name: p}
  stream: t
  when: amount > 1
  window: {sliding: 1m, count: 5}
"# => r#"m.yaml:8:11: spec.window: a window is of one kind: write one of `sliding: 1m`, `tumbling: 1m`, `hopping: {size: 1m, every: 10s}`, `session: 5m` or `count: 5`
"#

    two_kinds_of_sink: r#"apiVersion: tidemill.io/v1alpha1
kind: Sink
metadata: {name: x}
spec:
  kafka: {topic: t}
  stdout: {}
"# => r#"m.yaml:5:3: spec: a sink is of one kind: write one of `kafka: {topic: ...}`, `webhook: {url: ...}`, `postgres: {...}`, `iceberg: {...}`, `sqlite: {...}` or `stdout: {}`
"#

    no_kind_of_sink: r#"apiVersion: tidemill.io/v1alpha1
kind: Sink
metadata: {name: x}
spec:
  {}
"# => r#"m.yaml:5:3: spec: a sink is of one kind: write one of `kafka: {topic: ...}`, `webhook: {url: ...}`, `postgres: {...}`, `iceberg: {...}`, `sqlite: {...}` or `stdout: {}`
"#

    upsert_without_key: r#"apiVersion: tidemill.io/v1alpha1
kind: Sink
metadata: {name: x}
spec:
  postgres: {secretRef: {name: s}, table: t, mode: Upsert}
"# => r#"m.yaml:5:46: spec.postgres.mode: `mode: Upsert` needs to know which row is replaced; add its columns, such as `primaryKey: [customer_id]`
"#

    two_catalogs: r#"apiVersion: tidemill.io/v1alpha1
kind: Sink
metadata: {name: x}
spec:
  iceberg:
    catalog: {rest: {uri: u, warehouse: w}, sql: {secretRef: {name: s}, warehouse: w}}
    table: a.b
"# => r#"m.yaml:6:14: spec.iceberg.catalog: a catalog is of one kind: write `rest: {uri: ..., warehouse: ...}` or `sql: {secretRef: {name: ...}, warehouse: ...}`
"#

    field_given_twice: r#"apiVersion: tidemill.io/v1alpha1
kind: Sink
metadata: {name: x}
spec:
  stdout: {}
  stdout: {}
"# => r#"m.yaml:6:3: spec.stdout: is given twice: first at line 5
"#

    field_of_a_pod: r#"apiVersion: tidemill.io/v1alpha1
kind: Pipeline
metadata: {name: x}
spec:
  sources:
  - name: t
    kafka: {topic: t}
    columns: [{name: id, type: String}]
  worker:
    env: [{name: A, valu: b}]
    resources: {limits: {memory: [1]}}
"# => r#"m.yaml:10:21: spec.worker.env[0].valu: unknown field
  hint: did you mean `value`?
m.yaml:11:34: spec.worker.resources.limits.memory: expected a text, a number, or true or false, found a list
"#

    two_resources_of_one_name: r#"apiVersion: tidemill.io/v1alpha1
kind: Sink
metadata: {name: x}
spec:
  stdout: {}
---
apiVersion: tidemill.io/v1alpha1
kind: Sink
metadata: {name: x}
spec:
  stdout: {}
"# => r#"m.yaml:9:18: metadata.name: there is a Sink `x` already, at m.yaml:3:18
  hint: give one of them another name, or take it away
"#

    the_second_document: r#"apiVersion: tidemill.io/v1alpha1
kind: Sink
metadata: {name: x}
spec:
  stdout: {}
---
apiVersion: tidemill.io/v1alpha1
kind: Sink
metadata: {name: z}
spec:
  stdot: {}
"# => r#"m.yaml:11:3: spec.stdot: unknown field
  hint: did you mean `stdout`?
"#

    an_item_of_a_list: r#"apiVersion: v1
kind: List
items:
- apiVersion: tidemill.io/v1alpha1
  kind: Sink
  metadata: {name: x}
  spec: {stdou: {}}
"# => r#"m.yaml:7:10: spec.stdou: unknown field
  hint: did you mean `stdout`?
"#

    aliases_without_end: r#"a: &a [x, x, x, x, x, x, x, x, x, x]
b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]
c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b]
d: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c]
e: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d, *d]
f: [*e, *e, *e, *e, *e, *e, *e, *e, *e, *e]
"# => r#"m.yaml:6:5: aliases make this document too large
"#
}
