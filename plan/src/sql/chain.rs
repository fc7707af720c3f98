//! A chain of row-by-row steps, kept short while it is built: projections are merged, filters go below them, and at the
//! end every column that nobody reads is dropped.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion_common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion_common::{Result, internal_datafusion_err};
use datafusion_physical_expr::ScalarFunctionExpr;
use datafusion_physical_expr::expressions::Column;
use datafusion_physical_expr::utils::collect_columns;

use super::window::{Bound, WindowBound};
use crate::model::{ExprRef, Step, WindowKind};

/// What a column is, seen from the start of its chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Column `i` of what the chain starts from, unchanged.
    Start(usize),
    /// The first microsecond of the window that column `time` of the chain's start falls into.
    WindowStart { time: usize, kind: WindowKind },
    /// The first microsecond after that window.
    WindowEnd { time: usize, kind: WindowKind },
    /// Anything else.
    Computed,
}

/// Steps and the rows that come out of them.
#[derive(Debug, Clone)]
pub(crate) struct Chain {
    pub(crate) steps: Vec<Step>,
    pub(crate) schema: SchemaRef,
    pub(crate) origins: Vec<Origin>,
}

impl Chain {
    pub(crate) fn new(schema: SchemaRef) -> Self {
        let origins = (0..schema.fields().len()).map(Origin::Start).collect();
        Self {
            steps: Vec::new(),
            schema,
            origins,
        }
    }

    /// Adds a filter, below a projection that computes nothing which it reads.
    pub(crate) fn filter(&mut self, predicate: ExprRef) -> Result<()> {
        if let Some(Step::Project { exprs, .. }) = self.steps.last() {
            let plain = columns(&predicate)
                .iter()
                .all(|&i| exprs.get(i).is_some_and(|e| column(e).is_some()));
            if plain {
                let below = substitute(&predicate, exprs)?;
                let at = self.steps.len().saturating_sub(1);
                self.steps.insert(at, Step::Filter(below));
                return Ok(());
            }
        }
        self.steps.push(Step::Filter(predicate));
        Ok(())
    }

    /// Adds a projection, merged into the one before where that repeats no work.
    pub(crate) fn project(&mut self, exprs: Vec<ExprRef>, names: &[String]) -> Result<()> {
        let schema = schema_of(&exprs, names, &self.schema)?;
        let origins = exprs.iter().map(|e| self.origin(e)).collect();
        let exprs = match self.steps.pop() {
            Some(Step::Project { exprs: inner, .. }) if mergeable(&inner, &exprs) => exprs
                .iter()
                .map(|e| substitute(e, &inner))
                .collect::<Result<_>>()?,
            other => {
                self.steps.extend(other);
                exprs
            }
        };
        self.steps.push(Step::Project {
            exprs,
            schema: Arc::clone(&schema),
        });
        self.schema = schema;
        self.origins = origins;
        Ok(())
    }

    pub(crate) fn origin(&self, expr: &ExprRef) -> Origin {
        if let Some(i) = column(expr) {
            return self.origins.get(i).copied().unwrap_or(Origin::Computed);
        }
        let Some((call, window)) = window_bound(expr) else {
            return Origin::Computed;
        };
        let time = call.args().first().and_then(column);
        match time.and_then(|i| self.origins.get(i)) {
            Some(&Origin::Start(time)) => match window.bound {
                Bound::Start => Origin::WindowStart {
                    time,
                    kind: window.kind,
                },
                Bound::End => Origin::WindowEnd {
                    time,
                    kind: window.kind,
                },
            },
            _ => Origin::Computed,
        }
    }
}

/// The call of a window's bound, if the expression is one.
pub(crate) fn window_bound(expr: &ExprRef) -> Option<(&ScalarFunctionExpr, &WindowBound)> {
    let call = expr.as_any().downcast_ref::<ScalarFunctionExpr>()?;
    let bound = call.fun().inner().as_any().downcast_ref::<WindowBound>()?;
    Some((call, bound))
}

/// Steps from which the unread columns are gone.
pub(crate) struct Narrowed {
    pub(crate) steps: Vec<Step>,
    /// The columns that the first step reads, or that pass through.
    pub(crate) reads: BTreeSet<usize>,
    /// Old index of a column that comes out to its new one.
    pub(crate) moved: Moves,
}

/// Where columns have gone: old index to new.
pub(crate) type Moves = BTreeMap<usize, usize>;

/// Drops what is not needed for the columns `wanted`.
pub(crate) fn narrow(steps: &[Step], wanted: &BTreeSet<usize>, width: usize) -> Result<Narrowed> {
    let needed = needed_after_each(steps, wanted);
    let mut moved: Moves = (0..width).map(|i| (i, i)).collect();
    let mut narrow = Vec::with_capacity(steps.len());
    for (step, keep) in steps.iter().zip(needed.iter().skip(1)) {
        narrow.push(match step {
            Step::Filter(predicate) => Step::Filter(remap(predicate, &moved)?),
            Step::Project { exprs, schema } => {
                let kept = pick(exprs, keep)
                    .map(|e| remap(e, &moved))
                    .collect::<Result<Vec<_>>>()?;
                moved = keep
                    .iter()
                    .enumerate()
                    .map(|(new, &old)| (old, new))
                    .collect();
                let fields: Vec<_> = pick(schema.fields(), keep).cloned().collect();
                Step::Project {
                    exprs: kept,
                    schema: Arc::new(Schema::new(fields)),
                }
            }
        });
    }
    let reads = needed.into_iter().next().unwrap_or_default();
    Ok(Narrowed {
        steps: narrow,
        reads,
        moved,
    })
}

/// The columns needed before the first step, and after each.
fn needed_after_each(steps: &[Step], wanted: &BTreeSet<usize>) -> Vec<BTreeSet<usize>> {
    let mut needed = vec![wanted.clone()];
    for step in steps.iter().rev() {
        let after = needed.last().cloned().unwrap_or_default();
        needed.push(match step {
            Step::Filter(predicate) => after.union(&columns(predicate)).copied().collect(),
            Step::Project { exprs, .. } => pick(exprs, &after).flat_map(columns).collect(),
        });
    }
    needed.reverse();
    // A filter hands on what it is given, so that what it needs is still there after it.
    for i in 0..steps.len() {
        if let (Some(Step::Filter(_)), Some(before)) = (steps.get(i), needed.get(i).cloned())
            && let Some(after) = needed.get_mut(i + 1)
        {
            *after = before;
        }
    }
    needed
}

fn pick<'a, T>(items: &'a [T], indices: &'a BTreeSet<usize>) -> impl Iterator<Item = &'a T> {
    indices.iter().filter_map(|&i| items.get(i))
}

/// Moves the columns that the steps up to the first projection read, and drops projections that change nothing.
pub(crate) fn rebase(steps: &[Step], moves: &Moves, input: &SchemaRef) -> Result<Vec<Step>> {
    let mut out = Vec::with_capacity(steps.len());
    let mut schema = Arc::clone(input);
    let mut moves = Some(moves);
    for step in steps {
        let step = match step {
            Step::Filter(predicate) => Step::Filter(moved(predicate, moves)?),
            Step::Project { exprs, schema } => {
                let exprs = exprs
                    .iter()
                    .map(|e| moved(e, moves))
                    .collect::<Result<_>>()?;
                moves = None;
                Step::Project {
                    exprs,
                    schema: Arc::clone(schema),
                }
            }
        };
        if let Step::Project {
            exprs,
            schema: projected,
        } = &step
        {
            if is_identity(exprs, projected, &schema) {
                continue;
            }
            schema = Arc::clone(projected);
        }
        out.push(step);
    }
    Ok(out)
}

fn moved(expr: &ExprRef, moves: Option<&Moves>) -> Result<ExprRef> {
    moves.map_or_else(|| Ok(Arc::clone(expr)), |moves| remap(expr, moves))
}

/// The schema of the rows that come out.
pub(crate) fn schema_after(steps: &[Step], input: &SchemaRef) -> SchemaRef {
    let last = steps.iter().rev().find_map(|step| match step {
        Step::Project { schema, .. } => Some(schema),
        Step::Filter(_) => None,
    });
    Arc::clone(last.unwrap_or(input))
}

fn is_identity(exprs: &[ExprRef], projected: &Schema, input: &Schema) -> bool {
    let names = |schema: &Schema| -> Vec<String> {
        schema.fields().iter().map(|f| f.name().clone()).collect()
    };
    exprs.iter().enumerate().all(|(i, e)| column(e) == Some(i)) && names(projected) == names(input)
}

/// Whether putting `inner` into `outer` computes nothing twice.
fn mergeable(inner: &[ExprRef], outer: &[ExprRef]) -> bool {
    let mut uses = vec![0_usize; inner.len()];
    for expr in outer {
        let _ = expr.apply(|node| {
            if let Some(count) = column(node).and_then(|i| uses.get_mut(i)) {
                *count += 1;
            }
            Ok(TreeNodeRecursion::Continue)
        });
    }
    inner
        .iter()
        .zip(uses)
        .all(|(expr, uses)| uses <= 1 || expr.children().is_empty())
}

/// The index, if the expression is a column and nothing else.
pub(crate) fn column(expr: &ExprRef) -> Option<usize> {
    expr.as_any().downcast_ref::<Column>().map(Column::index)
}

/// The columns that an expression reads.
pub(crate) fn columns(expr: &ExprRef) -> BTreeSet<usize> {
    collect_columns(expr).iter().map(Column::index).collect()
}

/// The expression with its columns moved.
pub(crate) fn remap(expr: &ExprRef, moves: &Moves) -> Result<ExprRef> {
    replace_columns(expr, |column| {
        let new = moves.get(&column.index()).copied();
        new.map(|new| Arc::new(Column::new(column.name(), new)) as ExprRef)
    })
}

/// The expression over the rows that `inner` is over.
pub(crate) fn substitute(expr: &ExprRef, inner: &[ExprRef]) -> Result<ExprRef> {
    replace_columns(expr, |column| inner.get(column.index()).cloned())
}

fn replace_columns(expr: &ExprRef, with: impl Fn(&Column) -> Option<ExprRef>) -> Result<ExprRef> {
    let replaced = Arc::clone(expr).transform_down(|node| {
        let Some(column) = node.as_any().downcast_ref::<Column>() else {
            return Ok(Transformed::no(node));
        };
        let new = with(column)
            .ok_or_else(|| internal_datafusion_err!("column `{}` is lost", column.name()))?;
        // What comes in is bound already: do not descend into it.
        Ok(Transformed::new(new, true, TreeNodeRecursion::Jump))
    })?;
    Ok(replaced.data)
}

fn schema_of(exprs: &[ExprRef], names: &[String], input: &Schema) -> Result<SchemaRef> {
    let fields = exprs
        .iter()
        .zip(names)
        .map(|(expr, name)| Ok(field(name, expr.data_type(input)?)));
    Ok(Arc::new(Schema::new(fields.collect::<Result<Vec<_>>>()?)))
}

/// A column of rows. All may be null: a deletion has values for its key alone.
pub(crate) fn field(name: &str, data_type: DataType) -> Field {
    Field::new(name, data_type, true)
}
