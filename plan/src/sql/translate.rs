//! A logical plan to the shape of a stream: steps, at most one grouping, steps.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
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
use super::output;
use super::over::{self, OverShape, Refused, Times};
use super::types::physical;
use super::window::is_one_each;
use crate::model::{ExprRef, Find, Lookup, Missing, ResultColumn, WindowKind};

/// A query in the shape of a stream, bound to all the columns of the table that it reads.
#[derive(Debug, Clone)]
pub(crate) struct Shape {
    /// The table's name.
    pub(crate) table: String,
    /// The names of the tables that it is joined with; lookups have indices into these.
    pub(crate) tables: Vec<Joined>,
    pub(crate) before: Chain,
    pub(crate) grouping: Option<Grouping>,
    /// Functions over rows; where there are any, there is no grouping.
    pub(crate) over: Option<OverShape>,
    pub(crate) after: Chain,
    /// Windows are opened that a row does not tell: it falls into several, or other rows decide.
    several_windows: bool,
    /// The column of the table that is the end of its row's window.
    window_end: Option<usize>,
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
    pub(crate) keys: Vec<ExprRef>,
    pub(crate) key_schema: SchemaRef,
    pub(crate) calls: Vec<Call>,
    pub(crate) layout: Vec<ResultColumn>,
    pub(crate) schema: SchemaRef,
    /// The types in which the keys were computed, where they are stored in another one.
    computed: Vec<Option<DataType>>,
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
    /// Something grouped is grouped again.
    TwoGroupings,
    /// The window's time is not a column of the table as it is.
    ComputedTime,
    /// The window's time is this column of the table, which is not its event time.
    NotEventTime(usize),
    /// A window is opened, and the grouping is not by it.
    NotByWindow,
    /// A row does not tell its windows, and the grouping is not by them.
    SeveralWindows,
    /// The grouping is by the windows of two calls, or by a window whose time is gone.
    LostTime,
    /// A call with OVER that no stream can do.
    Over(Refused),
    /// What is joined is no table.
    NotATable(String),
    /// What is joined is more than a name.
    JoinedQuery,
    /// What is joined is grouped already.
    JoinedLater,
    /// A join that is neither INNER nor LEFT.
    JoinKind,
    /// A join with this table in which no column of it is equal to something.
    NoEquality(String),
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

/// Translates a plan that reads one relation, and looks rows up in others.
pub(crate) fn translate(
    plan: &LogicalPlan,
    relation: &Relation,
    relations: &[Relation],
) -> Result<Shape, Misfit> {
    let nodes = nodes_from_leaf(plan)?;
    let mut nodes = nodes.into_iter();
    let Some(LogicalPlan::TableScan(scan)) = nodes.next() else {
        return Err(Misfit::Operator("a query without a table".into()));
    };
    let mut shape = Shape {
        table: scan.table_name.table().to_owned(),
        tables: Vec::new(),
        before: Chain::new(all_nullable(scan.source.schema().as_ref())),
        grouping: None,
        over: None,
        after: Chain::new(crate::model::empty_schema()),
        several_windows: false,
        window_end: relation.window_end,
    };
    for node in nodes {
        match node {
            LogicalPlan::Join(join) => shape.join(join, relations)?,
            other => shape.push(other, relation.event_time)?,
        }
    }
    shape.finish(plan.schema())?;
    if shape.several_windows && shape.window().is_none() {
        return Err(Misfit::SeveralWindows);
    }
    Ok(shape)
}

/// The plan's operators, the table first.
fn nodes_from_leaf(plan: &LogicalPlan) -> Result<Vec<&LogicalPlan>, Misfit> {
    let mut nodes = vec![plan];
    let mut node = plan;
    loop {
        match node.inputs().as_slice() {
            [] => break,
            [input] | [input, _] if is_line(node) => {
                node = input;
                nodes.push(node);
            }
            _ => return Err(Misfit::Operator(node.display().to_string())),
        }
    }
    nodes.reverse();
    Ok(nodes)
}

/// Whether a node has one input, or is a join of its first input with a table.
fn is_line(node: &LogicalPlan) -> bool {
    matches!(node, LogicalPlan::Join(_)) || node.inputs().len() == 1
}

/// The relation that is joined, if it is joined as it is.
fn joined(plan: &LogicalPlan) -> Option<&str> {
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
    fn window(&self) -> Option<(usize, WindowKind)> {
        self.grouping.as_ref()?.window
    }

    /// The rows that the next operator works on.
    fn rows(&mut self) -> &mut Chain {
        if self.grouping.is_some() || self.over.is_some() {
            &mut self.after
        } else {
            &mut self.before
        }
    }

    fn push(&mut self, node: &LogicalPlan, event_time: Option<usize>) -> Result<(), Misfit> {
        match node {
            LogicalPlan::SubqueryAlias(_) => Ok(()),
            LogicalPlan::Filter(filter) => {
                let predicate = physical(&filter.predicate, filter.input.schema())?;
                Ok(self.rows().filter(predicate)?)
            }
            LogicalPlan::Projection(projection) => {
                let input = projection.input.schema();
                let exprs = physical_all(&projection.expr, input)?;
                self.check_windows(&exprs, event_time)?;
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
                self.group(keys, calls, &names(&aggregate.schema))
            }
            LogicalPlan::Distinct(Distinct::All(input)) => {
                let schema = input.schema();
                let columns = names(schema).into_iter().enumerate();
                let keys = columns.map(|(i, name)| Arc::new(Column::new(&name, i)) as ExprRef);
                self.group(keys.collect(), Vec::new(), &names(schema))
            }
            LogicalPlan::Window(window) => self.over(window, event_time),
            other => Err(Misfit::Operator(other.display().to_string())),
        }
    }

    fn join(&mut self, join: &Join, relations: &[Relation]) -> Result<(), Misfit> {
        let name = joined(&join.right).ok_or(Misfit::JoinedQuery)?;
        let relation = relations.iter().find(|r| r.name == name);
        let Some((relation, key)) = relation.and_then(|r| Some((r, r.key.as_ref()?))) else {
            return Err(Misfit::NotATable(name.to_owned()));
        };
        if !relation.is_table {
            return Err(Misfit::NotATable(name.to_owned()));
        }
        if self.grouping.is_some() || self.over.is_some() {
            return Err(Misfit::JoinedLater);
        }
        let inner = match join.join_type {
            JoinType::Inner => true,
            JoinType::Left => false,
            _ => return Err(Misfit::JoinKind),
        };
        let schema = &join.schema;
        let mut conditions = physical_all(&conjuncts(join), schema)?;
        let width = self.before.schema.fields().len();
        let (find, key) = found_by(key, &relation.schema, &mut conditions, width)
            .ok_or_else(|| Misfit::NoEquality(name.to_owned()))?;
        let start = |value: &ExprRef| match self.before.origin(value) {
            Origin::Start(column) => Some(column),
            _ => None,
        };
        let by = (find == Find::ByKey).then(|| key.iter().map(start).collect());
        let left = self.before.schema.fields().iter().cloned();
        let right = all_nullable(&relation.schema);
        let fields: Vec<_> = left.chain(right.fields().iter().cloned()).collect();
        self.before.lookup(Lookup {
            table: self.tables.len(),
            find,
            key,
            columns: (0..right.fields().len()).collect(),
            condition: conjunction_opt(conditions),
            inner,
            missing: Missing::Emit,
            schema: Arc::new(Schema::new(fields)),
        });
        self.tables.push(Joined {
            name: name.to_owned(),
            by: by.flatten(),
        });
        Ok(())
    }

    /// Windows open over the event time alone: what the watermark is about.
    fn check_windows(
        &mut self,
        exprs: &[ExprRef],
        event_time: Option<usize>,
    ) -> Result<(), Misfit> {
        for expr in exprs {
            let Some((_, window)) = window_bound(expr) else {
                continue;
            };
            self.several_windows |= !is_one_each(window.kind);
            match self.before.origin(expr) {
                _ if self.grouping.is_some() || self.over.is_some() => {
                    return Err(Misfit::ComputedTime);
                }
                Origin::WindowStart { time, .. } | Origin::WindowEnd { time, .. } => {
                    if event_time != Some(time) {
                        return Err(Misfit::NotEventTime(time));
                    }
                }
                Origin::Start(_) | Origin::Computed => return Err(Misfit::ComputedTime),
            }
        }
        Ok(())
    }

    fn group(
        &mut self,
        exprs: Vec<ExprRef>,
        calls: Vec<Call>,
        names: &[String],
    ) -> Result<(), Misfit> {
        if self.grouping.is_some() {
            return Err(Misfit::TwoGroupings);
        }
        if self.over.is_some() {
            return Err(Misfit::Over(Refused::Grouped));
        }
        let mut builder = GroupingBuilder::new(&self.before);
        for (expr, name) in exprs.into_iter().zip(names) {
            builder.key(expr, name)?;
        }
        let grouping = builder.finish(calls, names)?;
        self.after = Chain::new(Arc::clone(&grouping.schema));
        self.grouping = Some(grouping);
        self.restore_key_types(names)
    }

    /// Functions over rows: what comes out of them are the rows as they were, and the results.
    fn over(&mut self, node: &Window, event_time: Option<usize>) -> Result<(), Misfit> {
        if self.grouping.is_some() {
            return Err(Misfit::Over(Refused::Grouped));
        }
        if self.over.is_some() {
            return Err(Misfit::Over(Refused::Several));
        }
        let (input, output) = (node.input.schema(), &node.schema);
        let width = self.before.schema.fields().len();
        let times = Times {
            event: event_time,
            window_end: self.window_end,
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

    /// Keys are kept in types that sinks hold; the expressions after the grouping know them as they were.
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
            changed |= computed.is_some();
            exprs.push(match computed {
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
    fn finish(&mut self, schema: &DFSchema) -> Result<(), Misfit> {
        let names = names(schema);
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
            .zip(&names)
            .any(|(f, name)| f.name() != name);
        if changed || unnamed {
            let origins = rows.origins.clone();
            rows.project(exprs, &names)?;
            rows.origins = origins;
        }
        Ok(())
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
            keys: self.keys,
            key_schema: Arc::new(Schema::new(self.key_fields)),
            calls,
            layout: self.layout,
            schema: Arc::new(Schema::new(fields)),
            computed: self.computed,
        })
    }
}

pub(crate) fn is_window(origin: &Origin) -> bool {
    matches!(
        origin,
        Origin::WindowStart { .. } | Origin::WindowEnd { .. }
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

    fn data_type(&self, rows: &SchemaRef) -> datafusion_common::Result<DataType> {
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
fn conjuncts(join: &Join) -> Vec<Expr> {
    let equal = join.on.iter().map(|(l, r)| l.clone().eq(r.clone()));
    let others = join.filter.iter().flat_map(split_conjunction).cloned();
    equal.chain(others).collect()
}

/// What the rows of a table are found by, and the values of that in a row, which has `width` columns. Conditions that
/// are true of all that is found so are taken out.
fn found_by(
    key: &[usize],
    table: &Schema,
    conditions: &mut Vec<ExprRef>,
    width: usize,
) -> Option<(Find, Vec<ExprRef>)> {
    let mut others = conditions.clone();
    let values = key.iter();
    let values = values.map(|&column| take_equal(&mut others, width, column));
    if let Some(values) = values.collect() {
        *conditions = others;
        return Some((Find::ByKey, values));
    }
    let mut equal = conditions.clone();
    let columns = 0..table.fields().len();
    let value = |column| Some((column, take_equal(&mut equal, width, column)?));
    let (columns, values): (Vec<usize>, _) = columns.filter_map(value).unzip();
    (!columns.is_empty()).then_some((Find::ByColumns(columns), values))
}

/// Takes out the condition that a column of the table is equal to a value of the row, which has `width` columns, and
/// returns the value.
fn take_equal(conditions: &mut Vec<ExprRef>, width: usize, of_table: usize) -> Option<ExprRef> {
    let is_key = |e: &ExprRef| column(e) == Some(width + of_table);
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

fn physical_all(exprs: &[Expr], input: &DFSchema) -> datafusion_common::Result<Vec<ExprRef>> {
    exprs.iter().map(|e| physical(e, input)).collect()
}

fn names(schema: &DFSchema) -> Vec<String> {
    schema.fields().iter().map(|f| f.name().clone()).collect()
}
