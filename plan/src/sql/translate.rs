//! Operators of a logical plan to the shape of a stream: steps, at most one grouping, steps.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion_common::tree_node::TreeNode as _;
use datafusion_common::{DFSchema, DataFusionError};
use datafusion_expr::expr::{AggregateFunction, Alias};
use datafusion_expr::utils::split_conjunction;
use datafusion_expr::{
    AggregateUDF, Distinct, Expr, Join, JoinType, LogicalPlan, Operator, Window,
};
use datafusion_physical_expr::conjunction_opt;
use datafusion_physical_expr::expressions::{BinaryExpr, Column, cast};

use super::Relation;
use super::chain::{Chain, Origin, column, columns, field, window_bound};
use super::count::CountBound;
use super::join::{JoinShape, Unjoinable};
use super::output;
use super::over::{self, OverShape, Refused, Times};
use super::types::{physical, widened};
use super::window::is_one_each;
use crate::model::{ExprRef, Find, Lookup, Micros, Missing, ResultColumn, WindowKind};

/// A query in the shape of a stream, bound to all the columns of the table that it reads.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    /// What is read, as one.
    pub(crate) relation: Relation,
    /// The names of what is read.
    pub(crate) reads: Vec<String>,
    /// The names of the tables that it is joined with; lookups have indices into these.
    pub(crate) tables: Vec<Joined>,
    pub(crate) before: Chain,
    pub(crate) grouping: Option<Grouping>,
    /// Functions over rows; where there are any, there is no grouping.
    pub(crate) over: Option<OverShape>,
    /// A join of two streams; where there is one, there is neither.
    pub(crate) join: Option<JoinShape>,
    pub(crate) after: Chain,
    /// Windows are opened that a row does not tell: it falls into several, or other rows decide.
    several_windows: bool,
}

/// A table that rows are joined with.
#[derive(Debug, Clone)]
pub(crate) struct Joined {
    pub(crate) name: String,
    /// The columns of the relation that are equal to the table's primary key, if there is one for each.
    pub(crate) by: Option<Vec<usize>>,
}

/// A GROUP BY, or a DISTINCT.
#[derive(Debug, Clone)]
pub(crate) struct Grouping {
    /// Index of the window's time in the rows of `before`.
    pub(crate) window: Option<(usize, WindowKind)>,
    /// How far the window's time may be behind the watermark.
    pub(crate) behind: Micros,
    /// Whether the window is the one that rows carry.
    pub(crate) carried: bool,
    pub(crate) keys: Vec<ExprRef>,
    pub(crate) key_schema: SchemaRef,
    pub(crate) calls: Vec<Call>,
    pub(crate) layout: Vec<ResultColumn>,
    /// The columns of that which become the last microsecond of the window, rather than the one after it.
    pub(crate) last: BTreeSet<usize>,
    pub(crate) schema: SchemaRef,
    /// The types in which the keys were computed, where they are stored in another one.
    computed: Vec<Option<DataType>>,
}

/// Whether an expression opens windows.
fn opens_windows(expr: &Expr) -> bool {
    expr.exists(|part| {
        let Expr::ScalarFunction(call) = part else {
            return Ok(false);
        };
        Ok(super::window::is_bound(&call.func))
    })
    .unwrap_or(false)
}

/// An aggregate function and its arguments.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) function: Arc<AggregateUDF>,
    pub(crate) arguments: Vec<ExprRef>,
    pub(crate) distinct: bool,
    pub(crate) ignore_nulls: bool,
    pub(crate) filter: Option<ExprRef>,
    pub(crate) name: String,
}

/// Why a plan has not the shape of a stream.
#[derive(Debug)]
pub(crate) enum Misfit {
    /// Rows of a grouping without a window are grouped again.
    TwoGroupings,
    /// Rows that replace each other are put together with others.
    Replacing,
    /// The window's time is not a column of the table as it is.
    ComputedTime,
    /// The window's time is this column of the table, which is not its event time.
    NotEventTime(usize),
    /// A window is opened, and the grouping is not by it.
    NotByWindow,
    /// The grouping is by the start of the window that rows carry, and not by its end.
    NotByEnd,
    /// A row does not tell its windows, and the grouping is not by them.
    SeveralWindows,
    /// The grouping is by the windows of two calls, or by a window whose time is gone.
    LostTime,
    /// A call with OVER that no stream can do.
    Over(Refused),
    /// Windows by count over rows without their event time.
    Uncounted,
    /// A function that windows by count have not, and those that they have.
    CountedCall(String, &'static str),
    /// What is joined is no table.
    NotATable(String),
    /// What is joined is more than a name.
    JoinedQuery,
    /// A join that is neither INNER nor LEFT.
    JoinKind,
    /// A join of two streams whose rows have nothing that brings them together.
    Unjoinable(Unjoinable),
    /// A join with this table in which no column of it is equal to something.
    NoEquality(String),
    /// Two tables are joined, this one of them, by other columns than their primary keys.
    NotByKeys(String),
    /// Rows wait, and what is joined has no event time.
    WaitsWithoutTime,
    /// Rows that wait are in windows already.
    WaitsInWindow,
    /// An operator that no stream has.
    Operator(String),
    /// A column that no sink can hold.
    Unstorable {
        name: String,
        what: &'static str,
        hint: &'static str,
    },
    /// The planner failed.
    Planner(DataFusionError),
}

impl From<DataFusionError> for Misfit {
    fn from(error: DataFusionError) -> Self {
        Self::Planner(error)
    }
}

/// The relation that is joined, if it is joined as it is.
pub(crate) fn joined(plan: &LogicalPlan) -> Option<&str> {
    match plan {
        LogicalPlan::TableScan(scan) => Some(scan.table_name.table()),
        LogicalPlan::SubqueryAlias(alias) => joined(&alias.input),
        _ => None,
    }
}

fn all_nullable(schema: &Schema) -> SchemaRef {
    let fields = schema
        .fields()
        .iter()
        .map(|f| field(f.name(), f.data_type().clone()));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

impl Shape {
    /// Nothing done yet with the rows of a relation, or of several of the same columns.
    pub(crate) fn reading(relation: Relation, reads: Vec<String>) -> Self {
        Self {
            before: Chain::new(all_nullable(relation.schema.as_ref())),
            relation,
            reads,
            tables: Vec::new(),
            grouping: None,
            over: None,
            join: None,
            after: Chain::new(crate::model::empty_schema()),
            several_windows: false,
        }
    }

    pub(crate) fn is_grouped(&self) -> bool {
        self.grouping.is_some()
    }

    /// Whether rows of a key come together.
    pub(crate) fn gathers(&self) -> bool {
        self.grouping.is_some() || self.over.is_some() || self.join.is_some()
    }

    /// Whether windows are opened that a row does not tell, and nothing is grouped by them.
    pub(crate) fn opens_unknown_windows(&self) -> bool {
        self.several_windows && self.window().is_none() && !self.is_counted()
    }

    /// Whether rows are grouped by windows by count.
    fn is_counted(&self) -> bool {
        self.over.as_ref().is_some_and(|over| over.is_counted)
    }

    /// Whether a node cannot be in the same stream as what brings rows together there.
    pub(crate) fn must_end_before(&self, node: &LogicalPlan) -> bool {
        match node {
            LogicalPlan::Aggregate(_) | LogicalPlan::Distinct(_) | LogicalPlan::Window(_) => true,
            LogicalPlan::Projection(it) => it.expr.iter().any(opens_windows),
            _ => false,
        }
    }

    pub(crate) fn window(&self) -> Option<(usize, WindowKind)> {
        self.grouping.as_ref()?.window
    }

    /// The rows that the next operator works on.
    fn rows(&mut self) -> &mut Chain {
        match self.gathers() {
            true => &mut self.after,
            false => &mut self.before,
        }
    }

    pub(crate) fn push(&mut self, node: &LogicalPlan) -> Result<(), Misfit> {
        match node {
            LogicalPlan::SubqueryAlias(_) => Ok(()),
            LogicalPlan::Filter(filter) => {
                let predicate = physical(&filter.predicate, filter.input.schema())?;
                Ok(self.rows().filter(predicate)?)
            }
            LogicalPlan::Projection(projection) => {
                let input = projection.input.schema();
                let exprs = physical_all(&projection.expr, input)?;
                self.check_windows(&exprs)?;
                Ok(self.rows().project(exprs, &names(&projection.schema))?)
            }
            LogicalPlan::Aggregate(aggregate) => {
                let input = aggregate.input.schema();
                let keys = physical_all(&aggregate.group_expr, input)?;
                let calls = aggregate
                    .aggr_expr
                    .iter()
                    .map(|expr| call(expr, input))
                    .collect::<Result<Vec<_>, _>>()?;
                self.group(keys, calls, &aggregate.schema)
            }
            LogicalPlan::Distinct(Distinct::All(input)) => {
                let schema = input.schema();
                let columns = names(schema).into_iter().enumerate();
                let keys = columns.map(|(i, name)| Arc::new(Column::new(&name, i)) as ExprRef);
                self.group(keys.collect(), Vec::new(), schema)
            }
            LogicalPlan::Window(window) => self.over(window),
            other => Err(Misfit::Operator(other.display().to_string())),
        }
    }

    pub(crate) fn is_joined(&self) -> bool {
        !self.tables.is_empty()
    }

    /// Whether windows are open over the rows, by which they can be grouped.
    pub(crate) fn has_windows(&self) -> bool {
        self.before.origins.iter().any(is_window)
    }

    /// The column of the rows' event time.
    fn time(&self) -> Option<usize> {
        let time = Origin::Start(self.relation.event_time?);
        self.before
            .origins
            .iter()
            .position(|origin| *origin == time)
    }

    pub(crate) fn join(
        &mut self,
        join: &Join,
        relations: &[Relation],
        waits: bool,
    ) -> Result<(), Misfit> {
        let name = joined(&join.right).ok_or(Misfit::JoinedQuery)?;
        let relation = relations.iter().find(|r| r.name == name);
        let Some((relation, key)) = relation.and_then(|r| Some((r, r.key.as_ref()?))) else {
            return Err(Misfit::NotATable(name.to_owned()));
        };
        if !relation.is_table {
            return Err(Misfit::NotATable(name.to_owned()));
        }
        let inner = match join.join_type {
            JoinType::Inner => true,
            JoinType::Left => false,
            _ => return Err(Misfit::JoinKind),
        };
        let time = match waits && self.tables.is_empty() {
            true => Some(self.time().ok_or(Misfit::WaitsWithoutTime)?),
            false => None,
        };
        let schema = &join.schema;
        let mut conditions = physical_all(&conjuncts(join), schema)?;
        let width = self.before.schema.fields().len();
        let left = self.before.schema.fields().iter().cloned();
        let right = all_nullable(&relation.schema);
        let fields: Vec<_> = left.chain(right.fields().iter().cloned()).collect();
        let beside = Arc::new(Schema::new(fields));
        let (find, values) = found_by(key, &beside, &mut conditions, width)
            .ok_or_else(|| Misfit::NoEquality(name.to_owned()))?;
        let start = |(value, &of_table): (&ExprRef, &usize)| match self.before.origin(value) {
            // Equal values of two types may be written otherwise, and so be in other partitions.
            Origin::Start(column) => is_of_type(value, &beside, width + of_table).then_some(column),
            _ => None,
        };
        let by = (find == Find::ByKey).then(|| values.iter().zip(key).map(start).collect());
        self.before.lookup(Lookup {
            table: self.tables.len(),
            find,
            key: values,
            columns: (0..right.fields().len()).collect(),
            condition: conjunction_opt(conditions),
            inner,
            missing: Missing::Emit,
            time,
            schema: beside,
        });
        self.tables.push(Joined {
            name: name.to_owned(),
            by: by.flatten(),
        });
        Ok(())
    }

    /// Windows open over the event time alone: what the watermark is about.
    fn check_windows(&mut self, exprs: &[ExprRef]) -> Result<(), Misfit> {
        for expr in exprs {
            let Some((_, window)) = window_bound(expr) else {
                self.several_windows |= CountBound::in_expr(expr).is_some();
                continue;
            };
            self.several_windows |= !is_one_each(window.kind);
            match self.before.origin(expr) {
                Origin::WindowStart { time, .. }
                | Origin::WindowEnd { time, .. }
                | Origin::WindowLast { time, .. } => {
                    if self.behind(time).is_none() {
                        return Err(Misfit::NotEventTime(time));
                    }
                }
                Origin::Start(_) | Origin::Counted(_) | Origin::Computed => {
                    return Err(Misfit::ComputedTime);
                }
            }
        }
        Ok(())
    }

    /// How far a column may be behind the watermark, if windows may open over it.
    pub(crate) fn behind(&self, column: usize) -> Option<Micros> {
        if self.relation.event_time == Some(column) {
            return Some(0);
        }
        let start = self.relation.window.and_then(|carried| carried.start);
        let mut times = start.iter().chain(&self.relation.times);
        let found = times.find(|(time, _)| *time == column);
        found.map(|(_, behind)| *behind)
    }

    fn group(
        &mut self,
        exprs: Vec<ExprRef>,
        calls: Vec<Call>,
        output: &DFSchema,
    ) -> Result<(), Misfit> {
        let by_count = |origin: &Origin| matches!(origin, Origin::Counted(_));
        if self.before.origins.iter().any(by_count) {
            let time = self.relation.event_time;
            let counted = over::plan_counted(&exprs, &calls, output, &mut self.before, time)?;
            (self.over, self.after) = (Some(counted.0), counted.1);
            return Ok(());
        }
        self.gather(exprs, calls, &names(output))
    }

    /// Makes a row of all rows that are equal in some expressions.
    pub(super) fn gather(
        &mut self,
        exprs: Vec<ExprRef>,
        calls: Vec<Call>,
        names: &[String],
    ) -> Result<(), Misfit> {
        let end = self.relation.window.and_then(|carried| carried.end);
        let is_end = |origin: &Origin| end.is_some_and(|end| *origin == Origin::Start(end));
        let by_end = exprs.iter().find(|e| is_end(&self.before.origin(e)));
        if by_end.is_none() && self.by_carried_start(&exprs) {
            return Err(Misfit::NotByEnd);
        }
        let last = by_end.cloned().map(|end| self.with_last_time(end));
        let last = last.transpose()?;
        let mut builder = GroupingBuilder::new(&self.before);
        // A row is in the window that it carries alone, and of that only the end is known to order windows by: it is as
        // good as a window of the last microsecond, with the start as a key.
        builder.window = last.map(|time| (time, WindowKind::Tumble { size: 1 }));
        for (expr, name) in exprs.into_iter().zip(names) {
            if last.is_some() && is_end(&self.before.origin(&expr)) {
                builder.layout.push(ResultColumn::WindowEnd);
            } else {
                builder.key(expr, name)?;
            }
        }
        let mut grouping = builder.finish(calls, names)?;
        let time = grouping
            .window
            .and_then(|(time, _)| self.before.origins.get(time));
        grouping.carried = last.is_some();
        grouping.behind = match time {
            Some(&(Origin::Start(time) | Origin::WindowStart { time, .. })) => self.behind(time),
            _ => None,
        }
        .unwrap_or(0);
        self.after = Chain::new(Arc::clone(&grouping.schema));
        self.grouping = Some(grouping);
        self.restore_key_types(names)
    }

    /// Functions over rows: what comes out of them are the rows as they were, and the results.
    fn over(&mut self, node: &Window) -> Result<(), Misfit> {
        let (input, output) = (node.input.schema(), &node.schema);
        let width = self.before.schema.fields().len();
        let times = Times {
            event: self.relation.event_time,
            window_end: self.relation.window.and_then(|carried| carried.end),
        };
        let over = over::plan(&node.window_expr, input, output, &mut self.before, times)?;
        let schema = over.schema(&self.before.schema);
        let first = schema.fields().len() - over.results.len();
        let places = (0..width).chain(first..schema.fields().len());
        let mut exprs = Vec::with_capacity(places.size_hint().0);
        for (place, wanted) in places.zip(output.fields()) {
            let name = schema.field(place).name();
            let column = Arc::new(Column::new(name, place)) as ExprRef;
            exprs.push(if schema.field(place).data_type() == wanted.data_type() {
                column
            } else {
                cast(column, &schema, wanted.data_type().clone())?
            });
        }
        self.after = Chain::new(schema);
        self.after.project(exprs, &names(output))?;
        self.over = Some(over);
        Ok(())
    }

    /// Whether rows are grouped by the start of the window that they carry.
    fn by_carried_start(&self, exprs: &[ExprRef]) -> bool {
        let start = self.relation.window.and_then(|carried| carried.start);
        let is_start = |origin| start.is_some_and(|(start, _)| origin == Origin::Start(start));
        exprs.iter().any(|e| is_start(self.before.origin(e)))
    }

    /// Adds the last microsecond of the window that ends there to the rows; its column.
    fn with_last_time(&mut self, end: ExprRef) -> Result<usize, Misfit> {
        let fields = self.before.schema.fields().iter().enumerate();
        let all = fields.map(|(i, f)| (Arc::new(Column::new(f.name(), i)) as ExprRef, f.name()));
        let (mut exprs, names): (Vec<_>, Vec<_>) = all.unzip();
        let mut names: Vec<String> = names.into_iter().cloned().collect();
        let time = exprs.len();
        exprs.push(super::window::last_time(end, &self.before.schema)?);
        names.push(super::window::LAST_TIME.to_owned());
        self.before.project(exprs, &names)?;
        Ok(time)
    }

    /// Keys are kept in types that sinks hold, and a window's end stands for its last microsecond; the expressions after
    /// the grouping know them as they were.
    fn restore_key_types(&mut self, names: &[String]) -> Result<(), Misfit> {
        let Some(grouping) = &self.grouping else {
            return Ok(());
        };
        let mut exprs = Vec::with_capacity(grouping.layout.len());
        let mut changed = false;
        for (i, (result, name)) in grouping.layout.iter().zip(names).enumerate() {
            let column = Arc::new(Column::new(name, i)) as ExprRef;
            let computed = match result {
                ResultColumn::Key(key) => grouping.computed.get(*key).cloned().flatten(),
                _ => None,
            };
            let is_last = grouping.last.contains(&i);
            changed |= computed.is_some() || is_last;
            exprs.push(match computed {
                None if is_last => super::window::last_time(column, &grouping.schema)?,
                Some(computed) => cast(column, &grouping.schema, computed)?,
                None => column,
            });
        }
        if changed {
            let origins = std::mem::take(&mut self.after.origins);
            self.after.project(exprs, names)?;
            self.after.origins = origins;
        }
        Ok(())
    }

    /// Makes the last rows those that sinks can hold.
    pub(crate) fn finish(&mut self, names: &[String]) -> Result<(), Misfit> {
        let rows = self.rows();
        let mut exprs = Vec::with_capacity(names.len());
        let mut changed = false;
        for (i, field) in rows.schema.fields().iter().enumerate() {
            let column = Arc::new(Column::new(field.name(), i)) as ExprRef;
            let stored = output::storable(field.data_type()).ok_or_else(|| Misfit::Unstorable {
                name: field.name().clone(),
                what: output::name(field.data_type()),
                hint: output::hint(field.data_type()),
            })?;
            changed |= &stored != field.data_type();
            exprs.push(if &stored == field.data_type() {
                column
            } else {
                cast(column, &rows.schema, stored)?
            });
        }
        let unnamed = rows
            .schema
            .fields()
            .iter()
            .zip(names)
            .any(|(f, name)| f.name() != name);
        if changed || unnamed {
            let origins = rows.origins.clone();
            rows.project(exprs, names)?;
            rows.origins = origins;
        }
        Ok(())
    }

    /// Gives the columns other names.
    pub(crate) fn rename(&mut self, names: &[String]) -> Result<(), Misfit> {
        let rows = self.rows();
        let fields = rows.schema.fields().iter().enumerate();
        let column = |(i, f): (usize, &Arc<Field>)| Arc::new(Column::new(f.name(), i)) as ExprRef;
        let exprs = fields.map(column).collect();
        Ok(rows.project(exprs, names)?)
    }
}

/// Sorts the grouping expressions into keys and the window's bounds.
struct GroupingBuilder<'a> {
    rows: &'a Chain,
    window: Option<(usize, WindowKind)>,
    keys: Vec<ExprRef>,
    key_fields: Vec<Field>,
    computed: Vec<Option<DataType>>,
    layout: Vec<ResultColumn>,
    last: BTreeSet<usize>,
}

impl<'a> GroupingBuilder<'a> {
    fn new(rows: &'a Chain) -> Self {
        Self {
            rows,
            window: None,
            keys: Vec::new(),
            key_fields: Vec::new(),
            computed: Vec::new(),
            layout: Vec::new(),
            last: BTreeSet::new(),
        }
    }

    fn key(&mut self, expr: ExprRef, name: &str) -> Result<(), Misfit> {
        let origin = super::chain::column(&expr).and_then(|i| self.rows.origins.get(i).copied());
        match origin {
            Some(Origin::WindowStart { time, kind }) => {
                self.by_window(time, kind)?;
                self.layout.push(ResultColumn::WindowStart);
            }
            Some(Origin::WindowEnd { time, kind }) => {
                self.by_window(time, kind)?;
                self.layout.push(ResultColumn::WindowEnd);
            }
            Some(Origin::WindowLast { time, kind }) => {
                self.by_window(time, kind)?;
                self.last.insert(self.layout.len());
                self.layout.push(ResultColumn::WindowEnd);
            }
            _ => self.plain_key(expr, name)?,
        }
        Ok(())
    }

    fn plain_key(&mut self, expr: ExprRef, name: &str) -> Result<(), Misfit> {
        let data_type = expr.data_type(&self.rows.schema)?;
        let stored = output::storable(&data_type).ok_or_else(|| Misfit::Unstorable {
            name: name.to_owned(),
            what: output::name(&data_type),
            hint: output::hint(&data_type),
        })?;
        let same = stored == data_type;
        let expr = if same {
            expr
        } else {
            cast(expr, &self.rows.schema, stored.clone())?
        };
        self.computed.push((!same).then_some(data_type));
        self.layout.push(ResultColumn::Key(self.keys.len()));
        self.keys.push(expr);
        self.key_fields.push(field(name, stored));
        Ok(())
    }

    fn by_window(&mut self, time: usize, kind: WindowKind) -> Result<(), Misfit> {
        let start = Origin::WindowStart { time, kind };
        let place = |origin| self.rows.origins.iter().position(|&o| o == origin);
        // The window's start falls into the same window, should the time itself be gone.
        let found =
            place(Origin::Start(time)).or_else(|| place(start).filter(|_| is_one_each(kind)));
        let found = found.ok_or(Misfit::LostTime)?;
        match self.window {
            Some(window) if window != (found, kind) => Err(Misfit::LostTime),
            _ => {
                self.window = Some((found, kind));
                Ok(())
            }
        }
    }

    fn finish(mut self, calls: Vec<Call>, names: &[String]) -> Result<Grouping, Misfit> {
        let window_rows = self.rows.origins.iter().any(is_window);
        if window_rows && self.window.is_none() {
            return Err(Misfit::NotByWindow);
        }
        self.layout
            .extend((0..calls.len()).map(ResultColumn::Function));
        let mut fields = Vec::with_capacity(self.layout.len());
        for (result, name) in self.layout.iter().zip(names) {
            let data_type = match result {
                ResultColumn::Key(i) => self.key_fields.get(*i).map(|f| f.data_type().clone()),
                ResultColumn::Function(i) => match calls.get(*i) {
                    Some(call) => Some(call.data_type(&self.rows.schema)?),
                    None => None,
                },
                ResultColumn::WindowStart | ResultColumn::WindowEnd => Some(super::window::MICROS),
            };
            fields.extend(data_type.map(|t| field(name, t)));
        }
        Ok(Grouping {
            window: self.window,
            behind: 0,
            carried: false,
            keys: self.keys,
            key_schema: Arc::new(Schema::new(self.key_fields)),
            calls,
            layout: self.layout,
            last: self.last,
            schema: Arc::new(Schema::new(fields)),
            computed: self.computed,
        })
    }
}

pub(crate) fn is_window(origin: &Origin) -> bool {
    matches!(
        origin,
        Origin::WindowStart { .. } | Origin::WindowEnd { .. } | Origin::WindowLast { .. }
    )
}

impl Call {
    pub(crate) fn build(
        &self,
        rows: &SchemaRef,
    ) -> datafusion_common::Result<datafusion_physical_expr::aggregate::AggregateFunctionExpr> {
        datafusion_physical_expr::aggregate::AggregateExprBuilder::new(
            Arc::clone(&self.function),
            self.arguments.clone(),
        )
        .schema(Arc::clone(rows))
        .alias(&self.name)
        .with_distinct(self.distinct)
        .with_ignore_nulls(self.ignore_nulls)
        .build()
    }

    pub(crate) fn data_type(&self, rows: &SchemaRef) -> datafusion_common::Result<DataType> {
        Ok(self.build(rows)?.field().data_type().clone())
    }

    pub(crate) fn reads(&self) -> BTreeSet<usize> {
        let exprs = self.arguments.iter().chain(&self.filter);
        exprs.flat_map(super::chain::columns).collect()
    }
}

fn call(expr: &Expr, input: &DFSchema) -> Result<Call, Misfit> {
    let name = expr.schema_name().to_string();
    let mut expr = expr;
    while let Expr::Alias(Alias { expr: inner, .. }) = expr {
        expr = inner;
    }
    let Expr::AggregateFunction(AggregateFunction { func, params }) = expr else {
        return Err(Misfit::Operator(name));
    };
    let filter = params
        .filter
        .as_ref()
        .map(|f| physical(f, input))
        .transpose()?;
    Ok(Call {
        function: Arc::clone(func),
        arguments: physical_all(&params.args, input)?,
        distinct: params.distinct,
        ignore_nulls: params.null_treatment
            == Some(datafusion_expr::expr::NullTreatment::IgnoreNulls),
        filter,
        name,
    })
}

/// The conditions of a join, all of which must be true.
pub(crate) fn conjuncts(join: &Join) -> Vec<Expr> {
    let equal = join.on.iter().map(|(l, r)| l.clone().eq(r.clone()));
    let others = join.filter.iter().flat_map(split_conjunction).cloned();
    equal.chain(others).collect()
}

/// What the rows of a table are found by, and the values of that in a row, which has `width` columns `beside` the table's.
/// Conditions that are true of all that is found so are taken out.
fn found_by(
    key: &[usize],
    beside: &Schema,
    conditions: &mut Vec<ExprRef>,
    width: usize,
) -> Option<(Find, Vec<ExprRef>)> {
    let mut others = conditions.clone();
    let values = key.iter();
    let values = values.map(|&column| take_equal(&mut others, beside, width, column));
    if let Some(values) = values.collect() {
        *conditions = others;
        return Some((Find::ByKey, values));
    }
    let mut equal = conditions.clone();
    let columns = 0..beside.fields().len().saturating_sub(width);
    let value = |column| Some((column, take_equal(&mut equal, beside, width, column)?));
    let (columns, values): (Vec<usize>, _) = columns.filter_map(value).unzip();
    (!columns.is_empty()).then_some((Find::ByColumns(columns), values))
}

/// Whether a value is of the type of a column.
fn is_of_type(value: &ExprRef, schema: &Schema, column: usize) -> bool {
    let field = schema.fields().get(column);
    let types = field.zip(value.data_type(schema).ok());
    types.is_some_and(|(field, of_value)| *field.data_type() == of_value)
}

/// Takes out the condition that a column of the table is equal to a value of the row, which has `width` columns, and
/// returns the value. It may be of a type that holds all values of the column's and more.
pub(super) fn take_equal(
    conditions: &mut Vec<ExprRef>,
    beside: &Schema,
    width: usize,
    of_table: usize,
) -> Option<ExprRef> {
    let is_key = |e: &ExprRef| column(widened(e, beside)) == Some(width + of_table);
    let of_row = |e: &ExprRef| columns(e).iter().all(|&i| i < width);
    let value = |condition: &ExprRef| {
        let equal = condition.as_any().downcast_ref::<BinaryExpr>()?;
        let sides = [(equal.left(), equal.right()), (equal.right(), equal.left())];
        let found = sides.into_iter().find(|(l, r)| is_key(l) && of_row(r));
        let is_equal = equal.op() == &Operator::Eq;
        found
            .filter(|_| is_equal)
            .map(|(_, value)| Arc::clone(value))
    };
    let place = conditions.iter().position(|c| value(c).is_some())?;
    value(&conditions.remove(place))
}

pub(super) fn physical_all(
    exprs: &[Expr],
    input: &DFSchema,
) -> datafusion_common::Result<Vec<ExprRef>> {
    exprs.iter().map(|e| physical(e, input)).collect()
}

pub(crate) fn names(schema: &DFSchema) -> Vec<String> {
    schema.fields().iter().map(|f| f.name().clone()).collect()
}
