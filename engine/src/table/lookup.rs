//! The step that puts rows of a table beside the rows of a stream.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, UInt32Array};
use arrow::compute::kernels::cmp::not_distinct;
use arrow::compute::{and, cast, filter, not, nullif};
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

/// Looks the rows of a flow up: the joined rows, in batches of bounded size. Rows for which there is nothing are left out
/// where it is asked which these are.
#[allow(clippy::too_many_arguments)]
pub(crate) fn look_up(
    lookup: &Lookup,
    flow: Flow,
    stream: &str,
    tables: &Tables,
    place: Place<'_>,
    fx: &mut Effects,
    mut missed: Option<&mut Missed>,
) -> Result<Vec<Flow>> {
    let evaluated = isolate(flow, Some(stream), place, fx, |batch| {
        arrays(&lookup.key, batch)
    })?;
    let Some((flow, keys)) = evaluated else {
        return Ok(Vec::new());
    };
    let has_null = |row: usize| keys.iter().any(|k| k.is_null(row));
    let nulls: Vec<bool> = (0..flow.len()).map(has_null).collect();
    let found = tables.look(lookup.table, place.partition, |table| match &lookup.find {
        Find::ByKey => {
            let keys = narrowed(keys, &table.types(None))?;
            Ok(vec![table.by_key(keys, &lookup.columns)?])
        }
        Find::ByColumns(by) => {
            let keys = narrowed(keys, &table.types(Some(by)))?;
            table.by_columns(by, keys, &lookup.columns)
        }
    })?;
    let mut joined = Vec::with_capacity(found.len());
    let mut found = found.into_iter().peekable();
    let mut split = Split::default();
    while let Some(batch) = found.next() {
        split.next = found.peek().and_then(|next| first(next.asked.as_ref()?));
        joined.extend(join_found(
            lookup,
            &flow,
            batch,
            &nulls,
            &mut split,
            stream,
            place,
            fx,
            missed.as_deref_mut(),
        )?);
    }
    Ok(joined)
}

/// The [numbers](Flow::number) of rows for which there is nothing in a table.
pub(crate) type Missed = BTreeSet<u32>;

fn numbers(flow: &Flow, there: &[bool]) -> impl Iterator<Item = u32> {
    let numbers = flow.number.as_ref().map_or(&[][..], |n| n.values());
    let missing = numbers.iter().zip(there).filter(|(_, there)| !**there);
    missing.map(|(number, _)| *number)
}

/// Of the row whose pairs are spread over batches, what those before say.
#[derive(Debug, Default)]
struct Split {
    /// The row that the batch before has ended with, and whether one of its pairs has been joined.
    before: Option<(u32, bool)>,
    /// The row that the next batch begins with.
    next: Option<u32>,
}

fn first(asked: &UInt32Array) -> Option<u32> {
    asked.values().first().copied()
}

/// Values as the table has them. What cannot be without loss is in no row of it: it becomes null.
fn narrowed(values: Vec<ArrayRef>, types: &[DataType]) -> Result<Vec<ArrayRef>> {
    let narrowed = values.into_iter().zip(types).map(|(values, to)| {
        let from = values.data_type();
        if from == to {
            return Ok(values);
        }
        let there = cast(&values, to)?;
        let lost = not_distinct(&cast(&there, from)?, &values)?;
        Ok(nullif(&there, &not(&lost)?)?)
    });
    narrowed.collect()
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

/// A batch of pairs becomes joined rows.
#[allow(clippy::too_many_arguments)]
fn join_found(
    lookup: &Lookup,
    flow: &Flow,
    found: Found,
    nulls: &[bool],
    split: &mut Split,
    stream: &str,
    place: Place<'_>,
    fx: &mut Effects,
    missed: Option<&mut Missed>,
) -> Result<Option<Flow>> {
    let (flow, nulls) = match &found.asked {
        Some(asked) => {
            let null = |&row: &u32| nulls.get(row as usize).copied().unwrap_or_default();
            (flow.take(asked)?, asked.values().iter().map(null).collect())
        }
        None => (flow.clone(), nulls.to_vec()),
    };
    let there: Vec<bool> = found
        .found
        .iter()
        .zip(nulls)
        .map(|(f, n)| *f || n)
        .collect();
    let waits = missed.is_some();
    let rejects = (waits || lookup.missing == Missing::DeadLetter) && there.contains(&false);
    match missed {
        Some(missed) => missed.extend(numbers(&flow, &there)),
        None if rejects => reject(&flow, &there, stream, place, fx),
        None => {}
    }
    let mut flow = beside(lookup, flow, found)?;
    if rejects {
        flow = flow.filter(&BooleanArray::from(there))?;
    }
    join(lookup, flow, split, stream, place, fx)
}

/// Rows and what was found for them become joined rows.
fn join(
    lookup: &Lookup,
    flow: Flow,
    split: &mut Split,
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
        (false, Find::ByColumns(_)) => Some(or_alone(&flow, width + 1, &joined, split)),
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

/// The pairs that belong together, and one of each row that has none of those. Column `asked` says whose a pair is; those
/// of a row are side by side, and may go on in the next batch.
fn or_alone(flow: &Flow, asked: usize, joined: &BooleanArray, split: &mut Split) -> BooleanArray {
    let asked = flow.batch.columns().get(asked);
    let asked = asked.and_then(|a| a.as_primitive_opt::<UInt32Type>());
    let asked = asked.map_or(&[][..], |a| a.values());
    let mut keep = Vec::with_capacity(joined.len());
    for pairs in asked.chunk_by(|a, b| a == b) {
        let first = keep.len();
        let is_joined = |i: usize| joined.is_valid(i) && joined.value(i);
        keep.extend((first..first + pairs.len()).map(is_joined));
        let row = pairs.first().copied();
        let before = split.before.filter(|(split, _)| Some(*split) == row);
        let of_row = keep.get_mut(first..).unwrap_or_default();
        let any = of_row.contains(&true) || before.is_some_and(|(_, any)| any);
        split.before = row.map(|row| (row, any));
        if let Some(alone) = of_row.first_mut()
            && !any
            && split.next != row
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
