//! A chain of row-by-row steps, kept short while it is built: projections are merged, filters go below them, and at the
//! end every column that nobody reads is dropped.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use datafusion_common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion_common::{Result, internal_datafusion_err};
use datafusion_physical_expr::ScalarFunctionExpr;
use datafusion_physical_expr::expressions::Column;
use datafusion_physical_expr::utils::collect_columns;

use super::count::CountBound;
use super::window::{Bound, WindowBound};
use crate::model::{ExprRef, Lookup, Step, WindowKind};

/// What a column is, seen from the start of its chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Column `i` of what the chain starts from, unchanged.
    Start(usize),
    /// The first microsecond of the window that column `time` of the chain's start falls into.
    WindowStart { time: usize, kind: WindowKind },
    /// The first microsecond after that window.
    WindowEnd { time: usize, kind: WindowKind },
    /// The last microsecond of it.
    WindowLast { time: usize, kind: WindowKind },
    /// A bound of the window that a row is counted into.
    Counted(CountBound),
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

    /// Adds a lookup.
    pub(crate) fn lookup(&mut self, lookup: Lookup) {
        self.schema = Arc::clone(&lookup.schema);
        self.origins
            .extend(lookup.columns.iter().map(|_| Origin::Computed));
        self.steps.push(Step::Lookup(lookup));
    }

    /// Makes rows of changes, with a column of this name that says whether there is a row after the change.
    pub(crate) fn changes(&mut self, there: &str) {
        let fields = self.schema.fields().iter().cloned();
        let there = Arc::new(field(there, DataType::Boolean));
        self.schema = Arc::new(Schema::new(fields.chain([there]).collect::<Vec<_>>()));
        self.origins.push(Origin::Computed);
        self.steps.push(Step::Changes {
            schema: Arc::clone(&self.schema),
        });
    }

    /// Adds a filter, below a projection that computes nothing which it reads, and below a lookup of nothing that it
    /// reads.
    pub(crate) fn filter(&mut self, predicate: ExprRef) -> Result<()> {
        if let Some(Step::Lookup(lookup)) = self.steps.last()
            && columns(&predicate).iter().all(|&i| i < lookup.width())
        {
            let above = self.steps.pop();
            self.filter(predicate)?;
            self.steps.extend(above);
            return Ok(());
        }
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

    /// Adds a column behind all others; its index.
    pub(crate) fn append(&mut self, expr: ExprRef, name: &str) -> Result<usize> {
        let mut exprs = as_they_are(self.schema.fields());
        let mut names = names(self.schema.fields());
        let at = exprs.len();
        exprs.push(expr);
        names.push(name.to_owned());
        self.project(exprs, &names)?;
        Ok(at)
    }

    pub(crate) fn origin(&self, expr: &ExprRef) -> Origin {
        if let Some(i) = column(expr) {
            return self.origins.get(i).copied().unwrap_or(Origin::Computed);
        }
        let Some((call, window)) = window_bound(expr) else {
            return CountBound::in_expr(expr).map_or(Origin::Computed, Origin::Counted);
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
                Bound::Last => Origin::WindowLast {
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
    let mut width = width;
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
                width = keep.len();
                let fields: Vec<_> = pick(schema.fields(), keep).cloned().collect();
                Step::Project {
                    exprs: kept,
                    schema: Arc::new(Schema::new(fields)),
                }
            }
            Step::Changes { schema } => {
                let last = schema.fields().len().saturating_sub(1);
                let schema = Arc::new(schema.project(&kept_columns(&moved, [last]))?);
                moved.insert(last, width);
                width += 1;
                Step::Changes { schema }
            }
            Step::Lookup(lookup) => {
                let before = lookup.width();
                let kept = keep.iter().copied().filter(|&i| i >= before);
                let kept: Vec<usize> = kept.collect();
                let all = kept_columns(&moved, kept.iter().copied());
                let key = lookup.key.iter().map(|e| remap(e, &moved));
                let key = key.collect::<Result<_>>()?;
                let time = lookup.time.and_then(|time| moved.get(&time).copied());
                moved.extend(kept.iter().enumerate().map(|(i, &old)| (old, width + i)));
                width += kept.len();
                let columns = kept.iter().filter_map(|i| lookup.columns.get(i - before));
                Step::Lookup(Lookup {
                    key,
                    time,
                    columns: columns.copied().collect(),
                    condition: condition(lookup, &moved)?,
                    schema: Arc::new(lookup.schema.project(&all)?),
                    ..lookup.clone()
                })
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

/// The old indices of columns in their new order, and of more after them.
fn kept_columns(moved: &Moves, more: impl IntoIterator<Item = usize>) -> Vec<usize> {
    let mut left: Vec<(usize, usize)> = moved.iter().map(|(&old, &new)| (new, old)).collect();
    left.sort_unstable();
    let left = left.into_iter().map(|(_, old)| old);
    left.chain(more).collect()
}

/// The columns needed before the first step, and after each.
fn needed_after_each(steps: &[Step], wanted: &BTreeSet<usize>) -> Vec<BTreeSet<usize>> {
    let mut needed = vec![wanted.clone()];
    for step in steps.iter().rev() {
        let after = needed.last().cloned().unwrap_or_default();
        needed.push(match step {
            Step::Filter(predicate) => after.union(&columns(predicate)).copied().collect(),
            Step::Project { exprs, .. } => pick(exprs, &after).flat_map(columns).collect(),
            Step::Changes { schema } => {
                let is_before = |i: &usize| i + 1 < schema.fields().len();
                after.into_iter().filter(is_before).collect()
            }
            Step::Lookup(lookup) => {
                let read = lookup.key.iter().chain(&lookup.condition).flat_map(columns);
                let all = after.into_iter().chain(read).chain(lookup.time);
                all.filter(|&i| i < lookup.width()).collect()
            }
        });
    }
    needed.reverse();
    // Filters and lookups hand on what they are given, so that what they need is still there after them.
    for (i, step) in steps.iter().enumerate() {
        let Some(before) = needed.get(i).cloned() else {
            continue;
        };
        match (step, needed.get_mut(i + 1)) {
            (Step::Filter(_), Some(after)) => *after = before,
            (Step::Changes { .. }, Some(after)) => after.extend(before),
            (Step::Lookup(lookup), Some(after)) => {
                after.extend(before);
                after.extend(lookup.condition.iter().flat_map(columns));
            }
            _ => {}
        }
    }
    needed
}

fn condition(lookup: &Lookup, moves: &Moves) -> Result<Option<ExprRef>> {
    let condition = lookup.condition.as_ref();
    condition.map(|e| remap(e, moves)).transpose()
}

fn pick<'a, T>(items: &'a [T], indices: &'a BTreeSet<usize>) -> impl Iterator<Item = &'a T> {
    indices.iter().filter_map(|&i| items.get(i))
}

/// Moves the columns that the steps up to the first projection read, and drops projections that change nothing. Where
/// there is no projection, says where the columns have gone.
pub(crate) fn rebase(
    steps: &[Step],
    moves: Moves,
    input: &SchemaRef,
) -> Result<(Vec<Step>, Option<Moves>)> {
    let mut out = Vec::with_capacity(steps.len());
    let mut schema = Arc::clone(input);
    let mut moves = Some(moves);
    for step in steps {
        let step = match step {
            Step::Filter(predicate) => Step::Filter(moved(predicate, moves.as_ref())?),
            Step::Project { exprs, schema } => {
                let exprs = exprs
                    .iter()
                    .map(|e| moved(e, moves.as_ref()))
                    .collect::<Result<_>>()?;
                moves = None;
                Step::Project {
                    exprs,
                    schema: Arc::clone(schema),
                }
            }
            Step::Changes { schema: changed } => {
                let mut changed = Arc::clone(changed);
                if let Some(moves) = &mut moves {
                    let last = changed.fields().len().saturating_sub(1);
                    let fields = schema.fields().iter().chain(changed.fields().get(last));
                    moves.insert(last, schema.fields().len());
                    changed = Arc::new(Schema::new(fields.cloned().collect::<Vec<_>>()));
                }
                schema = Arc::clone(&changed);
                Step::Changes { schema: changed }
            }
            Step::Lookup(lookup) => {
                let lookup = match &mut moves {
                    Some(moves) => beside(lookup, moves, &schema)?,
                    None => lookup.clone(),
                };
                schema = Arc::clone(&lookup.schema);
                Step::Lookup(lookup)
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
    Ok((out, moves))
}

/// A lookup beside rows of which only some columns are there; says where those of the table have gone.
fn beside(lookup: &Lookup, moves: &mut Moves, input: &SchemaRef) -> Result<Lookup> {
    let before = lookup.width();
    let key = lookup.key.iter().map(|e| remap(e, moves));
    let key = key.collect::<Result<_>>()?;
    let time = lookup.time.and_then(|time| moves.get(&time).copied());
    let width = input.fields().len();
    moves.extend((0..lookup.columns.len()).map(|i| (before + i, width + i)));
    let fields = input.fields().iter();
    let fields = fields.chain(lookup.schema.fields().iter().skip(before));
    let schema = Schema::new(fields.cloned().collect::<Vec<_>>());
    Ok(Lookup {
        key,
        time,
        condition: condition(lookup, moves)?,
        schema: Arc::new(schema),
        ..lookup.clone()
    })
}

fn moved(expr: &ExprRef, moves: Option<&Moves>) -> Result<ExprRef> {
    moves.map_or_else(|| Ok(Arc::clone(expr)), |moves| remap(expr, moves))
}

/// The schema of the rows that come out.
pub(crate) fn schema_after(steps: &[Step], input: &SchemaRef) -> SchemaRef {
    let last = steps.iter().rev().find_map(|step| match step {
        Step::Project { schema, .. } | Step::Changes { schema } => Some(schema),
        Step::Lookup(lookup) => Some(&lookup.schema),
        Step::Filter(_) => None,
    });
    Arc::clone(last.unwrap_or(input))
}

fn is_identity(exprs: &[ExprRef], projected: &Schema, input: &Schema) -> bool {
    exprs.iter().enumerate().all(|(i, e)| column(e) == Some(i))
        && names(projected.fields()) == names(input.fields())
}

/// The names of columns.
pub(crate) fn names(columns: &[FieldRef]) -> Vec<String> {
    columns.iter().map(|f| f.name().clone()).collect()
}

/// Columns as they are.
pub(crate) fn as_they_are(columns: &[FieldRef]) -> Vec<ExprRef> {
    let columns = columns.iter().enumerate();
    columns
        .map(|(i, f)| Arc::new(Column::new(f.name(), i)) as ExprRef)
        .collect()
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
