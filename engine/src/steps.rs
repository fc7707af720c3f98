//! Row-by-row steps: filters and projections. An expression that fails does so for the rows at fault alone.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch};
use arrow::compute::{not, nullif, or, prep_null_mask_filter};
use arrow::datatypes::{
    DECIMAL128_MAX_PRECISION, DataType, Decimal128Type, Field, Schema, SchemaRef,
};
use datafusion_common::DataFusionError;
use tidemill_plan::model::{ExprRef, Step};

use crate::effects::Effects;
use crate::error::{EngineError, Result};
use crate::record::Reason;
use crate::reject::{Fault, Place};
use crate::rows::{Flow, Replaces, batch_of};
use crate::table::{self, Missed, Tables};

/// Takes a flow through steps in the name of a stream: the rows that are left, in batches if a join makes many of them.
pub(crate) fn run(
    steps: &[Step],
    flow: Flow,
    stream: &str,
    tables: Option<&Tables>,
    place: Place<'_>,
    fx: &mut Effects,
) -> Result<Vec<Flow>> {
    run_missing(steps, flow, stream, tables, place, fx, None)
}

/// The same, where it may be asked for which rows there is nothing in a table.
pub(crate) fn run_missing(
    steps: &[Step],
    flow: Flow,
    stream: &str,
    tables: Option<&Tables>,
    place: Place<'_>,
    fx: &mut Effects,
    mut missed: Option<&mut Missed>,
) -> Result<Vec<Flow>> {
    let mut flows = vec![flow];
    flows.retain(|flow| flow.len() > 0);
    for step in steps {
        let mut stepped = Vec::with_capacity(flows.len());
        for rows in flows {
            match step {
                Step::Filter(expr) => stepped.extend(filter(expr, rows, stream, place, fx)?),
                Step::Project { exprs, schema } => {
                    stepped.extend(project(exprs, schema, rows, stream, place, fx)?);
                }
                Step::Changes { schema } => stepped.push(changes(schema, rows)?),
                Step::Lookup(lookup) => {
                    let tables = tables.ok_or_else(|| {
                        EngineError::Plan(format!("stream `{stream}` was given no tables"))
                    })?;
                    let missed = missed.as_deref_mut();
                    stepped.extend(table::look_up(
                        lookup, rows, stream, tables, place, fx, missed,
                    )?);
                }
            }
        }
        stepped.retain(|flow| flow.len() > 0);
        flows = stepped;
    }
    Ok(flows)
}

/// Rows of their own of changes, with a last column that says whether there is a row after the change.
fn changes(schema: &SchemaRef, flow: Flow) -> Result<Flow> {
    let deleted = flow.replaces.as_ref().and_then(|r| r.deleted.as_ref());
    let there = match deleted {
        Some(deleted) => not(deleted)?,
        None => BooleanArray::from(vec![true; flow.len()]),
    };
    Ok(Flow {
        replaces: None,
        ..flow.with_column(Arc::new(there), schema)?
    })
}

fn filter(
    expr: &ExprRef,
    flow: Flow,
    stream: &str,
    place: Place<'_>,
    fx: &mut Effects,
) -> Result<Option<Flow>> {
    let Some((flow, mask)) = isolate(flow, Some(stream), place, fx, |batch| truth(expr, batch))?
    else {
        return Ok(None);
    };
    let Some(replaces) = &flow.replaces else {
        return Ok(Some(if mask.true_count() == mask.len() {
            flow
        } else {
            flow.filter(&mask)?
        }));
    };
    // A row that no longer passes takes away the one that did.
    let gone = not(&mask)?;
    let deleted = match &replaces.deleted {
        Some(before) => or(before, &gone)?,
        None => gone,
    };
    Ok(Some(mark_deleted(flow, deleted)?))
}

/// Marks rows as deletions, and empties all of them but the key, so that no later step can fail on a value that no
/// longer counts.
fn mark_deleted(flow: Flow, deleted: BooleanArray) -> Result<Flow> {
    if deleted.true_count() == 0 {
        return Ok(flow);
    }
    let key = flow.replaces.as_ref().and_then(|r| r.key.clone());
    let batch = match &key {
        None => flow.batch.clone(),
        Some(key) => {
            let columns = flow.batch.columns().iter().enumerate().map(|(i, column)| {
                if key.contains(&i) {
                    Ok(Arc::clone(column))
                } else {
                    nullif(column, &deleted)
                }
            });
            let columns = columns.collect::<Result<Vec<_>, _>>()?;
            batch_of(
                &nullable_where_null(flow.batch.schema_ref(), &columns),
                columns,
                flow.len(),
            )?
        }
    };
    let replaces = Some(Replaces {
        key,
        deleted: Some(deleted),
    });
    Ok(Flow {
        batch,
        replaces,
        ..flow
    })
}

/// Rows that delete carry nulls whatever the schema says.
pub(crate) fn nullable_where_null(schema: &SchemaRef, columns: &[ArrayRef]) -> SchemaRef {
    let fits =
        |(field, column): (&Arc<Field>, &ArrayRef)| field.is_nullable() || column.null_count() == 0;
    if schema.fields().iter().zip(columns).all(fits) {
        return Arc::clone(schema);
    }
    let fields = schema.fields().iter().zip(columns).map(|(field, column)| {
        if fits((field, column)) {
            field.as_ref().clone()
        } else {
            field.as_ref().clone().with_nullable(true)
        }
    });
    Arc::new(Schema::new_with_metadata(
        fields.collect::<Vec<_>>(),
        schema.metadata().clone(),
    ))
}

fn project(
    exprs: &[ExprRef],
    schema: &SchemaRef,
    flow: Flow,
    stream: &str,
    place: Place<'_>,
    fx: &mut Effects,
) -> Result<Option<Flow>> {
    let Some((mut flow, columns)) =
        isolate(flow, Some(stream), place, fx, |batch| arrays(exprs, batch))?
    else {
        return Ok(None);
    };
    let deletes = flow.replaces.as_ref().is_some_and(|r| r.deleted.is_some());
    let batch = if deletes {
        batch_of(&nullable_where_null(schema, &columns), columns, flow.len())?
    } else {
        batch_of(schema, columns, flow.len())?
    };
    if let Some(replaces) = &mut flow.replaces {
        replaces.key = None;
    }
    Ok(Some(flow.with_batch(batch)))
}

/// Evaluates something over a flow. Where that fails, the rows at fault are found and rejected, and the rest goes on;
/// `None` where nothing is left.
pub(crate) fn isolate<T>(
    flow: Flow,
    stream: Option<&str>,
    place: Place<'_>,
    fx: &mut Effects,
    evaluate: impl Fn(&RecordBatch) -> Result<T, DataFusionError>,
) -> Result<Option<(Flow, T)>> {
    if let Ok(value) = evaluate(&flow.batch) {
        return Ok(Some((flow, value)));
    }
    let slice = |rows: Range<usize>| flow.batch.slice(rows.start, rows.len());
    let mut faults = Vec::new();
    failing(
        0..flow.len(),
        &|rows| evaluate(&slice(rows)).map(drop),
        &mut faults,
    );
    let mut good = vec![true; flow.len()];
    for (row, message) in faults {
        if let Some(good) = good.get_mut(row) {
            *good = false;
        }
        let fault = Fault {
            stream,
            reason: Reason::ExpressionFailed,
            column: None,
            message,
        };
        place.reject_row(&flow, row, fault, fx);
    }
    let flow = flow.filter(&BooleanArray::from(good))?;
    if flow.len() == 0 {
        return Ok(None);
    }
    let value = evaluate(&flow.batch)?;
    Ok(Some((flow, value)))
}

/// Finds the rows for which something fails, each with its message, by halving.
pub(crate) fn failing(
    rows: Range<usize>,
    attempt: &dyn Fn(Range<usize>) -> Result<(), DataFusionError>,
    faults: &mut Vec<(usize, String)>,
) {
    if rows.is_empty() {
        return;
    }
    let Err(error) = attempt(rows.clone()) else {
        return;
    };
    if rows.len() == 1 {
        faults.push((rows.start, error.find_root().strip_backtrace()));
        return;
    }
    let middle = rows.start + rows.len() / 2;
    failing(rows.start..middle, attempt, faults);
    failing(middle..rows.end, attempt, faults);
}

/// An expression as a mask; null is not true.
pub(crate) fn truth(expr: &ExprRef, batch: &RecordBatch) -> Result<BooleanArray, DataFusionError> {
    let array = expr.evaluate(batch)?.into_array(batch.num_rows())?;
    let mask = array.as_boolean_opt().ok_or_else(|| {
        DataFusionError::Internal(format!(
            "a condition gives {} in place of Boolean",
            array.data_type()
        ))
    })?;
    Ok(if mask.null_count() == 0 {
        mask.clone()
    } else {
        prep_null_mask_filter(mask)
    })
}

/// Expressions as columns.
pub(crate) fn arrays(
    exprs: &[ExprRef],
    batch: &RecordBatch,
) -> Result<Vec<ArrayRef>, DataFusionError> {
    let columns: Vec<ArrayRef> = exprs
        .iter()
        .map(|e| e.evaluate(batch)?.into_array(batch.num_rows()))
        .collect::<Result<_, _>>()?;
    check_digits(&columns)?;
    Ok(columns)
}

/// Refuses decimals of more digits than there are: arithmetic goes on past them, as far as its 128 bits go. Results of
/// fewer digits than 38 have room for all that they are made of.
pub(crate) fn check_digits(columns: &[ArrayRef]) -> Result<(), DataFusionError> {
    for column in columns {
        if let DataType::Decimal128(DECIMAL128_MAX_PRECISION, _) = column.data_type() {
            let decimals = column.as_primitive::<Decimal128Type>();
            decimals.validate_decimal_precision(DECIMAL128_MAX_PRECISION)?;
        }
    }
    Ok(())
}
