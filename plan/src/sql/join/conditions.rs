//! What the conditions of a join say: which values are equal, how far times are apart, and what else is true.

use std::sync::Arc;

use datafusion_common::DFSchemaRef;
use datafusion_expr::{Expr, Join, Operator};
use datafusion_physical_expr::expressions::BinaryExpr;
use datafusion_physical_expr::split_conjunction;

use super::times::{self, Bounds, Said};
use super::{Bounded, Unjoinable};
use crate::model::{ExprRef, Micros};
use crate::sql::chain::{Origin, columns, remap};
use crate::sql::translate::{Misfit, Shape, conjuncts};
use crate::sql::types::physical;
use crate::sql::window::is_one_each;

/// The time of a column of a side: so much more than the time by which its row is on time, which may be so far behind.
#[derive(Debug, Clone, Copy)]
pub(super) struct TimeOf {
    pub(super) more: Micros,
    pub(super) behind: Micros,
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
pub(super) fn has_time(shape: &Shape) -> bool {
    (0..shape.before.origins.len()).any(|column| time_of(shape, column).is_some())
}

/// The conditions of a join of streams, each for what it is.
#[derive(Default)]
pub(super) struct Conditions {
    pub(super) keys: Vec<(ExprRef, ExprRef)>,
    /// Which of the keys are times, and of which columns.
    times: Vec<(usize, (usize, usize))>,
    said: Said,
    /// Those about times that may be needed yet.
    bounds: Vec<((usize, usize), ExprRef)>,
    pub(super) others: Vec<ExprRef>,
}

/// The times of a join.
pub(super) struct Times {
    pub(super) columns: (usize, usize),
    pub(super) of: (TimeOf, TimeOf),
    pub(super) earliest: Micros,
    pub(super) latest: Micros,
}

/// The conditions of a join and those above it, all of which must be true.
pub(super) fn all_conditions(
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
    pub(super) fn add(
        &mut self,
        condition: ExprRef,
        (left, right): (&Shape, &Shape),
        width: usize,
    ) {
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
    pub(super) fn times(
        &self,
        (left, right): (&Shape, &Shape),
        width: usize,
    ) -> Result<Times, Misfit> {
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
    pub(super) fn drop_said(&mut self, chosen: (usize, usize)) {
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
