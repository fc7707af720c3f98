//! A grouping by the windows of `COUNT_WINDOW(s, n)`: what the functions give of a row's window up to that row, and of all
//! rows each n-th of its key, which has the whole window.

use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef, SchemaRef};
use datafusion_common::ScalarValue;
use datafusion_expr::Operator;
use datafusion_physical_expr::expressions::{Column, Literal, binary, case, cast, lit};

use super::{OverShape, Rows};
use crate::model::{ExprRef, Frame, OverCall, OverFunction};
use crate::sql::chain::{Chain, Origin, field, names};
use crate::sql::count::CountBound;
use crate::sql::output;
use crate::sql::translate::{Call, Misfit};
use crate::sql::window::{Bound, MICROS, first_after};

/// The functions that there are of such windows.
const NAMES: &str = "count, sum, avg, min and max";

/// Where a column of the grouping comes from.
enum From {
    /// A column of the rows.
    Row(usize),
    /// The time of the window's last row, which is the row itself; and the microsecond after it.
    Last,
    End,
    /// What a function gives, by its number.
    Result(usize),
}

/// The functions that a grouping by `keys` makes, over rows that have `time`, and what becomes of their rows.
pub(crate) fn plan(
    keys: &[ExprRef],
    calls: &[Call],
    wanted: &[FieldRef],
    before: &mut Chain,
    time: Option<usize>,
) -> Result<(OverShape, Chain), Misfit> {
    let time = before
        .origins
        .iter()
        .position(|o| Some(*o) == time.map(Origin::Start))
        .ok_or(Misfit::Uncounted)?;
    let mut rows = Rows::of(before);
    let mut windows = keys.iter().filter_map(|key| counted(before, key));
    let CountBound { rows: size, .. } = windows.next().ok_or(Misfit::NotByWindow)?;
    if windows.any(|other| other.rows != size) {
        return Err(Misfit::LostTime);
    }
    let mut planned = Planned::default();
    let mut own_keys = Vec::with_capacity(keys.len());
    let mut columns = Vec::with_capacity(keys.len() + calls.len());
    for key in keys {
        columns.push(match counted(before, key).map(|it| it.bound) {
            Some(Bound::Start) => planned.add(OverFunction::First, Some(time), size, MICROS),
            Some(Bound::End) => From::End,
            Some(Bound::Last) => From::Last,
            None => {
                let column = rows.column(Arc::clone(key))?;
                own_keys.push(column);
                From::Row(column)
            }
        });
    }
    for call in calls {
        let (function, argument) = function_of(call, &before.schema)?;
        let argument = argument.map(|expr| rows.column(expr)).transpose()?;
        let gives = call.data_type(&before.schema)?;
        let gives = output::storable(&gives).ok_or_else(|| Misfit::Unstorable {
            name: call.name.clone(),
            what: output::name(&gives),
            hint: output::hint(&gives),
        })?;
        columns.push(planned.add(function, argument, size, gives));
    }
    let number = planned.add(OverFunction::RowNumber, None, size, DataType::Int64);
    rows.put_into(before)?;
    let over = OverShape {
        time,
        keys: own_keys,
        calls: planned.calls,
        rank: Vec::new(),
        first: None,
        results: planned.results,
        is_counted: true,
    };
    let schema = over.schema(&before.schema);
    let width = before.schema.fields().len();
    let mut after = Chain::new(Arc::clone(&schema));
    after.filter(is_full(
        &column(&number, time, width, &schema)?,
        size,
        &schema,
    )?)?;
    let exprs = columns.iter().zip(wanted).map(|(from, wanted)| {
        let expr = column(from, time, width, &schema)?;
        match expr.data_type(&schema)? == *wanted.data_type() {
            true => Ok(expr),
            false => Ok(cast(expr, &schema, wanted.data_type().clone())?),
        }
    });
    after.project(exprs.collect::<Result<_, Misfit>>()?, &names(wanted))?;
    Ok((over, after))
}

/// The bound of a window by count that an expression is.
fn counted(rows: &Chain, expr: &ExprRef) -> Option<CountBound> {
    match rows.origin(expr) {
        Origin::Counted(bound) => Some(bound),
        _ => None,
    }
}

/// The calls so far, with a column for what each gives.
#[derive(Default)]
struct Planned {
    calls: Vec<OverCall>,
    results: Vec<arrow::datatypes::Field>,
}

impl Planned {
    fn add(
        &mut self,
        function: OverFunction,
        argument: Option<usize>,
        size: u32,
        gives: DataType,
    ) -> From {
        let number = self.calls.len();
        self.calls.push(OverCall {
            function,
            argument,
            frame: Frame::Block(size),
        });
        self.results.push(field(&format!("result{number}"), gives));
        From::Result(number)
    }
}

/// The function that a call is, and what it is of.
fn function_of(call: &Call, rows: &SchemaRef) -> Result<(OverFunction, Option<ExprRef>), Misfit> {
    let refused = || Misfit::CountedCall(call.name.clone(), NAMES);
    let function = match call.function.name() {
        "count" => OverFunction::Count,
        "sum" => OverFunction::Sum,
        "avg" => OverFunction::Avg,
        "min" => OverFunction::Min,
        "max" => OverFunction::Max,
        _ => return Err(refused()),
    };
    let [argument] = call.arguments.as_slice() else {
        return Err(refused());
    };
    let is_of_rows = argument
        .as_any()
        .downcast_ref::<Literal>()
        .is_some_and(|it| function == OverFunction::Count && !it.value().is_null());
    // Of the same values, whichever of them there are.
    let is_of_all = !call.distinct || matches!(function, OverFunction::Min | OverFunction::Max);
    if !is_of_all {
        return Err(refused());
    }
    let Some(filter) = &call.filter else {
        return Ok((function, (!is_of_rows).then(|| Arc::clone(argument))));
    };
    let when = vec![(Arc::clone(filter), Arc::clone(argument))];
    let nothing = ScalarValue::try_from(argument.data_type(rows)?)?;
    let argument = case(None, when, Some(lit(nothing)))?;
    Ok((function, Some(argument)))
}

/// A column of what comes out of the functions.
fn column(from: &From, time: usize, width: usize, rows: &SchemaRef) -> Result<ExprRef, Misfit> {
    let at = match from {
        From::Row(column) => *column,
        From::Last | From::End => time,
        From::Result(number) => width + number,
    };
    let name = rows.fields().get(at).map_or("", |f| f.name());
    let column = Arc::new(Column::new(name, at)) as ExprRef;
    Ok(match from {
        From::End => first_after(column, rows)?,
        _ => column,
    })
}

/// Whether a row is the last of its window.
fn is_full(number: &ExprRef, size: u32, rows: &SchemaRef) -> Result<ExprRef, Misfit> {
    let left = binary(
        Arc::clone(number),
        Operator::Modulo,
        lit(i64::from(size)),
        rows,
    )?;
    Ok(binary(left, Operator::Eq, lit(0_i64), rows)?)
}
