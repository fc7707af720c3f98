//! Window table functions in FROM, as the planner plans them.

use datafusion_common::{
    Column, DFSchema, DataFusionError, Diagnostic, Result, ScalarValue, Span as PlannerSpan,
};
use datafusion_expr::planner::{
    PlannedRelation, RelationPlanner, RelationPlannerContext, RelationPlanning,
};
use datafusion_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use datafusion_sql::sqlparser::ast::{Expr as SqlExpr, Ident, ObjectName, Spanned, TableFactor};
use datafusion_sql::sqlparser::tokenizer::Span;

use super::bound::{Bound, WindowBound};
use super::call::{WindowCall, call};
use super::{LAST_TIME, MICROS};
use crate::model::Micros;
use crate::names;
use crate::sql::count::CountCall;
use crate::sql::error::SqlError;

/// The columns that windows add.
const BOUNDS: [&str; 3] = ["window_start", "window_end", LAST_TIME];

/// Plans window table functions in FROM.
#[derive(Debug)]
pub(crate) struct WindowPlanner {
    /// Whether windows have their last microsecond among the columns. Where nobody asks for it, `*` has not.
    pub(crate) last_time: bool,
}

impl RelationPlanner for WindowPlanner {
    fn plan_relation(
        &self,
        relation: TableFactor,
        context: &mut dyn RelationPlannerContext,
    ) -> Result<RelationPlanning> {
        let Some((name, arguments)) = call(&relation) else {
            return Ok(RelationPlanning::Original(Box::new(relation)));
        };
        let place = name.span();
        let refused = |e: SqlError| failure(place, e.message, e.hint);
        let plan = if let Some(call) = WindowCall::read(name, &arguments) {
            plan_windows(call.map_err(refused)?, self.last_time, place, context)?
        } else if let Some(call) = CountCall::read(name, &arguments) {
            let call = call.map_err(refused)?;
            call.plan(self.last_time, place, context)?
        } else {
            return Ok(RelationPlanning::Original(Box::new(relation)));
        };
        let alias = match relation {
            TableFactor::Table { alias, .. }
            | TableFactor::Function { alias, .. }
            | TableFactor::TableFunction { alias, .. } => alias,
            _ => None,
        };
        Ok(RelationPlanning::Planned(Box::new(PlannedRelation::new(
            plan, alias,
        ))))
    }
}

fn plan_windows(
    call: WindowCall,
    last_time: bool,
    place: Span,
    context: &mut dyn RelationPlannerContext,
) -> Result<LogicalPlan> {
    let lengths = call
        .lengths
        .into_iter()
        .map(|length| size_of(length, context));
    let lengths = lengths.collect::<Result<Vec<_>>>()?;
    let kind = call.function.kind(&lengths).map_err(|message| {
        let written = call.function.lengths().1;
        failure(place, message, Some(format!("such as {written}")))
    })?;
    let name = call.table.value.clone();
    let input = context.plan(table(call.table))?;
    let time = check_time(&call.time, &input, call.function.name())?;
    let bound = |bound: Bound| WindowBound { kind, bound }.of(time.clone());
    with_bounds(input, name, last_time, bound)
}

/// Rows under a name, with columns that stand for the bounds of their windows, the last time among them if it is wanted.
pub(crate) fn with_bounds(
    input: LogicalPlan,
    name: String,
    last_time: bool,
    bound: impl Fn(Bound) -> Expr,
) -> Result<LogicalPlan> {
    let columns: Vec<Expr> = input
        .schema()
        .iter()
        .map(|(qualifier, field)| Expr::Column(Column::new(qualifier.cloned(), field.name())))
        .chain([bound(Bound::Start), bound(Bound::End)])
        .chain(last_time.then(|| bound(Bound::Last)))
        .collect();
    LogicalPlanBuilder::from(input)
        .project(columns)?
        .alias(name)?
        .build()
}

/// The time column, if it is one, and if the window's columns have names of their own.
fn check_time(time: &Ident, input: &LogicalPlan, function: &str) -> Result<Expr> {
    check_bounds(input, function, time.span)?;
    let fields = input.schema().fields();
    let known = || fields.iter().map(|f| f.name().as_str());
    let Ok((qualifier, field)) = input
        .schema()
        .qualified_field_with_unqualified_name(&time.value)
    else {
        let hint = names::hint(&time.value, known());
        return Err(failure(
            time.span,
            format!("there is no column `{}`", time.value),
            hint,
        ));
    };
    if field.data_type() != &MICROS {
        let message = format!("`{}` is not a Timestamp", time.value);
        let hint = "a window is over the source's event time";
        return Err(failure(time.span, message, Some(hint.into())));
    }
    Ok(Expr::Column(Column::new(qualifier.cloned(), field.name())))
}

/// Whether the window's columns have names of their own.
pub(crate) fn check_bounds(input: &LogicalPlan, function: &str, place: Span) -> Result<()> {
    let mut fields = input.schema().fields().iter();
    let Some(taken) = fields.find(|f| BOUNDS.contains(&f.name().as_str())) else {
        return Ok(());
    };
    let message = format!(
        "the table has a column `{}` already, which {function} adds",
        taken.name()
    );
    let hint = "rename it in a subquery";
    Err(failure(place, message, Some(hint.into())))
}

pub(crate) fn table(name: Ident) -> TableFactor {
    TableFactor::Table {
        name: ObjectName::from(vec![name]),
        alias: None,
        args: None,
        with_hints: Vec::new(),
        version: None,
        with_ordinality: false,
        partitions: Vec::new(),
        json_path: None,
        sample: None,
        index_hints: Vec::new(),
    }
}

/// The length in microseconds.
fn size_of(size: SqlExpr, context: &mut dyn RelationPlannerContext) -> Result<Micros> {
    let span = size.span();
    let refuse = |message: &str| {
        let hint = "write INTERVAL '10' SECOND, or MINUTE, HOUR, DAY";
        Err(failure(span, message.into(), Some(hint.into())))
    };
    let planned = context.sql_to_expr(size, &DFSchema::empty());
    let Ok(Expr::Literal(ScalarValue::IntervalMonthDayNano(Some(interval)), _)) = planned else {
        return refuse("the window's length is not an interval");
    };
    if interval.months != 0 {
        return refuse("months and years differ in length, so no window is so long");
    }
    if interval.nanoseconds % 1_000 != 0 {
        return refuse("a window is a whole number of microseconds long");
    }
    let days = i64::from(interval.days).checked_mul(86_400_000_000);
    match days.and_then(|days| days.checked_add(interval.nanoseconds / 1_000)) {
        Some(micros) if micros > 0 => Ok(micros),
        _ => refuse("a window is longer than nothing"),
    }
}

pub(crate) fn failure(span: Span, message: String, hint: Option<String>) -> DataFusionError {
    let mut diagnostic =
        Diagnostic::new_error(&message, PlannerSpan::try_from_sqlparser_span(span));
    if let Some(hint) = hint {
        diagnostic.add_help(hint, None);
    }
    DataFusionError::Plan(message).with_diagnostic(diagnostic)
}
