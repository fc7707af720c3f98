//! What does not go together in a format is refused without a cluster as the API server refuses it.

use crate::manifest::load;

fn said(kind: &str, spec: &str) -> String {
    let text = format!(
        "apiVersion: tidemill.io/v1alpha1\nkind: {kind}\nmetadata: {{name: x}}\nspec:\n{spec}\n"
    );
    let problems = load("m.yaml", &text).problems;
    let said: Vec<String> = problems.iter().map(ToString::to_string).collect();
    said.join("\n")
}

fn source(rest: &str) -> String {
    said(
        "Pipeline",
        &format!(
            "  sources: [{{name: t, kafka: {{topic: t}}, columns: [{{name: a, type: String}}], {rest}}}]"
        ),
    )
}

fn sink(format: &str) -> String {
    said("Sink", &format!("  kafka: {{topic: t, format: {format}}}"))
}

#[test]
fn sources() {
    let registry = "schemaRegistry: {url: 'http://r:8081'}";
    let cases = [
        (
            "type: Json, quote: x",
            "format: `delimiter`, `quote` and `nullText` are for `type: Csv`",
        ),
        (
            "type: Csv, delimiter: é",
            "format.delimiter: `é` is not one character of ASCII",
        ),
        ("type: Csv, delimiter: ''", "format.delimiter"),
        (
            "type: Avro",
            "format: such records cannot be read without their schema",
        ),
        (
            &format!("type: Protobuf, {registry}, schema: x"),
            "format: such records cannot be read without",
        ),
        (
            "type: Debezium, payload: Avro",
            "format: such records cannot be read without their schema",
        ),
        (
            &format!("type: Debezium, {registry}"),
            "format: `schemaRegistry` and `schema` are for Avro",
        ),
        (
            "type: Raw, schema: x",
            "format: `schemaRegistry` and `schema` are for Avro and Protobuf",
        ),
        (
            "type: Avro, schemaRegistry: {url: 'r:8081'}",
            "format.schemaRegistry.url: `r:8081` is not an address",
        ),
        (
            "type: Avro, schema: x, subject: s",
            "format.subject: `subject` is a name in a schema registry",
        ),
        (
            &format!("type: Protobuf, {registry}, message: M"),
            "format.message: `message` is for `type: Protobuf`",
        ),
        (
            "type: Raw, payload: Json",
            "format.payload: `payload` is for `type: Debezium`",
        ),
        (
            "type: Debezium",
            "format: Debezium's records are changes of a table",
        ),
    ];
    for (format, expected) in cases {
        let said = source(&format!("format: {{{format}}}"));
        assert!(
            said.contains(&format!("spec.sources[0].{expected}")),
            "{format}: {said}"
        );
    }
    let good = [
        "format: {type: Csv, delimiter: ;, quote: '', nullText: 'NULL'}",
        "format: {type: Raw}",
        &format!("format: {{type: Avro, {registry}, subject: s}}"),
        "format: {type: Protobuf, schema: x, message: M}",
        "table: {primaryKey: [a]}, format: {type: Debezium}",
        &format!(
            "table: {{primaryKey: [a]}}, format: {{type: Debezium, payload: Avro, {registry}}}"
        ),
    ];
    for rest in good {
        assert_eq!(source(rest), "", "{rest}");
    }
}

#[test]
fn sinks() {
    let registry = "schemaRegistry: {url: 'https://r', auth: {secretRef: {name: s}}}";
    let cases = [
        (
            "{type: Avro}",
            "format: nobody could read such records without their schema",
        ),
        (
            &format!("{{type: Csv, {registry}}}"),
            "format.schemaRegistry: `schemaRegistry` is for Avro and Protobuf",
        ),
        (
            &format!("{{type: Avro, timestamps: EpochMillis, {registry}}}"),
            "format.timestamps: `timestamps` is for Json, Csv and Raw",
        ),
        (
            "{type: Csv, subject: s}",
            "format.subject: `subject` is a name in a schema registry",
        ),
        (
            "{type: Raw, nullText: x}",
            "format: `delimiter`, `quote` and `nullText` are for `type: Csv`",
        ),
    ];
    for (format, expected) in cases {
        let said = sink(format);
        assert!(
            said.contains(&format!("spec.kafka.{expected}")),
            "{format}: {said}"
        );
    }
    assert_eq!(
        sink(&format!("{{type: Protobuf, {registry}, subject: s}}")),
        ""
    );
    assert_eq!(
        sink("{type: Csv, delimiter: ;, quote: \"'\", nullText: '-', timestamps: EpochMillis}"),
        ""
    );
}
