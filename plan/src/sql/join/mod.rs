//! Joins of two streams. The rows of both sides are read together, as those of UNION ALL are: each side is a part of its
//! own, whose rows say which side they are of, their time, their key, and their columns beside nulls for the others.

mod times;

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion_common::DFSchemaRef;
use datafusion_common::ScalarValue;
use datafusion_expr::{Expr, Join, JoinType, Operator};
use datafusion_physical_expr::expressions::{BinaryExpr, Column, cast, lit};
use datafusion_physical_expr::{conjunction_opt, split_conjunction};

use self::times::{Bounds, Said};
use super::chain::{self, Chain, Moves, Origin, columns, field, remap};
use super::translate::{Misfit, Shape, conjuncts};
use super::types::physical;
use super::window::{MICROS, is_one_each, last_time};
use super::{Carried, Relation, output};
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
    times: [String; 2],
    alone: [bool; 2],
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

    /// The parts of the model, of rows that have all their columns.
    pub(crate) fn bind(&self) -> BoundJoin {
        let first = self.first();
        let side = |is_right: usize| JoinSide {
            columns: {
                let kept = self.kept.iter().copied();
                let of_side = kept.filter(|&c| usize::from(c >= self.width) == is_right);
                of_side.map(|c| first + c).collect()
            },
            time: self.times.get(is_right).cloned().unwrap_or_default(),
            goes_on_alone: self.alone.get(is_right).copied().unwrap_or_default(),
        };
        let fields = self.relation.schema.fields();
        let key_types = self.key_columns().filter_map(|k| fields.get(k));
        BoundJoin {
            side: SIDE,
            time: TIME,
            keys: self.key_columns().collect(),
            key_types: key_types.map(|f| f.data_type().clone()).collect(),
            left: side(0),
            right: side(1),
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

/// The time of a column of a side: so much more than the time by which its row is on time, which may be so far behind.
#[derive(Debug, Clone, Copy)]
struct TimeOf {
    more: Micros,
    behind: Micros,
}

/// What a column of a side is about time, if it is.
fn time_of(shape: &Shape, column: usize) -> Option<TimeOf> {
    let at = |more, behind| Some(TimeOf { more, behind });
    match *shape.before.origins.get(column)? {
        Origin::Start(c) => {
            let end = shape.relation.window.and_then(|carried| carried.end);
            match end == Some(c) {
                // The last microsecond of the window is its row's time.
                true => at(1, 0),
                false => at(0, shape.behind(c)?),
            }
        }
        Origin::WindowStart { time, kind } if is_one_each(kind) => {
            at(0, shape.behind(time)?.saturating_add(kind.size() - 1))
        }
        Origin::WindowEnd { time, kind } if is_one_each(kind) => at(1, shape.behind(time)?),
        Origin::WindowLast { time, kind } if is_one_each(kind) => at(0, shape.behind(time)?),
        _ => None,
    }
}

/// Whether any column of a side is a time.
fn has_time(shape: &Shape) -> bool {
    (0..shape.before.origins.len()).any(|column| time_of(shape, column).is_some())
}

/// The conditions of a join of streams, each for what it is.
#[derive(Default)]
struct Conditions {
    keys: Vec<(ExprRef, ExprRef)>,
    /// Which of the keys are times, and of which columns.
    times: Vec<(usize, (usize, usize))>,
    said: Said,
    /// Those about times that may be needed yet.
    bounds: Vec<((usize, usize), ExprRef)>,
    others: Vec<ExprRef>,
}

/// The times of a join.
struct Times {
    columns: (usize, usize),
    of: (TimeOf, TimeOf),
    earliest: Micros,
    latest: Micros,
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
    build(left, right, conditions, &times, alone, names)
}

/// The conditions of a join and those above it, all of which must be true.
fn all_conditions(
    join: &Join,
    above: &[Expr],
    schema: &DFSchemaRef,
) -> Result<Vec<ExprRef>, Misfit> {
    let mut all = Vec::new();
    for condition in conjuncts(join).iter().chain(above) {
        let condition = physical(condition, schema)?;
        all.extend(split_conjunction(&condition).into_iter().map(Arc::clone));
    }
    Ok(all)
}

impl Conditions {
    fn add(&mut self, condition: ExprRef, (left, right): (&Shape, &Shape), width: usize) {
        let bounds = times::bounds(&condition, width).filter(|((l, r), _)| {
            time_of(left, *l).is_some() && time_of(right, r - width).is_some()
        });
        if let Some((columns, bounds)) = bounds {
            self.said.add(columns, bounds);
        }
        match equal(&condition, width) {
            Some(key) => {
                if let Some((columns, _)) = bounds {
                    self.times.push((self.keys.len(), columns));
                }
                self.keys.push(key);
            }
            None => match bounds {
                Some((columns, _)) => self.bounds.push((columns, condition)),
                None => self.others.push(condition),
            },
        }
    }

    /// The columns that bound rows in time, and how.
    fn times(&self, (left, right): (&Shape, &Shape), width: usize) -> Result<Times, Misfit> {
        let all = self
            .said
            .bounded()
            .filter_map(|((l, r), earliest, latest)| {
                let of = (time_of(left, l)?, time_of(right, r - width)?);
                // Of the times by which rows are on time.
                let more = of.0.more - of.1.more;
                Some(Times {
                    columns: (l, r),
                    of,
                    earliest: earliest.saturating_add(more),
                    latest: latest.saturating_add(more),
                })
            });
        let longest = |it: &Times| {
            let behind = it.of.0.behind.saturating_add(it.of.1.behind);
            (behind, it.latest.saturating_sub(it.earliest))
        };
        let Some(times) = all.min_by_key(longest) else {
            let bounded = match self.said.half() {
                Some(Bounds {
                    earliest: Some(_), ..
                }) => Bounded::Below,
                Some(Bounds {
                    latest: Some(_), ..
                }) => Bounded::Above,
                _ => Bounded::Not,
            };
            return Err(Misfit::Unjoinable(Unjoinable::Unbounded(bounded)));
        };
        if times.earliest > times.latest {
            return Err(Misfit::Unjoinable(Unjoinable::Empty));
        }
        Ok(times)
    }

    /// Leaves out what the times say that were chosen, and puts what was said of others with the rest.
    fn drop_said(&mut self, chosen: (usize, usize)) {
        let bounds = std::mem::take(&mut self.bounds).into_iter();
        let others = bounds.filter(|(columns, _)| *columns != chosen);
        self.others.extend(others.map(|(_, condition)| condition));
        let key = self.times.iter().find(|(_, columns)| *columns == chosen);
        if let Some((key, _)) = key
            && self.keys.len() > 1
        {
            self.keys.remove(*key);
        }
    }
}

/// The values of both sides, of the left first, if a condition says that they are equal.
fn equal(condition: &ExprRef, width: usize) -> Option<(ExprRef, ExprRef)> {
    let comparison = condition.as_any().downcast_ref::<BinaryExpr>()?;
    if comparison.op() != &Operator::Eq {
        return None;
    }
    let (a, b) = (comparison.left(), comparison.right());
    let is_of = |expr: &ExprRef, right: bool| {
        let of = columns(expr);
        !of.is_empty() && of.iter().all(|&c| (c >= width) == right)
    };
    let moved = |expr: &ExprRef| {
        let moves = columns(expr).iter().map(|&c| (c, c - width)).collect();
        remap(expr, &moves).ok()
    };
    match (
        is_of(a, false) && is_of(b, true),
        is_of(b, false) && is_of(a, true),
    ) {
        (true, _) => Some((Arc::clone(a), moved(b)?)),
        (_, true) => Some((Arc::clone(b), moved(a)?)),
        _ => None,
    }
}

fn null(data_type: &DataType) -> datafusion_common::Result<ExprRef> {
    Ok(lit(ScalarValue::try_new_null(data_type)?))
}

fn build(
    left: Shape,
    right: Shape,
    conditions: Conditions,
    times: &Times,
    alone: [bool; 2],
    names: [String; 2],
) -> Result<(Shape, [Side; 2]), Misfit> {
    let width = left.before.schema.fields().len();
    let Conditions { keys, others, .. } = conditions;
    let fields = |shape: &Shape| -> Vec<Field> {
        let fields = shape.before.schema.fields().iter();
        fields
            .map(|f| field(f.name(), f.data_type().clone()))
            .collect()
    };
    let (of_left, of_right) = (fields(&left), fields(&right));
    let both: Vec<Field> = of_left.iter().chain(&of_right).cloned().collect();
    let mut tagged = vec![field("side", DataType::Boolean), field("time", MICROS)];
    let mut key_exprs: [Vec<ExprRef>; 2] = Default::default();
    let mut same_as_key = vec![None; both.len()];
    for (i, (l, r)) in keys.into_iter().enumerate() {
        let data_type = l.data_type(&left.before.schema)?;
        let name = chain::column(&l).and_then(|c| both.get(c));
        let name = name.map_or_else(|| l.to_string(), |f| f.name().clone());
        let stored = output::storable(&data_type).ok_or_else(|| Misfit::Unstorable {
            name: name.clone(),
            what: output::name(&data_type),
            hint: output::hint(&data_type),
        })?;
        // A column of a side that goes on as null with rows of the other is no key of those.
        let columns = [
            (chain::column(&l), alone[1], 0),
            (chain::column(&r), alone[0], width),
        ];
        for (column, is_null, from) in columns {
            let place = column.and_then(|c| same_as_key.get_mut(from + c));
            if let Some(place) = place.filter(|_| !is_null && stored == data_type) {
                *place = Some(i);
            }
        }
        let stored_as = |expr: ExprRef, shape: &Shape| match expr.data_type(&shape.before.schema) {
            Ok(t) if t == stored => Ok(expr),
            _ => cast(expr, &shape.before.schema, stored.clone()),
        };
        key_exprs[0].push(stored_as(l, &left)?);
        key_exprs[1].push(stored_as(r, &right)?);
        tagged.push(field(&name, stored));
    }
    tagged.extend(both.iter().cloned());
    let (l, r) = (times.columns.0, times.columns.1 - width);
    let time_names = [(&of_left, l), (&of_right, r)];
    let time_names = time_names.map(|(of, c)| of.get(c).map_or("", |f| f.name()).to_owned());
    let mut shape = JoinShape {
        relation: Relation {
            name: names[0].clone(),
            schema: Arc::new(Schema::new(tagged)),
            event_time: None,
            times: Vec::new(),
            window: None,
            key: None,
            is_table: false,
        },
        earliest: times.earliest,
        latest: times.latest,
        condition: conjunction_opt(others),
        behind: times.of.0.behind.max(times.of.1.behind),
        keys: key_exprs[0].len(),
        kept: (0..both.len()).collect(),
        schema: Arc::new(Schema::new(both)),
        width,
        same_as_key,
        times: time_names,
        alone,
    };
    shape.set_times((&left, &right), times, width);
    let [left_keys, right_keys] = key_exprs;
    let names_of: Vec<String> = shape
        .relation
        .schema
        .fields()
        .iter()
        .map(|f| f.name().clone())
        .collect();
    let left = side(
        left,
        false,
        (l, times.of.0),
        left_keys,
        (vec![], of_right),
        &names_of,
    )?;
    let right = side(
        right,
        true,
        (r, times.of.1),
        right_keys,
        (of_left, vec![]),
        &names_of,
    )?;
    let mut joined = Shape::reading(shape.relation.clone(), names.to_vec());
    joined.after = Chain::new(Arc::clone(&shape.schema));
    joined.join = Some(shape);
    Ok((joined, [left, right]))
}

/// A side: its rows with what they go by, and nulls for the columns of the other side.
fn side(
    shape: Shape,
    is_right: bool,
    (time, of): (usize, TimeOf),
    keys: Vec<ExprRef>,
    (before, after): (Vec<Field>, Vec<Field>),
    names: &[String],
) -> Result<Side, Misfit> {
    let schema = &shape.before.schema;
    let column = |(i, f): (usize, &Arc<Field>)| Arc::new(Column::new(f.name(), i)) as ExprRef;
    let name = schema.fields().get(time).map_or("", |f| f.name());
    let time = column_of(name, time);
    let time = match of.more {
        0 => time,
        _ => last_time(time, schema)?,
    };
    let nulls = |fields: Vec<Field>| {
        let nulls = fields.into_iter().map(|f| null(f.data_type()));
        nulls.collect::<datafusion_common::Result<Vec<_>>>()
    };
    let mut exprs = vec![lit(is_right), time];
    exprs.extend(keys);
    exprs.extend(nulls(before)?);
    exprs.extend(schema.fields().iter().enumerate().map(column));
    exprs.extend(nulls(after)?);
    Ok(Side {
        shape,
        exprs,
        names: names.to_vec(),
    })
}

fn column_of(name: &str, column: usize) -> ExprRef {
    Arc::new(Column::new(name, column))
}

impl JoinShape {
    /// Says what the rows that go on have of time. They are behind the watermark of those that come in by as much as rows
    /// wait that go on alone; and the later of two rows that belong together is on time.
    fn set_times(&mut self, (left, right): (&Shape, &Shape), times: &Times, width: usize) {
        let (l, r) = (times.columns.0, times.columns.1 - width);
        let exact = times.earliest == 0 && times.latest == 0;
        match self.alone {
            [true, true] => {}
            [true, false] => self.set_time(left, 0, (l, times.of.0), 0, exact),
            [false, true] => self.set_time(right, width, (r, times.of.1), 0, exact),
            [false, false] => {
                let of_left = (l, times.of.0);
                self.set_time(left, 0, of_left, times.latest.max(0), exact);
                let earlier = times.earliest.saturating_neg().max(0);
                self.set_time(
                    right,
                    width,
                    (r, times.of.1),
                    earlier,
                    exact && self.relation.window.is_none(),
                );
            }
        }
    }

    /// A time of a side, which may be so far behind; and the windows of the side, where its time is all of theirs.
    fn set_time(
        &mut self,
        shape: &Shape,
        from: usize,
        (column, of): (usize, TimeOf),
        behind: Micros,
        exact: bool,
    ) {
        let place = self.place_of(from + column);
        if exact && of.more == 1 {
            self.relation.window = self.carried(shape, from, place);
            let is_last = |c: &usize| is_window_time(shape, *c);
            let last = (0..shape.before.origins.len()).find(is_last);
            let last = last.map(|c| self.place_of(from + c));
            self.relation.event_time = self.relation.event_time.or(last);
        } else if behind == 0 && of.more == 0 {
            self.relation.event_time = self.relation.event_time.or(Some(place));
        } else {
            self.relation.times.push((place, behind));
        }
    }

    /// The window that rows of a side carry, which ends there.
    fn carried(&self, shape: &Shape, from: usize, end: usize) -> Option<Carried> {
        let start = shape.relation.window.and_then(|carried| carried.start);
        let behind = |column: usize| match *shape.before.origins.get(column)? {
            Origin::Start(c) => start
                .filter(|(start, _)| *start == c)
                .map(|(_, behind)| behind),
            Origin::WindowStart { kind, .. } if is_one_each(kind) => Some(kind.size() - 1),
            _ => None,
        };
        let mut columns = 0..shape.before.origins.len();
        let start = columns.find_map(|c| Some((self.place_of(from + c), behind(c)?)));
        Some(Carried {
            start,
            end: Some(end),
        })
    }
}

/// Whether a column is the last microsecond of the window of its row.
fn is_window_time(shape: &Shape, column: usize) -> bool {
    match shape.before.origins.get(column) {
        Some(Origin::WindowLast { .. }) => true,
        Some(Origin::Start(c)) => {
            shape.relation.window.is_some() && shape.relation.event_time == Some(*c)
        }
        _ => false,
    }
}
