//! How a plan runs, in words: what is read, where rows meet, and where the tables are that they are joined with.

use std::fmt;

use crate::compat::{text, window_in_words};
use crate::model::{
    Aggregate, Changes, Distribution, Emit, Exchange, Find, Frame, Join, Lookup, Micros, Operator,
    Origin, Over, Plan, Source, Stream,
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
    for rule in &plan.rules {
        let rows = plan.name_of_input(rule.watches);
        lines.push(format!("  rule {}: judges the rows of {rows}", rule.name));
    }
    for output in &plan.outputs {
        let from = plan.name_of(output.from);
        lines.push(format!("  output of {from}: sink {}", output.sink));
    }
    lines
}

fn names(plan: &Plan, stream: &Stream) -> String {
    Words(stream.inputs.iter().map(|&input| plan.name_of_input(input))).to_string()
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
    match &stream.operator {
        Some(Operator::Aggregate(aggregate)) => {
            lines.push(explain_grouping(aggregate));
            lines.push(explain_meeting(
                plan,
                stream,
                &aggregate.exchange,
                "partial results",
            ));
        }
        Some(Operator::Over(over)) => {
            lines.push(explain_over(over));
            lines.push(explain_meeting(plan, stream, &over.exchange, "rows"));
        }
        Some(Operator::Join(join)) => {
            lines.extend(explain_streams(plan, stream, join));
            lines.push(match join.exchange {
                Exchange::Local => explain_meeting(plan, stream, &join.exchange, ""),
                Exchange::Shuffle { shards } => {
                    format!("shuffled: rows of both sides go to {shards} shards by that")
                }
            });
        }
        Some(Operator::Await(wait)) => {
            let span = tidemill_crds::Duration::from_millis(wait.span.unsigned_abs() / 1_000);
            lines.push(format!(
                "rows that find nothing wait {span} for it; what comes of all rows has a watermark that is so much later"
            ));
        }
        None => {}
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

fn explain_over(over: &Over) -> String {
    let fields = over.schema.fields();
    let named = |column: usize| fields.get(column).map_or("", |f| f.name().as_str());
    let keys = Words(over.keys.iter().map(|&k| named(k))).to_string();
    let of = match keys.as_str() {
        "" => "all rows together".to_owned(),
        keys => format!("rows of each {keys}"),
    };
    let order = match over.rank.as_slice() {
        [] => format!("in the order of {}", named(over.time)),
        rank => format!(
            "ranked by {}",
            Words(rank.iter().map(|by| named(by.column)))
        ),
    };
    let blocks = over.calls.iter().find_map(|call| match call.frame {
        Frame::Block(rows) => Some(rows),
        Frame::Range(_) | Frame::Rows(_) => None,
    });
    let how_many = match (over.first, blocks) {
        (Some(first), _) => format!(", the first {first} alone"),
        (None, Some(rows)) => format!(" in windows of {rows}"),
        (None, None) => String::new(),
    };
    format!("{of} {order}{how_many}, held until the watermark has passed them")
}

/// How rows of two streams belong together, what is kept of them, and for how long.
fn explain_streams(plan: &Plan, stream: &Stream, join: &Join) -> [String; 2] {
    let kind = match (join.left.goes_on_alone, join.right.goes_on_alone) {
        (false, false) => "JOIN",
        (true, false) => "LEFT JOIN",
        (false, true) => "RIGHT JOIN",
        (true, true) => "FULL JOIN",
    };
    let input = stream
        .inputs
        .first()
        .and_then(|input| plan.schema_of(*input));
    let named = |column: &usize| {
        input
            .and_then(|s| s.fields().get(*column))
            .map(|f| f.name())
    };
    let keys = Words(join.keys.iter().filter_map(named));
    let (left, right) = (&join.left.time, &join.right.time);
    let condition = match &join.condition {
        Some(_) => ", and a condition",
        None => "",
    };
    let meets = match (join.earliest, join.latest) {
        (0, 0) => format!("{right} equals {left}"),
        (earliest, latest) => {
            let (from, to) = (beside(left, earliest), beside(left, latest));
            format!("{right} is between {from} and {to}")
        }
    };
    let kept = |is_right: bool| match join.kept_for(is_right) {
        ..=0 => "until the watermark has passed them".to_owned(),
        span => format!("for {} after their time", Span(span)),
    };
    [
        format!("{kind} of rows with the same {keys}, where {meets}{condition}"),
        format!(
            "rows of the left side are kept {}, of the right side {}",
            kept(false),
            kept(true)
        ),
    ]
}

/// So long after a time.
fn beside(time: &str, span: Micros) -> String {
    match span {
        0 => time.to_owned(),
        1.. => format!("{time} + {}", Span(span)),
        _ => format!("{time} - {}", Span(span.saturating_neg())),
    }
}

/// A span of time, as exact as it is.
struct Span(Micros);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 % 1_000 {
            0 => tidemill_crds::Duration::from_millis(self.0.unsigned_abs() / 1_000).fmt(f),
            _ => write!(f, "{}us", self.0),
        }
    }
}

fn explain_meeting(plan: &Plan, stream: &Stream, exchange: &Exchange, what: &str) -> String {
    match exchange {
        Exchange::Local => "local: rows that belong together are in one partition".to_owned(),
        Exchange::Shuffle { shards } => format!(
            "shuffled: {what} of {} go to {shards} shards by what it is grouped by",
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
