//! The step that puts rows of a table beside the rows of a stream.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray};
use arrow::compute::{and, not, nullif};
use arrow::datatypes::{DataType, Field, Schema};
use tidemill_plan::model::{Lookup, Missing};

use super::Tables;
use crate::effects::Effects;
use crate::error::Result;
use crate::record::Reason;
use crate::reject::{Fault, Place};
use crate::rows::{Flow, batch_of, conform};
use crate::steps::{arrays, isolate, truth};

/// Looks the rows of a flow up; `None` where no row is left.
pub(crate) fn look_up(
    lookup: &Lookup,
    flow: Flow,
    stream: &str,
    tables: &Tables,
    place: Place<'_>,
    fx: &mut Effects,
) -> Result<Option<Flow>> {
    let evaluated = isolate(flow, Some(stream), place, fx, |batch| {
        arrays(&lookup.key, batch)
    })?;
    let Some((flow, keys)) = evaluated else {
        return Ok(None);
    };
    let has_null = |row: &usize| keys.iter().any(|k| k.is_null(*row));
    let nulls: Vec<bool> = (0..flow.len()).map(|row| has_null(&row)).collect();
    let (columns, found) = tables.get(lookup.table)?.look_up(keys, &lookup.columns)?;
    let there: Vec<bool> = found
        .iter()
        .zip(nulls)
        .map(|(found, null)| *found || null)
        .collect();
    let rejects = lookup.missing == Missing::DeadLetter && there.contains(&false);
    if rejects {
        reject(&flow, &there, stream, place, fx);
    }
    let mut flow = beside(lookup, flow, columns, found)?;
    if rejects {
        flow = flow.filter(&BooleanArray::from(there))?;
    }
    join(lookup, flow, stream, place, fx)
}

/// The rows with the table's columns, and after those whether something was found.
fn beside(lookup: &Lookup, flow: Flow, columns: Vec<ArrayRef>, found: Vec<bool>) -> Result<Flow> {
    let fields = lookup.schema.fields();
    let found: ArrayRef = Arc::new(BooleanArray::from(found));
    let all = flow.batch.columns().iter().cloned().chain(columns);
    let all = all
        .zip(fields)
        .map(|(c, field)| conform(c, field.data_type()));
    let all = all.chain([Ok(found)]).collect::<Result<Vec<_>>>()?;
    let flag = Arc::new(Field::new("", DataType::Boolean, false));
    let fields: Vec<_> = fields.iter().cloned().chain([flag]).collect();
    let batch = batch_of(&Arc::new(Schema::new(fields)), all, flow.len())?;
    Ok(flow.with_batch(batch))
}

/// Rows and what was found for them become joined rows.
fn join(
    lookup: &Lookup,
    flow: Flow,
    stream: &str,
    place: Place<'_>,
    fx: &mut Effects,
) -> Result<Option<Flow>> {
    let flag = lookup.schema.fields().len();
    let found = |batch: &arrow::array::RecordBatch| batch.columns().get(flag).cloned();
    let joined = isolate(flow, Some(stream), place, fx, |batch| {
        let found = found(batch);
        let found = found.as_ref().and_then(|f| f.as_boolean_opt());
        let found = found
            .cloned()
            .unwrap_or_else(|| BooleanArray::from(vec![false; batch.num_rows()]));
        match &lookup.condition {
            Some(condition) => Ok(and(&truth(condition, batch)?, &found)?),
            None => Ok(found),
        }
    })?;
    let Some((flow, joined)) = joined else {
        return Ok(None);
    };
    let all_joined = joined.true_count() == joined.len();
    let flow = match lookup.inner {
        true if !all_joined => flow.filter(&joined)?,
        _ => flow,
    };
    let alone = match lookup.condition {
        Some(_) if !lookup.inner && !all_joined => Some(not(&joined)?),
        _ => None,
    };
    let columns = flow.batch.columns().iter().take(flag).enumerate();
    let columns = columns.map(|(i, column)| match &alone {
        // Found, and not what the condition asks for.
        Some(alone) if i >= lookup.width() => nullif(column, alone),
        _ => Ok(Arc::clone(column)),
    });
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    let batch = batch_of(&lookup.schema, columns, flow.len())?;
    Ok(Some(flow.with_batch(batch)).filter(|flow| flow.len() > 0))
}

fn reject(flow: &Flow, there: &[bool], stream: &str, place: Place<'_>, fx: &mut Effects) {
    for (row, _) in there.iter().enumerate().filter(|(_, there)| !**there) {
        let fault = Fault {
            stream: Some(stream),
            reason: Reason::NoTableRow,
            column: None,
            message: "the table that it is joined with has no row of its key".to_owned(),
        };
        place.reject_row(flow, row, fault, fx);
    }
}
