//! Broken manifests, and what is said about them, word for word.

use super::*;

/// What `load` says about a file.
fn said(text: &str) -> String {
    let problems = load("m.yaml", text).problems;
    problems.iter().map(|problem| format!("{problem}\n")).collect()
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
"# => r#""#

    unknown_field_one_level_too_high: r#"apiVersion: tidemill.io/v1alpha1
kind: Pipeline
metadata: {name: x}
spec:
  sources:
  - name: t
    topic: t
    generator: {kind: Customers}
"# => r#""#

    unknown_field_like_no_other: r#"apiVersion: tidemill.io/v1alpha1
kind: Sink
metadata: {name: x}
spec:
  stdout: {}
  colour: red
"# => r#""#

    unknown_field_where_there_are_none: r#"apiVersion: tidemill.io/v1alpha1
kind: Sink
metadata: {name: x}
spec:
  stdout: {pretty: true}
"# => r#""#

    several_problems_at_once: r#"apiVersion: tidemill.io/v1alpha1
kind: Pipeline
metadata: {name: x}
spec:
  sources:
  - kafka: {topic: t, startFrom: Newest}
    columns:
    - {name: id, type: Strng}
    - {name: n, type: String, required: yes}
    eventTime: {column: ts, outOfOrderness: 2}
  delivery: exactlyOnce
"# => r#""#

    missing_spec: r#"apiVersion: tidemill.io/v1alpha1
kind: Sink
metadata: {name: x}
"# => r#""#

    missing_name: r#"apiVersion: tidemill.io/v1alpha1
kind: Sink
metadata: {}
spec: {stdout: {}}
"# => r#""#

    missing_metadata: r#"apiVersion: tidemill.io/v1alpha1
kind: Sink
spec: {stdout: {}}
"# => r#""#

    name_that_kubernetes_refuses: r#"apiVersion: tidemill.io/v1alpha1
kind: Sink
metadata: {name: My_Sink}
spec: {stdout: {}}
"# => r#""#

    label_that_is_a_number: r#"apiVersion: tidemill.io/v1alpha1
kind: Sink
metadata: {name: x, labels: {tier: 1}}
spec: {stdout: {}}
"# => r#""#

    missing_api_version: r#"kind: Pipeline
metadata: {name: x}
spec:
  sources:
  - name: t
    kafka: {topic: t}
    columns: [{name: id, type: String}]
"# => r#""#

    wrong_api_version: r#"apiVersion: tidemill.io/v1
kind: Sink
metadata: {name: x}
spec: {stdout: {}}
"# => r#""#

    missing_kind: r#"apiVersion: tidemill.io/v1alpha1
metadata: {name: x}
"# => r#""#

    unknown_kind: r#"apiVersion: tidemill.io/v1alpha1
kind: Pipelin
metadata: {name: x}
"# => r#""#

    no_manifest: r#"- just
- a list
"# => r#""#

    not_yaml: r#"apiVersion: tidemill.io/v1alpha1
kind: Sink
metadata: {name: x
spec: {stdout: {}}
"# => r#""#

    tab_for_indentation: r#"apiVersion: tidemill.io/v1alpha1
kind: Sink
metadata:
	name: x
"# => r#""#

    text_for_a_list: r#"apiVersion: tidemill.io/v1alpha1
kind: Pipeline
metadata: {name: x}
spec:
  sources:
  - name: t
    kafka: {topic: t}
    columns: [{name: id, type: String}]
    partitionedBy: id
"# => r#""#

    number_for_a_text: r#"apiVersion: tidemill.io/v1alpha1
kind: Sink
metadata: {name: x}
spec:
  kafka: {topic: 2024}
"# => r#""#

    text_for_a_number: r#"apiVersion: tidemill.io/v1alpha1
kind: Pipeline
metadata: {name: x}
spec:
  sources:
  - name: t
    kafka: {topic: t}
    columns: [{name: id, type: String}]
  workers: "2"
"# => r#""#

    fraction_for_a_whole_number: r#"apiVersion: tidemill.io/v1alpha1
kind: Pipeline
metadata: {name: x}
spec:
  sources:
  - name: t
    kafka: {topic: t}
    columns: [{name: id, type: String}]
  workers: 1.5
"# => r#""#

    list_for_a_mapping: r#"apiVersion: tidemill.io/v1alpha1
kind: Pipeline
metadata: {name: x}
spec:
  sources:
  - name: t
    kafka: {topic: t}
    columns: [{name: id, type: String}]
  kafka: [kafka:9092]
"# => r#""#

    out_of_bounds: r#"apiVersion: tidemill.io/v1alpha1
kind: Pipeline
metadata: {name: x}
spec:
  sources:
  - name: t
    generator: {kind: Transactions, fraudRatio: 2, accounts: 0, rate: -1}
"# => r#""#

    bad_enum: r#"apiVersion: tidemill.io/v1alpha1
kind: AlertRule
metadata: {name: x}
spec:
  pipelineRef: {name: p}
  stream: t
  when: amount > 1
  severity: Hgh
"# => r#""#

    enum_of_another_case: r#"apiVersion: tidemill.io/v1alpha1
kind: AlertRule
metadata: {name: x}
spec:
  pipelineRef: {name: p}
  stream: t
  when: amount > 1
  mode: shadow
"# => r#""#

    enum_like_no_other: r#"apiVersion: tidemill.io/v1alpha1
kind: AlertRule
metadata: {name: x}
spec:
  pipelineRef: {name: p}
  stream: t
  when: amount > 1
  severity: Purple
"# => r#""#

    bad_duration: r#"apiVersion: tidemill.io/v1alpha1
kind: AlertRule
metadata: {name: x}
spec:
  pipelineRef: {name: p}
  stream: t
  when: amount > 1
  suppressFor: 1 minute
"# => r#""#

    bad_size: r#"apiVersion: tidemill.io/v1alpha1
kind: Sink
metadata: {name: x}
spec:
  iceberg:
    catalog: {rest: {uri: u, warehouse: w}}
    table: a.b
    maintenance: {targetFileSize: 128MB}
"# => r#""#

    bad_decimal: r#"apiVersion: tidemill.io/v1alpha1
kind: Pipeline
metadata: {name: x}
spec:
  sources:
  - name: t
    kafka: {topic: t}
    columns: [{name: id, type: "Decimal(2,4)"}]
"# => r#""#

    bad_sql_name: r#"apiVersion: tidemill.io/v1alpha1
kind: Pipeline
metadata: {name: x}
spec:
  sources:
  - name: my-topic
    kafka: {topic: t}
    columns: [{name: id, type: String}]
"# => r#""#

    bad_topic: r#"apiVersion: tidemill.io/v1alpha1
kind: Sink
metadata: {name: x}
spec:
  kafka: {topic: "a b"}
"# => r#""#

    bad_iceberg_table: r#"apiVersion: tidemill.io/v1alpha1
kind: Sink
metadata: {name: x}
spec:
  iceberg: {catalog: {rest: {uri: u, warehouse: w}}, table: transactions}
"# => r#""#

    bad_start: r#"apiVersion: tidemill.io/v1alpha1
kind: Pipeline
metadata: {name: x}
spec:
  sources:
  - name: t
    kafka: {topic: t, startFrom: {timestamp: 2026-02-16}}
    columns: [{name: id, type: String}]
"# => r#""#

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
"# => r#""#

    bad_parameter: r#"apiVersion: tidemill.io/v1alpha1
kind: AlertRule
metadata: {name: x}
spec:
  pipelineRef: {name: p}
  stream: t
  when: amount > 1
  parameters: {limits: [1, 2]}
"# => r#""#

    no_sources: r#"apiVersion: tidemill.io/v1alpha1
kind: Pipeline
metadata: {name: x}
spec:
  sources: []
"# => r#""#

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
"# => r#""#

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
"# => r#""#

    no_origin: r#"apiVersion: tidemill.io/v1alpha1
kind: Pipeline
metadata: {name: x}
spec:
  sources:
  - name: t
    columns: [{name: id, type: String}]
"# => r#""#

    two_origins: r#"apiVersion: tidemill.io/v1alpha1
kind: Pipeline
metadata: {name: x}
spec:
  sources:
  - name: t
    kafka: {topic: t}
    generator: {kind: Customers}
    columns: [{name: id, type: String}]
"# => r#""#

    topic_without_columns: r#"apiVersion: tidemill.io/v1alpha1
kind: Pipeline
metadata: {name: x}
spec:
  sources:
  - name: t
    kafka: {topic: t}
"# => r#""#

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
"# => r#""#

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
"# => r#""#

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
"# => r#""#

    min_above_max: r#"apiVersion: tidemill.io/v1alpha1
kind: Pipeline
metadata: {name: x}
spec:
  sources:
  - name: t
    kafka: {topic: t}
    columns: [{name: id, type: String}]
  autoscale: {min: 5, max: 4}
"# => r#""#

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
"# => r#""#

    partition_by_without_window: r#"apiVersion: tidemill.io/v1alpha1
kind: AlertRule
metadata: {name: x}
spec:
  pipelineRef: {name: p}
  stream: t
  when: amount > 1
  partitionBy: [id]
"# => r#""#

    two_windows: r#"apiVersion: tidemill.io/v1alpha1
kind: AlertRule
metadata: {name: x}
spec:
  pipelineRef: {name: p}
  stream: t
  when: amount > 1
  window: {sliding: 1m, count: 5}
"# => r#""#

    two_kinds_of_sink: r#"apiVersion: tidemill.io/v1alpha1
kind: Sink
metadata: {name: x}
spec:
  kafka: {topic: t}
  stdout: {}
"# => r#""#

    no_kind_of_sink: r#"apiVersion: tidemill.io/v1alpha1
kind: Sink
metadata: {name: x}
spec:
  {}
"# => r#""#

    upsert_without_key: r#"apiVersion: tidemill.io/v1alpha1
kind: Sink
metadata: {name: x}
spec:
  postgres: {secretRef: {name: s}, table: t, mode: Upsert}
"# => r#""#

    two_catalogs: r#"apiVersion: tidemill.io/v1alpha1
kind: Sink
metadata: {name: x}
spec:
  iceberg:
    catalog: {rest: {uri: u, warehouse: w}, sql: {secretRef: {name: s}, warehouse: w}}
    table: a.b
"# => r#""#

    field_given_twice: r#"apiVersion: tidemill.io/v1alpha1
kind: Sink
metadata: {name: x}
spec:
  stdout: {}
  stdout: {}
"# => r#""#

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
"# => r#""#

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
"# => r#""#

    the_second_document: r#"apiVersion: tidemill.io/v1alpha1
kind: Sink
metadata: {name: x}
spec:
  stdout: {}
---
apiVersion: tidemill.io/v1alpha1
kind: Sink
metadata: {name: y}
spec:
  stdot: {}
"# => r#""#

    an_item_of_a_list: r#"apiVersion: v1
kind: List
items:
- apiVersion: tidemill.io/v1alpha1
  kind: Sink
  metadata: {name: x}
  spec: {stdou: {}}
"# => r#""#

    aliases_without_end: r#"a: &a [x, x, x, x, x, x, x, x, x, x]
b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]
c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b]
d: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c]
e: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d, *d]
f: [*e, *e, *e, *e, *e, *e, *e, *e, *e, *e]
"# => r#""#
}
