#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use tidemill_crds::sink::Timestamps;
use tidemill_crds::{Pipeline, Sink};

use crate::model::{Csv, Format, Plan, Registry, Schemas, Written};
use crate::plan;

/// Plans a source of this format and columns, of which the stream selects some, into a topic of this format.
fn planned(source: &str, columns: &str, select: &str, sink: &str) -> Result<Plan, String> {
    let pipeline: Pipeline = serde_saphyr::from_str(&format!(
        "apiVersion: tidemill.io/v1alpha1\nkind: Pipeline\nmetadata: {{name: p}}\nspec:\n  sources:\n  - name: t\n    kafka: {{topic: t}}\n    format: {source}\n    columns: {columns}\n  streams: [{{name: s, sql: '{select}'}}]\n  outputs: [{{from: s, sink: out}}]\n"
    ))
    .unwrap();
    let sink: Sink = serde_saphyr::from_str(&format!(
        "apiVersion: tidemill.io/v1alpha1\nkind: Sink\nmetadata: {{name: out}}\nspec: {{kafka: {{topic: results, format: {sink}}}}}\n"
    ))
    .unwrap();
    plan(&pipeline, &[sink], &[]).map_err(|problems| {
        let said: Vec<String> = problems.iter().map(ToString::to_string).collect();
        said.join("\n")
    })
}

const COLUMNS: &str =
    "[{name: a, type: String}, {name: b, type: Int64}, {name: c, type: \"Decimal(12,2)\"}]";
const JSON: &str = "{type: Json}";
const REGISTRY: &str = "{url: 'http://registry:8081/', auth: {secretRef: {name: r}}}";

fn source(format: &str, columns: &str, select: &str) -> Result<Format, String> {
    planned(format, columns, select, JSON).map(|plan| plan.sources[0].format.clone())
}

fn sink(format: &str, select: &str) -> Result<Written, String> {
    planned(JSON, COLUMNS, select, format).map(|plan| plan.outputs[0].written.clone())
}

#[test]
fn csv_knows_the_fields_of_the_columns_that_are_read() {
    let format = source("{type: Csv}", COLUMNS, "SELECT c FROM t").unwrap();
    let dialect = Csv {
        delimiter: b',',
        quote: Some(b'"'),
        null: String::new(),
    };
    assert_eq!(
        format,
        Format::Csv {
            dialect,
            fields: vec![2]
        }
    );
    let own = r#"{type: Csv, delimiter: "\t", quote: "", nullText: "NULL"}"#;
    let dialect = Csv {
        delimiter: b'\t',
        quote: None,
        null: "NULL".to_owned(),
    };
    let format = source(own, COLUMNS, "SELECT c, a FROM t").unwrap();
    assert_eq!(
        format,
        Format::Csv {
            dialect,
            fields: vec![0, 2]
        }
    );
}

#[test]
fn what_does_not_go_together_names_its_field() {
    let refused = |format, columns| source(format, columns, "SELECT 1 AS x FROM t").unwrap_err();
    assert_eq!(
        refused("{type: Csv, delimiter: '\"'}", COLUMNS),
        "spec.sources[0].format.delimiter: the delimiter is the quote, too (choose another character)"
    );
    let named = "[{name: a, type: String}, {name: b, type: Int64, from: x.y}]";
    assert_eq!(
        refused("{type: Csv}", named),
        "spec.sources[0].columns[1].from: the fields of such records have no names: they are taken in the order of the columns (leave it out)"
    );
    let raw = "spec.sources[0].columns: a raw record is one column of type String (write such as columns: [{name: line, type: String}])";
    assert_eq!(refused("{type: Raw}", COLUMNS), raw);
    assert_eq!(refused("{type: Raw}", "[{name: b, type: Int64}]"), raw);
    let said = refused("{type: Avro, schema: nonsense}", COLUMNS);
    assert!(
        said.starts_with("spec.sources[0].format.schema: an Avro schema is JSON: "),
        "{said}"
    );
}

#[test]
fn schemas_are_in_a_registry_or_given() {
    let registry = Registry {
        url: "http://registry:8081".to_owned(),
        secret: Some("r".to_owned()),
        subject: None,
    };
    let format = format!("{{type: Avro, schemaRegistry: {REGISTRY}}}");
    let format = source(&format, COLUMNS, "SELECT a FROM t").unwrap();
    assert_eq!(format.registry(), Some(&registry));
    let text = "{type: Protobuf, schema: 'message M {}', message: M}";
    assert_eq!(
        source(text, COLUMNS, "SELECT a FROM t").unwrap(),
        Format::Protobuf {
            schemas: Schemas::Text("message M {}".to_owned()),
            message: Some("M".to_owned())
        }
    );
}

#[test]
fn rows_are_written_as_the_sink_says() {
    let select = "SELECT a, c FROM t";
    assert_eq!(
        sink(
            "{type: Csv, delimiter: '|', timestamps: EpochMillis}",
            select
        ),
        Ok(Written::Csv {
            dialect: Csv {
                delimiter: b'|',
                quote: Some(b'"'),
                null: String::new()
            },
            timestamps: Timestamps::EpochMillis
        })
    );
    let registry = |subject: &str| Registry {
        url: "http://registry:8081".to_owned(),
        secret: Some("r".to_owned()),
        subject: Some(subject.to_owned()),
    };
    assert_eq!(
        sink(
            &format!("{{type: Avro, schemaRegistry: {REGISTRY}}}"),
            select
        ),
        Ok(Written::Avro {
            registry: registry("results-value"),
            name: "s".to_owned()
        })
    );
    assert_eq!(
        sink(
            &format!("{{type: Protobuf, subject: own, schemaRegistry: {REGISTRY}}}"),
            select
        ),
        Ok(Written::Protobuf {
            registry: registry("own"),
            name: "s".to_owned()
        })
    );
}

#[test]
fn a_sink_that_cannot_take_the_columns_is_refused() {
    let several = sink("{type: Raw}", "SELECT a, b FROM t").unwrap_err();
    assert_eq!(
        several,
        "spec.outputs[0].sink: the Sink `out` writes one column as it is, and `s` has 2 (write one column to it, or give it another kafka.format)"
    );
    let avro = format!("{{type: Avro, schemaRegistry: {REGISTRY}}}");
    let unnamed = sink(&avro, "SELECT b + 1 FROM t").unwrap_err();
    assert!(unnamed.contains("no field can be named `"), "{unnamed}");
    assert!(
        unnamed.ends_with("(name the column with AS, in letters, digits and _)"),
        "{unnamed}"
    );
}

#[test]
fn dead_letters_are_written_as_they_came() {
    let pipeline: Pipeline = serde_saphyr::from_str(
        "apiVersion: tidemill.io/v1alpha1\nkind: Pipeline\nmetadata: {name: p}\nspec:\n  sources: [{name: t, kafka: {topic: t}, columns: [{name: a, type: String}]}]\n  outputs: [{from: deadLetter, sink: out}]\n",
    )
    .unwrap();
    let sink: Sink = serde_saphyr::from_str(
        "apiVersion: tidemill.io/v1alpha1\nkind: Sink\nmetadata: {name: out}\nspec: {kafka: {topic: dead, format: {type: Csv}}}\n",
    )
    .unwrap();
    let problems = plan(&pipeline, &[sink], &[]).unwrap_err();
    assert_eq!(
        problems[0].to_string(),
        "spec.outputs[0].sink: the Sink `out` has a kafka.format, and dead letters are written as they came (leave kafka.format out of the Sink)"
    );
}
