//! A join and its sides, of what its conditions say.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use datafusion_physical_expr::conjunction_opt;
use datafusion_physical_expr::expressions::{Column, cast, lit};

use super::conditions::{Conditions, TimeOf, Times};
use super::{JoinShape, Side, SideShape, null};
use crate::model::{ExprRef, Micros};
use crate::sql::chain::{self, Chain, Origin, field};
use crate::sql::translate::{Misfit, Shape};
use crate::sql::window::{MICROS, is_one_each, last_time};
use crate::sql::{Carried, Relation, output};

/// The join of two sides by their times, and the sides.
pub(super) fn build(
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
    let keys = Keys::of(keys, &left, &right, alone)?;
    let first = [field("side", DataType::Boolean), field("time", MICROS)];
    let tagged = first.iter().chain(&keys.fields).chain(&both).cloned();
    let tagged = Schema::new(tagged.collect::<Vec<_>>());
    let (l, r) = (times.columns.0, times.columns.1 - width);
    let side_shape = |of: &[Field], time: usize, goes_on_alone: bool| SideShape {
        time: of.get(time).map_or("", |f| f.name()).to_owned(),
        goes_on_alone,
    };
    let mut shape = JoinShape {
        relation: Relation {
            name: names[0].clone(),
            schema: Arc::new(tagged),
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
        keys: keys.fields.len(),
        kept: (0..both.len()).collect(),
        schema: Arc::new(Schema::new(both)),
        width,
        same_as_key: keys.same_as,
        left: side_shape(&of_left, l, alone[0]),
        right: side_shape(&of_right, r, alone[1]),
    };
    shape.set_times((&left, &right), times, width);
    let [left_keys, right_keys] = keys.exprs;
    let names_of = chain::names(shape.relation.schema.fields());
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

/// The keys of a join.
struct Keys {
    /// The columns that they are among the rows that come in.
    fields: Vec<Field>,
    /// What they are of each side.
    exprs: [Vec<ExprRef>; 2],
    /// For each column of both sides, the key that it is in every row that goes on.
    same_as: Vec<Option<usize>>,
}

impl Keys {
    fn of(
        keys: Vec<(ExprRef, ExprRef)>,
        left: &Shape,
        right: &Shape,
        alone: [bool; 2],
    ) -> Result<Self, Misfit> {
        let schemas = [&left.before.schema, &right.before.schema];
        let width = schemas[0].fields().len();
        let mut all = Self {
            fields: Vec::with_capacity(keys.len()),
            exprs: Default::default(),
            same_as: vec![None; width + schemas[1].fields().len()],
        };
        for (i, (l, r)) in keys.into_iter().enumerate() {
            let data_type = l.data_type(schemas[0])?;
            let name = chain::column(&l).and_then(|c| schemas[0].fields().get(c));
            let name = name.map_or_else(|| l.to_string(), |f| f.name().clone());
            let stored = output::storable(&data_type).ok_or_else(|| Misfit::Unstorable {
                name: name.clone(),
                what: output::name(&data_type),
                hint: output::hint(&data_type),
            })?;
            // A column of a side that goes on as null with rows of the other is no key of those.
            for (column, is_null) in [
                (chain::column(&l), alone[1]),
                (chain::column(&r).map(|c| width + c), alone[0]),
            ] {
                let place = column.and_then(|c| all.same_as.get_mut(c));
                if let Some(place) = place.filter(|_| !is_null && stored == data_type) {
                    *place = Some(i);
                }
            }
            for ((exprs, key), schema) in all.exprs.iter_mut().zip([l, r]).zip(schemas) {
                exprs.push(match key.data_type(schema)? == stored {
                    true => key,
                    false => cast(key, schema, stored.clone())?,
                });
            }
            all.fields.push(field(&name, stored));
        }
        Ok(all)
    }
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
    exprs.extend(chain::as_they_are(schema.fields()));
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
        match [self.left.goes_on_alone, self.right.goes_on_alone] {
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
