//! From the shape of a query to the query: with no more than it needs, and what its columns come from.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion_common::Result;

use super::{From, Query};
use crate::model::{ExprRef, ResultColumn, Step};
use crate::sql::chain::{self, Origin, narrow, rebase, schema_after};
use crate::sql::count::CountBound;
use crate::sql::error::{SqlError, duplicate_column};
use crate::sql::join::JoinShape;
use crate::sql::parse::Parsed;
use crate::sql::plan::column_place;
use crate::sql::translate::{Grouping, Shape};
use crate::sql::window::is_one_each;

impl Query {
    pub(in crate::sql) fn new(
        shape: Shape,
        parsed: &Parsed,
    ) -> std::result::Result<Self, SqlError> {
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
    pub(in crate::sql) fn check_names(&self, parsed: &Parsed) -> std::result::Result<(), SqlError> {
        let mut seen = BTreeSet::new();
        for field in self.schema.fields() {
            if !seen.insert(field.name()) {
                let place = column_place(&parsed.query, field.name());
                let place = place.unwrap_or(parsed.tokens.start());
                return Err(duplicate_column(place, field.name()));
            }
        }
        Ok(())
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
