//! How a plan runs, in words: what is read, where rows meet, and where the tables are that they are joined with.

use std::fmt;

use crate::compat::{text, window_in_words};
use crate::model::{
    Aggregate, Changes, Distribution, Emit, Exchange, Find, Input, Lookup, Operator, Origin,
    OutputOf, Plan, Source, Stream,
};

/// Says how a plan runs, a line for each part, indented.
#[must_use]
pub fn explain(plan: &Plan) -> Vec<String> {
    let mut lines = vec![format!("pipeline {}", plan.name)];
    for (i, source) in plan.sources.iter().enumerate() {
        lines.push(format!("  {}", explain_source(plan, i, source)));
    }
    for stream in &plan.streams {
        lines.push(format!(
            "  stream {}: reads {}",
            stream.name,
            names(plan, stream)
        ));
        let steps = explain_stream(plan, stream);
        lines.extend(steps.into_iter().map(|step| format!("    {step}")));
    }
    for output in &plan.outputs {
        let from = match output.from {
            OutputOf::Rows(input) => name(plan, input),
            OutputOf::DeadLetter => "deadLetter",
        };
        lines.push(format!("  output of {from}: sink {}", output.sink));
    }
    lines
}

fn name(plan: &Plan, input: Input) -> &str {
    match input {
        Input::Source(i) => plan.sources.get(i).map_or("", |s| &s.name),
        Input::Stream(i) => plan.streams.get(i).map_or("", |s| &s.name),
    }
}

fn names(plan: &Plan, stream: &Stream) -> String {
    Words(stream.inputs.iter().map(|&input| name(plan, input))).to_string()
}

fn explain_source(plan: &Plan, index: usize, source: &Source) -> String {
    let from = match &source.origin {
        Origin::Topic { topic, .. } => format!("topic {topic}"),
        Origin::Generator(_) => "generated".to_owned(),
    };
    let Some(key) = &source.key else {
        let by = match source.partitioned_by.as_slice() {
            [] => String::new(),
            by => format!(", partitioned by {}", by.join(", ")),
        };
        return format!("source {}: {from}{by}", source.name);
    };
    let fields = source.schema.fields();
    let key = key.iter().filter_map(|&i| fields.get(i));
    let key = Words(key.map(|f| f.name().as_str()));
    let is_joined = plan
        .streams
        .iter()
        .flat_map(Stream::lookups)
        .any(|l| l.table == index);
    let place = match (is_joined, source.distribution) {
        (false, _) => "",
        (true, Distribution::Broadcast) => ", in every worker's memory",
        (true, Distribution::Partitioned) => ", in memory by partition",
    };
    format!(
        "table {}: {from}, the latest row of each {key}{place}",
        source.name
    )
}

fn explain_stream(plan: &Plan, stream: &Stream) -> Vec<String> {
    let mut lines: Vec<String> = stream.lookups().map(|l| explain_join(plan, l)).collect();
    if let Some(Operator::Await(wait)) = &stream.operator {
        let span = tidemill_crds::Duration::from_millis(wait.span.unsigned_abs() / 1_000);
        lines.push(format!(
            "rows that find nothing wait {span} for it; what comes of all rows has a watermark that is so much later"
        ));
    }
    if let Some(aggregate) = stream.aggregate() {
        lines.push(explain_grouping(aggregate));
        lines.push(explain_meeting(plan, stream, aggregate));
    }
    if let Changes::Upsert { key } = &stream.changes {
        let fields = stream.schema.fields();
        let key = key.iter().filter_map(|&i| fields.get(i));
        let key = Words(key.map(|f| f.name().as_str()));
        lines.push(format!("its rows replace each other by {key}"));
    }
    if lines.is_empty() {
        lines.push("row by row, where they are read".to_owned());
    }
    lines
}

fn explain_join(plan: &Plan, lookup: &Lookup) -> String {
    let Some(table) = plan.sources.get(lookup.table) else {
        return String::new();
    };
    let columns: Vec<String> = lookup
        .schema
        .fields()
        .iter()
        .map(|f| f.name().clone())
        .collect();
    let (found, by) = match &lookup.find {
        Find::ByKey => ("one row", table.key.as_deref().unwrap_or_default()),
        Find::ByColumns(by) => ("rows", by.as_slice()),
    };
    let fields = table.schema.fields();
    let by = by.iter().filter_map(|&i| fields.get(i)).zip(&lookup.key);
    let by = by.map(|(field, value)| format!("{} = {}", field.name(), text(value, &columns)));
    let place = match table.distribution {
        Distribution::Broadcast => "all of it is in every worker",
        Distribution::Partitioned => "the partition of the same number is beside each of these",
    };
    let kind = if lookup.inner { "JOIN" } else { "LEFT JOIN" };
    format!("{kind} {}: {found} by {}; {place}", table.name, Words(by))
}

fn explain_grouping(aggregate: &Aggregate) -> String {
    let keys = aggregate.key_schema.fields().iter();
    let keys = Words(keys.map(|f| f.name().as_str())).to_string();
    let by = match keys.as_str() {
        "" => "grouped as one".to_owned(),
        keys => format!("grouped by {keys}"),
    };
    let when = match aggregate.emit {
        Emit::OnClose => "handed on when they close",
        Emit::OnUpdate { .. } => "handed on when they change",
    };
    match aggregate.window {
        Some(window) => format!("{by} in windows, {}, {when}", window_in_words(window.kind)),
        None => format!("{by}, kept up to date"),
    }
}

fn explain_meeting(plan: &Plan, stream: &Stream, aggregate: &Aggregate) -> String {
    match aggregate.exchange {
        Exchange::Local => "local: rows that belong together are in one partition".to_owned(),
        Exchange::Shuffle { shards } => format!(
            "shuffled: partial results of {} go to {shards} shards by what it is grouped by",
            names(plan, stream)
        ),
    }
}

/// Words with commas between them.
struct Words<I>(I);

impl<I: Iterator<Item: fmt::Display> + Clone> fmt::Display for Words<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, word) in self.0.clone().enumerate() {
            let comma = if i > 0 { ", " } else { "" };
            write!(f, "{comma}{word}")?;
        }
        Ok(())
    }
}
