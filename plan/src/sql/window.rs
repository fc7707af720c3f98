//! Window table functions: `TUMBLE(s, ts, size)` is the rows of `s` with `window_start` and `window_end` added.
//!
//! Both are functions of the row's time, so that a query means the same over a batch. Where a query groups by them, the
//! translation recognizes them, and the engine opens and closes windows instead. `HOP(s, ts, slide, size)` and
//! `CUMULATE(s, ts, step, size)` give a row once for each of its windows, and which session of `SESSION(s, ts, gap)` a row is
//! in is up to other rows; only a grouping may use these.

use std::any::Any;
use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::{DataType, Schema, TimeUnit, TimestampMicrosecondType};
use datafusion_common::config::ConfigOptions;
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
use datafusion_physical_expr::ScalarFunctionExpr;
use datafusion_sql::sqlparser::ast::{
    Expr as SqlExpr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName, Spanned,
    TableFactor,
};
use datafusion_sql::sqlparser::keywords::Keyword;
use datafusion_sql::sqlparser::tokenizer::{Location, Span, Token, TokenWithSpan};

use super::count::{self, CountBound, CountCall};
use super::error::{SqlError, start};
use super::parse::is_keyword;
use super::refuse::simple;
use crate::model::{ExprRef, Micros, WindowKind};
use crate::names;

/// The window table functions that the design names.
pub(crate) const NAMES: &[&str] = &["TUMBLE", "HOP", "SESSION", "CUMULATE", count::NAME];
/// What Flink wraps the time column in.
pub(crate) const DESCRIPTOR: &str = "DESCRIPTOR";

/// What Flink calls the time of a window's rows: its last moment, here the last microsecond.
pub(crate) const LAST_TIME: &str = "window_time";

/// The columns that windows add.
const BOUNDS: [&str; 3] = ["window_start", "window_end", LAST_TIME];

pub(crate) const MICROS: DataType = DataType::Timestamp(TimeUnit::Microsecond, None);

/// A window table function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WindowFunction {
    Tumble,
    Hop,
    Cumulate,
    Session,
}

impl WindowFunction {
    const ALL: [Self; 4] = [Self::Tumble, Self::Hop, Self::Cumulate, Self::Session];

    fn named(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|f| f.name().eq_ignore_ascii_case(name))
    }

    fn name(self) -> &'static str {
        match self {
            Self::Tumble => "TUMBLE",
            Self::Hop => "HOP",
            Self::Cumulate => "CUMULATE",
            Self::Session => "SESSION",
        }
    }

    /// What it takes after the time column, and how that is written.
    fn lengths(self) -> (&'static str, &'static str) {
        match self {
            Self::Tumble => ("a length", "INTERVAL '10' SECOND"),
            Self::Hop => (
                "a slide and a length",
                "INTERVAL '10' SECOND, INTERVAL '1' MINUTE",
            ),
            Self::Cumulate => (
                "a step and a length",
                "INTERVAL '10' SECOND, INTERVAL '1' MINUTE",
            ),
            Self::Session => ("a gap", "INTERVAL '30' MINUTE"),
        }
    }

    /// The windows of these lengths.
    fn kind(self, lengths: &[Micros]) -> std::result::Result<WindowKind, String> {
        let (parts, size, of) = match (self, lengths) {
            (Self::Tumble, &[size]) => return Ok(WindowKind::Tumble { size }),
            (Self::Session, &[gap]) => return Ok(WindowKind::Session { gap }),
            (Self::Hop, &[slide, size]) => (slide, size, "slides"),
            (Self::Cumulate, &[step, size]) => (step, size, "steps"),
            _ => return Err(format!("{} takes other lengths", self.name())),
        };
        if parts <= 0 || size % parts != 0 {
            return Err(format!("the length is not a whole number of {of}"));
        }
        Ok(match self {
            Self::Cumulate => WindowKind::Cumulate { step: parts, size },
            _ => WindowKind::Hop { slide: parts, size },
        })
    }
}

/// A call of a window table function, as written.
pub(crate) struct WindowCall {
    function: WindowFunction,
    pub(crate) table: Ident,
    pub(crate) time: Ident,
    lengths: Vec<SqlExpr>,
}

impl WindowCall {
    /// Reads a call; `None` if it is of no window table function that there is.
    pub(crate) fn read(
        name: &ObjectName,
        arguments: &[&SqlExpr],
    ) -> Option<Result<Self, SqlError>> {
        let function = WindowFunction::named(&name.to_string())?;
        let place = start(name.span()).unwrap_or(Location { line: 1, column: 1 });
        Some(Self::of(function, arguments, place))
    }

    fn of(
        function: WindowFunction,
        arguments: &[&SqlExpr],
        place: Location,
    ) -> Result<Self, SqlError> {
        let usage = || {
            let (name, (lengths, written)) = (function.name(), function.lengths());
            let message = format!("{name} takes a table, its time column and {lengths}");
            SqlError::at(place, message).hint(format!("write {name}(transactions, ts, {written})"))
        };
        let [SqlExpr::Identifier(table), time, lengths @ ..] = arguments else {
            return Err(usage());
        };
        let (written, Some(time)) = (lengths.len(), time_column(time)) else {
            return Err(usage());
        };
        let wanted = match function {
            WindowFunction::Tumble | WindowFunction::Session => 1,
            WindowFunction::Hop | WindowFunction::Cumulate => 2,
        };
        if written != wanted {
            return Err(usage());
        }
        Ok(Self {
            function,
            table: table.clone(),
            time: time.clone(),
            lengths: lengths.iter().map(|&length| length.clone()).collect(),
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
) -> Result<datafusion_expr::LogicalPlan> {
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
fn check_time(time: &Ident, input: &datafusion_expr::LogicalPlan, function: &str) -> Result<Expr> {
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
pub(crate) fn check_bounds(
    input: &datafusion_expr::LogicalPlan,
    function: &str,
    place: Span,
) -> Result<()> {
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

pub(crate) fn failure(span: Span, message: String, hint: Option<String>) -> DataFusionError {
    let mut diagnostic =
        Diagnostic::new_error(&message, PlannerSpan::try_from_sqlparser_span(span));
    if let Some(hint) = hint {
        diagnostic.add_help(hint, None);
    }
    DataFusionError::Plan(message).with_diagnostic(diagnostic)
}

/// Whether a function is a bound of windows that it opens.
pub(crate) fn is_bound(function: &ScalarUDF) -> bool {
    let of_time = function.inner().as_any().downcast_ref::<WindowBound>();
    of_time.is_some() || CountBound::of(function).is_some()
}

/// The last microsecond of a window, given the first after it.
pub(crate) fn last_time(end: ExprRef, rows: &Schema) -> Result<ExprRef> {
    Beside(Bound::Last).of(end, rows)
}

/// The first microsecond after a window, given the last of it.
pub(crate) fn first_after(last: ExprRef, rows: &Schema) -> Result<ExprRef> {
    Beside(Bound::End).of(last, rows)
}

/// The bound of a window that is a microsecond beside another one.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Beside(Bound);

impl Beside {
    fn of(self, other: ExprRef, rows: &Schema) -> Result<ExprRef> {
        let function = Arc::new(ScalarUDF::new_from_impl(self));
        let options = Arc::new(ConfigOptions::default());
        let call = ScalarFunctionExpr::try_new(function, vec![other], rows, options)?;
        Ok(Arc::new(call))
    }
}

impl ScalarUDFImpl for Beside {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn name(&self) -> &str {
        self.0.column()
    }

    fn signature(&self) -> &Signature {
        &TIME
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(MICROS)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let step = if self.0 == Bound::Last { -1 } else { 1 };
        map_time(&args, |other| other.saturating_add(step))
    }
}

/// A time of each time.
fn map_time(args: &ScalarFunctionArgs, map: impl Fn(Micros) -> Micros) -> Result<ColumnarValue> {
    let times = ColumnarValue::values_to_arrays(&args.args)?;
    let Some(times) = times
        .first()
        .and_then(|t| t.as_primitive_opt::<TimestampMicrosecondType>())
    else {
        return datafusion_common::internal_err!("a window's time is a timestamp in microseconds");
    };
    let mapped = times.unary::<_, TimestampMicrosecondType>(map);
    Ok(ColumnarValue::Array(Arc::new(mapped)))
}

/// Which bound of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Bound {
    Start,
    End,
    Last,
}

impl Bound {
    /// The name of its column.
    pub(crate) fn column(self) -> &'static str {
        match self {
            Self::Start => "window_start",
            Self::End => "window_end",
            Self::Last => LAST_TIME,
        }
    }
}

/// The bound of the window that a time falls into. Where it falls into several, or other rows decide, the bound is not a
/// function of the row: such windows are opened by the grouping alone, and the planner lets nothing else compute their bounds.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct WindowBound {
    pub(crate) kind: WindowKind,
    pub(crate) bound: Bound,
}

impl WindowBound {
    fn of(self, time: Expr) -> Expr {
        let name = self.bound.column();
        ScalarUDF::new_from_impl(self).call(vec![time]).alias(name)
    }

    fn at(&self, time: Micros) -> Micros {
        let size = self.kind.size();
        let start = time.saturating_sub(time.rem_euclid(size));
        match self.bound {
            Bound::Start => start,
            Bound::End => start.saturating_add(size),
            Bound::Last => start.saturating_add(size - 1),
        }
    }
}

/// Whether each time falls into one window of this kind, whatever other times there are.
pub(crate) fn is_one_each(kind: WindowKind) -> bool {
    matches!(kind, WindowKind::Tumble { .. })
}

static TIME: std::sync::LazyLock<Signature> =
    std::sync::LazyLock::new(|| Signature::exact(vec![MICROS], Volatility::Immutable));

impl ScalarUDFImpl for WindowBound {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn name(&self) -> &str {
        self.bound.column()
    }

    fn signature(&self) -> &Signature {
        &TIME
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(MICROS)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        if !is_one_each(self.kind) {
            return datafusion_common::internal_err!("such a window is not known by one row");
        }
        map_time(&args, |time| self.at(time))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_half_open_and_aligned_to_the_epoch() {
        let kind = WindowKind::Tumble { size: 10 };
        let start = WindowBound {
            kind,
            bound: Bound::Start,
        };
        let end = WindowBound {
            kind,
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
