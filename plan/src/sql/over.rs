//! `f(x) OVER (PARTITION BY … ORDER BY ts …)`: which calls a stream can do, and what they are to the engine.

use std::any::Any;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use datafusion_common::{DFSchema, Result, ScalarValue, not_impl_err};
use datafusion_expr::expr::{Alias, Sort, WindowFunction, WindowFunctionParams};
use datafusion_expr::function::{PartitionEvaluatorArgs, WindowUDFFieldArgs};
use datafusion_expr::planner::{ExprPlanner, PlannerResult, RawWindowExpr};
use datafusion_expr::{
    Expr, PartitionEvaluator, Signature, TypeSignature, Volatility, WindowFrame, WindowFrameBound,
    WindowFrameUnits, WindowFunctionDefinition, WindowUDF, WindowUDFImpl, lit,
};
use datafusion_physical_expr::expressions::{Column, cast};
use datafusion_sql::sqlparser::ast;
use datafusion_sql::sqlparser::tokenizer::Location;

use super::chain::{self, Chain, Origin, field};
use super::error::SqlError;
use super::output;
use super::translate::Misfit;
use super::types::physical;
use crate::model::{ExprRef, Frame, Micros, OverCall, OverFunction, RankBy};

/// The functions that a row can have of those before it.
const NAMES: &[&str] = &[
    "avg",
    "count",
    "first_value",
    "lag",
    "last_value",
    "max",
    "min",
    "row_number",
    "sum",
];

/// The functions of these that are nothing else.
const OWN: &[&str] = &["first_value", "lag", "last_value", "row_number"];

/// More rows before a row than this are not kept.
const MOST_ROWS: u32 = 10_000;

/// Checks a call with OVER as it is written; `None` where it may go on.
pub(crate) fn check(call: &ast::Function, place: Location) -> Option<SqlError> {
    let written = call.name.to_string();
    let refuse = |message: &str, hint: &str| {
        Some(SqlError::at(place, format!("{written}(…) OVER {message}")).hint(hint))
    };
    let lower = written.to_lowercase();
    if lower == "lead" {
        return refuse(
            "looks at rows that have not come",
            "use lag, from the later row",
        );
    }
    if !NAMES.contains(&lower.as_str()) {
        let hint = format!("there are {}", NAMES.join(", "));
        return refuse("is not supported", &hint);
    }
    let Some(ast::WindowType::WindowSpec(spec)) = &call.over else {
        return refuse(
            "a named window is not supported",
            "write the window in OVER (…)",
        );
    };
    if spec.window_name.is_some() {
        return refuse(
            "a named window is not supported",
            "write the window in OVER (…)",
        );
    }
    if call.filter.is_some() {
        let hint = "write CASE WHEN … THEN … END as the argument";
        return refuse("with FILTER is not supported", hint);
    }
    if call.null_treatment.is_some() || has_clauses(&call.args) {
        let hint = "leave out DISTINCT, IGNORE NULLS, and ORDER BY among the arguments";
        return refuse("takes its arguments as they are", hint);
    }
    if spec.order_by.is_empty() {
        let hint = "write ORDER BY and the event time: a row has those up to it";
        return refuse("all rows cannot be done: a stream has no last row", hint);
    }
    check_frame(spec.window_frame.as_ref()?).and_then(|(message, hint)| refuse(message, hint))
}

fn has_clauses(arguments: &ast::FunctionArguments) -> bool {
    match arguments {
        ast::FunctionArguments::List(list) => {
            let distinct = Some(ast::DuplicateTreatment::Distinct);
            list.duplicate_treatment == distinct || !list.clauses.is_empty()
        }
        _ => false,
    }
}

fn check_frame(frame: &ast::WindowFrame) -> Option<(&'static str, &'static str)> {
    use ast::WindowFrameBound::{CurrentRow, Following, Preceding};
    if frame.units == ast::WindowFrameUnits::Groups {
        return Some(("GROUPS is not supported", "write RANGE or ROWS"));
    }
    match (&frame.start_bound, &frame.end_bound) {
        (Following(_), _) | (_, Some(Following(_))) => {
            let message = "rows that follow cannot be done: they have not come";
            Some((message, "write … PRECEDING AND CURRENT ROW"))
        }
        (_, Some(Preceding(_))) => {
            let message = "rows without the current one is not supported";
            Some((message, "write … PRECEDING AND CURRENT ROW"))
        }
        (Preceding(_) | CurrentRow, None | Some(CurrentRow)) => None,
    }
}

/// A function that the planner knows by its type alone: the engine has the rest.
#[derive(Debug, PartialEq, Eq, Hash)]
struct RowFunction {
    name: &'static str,
    signature: Signature,
}

/// The window function of a name, where it is no aggregate too.
pub(crate) fn function(name: &str) -> Option<Arc<WindowUDF>> {
    let lower = name.to_lowercase();
    let name = *OWN.iter().find(|own| **own == lower)?;
    let takes = match name {
        "row_number" => TypeSignature::Nullary,
        "lag" => TypeSignature::OneOf(vec![TypeSignature::Any(1), TypeSignature::Any(2)]),
        _ => TypeSignature::Any(1),
    };
    let signature = Signature::new(takes, Volatility::Immutable);
    Some(Arc::new(WindowUDF::from(RowFunction { name, signature })))
}

impl WindowUDFImpl for RowFunction {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn partition_evaluator(
        &self,
        _: PartitionEvaluatorArgs,
    ) -> Result<Box<dyn PartitionEvaluator>> {
        not_impl_err!("{} is evaluated by the engine", self.name)
    }

    fn field(&self, arguments: WindowUDFFieldArgs) -> Result<FieldRef> {
        let data_type = match arguments.get_input_field(0) {
            Some(field) => field.data_type().clone(),
            None => DataType::Int64,
        };
        Ok(Arc::new(Field::new(arguments.name(), data_type, true)))
    }
}

/// Plans `count(*) OVER`: as `count(1)`.
#[derive(Debug)]
pub(crate) struct OverPlanner;

impl ExprPlanner for OverPlanner {
    fn plan_window(&self, mut call: RawWindowExpr) -> Result<PlannerResult<RawWindowExpr>> {
        #[expect(deprecated)]
        let rows = match call.args.as_slice() {
            [] => true,
            [argument] => matches!(argument, Expr::Wildcard { .. }),
            _ => false,
        };
        if rows
            && matches!(&call.func_def, WindowFunctionDefinition::AggregateUDF(f) if f.name() == "count")
        {
            call.args = vec![lit(1_i64)];
        }
        Ok(PlannerResult::Original(call))
    }
}

/// Why a call with OVER is none that a stream can do.
#[derive(Debug)]
pub(crate) enum Refused {
    /// The rows are grouped, before or after.
    Grouped,
    /// Another call has another PARTITION BY or ORDER BY.
    Several,
    /// The order is not that of the event time, from the first on.
    Order,
    /// Rows are numbered by something else than their time, and in no window.
    Rank,
    /// Something in it is not as it must be.
    Bad { message: String, hint: &'static str },
}

/// The calls of a query, over the rows of the chain before them.
#[derive(Debug, Clone)]
pub(crate) struct OverShape {
    /// Index of the time in those rows.
    pub(crate) time: usize,
    /// The columns that make the key.
    pub(crate) keys: Vec<usize>,
    pub(crate) calls: Vec<OverCall>,
    /// By what rows are ranked, if it is not by their time.
    pub(crate) rank: Vec<RankBy>,
    /// A column for each call.
    pub(crate) results: Vec<Field>,
}

impl OverShape {
    /// The rows that come out, of those that come in.
    pub(crate) fn schema(&self, rows: &Schema) -> SchemaRef {
        let fields = rows.fields().iter().map(|f| f.as_ref().clone());
        Arc::new(Schema::new(
            fields
                .chain(self.results.iter().cloned())
                .collect::<Vec<_>>(),
        ))
    }

    /// The columns that it reads of the rows.
    pub(crate) fn reads(&self) -> impl Iterator<Item = usize> + '_ {
        let arguments = self.calls.iter().filter_map(|c| c.argument);
        let ranks = self.rank.iter().map(|r| r.column);
        let keys = self.keys.iter().copied();
        keys.chain([self.time]).chain(arguments).chain(ranks)
    }

    /// The same, with the columns of the rows moved.
    pub(crate) fn moved(mut self, moves: &chain::Moves) -> Self {
        let moved = |column: usize| moves.get(&column).copied().unwrap_or(column);
        self.time = moved(self.time);
        self.keys.iter_mut().for_each(|k| *k = moved(*k));
        for call in &mut self.calls {
            call.argument = call.argument.map(moved);
        }
        for rank in &mut self.rank {
            rank.column = moved(rank.column);
        }
        self
    }
}

/// Rows that get columns for what calls are of.
struct Rows<'a> {
    input: &'a DFSchema,
    schema: SchemaRef,
    exprs: Vec<ExprRef>,
    names: Vec<String>,
}

impl Rows<'_> {
    /// The column of an expression, in a type that values are kept in.
    fn column(&mut self, expr: &Expr) -> Result<usize, Misfit> {
        let expr = physical(expr, self.input)?;
        let data_type = expr.data_type(&self.schema)?;
        let stored = output::storable(&data_type).ok_or_else(|| Misfit::Unstorable {
            name: expr.to_string(),
            what: output::name(&data_type),
            hint: output::hint(&data_type),
        })?;
        let expr = match (chain::column(&expr), stored == data_type) {
            (Some(column), true) => return Ok(column),
            (_, true) => expr,
            (_, false) => cast(expr, &self.schema, stored)?,
        };
        let known = self.exprs.iter().position(|e| e.eq(&expr));
        Ok(known.unwrap_or_else(|| {
            self.names.push(format!("{expr}"));
            self.exprs.push(expr);
            self.exprs.len() - 1
        }))
    }
}

/// What columns of a relation are about time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    /// The event time.
    pub(crate) event: Option<usize>,
    /// The end of the window that a row is of, and that has closed.
    pub(crate) window_end: Option<usize>,
}

impl Times {
    /// Whether a column is the end of the window of its row.
    fn is_window_end(self, rows: &Chain, column: usize) -> bool {
        match rows.origins.get(column) {
            Some(Origin::Start(start)) => Some(*start) == self.window_end,
            Some(Origin::WindowEnd { time, .. }) => Some(*time) == self.event,
            _ => false,
        }
    }
}

/// The calls of a plan's node, and the rows as they must be for them. What comes out of the node are the columns of
/// `before` as it was, and after all that of `before` the results.
pub(crate) fn plan(
    calls: &[Expr],
    input: &DFSchema,
    output: &DFSchema,
    before: &mut Chain,
    times: Times,
) -> Result<OverShape, Misfit> {
    let columns = before.schema.fields().iter().enumerate();
    let columns = columns.map(|(i, f)| {
        (
            Arc::new(Column::new(f.name(), i)) as ExprRef,
            f.name().clone(),
        )
    });
    let (exprs, names) = columns.unzip();
    let mut rows = Rows {
        input,
        schema: Arc::clone(&before.schema),
        exprs,
        names,
    };
    let width = rows.exprs.len();
    let mut shape = None;
    let mut planned = Vec::with_capacity(calls.len());
    let mut results = Vec::with_capacity(calls.len());
    for (call, result) in calls.iter().zip(output.fields().iter().skip(width)) {
        let WindowFunction { fun, params } = window_function(call)?;
        let order = (partition(params), params.order_by.clone());
        if *shape.get_or_insert_with(|| order.clone()) != order {
            return Err(Misfit::Over(Refused::Several));
        }
        planned.push(over_call(fun.name(), params, &mut rows)?);
        let gives = output::storable(result.data_type()).ok_or_else(|| Misfit::Unstorable {
            name: result.name().clone(),
            what: output::name(result.data_type()),
            hint: output::hint(result.data_type()),
        })?;
        results.push(field(result.name(), gives));
    }
    let Some((keys, order)) = shape else {
        return Err(Misfit::Operator("no call has OVER".into()));
    };
    let keys = keys.iter().map(|key| rows.column(key));
    let keys = keys.collect::<Result<Vec<_>, _>>()?;
    let (time, rank) = match time_of(&order, input, before, times)? {
        Some(time) => (time, Vec::new()),
        None if planned
            .iter()
            .any(|c| c.function != OverFunction::RowNumber) =>
        {
            return Err(Misfit::Over(Refused::Order));
        }
        None => {
            let end = keys.iter().find(|&&key| times.is_window_end(before, key));
            let end = *end.ok_or(Misfit::Over(Refused::Rank))?;
            let rank = order.iter().map(|by| {
                Ok(RankBy {
                    column: rows.column(&by.expr)?,
                    descending: !by.asc,
                    nulls_first: by.nulls_first,
                })
            });
            (end, rank.collect::<Result<_, Misfit>>()?)
        }
    };
    let Rows { exprs, names, .. } = rows;
    before.project(exprs, &names)?;
    Ok(OverShape {
        time,
        keys,
        calls: planned,
        rank,
        results,
    })
}

fn window_function(expr: &Expr) -> Result<&WindowFunction, Misfit> {
    match expr {
        Expr::Alias(Alias { expr, .. }) => window_function(expr),
        Expr::WindowFunction(function) => Ok(function),
        other => Err(Misfit::Operator(other.to_string())),
    }
}

fn partition(params: &WindowFunctionParams) -> Vec<Expr> {
    params.partition_by.clone()
}

/// The column of the rows that they are ordered by, where that is the event time, as it is.
fn time_of(
    order: &[Sort],
    input: &DFSchema,
    before: &Chain,
    times: Times,
) -> Result<Option<usize>, Misfit> {
    let [
        Sort {
            expr, asc: true, ..
        },
    ] = order
    else {
        return Ok(None);
    };
    let expr = physical(expr, input)?;
    Ok(match (chain::column(&expr), before.origin(&expr)) {
        (Some(column), Origin::Start(start)) if Some(start) == times.event => Some(column),
        _ => None,
    })
}

fn over_call(
    name: &str,
    params: &WindowFunctionParams,
    rows: &mut Rows<'_>,
) -> Result<OverCall, Misfit> {
    let function = match name {
        "count" => OverFunction::Count,
        "sum" => OverFunction::Sum,
        "avg" => OverFunction::Avg,
        "min" => OverFunction::Min,
        "max" => OverFunction::Max,
        "first_value" => OverFunction::First,
        "last_value" => OverFunction::Last,
        "lag" => OverFunction::Lag(match params.args.get(1) {
            None => 1,
            Some(back) => rows_before(literal(back), "lag", "write lag(x, 2)")?,
        }),
        "row_number" => OverFunction::RowNumber,
        other => return Err(Misfit::Operator(format!("{other} OVER"))),
    };
    let argument = match (function, params.args.first()) {
        (OverFunction::RowNumber, _) | (_, None) => None,
        (OverFunction::Count, Some(Expr::Literal(value, _))) if !value.is_null() => None,
        (_, Some(argument)) => Some(rows.column(argument)?),
    };
    let frame = match function {
        OverFunction::Lag(_) | OverFunction::RowNumber => Frame::Rows(None),
        _ => frame(&params.window_frame)?,
    };
    Ok(OverCall {
        function,
        argument,
        frame,
    })
}

fn literal(expr: &Expr) -> Option<&ScalarValue> {
    match expr {
        Expr::Literal(value, _) => Some(value),
        _ => None,
    }
}

fn frame(frame: &WindowFrame) -> Result<Frame, Misfit> {
    Ok(match (frame.units, &frame.start_bound) {
        (WindowFrameUnits::Range, WindowFrameBound::CurrentRow) => Frame::Range(Some(0)),
        (WindowFrameUnits::Rows, WindowFrameBound::CurrentRow) => Frame::Rows(Some(0)),
        (WindowFrameUnits::Range, WindowFrameBound::Preceding(back)) if back.is_null() => {
            Frame::Range(None)
        }
        (WindowFrameUnits::Rows, WindowFrameBound::Preceding(back)) if back.is_null() => {
            Frame::Rows(None)
        }
        (WindowFrameUnits::Range, WindowFrameBound::Preceding(back)) => {
            Frame::Range(Some(span(back)?))
        }
        (WindowFrameUnits::Rows, WindowFrameBound::Preceding(back)) => Frame::Rows(Some(
            rows_before(Some(back), "ROWS", "write ROWS 10 PRECEDING")?,
        )),
        _ => return Err(Misfit::Operator(frame.to_string())),
    })
}

/// How far back in time a frame goes.
fn span(back: &ScalarValue) -> Result<Micros, Misfit> {
    let refused = |message: &str| {
        Misfit::Over(Refused::Bad {
            message: message.into(),
            hint: "write RANGE BETWEEN INTERVAL '1' MINUTE PRECEDING AND CURRENT ROW",
        })
    };
    let ScalarValue::IntervalMonthDayNano(Some(interval)) = back else {
        return Err(refused("the frame's length is not an interval"));
    };
    if interval.months != 0 {
        return Err(refused(
            "months and years differ in length, so no frame is so long",
        ));
    }
    let days = i64::from(interval.days).checked_mul(86_400_000_000);
    let micros = days.and_then(|days| days.checked_add(interval.nanoseconds / 1_000));
    match micros {
        Some(micros) if micros >= 0 && interval.nanoseconds % 1_000 == 0 => Ok(micros),
        _ => Err(refused(
            "the frame's length is no whole number of microseconds",
        )),
    }
}

fn rows_before(back: Option<&ScalarValue>, what: &str, hint: &'static str) -> Result<u32, Misfit> {
    let back = match back {
        Some(ScalarValue::UInt64(Some(back))) => u32::try_from(*back).ok(),
        Some(ScalarValue::Int64(Some(back))) => u32::try_from(*back).ok(),
        _ => None,
    };
    back.filter(|back| *back <= MOST_ROWS).ok_or_else(|| {
        Misfit::Over(Refused::Bad {
            message: format!("{what} goes back a number of rows, up to {MOST_ROWS}"),
            hint,
        })
    })
}
