//! A planned query: what it needs of its input, what it gives, and its parts bound to the columns that are read.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion_common::Result;
use datafusion_sql::sqlparser::tokenizer::Location;

use super::chain::{self, Moves, Origin, narrow, rebase, remap, schema_after, substitute};
use super::count::CountBound;
use super::error::{SqlError, duplicate_column};
use super::join::{BoundJoin, JoinShape};
use super::over::OverShape;
use super::parse::Parsed;
use super::translate::{Call, Grouping, Joined, Shape};
use super::window::is_one_each;
use super::{Carried, Relation};
use crate::model::{
    ExprRef, Function, Micros, OverCall, RankBy, ResultColumn, Step, Window, WindowKind,
};

/// A planned query, bound to all the columns of the relation that it reads.
#[derive(Debug, Clone)]
pub struct Query {
    /// Among the parts of the whole; none of the last.
    name: String,
    reads: Vec<String>,
    /// Where it starts.
    place: Location,
    needs: BTreeSet<usize>,
    tables: Vec<Joined>,
    before: Vec<Step>,
    grouping: Option<Grouping>,
    over: Option<OverShape>,
    join: Option<JoinShape>,
    after: Vec<Step>,
    schema: SchemaRef,
    columns: Vec<From>,
    key_columns: Vec<Option<usize>>,
}

/// Where a column of the result comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum From {
    /// A column of the input, unchanged.
    Input(usize),
    /// A key of the grouping, or of the join.
    Key(usize),
    /// The first microsecond of the grouping's window.
    WindowStart,
    /// The first microsecond after it.
    WindowEnd,
    /// The last microsecond of it.
    WindowLast,
    /// Anything else.
    Computed,
}

/// A query's parts, bound to the columns of its input that are read.
#[derive(Debug)]
pub struct Bound {
    /// Row by row, before the grouping.
    pub before: Vec<Step>,
    /// The window of the grouping.
    pub window: Option<Window>,
    /// The grouping.
    pub grouping: Option<BoundGrouping>,
    /// The functions over rows.
    pub over: Option<BoundOver>,
    /// The join of two streams.
    pub join: Option<BoundJoin>,
    /// Row by row, after the grouping.
    pub after: Vec<Step>,
}

/// A grouping's parts: see [`Aggregate`](crate::model::Aggregate).
#[derive(Debug)]
pub struct BoundGrouping {
    /// The keys, other than the window.
    pub keys: Vec<ExprRef>,
    /// Their names and types.
    pub key_schema: SchemaRef,
    /// The aggregate functions.
    pub functions: Vec<Function>,
    /// The result row.
    pub layout: Vec<ResultColumn>,
    /// Its schema.
    pub schema: SchemaRef,
}

/// The parts of functions over rows: see [`Over`](crate::model::Over).
#[derive(Debug)]
pub struct BoundOver {
    /// The time by which rows are ordered.
    pub time: usize,
    /// The columns that make their key.
    pub keys: Vec<usize>,
    /// The functions.
    pub calls: Vec<OverCall>,
    /// By what rows are ranked.
    pub rank: Vec<RankBy>,
    /// How many of the first of them are wanted.
    pub first: Option<u64>,
    /// The rows with the results.
    pub schema: SchemaRef,
}

impl Query {
    pub(super) fn new(shape: Shape, parsed: &Parsed) -> std::result::Result<Self, SqlError> {
        let relation = &shape.relation;
        if relation.key.is_some() && shape.gathers() {
            let message = format!(
                "`{}` is a table kept up to date, and its rows cannot be grouped again",
                relation.name
            );
            return Err(SqlError::at(parsed.grouping_place(), message)
                .hint("group the rows of the source, or of a stream that only adds rows"));
        }
        if relation.key.is_some()
            && let Some(table) = shape.tables.first()
        {
            let message = format!(
                "the rows of `{}` replace each other, and joining those with a table is not supported yet",
                relation.name
            );
            return Err(SqlError::at(parsed.place_of(&table.name), message)
                .hint("join a source that is a stream, or a stream that only adds rows"));
        }
        let query = Self::narrowed(shape, parsed).map_err(|e| SqlError::internal(&e))?;
        query.check_windows(parsed)?;
        Ok(query)
    }

    fn narrowed(shape: Shape, parsed: &Parsed) -> Result<Self> {
        let schema = match shape.gathers() {
            true => Arc::clone(&shape.after.schema),
            false => Arc::clone(&shape.before.schema),
        };
        let columns = origins(&shape);
        let key_columns = key_columns(&shape);
        let width = shape.relation.schema.fields().len();
        let mut after = shape.after.steps;
        let mut grouping = shape.grouping;
        let mut over = shape.over;
        let mut join = shape.join;
        if let Some(whole) = join.take() {
            let all = (0..schema.fields().len()).collect();
            let out = narrow(&after, &all, whole.schema.fields().len())?;
            let (narrowed, moves) = whole.narrowed(&out.reads)?;
            (after, _) = rebase(&after, moves, &narrowed.schema)?;
            join = Some(narrowed);
        }
        let wanted = match (&grouping, &over) {
            _ if join.is_some() => join.iter().flat_map(JoinShape::reads).collect(),
            (Some(grouping), _) => grouping.reads(),
            (None, Some(over)) => {
                let all = (0..schema.fields().len()).collect();
                let rows = shape.before.schema.fields().len();
                let out = narrow(&after, &all, rows + over.results.len())?;
                let rows = out.reads.into_iter().filter(|&column| column < rows);
                rows.chain(over.reads()).collect()
            }
            (None, None) => (0..schema.fields().len()).collect(),
        };
        let narrowed = narrow(&shape.before.steps, &wanted, width)?;
        let mut before = narrowed.steps;
        if let Some(grouping) = &mut grouping {
            grouping.move_columns(&narrowed.moved)?;
            grouping.absorb_last(&mut before)?;
        }
        if let Some(shape_over) = over.take() {
            let rows = schema_after(&before, &shape.relation.schema);
            let (old, new) = (shape.before.schema.fields().len(), rows.fields().len());
            let mut moves = narrowed.moved;
            moves.extend((0..shape_over.results.len()).map(|i| (old + i, new + i)));
            let moved = shape_over.moved(&moves);
            (after, _) = rebase(&after, moves, &moved.schema(&rows))?;
            over = Some(moved.of_the_first(&after, new));
        }
        Ok(Self {
            name: String::new(),
            reads: shape.reads,
            place: parsed.tokens.start(),
            needs: narrowed.reads,
            tables: shape.tables,
            before,
            grouping,
            over,
            join,
            after,
            schema,
            columns,
            key_columns,
        })
    }

    /// Windows that a row does not tell are not known before it is grouped.
    fn check_windows(&self, parsed: &Parsed) -> std::result::Result<(), SqlError> {
        let in_steps = self.before.iter().flat_map(|step| match step {
            Step::Filter(expr) => vec![expr],
            Step::Changes { .. } => Vec::new(),
            Step::Project { exprs, .. } => exprs.iter().collect(),
            Step::Lookup(lookup) => lookup.key.iter().chain(&lookup.condition).collect(),
        });
        let in_grouping = self.grouping.iter().flat_map(Grouping::exprs);
        if !in_steps.chain(in_grouping).any(reads_unknown_windows) {
            return Ok(());
        }
        let message = "the windows of HOP, CUMULATE, SESSION and COUNT_WINDOW are not known before rows are grouped";
        let hint =
            "use window_start and window_end in GROUP BY as they are, and in SELECT and HAVING";
        Err(SqlError::at(parsed.window_place(), message).hint(hint))
    }

    /// Two columns of one name cannot be told apart in a sink.
    pub(super) fn check_names(&self, parsed: &Parsed) -> std::result::Result<(), SqlError> {
        let mut seen = BTreeSet::new();
        for field in self.schema.fields() {
            if !seen.insert(field.name()) {
                let place = super::plan::column_place(&parsed.query, field.name());
                let place = place.unwrap_or(parsed.tokens.start());
                return Err(duplicate_column(place, field.name()));
            }
        }
        Ok(())
    }

    /// What it is called among the parts of a query; the last of them is called nothing.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The same query as a part of this name.
    pub(super) fn named(self, name: String) -> Self {
        Self { name, ..self }
    }

    /// How many columns the result has.
    #[must_use]
    pub fn width(&self) -> usize {
        self.columns.len()
    }

    /// The key of the grouping that a column of the result is, by its number.
    #[must_use]
    pub fn key_of(&self, column: usize) -> Option<usize> {
        match self.columns.get(column)? {
            From::Key(key) => Some(*key),
            _ => None,
        }
    }

    /// The names of the relations that are read, all of the same columns.
    #[must_use]
    pub fn reads(&self) -> &[String] {
        &self.reads
    }

    /// What its readers see, given what it reads.
    #[must_use]
    pub fn relation(&self, name: String, input: &Relation) -> Relation {
        // The sides of a join say each their own; it says what they are together.
        let input = self.join.as_ref().map_or(input, |join| &join.relation);
        let is = |column: usize| move |c: &usize| self.input_column(*c) == Some(column);
        let columns = || 0..self.columns.len();
        let event_time = input.event_time.and_then(|time| columns().find(is(time)));
        let of_input = |carried: Carried| Carried {
            start: carried
                .start
                .and_then(|(start, behind)| Some((columns().find(is(start))?, behind))),
            end: carried.end.and_then(|end| columns().find(is(end))),
        };
        let window = match self.grouping.as_ref().map(|g| g.window) {
            None => input.window.map(of_input),
            Some(None) => None,
            Some(Some((_, kind))) => {
                let place = |from: From| self.columns.iter().position(|c| *c == from);
                let carried = input.window.map(of_input).and_then(|carried| carried.start);
                let behind = kind.size().saturating_sub(1);
                let start = match kind {
                    WindowKind::Session { .. } => None,
                    _ => place(From::WindowStart).map(|start| (start, behind)),
                };
                Some(Carried {
                    start: start.or(carried.filter(|_| self.is_by_carried_window())),
                    end: place(From::WindowEnd),
                })
            }
        };
        Relation {
            name,
            schema: Arc::clone(&self.schema),
            event_time: match (self.is_grouped(), self.is_by_carried_window()) {
                (true, false) => {
                    columns().find(|c| self.columns.get(*c) == Some(&From::WindowLast))
                }
                _ => event_time,
            },
            times: match self.is_grouped() {
                true => Vec::new(),
                false => {
                    let times = input.times.iter();
                    let kept =
                        times.filter_map(|&(t, behind)| Some((columns().find(is(t))?, behind)));
                    kept.collect()
                }
            },
            window,
            key: None,
            is_table: false,
        }
    }

    /// Whether rows are grouped by the window that they carry.
    fn is_by_carried_window(&self) -> bool {
        self.grouping.as_ref().is_some_and(|g| g.carried)
    }

    /// How far the times of its window may be behind the watermark of what it reads.
    #[must_use]
    pub fn behind(&self) -> Micros {
        self.grouping.as_ref().map_or(0, |g| g.behind)
    }

    /// The columns of the relation that are needed, by index.
    #[must_use]
    pub fn needs(&self) -> &BTreeSet<usize> {
        &self.needs
    }

    /// The tables that rows are joined with, each with the columns of it that are needed, by index.
    pub fn tables(&self) -> impl Iterator<Item = (&str, &[usize])> {
        self.before.iter().filter_map(|step| {
            let Step::Lookup(lookup) = step else {
                return None;
            };
            let table = self.tables.get(lookup.table)?;
            Some((table.name.as_str(), lookup.columns.as_slice()))
        })
    }

    /// The tables that rows are joined with, each with the columns of the input that are equal to its primary key, if
    /// there is one for each.
    pub fn joins(&self) -> impl Iterator<Item = (&str, Option<&[usize]>)> {
        let tables = self.tables.iter();
        tables.map(|table| (table.name.as_str(), table.by.as_deref()))
    }

    /// An error about a table that it is joined with.
    #[must_use]
    pub fn join_error(&self, message: String, hint: String) -> SqlError {
        SqlError::at(self.place, message).hint(hint)
    }

    /// The schema of the result's rows.
    #[must_use]
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Whether rows are grouped.
    #[must_use]
    pub fn is_grouped(&self) -> bool {
        self.grouping.is_some()
    }

    /// Whether rows have functions of those before them.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.over.is_some()
    }

    /// Whether these are functions of windows by count.
    #[must_use]
    pub fn is_counted(&self) -> bool {
        self.over.as_ref().is_some_and(|over| over.is_counted)
    }

    /// Whether rows of two streams are joined.
    #[must_use]
    pub fn is_join(&self) -> bool {
        self.join.is_some()
    }

    /// Whether rows with the same key meet.
    #[must_use]
    pub fn gathers(&self) -> bool {
        self.is_grouped() || self.is_over() || self.is_join()
    }

    /// The window that rows are grouped by.
    #[must_use]
    pub fn window(&self) -> Option<WindowKind> {
        self.grouping.as_ref()?.window.map(|(_, kind)| kind)
    }

    /// Whether a join is among its steps.
    #[must_use]
    pub fn is_joined(&self) -> bool {
        !self.tables.is_empty()
    }

    /// The columns of the input that the keys of the grouping are, where they are columns unchanged.
    #[must_use]
    pub fn key_columns(&self) -> &[Option<usize>] {
        &self.key_columns
    }

    /// The column of the input that a column of the result is, unchanged: directly, or as a key of the grouping.
    #[must_use]
    pub fn input_column(&self, column: usize) -> Option<usize> {
        match self.columns.get(column)? {
            From::Input(i) => Some(*i),
            From::Key(key) => self.key_columns.get(*key).copied().flatten(),
            From::WindowStart | From::WindowEnd | From::WindowLast | From::Computed => None,
        }
    }

    /// The columns of the result that identify a row of a grouping, the window among them.
    ///
    /// # Errors
    /// The result does not show them all.
    pub fn identity(&self) -> std::result::Result<Vec<usize>, SqlError> {
        let Some(grouping) = &self.grouping else {
            return Ok(Vec::new());
        };
        let keys = grouping.key_schema.fields().iter().enumerate();
        let mut wanted: Vec<(From, &str)> = keys
            .map(|(i, field)| (From::Key(i), field.name().as_str()))
            .collect();
        if let Some((_, kind)) = grouping.window {
            wanted.push(self.window_identity(kind));
        }
        self.positions(&wanted)
    }

    /// The bound that tells windows of a kind apart: of two that do, the one that is selected.
    fn window_identity(&self, kind: WindowKind) -> (From, &'static str) {
        let end = (From::WindowEnd, "window_end");
        match kind {
            // They start together, or may: one that is over, and one that reaches back over it.
            WindowKind::Cumulate { .. } | WindowKind::Session { .. } => end,
            _ if self.is_by_carried_window() => end,
            _ if self.columns.contains(&From::WindowStart) => (From::WindowStart, "window_start"),
            _ if self.columns.contains(&From::WindowEnd) => end,
            _ => (From::WindowStart, "window_start"),
        }
    }

    /// The columns of the result that are these columns of the input, by which its rows are identified.
    ///
    /// # Errors
    /// The result does not show them all.
    pub fn kept(
        &self,
        columns: &[usize],
        input: &Relation,
    ) -> std::result::Result<Vec<usize>, SqlError> {
        let name = |i: usize| {
            input
                .schema
                .fields()
                .get(i)
                .map_or("", |f| f.name().as_str())
        };
        let wanted: Vec<(From, &str)> =
            columns.iter().map(|&i| (From::Input(i), name(i))).collect();
        self.positions(&wanted)
    }

    fn positions(&self, wanted: &[(From, &str)]) -> std::result::Result<Vec<usize>, SqlError> {
        let position = |from: &From| self.columns.iter().position(|c| c == from);
        let missing: Vec<String> = wanted
            .iter()
            .filter(|(from, _)| position(from).is_none())
            .map(|(_, name)| format!("`{name}`"))
            .collect();
        if !missing.is_empty() {
            let missing = missing.join(", ");
            let message =
                format!("the rows replace each other by {missing}, which is not selected");
            return Err(
                SqlError::at(self.place, message).hint(format!("add {missing} to the SELECT list"))
            );
        }
        Ok(wanted
            .iter()
            .filter_map(|(from, _)| position(from))
            .collect())
    }

    /// Binds the query to the columns of its input that are read, by their index in the relation: at least those that
    /// it [needs](Self::needs).
    ///
    /// # Errors
    /// None that a query could cause.
    pub fn bind(
        &self,
        columns: &[usize],
        input: &SchemaRef,
    ) -> std::result::Result<Bound, SqlError> {
        self.try_bind(columns, input)
            .map_err(|e| SqlError::internal(&e))
    }

    fn try_bind(&self, columns: &[usize], input: &SchemaRef) -> Result<Bound> {
        let moves: Moves = columns
            .iter()
            .enumerate()
            .map(|(new, &old)| (old, new))
            .collect();
        let (before, moves) = rebase(&self.before, moves, input)?;
        let mut grouping = self.grouping.clone();
        if let (Some(grouping), Some(moves)) = (&mut grouping, moves) {
            grouping.move_columns(&moves)?;
        }
        let rows = schema_after(&before, input);
        let window = grouping.as_ref().and_then(|g| g.window);
        Ok(Bound {
            before,
            window: window.map(|(time, kind)| Window { time, kind }),
            grouping: grouping.map(|g| g.bind(&rows)).transpose()?,
            over: self.over.as_ref().map(|over| BoundOver {
                time: over.time,
                keys: over.keys.clone(),
                calls: over.calls.clone(),
                rank: over.rank.clone(),
                first: over.first,
                schema: over.schema(&rows),
            }),
            join: self.join.as_ref().map(JoinShape::bind),
            after: self.after.clone(),
        })
    }
}

/// Whether an expression computes a bound of windows that a row does not tell.
fn reads_unknown_windows(expr: &ExprRef) -> bool {
    let is_bound =
        |e: &ExprRef| chain::window_bound(e).is_some_and(|(_, window)| !is_one_each(window.kind));
    let is_count = |e: &ExprRef| CountBound::in_expr(e).is_some();
    is_bound(expr) || is_count(expr) || expr.children().into_iter().any(reads_unknown_windows)
}

/// The columns of the input by which rows come together.
fn key_columns(shape: &Shape) -> Vec<Option<usize>> {
    let origin = |column: usize| match shape.before.origins.get(column) {
        Some(Origin::Start(i)) => Some(*i),
        _ => None,
    };
    if let Some(join) = &shape.join {
        return join.key_columns().map(Some).collect();
    }
    match (&shape.grouping, &shape.over) {
        (Some(grouping), _) => {
            let keys = grouping.keys.iter();
            keys.map(|key| chain::column(key).and_then(origin))
                .collect()
        }
        (None, Some(over)) => over.keys.iter().map(|&key| origin(key)).collect(),
        (None, None) => Vec::new(),
    }
}

/// Where the columns of the result come from.
fn origins(shape: &Shape) -> Vec<From> {
    let direct = |origin: &Origin| match origin {
        Origin::Start(i) => From::Input(*i),
        _ => From::Computed,
    };
    if let Some(join) = &shape.join {
        let of_join = |origin: &Origin| {
            let Origin::Start(i) = *origin else {
                return From::Computed;
            };
            let key = join.key_of(i).map(From::Key);
            key.or(join.input_of(i).map(From::Input))
                .unwrap_or(From::Computed)
        };
        return shape.after.origins.iter().map(of_join).collect();
    }
    let Some(grouping) = &shape.grouping else {
        let before = &shape.before.origins;
        if shape.over.is_none() {
            return before.iter().map(direct).collect();
        }
        let through = |origin: &Origin| match origin {
            Origin::Start(i) => before.get(*i).map_or(From::Computed, direct),
            _ => From::Computed,
        };
        return shape.after.origins.iter().map(through).collect();
    };
    let through = |origin: &Origin| match origin {
        Origin::Start(i) => match grouping.layout.get(*i) {
            Some(ResultColumn::Key(key)) => From::Key(*key),
            Some(ResultColumn::WindowStart) => From::WindowStart,
            Some(ResultColumn::WindowEnd) if grouping.last.contains(i) => From::WindowLast,
            Some(ResultColumn::WindowEnd) => From::WindowEnd,
            _ => From::Computed,
        },
        _ => From::Computed,
    };
    shape.after.origins.iter().map(through).collect()
}

impl Grouping {
    /// The columns that it reads.
    fn reads(&self) -> BTreeSet<usize> {
        let mut reads: BTreeSet<usize> = self.keys.iter().flat_map(chain::columns).collect();
        reads.extend(self.calls.iter().flat_map(Call::reads));
        reads.extend(self.window.map(|(time, _)| time));
        reads
    }

    /// The expressions that it evaluates over rows.
    fn exprs(&self) -> impl Iterator<Item = &ExprRef> {
        let arguments = self
            .calls
            .iter()
            .flat_map(|c| c.arguments.iter().chain(&c.filter));
        self.keys.iter().chain(arguments)
    }

    fn move_columns(&mut self, moves: &Moves) -> Result<()> {
        self.rewrite(|expr| remap(expr, moves))?;
        if let Some((time, _)) = &mut self.window {
            *time = moves.get(time).copied().unwrap_or(*time);
        }
        Ok(())
    }

    /// Takes a last projection that only picks columns into the grouping's own expressions.
    fn absorb_last(&mut self, before: &mut Vec<Step>) -> Result<()> {
        let Some(Step::Project { exprs, .. }) = before.last() else {
            return Ok(());
        };
        let Some(columns) = exprs
            .iter()
            .map(chain::column)
            .collect::<Option<Vec<usize>>>()
        else {
            return Ok(());
        };
        self.rewrite(|expr| substitute(expr, exprs))?;
        if let Some((time, _)) = &mut self.window {
            *time = columns.get(*time).copied().unwrap_or(*time);
        }
        before.pop();
        Ok(())
    }

    fn rewrite(&mut self, with: impl Fn(&ExprRef) -> Result<ExprRef>) -> Result<()> {
        let arguments = self
            .calls
            .iter_mut()
            .flat_map(|c| c.arguments.iter_mut().chain(&mut c.filter));
        for expr in self.keys.iter_mut().chain(arguments) {
            *expr = with(expr)?;
        }
        Ok(())
    }

    fn bind(self, rows: &SchemaRef) -> Result<BoundGrouping> {
        let functions = self.calls.iter().map(|call| {
            Ok(Function {
                expr: Arc::new(call.build(rows)?),
                filter: call.filter.clone(),
            })
        });
        Ok(BoundGrouping {
            functions: functions.collect::<Result<_>>()?,
            keys: self.keys,
            key_schema: self.key_schema,
            layout: self.layout,
            schema: self.schema,
        })
    }
}
