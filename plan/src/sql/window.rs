//! Window table functions: `TUMBLE(s, ts, size)` is the rows of `s` with `window_start` and `window_end` added.
//!
//! Both are functions of the row's time, so that a query means the same over a batch. Where a query groups by them, the
//! translation recognizes them, and the engine opens and closes windows instead.

use std::any::Any;
use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use datafusion_common::{
    Column, DataFusionError, Diagnostic, Result, ScalarValue, Span as PlannerSpan,
};
use datafusion_expr::planner::{
    PlannedRelation, RelationPlanner, RelationPlannerContext, RelationPlanning,
};
use datafusion_expr::{
    ColumnarValue, Expr, LogicalPlanBuilder, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature, Volatility,
};
use datafusion_sql::sqlparser::ast::{
    Expr as SqlExpr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName, Spanned,
    TableFactor,
};
use datafusion_sql::sqlparser::keywords::Keyword;
use datafusion_sql::sqlparser::tokenizer::{Location, Span, Token, TokenWithSpan};

use super::error::SqlError;
use super::parse::is_keyword;
use super::refuse::simple;
use crate::model::{Micros, WindowKind};
use crate::names;

/// The window table functions that the design names.
pub(crate) const NAMES: &[&str] = &["TUMBLE", "HOP", "SESSION", "CUMULATE", "COUNT_WINDOW"];
/// What Flink wraps the time column in.
pub(crate) const DESCRIPTOR: &str = "DESCRIPTOR";

pub(crate) const MICROS: DataType = DataType::Timestamp(TimeUnit::Microsecond, None);

/// A call of TUMBLE, as written.
pub(crate) struct TumbleCall {
    pub(crate) table: Ident,
    pub(crate) time: Ident,
    size: SqlExpr,
}

impl TumbleCall {
    pub(crate) fn read(arguments: &[&SqlExpr], place: Location) -> Result<Self, SqlError> {
        let usage = || {
            SqlError::at(place, "TUMBLE takes a table, its time column and a length")
                .hint("write TUMBLE(transactions, ts, INTERVAL '10' SECOND)")
        };
        let [table, time, size] = arguments else {
            return Err(usage());
        };
        let (SqlExpr::Identifier(table), Some(time)) = (table, time_column(time)) else {
            return Err(usage());
        };
        Ok(Self {
            table: table.clone(),
            time: time.clone(),
            size: (*size).clone(),
        })
    }
}

/// `ts` or `DESCRIPTOR(ts)`.
fn time_column(expr: &SqlExpr) -> Option<&Ident> {
    match expr {
        SqlExpr::Identifier(name) => Some(name),
        SqlExpr::Function(function)
            if simple(&function.name)?
                .value
                .eq_ignore_ascii_case(DESCRIPTOR) =>
        {
            match arguments(&function.args)?.as_slice() {
                [SqlExpr::Identifier(name)] => Some(name),
                _ => None,
            }
        }
        _ => None,
    }
}

/// The name and arguments of a table function in FROM, in either of its spellings.
pub(crate) fn call(factor: &TableFactor) -> Option<(&ObjectName, Vec<&SqlExpr>)> {
    match factor {
        TableFactor::Table {
            name,
            args: Some(args),
            ..
        } => Some((name, plain(&args.args))),
        TableFactor::Function { name, args, .. } => Some((name, plain(args))),
        TableFactor::TableFunction {
            expr: SqlExpr::Function(function),
            ..
        } => Some((
            &function.name,
            arguments(&function.args).unwrap_or_default(),
        )),
        _ => None,
    }
}

fn arguments(arguments: &FunctionArguments) -> Option<Vec<&SqlExpr>> {
    match arguments {
        FunctionArguments::List(list) => Some(plain(&list.args)),
        _ => None,
    }
}

fn plain(arguments: &[FunctionArg]) -> Vec<&SqlExpr> {
    let exprs = arguments.iter().filter_map(|argument| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
        _ => None,
    });
    exprs.collect()
}

/// Takes the word TABLE out of `TUMBLE(TABLE t, …`, which the parser does not know.
pub(crate) fn plain_table_arguments(tokens: &[TokenWithSpan]) -> Vec<TokenWithSpan> {
    let is_table_argument = |i: usize| {
        let before = i.checked_sub(2).and_then(|start| tokens.get(start..=i));
        let Some([name, paren, table]) = before else {
            return false;
        };
        matches!(&name.token, Token::Word(word) if NAMES.contains(&word.value.to_uppercase().as_str()))
            && paren.token == Token::LParen
            && is_keyword(&table.token, Keyword::TABLE)
            && matches!(tokens.get(i + 1).map(|t| &t.token), Some(Token::Word(_)))
    };
    let kept = tokens
        .iter()
        .enumerate()
        .filter(|(i, _)| !is_table_argument(*i));
    kept.map(|(_, token)| token.clone()).collect()
}

/// Plans TUMBLE in FROM.
#[derive(Debug)]
pub(crate) struct WindowPlanner;

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
        let call = TumbleCall::read(&arguments, place.start)
            .map_err(|e| failure(place, e.message, e.hint))?;
        let plan = plan_tumble(call, context)?;
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

fn plan_tumble(
    call: TumbleCall,
    context: &mut dyn RelationPlannerContext,
) -> Result<datafusion_expr::LogicalPlan> {
    let size = size_of(call.size, context)?;
    let name = call.table.value.clone();
    let input = context.plan(table(call.table))?;
    let time = check_time(&call.time, &input)?;
    let start = TumbleBound {
        size,
        bound: Bound::Start,
    }
    .of(time.clone(), "window_start");
    let end = TumbleBound {
        size,
        bound: Bound::End,
    }
    .of(time, "window_end");
    let columns: Vec<Expr> = input
        .schema()
        .iter()
        .map(|(qualifier, field)| Expr::Column(Column::new(qualifier.cloned(), field.name())))
        .chain([start, end])
        .collect();
    LogicalPlanBuilder::from(input)
        .project(columns)?
        .alias(name)?
        .build()
}

/// The time column, if it is one, and if the window's columns have names of their own.
fn check_time(time: &Ident, input: &datafusion_expr::LogicalPlan) -> Result<Expr> {
    let fields = input.schema().fields();
    let known = || fields.iter().map(|f| f.name().as_str());
    if let Some(taken) = known().find(|n| *n == "window_start" || *n == "window_end") {
        let message = format!("the table has a column `{taken}` already, which TUMBLE adds");
        return Err(failure(
            time.span,
            message,
            Some("rename it in a subquery".into()),
        ));
    }
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

fn table(name: Ident) -> TableFactor {
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
    let planned = context.sql_to_expr(size, &datafusion_common::DFSchema::empty());
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

fn failure(span: Span, message: String, hint: Option<String>) -> DataFusionError {
    let mut diagnostic =
        Diagnostic::new_error(&message, PlannerSpan::try_from_sqlparser_span(span));
    if let Some(hint) = hint {
        diagnostic.add_help(hint, None);
    }
    DataFusionError::Plan(message).with_diagnostic(diagnostic)
}

/// Which bound of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Bound {
    Start,
    End,
}

/// The bound of the window that a time falls into.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct TumbleBound {
    size: Micros,
    pub(crate) bound: Bound,
}

impl TumbleBound {
    fn of(self, time: Expr, name: &str) -> Expr {
        ScalarUDF::new_from_impl(self).call(vec![time]).alias(name)
    }

    pub(crate) fn kind(&self) -> WindowKind {
        WindowKind::Tumble { size: self.size }
    }

    fn at(&self, time: Micros) -> Micros {
        let start = time.saturating_sub(time.rem_euclid(self.size));
        match self.bound {
            Bound::Start => start,
            Bound::End => start.saturating_add(self.size),
        }
    }
}

static TIME: std::sync::LazyLock<Signature> =
    std::sync::LazyLock::new(|| Signature::exact(vec![MICROS], Volatility::Immutable));

impl ScalarUDFImpl for TumbleBound {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn name(&self) -> &str {
        match self.bound {
            Bound::Start => "window_start",
            Bound::End => "window_end",
        }
    }

    fn signature(&self) -> &Signature {
        &TIME
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(MICROS)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let times = ColumnarValue::values_to_arrays(&args.args)?;
        let Some(times) = times
            .first()
            .and_then(|t| t.as_primitive_opt::<TimestampMicrosecondType>())
        else {
            return datafusion_common::internal_err!(
                "a window's time is a timestamp in microseconds"
            );
        };
        let bounds = times.unary::<_, TimestampMicrosecondType>(|time| self.at(time));
        Ok(ColumnarValue::Array(Arc::new(bounds)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_half_open_and_aligned_to_the_epoch() {
        let start = TumbleBound {
            size: 10,
            bound: Bound::Start,
        };
        let end = TumbleBound {
            size: 10,
            bound: Bound::End,
        };
        for (time, from, to) in [
            (0, 0, 10),
            (9, 0, 10),
            (10, 10, 20),
            (-1, -10, 0),
            (-10, -10, 0),
        ] {
            assert_eq!((start.at(time), end.at(time)), (from, to), "time {time}");
        }
    }
}
