//! The record that a row is, put behind its columns: rules show those of the windows that make them fire.

use std::sync::Arc;

use arrow::array::{Array, AsArray, Int64Array, StringArray};
use arrow::datatypes::{SchemaRef, TimestampMicrosecondType};
use tidemill_plan::model::{Behind, EDITION, Stream};
use tidemill_plan::sql::record;

use super::evidence::push;
use super::texts::Texts;
use crate::error::{EngineError, Result};
use crate::reject::Place;
use crate::rows::Flow;

/// Rows with what is to be behind their columns.
pub(crate) fn with_behind(stream: &Stream, flow: Flow, place: Place<'_>) -> Result<Flow> {
    let schema = &stream.schema;
    match &stream.behind {
        None => Ok(flow),
        Some(Behind::Evidence) => flow.with_evidence(schema),
        Some(Behind::Edition) => {
            let edition = Int64Array::from_value(place.edition, flow.len());
            flow.with_column(Arc::new(edition), schema)
        }
        Some(Behind::Record { time, topic }) => {
            with_record(*time, topic.as_deref(), schema, flow, place)
        }
    }
}

/// Rows with the records that they are, without their editions, each with the time that is in a column. Rows that were made of
/// many have no place in a topic; of one time they are in the order of their JSON.
fn with_record(
    time: usize,
    topic: Option<&str>,
    schema: &SchemaRef,
    flow: Flow,
    place: Place<'_>,
) -> Result<Flow> {
    let times = flow.batch.columns().get(time);
    let times = times.and_then(|times| times.as_primitive_opt::<TimestampMicrosecondType>());
    let times = times.ok_or_else(|| EngineError::Plan(format!("column {time} is no time")))?;
    let fields = flow.batch.schema_ref().fields().iter().enumerate();
    let shown = fields.filter(|(_, field)| field.name() != EDITION);
    let shown: Vec<usize> = shown.map(|(column, _)| column).collect();
    let texts = Texts::of(&flow.batch.project(&shown)?)?;
    let mut json = Vec::with_capacity(256);
    let records = texts.rows().enumerate().map(|(row, text)| {
        let at = topic.and(place.offset(&flow, row));
        let its = topic
            .zip(at)
            .map(|(topic, offset)| (topic, place.partition, offset));
        json.clear();
        push(&mut json, its, text);
        let (partition, offset) = its.map_or((0, 0), |(_, partition, offset)| (partition, offset));
        let time = times.is_valid(row).then(|| times.value(row));
        let time = time.unwrap_or_default();
        Some(record(
            time,
            partition,
            offset,
            &String::from_utf8_lossy(&json),
        ))
    });
    let records: StringArray = records.collect();
    flow.with_column(Arc::new(records), schema)
}
