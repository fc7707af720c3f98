//! Alerts of the rows that make a rule fire.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use datafusion_common::DataFusionError;
use tidemill_plan::model::{ALERTS, MessagePart, RowsOf, Rule};
use twox_hash::XxHash3_128;

use super::evidence::json;
use super::texts::Texts;
use crate::effects::Effects;
use crate::encode::push_values;
use crate::error::{EngineError, Result};
use crate::reject::Place;
use crate::rows::{Flow, batch_of};
use crate::steps::{arrays, isolate};

/// The alerts of rows; none if there is nothing left of them. A row of which something that its alert says cannot be told
/// is rejected.
pub(super) fn alerts(
    rule: &Rule,
    stream: Option<&str>,
    flow: Flow,
    place: Place<'_>,
    fx: &mut Effects,
) -> Result<Option<RecordBatch>> {
    let told = |batch: &RecordBatch| Ok((arrays(&rule.details, batch)?, messages(rule, batch)?));
    let Some((flow, (details, messages))) = isolate(flow, stream, place, fx, told)? else {
        return Ok(None);
    };
    let rows = flow.len();
    let details = batch_of(&rule.details_schema, details, rows)?;
    let keys = Texts::of(&flow.batch.project(&rule.keys)?)?.column();
    let times = Times::of(rule.of, &flow.batch)?;
    let evidence = match rule.of {
        RowsOf::Stream(_) => own_evidence(&flow, place)?,
        RowsOf::Frames { evidence, .. } | RowsOf::Windows { evidence, .. } => {
            evidence_of(&flow.batch, evidence)?
        }
    };
    let ids = (0..rows).map(|row| Some(id(rule, &keys, &times, &evidence, row)));
    let same = |text: &str| Arc::new(StringArray::from(vec![text; rows])) as ArrayRef;
    let columns: Vec<ArrayRef> = vec![
        Arc::new(ids.collect::<StringArray>()),
        same(&rule.name),
        Arc::new(Int64Array::from_value(rule.version, rows)),
        same(&format!("{:?}", rule.severity)),
        Arc::new(keys),
        Arc::new(times.event),
        Arc::new(times.start),
        Arc::new(times.end),
        Arc::new(StringArray::from(messages)),
        Arc::new(Texts::of(&details)?.column()),
        Arc::new(evidence),
    ];
    batch_of(&ALERTS, columns, rows).map(Some)
}

/// When it was.
struct Times {
    event: TimestampMicrosecondArray,
    start: TimestampMicrosecondArray,
    end: TimestampMicrosecondArray,
}

impl Times {
    fn of(rows: RowsOf, batch: &RecordBatch) -> Result<Self> {
        let none = || TimestampMicrosecondArray::new_null(batch.num_rows());
        let column = |index: usize| {
            let Some(column) = batch.columns().get(index) else {
                return Ok(none());
            };
            let column = cast(column, &DataType::Timestamp(TimeUnit::Microsecond, None))?;
            Ok::<_, EngineError>(column.as_primitive::<TimestampMicrosecondType>().clone())
        };
        Ok(match rows {
            RowsOf::Stream(time) => Self {
                event: time.map_or_else(|| Ok(none()), column)?,
                start: none(),
                end: none(),
            },
            RowsOf::Frames { time, span, .. } => {
                let event = column(time)?;
                let bounds = span.map(|span| {
                    let start = event.unary(|time| time.saturating_sub(span));
                    (start, event.clone())
                });
                let (start, end) = bounds.unwrap_or_else(|| (none(), none()));
                Self { event, start, end }
            }
            RowsOf::Windows { start, end, .. } => Self {
                event: column(end)?,
                start: column(start)?,
                end: column(end)?,
            },
        })
    }
}

/// What the alerts of rows say. What is null is nothing.
fn messages(rule: &Rule, batch: &RecordBatch) -> Result<Vec<String>, DataFusionError> {
    let mut messages = vec![Vec::new(); batch.num_rows()];
    for part in &rule.message {
        match part {
            MessagePart::Text(text) => {
                let add = |message: &mut Vec<u8>| message.extend_from_slice(text.as_bytes());
                messages.iter_mut().for_each(add);
            }
            MessagePart::Value(expr) => {
                for values in &arrays(std::slice::from_ref(expr), batch)? {
                    push_values(values.as_ref(), &mut messages);
                }
            }
        }
    }
    let text = |message: Vec<u8>| String::from_utf8_lossy(&message).into_owned();
    Ok(messages.into_iter().map(text).collect())
}

/// The evidence that rows have with them.
fn evidence_of(batch: &RecordBatch, column: usize) -> Result<StringArray> {
    let column = batch.columns().get(column);
    let texts = column.and_then(|column| column.as_string_opt::<i32>());
    let missing = || EngineError::Plan("rows that a rule judges have no evidence".to_owned());
    texts.cloned().ok_or_else(missing)
}

/// Each row as its own evidence: where its record is, if it was made of one, and the row.
fn own_evidence(flow: &Flow, place: Place<'_>) -> Result<StringArray> {
    let texts = Texts::of(&flow.batch)?;
    let evidence = texts.rows().enumerate().map(|(row, text)| {
        let record = (place.partition, place.offset(flow, row), text);
        let text = json(1, Some(place.topic), std::iter::once(record));
        Some(String::from_utf8_lossy(&text).into_owned())
    });
    Ok(evidence.collect())
}

/// What an alert goes by: the same whenever the rule, in this version, fires for these records.
fn id(
    rule: &Rule,
    keys: &StringArray,
    times: &Times,
    evidence: &StringArray,
    row: usize,
) -> String {
    let mut bytes = Vec::with_capacity(256);
    bytes.extend_from_slice(rule.name.as_bytes());
    bytes.push(0);
    bytes.extend_from_slice(&rule.version.to_le_bytes());
    for time in [&times.start, &times.end] {
        let time = time.is_valid(row).then(|| time.value(row));
        bytes.extend_from_slice(&time.unwrap_or(i64::MIN).to_le_bytes());
    }
    bytes.extend_from_slice(keys.value(row).as_bytes());
    bytes.extend_from_slice(evidence.value(row).as_bytes());
    format!("{:032x}", XxHash3_128::oneshot(&bytes))
}
