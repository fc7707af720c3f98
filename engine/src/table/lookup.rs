//! The step that puts rows of a table beside the rows of a stream.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray};
use arrow::compute::{and, filter, not, nullif};
use arrow::datatypes::{DataType, Field, Schema, UInt32Type};
use tidemill_plan::model::{Find, Lookup, Missing};

use super::Tables;
use super::store::Found;
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
    let has_null = |row: usize| keys.iter().any(|k| k.is_null(row));
    let nulls: Vec<bool> = (0..flow.len()).map(has_null).collect();
    let found = tables.look(lookup.table, place.partition, |table| match &lookup.find {
        Find::ByKey => table.by_key(keys, &lookup.columns),
        Find::ByColumns(by) => table.by_columns(by, keys, &lookup.columns),
    })?;
    let (flow, nulls) = match &found.asked {
        Some(asked) => {
            let null = |&row: &u32| nulls.get(row as usize).copied().unwrap_or_default();
            (flow.take(asked)?, asked.values().iter().map(null).collect())
        }
        None => (flow, nulls),
    };
    let there: Vec<bool> = found
        .found
        .iter()
        .zip(nulls)
        .map(|(f, n)| *f || n)
        .collect();
    let rejects = lookup.missing == Missing::DeadLetter && there.contains(&false);
    if rejects {
        reject(&flow, &there, stream, place, fx);
    }
    let mut flow = beside(lookup, flow, found)?;
    if rejects {
        flow = flow.filter(&BooleanArray::from(there))?;
    }
    join(lookup, flow, stream, place, fx)
}

/// The rows with the table's columns, and after those what is said of each pair: whether something was found, and which
/// row asked.
fn beside(lookup: &Lookup, flow: Flow, found: Found) -> Result<Flow> {
    let fields = lookup.schema.fields();
    let all = flow.batch.columns().iter().cloned().chain(found.columns);
    let all = all
        .zip(fields)
        .map(|(c, field)| conform(c, field.data_type()));
    let asked = found.asked;
    let asked = asked.unwrap_or_else(|| (0..flow.len() as u32).collect::<Vec<_>>().into());
    let said: [ArrayRef; 2] = [Arc::new(BooleanArray::from(found.found)), Arc::new(asked)];
    let all = all.chain(said.map(Ok)).collect::<Result<Vec<_>>>()?;
    let flag = Arc::new(Field::new("", DataType::Boolean, false));
    let asked = Arc::new(Field::new("", DataType::UInt32, false));
    let fields: Vec<_> = fields.iter().cloned().chain([flag, asked]).collect();
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
    let width = lookup.schema.fields().len();
    let joined = isolate(flow, Some(stream), place, fx, |batch| {
        let found = batch.columns().get(width).and_then(|f| f.as_boolean_opt());
        let found = found.cloned();
        let found = found.unwrap_or_else(|| BooleanArray::from(vec![false; batch.num_rows()]));
        match &lookup.condition {
            Some(condition) => Ok(and(&truth(condition, batch)?, &found)?),
            None => Ok(found),
        }
    })?;
    let Some((flow, joined)) = joined else {
        return Ok(None);
    };
    let keep = match (lookup.inner, &lookup.find) {
        (true, _) => Some(joined.clone()),
        (false, Find::ByColumns(_)) => Some(or_alone(&flow, width + 1, &joined)),
        (false, Find::ByKey) => None,
    };
    let (flow, joined) = match keep.filter(|keep| keep.true_count() < keep.len()) {
        Some(keep) => (flow.filter(&keep)?, filter(&joined, &keep)?),
        None => (flow, Arc::new(joined) as ArrayRef),
    };
    let joined = joined.as_boolean();
    let alone = match lookup.condition {
        Some(_) if joined.true_count() < joined.len() => Some(not(joined)?),
        _ => None,
    };
    let columns = flow.batch.columns().iter().take(width).enumerate();
    let columns = columns.map(|(i, column)| match &alone {
        // Found, and not what the condition asks for.
        Some(alone) if i >= lookup.width() => nullif(column, alone),
        _ => Ok(Arc::clone(column)),
    });
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    let batch = batch_of(&lookup.schema, columns, flow.len())?;
    Ok(Some(flow.with_batch(batch)).filter(|flow| flow.len() > 0))
}

/// The pairs that belong together, and the first one of each row that has none of those. Column `asked` says whose a pair
/// is; those of a row are side by side.
fn or_alone(flow: &Flow, asked: usize, joined: &BooleanArray) -> BooleanArray {
    let asked = flow.batch.columns().get(asked);
    let asked = asked.and_then(|a| a.as_primitive_opt::<UInt32Type>());
    let asked = asked.map_or(&[][..], |a| a.values());
    let mut keep = Vec::with_capacity(joined.len());
    for pairs in asked.chunk_by(|a, b| a == b) {
        let first = keep.len();
        let is_joined = |i: usize| joined.is_valid(i) && joined.value(i);
        keep.extend((first..first + pairs.len()).map(is_joined));
        if let Some(of_row) = keep.get_mut(first..)
            && !of_row.contains(&true)
            && let Some(alone) = of_row.first_mut()
        {
            *alone = true;
        }
    }
    BooleanArray::from(keep)
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
