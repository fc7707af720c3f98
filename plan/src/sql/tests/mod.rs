#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod evaluate;
mod joins;
mod refusals;
mod shapes;

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

use super::{Bound, Query, Relation, SqlError, plan_query};
use crate::model::{Find, Step, Window, WindowKind};

/// Payments with their event time, and a table of sales kept up to date.
pub(super) fn relations() -> Vec<Relation> {
    let micros = DataType::Timestamp(TimeUnit::Microsecond, None);
    vec![
        Relation {
            name: "transactions".into(),
            schema: schema(&[
                ("tx_id", DataType::Utf8),
                ("customer_id", DataType::Utf8),
                ("account", DataType::Int64),
                ("amount", DataType::Decimal128(12, 2)),
                ("category", DataType::Utf8),
                ("ts", micros.clone()),
                ("seen", micros),
                ("score", DataType::Float64),
                ("is_fraud", DataType::Boolean),
            ]),
            event_time: Some(5),
            times: vec![],
            key: None,
            window: None,
            is_table: false,
        },
        Relation {
            name: "sales".into(),
            schema: schema(&[
                ("category", DataType::Utf8),
                ("total", DataType::Decimal128(22, 2)),
            ]),
            event_time: None,
            times: vec![],
            key: Some(vec![0]),
            window: None,
            is_table: false,
        },
        Relation {
            name: "customers".into(),
            schema: schema(&[
                ("name", DataType::Utf8),
                ("id", DataType::Utf8),
                ("age", DataType::Int32),
            ]),
            event_time: None,
            times: vec![],
            key: Some(vec![1]),
            window: None,
            is_table: true,
        },
        Relation {
            name: "rates".into(),
            schema: schema(&[
                ("category", DataType::Utf8),
                ("account", DataType::Int64),
                ("rate", DataType::Float64),
            ]),
            event_time: None,
            times: vec![],
            key: Some(vec![0, 1]),
            window: None,
            is_table: true,
        },
    ]
}

pub(super) fn schema(columns: &[(&str, DataType)]) -> SchemaRef {
    let fields = columns
        .iter()
        .map(|(name, t)| Field::new(*name, t.clone(), true));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

pub(super) fn planned(sql: &str) -> Query {
    match plan_query(sql, &relations()) {
        Ok(mut parts) => parts.pop().unwrap(),
        Err(errors) => panic!("{sql}: {}", all(&errors)),
    }
}

/// The query bound to the columns that it needs, and no more.
pub(super) fn bound(query: &Query) -> (Vec<usize>, SchemaRef, Bound) {
    let relations = relations();
    let relation = relations
        .iter()
        .find(|r| r.name == query.reads()[0])
        .unwrap();
    let columns: Vec<usize> = query.needs().iter().copied().collect();
    let input = Arc::new(relation.schema.project(&columns).unwrap());
    let bound = query.bind(&columns, &input).unwrap();
    (columns, input, bound)
}

pub(super) fn all(errors: &[SqlError]) -> String {
    let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

/// A stream's shape, a line a part.
pub(super) fn describe(sql: &str) -> String {
    let query = planned(sql);
    let (_, input, bound) = bound(&query);
    let names = |schema: &Schema| -> Vec<String> {
        schema
            .fields()
            .iter()
            .map(|f| format!("{} {}", f.name(), f.data_type()))
            .collect()
    };
    let mut lines = vec![format!(
        "read {}: {}",
        query.reads().join(" and "),
        names(&input).join(", ")
    )];
    lines.extend(bound.before.iter().map(step));
    if let Some(grouping) = &bound.grouping {
        if let Some(Window { time, kind }) = bound.window {
            let kind = match kind {
                WindowKind::Tumble { size } => format!("tumble {size}"),
                WindowKind::Hop { slide, size } => format!("hop {size} every {slide}"),
                WindowKind::Cumulate { step, size } => format!("cumulate {size} by {step}"),
                WindowKind::Session { gap } => format!("session {gap}"),
            };
            lines.push(format!("{kind} over @{time}"));
        }
        let keys: Vec<String> = grouping.keys.iter().map(ToString::to_string).collect();
        let functions: Vec<String> = grouping
            .functions
            .iter()
            .map(|f| match &f.filter {
                Some(filter) => format!("{} where {filter}", f.expr.name()),
                None => f.expr.name().to_owned(),
            })
            .collect();
        lines.push(format!(
            "group by [{}]: [{}]",
            keys.join(", "),
            functions.join(", ")
        ));
    }
    lines.extend(bound.after.iter().map(step));
    lines.push(format!("give {}", names(query.schema()).join(", ")));
    lines.join("\n")
}

fn step(step: &Step) -> String {
    match step {
        Step::Filter(expr) => format!("filter {expr}"),
        Step::Changes { .. } => "changes".to_owned(),
        Step::Project { exprs, .. } => {
            let exprs: Vec<String> = exprs.iter().map(ToString::to_string).collect();
            format!("project {}", exprs.join(", "))
        }
        Step::Lookup(lookup) => {
            let key: Vec<String> = lookup.key.iter().map(ToString::to_string).collect();
            let names = lookup.schema.fields().iter().map(|f| f.name().as_str());
            let find = match &lookup.find {
                Find::ByKey => String::new(),
                Find::ByColumns(by) => format!("{by:?} "),
            };
            let when = lookup.condition.as_ref().map(|c| format!(" if {c}"));
            format!(
                "{} table {} by {find}[{}] {:?}{}: {}",
                if lookup.inner { "join" } else { "left join" },
                lookup.table,
                key.join(", "),
                lookup.columns,
                when.unwrap_or_default(),
                names.collect::<Vec<_>>().join(" ")
            )
        }
    }
}
