//! `f(x) OVER (PARTITION BY … ORDER BY ts …)`: which calls a stream can do, and what they are to the engine.

mod call;
mod check;
mod counted;
mod first;
mod functions;

use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion_common::{DFSchema, Result};
use datafusion_expr::Expr;
use datafusion_expr::expr::{Alias, Sort, WindowFunction};
use datafusion_physical_expr::expressions::{Column, cast};

use self::call::over_call;
pub(crate) use self::check::check;
pub(crate) use self::counted::plan as plan_counted;
pub(crate) use self::functions::{OverPlanner, function};
use super::chain::{self, Chain, Origin, field};
use super::output;
use super::translate::Misfit;
use super::types::physical;
use crate::model::{ExprRef, OverCall, OverFunction, RankBy};

/// Why a call with OVER is none that a stream can do.
#[derive(Debug)]
pub(crate) enum Refused {
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
    /// How many of the first of ranked rows are wanted.
    pub(crate) first: Option<u64>,
    /// A column for each call.
    pub(crate) results: Vec<Field>,
    /// Whether they are of windows by count.
    pub(crate) is_counted: bool,
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
struct Rows {
    schema: SchemaRef,
    exprs: Vec<ExprRef>,
    names: Vec<String>,
}

impl Rows {
    /// Those of a chain.
    fn of(before: &Chain) -> Self {
        let columns = before.schema.fields().iter().enumerate();
        let column = |(i, f): (usize, &Arc<Field>)| {
            let name = f.name().clone();
            (Arc::new(Column::new(&name, i)) as ExprRef, name)
        };
        let (exprs, names) = columns.map(column).unzip();
        Self {
            schema: Arc::clone(&before.schema),
            exprs,
            names,
        }
    }

    /// Has the chain give them.
    fn put_into(self, before: &mut Chain) -> Result<()> {
        before.project(self.exprs, &self.names)
    }

    /// The column of an expression, in a type that values are kept in.
    fn column(&mut self, expr: ExprRef) -> Result<usize, Misfit> {
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
    let mut rows = Rows::of(before);
    let width = rows.exprs.len();
    let mut shape = None;
    let mut planned = Vec::with_capacity(calls.len());
    let mut results = Vec::with_capacity(calls.len());
    for (call, result) in calls.iter().zip(output.fields().iter().skip(width)) {
        let WindowFunction { fun, params } = window_function(call)?;
        let order = (params.partition_by.clone(), params.order_by.clone());
        if *shape.get_or_insert_with(|| order.clone()) != order {
            return Err(Misfit::Over(Refused::Several));
        }
        planned.push(over_call(fun.name(), params, input, &mut rows)?);
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
    let keys = keys.iter().map(|key| rows.column(physical(key, input)?));
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
                    column: rows.column(physical(&by.expr, input)?)?,
                    descending: !by.asc,
                    nulls_first: by.nulls_first,
                })
            });
            (end, rank.collect::<Result<_, Misfit>>()?)
        }
    };
    rows.put_into(before)?;
    Ok(OverShape {
        time,
        keys,
        calls: planned,
        rank,
        first: None,
        results,
        is_counted: false,
    })
}

fn window_function(expr: &Expr) -> Result<&WindowFunction, Misfit> {
    match expr {
        Expr::Alias(Alias { expr, .. }) => window_function(expr),
        Expr::WindowFunction(function) => Ok(function),
        other => Err(Misfit::Operator(other.to_string())),
    }
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
