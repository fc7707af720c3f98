//! The parts of a query, bound to the columns of its input that are read.

use arrow::datatypes::SchemaRef;
use datafusion_common::Result;

use super::Query;
use crate::model::{ExprRef, Function, OverCall, RankBy, ResultColumn, Step, Window};
use crate::sql::chain::{Moves, rebase, schema_after};
use crate::sql::error::SqlError;
use crate::sql::join::{BoundJoin, JoinShape};

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
