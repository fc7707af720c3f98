//! Operators of a logical plan to the shape of a stream: steps, at most one grouping, steps.

mod call;
mod grouping;
mod kept;
mod lookup;
mod misfit;

use std::sync::Arc;

use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use datafusion_common::DFSchema;
use datafusion_common::tree_node::TreeNode as _;
use datafusion_expr::{Distinct, Expr, LogicalPlan, Window};
use datafusion_physical_expr::expressions::{Column, cast};

pub(crate) use self::call::Call;
use self::call::call;
pub(crate) use self::grouping::{Grouping, is_window};
pub(crate) use self::lookup::{conjuncts, take_equal};
pub(crate) use self::misfit::Misfit;
use super::Relation;
use super::chain::{Chain, Origin, as_they_are, field, names, window_bound};
use super::count::CountBound;
use super::join::JoinShape;
use super::output;
use super::over::{self, OverShape, Times};
use super::types::physical;
use super::window::is_one_each;
use crate::model::{ExprRef, Micros, WindowKind};

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
    /// The column that says whether a row is kept, behind all others: see [`kept`].
    kept: Option<usize>,
}

/// A table that rows are joined with.
#[derive(Debug, Clone)]
pub(crate) struct Joined {
    pub(crate) name: String,
    /// The columns of the relation that are equal to the table's primary key, if there is one for each.
    pub(crate) by: Option<Vec<usize>>,
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
            kept: None,
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
                match self.rows_decide_windows() {
                    true => self.keep(predicate),
                    false => Ok(self.rows().filter(predicate)?),
                }
            }
            LogicalPlan::Projection(projection) => {
                let input = projection.input.schema();
                let exprs = physical_all(&projection.expr, input)?;
                self.check_windows(&exprs)?;
                let names = names(projection.schema.fields());
                match self.gathers() {
                    true => self.after.project(exprs, &names)?,
                    false => self.project_before(exprs, names)?,
                }
                Ok(())
            }
            LogicalPlan::Aggregate(aggregate) => {
                let input = aggregate.input.schema();
                let keys = physical_all(&aggregate.group_expr, input)?;
                let calls = aggregate
                    .aggr_expr
                    .iter()
                    .map(|expr| call(expr, input))
                    .collect::<Result<Vec<_>, _>>()?;
                self.group(keys, calls, aggregate.schema.fields())
            }
            LogicalPlan::Distinct(Distinct::All(input)) => {
                let schema = input.schema();
                let keys = as_they_are(schema.fields());
                self.group(keys, Vec::new(), schema.fields())
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

    /// Brings rows that are equal in some expressions together; what is `wanted` are these, and what the functions give.
    fn bring_together(
        &mut self,
        exprs: Vec<ExprRef>,
        calls: Vec<Call>,
        wanted: &[FieldRef],
    ) -> Result<(), Misfit> {
        let by_count = |origin: &Origin| matches!(origin, Origin::Counted(_));
        if self.before.origins.iter().any(by_count) {
            let time = self.relation.event_time;
            let counted = over::plan_counted(&exprs, &calls, wanted, &mut self.before, time)?;
            (self.over, self.after) = (Some(counted.0), counted.1);
            return Ok(());
        }
        self.gather(exprs, calls, &names(wanted))
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
        self.after.project(exprs, &names(output.fields()))?;
        self.over = Some(over);
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
        let exprs = as_they_are(rows.schema.fields());
        Ok(rows.project(exprs, names)?)
    }
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

pub(super) fn physical_all(
    exprs: &[Expr],
    input: &DFSchema,
) -> datafusion_common::Result<Vec<ExprRef>> {
    exprs.iter().map(|e| physical(e, input)).collect()
}
