//! Joins of two streams. The rows of both sides are read together, as those of UNION ALL are: each side is a part of its
//! own, whose rows say which side they are of, their time, their key, and their columns beside nulls for the others.

mod build;
mod conditions;
mod times;

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use arrow::datatypes::{DataType, SchemaRef};
use datafusion_common::ScalarValue;
use datafusion_expr::{Expr, Join, JoinType};
use datafusion_physical_expr::expressions::lit;

use self::conditions::{Conditions, all_conditions, has_time};
use super::Relation;
use super::chain::{Moves, columns, remap};
use super::translate::{Misfit, Shape};
use crate::model::{ExprRef, JoinSide, Micros};

/// The columns that both sides have before their keys.
const SIDE: usize = 0;
const TIME: usize = 1;
const KEYS: usize = 2;

/// A join, over the rows of both sides as they come in.
#[derive(Debug, Clone)]
pub(crate) struct JoinShape {
    /// Those rows, and what the rows that go on are by their columns.
    pub(crate) relation: Relation,
    pub(crate) earliest: Micros,
    pub(crate) latest: Micros,
    /// Over the columns of both sides.
    pub(crate) condition: Option<ExprRef>,
    pub(crate) behind: Micros,
    /// How many columns make the key.
    keys: usize,
    /// The columns of the left side, and then those of the right, that go on.
    pub(crate) schema: SchemaRef,
    /// For each of them which it is of all, in order.
    kept: Vec<usize>,
    /// How many columns the left side has in all.
    width: usize,
    /// For each column of both sides, the key that it is in every row that goes on.
    same_as_key: Vec<Option<usize>>,
    left: SideShape,
    right: SideShape,
}

/// A side of a join.
#[derive(Debug, Clone)]
struct SideShape {
    /// What its time is called.
    time: String,
    goes_on_alone: bool,
}

impl JoinShape {
    /// Which column of the rows that come in a column of the rows that go on is.
    pub(crate) fn input_of(&self, column: usize) -> Option<usize> {
        let all = *self.kept.get(column)?;
        Some(self.place_of(all))
    }

    /// The key that a column of the rows that go on is.
    pub(crate) fn key_of(&self, column: usize) -> Option<usize> {
        let all = *self.kept.get(column)?;
        self.same_as_key.get(all).copied().flatten()
    }

    fn place_of(&self, column: usize) -> usize {
        let key = self.same_as_key.get(column).copied().flatten();
        key.map_or(KEYS + self.keys + column, |key| KEYS + key)
    }

    /// The columns of the rows that come in which make the key.
    pub(crate) fn key_columns(&self) -> impl Iterator<Item = usize> + use<> {
        KEYS..KEYS + self.keys
    }

    /// The columns that it reads of the rows that come in.
    pub(crate) fn reads(&self) -> BTreeSet<usize> {
        let kept = self.kept.iter().map(|&column| self.first() + column);
        [SIDE, TIME]
            .into_iter()
            .chain(self.key_columns())
            .chain(kept)
            .collect()
    }

    /// The columns of both sides come after this many.
    fn first(&self) -> usize {
        KEYS + self.keys
    }

    /// The same with no more columns than are wanted of the rows that go on; where those have gone.
    pub(crate) fn narrowed(
        mut self,
        wanted: &BTreeSet<usize>,
    ) -> datafusion_common::Result<(Self, Moves)> {
        let read = self.condition.iter().flat_map(columns);
        let kept: BTreeSet<usize> = wanted.iter().copied().chain(read).collect();
        let moves: Moves = kept
            .iter()
            .enumerate()
            .map(|(new, &old)| (old, new))
            .collect();
        if let Some(condition) = &mut self.condition {
            *condition = remap(condition, &moves)?;
        }
        let indices: Vec<usize> = kept.into_iter().collect();
        self.schema = Arc::new(self.schema.project(&indices)?);
        self.kept = indices;
        Ok((self, moves))
    }

    /// A side, whose columns are these of all.
    fn side(&self, side: &SideShape, columns: Range<usize>) -> JoinSide {
        let own = self.kept.iter().filter(|&column| columns.contains(column));
        JoinSide {
            columns: own.map(|column| self.first() + column).collect(),
            time: side.time.clone(),
            goes_on_alone: side.goes_on_alone,
        }
    }

    /// The parts of the model, of rows that have all their columns.
    pub(crate) fn bind(&self) -> BoundJoin {
        let fields = self.relation.schema.fields();
        let key_types = self.key_columns().filter_map(|k| fields.get(k));
        BoundJoin {
            side: SIDE,
            time: TIME,
            keys: self.key_columns().collect(),
            key_types: key_types.map(|f| f.data_type().clone()).collect(),
            left: self.side(&self.left, 0..self.width),
            right: self.side(&self.right, self.width..usize::MAX),
            earliest: self.earliest,
            latest: self.latest,
            condition: self.condition.clone(),
            behind: self.behind,
            schema: Arc::clone(&self.schema),
        }
    }
}

/// The parts of a join: see [`Join`](crate::model::Join).
#[derive(Debug)]
pub struct BoundJoin {
    /// Which column tells the sides apart.
    pub side: usize,
    /// The time.
    pub time: usize,
    /// The columns that make the key.
    pub keys: Vec<usize>,
    /// Their types.
    pub key_types: Vec<DataType>,
    /// The rows before JOIN.
    pub left: JoinSide,
    /// The rows after it.
    pub right: JoinSide,
    /// The least that right is after left.
    pub earliest: Micros,
    /// The most.
    pub latest: Micros,
    /// What else must be true.
    pub condition: Option<ExprRef>,
    /// How far rows may be behind the watermark.
    pub behind: Micros,
    /// The rows that go on.
    pub schema: SchemaRef,
}

/// A side of a join whose rows have not been given their columns yet.
#[derive(Debug)]
pub(super) struct Side {
    shape: Shape,
    exprs: Vec<ExprRef>,
    names: Vec<String>,
}

impl Side {
    /// What it reads.
    pub(super) fn relation(&self) -> &Relation {
        &self.shape.relation
    }

    /// The side with the columns that are needed; others are null.
    pub(super) fn finish(self, needed: &BTreeSet<usize>) -> Result<Shape, Misfit> {
        let Self {
            mut shape,
            mut exprs,
            names,
        } = self;
        for (i, expr) in exprs.iter_mut().enumerate() {
            if !needed.contains(&i) {
                *expr = null(&expr.data_type(&shape.before.schema)?)?;
            }
        }
        shape.before.project(exprs, &names)?;
        Ok(shape)
    }
}

/// Why rows of two streams cannot be joined.
#[derive(Debug)]
pub(crate) enum Unjoinable {
    /// A table is on the left side.
    TableFirst(String),
    /// This side has no event time, or none that is there.
    NoTime(Box<Relation>),
    /// Times are not bounded, or on one side only.
    Unbounded(Bounded),
    /// No time can be within the bounds.
    Empty,
    /// No column of one side is equal to one of the other.
    NoKey,
}

/// What is there of bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bounded {
    /// None.
    Not,
    /// How much earlier the right row may be.
    Below,
    /// How much later it may be.
    Above,
}

/// A join of two shapes whose rows are as they are read; how its sides are called, and what they are.
pub(super) fn join(
    mut left: Shape,
    mut right: Shape,
    join: &Join,
    above: &[Expr],
    names: [String; 2],
) -> Result<(Shape, [Side; 2]), Misfit> {
    let width = left.before.schema.fields().len();
    let alone = [
        matches!(join.join_type, JoinType::Left | JoinType::Full),
        matches!(join.join_type, JoinType::Right | JoinType::Full),
    ];
    for shape in [&left, &right] {
        if !has_time(shape) {
            let relation = Box::new(shape.relation.clone());
            return Err(Misfit::Unjoinable(Unjoinable::NoTime(relation)));
        }
    }
    let mut conditions = Conditions::default();
    for condition in all_conditions(join, above, &join.schema)? {
        let of = columns(&condition);
        let (of_left, of_right) = (
            of.iter().any(|&c| c < width),
            of.iter().any(|&c| c >= width),
        );
        match (of_left, of_right) {
            (true, false) if !alone[0] => left.before.filter(condition)?,
            (false, true) if !alone[1] => {
                let moves = of.iter().map(|&c| (c, c - width)).collect();
                right.before.filter(remap(&condition, &moves)?)?;
            }
            _ => conditions.add(condition, (&left, &right), width),
        }
    }
    let times = conditions.times((&left, &right), width)?;
    conditions.drop_said(times.columns);
    if conditions.keys.is_empty() {
        return Err(Misfit::Unjoinable(Unjoinable::NoKey));
    }
    build::build(left, right, conditions, &times, alone, names)
}

fn null(data_type: &DataType) -> datafusion_common::Result<ExprRef> {
    Ok(lit(ScalarValue::try_new_null(data_type)?))
}
