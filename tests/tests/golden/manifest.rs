//! A case as a manifest, planned.

use std::fmt::Write;
use std::sync::Arc;

use tidemill_plan::manifest::{ResourceKind, load};
use tidemill_plan::model::Plan;

use crate::case::Case;

const HEAD: &str = "apiVersion: tidemill.io/v1alpha1
kind: Sink
metadata: {name: out}
spec: {kafka: {topic: results}}
---
apiVersion: tidemill.io/v1alpha1
kind: Pipeline
metadata: {name: golden}
spec:
";

/// Plans a case, or says what is wrong with it.
pub(crate) fn plan(case: &Case) -> Result<Arc<Plan>, Vec<String>> {
    let text = text(case);
    let loaded = load(&case.file, &text);
    if !loaded.problems.is_empty() {
        let problem = |p: &tidemill_plan::manifest::Problem| p.message.clone();
        return Err(loaded.problems.iter().map(problem).collect());
    }
    let (mut pipeline, mut sinks) = (None, Vec::new());
    for resource in loaded.resources {
        match resource.kind {
            ResourceKind::Pipeline(found) => pipeline = Some(found),
            ResourceKind::Sink(found) => sinks.push(*found),
            ResourceKind::AlertRule(_) | ResourceKind::Other(_) => {}
        }
    }
    let plan = tidemill_plan::plan(&pipeline.unwrap(), &sinks, &[]);
    plan.map(Arc::new)
        .map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

fn text(case: &Case) -> String {
    let mut text = HEAD.to_owned();
    let out = &mut text;
    writeln!(out, "  sources:").unwrap();
    for source in &case.sources {
        writeln!(
            out,
            "  - name: {0}\n    kafka: {{topic: {0}}}\n    columns:",
            source.name
        )
        .unwrap();
        for column in &source.columns {
            let required = if column.required {
                ", required: true"
            } else {
                ""
            };
            let from = column
                .from
                .as_ref()
                .map_or(String::new(), |f| format!(", from: {f}"));
            writeln!(
                out,
                "    - {{name: \"{}\", type: \"{}\"{required}{from}}}",
                column.name, column.kind
            )
            .unwrap();
        }
        fields(out, &source.fields);
    }
    writeln!(out, "  streams:").unwrap();
    for stream in &case.streams {
        let sql = serde_json::Value::from(stream.sql.as_str());
        writeln!(out, "  - name: {}\n    sql: {sql}", stream.name).unwrap();
        fields(out, &stream.fields);
    }
    writeln!(out, "  outputs:").unwrap();
    for stream in &case.streams {
        writeln!(out, "  - {{from: {}, sink: out}}", stream.name).unwrap();
    }
    text
}

fn fields(out: &mut String, fields: &[String]) {
    for field in fields {
        writeln!(out, "    {field}").unwrap();
    }
}
